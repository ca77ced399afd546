"""Prediction with any model for ``kinesynth gait predict --model``: a folder in the place of a corpus."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from mocap_import.batch import ExitCode
from mocap_import.command_end import check_place, stop
from synth.optimal_control.command.track_command import run_or_stop, tell
from synth.optimal_control.command.track_options import held_values, intervals, window_of

Model = Annotated[
    Path | None,
    typer.Option("--model", help="An .osim in the place of our planar model; OUT is a folder then, needs --guide."),
]
Guide = Annotated[
    Path | None, typer.Option("--guide", help="Coordinates of any such movement with --model (.mot, .sto): a start.")
]
Loads = Annotated[Path | None, typer.Option("--loads", help="Ground reactions of the guide: ExternalLoads .xml.")]
Belt = Annotated[float, typer.Option("--belt", min=0.0, help="Speed of the belt under the guide (m/s); 0: overground.")]
Window = Annotated[
    str | None, typer.Option("--window", help="START,END of the guide's half cycle in s; default: its stride.")
]
Hold = Annotated[list[str] | None, typer.Option("--hold", help="NAME or NAME=VALUE (degrees, m) of --model to hold.")]
Slope = Annotated[float, typer.Option("--slope", help="Of the ground (degrees), uphill above zero; with --model.")]
Strength = Annotated[float, typer.Option("--strength", help="Factor on all muscles; with --model.")]
Meshes = Annotated[
    str, typer.Option("--mesh", help="Intervals of half a cycle, coarse to fine; with --model. Else 25, in space 40.")
]
Jerk = Annotated[
    float | None,
    typer.Option(
        "--jerk", help="Jerk (rad/s³, m/s³) whose square costs 1, 0: none; with --model. Else 3000, in space 10000."
    ),
]
WholeCycle = Annotated[
    bool, typer.Option("--asymmetric", help="Predict a whole cycle: right and left may differ; with --model.")
]


def predict_model(
    model: Path,
    guide: Path | None,
    loads: Path | None,
    out: Path,
    *,
    speed: float,
    window: str | None,
    belt: float,
    hold: list[str] | None,
    slope: float,
    strength: float,
    mesh: str,
    jerk: float | None,
    asymmetric: bool,
    as_json: bool,
) -> NoReturn:
    """Predict a movement of a model at a speed, write the folder, and leave with the exit code."""
    if guide is None:
        stop("--model needs --guide: coordinates of any walk of this model, to begin with.", as_json, ExitCode.USAGE)
    for place in (model, guide, *((loads,) if loads is not None else ())):
        check_place(place, as_json)
    try:
        between = None if window is None else window_of(window)
        meshes = [intervals(text) for text in mesh.split(",")] if mesh else []
        if not -45.0 <= slope <= 45.0 or not 0.0 < strength < math.inf:
            raise ValueError(f"--slope is {slope:g} degrees, --strength {strength:g}; expected -45 to 45, and above 0.")
        if jerk is not None and not 0.0 <= jerk < math.inf:
            raise ValueError(f"--jerk is {jerk:g}; expected a number above zero, or 0 for no price.")
        held = held_values(hold)
    except ValueError as problem:
        stop(str(problem), as_json, ExitCode.USAGE)
    about = {"speed": speed, "slope": math.radians(slope), "strength": strength}

    def work(say: Any) -> Any:
        from opensim_models.model.osim_skeleton import read_osim
        from synth.optimal_control.command.prediction_run import PredictionWish, predict_files
        from synth.optimal_control.command.track_options import in_model_units
        from synth.optimal_control.command.tracking_run import TrackingWish
        from synth.optimal_control.movement.skeleton_numbers import is_planar
        from synth.optimal_control.prediction.prediction_settings import PredictionSettings, human_walking
        from synth.optimal_control.program.collocation import Mesh
        from synth.optimal_control.recording.trial_samples import MotionFiles

        values, _ = in_model_units(model, held, {})
        period, factor = ("cycle", 2.0) if asymmetric else ("half_cycle", 1.0)
        source = read_osim(model)
        recipe, usual, smooth = (PredictionSettings, 25, 3000.0) if is_planar(source) else (human_walking, 40, 1e4)
        spans = tuple(Mesh(n, "trapezoidal", period) for n in meshes or [usual])
        chosen = smooth if jerk is None else jerk or math.inf
        settings = recipe(meshes=spans, duration=(0.25 * factor, 0.8 * factor), jerk=chosen, **about)
        # spheres of the model's own stay where they are: a prediction is about the model, not about the guide
        own = bool(source.contacts)
        wish = TrackingWish(model, MotionFiles(guide, loads, belt=belt), hold=values, window=between, calibrate=not own)
        return predict_files(PredictionWish(wish, settings), out, say=say)

    tell(run_or_stop(work, out, as_json), out, as_json)
    raise typer.Exit(int(ExitCode.ALL))

"""Command ``kinesynth gait track``: the movement nearest to a recorded one that satisfies the equations of motion."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mocap_import.batch import ExitCode
from mocap_import.command_end import check_place, sentence_of, stop
from synth.optimal_control.command.track_options import (
    bounds_of,
    check_sizes,
    held_values,
    in_model_units,
    intervals,
    pair_of,
    window_of,
)

if TYPE_CHECKING:
    from synth.optimal_control.command.movement_folder import MovementResult
    from synth.optimal_control.command.tracking_run import TrackingWish

CODES = "Exit code 0: solved; 4: no movement found, the folder says why; 1: an error, in one sentence; 2: wrong usage."

USUAL = {True: (30.0, 0.0), False: (300.0, 10_000.0)}
"""Torque (N·m) and jerk (rad/s³) that count as one deviation, with and without contact: a strike jerks by nature, and
where torques are cheap and nothing prices jerk, trapezoids ring."""
USUAL_ANGLE = {False: 2.0, True: 20.0}
"""Degrees, without markers and with them: then recorded angles are a guide for what no marker decides."""
NEARLY = 0.1
"""Largest residual (solver units) up to which an unfinished solve is worth going on with."""


class Period(StrEnum):
    """What one problem spans."""

    CYCLE = "cycle"
    HALF_CYCLE = "half_cycle"
    NONE = "none"


class Scheme(StrEnum):
    """How nodes are joined."""

    TRAPEZOIDAL = "trapezoidal"
    HERMITE_SIMPSON = "hermite_simpson"
    RADAU = "radau"


class Picture(StrEnum):
    """Kinds of pictures."""

    HTML = "html"
    PNG = "png"
    SVG = "svg"
    PDF = "pdf"
    NONE = "none"


Model = Annotated[Path, typer.Argument(help="OpenSim model of the person (.osim).")]
Coordinates = Annotated[Path, typer.Argument(help="Recorded coordinates (.mot, .sto), e.g. of inverse kinematics.")]
Loads = Annotated[Path | None, typer.Option("--loads", help="Ground reactions: ExternalLoads .xml.")]
Emg = Annotated[Path | None, typer.Option("--emg", help="EMG by muscle (.sto), for the picture only.")]
EmgOf = Annotated[
    list[str] | None, typer.Option("--emg-of", help="MUSCLE=COLUMN where the EMG has other names; repeat it.")
]
Markers = Annotated[
    Path | None, typer.Option("--markers", help="Measured markers (.trc) to follow, too, in the model's axes.")
]
Marker = Annotated[float, typer.Option("--marker", help="Standard deviation of a marker on each axis (m).")]
Moments = Annotated[
    Path | None, typer.Option("--moments", help="Joint moments (.sto of inverse dynamics, N·m) to follow, too.")
]
MomentDeviation = Annotated[
    float, typer.Option("--moment-deviation", help="Standard deviation of a joint moment (N·m).")
]
Out = Annotated[Path, typer.Option("--out", help="Folder for everything that is written.")]
Contact = Annotated[
    bool, typer.Option("--contact/--no-contact", help="The law of contact spheres, or unknown loads near the measured.")
]
Muscles = Annotated[bool, typer.Option("--muscles/--torques", help="What moves the joints.")]
Meshes = Annotated[str, typer.Option("--mesh", help="Intervals of the meshes, coarse to fine.")]
WhichScheme = Annotated[Scheme, typer.Option("--scheme", help="Transcription.")]
WhichPeriod = Annotated[
    Period | None, typer.Option("--period", help="Default: cycle with --loads and without --window, else none.")
]
Window = Annotated[
    str | None, typer.Option("--window", help="START,END in s; default: the stride that the forces show, else all.")
]
Belt = Annotated[
    float, typer.Option("--belt", min=0.0, help="Speed of the treadmill's belt (m/s); 0: recorded overground.")
]
Hold = Annotated[list[str] | None, typer.Option("--hold", help="NAME or NAME=VALUE (degrees, m) to hold; repeat it.")]
Bound = Annotated[list[str] | None, typer.Option("--bound", help="NAME=LOW:HIGH (degrees, m); repeat it.")]
Speed = Annotated[float | None, typer.Option("--speed", help="Mean forward speed (m/s); free without it.")]
Angle = Annotated[
    float | None, typer.Option("--angle", help="Standard deviation of angles (degrees): 2; with --markers 20.")
]
Force = Annotated[float, typer.Option("--force", help="Standard deviation of ground forces (body weights).")]
Effort = Annotated[float, typer.Option("--effort", help="Excitation that counts as one deviation.")]
Torque = Annotated[
    float | None,
    typer.Option("--torque", help="Joint torque that counts as one deviation (N·m): 30; without contact 300."),
]
Residual = Annotated[
    float, typer.Option("--residual", help="The same of what holds the body without contact (N·m, N).")
]
Jerk = Annotated[
    float | None,
    typer.Option("--jerk", min=0.0, help="Jerk (rad/s³) that does: none with contact (0); without it 10,000."),
]
Strength = Annotated[float, typer.Option("--strength", help="Factor on the strength of all muscles.")]
Tendons = Annotated[bool, typer.Option("--compliant-tendons", help="Tendons that give; rigid without it.")]
Starts = Annotated[int, typer.Option("--starts", min=1, help="How many starts; the lowest objective wins.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of disturbed starts.")]
Cutoff = Annotated[float, typer.Option("--cutoff", min=0.0, help="Low-pass of coordinates (Hz); 0: none.")]
ForceCutoff = Annotated[float, typer.Option("--force-cutoff", min=0.0, help="Low-pass of forces (Hz); 0: none.")]
Calibrate = Annotated[
    bool, typer.Option("--calibrate/--as-is", help="Move contact spheres to meet the measured forces, or not.")
]
Pictures = Annotated[
    list[Picture] | None, typer.Option("--picture", help="html (default), png, svg, pdf, none; repeat it.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]


def track_recorded(
    model: Model,
    coordinates: Coordinates,
    loads: Loads = None,
    emg: Emg = None,
    emg_of: EmgOf = None,
    markers: Markers = None,
    moments: Moments = None,
    out: Out = Path("movement"),
    contact: Contact = True,
    muscles: Muscles = True,
    mesh: Meshes = "25,50",
    scheme: WhichScheme = Scheme.TRAPEZOIDAL,
    period: WhichPeriod = None,
    window: Window = None,
    belt: Belt = 0.0,
    hold: Hold = None,
    bound: Bound = None,
    speed: Speed = None,
    angle: Angle = None,
    marker: Marker = 0.01,
    moment_deviation: MomentDeviation = 10.0,
    force: Force = 0.05,
    effort: Effort = 0.3,
    torque: Torque = None,
    residual: Residual = 30.0,
    jerk: Jerk = None,
    strength: Strength = 1.0,
    tendons: Tendons = False,
    starts: Starts = 1,
    seed: Seed = 0,
    cutoff: Cutoff = 6.0,
    force_cutoff: ForceCutoff = 20.0,
    calibrate: Calibrate = True,
    picture: Pictures = None,
    as_json: AsJson = False,
) -> None:
    """Track a recorded motion: a movement near it that satisfies the equations of motion, with all that makes it.

    OUT holds solution.npz, the .mot, .sto and .xml files that OpenSim reads with MODEL, a picture, and report.json with
    what was followed how well and how the solver fared. A run that was killed goes on where it was.
    """
    for place in (model, coordinates, *(p for p in (loads, emg, markers, moments) if p is not None)):
        check_place(place, as_json)
    usual_torque, usual_jerk = USUAL[contact]
    usual_angle = USUAL_ANGLE[markers is not None]
    sizes = {
        "angle": usual_angle if angle is None else angle,
        "marker": marker,
        "moment-deviation": moment_deviation,
        "force": force,
        "effort": effort,
        "residual": residual,
    }
    sizes["torque"] = usual_torque if torque is None else torque
    try:
        check_sizes({**sizes, "strength": strength})
        between = None if window is None else window_of(window)
        spans = period or (Period.CYCLE if loads is not None and window is None else Period.NONE)
        meshes = [(intervals(text), str(scheme), str(spans)) for text in mesh.split(",")]
        held, bounds, named = held_values(hold), dict(map(bounds_of, bound or [])), dict(map(pair_of, emg_of or []))
    except ValueError as problem:
        stop(str(problem), as_json, ExitCode.USAGE)
    about = {"muscles": muscles, "starts": starts, "strength": strength, "ground": "law" if contact else "near"}
    about |= _further(speed, compliant=tendons and muscles)
    reading = {"belt": belt, "window": between, "seed": seed}
    reading |= {"cutoff": cutoff or None, "force_cutoff": force_cutoff or None}
    reading |= {"calibrate": calibrate, "residual": residual, "emg_of": named, "pictures": endings_of(picture)}
    reading["jerk"] = (usual_jerk if jerk is None else jerk) or math.inf
    files = (model, coordinates, loads, emg, markers, moments)

    def work(say: Callable[[str], None]) -> MovementResult:
        from synth.optimal_control.command.tracking_run import track_files

        return track_files(_wish(files, meshes, sizes, held, bounds, about, reading), out, say=say)

    tell(run_or_stop(work, out, as_json), out, as_json)


def _wish(
    files: tuple[Path, Path, Path | None, Path | None, Path | None, Path | None],
    meshes: list[tuple[int, str, str]],
    sizes: dict[str, float],
    held: dict[str, float | None],
    bounds: dict[str, tuple[float, float]],
    about: dict[str, Any],
    reading: dict[str, Any],
) -> TrackingWish:
    """What the options ask for, in rad and m."""
    from synth.optimal_control.command.tracking_run import TrackingWish
    from synth.optimal_control.program.collocation import Mesh
    from synth.optimal_control.recording.tracking_settings import Deviations, TrackingSettings
    from synth.optimal_control.recording.trial_samples import MotionFiles

    model, coordinates, loads, emg, markers, moments = files
    reading, belt = dict(reading), reading["belt"]
    del reading["belt"]
    values, limits = in_model_units(model, held, bounds)
    deviations = Deviations(
        angle=math.radians(sizes["angle"]),
        force=sizes["force"],
        excitation=sizes["effort"],
        torque=sizes["torque"],
        marker=None if markers is None else sizes["marker"],
        joint_moment=None if moments is None else sizes["moment-deviation"],
    )
    settings = TrackingSettings(deviations, tuple(Mesh(*mesh) for mesh in meshes), bounds=limits, **about)
    read = MotionFiles(coordinates, loads, None, emg, markers, belt, moments)
    return TrackingWish(model, read, settings, values, **reading)


def _further(speed: float | None, *, compliant: bool) -> dict[str, Any]:
    """Settings that are there only if asked for."""
    found: dict[str, Any] = {} if speed is None else {"speed": (speed, speed)}
    return found | ({"options": {"tendon": "compliant"}} if compliant else {})


def endings_of(pictures: list[Picture] | None) -> tuple[str, ...]:
    """Endings of the pictures that were asked for; a page without a word."""
    return tuple(f".{kind}" for kind in dict.fromkeys(pictures or [Picture.HTML]) if kind != Picture.NONE)


def run_or_stop(work: Callable[[Callable[[str], None]], MovementResult], out: Path, as_json: bool) -> MovementResult:
    """Do the work, which takes what prints a line, or end with one sentence."""
    from opensim_models.model_mismatch import ModelMismatch
    from synth.corpus import CorpusMismatch
    from synth.optimal_control.program.mismatch import ProgramMismatch
    from synth.real_imu.convention import RecordingRefused

    refusals = (ModelMismatch, ProgramMismatch, RecordingRefused, CorpusMismatch, OSError)

    def say(text: str) -> None:
        if not as_json:
            print(text, file=sys.stderr)

    try:
        return work(say)
    except refusals as problem:
        stop(sentence_of(problem), as_json)
    except KeyboardInterrupt:
        sentence = f"interrupted; the last iterate is kept in {out}, the same command goes on from there"
        stop(sentence, as_json, ExitCode.INTERRUPTED)


def tell(result: MovementResult, out: Path, as_json: bool) -> None:
    """Say what came of it, and leave with the exit code."""
    report, solution = result.report, result.solution
    code = ExitCode.ALL if solution.converged else ExitCode.NONE
    if as_json:
        short = {"out": str(out), "resumed": result.resumed, **{k: v for k, v in report.items() if k != "recipe"}}
        typer.echo(json.dumps(short))
        raise typer.Exit(int(code))
    if result.resumed:
        typer.echo(f"went on with {result.resumed} where an earlier run was ended")
    if not solution.converged:
        said = f"no movement found: {solution.reason.rstrip('.')}. {advice(report)}".rstrip()
        stop(f"{said} Details: {out / 'report.json'}", as_json, code)
    near: dict[str, Any] = report.get("from_recording", {})
    typer.echo(f"{solution.duration:.3f} s at {solution.speed:.2f} m/s, objective {solution.objective:.5g}")
    if near:
        typer.echo(f"angles differ from the recording by {near['angles_deg']:.2f} degrees RMS")
    if "markers_mm" in near:
        typer.echo(f"markers are {near['markers_mm']:.1f} mm RMS from the measured ones")
    if "followed_moments" in near:
        errors = near["followed_moments"]
        worst = max(errors, key=errors.get)
        said = f"{near['followed_moments_mean']:.1f} N·m RMS, most at {worst} ({errors[worst]:.1f})"
        typer.echo(f"joint moments differ from the followed ones by {said}")
    for foot, axes in near.get("forces_percent", {}).items():
        said = ", ".join(f"{word} {value:.1f}" for word, value in axes.items())
        typer.echo(f"{foot} ground reaction differs by {said} % of body weight RMS")
    if "leg_moments" in near:
        typer.echo(f"leg moments differ from inverse dynamics of the recording by {near['leg_moments']:.1f} N·m RMS")
    typer.echo(f"{solution.iterations} iterations, {solution.cpu_seconds:.2f} CPU s; written: {out}")


def advice(report: dict[str, Any]) -> str:
    """What to do about a problem without a solution: as the report says, or from its diagnosis."""
    if "advice" in report:
        return str(report["advice"])
    diagnosis = report.get("diagnosis")
    if diagnosis is None:
        return ""
    hit = {row["name"] for row in diagnosis["bounds"]}
    worst = max((row["largest_residual"] for row in diagnosis["equations"]), default=0.0)
    if hit & {"speed", "duration"}:
        return "Choose a --speed nearer to that of the recording."
    if worst < NEARLY and diagnosis["status"] in ("Maximum_Iterations_Exceeded", "Maximum_CpuTime_Exceeded"):
        return "Run the same command again: it goes on from the last iterate."
    if hit & {"excitations", "activations"}:
        return "Muscles are at their limits: raise --strength, lower the wished precision, or try --torques first."
    if "coordinates" in hit:
        return "Coordinates are at their bounds: widen --bound, or the ranges in the model."
    return "Try a coarser --mesh first, several --starts, or looser --angle and --force."

"""Commands `kinesynth motion`: scale, inverse kinematics and inverse dynamics of a trial or an archive."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from mocap_import.engine_option import EngineWord, Retry, Scheduler

if TYPE_CHECKING:
    from pandas import DataFrame

    from opensim_models.model.skeleton import Skeleton

_WHOLE = "all"
_SHOWN = 10
_CODES = "Exit code 0: all trials solved; 3: some refused; 4: none solved; 1: an error, in one sentence."


class MotionGroup(TyperGroup):
    """`kinesynth motion TRIALS OUT` is `kinesynth motion all TRIALS OUT`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the usual command in front of arguments that name none."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [_WHOLE, *args]
        return super().parse_args(ctx, args)


motion_app = typer.Typer(
    cls=MotionGroup,
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Scale skeletons, solve inverse kinematics and dynamics. `kinesynth motion TRIALS OUT` does all three; its "
    "options: kinesynth motion all --help.",
    epilog="Example: kinesynth motion trials/ motion/",
)

Trials = Annotated[Path, typer.Argument(help="Folder of `kinesynth import`, or one trial (.trial.h5 .trc .c3d).")]
Out = Annotated[Path, typer.Argument(help="Folder for skeletons, .mot and .sto files and tables; again goes on there.")]
Model = Annotated[
    Path | None, typer.Option("--model", help="An .osim or .json model in the place of our own lower body.")
]
Scale = Annotated[
    str,
    typer.Option("--scale", help="static; automatic: by movement; stature: mass and height alone; as-is: no scaling."),
]
Static = Annotated[Path | None, typer.Option("--static", help="Static trial, where it is not beside the trial.")]
Markers = Annotated[
    Path | None,
    typer.Option("--markers", help='TOML with [markers] and lines "R.ASIS" = "RASI" (model, or landmark = trial).'),
]
Mass = Annotated[float | None, typer.Option("--mass", help="Body mass in kg, before that of the files.")]
Height = Annotated[float | None, typer.Option("--height", help="Stature in m, before that of the files.")]
Hip = Annotated[str, typer.Option("--hip", help="Hip centre: harrington, davis, plug_in_gait or bell.")]
Cutoff = Annotated[
    float | None,
    typer.Option("--cutoff", help="Low-pass of inverse dynamics in Hz; 6, for running 10, if not given; 0: none."),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=0, help="Worker processes, default one a core; 0 works without any.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]


@motion_app.command(_WHOLE, epilog=f"Example: kinesynth motion trials/ motion/. {_CODES}")
def motion(
    trials: Trials,
    out: Out,
    model: Model = None,
    scale: Scale = "static",
    static: Static = None,
    markers: Markers = None,
    mass: Mass = None,
    height: Height = None,
    hip: Hip = "harrington",
    cutoff: Cutoff = None,
    workers: Workers = None,
    engine: EngineWord = "local",
    scheduler: Scheduler = "",
    retry: Retry = False,
    as_json: AsJson = False,
) -> None:
    """Scale a skeleton to every subject, solve every moving trial, and find its joint moments where plates tell.

    One row a trial in OUT/motion.csv: solved or refused and why, marker errors, residual forces.
    """
    settings = _settings(model, scale, static, markers, mass, height, hip, cutoff)
    _run(trials, out, settings, ("ik", "id"), (workers, engine, scheduler, retry), as_json)


@motion_app.command("ik", epilog=f"Example: kinesynth motion ik trials/ motion/ --model rajagopal.osim. {_CODES}")
def ik(
    trials: Trials,
    out: Out,
    model: Model = None,
    scale: Scale = "static",
    static: Static = None,
    markers: Markers = None,
    mass: Mass = None,
    height: Height = None,
    hip: Hip = "harrington",
    workers: Workers = None,
    engine: EngineWord = "local",
    scheduler: Scheduler = "",
    retry: Retry = False,
    as_json: AsJson = False,
) -> None:
    """Scale a skeleton to every subject and solve inverse kinematics of every moving trial."""
    settings = _settings(model, scale, static, markers, mass, height, hip, None)
    _run(trials, out, settings, ("ik",), (workers, engine, scheduler, retry), as_json)


@motion_app.command("id", epilog=f"Example: kinesynth motion id trials/ motion/ --cutoff 12. {_CODES}")
def inverse_dynamics(
    trials: Trials,
    out: Out,
    mass: Mass = None,
    height: Height = None,
    cutoff: Cutoff = None,
    workers: Workers = None,
    engine: EngineWord = "local",
    scheduler: Scheduler = "",
    retry: Retry = False,
    as_json: AsJson = False,
) -> None:
    """Solve inverse dynamics of every trial whose motion `kinesynth motion ik` put in OUT."""
    settings = _settings(None, "static", None, None, mass, height, "harrington", cutoff)
    _run(trials, out, settings, ("id",), (workers, engine, scheduler, retry), as_json)


def _settings(
    model: Path | None,
    scale: str,
    static: Path | None,
    markers: Path | None,
    mass: float | None,
    height: float | None,
    hip: str,
    cutoff: float | None,
) -> object:
    """What the options ask for."""
    from opensim_models.archive.subject_motion import MotionSettings, marker_map_of

    return MotionSettings(
        None if model is None else read_any_model(model),
        scale.replace("-", "_"),
        marker_map_of(markers),
        hip,
        cutoff,
        mass,
        height,
        static,
    )


def read_any_model(path: Path) -> Skeleton:
    """A model from an .osim or from a skeleton's .json."""
    from opensim_models.model.osim_skeleton import read_osim
    from opensim_models.model.skeleton import load_skeleton

    return load_skeleton(path) if path.suffix.lower() == ".json" else read_osim(path)


def _run(
    trials: Path,
    out: Path,
    settings: object,
    steps: tuple[str, ...],
    place: tuple[int | None, str, str, bool],
    as_json: bool,
) -> None:
    """Solve, say what came of it, and leave with the exit code; `place` is workers, engine, scheduler, retry."""
    from mocap_import.batch import exit_code
    from mocap_import.engine import open_engine
    from mocap_import.progress import track
    from opensim_models.archive.progress_line import ProgressLine
    from opensim_models.archive.subject_motion import solve_archive_motion

    def bar(total: int, description: str) -> object:
        if sys.stderr.isatty() and not as_json:
            return track(total, description)
        return ProgressLine(total, description)

    workers, word, scheduler, retry = place
    n_workers = _cores() if workers is None else workers
    with open_engine(word, n_workers=max(1, n_workers), scheduler=scheduler) as runner:
        engine = None if word == "local" and n_workers == 0 else runner
        wishes = {"settings": settings, "steps": steps, "progress": bar, "engine": engine, "retry": retry}
        table = solve_archive_motion(trials, out, **wishes)
    column = "dynamics" if steps == ("id",) else "status"
    solved, refused = table[table[column] == "solved"], table[table[column] != "solved"]
    if as_json:
        rows = json.loads(table.to_json(orient="records"))
        gone = json.loads(refused.to_json(orient="records"))
        doubtful = int((solved.doubts.fillna("") != "").sum())
        found = {"out": str(out), "solved": len(solved), "doubtful": doubtful, "refused": gone, "rows": rows}
        typer.echo(json.dumps(found))
    else:
        _tell(table, solved, refused, out, steps)
    raise typer.Exit(exit_code(len(solved), len(refused)))


def _tell(table: DataFrame, solved: DataFrame, refused: DataFrame, out: Path, steps: tuple[str, ...]) -> None:
    """Print what came of a run: how many, how good, which doubts, and why the others were refused."""
    typer.echo(f"{len(solved)} trials solved, {len(refused)} refused; table: {out / 'motion.csv'}")
    forces = table[table.dynamics == "solved"]
    if "id" in steps:
        typer.echo(f"{len(forces)} of them with joint moments" if steps != ("id",) else "joint moments of these")
    medians = []
    if len(solved) and solved.marker_error_mm.notna().any():
        medians.append(f"marker error {solved.marker_error_mm.median():.1f} mm")
    if len(forces) and forces.residual_force_percent.notna().any():
        medians.append(f"residual force {forces.residual_force_percent.median():.0f} % of body weight")
    if medians:
        typer.echo(f"median {', '.join(medians)}")
    doubtful = solved[solved.doubts.fillna("") != ""]
    if len(doubtful):
        typer.echo(f"{len(doubtful)} of the solved trials are doubtful (column doubts):")
        for row in doubtful.head(_SHOWN).itertuples():
            typer.echo(f"  {row.subject}/{row.trial}: {row.doubts}")
        if len(doubtful) > _SHOWN:
            typer.echo(f"  and {len(doubtful) - _SHOWN} more")
    reasons = refused.reason.where(refused.status == "refused", refused.dynamics_reason)
    for reason in dict.fromkeys(reasons):
        typer.echo(f"refused: {reason}")
    if steps != ("id",):
        for reason in dict.fromkeys(solved[solved.dynamics == "refused"].dynamics_reason):
            typer.echo(f"no moments: {reason}")


def _cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

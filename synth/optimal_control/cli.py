"""Commands ``kinesynth gait predict``, ``gait reference`` and ``gait baseline``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from mocap_import.batch import ExitCode, exit_code
from mocap_import.command_end import stop
from mocap_import.engine import EngineFailed, open_engine
from mocap_import.engine_option import EngineWord, Retry, Scheduler
from mocap_import.progress import track
from mocap_import.subject import Subject
from synth.optimal_control.command import predict_command
from synth.optimal_control.command.imu_command import explain_imus
from synth.optimal_control.command.population_command import population
from synth.optimal_control.command.track_command import CODES, track_recorded

if TYPE_CHECKING:
    import pandas as pd

gait_app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Compute gait by optimal control: from a speed alone, from markers and forces, or from inertial sensors.",
    epilog="Example: kinesynth gait baseline walking.h5 baseline.h5 --workers 2",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]
Workers = Annotated[int, typer.Option(min=1, help="Worker processes.")]


gait_app.command(
    "track", epilog=f"Example: kinesynth gait track subject.osim walk.mot --loads grf.xml --out walk/. {CODES}"
)(track_recorded)
gait_app.command(
    "imu",
    epilog=f"Example: kinesynth gait imu walk.csv --table sensors.toml --mass 70 --height 1.75 --out walk/. {CODES}",
)(explain_imus)


gait_app.command(epilog="Example: kinesynth gait population people.h5 --subjects 1000 --seed 7 --workers 2")(population)


@gait_app.command(epilog="Example: kinesynth gait predict --speed 1.3 --mass 70 --height 1.75 gait.h5 --seed 7")
def predict(
    out: Annotated[
        Path, typer.Argument(help="The corpus to write (.h5), one trial of one gait cycle; with --model a folder.")
    ],
    speed: Annotated[float | None, typer.Option(help="Mean speed (m/s); 1.3 walking, 3.0 running if not said.")] = None,
    mass: Annotated[float, typer.Option(help="Body mass (kg).")] = 70.0,
    height: Annotated[float, typer.Option(help="Body height (m).")] = 1.75,
    sex: Annotated[str, typer.Option(help="female, male or unknown.")] = "unknown",
    seed: Annotated[int | None, typer.Option(help="Draws the person's own style; the normative one if absent.")] = None,
    task: Annotated[str, typer.Option(help="walk or run; without --model.")] = "walk",
    free: Annotated[
        bool, typer.Option("--free", help="From effort and soft treads alone, near no normative gait; without --model.")
    ] = False,
    rate: Annotated[float, typer.Option(min=10.0, help="Samples per second of the result (Hz).")] = 100.0,
    model: predict_command.Model = None,
    guide: predict_command.Guide = None,
    loads: predict_command.Loads = None,
    belt: predict_command.Belt = 0.0,
    window: predict_command.Window = None,
    hold: predict_command.Hold = None,
    slope: predict_command.Slope = 0.0,
    strength: predict_command.Strength = 1.0,
    mesh: predict_command.Meshes = "",
    jerk: predict_command.Jerk = None,
    asymmetric: predict_command.WholeCycle = False,
    as_json: AsJson = False,
) -> None:
    """Predict how a person walks or runs: a muscle-driven gait that satisfies the equations of motion."""
    from synth.optimal_control.gait.gait_mode import MODES

    if task not in MODES:
        stop(f"--task {task}: expected one of {', '.join(MODES)}.", as_json, ExitCode.USAGE)
    speed = MODES[task].comfortable_speed if speed is None else speed
    if model is not None:
        wished = {"speed": speed, "window": window, "hold": hold, "slope": slope, "strength": strength, "mesh": mesh}
        wished |= {"belt": belt, "jerk": jerk, "asymmetric": asymmetric, "as_json": as_json}
        predict_command.predict_model(model, guide, loads, out, **wished)
    wish = {"speed": speed, "seed": seed, "mode": task, "task": "predict" if free else "track"}
    _predict_corpus(Subject("predicted", mass, height, sex), out, wish, rate, as_json)


def _predict_corpus(subject: Subject, out: Path, wish: dict[str, Any], rate: float, as_json: bool) -> None:
    """Predict a gait of our own planar model and write it as a corpus of one trial."""
    import numpy as np

    from opensim_models.model_mismatch import ModelMismatch
    from synth.corpus import CorpusMismatch, CorpusTrial, CorpusWriter
    from synth.corpus.schema import require_corpus_name
    from synth.optimal_control.corpus_run import place_in_trial
    from synth.optimal_control.gait.gait_samples import sample_gait
    from synth.optimal_control.gait.gait_solution import SolutionNotFound, spatiotemporal_of
    from synth.optimal_control.generate import generate_gait

    try:
        require_corpus_name(out)
        solution = generate_gait(subject, **wish)
    except (CorpusMismatch, ModelMismatch, SolutionNotFound) as problem:
        stop(str(problem), as_json)
    if not solution.converged:
        stop(f"no gait found: {solution.reason}", as_json, ExitCode.NONE)
    frames = np.arange(round(solution.duration * rate))
    samples = sample_gait(solution.movement, frames / rate)
    mode, seed = wish["mode"], wish["seed"] or 0
    name = f"{mode}_{wish['speed']:.2f}"
    empty = CorpusTrial(name, subject, rate, task=mode, status="predicted", source="optimal control")
    trial = place_in_trial(empty, [(frames, samples, solution.movement)], n_frames=len(frames))
    facts = spatiotemporal_of([solution.movement])
    person = {"mass": subject.mass, "height": subject.height, "sex": subject.sex}
    config = {**wish, **person}
    try:
        with CorpusWriter(out, config=config, seed=seed) as corpus:
            corpus.append(replace(trial, spatiotemporal=facts, seconds=solution.cpu_seconds))
    except CorpusMismatch as problem:
        stop(str(problem), as_json)
    figures = {
        **facts,
        **solution.checks,
        "iterations": solution.movement.iterations,
        "cpu_seconds": solution.cpu_seconds,
    }
    if as_json:
        typer.echo(json.dumps({"corpus": str(out), "status": solution.status, "figures": figures}))
    else:
        for name, value in figures.items():
            typer.echo(f"{name:28} {value:.4g}")
        typer.echo(f"{out}: one gait cycle of {solution.duration:.3f} s")


@gait_app.command(epilog="Example: kinesynth gait reference trials/ motion/ imu.h5 reference.h5 --workers 2")
def reference(
    trials: Annotated[Path, typer.Argument(help="Folder written by `kinesynth import`.")],
    motion: Annotated[Path, typer.Argument(help="Folder written by `kinesynth motion`.")],
    imu: Annotated[Path, typer.Argument(help="Corpus written by `kinesynth imu`.")],
    out: Annotated[Path, typer.Argument(help="The corpus to write (.h5).")],
    workers: Workers = 1,
    engine: EngineWord = "local",
    scheduler: Scheduler = "",
    retry: Retry = False,
    cycles: Annotated[int | None, typer.Option(min=1, help="Gait cycles a trial; 2 on a treadmill, else 1.")] = None,
    as_json: AsJson = False,
) -> None:
    """Solve the reference: a gait that follows the markers and forces of every trial.

    Joint angles, moments, muscle activations and ground reaction become the labels of the inertial records. Running the
    same command again goes on where it was interrupted.
    """
    from synth.optimal_control.reference import build_reference_corpus

    for folder, made_by in ((trials, "import"), (motion, "motion")):
        if not folder.is_dir():
            stop(f"{folder}: expected the folder that `kinesynth {made_by}` wrote, found none.", as_json)

    def build() -> pd.DataFrame:
        with open_engine(engine, n_workers=workers, scheduler=scheduler) as runner:
            shown = {"cycles_per_trial": cycles, "progress": None if as_json else track}
            return build_reference_corpus(trials, motion, imu, out, engine=runner, retry=retry, **shown)

    _run(build, out, as_json)


@gait_app.command(epilog="Example: kinesynth gait baseline imu.h5 baseline.h5 --workers 2")
def baseline(
    imu: Annotated[Path, typer.Argument(help="Corpus written by `kinesynth imu`.")],
    out: Annotated[Path, typer.Argument(help="The corpus to write (.h5).")],
    workers: Workers = 1,
    engine: EngineWord = "local",
    scheduler: Scheduler = "",
    retry: Retry = False,
    as_json: AsJson = False,
) -> None:
    """Solve the baseline: a gait of a generic model that explains the inertial records, and sees nothing else.

    Running the same command again goes on where it was interrupted.
    """
    from synth.optimal_control.baseline import build_baseline_corpus

    def build() -> pd.DataFrame:
        with open_engine(engine, n_workers=workers, scheduler=scheduler) as runner:
            shown = {"progress": None if as_json else track}
            return build_baseline_corpus(imu, out, engine=runner, retry=retry, **shown)

    _run(build, out, as_json)


def _run(build: Callable[[], pd.DataFrame], out: Path, as_json: bool) -> NoReturn:
    """Build a corpus, show its rows, end with the exit code of all, some or none."""
    from mocap_import.trial import TrialRefused
    from synth.corpus import CorpusMismatch
    from synth.corpus.schema import require_corpus_name

    try:
        require_corpus_name(out)
        rows = build()
    except (CorpusMismatch, TrialRefused, EngineFailed) as problem:
        stop(str(problem), as_json)
    except OSError as problem:
        stop(f"{out}: cannot be written ({problem.strerror or problem}). Free space or choose another folder.", as_json)
    except KeyboardInterrupt:
        stop(
            f"interrupted; solved trials are kept in {out}.parts, the same command goes on from there",
            as_json,
            ExitCode.INTERRUPTED,
        )
    n_converged = int((rows.status == "converged").sum()) if len(rows) else 0
    if as_json:
        typer.echo(
            json.dumps(
                {"corpus": str(out), "converged": n_converged, "trials": json.loads(rows.to_json(orient="records"))}
            )
        )
    else:
        _show(rows)
        typer.echo(f"{out}: {n_converged} of {len(rows)} trials converged")
    raise typer.Exit(int(exit_code(n_converged, len(rows) - n_converged)))


def _show(rows: pd.DataFrame) -> None:
    for row in rows.itertuples():
        note = f"  {row.reason}" if row.reason else ""
        typer.echo(f"{row.status:10} {row.subject}/{row.trial}  {row.speed:.2f} m/s  {row.seconds:.1f} s{note}")

"""Commands `kinesynth imu`: virtual sensors on a trial, an archive or a corpus; real sensors against virtual ones."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from mocap_import.batch import ExitCode, exit_code
from mocap_import.command_end import check_place, sentence_of, stop
from mocap_import.engine_option import EngineWord, Scheduler
from synth.sensor_command import allan, compare, diagnose, lags
from synth.sensor_corpus_command import BASELINE_EXAMPLE, CYCLES_EXAMPLE, angles, cycles, sessions
from synth.sensor_corpus_command import EXAMPLE as SESSIONS_EXAMPLE

if TYPE_CHECKING:
    from synth.imu_request import ImuRequest

_RECORDS = "records"
_MANY = 24
"""Files from which an archive is worth several processes."""


class ImuGroup(TyperGroup):
    """`kinesynth imu TRIALS MOTION OUT` is `kinesynth imu records TRIALS MOTION OUT`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the usual command in front of arguments that name none."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [_RECORDS, *args]
        return super().parse_args(ctx, args)


imu_app = typer.Typer(
    cls=ImuGroup,
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Simulate inertial sensors on an archive, a trial or a corpus, or hold real sensors against them. "
    "`kinesynth imu TRIALS MOTION OUT` low-passes the pelvis, thighs and shanks at 10 Hz and the feet at 15 Hz; "
    "`kinesynth imu records --help` lists every option.",
    epilog="Example: kinesynth imu trials/ motion/ walking.h5 --noise 0.15 --misalignment 13.5 --seed 7",
)
imu_app.command("compare", epilog="Example: kinesynth imu compare sensors/ walk.mot --model walk.osim --out pair.html")(
    compare
)
imu_app.command("allan", epilog="Example: kinesynth imu allan still.csv --out allan.png --preset bmi270")(allan)
imu_app.command("diagnose", epilog="Example: kinesynth imu diagnose MT_0001_00B40B91.txt")(diagnose)
imu_app.command("cycles", epilog=CYCLES_EXAMPLE)(cycles)
imu_app.command("angles", epilog=BASELINE_EXAMPLE)(angles)
imu_app.command("sessions", epilog=SESSIONS_EXAMPLE)(sessions)
imu_app.command("lags", epilog="Example: kinesynth imu lags sensors/ walk.mot --model walk.osim")(lags)

Source = Annotated[
    Path, typer.Argument(help="Folder of `kinesynth import`; a trial (.trial.h5 .c3d .trc .mot); or a corpus (.h5).")
]
MotionPlace = Annotated[Path | None, typer.Argument(help="Folder of `kinesynth motion`.")]
OutPlace = Annotated[Path | None, typer.Argument(help="What to write: a corpus (.h5); of one trial also .csv or .sto.")]
Out = Annotated[Path | None, typer.Option("--out", help="The same as OUT.")]
Motion = Annotated[Path | None, typer.Option("--motion", help="The same as MOTION; of one trial also its .mot.")]
Model = Annotated[Path | None, typer.Option("--model", help="Scaled model of one trial (.osim or .json).")]
Csv = Annotated[Path | None, typer.Option("--csv", help="Of one trial: write this table too, errors included.")]
Sto = Annotated[Path | None, typer.Option("--sto", help="Of one trial: write OpenSense files too, errors included.")]
Method = Annotated[
    str | None,
    typer.Option(
        help="central_difference (default), butterworth, smoothing_spline or spline; of a .mot analytic (default)."
    ),
]
CutoffWord = Annotated[
    str | None,
    typer.Option("--cutoff", help="auto: residual analysis of each segment; none; or Hz. Default 10 Hz, feet 15 Hz."),
]
Motions = Annotated[
    str | None, typer.Option("--source", help="cluster, model or both (default: cluster where there is one).")
]
Set = Annotated[
    str | None,
    typer.Option(
        "--set", help="seven, sparse_shank or sparse_foot; scaled to each person. Default seven, or a corpus's own."
    ),
]
Placements = Annotated[
    Path | None, typer.Option("--placements", help="Own sensors (.toml or .json), taken as they are, not scaled.")
]
Noise = Annotated[
    float | None,
    typer.Option(help="White noise as a share of each channel's SD; 0.15, or 0 with --sensor or --learnt."),
]
Scope = Annotated[str, typer.Option("--noise-scope", help="The SD is that of its trial, subject or training_set.")]
Training = Annotated[str, typer.Option("--training", help="Subjects of the training set, with commas; default all.")]
Misalignment = Annotated[float, typer.Option(help="SD (deg) of the misalignment angle, or the law's angle.")]
Law = Annotated[
    str, typer.Option("--misalignment-law", help="signed_angle, cone_uniform, cone_half_normal or uniform.")
]
PositionSd = Annotated[float, typer.Option("--position-sd", help="SD (m) of each sensor's position.")]
Swap = Annotated[float, typer.Option("--swap", help="Probability that a left-right pair is exchanged in a trial.")]
Tissue = Annotated[str, typer.Option("--soft-tissue", help="none, spring or resampled (from cluster residuals).")]
Sensor = Annotated[str, typer.Option("--sensor", help="Datasheet errors: bmi270, mpu_9250, xsens_mti_300, ...")]
Learnt = Annotated[bool, typer.Option("--learnt", help="Errors learnt from real sensors.")]
Seed = Annotated[int, typer.Option(min=0, help="Root of all random draws, stored in the corpus.")]
AllowGaps = Annotated[
    bool, typer.Option("--allow-gaps", help="Keep gaps beyond 0.25 s or 10 % of a record as NaN, not refuse the trial.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there already.")]
Bake = Annotated[bool, typer.Option("--bake", help="Store records with their errors, not clean ones with a recipe.")]
Workers = Annotated[
    int | None,
    typer.Option(min=0, help=f"Processes; 0 works without any. Default one a core for {_MANY} files or more."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]


@imu_app.command(
    _RECORDS,
    epilog="Example: kinesynth imu walk.trial.h5 motion/ --cutoff auto --sensor bmi270 --out walk.h5. "
    "Exit code 0: all trials; 3: some refused; 4: none; 1: an error; 2: wrong usage.",
)
def records(
    source: Source,
    motion_place: MotionPlace = None,
    out_place: OutPlace = None,
    out: Out = None,
    motion: Motion = None,
    model: Model = None,
    csv: Csv = None,
    sto: Sto = None,
    method: Method = None,
    cutoff: CutoffWord = None,
    motions: Motions = None,
    sensor_set: Set = None,
    placements: Placements = None,
    noise: Noise = None,
    noise_scope: Scope = "trial",
    training: Training = "",
    misalignment: Misalignment = 13.5,
    misalignment_law: Law = "signed_angle",
    position_sd: PositionSd = 0.0,
    swap: Swap = 0.0,
    soft_tissue: Tissue = "none",
    sensor: Sensor = "",
    learnt: Learnt = False,
    seed: Seed = 7,
    bake: Bake = False,
    allow_gaps: AllowGaps = False,
    force: Force = False,
    workers: Workers = None,
    engine: EngineWord = "local",
    scheduler: Scheduler = "",
    as_json: AsJson = False,
) -> None:
    """Simulate inertial sensors and write their records.

    Clean records are stored once, with the recipe of errors that every reader applies. Without --cutoff, measured
    motion is low-passed before differentiation: pelvis, thighs and shanks at 10 Hz, feet at 15 Hz; a .mot by residual
    analysis. A converted trial of more than five minutes passes in blocks.
    """
    from synth.imu_options import recipe_of
    from synth.imu_request import make_request

    if out_place is None and motion_place is not None and _is_output(motion_place, source, motion):
        motion_place, out_place = None, motion_place
    for option, word, given, meant in (("--out", "OUT", out_place, out), ("--motion", "MOTION", motion_place, motion)):
        if given is not None and meant is not None:
            stop(f"{option} {meant} and {word} {given} were both given; give one.", as_json, ExitCode.USAGE)
    place = out or out_place
    check_place(source, as_json)
    for given in (motion or motion_place, model, placements):
        if given is not None:
            check_place(given, as_json)
    try:
        errors = recipe_of(
            noise=noise,
            misalignment=misalignment,
            misalignment_law=misalignment_law,
            position_sd=position_sd,
            swap=swap,
            soft_tissue=soft_tissue,
            sensor=sensor,
            learnt=learnt,
            seed=seed,
        )
        request = make_request(source, place, motion or motion_place, model, csv, sto, sensor_set, placements, force)
        request = request.with_choices(errors, method, cutoff, motions, noise_scope, training, bake, allow_gaps)
    except ValueError as error:
        stop(str(error), as_json, ExitCode.USAGE)
    _run(replace(request, n_workers=workers, engine=engine, scheduler=scheduler), as_json)


def _is_output(place: Path, source: Path, motion: Path | None) -> bool:
    """Whether the second of two arguments is OUT and not MOTION: there is motion already, or it is to be written."""
    from synth.trial_source import is_coordinates

    suffix = place.suffix.lower()
    moves = motion is not None or is_coordinates(source)
    return suffix in (".h5", ".csv") or (suffix == ".sto" and (moves or not place.exists()))


def _run(request: ImuRequest, as_json: bool) -> None:
    """Do what is asked for, say what came of it, and leave with the exit code."""
    from mocap_import.engine import EngineFailed
    from mocap_import.progress import track
    from mocap_import.trial import TrialRefused
    from opensim_models.model_mismatch import ModelMismatch
    from synth.corpus.schema import CorpusMismatch, NothingAccepted
    from synth.imu_report import print_archive, print_single
    from synth.imu_request import run_archive, run_corpus, run_single

    try:
        if request.kind == "trial":
            print_single(*run_single(request), as_json)
            return
        if request.kind == "corpus":
            rows = run_corpus(request)
        else:
            request = replace(request, n_workers=_processes(request))
            rows = run_archive(request, None if as_json else track)
    except NothingAccepted as error:
        stop(str(error), as_json, ExitCode.NONE)
    except (CorpusMismatch, TrialRefused, ModelMismatch, EngineFailed, ValueError, OSError) as error:
        stop(sentence_of(error), as_json)
    print_archive(request, rows, as_json)
    counts = rows["status"].value_counts()
    used = int(counts.get("accepted", 0) + counts.get("repaired", 0))
    raise typer.Exit(exit_code(used, int(counts.get("refused", 0))))


def _processes(request: ImuRequest) -> int:
    """Worker processes of an archive."""
    if request.n_workers is not None:
        return request.n_workers
    few = len(list(request.source.glob("*/*.trial.h5"))) < _MANY
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 0 if few or cores < 2 else cores

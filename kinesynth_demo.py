"""The demonstration: the main job from a C3D archive to a report, through the functions that every command calls.

Each stage reads the products of earlier ones, writes its own and is remembered in ``stages.json``: running again goes
on where it stopped. Without a given archive the demonstration first makes one, from gaits that optimal control found.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from pydantic import BaseModel

from recipes.run import Run, Stage, run_stages

demo_app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="Run the main job on a made or a given archive."
)

N_SUBJECTS = 8
NETWORKS = {"conv1d": {"steps": 800, "width": 64}, "lstm": {"steps": 800}}
"""Networks and what differs from their defaults, chosen on the archive of another seed (11), which no table shows."""
MEAN_WAVEFORMS = ("mean_waveform", "mean_waveform_true_timing")
"""Placed by the measured cycle, and, as an oracle, by the reference's own contact times, which no method is told."""
BASELINE = "optimal_control"


class DemoSettings(BaseModel):
    """What decides the products: C3D files, their number of made subjects, and whether they are our own."""

    archive: Path
    seed: int = 7
    n_subjects: int = N_SUBJECTS
    is_made: bool = False


def _make_archive(run: Run) -> str:
    from synth.virtual_archive import make_archive

    table = make_archive(
        run.settings.archive,
        run.folder / "truth",
        n_subjects=run.settings.n_subjects,
        seed=run.settings.seed,
        n_workers=run.n_workers,
        progress=run.track,
    )
    table.to_csv(run.folder / "generated_gaits.csv", index=False)
    files = sum(1 for _ in run.settings.archive.rglob("*.c3d"))
    return f"{files} C3D files from {int(table.used.sum())} of {len(table)} gaits solved"


def _import(run: Run) -> str:
    from mocap_import.archive.run import convert_archive

    n_files = sum(1 for path in run.settings.archive.rglob("*") if path.suffix.lower() == ".c3d")
    with run.track(n_files, "C3D files") as bar:
        # The made archive's persons are virtual: their codes stay, so that trials are found beside their truth.
        codes = "keep" if run.settings.is_made else "new"
        trials = run.folder / "trials"
        table = convert_archive(run.settings.archive, trials, codes=codes, n_workers=run.n_workers, progress=bar)
    shutil.copyfile(run.folder / "trials" / "import.csv", run.folder / "import.csv")
    return ", ".join(f"{n} {status}" for status, n in table.status.value_counts().items())


def _motion(run: Run) -> str:
    from opensim_models.archive.subject_motion import solve_archive_motion

    table = solve_archive_motion(run.folder / "trials", run.folder / "motion", progress=run.track)
    return ", ".join(f"{n} {status}" for status, n in table.status.value_counts().items())


def _spatiotemporal(run: Run) -> str:
    from mocap_import.spatiotemporal import spatiotemporal
    from mocap_import.trial_store import load_trial

    tables = []
    for path in sorted((run.folder / "trials").glob("*/*.trial.h5")):
        trial = load_trial(path)
        if trial.task != "static" and trial.marker_set != "unknown":
            table = spatiotemporal(trial).rename_axis("side").reset_index()
            tables.append(table.assign(subject=trial.subject.code, trial=trial.name))
    table = pd.concat(tables, ignore_index=True)
    table[["subject", "trial", *[c for c in table.columns if c not in ("subject", "trial")]]].to_csv(
        run.folder / "spatiotemporal.csv", index=False
    )
    return f"{len(tables)} trials"


def _imu(run: Run) -> str:
    from synth.imu.error_recipe import ImuErrors
    from synth.motion_corpus import build_motion_corpus
    from synth.record_settings import RecordSettings

    table = build_motion_corpus(
        run.folder / "trials",
        run.folder / "motion",
        run.folder / "imu.h5",
        RecordSettings(ImuErrors(seed=run.settings.seed)),
        progress=run.track,
    )
    return ", ".join(f"{n} {status}" for status, n in table.status.value_counts().items())


def _reference(run: Run) -> str:
    from synth.optimal_control.reference import build_reference_corpus

    table = build_reference_corpus(
        run.folder / "trials",
        run.folder / "motion",
        run.folder / "imu.h5",
        run.folder / "reference.h5",
        n_workers=run.n_workers,
        progress=run.track,
    )
    return _solved(run, "reference", table)


def _baseline(run: Run) -> str:
    from synth.optimal_control.baseline import build_baseline_corpus

    table = build_baseline_corpus(
        run.folder / "imu.h5", run.folder / "baseline.h5", n_workers=run.n_workers, progress=run.track
    )
    return _solved(run, "baseline", table)


def _solved(run: Run, role: str, table: pd.DataFrame) -> str:
    table.to_csv(run.folder / f"{role}.csv", index=False)
    return f"{int((table.status == 'converged').sum())} of {len(table)} trials converged"


def _networks(run: Run) -> str:
    from synth.corpus import Corpus
    from training.config import load_config
    from training.leave_one_out import labelled_subjects, leave_one_subject_out, predict_mean_waveforms

    reference, out = run.folder / "reference.h5", run.folder / "predictions"
    configs = {name: load_config(network=name, seed=run.settings.seed, **own) for name, own in NETWORKS.items()}
    n_folds = len(configs) * len(labelled_subjects(Corpus(reference)))
    with run.track(n_folds, "networks") as bar:
        shown = 0

        def show(done: int, _total: int, text: str) -> None:
            nonlocal shown
            bar.advance(done - shown, f"networks {text}")
            shown = done

        leave_one_subject_out(reference, out, configs, n_workers=run.n_workers, progress=show)
    for name in MEAN_WAVEFORMS:
        predict_mean_waveforms(reference, out / f"{name}.h5", method=name)
    return f"{', '.join(NETWORKS)} and the mean waveform, one subject left out in turn"


def _compare(run: Run) -> str:
    from training.comparison import compare
    from training.evaluation import evaluate

    truth = run.folder / "reference.h5"
    errors = pd.concat([evaluate(truth, path, method) for method, path in estimates(run).items()], ignore_index=True)
    errors.to_csv(run.folder / "errors.csv", index=False)
    comparison = compare(errors, seed=run.settings.seed)
    comparison.to_csv(run.folder / "comparison.csv", index=False)
    return f"{errors.method.nunique()} methods on {errors.groupby(['subject', 'trial']).ngroups} trials"


def estimates(run: Run) -> dict[str, Path]:
    """Corpora to hold against the reference, by method."""
    networks = {name: run.folder / "predictions" / f"{name}.h5" for name in (*NETWORKS, *MEAN_WAVEFORMS)}
    return networks | {BASELINE: run.folder / "baseline.h5"}


def _check(run: Run) -> str:
    from synth.gait_plausibility import check_gaits
    from synth.virtual_archive import check_motion

    rows = []
    if run.settings.is_made:
        rows += check_gaits(pd.read_csv(run.folder / "generated_gaits.csv"))
        rows += check_motion(run.folder / "truth", run.folder / "motion")
    rows += _check_networks(pd.read_csv(run.folder / "comparison.csv"))
    table = pd.DataFrame(rows, columns=["check", "value", "goal", "met"])
    table.to_csv(run.folder / "checks.csv", index=False)
    for row in table.itertuples():
        run.say(f"  {'ok   ' if row.met else 'MISSED'} {row.check}: {row.value} (goal {row.goal})")
    return f"{int(table.met.sum())} of {len(table)} checks met"


def _check_networks(comparison: pd.DataFrame) -> list[tuple]:
    """Hold every network's angle error on left-out subjects against the mean waveform's."""
    angles = comparison[comparison.measure == "angle_rmse"].set_index("method")["mean"]
    limit = angles[MEAN_WAVEFORMS[0]]
    oracle = angles.get(MEAN_WAVEFORMS[1], float("nan"))
    goal = f"below the mean waveform's {limit:.2f}; with the reference's contact times it would be {oracle:.2f}"
    return [
        (f"angle RMSE of {name} (deg)", round(angles[name], 2), goal, bool(angles[name] < limit))
        for name in NETWORKS
        if name in angles
    ]


def _report(run: Run) -> str:
    from training.report.inputs import ReportInputs
    from training.report.page import write_report
    from training.report.run_record import loss_panels, read_record

    def table(name: str) -> pd.DataFrame | None:
        path = run.folder / name
        return pd.read_csv(path) if path.exists() else None

    timings = pd.DataFrame(
        [
            {"stage": n, "seconds": s["seconds"], "cpu_seconds": s["cpu_seconds"], "result": s["summary"]}
            for n, s in run.stages.items()
        ]
    )
    inputs = ReportInputs(
        title="Kinesynth demonstration" if run.settings.is_made else f"Kinesynth: {run.settings.archive.name}",
        import_table=table("import.csv"),
        motion=table("motion/motion.csv"),
        records=table("imu.csv"),
        spatiotemporal=table("spatiotemporal.csv"),
        comparison=table("comparison.csv"),
        errors=table("errors.csv"),
        corpora={"reference": run.folder / "reference.h5", **estimates(run)},
        solutions=_solutions(run),
        timings=timings,
        losses=loss_panels([read_record(run.folder)]),
        provenance=_provenance(run),
        notes=_notes(run, table("checks.csv")),
    )
    write_report(inputs, run.folder / "report.html")
    return str(run.folder / "report.html")


def _solutions(run: Run) -> pd.DataFrame:
    """One row an optimal-control trial, of the reference and of the baseline."""
    tables = [
        pd.read_csv(run.folder / f"{role}.csv").assign(role=role)
        for role in ("reference", "baseline")
        if (run.folder / f"{role}.csv").exists()
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _provenance(run: Run) -> dict:
    from synth.corpus.provenance import versions

    return {
        "seed": run.settings.seed,
        "versions": versions(),
        "archive": run.settings.archive.name,
        "workers": run.n_workers,
    }


def _notes(run: Run, checks: pd.DataFrame | None) -> tuple[str, ...]:
    """Sentences that a reader of the tables must know."""
    notes = [
        "The reference is planar optimal control that tracks the markers and the ground reaction of each trial; it is "
        "an estimate, and every row is scored against it.",
        "The baseline is planar optimal control that sees only the noisy, misaligned inertial records that the "
        "networks see, on a generic model scaled by height and mass whose mass table, muscles and contact law differ "
        "from the reference's.",
        "Networks are trained on the reference of all other subjects and never see the subject they are scored on.",
        "Records are virtual: markers of the same archive differentiated twice, with noise of 15 % of each clean "
        "channel's SD and a misalignment of 13.5 degrees (RMS) per sensor, in training and in test.",
    ]
    if run.settings.is_made:
        notes.append(
            "The archive is made: gaits of virtual persons from optimal control, recorded in two virtual laboratories. "
            "Its markers move 1.5 mm on the skin and sit 1 mm off, several times less than on real persons, and the "
            "persons have the generic skeleton's proportions: the error of inverse kinematics here is a lower bound."
        )
    if checks is not None:
        notes += [
            f"Check: {c.check} is {c.value}, goal {c.goal}: {'met' if c.met else 'missed'}."
            for c in checks.itertuples()
        ]
    return tuple(notes)


def archive_inputs(run: Run) -> list[list]:
    """Say what the archive holds (path, size, time of change), so that a changed one is converted again."""
    archive = run.settings.archive
    files = [p for p in sorted(archive.rglob("*")) if p.suffix.lower() == ".c3d" or p.name == "participants.csv"]
    return [[str(p.relative_to(archive)), p.stat().st_size, p.stat().st_mtime_ns] for p in files]


MAKING = Stage("archive", "archive/participants.csv", (), _make_archive)
STAGES = (
    Stage("import", "import.csv", (), _import, archive_inputs),
    Stage("motion", "motion/motion.csv", ("import",), _motion),
    Stage("spatiotemporal", "spatiotemporal.csv", ("import",), _spatiotemporal),
    Stage("imu", "imu.h5", ("motion",), _imu),
    Stage("reference", "reference.h5", ("imu",), _reference),
    Stage("baseline", "baseline.h5", ("imu",), _baseline),
    Stage("networks", f"predictions/{MEAN_WAVEFORMS[-1]}.h5", ("reference",), _networks),
    Stage("compare", "comparison.csv", ("networks", "baseline"), _compare),
    Stage("check", "checks.csv", ("compare",), _check),
    Stage("report", "report.html", ("check", "spatiotemporal"), _report),
)
"""The sequence of the main job."""


def run_demo(run: Run) -> Path:
    """Do every stage that has not been done, and return the report's path."""
    stages = STAGES
    if run.settings.is_made:
        stages = (MAKING, replace(STAGES[0], depends=(MAKING.name,)), *STAGES[1:])
    run_stages(run, stages)
    return run.folder / "report.html"


@demo_app.command()
def demo(
    archive: Annotated[Path | None, typer.Option(help="Your own C3D archive; default: make one.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for every product.")] = Path("kinesynth-demo"),
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 7,
    workers: Annotated[int, typer.Option(min=1, help="Processes that work at the same time.")] = 2,
    subjects: Annotated[int, typer.Option(min=2, max=99, help="Virtual subjects of the made archive.")] = N_SUBJECTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Run the main job: archive, trials, motion, IMU, optimal control, networks, report.

    Example: kinesynth demo --archive my_laboratory/ --out results/
    """
    from mocap_import.batch import exit_code

    made = archive is None
    settings = DemoSettings(archive=archive or out / "archive", seed=seed, n_subjects=subjects, is_made=made)
    run = Run(out, settings, workers, shown=not as_json, recipe="demo")
    report = run_demo(run)
    table = pd.read_csv(run.folder / "comparison.csv")
    if as_json:
        typer.echo(json.dumps({"report": str(report), "stages": run.stages, "comparison": table.to_dict("records")}))
    else:
        from training.comparison import comparison_table

        typer.echo(comparison_table(table).T.to_string())
        typer.echo(f"Report: {report}")
    refused = 0 if run.settings.is_made else int((pd.read_csv(run.folder / "import.csv").status == "refused").sum())
    raise typer.Exit(exit_code(1, refused))

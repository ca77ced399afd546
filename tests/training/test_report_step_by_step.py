"""The report finds what the commands leave when they are typed step by step, wherever they leave it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from synth.corpus import Corpus, CorpusWriter
from training.cli import report_app
from training.config import resolve_config
from training.csv_table import write_csv
from training.evaluation import evaluate
from training.leave_one_out import leave_one_subject_out, predict_mean_waveforms
from training.report.page import write_report
from training.report.run_directory import read_run
from training.report.trial_quality import refusal_rows
from training.run_folder import open_run

METHODS = ("conv1d", "mean_waveform")


def records_without_labels(reference: Path, out: Path) -> None:
    """The corpus of virtual sensors from which a reference was made, and the table beside it."""
    corpus = Corpus(reference)
    rows = []
    with CorpusWriter(out, role="motion", seed=corpus.provenance.seed) as writer:
        for key in corpus.trials():
            trial = corpus.read(*key, clean=True)
            writer.append(replace(trial, kinetics=None, status="measured"))
            facts = {"status": "accepted", "reason": "", "n_frames": trial.n_frames, "missing": 0.0, "gaps": 0}
            rows.append({"subject": key[0], "trial": key[1], "seconds": 0.5} | facts)
    write_csv(out.with_suffix(".csv"), pd.DataFrame(rows))


@pytest.fixture(scope="module")
def typed(walking_corpus, tmp_path_factory) -> Path:
    """A folder as the tutorials leave it."""
    folder = tmp_path_factory.mktemp("typed")
    reference = Path(shutil.copy(walking_corpus, folder / "reference.h5"))
    records_without_labels(reference, folder / "imu.h5")
    keys = Corpus(reference).trials()
    archive = [
        {"file": f"{s}/{t}.c3d", "subject": s, "trial": t, "task": "walk", "status": "accepted"} for s, t in keys
    ]
    write_csv(folder / "trials" / "import.csv", pd.DataFrame(archive).assign(reason="", verdict="good"))
    motion = [{"subject": s, "trial": t, "status": "solved", "marker_error_mm": 2.5, "seconds": 2.0} for s, t in keys]
    motion[0] |= {"status": "refused", "reason": "no static trial"}
    write_csv(folder / "motion" / "motion.csv", pd.DataFrame(motion))
    config = {"conv1d": resolve_config({"width": 8, "steps": 20, "batch": 8})}
    open_run(folder / "networks", reference, config, sorted({s for s, _ in keys}), "leave one subject out")
    leave_one_subject_out(reference, folder / "networks", config)
    predict_mean_waveforms(reference, folder / "networks" / "mean_waveform.h5")
    for method in METHODS:
        write_csv(folder / f"{method}.csv", evaluate(reference, folder / "networks" / f"{method}.h5", method))
    return folder


def test_nothing_is_missing_after_the_tutorials(typed):
    inputs, remarks = read_run(typed)
    assert remarks == []
    assert len(inputs.import_table) == len(inputs.motion) == len(inputs.records) == 8
    assert set(inputs.errors["method"]) == set(inputs.comparison["method"]) == set(METHODS)
    assert list(inputs.corpora) == ["reference", "conv1d", "mean_waveform"]
    assert set(inputs.provenance) == {"imu.h5", "reference.h5", "conv1d.h5", "mean_waveform.h5", "trainings"}
    text = write_report(inputs, typed / "report.html").read_text(encoding="utf-8")
    assert "Not in this run" not in text
    assert "Motion and virtual sensors" in text
    assert "no static trial" in text
    assert "S01" not in text


def test_seconds_of_trials_and_steps_are_added_up(typed):
    timings = read_run(typed)[0].timings.set_index("stage")
    assert timings.loc["motion", "seconds"] == pytest.approx(16.0)
    assert timings.loc["sensors", "seconds"] == pytest.approx(4.0)
    assert timings.loc["training of conv1d", "result"] == "80 steps added up"
    (typed / "stages.json").write_text('{"import": {"seconds": 3.0}}', encoding="utf-8")
    assert read_run(typed)[0].timings["stage"].tolist() == ["import"]
    (typed / "stages.json").unlink()


def test_spatiotemporal_parameters_stand_in_the_units_of_their_headings(typed):
    table = read_run(typed)[0].spatiotemporal
    trial = Corpus(typed / "imu.h5").read("S02", "walk_01", clean=True)
    row = table[(table["subject"] == "S02") & (table["trial"] == "walk_01")].iloc[0]
    assert row["speed"] == pytest.approx(trial.spatiotemporal["speed"])
    assert row["cadence"] == pytest.approx(60.0 * trial.spatiotemporal["cadence"])
    assert 60 < row["cadence"] < 160


def test_records_of_one_trial_in_two_corpora_are_one_trial(typed):
    shutil.copy(typed / "imu.h5", typed / "other_errors.h5")
    inputs = read_run(typed)[0]
    assert sorted(set(inputs.records["corpus"])) == ["imu.h5", "other_errors.h5"]
    stages = refusal_rows(inputs).set_index("stage")
    assert stages.loc["virtual sensors", "n_trials"] == 8
    assert stages.loc["motion", "refused"] == 1
    (typed / "other_errors.h5").unlink()


def test_a_comparison_older_than_the_error_tables_is_made_anew(typed):
    stale = pd.DataFrame({"method": ["conv1d"], "measure": ["angle_rmse"]})
    write_csv(typed / "comparison.csv", stale)
    inputs, remarks = read_run(typed)
    assert set(inputs.comparison["method"]) == set(METHODS)
    assert remarks == ["comparison.csv tells of other methods than the error tables; the report compares these anew"]
    (typed / "comparison.csv").unlink()


def test_a_method_scored_again_under_another_name_is_not_counted_twice(typed):
    again = pd.read_csv(typed / "conv1d.csv").assign(value=99.0)
    write_csv(typed / "again.csv", again)
    inputs, remarks = read_run(typed)
    errors = inputs.errors
    assert remarks == ["conv1d: in several error tables; taken from again.csv, the latest"]
    assert len(errors[errors["method"] == "conv1d"]) == len(again)
    assert (errors.loc[errors["method"] == "conv1d", "value"] == 99.0).all()
    (typed / "again.csv").unlink()


def test_networks_alone_find_the_corpus_that_they_learnt_from(typed, tmp_path):
    inputs, _ = read_run(typed / "networks")
    assert list(inputs.corpora) == ["reference", "conv1d", "mean_waveform"]
    assert inputs.losses
    folder = tmp_path / "moved" / "networks"
    shutil.copytree(typed / "networks", folder)
    (folder.parent / "reference.h5").write_bytes((typed / "imu.h5").read_bytes())  # the name is right, the hash is not
    assert list(read_run(folder)[0].corpora) == ["conv1d", "mean_waveform"]


@pytest.mark.parametrize(
    ("place", "page", "shown"),
    [
        ("motion", "motion/report.html", "One row a trial of inverse kinematics"),
        ("trials", "trials/report.html", "One row a file of the archive"),
        ("imu.h5", "imu_report.html", "One row a trial of virtual inertial records"),
        ("reference.h5", "reference_report.html", "One gait cycle, foot strike to foot strike"),
    ],
)
def test_each_product_alone_has_a_page(typed, place, page, shown):
    result = CliRunner().invoke(report_app, [str(typed / place)])
    assert result.exit_code == 0, result.output
    assert shown in (typed / page).read_text(encoding="utf-8")
    (typed / page).unlink()

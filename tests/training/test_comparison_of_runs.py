"""Runs are compared by what they recorded: losses, settings that differ, errors on the trials that they share."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from synth.corpus import CorpusMismatch
from training.cli import report_app
from training.config import resolve_config
from training.csv_table import write_csv
from training.evaluation import COLUMNS, evaluate
from training.leave_one_out import leave_one_subject_out
from training.report.comparison_of_runs import configuration_table, errors_by_run, read_runs
from training.report.paired_difference import paired_differences
from training.report.run_record import MAX_POINTS, loss_curve, loss_panels, read_record

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def runs(walking_corpus, tmp_path_factory):
    """Two runs that differ in steps and width; the name of the second wants to run a script."""
    base, folders = tmp_path_factory.mktemp("runs"), []
    for name, own in (("narrow", {"width": 4, "steps": 8}), (HOSTILE, {"width": 8, "steps": 12})):
        folder = base / name
        config = resolve_config({"batch": 4} | own)
        paths = leave_one_subject_out(walking_corpus, folder, {"conv1d": config})
        write_csv(folder / "errors_conv1d.csv", evaluate(walking_corpus, paths["conv1d"], "conv1d"))
        folders.append(folder)
    return folders


def error_rows(method, values):
    """An error table with one joint angle error a subject and trial."""
    rows = [(f"S{s}", f"walk_{t}", "hip_flexion_r", "angle_rmse", v, "deg", method, "") for (s, t), v in values.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_the_page_shows_losses_settings_and_errors_and_names_no_subject(runs, chromium_dom, tmp_path):
    out = tmp_path / "deep" / "page.html"
    result = CliRunner().invoke(report_app, [*map(str, runs), "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    text = out.read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert text.count("plotly.js v") == 1
    page, console = chromium_dom(out)
    assert not console
    assert 'data-drawn="yes"' in page
    body = page[: page.index("<script>")]
    for words in ("width", "steps", "12", "Conv1D · narrow", "Joint angle RMSE", "mean of the other"):
        assert words in body, words
    assert page.count("js-line") >= 2  # a mean line a run
    assert not any(f"S0{n}" in body for n in (1, 2, 3, 4))
    assert "<img" not in body


def test_settings_that_differ_are_found_and_those_alike_are_not(runs):
    records = read_runs(runs)
    table = configuration_table(records).set_index("setting")
    names = [record.name for record in records]
    differing = table.index[table[names[0]] != table[names[1]]]
    assert sorted(differing) == ["steps", "width"]
    assert table.loc["augmentation.noise_share", names].tolist() == ["0.15", "0.15"]
    assert table.loc["subjects", names[0]] == "4"


def test_a_loss_curve_is_the_mean_over_folds_with_its_range():
    tables = [
        pd.DataFrame({"step": [1, 2, 3], "loss": [3.0, 2.0, 1.0]}),
        pd.DataFrame({"step": [1, 2], "loss": [5, 4]}),
    ]
    curve = loss_curve(tables)
    assert curve == {"step": [1, 2, 3], "mean": [4, 3, 1], "low": [3, 2, 1], "high": [5, 4, 1]}
    long = loss_curve([pd.DataFrame({"step": np.arange(1, 1001), "loss": np.arange(1.0, 1001.0)})])
    assert len(long["step"]) <= MAX_POINTS
    assert long["step"] == pytest.approx(long["mean"], rel=1e-3)
    assert loss_curve([]) is None


def test_paired_differences_use_shared_trials_and_subjects_as_units():
    truth = {(s, t): float(s) for s in (1, 2, 3, 4) for t in (1, 2)}
    better = {key: value - 1.0 for key, value in truth.items() if key != (4, 2)} | {(5, 1): 99.0}
    errors = pd.concat([error_rows("a", truth), error_rows("b", better)])
    (row,) = paired_differences(errors, ["a", "b"], "a", ["angle_rmse"]).to_dict("records")
    assert (row["method"], row["n_subjects"], row["n_trials"]) == ("b", 4, 7)
    assert (row["difference"], row["low"], row["high"], row["verdict"]) == (-1.0, -1.0, -1.0, "better")
    assert (row["mean"], row["bar_mean"]) == (1.5, 2.5)
    few = errors[errors["subject"].isin(["S1", "S2"])]
    assert paired_differences(few, ["b"], "a", ["angle_rmse"])["verdict"].tolist() == ["too few subjects"]
    assert paired_differences(errors, ["c"], "a").empty


def test_runs_of_the_same_name_are_told_apart_and_no_run_is_refused(runs, tmp_path):
    records = read_runs([runs[0], runs[0]])
    assert [record.name for record in records] == ["narrow (1)", "narrow (2)"]
    assert errors_by_run(records)["method"].unique().tolist() == ["conv1d · narrow (1)", "conv1d · narrow (2)"]
    assert list(loss_panels(records)[0]["runs"]) == ["narrow (1)", "narrow (2)"]
    with pytest.raises(CorpusMismatch, match="found none"):
        read_record(tmp_path)
    result = CliRunner().invoke(report_app, [str(runs[0]), str(tmp_path / "nowhere"), "--json"])
    assert result.exit_code == 1
    assert "found no folder" in json.loads(result.output)["error"]


def test_a_run_whose_record_is_a_level_deeper_is_read_and_the_old_order_of_words_holds(runs, tmp_path):
    shutil.copytree(runs[0], tmp_path / "demo" / "predictions")
    assert list(read_record(tmp_path / "demo").methods) == ["conv1d"]
    words = [str(runs[0]), str(tmp_path / "demo"), str(tmp_path / "page.html")]
    result = CliRunner().invoke(report_app, words)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "page.html").is_file()

"""The commands tell all, some, none and wrong apart, and speak JSON."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from synth.corpus.provenance import file_hash
from training.checkpoint import load_checkpoint
from training.cli import compare_app, evaluate_app, report_app, train_app
from training.model_card import model_card
from training.stored_card import read_card

QUICK = "width = 8\nsteps = 4\nbatch = 4\n[augmentation]\nmisalignment_deg = 10.0\n"


@pytest.fixture(scope="module")
def run_dir(walking_corpus, tmp_path_factory):
    """A folder with a reference corpus and a quick configuration."""
    folder = tmp_path_factory.mktemp("cli")
    shutil.copy(walking_corpus, folder / "reference.h5")
    (folder / "training.toml").write_text(QUICK, encoding="utf-8")
    return folder


def call(app, *words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_train_evaluate_compare_report(run_dir):
    reference = run_dir / "reference.h5"
    result = call(train_app, reference, run_dir, "--config", run_dir / "training.toml", "--json")
    assert result.exit_code == 0, result.output
    rows = {row["method"]: row for row in json.loads(result.output)["methods"]}
    assert rows.keys() == {"conv1d", "mean_waveform", "mean_waveform_true_timing"}
    assert rows["conv1d"]["trials"] == 8
    folds = list((run_dir / "checkpoints" / "conv1d").glob("*.safetensors"))
    assert len(folds) == 4
    assert {read_card(path)["about"]["corpus"]["sha256"] for path in folds} == {file_hash(reference)}
    tables = []
    for method in rows:
        tables.append(run_dir / f"errors_{method.replace(' ', '_')}.csv")
        result = call(evaluate_app, reference, rows[method]["estimates"], tables[-1], "--method", method, "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.output)["scored"] == 8
    result = call(compare_app, *tables, "--out", run_dir / "comparison.csv", "--json")
    measures = {(row["method"], row["measure"]): row for row in json.loads(result.output)["comparison"]}
    assert measures["conv1d", "angle_rmse"]["n_subjects"] == 4
    assert "verdict" in measures["conv1d", "angle_rmse"]
    readable = call(compare_app, *tables)
    assert "against the mean waveform" in readable.output
    result = call(report_app, run_dir, run_dir / "out" / "page.html", "--json")
    assert result.exit_code == 0, result.output
    assert (run_dir / "out" / "page.html").stat().st_size > 1_000_000


def test_one_network_on_all_subjects_estimates_others(run_dir, make_walking_corpus, tmp_path):
    others = make_walking_corpus(tmp_path / "others.h5", n_subjects=5, n_trials=1)
    words = (run_dir / "reference.h5", tmp_path, "--all", "--config", run_dir / "training.toml", "--apply-to", others)
    result = call(train_app, *words, "--json")
    assert result.exit_code == 0, result.output
    row = json.loads(result.output)["networks"][0]
    card = read_card(Path(row["checkpoint"]))
    assert card["about"]["corpus"] == {"name": "reference.h5", "sha256": file_hash(run_dir / "reference.h5")}
    assert len(card["fingerprint"]) == 64
    told = model_card(load_checkpoint(Path(row["checkpoint"])))
    assert all(
        words in told for words in (card["about"]["corpus"]["sha256"], card["fingerprint"], "Not measured", "pelvis")
    )
    # Four of the five share their code with a training subject: they are refused, the fifth is estimated.
    evaluated = call(evaluate_app, others, row["estimates"], tmp_path / "e.csv", "--method", "conv1d", "--json")
    assert evaluated.exit_code == 3
    assert (json.loads(evaluated.output)["scored"], json.loads(evaluated.output)["refused"]) == (1, 4)


def test_wrong_input_is_one_sentence_and_exit_code_one(run_dir, tmp_path):
    reference = run_dir / "reference.h5"
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("step = 3\n", encoding="utf-8")
    cases = [
        (train_app, (reference, tmp_path, "--config", wrong), "did you mean 'steps'"),
        (train_app, (tmp_path / "nowhere.h5", tmp_path), "nowhere.h5"),
        (train_app, (reference, tmp_path, "--network", "conv2d"), "did you mean 'conv1d'"),
        (train_app, (wrong, tmp_path), "wrong.toml"),
        (evaluate_app, (reference, wrong, tmp_path / "e.csv", "--method", "x"), "wrong.toml"),
        (compare_app, (wrong,), "wrong.toml"),
        (report_app, (tmp_path / "nowhere",), "found no folder"),
    ]
    for app, words, expected in cases:
        result = call(app, *words)
        assert result.exit_code == 1, result.output
        assert expected in result.output
        assert result.output.startswith("error: ")
        assert result.output.count("\n") == 1
    assert not (tmp_path / "e.csv").exists()


def test_every_help_shows_an_example():
    for app in (train_app, evaluate_app, compare_app, report_app):
        result = call(app, "--help")
        assert "Example: kinesynth " in result.output

"""One command puts methods side by side: the same corpora and seed give the same tables."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from typer.main import get_command as command_of
from typer.testing import CliRunner

from kinesynth import app
from mocap_import.subject import Subject
from synth.corpus import Corpus, CorpusMismatch, CorpusWriter
from training.cli import compare_app
from training.compare_command import ComparisonWish
from training.comparison import compare
from training.cycle_regression import CycleSettings, estimate_cycles, train_cycles
from training.evaluation import evaluate
from training.learnt_row import make_row, supervised_config
from training.method_comparison import FILES, compare_corpora, worst_person
from training.method_facts import read_facts, waits_for
from training.method_table import SHOWN
from training.paired_test import holm, sign_flip_p
from training.physics.config import resolve_physics
from training.target import Target, read_targets


@pytest.fixture(scope="module")
def estimates(walking_corpus, tmp_path_factory) -> Path:
    """The truth, its angles off by 2 degrees everywhere and without forces: a method of known error."""
    out = tmp_path_factory.mktemp("estimates") / "shifted.h5"
    corpus = Corpus(walking_corpus)
    config = {"method": "shifted", "waits_for": "nothing", "training_seconds": 3.0}
    with CorpusWriter(out, role="baseline", config=config) as writer:
        for key in corpus.trials():
            trial = corpus.read(*key, clean=True)
            moved = replace(trial.kinematics, values=trial.kinematics.values + np.radians(2.0))
            writer.append(
                replace(
                    trial, recordings=(), errors=None, kinematics=moved, kinetics=None, status="predicted", seconds=0.4
                )
            )
    return out


@pytest.fixture(scope="module")
def found(walking_corpus, estimates, tmp_path_factory):
    folder = tmp_path_factory.mktemp("folder")
    return folder, compare_corpora(walking_corpus, [estimates], folder, seed=4)


def test_a_known_error_stands_in_every_table(found, walking_corpus):
    folder, comparison = found
    rows = comparison.methods.set_index("method")
    assert list(rows.index) == ["shifted", "mean_waveform"] and (rows["kind"] == "group").all()
    own = rows.loc["shifted"]
    assert own["angle_rmse"] == pytest.approx(2.0, abs=1e-3) and own["angle_rmse_low"] == pytest.approx(2.0, abs=1e-3)
    assert own["angle_rmse_mean_removed"] == pytest.approx(0.0, abs=1e-3) and np.isnan(own["moment_rmse"])
    assert own["labelled_trials"] == 0 and rows.loc["mean_waveform", "labelled_trials"] == 6
    frames = sum(Corpus(walking_corpus).read(*k).n_frames for k in Corpus(walking_corpus).trials())
    n_trials = len(Corpus(walking_corpus).trials())
    assert own["milliseconds_per_frame"] == pytest.approx(1e3 * 0.4 * n_trials / frames)
    assert own["training_seconds"] == 3.0 and own["waits_for"] == "nothing"
    assert rows.loc["mean_waveform", "waits_for"] == "whole cycle"
    joints = comparison.joints.set_index(["method", "coordinate", "measure"])
    assert joints.loc[("shifted", "knee_angle_l", "rmse"), "mean"] == pytest.approx(2.0, abs=1e-3)
    people = comparison.subjects
    assert set(people["measure"]) <= set(SHOWN) and people["subject"].nunique() == 4
    assert {p.name for p in folder.iterdir()} >= {*FILES.values()} - {"synchronisation.csv"} | {"comparison.json"}


def test_the_old_comparison_of_error_tables_agrees(found, walking_corpus, estimates):
    _, comparison = found
    old = compare(evaluate(walking_corpus, estimates, "shifted"), seed=4).set_index("measure")
    own = comparison.methods.set_index("method").loc["shifted"]
    for name in ("angle_rmse", "angle_correlation"):
        assert own[name] == pytest.approx(old.loc[name, "mean"]) and own[f"{name}_high"] == old.loc[name, "high"]


def test_the_same_seed_gives_the_same_bytes_by_command(found, walking_corpus, estimates, tmp_path):
    folder, _ = found
    words = ["compare", str(walking_corpus), f"shifted={estimates}", "--out", str(tmp_path), "--seed", "4", "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["page"] == "comparison.html" and answer["methods"][0]["method"] == "shifted"
    for file in ("by_joint.csv", "by_subject.csv", "paired_tests.csv"):
        assert (tmp_path / file).read_bytes() == (folder / file).read_bytes(), file
    page = (tmp_path / "comparison.html").read_text()
    assert "Subject 1" in page and "http" not in page.replace("http-equiv", "")
    assert not any(code.code in page for code in Corpus(walking_corpus).subjects())


def test_a_lone_person_is_a_case_without_interval(walking_corpus, estimates, tmp_path):
    corpus = Corpus(walking_corpus)
    person = corpus.subjects()[0].code
    one = tmp_path / "one.h5"
    with CorpusWriter(one, role="reference") as writer:
        for key in corpus.trials():
            if key[0] == person:
                writer.append(corpus.read(*key, clean=True))
    alone = compare_corpora(one, [estimates], tmp_path / "alone")
    assert list(alone.methods["method"]) == ["shifted"] and alone.bar == "" and not len(alone.tests)
    taught = compare_corpora(one, [estimates], tmp_path / "taught", taught_by=walking_corpus)
    rows = taught.methods.set_index("method")
    assert (rows["kind"] == "case").all() and np.isnan(rows.loc["mean_waveform", "angle_rmse_low"])
    assert rows.loc["mean_waveform", "labelled_trials"] == 6  # those of the three others, not this person's own
    assert np.isnan(taught.tests["p"]).all() and np.isfinite(worst_person(taught, "shifted", "angle_rmse"))


@pytest.mark.slow
def test_cycles_of_others_teach_a_cycle_network(make_walking_trial, tmp_path):
    """Whole cycles: amplitude follows the speed in this family, so the network must beat the mean of the others."""
    rng = np.random.default_rng(3)
    trials = [
        make_walking_trial(Subject(f"P{k}", 70.0, 1.75), speed, f"walk_{speed}", rng, seconds=6.0)
        for k in range(4)
        for speed in (0.9, 1.2, 1.5)
    ]
    sensors = tuple(r.placement.sensor for r in trials[0].recordings)
    settings = CycleSettings(steps=60, width=16, misalignment_deg=0.0, noise_share=0.02)
    model = train_cycles([trials[:9]], sensors, ("angle",), settings)
    assert model.subjects == ("P0", "P1", "P2") and model.n_trials == 9
    knee = [Target("angle", "hip_flexion_r")]
    own, bar = [], []
    mean = np.nanmean(np.concatenate([read_targets(t, knee) for t in trials[:9]]))
    for trial in trials[9:]:
        true, made = read_targets(trial, knee), read_targets(estimate_cycles(model, trial, "cnn"), knee)
        both = np.isfinite(true) & np.isfinite(made)
        assert both.any()
        own.append(np.mean((true - made)[both] ** 2))
        bar.append(np.mean((true[both] - mean) ** 2))
    assert np.mean(own) < 0.3 * np.mean(bar)
    with pytest.raises(CorpusMismatch, match="taught this network"):
        estimate_cycles(model, trials[0], "cnn")


def test_label_free_rows_are_trained_on_records_alone_and_say_so(walking_corpus, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "training.learnt_row.resolve_physics", lambda v: seen.append(v) or resolve_physics(v | {"width": 8})
    )
    rows = ("label_free",)
    found = compare_corpora(walking_corpus, {}, tmp_path / "out", train=rows, steps=2)
    assert seen == [{"network": "lstm", "seed": 0, "steps": 2}]
    table = found.methods.set_index("method")
    assert list(table.loc[list(rows), "labelled_trials"]) == [0.0]
    assert (table.loc[list(rows), "refused"] == 0).all()
    assert (table.loc[list(rows), "training_seconds"] > 0).all()
    assert set(found.tests["method"]) == set(rows)


def test_a_comparison_that_trained_nothing_names_no_device_and_the_default_is_the_cpu(found):
    folder, comparison = found
    card = json.loads((folder / "comparison.json").read_text())
    assert "trained_on" not in card and "cuda" not in json.dumps(card).lower()
    assert set(comparison.methods["trained_on"]) == {""}
    parameters = {p.name: p.default for p in command_of(compare_app).params}
    assert parameters["device"] is None and ComparisonWish((), Path(), (), None, None, 0, False, False).device == "cpu"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "errors.csv", "--device", "cpu", "--steps", "3"], "--device, --steps: compare of error tables"),
        (["compare", "errors.csv", "--train", "supervised"], "it belongs to corpora"),
        (["compare", "a.h5", "b.h5", "--steps", "3"], "--steps: it is of label-free rows"),
        (
            ["evaluate", "a.h5", "b.h5", "e.csv", "--method", "m", "--network", "lstm"],
            "--network: evaluate of estimates",
        ),
        (["evaluate", "a.h5", "--table", "networks", "--out", "o", "--network", "temporal"], "leave it out"),
        (["evaluate", "a.h5", "--table", "learning", "--out", "o", "--scheme", "5-fold"], "leave it out"),
    ],
)
def test_options_without_effect_are_refused(words, said):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1 and said in " ".join(done.output.split()), done.output


def test_a_speed_that_all_walk_at_is_not_learnt(walking_corpus, tmp_path):
    assert "speed" in supervised_config(walking_corpus, 3).outputs  # these walk at several
    corpus, belt = Corpus(walking_corpus), tmp_path / "belt.h5"
    with CorpusWriter(belt, role="reference") as writer:
        for key in corpus.trials():
            trial = corpus.read(*key, clean=True)
            writer.append(replace(trial, spatiotemporal=trial.spatiotemporal | {"speed": 0.75}))
    config = supervised_config(belt, 3)
    assert config.outputs == ("angle", "moment", "ground_reaction") and config.seed == 3


def test_what_cannot_be_compared_is_named(walking_corpus, estimates, tmp_path):
    with pytest.raises(CorpusMismatch, match="holds estimates"):
        compare_corpora(estimates, [], tmp_path / "x")
    with pytest.raises(CorpusMismatch, match="both call their method 'shifted'"):
        compare_corpora(walking_corpus, [estimates, estimates], tmp_path / "y")
    with pytest.raises(CorpusMismatch, match="expected one of supervised"):
        make_row("magic", walking_corpus, tmp_path)
    with pytest.raises(CorpusMismatch, match="--simulated"):
        make_row("cycle_cnn_both", walking_corpus, tmp_path)
    mixed = CliRunner().invoke(app, ["compare", str(walking_corpus), "errors.csv"])
    assert mixed.exit_code == 1 and "not both" in mixed.output


def test_what_a_method_waits_for_comes_from_its_configuration(estimates):
    conv = {"network": "conv1d", "kernel_seconds": 0.15, "depth": 2}
    assert waits_for(conv, "prediction", 100.0) == "0.16 s"  # half of two kernels of 17 frames
    assert waits_for({"network": "lstm", "bidirectional": False}, "prediction", 100.0) == "nothing"
    assert waits_for({"network": "lstm", "bidirectional": True}, "prediction", 100.0) == "whole recording"
    assert read_facts(estimates).method == "shifted" and not read_facts(estimates).needs_labels


def test_sign_flips_count_all_patterns():
    assert sign_flip_p([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == 2 / 64
    assert np.isnan(sign_flip_p([1.0] * 5))
    assert sign_flip_p([1.0, -1.0, 2.0, -2.0, 3.0, -3.0]) == 1.0
    many = sign_flip_p(np.random.default_rng(0).normal(0.0, 1.0, 40), seed=2)
    assert 0.01 < many <= 1.0 and many == sign_flip_p(np.random.default_rng(0).normal(0.0, 1.0, 40), seed=2)
    np.testing.assert_allclose(holm([0.01, np.nan, 0.04, 0.03]), [0.03, np.nan, 0.06, 0.06])


def test_the_goal_of_forces_is_held_against_settings_that_nobody_chose_on_the_scored():
    from benchmarks.network_figures.comparison import HEADLINE, ROWS, force_figures

    errors = {HEADLINE: 6.0, "mean_waveform": 8.0} | dict.fromkeys(ROWS, 5.0)
    methods = pd.DataFrame({"method": list(errors), "vertical_force_rmse": list(errors.values())})
    subjects = methods.rename(columns={"vertical_force_rmse": "value"})
    subjects = subjects.assign(subject="S1", measure="vertical_force_rmse")
    audit = pd.DataFrame({"used": [True]})
    found = SimpleNamespace(methods=methods, subjects=subjects, synchronisation=audit, bar="mean_waveform")
    figures = force_figures(found)
    assert figures["vertical_force_supervised_pct_bw"]["ours"] == 6.0
    assert figures["vertical_force_worst_person_minus_mean_waveform"]["ours"] == -2.0
    assert figures["vertical_force_chosen_on_six_of_them_pct_bw"]["goal"] == "reported"

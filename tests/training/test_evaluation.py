"""One function scores every method; what was not estimated is counted."""

from dataclasses import replace

import numpy as np
import pytest

from synth.corpus import Corpus, CorpusMismatch, CorpusWriter
from training.comparison import bootstrap_interval, compare, comparison_table, format_value, ratio_interval
from training.csv_table import read_csv, write_csv
from training.evaluation import COLUMNS, count_trials, evaluate
from training.leave_one_out import predict_mean_waveforms
from training.target import ALL_TARGETS, available_targets, has_waveform, read_targets, write_targets
from training.training_set import read_training_set


def write_estimates(truth, out, change, config=None, role="baseline"):
    """A corpus whose trials are the true ones after `change`."""
    reader = Corpus(truth)
    with CorpusWriter(out, role=role, config=config) as writer:
        for key in reader.trials():
            changed = change(reader.read(*key, clean=True))
            if changed is not None:
                writer.append(changed)
    return out


def shifted(trial, angle=0.0, moment=0.0, reaction=0.0, speed=0.0):
    """A trial whose estimates are off by constants, in report units."""
    targets = available_targets([trial], ["angle", "moment", "ground_reaction", "speed"])
    offsets = {"angle": angle, "moment": moment, "ground_reaction": reaction, "speed": speed}
    values = read_targets(trial, targets) + [offsets[target.kind] / target.scale for target in targets]
    return write_targets(trial, targets, values, 2.0, "shifted")


def test_a_method_without_error_scores_none(walking_corpus, tmp_path):
    path = write_estimates(walking_corpus, tmp_path / "same.h5", lambda trial: shifted(trial))
    errors = evaluate(walking_corpus, path, "truth")
    value = errors.set_index("metric")["value"]
    for metric in ("angle_rmse", "moment_rmse", "ground_reaction_rmse", "speed_absolute_error"):
        assert value[metric].to_numpy() == pytest.approx(0, abs=1e-9)
    assert (value["angle_coverage"] == 1).all()
    assert count_trials(errors) == {"scored": 8, "refused": 0, "unlabelled": 0}
    assert tuple(errors.columns) == COLUMNS


def test_no_source_of_labels_is_scored_and_no_estimate_is_truth(walking_corpus, tmp_path):
    with pytest.raises(CorpusMismatch, match="holds labels"):
        evaluate(walking_corpus, walking_corpus, "truth")
    estimates = write_estimates(walking_corpus, tmp_path / "same.h5", lambda trial: shifted(trial))
    with pytest.raises(CorpusMismatch, match="holds estimates"):
        evaluate(estimates, estimates, "itself")
    with pytest.raises(CorpusMismatch, match="holds estimates"):
        read_training_set(Corpus(estimates), ["S1"], ("angle",))


def test_constant_offsets_come_back_in_the_units_of_the_tables(walking_corpus, tmp_path):
    path = write_estimates(
        walking_corpus,
        tmp_path / "shifted.h5",
        lambda trial: shifted(trial, angle=4.0, moment=-0.5, reaction=3.0, speed=-0.2),
        {"labels_used": {"S01": {"trials": 6, "frames": 700}}},
    )
    errors = evaluate(walking_corpus, path, "shifted")
    value = errors.set_index("metric")["value"]
    assert value["angle_rmse"].to_numpy() == pytest.approx(4.0)
    assert value["angle_rmse_mean_removed"].to_numpy() == pytest.approx(0, abs=1e-6)
    assert value["moment_bias"].to_numpy() == pytest.approx(-0.5)
    assert value["ground_reaction_rmse"].to_numpy() == pytest.approx(3.0)
    assert value["speed_error"].to_numpy() == pytest.approx(-0.2)
    assert value["seconds"].to_numpy() == pytest.approx(2.0)
    labels = errors[errors["metric"] == "labelled_frames"].groupby("subject")["value"].first()
    assert labels["S01"] == 700
    assert labels["S02"] == 0
    assert set(errors.loc[errors["metric"] == "moment_rmse", "unit"]) == {"%BWBH"}


def test_refused_and_absent_trials_are_counted_with_their_reason(walking_corpus, tmp_path):
    def change(trial):
        if trial.subject.code == "S01":
            return replace(trial, kinematics=None, kinetics=None, status="refused", reason="did not converge")
        if trial.subject.code == "S02" and trial.name == "walk_01":
            return None
        return trial

    errors = evaluate(walking_corpus, write_estimates(walking_corpus, tmp_path / "some.h5", change), "baseline")
    assert count_trials(errors) == {"scored": 5, "refused": 3, "unlabelled": 0}
    notes = errors[(errors["metric"] == "refused") & (errors["value"] == 1)].set_index(["subject", "trial"])["note"]
    assert notes["S01", "walk_02"] == "did not converge"
    assert "not in the corpus" in notes["S02", "walk_01"]
    comparison = compare(errors).set_index("measure")
    assert comparison.loc["angle_rmse", "n_refused"] == 3
    assert comparison.loc["angle_rmse", "n_subjects"] == 3


def test_a_reference_without_labels_is_unlabelled_not_scored(walking_corpus, tmp_path):
    reference = write_estimates(
        walking_corpus,
        tmp_path / "reference.h5",
        lambda trial: (
            replace(trial, kinematics=None, kinetics=None, status="refused", reason="two steps only")
            if trial.subject.code == "S04"
            else trial
        ),
        role="reference",
    )
    errors = evaluate(reference, write_estimates(walking_corpus, tmp_path / "same.h5", lambda trial: trial), "truth")
    assert count_trials(errors) == {"scored": 6, "refused": 0, "unlabelled": 2}
    assert "two steps only" in set(errors["note"])


def test_only_frames_with_a_label_count(walking_corpus, tmp_path):
    def spoil(trial):
        values = trial.kinematics.values.copy()
        values[~has_waveform(trial)] = 99.0
        return replace(trial, kinematics=replace(trial.kinematics, values=values))

    errors = evaluate(walking_corpus, write_estimates(walking_corpus, tmp_path / "spoilt.h5", spoil), "spoilt")
    assert errors.set_index("metric")["value"]["angle_rmse"].to_numpy() == pytest.approx(0, abs=1e-9)


def test_moments_are_normalised_with_the_true_subject(walking_corpus, tmp_path):
    def heavier(trial):
        return replace(trial, subject=replace(trial.subject, mass=2 * trial.subject.mass))

    errors = evaluate(walking_corpus, write_estimates(walking_corpus, tmp_path / "heavy.h5", heavier), "generic body")
    assert errors.set_index("metric")["value"]["moment_rmse"].to_numpy() == pytest.approx(0, abs=1e-9)


def test_another_time_base_and_other_trials_are_refused(walking_corpus, make_walking_corpus, tmp_path):
    def cut(trial):
        kinematics = replace(trial.kinematics, values=trial.kinematics.values[:-1])
        return replace(trial, recordings=(), kinetics=None, kinematics=kinematics)

    with pytest.raises(CorpusMismatch, match="expected an estimate of 400 frames"):
        evaluate(walking_corpus, write_estimates(walking_corpus, tmp_path / "cut.h5", cut), "cut")
    renamed = write_estimates(walking_corpus, tmp_path / "other.h5", lambda t: replace(t, name=f"x_{t.name}"))
    with pytest.raises(CorpusMismatch, match="found none of them"):
        evaluate(walking_corpus, renamed, "other")


def test_the_mean_waveform_of_identical_walkers_is_exact(make_walking_trial, tmp_path):
    from mocap_import.subject import Subject

    path = tmp_path / "twins.h5"
    with CorpusWriter(path, role="reference") as writer:
        for i in range(3):
            subject = Subject(f"T{i}", mass=60.0 + 10 * i, height=1.6 + 0.1 * i)
            writer.append(make_walking_trial(subject, 1.2, "walk", np.random.default_rng(4)))
    errors = evaluate(path, predict_mean_waveforms(path, tmp_path / "mean.h5"), "mean_waveform")
    value = errors.set_index("metric")["value"]
    assert value["angle_rmse"].max() < 0.1
    assert value["moment_rmse"].max() < 0.05
    assert value["speed_absolute_error"].to_numpy() == pytest.approx(0, abs=1e-9)
    assert set(value["labelled_trials"]) == {2.0}


def test_the_mean_waveform_is_that_of_the_others(walking_corpus, tmp_path):
    path = predict_mean_waveforms(walking_corpus, tmp_path / "mean.h5")
    reference, estimates = Corpus(walking_corpus), Corpus(path)
    speeds = {
        key: np.mean(
            [reference.read(*other).spatiotemporal["speed"] for other in reference.trials() if other[0] != key[0]]
        )
        for key in reference.trials()
    }
    for key, speed in speeds.items():
        assert estimates.read(*key).spatiotemporal["speed"] == pytest.approx(speed)
    trial = estimates.read("S01", "walk_01")
    values = read_targets(trial, [t for t in ALL_TARGETS if t.coordinate == "knee_angle_r"])
    np.testing.assert_array_equal(np.isfinite(values[:, 0]), has_waveform(reference.read("S01", "walk_01")))


def error_rows(method, values):
    """An error table with one knee angle RMSE a subject."""
    import pandas as pd

    rows = [
        {"subject": f"S{i}", "trial": "w", "coordinate": "knee_angle_r", "metric": "angle_rmse", "value": value}
        for i, value in enumerate(values)
    ]
    return pd.DataFrame(rows).assign(unit="deg", method=method, note="")


def test_comparison_means_subjects_and_judges_against_the_mean_waveform():
    import pandas as pd

    mean = error_rows("mean_waveform", [4.0, 5.0, 6.0, 7.0, 8.0])
    tables = [mean, error_rows("good", [3.0, 4.1, 4.9, 6.0, 7.0]), error_rows("bad", [6.0, 7.0, 8.0, 9.0, 10.0])]
    tables.append(error_rows("unclear", [3.0, 6.0, 5.0, 8.0, 8.0]))
    result = compare(pd.concat(tables)).set_index(["method", "measure"])
    assert result.loc[("good", "angle_rmse"), "mean"] == pytest.approx(5.0)
    verdicts = {method: result.loc[(method, "angle_rmse"), "verdict"] for method in ("good", "bad", "unclear")}
    assert verdicts == {"good": "better", "bad": "worse", "unclear": "not clear"}
    assert result.loc[("bad", "angle_rmse"), "difference"] == pytest.approx(2.0)
    row = result.loc[("good", "angle_rmse")]
    assert row["low"] < row["mean"] < row["high"]


def test_two_subjects_are_cases_without_an_interval():
    import pandas as pd

    errors = pd.concat([error_rows("mean_waveform", [4.0, 5.0]), error_rows("good", [1.0, 1.0])])
    row = compare(errors).set_index(["method", "measure"]).loc[("good", "angle_rmse")]
    assert row["verdict"] == "too few subjects"
    assert np.isnan(row["low"])


def test_trials_weigh_within_their_subject_only():
    import pandas as pd

    many = pd.concat([error_rows("m", [1.0]).assign(trial=f"w{i}") for i in range(9)])
    other = error_rows("m", [0.0, 3.0]).iloc[1:]
    assert compare(pd.concat([many, other])).set_index("measure").loc["angle_rmse", "mean"] == pytest.approx(2.0)


def test_bootstrap_interval_of_many_subjects_is_the_normal_one():
    values = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap_interval(values)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    assert np.isnan(bootstrap_interval(values[:2])).all()


def test_a_ratio_keeps_both_values_of_a_subject_together():
    below = np.random.default_rng(1).uniform(1.0, 9.0, 12)
    assert ratio_interval(2.0 * below, below) == pytest.approx((2.0, 2.0, 2.0))
    _, low, high = ratio_interval(2.0 * below, below[::-1])
    assert low < 1.9 < 2.1 < high
    assert np.isnan(ratio_interval(below[:2], below[:2])[1:]).all()


def test_tables_survive_a_file_and_read_well(tmp_path):
    table = error_rows("mean_waveform", [4.0, 5.0, 6.0]).assign(subject=["001", "002", "NA"])
    again = read_csv(write_csv(tmp_path / "errors.csv", table), COLUMNS)
    assert list(again["subject"]) == ["001", "002", "NA"]
    assert "5.00 ± 1.00" in comparison_table(compare(again)).to_string()
    assert format_value(float("nan"), 1.0) == "–"
    (tmp_path / "foreign.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(CorpusMismatch, match=r"foreign.csv.*subject"):
        read_csv(tmp_path / "foreign.csv", COLUMNS)

"""Nobody is estimated by a network that has seen them; networks learn more than the mean."""

import pytest

from synth.corpus import Corpus, CorpusMismatch
from training.comparison import compare
from training.config import resolve_config
from training.evaluation import evaluate
from training.leave_one_out import labelled_subjects, leave_one_subject_out, predict_mean_waveforms
from training.loop import train
from training.prediction import apply_checkpoint
from training.stored_card import read_card
from training.training_set import read_training_set

QUICK = {"width": 8, "steps": 4, "batch": 4}


@pytest.mark.parametrize(("network", "steps"), [("conv1d", 200), ("lstm", 300)])
def test_networks_beat_the_mean_waveform_on_an_analytic_family(network, steps, make_walking_corpus, tmp_path):
    """Amplitude and timing follow the speed in this family, so there is something to learn from sensors."""
    path = make_walking_corpus(tmp_path / "reference.h5", n_subjects=7, n_trials=2, seed=2)
    corpus, config = Corpus(path), resolve_config({"network": network, "width": 32, "steps": steps, "seed": 1})
    subjects = labelled_subjects(corpus)
    data = read_training_set(corpus, subjects[:5], config.outputs, mirror=config.mirror)
    own = evaluate(path, apply_checkpoint(train(data, config), path, tmp_path / "network.h5"), network)
    mean = evaluate(path, predict_mean_waveforms(path, tmp_path / "mean.h5"), "mean_waveform")
    left_out = own["subject"].isin(subjects[5:])
    assert (own.loc[~left_out & (own["metric"] == "refused"), "value"] == 1).all()
    own = compare(own[left_out]).set_index("measure")["mean"]
    bar = compare(mean[mean["subject"].isin(subjects[5:])]).set_index("measure")["mean"]
    # Each walker's own offsets cannot be seen by sensors that are turned at random: the shape can.
    assert own["angle_rmse"] < bar["angle_rmse"]
    assert own["angle_rmse_mean_removed"] < 0.7 * bar["angle_rmse_mean_removed"]
    assert own["moment_rmse"] < 0.7 * bar["moment_rmse"]
    assert own["speed_error"] < 0.5 * bar["speed_error"]


def test_no_fold_shares_a_subject_and_every_trial_is_estimated_once(walking_corpus, tmp_path):
    written = leave_one_subject_out(walking_corpus, tmp_path, {"conv1d": resolve_config(QUICK)})
    estimates = Corpus(written["conv1d"])
    assert estimates.trials() == Corpus(walking_corpus).trials()
    assert all(row["status"] == "predicted" for row in estimates.summary())
    used = estimates.provenance.config["labels_used"]
    for subject in labelled_subjects(Corpus(walking_corpus)):
        card = read_card(tmp_path / "checkpoints" / "conv1d" / f"{subject}.safetensors")
        assert subject not in card["subjects"]
        assert len(card["subjects"]) == 3
        assert used[subject]["trials"] == 6
    assert estimates.provenance.seed == 0
    assert list(estimates.provenance.sources) == ["reference.h5"]


def test_finished_folds_are_kept_and_changed_ones_trained_again(walking_corpus, tmp_path):
    trained = []
    configs = {"conv1d": resolve_config(QUICK)}
    leave_one_subject_out(walking_corpus, tmp_path, configs, progress=lambda *step: trained.append(step))
    assert trained[0][:2] == (0, 4)
    assert trained[-1][:2] == (4, 4)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    (tmp_path / "checkpoints" / "conv1d" / "S02.safetensors").write_bytes(b"half a file")
    again = []
    leave_one_subject_out(walking_corpus, tmp_path, configs, progress=lambda *step: again.append(step))
    assert [step[0] for step in again] == [3, 4]
    assert sum(path.stat().st_mtime_ns != stamp for path, stamp in stamps.items()) == 1
    other = {"conv1d": resolve_config(QUICK | {"seed": 5})}
    more = []
    leave_one_subject_out(walking_corpus, tmp_path, other, progress=lambda *step: more.append(step))
    assert more[0][0] == 0


def test_worker_processes_give_the_same_networks_and_a_failed_fold_is_refused(walking_corpus, tmp_path):
    configs = {"conv1d": resolve_config(QUICK)}
    here = leave_one_subject_out(walking_corpus, tmp_path / "here", configs)["conv1d"]
    (tmp_path / "there" / "checkpoints" / "conv1d" / "S03.safetensors").mkdir(parents=True)  # cannot be written
    there = leave_one_subject_out(walking_corpus, tmp_path / "there", configs, n_workers=2)["conv1d"]
    rows = {row["subject"]: row for row in Corpus(there).summary()}
    assert rows["S03"]["status"] == "refused"
    assert "training failed" in rows["S03"]["reason"]
    a, b = (evaluate(walking_corpus, path, "conv1d") for path in (here, there))
    a, b = (table[(table["metric"] != "seconds") & (table["subject"] != "S03")] for table in (a, b))
    assert a.reset_index(drop=True).equals(b.reset_index(drop=True))


def test_one_subject_cannot_be_left_out(make_walking_corpus, tmp_path):
    corpus = make_walking_corpus(tmp_path / "one.h5", n_subjects=1)
    with pytest.raises(CorpusMismatch, match="at least two subjects, found S01"):
        leave_one_subject_out(corpus, tmp_path, {"conv1d": resolve_config(QUICK)})

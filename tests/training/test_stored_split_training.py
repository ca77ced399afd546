"""Networks are taught and tested by the splits that the corpus holds, and never by one that shares a person."""

import json
import shutil
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from synth.corpus import Corpus, CorpusMismatch, CorpusWriter
from synth.corpus.stored_split import make_splits, store_splits
from synth.corpus.subject_split import SubjectSplit
from training.chosen_split import LEAVE_ONE_OUT, choose_splits, split_families
from training.cli import evaluate_app, train_app
from training.config import resolve_config
from training.evaluation import count_trials, evaluate
from training.split_training import mean_waveforms_of, train_splits
from training.stored_card import read_card

QUICK = {"conv1d": resolve_config({"width": 8, "steps": 2, "batch": 4})}


@pytest.fixture
def corpus(walking_corpus, tmp_path):
    """Four walkers in a file of one's own."""
    return shutil.copy(walking_corpus, tmp_path / "reference.h5")


def stored(path, scheme, *, keep=False, **options):
    return store_splits(path, path, make_splits(Corpus(path), scheme, **options), keep=keep)


def test_nested_subsets_give_a_network_each_and_the_same_test_subjects(corpus, tmp_path):
    splits = stored(corpus, "nested", sizes=(1, 2), test=("S02",))
    chosen = choose_splits(Corpus(corpus))
    assert (chosen.name, chosen.is_stored, chosen.tests_once) == ("nested_of_3", True, False)
    written = train_splits(corpus, tmp_path / "run", QUICK, chosen) | mean_waveforms_of(corpus, tmp_path, chosen)
    for split in splits:
        card = read_card(tmp_path / "run" / "checkpoints" / "conv1d" / f"{split.name}.safetensors")
        assert tuple(card["subjects"]) == split.train
        for method in ("conv1d", "mean_waveform"):
            estimates = written[f"{method}_{split.name}"]
            assert {code for code, _ in Corpus(estimates).trials()} == {"S02"}
            # Those who taught it are not counted as refused: only the test subject is scored.
            counts = count_trials(evaluate(corpus, estimates, method))
            assert counts == {"scored": 2, "refused": 0, "unlabelled": 0}
    assert set(splits[0].train) < set(splits[1].train)


def test_folds_that_test_everybody_once_fill_one_corpus_of_estimates(corpus, tmp_path):
    stored(corpus, "k-fold", k=2)
    chosen = choose_splits(Corpus(corpus), "fold_of_2")
    written = train_splits(corpus, tmp_path / "run", QUICK, chosen)
    assert list(written) == ["conv1d"]
    assert Corpus(written["conv1d"]).trials() == Corpus(corpus).trials()
    tested = {split.name: split.test for split in chosen.splits}
    for name, codes in tested.items():
        card = read_card(tmp_path / "run" / "checkpoints" / "conv1d" / f"{name}.safetensors")
        assert not set(codes) & set(card["subjects"])
    card = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert card["methods"]["conv1d"]["scheme"] == "fold_of_2"


def test_without_one_family_of_splits_one_subject_is_left_out(corpus):
    assert choose_splits(Corpus(corpus)).name == LEAVE_ONE_OUT
    stored(corpus, "k-fold", k=2)
    stored(corpus, "nested", sizes=(1, 2), n_test=1, keep=True)
    reader = Corpus(corpus)
    assert list(split_families(reader.splits)) == ["fold_of_2", "nested_of_3"]
    assert choose_splits(reader).name == LEAVE_ONE_OUT
    assert [split.name for split in choose_splits(reader, "nested_2_of_3").splits] == ["nested_2_of_3"]
    with pytest.raises(CorpusMismatch, match="found no 'nested'; there are fold_of_2, nested_of_3"):
        choose_splits(reader, "nested")


def test_validation_subjects_neither_teach_nor_are_tested(corpus):
    stored(corpus, "leave-one-out", n_validation=1)
    chosen = choose_splits(Corpus(corpus))
    assert chosen.name == "leave_out"
    for split, kept in zip(chosen.splits, Corpus(corpus).splits, strict=True):
        assert kept.validation
        assert not set(kept.validation) & {*split.train, *split.test}


def copied_under_another_code(source, out, splits):
    """A corpus in which one trial of S01 is also one of S99."""
    corpus = Corpus(source)
    with CorpusWriter(out, role="reference", splits=splits) as writer:
        writer.copy_trials(corpus)
        trial = corpus.read("S01", "walk_01", clean=True)
        writer.append(replace(trial, subject=replace(trial.subject, code="S99")))
    return out


def test_a_split_that_shares_a_person_is_refused_in_the_words_of_the_leak_detector(corpus, tmp_path):
    crossed = SubjectSplit("mine", ("S01", "S02"), (), ("S99", "S03"))
    leaking = copied_under_another_code(corpus, tmp_path / "leaking.h5", [crossed])
    with pytest.raises(CorpusMismatch, match=r"S99/walk_01 holds the same records as S01/walk_01.*S01 is in train"):
        train_splits(leaking, tmp_path / "run", QUICK, choose_splits(Corpus(leaking)))
    assert not (tmp_path / "run").exists()
    with pytest.raises(CorpusMismatch, match="holds the same records"):
        train_splits(leaking, tmp_path / "run", QUICK, choose_splits(Corpus(leaking), stored=False))
    together = SubjectSplit("mine", ("S01", "S99"), (), ("S03",))
    harmless = copied_under_another_code(corpus, tmp_path / "harmless.h5", [together])
    assert "mine" not in train_splits(harmless, tmp_path / "run", QUICK, choose_splits(Corpus(harmless)))


def test_a_split_without_labels_or_of_strangers_is_refused(corpus, tmp_path):
    def refused(split, words):
        path = tmp_path / "other.h5"
        with CorpusWriter(path, role="reference", splits=[split]) as writer:
            reader = Corpus(corpus)
            for subject, name in reader.trials():
                trial = reader.read(subject, name, clean=True)
                writer.append(trial if subject != "S04" else replace(trial, kinematics=None, kinetics=None))
        with pytest.raises(CorpusMismatch, match=words):
            choose_splits(Corpus(path))

    refused(SubjectSplit("mine", ("S01",), (), ("S77",)), "names 'S77', who has no trial")
    refused(SubjectSplit("mine", ("S01",), (), ("S04",)), "nobody with labels in test")


def test_the_command_uses_the_named_split(corpus, tmp_path):
    stored(corpus, "nested", sizes=(1, 2), test=("S02", "S04"))
    (tmp_path / "training.toml").write_text("width = 8\nsteps = 2\nbatch = 4\n", encoding="utf-8")
    words = [str(corpus), str(tmp_path / "run"), "--config", str(tmp_path / "training.toml"), "--json"]
    result = CliRunner().invoke(train_app, [*words, "--split", "nested_2_of_2"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["splits"] == "nested_2_of_2"
    row = next(row for row in told["methods"] if row["method"] == "conv1d")
    assert (row["trials"], row["refused"]) == (4, 0)
    scored = [str(corpus), row["estimates"], str(tmp_path / "e.csv"), "--method", "conv1d", "--json"]
    assert CliRunner().invoke(evaluate_app, scored).exit_code == 0
    for more in (["--all"], ["--leave-one-out"]):
        both = CliRunner().invoke(train_app, [*words, "--split", "nested_of_2", *more])
        assert both.exit_code == 1
        assert "--split says who is left out" in json.loads(both.output)["error"]

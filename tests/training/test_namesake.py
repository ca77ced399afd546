"""Virtual people of two draws bear the same codes: those of the other draw teach, those of the same one do not."""

import pytest

from synth.corpus import Corpus, CorpusMismatch, CorpusWriter
from training.cycle_regression import CycleSettings
from training.learnt_row import _cycles
from training.namesake import are_strangers
from training.taught_waveform import predict_taught_waveforms


@pytest.fixture(scope="module")
def drawn(walking_corpus, tmp_path_factory):
    """The same trials as people of seed 1, of seed 2, and as measured ones."""
    folder, corpus = tmp_path_factory.mktemp("drawn"), Corpus(walking_corpus)
    configs = {"one": {"population": {"seed": 1}}, "two": {"population": {"seed": 2}}, "measured": {}}
    for name, config in configs.items():
        with CorpusWriter(folder / f"{name}.h5", role="reference", config=config) as writer:
            for key in corpus.trials():
                writer.append(corpus.read(*key, clean=True))
    return {name: folder / f"{name}.h5" for name in configs}


def test_people_are_strangers_where_their_draws_differ_or_one_was_measured(drawn):
    assert are_strangers(drawn["one"], drawn["two"])
    assert are_strangers(drawn["one"], drawn["measured"]) and are_strangers(drawn["measured"], drawn["two"])
    assert not are_strangers(drawn["one"], drawn["one"]) and not are_strangers(drawn["measured"], drawn["measured"])


def test_namesakes_of_another_draw_teach_the_cycle_network_and_the_same_people_do_not(drawn, tmp_path):
    few = CycleSettings(steps=2, seed=0)
    out = _cycles("cycle_cnn_simulated", drawn["one"], tmp_path, None, drawn["two"], False, few)
    estimates = Corpus(out)
    assert {estimates.read(*key, clean=True).status for key in estimates.trials()} == {"predicted"}
    with pytest.raises(CorpusMismatch):
        _cycles("cycle_cnn", drawn["one"], tmp_path, drawn["one"], None, True, few)


def test_namesakes_of_another_draw_are_in_the_mean_waveform_and_the_same_people_are_not(drawn, tmp_path):
    everybody = {s.code for s in Corpus(drawn["two"]).subjects()}
    out = predict_taught_waveforms(drawn["one"], drawn["two"], tmp_path / "mean.h5")
    estimates = Corpus(out)
    used = estimates.provenance.config["labels_used"]
    assert {estimates.read(*key, clean=True).status for key in estimates.trials()} == {"predicted"}
    own = predict_taught_waveforms(drawn["measured"], drawn["two"], tmp_path / "measured.h5")
    assert set(used) == everybody
    assert used == Corpus(own).provenance.config["labels_used"], "all of them teach strangers, whoever these are"
    with pytest.raises(CorpusMismatch):
        predict_taught_waveforms(drawn["one"], drawn["one"], tmp_path / "none.h5")

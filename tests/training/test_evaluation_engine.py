"""Scoring on several processes gives the table of one, and a mismatch is told in the same words."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from mocap_import.batch import Outcome
from mocap_import.engine import EngineFailed, LocalEngine, open_engine
from synth.corpus import Corpus, CorpusMismatch, CorpusWriter
from training import evaluation
from training.cli import evaluate_app
from training.csv_table import write_csv
from training.evaluation import evaluate
from training.leave_one_out import predict_mean_waveforms


@pytest.fixture(scope="module")
def estimates(walking_corpus, tmp_path_factory):
    return predict_mean_waveforms(walking_corpus, tmp_path_factory.mktemp("estimates") / "mean.h5")


@pytest.mark.slow
def test_the_table_has_the_same_bytes_on_a_cluster_with_a_worker_killed(
    walking_corpus, estimates, tmp_path, monkeypatch, dask_scheduler, dask_killer
):
    monkeypatch.setattr(evaluation, "CHUNK", 2)
    here = write_csv(tmp_path / "here.csv", evaluate(walking_corpus, estimates, "mean"))
    steps, killed = [], []

    def progress(count):
        steps.append(count)
        if not killed:
            killed.append(dask_killer())

    with open_engine("dask", scheduler=dask_scheduler) as engine:
        table = evaluate(walking_corpus, estimates, "mean", engine=engine, progress=progress)
    assert write_csv(tmp_path / "there.csv", table).read_bytes() == here.read_bytes()
    assert sum(steps) == len(Corpus(walking_corpus).trials())
    assert len(steps) == 4


@pytest.mark.slow
def test_the_command_takes_workers(walking_corpus, estimates, tmp_path):
    words = [str(walking_corpus), str(estimates), str(tmp_path / "a.csv"), "--method", "mean", "--json"]
    alone = CliRunner().invoke(evaluate_app, words)
    words[2] = str(tmp_path / "b.csv")
    shared = CliRunner().invoke(evaluate_app, [*words, "--workers", "1"])
    assert alone.exit_code == shared.exit_code
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert json.loads(alone.stdout)["comparison"] == json.loads(shared.stdout)["comparison"]
    refused = CliRunner().invoke(evaluate_app, [*words, "--engine", "cloud"])
    assert refused.exit_code == 1
    assert "expected one of local, dask" in json.loads(refused.stdout)["error"]


def test_a_mismatch_and_a_lost_task_end_in_one_sentence(walking_corpus, estimates, tmp_path, monkeypatch):
    reader, other = Corpus(estimates), tmp_path / "other.h5"
    with CorpusWriter(other, role="prediction") as writer:
        for key in reader.trials():
            trial = reader.read(*key, clean=True)
            shorter = replace(trial.kinematics, values=trial.kinematics.values[:-1])
            writer.append(replace(trial, recordings=(), kinematics=shorter, kinetics=None, events=()))
    with pytest.raises(CorpusMismatch) as here:
        evaluate(walking_corpus, other, "mean")
    with pytest.raises(CorpusMismatch) as there:
        evaluate(walking_corpus, other, "mean", engine=LocalEngine(1))
    assert str(here.value) == str(there.value)
    lost = LocalEngine(1)
    monkeypatch.setattr(lost, "run", lambda tasks, **_: [Outcome(t.key, "crashed", reason="It died.") for t in tasks])
    with pytest.raises(EngineFailed, match=r"could not be scored: It died\."):
        evaluate(walking_corpus, estimates, "mean", engine=lost)

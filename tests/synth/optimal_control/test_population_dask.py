"""A population on a Dask cluster: the same bytes as on this machine, also when a worker is killed on the way."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mocap_import.batch import run_tasks
from mocap_import.engine import open_engine
from opensim_models.generic.generic_model import REFERENCE_PERSON, generic_model
from synth.corpus import Corpus
from synth.optimal_control.population import planar_chunk
from synth.optimal_control.population.part import CHUNK
from synth.optimal_control.population.planar_chunk import PopulationRequest
from synth.optimal_control.population.run import build_population


@dataclass(frozen=True)
class Dying(PopulationRequest):
    """People whose gaits are refused without being solved; the task of the second ten crashes."""

    function = "cluster_tasks:dying_people"


class _Killing:
    """A progress bar that kills a worker of the cluster when the first chunk is there."""

    def __init__(self, killer):
        self.killer, self.killed = killer, []

    def __call__(self, _total, _description):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def advance(self, steps, _description=None):
        if steps and not self.killed:
            self.killed.append(self.killer())


@pytest.fixture
def _no_opensim(monkeypatch):
    """Muscle paths are not fitted: nothing is solved."""
    skeleton = generic_model("planar", REFERENCE_PERSON).skeleton
    monkeypatch.setattr(planar_chunk, "template_skeleton", lambda: skeleton)


@pytest.mark.usefixtures("_no_opensim")
def test_neither_a_killed_worker_nor_a_crash_changes_a_byte_and_what_crashes_is_left_alone(
    tmp_path, dask_scheduler, dask_killer
):
    request = Dying(4 * CHUNK + 3, 7)
    local = build_population(request, tmp_path / "local.h5", n_workers=2)
    bar = _Killing(dask_killer)
    with open_engine("dask", scheduler=dask_scheduler) as engine:
        rows = build_population(request, tmp_path / "dask.h5", engine=engine, progress=bar)
    assert len(bar.killed) == 1
    assert rows.equals(local)
    first = (tmp_path / "dask.h5").read_bytes()
    assert first == (tmp_path / "local.h5").read_bytes()
    assert sum("SIGABRT" in str(row["reason"]) for row in Corpus(tmp_path / "dask.h5").summary()) == CHUNK
    asked = []

    class Engine:
        def run(self, tasks, **wishes):
            asked.extend(run_tasks(tasks, **wishes))
            return asked

        def check_shared(self, *_):
            pass

    build_population(request, tmp_path / "dask.h5", engine=Engine())
    assert [(o.key, o.status) for o in asked] == [("people 10-19", "quarantined")]
    assert (tmp_path / "dask.h5").read_bytes() == first


@pytest.mark.slow
def test_walks_that_are_solved_on_a_cluster_have_the_bytes_of_local_ones(tmp_path, dask_scheduler, dask_killer):
    request = PopulationRequest(CHUNK + 2, 7)
    build_population(request, tmp_path / "local.h5", n_workers=2)
    bar = _Killing(dask_killer)
    with open_engine("dask", scheduler=dask_scheduler) as engine:
        rows = build_population(request, tmp_path / "dask.h5", engine=engine, progress=bar)
    assert len(bar.killed) == 1
    assert (rows.status != "refused").sum() >= CHUNK
    assert (tmp_path / "dask.h5").read_bytes() == (tmp_path / "local.h5").read_bytes()

"""A population on a Dask cluster: the same bytes as on this machine, also when a worker is killed on the way."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mocap_import.batch import run_tasks
from mocap_import.engine import open_engine
from synth.corpus import Corpus
from synth.optimal_control.population.gait_trial import refused_trial, trial_name
from synth.optimal_control.population.part import CHUNK, chunks, part_file, write_part
from synth.optimal_control.population.planar_chunk import PopulationRequest
from synth.optimal_control.population.run import build_population
from synth.virtual_people import draw_person


@dataclass(frozen=True)
class Dying(PopulationRequest):
    """People whose parts are there already, their gaits refused unsolved; the task of the second ten crashes."""

    function = "cluster_tasks:copied_people"
    made: str = ""

    @property
    def config(self):
        return {**super().config, "made": ""}

    def arguments(self, _folder):
        return {"made": self.made}


def write_refused(folder, request):
    """The parts of a population whose gaits are all refused."""
    folder.mkdir()
    for chunk in chunks(request.subjects):
        people = [draw_person(request.seed, person).subject for person in chunk]
        trials = [refused_trial(trial_name(0), subject, request.rate, "drift: made up") for subject in people]
        rows = [{"subject": s.code, "trial": "walk_01", "status": "refused", "kind": "drift"} for s in people]
        write_part(part_file(folder, chunk), trials, rows)


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


def test_neither_a_killed_worker_nor_a_crash_changes_a_byte_and_what_crashes_is_left_alone(
    tmp_path, dask_scheduler, dask_killer
):
    request = Dying(4 * CHUNK + 3, 7, made=str(tmp_path / "made"))
    write_refused(tmp_path / "made", request)
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

"""Motion on a Dask cluster: the products of this process, also with a worker killed; what hangs is left alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from walking_archive import PERSON, write_archive

from mocap_import.engine import LocalEngine, open_engine
from mocap_import.subject import Subject
from opensim_models.archive.subject_motion import solve_archive_motion

SECOND = Subject("P02", 80.0, 1.85, "male", 40.0)


def products(folder: Path) -> dict[str, bytes]:
    """Skeletons, coordinates and forces."""
    names = ("skeleton.json", "planar_skeleton.json", "*.mot", "*_forces.sto")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for name in names for p in folder.glob(f"P0*/{name}")}


@pytest.mark.slow
def test_every_product_has_the_same_bytes_on_a_cluster_with_a_worker_killed(tmp_path, dask_scheduler, dask_killer):
    archive = write_archive(tmp_path / "trials", (PERSON, SECOND), 60)
    here = solve_archive_motion(archive, tmp_path / "here")
    killed = []

    class Bar:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def __call__(self, _finished=None):
            if not killed:
                killed.append(dask_killer())

    with open_engine("dask", scheduler=dask_scheduler) as engine:
        wishes = {"engine": engine, "progress": lambda _total, _words: Bar()}
        there = solve_archive_motion(archive, tmp_path / "there", **wishes)
    assert len(killed) == 1
    assert list(there.status) == ["solved", "solved"]
    assert products(tmp_path / "there") == products(tmp_path / "here")
    columns = [c for c in here.columns if c != "seconds"]
    assert there[columns].equals(here[columns])


def test_a_trial_that_takes_too_long_twice_is_left_alone_until_retry(tmp_path, monkeypatch):
    archive, engine = write_archive(tmp_path / "trials", (PERSON,), 60), LocalEngine(1)
    run, tried = engine.run, []

    def stuck(tasks, *, ledger, attempts, retry, timeout):
        from mocap_import.batch_task import Task

        assert timeout == 600.0
        stuck = [Task(t.key, "signal:pause", {}, t.fingerprint, 0.2, t.products) for t in tasks]
        for outcome in run(stuck, ledger=ledger, attempts=attempts, retry=retry):
            tried.append((outcome.key, outcome.status, outcome.attempts))
            yield outcome

    monkeypatch.setattr(engine, "run", stuck)
    for retry in (False, False, True):
        table = solve_archive_motion(archive, tmp_path / "out", engine=engine, retry=retry)
        assert "took longer than the 0.2 s" in table.reason[0]
    assert tried == [("P01", "timed_out", 2), ("P01", "quarantined", 0), ("P01", "timed_out", 2)]

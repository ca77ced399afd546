"""Laws of engines: tasks end alike on this machine and on a Dask cluster, whatever happens to them or to a worker."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from mocap_import import dask_engine
from mocap_import.batch import Task, run_tasks
from mocap_import.engine import EngineFailed, open_engine


@pytest.fixture(params=["local", "dask"])
def engine(request, cluster_tasks):
    scheduler = request.getfixturevalue("dask_scheduler") if request.param == "dask" else ""
    with open_engine(request.param, n_workers=2, scheduler=scheduler) as made:
        yield made


def test_whatever_a_task_does_it_ends_in_the_same_words_on_every_engine(engine):
    tasks = [Task(f"add{k}", "cluster_tasks:add", {"a": k, "b": 1}) for k in range(6)]
    tasks[2:2] = [Task("crash", "cluster_tasks:segfault"), Task("raise", "cluster_tasks:refuse")]
    tasks += [
        Task("hang", "cluster_tasks:hang", timeout=0.5),
        Task("eat", "cluster_tasks:eat", {"size": 2_000_000_000}),
        Task("bad", "cluster_tasks:add", {"a": lambda: 0}),
    ]
    found = {o.key: o for o in engine.run(tasks, timeout=60.0, memory_limit=600_000_000)}
    assert [found[f"add{k}"].value for k in range(6)] == [1, 2, 3, 4, 5, 6]
    said = {key: (o.status, o.reason) for key, o in found.items() if o.status != "done"}
    assert said == {
        "crash": (
            "crashed",
            "The process that ran cluster_tasks:segfault crashed with SIGSEGV; only this call is lost.",
        ),
        "raise": ("failed", "ValueError: no such gait"),
        "hang": (
            "timed_out",
            "cluster_tasks:hang took longer than the 0.5 s it may take; its process was stopped.",
        ),
        "eat": ("failed", "MemoryError"),
        "bad": ("failed", found["bad"].reason),
    }
    assert "not plain data" in found["bad"].reason
    assert found["add0"].peak_memory > 1e6


def test_a_task_runs_in_a_process_of_its_own_and_in_the_callers_folder(engine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (where, who) = engine.run([Task("a", "cluster_tasks:folder"), Task("b", "cluster_tasks:who")])
    values = {o.key: o.value for o in (where, who)}
    assert values["a"] == str(tmp_path)
    process, parent = values["b"]
    assert process != parent
    assert Path(f"/proc/{process}").exists() is False, "the processes of a run end with it"


def test_what_crashes_or_hangs_is_tried_again_and_then_left_alone_until_retry(engine, tmp_path):
    ledger = tmp_path / "run.sqlite"
    tasks = [
        Task("luck", "cluster_tasks:crash_first", {"place": str(tmp_path), "name": "luck"}),
        Task("hang", "cluster_tasks:hang", timeout=0.3),
        Task("crash", "cluster_tasks:segfault"),
        Task("raise", "cluster_tasks:refuse"),
    ]

    def run(**wishes) -> dict[str, tuple[str, int]]:
        return {o.key: (o.status, o.attempts) for o in engine.run(tasks, attempts=2, ledger=ledger, **wishes)}

    first = run()
    assert first == {"luck": ("done", 2), "hang": ("timed_out", 2), "crash": ("crashed", 2), "raise": ("failed", 1)}
    skipped = {"luck": ("skipped", 1), "raise": ("failed", 1)}
    assert run() == {**skipped, "hang": ("quarantined", 0), "crash": ("quarantined", 0)}
    assert run(retry=True) == {**first, "luck": ("skipped", 1)}


def test_no_task_is_lost_or_doubled_when_a_worker_is_killed(dask_scheduler, dask_killer, tmp_path):
    """A worker dies in the middle of its task: Dask gives the task to the other one."""
    tasks = [
        Task(f"t{k}", "cluster_tasks:mark", {"place": str(tmp_path), "name": f"t{k}", "seconds": 0.4}) for k in range(8)
    ]
    values, killed = [], []
    with open_engine("dask", scheduler=dask_scheduler) as engine:
        for outcome in engine.run(tasks):
            values.append((outcome.key, outcome.status, outcome.value))
            if not killed:
                killed.append(dask_killer())
    assert sorted(values) == [(t.key, "done", t.key) for t in tasks]
    assert sum(len((tmp_path / t.key).read_text()) for t in tasks) in (8, 9, 10), "at most the lost ones run twice"


def test_ctrl_c_ends_the_tasks_on_the_workers_at_once(dask_scheduler, tmp_path):
    with open_engine("dask", scheduler=dask_scheduler) as engine:
        tasks = [Task("who", "cluster_tasks:who"), Task("a", "cluster_tasks:hang"), Task("b", "cluster_tasks:hang")]
        outcomes = engine.run(tasks)
        first = next(outcomes)
        time.sleep(0.5)  # the other two are under way
        began = time.monotonic()
        outcomes.close()  # what KeyboardInterrupt does to a generator
        (again,) = engine.run([Task("add", "cluster_tasks:add", {"a": 1, "b": 1})])
    assert again.value == 2, "the threads of the workers are free again"
    assert time.monotonic() - began < 10.0
    assert not Path(f"/proc/{first.value[0]}").exists()


def test_a_product_that_has_gone_or_changed_is_made_again_and_nothing_else_is(engine, tmp_path):
    tasks = [
        Task(n, "cluster_tasks:mark", {"place": str(tmp_path), "name": n}, products=(str(tmp_path / n),)) for n in "abc"
    ]

    def run() -> dict[str, str]:
        return {o.key: o.status for o in engine.run(tasks, ledger=tmp_path / "run.sqlite")}

    assert set(run().values()) == {"done"}
    assert set(run().values()) == {"skipped"}
    (tmp_path / "a").write_text("something else")
    (tmp_path / "b").unlink()
    assert run() == {"a": "done", "b": "done", "c": "skipped"}
    assert set(run().values()) == {"skipped"}


def test_a_ledger_written_before_products_were_remembered_goes_on(cluster_tasks, tmp_path):
    import sqlite3

    ledger = tmp_path / "run.sqlite"
    with sqlite3.connect(ledger) as old:
        old.execute(
            "CREATE TABLE outcome (key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status TEXT NOT NULL, "
            "reason TEXT NOT NULL, seconds REAL NOT NULL, written TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)"
        )
        old.execute("INSERT INTO outcome (key, fingerprint, status, reason, seconds) VALUES ('a', '', 'done', '', 1)")
    tasks = [Task(key, "cluster_tasks:who") for key in "ab"]
    assert [o.status for o in run_tasks(tasks, ledger=ledger)] == ["skipped", "done"]


def test_a_folder_that_a_worker_does_not_see_is_named(dask_scheduler, tmp_path, monkeypatch):
    with open_engine("dask", scheduler=dask_scheduler) as engine:
        engine.check_shared(tmp_path, tmp_path)
        assert list(tmp_path.iterdir()) == []
        monkeypatch.setattr(dask_engine, "sees_token", _blind)
        with pytest.raises(EngineFailed, match=r"2 of 2 Dask workers do not see"):
            engine.check_shared(tmp_path)


def _blind(_folder, _token):
    return False


def test_workers_of_another_version_are_refused(dask_scheduler, monkeypatch):
    ours = dask_engine.worker_facts() | {"numpy": "1.0"}
    with open_engine("dask", scheduler=dask_scheduler) as engine:
        run = engine._client.run
        monkeypatch.setattr(engine._client, "run", lambda _function: run(_facts))
        monkeypatch.setattr(dask_engine, "worker_facts", lambda: ours)
        with pytest.raises(EngineFailed, match=r"has numpy .*, this process 1\.0"):
            engine.check_versions()


def _facts():
    from mocap_import.dask_worker import worker_facts

    return worker_facts()


def test_an_engine_that_cannot_be_had_says_why_in_one_sentence(monkeypatch, tmp_path):
    for wish, words in (
        (("clowd", ""), "expected one of local, dask"),
        (("local", "tcp://a:1"), "belongs to --engine dask"),
        (("dask", str(tmp_path / "none.json")), "no such scheduler file"),
    ):
        with pytest.raises(EngineFailed, match=words), open_engine(wish[0], scheduler=wish[1]):
            pass
    monkeypatch.setattr(dask_engine, "CONNECT", 0.3)
    with pytest.raises(EngineFailed, match="no Dask scheduler answers"), open_engine("dask", scheduler="127.0.0.1:9"):
        pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(EngineFailed, match=r"pip install .*dask"), open_engine("dask"):
        pass

"""Laws of the batch: nothing a task does ends the run, touches another task, or is lost without a word."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mocap_import.batch import ExitCode, Task, WorkerFailed, WorkerProcess, exit_code, run_tasks
from mocap_import.progress import track
from mocap_import.worker_environment import worker_environment

TASKS = """
import ctypes, os, pathlib, signal, sys, time

class Odd(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a} is not {b}")

def add(a, b):
    print("chatter on standard output")
    os.write(1, b"chatter of C++")
    return a + b

def echo(value): return value
def odd(): raise Odd(1, 2)
def unpicklable(): return lambda: 0
def segfault(): ctypes.string_at(0)
def abort(): os.abort()
def leave(): os._exit(3)
def hang(): time.sleep(600)
def who(): return os.getpid()
def modules(): return sorted(sys.modules)
def hold_the_lock(seconds): ctypes.PyDLL(None).usleep(int(seconds * 1e6))
def eat(size): return len(bytearray(size))
def environment(): return {k: os.environ.get(k) for k in ("OMP_NUM_THREADS", "LD_LIBRARY_PATH")}
def mark(folder, name, seconds=0.0):
    with open(pathlib.Path(folder) / name, "a") as file:
        file.write("x")
    time.sleep(seconds)
    return name
def orphan_with_channel():
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def tasks_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "odd_tasks.py").write_text(TASKS)
    sys.path.append(str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def worker(tasks_folder):
    with WorkerProcess() as made:
        yield made


def failure(
    worker: WorkerProcess, function: str, timeout: float | None = None, **arguments
) -> tuple[WorkerFailed, float]:
    started = time.perf_counter()
    with pytest.raises(WorkerFailed) as caught:
        worker.call(f"odd_tasks:{function}", arguments, timeout)
    return caught.value, time.perf_counter() - started


def test_arrays_come_back_bit_for_bit_and_prints_do_not_disturb_the_channel(worker):
    values = np.random.default_rng(0).normal(size=(2000, 40))
    values[3, 4] = np.nan
    assert worker.call("odd_tasks:add", {"a": 1, "b": 2}) == 3
    assert worker.call("odd_tasks:echo", {"value": values}).tobytes() == values.tobytes()


def test_a_call_costs_less_than_a_millisecond(worker):
    worker.call("odd_tasks:echo", {"value": 0})
    started = time.perf_counter()
    for _ in range(100):
        worker.call("odd_tasks:echo", {"value": 0})
    assert (time.perf_counter() - started) / 100 < 5e-3  # 0.13 ms on an idle machine


@pytest.mark.parametrize(
    ("function", "status", "word"),
    [("segfault", "crashed", "SIGSEGV"), ("abort", "crashed", "SIGABRT"), ("leave", "crashed", "exit code 3")],
)
def test_a_crash_is_seen_within_a_second_and_the_next_call_works(worker, function, status, word):
    caught, seconds = failure(worker, function)
    assert caught.status == status
    assert word in str(caught)
    assert function in str(caught)
    assert seconds < 1.0
    assert worker.call("odd_tasks:add", {"a": 1, "b": 2}) == 3


def test_a_crash_tells_where_python_stood(worker):
    caught, _ = failure(worker, "segfault")
    assert "odd_tasks.py" in caught.traceback
    assert pickle.loads(pickle.dumps(caught)).signal == "SIGSEGV"  # noqa: S301  (our own bytes)


def test_a_hang_ends_at_its_time_limit(worker):
    caught, seconds = failure(worker, "hang", timeout=0.3)
    assert caught.status == "timed_out"
    assert "0.3 s" in str(caught)
    assert 0.25 < seconds < 1.5
    assert worker.call("odd_tasks:add", {"a": 2, "b": 2}) == 4


def test_a_worker_killed_from_outside_is_replaced(worker):
    worker.call("odd_tasks:add", {"a": 1, "b": 1})
    threading.Timer(0.2, os.kill, (worker.pid, signal.SIGKILL)).start()
    caught, seconds = failure(worker, "hang")
    assert "killed" in str(caught)
    assert seconds < 1.5
    os.kill(worker.pid or worker_pid_of_a_new_one(worker), signal.SIGKILL)
    time.sleep(0.1)
    assert worker.call("odd_tasks:add", {"a": 1, "b": 2}) == 3, "killed while idle: nothing is lost"


def worker_pid_of_a_new_one(worker: WorkerProcess) -> int:
    worker.call("odd_tasks:echo", {"value": 0})
    return worker.pid


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_death_is_seen_even_if_a_child_of_the_worker_holds_the_channel_open(worker):
    caught, seconds = failure(worker, "orphan_with_channel")
    assert caught.status == "crashed"
    assert seconds < 2.0


def test_an_exception_is_told_by_name_message_and_traceback_without_its_class(worker):
    caught, _ = failure(worker, "odd")
    assert (caught.status, caught.error_type, caught.message) == ("failed", "Odd", "1 is not 2")
    assert str(caught) == "Odd: 1 is not 2"
    assert "in odd" in caught.traceback
    assert failure(worker, "unpicklable")[0].status == "failed"
    assert failure(worker, "no_such_function")[0].error_type == "AttributeError"


@pytest.mark.skipif(sys.platform == "win32", reason="no memory limit on Windows")
def test_memory_beyond_the_limit_fails_only_the_task(tasks_folder):
    with WorkerProcess(memory_limit=400_000_000) as worker:
        assert failure(worker, "eat", size=2_000_000_000)[0].error_type == "MemoryError"
        assert worker.call("odd_tasks:eat", {"size": 1000}) == 1000


def test_calls_from_many_threads_do_not_mix(worker):
    found: dict[int, int] = {}

    def ask(number: int) -> None:
        for _ in range(5):
            found[number] = worker.call("odd_tasks:echo", {"value": number})

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number for number in range(8)}


def test_workers_run_one_thread_and_without_opensims_libraries(worker, tmp_path, monkeypatch):
    opensim = tmp_path / "site-packages" / "opensim"
    opensim.mkdir(parents=True)
    (opensim / "simbody.py").touch()
    monkeypatch.setenv("PATH", f"{opensim}{os.pathsep}/usr/bin")
    monkeypatch.setenv("LD_LIBRARY_PATH", os.environ["PATH"])
    environment = worker_environment()
    assert environment["PATH"] == "/usr/bin"
    assert "LD_LIBRARY_PATH" not in environment
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/mine")
    assert worker_environment()["LD_LIBRARY_PATH"] == "/opt/mine", "what the user set stays"
    assert worker.call("odd_tasks:environment")["OMP_NUM_THREADS"] == "1"


def test_every_task_of_a_batch_ends_in_exactly_one_outcome(tasks_folder):
    tasks = [Task(f"add{i}", "odd_tasks:add", {"a": i, "b": 1}) for i in range(6)]
    tasks[2:2] = [Task("crash", "odd_tasks:segfault"), Task("raise", "odd_tasks:odd")]
    tasks += [Task("hang", "odd_tasks:hang"), Task("bad", "odd_tasks:echo", {"value": lambda: 0})]
    bar = track(len(tasks), "adding", shown=False)
    outcomes = {o.key: o for o in run_tasks(tasks, n_workers=2, timeout=0.5, progress=bar)}
    assert len(outcomes) == len(tasks)
    assert {k: o.status for k, o in outcomes.items() if o.status != "done"} == {
        "crash": "crashed",
        "raise": "failed",
        "hang": "timed_out",
        "bad": "failed",
    }
    assert [outcomes[f"add{i}"].value for i in range(6)] == [1, 2, 3, 4, 5, 6]
    assert all(o.reason for o in outcomes.values() if o.status != "done")
    assert outcomes["add0"].peak_memory > 1e6


def test_a_task_may_have_its_own_time_limit(tasks_folder):
    tasks = [Task("short", "odd_tasks:hang", timeout=0.3), Task("fine", "odd_tasks:echo", {"value": 1})]
    began = time.monotonic()
    outcomes = {outcome.key: outcome for outcome in run_tasks(tasks, timeout=60.0)}
    assert time.monotonic() - began < 10
    assert (outcomes["short"].status, outcomes["fine"].value) == ("timed_out", 1)


def test_workers_are_replaced_after_a_number_of_tasks_or_much_memory(tasks_folder):
    tasks = [Task(str(k), "odd_tasks:who") for k in range(6)]
    one = [outcome.value for outcome in run_tasks(tasks)]
    three = [outcome.value for outcome in run_tasks(tasks, recycle_after=2)]
    assert len(set(one)) == 1
    assert [len(set(three[k : k + 2])) for k in (0, 2, 4)] == [1, 1, 1]
    assert len(set(three)) == 3
    tasks.insert(3, Task("big", "odd_tasks:eat", {"size": 200_000_000}))
    heavy = [outcome.value for outcome in run_tasks(tasks, recycle_memory=100_000_000)]
    assert len({*heavy[:3]}) == len({*heavy[4:]}) == 1
    assert heavy[0] != heavy[4]


def test_keys_are_unique_and_a_batch_needs_a_worker():
    with pytest.raises(ValueError, match="'a'"):
        list(run_tasks([Task("a", "os:getpid"), Task("a", "os:getpid")]))
    with pytest.raises(ValueError, match="n_workers=0"):
        list(run_tasks([], n_workers=0))
    assert list(run_tasks([])) == []


def test_a_ledger_skips_what_is_done_unless_its_fingerprint_changed(tasks_folder, tmp_path):
    ledger = tmp_path / "run.sqlite"

    def run(fingerprint: str, names: str) -> dict[str, str]:
        tasks = [Task(n, "odd_tasks:mark", {"folder": str(tmp_path), "name": n}, fingerprint) for n in names]
        tasks.append(Task("odd", "odd_tasks:odd", {}, fingerprint))
        return {o.key: o.status for o in run_tasks(tasks, ledger=ledger)}

    assert run("1", "ab") == {"a": "done", "b": "done", "odd": "failed"}
    assert run("1", "abc") == {"a": "skipped", "b": "skipped", "c": "done", "odd": "failed"}
    assert run("2", "a") == {"a": "done", "odd": "failed"}
    assert (tmp_path / "a").read_text() == "xx"


def test_an_outcome_counts_as_done_only_when_the_caller_asks_for_the_next(tasks_folder, tmp_path):
    ledger = tmp_path / "run.sqlite"
    tasks = [Task(n, "odd_tasks:mark", {"folder": str(tmp_path), "name": n}) for n in "ab"]
    for _ in run_tasks(tasks, ledger=ledger):
        break
    assert [o.status for o in run_tasks(tasks, ledger=ledger)] == ["done", "done"]


def test_a_file_that_is_no_ledger_is_named_and_left_alone(tmp_path):
    wrong = tmp_path / "notes.sqlite"
    wrong.write_text("these are my notes, not a database" * 40)
    before = wrong.read_bytes()
    with pytest.raises(OSError, match=r"notes\.sqlite"):
        list(run_tasks([Task("a", "os:getpid")], ledger=wrong))
    assert wrong.read_bytes() == before


def script(tmp_path: Path, repository: Path, body: str) -> subprocess.Popen:
    """Run a script from another folder, as a user would, without our packages installed."""
    path = tmp_path / "script.py"
    path.write_text(f"import sys\nsys.path.insert(0, {str(repository)!r})\n" + textwrap.dedent(body))
    return subprocess.Popen(
        [sys.executable, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        start_new_session=True,
    )


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def gone_within(pid: int, seconds: float) -> bool:
    end = time.perf_counter() + seconds
    while alive(pid) and time.perf_counter() < end:
        time.sleep(0.02)
    return not alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_ctrl_c_ends_the_workers_and_reaches_the_caller(tasks_folder, tmp_path, repository):
    process = script(
        tmp_path,
        repository,
        f"""
        sys.path.append({str(tasks_folder)!r})
        from mocap_import.batch import Task, run_tasks
        tasks = [Task("first", "os:getpid")] + [Task(f"t{{i}}", "odd_tasks:hang") for i in range(3)]
        try:
            for outcome in run_tasks(tasks, ledger="run.sqlite"):
                print(outcome.value, flush=True)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            sys.exit(130)
        """,
    )
    worker_pid = int(process.stdout.readline())
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the whole group
    output, errors = process.communicate(timeout=10)
    assert process.returncode == 130, errors
    assert "interrupted" in output
    assert gone_within(worker_pid, 1.0)


@pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's notice of a closed pipe")
def test_a_worker_dies_with_its_parent_even_inside_a_call_that_holds_pythons_lock(tasks_folder, tmp_path, repository):
    process = script(
        tmp_path,
        repository,
        f"""
        sys.path.append({str(tasks_folder)!r})
        from mocap_import.batch import WorkerProcess
        worker = WorkerProcess()
        print(worker.call("os:getpid"), flush=True)
        worker.call("odd_tasks:hold_the_lock", {{"seconds": 60}})
        """,
    )
    worker_pid = int(process.stdout.readline())
    time.sleep(0.3)
    assert alive(worker_pid)
    process.kill()
    process.communicate(timeout=10)
    assert gone_within(worker_pid, 1.0)


@pytest.mark.parametrize(
    ("n_done", "n_failed", "code"),
    [(5, 0, ExitCode.ALL), (4, 1, ExitCode.SOME), (0, 3, ExitCode.NONE), (0, 0, ExitCode.NONE)],
)
def test_exit_codes_tell_all_some_and_none_apart(n_done, n_failed, code):
    assert exit_code(n_done, n_failed) == code


def test_a_bar_is_silent_where_nobody_looks(capsys):
    assert list(track([1, 2, 3], "walking")) == [1, 2, 3]
    assert list(track(iter("ab"), "walking", shown=False)) == ["a", "b"]
    with track(None, "unknown length") as bar:
        bar.advance(2)
    assert capsys.readouterr() == ("", "")


def test_a_bar_goes_to_standard_error_where_it_is_asked_for(capsys):
    assert list(track([1, 2], "Reading trials", shown=True)) == [1, 2]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Reading trials" in captured.err


def interrupted_and_resumed(
    folder: Path, tasks_folder: Path, repository: Path, seed: int
) -> tuple[int, dict[str, int]]:
    """Kill a run again and again at random moments until one ends; return how often, and how often each task ran."""
    rng = np.random.default_rng(seed)
    body = f"""
        sys.path.append({str(tasks_folder)!r})
        from mocap_import.batch import Task, run_tasks
        tasks = [Task(f"t{{i}}", "odd_tasks:mark", dict(folder={str(folder)!r}, name=f"t{{i}}", seconds=0.01))
                 for i in range(40)]
        statuses = [o.status for o in run_tasks(tasks, n_workers=2, ledger={str(folder / "run.sqlite")!r})]
        assert set(statuses) <= {{"done", "skipped"}} and len(statuses) == 40, statuses
        """
    for kills in range(60):
        process = script(folder, repository, body)
        try:
            _, errors = process.communicate(timeout=float(rng.uniform(0.1, 0.35)) if kills < 5 else 60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            continue
        assert process.returncode == 0, errors
        return kills, {f"t{i}": len((folder / f"t{i}").read_text()) for i in range(40)}
    pytest.fail("the run never ended")


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))])
def test_a_run_that_is_killed_goes_on_where_it_stopped(tasks_folder, tmp_path, repository, seed):
    kills, times = interrupted_and_resumed(tmp_path, tasks_folder, repository, seed)
    assert min(times.values()) >= 1, "nothing is skipped that was not done"
    assert sum(times.values()) - 40 <= 3 * kills, "a kill costs at most the tasks in flight: two workers, one unread"


def test_given_workers_live_on_for_another_run_and_import_a_module_as_they_start(tasks_folder):
    with WorkerProcess(preload="colorsys") as worker:
        worker.start()
        first = worker.pid
        (outcome,) = run_tasks([Task("a", "os:getpid")], workers=[worker])
        (again,) = run_tasks([Task("b", "os:getpid")], workers=[worker])
        assert outcome.value == again.value == first == worker.pid
        assert "colorsys" in worker.call("odd_tasks:modules")

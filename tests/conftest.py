"""What every test may ask for: the folder of real recordings, and one thread per process."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# Where the tests run in the background, Ctrl-C is ignored, here and in every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What is remembered of models must not outlive a test run, nor fill the user's cache.
os.environ.setdefault("KINESYNTH_CACHE", tempfile.mkdtemp(prefix="kinesynth-cache-"))

REPOSITORY = Path(__file__).resolve().parents[1]
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the source tree."""
    return REPOSITORY


@pytest.fixture(autouse=True)
def _ctrl_c_means_the_same() -> Iterator[None]:
    """Take back what a test, or a library that it imports, made of Ctrl-C (dask_jobqueue.runner does when imported)."""
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real recordings: KINESYNTH_TEST_DATA, or ``../shared/data`` beside the repository.

    Without it a test is skipped, except under ``CI=true``, where missing data is a failure.
    """
    folder = Path(os.environ.get("KINESYNTH_TEST_DATA") or REPOSITORY.parent / "shared" / "data").resolve()
    if folder.is_dir() and any(folder.iterdir()):
        return folder
    reason = f"no real recordings in {folder}; set KINESYNTH_TEST_DATA to the folder that holds them"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


CLUSTER_TASKS = '''
import ctypes, json, os, pathlib, shutil, time

def add(a, b): return a + b
def refuse(): raise ValueError("no such gait")
def segfault(): ctypes.string_at(0)
def hang(): time.sleep(600)
def eat(size): return len(bytearray(size))
def who(): return os.getpid(), os.getppid()
def folder(): return os.getcwd()
def mark(place, name, seconds=0.0):
    with open(pathlib.Path(place) / name, "a") as file:
        file.write("x")
    time.sleep(seconds)
    return name
def crash_first(place, name):
    mark(place, name)
    if len((pathlib.Path(place) / name).read_text()) < 2:
        os.abort()
    return name
def copied_trial(imu, subject, name, part, place):
    """A trial that was solved before; `walk_01` crashes until a file says that it is mended, `walk_02` raises."""
    mark(place, f"{subject}_{name}", 0.3)
    if name == "walk_01" and not (pathlib.Path(place) / "mended").exists():
        os.abort()
    if name == "walk_02":
        raise ValueError("no such walk")
    copy(pathlib.Path(imu).parent / "solved" / f"{subject}_{name}.h5", part)
def copied_people(part, first, last, made):
    """People who were solved before; the process of the second ten dies."""
    if first == 10:
        os.abort()
    time.sleep(0.3)
    part, made = pathlib.Path(part), pathlib.Path(made) / pathlib.Path(part).name
    copy(made.with_suffix(".json"), part.with_suffix(".json"))
    copy(made, part)
    return json.loads(part.with_suffix(".json").read_text())
def copy(source, target):
    shutil.copyfile(source, f"{target}.new")
    os.replace(f"{target}.new", target)
'''


@pytest.fixture(scope="session")
def cluster_tasks(tmp_path_factory) -> Iterator[Path]:
    """Folder of the module `cluster_tasks`, which processes started from now on can import."""
    folder = tmp_path_factory.mktemp("cluster_tasks")
    (folder / "cluster_tasks.py").write_text(CLUSTER_TASKS)
    earlier = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(folder) + (os.pathsep + earlier if earlier else "")
    sys.path.append(str(folder))
    yield folder
    sys.path.remove(str(folder))
    if earlier is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = earlier


@pytest.fixture(scope="session")
def dask_scheduler(cluster_tasks) -> Iterator[str]:
    """Address of a Dask cluster of two worker processes on this machine, each with one thread and a nanny."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, memory_limit=0, dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def dask_killer(dask_scheduler) -> Iterator[Callable[[], int]]:
    """What kills (SIGKILL) one of the cluster's workers and waits until its nanny has started another."""
    from distributed import Client

    with Client(dask_scheduler, set_as_default=False) as client:

        def pids() -> list[int]:
            return sorted(client.run(os.getpid).values())

        def kill() -> int:
            victim = pids()[0]
            os.kill(victim, signal.SIGKILL)
            return victim

        yield kill
        client.wait_for_workers(2, timeout=60)

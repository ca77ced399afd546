"""Laws of a solution's file: everything comes back bit for bit, and a file is whole or not there."""

import contextlib
import errno
import resource
import signal
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_movements import PLANAR, planar_solution

from opensim_models.model.osim_skeleton import read_osim
from synth.corpus.provenance import file_hash
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.result.solution_file import (
    SolutionFileProblem,
    load_solution,
    save_solution,
    solution_recipe,
)


def recipe():
    return solution_recipe({"model": PLANAR}, {"mesh": [25, 50], "scheme": "trapezoidal"})


def assert_same(given, read):
    for entry in fields(MovementSolution):
        a, b = getattr(given, entry.name), getattr(read, entry.name)
        if isinstance(a, np.ndarray):
            assert np.array_equal(a, b, equal_nan=True)
            assert a.dtype == b.dtype
        elif entry.name == "arrays":
            assert a.keys() == b.keys()
            assert all(np.array_equal(a[name], b[name]) for name in a)
        elif entry.name != "ground_reactions":
            assert a == b
            assert type(a) is type(b)
    for a, b in zip(given.ground_reactions, read.ground_reactions, strict=True):
        assert (a.rate, a.foot, a.name) == (b.rate, b.foot, b.name)
        for name in ("force", "centre_of_pressure", "free_moment"):
            assert np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True)


def test_solution_and_recipe_come_back_as_they_were(tmp_path):
    path, solution = tmp_path / "walk.npz", planar_solution()
    save_solution(path, solution, recipe())
    read, made = load_solution(path)
    assert_same(solution, read)
    assert made == recipe()
    assert made.sources["model"] == file_hash(PLANAR)
    assert "casadi" in made.versions
    assert [p.name for p in tmp_path.iterdir()] == ["walk.npz"]


def test_muscles_contacts_and_reasons_come_back(tmp_path):
    muscles = read_osim(PLANAR)
    n = len(muscles.muscles)
    solution = replace(
        planar_solution(),
        skeleton=muscles,
        converged=False,
        reason="the solver diverged",
        objective=float("nan"),
        muscles=tuple(m.name for m in muscles.muscles),
        arrays={"activations": np.random.default_rng(1).random((12, n))},
    )
    save_solution(tmp_path / "walk.npz", solution, recipe())
    read, _ = load_solution(tmp_path / "walk.npz")
    assert np.isnan(read.objective)
    assert_same(replace(solution, objective=0.0), replace(read, objective=0.0))


def test_same_solution_gives_the_same_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        save_solution(tmp_path / name, planar_solution(), recipe())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@contextlib.contextmanager
def full_disk():
    """No file may grow beyond 6000 bytes, and no file of the test runner is written meanwhile."""
    before, action = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, action)


def assert_one_sentence(refused, path):
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == b"before"
    assert list(path.parent.iterdir()) == [path]


def test_full_disk_is_one_sentence_and_keeps_the_file_before(tmp_path):
    path = tmp_path / "walk.npz"
    path.write_bytes(b"before")
    sentence = r"could not be written to .*walk\.npz: .*free some space"
    solution = planar_solution()
    with full_disk(), pytest.raises(SolutionFileProblem, match=sentence) as refused:
        save_solution(path, solution, recipe())
    assert_one_sentence(refused, path)


def test_disk_that_is_full_at_the_flush_is_the_same(tmp_path, monkeypatch):
    path = tmp_path / "walk.npz"
    path.write_bytes(b"before")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("mocap_import.durable_file.os.fsync", full)
    with pytest.raises(SolutionFileProblem, match="No space left on device; free some space") as refused:
        save_solution(path, planar_solution(), recipe())
    assert_one_sentence(refused, path)


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(SolutionFileProblem, match=r"no solution at .*gone\.npz; `kinesynth gait track`"):
        load_solution(tmp_path / "gone.npz")
    path = tmp_path / "walk.npz"
    save_solution(path, planar_solution(), recipe())
    whole = path.read_bytes()
    for content in (whole[:1000], b"no archive", b"", whole[:500] + b"x" * 20 + whole[520:]):
        path.write_bytes(content)
        with pytest.raises(SolutionFileProblem, match=r"walk\.npz is no whole solution file; solve the movement again"):
            load_solution(path)
    np.savez(path, facts=np.asarray('{"format": "another"}'), recipe=np.asarray("{}"))
    with pytest.raises(SolutionFileProblem, match="no whole solution file"):
        load_solution(path)

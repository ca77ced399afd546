"""Laws of an iterate's file: whole or not there, of one problem only, and enough to go on after a kill."""

import contextlib
import resource
import signal
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_programs import rosenbrock_rows, shared_sum

from synth.optimal_control.program.compilation import compiled_functions
from synth.optimal_control.program.iterate import Iterate
from synth.optimal_control.program.iterate_file import (
    IterateFileProblem,
    iterate_keeper,
    load_iterate,
    program_identity,
    save_iterate,
)
from synth.optimal_control.program.mismatch import ProgramMismatch
from synth.optimal_control.program.solver import SolverSettings, solve

FREE = np.full(6, -np.inf), np.full(6, np.inf)


def solved():
    program = rosenbrock_rows(3)
    return program, solve(program, np.ones(1), *FREE, np.full(6, -1.2))


def test_iterate_comes_back_as_it_was(tmp_path):
    program, iterate = solved()
    identity = program_identity(program, np.ones(1))
    save_iterate(tmp_path / "walk.npz", iterate, identity)
    back = load_iterate(tmp_path / "walk.npz", identity)
    for entry in fields(Iterate):
        given, read = getattr(iterate, entry.name), getattr(back, entry.name)
        assert np.array_equal(given, read)
        assert type(given) is type(read)
    assert [path.name for path in tmp_path.iterdir()] == ["walk.npz"]


def test_identity_is_of_structure_and_parameters():
    identity = program_identity(rosenbrock_rows(3), np.ones(1))
    assert program_identity(rosenbrock_rows(3), np.ones(1)) == identity
    assert program_identity(rosenbrock_rows(3), np.full(1, 1.0 + 1e-15)) != identity
    assert program_identity(rosenbrock_rows(4), np.ones(1)) != identity
    assert program_identity(shared_sum(3), np.ones(1)) != identity
    program = rosenbrock_rows(3)
    use = program.uses[0]
    words = ("value", "gradient", "jacobian", "hessian")
    made, _ = compiled_functions([getattr(use.block, word) for word in words], "valley", compiler="none")
    compiled = replace(use, block=replace(use.block, **dict(zip(words, made, strict=True))))
    assert program_identity(replace(program, uses=(compiled, *program.uses[1:])), np.ones(1)) == identity


def test_iterate_of_another_problem_is_refused(tmp_path):
    program, iterate = solved()
    save_iterate(tmp_path / "walk.npz", iterate, program_identity(program, np.ones(1)))
    with pytest.raises(ProgramMismatch, match="another problem"):
        load_iterate(tmp_path / "walk.npz", program_identity(program, np.zeros(1)))


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"hello", lambda b: b[:-30]])
def test_damaged_file_is_named(tmp_path, damage):
    program, iterate = solved()
    identity = program_identity(program, np.ones(1))
    path = tmp_path / "walk.npz"
    save_iterate(path, iterate, identity)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(IterateFileProblem, match=r"walk\.npz is no whole iterate file; remove it") as refused:
        load_iterate(path, identity)
    assert "\n" not in str(refused.value)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(IterateFileProblem, match=r"no iterate at .*walk\.npz"):
        load_iterate(tmp_path / "walk.npz", "")


@contextlib.contextmanager
def full_disk():
    """No file may grow beyond 600 bytes, and no file of the test runner is written meanwhile."""
    before, action = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, action)


def test_full_disk_ends_the_solve_in_one_sentence_and_keeps_the_file_before(tmp_path):
    path = tmp_path / "walk.npz"
    path.write_bytes(b"before")
    program = rosenbrock_rows(3)
    keep = iterate_keeper(path, program_identity(program, np.ones(1)))
    sentence = r"could not be written to .*walk\.npz: .*free some space"
    with full_disk(), pytest.raises(IterateFileProblem, match=sentence) as refused:
        solve(program, np.ones(1), *FREE, np.full(6, -1.2), keep=keep, keep_seconds=0.0)
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_that_is_not_there_is_named(tmp_path):
    _, iterate = solved()
    with pytest.raises(IterateFileProblem, match="No such file or directory"):
        save_iterate(tmp_path / "gone" / "walk.npz", iterate, "")


KILLED = """
import os, signal, sys; sys.path[:0] = {paths!r}
from pathlib import Path
import numpy as np
from small_programs import rosenbrock_rows
from synth.optimal_control.program.iterate_file import iterate_keeper, program_identity
from synth.optimal_control.program.solver import SolverSettings, solve
program = rosenbrock_rows(3)
keep = iterate_keeper(Path({path!r}), program_identity(program, np.ones(1)))
def keep_and_die(iterate):
    keep(iterate)
    if iterate.iterations == 12:
        os.kill(os.getpid(), signal.SIGKILL)
solve(program, np.ones(1), np.full(6, -np.inf), np.full(6, np.inf), np.full(6, -1.2), keep=keep_and_die, keep_seconds=0)
"""


def test_killed_solve_resumes_from_its_last_iterate(tmp_path):
    path = tmp_path / "walk.npz"
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[3])]
    done = subprocess.run([sys.executable, "-c", KILLED.format(paths=paths, path=str(path))], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    program, whole = solved()
    last = load_iterate(path, program_identity(program, np.ones(1)))
    assert last.status == "Running"
    assert not last.converged
    assert last.iterations == 12
    multipliers = last.row_multipliers, last.bound_multipliers
    resumed = solve(
        program, np.ones(1), *FREE, last.values, SolverSettings(warm=True, mu_init=1e-5), multipliers=multipliers
    )
    assert resumed.converged
    assert resumed.iterations < whole.iterations
    assert np.allclose(resumed.values, whole.values, atol=1e-2)

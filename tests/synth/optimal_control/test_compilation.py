"""Laws of compilation: the same numbers to the last bit, from a cache that nothing can spoil."""

import shutil
import subprocess
import sys

import casadi as ca
import numpy as np
import pytest

from synth.optimal_control.program.assembly import BlockUse, assemble
from synth.optimal_control.program.block import make_block
from synth.optimal_control.program.compilation import compiled_functions, worth_compiling
from synth.optimal_control.program.compiled_blocks import compiled_uses
from synth.optimal_control.program.compiled_program import compiled_program
from synth.optimal_control.program.generated_code import translation_units
from synth.optimal_control.program.solver import solve

N = 12

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))),
    reason="no C compiler on this machine; that everything works without one is tested here",
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KINESYNTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KINESYNTH_COMPILER", raising=False)
    return tmp_path / "cache" / "compiled"


def long_function(n_steps, name="value"):
    """A straight line of sums, products, sines and choices, with a second output that is empty."""
    rng = np.random.default_rng(7)
    x, p = ca.SX.sym("x", N), ca.SX.sym("p", 3)
    y = [x[i] for i in range(N)]
    for k in range(n_steps):
        i, j, m = (int(i) for i in rng.integers(0, N, 3))
        y[i] = ca.sin(y[i] * y[j]) + ca.if_else(y[m] > 0, p[k % 3], 0.5 * y[m]) / (1.0 + x[j] ** 2)
    return ca.Function(name, [x, p], [ca.vertcat(*y), ca.SX(0, 1)])


def equal(one, other):
    x = np.random.default_rng(3).normal(size=(N + 3, 5))
    given, made = (f.map(5)(x[:N], x[N:]) for f in (one, other))
    return all(np.array_equal(a.full(), b.full()) for a, b in zip(given, made, strict=True))


@needs_compiler
def test_compiled_functions_equal_those_of_the_virtual_machine(own_cache):
    functions = [long_function(3), long_function(400), long_function(400, "gradient_of_cost")]
    made, report = compiled_functions(functions, "equations of motion")
    assert report.compiled
    assert not report.cached
    assert report.reason == ""
    assert report.n_instructions == sum(f.n_instructions() for f in functions)
    assert report.cpu_seconds > 0
    assert all(equal(f, g) for f, g in zip(functions, made, strict=True))
    assert [path.name.split(".")[0] for path in own_cache.glob("*.so")] == ["equations_of_motion"]
    again, report = compiled_functions(functions, "equations of motion")
    assert report.compiled
    assert report.cached
    assert equal(functions[1], again[1])
    assert not list(own_cache.glob("tmp*"))


def test_changed_code_meets_no_old_library():
    compiled_functions([long_function(20)], "motion")
    made, report = compiled_functions([long_function(21)], "motion")
    assert not report.cached
    assert equal(long_function(21), made[0])


@needs_compiler
def test_code_of_several_files_computes_the_same(monkeypatch):
    monkeypatch.setattr("synth.optimal_control.program.generated_code._UNIT", 1000)
    functions = [long_function(100), long_function(300)]
    assert len(translation_units(functions, ["f0", "f1"])) > 2
    made, report = compiled_functions(functions, "motion", processes=2)
    assert report.compiled, report.reason
    assert all(equal(f, g) for f, g in zip(functions, made, strict=True))


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:900] + b"\0" * 64 + b[964:]]
)
@needs_compiler
def test_damaged_library_is_made_anew(own_cache, damage):
    function = long_function(30)
    compiled_functions([function], "motion")
    (library,) = own_cache.glob("*.so")
    content = library.read_bytes()
    library.unlink()  # the loaded one stays as it is
    library.write_bytes(damage(content))
    made, report = compiled_functions([function], "motion")
    assert report.compiled
    assert not report.cached
    assert equal(function, made[0])
    assert compiled_functions([function], "motion")[1].cached


@pytest.mark.parametrize("wish", [None, "none", "no-such-compiler-here", "false"])
def test_without_a_compiler_the_virtual_machine_answers_with_a_note(wish):
    function = long_function(30)
    made, report = compiled_functions([function], "motion", compiler=wish)
    assert made == [function]
    assert not report.compiled
    assert "virtual machine" in report.reason
    assert "\n" not in report.reason


def test_environment_names_the_compiler(monkeypatch):
    monkeypatch.setenv("KINESYNTH_COMPILER", "none")
    assert not compiled_functions([long_function(3)], "motion")[1].compiled
    monkeypatch.setenv("KINESYNTH_COMPILER", "gone")
    assert "'gone'" in compiled_functions([long_function(3)], "motion")[1].reason
    monkeypatch.delenv("KINESYNTH_COMPILER")
    monkeypatch.setenv("PATH", "")
    assert "no C compiler" in compiled_functions([long_function(3)], "motion")[1].reason


def test_failing_compiler_is_quoted(tmp_path):
    broken = tmp_path / "broken"
    broken.write_text(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo broken 1 && exit 0\necho 'x.c:1: error: no' >&2\nexit 1\n"
    )
    broken.chmod(0o755)
    made, report = compiled_functions([long_function(3)], "motion", compiler=str(broken))
    assert not report.compiled
    assert "error: no" in report.reason
    assert made[0].is_a("SXFunction")


@needs_compiler
def test_cache_that_cannot_be_written_costs_only_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KINESYNTH_CACHE", str(tmp_path / "file"))
    function = long_function(30)
    made, report = compiled_functions([function], "motion")
    assert report.compiled
    assert "not kept" in report.reason
    assert equal(function, made[0])


RACE = """
import sys; sys.path.insert(0, {folder!r})
from test_compilation import compiled_functions, equal, long_function
function = long_function(100)
made, report = compiled_functions([function], "race")
assert report.compiled and equal(function, made[0]), report
print(report.cached)
"""


@needs_compiler
def test_processes_that_compile_at_once_share_one_library(own_cache):
    folder = __file__.rpartition("/")[0]
    words = [sys.executable, "-c", RACE.format(folder=folder)]
    running = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=120)[0].strip() for process in running]
    assert sorted(said) == ["False", "True", "True"]
    assert len(list(own_cache.glob("*.so"))) == 1


def two_blocks():
    def motion(x, p):
        y = x
        for _ in range(12):
            y = ca.sin(y * p[0]) + ca.vertcat(x[1], y[2], y[0]) * 0.3
        return ca.sumsqr(y) + ca.sumsqr(x), [y[0] * y[1] - x[2]]

    long = make_block("motion", motion, np.ones(3), 1)
    short = make_block("short", lambda x, p: (x[0] ** 2, []), np.ones(3), 1)
    index, none = np.arange(30).reshape(10, 3).T, np.zeros((1, 10), int)
    return [BlockUse(long, index, none), BlockUse(short, index, none), BlockUse(long, index[[1, 2, 0]], none)]


def same_numbers(one, other):
    x, lam = np.random.default_rng(1).normal(size=30), np.random.default_rng(2).normal(size=20)
    for word in ("f_g", "grad_f", "jac_g"):
        for a, b in zip(one.functions[word](x, [2.0]), other.functions[word](x, [2.0]), strict=True):
            assert np.array_equal(a.full(), b.full())
    hessians = [program.functions["hess_lag"](x, [2.0], 0.7, lam).full() for program in (one, other)]
    assert np.array_equal(*hessians)


@needs_compiler
def test_program_of_compiled_blocks_is_the_same():
    uses = two_blocks()
    fast, (report,) = compiled_uses(uses)
    assert report.compiled
    assert fast[0].block is fast[2].block
    assert fast[1].block.value is uses[1].block.value
    long = uses[0].block
    assert report.n_instructions == sum(
        f.n_instructions() for f in (long.value, long.gradient, long.jacobian, long.hessian)
    )
    same_numbers(assemble(uses, 30, 1), assemble(fast, 30, 1))
    given, (report,) = compiled_uses(uses, compiler="none")
    assert given[0].block.value is long.value
    assert "virtual machine" in report.reason


@needs_compiler
def test_only_functions_of_expressions_are_taken():
    made, _ = compiled_functions([long_function(3)], "motion")
    with pytest.raises(TypeError, match="only functions of SX or MX expressions"):
        compiled_functions(made, "motion")


@needs_compiler
@pytest.mark.parametrize("blocks_too", [True, False])
def test_whole_program_is_compiled_to_the_same_numbers(blocks_too):
    """Also where its blocks are in a library of their own."""
    uses = two_blocks()
    program = assemble(uses, 30, 1)
    fast, reports = compiled_uses(uses) if blocks_too else (uses, ())
    libraries = [report.library for report in reports]
    made, report = compiled_program(assemble(fast, 30, 1), "program", libraries=libraries)
    assert report.compiled, report.reason
    same_numbers(program, made)
    free = np.full(30, -np.inf), np.full(30, np.inf)
    one, other = (solve(p, np.full(1, 0.5), *free, np.linspace(-1, 1, 30)) for p in (program, made))
    assert one.converged
    assert (one.iterations, one.objective) == (other.iterations, other.objective)
    assert np.array_equal(one.values, other.values)
    again, report = compiled_program(assemble(uses, 30, 1), "program")
    assert report.cached is not blocks_too
    same_numbers(program, again)
    made, report = compiled_program(program, "program", compiler="none")
    assert made is program
    assert "virtual machine" in report.reason


@needs_compiler
def test_program_without_the_library_of_its_blocks_stays_as_it_is():
    fast, _ = compiled_uses(two_blocks())
    program = assemble(fast, 30, 1)
    made, report = compiled_program(program, "program")
    assert made is program
    assert not report.compiled
    assert "undefined" in report.reason


@needs_compiler
def test_libraries_of_two_blocks_serve_one_program():
    """Every library has symbols of its own."""
    one = two_blocks()[0].block

    def stiffer(x, p):
        y = x
        for _ in range(12):
            y = ca.cos(y * p[0]) + ca.vertcat(x[1], y[2], y[0]) * 0.4
        return ca.sumsqr(y), [y[1] - x[0]]

    other = make_block("other", stiffer, np.ones(3), 1)
    index, none = np.arange(30).reshape(10, 3).T, np.zeros((1, 10), int)
    uses = [BlockUse(one, index, none), BlockUse(other, index[[1, 2, 0]], none)]
    fast, reports = compiled_uses(uses)
    assert len({r.library for r in reports}) == 2
    made, report = compiled_program(assemble(fast, 30, 1), "program", libraries=[r.library for r in reports])
    assert report.compiled, report.reason
    same_numbers(assemble(uses, 30, 1), made)


def test_small_functions_are_not_worth_compiling():
    assert not worth_compiling(30)
    assert worth_compiling(1000)

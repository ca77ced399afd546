"""Compilation of symbolic functions to machine code, kept in the cache folder by the hash of their C code.

CasADi's virtual machine needs about 5 ns for one instruction, compiled code about 0.3 ns (node Hessian of the
equations of motion with 21 coordinates, 44,789 instructions: 248 → 14 µs an evaluation). The functions that CasADi
generates are one straight line of statements; the time gcc needs grows faster than their length, so that they are cut
into pieces (`generated_code`), with which ``-O1`` costs a third (20.3 → 6.5 CPU s) at the same speed. ``-O0`` code is
four times slower, ``-O2`` costs twice the time and is no faster. ``-ffp-contract=off`` keeps the results the same to
the last bit as those of the virtual machine on every processor.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import casadi as ca

from opensim_models.model.cache import cache_folder
from synth.optimal_control.program.generated_code import translation_units

try:
    import fcntl
except ImportError:  # not on every system; without it two processes may compile the same twice, which is harmless
    fcntl = None

FLAGS = ("-O1", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fno-tree-pta")
_COMPILER_SECONDS = 1800.0
_LEFTOVER_SECONDS = 86400.0
_LEAST_INSTRUCTIONS = 100


_PLACEHOLDER = "symbol_of_this_library_"


@dataclass(frozen=True)
class CompilationReport:
    """What became of a compilation.

    Attributes
    ----------
    compiled : bool
        False where the functions are those of the virtual machine.
    cached : bool
        The library was there already.
    reason : str
        Why the functions are not compiled, or why the library was not kept; empty otherwise.
    seconds, cpu_seconds : float
        Of code generation, compiler and loading; CPU seconds include those of the compiler.
    n_instructions : int
        Of all functions together.
    compiler : str
        First line of what the compiler says of its version; empty without one.
    library : Path, optional
        The compiled library, where it was kept.
    """

    compiled: bool
    cached: bool
    reason: str
    seconds: float
    cpu_seconds: float
    n_instructions: int
    compiler: str = ""
    library: Path | None = None


def worth_compiling(n_instructions: int) -> bool:
    """Whether compiling a function saves time in a program that is solved often.

    Below about 100 instructions an evaluation is mostly the call itself: measured in a map of 100 evaluations, 34
    instructions take 0.33 µs and compiled 0.23, 325 take 1.4 and 0.33, 3,025 take 12.9 and 0.95.
    """
    return n_instructions >= _LEAST_INSTRUCTIONS


def compiled_functions(
    functions: Sequence[ca.Function],
    name: str,
    *,
    compiler: str | None = "auto",
    processes: int | None = None,
    libraries: Sequence[Path] = (),
) -> tuple[list[ca.Function], CompilationReport]:
    """Compile functions into one library, or take it from the cache.

    Parameters
    ----------
    functions : sequence of casadi.Function
        Functions of SX or MX expressions; their names need not differ.
    name : str
        Begins the name of the library's file.
    compiler : str, optional
        Command of a C compiler. ``"auto"``: ``KINESYNTH_COMPILER``, else the first of cc, gcc and clang that is
        there. None or ``"none"``: no compilation.
    processes : int, optional
        How many compilers run at once; two, or one on a machine with one processor, if absent.
    libraries : sequence of Path
        Libraries of compiled functions that the functions call.

    Returns
    -------
    list of casadi.Function
        Equal to those given to the last bit, in their order; those given where there is no compiler or it fails.
    CompilationReport

    Raises
    ------
    TypeError
        A function is not one of expressions.
    """
    for function in functions:
        if not (function.is_a("SXFunction") or function.is_a("MXFunction")):
            raise TypeError(f"only functions of SX or MX expressions can be compiled, but {function} is none")
    wall, cpu = time.perf_counter(), _cpu_seconds()
    size = sum(function.n_instructions() for function in functions)
    report = CompilationReport(False, False, "", 0.0, 0.0, size)
    made = list(functions)
    command, reason = _compiler(compiler)
    try:
        if not functions:
            reason = "there is no function to compile"
        elif command:
            report = replace(report, compiler=_version(command))
            job = _Job(name, command, processes or _processes(), tuple(libraries))
            made, library, cached, reason = _library_functions(functions, job)
            report = replace(report, compiled=True, cached=cached, library=library)
    except (OSError, subprocess.SubprocessError, RuntimeError) as problem:
        reason = f"compilation with {command} failed: {_first_line(problem)}"
    if reason and not report.compiled:
        reason += "; CasADi's virtual machine evaluates the functions, several times slower"
    return made, replace(report, reason=reason, seconds=time.perf_counter() - wall, cpu_seconds=_cpu_seconds() - cpu)


@dataclass(frozen=True)
class _Job:
    """How a library is made."""

    name: str
    command: str
    processes: int
    libraries: tuple[Path, ...]


def _library_functions(functions: Sequence[ca.Function], job: _Job) -> tuple[list[ca.Function], Path | None, bool, str]:
    """Functions of the library, its place, whether it was cached, and why it was not kept."""
    names = [f"{_PLACEHOLDER}{i}_{function.name()}" for i, function in enumerate(functions)]
    units = translation_units(functions, names)
    made_for = [_version(job.command), *FLAGS, platform.system(), platform.machine(), *platform.libc_ver()]
    made_for += [str(path) for path in job.libraries]  # their names hold the hash of what is in them
    digest = hashlib.sha256("\0".join([*units, *made_for]).encode()).hexdigest()
    stem = f"{re.sub(r'[^A-Za-z0-9]+', '_', job.name)}.{digest[:40]}"
    # symbols carry the hash: several libraries may be linked into one program
    own = f"f{digest[:16]}_"
    units, names = ([text.replace(_PLACEHOLDER, own) for text in texts] for texts in (units, names))
    folder = cache_folder() / "compiled"
    library, found = _cached(folder, stem, names)
    if found:
        return found, library, True, ""
    work, reason = _work_folder(folder)
    try:
        with _alone(folder, digest, enabled=not reason):
            library, found = _cached(folder, stem, names)  # another process may have made it meanwhile
            if found:
                return found, library, True, ""
            library = _compile(units, work, job)
            if not reason:
                library = library.replace(folder / f"{stem}.{_digest(library)}.so")
        return _load(library, names), None if reason else library, False, reason
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _cached(folder: Path, stem: str, names: Sequence[str]) -> tuple[Path | None, list[ca.Function]]:
    """A library that is there and whole, with its functions; damaged ones are removed."""
    for library in sorted(folder.glob(f"{stem}.*.so")):
        with contextlib.suppress(RuntimeError):
            if _is_whole(library):
                return library, _load(library, names)
        with contextlib.suppress(OSError):
            library.unlink()
    return None, []


def _work_folder(folder: Path) -> tuple[Path, str]:
    """A folder to compile in, and why the library will not be kept."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob("tmp*"):  # of a process that was killed
            if time.time() - leftover.stat().st_mtime > _LEFTOVER_SECONDS:
                shutil.rmtree(leftover, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix="tmp", dir=folder)), ""
    except OSError as problem:
        words = f"the library is not kept, since {folder} cannot be written ({problem.strerror})"
        return Path(tempfile.mkdtemp(prefix="kinesynth")), words


def _compile(units: Sequence[str], work: Path, job: _Job) -> Path:
    """Compile translation units, a few at once, and link them."""
    waiting, running, objects = list(enumerate(units)), [], []
    end = time.monotonic() + _COMPILER_SECONDS
    try:
        while waiting or running:
            while waiting and len(running) < job.processes:
                index, text = waiting.pop(0)
                source = work / f"unit{index}.c"
                source.write_text(text)
                objects.append(source.with_suffix(".o"))
                running.append(_start([job.command, *FLAGS, "-c", source.name, "-o", objects[-1].name], work))
            _finish(running.pop(0), end)
        # what a library misses is to be said now: found out at the first call, it would end the process
        whole = ["-Wl,-z,defs"] if platform.system() == "Linux" else []
        parts = [*whole, *[file.name for file in objects], *[str(path.resolve()) for path in job.libraries]]
        _finish(_start([job.command, "-shared", *parts, "-lm", "-o", "library.so"], work), end)
    finally:
        for process in running:
            process.kill()
            process.communicate()
    return work / "library.so"


def _start(words: list[str], folder: Path) -> subprocess.Popen:
    # its temporary files lie with the rest, so that they go with it when the compiler is killed
    environment = os.environ | {"TMPDIR": str(folder), "LC_ALL": "C"}
    return subprocess.Popen(
        words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def _finish(process: subprocess.Popen, end: float) -> None:
    try:
        _, said = process.communicate(timeout=max(end - time.monotonic(), 0.0))
    except BaseException:
        process.kill()
        process.communicate()
        raise
    if process.returncode:
        lines = said.decode(errors="replace").splitlines()
        lines = [line for word in ("undefined", "error") for line in lines if word in line.lower()]
        raise RuntimeError(lines[0] if lines else f"it ended with status {process.returncode}")


def _load(library: Path, names: Sequence[str]) -> list[ca.Function]:
    return [ca.external(name, str(library)) for name in names]


def _digest(library: Path) -> str:
    return hashlib.sha256(library.read_bytes()).hexdigest()[:16]


def _is_whole(library: Path) -> bool:
    """Whether a file is what its name says; loading a truncated library would end the process."""
    try:
        return _digest(library) == library.name.split(".")[-2]
    except OSError:
        return False


@contextlib.contextmanager
def _alone(folder: Path, digest: str, *, enabled: bool) -> Iterator[None]:
    """One process compiles a library; others that want it find it when it is done. Ends with the process.

    Sixteen locks serve all libraries, so that a slow one holds up few others.
    """
    if not enabled or fcntl is None:
        yield
        return
    with (folder / f"compiling.{digest[0]}.lock").open("a") as lock:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _compiler(wish: str | None) -> tuple[str, str]:
    """Command of the compiler, and why there is none."""
    if wish == "auto":
        wish = os.environ.get("KINESYNTH_COMPILER") or "auto"
    if wish is None or wish.lower() == "none":
        return "", "no compiler was wished"
    if wish != "auto":
        return (wish, "") if shutil.which(wish) else ("", f"the compiler {wish!r} was not found")
    for command in ("cc", "gcc", "clang"):
        if shutil.which(command):
            return command, ""
    return "", "no C compiler (cc, gcc, clang) was found"


@lru_cache(maxsize=8)
def _version(command: str) -> str:
    said = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    return said.partition("\n")[0]


def _processes() -> int:
    return min(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


def _first_line(problem: Exception) -> str:
    return (str(problem).strip() or type(problem).__name__).partition("\n")[0]

"""Program whose assembled functions are compiled: the loops over columns and the scattering of what the blocks give.

The blocks' own library (`compiled_blocks`) serves every mesh; that of the whole program halves the time of all
evaluations once more (planar walking on 25 nodes, value, gradient, Jacobian and Hessian together: 10.9 ms by the
virtual machine, 3.2 with compiled blocks, 1.6 with both), and takes about one CPU second for every new mesh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from synth.optimal_control.program.assembly import Program
from synth.optimal_control.program.compilation import CompilationReport, compiled_functions


def compiled_program(
    program: Program, name: str, *, libraries: Sequence[Path] = (), compiler: str | None = "auto"
) -> tuple[Program, CompilationReport]:
    """Compile the assembled functions of a program.

    Parameters
    ----------
    program : Program
    name, compiler
        As in `compiled_functions`.
    libraries : sequence of Path
        `CompilationReport.library` of its compiled blocks; needed where some were compiled.

    Returns
    -------
    Program
        With the same numbers to the last bit; the program given where there is no compiler or it fails.
    CompilationReport
    """
    words = list(program.functions)
    functions = [program.functions[word] for word in words]
    made, report = compiled_functions(functions, name, compiler=compiler, libraries=libraries)
    if not report.compiled:
        return program, report
    fast = dict(zip(words, made, strict=True))
    x, p = program.problem["x"], program.problem["p"]
    cost, rows = fast["f_g"](x, p)
    return replace(program, functions=fast, problem={"x": x, "p": p, "f": cost, "g": rows}), report

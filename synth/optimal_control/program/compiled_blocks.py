"""Compiled blocks: the functions of a program's blocks as machine code, where it pays and a compiler is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from synth.optimal_control.program.assembly import BlockUse
from synth.optimal_control.program.block import Block
from synth.optimal_control.program.compilation import CompilationReport, compiled_functions, worth_compiling

_FUNCTIONS = ("value", "gradient", "jacobian", "hessian")


def compiled_uses(uses: Sequence[BlockUse], compiler: str | None = "auto") -> tuple[list[BlockUse], CompilationReport]:
    """Uses whose blocks are compiled together into one library, or taken from the cache.

    Parameters
    ----------
    uses : sequence of BlockUse
    compiler : str, optional
        See `compilation.compiled_functions`.

    Returns
    -------
    list of BlockUse
        The same ones where there is no compiler.
    CompilationReport
    """
    blocks = {id(use.block): use.block for use in uses}
    wanted = [
        (key, name)
        for key, block in blocks.items()
        for name in _FUNCTIONS
        if worth_compiling(getattr(block, name).n_instructions())
    ]
    functions = [getattr(blocks[key], name) for key, name in wanted]
    made, report = compiled_functions(functions, "blocks", compiler=compiler)
    changes: dict[int, dict] = {}
    for (key, name), function in zip(wanted, made, strict=True):
        changes.setdefault(key, {})[name] = function
    compiled: dict[int, Block] = {key: replace(block, **changes.get(key, {})) for key, block in blocks.items()}
    return [replace(use, block=compiled[id(use.block)]) for use in uses], report


def compile_if_possible(uses: list[BlockUse]) -> list[BlockUse]:
    """As `compiled_uses`, for `movement.problem.movement_program`; the report is left."""
    return compiled_uses(uses)[0]

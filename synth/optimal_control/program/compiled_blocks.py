"""Compiled blocks: the functions of a program's blocks as machine code, where it pays and a compiler is there.

Every block is a library of its own: programs of other meshes, people or costs find the blocks that they share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from synth.optimal_control.program.assembly import BlockUse
from synth.optimal_control.program.block import Block
from synth.optimal_control.program.compilation import CompilationReport, compiled_functions, worth_compiling

_FUNCTIONS = ("value", "gradient", "jacobian", "hessian")


def compiled_block(block: Block, compiler: str | None = "auto") -> tuple[Block, CompilationReport | None]:
    """A block whose functions are compiled; itself, without a report, where that gains nothing."""
    wanted = [name for name in _FUNCTIONS if worth_compiling(getattr(block, name).n_instructions())]
    if not wanted:
        return block, None
    functions = [getattr(block, name) for name in wanted]
    made, report = compiled_functions(functions, block.name, compiler=compiler)
    return replace(block, **dict(zip(wanted, made, strict=True))), report


def compiled_uses(
    uses: Sequence[BlockUse], compiler: str | None = "auto"
) -> tuple[list[BlockUse], tuple[CompilationReport, ...]]:
    """Uses whose blocks are compiled, or taken from the cache.

    Parameters
    ----------
    uses : sequence of BlockUse
    compiler : str, optional
        See `compilation.compiled_functions`.

    Returns
    -------
    list of BlockUse
        The same ones where there is no compiler.
    tuple of CompilationReport
        One a block that was worth it.
    """
    blocks = {id(use.block): use.block for use in uses}
    compiled = {key: compiled_block(block, compiler) for key, block in blocks.items()}
    reports = tuple(report for _, report in compiled.values() if report is not None)
    return [replace(use, block=compiled[id(use.block)][0]) for use in uses], reports


def compile_if_possible(uses: list[BlockUse]) -> list[BlockUse]:
    """As `compiled_uses`, for `movement.problem.movement_program`; the reports are left."""
    return compiled_uses(uses)[0]

"""Fresh compilation: what machine code costs on a machine that has never compiled the problem."""

from __future__ import annotations

import os
import tempfile

from synth.optimal_control.program.assembly import BlockUse
from synth.optimal_control.program.compiled_blocks import compiled_uses


def compile_afresh(uses: list[BlockUse]) -> list[BlockUse]:
    """Compile as if nothing had been compiled before: the cache is another folder for this once."""
    with tempfile.TemporaryDirectory() as folder:
        kept, os.environ["KINESYNTH_CACHE"] = os.environ.get("KINESYNTH_CACHE"), folder
        try:
            return compiled_uses(uses)[0]
        finally:
            if kept is None:
                del os.environ["KINESYNTH_CACHE"]
            else:
                os.environ["KINESYNTH_CACHE"] = kept

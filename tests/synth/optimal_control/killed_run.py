"""A run of ``kinesynth gait`` in a process of its own that is killed in the middle of a solve."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
_CODE = """
import os, signal, sys; sys.path[:0] = {paths!r}
from synth.optimal_control.movement import resumed_climb
from synth.optimal_control.program import solver
solver.solve.__kwdefaults__["keep_seconds"] = 0.0
save = resumed_climb.save_iterate
def save_and_die(place, iterate, identity):
    save(place, iterate, identity)
    if iterate.iterations == 3 and len(iterate.values) > {size}:
        os.kill(os.getpid(), signal.SIGKILL)
resumed_climb.save_iterate = save_and_die
from synth.optimal_control.cli import gait_app
gait_app({words!r})
"""


def kill_in_solve(words: Sequence[str], size: int) -> None:
    """Run a command and kill it in the third iteration of the first problem with more variables than `size`."""
    code = _CODE.format(paths=[str(REPOSITORY)], size=size, words=list(words))
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, env=os.environ)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

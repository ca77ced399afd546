"""An arm of the comparison: what a network has seen before the first measured person teaches it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Start = Literal["nothing", "signals", "labels", "both"]
"""What virtual people taught first: nothing; what is hidden of their signals; their labels; one, then the other."""


@dataclass(frozen=True)
class Arm:
    """One way.

    Attributes
    ----------
    name : str
    start : str
        See `Start`.
    frozen : bool
        Whether measured people teach the head alone.
    own_signals : bool
        Whether the signals of those who teach, without labels, go on with the self-supervision.
    every_channel : bool
        Whether all 42 channels are seen and not those of the plane alone.
    everywhere : bool
        Taught by every number of people; else by the one at which options are compared.
    """

    name: str
    start: Start = "both"
    frozen: bool = False
    own_signals: bool = False
    every_channel: bool = False
    everywhere: bool = False


SCRATCH, TRANSFER = "from scratch", "both pre-trainings"
ARMS = (
    Arm(SCRATCH, "nothing", everywhere=True),
    Arm("self-supervised", "signals", everywhere=True),
    Arm("synthetic labels", "labels", everywhere=True),
    Arm(TRANSFER, "both", everywhere=True),
    Arm("both, head alone learns", "both", frozen=True),
    Arm("self-supervised, on their signals, too", "signals", own_signals=True),
    Arm("from scratch, all channels", "nothing", every_channel=True),
)
STARTS: tuple[Start, ...] = ("signals", "labels", "both")
"""What is pre-trained once for all tasks, folds and draws."""


OPTIONS = tuple(arm.name for arm in ARMS if not arm.everywhere)
"""Arms that are tried at one number of people."""


def arms_of(n: int, ablated: int, options: Sequence[str] = OPTIONS) -> tuple[Arm, ...]:
    """The arms that n people teach."""
    return tuple(arm for arm in ARMS if arm.everywhere or (n == ablated and arm.name in options))

"""An arm of the comparison: one way of teaching a network the torque."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.config import ConfigRefused
from training.fatigue.transfer import AnchorKind, Schedule


@dataclass(frozen=True)
class Arm:
    """One way.

    Attributes
    ----------
    name : str
    network : str
        ``"modular"`` or ``"joined"``.
    pretrained : bool
        Whether simulations taught it first.
    schedule : {"none", "recurrent", "all_but_head"}
        What is frozen while others fine-tune it.
    anchor : {"off", "plain", "covariance"}
    front_end : bool
        Principal components of recent activity in the place of the channels.
    strength_known : bool
    everywhere : bool
        Taught by every number of people; else by the one at which options are compared.
    """

    name: str
    network: str = "modular"
    pretrained: bool = True
    schedule: Schedule = "none"
    anchor: AnchorKind = "off"
    front_end: bool = False
    strength_known: bool = True
    everywhere: bool = False

    @property
    def variant(self) -> str:
        """What decides how simulations teach it."""
        return "_".join([self.network, *["pca"] * self.front_end, *["unscaled"] * (not self.strength_known)])


TRANSFER = "transfer"
"""The arm that the goals are about; chosen before any result: nothing frozen, no anchor."""
DIRECT = "no simulations"
ARMS = (
    Arm(DIRECT, pretrained=False, everywhere=True),
    Arm(TRANSFER, everywhere=True),
    Arm("transfer, recurrent frozen", schedule="recurrent", everywhere=True),
    Arm("transfer, all but head frozen", schedule="all_but_head", everywhere=True),
    Arm("joined (published form), no simulations", "joined", pretrained=False, everywhere=True),
    Arm("joined (published form), transfer", "joined", everywhere=True),
    Arm("transfer, plain anchor", anchor="plain"),
    Arm("transfer, covariance-weighted anchor", anchor="covariance"),
    Arm("no simulations, PCA front end", pretrained=False, front_end=True),
    Arm("transfer, PCA front end", front_end=True),
    Arm("no simulations, strength unknown", pretrained=False, strength_known=False),
    Arm("transfer, strength unknown", strength_known=False),
)
BOTH_ALONE, BOTH_TRANSFER = "both forms, no simulations", "both forms, transfer"
BOTH_FORMS = {
    BOTH_ALONE: (DIRECT, "joined (published form), no simulations"),
    BOTH_TRANSFER: (TRANSFER, "joined (published form), transfer"),
}
"""The mean of what two arms say → these arms; nothing more is taught."""
COUNTERPART = {
    TRANSFER: DIRECT,
    BOTH_TRANSFER: BOTH_ALONE,
    "joined (published form), transfer": "joined (published form), no simulations",
    "transfer, PCA front end": "no simulations, PCA front end",
    "transfer, strength unknown": "no simulations, strength unknown",
}
"""Arm → the same without simulations; all others are compared with `DIRECT`."""


def chosen_arms(names: Sequence[str]) -> tuple[Arm, ...]:
    """Arms of these names, all without any; `TRANSFER` and `DIRECT` always.

    Raises
    ------
    ConfigRefused
        For an unknown name.
    """
    known = {arm.name for arm in ARMS}
    unknown = sorted(set(names) - known)
    if unknown:
        raise ConfigRefused(f"arms {', '.join(unknown)}: unknown. Known: {'; '.join(a.name for a in ARMS)}.")
    wanted = set(names) | {TRANSFER, DIRECT} if names else known
    return tuple(arm for arm in ARMS if arm.name in wanted)

"""The wrist's condition: healthy, or altered by one of two surgeries for its arthritis.

* SE4CF, scaphoid excision with four-corner fusion: the hand moves on the lunate alone, so the axes lie further from the
  thumb, tendons on the radial side have larger arms, and the carpus stays nearly as high. That the axes are oblique to
  the radius is left out: both are in balance, and turning them among themselves changes no balance;
* PRC, proximal row carpectomy: the capitate moves in the radius' lunate fossa, so the carpus is lower (tendons from
  the forearm are slack by that much), the axis lies nearer, and extensors have smaller arms.

The directions follow cadaver moment arms (Nichols et al., Clin Biomech, 2015) and simulations (Nichols et al.,
J Biomech 46:192, 2013 and 58:97, 2017); the loss of wrist strength is that of grip (74 % and 94 % of the other hand,
J Hand Surg 20A:965, 1995); all other sizes are assumptions of this project, as no table of them is at hand. They vary
between people (`PinchPeople.surgery_size`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.thumb.muscle_table import THUMB, WRIST_AXES, MuscleTable

CONDITIONS = ("healthy", "SE4CF", "PRC")


@dataclass(frozen=True)
class WristChange:
    """What a condition changes, for a person of typical surgery size.

    Attributes
    ----------
    axis_shift : float
        How far the axes lie proximal of where they were (m).
    shortening : float
        By how much tendons from the forearm are slack (m).
    extensor_arm, radial_arm : float
        Logarithm of the factor on arms that extend, and that deviate radially.
    wrist_loss : float
        Logarithm of the loss of force of the wrist's muscles.
    """

    axis_shift: float = 0.0
    shortening: float = 0.0
    extensor_arm: float = 0.0
    radial_arm: float = 0.0
    wrist_loss: float = 0.0


CHANGES = {
    "healthy": WristChange(),
    "SE4CF": WristChange(0.014, 0.005, 0.0, 0.25, -0.30),
    "PRC": WristChange(-0.004, 0.011, -0.25, 0.0, -0.06),
}


def wrist_arms(table: MuscleTable, condition: str, size: np.ndarray, hand_scale: np.ndarray) -> np.ndarray:
    """Moment arms (m) of all muscles about the wrist's two axes in a condition.

    Parameters
    ----------
    table : MuscleTable
    condition : str
        One of `CONDITIONS`.
    size : ndarray, shape (n,)
        Of the surgery in each person.
    hand_scale : ndarray, shape (n,)
        Hand length over the typical one.

    Returns
    -------
    ndarray, shape (n, 2, n_muscles)
    """
    change = CHANGES[condition]
    typical = table.arms[-len(WRIST_AXES) :]
    arms = hand_scale[:, None, None] * typical
    factor = np.ones_like(arms)
    factor[:, 0] = np.where(typical[0] < 0, np.exp(change.extensor_arm * size)[:, None], 1.0)
    factor[:, 1] = np.where(typical[1] > 0, np.exp(change.radial_arm * size)[:, None], 1.0)
    return arms * factor


def slackening(condition: str, size: np.ndarray, is_extrinsic: np.ndarray) -> np.ndarray:
    """How much shorter each thumb muscle's path is (m), shape (n, 9): those that cross the wrist only."""
    return CHANGES[condition].shortening * size[:, None] * is_extrinsic[: len(THUMB)]

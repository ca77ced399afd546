"""The upright leg: how a pelvis lists and turns so that the leg below it swings in its plane, from joint angles alone.

Hip adduction and pelvis list are two sides of one thing: seen from behind, the legs of runners stay nearly in the plane
in which they run, whatever the hip does. List and rotation of the pelvis, each a mean and three harmonics of the
stride, are those that keep thigh and shank in that plane and the foot's direction in stance, with a pull towards none.

Tried on the markers of nine runs of five runners (RBDS): the rotation's correlation with the measured one is 0.7 to 0.9
in eight and none in one, the list's -0.1 to 0.9, median 0.3. It gives phases, not truth; `pelvis_motion` draws about
it.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from synth.strides.runner_body import MID_STANCE, RunnerBody, leg_motions
from synth.strides.stride_table import ROWS

HARMONICS = 3
_D = np.pi / 180.0
OUT_OF_PLANE = {"femur_r": 5.0 * _D, "tibia_r": 4.0 * _D, "calcn_r": 5.0 * _D}
"""Widths (rad), by assumption: of a long axis beside the plane, of the foot's direction about its mean in stance."""
PULL = np.array([[3, 4, 4, 1, 1, 1, 1], [4, 6, 6, 1, 1, 1.5, 1.5]]) * _D
"""Widths (rad) of the mean and of cosine and sine of each harmonic, of list and rotation; by assumption."""
INDEPENDENT = 10.0
"""So many rows tell the same."""


def upright_pelvis(body: RunnerBody, angles: np.ndarray, tilt: float) -> np.ndarray:
    """Find how the pelvis lists and turns.

    Parameters
    ----------
    body : RunnerBody
    angles : ndarray, shape (n_strides, 101, 9)
        rad, as `stride_table.RunnerStrides.angles`.
    tilt : float
        Of the pelvis (rad), held.

    Returns
    -------
    ndarray, shape (2, 3), complex
        Of list and rotation: amplitude (rad) and phase p of the harmonics, A exp(i p) for A cos(2 pi k phase - p).
    """
    mean = angles.mean(axis=0)[: ROWS - 1]
    phase = 2.0 * np.pi * np.arange(ROWS - 1)[:, None] / (ROWS - 1)
    waves = [wave(k * phase) for k in range(1, HARMONICS + 1) for wave in (np.cos, np.sin)]
    basis = np.hstack([np.ones((ROWS - 1, 1)), *waves])
    stance = slice(*MID_STANCE)

    def misfit(flat: np.ndarray) -> np.ndarray:
        pelvis = np.zeros((ROWS - 1, 6))
        pelvis[:, 0] = tilt
        pelvis[:, 1:3] = basis @ flat.reshape(2, -1).T
        thigh, shank, foot = leg_motions(body, pelvis, mean, 1.0)[1:]
        beside = [
            motion.orientation.apply([0.0, 1.0, 0.0])[:, 2] / OUT_OF_PLANE[motion.segment] for motion in (thigh, shank)
        ]
        heading = foot.orientation.apply([1.0, 0.0, 0.0])[stance, 2]
        beside.append((heading - heading.mean()) / OUT_OF_PLANE["calcn_r"])
        return np.concatenate([np.concatenate(beside) / np.sqrt(INDEPENDENT), flat / PULL.ravel()])

    found = least_squares(misfit, np.zeros(PULL.size)).x.reshape(2, -1)
    return found[:, 1::2] + 1j * found[:, 2::2]

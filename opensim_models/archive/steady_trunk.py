"""Steady trunk: how a trunk that carries no marker is taken to move, for the forces at the root of the skeleton.

Inverse kinematics holds what it cannot see, and a trunk that is held against the pelvis shakes with every tremor of
its markers, half the body's mass on a lever. People keep their trunk and head nearly upright when they walk and run
(Pozzo et al., Exp Brain Res 82:97, 1990). Moments of the legs do not depend on it, residual forces do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics

TRUNK, ROOT = "torso", "pelvis"
_TURNING = 0.3
"""Standard deviation (s) over which the heading of the pelvis is smoothed: a person who turns takes the trunk along."""


def with_steady_trunk(skeleton: Skeleton, kinematics: Kinematics) -> tuple[Kinematics, bool]:
    """Keep the trunk upright where its joint was held all the time.

    Parameters
    ----------
    skeleton : Skeleton
    kinematics : Kinematics

    Returns
    -------
    kinematics : Kinematics
        The same, but for the three coordinates of the trunk's joint.
    changed : bool
        False if the trunk moved by markers of its own, or its joint is not three rotations about square axes.
    """
    names = skeleton.segment_names
    if TRUNK not in names or ROOT not in names:
        return kinematics, False
    segment = skeleton.segments[names.index(TRUNK)]
    turns = [e for e in segment.elements if e.kind == "rotation" and e.coordinate >= 0]
    axes = np.array([e.axis for e in turns])
    square = len(turns) == 3 and np.allclose(axes @ axes.T, np.eye(3), atol=1e-6)
    if not square or names[segment.parent] != ROOT:
        return kinematics, False
    own = [skeleton.coordinate_names[e.coordinate] for e in turns]
    if any(name not in kinematics.coordinates or _moves(kinematics.of(name)) for name in own):
        return kinematics, False
    known = np.isfinite(kinematics.values).all(axis=1)
    if not known.any():
        return kinematics, False
    pelvis = segment_motions(skeleton, kinematics)[ROOT].orientation
    forward = pelvis.apply([1.0, 0.0, 0.0])[known]
    frames = np.arange(len(known))
    # frames without a pose must not pull their neighbours towards X
    heading = np.interp(frames, frames[known], np.unwrap(np.arctan2(-forward[:, 2], forward[:, 0])))
    heading = gaussian_filter1d(heading, _TURNING * kinematics.rate, mode="nearest")
    upright = Rotation.from_rotvec(heading[:, None] * np.array([0.0, 1.0, 0.0]))
    into = Rotation.from_matrix(segment.orientation)
    out = Rotation.from_matrix(segment.child_orientation)
    joint = into.inv() * pelvis.inv() * upright * out
    values = kinematics.values.copy()
    angles = joint.as_davenport(axes, "intrinsic")
    for name, angle in zip(own, angles.T, strict=True):
        values[known, kinematics.coordinates.index(name)] = angle[known]
    return replace(kinematics, values=values), True


def _moves(values: np.ndarray) -> bool:
    """Whether a coordinate changes over the frames that know it."""
    known = values[np.isfinite(values)]
    return bool(len(known)) and float(np.ptp(known)) > 0.0

"""Keypoints: the joint centres that a detector names, of any skeleton that walks in a corpus.

Shoulders, hips, knees, ankles, heels and toes (the joints of the big toes). Skeletons of ours have feet whose frame
stands in the ankle; those of OpenSim's gait models have a talus, and a heel bone whose frame is the heel. The heels of
ours are put where those of the models are, so that one network understands both.
"""

from __future__ import annotations

import numpy as np

from opensim_models.generic.foot_geometry import TOE_JOINT
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics

PARTS = ("shoulder", "hip", "knee", "ankle", "heel", "toe")
KEYPOINTS = tuple(f"{part}_{side}" for part in PARTS for side in "rl")
"""Names in the order of every array of keypoints."""
SWAPPED = np.array([KEYPOINTS.index(f"{name[:-1]}{'l' if name[-1] == 'r' else 'r'}") for name in KEYPOINTS])
"""Index of each keypoint's partner on the other side."""
HEEL = (-0.02869, -0.02468)
"""Of the model of Delp et al. (IEEE TBME 37:757, 1990), forward and up from the ankle over its 1.70 m."""
SHOULDER = (0.005, 0.222, 0.105)
"""From the lumbar joint, parts of stature; as the landmarks of `opensim_models.generic.catalogue`."""


def keypoint_positions(skeleton: Skeleton, kinematics: Kinematics, height: float) -> np.ndarray:
    """Positions of the keypoints.

    Parameters
    ----------
    skeleton : Skeleton
        With segments named as in the gait models: ``femur_r``, ``tibia_r``, ``calcn_r``, ``torso``.
    kinematics : Kinematics
    height : float
        Stature (m).

    Returns
    -------
    ndarray, shape (n_frames, 12, 3)
        m, ground frame; NaN where a pose is unknown.

    Raises
    ------
    ModelMismatch
        A segment is missing.
    """
    motions = segment_motions(skeleton, kinematics)
    missing = [
        s for s in ("torso", *(f"{p}_{e}" for p in ("femur", "tibia", "calcn") for e in "rl")) if s not in motions
    ]
    if missing:
        raise ModelMismatch(
            f"{skeleton.name}: keypoints need the segments torso, femur, tibia and calcn of both sides; there is no "
            f"{', '.join(missing)}. Use a gait model."
        )

    def at(segment: str, offset: tuple[float, ...] = (0.0, 0.0, 0.0)) -> np.ndarray:
        motion = motions[segment]
        return motion.origin + motion.orientation.apply(height * np.asarray(offset))

    places = []
    for name in KEYPOINTS:
        part, side = name[:-2], name[-1]
        sign = 1.0 if side == "r" else -1.0
        if part == "shoulder" and f"humerus_{side}" in motions:
            places.append(at(f"humerus_{side}"))
        elif part == "shoulder":
            places.append(at("torso", (*SHOULDER[:2], sign * SHOULDER[2])))
        elif part == "hip":
            places.append(at(f"femur_{side}"))
        elif part == "knee":
            places.append(at(f"tibia_{side}"))
        elif part == "ankle":
            places.append(at(f"talus_{side}" if f"talus_{side}" in motions else f"calcn_{side}"))
        elif part == "heel":
            places.append(at(f"calcn_{side}", (0.0, 0.0, 0.0) if f"talus_{side}" in motions else (*HEEL, 0.0)))
        elif f"toes_{side}" in motions:
            places.append(at(f"toes_{side}"))
        else:
            places.append(at(f"calcn_{side}", (*TOE_JOINT[:2], sign * TOE_JOINT[2])))
    return np.stack(places, axis=1)

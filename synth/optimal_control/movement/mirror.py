"""Mirror: what a movement becomes when right and left change places.

Columns of a node array are exchanged by their names' sides, and some coordinates change their sign (those that lean or
turn to one side). The signs are found from the skeleton itself: moving a coordinate must move every segment to the
mirror image of where moving its partner does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from opensim_models.model.multibody import segment_states
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch

if TYPE_CHECKING:
    from synth.optimal_control.movement.structure import MovementStructure

_STEP, _LARGEST_MISMATCH = 0.05, 0.2
_OTHER_SIDE = {"_r": "_l", "_l": "_r"}


def partners(names: Sequence[str]) -> np.ndarray:
    """Index of each name's counterpart on the other side; its own for names without a side."""
    place = {name: i for i, name in enumerate(names)}
    return np.array([place.get(name[:-2] + _OTHER_SIDE.get(name[-2:], name[-2:]), i) for i, name in enumerate(names)])


def mirror_signs(skeleton: Skeleton) -> np.ndarray:
    """Sign (n_q,) of each coordinate's partner in the mirror image.

    Raises
    ------
    ModelMismatch
        A coordinate moves the body in a way that has no mirror image in the model: it has no symmetric gait.
    """
    names = skeleton.coordinate_names
    partner = partners(names)
    other = partners(skeleton.segment_names)
    rest = _poses(skeleton, np.zeros(len(names)))
    signs = np.ones(len(names))
    for j in range(len(names)):
        moved = _poses(skeleton, _STEP * np.eye(len(names))[j]) - rest
        image = moved[other] * np.array([1.0, 1.0, -1.0])
        errors = {}
        for sign in (1.0, -1.0):
            partnered = _poses(skeleton, sign * _STEP * np.eye(len(names))[partner[j]]) - rest
            errors[sign] = np.abs(partnered - image).max()
        signs[j] = min(errors, key=errors.get)
        if errors[signs[j]] > _LARGEST_MISMATCH * max(np.abs(moved).max(), 1e-6):
            raise ModelMismatch(
                f"{skeleton.name}: coordinates {names[j]} and {names[partner[j]]} do not move the body to mirror "
                "images, so a half cycle cannot stand for a whole one. Use a full cycle."
            )
    return signs


def _poses(skeleton: Skeleton, q: np.ndarray) -> np.ndarray:
    """Places (n_segments, 3) of a point of each segment away from its joint, so that every rotation shows."""
    states = segment_states(skeleton, list(q))
    other = partners(skeleton.segment_names)
    points = []
    for i, state in enumerate(states):
        lever = np.array([0.11, 0.23, 0.17 * (1.0 if other[i] >= i else -1.0) if other[i] != i else 0.0])
        points.append(np.array(state.origin, float) + np.array(state.rotation, float) @ lever)
    return np.array(points)


def mirror_columns(structure: MovementStructure, name: str) -> np.ndarray:
    """Columns of a node array after right and left change places."""
    names = structure.pattern.coordinate_names
    if name in ("coordinates", "speeds", "accelerations"):
        return partners(names)
    if name == "torques":
        return partners([names[i] for i in structure.actuated])
    if name == "joint_moments":
        return partners([names[i] for i in structure.moments])
    if name == "wrenches":
        size = structure.wrench_size
        return np.r_[size : 2 * size, 0:size]
    return partners([m.name for m in structure.muscles])


def mirrored_array(structure: MovementStructure, name: str, array: np.ndarray) -> np.ndarray:
    """A node array after right and left change places: columns exchanged, leaning and turning with other signs."""
    columns = mirror_columns(structure, name)
    signs = np.array(structure.signs or np.ones(structure.n_coordinates))
    if name in ("coordinates", "speeds", "accelerations"):
        return array[:, columns] * signs[columns]
    if name == "torques":
        return array[:, columns] * signs[np.array(structure.actuated)[columns]]
    if name == "joint_moments":
        return array[:, columns] * signs[np.array(structure.moments)[columns]]
    if name == "wrenches" and not structure.planar:
        # sideways forces and the moments about X and Y change their sign
        return array[:, columns] * np.tile([1.0, 1.0, -1.0, -1.0, -1.0, 1.0], len(structure.feet))
    return array[:, columns]

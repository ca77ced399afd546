"""Forward axis: which horizontal axis of a file a body faces and walks along.

Three observations that do not depend on each other: left and right markers (with the vertical they say where the front
is), markers before and behind (pelvis, heel and toe), and the way the body travels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap_import.frame.body_place import BodyPlaces, mean_seen
from mocap_import.frame.signed_axis import SIGNED_AXES, axis_number

SPEED, TRAVEL = 0.25, 0.4
"""Mean speed (m/s) and distance (m) from which on a body travels."""
SAME_WAY = 0.5
"""Cosine between two observations from which on they agree."""
STRAIGHT = 0.93
"""Distance over length of a path from which on it is straight."""
CONCENTRATED = 0.5
"""Length of a mean of unit vectors from which on they point one way."""
TIE = 0.12
"""Difference of two cosines below which either of two axes is nearest: directions beyond 40 degrees off both."""
DIAGONAL = 20.0
"""Angle (degrees) to the nearest axis from which on a trial counts as diagonal."""


@dataclass(frozen=True)
class ForwardAxis:
    """The axis decided on.

    Attributes
    ----------
    forward : ndarray, shape (3,)
        Signed axis of the file, horizontal.
    confidence : float
    rivals : tuple of int
        Rows of `SIGNED_AXES` that are possible too; empty if the axis is certain.
    words : str
    angle : float
        Between the axis and the direction itself (degrees).
    travels, walks_backwards, is_mirrored : bool
        Whether the body travels; travels against its front; has its right where its left should be.
    """

    forward: np.ndarray
    confidence: float
    rivals: tuple[int, ...]
    words: str
    angle: float = 0.0
    travels: bool = False
    walks_backwards: bool = False
    is_mirrored: bool = False


def body_path(sample: np.ndarray, places: BodyPlaces) -> np.ndarray:
    """Path (n_frames, 3) of the body from the steps of the markers seen in neighbouring frames, starting at zero.

    Steps instead of positions: markers that come and go do not move the path.
    """
    columns = list(places.pelvis or places.trunk) or slice(None)
    steps = np.diff(sample[:, columns], axis=0)
    seen = np.isfinite(steps[:, :, 0])
    if not seen.any():
        return np.zeros((1, 3))
    total = np.where(seen[:, :, None], steps, 0.0).sum(axis=1)
    mean = total / np.maximum(seen.sum(axis=1), 1)[:, None]
    return np.concatenate([np.zeros((1, 3)), np.cumsum(mean, axis=0)])


def travel_of(path: np.ndarray, duration: float) -> np.ndarray:
    """Displacement (3,) of a path (m), zero if it is too short or too slow to be a way somewhere."""
    way = path[-1] - path[0]
    distance = np.linalg.norm(way)
    length = np.linalg.norm(np.diff(path[:: max(1, len(path) // 10)], axis=0), axis=1).sum()
    slow = duration > 0 and max(distance, 0.5 * length) / duration < SPEED
    return np.zeros(3) if distance < TRAVEL or slow else way


def find_forward_axis(
    sample: np.ndarray, path: np.ndarray, travel: np.ndarray, places: BodyPlaces, up: np.ndarray, screen: str
) -> ForwardAxis:
    """The axis that points forward.

    Parameters
    ----------
    sample : ndarray, shape (n_frames, n_markers, 3)
        m, file axes, NaN = occluded.
    path : ndarray, shape (n_frames, 3)
        Of `body_path`.
    travel : ndarray, shape (3,)
        Of `travel_of`.
    places : BodyPlaces
    up : ndarray, shape (3,)
    screen : str
        POINT:X_SCREEN; taken only where nothing else tells, and said so.
    """
    horizontal = [k for k in range(6) if abs(SIGNED_AXES[k] @ up) < 0.5]
    way, turns = _first_way(path, travel, up)
    sides = _mean_direction([sample[:, right] - sample[:, left] for left, right in places.pairs], up, turns)
    sides = np.cross(up, sides)
    front = [mean_seen(sample, toe) - mean_seen(sample, heel) for heel, toe in places.fronts]
    if places.middle_front:
        sacrum, spines = (sample[:, list(columns)].mean(axis=1) for columns in places.middle_front)
        front.append(spines - sacrum)
    front = _mean_direction(front, up, turns)
    direction, words, state = _weighed(sides, front, way, turns)
    if not direction.any():
        stated = axis_number(screen)
        number = stated if stated in horizontal else horizontal[0]
        rivals = tuple(k for k in horizontal if k != number)
        reason = "nothing tells, " + ("as the file states" if stated == number else "first axis taken")
        return ForwardAxis(SIGNED_AXES[number], 0.0, rivals, reason)
    cosines = SIGNED_AXES[horizontal] @ direction
    order = np.argsort(-cosines, kind="stable")
    best = horizontal[order[0]]
    rivals = [horizontal[order[1]]] if cosines[order[0]] - cosines[order[1]] < TIE else []
    if state != "certain":
        # Which end is the front is open; the line is not.
        rivals += [(best + 3) % 6]
    confidence = float(cosines[order[0]]) * (1.0 if state == "certain" else 0.5)
    return ForwardAxis(
        SIGNED_AXES[best],
        confidence,
        tuple(rivals),
        words,
        angle=float(np.degrees(np.arccos(min(1.0, cosines[order[0]])))),
        travels=bool(travel.any()),
        walks_backwards=bool(way.any() and state == "certain" and way @ direction < -SAME_WAY),
        is_mirrored=state == "mirrored",
    )


def _weighed(sides: np.ndarray, front: np.ndarray, way: np.ndarray, turns: bool) -> tuple[np.ndarray, str, str]:
    """Direction (3,), words, and ``"certain"``, ``"open"`` or ``"mirrored"`` from three unit vectors or zeros."""
    if sides.any() and front.any() and sides @ front < SAME_WAY:
        is_opposite = sides @ front < -SAME_WAY
        words = "left and right say the opposite of front and back" if is_opposite else "sides and front do not agree"
        direction = way if way.any() else front
        return direction, words, "mirrored" if is_opposite else "open"
    facing = _unit(sides + front)
    both = sides.any() and front.any()
    if not way.any():
        words = "pelvis and feet face it" if front.any() else "left and right markers say so"
        return facing, words, "certain" if facing.any() else "open"
    if not facing.any():
        return way, "travels that way, but no marker tells front from back", "open"
    agreement = float(facing @ way)
    if agreement >= SAME_WAY:
        # The way is steadier than a pelvis that turns with each step.
        words = "faces and starts to travel that way, then turns" if turns else "faces and travels that way"
        return way, words, "certain"
    if agreement <= -SAME_WAY:
        return facing, "faces it and travels backwards", "certain" if both else "open"
    return facing, "faces it and travels sideways or turns", "certain" if both else "open"


def _mean_direction(vectors: list[np.ndarray], up: np.ndarray, at_start: bool) -> np.ndarray:
    """Mean horizontal direction (3,) of vectors (n_frames, 3), of the first third of them if asked.

    Zero if there are none or they point everywhere.
    """
    if not vectors:
        return np.zeros(3)
    stack = np.stack(vectors)
    stack = stack - (stack @ up)[:, :, None] * up
    length = np.sqrt(np.einsum("kij,kij->ki", stack, stack))
    seen = np.isfinite(length) & (length > 1e-6)
    directions = np.where(seen[:, :, None], stack / np.where(seen, length, 1.0)[:, :, None], 0.0)
    frames = np.flatnonzero(seen.any(axis=0))
    if at_start:
        frames = frames[: max(1, len(frames) // 3)]
    mean = directions[:, frames].sum(axis=(0, 1)) / max(int(seen[:, frames].sum()), 1)
    return _unit(mean) if np.linalg.norm(mean) > CONCENTRATED else np.zeros(3)


def _first_way(path: np.ndarray, travel: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, bool]:
    """Horizontal direction (3,) of a path, of its first third if it turns; and whether it turns."""
    if not travel.any():
        return np.zeros(3), False
    flat = path - (path @ up)[:, None] * up
    # Ten pieces: a pelvis sways from side to side within a step.
    knots = flat[np.linspace(0, len(flat) - 1, 11).astype(int)]
    pieces = np.linalg.norm(np.diff(knots, axis=0), axis=1)
    way = flat[-1] - flat[0]
    if np.linalg.norm(way) >= STRAIGHT * pieces.sum():
        return _unit(way), False
    covered = np.concatenate([[0.0], np.cumsum(pieces)])
    return _unit(knots[np.searchsorted(covered, covered[-1] / 3.0)] - knots[0]), True


def _unit(vector: np.ndarray) -> np.ndarray:
    """Vector of length one; zero stays zero."""
    length = np.linalg.norm(vector)
    return vector / length if length > 1e-9 else np.zeros(3)

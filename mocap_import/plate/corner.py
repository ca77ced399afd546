"""Plate corner: the order in which a file lists a plate's corners, checked against the feet.

The C3D standard numbers the corners so that x × y points down. Files that number them the other way round, or begin
with another corner, mirror or turn the centre of pressure through the plate's middle: still on the plate, but
decimetres from the foot that makes it. The nearest low marker shows it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap_import.c3d.raw_c3d import RawC3d
from mocap_import.plate.force_plate import ForcePlate
from mocap_import.trial import GroundReaction, Treatment

FAR, NEAR = 0.15, 0.10
"""Distance (m) from centre of pressure to the nearest low marker, exceeded in a tenth of the frames, that calls for
another order, and that another order must reach. Over the steps of the real plates it is 2 to 9 cm."""
MARGIN = 0.015
"""Distance (m) by which the best order must beat the second best."""
_LOW = 0.2
_FRAMES = 60


def foot_marker_distance(
    place: np.ndarray, points: np.ndarray, height: float, *, share: float = 0.5, low: float = _LOW
) -> tuple[float, int]:
    """Horizontal distance (m) from points of the floor to the nearest marker near the floor, and its frames.

    Parameters
    ----------
    place : ndarray, shape (n_frames, 3)
        Centre of pressure (m), ground frame.
    points : ndarray, shape (n_frames, n_markers, 3)
        Markers at the same instants (m), ground frame.
    height : float
        Height of the plate's surface (m).
    share : float, default 0.5
        Which quantile over the frames; the median if not given.
    low : float, default 0.2
        Markers less than this above the surface count.

    Returns
    -------
    distance : float
        NaN without markers near the floor.
    n_frames : int
        Frames in which there were some.
    """
    gap = np.hypot(points[:, :, 0] - place[:, None, 0], points[:, :, 2] - place[:, None, 2])
    with np.errstate(invalid="ignore"):
        gap = np.where(points[:, :, 1] - height < low, gap, np.inf)
    nearest = np.nan_to_num(gap, nan=np.inf).min(axis=1, initial=np.inf)
    seen = np.isfinite(nearest)
    return (float(np.quantile(nearest[seen], share)) if seen.any() else float("nan")), int(seen.sum())


def right_corners(
    plate: ForcePlate, reaction: GroundReaction, raw: RawC3d, rotation: np.ndarray, factor: float
) -> tuple[ForcePlate, list[Treatment]]:
    """The plate with its corners in the order that puts the load under a foot.

    Parameters
    ----------
    plate : ForcePlate
    reaction : GroundReaction
        Read with the plate's corners as they are.
    raw : RawC3d
    rotation : ndarray, shape (3, 3)
        File → ground.
    factor : float
        Metres per file unit.

    Returns
    -------
    plate : ForcePlate
        The same one unless another order is plainly right.
    treatments : list of Treatment
        ``plate_corners`` if the order was changed.
    """
    loaded = np.flatnonzero(reaction.force[:, 1] > 100.0)
    # A standing subject has the centre of pressure between two feet: only steps can tell.
    if len(loaded) < 5 or loaded[0] == 0 or loaded[-1] == len(reaction.force) - 1:
        return plate, []
    frames = np.unique((loaded * (raw.rate / reaction.rate)).astype(int))
    frames = frames[frames < len(raw.points)]
    frames = frames[:: max(1, len(frames) // _FRAMES)]
    if len(frames) < 5:
        return plate, []
    samples = np.round(frames * (reaction.rate / raw.rate)).astype(int)
    keep = (samples < len(reaction.force)) & (reaction.force[np.minimum(samples, len(reaction.force) - 1), 1] > 50.0)
    frames, samples = frames[keep], samples[keep]
    if len(frames) < 5:
        return plate, []
    points = (raw.points[frames] * factor) @ rotation.T
    height = float(plate.centre[1])
    place = reaction.centre_of_pressure[samples]
    now, seen = foot_marker_distance(place, points, height, share=0.9)
    if not now > FAR or seen < 5:
        return plate, []
    local = (place - plate.centre) @ plate.axes[:, :2]
    tried = []
    for candidate in _orders():
        other = replace(plate, corners=plate.corners[list(candidate)])
        moved = other.centre + local @ other.axes[:, :2].T
        tried.append((foot_marker_distance(moved, points, height, share=0.9)[0], candidate))
    (best, order), (second, _), *_ = sorted(tried)
    if best > NEAR or best > 0.5 * now or second - best < MARGIN:
        return plate, []
    words = " ".join(str(k + 1) for k in order)
    detail = (
        f"{plate.name}: corners as listed put the load {100 * now:.0f} cm from the nearest marker of a foot, "
        f"in the order {words} {100 * best:.0f} cm; taken in that order"
    )
    return replace(plate, corners=plate.corners[list(order)]), [Treatment("plate_corners", detail)]


def _orders() -> list[tuple[int, int, int, int]]:
    """The seven other ways to number the corners of a ring."""
    ring = [0, 1, 2, 3]
    turned = [tuple(ring[k:] + ring[:k]) for k in range(4)]
    return [order for order in [*turned, *(order[::-1] for order in turned)] if order != (0, 1, 2, 3)]

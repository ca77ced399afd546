"""Functional joint centres and axes: where a joint is, from how the person moved it.

Two ways to a centre: the symmetrical centre of rotation estimation of two marker clusters (SCoRE; Ehrig et al., J
Biomech 39:2798, 2006), and spheres about the paths of single markers (Gamage and Lasenby, J Biomech 35:87, 2002)
without their bias under noise (Halvorsen, J Biomech 36:999, 2003). The axis of a hinge by the symmetrical axis of
rotation approach (SARA; Ehrig et al., J Biomech 40:2150, 2007). All refuse a movement too small to tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mocap_import.trial import MarkerTrial, TrialRefused
from opensim_models.clinical.clinical_motion import StaticCalibration, clinical_motion
from opensim_models.clinical.cluster_pose import MarkerCluster, find_cluster_pose, make_cluster
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import SegmentMotion

MIN_RANGE = (math.radians(30.0), math.radians(25.0))
"""Least range of motion about the two axes of largest movement (Camomilla et al., J Biomech 39:1096, 2006: the wider,
the better). Walking spans 35-52 and 6-24 degrees; centres from it lay 14-59 mm from Harrington's in 22 cases."""
MIN_AXIS_RANGE = math.radians(25.0)
MAX_RESIDUAL = 0.02
"""Above this (m, RMS) the two segments do not share a point: the joint slid, or a cluster is none."""
_FEWEST_FRAMES = 50
_ITERATIONS = 50


@dataclass(frozen=True)
class FunctionalCentre:
    """A centre of rotation and how sure it is.

    Attributes
    ----------
    in_parent, in_child : ndarray, shape (3,)
        The centre in the frames of the two segments (m); `in_child` is NaN for sphere fits.
    residual : float
        RMS distance (m) between both over the trial, or of the markers from their spheres.
    range_of_motion : ndarray, shape (3,)
        Range (rad, 2nd to 98th percentile) about the principal axes of the movement, largest first.
    n_frames : int
        Frames used.
    method : str
        ``"score"`` or ``"sphere"``.
    """

    in_parent: np.ndarray
    in_child: np.ndarray
    residual: float
    range_of_motion: np.ndarray
    n_frames: int
    method: str


@dataclass(frozen=True)
class FunctionalAxis:
    """An axis of rotation: a point and a unit direction in each segment's frame.

    Attributes
    ----------
    point_in_parent, point_in_child, direction_in_parent, direction_in_child : ndarray, shape (3,)
        Points in m. Both directions point the same way, with a positive Z component in the parent (to the right).
    residual : float
        RMS distance (m) between the two axes' points over the trial.
    range_of_motion : float
        Range (rad) about the axis.
    share : float
        Part of the relative rotation's variance that lies on the axis, 0..1; 1 for a perfect hinge.
    """

    point_in_parent: np.ndarray
    point_in_child: np.ndarray
    direction_in_parent: np.ndarray
    direction_in_child: np.ndarray
    residual: float
    range_of_motion: float
    share: float


def range_of_motion(parent: SegmentMotion, child: SegmentMotion) -> tuple[np.ndarray, np.ndarray]:
    """Ranges (3,) (rad) of the relative rotation about its principal axes, and variances (3,) along them."""
    known = _known(parent, child)
    relative = parent.orientation[known].inv() * child.orientation[known]
    turns = (relative.mean().inv() * relative).as_rotvec()
    variances, axes = np.linalg.eigh(np.cov(turns.T))
    along = turns @ axes[:, ::-1]
    return np.percentile(along, 98, axis=0) - np.percentile(along, 2, axis=0), variances[::-1]


def centre_of_rotation(
    parent: SegmentMotion, child: SegmentMotion, *, min_range: tuple[float, float] = MIN_RANGE
) -> FunctionalCentre:
    """Find the point that two segments share (SCoRE).

    Parameters
    ----------
    parent, child : SegmentMotion
        Poses of the same trial; NaN origins are left out.
    min_range : (float, float)
        Ranges (rad) about the first two axes of the movement below which it is refused.

    Returns
    -------
    FunctionalCentre

    Raises
    ------
    ModelMismatch
        Too few frames, too small a movement, or no common point.
    """
    known = _enough(parent, child)
    ranges = _moved(parent, child, min_range)
    above, below = parent.orientation[known].as_matrix(), child.orientation[known].as_matrix()
    matrix = np.concatenate([above, -below], axis=2).reshape(-1, 6)
    offset = (child.origin[known] - parent.origin[known]).ravel()
    solution = np.linalg.lstsq(matrix, offset, rcond=None)[0]
    residual = float(np.sqrt(np.mean(np.square(matrix @ solution - offset)) * 3.0))
    _rigid(parent, child, residual)
    return FunctionalCentre(solution[:3], solution[3:], residual, ranges, int(known.sum()), "score")


def sphere_centre(
    parent: SegmentMotion, markers: np.ndarray, *, min_range: tuple[float, float] = MIN_RANGE
) -> FunctionalCentre:
    """Find the common centre of the spheres on which markers of the other segment move.

    Parameters
    ----------
    parent : SegmentMotion
    markers : ndarray, shape (n_frames, n_markers, 3)
        Of the child segment, in ground (m); NaN = not seen. One marker is enough.
    min_range : (float, float)
        Angles (rad) that the markers must span about the centre, along the wider and the narrower direction.

    Returns
    -------
    FunctionalCentre

    Raises
    ------
    ModelMismatch
        Too few frames or too small a movement.
    """
    known = np.isfinite(parent.origin).all(axis=1) & np.isfinite(markers).all(axis=(1, 2))
    _count(parent.segment, int(known.sum()))
    into = parent.orientation[known].inv().as_matrix()
    local = np.einsum("nij,nmj->nmi", into, markers[known] - parent.origin[known, None])
    centre = _common_centre(local)
    arms = local - centre
    radii = np.linalg.norm(arms, axis=2)
    residual = float(np.sqrt(np.mean((radii - radii.mean(axis=0)) ** 2)))
    spans = np.stack([_angular_span(arms[:, m]) for m in range(arms.shape[1])]).max(axis=0)
    ranges = np.array([spans[0], spans[1], math.nan])
    _wide(parent.segment, ranges, min_range)
    return FunctionalCentre(centre, np.full(3, np.nan), residual, ranges, int(known.sum()), "sphere")


def _common_centre(local: np.ndarray) -> np.ndarray:
    """Least squares centre of concentric spheres through (n_frames, n_markers, 3), corrected for noise."""
    mean = local.mean(axis=0)
    squares = np.sum(local**2, axis=2)
    spread = np.einsum("nmi,nmj->ij", local - mean, local - mean) / len(local)
    matrix = 2.0 * spread
    plain = np.einsum("nmi,nm->i", local - mean, squares - squares.mean(axis=0)) / len(local)
    centre = np.linalg.solve(matrix, plain)
    for _ in range(_ITERATIONS):
        # Halvorsen 2003: noise of variance s² pulls the right side towards the markers by 2 s² (mean - centre) each;
        # the scatter of the squared radii tells s². At 4 mm noise this takes the bias from 17 mm to 0.2 mm.
        arms = np.sum((local - centre) ** 2, axis=2)
        variance = np.mean((arms - arms.mean(axis=0)) ** 2 / (4.0 * arms.mean(axis=0)))
        corrected = np.linalg.solve(matrix, plain - 2.0 * variance * (mean - centre).sum(axis=0))
        done = np.linalg.norm(corrected - centre) < 1e-9
        centre = corrected
        if done:
            break
    return centre


def _angular_span(arms: np.ndarray) -> np.ndarray:
    """Angles (2,) that the directions of a marker span about the centre, wider direction first."""
    directions = arms / np.linalg.norm(arms, axis=1, keepdims=True)
    middle = directions.mean(axis=0) / np.linalg.norm(directions.mean(axis=0))
    across = directions - np.outer(directions @ middle, middle)
    axes = np.linalg.svd(across - across.mean(axis=0), full_matrices=False)[2][:2]
    turned = np.arctan2(directions @ axes.T, (directions @ middle)[:, None])
    return np.percentile(turned, 98, axis=0) - np.percentile(turned, 2, axis=0)


def axis_of_rotation(
    parent: SegmentMotion, child: SegmentMotion, *, min_range: float = MIN_AXIS_RANGE
) -> FunctionalAxis:
    """Find the line that two segments share (SARA): the flexion axis of a knee, for instance.

    Returns
    -------
    FunctionalAxis
        Its points are those of the line nearest to the segments' origins.

    Raises
    ------
    ModelMismatch
        Too few frames, or a movement smaller than `min_range` (rad).
    """
    known = _enough(parent, child)
    ranges, variances = range_of_motion(parent, child)
    if ranges[0] < min_range:
        raise ModelMismatch(
            f"functional axis of {parent.segment} and {child.segment}: the joint moved by "
            f"{math.degrees(ranges[0]):.0f} degrees, expected {math.degrees(min_range):.0f} or more."
        )
    above, below = parent.orientation[known].as_matrix(), child.orientation[known].as_matrix()
    matrix = np.concatenate([above, -below], axis=2).reshape(-1, 6)
    offset = (child.origin[known] - parent.origin[known]).ravel()
    left, singular, right = np.linalg.svd(matrix, full_matrices=False)
    along = right[-1]
    scaled = (left.T @ offset)[:5] / singular[:5]  # the last direction, along the axis, is left at zero
    solution = right[:5].T @ scaled
    directions = [along[:3] / np.linalg.norm(along[:3]), along[3:] / np.linalg.norm(along[3:])]
    if directions[0][2] < 0:
        directions = [-d for d in directions]
    points = [solution[3 * k : 3 * k + 3] for k in (0, 1)]
    # the same point of the line in both frames: the one nearest to the parent's origin
    shift = float(points[0] @ directions[0])
    points = [p - shift * d for p, d in zip(points, directions, strict=True)]
    residual = float(np.sqrt(np.mean(np.square(matrix @ solution - offset)) * 3.0))
    _rigid(parent, child, residual)
    return FunctionalAxis(*points, *directions, residual, float(ranges[0]), float(variances[0] / variances.sum()))


def functional_hips(
    calibration: StaticCalibration, trials: Mapping[str, MarkerTrial], *, min_range: tuple[float, float] = MIN_RANGE
) -> dict[str, FunctionalCentre]:
    """Hip centres of trials in which the person moved the hips on purpose.

    Parameters
    ----------
    calibration : StaticCalibration
        By `clinical_motion.calibrate_static`; its pelvis frame is used.
    trials : mapping of str to MarkerTrial
        Side (``"r"``, ``"l"``) → trial; it may be the same one.
    min_range : (float, float)
        rad, see `centre_of_rotation`.

    Returns
    -------
    dict of str to FunctionalCentre
        `in_parent` is measured from the midpoint of the anterior spines in the pelvis frame, as `calibrate_static`
        takes it. Thighs with three markers by SCoRE, others by spheres.

    Raises
    ------
    ModelMismatch
        A trial lacks the markers, or the movement is too small.
    """
    found = {}
    for side, trial in trials.items():
        pelvis = clinical_motion(trial, calibration).poses.get("pelvis")
        own = calibration.markers.get(f"femur_{side}", {})
        labels = [label for label in own if label in trial.labels]
        if pelvis is None or not labels:
            raise ModelMismatch(
                f"{trial.source or trial.name}: a functional hip centre needs the pelvis and a marker of the thigh "
                f"({side}); found {', '.join(labels) or 'none'}."
            )
        cluster = _thigh(side, own, labels)
        if cluster is not None:
            thigh = find_cluster_pose(trial, cluster).motion
            centre = centre_of_rotation(pelvis.motion, thigh, min_range=min_range)
        else:
            markers = np.stack([trial.marker(label) for label in labels], axis=1)
            centre = sphere_centre(pelvis.motion, markers, min_range=min_range)
        found[side] = FunctionalCentre(
            centre.in_parent + calibration.mid_hip,
            centre.in_child,
            centre.residual,
            centre.range_of_motion,
            centre.n_frames,
            centre.method,
        )
    return found


def _thigh(side: str, own: Mapping[str, np.ndarray], labels: list[str]) -> MarkerCluster | None:
    try:
        return make_cluster(f"femur_{side}", labels, [own[label] for label in labels])
    except TrialRefused:
        return None


def _known(parent: SegmentMotion, child: SegmentMotion) -> np.ndarray:
    return np.isfinite(parent.origin).all(axis=1) & np.isfinite(child.origin).all(axis=1)


def _enough(parent: SegmentMotion, child: SegmentMotion) -> np.ndarray:
    known = _known(parent, child)
    _count(f"{parent.segment} and {child.segment}", int(known.sum()))
    return known


def _count(where: str, n_frames: int) -> None:
    if n_frames < _FEWEST_FRAMES:
        raise ModelMismatch(
            f"functional centre of {where}: {n_frames} frames with both poses, expected {_FEWEST_FRAMES} or more."
        )


def _moved(parent: SegmentMotion, child: SegmentMotion, least: tuple[float, float]) -> np.ndarray:
    ranges, _ = range_of_motion(parent, child)
    _wide(f"{parent.segment} and {child.segment}", ranges, least)
    return ranges


def _wide(where: str, ranges: np.ndarray, least: tuple[float, float]) -> None:
    if ranges[0] < least[0] or ranges[1] < least[1]:
        raise ModelMismatch(
            f"functional centre of {where}: the movement spans {math.degrees(ranges[0]):.0f} and "
            f"{math.degrees(ranges[1]):.0f} degrees about its two main axes, expected at least "
            f"{math.degrees(least[0]):.0f} and {math.degrees(least[1]):.0f}. Record a star-arc movement of the hip, or "
            "take a regression (harrington)."
        )


def _rigid(parent: SegmentMotion, child: SegmentMotion, residual: float) -> None:
    if residual > MAX_RESIDUAL:
        raise ModelMismatch(
            f"functional centre of {parent.segment} and {child.segment}: the segments part by {residual * 1000:.0f} mm "
            f"(RMS), expected {MAX_RESIDUAL * 1000:.0f} or less. Check the clusters' labels."
        )

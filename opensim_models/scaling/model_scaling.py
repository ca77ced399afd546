"""Model scaling: any skeleton, our own or from an .osim, becomes a subject's by the markers that it carries itself.

With a static trial: marker pairs give the factors (`marker_pair`), the scaled model is posed into the trial by its
anatomical markers, and every other marker is put where the trial shows it. Without one: by mass and height alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mocap_import.marker.marker_set import MarkerSet
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial
from opensim_models.clinical.joint_centre import joint_centres
from opensim_models.clinical.standing_marker import mean_position, refuse_motion
from opensim_models.generic import anthropometry
from opensim_models.inverse.kinematics import InverseKinematicsSolution, solve_inverse_kinematics
from opensim_models.inverse.segment_motion import marker_positions, segment_motions
from opensim_models.model.skeleton import Skeleton, SkeletonMarker
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics
from opensim_models.scaling.marker_map import MarkerMap, match_markers, renamed_markers
from opensim_models.scaling.marker_pair import marker_pairs, model_points, pair_factors
from opensim_models.scaling.report import (
    ScalingReport,
    refuse_bad_residuals,
    refuse_impossible_subject,
    refuse_wrong_subject,
)
from opensim_models.scaling.scale_factor import Factors, refuse_absurd_factors, scaled_skeleton
from opensim_models.scaling.standing_pose import LOOSE_LANDMARKS
from opensim_models.scaling.static_landmark import (
    estimate_height,
    static_landmarks,
    stature_by_legs,
)

BESIDE_THE_PLANE = 0.02
"""m across the plane of a planar model from which on it is said."""
AT_A_CENTRE = 0.005
"""A marker this near (m) to the origin of its segment stands for a joint centre and is never moved."""


@dataclass(frozen=True)
class ScaledModel:
    """A subject's model.

    Attributes
    ----------
    skeleton : Skeleton
        With all markers of the model under its own names.
    report : ScalingReport
    static_pose : Kinematics or None
        One frame, if there was a static trial.
    """

    skeleton: Skeleton
    report: ScalingReport
    static_pose: Kinematics | None = None

    @property
    def factors(self) -> Factors:
        """Segment → factors along its axes."""
        return self.report.factors


def scale_by_stature(skeleton: Skeleton, subject: Subject) -> ScaledModel:
    """Scale a model by mass and height alone: one factor for everything.

    The stature that a model stands for is told by its legs (Winter's fractions, as `anthropometry`).

    Parameters
    ----------
    skeleton : Skeleton
        With hips, knees and ankles under their OpenSim names.
    subject : Subject

    Raises
    ------
    ModelMismatch
        Mass or height are unknown or impossible, or the model has no legs.
    """
    refuse_impossible_subject(subject)
    factor = subject.height / model_stature(skeleton)
    factors = dict.fromkeys(skeleton.segment_names, (factor,) * 3)
    refuse_absurd_factors(factors, f"{skeleton.name} for {subject.code}")
    notes = ("no static trial: every segment by stature alone, markers as on the generic model",)
    report = ScalingReport(skeleton.name, subject.code, "stature", subject.mass, subject.height, factors, notes=notes)
    return ScaledModel(scaled_skeleton(skeleton, factors, subject.mass), report)


def model_stature(skeleton: Skeleton) -> float:
    """Stature (m) of the person whose legs a model has, by Winter's fractions."""
    points = model_points(skeleton, {})
    legs = [
        np.linalg.norm(points[f"hip_{s}"] - points[f"knee_{s}"])
        + np.linalg.norm(points[f"knee_{s}"] - points[f"ankle_{s}"])
        for s in "rl"
        if {f"hip_{s}", f"knee_{s}", f"ankle_{s}"} <= set(points)
    ]
    if not legs:
        raise ModelMismatch(
            f"{skeleton.name}: expected segments femur_r, tibia_r and talus_r or calcn_r to tell the model's stature; "
            f"it has {', '.join(skeleton.segment_names)}."
        )
    return float(np.mean(legs)) / (anthropometry.THIGH_LENGTH + anthropometry.SHANK_LENGTH)


def scale_by_static(
    skeleton: Skeleton,
    subject: Subject,
    static: MarkerTrial,
    marker_set: MarkerSet | None,
    *,
    given: Mapping[str, str] | None = None,
    symmetrical: bool = True,
    hip_method: str = "harrington",
    move_landmarks: bool = False,
) -> ScaledModel:
    """Scale a model by marker pairs of a static trial.

    Parameters
    ----------
    skeleton : Skeleton
        With its own markers.
    subject : Subject
        With mass; a missing height is estimated from the legs.
    static : MarkerTrial
        The subject standing.
    marker_set : MarkerSet or None
        What the trial's labels mean; without one, landmarks are those of the model's markers of the same name.
    given : mapping, optional
        Model marker → label of the trial.
    symmetrical : bool
        Left and right share their factors.
    hip_method : str
        One of `joint_centre.HIP_METHODS`.
    move_landmarks : bool
        Move the anatomical markers too.

    Returns
    -------
    ScaledModel

    Raises
    ------
    ModelMismatch
        Too few markers in common, a person who moved, the trial of somebody else, or absurd factors or residuals.
    """
    where = static.source or static.name
    markers = match_markers(skeleton, static.labels, marker_set, given)
    landmarks = _landmarks(static, marker_set, markers)
    centres = joint_centres(landmarks, subject.height if math.isfinite(subject.height) else 1.7, hip_method)
    refuse_wrong_subject(stature_by_legs(landmarks), subject, where)
    if not math.isfinite(subject.height):
        subject = replace(subject, height=estimate_height(landmarks))
    refuse_impossible_subject(subject)
    pairs = marker_pairs(skeleton, model_points(skeleton, markers.landmarks), landmarks | centres)
    if not pairs:
        raise ModelMismatch(
            f"{where}: no length that model and trial share; {markers.sentence}. Give a marker set or --markers."
        )
    stature = subject.height / model_stature(skeleton)
    factors, notes = pair_factors(skeleton, pairs, symmetrical=symmetrical, otherwise=stature)
    refuse_absurd_factors(factors, where)
    scaled = scaled_skeleton(skeleton, factors, subject.mass)
    pose = _pose(scaled, static, markers)
    every, beside = _residuals(scaled, pose, static, markers)
    doubts = ()
    if max(beside.values(), default=0.0) > BESIDE_THE_PLANE:
        worst = max(beside, key=beside.get)
        doubts = (
            f"scaling: the model moves in one plane, so its legs cannot stand apart or turn; {worst} stands "
            f"{1000 * beside[worst]:.0f} mm beside its marker across the plane, and residuals are those in the plane",
        )
    residuals = {name: r for name, r in every.items() if _is_firm(name, markers)} or every
    refuse_bad_residuals(residuals, subject.height, where, markers.labels)
    placed, moved = _moved_markers(scaled, pose, static, markers, move_landmarks)
    placed, added = _with_clusters(placed, pose, static, marker_set, markers)
    if added:
        notes.append(f"markers of the trial put on the model where they stand: {', '.join(added)}")
    report = ScalingReport(
        skeleton.name,
        subject.code,
        "static",
        subject.mass,
        subject.height,
        dict(factors),
        tuple(pairs),
        residuals,
        moved,
        (markers.sentence, *notes),
        doubts,
    )
    return ScaledModel(placed, report, pose.kinematics)


def _residuals(
    scaled: Skeleton, pose: InverseKinematicsSolution, static: MarkerTrial, markers: MarkerMap
) -> tuple[dict[str, float], dict[str, float]]:
    """Distance (m) of each marker from where the trial shows it, and how much of it lies across a planar model's plane.

    What no coordinate can change says nothing of the scaling: a planar model's first one is the distance in the plane.
    The second is empty for any other model.
    """
    shown = {name: label for name, label in markers.labels.items() if label in pose.markers}
    if not moves_in_plane(scaled):
        error = dict(zip(pose.markers, pose.marker_error[0].tolist(), strict=True))
        return {name: error[label] for name, label in shown.items()}, {}
    places = dict(zip((m.name for m in scaled.markers), marker_positions(scaled, pose.kinematics)[0], strict=True))
    apart = {name: places[name] - mean_position(static, label) for name, label in shown.items()}
    in_plane = {name: float(np.hypot(d[0], d[1])) for name, d in apart.items()}
    return in_plane, {name: float(abs(d[2])) for name, d in apart.items()}


def moves_in_plane(skeleton: Skeleton) -> bool:
    """Whether no coordinate moves any marker across the sagittal plane (along Z)."""
    turns = np.random.default_rng(0).uniform(-0.5, 0.5, size=(4, len(skeleton.coordinates)))
    places = marker_positions(skeleton, Kinematics(skeleton.coordinate_names, turns, 1.0))
    return bool(np.ptp(places[..., 2], axis=0).max(initial=0.0) < 1e-6)


def _landmarks(static: MarkerTrial, marker_set: MarkerSet | None, markers: MarkerMap) -> dict[str, np.ndarray]:
    """Landmarks of the static trial by its marker set, and by the model's own for what that does not know."""
    found: dict[str, np.ndarray] = {}
    if marker_set is not None:
        refuse_motion(static, marker_set)
        found = static_landmarks(static, marker_set)
    for name, mark in markers.landmarks.items():
        place = mean_position(static, markers.labels[name])
        if place is not None:
            found.setdefault(mark, place)
    return found


def _is_firm(name: str, markers: MarkerMap) -> bool:
    """Whether a marker is an anatomical landmark that says where its segment is."""
    return markers.landmarks.get(name, "") not in ("", *LOOSE_LANDMARKS)


def _pose(scaled: Skeleton, static: MarkerTrial, markers: MarkerMap) -> InverseKinematicsSolution:
    """Pose by the anatomical markers; by all of them where fewer than eight are known."""
    places = {label: mean_position(static, label) for label in markers.labels.values()}
    labels = tuple(label for label, place in places.items() if place is not None)
    firm = sum(_is_firm(name, markers) for name in markers.labels)
    weights = {}
    for name, label in markers.labels.items():
        loose = LOOSE_LANDMARKS.get(markers.landmarks.get(name, ""), 1e-4 if firm >= 8 else 1.0)
        weights[label] = 1.0 if _is_firm(name, markers) else loose
    return solve_inverse_kinematics(
        renamed_markers(scaled, markers),
        labels,
        np.stack([places[label] for label in labels])[None],
        static.rate,
        weights=weights,
        prior_spread=math.radians(20.0),
    )


def _with_clusters(
    placed: Skeleton,
    pose: InverseKinematicsSolution,
    static: MarkerTrial,
    marker_set: MarkerSet | None,
    markers: MarkerMap,
) -> tuple[Skeleton, list[str]]:
    """Attach labels that the marker set puts on a segment and the model does not have: thigh and shank clusters."""
    if marker_set is None:
        return placed, []
    motions = segment_motions(placed, pose.kinematics)
    known = {m.name for m in placed.markers} | set(markers.labels.values())
    added = []
    for segment, labels in marker_set.for_labels(static.labels).segments.items():
        motion = motions.get(segment)
        if motion is None or not np.isfinite(motion.origin[0]).all():
            continue
        for label in labels:
            place = mean_position(static, label)
            if label not in known and place is not None:
                local = motion.orientation[0].inv().apply(place - motion.origin[0])
                added.append(SkeletonMarker(label, segment, tuple(local.tolist())))
    return placed.with_markers((*placed.markers, *added)), [m.name for m in added]


def _moved_markers(
    scaled: Skeleton, pose: InverseKinematicsSolution, static: MarkerTrial, markers: MarkerMap, landmarks_too: bool
) -> tuple[Skeleton, dict[str, float]]:
    """Put markers that are no landmarks where the static trial shows them on the posed model."""
    motions = segment_motions(scaled, pose.kinematics)
    moved: dict[str, float] = {}
    placed = []
    for marker in scaled.markers:
        label = markers.labels.get(marker.name)
        place = mean_position(static, label) if label is not None else None
        fixed = marker.name in markers.landmarks and not landmarks_too
        at_centre = np.linalg.norm(marker.offset) < AT_A_CENTRE
        if place is None or fixed or at_centre or not np.isfinite(motions[marker.segment].origin[0]).all():
            placed.append(marker)
            continue
        motion = motions[marker.segment]
        local = motion.orientation[0].inv().apply(place - motion.origin[0])
        moved[marker.name] = float(np.linalg.norm(local - marker.offset))
        placed.append(SkeletonMarker(marker.name, marker.segment, tuple(local.tolist())))
    return scaled.with_markers(tuple(placed)), moved

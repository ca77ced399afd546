"""Scaling: a generic skeleton becomes a subject's, from a static trial.

Joint centres from landmarks give segment lengths; the scaled skeleton is posed into the static trial by inverse
kinematics on the landmarks; then every tracking marker is attached where the static pose shows it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.marker.marker_set import MarkerSet
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial
from opensim_models.clinical.joint_centre import hip_centres, joint_centres, pelvis_axes
from opensim_models.clinical.standing_marker import refuse_motion
from opensim_models.generic import anthropometry
from opensim_models.inverse.kinematics import InverseKinematicsSolution
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import Segment, Skeleton, SkeletonMarker
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics
from opensim_models.scaling.report import (
    ScalingReport,
    refuse_bad_residuals,
    refuse_impossible_subject,
    refuse_wrong_subject,
)
from opensim_models.scaling.scale_factor import with_scaled_attachments
from opensim_models.scaling.standing_pose import landmark_residuals, solve_standing_pose
from opensim_models.scaling.static_landmark import (
    estimate_height,
    knee_axis,
    static_landmarks,
    stature_by_legs,
    tibial_torsion,
)

PLAUSIBLE_FACTOR = (0.6, 1.6)


@dataclass(frozen=True)
class ScaledSkeleton:
    """A subject's skeleton and how it came about.

    Attributes
    ----------
    skeleton : Skeleton
        With the tracking markers attached.
    static_pose : Kinematics
        One frame: the coordinates in the static trial.
    factors : dict of str to float
        Segment → scale factor of its length against the generic skeleton.
    residuals : dict of str to float
        Landmark → distance (m) between scaled skeleton and static trial.
    subject : Subject
        With the height that was used.
    """

    skeleton: Skeleton
    static_pose: Kinematics
    factors: dict[str, float]
    residuals: dict[str, float]
    subject: Subject

    @property
    def report(self) -> ScalingReport:
        """Factors and residuals as a report."""
        every = {}
        for name in self.skeleton.segment_names:
            factor = self.factors.get(name.removesuffix("_r").removesuffix("_l"), 1.0)
            every[name] = (factor, factor, factor)
        notes = (f"against a generic person of {self.subject.height:.3f} m",)
        who = self.subject
        return ScalingReport(
            self.skeleton.name, who.code, "static", who.mass, who.height, every, (), dict(self.residuals), {}, notes
        )

    @property
    def rms_residual(self) -> float:
        """Root mean square landmark residual (m)."""
        return float(np.sqrt(np.mean(np.square(list(self.residuals.values())))))


def scale_skeleton(
    subject: Subject,
    static: MarkerTrial,
    marker_set: MarkerSet,
    generic: Callable[[Subject], Skeleton],
    *,
    planar: bool = False,
    hip_method: str = "harrington",
) -> ScaledSkeleton:
    """Scale a generic skeleton to a subject.

    Parameters
    ----------
    subject : Subject
        With mass; a missing height is estimated from the legs.
    static : MarkerTrial
        The subject standing.
    marker_set : MarkerSet
        Gives landmarks and segments of the trial's labels.
    generic : callable
        Subject → skeleton carrying landmark markers (`opensim_models.generic.catalogue`).
    planar : bool
        Fit the sagittal projection only, after turning the trial so that the pelvis faces X.
    hip_method : str
        One of `joint_centre.HIP_METHODS`.

    Returns
    -------
    ScaledSkeleton

    Raises
    ------
    ModelMismatch
        Landmarks are missing, or factors or residuals are absurd.
    """
    refuse_motion(static, marker_set)
    landmarks = static_landmarks(static, marker_set)
    if planar:
        static, landmarks = _faced_forward(static, landmarks)
    refuse_wrong_subject(stature_by_legs(landmarks), subject, static.source or static.name)
    if not math.isfinite(subject.height):
        subject = replace(subject, height=estimate_height(landmarks))
    refuse_impossible_subject(subject)
    skeleton = generic(subject)
    factors = _scale_factors(landmarks, skeleton, subject.height, hip_method)
    _refuse_absurd(factors, subject, static)
    skeleton = _scaled(skeleton, factors, landmarks, hip_method)
    centres = joint_centres(landmarks, subject.height, hip_method)
    axes = {side: knee_axis(static, landmarks, side) for side in "rl"}
    if not planar:
        turns = {f"calcn_{side}": tibial_torsion(landmarks, centres, axes[side], side) for side in "rl"}
        skeleton = _with_torsion(skeleton, turns)
    pose = solve_standing_pose(skeleton, landmarks, centres, axes, static.rate, planar=planar)
    residuals = landmark_residuals(skeleton, pose, landmarks, planar)
    labels = marker_set.for_labels(static.labels).landmarks
    refuse_bad_residuals(residuals, subject.height, static.source or static.name, labels)
    return ScaledSkeleton(
        _with_tracking_markers(skeleton, pose, static, marker_set), pose.kinematics, factors, residuals, subject
    )


def _with_torsion(skeleton: Skeleton, turns: Mapping[str, float]) -> Skeleton:
    """Turn the joint frames of the feet about the shank's long axis: ankles flex about the line of the malleoli."""
    segments = []
    for s in skeleton.segments:
        turn = turns.get(s.name, 0.0)
        if turn:
            matrix = Rotation.from_euler("Y", turn).as_matrix().tolist()
            s = replace(s, orientation=tuple(map(tuple, matrix)))
        segments.append(s)
    return replace(skeleton, segments=tuple(segments))


def _faced_forward(
    static: MarkerTrial, landmarks: Mapping[str, np.ndarray]
) -> tuple[MarkerTrial, dict[str, np.ndarray]]:
    """Turn a static trial about the vertical until the pelvis faces X."""
    _, axes, _ = pelvis_axes(landmarks)
    heading = math.atan2(-axes[2, 0], axes[0, 0])
    turn = Rotation.from_euler("Y", -heading)
    turned = replace(static, positions=static.positions @ turn.as_matrix().T)
    return turned, {name: turn.apply(position) for name, position in landmarks.items()}


def _distance(points: Mapping[str, np.ndarray], a: str, b: str) -> float:
    return float(np.linalg.norm(points[a] - points[b])) if a in points and b in points else math.nan


def _scale_factors(
    landmarks: Mapping[str, np.ndarray], generic: Skeleton, height: float, hip_method: str
) -> dict[str, float]:
    """Length of each segment against the generic one; left and right share a factor, unknown ones are 1."""
    centres = joint_centres(landmarks, height, hip_method)
    own = {m.name: np.array(m.offset) for m in generic.markers}

    def ratio(pairs: list[tuple[Mapping[str, np.ndarray], str, str]], length: float) -> float:
        found = [d for points, a, b in pairs if np.isfinite(d := _distance(points, a, b))]
        return float(np.mean(found)) / length if found else 1.0

    factors = {
        "pelvis": ratio([(centres, "hip_r", "hip_l")], 2 * anthropometry.HALF_HIP_DISTANCE * height),
        "femur": ratio([(centres, f"hip_{s}", f"knee_{s}") for s in "rl"], anthropometry.THIGH_LENGTH * height),
        "tibia": ratio([(centres, f"knee_{s}", f"ankle_{s}") for s in "rl"], anthropometry.SHANK_LENGTH * height),
    }
    foot = [
        (a, b)
        for a, b in (("heel", "toe"), ("heel", "metatarsal_1"), ("heel", "metatarsal_5"))
        if {f"{a}_r", f"{b}_r"} <= set(landmarks) or {f"{a}_l", f"{b}_l"} <= set(landmarks)
    ]
    factors["calcn"] = 1.0
    if foot:
        a, b = foot[0]
        length = float(np.linalg.norm(own[f"{a}_r"] - own[f"{b}_r"]))
        factors["calcn"] = ratio([(landmarks, f"{a}_{s}", f"{b}_{s}") for s in "rl"], length)
    # the trunk by its height, as heads and hats vary: from the hips to the seventh cervical vertebra or the shoulders
    hips = (centres["hip_r"] + centres["hip_l"]) / 2
    lumbar = anthropometry.LUMBAR_HEIGHT * height
    factors["torso"] = 1.0
    if "c7" in landmarks:
        factors["torso"] = float(np.linalg.norm(landmarks["c7"] - hips)) / (own["c7"][1] + lumbar)
    elif {"acromion_r", "acromion_l"} <= set(landmarks):
        shoulders = (landmarks["acromion_r"] + landmarks["acromion_l"]) / 2
        factors["torso"] = float(np.linalg.norm(shoulders - hips)) / (own["acromion_r"][1] + lumbar)
    return factors


def _refuse_absurd(factors: Mapping[str, float], subject: Subject, static: MarkerTrial) -> None:
    low, high = PLAUSIBLE_FACTOR
    absurd = {name: f for name, f in factors.items() if not low <= f <= high}
    if absurd:
        name, factor = next(iter(absurd.items()))
        raise ModelMismatch(
            f"{static.source or static.name}: scale factor {factor:.2f} of the {name} against a generic person of "
            f"{subject.height:.2f} m, expected {low}-{high}. Check the stature, the units and the labels of the trial."
        )


def _scaled(
    skeleton: Skeleton, factors: Mapping[str, float], landmarks: Mapping[str, np.ndarray], hip_method: str
) -> Skeleton:
    """Stretch segments, mass centres, inertias and landmarks; masses stay."""

    def factor(name: str) -> float:
        return factors.get(name.removesuffix("_r").removesuffix("_l"), 1.0)

    def stretch(vector: tuple[float, ...], f: float) -> tuple[float, ...]:
        return tuple(x * f for x in vector)

    names = skeleton.segment_names
    segments: list[Segment] = []
    for s in skeleton.segments:
        f = factor(s.name)
        # the lumbar joint's height belongs to the trunk's measured height, the hips' width to the pelvis
        carrier = factors["torso"] if s.name == "torso" else factor(names[s.parent]) if s.parent >= 0 else 1.0
        segments.append(
            replace(
                s,
                offset=stretch(s.offset, carrier),
                centre_of_mass=stretch(s.centre_of_mass, f),
                inertia=stretch(s.inertia, f * f),
            )
        )
    markers = tuple(replace(m, offset=stretch(m.offset, factor(m.segment))) for m in skeleton.markers)
    stretched = replace(skeleton, segments=tuple(segments), markers=_pelvis_as_measured(markers, landmarks, hip_method))
    return with_scaled_attachments(stretched, {name: (factor(name),) * 3 for name in names})


def _pelvis_as_measured(
    markers: tuple[SkeletonMarker, ...], landmarks: Mapping[str, np.ndarray], hip_method: str
) -> tuple[SkeletonMarker, ...]:
    """Put the pelvis landmarks where the static trial shows them relative to the hip centres.

    The tilt of a pelvis is defined by its own landmarks: forward is the line from posterior to anterior spines, as in
    the generic skeleton, up to the generic skeleton's own slope of that line.
    """
    _, axes, _ = pelvis_axes(landmarks)
    generic = {m.name: np.array(m.offset) for m in markers if m.segment == "pelvis"}
    _, own_axes, _ = pelvis_axes(generic)
    centres = hip_centres(landmarks, hip_method)
    hips = (centres["r"] + centres["l"]) / 2
    moved = []
    for m in markers:
        if m.segment == "pelvis" and m.name in landmarks:
            local = own_axes @ axes.T @ (landmarks[m.name] - hips)
            moved.append(replace(m, offset=tuple(local.tolist())))
        else:
            moved.append(m)
    return tuple(moved)


def _with_tracking_markers(
    skeleton: Skeleton, pose: InverseKinematicsSolution, static: MarkerTrial, marker_set: MarkerSet
) -> Skeleton:
    """Attach every tracking marker of the marker set where the static pose shows it."""
    motions = segment_motions(skeleton, pose.kinematics)
    markers = []
    for segment, labels in marker_set.for_labels(static.labels).segments.items():
        if segment not in motions:
            continue
        motion = motions[segment]
        for label in labels:
            if label not in static.labels or any(m.name == label for m in markers):
                continue
            position = static.marker(label)
            seen = np.isfinite(position).all(axis=1)
            if seen.any():
                local = motion.orientation[0].inv().apply(position[seen].mean(axis=0) - motion.origin[0])
                markers.append(SkeletonMarker(label, segment, tuple(local.tolist())))
    return skeleton.with_markers(tuple(markers))

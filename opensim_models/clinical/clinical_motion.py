"""Clinical motion: anatomical frames of a walking person from marker clusters and a static trial, without a model.

The static trial tells where the anatomical frames lie in the clusters (calibrated anatomical system technique,
Cappozzo et al., Clin Biomech 10:171, 1995); in the moving trial each segment has six degrees of freedom of its own. A
second path beside inverse kinematics: what both agree on does not depend on a model's joints.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mocap_import.marker.marker_set import MarkerSet
from mocap_import.trial import MarkerTrial, TrialRefused
from opensim_models.clinical.anatomical_frame import anatomical_frames
from opensim_models.clinical.cluster_pose import ClusterPose, MarkerCluster, make_cluster, robust_pose
from opensim_models.clinical.joint_angle import JointAngles, joint_angles
from opensim_models.clinical.joint_centre import hip_centres, joint_centres, pelvis_axes
from opensim_models.clinical.standing_marker import mean_landmarks, mean_position, refuse_motion
from opensim_models.clinical.stored_outputs import BodyMeasures
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import SegmentMotion

# Segment: the one that carries its proximal joint centre, and that centre's name (a side is put in).
_CARRIER = {"femur": ("pelvis", "hip"), "tibia": ("femur", "knee"), "calcn": ("tibia", "ankle")}
_ORDER = ("pelvis", "torso", "femur_r", "femur_l", "tibia_r", "tibia_l", "calcn_r", "calcn_l")


@dataclass(frozen=True)
class StaticCalibration:
    """Where the anatomical frames lie in a person's marker clusters.

    Attributes
    ----------
    markers : dict of str to dict
        Segment → label → position (m) in the segment frame.
    centres : dict of str to ndarray, shape (3,)
        Joint centres (m, ground frame of the static trial): ``hip_r``, ``knee_r``, ...
    carried : dict of str to (str, ndarray)
        Segment → the segment above, and its own origin (the joint centre) in that segment's frame (m).
    mid_hip : ndarray, shape (3,)
        Origin of the pelvis frame, from the midpoint of the anterior spines, in that frame (m).
    hip_method : str
        How the hip centres were found.
    notes : tuple of str
        What was assumed, in words.
    """

    markers: dict[str, dict[str, np.ndarray]]
    centres: dict[str, np.ndarray]
    carried: dict[str, tuple[str, np.ndarray]]
    mid_hip: np.ndarray
    hip_method: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClinicalMotion:
    """Poses of the anatomical frames over a trial.

    Attributes
    ----------
    poses : dict of str to ClusterPose
        By body name, with residual and number of markers per frame.
    hip_method : str
    notes : tuple of str
        Which segments lean on the joint centre of the segment above, which have no pose, and the calibration's notes.
    """

    poses: dict[str, ClusterPose]
    hip_method: str
    notes: tuple[str, ...] = ()

    @property
    def motions(self) -> dict[str, SegmentMotion]:
        """Motion of each segment, for `joint_angles` and `joint_moments`."""
        return {name: pose.motion for name, pose in self.poses.items()}

    def angles(self, convention: str = "grood_suntay") -> JointAngles:
        """Joint angles of every pair of adjoining segments."""
        return joint_angles(self.motions, convention=convention, hip_method=self.hip_method)


def calibrate_static(
    static: MarkerTrial,
    marker_set: MarkerSet,
    *,
    hip_method: str = "harrington",
    functional_hips: Mapping[str, np.ndarray] | None = None,
    height: float = math.nan,
    measures: BodyMeasures | None = None,
) -> StaticCalibration:
    """Register a person's clusters to the anatomical frames.

    Parameters
    ----------
    static : MarkerTrial
        The person standing.
    marker_set : MarkerSet
        Gives landmarks and segments of the trial's labels.
    hip_method : str
        One of `joint_centre.HIP_METHODS`; ignored with `functional_hips`.
    functional_hips : mapping of str to ndarray, shape (3,), optional
        ``"r"``, ``"l"`` → hip centre from the midpoint of the anterior spines in the pelvis frame (m), as
        `functional_centre.functional_hips` gives them.
    height : float
        Stature (m) for the widths of joints without a medial marker; the subject's if NaN.
    measures : BodyMeasures, optional
        Measured widths and leg lengths, before those from stature and markers.

    Returns
    -------
    StaticCalibration

    Raises
    ------
    ModelMismatch
        The person moved, or the pelvis or a joint cannot be found.
    """
    meaning = marker_set.for_labels(static.labels)
    refuse_motion(static, marker_set)
    landmarks, notes = mean_landmarks(static, marker_set), []
    stature = height if math.isfinite(height) else static.subject.height
    centres = _centres(landmarks, stature, hip_method, measures, notes)
    if functional_hips is not None:
        hip_method = "functional"
        midpoint, axes, _ = pelvis_axes(landmarks)
        centres |= {f"hip_{side}": midpoint + axes @ local for side, local in functional_hips.items()}
    frames = anatomical_frames(landmarks, centres, static.rate)
    markers = {}
    for segment, frame in frames.items():
        own = {}
        for label in meaning.segments.get(segment, ()):
            position = mean_position(static, label)
            if position is not None:
                own[label] = frame.orientation[0].inv().apply(position - frame.origin[0])
        markers[segment] = own
    carried = {}
    for segment, frame in frames.items():
        upper = _upper(segment)
        if upper in frames:
            into = frames[upper].orientation[0].inv()
            carried[segment] = (upper, into.apply(frame.origin[0] - frames[upper].origin[0]))
    mid_hip = frames["pelvis"].orientation[0].inv().apply(frames["pelvis"].origin[0] - pelvis_axes(landmarks)[0])
    return StaticCalibration(markers, centres, carried, mid_hip, hip_method, tuple(notes))


def _centres(
    landmarks: Mapping[str, np.ndarray],
    stature: float,
    hip_method: str,
    measures: BodyMeasures | None,
    notes: list[str],
) -> dict[str, np.ndarray]:
    """Joint centres of the static trial; what stands in for a medial marker is said in the notes."""
    lacking = [
        (joint, side)
        for joint in ("knee", "ankle")
        for side in "rl"
        if f"{joint}_medial_{side}" not in landmarks and f"{joint}_lateral_{side}" in landmarks
    ]
    if not math.isfinite(stature):
        stature = 1.7
        if lacking and measures is None:
            notes.append("stature unknown: 1.70 m assumed for the widths of joints without a medial marker")
    centres = joint_centres(landmarks, stature, hip_method)
    if measures is not None:
        radius = measures.marker_diameter / 2
        leg = float(np.mean(list(measures.leg_length.values())))
        hips = hip_centres(landmarks, hip_method, leg=leg, marker_radius=radius)
        centres |= {f"hip_{side}": centre for side, centre in hips.items()}
        rightward = pelvis_axes(landmarks)[1][:, 2]
        for joint, side in lacking:
            half = getattr(measures, f"{joint}_width")[side] / 2 + radius
            inward = -rightward if side == "r" else rightward
            if math.isfinite(half):
                centres[f"{joint}_{side}"] = landmarks[f"{joint}_lateral_{side}"] + half * inward
    source = "stature" if measures is None else "the measures"
    for joint in dict.fromkeys(joint for joint, _ in lacking):
        sides = ", ".join(side for j, side in lacking if j == joint)
        notes.append(f"no medial {joint} marker ({sides}): half width from {source}")
    return centres


def _upper(segment: str) -> str:
    """Segment that carries a segment's proximal joint centre, ``""`` if none does."""
    body, _, side = segment.partition("_")
    if body not in _CARRIER:
        return ""
    upper = _CARRIER[body][0]
    return upper if upper == "pelvis" else f"{upper}_{side}"


def clinical_motion(trial: MarkerTrial, calibration: StaticCalibration) -> ClinicalMotion:
    """Find the pose of every anatomical frame in every frame of a trial.

    A segment with fewer than three markers in the trial (or markers on a line) leans on the joint centre that the
    segment above carries, as in the conventional gait model; the notes say so.

    Parameters
    ----------
    trial : MarkerTrial
        Of the same person and session as the static trial.
    calibration : StaticCalibration

    Returns
    -------
    ClinicalMotion

    Raises
    ------
    ModelMismatch
        No segment has a pose.
    """
    poses: dict[str, ClusterPose] = {}
    notes = list(calibration.notes)
    for segment in _ORDER:
        own = calibration.markers.get(segment, {})
        labels = [label for label in own if label in trial.labels]
        where = f"{trial.source or trial.name}: {segment}"
        cluster = _cluster(segment, labels, [own[label] for label in labels], where)
        positions = [trial.marker(label) for label in labels]
        if cluster is None and segment in calibration.carried:
            upper, local = calibration.carried[segment]
            if upper in poses and labels:
                above = poses[upper].motion
                positions.append(above.origin + above.orientation.apply(local))
                reference = [*(own[label] for label in labels), np.zeros(3)]
                cluster = _cluster(segment, [*labels, "joint centre"], reference, where)
                if cluster is not None:
                    notes.append(f"{segment}: markers {', '.join(labels)} and the joint centre carried by {upper}")
        if cluster is None:
            if own:
                notes.append(f"{segment}: no pose, the trial shows {', '.join(labels) or 'none of its markers'}")
            continue
        poses[segment], said = robust_pose(cluster, np.stack(positions, axis=1), trial.rate)
        notes += said
    if not poses:
        raise ModelMismatch(
            f"{trial.source or trial.name}: none of the calibrated markers is in this trial "
            f"({', '.join(trial.labels[:20])}). Is it the same session as the static trial?"
        )
    return ClinicalMotion(poses, calibration.hip_method, tuple(notes))


def _cluster(segment: str, labels: Sequence[str], reference: list[np.ndarray], where: str) -> MarkerCluster | None:
    """Cluster of these markers, or None if they do not make one."""
    try:
        return make_cluster(segment, labels, reference, where=where)
    except TrialRefused:
        return None

"""A joint trial: two sensors beside a joint, the poses of their segments, and the three angles between them.

What networks of the kind of Rapp, Shin et al. (J Biomech 2021) learn from: records of the two sensors adjacent to a
joint in, joint angles and segment orientations out. Both legs of a trial are trials of their own; a left one is its
mirror image in the sagittal plane (`synth.imu.mirror_image`), so that one network serves both sides.

The angles are those of Grood and Suntay (J Biomech Eng 105:136, 1983), computed from the two orientations:
proximal^-1 distal = Rz(a) Rx(b) Ry(c) in segment frames X forward, Y up, Z right. Columns and signs:

====== ================== ======================= ========================
joint  flexion            adduction               rotation
====== ================== ======================= ========================
hip    flexion = a        adduction = b           internal rotation = c
knee   flexion = -a       adduction (varus) = b   internal rotation = c
ankle  dorsiflexion = a   inversion = b           internal rotation = c
====== ================== ======================= ========================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from opensim_models.clinical.joint_angle import cardan_angles
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.motion import SegmentMotion
from synth.corpus.reader import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from synth.imu.mirror_image import mirror_motion, mirror_recording
from synth.imu.placement import scaled_placements
from synth.imu.recording import ImuRecording
from synth.imu.skeleton_imu import simulate_skeleton_imus

JOINTS: dict[str, tuple[str, str]] = {
    "hip": ("pelvis", "femur"),
    "knee": ("femur", "tibia"),
    "ankle": ("tibia", "calcn"),
}
"""Joint → proximal and distal segment; a side is put in."""
ANGLE_NAMES = ("flexion", "adduction", "rotation")
"""Columns of `JointTrial.angles`."""
SEQUENCE = "ZXY"
SIGNS = {"hip": (1.0, 1.0, 1.0), "knee": (-1.0, 1.0, 1.0), "ankle": (1.0, 1.0, 1.0)}
"""What the angles about Z, X and Y are multiplied by, right side."""
SHORTEST_TRIAL = 2
"""Frames; fewer have no rate of turning."""


@dataclass(frozen=True)
class JointTrial:
    """Two sensors beside one joint over one trial; a left joint is mirrored to the right.

    Attributes
    ----------
    subject : Subject
    trial : str
        Name in the corpus.
    joint : str
        ``"hip"``, ``"knee"`` or ``"ankle"``.
    side : str
        ``"r"``, or ``"l"`` of what was mirrored.
    rate : float
        Hz.
    proximal, distal : ImuRecording
        As the corpus gives them (clean unless asked otherwise); their placements say how the sensors lie on their
        segments, sensor frame = segment frame where ``placement.mounting`` is the identity.
    proximal_orientation, distal_orientation : Rotation, length n_frames
        Segment → ground; the identity in frames without a pose.
    angles : ndarray, shape (n_frames, 3)
        rad: flexion, adduction, internal rotation as the module's text defines them; NaN without a pose.
    laboratory : str
        As the corpus says it, ``""`` if it does not.
    task : str
        As `CorpusTrial.task`.
    """

    subject: Subject
    trial: str
    joint: str
    side: str
    rate: float
    proximal: ImuRecording
    distal: ImuRecording
    proximal_orientation: Rotation
    distal_orientation: Rotation
    angles: np.ndarray
    laboratory: str = ""
    task: str = "unknown"

    @property
    def known(self) -> np.ndarray:
        """Frames (n_frames,) in which records and angles have values."""
        parts = [self.angles, *((r.specific_force, r.angular_velocity) for r in (self.proximal, self.distal))]
        flat = [parts[0], *(array for pair in parts[1:] for array in pair)]
        return np.all([np.isfinite(array).all(axis=1) for array in flat], axis=0)


def joint_rotation(joint: str, angles: np.ndarray) -> Rotation:
    """Distal → proximal rotation of a right joint from its angles (n_frames, 3) in rad; the inverse of `joint_angles`.

    Raises
    ------
    CorpusMismatch
        For a joint that is not one of `JOINTS`.
    """
    _require_joint(joint)
    return Rotation.from_euler(SEQUENCE, np.asarray(angles, dtype=float) * SIGNS[joint])


def joint_angles(joint: str, proximal: Rotation, distal: Rotation) -> np.ndarray:
    """Flexion, adduction and rotation (n_frames, 3) in rad of a right joint, continuous over the frames.

    Parameters
    ----------
    joint : str
        One of `JOINTS`.
    proximal, distal : Rotation, length n_frames
        Segment → ground.
    """
    _require_joint(joint)
    return cardan_angles(proximal.inv() * distal, SEQUENCE)[0] * SIGNS[joint]


def read_joint_trials(
    corpus: Path | str,
    joint: str,
    *,
    sides: Sequence[str] = ("r", "l"),
    subjects: Sequence[str] | None = None,
    clean: bool = True,
    labelled: bool = True,
    skipped: list[str] | None = None,
) -> list[JointTrial]:
    """Read every trial of a corpus as joint trials of one joint.

    Orientations are those of the stored segments (`CorpusTrial.segments`) where both are there, else those of the
    stored skeleton at the stored coordinates: angles that the skeleton's joint cannot make (the adduction of a hinged
    knee) are then constant. A trial of a skeleton without records (a population of optimal control) gets those of the
    seven sensors of `synth.imu.placement`, scaled to the person, by mechanics and without errors.

    Parameters
    ----------
    corpus : Path
        Any corpus with inertial records and segments, or with a skeleton and coordinates.
    joint : str
        One of `JOINTS`.
    sides : sequence of str
        ``"r"``, ``"l"`` or both.
    subjects : sequence of str, optional
        Codes; all by default.
    clean : bool
        False reads the records with the errors of the corpus's recipe.
    labelled : bool
        False also takes records of segments whose poses nobody knows: their angles are NaN.
    skipped : list of str, optional
        Collects a sentence for each trial and side that cannot be used.

    Returns
    -------
    list of JointTrial
        In the order of the corpus, right before left.

    Raises
    ------
    CorpusMismatch
        An unknown joint or side, or nothing that can be used; the sentence says why.
    """
    _require_joint(joint)
    strange = sorted(set(sides) - {"r", "l"})
    if strange or not sides:
        raise CorpusMismatch(f"joint trials: expected sides r, l or both, got {', '.join(strange) or 'none'}.")
    file = Corpus(corpus)
    laboratories = file.provenance.config.get("laboratories", "")
    found: list[JointTrial] = []
    reasons: list[str] = []
    for code, name in file.trials():
        if subjects is not None and code not in subjects:
            continue
        trial = file.read(code, name, clean=clean)
        laboratory = laboratories.get(code, "") if isinstance(laboratories, Mapping) else str(laboratories)
        try:
            trial, poses = with_records(trial), segment_poses(trial)
        except CorpusMismatch as error:
            if labelled or not trial.recordings:
                reasons.append(f"{code}/{name}: {error}")
                continue
            poses = {}
        if not labelled:
            poses = _unknown_poses(trial) | poses
        for side in sides:
            try:
                found.append(joint_trial(trial, poses, joint, side, laboratory, labelled=labelled))
            except CorpusMismatch as error:
                reasons.append(f"{code}/{name}, side {side}: {error}")
    if not found:
        said = "; ".join(dict.fromkeys(reasons)) or "no trial of these subjects"
        raise CorpusMismatch(f"{corpus}: no trial can be used for the {joint}: {said[:600]}")
    if skipped is not None:
        skipped += reasons
    return found


def segment_poses(trial: CorpusTrial) -> dict[str, SegmentMotion]:
    """Segment → its motion: as stored, completed by the skeleton at the stored coordinates.

    Raises
    ------
    CorpusMismatch
        The trial holds neither.
    """
    poses: dict[str, SegmentMotion] = {}
    if trial.skeleton is not None and trial.kinematics is not None:
        poses |= segment_motions(trial.skeleton, trial.kinematics)
    poses |= {segment.segment: segment for segment in trial.segments}
    if not poses:
        raise CorpusMismatch("no poses of segments: expected stored segments, or a skeleton with coordinates")
    return poses


def with_records(trial: CorpusTrial) -> CorpusTrial:
    """A trial of a skeleton that holds no records, with those of seven sensors on it; another one as it is."""
    if trial.recordings or trial.skeleton is None or trial.kinematics is None:
        return trial
    segments = {segment.name: segment for segment in trial.skeleton.segments}
    worn = [p for p in scaled_placements(trial.subject.height) if p.segment in segments]
    thighs = [segments[name].offset for name in ("femur_r", "femur_l") if name in segments]
    if len(thighs) == 2:  # places on the pelvis count from between the hips; OpenSim's frame begins at the spines
        middle = np.mean(thighs, axis=0)
        worn = [replace(p, offset=p.offset + middle) if p.segment == "pelvis" else p for p in worn]
    return replace(trial, recordings=simulate_skeleton_imus(trial.skeleton, trial.kinematics, worn))


def joint_trial(
    trial: CorpusTrial,
    poses: Mapping[str, SegmentMotion],
    joint: str,
    side: str,
    laboratory: str = "",
    *,
    labelled: bool = True,
) -> JointTrial:
    """One joint of one side of a trial.

    Raises
    ------
    CorpusMismatch
        A pose (unless it need not be `labelled`) or a sensor is missing, or a segment carries two sensors.
    """
    names = [name if name == "pelvis" else f"{name}_{side}" for name in JOINTS[joint]]
    absent = [name for name in names if name not in poses]
    if absent:
        raise CorpusMismatch(f"no pose of {absent[0]}; there are {', '.join(sorted(poses))}")
    motions, records = [poses[name] for name in names], [_record(trial, name) for name in names]
    if side == "l":
        motions, records = [mirror_motion(m) for m in motions], [mirror_recording(r) for r in records]
    known = np.all([np.isfinite(motion.origin).all(axis=1) for motion in motions], axis=0)
    if known.sum() < SHORTEST_TRIAL and labelled:
        raise CorpusMismatch(f"poses of {' and '.join(names)} are known together in {known.sum()} frames")
    angles = np.full((len(known), 3), np.nan)
    if known.any():
        angles[known] = joint_angles(joint, motions[0].orientation[known], motions[1].orientation[known])
    return JointTrial(
        subject=trial.subject,
        trial=trial.name,
        joint=joint,
        side=side,
        rate=trial.rate,
        proximal=records[0],
        distal=records[1],
        proximal_orientation=motions[0].orientation,
        distal_orientation=motions[1].orientation,
        angles=angles,
        laboratory=laboratory,
        task=trial.task,
    )


def _unknown_poses(trial: CorpusTrial) -> dict[str, SegmentMotion]:
    """Segment that wears a sensor → a motion without values."""
    nowhere, level = np.full((trial.n_frames, 3), np.nan), Rotation.identity(trial.n_frames)
    return {
        record.placement.segment: SegmentMotion(record.placement.segment, nowhere, level, trial.rate)
        for record in trial.recordings
    }


def _record(trial: CorpusTrial, segment: str) -> ImuRecording:
    """The record of the one sensor on a segment."""
    own = [record for record in trial.recordings if record.placement.segment == segment]
    if len(own) != 1:
        worn = ", ".join(f"{r.placement.sensor} on {r.placement.segment}" for r in trial.recordings) or "none"
        raise CorpusMismatch(f"{len(own)} sensors on {segment}, expected one; there are: {worn}")
    return own[0]


def _require_joint(joint: str) -> None:
    if joint not in JOINTS:
        raise CorpusMismatch(f"joint {joint!r} is unknown; expected one of {', '.join(JOINTS)}.")

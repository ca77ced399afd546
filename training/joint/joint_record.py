"""Joint trials laid out for a network: two sensors in, three angles and two segment orientations out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synth.corpus.schema import CorpusMismatch
from synth.joint_trial import ANGLE_NAMES, JointTrial
from training.joint.heading import without_heading
from training.joint.six_dimensional import to_six
from training.joint.sound_trial import SENSORS, joint_channels, joint_doubts
from training.memory_set import MemoryTrainingSet, memory_training_set
from training.record_gap import bridge_gaps
from training.target import Target
from training.window import TrialRecord

N_ANGLES = 3


def joint_targets(joint: str) -> tuple[Target, ...]:
    """Three angles (rad), then six numbers (`training.joint.six_dimensional`) of each segment."""
    angles = [Target("angle", f"{joint}_{name}") for name in ANGLE_NAMES]
    axes = [f"{segment}_{axis}{component}" for segment in SENSORS for axis in "xy" for component in "xyz"]
    return (*angles, *(Target("orientation", name) for name in axes))


def trial_name(trial: JointTrial) -> str:
    """Name of a joint trial among all of a subject."""
    return f"{trial.trial}/{trial.joint}_{trial.side}"


def joint_record(trial: JointTrial) -> TrialRecord:
    """Lay one joint trial out; frames without a pose have no label.

    Parameters
    ----------
    trial : JointTrial

    Returns
    -------
    TrialRecord
        12 channels: specific force (m/s²) and angular velocity (rad/s) of the proximal, then of the distal sensor.

    Raises
    ------
    CorpusMismatch
        The records have another unit, or no gravity.
    """
    doubts = joint_doubts(trial)
    channels, is_missing = bridge_gaps(joint_channels(trial), trial.rate)
    known = np.isfinite(trial.angles).all(axis=1)
    poses = without_heading(trial.proximal_orientation, trial.distal_orientation, known)
    labels = np.column_stack([trial.angles, *(to_six(pose) for pose in poses)])
    labels[is_missing | ~known] = np.nan
    return TrialRecord(
        trial.subject.code,
        trial_name(trial),
        trial.rate,
        channels.astype(np.float32),
        is_missing,
        labels.astype(np.float32),
        doubts,
    )


def joint_training_set(trials: Sequence[JointTrial]) -> MemoryTrainingSet:
    """All joint trials of one joint, ready for `training.loop.train`.

    Parameters
    ----------
    trials : sequence of JointTrial
        Clean, of one joint and one rate.

    Returns
    -------
    MemoryTrainingSet

    Raises
    ------
    CorpusMismatch
        If there is none, or joints or rates differ.
    """
    joints, rates = {trial.joint for trial in trials}, {trial.rate for trial in trials}
    if len(joints) != 1 or len(rates) != 1:
        found = f"joints {', '.join(sorted(joints)) or 'none'} at {', '.join(f'{r:g}' for r in sorted(rates))} Hz"
        raise CorpusMismatch(f"a joint model: expected trials of one joint at one rate, found {found}.")
    records = [joint_record(trial) for trial in trials]
    return memory_training_set(records, SENSORS, joint_targets(joints.pop()), rates.pop())

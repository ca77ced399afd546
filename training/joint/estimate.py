"""What a joint model says of one trial: three angles, and the orientations of both segments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from synth.corpus.schema import CorpusMismatch
from synth.joint_trial import JointTrial
from training.checkpoint import Checkpoint
from training.input_check import refuse_silence
from training.joint.joint_record import N_ANGLES, SENSORS, joint_record, joint_targets
from training.joint.six_dimensional import from_six


@dataclass(frozen=True)
class JointEstimate:
    """A network's estimate of a joint over a trial.

    Attributes
    ----------
    angles : ndarray, shape (n_frames, 3)
        rad; what the paper calls alpha. NaN where a sensor has no value.
    proximal, distal : Rotation, length n_frames
        Segment → ground of the trial's own heading (`training.joint.heading`); the identity where not known.
    known : ndarray of bool, shape (n_frames,)
    """

    angles: np.ndarray
    proximal: Rotation
    distal: Rotation
    known: np.ndarray


def estimate_joint(checkpoint: Checkpoint, trial: JointTrial) -> JointEstimate:
    """Apply a joint model to one trial, whole.

    Parameters
    ----------
    checkpoint : Checkpoint
        Trained on `training.joint.joint_record.joint_training_set`.
    trial : JointTrial
        With the records that may be used: worn sensors, not clean ones (`training.joint.worn_sensor`).

    Returns
    -------
    JointEstimate

    Raises
    ------
    CorpusMismatch
        Another joint, rate or sensor set, no frame in which both sensors have a value, or a subject who taught this
        network.
    """
    where = f"trial {trial.trial!r} of subject {trial.subject.code!r}"
    if checkpoint.sensors != SENSORS or checkpoint.targets != joint_targets(trial.joint):
        learnt = ", ".join(target.coordinate for target in checkpoint.targets[:N_ANGLES])
        raise CorpusMismatch(
            f"{where}: expected a model of the {trial.joint}, this one gives {learnt}, ... Use its own."
        )
    if checkpoint.rate != trial.rate:
        raise CorpusMismatch(
            f"{where}: expected {checkpoint.rate:g} Hz as in training, found {trial.rate:g} Hz. Resample the trial."
        )
    if trial.subject.code in checkpoint.subjects:
        raise CorpusMismatch(f"{where}: this network was trained on this subject. Use one that left the subject out.")
    record, scale = joint_record(trial), checkpoint.normalisation
    refuse_silence(record.is_missing, record.doubts, where)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            inputs = torch.from_numpy((record.inputs - scale.input_mean) / scale.input_sd)
            values = checkpoint.network(inputs[None])[0].numpy() * scale.target_sd + scale.target_mean
    finally:
        torch.set_num_threads(n_threads)
    known = ~record.is_missing
    angles = np.where(known[:, None], values[:, :N_ANGLES], np.nan).astype(float)
    sixes = values[:, N_ANGLES:].astype(float).reshape(len(values), 2, 6)
    sixes[~known] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    return JointEstimate(angles, from_six(sixes[:, 0]), from_six(sixes[:, 1]), known)

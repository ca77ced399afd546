"""What a network sees of a trial and what it should say: a whole trial, or windows cut from several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from training.input_check import NO_FRAME, check_channels, refuse_or_name
from training.record_gap import bridge_gaps
from training.target import Target, has_waveform, read_targets

CHANNELS_PER_SENSOR = 6
"""Specific force x, y, z (m/s²), then angular velocity x, y, z (rad/s), in the sensor's own frame."""


@dataclass(frozen=True)
class TrialRecord:
    """What a network sees of one trial and what it should say.

    Attributes
    ----------
    subject, name : str
        As in the corpus.
    rate : float
        Frames per second (Hz).
    inputs : ndarray, shape (n_frames, 6 n_sensors), float32
        Records sensor by sensor, short gaps bridged.
    is_missing : ndarray of bool, shape (n_frames,)
        Frames where some sensor has no value and the gap is too long to bridge: no label is learnt there and nothing
        is predicted.
    labels : ndarray, shape (n_frames, n_targets), float32
        Inside units; NaN = no label.
    doubts : tuple of str
        What is to be known of the records: sensors without a value, long stretches of it.
    """

    subject: str
    name: str
    rate: float
    inputs: np.ndarray
    is_missing: np.ndarray
    labels: np.ndarray
    doubts: tuple[str, ...] = ()

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.inputs)

    @cached_property
    def labelled_frames(self) -> np.ndarray:
        """Indices of the frames with at least one label."""
        return np.flatnonzero(np.isfinite(self.labels).any(axis=1))


@dataclass(frozen=True)
class Windows:
    """A batch of B windows of T frames.

    Attributes
    ----------
    inputs : ndarray, shape (B, T, C)
    labels : ndarray, shape (B, T, n_targets)
    record : ndarray of int, shape (B,)
        Which record each window was cut from.
    start : ndarray of int, shape (B,)
        First frame of each window in its record.
    """

    inputs: np.ndarray
    labels: np.ndarray
    record: np.ndarray
    start: np.ndarray


def sensor_names(trial: CorpusTrial) -> tuple[str, ...]:
    """Names of a trial's sensors, in the order of their channels."""
    return tuple(recording.placement.sensor for recording in trial.recordings)


def sensor_channels(trial: CorpusTrial, sensors: Sequence[str]) -> np.ndarray:
    """Specific force (m/s²) and angular velocity (rad/s) of some sensors as they read, (n_frames, 6 n_sensors)."""
    of = {r.placement.sensor: np.column_stack([r.specific_force, r.angular_velocity]) for r in trial.recordings}
    return np.concatenate([of[sensor] for sensor in sensors], axis=1)


def trial_record(trial: CorpusTrial, sensors: Sequence[str], targets: Sequence[Target]) -> TrialRecord:
    """Lay a corpus trial out for a network.

    Parameters
    ----------
    trial : CorpusTrial
    sensors : sequence of str
        Their order gives the order of the channels.
    targets : sequence of Target

    Returns
    -------
    TrialRecord

    Raises
    ------
    CorpusMismatch
        If a sensor is missing, a record has another length than the trial or is in other units.
    """
    there = sensor_names(trial)
    where = f"trial {trial.name!r} of subject {trial.subject.code!r}"
    lacking = [sensor for sensor in sensors if sensor not in there]
    if lacking:
        raise CorpusMismatch(
            f"{where}: expected records of the sensors {', '.join(sensors)}; {', '.join(lacking)} missing, "
            f"found {', '.join(there) or 'none'}. Use a corpus of the sensor set that the network was trained on."
        )
    channels = sensor_channels(trial, sensors)
    doubts = refuse_or_name(check_channels(channels, sensors, trial.rate), where)
    channels, is_missing = bridge_gaps(channels, trial.rate)
    labels = read_targets(trial, targets).astype(np.float32)
    # A trial's speed is learnt in its solved cycles only, like every other label.
    labels[is_missing | ~has_waveform(trial)] = np.nan
    inputs = channels.astype(np.float32)
    return TrialRecord(trial.subject.code, trial.name, trial.rate, inputs, is_missing, labels, doubts)


def why_no_label(record: TrialRecord, said: str = "") -> str:
    """Why a record without a labelled frame teaches nothing: what the corpus said of it, or what its sensors show."""
    silence = "; ".join(record.doubts) or NO_FRAME if record.is_missing.all() else ""
    return said or silence or "; ".join(["no labels", *record.doubts])


LABEL_ROLES = ("reference", "motion")
"""Corpora whose values are labels: optimal control that saw markers and forces, or inverse kinematics."""


def require_labels(corpus: Corpus) -> None:
    """Refuse a corpus of estimates in the place of labels.

    Raises
    ------
    CorpusMismatch
        Its role is neither reference nor motion.
    """
    if corpus.role not in LABEL_ROLES:
        raise CorpusMismatch(
            f"{corpus.path}: expected a corpus of labels (role {' or '.join(LABEL_ROLES)}), this one holds estimates "
            f"(role {corpus.role}). Give the corpus of `kinesynth gait reference`."
        )

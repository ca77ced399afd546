"""Sample windows: stretches of inertial records with their labels, cut from single trials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from training.input_check import check_channels, refuse_or_name
from training.mirror import can_mirror, mirror_trial
from training.record_gap import bridge_gaps
from training.target import Target, available_targets, has_waveform, read_targets

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
    is_mirrored : bool
        Whether it is the mirror image of a trial, which needs no label of its own.
    """

    subject: str
    name: str
    rate: float
    inputs: np.ndarray
    is_missing: np.ndarray
    labels: np.ndarray
    is_mirrored: bool = False

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
    by_name = {recording.placement.sensor: recording for recording in trial.recordings}
    where = f"trial {trial.name!r} of subject {trial.subject.code!r}"
    lacking = [sensor for sensor in sensors if sensor not in by_name]
    if lacking:
        raise CorpusMismatch(
            f"{where}: expected records of the sensors {', '.join(sensors)}; {', '.join(lacking)} missing, "
            f"found {', '.join(by_name) or 'none'}. Use a corpus of the sensor set that the network was trained on."
        )
    channels = np.concatenate(
        [np.column_stack([by_name[s].specific_force, by_name[s].angular_velocity]) for s in sensors], axis=1
    )
    refuse_or_name(check_channels(channels, sensors, trial.rate), where)
    channels, is_missing = bridge_gaps(channels, trial.rate)
    labels = read_targets(trial, targets).astype(np.float32)
    # A trial's speed is learnt in its solved cycles only, like every other label.
    labels[is_missing | ~has_waveform(trial)] = np.nan
    return TrialRecord(trial.subject.code, trial.name, trial.rate, channels.astype(np.float32), is_missing, labels)


@dataclass(frozen=True)
class TrainingSet:
    """The labelled trials of some subjects of a reference corpus, clean, ready for windows.

    Attributes
    ----------
    records : tuple of TrialRecord
        Trials with at least one label.
    sensors : tuple of str
    targets : tuple of Target
    rate : float
        Frames per second (Hz), the same in all records.
    left_out : tuple of (subject, trial, reason)
        Trials of these subjects that cannot teach anything, and why.
    """

    records: tuple[TrialRecord, ...]
    sensors: tuple[str, ...]
    targets: tuple[Target, ...]
    rate: float
    left_out: tuple[tuple[str, str, str], ...]

    @property
    def n_labelled_trials(self) -> int:
        """Trials whose labels were used; a mirror image is not counted again."""
        return sum(not record.is_mirrored for record in self.records)

    @property
    def n_labelled_frames(self) -> int:
        """Frames with at least one label, mirror images not counted again."""
        return sum(len(record.labelled_frames) for record in self.records if not record.is_mirrored)


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


def read_training_set(
    corpus: Corpus, subjects: Iterable[str], kinds: Iterable[str], *, mirror: bool = False
) -> TrainingSet:
    """Read the clean records and the labels of some subjects, and of nobody else.

    Parameters
    ----------
    corpus : Corpus
        With role ``"reference"`` (or ``"motion"``: labels of inverse kinematics).
    subjects : iterable of str
        Codes of the training subjects.
    kinds : iterable of str
        Kinds of target to learn.
    mirror : bool
        Add the mirror image of every labelled trial whose sensors come in pairs.

    Returns
    -------
    TrainingSet

    Raises
    ------
    CorpusMismatch
        If no trial has a label, or rates or sensors differ between trials.
    """
    require_labels(corpus)
    wanted = set(subjects)
    trials = [corpus.read(subject, name, clean=True) for subject, name in corpus.trials() if subject in wanted]
    targets = available_targets(trials, kinds)
    who = f"{corpus.path}, training subjects {', '.join(sorted(wanted))}"
    if not targets:
        raise CorpusMismatch(
            f"{who}: expected labels of the kinds {', '.join(kinds)}, found none. "
            "Train on a reference corpus (`kinesynth gait reference`), not on motion or predictions."
        )
    rates = {trial.rate for trial in trials}
    if len(rates) > 1:
        found = ", ".join(f"{rate:g}" for rate in sorted(rates))
        raise CorpusMismatch(f"{who}: expected one rate in all trials, found {found} Hz. Resample the trials first.")
    sensors = sensor_names(next(trial for trial in trials if trial.recordings))
    records, left_out = [], []
    for trial in trials:
        record = trial_record(trial, sensors, targets)
        if len(record.labelled_frames):
            records.append(record)
            if mirror and can_mirror(trial):
                records.append(replace(trial_record(mirror_trial(trial), sensors, targets), is_mirrored=True))
        else:
            left_out.append((record.subject, record.name, trial.reason or "no labels"))
    return TrainingSet(tuple(records), sensors, targets, rates.pop(), tuple(left_out))


def draw_windows(records: Sequence[TrialRecord], length: int, n_windows: int, rng: np.random.Generator) -> Windows:
    """Cut random windows, each from one trial and around a labelled frame.

    Parameters
    ----------
    records : sequence of TrialRecord
        Each at least `length` frames long.
    length : int
        Frames per window, T.
    n_windows : int
        Number of windows, B.
    rng : numpy.random.Generator

    Returns
    -------
    Windows
        Trials are drawn evenly; the labelled frame falls anywhere in its window.
    """
    chosen = rng.integers(len(records), size=n_windows)
    starts = np.empty(n_windows, dtype=int)
    for i, index in enumerate(chosen):
        record = records[index]
        labelled = record.labelled_frames
        start = labelled[rng.integers(len(labelled))] - rng.integers(length)
        starts[i] = np.clip(start, 0, record.n_frames - length)
    spans = [(records[r], slice(s, s + length)) for r, s in zip(chosen, starts, strict=True)]
    return Windows(
        np.stack([record.inputs[span] for record, span in spans]),
        np.stack([record.labels[span] for record, span in spans]),
        chosen,
        starts,
    )

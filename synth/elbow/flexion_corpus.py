"""Sustained flexion in a corpus: trials with torque, angle and activity of muscles, of simulated or real people.

A trial holds the torque of `COORDINATE` (kinetics), its angle (kinematics) and either activations (kinetics) or
envelopes of electromyograms (``emg``, over a maximal effort), and ``strength``, the measured maximum torque, among its
parameters. Muscles are told by their names; channels are what a surface electrode sees: heads count together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap_import.subject import Subject
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus import Corpus, CorpusTrial, CorpusWriter
from synth.corpus.schema import CorpusMismatch
from synth.elbow.elbow import NAMES
from synth.elbow.flexion_recording import FlexionRecording

COORDINATE = "elbow_flexion_r"
CHANNELS = ("biceps", "brachialis", "brachioradialis", "triceps")
FEATURES = ("mass", "height", "sex", "age", "angle", "strength")
"""Static features of a trial: kg, m, -0.5 female to 0.5 male, years, rad, N·m; NaN unknown."""


@dataclass(frozen=True)
class FlexionTrials:
    """Trials on one time base, one row each.

    Attributes
    ----------
    persons, names : tuple of str
    channels : ndarray, shape (n, n_frames, 4)
        Activity, over a maximal effort, in the order of `CHANNELS`.
    torque : ndarray, shape (n, n_frames)
        N·m; NaN where a trial is over.
    features : ndarray, shape (n, 6)
        In the order of `FEATURES`.
    rate : float
        Hz.
    """

    persons: tuple[str, ...]
    names: tuple[str, ...]
    channels: np.ndarray
    torque: np.ndarray
    features: np.ndarray
    rate: float

    def rows(self, chosen: np.ndarray) -> FlexionTrials:
        """Some of the trials, by index or mask."""
        index = np.arange(len(self.persons))[chosen]
        return FlexionTrials(
            tuple(self.persons[i] for i in index),
            tuple(self.names[i] for i in index),
            self.channels[index],
            self.torque[index],
            self.features[index],
            self.rate,
        )

    def of(self, people: Sequence[str]) -> FlexionTrials:
        """All trials of some people."""
        return self.rows(np.isin(self.persons, list(people)))


def write_flexion_corpus(
    path: Path,
    subjects: Sequence[Subject],
    names: Sequence[str],
    angle: np.ndarray,
    recording: FlexionRecording,
    *,
    seed: int,
    config: Mapping,
    source: str,
) -> None:
    """Write trials of simulated people: one subject and name a row of the recording."""
    ones = np.ones((recording.torque.shape[1], 1))
    with CorpusWriter(path, role="motion", seed=seed, config=dict(config)) as corpus:
        for i, subject in enumerate(subjects):
            kinetics = Kinetics(
                (COORDINATE,),
                recording.torque[i][:, None],
                recording.rate,
                muscles=NAMES,
                activations=recording.activations[i],
            )
            corpus.append(
                CorpusTrial(
                    names[i],
                    subject,
                    recording.rate,
                    kinematics=Kinematics((COORDINATE,), angle[i] * ones, recording.rate),
                    kinetics=kinetics,
                    spatiotemporal={"strength": float(recording.strength[i])},
                    status="converged",
                    source=source,
                )
            )


def read_flexion_corpus(path: Path, rate: float, seconds: float) -> FlexionTrials:
    """Read all trials of a corpus, as means over intervals.

    Parameters
    ----------
    path : Path
    rate : float
        Intervals per second (Hz), at most the rate of each trial.
    seconds : float
        What comes later is left out; what ends sooner is NaN in the torque (and keeps its last activity).

    Raises
    ------
    CorpusMismatch
        No trial, or one without torque, angle, a channel or the measured strength; names what is missing and where.
    """
    corpus = Corpus(path)
    rows = []
    n_frames = round(seconds * rate)
    for subject, name in corpus.trials():
        trial = corpus.read(subject, name, clean=True)
        if trial.status != "refused":
            rows.append((subject, name, *_row(trial, f"{path}: {subject}/{name}", rate, n_frames)))
    if not rows:
        raise CorpusMismatch(f"{path}: no trial to learn from. Expected sustained flexion (docs/recipes/fatigue.md).")
    persons, names, channels, torque, features = zip(*rows, strict=True)
    return FlexionTrials(persons, names, np.stack(channels), np.stack(torque), np.stack(features), rate)


def _row(trial: CorpusTrial, where: str, rate: float, n_frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Channels, torque and features of a trial."""
    if trial.kinetics is None or COORDINATE not in trial.kinetics.coordinates:
        raise CorpusMismatch(f"{where}: expected the torque of {COORDINATE} among the generalized forces.")
    if trial.kinematics is None or COORDINATE not in trial.kinematics.coordinates:
        raise CorpusMismatch(f"{where}: expected the angle of {COORDINATE} among the coordinates.")
    if "strength" not in trial.spatiotemporal:
        raise CorpusMismatch(f"{where}: expected the measured maximum torque as parameter strength (N·m).")
    if trial.rate < rate:
        raise CorpusMismatch(f"{where}: {trial.rate:g} Hz; expected at least {rate:g} Hz.")
    activity = _channels(trial, where)
    person = trial.subject
    sex = {"female": -0.5, "male": 0.5}.get(person.sex, np.nan)
    angle = float(np.nanmean(trial.kinematics.of(COORDINATE)))
    features = (person.mass, person.height, sex, person.age, angle, trial.spatiotemporal["strength"])
    channels = _interval_means(activity, trial.rate, rate, n_frames)
    torque = _interval_means(trial.kinetics.of(COORDINATE)[:, None], trial.rate, rate, n_frames)[:, 0]
    known = np.flatnonzero(np.isfinite(channels).all(axis=1))
    if not len(known):
        raise CorpusMismatch(f"{where}: no interval in which all of {', '.join(CHANNELS)} are known.")
    torque[~np.isfinite(channels).all(axis=1)] = np.nan
    last = known[np.clip(np.searchsorted(known, np.arange(n_frames), side="right") - 1, 0, None)]
    return channels[last], torque, np.array(features, dtype=float)


def _channels(trial: CorpusTrial, where: str) -> np.ndarray:
    """Activity (n_frames, 4) of the channels: the mean of all muscles whose names say so."""
    if trial.activity is not None:
        muscles, values = trial.activity.muscles, trial.activity.envelopes
    else:
        muscles, values = trial.kinetics.muscles, trial.kinetics.activations
    columns = []
    for channel in CHANNELS:
        own = [i for i, muscle in enumerate(muscles) if muscle.lower().startswith(channel)]
        if not own:
            raise CorpusMismatch(f"{where}: no activity of {channel}; it has {', '.join(muscles) or 'none'}.")
        columns.append(values[:, own].mean(axis=1))
    return np.stack(columns, axis=1)


def _interval_means(values: np.ndarray, own_rate: float, rate: float, n_frames: int) -> np.ndarray:
    """Means (n_frames, n_columns) over intervals of 1 / rate seconds; NaN where a trial has no frame."""
    interval = (np.arange(len(values)) * rate / own_rate + 1e-9).astype(int)
    means = np.full((n_frames, values.shape[1]), np.nan)
    for k in range(min(n_frames, interval[-1] + 1)):
        means[k] = values[interval == k].mean(axis=0)
    return means

"""Input check: records that cannot be what a network learnt from are refused, records that are doubtful are named.

Refused: angular velocity in deg/s, specific force in g or mg or without gravity. Named: right and left sensors
exchanged, sensors without a value and long stretches of it. Exchanged sensors show in how the channels of one sensor
move together: of a right thigh, abduction and flexion have another sign to each other than of a left one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synth.corpus.schema import CorpusMismatch
from training.mirror import other_side

FASTEST = 35.0
"""rad/s; the range of most gyroscopes worn by people ends at 2000 deg/s. Walking in deg/s exceeds it many times."""
LIGHTEST, HEAVIEST = 3.0, 100.0
"""m/s²; the median of |specific force| of a moving person is near 9.8 in any activity."""
LEAST_SPREAD = 0.15
"""Smallest SD of a feature over trials: sensors turned by some degrees change correlations by as much."""
MIN_TRIALS = 3
"""Trials from which on a signature says something."""
CLEAR = 1.0
"""nat a feature that must lie between right and left in the training for an exchange to be named at all: in the plane,
both sides are alike. Half of what lies between them must then speak for the exchange."""


@dataclass(frozen=True)
class InputFinding:
    """Something that a check found.

    Attributes
    ----------
    is_refusal : bool
        Whether the records must not be used.
    sentence : str
        What was expected, what came, what to do.
    """

    is_refusal: bool
    sentence: str


@dataclass(frozen=True)
class WearingSignature:
    """How the channels of each sensor with a counterpart move together, over the trials of a training.

    Attributes
    ----------
    sensors : tuple of str
        Names with their counterparts, in the order of the features.
    mean, sd : ndarray, shape (n_sensors, n_features)
        Over trials, of `sensor_features`.
    """

    sensors: tuple[str, ...]
    mean: np.ndarray
    sd: np.ndarray

    @property
    def between_sides(self) -> float:
        """How far the sides lie apart: log-likelihood (nat a feature) that the mean trial loses by an exchange."""
        others = [self.sensors.index(other_side(name)) for name in self.sensors]
        return float(0.5 * np.mean(((self.mean[others] - self.mean) / self.sd) ** 2))

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"sensors": self.sensors, "mean": self.mean.tolist(), "sd": self.sd.tolist()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> WearingSignature:
        """The inverse of `plain`."""
        return cls(tuple(plain["sensors"]), np.array(plain["mean"]), np.array(plain["sd"]))


def sensor_features(channels: np.ndarray) -> np.ndarray:
    """Describe one sensor's wearing in 18 numbers.

    Parameters
    ----------
    channels : ndarray, shape (n_frames, 6)
        Specific force (m/s²) and angular velocity (rad/s), sensor frame; rows with NaN do not count.

    Returns
    -------
    ndarray, shape (18,)
        Direction of the mean specific force (unit vector) and the 15 correlations between channels; zeros for a sensor
        that does not move.
    """
    known = channels[np.isfinite(channels).all(axis=1)]
    if len(known) < 2:
        return np.zeros(18)
    mean, sd = known.mean(axis=0), known.std(axis=0)
    scaled = (known - mean) / np.where(sd > 1e-9, sd, np.inf)
    correlations = (scaled.T @ scaled / len(known))[np.triu_indices(6, 1)]
    return np.concatenate([mean[:3] / max(np.linalg.norm(mean[:3]), 1e-9), correlations])


def wearing_of(channels: np.ndarray) -> np.ndarray:
    """Features of every sensor (n_sensors, 18) from its six channels; see `sensor_features`."""
    return np.stack([sensor_features(channels[:, i : i + 6]) for i in range(0, channels.shape[1], 6)])


def fit_signature(wearings: Sequence[np.ndarray], sensors: Sequence[str]) -> WearingSignature | None:
    """Learn how the sensors of some trials are worn.

    Parameters
    ----------
    wearings : sequence of ndarray, shape (n_sensors, 18)
        One a trial, of `wearing_of`.
    sensors : sequence of str
        In the order of the channels.

    Returns
    -------
    WearingSignature or None
        None with fewer than `MIN_TRIALS` trials or without a pair of sensors.
    """
    paired = tuple(name for name in sensors if other_side(name) != name and other_side(name) in sensors)
    if len(wearings) < MIN_TRIALS or not paired:
        return None
    rows = np.stack(wearings)[:, [list(sensors).index(name) for name in paired]].astype(float)
    return WearingSignature(paired, rows.mean(axis=0), np.maximum(rows.std(axis=0), LEAST_SPREAD))


def side_score(signature: WearingSignature, wearing: np.ndarray, sensors: Sequence[str]) -> float:
    """Say how much better a trial fits as it is than with right and left exchanged.

    Parameters
    ----------
    signature : WearingSignature
    wearing : ndarray, shape (n_sensors, 18)
        Of `wearing_of`.
    sensors : sequence of str

    Returns
    -------
    float
        Mean difference of the log-likelihoods of a feature (nat); negative: exchanged sensors fit better.
    """

    def misfit(names: Sequence[str]) -> float:
        rows = wearing[[list(sensors).index(name) for name in names]]
        return float(0.5 * np.mean(((rows - signature.mean) / signature.sd) ** 2))

    return misfit([other_side(name) for name in signature.sensors]) - misfit(signature.sensors)


def is_exchanged(signature: WearingSignature, score: float) -> bool:
    """Whether a `side_score` says that right and left are exchanged."""
    return signature.between_sides > CLEAR and score < -0.5 * signature.between_sides


def check_channels(
    channels: np.ndarray, sensors: Sequence[str], rate: float, signature: WearingSignature | None = None
) -> list[InputFinding]:
    """Look at the records of one trial.

    Parameters
    ----------
    channels : ndarray, shape (n_frames, 6 n_sensors)
        Specific force (m/s²), angular velocity (rad/s) sensor by sensor; NaN = no value.
    sensors : sequence of str
    rate : float
        Hz.
    signature : WearingSignature, optional
        Of other trials with the same sensors.

    Returns
    -------
    list of InputFinding
        Empty for sound records.
    """
    found = []
    for i, sensor in enumerate(sensors):
        force, turn = channels[:, 6 * i : 6 * i + 3], channels[:, 6 * i + 3 : 6 * i + 6]
        found += _check_sensor(sensor, force, turn)
        silent = int(_longest_run(~np.isfinite(channels[:, 6 * i : 6 * i + 6]).all(axis=1)))
        if 0 < silent < len(channels) and silent > rate:
            found.append(
                InputFinding(False, f"{sensor} has no value for {silent / rate:.1f} s: nothing is estimated there")
            )
    if signature is not None and not any(finding.is_refusal for finding in found):
        score = side_score(signature, wearing_of(channels), sensors)
        if is_exchanged(signature, score):
            found.append(
                InputFinding(
                    False,
                    f"right and left sensors seem exchanged (they fit the training better by {-score:.2f} when "
                    "exchanged back): check how they were worn, or which name each has",
                )
            )
    return found


def exchanged_sides(
    trials: Sequence[tuple[str, str, np.ndarray]], sensors: Sequence[str]
) -> dict[tuple[str, str], float]:
    """Find the trials of a training whose right and left sensors seem exchanged.

    Parameters
    ----------
    trials : sequence of (subject, trial, wearing)
        Each wearing of shape (n_sensors, 18), of `wearing_of`.
    sensors : sequence of str

    Returns
    -------
    dict
        (subject, trial) → `side_score` against the trials of all other subjects, where it names an exchange; empty
        where there are too few of them.
    """
    found = {}
    for code in sorted({subject for subject, _, _ in trials}):
        signature = fit_signature([wearing for subject, _, wearing in trials if subject != code], sensors)
        for subject, name, wearing in trials if signature is not None else ():
            if subject == code and is_exchanged(signature, score := side_score(signature, wearing, sensors)):
                found[subject, name] = score
    return found


def refuse_or_name(findings: Sequence[InputFinding], where: str) -> tuple[str, ...]:
    """Raise for what must be refused; return the sentences of the rest.

    Raises
    ------
    CorpusMismatch
    """
    refusals = [finding.sentence for finding in findings if finding.is_refusal]
    if refusals:
        raise CorpusMismatch(f"{where}: {'; '.join(refusals)}.")
    return tuple(f"{where}: {finding.sentence}." for finding in findings)


def _check_sensor(sensor: str, force: np.ndarray, turn: np.ndarray) -> list[InputFinding]:
    sizes = [np.linalg.norm(values[np.isfinite(values).all(axis=1)], axis=1) for values in (force, turn)]
    if not all(len(size) for size in sizes):
        return [
            InputFinding(False, f"{sensor} holds no value, so nothing is estimated: use a network without {sensor}")
        ]
    found = []
    typical, fast = float(np.median(sizes[0])), float(np.percentile(sizes[1], 99))
    if typical < LIGHTEST:
        found.append(
            f"{sensor} reads {typical:.2f} m/s² (median), expected about 9.8: in units of g, or without gravity"
        )
    if typical > HEAVIEST:
        found.append(f"{sensor} reads {typical:.0f} m/s² (median), expected about 9.8: in mg")
    if fast > FASTEST:
        found.append(f"{sensor} turns at {fast:.0f} rad/s, more than gyroscopes measure ({FASTEST:.0f}): in deg/s")
    return [InputFinding(True, f"{sentence}? Convert the records to m/s² and rad/s") for sentence in found]


def _longest_run(flags: np.ndarray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))

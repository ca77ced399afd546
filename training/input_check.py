"""Input check: records that cannot be what a network learnt from are refused, records that are doubtful are named.

Refused: other units (`synth.imu.reading_check`), trials without a single whole frame. Named: right and left sensors
exchanged, sensors without a value and stretches of it that are too long to bridge. Exchanged sensors show in how the
channels of one sensor move together: of a right thigh, abduction and flexion have another sign to each other than of a
left one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synth.corpus.schema import CorpusMismatch
from synth.imu.reading_check import InputFinding, check_units, is_silent, longest_silence
from training.mirror import other_side
from training.record_gap import BRIDGE_SECONDS

LEAST_SPREAD = 0.15
"""Smallest SD of a feature over trials: sensors turned by some degrees change correlations by as much."""
MIN_TRIALS = 3
"""Trials from which on a signature says something."""
CLEAR = 1.0
"""nat a feature that must lie between right and left in the training for an exchange to be named at all: in the plane,
both sides are alike. Half of what lies between them must then speak for the exchange."""
NO_FRAME = "no frame in which every sensor has a value"


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


def paired_sensors(sensors: Sequence[str]) -> tuple[str, ...]:
    """Sensors whose counterpart of the other side is there, too."""
    return tuple(name for name in sensors if other_side(name) != name and other_side(name) in sensors)


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
    paired = paired_sensors(sensors)
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
        found += check_units(sensor, force, turn)
        if is_silent(force, turn):
            found.append(InputFinding(False, f"{sensor} holds no value, so nothing is estimated: do without {sensor}"))
        elif (silence := longest_silence(force, turn)) > BRIDGE_SECONDS * rate:
            sentence = f"{sensor} has no value for {silence / rate:.1f} s: nothing is estimated there, or learnt"
            found.append(InputFinding(False, sentence))
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
    paired = paired_sensors(sensors)
    if not trials or not paired:
        return {}
    codes = np.array([subject for subject, _, _ in trials])
    rows = np.stack([wearing for _, _, wearing in trials])[:, [list(sensors).index(name) for name in paired]].astype(
        float
    )
    found, sums = {}, (rows.sum(axis=0), (rows**2).sum(axis=0))
    for code in sorted(set(codes)):
        own = rows[codes == code]
        if (n_others := len(rows) - len(own)) < MIN_TRIALS:
            continue
        mean, square = ((whole - part.sum(axis=0)) / n_others for whole, part in zip(sums, (own, own**2), strict=True))
        sd = np.sqrt(np.maximum(square - mean**2, 0.0))
        signature = WearingSignature(paired, mean, np.maximum(sd, LEAST_SPREAD))
        for place in np.flatnonzero(codes == code):
            subject, name, wearing = trials[place]
            if is_exchanged(signature, score := side_score(signature, wearing, sensors)):
                found[subject, name] = score
    return found


def exchange_doubts(trials: Sequence[tuple[str, str, np.ndarray]], sensors: Sequence[str]) -> tuple[str, ...]:
    """A sentence a trial that `exchanged_sides` finds; without its score, which differs between folds."""
    return tuple(
        f"{subject}/{name}: right and left sensors seem exchanged (they fit the other subjects' trials better when "
        "exchanged back): check how they were worn, or leave the trial out"
        for subject, name in exchanged_sides(trials, sensors)
    )


def refuse_silence(is_missing: np.ndarray, findings: Sequence[str], where: str) -> None:
    """Refuse a trial of which no frame can be used.

    Parameters
    ----------
    is_missing : ndarray of bool, shape (n_frames,)
        As of `training.record_gap.bridge_gaps`.
    findings : sequence of str
        What was found in its records, as of `refuse_or_name`.
    where : str

    Raises
    ------
    CorpusMismatch
    """
    if is_missing.all():
        raise CorpusMismatch(f"{where}: {'; '.join(findings) or NO_FRAME}.")


def refuse_or_name(findings: Sequence[InputFinding], where: str) -> tuple[str, ...]:
    """Raise for what must be refused; return the sentences of the rest, which do not say where.

    Raises
    ------
    CorpusMismatch
    """
    refusals = [finding.sentence for finding in findings if finding.is_refusal]
    if refusals:
        raise CorpusMismatch(f"{where}: {'; '.join(refusals)}.")
    return tuple(finding.sentence for finding in findings)

"""Sound trials: joint trials that can teach a network or score it, and a sentence about each of the others.

Refused: other units. Left out: trials without a frame in which both sensors have a value. Named: stretches without one,
and a proximal sensor that turns faster than the distal one. Right and left cannot be told apart here: a joint model
serves both legs, left ones mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synth.corpus.schema import CorpusMismatch
from synth.joint_trial import JointTrial, read_joint_trials
from training.input_check import NO_FRAME, check_channels, refuse_or_name
from training.record_gap import bridge_gaps

SENSORS = ("proximal", "distal")
GAIT = ("walk", "run")
"""Tasks in which the distal of two leg segments turns faster than the proximal one."""
EXCHANGED = 0.95
"""RMS turning of the distal sensor as a share of the proximal one's, below which they seem exchanged. In gait it is far
above one at hip and knee, hardly at the ankle, where an exchange therefore is not always seen (a test of real legs)."""


@dataclass(frozen=True)
class SoundTrials:
    """What was read.

    Attributes
    ----------
    trials : tuple of JointTrial
    skipped : tuple of str
        A sentence a trial and side that is not among them.
    doubts : tuple of str
        Sentences about trials that are.
    """

    trials: tuple[JointTrial, ...]
    skipped: tuple[str, ...]
    doubts: tuple[str, ...]


def read_sound_trials(corpus: Path | str, joint: str, *, clean: bool = True) -> SoundTrials:
    """Read the labelled joint trials of a corpus for a training or its test.

    Parameters
    ----------
    corpus, joint, clean : see `synth.joint_trial.read_joint_trials`

    Returns
    -------
    SoundTrials

    Raises
    ------
    CorpusMismatch
        A record is in other units, or nothing can be used.
    """
    skipped: list[str] = []
    doubts: list[str] = []
    sound: list[JointTrial] = []
    for trial in read_joint_trials(corpus, joint, clean=clean, skipped=skipped):
        findings = joint_doubts(trial)
        if is_unreadable(trial):
            skipped.append(f"{place_of(trial)}: {'; '.join(findings) or NO_FRAME}")
            continue
        sound.append(trial)
        doubts += [f"{place_of(trial)}: {finding}" for finding in findings]
    if not sound:
        raise CorpusMismatch(f"{corpus}: no trial can be used for the {joint}: {'; '.join(skipped)[:600]}")
    return SoundTrials(tuple(sound), tuple(skipped), tuple(doubts))


def place_of(trial: JointTrial) -> str:
    """Which trial and side, for a sentence."""
    return f"{trial.subject.code}/{trial.trial}, side {trial.side}"


def joint_channels(trial: JointTrial) -> np.ndarray:
    """Specific force (m/s²) and angular velocity (rad/s) of the proximal, then of the distal sensor, (n_frames, 12)."""
    records = (trial.proximal, trial.distal)
    return np.column_stack([values for r in records for values in (r.specific_force, r.angular_velocity)])


def joint_doubts(trial: JointTrial) -> tuple[str, ...]:
    """What is to be known of the records of a joint trial.

    Raises
    ------
    CorpusMismatch
        Other units.
    """
    channels = joint_channels(trial)
    found = check_channels(channels, SENSORS, trial.rate)
    where = f"trial {trial.trial!r} of subject {trial.subject.code!r}, {trial.joint}"
    return (*refuse_or_name(found, where), *_exchange(trial, channels))


def turning_of(angular_velocity: np.ndarray) -> float:
    """RMS of the size of an angular velocity (n_frames, 3) in rad/s."""
    return float(np.sqrt((angular_velocity**2).sum(axis=1).mean()))


def _exchange(trial: JointTrial, channels: np.ndarray) -> list[str]:
    """A sentence if the sensors of a gait seem to have each other's names."""
    known = channels[np.isfinite(channels).all(axis=1)]
    if trial.task not in GAIT or len(known) < trial.rate:
        return []
    upper, lower = (turning_of(known[:, place : place + 3]) for place in (3, 9))
    if lower >= EXCHANGED * upper:
        return []
    return [
        f"proximal and distal sensor of the {trial.joint} seem exchanged ({upper:.1f} and {lower:.1f} rad/s; in "
        "walking and running the distal one turns faster): check which name each has"
    ]


def is_unreadable(trial: JointTrial) -> bool:
    """Whether there is no frame in which both sensors have a value, or lack one only for a moment."""
    channels = joint_channels(trial)
    return not np.isfinite(channels).all() and bool(bridge_gaps(channels, trial.rate)[1].all())

"""Elsewhere: the errors of a joint model on other corpora (recordings of real people), none of whom taught it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, Slerp

from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch
from synth.imu.recording import ImuRecording
from synth.joint_trial import JointTrial, joint_angles
from training.checkpoint import Checkpoint
from training.joint.estimate import estimate_joint
from training.joint.joint_model import for_strangers, joint_of, score_rows
from training.joint.score import score_angles
from training.joint.sound_trial import read_sound_trials
from training.joint.thinning import thin

NETWORK = "as recorded"


def elsewhere_rows(
    checkpoint: Checkpoint,
    corpora: Sequence[Path],
    means: Sequence[float],
    *,
    seed: int = 0,
    skipped: list[str] | None = None,
    doubts: list[str] | None = None,
) -> list[dict[str, Any]]:
    """Score a joint model on the trials of other corpora, records with the corpus's own sensor errors.

    Parameters
    ----------
    checkpoint : Checkpoint
        A joint model.
    corpora : sequence of Path
        A trial of another rate is brought to that of the network (`at_rate`).
    means : sequence of float
        Mean angles (rad) of those who taught it: the estimate that looks at no sensor, scored beside it.
    seed : int
        Of the bootstrap.
    skipped, doubts : list of str, optional
        Collect what `training.joint.sound_trial.SoundTrials` says, with the corpus's name before it.

    Returns
    -------
    list of dict
        Rows of `training.joint.joint_model.score_rows`, each with ``corpus`` and ``sha256``.

    Raises
    ------
    CorpusMismatch
        A corpus has no trial with the two sensors and poses, or a person of it taught the network.
    """
    found: list[dict[str, Any]] = []
    for corpus in corpora:
        own, scores, constant = for_strangers(checkpoint, corpus), [], []
        read = read_sound_trials(corpus, joint_of(checkpoint), clean=False)
        for told, sentences in ((skipped, read.skipped), (doubts, read.doubts)):
            if told is not None:
                told += [f"{corpus.stem}: {sentence}" for sentence in sentences]
        for recorded in read.trials:
            trial = at_rate(recorded, checkpoint.rate)
            scores += score_angles(NETWORK, trial, estimate_joint(own, trial).angles)
            constant += score_angles("mean angle", trial, np.tile(means, (len(trial.angles), 1)))
        origin = {"corpus": corpus.stem, "sha256": file_hash(corpus)}
        found += [origin | row for row in score_rows(pd.DataFrame(scores), pd.DataFrame(constant), seed)]
    return found


def at_rate(trial: JointTrial, rate: float) -> JointTrial:
    """Bring a joint trial to another rate: whole multiples by `thin`, others by splines through its frames.

    The splines do not filter: marker data, low-passed far below half of the new rate, come through whole. White noise
    of a corpus's recipe, drawn at the old rate, does not: from 75 to 100 Hz 0.93 of its SD is left and it is no longer
    white; a mean of k frames leaves it its SD / sqrt(k). Frames beside one without a value have none.

    Raises
    ------
    CorpusMismatch
        The trial has less than half of the rate.
    """
    factor = trial.rate / rate
    if factor < 0.5:
        raise CorpusMismatch(
            f"trial {trial.trial!r} of subject {trial.subject.code!r}: expected at least {0.5 * rate:g} Hz, found "
            f"{trial.rate:g} Hz."
        )
    if abs(factor - round(factor)) < 1e-6:
        return thin(trial, round(factor))
    n_frames = int((len(trial.angles) - 1) / factor) + 1
    at, known = np.arange(n_frames) * factor, trial.known
    if known.sum() < 4:
        raise CorpusMismatch(f"trial {trial.trial!r} of subject {trial.subject.code!r}: fewer than four whole frames.")
    clock = np.flatnonzero(known)
    there = known[np.floor(at).astype(int)] & known[np.ceil(at).astype(int)]
    inside = np.clip(at, clock[0], clock[-1])

    def record(own: ImuRecording) -> ImuRecording:
        values = [CubicSpline(clock, v[known])(inside) for v in (own.specific_force, own.angular_velocity)]
        force, turn = (np.where(there[:, None], v, np.nan) for v in values)
        return replace(own, specific_force=force, angular_velocity=turn, rate=rate)

    def pose(own: Rotation) -> Rotation:
        return Slerp(clock, own[known])(inside)

    poses = pose(trial.proximal_orientation), pose(trial.distal_orientation)
    angles = np.where(there[:, None], joint_angles(trial.joint, *poses), np.nan)
    return replace(
        trial,
        rate=rate,
        proximal=record(trial.proximal),
        distal=record(trial.distal),
        proximal_orientation=poses[0],
        distal_orientation=poses[1],
        angles=angles,
    )

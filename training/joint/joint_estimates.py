"""Estimates of a joint model on a whole corpus: a row a frame, and the errors where the corpus knows the angles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from synth.corpus.schema import CorpusMismatch
from synth.joint_trial import ANGLE_NAMES, JointTrial, read_joint_trials
from training.checkpoint import Checkpoint
from training.joint.estimate import estimate_joint
from training.joint.joint_model import for_strangers, joint_of, learnt_angles
from training.joint.score import COLUMNS, score_angles
from training.joint.sound_trial import joint_doubts, place_of
from training.joint.thinning import thin, thinning_factor

STEP = "network"


@dataclass(frozen=True)
class JointEstimates:
    """What a network says of a corpus.

    Attributes
    ----------
    angles : DataFrame
        ``subject, trial, side, time_s`` and a column an angle (deg), e.g. ``knee_flexion_deg``; empty cells where a
        sensor has no value, and of angles that the network never saw move.
    errors : DataFrame
        Rows of `training.joint.score.score_angles` of the angles that it learnt.
    refused : tuple of str
        A sentence a trial and side that could not be estimated.
    n_estimated : int
        Trials and sides.
    doubts : tuple of str
        About the records of those that were estimated: stretches without a value, sensors that seem exchanged.
    """

    angles: pd.DataFrame
    errors: pd.DataFrame
    refused: tuple[str, ...]
    n_estimated: int
    doubts: tuple[str, ...] = ()

    @property
    def summary(self) -> pd.DataFrame:
        """Mean over people (of each one's trials) by angle: ``angle, mean, mean_calibrated`` (deg), ``people``."""
        rows = []
        for angle, group in self.errors.groupby("angle", sort=False):
            people = group.groupby("subject")[["rmse_deg", "rmse_calibrated_deg"]].mean().dropna()
            mean = people.mean()
            row = {"angle": angle, "mean": mean["rmse_deg"], "mean_calibrated": mean["rmse_calibrated_deg"]}
            rows.append(row | {"people": len(people)})
        return pd.DataFrame(rows, columns=["angle", "mean", "mean_calibrated", "people"])


def estimate_corpus(checkpoint: Checkpoint, corpus: Path) -> JointEstimates:
    """Apply a joint model to every trial of a corpus, records with the corpus's own sensor errors.

    Parameters
    ----------
    checkpoint : Checkpoint
        A joint model.
    corpus : Path

    Returns
    -------
    JointEstimates

    Raises
    ------
    CorpusMismatch
        No trial of the corpus has the two sensors.
    """
    joint = joint_of(checkpoint)
    refused: list[str] = []
    trials = read_joint_trials(corpus, joint, clean=False, labelled=False, skipped=refused)
    own, shown = for_strangers(checkpoint, corpus), learnt_angles(checkpoint)
    frames: list[pd.DataFrame] = []
    errors: list[dict[str, object]] = []
    doubts: list[str] = []
    for trial in trials:
        trial = thin(trial, thinning_factor(trial.rate))
        try:
            angles = estimate_joint(own, trial).angles
        except CorpusMismatch as error:
            refused.append(f"{error} (side {trial.side})")
            continue
        doubts += [f"{place_of(trial)}: {doubt}" for doubt in joint_doubts(trial)]
        angles[:, [name not in shown for name in ANGLE_NAMES]] = np.nan
        frames.append(_rows(trial, angles))
        if np.isfinite(trial.angles).any():
            errors += [row for row in score_angles(STEP, trial, angles) if row["angle"] in shown]
    return JointEstimates(
        pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(),
        pd.DataFrame(errors, columns=list(COLUMNS)),
        tuple(refused),
        len(frames),
        tuple(doubts),
    )


def _rows(trial: JointTrial, angles: np.ndarray) -> pd.DataFrame:
    """A row a frame."""
    facts = {"subject": trial.subject.code, "trial": trial.trial, "side": trial.side}
    frame = pd.DataFrame({"time_s": np.round(np.arange(len(angles)) / trial.rate, 6)}).assign(**facts)
    for column, name in enumerate(ANGLE_NAMES):
        frame[f"{trial.joint}_{name}_deg"] = np.round(np.rad2deg(angles[:, column]), 4)
    return frame[["subject", "trial", "side", "time_s", *frame.columns[4:]]]

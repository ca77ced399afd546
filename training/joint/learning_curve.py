"""The learning curve: the error on unseen people against how many people taught, and what law it follows.

As in Rapp et al. 2021: nested subsets of the training subjects, repeated with fresh draws, the augmented network, test
signals scored without optimisation. The law is E(n) = E1 n^-b, a line in logarithms; its interval is that of a
bootstrap over the people who are scored. Whether sizes differ at all is asked of the same people at every size
(Friedman's test, and an analysis of variance with repeated measures, Greenhouse and Geisser 1959).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from mocap_import.durable_file import write_durably
from synth.corpus.schema import CorpusMismatch
from synth.joint_trial import JointTrial
from training.config import TrainingConfig
from training.joint.estimate import estimate_joint
from training.joint.fold import Fold
from training.joint.joint_model import train_on
from training.joint.recipe import NOISE_SHARE
from training.joint.score import score_angles
from training.joint.thinning import thin, thinning_factor
from training.joint.worn_sensor import wear_sensors

N_BOOTSTRAP = 2000


@dataclass(frozen=True)
class LearningLaw:
    """E(n) = first * n^-exponent, in degrees.

    Attributes
    ----------
    exponent, low, high : float
        With its 95 % interval over the scored people.
    first : float
        Error (deg) that the law gives for one teacher.
    for_one_degree : float
        Teachers for one degree less than at the largest size, if the law holds; infinite where it never gets there.
    """

    exponent: float
    low: float
    high: float
    first: float
    for_one_degree: float


@dataclass(frozen=True)
class SizeEffect:
    """Whether the number of teachers matters to the same people.

    Attributes
    ----------
    f, p : float
        Repeated-measures F over sizes and its p, degrees of freedom corrected by `epsilon`.
    epsilon : float
        Greenhouse and Geisser's: 1 where all differences between sizes vary alike.
    friedman, friedman_p : float
        The same question asked of ranks.
    subjects : int
    """

    f: float
    p: float
    epsilon: float
    friedman: float
    friedman_p: float
    subjects: int


def nested_subsets(
    subjects: Sequence[str], sizes: Sequence[int], rng: np.random.Generator
) -> dict[int, tuple[str, ...]]:
    """One draw of subsets, each within the next larger one.

    Raises
    ------
    CorpusMismatch
        If a size is larger than the subjects are many, or below one.
    """
    if not sizes or min(sizes) < 1 or max(sizes) > len(subjects):
        raise CorpusMismatch(f"learning curve: sizes from 1 to {len(subjects)} are possible, got {list(sizes)}.")
    order = [str(code) for code in rng.permutation(sorted(subjects))]
    return {size: tuple(order[:size]) for size in sorted(sizes)}


def run_learning_curve(
    trials: Sequence[JointTrial],
    fold: Fold,
    sizes: Sequence[int],
    config: TrainingConfig,
    folder: Path,
    *,
    repeats: int = 5,
    seed: int = 0,
    mark: str = "",
) -> pd.DataFrame:
    """Train on nested subsets of a fold's teachers, score its other people.

    Parameters
    ----------
    trials : sequence of JointTrial
        Of one joint, clean.
    fold : Fold
    sizes : sequence of int
        Teachers.
    config : TrainingConfig
        `TrainingConfig.seed` is that of the first repeat.
    folder : Path
        Keeps a JSON file a training; a run that was stopped goes on.
    repeats : int
    seed : int
        Of the subsets and the sensor errors.
    mark : str
        Identity of the data, e.g. the SHA-256 of the corpus.

    Returns
    -------
    DataFrame
        Rows of `training.joint.score` (step ``"augmented"``) with ``repeat`` and ``teachers``.
    """
    rows: list[dict[str, object]] = []
    for repeat in range(repeats):
        subsets = nested_subsets(fold.teachers, sizes, np.random.default_rng([seed, repeat]))
        for size, codes in subsets.items():
            own = config.model_copy(update={"seed": config.seed + repeat})
            path = folder / f"{trials[0].joint}-{size}-{repeat}.json"
            rows += _point(trials, codes, fold.scored, own, path, seed, mark, repeat)
    return pd.DataFrame(rows)


def fit_law(curve: pd.DataFrame, *, seed: int = 0) -> LearningLaw:
    """Fit the law to a learning curve.

    Parameters
    ----------
    curve : DataFrame
        Of `run_learning_curve`, one angle or several.
    seed : int
        Of the bootstrap over scored people.

    Returns
    -------
    LearningLaw
    """
    table = _by_subject(curve)
    if table.shape[1] < 2:
        raise CorpusMismatch("a learning curve needs two sizes at least; give more.")
    sizes = np.log(table.columns.to_numpy(dtype=float))

    def line(errors: np.ndarray) -> np.ndarray:
        return np.polyfit(sizes, np.log(errors), 1)

    slope, level = line(table.to_numpy().mean(axis=0))
    rng = np.random.default_rng(seed)
    draws = [
        line(table.to_numpy()[rng.integers(len(table), size=len(table))].mean(axis=0))[0] for _ in range(N_BOOTSTRAP)
    ]
    low, high = (float(-value) for value in np.percentile(draws, [97.5, 2.5]))
    first, last = float(np.exp(level)), float(np.exp(level + slope * sizes[-1]))
    wanted = last - 1.0
    needed = (first / wanted) ** (1.0 / -slope) if wanted > 0 and slope < 0 else math.inf
    return LearningLaw(float(-slope), low, high, first, float(needed))


def size_effect(curve: pd.DataFrame) -> SizeEffect:
    """Ask whether the error depends on the number of teachers; every person is scored at every size."""
    values = _by_subject(curve).to_numpy()
    n, k = values.shape
    if n < 3 or k < 3:
        raise CorpusMismatch(f"repeated measures need three people and three sizes at least; got {n} and {k}.")
    people, sizes = values.mean(axis=1, keepdims=True), values.mean(axis=0, keepdims=True)
    rest = values - people - sizes + values.mean()
    f = (n * ((sizes - values.mean()) ** 2).sum() / (k - 1)) / ((rest**2).sum() / ((n - 1) * (k - 1)))
    centring = np.eye(k) - 1.0 / k
    covariance = centring @ np.cov(values.T) @ centring
    epsilon = float(np.trace(covariance) ** 2 / ((k - 1) * (covariance**2).sum()))
    p = stats.f.sf(f, epsilon * (k - 1), epsilon * (k - 1) * (n - 1))
    ranks = stats.friedmanchisquare(*values.T)
    return SizeEffect(float(f), float(p), epsilon, float(ranks.statistic), float(ranks.pvalue), n)


def _by_subject(curve: pd.DataFrame) -> pd.DataFrame:
    """Raw RMSE, subjects down, sizes across: mean over repeats, trials and angles."""
    return curve.groupby(["subject", "teachers"])["rmse_deg"].mean().unstack("teachers").dropna()


def _point(
    trials: Sequence[JointTrial],
    teachers: Sequence[str],
    scored: Sequence[str],
    config: TrainingConfig,
    path: Path,
    seed: int,
    mark: str,
    repeat: int,
) -> list[dict[str, object]]:
    """One training and its scores, read if it is there."""
    identity = json.dumps([mark, list(teachers), list(scored), seed, config.model_dump(mode="json")])
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        if card["identity"] == identity:
            return card["rows"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there or damaged: it is made
    network = train_on([trial for trial in trials if trial.subject.code in teachers], config)
    factor = thinning_factor(trials[0].rate)
    rows = []
    for trial in trials:
        if trial.subject.code in scored:
            worn = thin(wear_sensors(trial, noise_share=NOISE_SHARE, seed=seed), factor)
            for row in score_angles("augmented", worn, estimate_joint(network, worn).angles):
                rows.append(row | {"repeat": repeat, "teachers": len(teachers)})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, json.dumps({"identity": identity, "rows": rows}) + "\n")
    return rows

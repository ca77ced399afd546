"""One fold of one joint: three small networks, all steps of the paper, errors of the people who are left out."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.durable_file import write_durably
from synth.corpus.schema import CorpusMismatch
from synth.joint_trial import JointTrial
from training.checkpoint import Checkpoint, load_checkpoint
from training.config import TrainingConfig
from training.device import device_name
from training.joint.estimate import estimate_joint
from training.joint.fold import Fold, inner_parting
from training.joint.joint_model import train_on
from training.joint.optimisation import published_angles, self_placed_angles, smoothed_angles
from training.joint.recipe import MISALIGNMENT_DEG, NOISE_SHARE
from training.joint.score import score_angles
from training.joint.step_weight import StepWeights, fit_steps
from training.joint.thinning import thin, thinning_factor
from training.joint.worn_sensor import wear_sensors
from training.orientation.fusion import AngleFusion

STEPS = {
    "baseline": "baseline",
    "augmented": "+ augmentation",
    "optimised": "+ optimisation as published",
    "smoothed": "+ smoother",
    "misplaced_baseline": "misplaced sensors: baseline",
    "misplaced_augmented": "misplaced sensors: augmented",
    "misplaced_smoothed": "misplaced sensors: + smoother",
}
"""Rows of the table, in the order of the paper's Tables 1 to 3."""
VERSION = 1
"""Of the steps: a change of what they do makes earlier folds void."""


@dataclass(frozen=True)
class JointFold:
    """One task of the table.

    Attributes
    ----------
    corpus : str
        Short name.
    digest : str
        SHA-256 of the corpus file.
    joint : str
    fold : Fold
    config : TrainingConfig
        Of the augmented network; the baseline differs in its misalignment alone.
    seed : int
        Of the sensor errors in the test.
    """

    corpus: str
    digest: str
    joint: str
    fold: Fold
    config: TrainingConfig
    seed: int

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"{self.corpus}-{self.joint}-{self.fold.name}".replace(" ", "_")

    @property
    def mark(self) -> str:
        """Identity of all that decides the result."""
        facts = [VERSION, self.digest, self.joint, self.fold.teachers, self.fold.scored, self.seed]
        content = json.dumps([*facts, self.config.model_dump(mode="json")], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def finished_fold(folder: Path, task: JointFold) -> dict[str, Any] | None:
    """What an earlier run wrote of the same task, or None."""
    path = folder / "folds" / f"{task.name}.json"
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return card if isinstance(card, dict) and card.get("mark") == task.mark else None


def run_fold(task: JointFold, trials: Sequence[JointTrial], folder: Path) -> dict[str, Any]:
    """Train, fit the weights, score; a fold that was finished before is read.

    Parameters
    ----------
    task : JointFold
    trials : sequence of JointTrial
        Of the joint, all subjects, clean.
    folder : Path
        ``folds/`` gets the result as JSON, ``checkpoints/`` the networks.

    Returns
    -------
    dict
        ``rows`` (as `training.joint.score`), ``weights``, ``training_seconds`` (CPU) and who taught.
    """
    if (earlier := finished_fold(folder, task)) is not None:
        return earlier
    began = time.process_time()
    networks = {
        "baseline": _network(task, trials, task.fold.teachers, folder, "baseline", augmented=False),
        "augmented": _network(task, trials, task.fold.teachers, folder, "augmented", augmented=True),
    }
    training_seconds = time.process_time() - began
    weights = _weights(task, trials, folder)
    rows = [row for trial in _of(trials, task.fold.scored) for row in _score(task, trial, networks, weights)]
    card = {
        "mark": task.mark,
        "corpus": task.corpus,
        "joint": task.joint,
        "movement": _movement(trials),
        "scheme": task.fold.scheme,
        "fold": task.fold.name,
        "teachers": list(task.fold.teachers),
        "scored": list(task.fold.scored),
        "weights": weights.card(),
        "training_seconds": training_seconds,
        "trained_on": device_name(task.config.device),
        "seconds": time.process_time() - began,
        "rows": rows,
    }
    (folder / "folds").mkdir(parents=True, exist_ok=True)
    write_durably(folder / "folds" / f"{task.name}.json", json.dumps(card, indent=1) + "\n")
    return card


def _movement(trials: Sequence[JointTrial]) -> str:
    """``"run"`` or ``"walk"``: which rows of the paper stand beside; the most frequent task of the trials."""
    tasks = [trial.task for trial in trials]
    return "run" if 2 * sum(task == "run" for task in tasks) > len(tasks) else "walk"


def _of(trials: Sequence[JointTrial], codes: Sequence[str]) -> list[JointTrial]:
    wanted = set(codes)
    return [trial for trial in trials if trial.subject.code in wanted]


def _network(
    task: JointFold, trials: Sequence[JointTrial], codes: Sequence[str], folder: Path, kind: str, *, augmented: bool
) -> Checkpoint:
    config = task.config
    if not augmented:
        placed = config.augmentation.model_copy(update={"misalignment_deg": 0.0})
        config = config.model_copy(update={"augmentation": placed})
    path = folder / "checkpoints" / task.name / f"{kind}.safetensors"
    try:
        earlier = load_checkpoint(path)
        if earlier.fingerprint == task.mark and earlier.is_finished:
            return earlier
    except CorpusMismatch:
        pass  # none yet, or damaged: it is trained
    path.parent.mkdir(parents=True, exist_ok=True)
    return train_on(_of(trials, codes), config, path=path, fingerprint=task.mark)


def _weights(task: JointFold, trials: Sequence[JointTrial], folder: Path) -> StepWeights:
    laboratories = {trial.subject.code: trial.laboratory for trial in trials}
    inner = inner_parting(task.fold, laboratories, seed=task.seed)
    network = _network(task, trials, inner.teachers, folder, "inner", augmented=False)
    pupils = _of(trials, inner.scored)
    factor = thinning_factor(pupils[0].rate)
    worn = [thin(wear_sensors(trial, noise_share=NOISE_SHARE, seed=task.seed + 1), factor) for trial in pupils]
    return fit_steps(worn, [estimate_joint(network, trial) for trial in worn], NOISE_SHARE / math.sqrt(factor))


def _score(
    task: JointFold, trial: JointTrial, networks: Mapping[str, Checkpoint], weights: StepWeights
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    factor = thinning_factor(trial.rate)
    for prefix, misplacement in (("", 0.0), ("misplaced_", MISALIGNMENT_DEG)):
        errors = {"noise_share": NOISE_SHARE, "misplacement_deg": misplacement, "seed": task.seed}
        worn = thin(wear_sensors(trial, **errors), factor)
        found = {name: estimate_joint(network, worn) for name, network in networks.items()}
        angles: dict[str, np.ndarray] = {name: estimate.angles for name, estimate in found.items()}
        alpha = angles["augmented"]
        angles["optimised"] = _fused(weights.published, alpha, published_angles(worn, found["augmented"]))
        if misplacement:  # where the sensors sit is not known: the network's mean, the smoother's course
            turned = np.deg2rad(misplacement)
            beta = self_placed_angles(worn, found["augmented"], weights.deviations, turned)
            law = replace(weights.smoothed, mean_weight=np.ones(3))
        else:
            beta, law = smoothed_angles(worn, found["baseline"], weights.deviations), weights.smoothed
            alpha = angles["baseline"]  # who knows where the sensors sit needs no network that does not
        angles["smoothed"] = _fused(law, alpha, beta)
        for step, values in angles.items():
            if prefix + step in STEPS:
                rows += score_angles(prefix + step, worn, values)
    return rows


def _fused(fusion: AngleFusion, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Both estimates together, NaN where either has no value."""
    known = np.isfinite(np.hstack([alpha, beta])).all(axis=1)
    fused = np.full(alpha.shape, np.nan)
    fused[known] = fusion.fuse(alpha[known], beta[known])
    return fused

"""Tuning: hyperparameters of a joint model by tree-structured Parzen estimators, on people who are not scored.

Rapp et al. 2021 (released search): 300 trials of Conv1D, 200 of LSTM; learning rate 1e-5 to 1e-2, iterations 500, 1000
or 5000, dropout 0 to 0.3, 1 to 3 layers of 10 to 70, windows of 11 to 51 frames at 200 Hz. Their decay of the learning
rate (0.9 to 0.9997) has no counterpart here: one cycle takes its place. The quick network has a space of its own.

Each candidate is first trained for a quarter of its steps; if its error on the validation people is worse than the
median of the earlier ones at that point, it is pruned. All candidates lie in one SQLite file in the folder of the run:
the same command goes on where a stopped one was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from mocap_import.durable_file import write_durably
from synth.corpus.schema import CorpusMismatch
from synth.joint_trial import JointTrial
from training.config import TrainingConfig
from training.joint.estimate import estimate_joint
from training.joint.joint_record import joint_training_set
from training.joint.recipe import NOISE_SHARE, joint_config
from training.joint.thinning import thin, thinning_factor
from training.joint.worn_sensor import wear_sensors
from training.loop import train

STORAGE = "tuning.db"
RESULT = "tuned.json"
FIRST_SHARE = 0.25
"""Of the steps, before a candidate may be pruned."""
_STARTUP = 5


@dataclass(frozen=True)
class Tuned:
    """What came out.

    Attributes
    ----------
    settings : dict
        The best candidate's, for `training.joint.recipe.joint_config`.
    error_deg : float
        Its mean RMSE on the validation people.
    candidates, pruned : int
        Of all sittings.
    """

    settings: dict[str, Any]
    error_deg: float
    candidates: int
    pruned: int


def suggest(trial: optuna.trial.BaseTrial, network: str) -> dict[str, Any]:
    """Draw one candidate from the space of a network."""
    settings: dict[str, Any] = {"dropout": trial.suggest_float("dropout", 0.0, 0.3)}
    if not network.startswith("published"):
        return settings | {
            "learning_rate": trial.suggest_float("learning_rate", 1e-3, 3e-2, log=True),
            "steps": trial.suggest_categorical("steps", [120, 240, 480]),
            "depth": trial.suggest_int("depth", 3, 7),
            "width": trial.suggest_int("width", 16, 96, step=8),
        }
    settings |= {
        "learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-2, log=True),
        "steps": trial.suggest_categorical("steps", [500, 1000, 5000]),
        "depth": trial.suggest_int("depth", 1, 3),
        "width": trial.suggest_int("width", 10, 70),
    }
    if network == "published_conv1d":
        settings["kernel_seconds"] = trial.suggest_int("window_frames", 11, 51, step=2) / 200.0
    return settings


def tune(
    teachers: Sequence[JointTrial],
    validation: Sequence[JointTrial],
    folder: Path,
    *,
    network: str = "temporal",
    candidates: int = 30,
    seed: int = 0,
    mark: str = "",
    limits: dict[str, Any] | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> Tuned:
    """Search until so many candidates are in the folder.

    Parameters
    ----------
    teachers, validation : sequence of JointTrial
        Clean; of different people, none of whom is scored later.
    folder : Path
        Gets ``tuning.db`` and ``tuned.json``.
    network : str
    candidates : int
        In all, those of earlier sittings included.
    seed : int
        Of the sampler, the networks and the validation's sensor errors.
    mark : str
        Identity of the data: candidates found with other data or people are not gone on from.
    limits : dict, optional
        Settings that win over every candidate's, e.g. fewer steps.
    progress : callable, optional
        Called as progress(candidates done, of how many, best error in degrees).

    Returns
    -------
    Tuned

    Raises
    ------
    CorpusMismatch
        If somebody teaches and validates, or the folder holds another search.
    """
    both = {t.subject.code for t in teachers} & {t.subject.code for t in validation}
    if both:
        raise CorpusMismatch(f"tuning: {', '.join(sorted(both))} would teach and validate; part the people.")
    folder.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder / STORAGE}")
    study = optuna.create_study(
        storage=storage,
        study_name="joint model",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP),
    )
    _same_search(study, {"network": network, "seed": seed, "mark": mark, "limits": limits or {}}, folder)
    lesson = [thin(trial, thinning_factor(trial.rate)) for trial in teachers]
    worn = [thin(wear_sensors(t, noise_share=NOISE_SHARE, seed=seed), thinning_factor(t.rate)) for t in validation]
    share = NOISE_SHARE / np.sqrt(thinning_factor(teachers[0].rate))

    def objective(trial: optuna.trial.Trial) -> float:
        config = joint_config(network, seed=seed, **(suggest(trial, network) | (limits or {})))
        errors = config.augmentation.model_copy(update={"noise_share": share})
        config = config.model_copy(update={"augmentation": errors})
        first = config.model_copy(update={"steps": max(1, round(FIRST_SHARE * config.steps))})
        trial.report(_validation_error(lesson, worn, first), step=0)
        if trial.should_prune():
            raise optuna.TrialPruned
        return _validation_error(lesson, worn, config)

    while (done := len(_ended(study))) < candidates:
        # A sampler that begins anew would draw its first candidates again.
        study.sampler = optuna.samplers.TPESampler(seed=seed + done, n_startup_trials=_STARTUP)
        study.optimize(objective, n_trials=1)
        if progress is not None:
            progress(done + 1, candidates, study.best_value if _finished(study) else float("nan"))
    return _result(study, network, limits or {}, folder)


def _validation_error(lesson: Sequence[JointTrial], worn: Sequence[JointTrial], config: TrainingConfig) -> float:
    """Mean raw RMSE (deg) over angles and trials."""
    network = train(joint_training_set(lesson), config)
    errors = [np.sqrt(np.nanmean((estimate_joint(network, t).angles - t.angles) ** 2, axis=0)) for t in worn]
    return float(np.rad2deg(np.mean(errors)))


def _ended(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state in states]


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return [trial for trial in _ended(study) if trial.state == optuna.trial.TrialState.COMPLETE]


def _same_search(study: optuna.Study, facts: dict[str, Any], folder: Path) -> None:
    said = json.dumps(facts, sort_keys=True)
    if study.user_attrs.get("search", said) != said:
        raise CorpusMismatch(f"{folder / STORAGE}: holds a search with other data or settings; choose another folder.")
    study.set_user_attr("search", said)


def _result(study: optuna.Study, network: str, limits: dict[str, Any], folder: Path) -> Tuned:
    """The best candidate, written for people and for `joint_config`."""
    settings = suggest(optuna.trial.FixedTrial(study.best_params), network) | limits
    ended = _ended(study)
    tuned = Tuned(settings, float(study.best_value), len(ended), len(ended) - len(_finished(study)))
    card = {"network": network, "settings": settings, "error_deg": tuned.error_deg}
    counts = {"candidates": tuned.candidates, "pruned": tuned.pruned}
    write_durably(folder / RESULT, json.dumps(card | counts, indent=2, sort_keys=True) + "\n")
    return tuned

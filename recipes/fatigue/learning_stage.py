"""Teaching: by the simulations, then in each fold by 2, 5, 10, 20 people; a killed run keeps its folds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recipes.fatigue.people_of_splits import Fold, folds, roles_of_folds, simulated_roles
from recipes.fatigue.settings import RATE, FatigueSettings
from recipes.fatigue.simulation_stage import OUTSIDE_CORPUS, SIMULATED_CORPUS, TARGET_CORPUS
from recipes.people import write_people
from recipes.recipe import PEOPLE
from recipes.remembered_part import RememberedParts, remembered_parts
from recipes.run import Run
from synth.elbow.elbow import NAMES, torque_share
from synth.elbow.flexion_corpus import CHANNELS, FEATURES, FlexionTrials, read_flexion_corpus
from synth.elbow.sustained_flexion import torque_of_drives
from synth.elbow.three_compartment import ELBOW_RATES
from training.fatigue.arm import DIRECT, TRANSFER, Arm, chosen_arms
from training.fatigue.baseline import BASELINES
from training.fatigue.flexion_arrays import flexion_arrays
from training.fatigue.teaching import (
    Lessons,
    arrays_of,
    estimates,
    learn_from_people,
    learn_from_simulations,
    simulated_arrays,
    simulated_from,
    simulated_network,
)
from training.sample.ensemble import mean_and_spread

LESSONS = ("seed", "width", "simulated_epochs", "tuned_epochs", "direct_epochs", "patience", "anchor", "components")
"""Settings of teaching."""
TEACHING = (*LESSONS, "seconds", "target", "n_scored", "teach", "ablated", "members", "arms")
"""Settings that decide who teaches, by which methods and how."""
DECIDES = {"simulated": ((*LESSONS, "seconds"), ("simulate",)), "folds": (TEACHING, ("simulate", "target"))}
"""Folder of parts → settings and earlier stages that decide each; of simulations each member has a part of its own."""
ALONE = "simulations alone"
GENERIC, SCALED = "musculoskeletal simulation, generic", "musculoskeletal simulation, measured strength"


def target_trials(run: Run) -> FlexionTrials:
    """Trials of the people who are scored."""
    settings: FatigueSettings = run.settings
    path = Path(settings.target) if settings.target else run.folder / TARGET_CORPUS
    return read_flexion_corpus(path, RATE, settings.seconds)


def target_folds(run: Run, trials: FlexionTrials) -> list[Fold]:
    """Splits of these people."""
    settings: FatigueSettings = run.settings
    return folds(trials.persons, settings.n_scored, settings.teach, settings.seed)


def lessons_of(settings: FatigueSettings) -> Lessons:
    """Settings of teaching."""
    return Lessons(interval=1.0 / RATE, **{name: getattr(settings, name) for name in LESSONS})


def learnt_parts(run: Run, stage: str) -> RememberedParts:
    """Parts of a teaching stage; another lesson, or what was made anew before it, makes them anew."""
    decides, depends = DECIDES[stage]
    before = [run.stages[name]["finished"] for name in depends if name in run.stages]
    return remembered_parts(run.folder / stage, [{name: getattr(run.settings, name) for name in decides}, before])


def teach_by_simulations(run: Run) -> str:
    """Write who teaches whom, and the weights of every variant and member."""
    settings: FatigueSettings = run.settings
    arms = chosen_arms(settings.arms)
    trials = read_flexion_corpus(run.folder / SIMULATED_CORPUS, RATE, settings.seconds)
    roles = simulated_roles(trials.persons, settings.seed)
    made = target_folds(run, target_trials(run))
    splits = {"simulated": roles} | roles_of_folds(made, settings.teach, settings.members, settings.ablated)
    variants = {arm.variant: arm for arm in arms if arm.pretrained}
    lessons, parts = lessons_of(settings), learnt_parts(run, "simulated")
    scored = trials.of(roles["score"])
    for variant, arm in run.track(list(variants.items()), "Teaching by simulations"):
        for member in range(settings.members):

            def work(arm: Arm = arm, member: int = member) -> dict[str, np.ndarray]:
                return simulated_arrays(learn_from_simulations(arm, trials, roles, lessons, member))

            parts.get(f"{variant}_{member}", work)
    found = _mean_estimates(run, variants["modular"], scored)
    kept = {"persons": np.array(scored.persons), "names": np.array(scored.names), "truth": scored.torque, **found}
    parts.path("scored").unlink(missing_ok=True)
    parts.get("scored", lambda: kept)
    write_people(run.folder / PEOPLE, splits)
    return f"{len(variants)} variants x {settings.members} members by {len(roles['teach'])} simulations"


def teach_by_people(run: Run) -> str:
    """Teach and estimate, fold by fold."""
    settings: FatigueSettings = run.settings
    trials = target_trials(run)
    outside = read_flexion_corpus(run.folder / OUTSIDE_CORPUS, RATE, settings.seconds)
    made, parts = target_folds(run, trials), learnt_parts(run, "folds")
    for fold in run.track(made, "Folds"):
        parts.get(f"fold{fold.number}", lambda fold=fold: _fold(run, fold, trials, outside))
    return f"{len(made)} folds, {len(set(trials.persons))} people"


def _fold(run: Run, fold: Fold, trials: FlexionTrials, outside: FlexionTrials) -> dict[str, np.ndarray]:
    """Estimates of every method for the people who are scored in a fold; keys ``method|n|what``."""
    settings: FatigueSettings = run.settings
    scored = trials.of(fold.scored)
    arms = chosen_arms(settings.arms)
    kept = {"persons": np.array(scored.persons), "names": np.array(scored.names), "truth": scored.torque}
    for name, scale in ((GENERIC, False), (SCALED, True)):
        kept[f"{name}|0|torque"] = _musculoskeletal(scored, scale)
    first = next(arm for arm in arms if arm.name == TRANSFER)
    kept |= {f"{ALONE}|0|{what}": value for what, value in _mean_estimates(run, first, scored).items()}
    for n in settings.teach:
        taught = flexion_arrays(trials.of(fold.teaching(n)))
        for name, baseline in BASELINES.items():
            kept[f"{name}|{n}|torque"] = baseline(taught, flexion_arrays(scored))
        for arm in arms:
            if arm.everywhere or n == settings.ablated:
                doubted = n == settings.ablated and arm.name in (TRANSFER, DIRECT)
                others = {"calibrate": trials.of(fold.calibrating(n)), "outside": outside} if doubted else {}
                found = _ensemble(run, arm, fold, n, trials, {"": scored} | others)
                kept |= {f"{arm.name}|{n}|{what}": value for what, value in found.items()}
    return kept


def _ensemble(
    run: Run, arm: Arm, fold: Fold, n: int, trials: FlexionTrials, asked: dict[str, FlexionTrials]
) -> dict[str, np.ndarray]:
    """Means over members and the SD of the torque, for each group of people that is asked for."""
    settings: FatigueSettings = run.settings
    lessons, parts = lessons_of(settings), learnt_parts(run, "simulated")
    answers: dict[str, list[dict[str, np.ndarray]]] = {group: [] for group in asked}
    for member in range(settings.members):
        simulated = simulated_from(parts.read(f"{arm.variant}_{member}")) if arm.pretrained else None
        teaching, validating = (trials.of(people) for people in fold.member(n, member))
        seed = settings.seed + 1000 * member + 17 * fold.number + n
        network, front_end = learn_from_people(arm, simulated, teaching, validating, lessons, seed)
        for group, people in asked.items():
            answers[group].append(estimates(network, arrays_of(people, arm, front_end)))
    return {f"{group}{key}": value for group, found in answers.items() for key, value in _summary(found).items()}


def _mean_estimates(run: Run, arm: Arm, people: FlexionTrials) -> dict[str, np.ndarray]:
    """What the networks say that only simulations taught."""
    settings: FatigueSettings = run.settings
    lessons, parts = lessons_of(settings), learnt_parts(run, "simulated")
    found = []
    for member in range(settings.members):
        simulated = simulated_from(parts.read(f"{arm.variant}_{member}"))
        network = simulated_network(arm, simulated, lessons)
        found.append(estimates(network, arrays_of(people, arm, simulated.front_end)))
    return _summary(found)


def _summary(found: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Means over members, and the SD of the torque."""
    summed = {key: mean_and_spread([answer[key] for answer in found]) for key in found[0]}
    return {key: mean for key, (mean, _) in summed.items()} | {"sd": summed["torque"][1]}


def _musculoskeletal(trials: FlexionTrials, scaled: bool) -> np.ndarray:
    """Torque of the elbow model with published rates, driven by the recorded activity; no learning."""
    column = {name: i for i, name in enumerate(FEATURES)}
    height = np.nan_to_num(trials.features[:, column["height"]], nan=1.70)
    full = torque_share(trials.features[:, column["angle"]], height)
    if scaled:
        flexion = np.maximum(full, 0.0).sum(axis=1)
        full = full * (trials.features[:, column["strength"]] / flexion)[:, None]
    source = [next(i for i, c in enumerate(CHANNELS) if name.startswith(c)) for name in NAMES]
    drives = np.clip(trials.channels[..., source], 0.0, 1.0)
    return torque_of_drives(drives, full, np.array(ELBOW_RATES[0]), np.array(ELBOW_RATES[1]), trials.rate)

"""How low the error of the recipe fatigue can get: networks taught by ever more people, with and without simulations.

Run: python benchmarks/fatigue_floor.py FOLDER
Makes the simulations and 330 target people of seed 98 in FOLDER, or refuses other people that are there; 100 of them
are scored, 10, 20, 60 or 230 others teach (a fifth chooses the epoch) by two rates, two networks each. Prints the
torque RMSE (N·m), mean over people, by the better rate, which is chosen on those who are scored: a floor may be too
low. Beside it: the same after the best factor for each person, which only the truth knows. Figures: what 230 people
reach (ours) against what 10 and 20 do without simulations (peer): where 230 people do not give 25 % less error,
simulations cannot promise it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from recipes.fatigue import RECIPE
from recipes.fatigue.learning_stage import lessons_of, target_trials
from recipes.fatigue.people_of_splits import simulated_roles
from recipes.fatigue.settings import RATE, FatigueSettings
from recipes.fatigue.simulation_stage import SIMULATED_CORPUS, found_or_made
from recipes.recipe import resolve_settings
from recipes.run import Run
from synth.elbow.flexion_corpus import FlexionTrials, read_flexion_corpus
from training.fatigue.arm import ARMS, DIRECT, TRANSFER, Arm
from training.fatigue.teaching import (
    Lessons,
    Simulated,
    arrays_of,
    estimates,
    learn_from_people,
    learn_from_simulations,
)
from training.sample.ensemble import mean_and_spread

SEED, PEOPLE, SCORED, MEMBERS = 98, 330, 100, 2
TEACH, FEW = (10, 20, 60, 230), (10, 20)
RATES = {DIRECT: (3e-3, 1e-2), TRANSFER: (1e-3, 3e-3)}


def errors(estimate: np.ndarray, scored: FlexionTrials) -> tuple[float, float]:
    """RMSE (N·m), mean over people, as it is and after the best factor for each person."""
    plain, scaled, codes = [], [], np.array(scored.persons)
    for person in np.unique(codes):
        truth, said = scored.torque[codes == person], estimate[codes == person]
        known = np.isfinite(truth)
        truth, said = truth[known], said[known]
        plain.append(np.sqrt(np.mean((said - truth) ** 2)))
        scaled.append(np.sqrt(np.mean((said * (said @ truth) / (said @ said) - truth) ** 2)))
    return float(np.mean(plain)), float(np.mean(scaled))


def taught(
    arm: Arm, n: int, rate: float, trials: FlexionTrials, codes: list[str], lessons: Lessons, start: list
) -> np.ndarray:
    """What two networks say of those who are scored, after n others taught them."""
    own = replace(lessons, **{"tuned_rate" if arm.pretrained else "direct_rate": (rate, rate)})
    scored, answers = trials.of(codes[:SCORED]), []
    for member in range(MEMBERS):
        others = [str(p) for p in np.random.default_rng(member).permutation(codes[SCORED:])[:n]]
        teaching, held = trials.of(others[n // 5 :]), trials.of(others[: n // 5])
        network, front_end = learn_from_people(arm, start[member], teaching, held, own, 1000 * member)
        answers.append(estimates(network, arrays_of(scored, arm, front_end))["torque"])
    return mean_and_spread(answers)[0]


def started(run: Run, arm: Arm, lessons: Lessons) -> list[Simulated | None]:
    """What simulations taught the members of an arm."""
    if not arm.pretrained:
        return [None] * MEMBERS
    simulations = read_flexion_corpus(run.folder / SIMULATED_CORPUS, RATE, run.settings.seconds)
    roles = simulated_roles(simulations.persons, SEED)
    return [learn_from_simulations(arm, simulations, roles, lessons, member) for member in range(MEMBERS)]


def main(folder: Path) -> None:
    """Measure and print."""
    settings: FatigueSettings = resolve_settings(RECIPE, seed=SEED, n_target=PEOPLE)
    run = Run(folder, settings, 1, True)
    run.folder.mkdir(parents=True, exist_ok=True)
    found_or_made(run)
    trials, lessons = target_trials(run), replace(lessons_of(settings), patience=20)
    codes, arms = sorted(set(trials.persons)), {arm.name: arm for arm in ARMS}
    best: dict[tuple[str, int], float] = {}
    for name, rates in RATES.items():
        start = started(run, arms[name], lessons)
        for n in TEACH:
            tried = {}
            for rate in rates:
                said = taught(arms[name], n, rate, trials, codes, lessons, start)
                plain, scaled = errors(said, trials.of(codes[:SCORED]))
                tried[rate] = plain
                print(f"{name}, {n} people, rate {rate:g}: {plain:.2f} N·m, {scaled:.2f} after a factor", flush=True)
            best[name, n] = min(tried.values())
    figures = {}
    for few in FEW:
        for name in RATES:
            ours, peer = best[name, TEACH[-1]], best[DIRECT, few]
            what = f"{name}, {TEACH[-1]} people against {few} without simulations, N·m"
            figures[what] = {"ours": ours, "peer": peer, "ratio": ours / peer, "goal": "<= 0.75"}
            figures[what]["met"] = ours <= 0.75 * peer
    print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

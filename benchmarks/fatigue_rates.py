"""Learning rates of the recipe fatigue: which are best on target people that the recipe does not score.

Run: python benchmarks/fatigue_rates.py FOLDER
Makes the simulations and 30 target people of seed 99 in FOLDER, teaches the chosen arm and the network without
simulations by each rate, and prints the torque RMSE (N·m), mean over these people. Few people are 2 and 5, many are 10
and 20. Figures: the rate in use (ours), the best of the grid (peer).
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from recipes.fatigue import RECIPE
from recipes.fatigue.learning_stage import lessons_of, target_folds, target_trials
from recipes.fatigue.people_of_splits import Fold, simulated_roles
from recipes.fatigue.settings import RATE, FatigueSettings
from recipes.fatigue.simulation_stage import SIMULATED_CORPUS, simulate_factorial, simulate_target
from recipes.recipe import resolve_settings
from recipes.run import Run
from synth.elbow.flexion_corpus import FlexionTrials, read_flexion_corpus
from training.fatigue.arm import ARMS, DIRECT, TRANSFER, Arm
from training.fatigue.teaching import (
    RATES_SEED,
    Lessons,
    Simulated,
    arrays_of,
    estimates,
    learn_from_people,
    learn_from_simulations,
)
from training.sample.ensemble import mean_and_spread

GRID = (1e-3, 3e-3, 1e-2)
SIZES = {"few": (2, 5), "many": (10, 20)}


def errors(
    arm: Arm, taught: list[Simulated | None], trials: FlexionTrials, made: list[Fold], n: int, lessons: Lessons
) -> list[float]:
    """RMSE (N·m) of each person, whom others taught and others validated."""
    found = []
    for fold in made:
        scored, answers = trials.of(fold.scored), []
        for member, simulated in enumerate(taught):
            teaching, validating = (trials.of(people) for people in fold.member(n, member))
            seed = lessons.seed + 1000 * member + 17 * fold.number + n
            network, front_end = learn_from_people(arm, simulated, teaching, validating, lessons, seed)
            answers.append(estimates(network, arrays_of(scored, arm, front_end))["torque"])
        error = mean_and_spread(answers)[0] - scored.torque
        codes = np.array(scored.persons)
        found += [float(np.sqrt(np.nanmean(error[codes == person] ** 2))) for person in sorted(set(codes))]
    return found


def main() -> None:
    """Measure and print."""
    settings: FatigueSettings = resolve_settings(RECIPE, seed=RATES_SEED)
    run = Run(Path(sys.argv[1]), settings, 1, True)
    run.folder.mkdir(parents=True, exist_ok=True)
    simulate_factorial(run)
    simulate_target(run)
    simulations = read_flexion_corpus(run.folder / SIMULATED_CORPUS, RATE, settings.seconds)
    roles, lessons = simulated_roles(simulations.persons, settings.seed), lessons_of(settings)
    arms = {arm.name: arm for arm in ARMS}
    members = range(settings.members)
    taught = {
        TRANSFER: [learn_from_simulations(arms[TRANSFER], simulations, roles, lessons, m) for m in members],
        DIRECT: [None for _ in members],
    }
    trials = target_trials(run)
    made = target_folds(run, trials)
    figures = {}
    for name, field in ((TRANSFER, "tuned_rate"), (DIRECT, "direct_rate")):
        for many, (size, counts) in enumerate(SIZES.items()):
            rmse = {}
            for rate in GRID:
                own = replace(lessons, **{field: (rate, rate)})
                rmse[rate] = float(np.mean([errors(arms[name], taught[name], trials, made, n, own) for n in counts]))
                print(
                    f"{name}, {size} people ({counts[0]} and {counts[1]}), rate {rate:g}: {rmse[rate]:.2f} N·m",
                    flush=True,
                )
            ours, best = rmse[getattr(lessons, field)[many]], min(rmse.values())
            figures[f"{name}, {size} people, N·m"] = {
                "ours": ours, "peer": best, "ratio": ours / best, "goal": "<= 1", "met": ours <= best,
            }  # fmt: skip
    print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()

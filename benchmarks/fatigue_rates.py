"""Learning rates of the recipe fatigue: which are best on target people that the recipe does not score.

Run: python benchmarks/fatigue_rates.py FOLDER
Makes the simulations and 30 target people of seed 99 in FOLDER, teaches the chosen arm and the network without
simulations by each rate, and the arms that freeze a part by the rate in use, and prints the torque RMSE (N·m), mean
over these people, for every number that teaches. Figures: the rate in use, or the chosen arm (ours), the best that was
tried (peer).
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
    MANY,
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
FROZEN = ("transfer, recurrent frozen", "transfer, all but head frozen")


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

    def told(what: str, tried: dict[object, float], ours: object) -> None:
        best = min(tried.values())
        figures[what] = {"ours": tried[ours], "peer": best, "ratio": tried[ours] / best, "goal": "<= 1"}
        figures[what]["met"] = tried[ours] <= best
        print(f"{what}: " + ", ".join(f"{key} {value:.2f}" for key, value in tried.items()), flush=True)

    for n in settings.teach:
        in_use = {}
        for name, field in ((TRANSFER, "tuned_rate"), (DIRECT, "direct_rate")):
            rmse = {}
            for rate in GRID:
                own = replace(lessons, **{field: (rate, rate)})
                rmse[rate] = float(np.mean(errors(arms[name], taught[name], trials, made, n, own)))
            in_use[name] = getattr(lessons, field)[n >= MANY]
            told(f"{name}, {n} people, N·m by rate", rmse, in_use[name])
            if name == TRANSFER:
                rmse = {TRANSFER: rmse[in_use[name]]}
                for other in FROZEN:
                    rmse[other] = float(np.mean(errors(arms[other], taught[name], trials, made, n, lessons)))
                told(f"frozen parts, {n} people, N·m by arm", rmse, TRANSFER)
    print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()

"""How low the error of the recipe fatigue can get: the network without simulations, taught by ever more people.

Run: python benchmarks/fatigue_floor.py FOLDER
Makes 330 target people of seed 98 in FOLDER; 100 of them are scored, 20, 60 or 230 others teach (a fifth chooses the
epoch) by 0.003 and 0.01, two networks each. Prints the torque RMSE (N·m), mean over people. Figure: what 230 people
reach (ours) against what 20 do (peer): where 230 people do not give 25 % less error, simulations cannot promise it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from recipes.fatigue import RECIPE
from recipes.fatigue.learning_stage import lessons_of, target_trials
from recipes.fatigue.settings import FatigueSettings
from recipes.fatigue.simulation_stage import simulate_target
from recipes.recipe import resolve_settings
from recipes.run import Run
from training.fatigue.arm import ARMS, DIRECT
from training.fatigue.teaching import arrays_of, estimates, learn_from_people
from training.sample.ensemble import mean_and_spread

SEED, PEOPLE, SCORED, MEMBERS = 98, 330, 100, 2
TEACH, RATES = (20, 60, 230), (3e-3, 1e-2)


def main() -> None:
    """Measure and print."""
    settings: FatigueSettings = resolve_settings(RECIPE, seed=SEED, n_target=PEOPLE)
    run = Run(Path(sys.argv[1]), settings, 1, True)
    run.folder.mkdir(parents=True, exist_ok=True)
    simulate_target(run)
    trials, arm = target_trials(run), next(arm for arm in ARMS if arm.name == DIRECT)
    codes = sorted(set(trials.persons))
    scored, lessons = trials.of(codes[:SCORED]), replace(lessons_of(settings), patience=20)
    best = {}
    for n in TEACH:
        found = []
        for rate in RATES:
            answers = []
            for member in range(MEMBERS):
                others = [str(p) for p in np.random.default_rng(member).permutation(codes[SCORED:])[:n]]
                held, own = others[: n // 5], replace(lessons, direct_rate=(rate, rate))
                network, front_end = learn_from_people(
                    arm, None, trials.of(others[n // 5 :]), trials.of(held), own, 1000 * member
                )
                answers.append(estimates(network, arrays_of(scored, arm, front_end))["torque"])
            error, whose = mean_and_spread(answers)[0] - scored.torque, np.array(scored.persons)
            found.append(np.mean([np.sqrt(np.nanmean(error[whose == p] ** 2)) for p in codes[:SCORED]]))
            print(f"{n} people, rate {rate:g}: {found[-1]:.2f} N·m", flush=True)
        best[n] = float(min(found))
    ratio = best[TEACH[-1]] / best[TEACH[0]]
    figure = {"ours": best[TEACH[-1]], "peer": best[TEACH[0]], "ratio": ratio, "goal": "<= 0.75", "met": ratio <= 0.75}
    print(json.dumps({"figures": {f"{TEACH[-1]} people against {TEACH[0]}, N·m": figure}}))


if __name__ == "__main__":
    main()

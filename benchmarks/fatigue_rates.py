"""Learning rates of the recipe fatigue: which are best on target people that the recipe does not score.

Run: python benchmarks/fatigue_rates.py FOLDER [NUMBER OF PEOPLE ...]
Makes the simulations and 30 target people of seed 99 in FOLDER, teaches the chosen arm and the network without
simulations by each rate, and the arms that freeze a part by the rate in use, and prints the torque RMSE (N·m), mean
over these people, for every number that teaches (2, 5, 10 and 20, unless others are given). Figures: the rate in use,
or the chosen arm (ours), the best that was tried (peer). What was taught before a kill is not taught again; a folder
with other people is refused.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from recipes.fatigue import RECIPE
from recipes.fatigue.learning_stage import lessons_of, target_folds, target_trials
from recipes.fatigue.people_of_splits import Fold, simulated_roles
from recipes.fatigue.settings import RATE, FatigueSettings
from recipes.fatigue.simulation_stage import SIMULATED_CORPUS, found_or_made
from recipes.recipe import resolve_settings
from recipes.remembered_part import RememberedParts, part_name, remembered_parts
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
    simulated_arrays,
    simulated_from,
)
from training.sample.ensemble import mean_and_spread

GRID = (1e-3, 3e-3, 1e-2)
FROZEN = ("transfer, recurrent frozen", "transfer, all but head frozen")


@dataclass(frozen=True)
class Pilot:
    """People on whom choices are made, and what teaches them.

    Attributes
    ----------
    settings : FatigueSettings
    lessons : Lessons
        Those of the recipe.
    simulations, trials : FlexionTrials
    made : list of Fold
    parts : RememberedParts
        What was taught before.
    """

    settings: FatigueSettings
    lessons: Lessons
    simulations: FlexionTrials
    trials: FlexionTrials
    made: list[Fold]
    parts: RememberedParts

    def simulated(self, arm: Arm) -> list[Simulated | None]:
        """What simulations taught each member of an arm; None where they teach nothing."""
        if not arm.pretrained:
            return [None] * self.settings.members
        roles = simulated_roles(self.simulations.persons, self.settings.seed)

        def taught(member: int) -> dict[str, np.ndarray]:
            return simulated_arrays(learn_from_simulations(arm, self.simulations, roles, self.lessons, member))

        members = range(self.settings.members)
        return [simulated_from(self.parts.get(part_name(arm.variant, m), lambda m=m: taught(m))) for m in members]

    def answers(self, arm: Arm, n: int, lessons: Lessons) -> np.ndarray:
        """Torque (n_trials, n_frames) of everybody, whom others taught and others validated, fold after fold."""
        own = [getattr(lessons, name) for name in ("tuned_rate", "direct_rate", "tuned_epochs", "patience")]
        name = part_name(arm.name, n, *own)
        return self.parts.get(name, lambda: {"torque": self._answers(arm, n, lessons)})["torque"]

    def _answers(self, arm: Arm, n: int, lessons: Lessons) -> np.ndarray:
        said, taught = [], self.simulated(arm)
        for fold in self.made:
            scored, members = self.trials.of(fold.scored), []
            for member, simulated in enumerate(taught):
                teaching, validating = (self.trials.of(people) for people in fold.member(n, member))
                seed = lessons.seed + 1000 * member + 17 * fold.number + n
                network, front_end = learn_from_people(arm, simulated, teaching, validating, lessons, seed)
                members.append(estimates(network, arrays_of(scored, arm, front_end))["torque"])
            said.append(mean_and_spread(members)[0])
        return np.concatenate(said)

    def error(self, torque: np.ndarray) -> float:
        """RMSE (N·m) of answers, mean over people."""
        scored = [self.trials.of(fold.scored) for fold in self.made]
        wrong = torque - np.concatenate([trials.torque for trials in scored])
        codes = np.concatenate([np.array(trials.persons) for trials in scored])
        return float(np.mean([np.sqrt(np.nanmean(wrong[codes == person] ** 2)) for person in np.unique(codes)]))


def pilot_of(folder: Path) -> Pilot:
    """Make the pilot's people in a folder, if they are not there; other people than these are refused."""
    settings: FatigueSettings = resolve_settings(RECIPE, seed=RATES_SEED)
    run = Run(folder, settings, 1, True)
    run.folder.mkdir(parents=True, exist_ok=True)
    hashes = found_or_made(run)
    simulations = read_flexion_corpus(folder / SIMULATED_CORPUS, RATE, settings.seconds)
    trials, lessons = target_trials(run), lessons_of(settings)
    decided = replace(lessons, tuned_rate=(0.0, 0.0), direct_rate=(0.0, 0.0), tuned_epochs=0, patience=0)
    parts = remembered_parts(folder / "taught", [asdict(decided), settings.model_dump(mode="json"), hashes])
    return Pilot(settings, lessons, simulations, trials, target_folds(run, trials), parts)


def figure(what: str, tried: dict[object, float], ours: object) -> dict[str, dict[str, object]]:
    """The figure of a comparison, printed, too."""
    best = min(tried.values())
    print(f"{what}: " + ", ".join(f"{key} {value:.2f}" for key, value in tried.items()), flush=True)
    said = {"ours": tried[ours], "peer": best, "ratio": tried[ours] / best, "goal": "<= 1", "met": tried[ours] <= best}
    return {what: said}


def main(folder: Path, numbers: Sequence[int]) -> None:
    """Measure and print."""
    pilot, arms, figures = pilot_of(folder), {arm.name: arm for arm in ARMS}, {}
    for n in numbers or pilot.settings.teach:
        for name, field in ((TRANSFER, "tuned_rate"), (DIRECT, "direct_rate")):
            by_rate = {r: replace(pilot.lessons, **{field: (r, r)}) for r in GRID}
            rmse = {r: pilot.error(pilot.answers(arms[name], n, own)) for r, own in by_rate.items()}
            in_use = getattr(pilot.lessons, field)[n >= MANY]
            figures |= figure(f"{name}, {n} people, N·m by rate", rmse, in_use)
            if name == TRANSFER:
                frozen = {other: pilot.error(pilot.answers(arms[other], n, pilot.lessons)) for other in FROZEN}
                figures |= figure(f"frozen parts, {n} people, N·m by arm", {TRANSFER: rmse[in_use]} | frozen, TRANSFER)
    print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(n) for n in sys.argv[2:]])

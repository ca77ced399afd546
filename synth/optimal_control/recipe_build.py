"""The build of a corpus by optimal control from its recipe: reference, baseline or population."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from mocap_import.engine import Engine
from synth.corpus.schema import CorpusMismatch
from synth.corpus.solved_recipe import PopulationRecipe, SolvedRecipe
from synth.optimal_control.baseline import WEIGHTS, build_baseline_corpus
from synth.optimal_control.population import impaired_chunk, predicted_chunk
from synth.optimal_control.population.impaired_chunk import ImpairedRequest
from synth.optimal_control.population.planar_chunk import PopulationRequest
from synth.optimal_control.population.predicted_chunk import PredictedRequest
from synth.optimal_control.population.recorded_chunk import RecordedRequest
from synth.optimal_control.population.run import Population, build_population
from synth.optimal_control.recording.marker_problem import TrackingWeights
from synth.optimal_control.reference import build_reference_corpus


def build_solved(
    recipe: SolvedRecipe | PopulationRecipe,
    out: Path,
    places: Mapping[str, Path],
    *,
    engine: Engine | None = None,
    progress: Callable | None = None,
) -> pd.DataFrame:
    """Solve a corpus again; IPOPT on one thread gives the same bytes by the same versions on the same kind of machine.

    Parameters
    ----------
    recipe : SolvedRecipe or PopulationRecipe
    out : Path
    places : mapping
        Where its sources lie.
    engine, progress
        See `run_corpus`.

    Raises
    ------
    CorpusMismatch
        The weights of the recipe are not those of this kinesynth, or the people are none.
    """
    shown = {"engine": engine, "progress": progress}
    if isinstance(recipe, PopulationRecipe):
        return build_population(population_of(recipe, places), out, **shown)
    weights = WEIGHTS if recipe.kind == "baseline" else TrackingWeights()
    if json.loads(json.dumps(asdict(weights))) != recipe.weights:
        raise CorpusMismatch(f"the recipe of the {recipe.kind} has other weights than this kinesynth; use its version.")
    if recipe.kind == "baseline":
        return build_baseline_corpus(places["corpus"], out, **shown)
    folders = (places["trials"], places["motion"], places["corpus"])
    return build_reference_corpus(*folders, out, cycles_per_trial=recipe.cycles_per_trial, **shown)


def population_of(recipe: PopulationRecipe, places: Mapping[str, Path]) -> Population:
    """Which people a recipe means.

    Raises
    ------
    CorpusMismatch
        Nobody can be drawn from it.
    """
    people = dict(recipe.people)
    try:
        if people.get("task") == "recorded":
            del people["task"]
            files = {"model": places["model"], "coordinates": places["guide"], "loads": places["loads"]}
            named = {name: str(Path(path).resolve()) for name, path in files.items()}
            return RecordedRequest(**{**people, "hold": tuple(people["hold"]), **named})
        visits = {impaired_chunk.TASK: ImpairedRequest, predicted_chunk.TASK: PredictedRequest}
        if people.get("task") in visits:
            return visits[people.pop("task")].of(people)
        return PopulationRequest(**{**people, "speeds": tuple(people["speeds"])})
    except (TypeError, KeyError, ValueError) as error:
        raise CorpusMismatch(f"the recipe draws no people: {error}.") from error

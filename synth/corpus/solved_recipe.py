"""Recipes of corpora by optimal control: a reference or a baseline of recorded trials, or a population."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from synth.corpus.provenance import versions
from synth.corpus.recipe import Recipe


def solver_versions() -> dict[str, str]:
    """Versions that shape a solution of optimal control; CasADi brings IPOPT and its linear solver."""
    return versions("casadi")


class SolvedRecipe(Recipe):
    """Optimal control of every trial of a corpus of records: a reference sees markers and forces, too."""

    kind: Literal["reference", "baseline"]
    software: dict[str, str] = Field(default_factory=solver_versions, description="Versions that made the corpus.")
    weights: dict[str, Any] = Field(description="Of the cost; those of this kinesynth are the only ones it can use.")
    cycles_per_trial: int | None = Field(None, ge=1, description="Of a reference; 2 on a treadmill, else 1 if absent.")


class PopulationRecipe(Recipe):
    """Virtual people and their gaits, drawn from a seed."""

    kind: Literal["population"] = "population"
    software: dict[str, str] = Field(default_factory=solver_versions, description="Versions that made the corpus.")
    people: dict[str, Any] = Field(description="Number, seed, speeds, task: the arguments of the population.")

"""Settings of the pinch recipe, and those of its small form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from recipes.recipe import RecipeSettings


class PinchSettings(RecipeSettings):
    """What can be chosen."""

    n_teach: int = Field(
        40_000, ge=500, description="Virtual people to learn from; 85 % teach, the rest validates or calibrates."
    )
    n_score: int = Field(10_000, ge=200, description="Virtual people who are scored, never seen before.")
    n_second: int = Field(3_000, ge=100, description="People of the second simulator, who are scored, too.")
    n_outside: int = Field(
        1_000, ge=50, description="Children, and as many adults with an ulnar palsy: outside the population."
    )
    prevalence: tuple[float, float, float] = Field(
        (0.80, 0.12, 0.08), description="Shares of healthy, SE4CF and PRC wrists."
    )
    n_members: int = Field(3, ge=2, le=20, description="Networks of an ensemble; their doubt needs two.")
    epochs: int = Field(15, ge=1, description="Passes over the people who teach, at most.")
    n_identified: int = Field(200, ge=5, description="People whose Fisher information is computed.")
    n_explained: int = Field(400, ge=10, description="People of each surgery whose classification is explained.")
    n_choose: int = Field(400, ge=20, description="Who chooses a way of explaining; half with each surgery.")
    n_rated: int = Field(20, ge=0, description="People of each wrist on the sheet for experts.")
    own_file: str = Field("", description="CSV of real pinch records to estimate from, too; see docs/recipes/pinch.md.")
    ratings: str = Field("", description="CSV of experts' ratings of rated_items.json (item, rater, part, rating).")

    @field_validator("prevalence")
    @classmethod
    def _shares(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(value) <= 0 or abs(sum(value) - 1.0) > 1e-6:
            raise ValueError("expected three shares above 0 that add up to 1")
        return value


SMALL: Mapping[str, Any] = {
    "n_teach": 4_000,
    "n_score": 1_000,
    "n_second": 300,
    "n_outside": 200,
    "n_members": 2,
    "epochs": 12,
    "n_identified": 20,
    "n_explained": 40,
    "n_choose": 60,
    "n_rated": 3,
}
"""Of ``--small``."""
POPULATION = ("seed", "n_teach", "n_score", "n_second", "n_outside", "n_choose", "prevalence")
"""Settings that decide who is simulated."""

"""Settings of the recipe `fatigue`."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from recipes.recipe import RecipeSettings

RATE = 0.5
"""Hz: intervals of 2 s, over which activity and torque are means; what the networks see."""
STORED_RATE = 2.0
"""Hz, of the corpora that are made."""


class FatigueSettings(RecipeSettings):
    """What can be chosen; see docs/recipes/fatigue.md."""

    target: str = Field("", description="Corpus of your own people; empty: the second simulator's.")
    every: int = Field(1, ge=1, le=50, description="Part of the 1,701 simulations: 1 all of them, 7 a seventh.")
    seconds: float = Field(120.0, ge=20, le=600, description="Length of a trial (s).")
    n_target: int = Field(30, ge=10, le=500, description="People of the second simulator.")
    n_outside: int = Field(12, ge=3, le=500, description="People outside its population: weak, old, tiring fast.")
    n_scored: int = Field(5, ge=1, le=50, description="People left out at a time; all are, in turn.")
    teach: tuple[int, ...] = Field((2, 5, 10, 20), description="Numbers of people who fine-tune or teach directly.")
    ablated: int = Field(
        10, ge=2, validate_default=True, description="The number of `teach` at which options and doubt are tried."
    )
    members: int = Field(3, ge=2, le=20, description="Networks of an ensemble; one alone knows no doubt.")
    width: int = Field(24, ge=4, le=256, description="Units of the recurrent network.")
    simulated_epochs: int = Field(30, ge=1, description="Passes over the simulations.")
    tuned_epochs: int = Field(150, ge=1, description="Passes over the people who fine-tune, at most.")
    direct_epochs: int = Field(400, ge=1, description="Passes over the people who teach a new network, at most.")
    patience: int = Field(40, ge=0, description="Passes without a better validation before the end.")
    anchor: float = Field(0.03, ge=0, description="Strength of the anchors.")
    components: int = Field(6, ge=1, le=24, description="Of the front end.")
    goal_reduction: float = Field(25.0, description="Goal (%): error less than without simulations.")
    tolerance: float = Field(2.0, gt=0, description="N·m: an estimate so near counts as right.")
    arms: tuple[str, ...] = Field((), description="Only these methods (see the page); empty: all.")

    @field_validator("ablated")
    @classmethod
    def _one_of_teach(cls, ablated: int, info: ValidationInfo) -> int:
        """Refuse a number by which nobody teaches, before hours of teaching."""
        teach = info.data.get("teach")
        if teach is not None and ablated not in teach:
            raise ValueError(f"expected one of teach ({', '.join(map(str, teach))}); set both")
        return ablated


SMALL = {
    "every": 7,
    "seconds": 90.0,
    "n_target": 20,
    "n_outside": 5,
    "teach": (2, 5),
    "ablated": 5,
    "members": 2,
    "width": 12,
    "simulated_epochs": 15,
    "tuned_epochs": 30,
    "direct_epochs": 80,
    "patience": 15,
}

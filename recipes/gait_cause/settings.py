"""Settings of the recipe of gait causes, and those of its small form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from recipes.recipe import RecipeSettings


class GaitCauseSettings(RecipeSettings):
    """What can be chosen."""

    n_people: int = Field(1_500, ge=100, description="Drawn walkers; 70 % teach, 10 % validate, 8 % calibrate.")
    n_outside: int = Field(200, ge=20, description="Walkers in manners far from those who taught.")
    spread: float = Field(1.0, gt=0, description="How far manners are from the normative one; outside three times.")
    noise_share: float = Field(0.05, ge=0, description="SD of the sensors' noise over that of each channel.")
    misalignment_deg: float = Field(6.0, ge=0, description="SD of how far sensors are turned on the body, degrees.")
    people: str = Field("", description="Corpus of `kinesynth gait population --impairment`: solved walks, too.")
    twins: str = Field("", description="The same people by the same command with --healthy 1: their truth.")
    elsewhere: str = Field("", description="Others by --laws other or --predict, another seed: only scored.")
    visits: int = Field(0, ge=0, description="Visits of each solved person that are read, the first ones; 0: all.")
    n_folds: int = Field(4, ge=2, description="Parts of the solved people, each scored once.")
    n_members: int = Field(3, ge=2, le=20, description="Networks of an ensemble; their doubt needs two.")
    epochs: int = Field(30, ge=1, description="Passes over who teaches, at most.")
    solved_epochs: int = Field(0, ge=0, description="Passes over solved walks that teach, at most; 0: twice `epochs`.")
    n_phases: int = Field(10, ge=2, le=25, description="Equal parts of the cycle that explanations speak of.")
    n_explained: int = Field(120, ge=8, description="Walks that are explained for each question, at most.")
    n_untaught: int = Field(5, ge=2, description="Networks with weights drawn anew, a row to beat.")


SMALL: Mapping[str, Any] = {
    "n_people": 300,
    "n_outside": 30,
    "n_members": 2,
    "epochs": 8,
    "n_explained": 16,
    "n_untaught": 2,
}
"""Of ``--small``."""

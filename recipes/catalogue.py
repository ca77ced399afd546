"""The recipes that there are, by name; a recipe is imported when it is used."""

from __future__ import annotations

import importlib

from recipes.recipe import Recipe
from training.config import ConfigRefused

PLACES: dict[str, str] = {
    "single-camera": "recipes.single_camera",
    "posture": "recipes.posture",
    "fatigue": "recipes.fatigue",
    "pinch": "recipes.pinch",
}
"""Name → module that holds its `RECIPE`."""


def find_recipe(name: str) -> Recipe:
    """The recipe of a name.

    Raises
    ------
    ConfigRefused
        For an unknown name; says which there are.
    """
    if name not in PLACES:
        raise ConfigRefused(f"recipe {name}: there is none of this name. Known: {', '.join(PLACES)}.")
    return importlib.import_module(PLACES[name]).RECIPE

"""The recipes that there are, by name; a recipe is imported when it is used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recipes.recipe import Recipe

RECIPES: dict[str, tuple[str, str]] = {
    "single-camera": (
        "recipes.single_camera",
        "Gait parameters and impairment from keypoints of one camera, from virtual people alone (Yamada et al. 2025).",
    ),
    "posture": (
        "recipes.posture",
        "Made postures and strides: told apart or not, repeated or new, worth what (Dindorf et al. 2024).",
    ),
    "fatigue": (
        "recipes.fatigue",
        "Torque of a tiring elbow from muscle activity, by transfer from 1,701 simulations (Kearney et al. 2024).",
    ),
    "pinch": (
        "recipes.pinch",
        "Muscle parameters from pinch force (Lindbeck 2023) and explained wrist surgeries (Tappan 2024).",
    ),
    "few-people": (
        "recipes.few_people",
        "A few measured people after virtual ones: real IMU to force, sensors to angles (Yamada et al. 2025).",
    ),
    "gait-cause": (
        "recipes.gait_cause",
        "Which sensor and phase gait networks go by, against causes that the simulator knows (integrated gradients).",
    ),
}
"""Name → module that holds its `RECIPE`, and one line on what it asks and whose work it follows."""


def find_recipe(name: str) -> Recipe:
    """The recipe of a name.

    Raises
    ------
    ConfigRefused
        For an unknown name; says which there are.
    """
    from training.config import ConfigRefused

    if name not in RECIPES:
        raise ConfigRefused(f"recipe {name}: there is none of this name. Known: {', '.join(RECIPES)}.")
    return importlib.import_module(RECIPES[name][0]).RECIPE

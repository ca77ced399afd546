"""Recipe `posture`: generative models of posture and gait, and what made samples are worth (Dindorf et al. 2024)."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from recipes.posture.given_sample import check_given
from recipes.posture.settings import SMALL, PostureSettings, outside_files
from recipes.recipe import RESULTS, Recipe
from recipes.run import Run, Stage


def _work(place: str) -> Callable[[Run], str]:
    """Work of a stage whose module is imported when it is done: networks and classifiers load slowly."""

    def work(run: Run) -> str:
        return importlib.import_module(f"recipes.posture.{place}").work(run)

    return work


RECIPE = Recipe(
    "posture",
    PostureSettings,
    SMALL,
    (
        Stage("samples", "people.csv", (), _work("samples"), outside_files),
        Stage("generators", "latent_map.png", ("samples",), _work("generators")),
        Stage("realism", "realism.csv", ("generators",), _work("realism")),
        Stage("use", "use.csv", ("generators",), _work("use_case")),
        Stage("doubt", "doubt.csv", ("samples",), _work("doubt")),
        Stage("rating", "rating.html", ("generators",), _work("rating"), outside_files),
        Stage("table", RESULTS, ("realism", "use", "doubt", "rating"), _work("table")),
    ),
    check_given,
)

"""Recipe of one camera: gait parameters, waveforms and impairment from keypoints, learnt from virtual people alone."""

from __future__ import annotations

from recipes.recipe import RESULTS, Recipe
from recipes.run import Run, Stage
from recipes.single_camera.filming import CLIPS, film_everything
from recipes.single_camera.population import DONE, given_corpora, make_population
from recipes.single_camera.scoring import score_everything
from recipes.single_camera.settings import SMALL, SingleCameraSettings
from recipes.single_camera.teaching import ESTIMATES, teach_networks
from synth.corpus.recipe_source import named_sources


def _given(run: Run) -> dict[str, dict[str, str]]:
    """Corpora from outside, by the hash of their bytes; errors as `given_corpora`."""
    return named_sources(given_corpora(run.settings))


RECIPE = Recipe(
    "single-camera",
    SingleCameraSettings,
    SMALL,
    (
        Stage("population", DONE, (), make_population, _given),
        Stage("clips", CLIPS, ("population",), film_everything, _given),
        Stage("networks", ESTIMATES, ("clips",), teach_networks),
        Stage("table", RESULTS, ("clips", "networks"), score_everything),
    ),
)

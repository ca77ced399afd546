"""Recipe of one camera: gait parameters, waveforms and impairment from keypoints, learnt from virtual people alone."""

from __future__ import annotations

from recipes.recipe import RESULTS, Recipe
from recipes.run import Run, Stage
from recipes.single_camera.clip_sets import CLIPS
from recipes.single_camera.filming import film_everything
from recipes.single_camera.own_people import OWN, answer_own, own_records, own_sources
from recipes.single_camera.population import DONE, given_corpora, make_population
from recipes.single_camera.scoring import score_everything
from recipes.single_camera.settings import SMALL, SingleCameraSettings
from recipes.single_camera.teaching import ESTIMATES, teach_networks
from synth.corpus.recipe_source import named_sources

_LESSON = ("members", "epochs", "width", "without_spatial", "without_beside")
_FILMED = tuple(name for name in SingleCameraSettings.model_fields if name not in (*_LESSON, "own"))
"""All that people and clips hang on: neither how networks are taught nor whose own keypoints are answered."""


def _given(run: Run) -> dict[str, dict[str, str]]:
    """Corpora from outside, by the hash of their bytes; errors as `given_corpora`."""
    return named_sources(given_corpora(run.settings))


def _checked(run: Run) -> dict[str, dict[str, str]]:
    """The same; somebody's own keypoints that cannot be read are refused before anybody is solved."""
    own_records(run.settings)
    return _given(run)


RECIPE = Recipe(
    "single-camera",
    SingleCameraSettings,
    SMALL,
    (
        Stage("population", DONE, (), make_population, _checked, _FILMED),
        Stage("clips", CLIPS, ("population",), film_everything, _given, _FILMED),
        Stage("networks", ESTIMATES, ("clips",), teach_networks, reads=("seed", *_LESSON)),
        Stage("own", OWN, ("networks",), answer_own, own_sources, ("own",)),
        Stage("table", RESULTS, ("clips", "networks", "own"), score_everything, reads=("seed", "seconds", "real")),
    ),
)

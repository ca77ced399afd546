"""The generative models that are compared."""

from __future__ import annotations

from recipes.posture.generator_name import (
    CONDITIONAL,
    GAUSSIAN,
    INTERPOLATION,
    NOISE,
    PEOPLE,
    PEOPLE_GAUSSIAN,
    PUBLISHED,
    SERIES,
    WHOLE,
)
from recipes.posture.settings import PostureSettings
from training.generative.generative_model import GenerativeModel
from training.generative.people_model import PeopleGaussian, PeopleVariational
from training.generative.plain_model import GaussianModel, InterpolationModel, NoiseModel
from training.generative.variational_model import PUBLISHED_FIT, VariationalModel

_FILTERS = 16


def models(settings: PostureSettings) -> dict[str, GenerativeModel]:
    """Every generative model by name."""
    published = PUBLISHED_FIT.model_copy(update={"epochs": settings.epochs})
    stopped = published.model_copy(update={"patience": settings.patience})
    return {
        PUBLISHED: VariationalModel(published, is_whole=False),
        WHOLE: VariationalModel(stopped),
        CONDITIONAL: VariationalModel(stopped, is_conditional=True),
        SERIES: VariationalModel(stopped, n_filters=_FILTERS),
        GAUSSIAN: GaussianModel(),
        INTERPOLATION: InterpolationModel(),
        NOISE: NoiseModel(),
        PEOPLE: PeopleVariational(VariationalModel(stopped)),
        PEOPLE_GAUSSIAN: PeopleGaussian(),
    }

"""The generative models that are compared."""

from __future__ import annotations

from recipes.posture.settings import PostureSettings
from training.generative.generative_model import GenerativeModel
from training.generative.people_model import PeopleGaussian, PeopleVariational
from training.generative.plain_model import GaussianModel, InterpolationModel, NoiseModel
from training.generative.variational_model import PUBLISHED_FIT, VariationalModel

PUBLISHED, WHOLE, CONDITIONAL, SERIES = "VAE as published", "VAE, whole samples", "conditional VAE", "series VAE"
GAUSSIAN, INTERPOLATION, NOISE = "PCA-Gaussian", "interpolation", "noise"
PEOPLE, PEOPLE_GAUSSIAN = "VAE, spread of people", "Gaussian, spread of people"
EVERYBODY = (PEOPLE, PEOPLE_GAUSSIAN)
"""Whom the outliers of the teaching samples teach, too: those who are scored have outliers as well."""
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

"""Names of the generative models that are compared, as tables, settings and files have them; no network is loaded."""

from __future__ import annotations

from recipes.remembered_part import part_name

PUBLISHED, WHOLE, CONDITIONAL, SERIES = "VAE as published", "VAE, whole samples", "conditional VAE", "series VAE"
GAUSSIAN, INTERPOLATION, NOISE = "PCA-Gaussian", "interpolation", "noise"
PEOPLE, PEOPLE_GAUSSIAN = "VAE, spread of people", "Gaussian, spread of people"
GENERATORS = (PUBLISHED, WHOLE, CONDITIONAL, SERIES, GAUSSIAN, INTERPOLATION, NOISE, PEOPLE, PEOPLE_GAUSSIAN)
"""All of them, in the order of the table."""
EVERYBODY = (PEOPLE, PEOPLE_GAUSSIAN)
"""Whom the outliers of the teaching samples teach, too: those who are scored have outliers as well."""


def rating_page(place: int, generator: str) -> str:
    """File of a rating page: ``rating.html`` for the first generator that is rated, with its name for the others."""
    return f"rating-{part_name(generator)}.html" if place else "rating.html"

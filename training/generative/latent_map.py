"""Latent map: where measured and made samples lie in the two directions in which latent variables vary most."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from training.generative.variational_model import VariationalGenerator


def latent_map(generator: VariationalGenerator, samples: dict[str, tuple[np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """Places of samples on the map.

    Parameters
    ----------
    generator : VariationalGenerator
    samples : dict of str to (ndarray, ndarray)
        Group → samples and conditions; the first group lays the axes.

    Returns
    -------
    DataFrame
        ``group``, ``first``, ``second`` (in SD of the latent variables).
    """
    latent = {group: generator.latent(*pair) for group, pair in samples.items()}
    axes = next(iter(latent.values()))
    mean = axes.mean(axis=0)
    rows = np.linalg.svd(axes - mean, full_matrices=False)[2][:2]
    tables = []
    for group, values in latent.items():
        places = (values - mean) @ rows.T
        tables.append(pd.DataFrame({"group": group, "first": places[:, 0], "second": places[:, 1]}))
    return pd.concat(tables, ignore_index=True)


def map_figure(table: pd.DataFrame, title: str) -> Figure:
    """The map as a picture."""
    figure = Figure(figsize=(6.0, 5.0), layout="constrained")
    axes = figure.add_subplot()
    for group, rows in table.groupby("group", sort=False):
        axes.scatter(rows["first"], rows["second"], s=12, alpha=0.6, label=group)
    axes.set(xlabel="first latent direction", ylabel="second latent direction", title=title)
    axes.set_aspect("equal", "datalim")
    axes.legend(frameon=False)
    return figure

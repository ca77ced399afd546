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
    """The map as a picture: each group from the third on in a panel of its own, over the first two.

    Parameters
    ----------
    table : DataFrame
        As `latent_map` gives; of one or two groups alone there is one panel.
    title : str

    Returns
    -------
    Figure
    """
    groups = dict(list(table.groupby("group", sort=False)))
    shared, own = list(groups)[:2], list(groups)[2:]
    shown = [[*shared, group] for group in own] or [shared]
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(1.0 + 3.0 * columns, 1.2 + 3.0 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    colours = ("silver", "blue", "orange")
    for panel, names in zip(panels, shown, strict=False):
        for name, colour in zip(names, colours, strict=False):
            panel.scatter(groups[name]["first"], groups[name]["second"], s=6, color=colour)
        panel.set_title(names[2] if own else "", fontsize="small")
        panel.set_aspect("equal", "box")
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    key = [f"{colour}: {name}" for name, colour in zip(shared, colours, strict=False)]
    key += ["orange: the panel's own"] * bool(own)
    figure.suptitle(f"{title}\n{', '.join(key)}")
    figure.supxlabel("first latent direction")
    figure.supylabel("second latent direction")
    return figure

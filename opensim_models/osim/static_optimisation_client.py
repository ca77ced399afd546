"""OpenSim's static optimisation for every other process: the peer of `opensim_models.static_optimisation`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from opensim_models.osim import client

PATIENCE_PER_OPTIMISATION = 2.0  # s; the slowest frame of a static optimisation measured took 0.3


def share_forces(
    path: Path | str,
    coordinates: Sequence[str],
    values: np.ndarray,
    rate: float,
    balanced: Sequence[str],
    loads: Sequence[Mapping[str, Any]] = (),
    *,
    reserve: float = 1.0,
    every: int = 1,
) -> dict[str, Any]:
    """Static optimisation by OpenSim: the peer of ours, without muscle physiology, squared activations, unfiltered.

    Parameters
    ----------
    path : Path
    coordinates, values, rate, loads
        As of `client.demand_forces`.
    balanced : sequence of str
        Coordinates that muscles balance, with reserves; others have strong actuators.
    reserve : float
        N·m that cost as much as a full activation.
    every : int
        Only each so manyth frame is solved.

    Returns
    -------
    dict
        ``muscles``, ``activations`` (n, n_muscles), ``reserves`` (n, n_balanced) in N·m, ``frames`` (n,) and
        ``cpu_seconds`` of the tool alone.
    """
    plain = [dict(load) for load in loads]
    arguments = {"coordinates": list(coordinates), "values": np.asarray(values, dtype=float), "rate": float(rate)}
    further = {"balanced": list(balanced), "reserve": float(reserve), "every": int(every), "loads": plain}
    more = PATIENCE_PER_OPTIMISATION * len(values)
    return client._call("static_optimisation_tool:share_forces", more, path=client._text(path), **arguments, **further)

"""OpenSim's muscles for every other process: lengths, moment arms and forces; see `opensim_models.osim.client`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from opensim_models.osim import client

PATIENCE_PER_OPTIMISATION = 2.0  # s; the slowest frame of a static optimisation measured took 0.3


def muscle_lengths(
    path: Path | str, coordinates: Sequence[str], values: np.ndarray, muscles: Sequence[str] | None = None
) -> np.ndarray:
    """Muscle-tendon lengths by OpenSim, with every kind of path point and wrap object.

    Parameters
    ----------
    path : Path
    coordinates : sequence of str
        Names of the columns of `values`; others stand at their default, coupled ones follow.
    values : (n, n_coordinates) array
        rad or m. Frames with NaN give NaN.
    muscles : sequence of str, optional
        Default: all, in the order of the model.

    Returns
    -------
    (n, n_muscles) array
        m.

    Raises
    ------
    ModelMismatch
        The model has no muscles, or none of these names.
    """
    named = None if muscles is None else list(muscles)
    arguments = {"coordinates": list(coordinates), "values": np.asarray(values, dtype=float), "muscles": named}
    return client._call("muscle_path:muscle_lengths", path=client._text(path), **arguments)


def muscle_moment_arms(
    path: Path | str,
    coordinates: Sequence[str],
    values: np.ndarray,
    about: Sequence[str],
    muscles: Sequence[str] | None = None,
) -> np.ndarray:
    """Moment arms by OpenSim's own solver, coupled coordinates following: (n, n_muscles, n_about) in m.

    Arguments as of `muscle_lengths`, and `about`, the coordinates whose arms are wanted. Slow: minus the differences
    of `muscle_lengths` are the same numbers and cost a fraction (`opensim_models.muscle.path_sample`).
    """
    named = None if muscles is None else list(muscles)
    arguments = {"coordinates": list(coordinates), "values": np.asarray(values, dtype=float), "muscles": named}
    return client._call("muscle_path:muscle_moment_arms", path=client._text(path), **arguments, about=list(about))


def isometric_forces(
    path: Path | str,
    coordinates: Sequence[str],
    values: np.ndarray,
    muscles: Sequence[str] | None = None,
    *,
    activation: float = 1.0,
) -> np.ndarray:
    """Muscle forces by OpenSim, fibre and tendon in equilibrium and nothing moving: (n, n_muscles) in N.

    Arguments as of `muscle_lengths`; all muscles have the same `activation` (0 to 1). Times the moment arms, they are
    the strength of a joint.
    """
    named = None if muscles is None else list(muscles)
    arguments = {"coordinates": list(coordinates), "values": np.asarray(values, dtype=float), "muscles": named}
    return client._call(
        "muscle_force:isometric_forces", path=client._text(path), **arguments, activation=float(activation)
    )


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

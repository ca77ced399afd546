"""OpenSim's contact forces for every other process; see `opensim_models.osim.client`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from opensim_models.osim import client


def contact_forces(
    path: Path | str,
    coordinates: Sequence[str],
    values: np.ndarray,
    speeds: np.ndarray,
    forces: Sequence[str] | None = None,
) -> dict[str, dict[str, np.ndarray]]:
    """Forces of a model's spheres on its floor, by OpenSim's SmoothSphereHalfSpaceForce.

    Parameters
    ----------
    path : Path
    coordinates : sequence of str
        Names of the columns of `values` and `speeds`; others stand still at their default, coupled ones follow.
    values, speeds : (n, n_coordinates) arrays
        rad or m, and per second. Frames with NaN give NaN.
    forces : sequence of str, optional
        Names of the forces; default: all of this class, those included that the model disables.

    Returns
    -------
    dict
        Force → ``sphere_force``, ``sphere_torque``, ``half_space_force`` and ``half_space_torque``, each (n, 3): N and
        N·m on the body of the sphere and on that of the half space, ground frame, torques about the body's origin.

    Raises
    ------
    ModelMismatch
        The model has no such force, or not all of these coordinates.
    """
    named = None if forces is None else list(forces)
    tables = {"values": np.asarray(values, dtype=float), "speeds": np.asarray(speeds, dtype=float)}
    return client._call(
        "contact_force:contact_forces", path=client._text(path), coordinates=list(coordinates), **tables, forces=named
    )

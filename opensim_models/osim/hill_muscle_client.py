"""OpenSim's Hill muscle for every other process, one muscle alone: the peer of `synth.optimal_control.law`.

See `opensim_models.osim.client` for why it runs elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from opensim_models.model.muscle_tendon import MuscleTendon
from opensim_models.osim import client

COLUMNS = (
    "tendon_force",
    "fibre_force_along_tendon",
    "equilibrium_residual",
    "fibre_length",
    "fibre_velocity",
    "active_force",
    "passive_force",
    "tendon_length",
)


def hill_muscle_states(
    muscle: MuscleTendon,
    length: np.ndarray,
    velocity: np.ndarray,
    activation: np.ndarray,
    tendon_force: np.ndarray | None = None,
    tendon_force_rate: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """State of OpenSim's DeGrooteFregly2016Muscle.

    Parameters
    ----------
    muscle : MuscleTendon
        Its path is not used.
    length, velocity, activation : (n,) arrays
        Of muscle and tendon (m, m/s).
    tendon_force, tendon_force_rate : (n,) arrays, optional
        Normalised by the maximum isometric force (and per second); without them the tendon is rigid.

    Returns
    -------
    dict of str to (n,) array
        ``tendon_force`` and ``fibre_force_along_tendon`` (normalised), ``equilibrium_residual`` (OpenSim's implicit
        residual, 0 for a rigid tendon), ``fibre_length`` (optimal lengths), ``fibre_velocity`` (maximum contraction
        velocities), ``active_force`` and ``passive_force`` along the fibre (normalised; passive with damping),
        ``tendon_length`` (m).
    """
    rigid = tendon_force is None
    still = np.zeros_like(np.asarray(length, dtype=float))
    force, rate = (still if x is None else x for x in (tendon_force, tendon_force_rate))
    states = np.column_stack([length, velocity, activation, force, rate]).astype(float)
    arguments = {"parameters": _parameters(muscle), "rigid_tendon": rigid, "states": states}
    found = client._call("hill_muscle_force:hill_muscle_states", path=muscle.name, **arguments)
    return dict(zip(COLUMNS, found.T, strict=True))


def hill_muscle_heat(
    muscle: MuscleTendon,
    length: np.ndarray,
    velocity: np.ndarray,
    activation: np.ndarray,
    mass: float,
    slow_share: float,
    settings: Mapping[str, Any],
) -> dict[str, np.ndarray]:
    """Metabolic rate of the muscle with a rigid tendon by OpenSim's Bhargava2004SmoothedMuscleMetabolics.

    Parameters
    ----------
    muscle, length, velocity, activation
        As of `hill_muscle_states`; the excitation is the activation.
    mass : float
        Of the muscle (kg).
    slow_share : float
        Share of slow-twitch fibres (0 to 1).
    settings : mapping
        Properties of OpenSim's class, e.g. ``use_smoothing``.

    Returns
    -------
    dict of str to (n,) array
        W: ``activation``, ``maintenance``, ``shortening``, ``work`` and ``total``.
    """
    still = np.zeros_like(np.asarray(length, dtype=float))
    states = np.column_stack([length, velocity, activation, still, still]).astype(float)
    metabolics = {**settings, "mass": float(mass), "slow_share": float(slow_share)}
    arguments = {"parameters": _parameters(muscle), "metabolics": metabolics, "states": states}
    found = client._call("hill_muscle_force:hill_muscle_heat", path=muscle.name, **arguments)
    return dict(zip(("activation", "maintenance", "shortening", "work", "total"), found.T, strict=True))


def hill_activation_rates(
    muscle: MuscleTendon, excitation: np.ndarray, activation: np.ndarray, steepness: float
) -> np.ndarray:
    """Rates of activation (n,) in 1/s of OpenSim's DeGrooteFregly2016Muscle.

    OpenSim 4.6 reads both time constants and the steepness once in the life of a process, of the first muscle that it
    comes upon, and uses them for all others. So this starts an OpenSim process of its own and ends it.

    Parameters
    ----------
    muscle : MuscleTendon
        With both time constants.
    excitation, activation : (n,) arrays
    steepness : float
        OpenSim's ``activation_dynamics_smoothing``.
    """
    arguments = {"parameters": _parameters(muscle), "steepness": float(steepness)}
    states = np.column_stack([excitation, activation]).astype(float)
    client.close_opensim()
    try:
        return client._call("hill_muscle_force:hill_activation_rates", path=muscle.name, **arguments, states=states)
    finally:
        client.close_opensim()


def _parameters(muscle: MuscleTendon) -> dict[str, Any]:
    return {key: value for key, value in asdict(muscle).items() if key != "path"}

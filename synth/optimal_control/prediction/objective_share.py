"""Objective share: what each price and each misfit of a problem amounts to at its solution, or at any other movement.

Which price bends a knee, and which one makes it stiff, is seen where two movements are compared under the same prices.
"""

from __future__ import annotations

import numpy as np

from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.problem import MovementProgram

_WEIGHTS = ("precision ", "roughness ")
_NAMES = {
    "effort": "effort",
    "metabolic_price": "energy",
    "clearance": "clearance",
    "ground_weight": "ground reaction",
    "imu_weight": "inertial sensors",
}


def objective_shares(movement: MovementProgram, data: MovementData, values: np.ndarray) -> dict[str, float]:
    """Parts of the objective by what they price; parts of 0 are left out.

    Parameters
    ----------
    movement : MovementProgram
    data : MovementData
        Of the problem whose prices count.
    values : ndarray
        Solver variables of a movement, of this problem or another one of the same structure.

    Returns
    -------
    dict of str to float
        Their sum is the objective, less what markers amount to.
    """
    weights = [name for name in data.parameters if name.startswith(_WEIGHTS) or name in _NAMES]
    constants = {name: value for name, value in data.parameters.items() if name not in weights}
    found = {}
    for name in weights:
        alone = movement.parameters.join({**constants, **_idle(name, data), name: data.parameters[name]})
        share = float(movement.program.functions["f_g"](values, alone)[0])
        if share:
            found[_word(name)] = share
    return found


def energy_rate(movement: MovementProgram, data: MovementData, values: np.ndarray) -> float:
    """Mean rate (W per kg of the body) of what all muscles turn over; nothing of a body at rest is added.

    Raises
    ------
    ValueError
        The structure has no metabolic rates.
    """
    if not movement.structure.metabolic:
        raise ValueError("energy needs a structure with metabolic rates: movement_structure(..., metabolic=True)")
    counted = data.with_metabolic_price(1.0, 0.0, movement.structure.mesh.quadrature)
    return objective_shares(movement, counted, values)["energy"]


def _idle(name: str, data: MovementData) -> dict[str, np.ndarray]:
    """Clearance without its price still needs the height that its law divides by."""
    if name == "clearance" or "clearance" not in data.parameters:
        return {}
    return {"clearance": np.asarray(data.parameters["clearance"], float) * np.array([0.0, 1.0])}


def _word(name: str) -> str:
    for beginning, word in zip(_WEIGHTS, ("", "change of "), strict=True):
        if name.startswith(beginning):
            return word + name[len(beginning) :]
    return _NAMES[name]

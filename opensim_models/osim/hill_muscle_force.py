"""One muscle between two points, as OpenSim computes it: force, equilibrium, heat. Runs inside a worker process.

A slider carries the insertion away from the origin, so that its coordinate is the muscle-tendon length itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.library import osim

_STATES = ("length", "velocity", "activation", "tendon_force", "tendon_force_rate")


def hill_muscle_states(path: str, parameters: dict[str, Any], rigid_tendon: bool, states: np.ndarray) -> np.ndarray:
    """Forces and fibre states of a DeGrooteFregly2016Muscle.

    Parameters
    ----------
    path : str
        What messages call the muscle.
    parameters : dict
        Fields of `opensim_models.model.muscle_tendon.MuscleTendon`.
    rigid_tendon : bool
    states : (n, 5) array
        Length (m), velocity (m/s), activation, normalised tendon force and its rate (1/s).

    Returns
    -------
    (n, 8) array
        Columns of `opensim_models.osim.hill_muscle_client.COLUMNS`.
    """
    return np.array([row for row, _ in _visits(path, parameters, rigid_tendon, states, None)])


def hill_muscle_heat(
    path: str, parameters: dict[str, Any], metabolics: dict[str, Any], states: np.ndarray
) -> np.ndarray:
    """Metabolic rates (n, 5) in W of the same muscle with a rigid tendon by Bhargava2004SmoothedMuscleMetabolics.

    `metabolics` holds properties of that class by name, and ``mass`` (kg) and ``slow_share`` of the muscle; the
    excitation is the activation. Columns: activation, maintenance, shortening, work, and the total with its limits.
    """
    return np.array([heat for _, heat in _visits(path, parameters, True, states, metabolics)])


def hill_activation_rates(path: str, parameters: dict[str, Any], steepness: float, states: np.ndarray) -> np.ndarray:
    """Rates of activation (n,) in 1/s of the same muscle; `states` (n, 2) holds excitation and activation.

    Only the first call in the life of a process heeds the constants: see `opensim_models.osim.hill_muscle_client`.
    """
    if states.ndim != 2 or states.shape[1] != 2:
        raise ModelMismatch(f"{path}: states {states.shape} are not rows of excitation, activation.")
    model = osim.Model()
    muscle = _hill_muscle(model, parameters, True)
    muscle.set_activation_time_constant(parameters["activation_time"])
    muscle.set_deactivation_time_constant(parameters["deactivation_time"])
    muscle.set_activation_dynamics_smoothing(steepness)
    state = model.initSystem()
    length = parameters["tendon_slack_length"] + parameters["optimal_fibre_length"]
    model.getCoordinateSet().get(0).setValue(state, length, False)
    rates = []
    for excitation, activation in np.asarray(states, dtype=float).tolist():
        muscle.setActivation(state, activation)
        model.realizeVelocity(state)
        model.setControls(state, osim.Vector(1, excitation))
        model.realizeAcceleration(state)
        rates.append(muscle.getStateVariableDerivativeValue(state, "activation"))
    return np.array(rates)


def _visits(
    path: str, parameters: dict[str, Any], rigid: bool, states: np.ndarray, metabolics: dict[str, Any] | None
) -> list[tuple[list[float], list[float]]]:
    """Pose the muscle in every state and read off its forces and, where asked for, its heat."""
    if states.ndim != 2 or states.shape[1] != len(_STATES):
        raise ModelMismatch(f"{path}: states {states.shape} are not rows of {', '.join(_STATES)}.")
    model = osim.Model()
    muscle = _hill_muscle(model, parameters, rigid)
    heat = None if metabolics is None else _metabolics(model, muscle, metabolics)
    state = model.initSystem()
    slider = model.getCoordinateSet().get(0)
    rows = []
    for length, velocity, activation, force, rate in np.asarray(states, dtype=float).tolist():
        slider.setValue(state, length, False)
        slider.setSpeedValue(state, velocity)
        muscle.setActivation(state, activation)
        if heat is not None:
            model.realizeVelocity(state)
            model.setControls(state, osim.Vector(1, activation))
        if not rigid:
            muscle.setNormalizedTendonForce(state, force)
            muscle.setDiscreteVariableValue(state, muscle.getImplicitDynamicsDerivativeName(), rate)
        model.realizeDynamics(state)
        rows.append((_forces(muscle, state, rigid), [] if heat is None else _rates(heat, muscle, state)))
    return rows


def _hill_muscle(model: Any, parameters: dict[str, Any], rigid: bool) -> Any:
    """Put a muscle between the ground and a body on a slider into the model."""
    body = osim.Body("insertion", 1.0, osim.Vec3(0.0), osim.Inertia(1.0, 1.0, 1.0))
    model.addBody(body)
    joint = osim.SliderJoint("slider", model.getGround(), body)
    joint.updCoordinate().setName("length")
    model.addJoint(joint)
    muscle = osim.DeGrooteFregly2016Muscle()
    muscle.setName(str(parameters["name"]))
    muscle.set_max_isometric_force(parameters["max_isometric_force"])
    muscle.set_optimal_fiber_length(parameters["optimal_fibre_length"])
    muscle.set_tendon_slack_length(parameters["tendon_slack_length"])
    muscle.set_pennation_angle_at_optimal(parameters["pennation"])
    muscle.set_max_contraction_velocity(parameters["max_contraction_velocity"])
    muscle.set_fiber_damping(parameters["fibre_damping"])
    if parameters["passive_strain"] is not None:
        muscle.set_passive_fiber_strain_at_one_norm_force(parameters["passive_strain"])
    if parameters["tendon_strain"] is not None:
        muscle.set_tendon_strain_at_one_norm_force(parameters["tendon_strain"])
    muscle.set_ignore_tendon_compliance(rigid)
    muscle.set_ignore_activation_dynamics(False)
    muscle.set_tendon_compliance_dynamics_mode("implicit")
    muscle.addNewPathPoint("origin", model.getGround(), osim.Vec3(0.0))
    muscle.addNewPathPoint("insertion", body, osim.Vec3(0.0))
    model.addForce(muscle)
    return muscle


def _forces(muscle: Any, state: Any, rigid: bool) -> list[float]:
    strength = muscle.getMaxIsometricForce()
    return [
        muscle.getTendonForce(state) / strength,
        muscle.getFiberForceAlongTendon(state) / strength,
        0.0 if rigid else muscle.getImplicitResidualNormalizedTendonForce(state),
        muscle.getNormalizedFiberLength(state),
        muscle.getNormalizedFiberVelocity(state),
        muscle.getActiveFiberForce(state) / strength,
        muscle.getPassiveFiberForce(state) / strength,
        muscle.getTendonLength(state),
    ]


def _metabolics(model: Any, muscle: Any, settings: dict[str, Any]) -> Any:
    """Put OpenSim's metabolic rate of the muscle into the model."""
    heat = osim.Bhargava2004SmoothedMuscleMetabolics()
    heat.setName("heat")
    for name, value in settings.items():
        if name not in {"mass", "slow_share"}:
            getattr(heat, f"set_{name}")(value)
    heat.addMuscle(muscle.getName(), muscle, settings["slow_share"], _SPECIFIC_TENSION)
    entry = heat.upd_muscle_parameters(0)
    entry.set_use_provided_muscle_mass(True)
    entry.set_provided_muscle_mass(settings["mass"])
    model.addComponent(heat)
    return heat


_SPECIFIC_TENSION = 0.25e6  # Pa; without effect, because the mass is given


def _rates(heat: Any, muscle: Any, state: Any) -> list[float]:
    return [
        heat.getTotalActivationRate(state),
        heat.getTotalMaintenanceRate(state),
        heat.getTotalShorteningRate(state),
        heat.getTotalMechanicalWorkRate(state),
        heat.getMuscleMetabolicRate(state, muscle.getAbsolutePathString()),
    ]

"""Start: where the solver begins, made from normative gait with the feet on the floor."""

from __future__ import annotations

import numpy as np

from opensim_models.model.multibody import point_position, segment_states
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.gait_problem import GaitProgram
from synth.optimal_control.ground_contact import ContactModel
from synth.optimal_control.normative_gait import GaitStyle, cycle_duration, normative_coordinates, normative_forces

RESTING_ACTIVATION = 0.05


def normative_start(
    gait: GaitProgram,
    skeleton: Skeleton,
    height: float,
    speed: float,
    contact: ContactModel,
    style: GaitStyle | None = None,
    duration: float | None = None,
    shift: float = 0.0,
) -> np.ndarray:
    """Solver variables of normative walking with the feet on the floor.

    Parameters
    ----------
    gait : GaitProgram
    skeleton : Skeleton
    height, speed : float
        m, m/s.
    contact : ContactModel
        Its points stand on the floor.
    style : GaitStyle, optional
    duration : float, optional
        Of the full cycle (s); the normative one if absent.
    shift : float
        Phase of the gait cycle at the first node (0 = right foot strike).
    """
    mesh = gait.structure.mesh
    full = duration or cycle_duration(speed, height, style)
    period = full / 2.0 if mesh.period == "half_cycle" else full
    share = 0.5 if mesh.period == "half_cycle" else 1.0
    fine = np.arange(200) / 200.0
    q = normative_coordinates(fine + shift, speed, height, style)
    q[:, 1], q[:, 2] = 0.0, 0.0
    q[:, 2] = low_pass_periodic(-lowest_point(skeleton, q, contact, height) - 0.004, 4)
    v, a = periodic_derivatives(q, full)
    q[:, 1], v[:, 1] = speed * full * fine, speed
    at = np.round(mesh.phase * share * 200).astype(int) % 200
    forces = np.zeros((mesh.n_nodes, 6))
    forces[:, [0, 1, 3, 4]] = normative_forces(mesh.phase * share + shift, speed, height)
    arrays = {
        "coordinates": q[at],
        "speeds": v[at],
        "accelerations": a[at],
        "forces": forces,
        "duration": np.array([period]),
        "speed": np.array([speed]),
    }
    if gait.structure.muscles:
        arrays |= {"activations": np.array(RESTING_ACTIVATION), "excitations": np.array(RESTING_ACTIVATION)}
    return gait.variables.join({k: value / nodes.SCALE[k] for k, value in arrays.items()})


def periodic_derivatives(values: np.ndarray, duration: float) -> tuple[np.ndarray, np.ndarray]:
    """First and second time derivative of periodic samples (n, k) by Fourier series."""
    n = len(values)
    omega = 2j * np.pi * np.fft.rfftfreq(n, duration / n)[:, None]
    spectrum = np.fft.rfft(values, axis=0)
    return np.fft.irfft(omega * spectrum, n, axis=0), np.fft.irfft(omega**2 * spectrum, n, axis=0)


def low_pass_periodic(values: np.ndarray, n_harmonics: int) -> np.ndarray:
    """Keep the mean and the first harmonics of periodic samples (n, …)."""
    spectrum = np.fft.rfft(values, axis=0)
    spectrum[n_harmonics + 1 :] = 0.0
    return np.fft.irfft(spectrum, len(values), axis=0)


def lowest_point(skeleton: Skeleton, coordinates: np.ndarray, contact: ContactModel, height: float) -> np.ndarray:
    """Height (n,) of the lowest contact point over the floor (m)."""
    states = segment_states(skeleton, list(coordinates.T))
    lows = []
    for foot in nodes.FEET:
        state = states[skeleton.segment_index(foot)]
        for p in contact.points:
            centre = point_position(state, (height * p.position[0], height * p.position[1], 0.0))
            lows.append(centre[1] - height * p.radius)
    return np.min(lows, axis=0)

"""Generate: a virtual person's own gait, predicted by optimal control.

The gait minimises muscle effort and roughness while staying near normative walking of that speed in the person's own
style; it satisfies the equations of motion of a muscle-driven model on Hunt-Crossley spheres. The right and left steps
mirror each other, so that half a cycle is solved.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap_import.subject import Subject
from opensim_models.catalogue import planar_skeleton
from opensim_models.multibody import point_position, segment_states
from opensim_models.skeleton import Skeleton
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.collocation import Mesh
from synth.optimal_control.gait_problem import (
    GaitData,
    GaitProgram,
    GaitStructure,
    gait_program,
    mirror_columns,
    person_data,
    start_at_origin,
)
from synth.optimal_control.ground_contact import SPHERES, ContactModel
from synth.optimal_control.muscle import GAIT_MUSCLES
from synth.optimal_control.normative_gait import (
    GaitStyle,
    cycle_duration,
    draw_style,
    normative_coordinates,
    normative_forces,
)
from synth.optimal_control.solution import GaitSolution, SolutionNotFound, make_solution
from synth.optimal_control.solver import Iterate, solve

SPEED_RANGE = (0.6, 2.2)
"""Walking speeds (m/s) that `generate_gait` accepts for a person of 1.75 m."""

_NODES_COARSE, _NODES_FINE = 16, 50
# Standard deviations around the normative gait: how far effort may pull the person away from it.
_ANGLE_SD = np.radians(4.0)
_TRUNK_SD = np.radians(2.0)
_VERTICAL_SD, _FORWARD_SD = 0.05, 0.03
_SOFT_FLOOR = 0.02
_EFFORT, _SMOOTHNESS = 4.0, 1e-2


def generate_gait(
    subject: Subject,
    speed: float,
    *,
    style: GaitStyle | None = None,
    seed: int | None = None,
    table: str = "de_leva",
    n_nodes: int = 2 * _NODES_FINE,
) -> GaitSolution:
    """Predict how a person walks.

    Parameters
    ----------
    subject : Subject
        With mass and height.
    speed : float
        m/s.
    style : GaitStyle, optional
        The person's own manner; drawn from `seed` if absent, the normative one if both are.
    seed : int, optional
    table : str
        Anthropometric table of the skeleton.
    n_nodes : int
        Nodes of the full cycle (even).

    Returns
    -------
    GaitSolution
        Refused, with the reason, if no acceptable gait was found.

    Raises
    ------
    SolutionNotFound
        The request itself is impossible: no mass or height, a speed nobody walks at.
    """
    _check_request(subject, speed)
    if style is None:
        style = GaitStyle() if seed is None else draw_style(np.random.default_rng(seed))
    skeleton = planar_skeleton(subject, table)
    spent: list[Iterate] = []
    iterate, gait, data = None, None, None
    for structure, rounding, warm in _ladder(n_nodes // 2):
        following = gait_program(structure)
        data = _generation_data(following, skeleton, subject.height, speed, style, rounding)
        if iterate is None:
            start = normative_start(following, skeleton, subject.height, speed, SPHERES, style)
        else:
            start = resample_iterate(gait, following, iterate.values)
        gait = following
        iterate = solve(gait, data, start, warm=warm)
        spent.append(iterate)
        import os

        os.environ.get("DBG") and print(
            "   ",
            structure.muscles,
            structure.mesh.n_intervals,
            iterate.converged,
            iterate.iterations,
            round(iterate.objective, 2),
            round(iterate.cpu_seconds, 2),
        )
        if not iterate.converged:
            break
    solution = make_solution(gait, data, skeleton, add_up(spent))
    return replace(solution, reason=refuse_walking(solution)) if solution.converged else solution


def _ladder(n_nodes: int) -> tuple[tuple[GaitStructure, float | None, bool], ...]:
    """Structure, rounding of the contact and warmth of each stage: torques, then muscles, then the fine mesh.

    Spheres push only where they touch, so a start with a foot in the air may never find the floor; a soft floor reaches
    far enough to pull every start into the basin of walking.
    """
    coarse = Mesh(_NODES_COARSE, period="half_cycle")
    fine = Mesh(n_nodes, period="half_cycle")
    return (
        (GaitStructure(coarse, "", SPHERES.name), _SOFT_FLOOR, False),
        (GaitStructure(coarse, GAIT_MUSCLES.name, SPHERES.name), None, False),
        (GaitStructure(fine, GAIT_MUSCLES.name, SPHERES.name), None, True),
    )


def _check_request(subject: Subject, speed: float) -> None:
    if not (15.0 <= subject.mass <= 250.0 and 0.9 <= subject.height <= 2.4):
        raise SolutionNotFound(
            f"subject {subject.code}: expected a mass of 15-250 kg and a height of 0.9-2.4 m, got {subject.mass} kg "
            f"and {subject.height} m. Check the units."
        )
    slow, fast = (s * np.sqrt(subject.height / 1.75) for s in SPEED_RANGE)
    if not slow <= speed <= fast:
        raise SolutionNotFound(
            f"subject {subject.code}: {speed} m/s is outside the walking range {slow:.2f}-{fast:.2f} m/s of a person "
            f"of {subject.height:.2f} m. Ask for a speed inside it."
        )


def add_up(stages: list[Iterate]) -> Iterate:
    """The last stage with the iterations and seconds of all."""
    return replace(
        stages[-1],
        iterations=sum(s.iterations for s in stages),
        seconds=sum(s.seconds for s in stages),
        cpu_seconds=sum(s.cpu_seconds for s in stages),
    )


def _generation_data(
    gait: GaitProgram, skeleton: Skeleton, height: float, speed: float, style: GaitStyle, rounding: float | None
) -> GaitData:
    mesh = gait.structure.mesh
    half = cycle_duration(speed, height, style) / 2.0
    data = person_data(gait.structure, skeleton, height, strength=style.strength, rounding=rounding)
    data = start_at_origin(data, mesh.n_nodes)
    data = data.with_bounds("duration", half, half).with_bounds("speed", speed, speed)
    phase = mesh.phase / 2.0
    trunk = [nodes.COORDINATES.index(n) for n in ("pelvis_tilt", "lumbar_extension")]
    precision = np.full(nodes.N_Q, _ANGLE_SD**-2.0)
    precision[trunk] = _TRUNK_SD**-2.0
    wanted = normative_coordinates(phase, speed, height, style)
    data = data.tracking("coordinates", wanted, precision, mesh.quadrature)
    forces = np.full((mesh.n_nodes, 6), np.nan)
    forces[:, [0, 1, 3, 4]] = normative_forces(phase, speed, height)
    spread = np.array([_FORWARD_SD, _VERTICAL_SD, 1.0] * 2)
    data = data.tracking("forces", forces, spread**-2.0, mesh.quadrature)
    n = mesh.n_nodes
    if gait.structure.muscles:
        muscles = len(GAIT_MUSCLES.muscles) * 2
        data = data.tracking("activations", np.zeros((n, muscles)), _EFFORT, mesh.quadrature)
        data = data.tracking("excitations", np.zeros((n, muscles)), 0.1 * _EFFORT, mesh.quadrature)
    return smooth(data, gait, _SMOOTHNESS)


def smooth(data: GaitData, gait: GaitProgram, weight: float) -> GaitData:
    """Add a cost of weight × time average of squared jerk in (50 rad/s²) per 1/100 of the mesh."""
    n = gait.structure.mesh.n_nodes
    roughness = np.full((1, nodes.N_Q), weight * n)
    for name in ("pelvis_tx", "pelvis_ty"):
        roughness[0, nodes.COORDINATES.index(name)] *= 25.0  # m against rad: accelerations are smaller numbers
    return data.with_parameters(roughness__accelerations=roughness)


def refuse_walking(solution: GaitSolution) -> str:
    """Why a converged solution is not human walking; empty if it is."""
    checks = solution.checks
    for side in "rl":
        share = checks[f"stance_share_{side}"]
        if not 0.5 <= share <= 0.75:
            return f"stance share {share:.0%} on side {side} is not walking (50-75 %)"
    if checks["stuck_coordinate_samples"]:
        return "a coordinate is stuck at the end of its range of motion"
    if checks["residual_share_bw"] > 0.05:
        return f"equation residual between nodes is {checks['residual_share_bw']:.1%} of body weight"
    return ""


# ----------------------------------------------------------------------------------------------------------- starts


def normative_start(
    gait: GaitProgram,
    skeleton: Skeleton,
    height: float,
    speed: float,
    contact: ContactModel,
    style: GaitStyle | None = None,
    duration: float | None = None,
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
    """
    mesh = gait.structure.mesh
    full = duration or cycle_duration(speed, height, style)
    period = full / 2.0 if mesh.period == "half_cycle" else full
    share = 0.5 if mesh.period == "half_cycle" else 1.0
    fine = np.arange(200) / 200.0
    q = normative_coordinates(fine, speed, height, style)
    q[:, 1], q[:, 2] = 0.0, 0.0
    q[:, 2] = low_pass_periodic(-lowest_point(skeleton, q, contact, height) - 0.004, 4)
    v, a = periodic_derivatives(q, full)
    q[:, 1], v[:, 1] = speed * full * fine, speed
    at = np.round(mesh.phase * share * 200).astype(int) % 200
    forces = np.zeros((mesh.n_nodes, 6))
    forces[:, [0, 1, 3, 4]] = normative_forces(mesh.phase * share, speed, height)
    arrays = {
        "coordinates": q[at],
        "speeds": v[at],
        "accelerations": a[at],
        "forces": forces,
        "duration": np.array([period]),
        "speed": np.array([speed]),
    }
    if gait.structure.muscles:
        arrays |= {"activations": np.array(0.05), "excitations": np.array(0.05)}
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


def resample_iterate(coarse: GaitProgram, fine: GaitProgram, values: np.ndarray) -> np.ndarray:
    """Carry solver variables to another mesh of the same period, linearly between nodes; new arrays start at 0."""
    old = coarse.variables.split(values)
    arrays = {}
    for name, shape in fine.variables.shapes.items():
        if name not in old:
            continue
        array = old[name]
        if len(shape) == 2:
            arrays[name] = _resample(array, name, coarse, fine, old)
        elif array.shape == shape:
            arrays[name] = array
    for name in ("activations", "excitations"):
        if name in fine.variables.shapes and name not in old:
            arrays[name] = np.array(0.05)
    return fine.variables.join(arrays)


def _resample(
    array: np.ndarray, name: str, coarse: GaitProgram, fine: GaitProgram, old: dict[str, np.ndarray]
) -> np.ndarray:
    period = coarse.structure.mesh.period
    if period != "none":
        last = array[:1]
        if period == "half_cycle":
            last = last[:, mirror_columns(name, array.shape[1])]
        if name == "coordinates":
            last = last.copy()
            last[0, 1] += old["speed"][0] * old["duration"][0]
        array = np.vstack([array, last])
    phase = np.linspace(0.0, 1.0, len(array))
    target = fine.structure.mesh.phase
    return np.stack([np.interp(target, phase, column) for column in array.T], axis=1)

"""Generate: a virtual person's own gait, predicted by optimal control.

The gait minimises muscle effort and roughness while staying near normative walking of that speed in the person's own
style; it satisfies the equations of motion of a muscle-driven model on Hunt-Crossley spheres. The right and left steps
mirror each other, so that half a cycle is solved.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.gait_data import GaitData, loosen_contact, person_data, smooth, start_at_origin
from synth.optimal_control.gait_problem import GaitProgram
from synth.optimal_control.gait_structure import GaitStructure
from synth.optimal_control.ground_contact import SPHERES
from synth.optimal_control.ladder import Rung, climb
from synth.optimal_control.muscle_table import GAIT_MUSCLES
from synth.optimal_control.normative_gait import (
    GaitStyle,
    cycle_duration,
    draw_style,
    normative_coordinates,
    normative_forces,
)
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.solution import GaitSolution, SolutionNotFound, make_solution
from synth.optimal_control.start import normative_start

SPEED_RANGE = (0.6, 2.2)
"""Walking speeds (m/s) that `generate_gait` accepts for a person of 1.75 m."""

_NODES_COARSE, _NODES_FINE = 16, 50
# Standard deviations around the normative gait: how far effort may pull the person away from it.
_ANGLE_SD = np.radians(4.0)
_TRUNK_SD = np.radians(2.0)
_VERTICAL_SD, _FORWARD_SD = 0.05, 0.03
_SLACK_SD = 0.03
_EFFORT, _SMOOTHNESS = 4.0, 1e-2


def generate_gait(
    subject: Subject,
    speed: float,
    *,
    style: GaitStyle | None = None,
    seed: int | None = None,
    spread: float = 1.0,
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
    spread : float
        How much drawn styles differ, see `normative_gait.draw_style`.
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
        style = GaitStyle() if seed is None else draw_style(np.random.default_rng(seed), spread)
    skeleton = planar_skeleton(subject, table)
    solution = None
    for manner in (style, GaitStyle()):
        solution = _generate(skeleton, subject.height, speed, style, manner, n_nodes // 2, solution)
        if solution.converged:
            return solution
    return solution


def _generate(
    skeleton: Skeleton,
    height: float,
    speed: float,
    style: GaitStyle,
    start_style: GaitStyle,
    n_nodes: int,
    before: GaitSolution | None,
) -> GaitSolution:
    """Climb the ladder from a start; the seconds of an attempt before are counted."""

    def start(gait: GaitProgram) -> np.ndarray:
        return normative_start(gait, skeleton, height, speed, SPHERES, start_style)

    def data(gait: GaitProgram, slack: float = 0.0) -> GaitData:
        wanted = generation_data(gait, skeleton, height, speed, style)
        return loosen_contact(wanted, gait, slack) if slack else wanted

    coarse = Mesh(_NODES_COARSE, period="half_cycle")
    fine = Mesh(n_nodes, period="half_cycle")
    # Spheres push only where they touch, so a start with a foot in the air may never find the floor: at first the
    # forces may differ from the contact law, at a price.
    torques = GaitStructure(coarse, "", SPHERES.name)
    muscles = replace(torques, muscles=GAIT_MUSCLES.name)
    rungs = (
        Rung("yielding contact", torques, partial(data, slack=_SLACK_SD)),
        Rung("torques", torques, data, optional=True),
        Rung("muscles", muscles, data),
        Rung("fine mesh", replace(muscles, mesh=fine), data, warm=True),
    )
    reached = climb(rungs, start)
    solution = make_solution(reached, skeleton)
    refusal = refuse_walking(solution) if solution.converged else ""
    if refusal:
        solution = replace(solution, status="refused", reason=refusal)
    if before is not None:
        solution = replace(
            solution, seconds=solution.seconds + before.seconds, cpu_seconds=solution.cpu_seconds + before.cpu_seconds
        )
    return solution


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


def generation_data(gait: GaitProgram, skeleton: Skeleton, height: float, speed: float, style: GaitStyle) -> GaitData:
    """Numbers of one person's problem: stay near the normative gait in the own style, with little effort and jerk."""
    mesh = gait.structure.mesh
    half = cycle_duration(speed, height, style) / 2.0
    data = person_data(gait.structure, skeleton, height, strength=style.strength)
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

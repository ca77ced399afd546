"""A small movement: our own planar model, driven by torques, following a made-up walk on forces under its feet."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.movement.climb import Climb, Rung, climb, start_values
from synth.optimal_control.movement.data import MovementData, person_data
from synth.optimal_control.movement.problem import MovementProgram
from synth.optimal_control.movement.solution import MovementSolution, make_solution, net_moments
from synth.optimal_control.movement.structure import MovementStructure, movement_structure
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.solver import SolverSettings
from synth.optimal_control.recording.model_preparation import prepare_model

PLANAR = Path(__file__).resolve().parents[3] / "opensim_models" / "generic" / "models" / "planar.osim"
DURATION, SPEED = 1.1, 1.25


def made_up_walk(skeleton: Skeleton, phase: np.ndarray) -> np.ndarray:
    """Coordinates (n, n_q) in rad and m of something like a walk."""
    turn = 2.0 * np.pi * phase
    swing = {"r": turn, "l": turn + np.pi}
    columns = {"pelvis_tilt": 0.03 * np.cos(2.0 * turn), "lumbar_extension": -0.03 * np.cos(2.0 * turn)}
    columns |= {"pelvis_tx": SPEED * DURATION * phase, "pelvis_ty": 0.92 + 0.02 * np.cos(2.0 * turn)}
    for side, angle in swing.items():
        columns[f"hip_flexion_{side}"] = 0.1 + 0.4 * np.cos(angle)
        columns[f"knee_angle_{side}"] = 0.5 - 0.4 * np.cos(angle + 1.0)
        columns[f"ankle_angle_{side}"] = 0.15 * np.sin(angle)
    return np.stack([columns.get(name, 0.0 * phase) for name in skeleton.coordinate_names], axis=1)


def made_up_forces(phase: np.ndarray) -> np.ndarray:
    """Forces (n, 2, 2) in body weights under the right and left foot, forward and up."""
    shares = np.stack([0.5 + 0.5 * np.sin(2.0 * np.pi * phase), 0.5 - 0.5 * np.sin(2.0 * np.pi * phase)], axis=1)
    return np.stack([0.1 * np.cos(2.0 * np.pi * phase)[:, None] * shares, shares], axis=2)


def planar_structure(n_intervals: int = 12, scheme: str = "trapezoidal", period: str = "cycle") -> MovementStructure:
    """Torques at every joint, free forces under both feet."""
    skeleton = planar_skeleton()
    joints = [name for name in skeleton.coordinate_names if not name.startswith("pelvis")]
    return movement_structure(skeleton, Mesh(n_intervals, scheme, period), torques=joints, wrenches=True)


@cache
def planar_skeleton() -> Skeleton:
    """Our own planar model without muscles and spheres."""
    return prepare_model(PLANAR, muscles=False, contact=False, show_progress=False).skeleton


def planar_data(movement: MovementProgram) -> MovementData:
    """What the small movement follows."""
    structure, mesh = movement.structure, movement.structure.mesh
    share = 0.5 if mesh.period == "half_cycle" else 1.0
    phase = share * mesh.phase
    data = person_data(structure, planar_skeleton())
    data = data.with_bounds("duration", share * DURATION, share * DURATION).with_bounds("speed", SPEED, SPEED)
    forces = np.full((mesh.n_nodes, 6), np.nan)
    forces[:, [0, 1, 3, 4]] = made_up_forces(phase).reshape(-1, 4)
    data = data.following("wrenches", forces, 10.0, mesh.quadrature)
    data = data.following("torques", np.zeros((mesh.n_nodes, len(structure.actuated))), 0.01, mesh.quadrature)
    return data.following("coordinates", made_up_walk(planar_skeleton(), phase), 100.0, mesh.quadrature)


def planar_start(movement: MovementProgram) -> np.ndarray:
    """The walk itself."""
    mesh = movement.structure.mesh
    share = 0.5 if mesh.period == "half_cycle" else 1.0
    arrays = {"coordinates": made_up_walk(planar_skeleton(), share * mesh.phase), "duration": [share * DURATION]}
    return start_values(movement, arrays | {"speed": [SPEED]})


def planar_climb(structure: MovementStructure) -> Climb:
    """The small movement, solved."""
    return climb([Rung("torques", structure, planar_data, SolverSettings(tolerance=1e-6))], planar_start)


@cache
def planar_solution(n_intervals: int = 12, scheme: str = "trapezoidal", period: str = "cycle") -> MovementSolution:
    """The small movement as a solution."""
    return make_solution(planar_climb(planar_structure(n_intervals, scheme, period)), planar_skeleton())


def smooth_solution(n_frames: int = 221) -> MovementSolution:
    """The made-up walk itself with its exact derivatives, and the moments that it demands; nothing was solved."""
    structure, skeleton = planar_structure(), planar_skeleton()
    time = np.linspace(0.0, DURATION, n_frames)[:-1]
    phase, step = time / DURATION, 1e-4
    walks = [made_up_walk(skeleton, phase + k * step) for k in (-1, 0, 1)]
    # of a sum of sines, second differences over this step are exact to 1e-7 of their size
    speeds = (walks[2] - walks[0]) / (2.0 * step * DURATION)
    accelerations = (walks[2] - 2.0 * walks[1] + walks[0]) / (step * DURATION) ** 2
    arrays = {"coordinates": walks[1], "speeds": speeds, "accelerations": accelerations}
    weight = skeleton.mass * 9.80665
    loads = np.zeros((len(time), 2, 6))
    loads[:, :, :2] = made_up_forces(phase) * weight
    pressure = SPEED * time[:, None] + np.array([0.05, -0.05])
    loads[:, :, 5] = pressure * loads[:, :, 1]
    loads[:, :, 4] = 5.0 * made_up_forces(phase)[:, :, 1]
    moments = net_moments(structure, skeleton, arrays, loads)
    whole = {"time": time, **arrays, "moments": moments, "loads": loads, "duration": DURATION, "speed": SPEED}
    return replace(planar_solution(), **whole)

"""The 3-D walks that are compared: Moco's torque-driven problem as ours, and the muscle-driven one of the same trial.

The torque-driven twin takes every number from `benchmarks/moco_torque_walking_3d.py --problem`: reference, weights,
external wrenches at the grid times, limits of the controls. What is not the same: ground reactions act at the grid
points of the *recorded* motion as wrenches about the ground's origin, as OpenSim applies them at points of the ground;
joints of the knee are polynomials of the model's splines (20 micrometres).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.interpolate import make_interp_spline

from benchmarks.peers.moco_objective import deviations, tracking_objective
from opensim_models.exchange.storage import read_generalized_forces
from opensim_models.exchange.storage_table import read_table
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.movement.climb import Climb, physical, start_values
from synth.optimal_control.movement.data import MovementData, person_data
from synth.optimal_control.movement.problem import MovementProgram
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.movement.structure import LEVER, MovementStructure, movement_structure
from synth.optimal_control.population.recorded_people import DEVIATIONS, RANGES_DEG, SOLE
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.recording.model_preparation import PreparedModel, prepare_model
from synth.optimal_control.recording.recorded_cycle import RecordedCycle, recorded_cycle
from synth.optimal_control.recording.recorded_motion import MotionFiles
from synth.optimal_control.recording.recorded_tracking import TrackingSettings
from synth.optimal_control.recording.sphere_calibration import calibrate_spheres

LOADS = ("Right_GRF", "Left_GRF")
EMG = {
    "soleus": ("soleus",),
    "gastrocnemius": ("gasmed", "gaslat"),
    "tibialis_anterior": ("tibant",),
    "medial_hamstrings": ("semimem", "semiten"),
    "biceps_femoris": ("bflh",),
    "vastus_lateralis": ("vaslat",),
    "vastus_medius": ("vasmed",),
    "rectus_femoris": ("recfem",),
    "gluteus_maximus": ("glmax1", "glmax2", "glmax3"),
    "gluteus_medius": ("glmed1", "glmed2", "glmed3"),
}
"""Column of the EMG → muscles of the right leg, whose activations are averaged; that it is the right leg is an
assumption: neither file nor its description says so."""


def torque_structure(skeleton: Skeleton, problem: dict) -> MovementStructure:
    """Ideal actuators everywhere, wrenches as data, no period."""
    mesh = Mesh(problem["intervals"], "trapezoidal", "none")
    return movement_structure(skeleton, mesh, torques=skeleton.coordinate_names, wrenches=True)


def torque_reference(skeleton: Skeleton, problem: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Times (n,), values, speeds (n, n_q) and wrenches (n, 12) in body weights and body weight × LEVER."""
    states = problem["reference"]["states"]
    value, speed = _paths(skeleton, problem)
    q, v = (np.array([states[path] for path in paths]).T for paths in (value, speed))
    weight = skeleton.mass * float(np.linalg.norm(skeleton.gravity))
    columns = []
    for name in LOADS:
        force, point, torque = (np.array(problem["external_wrenches"][name][k]) for k in ("force", "point", "torque"))
        columns += [force / weight, (torque + np.cross(point, force)) / (weight * LEVER)]
    return np.array(problem["reference"]["times"]), q, v, np.hstack(columns)


def _paths(skeleton: Skeleton, problem: dict) -> tuple[list[str], list[str]]:
    states = problem["reference"]["states"]
    value = [next(p for p in states if p.endswith(f"/{name}/value")) for name in skeleton.coordinate_names]
    return value, [path.removesuffix("value") + "speed" for path in value]


def torque_data(structure: MovementStructure, skeleton: Skeleton, problem: dict) -> MovementData:
    """The objective and bounds of Moco's problem."""
    time, q, v, wrenches = torque_reference(skeleton, problem)
    duration = time[-1] - time[0]
    weights = structure.mesh.quadrature * duration
    actuators = problem["actuators"]
    names = [f"/forceset/torque_{name}" for name in skeleton.coordinate_names]
    unit = skeleton.mass * float(np.linalg.norm(skeleton.gravity)) * LEVER
    force = np.array([actuators[name]["optimal_force"] for name in names])
    limit = np.array([actuators[name]["max_control"] for name in names]) * force / unit
    price = np.array([problem["control_weights"][name] for name in names]) * (unit / force) ** 2
    tracking, effort = problem["weights"]["state_tracking"], problem["weights"]["control_effort"]
    data = person_data(structure, skeleton).with_bounds("wrenches", wrenches, wrenches)
    data = data.with_bounds("duration", duration, duration).with_bounds("speed", 0.0, 0.0)
    data = data.with_bounds("torques", -limit, limit)
    data = data.following("coordinates", q, tracking, weights).following("speeds", v, tracking, weights)
    return data.following("torques", np.zeros_like(q), effort * price, weights)


def torque_start(movement: MovementProgram, skeleton: Skeleton, problem: dict) -> np.ndarray:
    """The reference itself, without torques."""
    time, q, v, wrenches = torque_reference(skeleton, problem)
    a = make_interp_spline(time, v, k=5).derivative()(time)
    arrays = {"coordinates": q, "speeds": v, "accelerations": a, "wrenches": wrenches}
    return start_values(movement, {**arrays, "duration": np.array([time[-1] - time[0]])})


def torque_word(movement: MovementProgram, values: np.ndarray, skeleton: Skeleton, problem: dict) -> dict[str, float]:
    """Moco's objective of our solution, recomputed, and the deviations from the recording."""
    arrays, (value, speed) = physical(movement, values), _paths(skeleton, problem)
    unit = skeleton.mass * float(np.linalg.norm(skeleton.gravity)) * LEVER
    names = [f"/forceset/torque_{name}" for name in skeleton.coordinate_names]
    force = np.array([problem["actuators"][name]["optimal_force"] for name in names])
    trajectory = {
        "times": np.array(problem["reference"]["times"]),
        "states": np.hstack([arrays["coordinates"], arrays["speeds"]]),
        "state_paths": value + speed,
        "controls": arrays["torques"] * unit / force,
        "control_paths": names,
    }
    return tracking_objective(trajectory, problem) | deviations(trajectory, problem)


@dataclass(frozen=True)
class Walk:
    """The trial with muscles: model with soles that meet it, one full stride."""

    model: PreparedModel
    skeleton: Skeleton
    cycle: RecordedCycle
    folder: Path


def muscle_walk(folder: Path) -> Walk:
    """Prepare `opensim_core/rajagopal_walk`: 29 coordinates, 80 muscles, 12 spheres, one stride of 1.14 s."""
    sides = {f"{name}_{side}": tuple(np.radians(r)) for name, r in RANGES_DEG.items() for side in "rl"}
    model = prepare_model(folder / "subject_walk_scaled.osim", hold=["mtp_angle_r", "mtp_angle_l"], ranges=sides)
    files = MotionFiles(folder / "coordinates.sto", folder / "grf_walk.xml", emg=folder / "electromyography.sto")
    cycle = recorded_cycle(files, model.skeleton, 51, cutoff=6.0, force_cutoff=20.0, held=model.held)
    soles = tuple(replace(sphere, **SOLE) for sphere in model.skeleton.contacts)
    skeleton = calibrate_spheres(replace(model.skeleton, contacts=soles), cycle.motion).skeleton
    return Walk(model, skeleton, cycle, folder)


def muscle_settings(intervals: int, **options: object) -> TrackingSettings:
    """Full cycle, trapezoidal; lumbar joint and arms by ideal torques, as in the model; nothing at pelvis and legs."""
    return TrackingSettings(deviations=DEVIATIONS, meshes=(Mesh(intervals),), muscles=True, options=options)


def muscle_errors(walk: Walk, reached: Climb, solution: MovementSolution) -> dict[str, float]:
    """RMS over nodes: all rotations (deg), vertical force (% BW), leg moments against id_walk.sto (N·m), residuals."""
    motion, skeleton = walk.cycle.motion, walk.skeleton
    time = walk.cycle.start + reached.movement.structure.mesh.phase * walk.cycle.duration
    turning = [j for j, c in enumerate(skeleton.coordinates) if c.kind == "rotation"]
    legs = [j for j, n in enumerate(skeleton.coordinate_names) if n.startswith(("hip", "knee", "ankle"))]
    recorded = _at(time, motion.time, motion.values)
    path = walk.folder / "id_walk.sto"
    table, published = read_table(path), read_generalized_forces(path)
    own = table.start_time + np.arange(len(table.values)) / table.rate
    theirs = np.stack([np.interp(time, own, published.of(skeleton.coordinate_names[j])) for j in legs], axis=1)
    off = solution.moments[:, legs] - theirs
    weight = skeleton.mass * float(np.linalg.norm(skeleton.gravity))
    forces = np.stack(
        [g.force - _at(time, motion.time, motion.wrenches[g.foot].force) for g in solution.ground_reactions]
    )
    share = 100.0 / weight * np.sqrt((forces**2).mean(axis=(0, 1)))
    return {
        "rotations (deg)": float(np.degrees(_rms((solution.coordinates - recorded)[:, turning]))),
        "leg rotations (deg)": float(np.degrees(_rms((solution.coordinates - recorded)[:, legs]))),
        "vertical (% BW)": float(share[1]),
        "forward (% BW)": float(share[0]),
        "sideways (% BW)": float(share[2]),
        "leg moments (N m)": _rms(off),
        "worst leg moment (N m)": float(np.sqrt((off**2).mean(axis=0)).max()),
        "residual at the pelvis (N, N m)": float(np.abs(solution.moments[:, :6]).max()),
    }


def emg_correlations(walk: Walk, reached: Climb, solution: MovementSolution) -> dict[str, float]:
    """Correlation of activations with the normalised EMG over the stride, by column of the EMG."""
    motion = walk.cycle.motion
    time = walk.cycle.start + reached.movement.structure.mesh.phase * walk.cycle.duration
    measured = _at(time, motion.time, motion.emg)
    found = {}
    for column, muscles in EMG.items():
        if column in motion.muscles:
            own = [solution.muscles.index(f"{name}_r") for name in muscles]
            activation = solution.arrays["activations"][:, own].mean(axis=1)
            found[column] = float(np.corrcoef(activation, measured[:, motion.muscles.index(column)])[0, 1])
    return found


def _at(time: np.ndarray, own: np.ndarray, array: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(time, own, column) for column in array.T], axis=1)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))

"""Moco's planar walking problems in our formulation: same model, data, mesh, bounds and weights.

All numbers come from the file that `benchmarks/moco_walking_2d.py --problem` writes, the model from the same .osim
file. What is not the same:

- Moco's effort and deviations count at both ends of the half cycle; here the last node *is* the mirror image of the
  first, which then follows the mean of both references. Only where the pelvis is at the end along the way is left out
  of the objective that is minimised. Every objective shown is recomputed with all terms by `moco_objective`.
- Excitations at the last node are the mirror image of those at the first; Moco leaves them free there.
- Moco makes midpoint controls the mean of their neighbours' (its default); we do so where the row says it.
- Muscle paths are polynomials (worst length error 0.1 mm) of the model's own path points, which is the likely reason
  why OpenSim's own dynamics see a defect of up to 0.2 rad/s per interval in the speed of the light foot (about 0.1 N·m
  at the ankle, an estimate) and below 0.03 rad/s elsewhere. OpenSim's own contact forces give the same objective to six
  digits (`moco_walking_2d.py --evaluate` of our solution on 50 intervals).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy.interpolate import make_interp_spline

from benchmarks.peers import moco_objective
from opensim_models.model.skeleton import Skeleton
from opensim_models.muscle.path_fit import FitSettings
from synth.optimal_control.movement.climb import Climb, closed_array, physical
from synth.optimal_control.movement.solution import ground_loads, mirrored_loads
from synth.optimal_control.movement.structure import LEVER
from synth.optimal_control.prediction.prediction_settings import PredictionSettings
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.optimal_control.recording.recorded_motion import FootWrench, RecordedMotion
from synth.optimal_control.recording.tracking_settings import Deviations, TrackingSettings

KNEE_RANGE = (np.radians(-75.0), np.radians(3.0))
FITS = FitSettings(length_goal=1e-4, arm_goal=3e-4)
GROUPS = {"Right_GRF": "right", "Left_GRF": "left"}
PREDICTED_SPEED, PREDICTED_DURATION, PREDICTED_EFFORT = 1.2, (0.4, 0.6), 10.0


def walker(data: Path) -> Skeleton:
    """The example's model, its muscle paths fitted over the example's own ranges."""
    ranges = {"knee_angle_r": KNEE_RANGE, "knee_angle_l": KNEE_RANGE}
    return prepare_model(data / "2D_gait.osim", ranges=ranges, settings=FITS).skeleton


def read_problem(path: Path) -> dict:
    """Numbers of a problem."""
    return json.loads(path.read_text(encoding="utf-8"))


def half_cycle(intervals: int, scheme: str) -> Mesh:
    """A mesh of half a cycle."""
    return Mesh(intervals, scheme, "half_cycle")


def reference_of(problem: dict, skeleton: Skeleton) -> RecordedMotion:
    """The tracked half cycle at the grid times of the problem's file."""
    time = np.array(problem["reference"]["times"])
    states = {tuple(k.split("/")[-2:]): np.array(v) for k, v in problem["reference"]["states"].items()}
    values, speeds = (
        np.stack([states[name, kind] for name in skeleton.coordinate_names], axis=1) for kind in ("value", "speed")
    )
    accelerations = make_interp_spline(time, speeds, k=5).derivative()(time)
    wrenches = {}
    for group, side in GROUPS.items():
        force = np.array(problem["reference"]["forces"][group])
        wrenches[side] = FootWrench(f"calcn_{side[0]}", force, np.full_like(force, np.nan), (0.0, 0.0, 0.0))
    rate = 1.0 / (time[1] - time[0])
    return RecordedMotion(skeleton.coordinate_names, time, values, speeds, accelerations, wrenches, rate)


def _bounds(problem: dict, skeleton: Skeleton) -> dict[str, tuple[float, float]]:
    states = problem["bounds"]["states"]
    found = {path.split("/")[-2]: tuple(b["bounds"]) for path, b in states.items() if path.endswith("/value")}
    return {name: found[name] for name in skeleton.coordinate_names}


def _activation_times(problem: dict) -> np.ndarray:
    muscle = next(iter(problem["muscles"].values()))
    words = ("activation_time_constant", "deactivation_time_constant", "activation_dynamics_smoothing")
    return np.array([muscle[word] for word in words])


def tracking_twin(
    problem: dict,
    skeleton: Skeleton,
    meshes: tuple[Mesh, ...],
    *,
    linear_controls: bool = False,
    loosening: float = 1.0,
) -> TrackingSettings:
    """Settings of the tracking problem; deviations are Moco's weights to the power -1/2.

    `loosening` is a way to the solution and no part of the problem, see `TrackingSettings`.
    """
    weights = problem["weights"]
    weight = problem["total_mass"] * float(np.linalg.norm(problem["gravity"]))
    state, effort = weights["state_tracking"] ** -0.5, weights["control_effort"] ** -0.5
    deviations = Deviations(
        angle=state,
        place=state,
        angular_speed=state,
        linear_speed=state,
        force=(weights["contact"] * weight) ** -0.5,
        moment=None,
        excitation=effort,
        torque=effort,
    )
    limit = problem["bounds"]["controls"]["/lumbarAct"]["bounds"][1]
    return TrackingSettings(
        deviations=deviations,
        meshes=meshes,
        loosening=loosening,
        torques=("lumbar",),
        torque_limit=limit,
        bounds=_bounds(problem, skeleton),
        speed=(0.1, 4.0),
        options={"activation": "smooth", "linear_controls": linear_controls},
        parameters={"activation_times": _activation_times(problem)},
    )


def prediction_twin(problem: dict, skeleton: Skeleton, meshes: tuple[Mesh, ...]) -> PredictionSettings:
    """Settings of the prediction. The mean over time of effort over speed is effort over displacement."""
    tracked = tracking_twin(problem, skeleton, meshes)
    return PredictionSettings(
        speed=PREDICTED_SPEED,
        duration=PREDICTED_DURATION,
        meshes=meshes,
        effort=PREDICTED_EFFORT / PREDICTED_SPEED,
        effort_power=3,
        jerk=np.inf,
        # Moco cubes the torque (N·m) as well; both prices leave it near 0
        torque=(PREDICTED_EFFORT / PREDICTED_SPEED) ** -0.5,
        guide=tracked.deviations,
        weakening=(),
        torque_limit=tracked.torque_limit,
        bounds=tracked.bounds,
        options={"activation": "smooth"},
        actuated=("lumbar",),
        parameters=tracked.parameters,
    )


def trajectory_of(reached: Climb, problem: dict) -> dict[str, np.ndarray]:
    """A solution as Moco's states and controls at the mesh's nodes, its end included."""
    structure = reached.movement.structure
    arrays = physical(reached.movement, reached.iterate.values)
    closed = {n: closed_array(structure, n, arrays) for n in ("coordinates", "speeds", "activations", "excitations")}
    torques = closed_array(structure, "torques", arrays)
    weight = float(np.ravel(reached.data.parameters["weight"])[0])
    names, muscles = list(structure.pattern.coordinate_names), [m.name for m in structure.muscles]
    columns = []
    for path in problem["bounds"]["states"]:
        owner, kind = path.split("/")[-2:]
        if kind == "activation":
            columns.append(closed["activations"][:, muscles.index(owner)])
        else:
            columns.append(closed["coordinates" if kind == "value" else "speeds"][:, names.index(owner)])
    controls = [
        torques[:, 0] * weight * LEVER if path == "/lumbarAct" else closed["excitations"][:, muscles.index(path[1:])]
        for path in problem["bounds"]["controls"]
    ]
    loads = ground_loads(structure, reached.data, arrays)
    loads = np.concatenate([loads, mirrored_loads(loads[:1, ::-1], arrays, structure)])
    phase = np.r_[structure.mesh.phase, 1.0]
    return {
        "times": phase * float(arrays["duration"][0]),
        "states": np.stack(columns, axis=1),
        "state_paths": np.array(list(problem["bounds"]["states"])),
        "controls": np.stack(controls, axis=1),
        "control_paths": np.array(list(problem["bounds"]["controls"])),
        "forces": loads[..., :3],
        "force_groups": np.array(list(GROUPS)),
    }


def word_on(reached: Climb, problem: dict) -> dict[str, float]:
    """Moco's objective and the deviations from the data, recomputed in NumPy; midpoint controls' gap from the mean.

    `problem` is the one of the solution's own scheme and mesh.
    """
    trajectory = trajectory_of(reached, problem)
    # the example's final time is that of its table: rounding of the last bit must not count as another grid
    trajectory["times"] = np.array(problem["reference"]["times"])
    found = {**moco_objective.tracking_objective(trajectory, problem), **moco_objective.deviations(trajectory, problem)}
    controls = trajectory["controls"]
    if problem["scheme"] == "hermite-simpson":
        gap = controls[1::2] - 0.5 * (controls[:-2:2] + controls[2::2])
        found["midpoint_controls"] = float(np.sqrt(np.mean(gap**2)))
    return found


def predicted_objective(reached: Climb, problem: dict, scheme: str) -> dict[str, float]:
    """Moco's objective of a prediction, and its duration (s)."""
    trajectory = trajectory_of(reached, problem)
    arrays = physical(reached.movement, reached.iterate.values)
    displacement = float(arrays["speed"][0] * arrays["duration"][0])
    total = moco_objective.prediction_objective(
        trajectory, scheme, weight=PREDICTED_EFFORT, exponent=3, displacement=displacement
    )
    return {"total": total, "duration_s": float(arrays["duration"][0]), "displacement_m": displacement}

"""The planar peer: OpenSim Moco's walking example, tracked and predicted, in a process of its own and on one thread.

The problem is opensim-core's `example2DWalking` (Falisse et al. 2019, PLoS ONE 14:e0217730): model `2D_gait.osim`,
half a gait cycle of 0.470089 s, 50 intervals, left and right exchanged at the end. Only OpenSim is imported here.

    python -m benchmarks.moco_walking_2d --data FOLDER --out solution [--mesh 25] [--scheme trapezoidal]
    python -m benchmarks.moco_walking_2d --data FOLDER --problem problem.json
    python -m benchmarks.moco_walking_2d --data FOLDER --evaluate ours.npz --out value
    python -m benchmarks.moco_walking_2d --data FOLDER --predict --start solution.npz --out prediction

`--out` writes `<out>.npz` (times, states, controls, forces with their names) and `<out>.json` (objective and its terms,
sizes, iterations, seconds, whether the solver converged). The objective's exact definition stands in
`benchmarks/peers/moco_objective.py`.
"""

from __future__ import annotations

import argparse
import os
from math import radians
from pathlib import Path

os.environ["OPENSIM_MOCO_PARALLEL"] = "0"  # Moco's word for one thread; 1 would take every core

import numpy as np
import opensim

from benchmarks.peers import moco_problem, moco_run, moco_trajectory
from benchmarks.peers.moco_objective import prediction_objective

FINAL_TIME = 0.470089  # the example has 0.47008941, which is past the end of the filtered table since OpenSim 4.6
EFFORT_WEIGHT, STATE_WEIGHT, CONTACT_WEIGHT = 10.0, 1.0, 1.0
PREDICTED_SPEED, PREDICTED_EFFORT_WEIGHT, PREDICTED_EXPONENT = 1.2, 10.0, 3
PREDICTED_FINAL_TIME = (0.4, 0.6)
GROUPS = {"Right_GRF": ("contactHeel_r", "contactFront_r"), "Left_GRF": ("contactHeel_l", "contactFront_l")}
FORCE_LABELS = {"Right_GRF": "ground_force_r_v", "Left_GRF": "ground_force_l_v"}
COORDINATE_BOUNDS = {
    "/jointset/groundPelvis/pelvis_tilt/value": (radians(-20), radians(-10)),
    "/jointset/groundPelvis/pelvis_tx/value": (0.0, 1.0),
    "/jointset/groundPelvis/pelvis_ty/value": (0.75, 1.25),
    "/jointset/hip_l/hip_flexion_l/value": (radians(-10), radians(60)),
    "/jointset/hip_r/hip_flexion_r/value": (radians(-10), radians(60)),
    "/jointset/knee_l/knee_angle_l/value": (radians(-50), 0.0),
    "/jointset/knee_r/knee_angle_r/value": (radians(-50), 0.0),
    "/jointset/ankle_l/ankle_angle_l/value": (radians(-15), radians(25)),
    "/jointset/ankle_r/ankle_angle_r/value": (radians(-15), radians(25)),
    "/jointset/lumbar/lumbar/value": (0.0, radians(20)),
}


def symmetry_pairs(model: opensim.Model) -> list[tuple[str, str]]:
    """Pairs (state at the start, state at the end) that must be equal: left and right exchanged, travel left free."""
    names = model.getStateVariableNames()
    pairs = []
    for i in range(names.getSize()):
        name = names.get(i)
        if name.endswith("pelvis_tx/value"):
            continue
        side, other = ("_r/", "_l/") if "_r/" in name else ("_l/", "_r/")
        pairs.append((name, name.replace(side, other)))
    return pairs


def add_symmetry(problem: opensim.MocoProblem, model: opensim.Model) -> None:
    """Half-cycle symmetry of states (except travel) and of the lumbar control."""
    goal = opensim.MocoPeriodicityGoal("symmetry")
    for first, last in symmetry_pairs(model):
        goal.addStatePair(opensim.MocoPeriodicityGoalPair(first, last))
    goal.addControlPair(opensim.MocoPeriodicityGoalPair("/lumbarAct"))
    problem.addGoal(goal)


def set_bounds(problem: opensim.MocoProblem) -> None:
    """The example's bounds of coordinate values; everything else keeps Moco's defaults."""
    for path, (low, high) in COORDINATE_BOUNDS.items():
        problem.setStateInfo(path, opensim.MocoBounds(low, high))


def tracking_study(args: argparse.Namespace) -> opensim.MocoStudy:
    """The tracking problem: coordinates and speeds, ground forces, effort."""
    data = Path(args.data)
    track = opensim.MocoTrack()
    track.setName("walking_2d")
    processor = opensim.ModelProcessor(str(data / "2D_gait.osim"))
    track.setModel(processor)
    reference = opensim.TableProcessor(str(data / "referenceCoordinates.sto"))
    reference.append(opensim.TabOpLowPassFilter(6.0))
    track.setStatesReference(reference)
    track.set_states_global_tracking_weight(STATE_WEIGHT)
    track.set_allow_unused_references(True)
    track.set_track_reference_position_derivatives(True)
    track.set_apply_tracked_states_to_guess(True)
    track.set_initial_time(0.0)
    track.set_final_time(FINAL_TIME)
    study = track.initialize()
    problem = study.updProblem()
    model = processor.process()
    model.initSystem()
    add_symmetry(problem, model)
    opensim.MocoControlGoal.safeDownCast(problem.updGoal("control_effort")).setWeight(EFFORT_WEIGHT)
    contact = opensim.MocoContactTrackingGoal("contact", CONTACT_WEIGHT)
    contact.setExternalLoadsFile(str(data / "referenceGRF.xml"))
    for force, spheres in GROUPS.items():
        contact.addContactGroup(list(spheres), force)
    contact.setProjection("plane")
    contact.setProjectionVector(opensim.Vec3(0, 0, 1))
    problem.addGoal(contact)
    set_bounds(problem)
    moco_run.reset(study, args)
    return study


def prediction_study(args: argparse.Namespace) -> opensim.MocoStudy:
    """The prediction: cubed effort per metre at a prescribed speed, free duration."""
    study = opensim.MocoStudy()
    study.setName("walking_2d_prediction")
    problem = study.updProblem()
    processor = opensim.ModelProcessor(str(Path(args.data) / "2D_gait.osim"))
    problem.setModelProcessor(processor)
    model = processor.process()
    model.initSystem()
    add_symmetry(problem, model)
    speed = opensim.MocoAverageSpeedGoal("speed")
    speed.set_desired_average_speed(args.speed)
    problem.addGoal(speed)
    effort = opensim.MocoControlGoal("effort", PREDICTED_EFFORT_WEIGHT)
    effort.setExponent(PREDICTED_EXPONENT)
    effort.setDivideByDisplacement(True)
    problem.addGoal(effort)
    problem.setTimeBounds(opensim.MocoInitialBounds(0.0), opensim.MocoFinalBounds(*PREDICTED_FINAL_TIME))
    set_bounds(problem)
    moco_run.configure(study.initCasADiSolver(), args)
    return study


def tracked_table(study: opensim.MocoStudy, model: opensim.Model) -> opensim.TimeSeriesTable:
    """The table that the state-tracking goal follows: filtered, speeds by the splines' derivative (rad, m, s)."""
    goal = opensim.MocoStateTrackingGoal.safeDownCast(study.updProblem().updGoal("state_tracking"))
    return goal.getReference().processAndConvertToRadians(model)


def reference_numbers(args: argparse.Namespace, study: opensim.MocoStudy, times: np.ndarray) -> dict:
    """Tracked states and ground forces at `times`, as Moco's goals evaluate them."""
    model = opensim.Model(str(Path(args.data) / "2D_gait.osim"))
    model.initSystem()
    states = tracked_table(study, model)
    labels = list(states.getColumnLabels())
    values = moco_problem.spline_values(states, labels, times)
    table_times, _, table_rows = moco_problem.table_values(states)
    forces = opensim.TimeSeriesTable(str(Path(args.data) / "referenceGRF.sto"))
    groups = {
        name: moco_problem.spline_values(forces, [label + axis for axis in "xyz"], times).tolist()
        for name, label in FORCE_LABELS.items()
    }
    return {
        "times": times.tolist(),
        "states": {label: values[:, j].tolist() for j, label in enumerate(labels)},
        "state_weights": dict.fromkeys(labels, 1.0),
        "forces": groups,
        "table": {"times": table_times.tolist(), "states": dict(zip(labels, table_rows.T.tolist(), strict=True))},
    }


def problem_numbers(args: argparse.Namespace, study: opensim.MocoStudy) -> dict:
    """Everything another solver needs to solve the same tracking problem on the same mesh."""
    model = opensim.Model(str(Path(args.data) / "2D_gait.osim"))
    model.initSystem()
    times = moco_problem.grid_times(FINAL_TIME, args.mesh, args.scheme)
    solver = opensim.MocoCasADiSolver.safeDownCast(study.updSolver())
    return {
        "problem": "tracking",
        "model": "2D_gait.osim",
        "scheme": args.scheme,
        "intervals": args.mesh,
        "weights": {"control_effort": EFFORT_WEIGHT, "state_tracking": STATE_WEIGHT, "contact": CONTACT_WEIGHT},
        "effort_exponent": 2,
        "contact_groups": {name: list(spheres) for name, spheres in GROUPS.items()},
        "contact_plane_normal": [0.0, 0.0, 1.0],
        "bounds": moco_problem.bounds_numbers(study.updProblem()),
        "symmetry": {"states": symmetry_pairs(model), "controls": [["/lumbarAct", "/lumbarAct"]]},
        "reference": reference_numbers(args, study, times),
        "guess": moco_problem.trajectory_numbers(solver.getGuess(), times),
        "muscles": moco_problem.muscle_numbers(model),
        "actuators": moco_problem.actuator_numbers(model),
        "contacts": moco_problem.contact_numbers(model),
        **moco_problem.body_numbers(model),
    }


def predicted_effort(args: argparse.Namespace, word: moco_trajectory.ModelWord, arrays: dict) -> dict:
    """The prediction's objective recomputed, and the displacement it is divided by."""
    centre = word.along(arrays)["centre_of_mass"]
    displacement = float(np.linalg.norm(centre[-1] - centre[0]))
    total = prediction_objective(
        arrays, args.scheme, weight=PREDICTED_EFFORT_WEIGHT, exponent=PREDICTED_EXPONENT, displacement=displacement
    )
    return {"displacement_m": displacement, "duration_s": float(arrays["times"][-1]), "total": total}


def main(words: list[str] | None = None) -> None:
    """Export, evaluate or solve, as the options say."""
    parser = moco_run.options(__doc__, mesh=50, scheme="hermite-simpson", tolerance=1e-4)
    parser.add_argument("--predict", action="store_true", help="the prediction instead of the tracking problem")
    parser.add_argument("--speed", type=float, default=PREDICTED_SPEED, help="of the prediction, m/s")
    args = moco_run.parsed(parser, words)
    if args.predict and (args.problem or args.evaluate):
        parser.error("--problem and --evaluate are of the tracking problem")
    with moco_run.scratch_folder():
        study = prediction_study(args) if args.predict else tracking_study(args)
    word = moco_trajectory.ModelWord(opensim.Model(str(Path(args.data) / "2D_gait.osim")), GROUPS)
    moco_run.run(
        args,
        study,
        word,
        lambda: problem_numbers(args, study),
        len(symmetry_pairs(word.model)) + (2 if args.predict else 1),  # lumbar control, average speed
        (lambda arrays: predicted_effort(args, word, arrays)) if args.predict else None,
    )


if __name__ == "__main__":
    main()

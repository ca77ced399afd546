"""The 3-D torque-driven peer: OpenSim Moco tracks one walking stride of the scaled Rajagopal model, on one thread.

Model and data are opensim-core's `example3DWalking` (`rajagopal_walk`): `subject_walk_scaled.osim`, coordinates after
residual reduction (1 kHz), plate forces as external loads. Muscles and the model's own actuators are removed; each of
the 29 free coordinates gets an ideal actuator. The patellar couplers are removed and the patellae welded at their
default pose, the toes welded too, because Moco's trapezoidal scheme takes no kinematic constraints; `--model` writes
the model that remains, so that another solver works on the same one. One stride from 0.48 to 1.61 s without
periodicity, 50 intervals, trapezoidal.

    python -m benchmarks.moco_torque_walking_3d --data FOLDER --out solution
    python -m benchmarks.moco_torque_walking_3d --data FOLDER --problem problem.json --model model.osim
    python -m benchmarks.moco_torque_walking_3d --data FOLDER --evaluate ours.npz --out value

Objective, in the terms of `benchmarks/peers/moco_objective.py`: 10 times the squared deviation of 29 values and 29
speeds (values low-passed at 6 Hz, speeds from their splines), plus 0.01 times squared controls, those of the six pelvis
coordinates ten times that; a control of 1 is 100 N m or N. At MocoTrack's own tolerance of 1e-2 the solver stops at
twice the objective that it reaches at 1e-4, so 1e-4 is the default here.

Published for scale, on other machines and other problems: torque-driven Moco tracking of running, median 922 s
(296-2104 s, 26 runners); muscle-driven Moco tracking of walking with 80 muscles, 101-148 min on 8 threads (Dembia et
al. 2020, PLoS Comput Biol 16:e1008493). Muscle-driven Moco is not run here.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ["OPENSIM_MOCO_PARALLEL"] = "0"  # Moco's word for one thread; 1 would take every core

import numpy as np
import opensim

from benchmarks.peers import moco_problem, moco_run, moco_trajectory

START, END = 0.48, 1.61
STATE_WEIGHT, EFFORT_WEIGHT, PELVIS_FACTOR = 10.0, 0.01, 10.0
OPTIMAL_FORCE, CONTROL_LIMIT = 100.0, 10.0
CUTOFF = 6.0
THINNING = 10
WELDED = ("mtp_r", "mtp_l", "patellofemoral_r", "patellofemoral_l")


def torque_model(data: Path, *, loaded: bool = True) -> opensim.Model:
    """The scaled model without muscles and couplers, one actuator per coordinate, ground reactions if `loaded`."""
    base = opensim.Model(str(data / "subject_walk_scaled.osim"))
    while base.getConstraintSet().getSize():
        base.updConstraintSet().remove(0)
    base.finalizeConnections()
    processor = opensim.ModelProcessor(base)
    processor.append(opensim.ModOpRemoveMuscles())
    processor.append(opensim.ModOpReplaceJointsWithWelds(opensim.StdVectorString(list(WELDED))))
    if loaded:
        processor.append(opensim.ModOpAddExternalLoads(str(data / "grf_walk.xml")))
    model = processor.process()
    while model.getForceSet().getSize():
        model.updForceSet().remove(0)
    for i in range(model.getCoordinateSet().getSize()):
        coordinate = model.getCoordinateSet().get(i)
        actuator = opensim.CoordinateActuator(coordinate.getName())
        actuator.setName(f"torque_{coordinate.getName()}")
        actuator.setOptimalForce(OPTIMAL_FORCE)
        actuator.setMinControl(-CONTROL_LIMIT)
        actuator.setMaxControl(CONTROL_LIMIT)
        model.addForce(actuator)
    model.finalizeConnections()
    model.initSystem()
    return model


def control_weights(model: opensim.Model) -> dict[str, float]:
    """Weight of every squared control inside the effort goal, by path: residual forces at the pelvis cost more."""
    names = list(opensim.createControlNamesFromModel(model))
    return {name: PELVIS_FACTOR if "torque_pelvis" in name else 1.0 for name in names}


def thinned_reference(path: Path) -> opensim.TimeSeriesTable:
    """The coordinates low-passed at 1 kHz, then every tenth row: Moco's splines of all rows cost it 10 s more."""
    processor = opensim.TableProcessor(str(path))
    processor.append(opensim.TabOpLowPassFilter(CUTOFF))
    whole = processor.process()
    thin = opensim.TimeSeriesTable()
    thin.setColumnLabels(whole.getColumnLabels())
    for i in range(0, whole.getNumRows(), THINNING):
        thin.appendRow(whole.getIndependentColumn()[i], whole.getRowAtIndex(i))
    thin.addTableMetaDataString("inDegrees", "no")
    return thin


def tracking_study(args: argparse.Namespace, model: opensim.Model) -> opensim.MocoStudy:
    """The tracking problem on the given model."""
    track = opensim.MocoTrack()
    track.setName("torque_walking_3d")
    track.setModel(opensim.ModelProcessor(model))
    track.setStatesReference(opensim.TableProcessor(thinned_reference(Path(args.data) / "coordinates.sto")))
    track.set_states_global_tracking_weight(STATE_WEIGHT)
    track.set_allow_unused_references(True)
    track.set_track_reference_position_derivatives(True)
    track.set_apply_tracked_states_to_guess(True)
    track.set_control_effort_weight(EFFORT_WEIGHT)
    track.set_initial_time(START)
    track.set_final_time(END)
    study = track.initialize()
    effort = opensim.MocoControlGoal.safeDownCast(study.updProblem().updGoal("control_effort"))
    for name, weight in control_weights(model).items():
        if weight != 1.0:
            effort.setWeightForControl(name, weight)
    moco_run.reset(study, args)
    return study


def tracked_table(study: opensim.MocoStudy, model: opensim.Model) -> opensim.TimeSeriesTable:
    """The table the state-tracking goal follows (rad, m, and their speeds)."""
    goal = opensim.MocoStateTrackingGoal.safeDownCast(study.updProblem().updGoal("state_tracking"))
    return goal.getReference().processAndConvertToRadians(model)


def external_wrenches(model: opensim.Model, times: np.ndarray) -> dict:
    """Ground reactions at `times` as OpenSim applies them: force (N), point (m), torque (N m), ground frame."""
    numbers = {}
    for component in model.getComponentsList():
        load = opensim.ExternalForce.safeDownCast(component)
        if load is None:
            continue
        parts = {"force": load.getForceAtTime, "point": load.getPointAtTime, "torque": load.getTorqueAtTime}
        numbers[load.getName()] = {"body": load.get_applied_to_body()}
        for part, read in parts.items():
            vectors = [read(float(time)) for time in times]
            numbers[load.getName()][part] = [[vector.get(k) for k in range(3)] for vector in vectors]
    return numbers


def problem_numbers(args: argparse.Namespace, study: opensim.MocoStudy, model: opensim.Model) -> dict:
    """Everything another solver needs to solve the same problem on the same mesh."""
    times = START + moco_problem.grid_times(END - START, args.mesh, args.scheme)
    table = tracked_table(study, model)
    names = model.getStateVariableNames()
    own = {names.get(i) for i in range(names.getSize())}
    labels = [label for label in table.getColumnLabels() if label in own]
    values = moco_problem.spline_values(table, labels, times)
    solver = opensim.MocoCasADiSolver.safeDownCast(study.updSolver())
    return {
        "problem": "torque-driven tracking",
        "scheme": args.scheme,
        "intervals": args.mesh,
        "weights": {"control_effort": EFFORT_WEIGHT, "state_tracking": STATE_WEIGHT},
        "effort_exponent": 2,
        "control_weights": control_weights(model),
        "bounds": moco_problem.bounds_numbers(study.updProblem()),
        "welded_joints": list(WELDED),
        "reference": {
            "times": times.tolist(),
            "states": {label: values[:, j].tolist() for j, label in enumerate(labels)},
            "state_weights": dict.fromkeys(labels, 1.0),
        },
        "external_wrenches": external_wrenches(model, times),
        "guess": moco_problem.trajectory_numbers(solver.getGuess(), times),
        "actuators": moco_problem.actuator_numbers(model),
        **moco_problem.body_numbers(model),
    }


def main(words: list[str] | None = None) -> None:
    """Export, evaluate or solve, as the options say."""
    parser = moco_run.options(__doc__, mesh=50, scheme="trapezoidal", tolerance=1e-4)
    parser.add_argument("--model", help="write the model that is solved (.osim, without external loads) here")
    args = moco_run.parsed(parser, words)
    model = torque_model(Path(args.data))
    if args.model:
        torque_model(Path(args.data), loaded=False).printToXML(str(Path(args.model).resolve()))
    with moco_run.scratch_folder():
        study = tracking_study(args, model)
    word = moco_trajectory.ModelWord(opensim.Model(model), {})
    moco_run.run(args, study, word, lambda: problem_numbers(args, study, model), 0)


if __name__ == "__main__":
    main()

"""Our inverse kinematics and dynamics beside OpenSim's tools, on real models and recordings."""

import numpy as np
import pytest

from benchmarks.dynamics_figures.inverse_dynamics import rajagopal_walk, read_table
from benchmarks.kinematics_figures.inverse_kinematics import LEGS, SAME_PROBLEM, TRIALS, Compared, _costs, _shared
from opensim_models.inverse.dynamics import solve_inverse_dynamics
from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim import client


def trial_of(data_dir, name) -> Compared:
    model, trc = TRIALS[name]
    return _shared(data_dir / model, data_dir / trc)


def solved(trial, positions, **settings):
    return solve_inverse_kinematics(trial.skeleton, trial.labels, positions, trial.rate, **settings)


@pytest.mark.parametrize("name", sorted(TRIALS))
def test_no_frame_costs_more_than_opensims(data_dir, name):
    trial = trial_of(data_dir, name)
    positions = trial.positions[:12]
    solution = solved(trial, positions, **SAME_PROBLEM)
    peer = client.track_markers(trial.path, trial.labels, positions, trial.rate)
    ours = _costs(trial, positions, solution.kinematics.coordinates, solution.kinematics.values)
    theirs = _costs(trial, positions, tuple(peer["coordinates"]), peer["values"])
    assert (ours <= theirs).all()
    assert solution.converged.all()
    np.testing.assert_allclose(np.nansum(solution.marker_error**2, axis=1), ours, rtol=1e-9)


def test_leg_angles_are_those_of_opensim_when_it_converges(data_dir):
    trial = trial_of(data_dir, "Hamner")
    positions = trial.positions[:8]
    mine = solved(trial, positions, **SAME_PROBLEM).kinematics
    peer = client.track_markers(trial.path, trial.labels, positions, trial.rate, accuracy=1e-8)
    for name in mine.coordinates:
        if name.split("_")[0] in LEGS:
            away = np.degrees(mine.of(name) - peer["values"][:, peer["coordinates"].index(name)])
            assert np.abs(away).max() < 0.01, name


@pytest.mark.parametrize("name", sorted(TRIALS))
def test_opensims_marker_positions_give_back_the_coordinates(data_dir, name):
    trial = trial_of(data_dir, name)
    truth = solved(trial, trial.positions[:40]).kinematics
    known = tuple(m.name for m in trial.skeleton.markers)
    placed = client.marker_positions(trial.path, truth.coordinates, truth.values, known)
    markers = np.stack([placed[label] for label in known], axis=1)
    back = solve_inverse_kinematics(trial.skeleton, known, markers, trial.rate, tolerance=1e-9, **SAME_PROBLEM)
    turning = [c.kind == "rotation" for c in trial.skeleton.coordinates]
    away = np.degrees(np.abs(back.kinematics.values - truth.values))[:, turning]
    assert away.max() <= 1e-6


def test_a_marker_that_comes_and_goes_is_treated_as_opensim_treats_it(data_dir):
    trial = trial_of(data_dir, "Hamner")
    positions = trial.positions[:10].copy()
    positions[3:6, trial.labels.index("RTB1")] = np.nan
    solution = solved(trial, positions, **SAME_PROBLEM)
    peer = client.track_markers(trial.path, trial.labels, positions, trial.rate)
    ours = _costs(trial, positions, solution.kinematics.coordinates, solution.kinematics.values)
    assert (ours <= _costs(trial, positions, tuple(peer["coordinates"]), peer["values"])).all()


def test_moments_are_those_of_opensims_tool(data_dir):
    trial = trial_of(data_dir, "Hamner")
    motion = solved(trial, trial.positions[:60]).kinematics
    ours = solve_inverse_dynamics(trial.skeleton, motion, (), None)
    peer = client.demand_forces(trial.path, motion.coordinates, motion.values, motion.rate)
    for name in motion.coordinates:
        theirs = peer["forces"][:, peer["coordinates"].index(name)]
        np.testing.assert_allclose(ours.of(name), theirs, atol=2e-6, err_msg=name)


def test_moments_of_a_walk_are_those_of_its_file(data_dir):
    """The example's file is low-passed; only the pelvis holds residuals."""
    _, skeleton, motion, reactions = rajagopal_walk(data_dir)
    kinetics = solve_inverse_dynamics(skeleton, motion, tuple(reactions), 6.0)
    names, table = read_table(data_dir / "opensim_core" / "rajagopal_walk" / "id_walk.sto")
    for coordinate in skeleton.coordinates:
        column = f"{coordinate.name}_moment"
        if column in names and not column.startswith("pelvis"):
            away = kinetics.of(coordinate.name) - table[:, names.index(column)]
            assert np.sqrt(np.mean(away**2)) < 5.0, coordinate.name
    assert np.nanmedian(kinetics.residual.force_percent) < 3.0


def test_loads_reach_the_tool(data_dir):
    """The tool's difference with and without a plate is ours, at the joints before any spline."""
    path, skeleton, motion, reactions = rajagopal_walk(data_dir)
    cut = slice(0, 60)
    short = type(motion)(motion.coordinates, motion.values[cut], motion.rate)
    moment = np.zeros((60, 3))
    loads = [
        {
            "body": f"calcn_{r.foot[0]}",
            "force": r.force[:120:2],
            "point": r.centre_of_pressure[:120:2],
            "moment": moment,
            "rate": 1000.0,
        }
        for r in reactions
    ]
    plain = [type(r)(r.force, r.centre_of_pressure, np.zeros(len(r.force)), r.rate, r.foot) for r in reactions]
    peers = [client.demand_forces(path, motion.coordinates, short.values, 1000.0, given) for given in (loads, ())]
    ours = [solve_inverse_dynamics(skeleton, short, given, None) for given in (tuple(plain), ())]
    for name in ("hip_flexion_r", "hip_adduction_l", "ankle_angle_l", "pelvis_ty", "pelvis_tilt"):
        column = peers[0]["coordinates"].index(name)
        theirs = peers[0]["forces"][:, column] - peers[1]["forces"][:, column]
        np.testing.assert_allclose(ours[0].of(name) - ours[1].of(name), theirs, atol=1e-5, err_msg=name)


def test_a_trial_without_the_models_markers_is_refused(data_dir):
    path = data_dir / TRIALS["Hamner"][0]
    with pytest.raises(ModelMismatch, match="none of the trial's 2 markers"):
        client.track_markers(path, ["no", "such"], np.ones((4, 2, 3)), 100.0)

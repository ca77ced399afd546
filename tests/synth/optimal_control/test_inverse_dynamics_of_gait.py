"""Two paths to one joint moment: inverse dynamics of a solved gait gives back the moments of its solution."""

import numpy as np
import pytest

from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.inverse.dynamics import solve_inverse_dynamics
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics
from synth.optimal_control.gait.gait_samples import sample_gait
from synth.optimal_control.generate import generate_gait

PERSON = Subject("S01", 70.0, 1.75, "male", 30.0)
RATE = 200.0


def test_inverse_dynamics_of_a_gait_gives_back_its_moments():
    solution = generate_gait(PERSON, 1.3, seed=2)
    assert solution.converged, solution.reason
    time = np.arange(round(3 * solution.duration * RATE)) / RATE
    samples = sample_gait(solution.movement, time)
    names = solution.kinematics.coordinates
    reactions = tuple(
        GroundReaction(samples.forces[:, k], samples.pressures[:, k], np.zeros(len(time)), RATE, foot)
        for k, foot in enumerate(("right", "left"))
    )
    kinematics = Kinematics(names, samples.coordinates, RATE)
    found = solve_inverse_dynamics(solution.movement.skeleton, kinematics, reactions, cutoff=None)
    middle = slice(round(solution.duration * RATE), round(2 * solution.duration * RATE))
    for name in ("hip_flexion_r", "knee_angle_r", "ankle_angle_r", "hip_flexion_l", "knee_angle_l", "ankle_angle_l"):
        expected = samples.moments[middle, names.index(name)]
        error = found.of(name)[middle] - expected
        assert np.sqrt(np.mean(error**2)) < 0.05 * np.ptp(expected), name
    supplied = found.of("pelvis_ty")[middle]
    assert np.sqrt(np.mean(supplied**2)) < 0.03 * PERSON.body_weight


def test_a_force_of_both_feet_is_refused():
    both = GroundReaction(np.zeros((5, 3)), np.zeros((5, 3)), np.zeros(5), RATE, "both", "treadmill")
    still = Kinematics(("pelvis_ty",), np.full((20, 1), 0.95), RATE)
    with pytest.raises(ModelMismatch, match="one foot each"):
        solve_inverse_dynamics(planar_skeleton(PERSON), still, (both,))

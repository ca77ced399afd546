"""Forces of a recording are filmed as they are: of the foot that bears them, forward as it faces, else unknown."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_gait import RATE, SPEED, made_trial

from mocap_import.subject import STANDARD_GRAVITY
from mocap_import.trial import GroundReaction
from opensim_models.motion import Kinetics
from synth.camera.filmed_gait import ANGLES, FORCES, filmed_gait
from synth.camera.keypoint import KEYPOINTS, keypoint_positions
from synth.camera.plate_file import plate_reactions
from synth.corpus.schema import CorpusMismatch

OWN = slice(len(ANGLES), len(ANGLES) + len(FORCES))


def borne(trial, heading):
    """The trial with forces that push a body-weight tenth along its way, half a weight up, on the right foot alone."""
    n = len(trial.kinematics.values)
    weight = trial.subject.mass * STANDARD_GRAVITY
    way = np.array([np.cos(heading), 0.0, -np.sin(heading)])
    force = np.tile(weight * (0.1 * way + np.array([0.0, 0.5, 0.0])), (n, 1))
    unknown = np.full((n, 3), np.nan)
    right = GroundReaction(force, unknown, unknown[:, 0], RATE, "right")
    left = GroundReaction(unknown, unknown, unknown[:, 0], RATE, "left")
    return replace(trial, kinetics=Kinetics((), np.zeros((n, 0)), RATE, (right, left)))


@pytest.mark.parametrize("heading", [0.0, 0.7, np.pi])
def test_forward_is_where_the_person_faces_whichever_way_they_walk(heading):
    waves = filmed_gait(borne(made_trial(2.0, heading), heading)).waves[:, OWN]
    assert np.allclose(waves[:, 0], 0.1, atol=0.01)
    assert np.allclose(waves[:, 1], 0.5)
    assert np.isnan(waves[:, 2:]).all(), "what no plate tells is unknown, not zero"


def written_plate(path: Path, time: np.ndarray, force: np.ndarray, centre: np.ndarray) -> Path:
    """One plate as OpenSim's tables have it."""
    labels = [f"ground_force_1_{kind}{axis}" for kind in "vp" for axis in "xyz"]
    head = ["forces", "version=1", f"nRows={len(time)}", f"nColumns={len(labels) + 1}", "inDegrees=no", "endheader"]
    rows = ["\t".join(f"{v:.6f}" for v in row) for row in np.column_stack([time, force, centre])]
    path.write_text("\n".join([*head, "\t".join(["time", *labels]), *rows]) + "\n", encoding="utf-8")
    return path


def plated(tmp_path, side="r", aside=0.0, shift=0.0):
    """A walk, and a plate that one foot loads for 0.3 s; its centre of pressure lies under that foot, or aside."""
    trial = made_trial(2.0)
    points = keypoint_positions(trial.skeleton, trial.kinematics, trial.subject.height)
    time, force = np.arange(len(points)) / RATE, np.zeros((len(points), 3))
    force[40:70] = [30.0, 600.0, 5.0]
    feet = [KEYPOINTS.index(f"{part}_{side}") for part in ("heel", "toe")]
    centre = points[:, feet].mean(axis=1) + np.array([0.0, 0.0, aside])
    return trial, points, written_plate(tmp_path / "forces.mot", time + shift, force, centre)


@pytest.mark.parametrize(("side", "foot"), [("r", "right"), ("l", "left")])
def test_a_plate_is_given_to_the_foot_above_its_centre_of_pressure(tmp_path, side, foot):
    trial, points, path = plated(tmp_path, side)
    feet = {r.foot: r.force for r in plate_reactions(path, points, RATE)}
    assert np.allclose(feet[foot][40:70], [30.0, 600.0, 5.0])
    other = feet["left" if foot == "right" else "right"]
    assert not (np.nan_to_num(other) > 0.0).any()
    column = len(ANGLES) + (1 if side == "r" else 3)
    waves = filmed_gait(replace(trial, subject=replace(trial.subject, mass=np.nan)), loads=path, mass=60.0).waves
    assert np.allclose(waves[40:70, column], 600.0 / (60.0 * STANDARD_GRAVITY))


def test_a_foot_beside_the_plates_bears_what_nobody_knows(tmp_path):
    """Zero is said of a foot that surely swings, its heel and toe in motion; a foot that stands unloaded is unknown."""
    _, points, path = plated(tmp_path)
    for reaction in plate_reactions(path, points, RATE):
        side = reaction.foot[0]
        feet = points[:, [KEYPOINTS.index(f"{part}_{side}") for part in ("heel", "toe")]]
        slow = np.linalg.norm(np.gradient(feet, 1.0 / RATE, axis=0), axis=2).min(axis=1) < 0.3 * SPEED
        unloaded = np.nan_to_num(reaction.force[:, 1]) == 0.0
        assert slow.any()
        assert np.isnan(reaction.force[slow & unloaded]).all()
        assert (reaction.force[~slow & unloaded & ~np.isnan(reaction.force[:, 1])] == 0.0).all()


def test_a_load_under_nobody_is_unknown_and_other_files_are_refused(tmp_path):
    _, points, path = plated(tmp_path, aside=1.5)
    assert all(np.isnan(r.force[40:70]).all() for r in plate_reactions(path, points, RATE))
    _, points, path = plated(tmp_path, shift=1.0)
    with pytest.raises(CorpusMismatch, match=r"over the whole recording \(0.00 to 1.99 s\), found 1.00 to 2.99 s"):
        plate_reactions(path, points, RATE)
    path.write_text(path.read_text().replace("ground_force_1", "moment_1"))
    with pytest.raises(CorpusMismatch, match="expected forces of plates in columns ground_force_1_vx"):
        plate_reactions(path, points, RATE)

"""Plug-in Gait from raw markers reproduces what Vicon stored, in laboratories whose persons nothing was chosen on."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mocap_import.plate.foot_reaction import foot_reactions
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial
from mocap_import.trial_reader import read_trial
from opensim_models.clinical.joint_angle import joint_angles
from opensim_models.clinical.joint_chord import chord
from opensim_models.clinical.joint_moment import joint_moments, leg_segments
from opensim_models.clinical.knee_alignment import virtual_knee
from opensim_models.clinical.plug_in_gait import calibrate_plug_in_gait, plug_in_gait_motions, stored_plug_in_gait
from opensim_models.clinical.stored_outputs import BodyMeasures, read_body_measures, stored_angles, stored_moments
from opensim_models.model_mismatch import ModelMismatch

CASES = {
    "McGill": ("mcgill_walk_youth/HC033A/Static/HC033A01.c3d", "mcgill_walk_youth/HC033A/Straight/HC033A10.c3d"),
    "Melbourne": (
        "clinical_labs_anz/FMC/static/MH0222_BP08.c3d",
        "clinical_labs_anz/FMC/dynamic/MH0222_BP15.c3d",
    ),
    "Melbourne, knee alignment device": (
        "clinical_labs_anz/FMC/static/MH0222_BP01.c3d",
        "clinical_labs_anz/FMC/dynamic/MH0222_BP06.c3d",
    ),
}


@pytest.fixture(scope="module", params=sorted(CASES))
def walk(request, data_dir):
    static, walking = (read_trial(data_dir / name) for name in CASES[request.param])
    measures = read_body_measures(data_dir / CASES[request.param][1])
    model = calibrate_plug_in_gait(static, measures)
    return request.param, walking, measures, model, plug_in_gait_motions(walking, model)


def test_every_stored_angle_comes_out(walk):
    lab, trial, _, _, motions = walk
    ours, stored = joint_angles(motions, convention="plug_in_gait"), stored_angles(trial)
    # the device's angles are stored as single precision means: a few hundredths of a degree
    limit = 0.01 if lab == "McGill" else 0.1
    for name in stored.names:
        difference = np.degrees(ours.of(name) - stored.of(name))
        assert np.isfinite(difference).sum() > 100, name
        assert np.sqrt(np.nanmean(difference**2)) < limit, name


def test_stored_moments_come_out_within_a_tenth_of_a_newton_metre_per_kg(walk):
    _, trial, _, _, motions = walk
    ours = joint_moments(
        motions,
        foot_reactions(trial),
        leg_segments(trial.subject, motions),
        trial.subject.mass,
        kind="external",
        cutoff=None,
    )
    stored = stored_moments(trial)
    assert stored.kind == "external"
    assert "per kg" in stored.notes[0]
    for name in stored.names:
        difference = (ours.of(name) - stored.of(name)) / trial.subject.mass
        assert np.isfinite(difference).sum() > 60, name
        assert np.sqrt(np.nanmean(difference**2)) < 0.08, name
        # 0.08 N·m/kg is more than a whole ankle inversion moment: the signs need an eye of their own
        turned_over = (ours.of(name) + stored.of(name)) / trial.subject.mass
        assert np.nanmean(difference**2) < 0.25 * np.nanmean(turned_over**2), name


def test_the_static_foot_offset_is_the_stored_one(walk):
    lab, _, measures, model, _ = walk
    if lab == "McGill":
        for side in "rl":
            assert model.foot_offset[side][0] == pytest.approx(measures.plantar_flexion[side], abs=1e-6)


@pytest.mark.parametrize("name", ["S4-AMGait03", "S4-AMGait04", "S4-AMGait05"])
def test_the_calibration_that_a_file_holds_stands_in_for_a_static_trial(data_dir, name):
    path = data_dir / f"clinical_labs_anz/Sydney/dynamic/{name}.c3d"
    trial = read_trial(path)
    model = stored_plug_in_gait(read_body_measures(path))
    ours = joint_angles(plug_in_gait_motions(trial, model), convention="plug_in_gait")
    stored = stored_angles(trial)
    for angle in stored.names:
        assert np.sqrt(np.nanmean(np.degrees(ours.of(angle) - stored.of(angle)) ** 2)) < 0.04, angle
    with pytest.raises(ModelMismatch, match="no whole calibration"):
        stored_plug_in_gait(replace(model.measures, plantar_flexion={}))


@pytest.mark.parametrize("static", ["FMC/static/MH0222_BP01.c3d", "Sydney/static/S4 AM Cal 01.c3d"])
def test_a_knee_alignment_device_gives_the_angles_that_vicon_stored(data_dir, static):
    path = data_dir / "clinical_labs_anz" / static
    stored = read_body_measures(path)
    nothing = {"r": 0.0, "l": 0.0}
    forgotten = replace(
        stored, thigh_rotation=nothing, shank_rotation=nothing, tibial_torsion=nothing, ankle_lean=nothing
    )
    model = calibrate_plug_in_gait(read_trial(path), forgotten)
    for name in ("thigh_rotation", "shank_rotation", "tibial_torsion", "ankle_lean"):
        for side in "rl":
            found, expected = getattr(model.measures, name)[side], getattr(stored, name)[side]
            assert found == pytest.approx(expected, abs=5e-5), (name, side)
    for side in "rl":
        assert model.foot_offset[side][0] == pytest.approx(stored.plantar_flexion[side], abs=2e-3)


def test_a_device_that_lost_a_marker_is_refused():
    corner = np.eye(3)[:, None] * 0.1
    np.testing.assert_allclose(virtual_knee(*corner, np.array([[-1.0, -1.0, -1.0]])), 0.0, atol=1e-15)
    with pytest.raises(ModelMismatch, match="equal distances"):
        virtual_knee(corner[0], corner[1], 1.5 * corner[2], np.array([[-1.0, -1.0, -1.0]]))


def test_stored_numbers_say_their_unit():
    moments = np.zeros((50, 3))
    moments[:, 0] = 1400.0 * np.sin(np.linspace(0.1, 3, 50))

    def trial(scale, unit, mass=70.0):
        return MarkerTrial(
            "walk",
            Subject("S1", mass),
            (),
            np.zeros((50, 0, 3)),
            100.0,
            model_outputs={"RAnkleMoment": moments * scale},
            model_output_units={"RAnkleMoment": unit},
        )

    for scale, unit in ((1.0, "Nmm"), (70.0, "Nmm"), (1.0, "Nmm/kg"), (0.001, "Nm/kg"), (0.07, "Nm")):
        peak = stored_moments(trial(scale, unit)).of("ankle_dorsiflexion_r").max()
        assert peak == pytest.approx(1.4 * 70.0, rel=1e-3), unit
    for bad in (trial(1e-6, "Nmm"), trial(1.0, "kgm"), trial(1.0, "Nmm", math.nan)):
        with pytest.raises(ModelMismatch):
            stored_moments(bad)
    with pytest.raises(ModelMismatch, match="no Plug-in Gait angles"):
        stored_angles(trial(1.0, "Nmm"))


def test_the_joint_centre_sees_its_marker_under_a_right_angle():
    rng = np.random.default_rng(0)
    hip, marker = rng.normal(size=(20, 3)), rng.normal(size=(20, 3)) + np.array([0, -3, 0])
    wand = (hip + marker) / 2 + [0, 0, 0.4]
    for turn in (0.0, 0.3, -0.2):
        centre = chord(hip, marker, wand, 0.06, turn)
        to_marker, to_hip = marker - centre, hip - centre
        np.testing.assert_allclose(np.linalg.norm(to_marker, axis=1), 0.06)
        np.testing.assert_allclose(np.sum(to_marker * to_hip, axis=1), 0.0, atol=1e-9)
        across = np.cross(wand - centre, to_marker)
        axis = to_hip / np.linalg.norm(to_hip, axis=1, keepdims=True)
        flat = (wand - centre) - axis * np.sum((wand - centre) * axis, axis=1, keepdims=True)
        angle = np.arctan2(np.sum(across * axis, axis=1), np.sum(flat * to_marker, axis=1))
        np.testing.assert_allclose(angle, turn, atol=1e-8)
    assert np.isnan(chord(hip, hip + np.array([0.01, 0, 0]), wand, 0.06)).all()


def test_absurd_measures_and_missing_markers_are_refused(data_dir):
    static = read_trial(data_dir / CASES["McGill"][0])
    sides = {"r": 0.8, "l": 0.8}
    with pytest.raises(ModelMismatch, match="knee width"):
        calibrate_plug_in_gait(static, BodyMeasures(sides, {"r": 84.0, "l": 84.0}, {"r": 0.06, "l": 0.06}))
    bare = MarkerTrial("x", Subject("S"), ("LASI",), np.zeros((5, 1, 3)), 100.0)
    with pytest.raises(ModelMismatch, match="RASI"):
        calibrate_plug_in_gait(bare, BodyMeasures(sides, {"r": 0.1, "l": 0.1}, {"r": 0.06, "l": 0.06}))
    with pytest.raises(ModelMismatch, match="expected a C3D"):
        read_body_measures(data_dir / "README.md")

"""Scaling finds the lengths of known persons, agrees with OpenSim's ScaleTool, and refuses what cannot be."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from walking_archive import LENGTHS, PERSON, static_of, trial_of, true_skeleton, walk

from mocap_import.marker.marker_set import load_marker_set
from mocap_import.subject import Subject, impossible_fact
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.generic.generic_model import generic_model
from opensim_models.model.multibody import segment_states
from opensim_models.model.muscle_tendon import MuscleTendon
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.client import scale_model
from opensim_models.scaling.marker_map import match_markers, read_marker_map
from opensim_models.scaling.model_scaling import model_stature, scale_by_static, scale_by_stature
from opensim_models.scaling.report import read_report, refuse_impossible_subject, write_report
from opensim_models.scaling.scale_factor import scaled_skeleton
from opensim_models.scaling.skeleton_scaling import scale_skeleton

MODELS = (
    "opensim_core/rajagopal_walk/subject_walk_scaled.osim",
    "opensim_core/gait10dof18musc_subject01/gait10dof18musc_subject01.osim",
    "hamner_running/final.osim",
)
SET = load_marker_set("plug_in_gait")


def length(skeleton, segment):
    return np.linalg.norm(skeleton.segments[skeleton.segment_index(segment)].offset)


def origins(skeleton, q):
    states = segment_states(skeleton, list(q.T))
    return np.array([[np.broadcast_to(x, len(q)) for x in state.origin] for state in states])


@pytest.mark.parametrize("model", MODELS, ids=lambda path: Path(path).stem)
def test_our_scaling_is_that_of_the_scale_tool(model, data_dir, tmp_path):
    generic = read_osim(data_dir / model)
    rng = np.random.default_rng(3)
    factors = {name: (float(f),) * 3 for name, f in zip(generic.segment_names, rng.uniform(0.8, 1.2, 99), strict=False)}
    moved = generic.markers[0].name
    out = tmp_path / "scaled.osim"
    told = scale_model(data_dir / model, out, factors, 61.5, markers={moved: (0.1, 0.2, 0.3)})
    theirs, ours = read_osim(out), scaled_skeleton(generic, factors, 61.5)
    assert told["mass"] == pytest.approx(61.5)
    q = rng.uniform(-0.4, 0.4, (10, len(generic.coordinates)))
    np.testing.assert_allclose(origins(ours, q), origins(theirs, q), atol=1e-12)
    for a, b in zip(ours.segments, theirs.segments, strict=True):
        for of in ("mass", "centre_of_mass", "inertia"):
            np.testing.assert_allclose(getattr(a, of), getattr(b, of), atol=1e-12)
    assert len(theirs.markers) == len(generic.markers), "no marker is dropped"
    assert theirs.markers[0].offset == pytest.approx((0.1, 0.2, 0.3))


def test_unequal_factors_differ_from_the_scale_tool_only_where_a_joint_frame_is_turned(data_dir, tmp_path):
    """OpenSim stretches a coupled translation along its own axis; ours turns the axis with the bone, as matter does."""
    generic = read_osim(data_dir / MODELS[0])
    rng = np.random.default_rng(4)
    factors = {name: tuple(rng.uniform(0.85, 1.15, 3).tolist()) for name in generic.segment_names}
    scale_model(data_dir / MODELS[0], tmp_path / "scaled.osim", factors, 70.0)
    q = rng.uniform(-0.4, 0.4, (10, len(generic.coordinates)))
    difference = origins(scaled_skeleton(generic, factors, 70.0), q) - origins(read_osim(tmp_path / "scaled.osim"), q)
    assert np.abs(difference).max() < 0.001


def test_an_inertia_is_stretched_as_matter_is():
    """A cloud of points and its skeleton: scaling the points scales the inertia by the same rule."""
    rng = np.random.default_rng(5)
    points, stretch = rng.standard_normal((200, 3)) * (0.03, 0.2, 0.05), (1.2, 0.9, 1.1)

    def inertia(cloud):
        cloud = cloud - cloud.mean(axis=0)
        full = np.einsum("ni,ni->", cloud, cloud) * np.eye(3) - cloud.T @ cloud
        return full[[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]

    skeleton = lower_body_skeleton(PERSON)
    segment = replace(skeleton.segments[1], inertia=tuple(inertia(points)))
    skeleton = replace(skeleton, segments=(skeleton.segments[0], segment, *skeleton.segments[2:]))
    scaled = scaled_skeleton(skeleton, {segment.name: stretch})
    np.testing.assert_allclose(scaled.segments[1].inertia, inertia(points * stretch), rtol=1e-12)


def test_contact_spheres_are_stretched_and_muscles_left_out_by_name():
    model = generic_model("lower_body", Subject("S01", mass=75.0, height=1.75))
    skeleton = replace(model.skeleton, muscles=(MuscleTendon("soleus_r", 3000.0, 0.05, 0.25),))
    wide = scaled_skeleton(skeleton, {"calcn_r": (1.1, 1.0, 1.3)})
    before = next(s for s in skeleton.contacts if s.segment == "calcn_r")
    after = next(s for s in wide.contacts if s.name == before.name)
    assert after.offset == pytest.approx((1.1 * before.offset[0], before.offset[1], 1.3 * before.offset[2]))
    assert after.radius == pytest.approx(before.radius * (1.1 * 1.3) ** (1 / 3))
    assert wide.muscles == ()
    assert "1 muscles left out" in wide.notes[-1]


def test_a_static_trial_gives_our_skeleton_the_persons_lengths():
    person = true_skeleton()
    scaled = scale_skeleton(PERSON, static_of(person), SET, lower_body_skeleton)
    for name, tolerance in (("tibia_r", 0.006), ("calcn_r", 0.004)):
        assert length(scaled.skeleton, name) == pytest.approx(length(person, name), abs=tolerance)
    assert scaled.skeleton.mass == pytest.approx(PERSON.mass)
    assert scaled.report.rms_residual < 0.02
    assert "by a static trial" in scaled.report.sentence


def test_a_static_trial_scales_any_model_by_its_own_markers():
    """The generic skeleton under the names of another model; its thigh grows and its shank shrinks by the truth."""
    person = true_skeleton()
    generic = lower_body_skeleton(replace(PERSON, height=1.80))
    scaled = scale_by_static(generic, PERSON, static_of(person), SET)
    expected = {name: LENGTHS[name] * 1.72 / 1.80 for name in LENGTHS}
    assert scaled.factors["femur_r"][1] == pytest.approx(expected["femur"], abs=0.015)
    assert scaled.factors["tibia_r"][1] == pytest.approx(expected["tibia"], abs=0.015)
    assert scaled.skeleton.mass == pytest.approx(PERSON.mass)
    assert {pair.ends for pair in scaled.report.pairs} >= {"hip_r - knee_r", "knee_l - ankle_l", "asis_r - asis_l"}
    assert any("iliac_crest_r" in note for note in scaled.report.notes), "what has no partner is named"


def test_mass_and_height_alone_scale_everything_by_one_factor(data_dir):
    model = read_osim(data_dir / MODELS[2])
    scaled = scale_by_stature(model, Subject("S", 60.0, 1.65))
    assert model_stature(scaled.skeleton) == pytest.approx(1.65, rel=1e-9)
    assert scaled.skeleton.mass == pytest.approx(60.0)
    assert len({own for own in scaled.factors.values()}) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"height": 1.20}, "somebody else"),
        ({"mass": -5.0}, "mass -5 kg is nobody's"),
        ({"mass": float("nan")}, "mass is unknown"),
        ({"mass": 68000.0}, "is nobody's.*Is it in g"),
        ({"mass": 390.0}, "body mass index"),
    ],
)
def test_the_wrong_subject_is_refused(change, said):
    static = static_of(true_skeleton())
    with pytest.raises(ModelMismatch, match=said):
        scale_skeleton(replace(PERSON, **change), static, SET, lower_body_skeleton)
    with pytest.raises(ModelMismatch, match=said):
        scale_by_static(lower_body_skeleton(PERSON), replace(PERSON, **change), static, SET)


@pytest.mark.parametrize(
    ("mass", "height", "possible"),
    [(3.2, 0.49, True), (3.2, 0.39, False), (1.9, 0.49, False), (400.0, 2.5, True), (401.0, 2.5, False)],
)
def test_scaling_takes_whom_every_other_part_takes(mass, height, possible):
    """A newborn may be built, so it may be scaled; what is nobody's is so with and without the other fact."""
    person = Subject("P7", mass, height)
    for subject in (person, replace(person, height=math.nan), replace(person, mass=math.nan)):
        wrong = impossible_fact(subject.mass, subject.height)
        if wrong is None:
            refuse_impossible_subject(subject, needs=())
        else:
            with pytest.raises(ModelMismatch, match=r"P7: .* nobody's"):
                refuse_impossible_subject(subject, needs=())
    assert (impossible_fact(mass, height) is None) == possible


def test_a_walk_is_no_static_trial():
    person = true_skeleton()
    walking = trial_of(person, walk(person, 60), "walk_01")
    with pytest.raises(ModelMismatch, match="standing still"):
        scale_skeleton(PERSON, walking, SET, lower_body_skeleton)


def test_exchanged_landmarks_are_refused():
    static = static_of(true_skeleton())
    labels = list(static.labels)
    a, b = labels.index("RKNE"), labels.index("RANK")
    labels[a], labels[b] = labels[b], labels[a]
    with pytest.raises(ModelMismatch, match=r"static\.c3d"):
        scale_skeleton(PERSON, replace(static, labels=tuple(labels)), SET, lower_body_skeleton)


def test_factors_must_be_above_zero_and_name_a_segment():
    skeleton = lower_body_skeleton(PERSON)
    with pytest.raises(ModelMismatch, match="above 0"):
        scaled_skeleton(skeleton, {"femur_r": (1.0, 0.0, 1.0)})
    with pytest.raises(ModelMismatch, match="no segment 'thigh'"):
        scaled_skeleton(skeleton, {"thigh": (1.0, 1.0, 1.0)})
    with pytest.raises(ModelMismatch, match="body mass"):
        scaled_skeleton(skeleton, {}, -70.0)


def test_a_report_is_read_back(tmp_path):
    report = scale_skeleton(PERSON, static_of(true_skeleton()), SET, lower_body_skeleton).report
    write_report(tmp_path / "scaling.json", report)
    assert read_report(tmp_path / "scaling.json") == report
    assert {row["what"] for row in report.rows()} >= {"factor", "residual"}


def test_markers_are_matched_by_map_name_spelling_and_meaning():
    skeleton = lower_body_skeleton(PERSON)
    labels = ("RASI", "LASI", "Heel-R", "heel_l", "RPSI", "LPSI", "RKNE", "ghost", "noise")
    found = match_markers(skeleton, labels, SET, {"toe_r": "ghost"})
    assert found.labels["asis_r"] == "RASI" and found.how["asis_r"] == "landmark"
    assert found.how["heel_l"] == "name" and found.how["toe_r"] == "map"
    assert found.how["heel_r"] == "spelling"
    assert "c7" in found.missing and "c7" in found.sentence
    assert found.unused == ("noise",)


def test_a_model_without_the_markers_of_the_trial_is_refused_by_name(data_dir):
    model = read_osim(data_dir / MODELS[0])
    with pytest.raises(ModelMismatch, match=r"R\.Shoulder.*P1.*--markers"):
        match_markers(model, ("P1", "P2", "P3", "P4", "P5"))
    with pytest.raises(ModelMismatch, match="marker map names"):
        match_markers(model, ("P1", "P2", "P3", "P4"), None, {"R.ASSIS": "P1"})


@pytest.mark.parametrize("text", ["[markers", 'markers = "x"', "[landmarks]\na = 1", "[markers]\na = 1"])
def test_a_marker_map_that_is_none_is_refused(text, tmp_path):
    path = tmp_path / "map.toml"
    path.write_text(text)
    with pytest.raises(ModelMismatch, match=r"map\.toml"):
        read_marker_map(path)

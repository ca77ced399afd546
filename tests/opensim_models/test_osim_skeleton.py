"""Our mechanics agree with OpenSim's, on its models and on ours."""

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.subject import Subject
from opensim_models.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.multibody import inverse_dynamics, segment_states
from opensim_models.osim import client
from opensim_models.osim_skeleton import read_osim, skeleton_from_description

PERSON = Subject("S01", 72.0, 1.76, "female", 30.0)
# model → largest deviation of body positions (m) and of generalized forces (N, N·m): exact without splines
MODELS = {
    "opensim_core/falisse2019_2d_walk/2D_gait.osim": (1e-12, 1e-9),
    "falisse_walk_cycle/Hamner_modified_scaled.osim": (1e-12, 1e-9),
    "opensim_core/gait10dof18musc_subject01/gait10dof18musc_subject01.osim": (2e-4, 2.0),
    "opensim_core/rajagopal_walk/subject_walk_scaled.osim": (2e-4, 2.0),
}


def random_motion(skeleton, n_frames=5):
    rng = np.random.default_rng(0)
    low = np.array([max(c.lower, -0.6) for c in skeleton.coordinates])
    high = np.maximum([min(c.upper, 0.6) for c in skeleton.coordinates], low + 1e-6)
    q = rng.uniform(low, high, size=(n_frames, len(low)))
    return q, rng.normal(size=q.shape), rng.normal(size=q.shape)


def deviations(skeleton, path):
    """Largest differences of body positions and generalized forces between OpenSim and us."""
    q, qd, qdd = random_motion(skeleton)
    states = segment_states(skeleton, list(q.T), list(qd.T), list(qdd.T))
    poses = client.body_poses(path, skeleton.coordinate_names, q)
    apart = []
    for segment, state in zip(skeleton.segments, states, strict=True):
        origin = np.stack([np.broadcast_to(x, len(q)) for x in state.origin], axis=1)
        apart.append(np.abs(origin - poses[segment.name][0]).max())
    ours = np.stack([np.broadcast_to(f, len(q)) for f in inverse_dynamics(skeleton, states)], axis=1)
    theirs = client.inverse_dynamics(path, skeleton.coordinate_names, q, qd, qdd)
    return max(apart), np.abs(ours - theirs).max()


@pytest.mark.parametrize("model", MODELS)
def test_a_model_of_opensim_moves_and_weighs_the_same_here(model, data_dir):
    path = data_dir / model
    positions, forces = deviations(read_osim(path), path)
    assert positions <= MODELS[model][0]
    assert forces <= MODELS[model][1]


@pytest.mark.parametrize("skeleton", [planar_skeleton(PERSON), lower_body_skeleton(PERSON)], ids=lambda s: s.name)
def test_our_skeletons_are_the_same_in_opensim(skeleton, tmp_path):
    path = tmp_path / "ours.osim"
    client.build_model(skeleton, path)
    positions, forces = deviations(skeleton, path)
    assert positions < 1e-12
    assert forces < 1e-9


def test_a_skeleton_survives_the_way_to_opensim_and_back(tmp_path):
    skeleton = lower_body_skeleton(PERSON)
    client.build_model(skeleton, tmp_path / "ours.osim")
    back = read_osim(tmp_path / "ours.osim")
    assert back.coordinate_names == skeleton.coordinate_names
    assert back.segment_names == skeleton.segment_names
    assert back.mass == pytest.approx(skeleton.mass)
    assert {m.name for m in back.markers} == {m.name for m in skeleton.markers}


def test_what_is_left_out_is_named(data_dir):
    notes = " / ".join(read_osim(data_dir / "opensim_core/rajagopal_walk/subject_walk_scaled.osim").notes)
    assert "80 muscles left out" in notes
    assert "SimmSpline as a polynomial" in notes


@pytest.mark.parametrize(
    "content", ["", "not xml", "<OpenSimDocument/>", "<OpenSimDocument Version='40000'><Foo/></OpenSimDocument>"]
)
def test_what_is_not_a_model_is_refused_by_name(tmp_path, content):
    path = tmp_path / "broken.osim"
    path.write_text(content)
    with pytest.raises(ModelMismatch, match=r"broken\.osim"):
        read_osim(path)


def test_a_loop_is_refused():
    joint = {"name": "a", "parent": "ground", "child": "b", "axes": []}
    identity = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    plain = dict.fromkeys(("parent_offset", "child_offset"), (0.0, 0.0, 0.0))
    joint |= plain | {"parent_orientation": identity, "child_orientation": identity}
    body = {"name": "b", "mass": 1.0, "centre_of_mass": (0.0, 0.0, 0.0), "inertia": (1.0, 1.0, 1.0, 0.0, 0.0, 0.0)}
    empty = {k: [] for k in ("coordinates", "couplers", "markers", "contact_geometry", "muscles", "unsupported")}
    description = empty | {"name": "loop", "gravity": (0, -9.81, 0), "bodies": [body], "joints": [joint, dict(joint)]}
    with pytest.raises(ModelMismatch, match="two joints"):
        skeleton_from_description(description, "loop.osim")


def test_rotating_inertia_is_not_forgotten(tmp_path):
    """Products of inertia reach OpenSim and come back."""
    skeleton = planar_skeleton(PERSON)
    tilted = replace(skeleton.segments[0], inertia=(0.1, 0.2, 0.15, 0.01, 0.02, -0.01))
    skeleton = replace(skeleton, segments=(tilted, *skeleton.segments[1:]))
    client.build_model(skeleton, tmp_path / "tilted.osim")
    assert read_osim(tmp_path / "tilted.osim").segments[0].inertia == pytest.approx(tilted.inertia)

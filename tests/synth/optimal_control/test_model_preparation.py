"""A prepared model has the mechanics of the OpenSim model it comes from, and says what it approximates."""

from dataclasses import replace

import casadi as ca
import numpy as np
import pytest

from opensim_models.model.multibody import inverse_dynamics, point_position, segment_states
from opensim_models.model.muscle_path import MusclePath, length_and_arms, lengths_and_arms
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.scalar_function import PiecewisePolynomial, Polynomial
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.muscle.gait_range import gait_ranges
from opensim_models.muscle.path_fit import FitSettings
from opensim_models.osim import muscle_client
from synth.optimal_control.recording import model_preparation
from synth.optimal_control.recording.foot_sphere import RADIUS, foot_spheres
from synth.optimal_control.recording.model_preparation import prepare_model, with_held_coordinates
from synth.optimal_control.recording.smooth_path import smoothed

PLANAR = "opensim_core/falisse2019_2d_walk/2D_gait.osim"
TEN = "opensim_core/gait10dof18musc_subject01/gait10dof18musc_subject01.osim"
RAJAGOPAL = "opensim_core/rajagopal_walk/subject_walk_scaled.osim"
HAMNER = "falisse_walk_cycle/Hamner_modified_scaled.osim"
HELD = {
    PLANAR: {"lumbar": -0.1},
    TEN: {"ankle_angle_r": 0.15},
    RAJAGOPAL: {"mtp_angle_r": 0.1, "mtp_angle_l": 0.0},
    HAMNER: {"mtp_angle_r": 0.05, "mtp_angle_l": -0.05, "subtalar_angle_l": 0.1},
}
MODELS = pytest.mark.parametrize("model", list(HELD))
QUICK = FitSettings(length_goal=0.5e-3, arm_goal=1e-3, largest_degree=(9, 8, 7), poses=1024, check_poses=256)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def poses(skeleton, rng, n=5):
    """Values, speeds, accelerations (n_q, n) inside the range of gait."""
    lower, upper = np.array([gait_ranges(skeleton)[name] for name in skeleton.coordinate_names]).T
    q = lower[:, None] + (upper - lower)[:, None] * rng.uniform(0.05, 0.95, (len(lower), n))
    return q, rng.normal(0.0, 2.0, q.shape), rng.normal(0.0, 20.0, q.shape)


def whole(skeleton, prepared, q, numbers):
    """Rows of the prepared model's coordinates among all, held ones at their values."""
    rows = np.zeros((len(skeleton.coordinates), q.shape[1]))
    for j, name in enumerate(skeleton.coordinate_names):
        inside = name in prepared.coordinate_names
        rows[j] = q[prepared.coordinate_index(name)] if inside else numbers.get(name, 0.0)
    return rows


def mechanics(skeleton, q, v, a):
    """Origins of all segments (n_s, 3, n), orientations of their first axis, and generalized forces (n_q, n)."""
    states = segment_states(skeleton, list(q), list(v), list(a))
    n = q.shape[1]
    origins = np.array([[np.broadcast_to(x, n) for x in point_position(s, (0.1, 0.02, 0.03))] for s in states])
    forces = np.array([np.broadcast_to(x, n) for x in inverse_dynamics(skeleton, states)])
    return origins, forces


@MODELS
def test_held_coordinates_leave_the_mechanics_of_the_others_alone(data_dir, rng, model):
    source, held = read_osim(data_dir / model), HELD[model]
    fewer, _ = with_held_coordinates(source, held)
    assert fewer.coordinate_names == tuple(n for n in source.coordinate_names if n not in held)
    q, v, a = poses(fewer, rng)
    origins, forces = mechanics(fewer, q, v, a)
    at, still = whole(source, fewer, q, held), [whole(source, fewer, x, {}) for x in (v, a)]
    expected, all_forces = mechanics(source, at, *still)
    assert np.abs(origins - expected).max() < 1e-12
    kept = [source.coordinate_index(name) for name in fewer.coordinate_names]
    assert np.abs(forces - all_forces[kept]).max() < 1e-9 * np.abs(all_forces).max()


@MODELS
def test_a_prepared_model_moves_as_the_original_does(data_dir, rng, model):
    source = read_osim(data_dir / model)
    made = prepare_model(data_dir / model, hold=HELD[model], muscles=False)
    functions = [f for s in made.skeleton.segments for e in s.elements for f in e.functions]
    assert all(isinstance(f, Polynomial) for f in functions)
    fitted = any("as a polynomial" in note for note in made.notes)
    assert fitted == any(
        isinstance(f, PiecewisePolynomial)
        for s in source.segments
        for e in s.elements
        for f in e.functions
        if e.coordinate >= 0
    )
    q, v, a = poses(made.skeleton, rng)
    origins, forces = mechanics(made.skeleton, q, v, a)
    expected, all_forces = mechanics(
        source, whole(source, made.skeleton, q, HELD[model]), *(whole(source, made.skeleton, x, {}) for x in (v, a))
    )
    all_forces = all_forces[[source.coordinate_index(name) for name in made.skeleton.coordinate_names]]
    # joints by splines: the notes say up to 3e-4 m or rad; their second derivatives are what forces feel
    assert np.abs(origins - expected).max() < (5e-4 if fitted else 1e-9)
    assert np.abs(forces - all_forces).max() < (0.01 if fitted else 1e-9) * np.abs(all_forces).max()


def test_elements_of_held_coordinates_are_constants_and_zero_ones_are_gone(data_dir):
    source = read_osim(data_dir / HAMNER)
    fewer, _ = with_held_coordinates(source, {"mtp_angle_r": 0.2, "mtp_angle_l": 0.0})
    right, left = (fewer.segments[fewer.segment_index(f"toes_{side}")].elements for side in "rl")
    assert [e.functions for e in right if e.coordinate < 0][-1] == (Polynomial((0.2,)),)
    assert all(e.coordinate >= 0 or e.functions[0].coefficients[0] != 0.0 for e in left)
    assert len(left) == len(right) - 1


def test_followers_of_a_held_coordinate_stay_where_it_puts_them(data_dir):
    source = read_osim(data_dir / RAJAGOPAL)
    fewer, followers = with_held_coordinates(source, {"knee_angle_r": 1.0})
    assert followers == {"knee_angle_r_beta": pytest.approx(1.0)}
    assert [c.name for c in fewer.coupled] == ["knee_angle_l_beta"]
    assert fewer.coordinate_names[fewer.coupled[0].coordinate] == "knee_angle_l"


def lengths_of_opensim(path, made, rng, n=40):
    """OpenSim's lengths at poses in the range of the fits, and the poses (n, n_q)."""
    names = list(made.skeleton.coordinate_names)
    q, _, _ = poses(made.skeleton, rng, n)
    columns = [*names, *made.held]
    values = np.hstack([q.T, np.tile(list(made.held.values()), (n, 1))])
    known = [k for k, name in enumerate(columns) if not name.endswith("_beta")]
    muscles = [m.name for m in made.skeleton.muscles]
    return q.T, muscle_client.muscle_lengths(path, [columns[k] for k in known], values[:, known], muscles)


def check_lengths(path, made, rng):
    """All lengths within the reported errors, of muscles whose own length does not jump in OpenSim."""
    q, expected = lengths_of_opensim(path, made, rng)
    paths = [m.path for m in made.skeleton.muscles]
    found, _ = lengths_and_arms(paths, made.skeleton.coordinate_names, q)
    for i, path in enumerate(paths):
        error = made.path_errors[path.name]
        if path.jump_share == 0.0:
            off = np.abs(found[:, i] - expected[:, i])
            assert np.sqrt(np.mean(off**2)) < 2.0 * error.length + 1e-6, path.name
            # the largest was seen at 512 poses: a small wrap now and then gives more between them
            assert off.max() < 2.5 * error.largest_length + 1e-5, path.name


@pytest.mark.parametrize(("model", "n_muscles"), [(PLANAR, 18), (TEN, 16)])
def test_muscle_lengths_are_within_the_reported_error(data_dir, rng, model, n_muscles):
    made = prepare_model(data_dir / model, hold=HELD[model], settings=QUICK)
    assert len(made.skeleton.muscles) == n_muscles == len(made.path_errors)
    assert all(m.path.split is None for m in made.skeleton.muscles)
    check_lengths(data_dir / model, made, rng)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "n_muscles"), [(RAJAGOPAL, 80), (HAMNER, 92)])
def test_muscle_lengths_of_models_in_space_are_within_the_reported_error(data_dir, rng, model, n_muscles):
    made = prepare_model(data_dir / model, hold=HELD[model])
    assert len(made.skeleton.muscles) == n_muscles
    assert all(m.path.split is None for m in made.skeleton.muscles)
    assert not {c for m in made.skeleton.muscles for c in m.path.coordinates} & set(HELD[model])
    check_lengths(data_dir / model, made, rng)
    worst = max(e.arm for e in made.path_errors.values())
    assert worst < 2.5e-3  # iliacus and psoas of HAMNER, in which a point comes and goes; 1 mm is the goal


def test_two_pieces_of_a_path_become_one_and_the_error_is_what_it_says():
    bent = {"coordinates": ("q",), "exponents": ((0,), (1,))}
    low = MusclePath("m", coefficients=(0.30, -0.02), ranges=((-1.0, 0.0),), **bent)
    high = MusclePath("m", coefficients=(0.263, -0.015), ranges=((0.0, 2.0),), **bent)
    path = replace(low, split=("q", 0.0), beyond=high, jumps=("a point comes or goes",))
    one, error = smoothed(path)
    assert one.split is None and one.beyond is None and error.smoothed
    assert one.ranges == ((-1.0, 2.0),)
    q = np.linspace(-0.999, 1.999, 4001)
    (found, (arm,)), (expected, (arms,)) = length_and_arms(one, [q]), length_and_arms(path, [q])
    assert np.sqrt(np.mean((found - expected) ** 2)) == pytest.approx(error.length, rel=0.2)
    assert np.sqrt(np.mean((arm - arms) ** 2)) == pytest.approx(error.arm, rel=0.2)
    assert np.abs(found - expected).max() <= 1.2 * error.largest_length


def test_a_prepared_model_takes_symbols(data_dir):
    made = prepare_model(data_dir / PLANAR, settings=QUICK)
    skeleton = made.skeleton
    q = ca.SX.sym("q", len(skeleton.coordinates))
    forces = inverse_dynamics(skeleton, segment_states(skeleton, ca.vertsplit(q)))
    lengths = [
        length_and_arms(m.path, [q[skeleton.coordinate_index(c)] for c in m.path.coordinates])[0]
        for m in skeleton.muscles
    ]
    function = ca.Function("f", [q], [ca.vertcat(*forces), ca.vertcat(*lengths)])
    pose = np.full(q.shape[0], -0.05)
    expected = np.array([float(x) for x in inverse_dynamics(skeleton, segment_states(skeleton, list(pose)))])
    assert np.abs(np.array(function(pose)[0]).ravel() - expected).max() < 1e-9
    assert np.isfinite(np.array(function(pose)[1])).all()


def test_the_default_spheres_are_those_of_the_model_they_come_from(data_dir):
    source = read_osim(data_dir / HAMNER)
    own = {s.name: s for s in source.contacts}
    made, planes, notes = foot_spheres(source)
    assert len(made) == 12 and planes[0].normal == (0.0, 1.0, 0.0) and "times 1.000" in notes[0]
    for sphere in made:
        expected = own[sphere.name]
        assert sphere.segment == expected.segment
        assert np.allclose(sphere.offset, expected.offset, atol=1e-4)
        assert replace(sphere, offset=expected.offset, radius=RADIUS, plane="floor") == replace(expected, plane="floor")


def test_default_spheres_follow_the_size_of_the_foot_and_own_ones_stay(data_dir):
    large = prepare_model(data_dir / RAJAGOPAL, hold=["mtp_angle_r", "mtp_angle_l"], muscles=False)
    assert len(large.skeleton.contacts) == 12 and len(large.skeleton.coordinates) == 29
    places = {s.name: s.offset for s in large.skeleton.contacts}
    assert places["s2_r"][0] == pytest.approx(0.1484 * 0.1788 / 0.16341, rel=1e-4)
    assert places["s2_l"] == pytest.approx((places["s2_r"][0], places["s2_r"][1], -places["s2_r"][2]))
    assert any("no contact spheres" in note and "1.094" in note for note in large.notes)
    own = prepare_model(data_dir / PLANAR, muscles=False)
    assert [s.name for s in own.skeleton.contacts] == ["heel_r", "heel_l", "front_r", "front_l"]
    assert prepare_model(data_dir / PLANAR, muscles=False, contact=False).skeleton.contacts == ()


def test_locked_coordinates_are_held_and_disabled_muscles_left_out(tmp_path, data_dir, monkeypatch):
    source = read_osim(data_dir / PLANAR)
    locked = tuple(
        replace(c, locked=c.name == "lumbar", default=0.2 * (c.name == "lumbar")) for c in source.coordinates
    )
    prescribed = tuple(replace(c, prescribed=Polynomial((0.3,)) if c.name == "ankle_angle_l" else None) for c in locked)
    weak = tuple(replace(m, enabled=m.name != "soleus_r") for m in source.muscles)
    monkeypatch.setattr(model_preparation, "read_osim", lambda _: replace(source, coordinates=prescribed, muscles=weak))
    made = prepare_model(data_dir / PLANAR, settings=QUICK)
    assert made.held == {"lumbar": 0.2, "ankle_angle_l": 0.3}
    words = "\n".join(made.notes)
    assert "lumbar is held at 0.2 rad: the model locks it" in words
    assert "ankle_angle_l is held at 0.3 rad: the model prescribes it" in words
    assert "disabled muscles left out: soleus_r" in words
    assert "cross no coordinate which moves left out: soleus_l, tib_ant_l" in words
    assert not {"soleus_r", "soleus_l", "tib_ant_l"} & {m.name for m in made.skeleton.muscles}


def test_what_cannot_be_held_is_refused_by_name(data_dir, monkeypatch):
    path = data_dir / PLANAR
    with pytest.raises(ModelMismatch, match="no coordinate 'toe'"):
        prepare_model(path, hold=["toe"])
    with pytest.raises(ModelMismatch, match="lumbar is to be held at nan"):
        prepare_model(path, hold={"lumbar": float("nan")})
    with pytest.raises(ModelMismatch, match="list of names"):
        prepare_model(path, hold="lumbar")
    with pytest.raises(ModelMismatch, match="no coordinate 'knee'"):
        prepare_model(path, ranges={"knee": (0.0, 1.0)}, muscles=False)
    with pytest.raises(ModelMismatch, match="every coordinate is held"):
        prepare_model(path, hold=list(read_osim(path).coordinate_names))
    source = read_osim(path)
    moving = tuple(
        replace(c, prescribed=Polynomial((0.0, 1.0)) if c.name == "lumbar" else None) for c in source.coordinates
    )
    monkeypatch.setattr(model_preparation, "read_osim", lambda _: replace(source, coordinates=moving))
    with pytest.raises(ModelMismatch, match="prescribes lumbar as a function of time"):
        prepare_model(path, muscles=False)
    assert prepare_model(path, hold=["lumbar"], muscles=False).held == {"lumbar": 0.0}


def test_floors_that_are_none_are_refused(data_dir, monkeypatch):
    source = read_osim(data_dir / PLANAR)
    plane = source.planes[0]

    def prepared(*planes, spheres=source.contacts):
        made = replace(source, planes=planes, contacts=spheres)
        monkeypatch.setattr(model_preparation, "read_osim", lambda _: made)
        return prepare_model(data_dir / PLANAR, muscles=False)

    with pytest.raises(ModelMismatch, match="expected a level floor"):
        prepared(replace(plane, normal=(0.1, 0.995, 0.0)))
    step = replace(plane, name="step", offset=(0.0, 0.2, 0.0))
    on_step = (replace(source.contacts[0], plane="step"), *source.contacts[1:])
    with pytest.raises(ModelMismatch, match="different heights"):
        prepared(plane, step, spheres=on_step)
    off = (replace(source.contacts[0], enabled=False), *source.contacts[1:])
    made = prepared(plane, step, spheres=off)
    assert [p.name for p in made.skeleton.planes] == [plane.name] and len(made.skeleton.contacts) == 3
    assert any("left out, disabled or not against the ground: heel_r" in note for note in made.notes)


def test_spheres_are_not_guessed_for_other_feet(data_dir):
    source = read_osim(data_dir / TEN)
    named = tuple(replace(s, name="forefoot_r" if s.name == "toes_r" else s.name) for s in source.segments)
    with pytest.raises(ModelMismatch, match="no toes_r"):
        foot_spheres(replace(source, segments=named))

"""Clusters registered by a static trial: the anatomical frames move with the person, the hip's choice is recorded."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.marker.marker_set import load_marker_set
from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction, MarkerTrial
from mocap_import.trial_reader import read_trial
from opensim_models.clinical.anatomical_frame import trunk_frame
from opensim_models.clinical.clinical_motion import calibrate_static, clinical_motion
from opensim_models.clinical.cluster_pose import make_cluster, robust_pose
from opensim_models.clinical.flexion_axis import flexion_axis
from opensim_models.clinical.functional_centre import functional_hips
from opensim_models.clinical.joint_angle import joint_angles
from opensim_models.clinical.joint_centre import HIP_METHODS, hip_centres, hip_offset, pelvis_axes
from opensim_models.clinical.joint_moment import joint_moments
from opensim_models.clinical.stored_outputs import stored_angles
from opensim_models.generic.anthropometry import SegmentParameters
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import SegmentMotion


@pytest.fixture(scope="module")
def person(data_dir):
    folder = data_dir / "mcgill_walk_youth/HC033A"
    static, walk = read_trial(folder / "Static/HC033A01.c3d"), read_trial(folder / "Straight/HC033A10.c3d")
    return static, walk, load_marker_set("plug_in_gait")


def test_flexion_agrees_with_the_laboratorys_own_model(person):
    static, walk, meaning = person
    motion = clinical_motion(walk, calibrate_static(static, meaning))
    assert motion.hip_method == "harrington"
    assert any("joint centre carried by pelvis" in note for note in motion.notes)  # two thigh markers only
    ours, stored = motion.angles(), stored_angles(walk)
    for joint in ("hip_flexion", "knee_flexion", "ankle_dorsiflexion"):
        for side in "rl":
            difference = np.degrees(ours.of(f"{joint}_{side}") - stored.of(f"{joint}_{side}"))
            assert np.sqrt(np.nanmean(difference**2)) < 6.0
            assert np.nanstd(difference) < 2.5
    assert all(np.nanmedian(pose.residual) < 0.008 for pose in motion.poses.values())


def test_standing_in_the_static_trial_gives_back_its_own_frames(person):
    static, _, meaning = person
    calibration = calibrate_static(static, meaning)
    angles = clinical_motion(static, calibration).angles()
    assert np.nanmax(np.degrees(np.abs(np.nanmean(angles.of("ankle_inversion_r"))))) < 15
    heading = clinical_motion(static, calibration).motions["pelvis"].orientation.mean().as_matrix()
    assert abs(heading[1, 2]) < 0.1  # the pelvis' right axis is level


def test_turning_the_laboratory_changes_no_joint_angle(person):
    static, walk, meaning = person
    turn = Rotation.from_euler("Y", 70, degrees=True).as_matrix().T
    turned = [replace(t, positions=t.positions @ turn) for t in (static, walk)]
    before = clinical_motion(walk, calibrate_static(static, meaning)).angles()
    after = clinical_motion(turned[1], calibrate_static(turned[0], meaning)).angles()
    for name in before.names:
        if not name.startswith(("pelvis", "trunk")):
            np.testing.assert_allclose(after.of(name), before.of(name), atol=1e-8, err_msg=name)


def test_the_choice_of_the_hip_centre_is_recorded_and_matters(person):
    static, walk, meaning = person
    angles = {m: clinical_motion(walk, calibrate_static(static, meaning, hip_method=m)).angles() for m in HIP_METHODS}
    assert {m: a.hip_method for m, a in angles.items()} == {m: m for m in HIP_METHODS}
    first, second = (np.degrees(np.nanmean(angles[m].of("hip_flexion_r"))) for m in ("harrington", "davis"))
    assert 0.5 < abs(first - second) < 10.0
    hips = {side: np.array([-0.05, -0.08, sign * 0.08]) for side, sign in (("r", 1.0), ("l", -1.0))}
    assert calibrate_static(static, meaning, functional_hips=hips).hip_method == "functional"


def test_walking_is_too_small_a_movement_for_a_functional_hip(person):
    static, walk, meaning = person
    with pytest.raises(ModelMismatch, match="star-arc"):
        functional_hips(calibrate_static(static, meaning), {"r": walk})


def test_a_moving_trial_is_no_static_one(person):
    _, walk, meaning = person
    with pytest.raises(ModelMismatch, match="standing still"):
        calibrate_static(walk, meaning)


def test_hip_regressions_agree_within_centimetres_and_refuse_absurd_lengths():
    points = {
        **{"asis_r": np.array([0.0, 1.0, 0.12]), "asis_l": np.array([0.0, 1.0, -0.12])},
        **{"psis_r": np.array([-0.15, 1.0, 0.05]), "psis_l": np.array([-0.15, 1.0, -0.05])},
        **{"ankle_medial_r": np.array([0.0, 0.1, 0.08]), "ankle_medial_l": np.array([0.0, 0.1, -0.08])},
    }
    centres = {m: hip_centres(points, m, marker_radius=0.007) for m in HIP_METHODS}
    for method, centre in centres.items():
        np.testing.assert_allclose(centre["r"] * [1, 1, -1], centre["l"], err_msg=method)
        assert np.linalg.norm(centre["r"] - centres["harrington"]["r"]) < 0.03
    # Harrington 2007, equation for adults and children, by hand: width 240, depth 150 mm
    np.testing.assert_allclose(hip_offset("harrington", 0.24, 0.15), [-0.0459, -0.0829, 0.0865], atol=1e-12)
    for method, lengths in (("harrington", (240.0, 150.0)), ("davis", (0.24,)), ("jones", (0.24, 0.15))):
        with pytest.raises(ModelMismatch):
            hip_offset(method, *lengths)


def test_a_sacral_marker_stands_in_for_a_lost_posterior_spine():
    points = {"asis_r": np.array([0.0, 1.0, 0.12]), "asis_l": np.array([0.0, 1.0, -0.12])}
    points |= {"sacrum": np.array([-0.15, 1.0, 0.0]), "psis_r": np.array([-0.15, 1.0, 0.05])}
    _, axes, depth = pelvis_axes(points)
    assert depth == pytest.approx(0.15)
    np.testing.assert_allclose(axes, np.eye(3), atol=1e-12)


def test_a_star_arc_movement_gives_the_hip_it_was_made_about():
    """Pelvis and thigh of a person whose right hip is known, standing and moving; the left one from one marker."""
    hips = {"r": np.array([-0.06, 0.90, 0.07]), "l": np.array([-0.06, 0.90, -0.09])}
    pelvis = {"RASI": (0, 1, 0.12), "LASI": (0, 1, -0.12), "RPSI": (-0.15, 1.0, 0.05), "LPSI": (-0.15, 1, -0.05)}
    thighs = {"RTHI": (0, 0.7, 0.15), "RKNE": (0, 0.5, 0.15), "RTHAP": (0.08, 0.65, 0.1), "LKNE": (0, 0.5, -0.15)}
    labels = (*pelvis, *thighs)
    standing = np.array([*pelvis.values(), *thighs.values()], dtype=float)
    person = Subject("S", 70.0, 1.75)
    static = MarkerTrial("static", person, labels, np.repeat(standing[None], 5, axis=0), 100.0)
    phase = np.linspace(0, 2 * np.pi, 400)
    sway = Rotation.from_euler("XY", 0.05 * np.column_stack([np.sin(phase), np.cos(2 * phase)]))
    turns = np.radians([25, 18, 4]) * np.column_stack([np.sin(5 * phase), np.sin(7 * phase + 1), np.cos(3 * phase)])
    legs = Rotation.from_euler("ZXY", turns)
    moving = np.empty((400, len(labels), 3))
    for k, label in enumerate(labels):
        place = standing[k]
        if label in thighs:
            hip = hips[label[0].lower()]
            place = hip + legs.apply(standing[k] - hip)
        moving[:, k] = sway.apply(place) + np.column_stack([0.1 * np.sin(phase), 0 * phase, 0 * phase])
    trial = MarkerTrial("star", person, labels, moving, 100.0)
    calibration = calibrate_static(static, load_marker_set("plug_in_gait"))
    found = functional_hips(calibration, {"r": trial, "l": trial})
    assert (found["r"].method, found["l"].method) == ("score", "sphere")
    for side, centre in found.items():
        np.testing.assert_allclose(centre.in_parent, hips[side] - [0, 1, 0], atol=1e-6)
    chosen = calibrate_static(
        static, load_marker_set("plug_in_gait"), functional_hips={side: c.in_parent for side, c in found.items()}
    )
    assert chosen.hip_method == "functional"
    np.testing.assert_allclose(chosen.centres["hip_l"], hips["l"], atol=1e-6)


def test_an_upright_trunk_points_forward_up_and_right():
    points = {"c7": (-0.08, 1.45, 0), "t10": (-0.1, 1.21, 0), "clavicle": (0.06, 1.43, 0), "sternum": (0.08, 1.2, 0)}
    axes = trunk_frame({name: np.array(p, dtype=float) for name, p in points.items()})
    np.testing.assert_allclose(axes, np.eye(3), atol=0.1)
    with pytest.raises(ModelMismatch, match="sternum"):
        trunk_frame({name: np.array(p) for name, p in points.items() if name != "sternum"})


REFERENCE = np.array(
    [[0.1, 0.0, 0.0], [-0.1, 0.02, 0.03], [0.0, 0.1, -0.04], [0.02, -0.1, 0.05], [0.0, 0.03, 0.08], [0.05, 0.06, 0.02]]
)


def moving(n=60):
    rng = np.random.default_rng(5)
    rotation = Rotation.from_rotvec(np.cumsum(rng.normal(0, 0.02, (n, 3)), axis=0))
    origin = np.cumsum(rng.normal(0, 0.01, (n, 3)), axis=0)
    return rotation, origin, origin[:, None] + np.einsum("nij,mj->nmi", rotation.as_matrix(), REFERENCE)


def test_exchanged_labels_lose_their_markers_not_the_pose():
    rotation, _, positions = moving()
    positions[:, [0, 1]] = positions[:, [1, 0]]
    positions[10:15, 2] += 0.2
    pose, said = robust_pose(make_cluster("calcn_r", "ABCDEF", REFERENCE), positions, 100.0)
    assert "left out" in said[0]
    known = np.isfinite(pose.residual)
    assert known.sum() >= 55
    assert (pose.motion.orientation[known].inv() * rotation[known]).magnitude().max() < 1e-8


def test_a_mirrored_cluster_has_no_pose():
    _, _, positions = moving()
    cluster = make_cluster("calcn_r", "ABCDEF", REFERENCE * [1, 1, -1])
    pose, said = robust_pose(cluster, positions, 100.0)
    assert "mirror" in said[-1]
    assert np.isnan(pose.motion.origin).all()


def test_moments_of_a_swinging_leg_are_those_of_a_pendulum():
    """A rigid leg on a hinge: moment = (I + m l²) alpha + m g l sin(theta), in every frame of expression."""
    time = np.arange(200) / 200.0
    theta = 0.5 * np.sin(2 * np.pi * time)
    turn = Rotation.from_euler("Z", theta[:, None])
    hip = np.tile([0.1, 0.9, 0.2], (200, 1))
    down = turn.apply([0.0, -0.4, 0.0])
    plain = Rotation.identity(200)
    origins = {"pelvis": hip, "femur_r": hip, "tibia_r": hip + down, "calcn_r": hip + 2 * down}
    motions = {b: SegmentMotion(b, o, plain if b == "pelvis" else turn, 200.0) for b, o in origins.items()}
    part = SegmentParameters(5.0, (0.0, -0.2, 0.0), (0.05, 0.01, 0.05))
    nothing = SegmentParameters(0.0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    segments = {"femur_r": part, "tibia_r": nothing, "calcn_r": nothing}

    air = GroundReaction(np.zeros((200, 3)), np.full((200, 3), np.nan), np.full(200, np.nan), 200.0, "right")
    alpha = -0.5 * (2 * np.pi) ** 2 * np.sin(2 * np.pi * time)
    expected = (0.05 + 5.0 * 0.04) * alpha + 5.0 * 9.80665 * 0.2 * np.sin(theta)
    for frame in ("proximal", "distal", "joint_coordinate_system"):
        moments = joint_moments(motions, {"right": air}, segments, 70.0, frame=frame, cutoff=None)
        np.testing.assert_allclose(moments.of("hip_flexion_r")[5:-5], expected[5:-5], atol=2e-4)
        np.testing.assert_allclose(moments.of("hip_adduction_r"), 0.0, atol=1e-9)
    external = moments.as_kind("external")
    np.testing.assert_allclose(external.values, -moments.values)
    assert external.as_kind("internal").kind == "internal"
    np.testing.assert_allclose(moments.per_mass(), moments.values / 70.0)


def test_standing_on_one_foot_holds_the_body_above_the_ankle():
    """A force of 700 N, 5 cm in front of the ankle: external dorsiflexion moment of 35 N·m, internal its opposite."""

    still = Rotation.identity(50)
    heights = {"pelvis": 0.9, "femur_r": 0.9, "tibia_r": 0.5, "calcn_r": 0.1}
    motions = {b: SegmentMotion(b, np.tile([0.0, h, 0.0], (50, 1)), still, 100.0) for b, h in heights.items()}
    nothing = SegmentParameters(0.0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    force = np.tile([0.0, 700.0, 0.0], (500, 1))
    force[300:] = np.nan
    floor = GroundReaction(force, np.tile([0.05, 0.0, 0.0], (500, 1)), np.zeros(500), 1000.0, "right")
    segments = dict.fromkeys(("femur_r", "tibia_r", "calcn_r"), nothing)
    moments = joint_moments(motions, {"right": floor}, segments, 71.0, kind="external", cutoff=None)
    np.testing.assert_allclose(moments.of("ankle_dorsiflexion_r")[:30], 35.0, atol=1e-9)
    assert np.isnan(moments.of("ankle_dorsiflexion_r")[31:]).all()  # unknown force, unknown moment
    lost = replace(floor, force=np.nan_to_num(force), centre_of_pressure=np.full((500, 3), np.nan))
    silent = joint_moments(motions, {"right": lost}, segments, 71.0, kind="external", cutoff=None)
    assert np.isnan(silent.of("ankle_dorsiflexion_r")[:30]).all()  # a load of unknown place is not no load
    with pytest.raises(ModelMismatch, match="internal or external"):
        joint_moments(motions, {"right": floor}, segments, 71.0, kind="muscular")
    with pytest.raises(ModelMismatch, match="foot"):
        joint_moments(motions, {}, segments, 71.0)


def swinging_person(seed, mirrored=False):
    """A leg of three segments that moves about all axes while a foot force acts; optionally the mirror image."""
    rng = np.random.default_rng(seed)
    time = np.arange(120) / 100.0
    mirror = np.diag([1.0, 1.0, -1.0]) if mirrored else np.eye(3)
    other = "l" if mirrored else "r"
    motions, segments, origin = {}, {}, np.tile([0.1, 0.9, 0.2], (120, 1))
    for body in ("pelvis", f"femur_{other}", f"tibia_{other}", f"calcn_{other}"):
        phases = rng.uniform(0, 6, 3)
        turn = Rotation.from_euler("ZXY", 0.4 * np.sin(4 * time[:, None] + phases))
        matrix = mirror @ turn.as_matrix() @ mirror
        motions[body] = SegmentMotion(body, origin @ mirror, Rotation.from_matrix(matrix), 100.0)
        segments[body] = SegmentParameters(4.0, (0.01, -0.2, 0.0), (0.05, 0.01, 0.04))
        if body != "pelvis":
            origin = origin + turn.apply([0.0, -0.4, 0.0])
    force = np.tile([60.0, 700.0, 30.0], (120, 1)) @ mirror
    pressure = np.tile([0.2, 0.0, 0.15], (120, 1)) @ mirror
    free = np.full(120, -3.0 if mirrored else 3.0)  # an axial vector's vertical part turns over
    floor = GroundReaction(force, pressure, free, 100.0, "left" if mirrored else "right")
    return motions, {floor.foot: floor}, segments


def test_moments_of_a_mirrored_person_are_the_same_on_the_other_side():
    ours = joint_moments(*swinging_person(3), 70.0, cutoff=None)
    twin = joint_moments(*swinging_person(3, mirrored=True), 70.0, cutoff=None)
    for name in ours.names:
        np.testing.assert_allclose(twin.of(name[:-1] + "l"), ours.of(name), atol=1e-9, err_msg=name)


def test_moments_in_the_joint_coordinate_system_give_the_joints_power():
    """Sum of component times angular rate = moment times relative angular velocity, taken in the distal axes."""
    motions, floor, segments = swinging_person(8)
    angles = joint_angles(motions)
    own = joint_moments(motions, floor, segments, 70.0, frame="joint_coordinate_system", cutoff=None)
    distal = joint_moments(motions, floor, segments, 70.0, frame="distal", cutoff=None)
    for joint, upper, lower in (("hip", "pelvis", "femur_r"), ("knee", "femur_r", "tibia_r")):
        names = [name for name in own.names if name.startswith(joint)]
        rates = np.stack([np.gradient(angles.of(name), 0.01) for name in names], axis=1)
        power = np.sum(rates * np.stack([own.of(name) for name in names], axis=1), axis=1)
        relative = motions[upper].orientation.inv() * motions[lower].orientation
        spin = (relative[:-2].inv() * relative[2:]).as_rotvec() / 0.02  # distal axes, at the frame between
        sign = -1.0 if joint == "knee" else 1.0
        moment = np.stack([distal.of(names[1]), distal.of(names[2]), sign * distal.of(names[0])], axis=1)
        np.testing.assert_allclose(power[5:-5], np.sum(moment[1:-1] * spin, axis=1)[4:-4], atol=0.4)
        assert np.ptp(power) > 40.0


@pytest.mark.parametrize("heading", [0.0, 1.0, np.pi, -2.5])
@pytest.mark.parametrize("side", ["r", "l"])
def test_the_flexion_axis_turns_with_the_person(heading, side):
    """Whatever way the person faces: along the landmarks of the knee, else between pelvis and malleoli."""
    sign = 1.0 if side == "r" else -1.0
    turn = Rotation.from_euler("Y", heading)
    right = np.array([0.0, 0.0, 1.0])
    outward = np.radians(30.0)  # the malleoli's line, turned outward
    malleoli = np.array([-np.sin(outward), 0.0, sign * np.cos(outward)])
    points = {f"ankle_medial_{side}": turn.apply(np.zeros(3)), f"ankle_lateral_{side}": turn.apply(0.07 * malleoli)}
    found = turn.inv().apply(flexion_axis(points, side, turn.apply(right)))
    angle = np.degrees(np.arctan2(-sign * found[0], found[2]))
    assert angle == pytest.approx((30.0 - 17.0) * 6.0**2 / (6.0**2 + 8.5**2), abs=1e-9)
    assert np.linalg.norm(found) == pytest.approx(1.0)
    many = flexion_axis({name: np.tile(place, (5, 1)) for name, place in points.items()}, side, turn.apply(right))
    np.testing.assert_allclose(many, np.tile(turn.apply(found), (5, 1)), atol=1e-12)
    knee = {
        f"knee_lateral_{side}": turn.apply([0.01, 0.5, sign * 0.06]),
        f"knee_medial_{side}": turn.apply([0, 0.5, 0]),
    }
    along = turn.inv().apply(flexion_axis(points | knee, side, turn.apply(right)))
    np.testing.assert_allclose(along, np.array([sign * 0.01, 0.0, 0.06]) / np.hypot(0.01, 0.06), atol=1e-12)
    end = turn.apply([0.0, 0.5, sign * 0.1])
    device = turn.inv().apply(flexion_axis(knee, side, turn.apply(right), end))
    np.testing.assert_allclose(device, np.array([-sign * 0.01, 0.0, 0.04]) / np.hypot(0.01, 0.04), atol=1e-12)
    np.testing.assert_allclose(flexion_axis({}, side, right), right)

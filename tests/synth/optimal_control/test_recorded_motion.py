"""Recorded motion: what is in OpenSim's files arrives at the nodes, with true derivatives and moments."""

from dataclasses import replace

import numpy as np
import pytest

from opensim_models.exchange.storage import read_generalized_forces, write_motion
from opensim_models.exchange.storage_table import StorageTable, read_table, write_table
from opensim_models.kernel.uniform_spline import spline_derivatives
from opensim_models.model.multibody import inverse_dynamics, segment_states
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics
from synth.optimal_control.recording.ground_load import read_ground_loads
from synth.optimal_control.recording.model_preparation import with_held_coordinates
from synth.optimal_control.recording.recorded_cycle import recorded_cycle
from synth.optimal_control.recording.recorded_motion import motion_at, recorded_motion
from synth.optimal_control.recording.trial_samples import MotionFiles, read_trial_samples

MTP = {"mtp_angle_r": 0.0, "mtp_angle_l": 0.0}
WEIGHT = 600.0
NOISE = 2.0
"""N: what a plate shows while nobody stands on it."""


@pytest.fixture(scope="module")
def planar(data_dir):
    return read_osim(data_dir / "opensim_core/falisse2019_2d_walk/2D_gait.osim")


@pytest.fixture(scope="module")
def walker(data_dir):
    return with_held_coordinates(read_osim(data_dir / "opensim_core/rajagopal_walk/subject_walk_scaled.osim"), MTP)[0]


def walk_files(data_dir):
    folder = data_dir / "opensim_core/rajagopal_walk"
    return MotionFiles(folder / "coordinates.sto", folder / "grf_walk.xml", emg=folder / "electromyography.sto")


def swinging(skeleton, rate=100.0, seconds=2.0, start=0.3):
    """A file's worth of sines, each coordinate with a frequency of its own."""
    time = start + np.arange(round(rate * seconds) + 1) / rate
    speed = 2.0 * np.pi * (0.5 + 0.1 * np.arange(len(skeleton.coordinates)))
    return time, speed, 0.2 * np.sin(time[:, None] * speed)


def written(tmp_path, skeleton, values, rate=100.0, start=0.3):
    path = tmp_path / "walk.mot"
    write_motion(path, Kinematics(skeleton.coordinate_names, values, rate), skeleton=skeleton, start_time=start)
    return path


FORCE = """<ExternalForce name="{name}"><applied_to_body>{body}</applied_to_body>
<force_expressed_in_body>{frame}</force_expressed_in_body><point_expressed_in_body>ground</point_expressed_in_body>
<force_identifier>{key}_v</force_identifier><point_identifier>{key}_p</point_identifier>
<torque_identifier>{key}_m</torque_identifier>{more}</ExternalForce>"""


def written_loads(
    tmp_path, *, bodies=("calcn_r", "calcn_l"), frame="ground", datafile="plates.mot", more="", rate=1000.0
):
    """Two feet that step in turn, 0.6 s each a second; in swing the point of application is nonsense."""
    time = np.arange(round(4.0 * rate) + 1) / rate
    columns = {}
    for key, phase in (("r", 0.0), ("l", 0.5)):
        share = (time - 0.2 - phase) % 1.0 / 0.6
        on = (share < 1.0) & (time > 0.2 + phase)
        size = np.where(on, WEIGHT * np.sin(np.pi * np.minimum(share, 1.0)), NOISE)
        wrong = np.where(on, 0.0, 300.0)
        parts = {
            "v": (0.1 * size, size, -0.05 * size),
            "p": (0.4 + 0.2 * share + wrong, 0.0 * size, 0.1 + wrong),
            "m": (0.0 * size, 0.01 * size, 0.0 * size),
        }
        for name, three in parts.items():
            columns |= {f"{key}_{name}{axis}": column for axis, column in zip("xyz", three, strict=True)}
    write_table(tmp_path / "plates.mot", StorageTable(tuple(columns), np.stack(list(columns.values()), axis=1), rate))
    forces = "".join(
        FORCE.format(name=f"{key} plate", body=body, frame=frame, key=key, more=more)
        for key, body in zip("rl", bodies, strict=True)
    )
    path = tmp_path / "loads.xml"
    path.write_text(
        f'<OpenSimDocument Version="40000"><ExternalLoads name="a"><objects>{forces}</objects>'
        f"<datafile>{datafile}</datafile></ExternalLoads></OpenSimDocument>"
    )
    return path


def test_speeds_and_accelerations_are_the_derivatives(tmp_path, planar):
    time, speed, values = swinging(planar)
    files = MotionFiles(written(tmp_path, planar, values))
    at = np.linspace(0.8, 1.7, 37)
    found = recorded_motion(files, planar, at)
    phase = at[:, None] * speed
    assert np.abs(found.values - 0.2 * np.sin(phase)).max() < 1e-8
    assert np.abs(found.speeds - 0.2 * speed * np.cos(phase)).max() < 1e-5
    assert np.abs(found.accelerations + 0.2 * speed**2 * np.sin(phase)).max() < 2e-3
    nodes = recorded_motion(files, planar, time)
    first, second = spline_derivatives(np.ascontiguousarray(nodes.values), 100.0)
    assert np.abs(nodes.speeds - first).max() < 1e-8 and np.abs(nodes.accelerations - second).max() < 1e-6


def test_the_cutoff_lowers_what_is_above_it(tmp_path, planar):
    time, _, values = swinging(planar)
    noisy = values + 0.01 * np.sin(2.0 * np.pi * 40.0 * time)[:, None]
    files = MotionFiles(written(tmp_path, planar, noisy))
    at = np.linspace(0.8, 1.7, 91)
    rough, smooth = recorded_motion(files, planar, at), recorded_motion(files, planar, at, cutoff=10.0)
    clean = np.array([np.interp(at, time, column) for column in values.T]).T
    assert np.abs(rough.values - clean).max() > 5e-3
    assert np.abs(smooth.values - clean).max() < 1e-3 and smooth.cutoff == 10.0
    with pytest.raises(ModelMismatch, match="100 Hz cannot pass a low-pass of 50 Hz"):
        recorded_motion(files, planar, at, cutoff=50.0)


def test_missing_numbers_are_refused_by_name_where_they_are_wanted(tmp_path, planar):
    _, _, values = swinging(planar)
    values[100:103, 4] = np.nan
    files = MotionFiles(written(tmp_path, planar, values))
    with pytest.raises(ModelMismatch, match=r"hip_flexion_r has no number at 1.3 s \(3 rows"):
        recorded_motion(files, planar, np.linspace(1.0, 1.6, 9), cutoff=6.0)
    beside = recorded_motion(files, planar, np.linspace(0.5, 1.2, 9))
    after = recorded_motion(files, planar, np.linspace(1.6, 2.2, 9))
    assert np.isfinite(beside.accelerations).all() and np.isfinite(after.accelerations).all()
    with pytest.raises(ModelMismatch, match=r"reach from 0\.3 to 2\.3 s, but 2 to 2.5 s"):
        recorded_motion(files, planar, np.linspace(2.0, 2.5, 5))
    with pytest.raises(ModelMismatch, match="finite and ascending"):
        recorded_motion(files, planar, np.array([1.0, 0.9]))


def test_coordinates_that_the_file_lacks_need_a_value(tmp_path, planar):
    _, _, values = swinging(planar)
    path = written(tmp_path, planar, values)
    more = replace(planar, coordinates=(*planar.coordinates, replace(planar.coordinates[-1], name="neck")))
    with pytest.raises(ModelMismatch, match="has no neck, which"):
        read_trial_samples(MotionFiles(path), more)
    samples = read_trial_samples(MotionFiles(path), more, constant={"neck": 0.1}, held={"lumbar": 0.0})
    assert (samples.values[:, -1] == 0.1).all()
    assert any("neck is not in walk.mot" in note for note in samples.notes)
    assert any("lumbar is held at 0, but is up to 0.2 away" in note for note in samples.notes)


def test_moments_are_those_of_the_points_where_the_forces_act(tmp_path, planar):
    loads = written_loads(tmp_path)
    (right, left), notes = read_ground_loads(loads)
    assert (right.foot, left.foot, notes) == ("right", "left", ())
    time = np.arange(len(right.force)) / right.rate
    at = 500  # half of the first stance
    push, point = right.force[at], np.array([0.4 + 0.2 * (time[at] - 0.2) / 0.6, 0.0, 0.1])
    twist = np.array([0.0, 0.01 * WEIGHT, 0.0])
    assert push == pytest.approx(WEIGHT * np.array([0.1, 1.0, -0.05]))
    assert right.moment[at] == pytest.approx(np.cross(point, push) + twist)
    swing = np.linalg.norm(right.force, axis=1) < 20.0
    assert np.abs(right.moment[swing]).max() < 20.0  # 300 m away the nonsense of swing would make thousands
    elsewhere, _ = read_ground_loads(loads, about=(0.5, 0.1, 0.0))
    expected = np.cross(point - (0.5, 0.1, 0.0), push) + twist
    assert elsewhere[0].moment[at] == pytest.approx(expected)
    files = MotionFiles(written(tmp_path, planar, swinging(planar)[2]), loads)
    found = recorded_motion(files, planar, np.array([0.5, 0.6]))
    assert found.wrenches["right"].moment_about((0.5, 0.1, 0.0))[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bodies": ("pelvis", "calcn_l")}, "acts on 'pelvis'; expected a foot"),
        ({"frame": "calcn_r"}, "only ground is read"),
        ({"datafile": "../plates.mot"}, "expected a file beside it"),
        ({"datafile": "other.mot"}, "no such file"),
        ({"more": "<appliesForce>false</appliesForce>"}, "no external force that acts"),
    ],
)
def test_loads_that_are_no_ground_reactions_are_refused(tmp_path, changes, words):
    with pytest.raises(ModelMismatch, match=words):
        read_ground_loads(written_loads(tmp_path, **changes))


def test_documents_that_are_no_loads_are_refused(tmp_path, planar):
    path = tmp_path / "loads.xml"
    for text in ("<a/>", "no document", "<!DOCTYPE a []><OpenSimDocument/>"):
        path.write_text(text)
        with pytest.raises(ModelMismatch, match=r"expected OpenSim's external loads|expected an <ExternalLoads>"):
            read_ground_loads(path)
    with pytest.raises(ModelMismatch, match=r"absent\.xml"):
        read_ground_loads(tmp_path / "absent.xml")


def test_forces_without_a_point_have_no_moment(data_dir, planar):
    folder = data_dir / "opensim_core/falisse2019_2d_walk"
    files = MotionFiles(folder / "referenceCoordinates.sto", folder / "referenceGRF.xml")
    samples = read_trial_samples(files, planar)
    found = motion_at(samples, np.linspace(samples.start, samples.end, 51))
    assert found.coordinates == planar.coordinate_names and found.values.shape == (51, 10)
    assert np.isnan(found.wrenches["right"].moment).all()
    assert found.wrenches["right"].force[:, 1].max() > planar.mass * 9.8
    assert any("nothing says where" in note for note in found.notes)
    with pytest.raises(ModelMismatch, match="forces reach from 0 to"):
        long = replace(samples, start=samples.start + 0.01)
        motion_at(long, np.linspace(0.2, long.end, 5))


def test_a_stride_lasts_from_strike_to_strike(tmp_path, planar):
    time = np.arange(401) / 100.0
    values = 0.2 * np.sin(2.0 * np.pi * time[:, None] + np.arange(len(planar.coordinates)))
    values[:, planar.coordinate_index("pelvis_tx")] = 1.3 * time
    files = MotionFiles(written(tmp_path, planar, values, start=0.0), written_loads(tmp_path))
    cycle = recorded_cycle(files, planar, 41, foot="left")
    assert cycle.from_strike and cycle.foot == "left"
    assert cycle.duration == pytest.approx(1.0, abs=2e-3)
    assert (cycle.start - 0.7) % 1.0 == pytest.approx(0.007, abs=0.004)  # 20 N are passed a few ms later
    assert cycle.motion.time[[0, -1]] == pytest.approx([cycle.start, cycle.start + cycle.duration])
    travel = cycle.closure.values[planar.coordinate_index("pelvis_tx")]
    assert travel == pytest.approx(1.3, abs=5e-3)
    assert cycle.closure.angle_rms < 5e-3 and np.abs(cycle.closure.forces["right"]).max() < 10.0
    mean = 2.0 * WEIGHT * 0.6 * 2.0 / np.pi / (planar.mass * 9.80665)
    assert cycle.closure.vertical_share == pytest.approx(mean, rel=5e-3)
    assert any("a step is missing" in note for note in cycle.motion.notes)


def test_a_stride_is_chosen_by_its_ends_wherever_moments_are(tmp_path, planar):
    time = np.arange(401) / 100.0
    values = 0.2 * np.sin(2.0 * np.pi * time[:, None] + np.arange(len(planar.coordinates)))
    values += np.maximum(1.5 - time, 0.0)[:, None]  # only the later strides close
    moments = tmp_path / "moments.sto"
    write_table(moments, StorageTable(("knee_angle_r_moment",), 50.0 + np.zeros((250, 1)), 100.0, 1.5))
    files = MotionFiles(written(tmp_path, planar, values, start=0.0), written_loads(tmp_path), moments=moments)
    cycle = recorded_cycle(files, planar, 41, foot="left")
    assert cycle.start > 1.6
    np.testing.assert_allclose(cycle.motion.moments[:, planar.coordinate_index("knee_angle_r")], 50.0)


def test_a_stride_without_forces_or_without_two_strikes_is_refused(tmp_path, planar, data_dir):
    _, _, values = swinging(planar)
    path = written(tmp_path, planar, values, start=0.0)
    with pytest.raises(ModelMismatch, match=r"give their ExternalLoads \.xml"):
        recorded_cycle(MotionFiles(path), planar, 21)
    folder = data_dir / "opensim_core/falisse2019_2d_walk"
    with pytest.raises(ModelMismatch, match="no two strikes of one foot"):
        recorded_cycle(MotionFiles(folder / "referenceCoordinates.sto", folder / "referenceGRF.xml"), planar, 21)
    short = written(tmp_path, planar, values[:60], start=0.0)
    with pytest.raises(
        ModelMismatch, match=r"stride lasts 1.000 s, but coordinates and forces are both there for 0\.59"
    ):
        recorded_cycle(MotionFiles(short, written_loads(tmp_path)), planar, 21)


def generalized_forces(skeleton, motion):
    """Inverse dynamics (n_nodes, n_q) with the wrenches on the feet."""
    states = segment_states(skeleton, list(motion.values.T), list(motion.speeds.T), list(motion.accelerations.T))
    loads = {}
    for wrench in motion.wrenches.values():
        i = skeleton.segment_index(wrench.segment)
        origin = np.stack(np.broadcast_arrays(*states[i].origin), axis=1)
        loads[i] = tuple(wrench.force.T), tuple(wrench.moment_about(origin).T)
    return np.stack([np.broadcast_to(f, len(motion.time)) for f in inverse_dynamics(skeleton, states, loads)], axis=1)


def test_a_real_stride_gives_the_joint_moments_of_its_own_inverse_dynamics_file(data_dir, walker):
    """Rajagopal's walk: right strikes at 0.267 and 1.412 s, coordinates from 0.45 s on: cut at another phase."""
    cycle = recorded_cycle(walk_files(data_dir), walker, 51, cutoff=6.0, force_cutoff=20.0)
    assert cycle.strikes["right"] == pytest.approx((0.267, 1.4115), abs=2e-3)
    assert cycle.duration == pytest.approx(1.1445, abs=1e-3) and not cycle.from_strike
    assert any("cut at" in note for note in cycle.motion.notes)
    assert np.degrees(cycle.closure.angle_rms) < 1.5
    assert cycle.closure.vertical_share == pytest.approx(1.0, abs=0.02)
    found = generalized_forces(walker, cycle.motion)
    path = data_dir / "opensim_core/rajagopal_walk/id_walk.sto"
    table, expected = read_table(path), read_generalized_forces(path)
    own = table.start_time + np.arange(len(table.values)) / table.rate
    for name, limit in (
        ("hip_flexion_r", 1.5),
        ("knee_angle_l", 1.0),
        ("ankle_angle_r", 0.5),
        ("hip_adduction_l", 1.0),
    ):
        off = found[:, walker.coordinate_index(name)] - np.interp(cycle.motion.time, own, expected.of(name))
        assert np.sqrt(np.mean(off**2)) < limit, name  # N·m
    assert "soleus" in cycle.motion.muscles and cycle.motion.emg.shape == (51, 10)
    assert np.isfinite(cycle.motion.emg).all() and cycle.motion.emg.max() <= 1.0


def test_a_real_stride_from_strike_to_strike(data_dir):
    folder = data_dir / "opensim_core/gait10dof18musc_subject01"
    skeleton = read_osim(folder / "gait10dof18musc_subject01.osim")
    files = MotionFiles(folder / "state_reference.mot", folder / "gait10dof18musc_subject01_walk_grf.xml")
    cycle = recorded_cycle(files, skeleton, 51, cutoff=6.0, force_cutoff=20.0)
    assert cycle.from_strike and cycle.start == pytest.approx(0.618, abs=2e-3)
    assert cycle.duration == pytest.approx(1.235, abs=2e-3)
    assert cycle.closure.vertical_share == pytest.approx(1.0, abs=0.02)
    residual = generalized_forces(skeleton, cycle.motion)[:, :3]
    assert np.abs(residual[:, 1:]).max() < 0.1 * skeleton.mass * 9.80665  # N, at the pelvis

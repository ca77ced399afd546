"""Soft tissue: a damped spring that rests when nothing moves, and motion resampled from what real skin did."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.signal import welch
from scipy.spatial.transform import Rotation

from mocap_import.marker.marker_set import recognise_marker_set
from opensim_models.clinical.cluster_pose import fit_cluster, make_cluster
from opensim_models.exchange.marker_file import read_markers
from opensim_models.motion import SegmentMotion
from synth.imu.mounting_motion import MountingMotion, in_sensor_frame, move_on_mounting, shift_on_segment
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.imu.soft_tissue import (
    TISSUES,
    SoftTissue,
    add_soft_tissue,
    natural_frequency,
    skin_normal,
    tissue_motion,
    tissue_of,
)
from synth.imu.tissue_spectrum import cluster_residuals, measure_tissue, shipped_spectrum

SHANK = SEVEN_SENSORS[2]
UP = np.array([0.0, 9.8, 0.0])


def record(force, turn=None, rate=1000.0, placement=SHANK):
    return ImuRecording(placement, force, np.zeros_like(force) if turn is None else turn, rate)


def waves(n, rate, seed=0, highest=3.0):
    rng, time = np.random.default_rng(seed), np.arange(n) / rate
    f = np.array([0.6, 1.1, highest])[:, None]
    return np.stack([np.sin(2 * np.pi * f * time + rng.uniform(0, 6, (3, 1))).sum(axis=0) for _ in range(3)], axis=1)


@settings(max_examples=15, deadline=None)
@given(
    frequency=st.floats(2.0, 400.0), damping=st.floats(0.01, 3.0), rate=st.sampled_from([50.0, 100.0, 1000.0]),
    gravity=st.tuples(*[st.floats(-10, 10)] * 3),
)  # fmt: skip
def test_a_still_sensor_rests_and_reads_what_it_read(frequency, damping, rate, gravity):
    still = record(np.tile(gravity, (200, 1)), rate=rate)
    tissue = SoftTissue(frequency, damping, frequency)
    motion = tissue_motion(still, tissue)
    for part in ("translation", "velocity", "acceleration", "rotation", "rotation_rate"):
        np.testing.assert_allclose(getattr(motion, part), 0.0, atol=1e-9)
    read = add_soft_tissue(still, tissue)
    np.testing.assert_allclose(read.specific_force, still.specific_force, atol=1e-9)
    np.testing.assert_allclose(read.angular_velocity, 0.0, atol=1e-9)


@pytest.mark.parametrize("damping", [0.1, 0.25, 0.6])
def test_a_step_rings_with_the_frequency_and_damping_that_were_set(damping):
    """Free decay after a step: peaks 1/(2 f_d) apart, each exp(-pi z / sqrt(1 - z²)) times the last."""
    force = np.zeros((2000, 3))
    force[200:] = [0.0, 5.0, 0.0]
    motion = tissue_motion(record(force, rate=2000.0), SoftTissue(20.0, damping, 20.0, 0.0))
    w = 2 * np.pi * 20.0
    x = motion.translation[200:, 1] - motion.translation[-1, 1]
    peaks = np.flatnonzero(np.diff(np.sign(motion.velocity[200:, 1])))[:4]
    damped = 20.0 * np.sqrt(1.0 - damping**2)
    assert np.diff(peaks).mean() / 2000.0 == pytest.approx(0.5 / damped, rel=0.02)
    overshoot = np.exp(-np.pi * damping / np.sqrt(1.0 - damping**2))
    ratio = np.abs(x[peaks[1:]] / x[peaks[:-1]])
    np.testing.assert_allclose(ratio[:2], overshoot, rtol=0.03)
    drop = motion.translation[-1, 1] - motion.translation[0, 1]
    assert drop == pytest.approx(-5.0 / w**2, rel=1e-3)  # sag of a weight: 5 m/s² over w²


def test_the_discrete_spring_is_the_continuous_one():
    """Against solve_ivp, with translation and rocking driven by force and by angular acceleration."""
    rate, n = 100.0, 60
    force, turn = waves(n, rate, 1, 20.0), waves(n, rate, 2, 20.0)
    tissue, normal = SoftTissue(30.0, 0.25, 25.0, 10.0), np.array([0.0, 0.0, 1.0])
    motion = tissue_motion(record(force, turn, rate), tissue, normal)
    time = np.arange(n) / rate
    droop = -10.0 * np.cross(normal, force - force.mean(axis=0))
    w, z = 2 * np.pi * 25.0, 0.25

    def slope(t, state):
        base = np.interp(t, time, turn[:, 0])
        relative = state[1] - base
        return [relative, np.interp(t, time, droop[:, 0]) - w**2 * state[0] - 2 * z * w * relative]

    state, found = [droop[0, 0] / w**2, turn[0, 0]], []
    for start, stop in pairwise(time):
        state = solve_ivp(slope, (start, stop), state, rtol=1e-10, atol=1e-12).y[:, -1]
        found.append(state)
    found = np.array(found)
    np.testing.assert_allclose(motion.rotation[1:, 0], found[:, 0], atol=1e-8)
    np.testing.assert_allclose(motion.rotation_rate[1:, 0], found[:, 1] - turn[1:, 0], atol=1e-7)


def test_a_stiff_mounting_is_rigid_and_slow_motion_passes():
    clean = record(waves(2000, 200.0, 3) + UP, waves(2000, 200.0, 4), 200.0)
    stiff = add_soft_tissue(clean, SoftTissue(2000.0, 1.0, 2000.0))
    np.testing.assert_allclose(stiff.specific_force, clean.specific_force, atol=0.02)
    np.testing.assert_allclose(stiff.angular_velocity, clean.angular_velocity, atol=0.02)


def test_resonance_amplifies_and_high_frequency_is_shut_out():
    rate, time = 1000.0, np.arange(8000) / 1000.0
    for frequency, gain in ((30.0, np.sqrt(1 + 4 * 0.25**2) / (2 * 0.25)), (300.0, None)):
        force = np.zeros((8000, 3))
        force[:, 0] = np.sin(2 * np.pi * frequency * time)
        read = add_soft_tissue(record(force, rate=rate), SoftTissue(30.0, 0.25, 30.0, 0.0)).specific_force[4000:, 0]
        amplification = read.std() / force[4000:, 0].std()
        assert amplification == pytest.approx(gain, rel=0.02) if gain else amplification < 0.1


def test_the_weight_of_a_sensor_makes_it_droop():
    """Outward X, gravity down Y: lifting force grows, so the outward axis turns towards -Y, about -Z."""
    force = np.zeros((3000, 3))
    force[:, 1] = 9.8 + np.linspace(-1.0, 1.0, 3000)
    motion = tissue_motion(record(force), SoftTissue(35.0, 0.7, 35.0, 30.0), np.array([1.0, 0.0, 0.0]))
    assert motion.rotation[-1, 2] == pytest.approx(-30.0 / (2 * np.pi * 35.0) ** 2, rel=0.01)
    assert motion.rotation[0, 2] == pytest.approx(30.0 / (2 * np.pi * 35.0) ** 2, rel=0.01)


def test_gaps_stay_and_do_not_spread():
    clean = record(waves(600, 100.0) + UP, waves(600, 100.0, 5), 100.0)
    clean.specific_force[200:220] = np.nan
    read = add_soft_tissue(clean)
    assert (np.isnan(read.specific_force).any(axis=1) == np.isnan(clean.specific_force).any(axis=1)).all()
    assert np.isnan(add_soft_tissue(record(np.full((20, 3), np.nan))).specific_force).all()


def test_moving_on_the_mounting_is_the_motion_of_another_segment():
    """The pose of the moved sensor differentiated again reads the same: the second path."""
    rate, n = 200.0, 2000
    time = np.arange(n) / rate
    turn = Rotation.from_rotvec(0.5 * waves(n, rate, 6, 1.7))
    mounting = Rotation.from_rotvec([0.3, -0.5, 0.8])
    placement = SensorPlacement("s", "tibia_r", np.array([0.1, -0.2, 0.05]), mounting)
    motion = SegmentMotion("tibia_r", 0.3 * waves(n, rate, 7, 1.5), turn, rate)
    phases = np.array([0.3, 1.1, 2.0])
    w = 2 * np.pi * 1.4
    parts = [size * w**k * np.sin(w * time[:, None] + phases + k * np.pi / 2) for size in (0.02, 0.2) for k in range(3)]
    moved = MountingMotion(parts[0], parts[1], parts[2], parts[3], parts[4], rate)
    read = move_on_mounting(simulate_imu(motion, placement, method="spline"), moved)
    frame = turn * mounting
    origin = motion.origin + turn.apply(placement.offset) + frame.apply(moved.translation)
    truth = simulate_imu(
        SegmentMotion("tibia_r", origin, frame * Rotation.from_rotvec(moved.rotation), rate),
        SensorPlacement("s", "tibia_r"), method="spline",
    )  # fmt: skip
    inner = slice(60, -60)
    np.testing.assert_allclose(read.specific_force[inner], truth.specific_force[inner], atol=2e-4)
    np.testing.assert_allclose(read.angular_velocity[inner], truth.angular_velocity[inner], atol=2e-5)


def test_a_shifted_sensor_is_the_sensor_of_a_shifted_placement():
    rate, n = 200.0, 1000
    motion = SegmentMotion("tibia_r", waves(n, rate, 8, 1.5), Rotation.from_rotvec(waves(n, rate, 9, 1.7)), rate)
    mounting = Rotation.from_rotvec([0.1, 0.4, -0.8])
    here, shift = np.array([0.0, -0.2, 0.05]), np.array([0.01, -0.02, 0.015])
    nominal = simulate_imu(motion, SensorPlacement("s", "tibia_r", here, mounting), method="spline")
    there = SensorPlacement("s", "tibia_r", here + mounting.apply(shift), mounting)
    truth, read = simulate_imu(motion, there, method="spline"), shift_on_segment(nominal, shift)
    inner = slice(60, -60)
    np.testing.assert_allclose(read.specific_force[inner], truth.specific_force[inner], atol=1e-4)
    np.testing.assert_array_equal(read.angular_velocity, nominal.angular_velocity)


def test_tissue_of_segments():
    assert natural_frequency(330.0) == pytest.approx(22.9, abs=0.1)
    assert tissue_of("femur_l") is TISSUES["femur"] and tissue_of("ulna_r") is TISSUES["pelvis"]
    np.testing.assert_allclose(skin_normal(SHANK), [0.0, 0.0, 1.0])
    np.testing.assert_allclose(skin_normal(SEVEN_SENSORS[3]), [0.0, 1.0, 0.0])  # on the instep
    np.testing.assert_allclose(skin_normal(SEVEN_SENSORS[0]), [-1.0, 0.0, 0.0])  # on the sacrum
    turned = SensorPlacement("s", "pelvis", np.array([-0.1, 0.05, 0.0]), Rotation.from_rotvec([0.0, np.pi, 0.0]))
    np.testing.assert_allclose(skin_normal(turned), [1.0, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(skin_normal(SensorPlacement("s", "pelvis")), [1.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="natural_frequency of soft tissue must be > 0"):
        SoftTissue(0.0)
    with pytest.raises(ValueError, match="rocking_arm"):
        SoftTissue(rocking_arm=-1.0)


def opencap_thigh(data_dir):
    """Residuals of a thigh with six skin markers, in its own axes of standing."""
    folder = data_dir / "opencap_lab_subject4" / "MarkerData"
    static, walk = (read_markers(folder / name) for name in ("static1.trc", "walking1.trc"))
    labels = [name for name in recognise_marker_set(walk.labels).segments["femur_r"] if name in static.labels]
    reference = np.nanmean(static.positions[:, [static.labels.index(name) for name in labels]], axis=0)
    cluster = make_cluster("femur_r", labels, reference - reference.mean(axis=0))
    positions = walk.positions[:, [walk.labels.index(name) for name in labels]]
    return cluster, cluster_residuals(cluster, positions, fit_cluster(cluster, positions, walk.rate).motion), walk.rate


def test_resampled_motion_has_the_spectrum_of_real_skin(data_dir):
    cluster, residuals, rate = opencap_thigh(data_dir)
    residuals = residuals - np.nanmean(residuals, axis=0)
    assert 2e-4 < np.sqrt(np.nanmean(residuals**2)) < 1e-2  # skin moves by millimetres
    spectrum = measure_tissue(residuals, cluster.reference, rate, window=1.25)
    motion = spectrum.draw(200_000, 100.0, np.random.default_rng(0))
    drawn = np.hstack([motion.translation, motion.rotation])
    np.testing.assert_allclose(drawn.std(axis=0), spectrum.rms, rtol=0.05)
    frequency, density = welch(drawn, 100.0, nperseg=2000, axis=0)
    inside = (frequency > 1.5) & (frequency < 6.0)
    expected = np.stack([np.interp(frequency, spectrum.frequency, column) for column in spectrum.density.T], axis=1)
    np.testing.assert_allclose(np.log10(density[inside] / expected[inside]).mean(axis=0), 0.0, atol=0.03)
    # The derivatives are those of the motion.
    np.testing.assert_allclose(np.gradient(motion.translation, 0.01, axis=0)[1:-1], motion.velocity[1:-1], atol=2e-3)
    np.testing.assert_allclose(np.gradient(motion.velocity, 0.01, axis=0)[1:-1], motion.acceleration[1:-1], atol=0.1)
    again = spectrum.draw(200_000, 100.0, np.random.default_rng(0))
    np.testing.assert_array_equal(again.rotation, motion.rotation)


def test_a_rigid_cluster_has_no_soft_tissue_motion():
    reference = np.random.default_rng(0).normal(0, 0.05, (5, 3))
    pose = Rotation.from_rotvec(waves(400, 100.0))
    positions = pose.as_matrix() @ reference.T
    positions = positions.transpose(0, 2, 1) + waves(400, 100.0, 1)[:, None]
    cluster = make_cluster("femur_r", list("abcde"), reference)
    residuals = cluster_residuals(cluster, positions, fit_cluster(cluster, positions, 100.0).motion)
    np.testing.assert_allclose(residuals, 0.0, atol=1e-12)
    assert measure_tissue(residuals, reference, 100.0).rms.max() < 1e-10
    with pytest.raises(ValueError, match="expected a marker and its neighbour seen for 2 s"):
        measure_tissue(residuals[:150], reference, 100.0)


def test_a_turning_patch_of_skin_is_seen_as_rotation():
    """Residuals of two neighbours that turn about Z by a small angle have that rotation, and no other."""
    reference = np.array([[0.0, 0.0, 0.0], [0.0, 0.05, 0.0]])
    angle = 0.02 * np.sin(2 * np.pi * 2.0 * np.arange(1000) / 100.0)
    residuals = np.cross(np.stack([0 * angle, 0 * angle, angle], axis=1)[:, None], reference[None])
    rms = measure_tissue(residuals, reference, 100.0).rms
    assert rms[5] == pytest.approx(0.02 / np.sqrt(2.0), rel=0.02) and rms[3:5].max() < 1e-9


@pytest.mark.parametrize("segment", ["pelvis", "femur_r", "tibia_l", "calcn_r"])
def test_shipped_spectra_move_skin_by_millimetres_and_degrees(segment):
    spectrum = shipped_spectrum(segment)
    assert "MIT" in spectrum.source or "BSD" in spectrum.source
    assert 1e-4 < spectrum.rms[:3].max() < 5e-3 and 1e-3 < spectrum.rms[3:].max() < 0.06
    motion = spectrum.draw(300, 100.0, np.random.default_rng(0))
    turned = in_sensor_frame(motion, Rotation.from_rotvec([0.0, 0.0, np.pi / 2]))
    np.testing.assert_allclose(turned.translation[:, 0], motion.translation[:, 1], atol=1e-12)
    with pytest.raises(ValueError, match="no soft-tissue spectrum was measured for 'ulna_r'"):
        shipped_spectrum("ulna_r")


def test_a_motion_of_another_length_is_refused():
    motion = shipped_spectrum("pelvis").draw(90, 100.0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="90 frames at 100 Hz, the record 100 at 100 Hz"):
        move_on_mounting(record(np.zeros((100, 3)), rate=100.0), motion)

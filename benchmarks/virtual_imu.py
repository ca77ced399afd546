"""Virtual IMU: accuracy against exact derivatives and speed per core, beside scipy and a frame-by-frame loop.

Run: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/virtual_imu.py
Motion: random harmonics at 1, 2, 4 and 8 Hz in position and rotation vector, 100 Hz, 40 s.
Peers: scipy's cubic RotationSpline (gyroscope by spline); the literature's scheme as a loop over frames (speed of the
sensor); scipy's Rotation.align_vectors frame by frame (speed of the cluster fit).
"""

from __future__ import annotations

import json
import time

import numpy as np
from scipy.spatial.transform import Rotation, RotationSpline

from opensim_models.motion import SegmentMotion
from synth.imu.marker_cluster import fit_poses
from synth.imu.misalignment import draw_misalignment
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.imu.white_noise import add_noise

RATE, N = 100.0, 4000
GRAVITY = np.array([0.0, -9.80665, 0.0])
INNER = slice(50, -50)


def harmonics(rng, time_, amplitude):
    """Return value, first and second derivative of a vector of random harmonics."""
    f = np.array([1.0, 2.0, 4.0, 8.0])[:, None, None]
    phase = rng.uniform(0, 2 * np.pi, (4, 3, 1))
    w = 2 * np.pi * f
    size = amplitude / f**1.5
    return [(size * w**k * np.sin(w * time_ + phase + k * np.pi / 2)).sum(axis=0).T for k in range(3)]


def exact_readings(position, turn, offset):
    """Readings from exact derivatives: the rotation is Exp(r(t)), differentiated by Richardson steps of 1e-4 s."""

    def pose(h):
        return Rotation.from_rotvec(turn[0] + h * turn[1] + h * h / 2 * turn[2])

    def rate(h):
        return (pose(-h).inv() * pose(h)).as_rotvec() / (2 * h)

    def lever(h):
        return (pose(h).apply(offset) - 2 * pose(0).apply(offset) + pose(-h).apply(offset)) / h**2

    h = 1e-3
    omega = (4 * rate(h / 2) - rate(h)) / 3
    acceleration = position[2] + (4 * lever(h / 2) - lever(h)) / 3
    return pose(0).inv().apply(acceleration - GRAVITY), omega


def cpu(function, least=0.3):
    """CPU seconds of one call, repeated for at least 0.3 s."""
    function()
    start, calls = time.process_time(), 0
    while time.process_time() - start < least:
        function()
        calls += 1
    return (time.process_time() - start) / calls


def loop_over_frames(motion, placement):
    """Run the literature's scheme one frame at a time with scipy rotations."""
    rotation = motion.orientation
    position = [motion.origin[k] + rotation[k].apply(placement.offset) for k in range(len(motion.origin))]
    readings = []
    for k in range(1, len(position) - 1):
        acceleration = (position[k + 1] - 2 * position[k] + position[k - 1]) * motion.rate**2
        force = rotation[k].inv().apply(acceleration - GRAVITY)
        turn = (rotation[k - 1].inv() * rotation[k + 1]).as_rotvec() * motion.rate / 2
        readings.append((force, turn))
    return readings


def rms(values):
    """Root mean square over the inner frames."""
    return float(np.sqrt(np.mean(values[INNER] ** 2)))


def figure(ours, peer, goal, met, ratio=None):
    """Return one figure of the last line."""
    return {"ours": ours, "peer": peer, "ratio": ratio if ratio is not None else ours / peer, "goal": goal, "met": met}


def main() -> None:
    """Measure and print."""
    rng = np.random.default_rng(0)
    time_ = np.arange(N) / RATE
    position, turn = harmonics(rng, time_, 0.05), harmonics(rng, time_, 0.3)
    placement = SensorPlacement("shank_r", "tibia_r", np.array([0.0, -0.2, 0.05]))
    motion = SegmentMotion("tibia_r", position[0], Rotation.from_rotvec(turn[0]), RATE)
    force, omega = exact_readings(position, turn, placement.offset)
    found = {m: simulate_imu(motion, placement, method=m) for m in ("central_difference", "spline")}
    error = {m: (rms(r.specific_force - force), rms(r.angular_velocity - omega)) for m, r in found.items()}
    peer_gyro = rms(RotationSpline(time_, motion.orientation)(time_, 1) - omega)
    coarse, fine = error["central_difference"], error["spline"]
    print(f"central difference: {coarse[0]:.4f} m/s2, {coarse[1]:.5f} rad/s RMS error")
    print(f"spline:             {fine[0]:.6f} m/s2, {fine[1]:.2e} rad/s; scipy RotationSpline {peer_gyro:.2e} rad/s")

    speed = {m: N / cpu(lambda m=m: simulate_imu(motion, placement, method=m)) for m in found}
    short = SegmentMotion("tibia_r", position[0][:400], motion.orientation[:400], RATE)
    loop_speed = 400 / cpu(lambda: loop_over_frames(short, placement))
    spline_speed = N / cpu(lambda: RotationSpline(time_, motion.orientation)(time_, 1))
    print(f"frames/s per core: {speed}, loop {loop_speed:.0f}, RotationSpline (gyroscope only) {spline_speed:.0f}")

    reference = rng.uniform(-0.1, 0.1, (4, 3))
    markers = position[0][:, None] + np.einsum("nij,mj->nmi", motion.orientation.as_matrix(), reference)
    cluster_speed = N / cpu(lambda: fit_poses(reference, markers, np.ones(4)))
    centred = reference - reference.mean(axis=0)
    align = [m - m.mean(axis=0) for m in markers[:200]]
    align_speed = 200 / cpu(lambda: [Rotation.align_vectors(m, centred) for m in align])
    print(f"cluster fits/s per core: {cluster_speed:.0f}, scipy align_vectors {align_speed:.0f}")

    angles = np.rad2deg(draw_misalignment(np.random.default_rng(1), 13.5, n=100_000).magnitude())
    geodesic = float(np.sqrt(np.mean(angles**2)))
    clean = ImuRecording(placement, force, omega, RATE)
    noise = add_noise(clean, share=0.15, rng=np.random.default_rng(2)).specific_force - force
    share = float(np.mean(noise.std(axis=0) / force.std(axis=0)))
    figures = {
        "spline_acceleration_error_m_s2": figure(
            fine[0], coarse[0], "<= 0.002 (peer: central differences)", fine[0] <= 2e-3
        ),
        "spline_gyroscope_error_rad_s": figure(fine[1], peer_gyro, "<= RotationSpline", fine[1] <= peer_gyro),
        "central_difference_frames_per_cpu_s": figure(
            speed["central_difference"], loop_speed, ">= 50 x loop", speed["central_difference"] >= 50 * loop_speed
        ),
        "spline_frames_per_cpu_s": figure(
            speed["spline"], spline_speed, ">= RotationSpline", speed["spline"] >= spline_speed
        ),
        "cluster_fits_per_cpu_s": figure(cluster_speed, align_speed, ">= 1,000,000", cluster_speed >= 1e6),
        "misalignment_rms_geodesic_deg": figure(geodesic, 13.5, "13.5 within 2 %", abs(geodesic / 13.5 - 1) < 0.02),
        "noise_share": figure(share, 0.15, "0.150 +- 0.003", abs(share - 0.15) < 0.003),
    }
    print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()

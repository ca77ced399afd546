"""Derivatives of sampled poses: each method beside the exact reading, beside its expected error, and its cut-off.

Motion with nothing above 8 Hz, at 100 Hz: a walk (the Rajagopal example as a Fourier series, on its own skeleton), one
body with random harmonics up to 8 Hz (0.05 m and 0.3 rad), and, harder than the goal asks, such harmonics in all
coordinates of a lower body at once, whose accelerations are those of sprinting. Truth: skeleton and exact derivatives.
Errors are root mean squares over three axes, a period away from the ends; the worst sensor counts.

Jitter: white noise of 0.5 mm on every segment's origin. The cut-off by residual analysis was worked out on the walk;
what is scored here is a run (Hamner, band 15 Hz), which no choice has seen.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import RotationSpline

from benchmarks.imu_figures.laws import seven_placements
from benchmarks.kinematics_figures.inverse_kinematics import read_markers
from benchmarks.peers.closed_form_motion import free_body
from benchmarks.peers.smooth_motion import SmoothMotion, smooth_harmonics, smooth_motion, smooth_walk
from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.motion import Kinematics, SegmentMotion
from synth.imu.cutoff import residual_cutoff
from synth.imu.derivative_error import expected_error
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import METHODS, SMOOTHING, simulate_imu
from synth.imu.skeleton_imu import simulate_skeleton_imus
from synth.measured_trial import segment_cutoff

RATE = 100.0
BAND, RUNNING_BAND = 8.0, 15.0
SPLINE_GOAL = 2e-3
THEORY_GOAL = 0.10
JITTER = 5e-4
PERIODS = 10


def figures(data: Path) -> dict[str, dict]:
    """Measure; see the module."""
    rng = np.random.default_rng(0)
    walk = smooth_walk(data, BAND)
    body = lower_body_skeleton(Subject("S", 70.0, 1.75, "unknown"))
    sensors = seven_placements(rng)
    one = SensorPlacement("s", "body", np.array([0.0, -0.2, 0.05]))
    found = _clean("walk up to 8 Hz", walk, sensors)
    found |= _clean("one body, harmonics up to 8 Hz", smooth_harmonics(free_body(), rng), [one])
    found |= _clean("all joints, harmonics up to 8 Hz", smooth_harmonics(body, rng), sensors, required=False)
    return found | _jittered("walk", walk, rng) | _cutoffs(_run(data), rng) | _speed(rng)


class _Sampled:
    """A smooth motion at 100 Hz: exact readings and poses."""

    def __init__(self, motion: SmoothMotion, placements: list[SensorPlacement]) -> None:
        self.period = round(motion.period * RATE)
        time = np.arange(PERIODS * self.period) / RATE
        states = motion.states(time)
        kinematics = Kinematics(motion.coordinates, states[0], RATE)
        given = {"speeds": states[1], "accelerations": states[2]}
        self.placements = placements
        self.truth = simulate_skeleton_imus(motion.skeleton, kinematics, placements, **given)
        self.motions = segment_motions(motion.skeleton, kinematics)
        self.inner = slice(self.period, -self.period)

    def errors(self, k: int, record: ImuRecording) -> tuple[float, float]:
        """Error of specific force (m/s²) and angular velocity (rad/s)."""
        true = self.truth[k]
        pairs = ((record.specific_force, true.specific_force), (record.angular_velocity, true.angular_velocity))
        return tuple(_rms((a - b)[self.inner]) for a, b in pairs)

    def spectrum(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Frequencies (Hz) and amplitude of the sensor's acceleration in the ground, all axes together.

        Joint angles of the walk drift from period to period, hence the window.
        """
        acceleration = self._acceleration(k)
        window = np.hanning(len(acceleration))[:, None]
        lines = np.abs(np.fft.rfft((acceleration - acceleration.mean(axis=0)) * window, axis=0)[1:])
        frequency = np.arange(1, len(lines) + 1) * RATE / len(acceleration)
        return frequency, np.sqrt((lines**2).sum(axis=1))

    def moving(self, k: int) -> float:
        """Size (m/s² RMS) of the sensor's acceleration."""
        acceleration = self._acceleration(k)
        return _rms(acceleration - acceleration.mean(axis=0))

    def _acceleration(self, k: int) -> np.ndarray:
        """Of the sensor plus gravity (m/s²), ground frame."""
        mounted = self.motions[self.placements[k].segment].orientation * self.placements[k].mounting
        return mounted.apply(self.truth[k].specific_force)[self.inner]


def _clean(
    name: str, motion: SmoothMotion, placements: list[SensorPlacement], required: bool = True
) -> dict[str, dict]:
    """Exact poses: the spline's error, and that of central differences beside their theory."""
    sampled = _Sampled(motion, placements)
    spline, coarse, away = [], [], []
    print(f"{name}: sensor, size, spline, differences (m/s² RMS), these expected; rad/s of spline and differences")
    for k, placement in enumerate(sampled.placements):
        pose = sampled.motions[placement.segment]
        fine, rough = (sampled.errors(k, simulate_imu(pose, placement, method=m)) for m in ("spline", METHODS[0]))
        size = sampled.moving(k)
        theory = expected_error(METHODS[0], RATE, spectrum=sampled.spectrum(k)).acceleration(size)
        print(
            f"  {placement.segment:9} {size:.2f} {fine[0]:.2e} {rough[0]:.3e} {theory:.3e} {fine[1]:.1e} {rough[1]:.1e}"
        )
        spline.append(fine)
        coarse.append(rough)
        away.append(abs(rough[0] / theory - 1.0))
    worst, worst_turn = np.max(spline, axis=0)
    return {
        f"derivatives: spline, specific force (m/s² RMS), {name}": _figure(
            float(worst),
            max(c[0] for c in coarse),
            f"<= {SPLINE_GOAL:g}" if required else "reported",
            worst <= SPLINE_GOAL or not required,
        ),
        f"derivatives: spline, angular velocity (rad/s RMS), {name}": _figure(
            float(worst_turn), max(c[1] for c in coarse), "reported", True
        ),
        f"derivatives: central differences, distance from their theory, {name}": _figure(
            max(away), None, f"<= {THEORY_GOAL:g}", max(away) <= THEORY_GOAL
        ),
    }


def _jittered(name: str, motion: SmoothMotion, rng: np.random.Generator) -> dict[str, dict]:
    """0.5 mm of jitter: what each method errs, beside what it is expected to."""
    sampled = _Sampled(motion, seven_placements(rng))
    found = {}
    print(f"{name} with {1000 * JITTER:g} mm of jitter: method, m/s² RMS of seven sensors, expected")
    noisy = {segment: with_jitter(pose, JITTER, rng) for segment, pose in sampled.motions.items()}
    for method in METHODS:
        errors, expected = [], []
        for k, placement in enumerate(sampled.placements):
            pose = noisy[placement.segment]
            cutoff = residual_cutoff(pose).cutoff if method in SMOOTHING else None
            errors.append(sampled.errors(k, simulate_imu(pose, placement, method=method, cutoff=cutoff))[0])
            theory = expected_error(method, RATE, spectrum=sampled.spectrum(k), cutoff=cutoff, jitter=JITTER)
            expected.append(theory.acceleration(sampled.moving(k)))
        print(f"  {method:20} {_rms(np.array(errors)):.3f} {_rms(np.array(expected)):.3f}")
        found[f"derivatives: {method}, 0.5 mm jitter (m/s² RMS; peer: expected), {name}"] = _figure(
            _rms(np.array(errors)), _rms(np.array(expected)), "reported", True
        )
    return found


def _cutoffs(motion: SmoothMotion, rng: np.random.Generator) -> dict[str, dict]:
    """How far from the least possible error a cut-off leaves the specific force: residual analysis and fixed ones."""
    sampled = _Sampled(motion, seven_placements(rng))
    ladder = np.geomspace(4.0, 25.0, 24)
    ways = {"by residual analysis": [], "of the fixed table": [], "of 10 Hz for all": [], "of 6 Hz for all": []}
    print("run with 0.2, 0.5 and 1 mm of jitter: segment, best cut-off (Hz) and error (m/s²), chosen; error / least")
    for jitter in (2e-4, 5e-4, 1e-3):
        noisy = {segment: with_jitter(pose, jitter, rng) for segment, pose in sampled.motions.items()}
        for k, placement in enumerate(sampled.placements):
            pose = noisy[placement.segment]

            def error(cutoff: float, k: int = k, pose: SegmentMotion = pose) -> float:
                record = simulate_imu(pose, sampled.placements[k], method="butterworth", cutoff=cutoff)
                return sampled.errors(k, record)[0]

            curve = [error(cutoff) for cutoff in ladder]
            least, chosen = min(curve), residual_cutoff(pose)
            cutoffs = (chosen.cutoff, segment_cutoff(placement.segment, RATE), 10.0, 6.0)
            for way, cutoff in zip(ways.values(), cutoffs, strict=True):
                way.append(error(cutoff) / least)
            best = ladder[int(np.argmin(curve))]
            shown = " ".join(f"{way[-1]:.2f}" for way in ways.values())
            print(
                f"  {1000 * jitter:.1f} mm {placement.segment:9} {best:5.1f} {least:6.2f} {chosen.cutoff:5.1f} {shown}"
            )
    found = {}
    for way, ratios in ways.items():
        for what, of in (("mean", np.mean), ("worst", np.max)):
            title = (
                f"derivatives: cut-off {way}, error / least possible ({what}; peer: residual analysis), run with jitter"
            )
            found[title] = _figure(float(of(ratios)), float(of(ways["by residual analysis"])), "reported", True)
    return found


def _speed(rng: np.random.Generator) -> dict[str, dict]:
    """Sensor-frames per CPU second of each method, beside scipy's RotationSpline, which gives the gyroscope only."""
    time_ = np.arange(4000) / RATE
    values = smooth_harmonics(free_body(), rng).states(time_)[0]
    pose = segment_motions(free_body(), Kinematics(free_body().coordinate_names, values, RATE))["body"]
    sensor = SensorPlacement("s", "body", np.array([0.0, -0.2, 0.05]))
    peer = len(time_) / _cpu(lambda: RotationSpline(time_, pose.orientation)(time_, 1))
    found = {}
    for method in METHODS:
        ours = len(time_) / _cpu(lambda method=method: simulate_imu(pose, sensor, method=method))
        goal = ">= scipy's RotationSpline" if method == "spline" else "reported"
        title = f"derivatives: sensor-frames per CPU second, {method}"
        found[title] = _figure(ours, peer, goal, ours >= peer or method != "spline")
    return found


def _cpu(function: Callable[[], object], least: float = 0.4) -> float:
    """CPU seconds of one call, the mean of as many as fill the time."""
    function()
    began, calls = time.process_time(), 0
    while time.process_time() - began < least:
        function()
        calls += 1
    return (time.process_time() - began) / calls


def with_jitter(motion: SegmentMotion, jitter: float, rng: np.random.Generator) -> SegmentMotion:
    """The same motion with white noise (m) on its origin."""
    return replace(motion, origin=motion.origin + jitter * rng.standard_normal(motion.origin.shape))


def _run(data: Path) -> SmoothMotion:
    """A run at 2 m/s by our inverse kinematics, as a Fourier series up to 15 Hz."""
    folder = data / "hamner_running"
    skeleton = read_osim(folder / "final.osim")
    labels, positions, rate = read_markers(folder / "run200.trc")
    kinematics = solve_inverse_kinematics(skeleton, labels, positions, rate).kinematics
    return smooth_motion(skeleton, kinematics, RUNNING_BAND)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _figure(ours: float, peer: float | None, goal: str, met: bool) -> dict:
    """A row."""
    return {"ours": ours, "peer": peer, "ratio": None if peer is None else ours / peer, "goal": goal, "met": bool(met)}


if __name__ == "__main__":
    shared = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    results = figures(Path(shared))
    for title, row in results.items():
        print(f"{'met ' if row['met'] else 'MISS'}  {title}: {row['ours']:.4g} (goal {row['goal']})")
    print(json.dumps({"figures": results}))

"""Thighs and shanks of real runners with virtual sensors, and a linear network that estimates orientations from them.

Runners of `rbds_running` (Fukuchi et al., PeerJ 5:e3298, 2017): right thigh and shank, three speeds each, anatomical
frames of the static trial carried by marker clusters; markers low-passed at `CUTOFF`. A virtual sensor sits at the
segment's origin, aligned with it; white noise of `NOISE` of each channel's SD is added to every signal (the rule of
Rapp et al. 2021, here on the test signals too), and a constant bias to the gyroscope.

The linear network is ridge regression from a window of both sensors to two columns of both rotation matrices and the
three knee angles: the least network there is. It is trained on other runners only; what it says about a runner of the
training side is said by a network that has not seen this runner either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.low_pass import low_pass
from mocap_import.marker.marker_set import load_marker_set
from mocap_import.trial_reader import read_trial
from opensim_models.clinical.clinical_motion import calibrate_static, clinical_motion
from opensim_models.motion import SegmentMotion
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from training.orientation.joint_angle import knee_angles

SEGMENTS = ("femur_r", "tibia_r")
CUTOFF = 15.0
NOISE = 0.15
BIAS = np.radians(0.5)
"""SD of the gyroscope's bias (rad/s): a consumer sensor after a still start; the published table has none."""
_EDGE = 30
_LAGS = np.arange(-24, 25, 4)
_RIDGE = 30.0


@dataclass(frozen=True)
class RunningLeg:
    """One trial: what is true, what the sensors read, and (once trained) what the network says.

    Signals are (n_frames, 2, 3): thigh, shank; orientations a `Rotation` for each. Angles (n_frames, 3) are knee
    flexion, adduction, rotation (rad).
    """

    runner: str
    name: str
    rate: float
    true: tuple[Rotation, Rotation]
    angular_velocity: np.ndarray
    specific_force: np.ndarray
    angles: np.ndarray
    prior: tuple[Rotation, Rotation] | None = None
    angle_estimate: np.ndarray | None = None


def running_legs(
    data: Path, seed: int = 0, noise: float = NOISE, bias: float = BIAS, pattern: str = "RBDS*/*run*.c3d"
) -> list[RunningLeg]:
    """Read every trial of the pattern; the errors of sensors are drawn anew for each from the seed."""
    legs, meaning = [], load_marker_set("ufabc_running")
    for folder in sorted(path for path in (data / "rbds_running").iterdir() if path.is_dir()):
        paths = [path for path in sorted((data / "rbds_running").glob(pattern)) if path.parent == folder]
        if not paths:
            continue
        calibration = calibrate_static(read_trial(folder / f"{folder.name}static.c3d"), meaning)
        for path in paths:
            trial = read_trial(path)
            trial = replace(trial, positions=low_pass(trial.positions, trial.rate, CUTOFF))
            motions = clinical_motion(trial, calibration).motions
            rng = np.random.default_rng([seed, len(legs)])
            legs.append(_leg(folder.name, path.stem, motions, rng, noise, bias))
    return legs


def _leg(
    runner: str, name: str, motions: dict[str, SegmentMotion], rng: np.random.Generator, noise: float, bias: float
) -> RunningLeg:
    records = [simulate_imu(motions[segment], SensorPlacement(segment, segment)) for segment in SEGMENTS]
    true = tuple(motions[segment].orientation for segment in SEGMENTS)
    return sensed_leg(runner, name, true, records, rng, noise, bias)


def sensed_leg(
    runner: str,
    name: str,
    true: Sequence[Rotation],
    records: Sequence[ImuRecording],
    rng: np.random.Generator,
    noise: float = NOISE,
    bias: float = BIAS,
) -> RunningLeg:
    """A leg whose sensors err: the longest stretch in which both records are known, without its edges."""
    turn, force = (
        np.stack([getattr(record, what) for record in records], axis=1)
        for what in ("angular_velocity", "specific_force")
    )
    known = np.isfinite(turn + force).all(axis=(1, 2))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known, [0]])))
    start, stop = max(zip(edges[::2], edges[1::2], strict=True), key=lambda run: run[1] - run[0])
    keep = slice(start + _EDGE, stop - _EDGE)
    turn, force = turn[keep], force[keep]
    true = tuple(rotation[keep] for rotation in true)
    turn = turn + noise * turn.std(axis=0) * rng.standard_normal(turn.shape) + rng.normal(0, bias, turn.shape[1:])
    force = force + noise * force.std(axis=0) * rng.standard_normal(force.shape)
    return RunningLeg(runner, name, records[0].rate, true, turn, force, knee_angles(*true))


def with_estimates(legs: Sequence[RunningLeg], training: Sequence[RunningLeg]) -> list[RunningLeg]:
    """Add what a network trained on the training legs says; none of them may be of the same runner."""
    shared = {leg.runner for leg in legs} & {leg.runner for leg in training}
    if shared:
        raise ValueError(f"runners {', '.join(sorted(shared))} are on both sides.")
    inputs = np.concatenate([_windows(leg) for leg in training])
    outputs = np.concatenate([_targets(leg) for leg in training])
    centre, scale, mean = inputs.mean(axis=0), inputs.std(axis=0), outputs.mean(axis=0)
    inputs = (inputs - centre) / scale
    matrix = inputs.T @ inputs + _RIDGE * np.eye(inputs.shape[1])
    weights = np.linalg.solve(matrix, inputs.T @ (outputs - mean))
    estimated = []
    for leg in legs:
        said = ((_windows(leg) - centre) / scale) @ weights + mean
        prior = tuple(_orientation(said[:, 6 * k : 6 * k + 6]) for k in range(2))
        estimated.append(replace(leg, prior=prior, angle_estimate=said[:, 12:]))
    return estimated


def _windows(leg: RunningLeg) -> np.ndarray:
    """Signals of both sensors around every frame, smoothed over the step between lags, and the products of two."""
    signals = np.concatenate([leg.angular_velocity, leg.specific_force], axis=1).reshape(len(leg.angles), -1)
    smooth = low_pass(signals, leg.rate, 12.0)
    frames = np.clip(np.arange(len(smooth))[:, None] + _LAGS, 0, len(smooth) - 1)
    level = np.tile(smooth.mean(axis=0) ** 2, (len(smooth), 1))
    spread = np.tile(smooth.std(axis=0), (len(smooth), 1))
    return np.concatenate([smooth[frames].reshape(len(smooth), -1), level, spread], axis=1)


def _targets(leg: RunningLeg) -> np.ndarray:
    """Two columns of each rotation matrix, then the knee angles (n_frames, 15)."""
    columns = [rotation.as_matrix()[:, :, :2].reshape(len(rotation), 6) for rotation in leg.true]
    return np.concatenate([*columns, leg.angles], axis=1)


def _orientation(columns: np.ndarray) -> Rotation:
    """Rotation nearest to two columns by Gram-Schmidt (Zhou et al., CVPR 2019)."""
    pair = columns.reshape(-1, 3, 2)
    first = pair[:, :, 0] / np.linalg.norm(pair[:, :, 0], axis=1, keepdims=True)
    second = pair[:, :, 1] - (first * pair[:, :, 1]).sum(axis=1, keepdims=True) * first
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    return Rotation.from_matrix(np.stack([first, second, np.cross(first, second)], axis=2))


def held_out(legs: Sequence[RunningLeg]) -> list[tuple[list[RunningLeg], list[RunningLeg]]]:
    """(test, training) for every runner left out; estimates of the training side by networks that did not see it."""
    folds = []
    for runner in sorted({leg.runner for leg in legs}):
        test, rest = [leg for leg in legs if leg.runner == runner], [leg for leg in legs if leg.runner != runner]
        training = []
        for inner in sorted({leg.runner for leg in rest}):
            own = [leg for leg in rest if leg.runner == inner]
            training += with_estimates(own, [leg for leg in rest if leg.runner != inner])
        folds.append((with_estimates(test, rest), training))
    return folds

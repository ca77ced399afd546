"""Laws of the virtual sensor by mechanics: skeleton, coordinates and their exact derivatives.

Closed forms: a still body, an arm turning at a steady rate, a pendulum of large swing (elliptic functions), free fall
while spinning, a screw motion; and a lower body in a rotated laboratory. The same laws from sampled poses at 100 Hz
stand beside them, by the interpolating spline and by central differences.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.peers.closed_form_motion import RATE, Law, free_body, laws
from benchmarks.peers.smooth_motion import smooth_harmonics
from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.motion import Kinematics
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.imu.skeleton_imu import simulate_skeleton_imus

RELATIVE, ABSOLUTE = 1e-6, 1e-9
INNER = slice(30, -30)
"""Frames away from the ends, where derivatives of samples are one-sided."""
OFFSETS = {
    "pelvis": (-0.1, 0.05, 0.0),
    "femur": (0.0, -0.2, 0.06),
    "tibia": (0.0, -0.2, 0.05),
    "calcn": (0.1, 0.05, 0.0),
}


def figures(_data: Path) -> dict[str, dict]:
    """Measure; see the module."""
    found: dict[str, dict] = {}
    print(f"{'law':16} {'exact derivatives: relative, where 0':>40} {'spline of poses':>22} {'differences':>22}")
    for law in laws(np.random.default_rng(0)):
        exact = _worst(analytic(law), law)
        by_poses = {m: _worst(numerical(law, m), law, INNER) for m in ("spline", "central_difference")}
        shown = "".join(f" {a:10.1e} {b:10.1e}" for a, b in by_poses.values())
        print(f"{law.name:16} {exact[0]:29.1e} {exact[1]:10.1e} {shown}")
        kinds = (("relative error", RELATIVE), ("absolute error where the truth is 0", ABSOLUTE))
        for k, (kind, goal) in enumerate(kinds):
            if not math.isnan(exact[k]):
                found[f"laws: {law.name}, {kind} (analytic path)"] = _figure(exact[k], by_poses["spline"][k], goal)
    turned = max(rotated_laboratory())
    print(f"rotated laboratory: largest change {turned:.1e} of the signal's largest value")
    found["laws: rotated laboratory, relative change (analytic path)"] = _figure(turned, None, RELATIVE)
    return found


def _worst(record: ImuRecording, law: Law, frames: slice = slice(None)) -> tuple[float, float]:
    """Largest relative error where the truth is not 0, largest absolute one where it is; both sensors."""
    pairs = ((record.specific_force, law.specific_force), (record.angular_velocity, law.angular_velocity))
    found = np.array([deviations(a[frames], b[frames]) for a, b in pairs])
    return tuple(float(np.nanmax(column)) if np.isfinite(column).any() else math.nan for column in found.T)


def _figure(ours: float, by_poses: float | None, goal: float) -> dict:
    """A row; the peer is our own spline of poses."""
    ratio = by_poses / ours if by_poses is not None and ours > 0 else None
    return {"ours": ours, "peer": by_poses, "ratio": ratio, "goal": f"<= {goal:g}", "met": bool(ours <= goal)}


def analytic(law: Law) -> ImuRecording:
    """Readings of a law by the skeleton and exact derivatives."""
    body = free_body()
    kinematics = Kinematics(body.coordinate_names, law.values, RATE)
    given = {"speeds": law.speeds, "accelerations": law.accelerations}
    return simulate_skeleton_imus(body, kinematics, [law.placement], **given)[0]


def numerical(law: Law, method: str) -> ImuRecording:
    """Readings of a law by derivatives of its poses."""
    body = free_body()
    motion = segment_motions(body, Kinematics(body.coordinate_names, law.values, RATE))["body"]
    return simulate_imu(motion, law.placement, method=method)


def deviations(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Largest relative error where the truth is not 0, largest absolute one where it is; NaN if no frame."""
    size = np.linalg.norm(truth, axis=1)
    away = np.linalg.norm(found - truth, axis=1)
    zero = size < 1e-12
    relative = float((away[~zero] / size[~zero]).max()) if (~zero).any() else math.nan
    return relative, float(away[zero].max()) if zero.any() else math.nan


def rotated_laboratory(seed: int = 0, n: int = 300) -> tuple[float, float]:
    """Largest relative change of specific force and angular velocity of a lower body when the laboratory is turned."""
    rng = np.random.default_rng(seed)
    skeleton = lower_body_skeleton(Subject("S", 70.0, 1.75, "unknown"))
    motion = smooth_harmonics(skeleton, rng)
    states = motion.states(np.arange(n) / RATE)
    turn = Rotation.from_rotvec(rng.normal(size=3))
    root = skeleton.segments[0]
    turned = replace(
        skeleton,
        gravity=tuple(turn.apply(skeleton.gravity)),
        segments=(
            replace(
                root,
                offset=tuple(turn.apply(root.offset)),
                orientation=tuple(map(tuple, turn.as_matrix() @ np.array(root.orientation))),
            ),
            *skeleton.segments[1:],
        ),
    )
    placements = seven_placements(rng)
    kinematics = Kinematics(motion.coordinates, states[0], RATE)
    given = {"speeds": states[1], "accelerations": states[2]}
    pairs = zip(
        simulate_skeleton_imus(skeleton, kinematics, placements, **given),
        simulate_skeleton_imus(turned, kinematics, placements, **given),
        strict=True,
    )
    worst = [0.0, 0.0]
    for first, second in pairs:
        for k, (a, b) in enumerate(
            ((first.specific_force, second.specific_force), (first.angular_velocity, second.angular_velocity))
        ):
            worst[k] = max(worst[k], float(np.abs(a - b).max() / np.abs(a).max()))
    return worst[0], worst[1]


def seven_placements(rng: np.random.Generator) -> list[SensorPlacement]:
    """Pelvis, thighs, shanks and feet, mounted at random."""
    segments = ("pelvis", *(f"{part}_{side}" for part in ("femur", "tibia", "calcn") for side in "rl"))
    return [
        SensorPlacement(s, s, np.array(OFFSETS[s.split("_")[0]]), Rotation.from_rotvec(rng.normal(size=3)))
        for s in segments
    ]


if __name__ == "__main__":
    results = figures(Path())
    for title, row in results.items():
        print(f"{'met ' if row['met'] else 'MISS'}  {title}: {row['ours']:.3g} (goal {row['goal']})")
    print(json.dumps({"figures": results}))

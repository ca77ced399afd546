"""A walk in space of our own lower body, and noiseless sensors on it: exact mechanics, nothing solved."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.peers.virtual_stride import PLACES, SEGMENTS
from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.model.contact_sphere import ContactSphere
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.skeleton_imu import simulate_skeleton_imus
from synth.optimal_control.gait.periodic_curve import periodic_derivatives
from synth.optimal_control.inertial.spatial_imu_start import normative_posture

PERSON = Subject("walker", 70.0, 1.75)
DURATION, SPEED, N = 1.1, 1.25, 200


@cache
def skeleton() -> Skeleton:
    """Our own lower body with a sphere under each heel and each ball."""
    bare = lower_body_skeleton(PERSON)
    spheres = tuple(
        ContactSphere(f"{name}_{side}", f"calcn_{side}", (x, -0.04, 0.0), 0.03, "floor", 1e6, 2.0, 0.8, 0.8, 0.5, 0.2)
        for side in "rl"
        for name, x in (("heel", -0.03), ("ball", 0.13))
    )
    return replace(bare, contacts=spheres)


@cache
def walk() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates, speeds, accelerations of the normative walk that also sways, turns and moves across its plane."""
    body, turn = skeleton(), 2.0 * np.pi * np.arange(N) / N
    coarse = normative_posture(body, SPEED, PERSON.height)
    spectrum = np.fft.rfft(coarse, axis=0)[:9]
    whole = np.zeros((N // 2 + 1, coarse.shape[1]), complex)
    whole[:9] = spectrum * N / len(coarse)
    q = np.fft.irfft(whole, N, axis=0)
    waves = [("pelvis_list", 0.06, 0.3), ("pelvis_rotation", 0.08, 1.0), ("pelvis_tz", 0.02, 0.5)]
    waves += [("hip_adduction_r", 0.03, 0.0), ("hip_adduction_l", 0.03, 3.1)]
    waves += [("hip_rotation_r", 0.05, 2.0), ("hip_rotation_l", 0.05, 5.0)]
    for name, size, phase in waves:
        q[:, body.coordinate_index(name)] += size * np.cos(turn + phase)
    q[:, body.coordinate_index("pelvis_ty")] = 0.92 + 0.02 * np.cos(2.0 * turn)
    v, a = periodic_derivatives(q, DURATION)
    v[:, body.coordinate_index("pelvis_tx")] += SPEED
    return q, v, a


def sensors(mounting: dict[str, Rotation] | None = None, bias: float = 0.0) -> tuple[ImuRecording, ...]:
    """Noiseless sensors on that walk, turned by `mounting`, said to be mounted along the segments."""
    q, v, a = walk()
    turned = mounting or {}
    nominal = [
        SensorPlacement(s, s, np.array(PLACES[s.split("_")[0]]) * [1.0, 1.0, -1.0 if s[-2:] == "_l" else 1.0])
        for s in SEGMENTS
    ]
    true = [replace(p, mounting=turned.get(p.segment, Rotation.identity())) for p in nominal]
    kinematics = Kinematics(skeleton().coordinate_names, q, N / DURATION)
    read = simulate_skeleton_imus(skeleton(), kinematics, true, speeds=v, accelerations=a)
    return tuple(
        replace(r, placement=p, angular_velocity=r.angular_velocity + bias) for r, p in zip(read, nominal, strict=True)
    )

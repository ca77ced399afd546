"""Spatial IMU start: where the solver begins to follow inertial sensors in space, from strap-down paths alone.

Orientations of the sensors in closed form, less a first guess of their mounting, give the joint angles by inverse
kinematics; the feet stand on the floor; the speed is what lets them stand still. The guess compares the cycle's mean
orientation of each sensor with that of the normative walker; no measured posture enters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.exchange.sign_convention import positive_directions
from opensim_models.model.multibody import point_position, segment_states
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.gait.normative_gait import COORDINATES
from synth.optimal_control.gait.periodic_curve import low_pass_periodic
from synth.optimal_control.inertial.imu_start import ImuStart, mounting_share, normative_walk, start_speed
from synth.optimal_control.inertial.orientation_posture import orientation_posture, segment_orientations
from synth.optimal_control.inertial.sensor_problem import ImuProblem
from synth.optimal_control.inertial.spatial_strap_down import SensorPath, sensor_paths, walking_speed
from synth.optimal_control.inertial.strap_down import integrate_periodic

_HARMONICS, _PELVIS_HARMONICS = 8, 4
_SINK = 0.005
"""m: how far the lower foot's spheres are in the floor at the start."""


def spatial_imu_starts(problem: ImuProblem) -> Iterator[ImuStart]:
    """Starts from the best guess to the shyest, made when asked for: all of the guessed mounting, half of it, none."""
    paths = sensor_paths(problem.records, problem.duration)
    speed = start_speed(problem, walking_speed(problem.records, problem.duration))
    normative = normative_posture(problem.skeleton, speed, problem.height)
    guess = mounting_guess(problem, paths, normative)
    for name, share in (("guessed mounting", 1.0), ("half the mounting", 0.5), ("nominal mounting", 0.0)):
        mounting = share * guess
        turned = segment_turns(paths, dict(zip(problem.records, mounting, strict=True)))
        rest = np.tile(normative.mean(axis=0), (len(problem.records["pelvis"].channels), 1))
        q = orientation_posture(problem.skeleton, turned, rest)
        q = _on_the_floor(problem, paths["pelvis"], q)
        yield ImuStart(name, q, speed, mounting)


def segment_turns(paths: Mapping[str, SensorPath], mounting: Mapping[str, np.ndarray]) -> dict[str, Rotation]:
    """Orientation of each segment from that of its sensor and a mounting (rotation vector of Cayley's form, rad)."""
    return {s: path.orientation * cayley_rotation(mounting[s]).inv() for s, path in paths.items()}


def cayley_rotation(vector: np.ndarray) -> Rotation:
    """Rotation that `following_blocks.rotation_of` makes of a vector (3,): by 2 atan(|v| / 2) about it."""
    return Rotation.from_quat([*(0.5 * np.asarray(vector, float)), 1.0])


def cayley_vector(rotation: Rotation) -> np.ndarray:
    """Inverse of `cayley_rotation`."""
    x, y, z, w = rotation.as_quat()
    return 2.0 * np.array([x, y, z]) / w


def normative_posture(skeleton: Skeleton, speed: float, height: float) -> np.ndarray:
    """Coordinates (100, n_q) of the skeleton that walks as the normative person, what they lack at its default."""
    sagittal = normative_walk(speed, height)
    q = np.tile([c.default for c in skeleton.coordinates], (100, 1))
    directions = positive_directions(skeleton)
    for name, values in zip(COORDINATES, sagittal.T, strict=True):
        if name in skeleton.coordinate_names and not name.startswith("pelvis_t"):
            turned = name.startswith("knee_angle") and directions.get(name) == "extension"
            q[:, skeleton.coordinate_index(name)] = -values if turned else values
    q[:, skeleton.coordinate_index("pelvis_tilt")] = sagittal[:, COORDINATES.index("pelvis_tilt")]
    return q


def mounting_guess(problem: ImuProblem, paths: Mapping[str, SensorPath], normative: np.ndarray) -> np.ndarray:
    """First guess (n_sensors, 3) of each sensor's mounting; the pelvis sensor's is 0: it is known.

    The cycle's mean orientation of a sensor is that of its segment turned by its mounting; the segment's is close to
    the normative one (SD about 5° between people), the mounting close to 0 (`mounting_sd`): the difference is shared
    accordingly.
    """
    share = mounting_share(problem)
    expected = segment_orientations(problem.skeleton, normative, list(problem.records))
    guess = np.zeros((len(problem.records), 3))
    for i, segment in enumerate(problem.records):
        if segment != "pelvis":
            off = expected[segment].mean().inv() * paths[segment].orientation.mean()
            guess[i] = cayley_vector(Rotation.from_rotvec(share * off.as_rotvec()))
    return guess


def _on_the_floor(problem: ImuProblem, pelvis: SensorPath, q: np.ndarray) -> np.ndarray:
    """Smooth coordinates with the pelvis as high as the lower foot allows, and swaying as its sensor says."""
    skeleton = problem.skeleton
    q = low_pass_periodic(q, _HARMONICS)
    x, y, z = (skeleton.coordinate_index(f"pelvis_t{s}") for s in "xyz")
    q[:, [x, y, z]] = 0.0
    states = segment_states(skeleton, list(q.T))
    heights = [point_position(states[skeleton.segment_index(c.segment)], c.offset)[1] - c.radius
               for c in skeleton.contacts]  # fmt: skip
    floor = float(skeleton.planes[0].offset[1]) if skeleton.planes else 0.0
    lowest = np.min(heights, axis=0) + _SINK - floor
    q[:, y] = low_pass_periodic(-lowest[:, None], _PELVIS_HARMONICS)[:, 0]
    place = point_position(states[skeleton.segment_index("pelvis")], tuple(problem.records["pelvis"].offset))
    sway = integrate_periodic(pelvis.velocity[:, 2], problem.duration) - place[2]
    q[:, z] = low_pass_periodic((sway - sway[0])[:, None], _PELVIS_HARMONICS)[:, 0]
    return q

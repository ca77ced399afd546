"""Recorded walks: virtual sensors on a recorded stride whose ground reaction was measured (choices only).

The stride is that of OpenSim's example by Rajagopal et al. (2016), in space, with its own scaled model: what a planar
generic model makes of it shows what real feet, a pelvis that lists and arms that swing do to forces and moments, which
no model's own walk shows. Sensors are placed, turned and disturbed as those of `virtual_walks`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.peers.virtual_walks import PLACES, VirtualWalk
from mocap_import.subject import Subject
from opensim_models.generic.anthropometry import SHANK_LENGTH, THIGH_LENGTH
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.model.multibody import inverse_dynamics, segment_states
from opensim_models.model.skeleton import Skeleton
from opensim_models.model.vector import over_frames
from opensim_models.motion import Kinematics
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.skeleton_imu import simulate_skeleton_imus
from synth.optimal_control.inertial.imu_data import SENSOR_SEGMENTS
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.optimal_control.recording.recorded_cycle import recorded_cycle
from synth.optimal_control.recording.recorded_motion import MotionFiles, RecordedMotion

_SIDE = {"femur": 0.07, "tibia": 0.055}
"""m to the side of the segment's axis, as BioMAC wears them."""
_NOISE, _PLACE_SD, _MOUNTING_SD = 0.15, 0.02, np.radians(8.0)


def recorded_walks(data: Path, count: int) -> list[VirtualWalk]:
    """Read the stride and wear sensors on it, `count` times otherwise placed and disturbed."""
    folder = data / "opensim_core" / "rajagopal_walk"
    toes = {"mtp_angle_r": None, "mtp_angle_l": None}
    prepared = prepare_model(folder / "subject_walk_scaled.osim", hold=toes, muscles=False, contact=False)
    files = MotionFiles(folder / "coordinates.sto", folder / "grf_walk.xml")
    cycle = recorded_cycle(files, prepared.skeleton, 101, held=prepared.held, cutoff=8.0, force_cutoff=20.0)
    skeleton = prepared.skeleton
    offset = {s.name: np.array(s.offset) for s in skeleton.segments}
    leg = -float(offset["tibia_r"][1] + offset["talus_r"][1])
    subject = Subject("recorded", skeleton.mass, leg / (THIGH_LENGTH + SHANK_LENGTH))
    return [_worn(np.random.default_rng(77000 + seed), subject, skeleton, cycle.motion) for seed in range(count)]


def _worn(rng: np.random.Generator, subject: Subject, skeleton: Skeleton, motion: RecordedMotion) -> VirtualWalk:
    """One set of sensors on the stride, and what is known of it."""
    offset = {s.name: np.array(s.offset) for s in skeleton.segments}
    size = subject.height / 1.8
    placements = []
    for segment in SENSOR_SEGMENTS:
        kind, right = segment.split("_")[0], {"r": 1.0, "l": -1.0}.get(segment[-1], 0.0)
        place = np.array([*PLACES[kind], 0.0]) * size + [0.0, 0.0, right * _SIDE.get(kind, 0.0)]
        if kind == "pelvis":
            place[:2] += offset["femur_r"][:2]  # from the midpoint of the hips, as the generic model has it
        if kind == "calcn":
            place -= offset["calcn_r"]  # from the ankle
            place[2] = 0.0
        place[:2] += _PLACE_SD * rng.standard_normal(2)
        turned = Rotation.from_euler("z", (kind != "pelvis") * _MOUNTING_SD * rng.standard_normal())
        placements.append(SensorPlacement(segment, segment, place, turned))
    kinematics = Kinematics(skeleton.coordinate_names, motion.values, 1.0 / float(np.diff(motion.time).mean()))
    read = simulate_skeleton_imus(
        skeleton, kinematics, placements, speeds=motion.speeds, accelerations=motion.accelerations
    )
    duration = float(motion.time[-1] - motion.time[0])
    recordings, variances = [], {}
    for segment, record in zip(SENSOR_SEGMENTS, read, strict=True):
        channels = np.hstack([record.specific_force, record.angular_velocity])[:-1]
        spread = _NOISE * channels.std(axis=0)
        seen = channels + spread * rng.standard_normal(channels.shape)
        nominal = np.array([*PLACES[segment.split("_")[0]], 0.0]) * size
        placement = SensorPlacement(segment, segment, nominal)
        recordings.append(ImuRecording(placement, seen[:, :3], seen[:, 3:], len(seen) / duration))
        variances[segment] = spread[[0, 1, 5]] ** 2
    forward = motion.of("pelvis_tx")
    speed = float(forward[-1] - forward[0]) / duration
    return VirtualWalk(subject, tuple(recordings), variances, duration, speed, *_truth(subject, skeleton, motion))


def _truth(subject: Subject, skeleton: Skeleton, motion: RecordedMotion) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates (n, 10) and moments of the planar model's names, forces (n, 2, 3), the end not repeated."""
    states = segment_states(skeleton, *(list(x.T) for x in (motion.values, motion.speeds, motion.accelerations)))
    acting = {}
    for wrench in motion.wrenches.values():
        place = skeleton.segment_index(wrench.segment)
        about = over_frames(states[place].origin, len(motion.time))
        acting[place] = (tuple(wrench.force.T), tuple(np.nan_to_num(wrench.moment_about(about)).T))
    demand = over_frames(inverse_dynamics(skeleton, states, acting), len(motion.time))
    names = planar_skeleton(subject).coordinate_names
    columns = [skeleton.coordinate_index(name) for name in names]
    forces = np.stack([motion.wrenches[side].force for side in ("right", "left")], axis=1)
    return motion.values[:-1, columns], demand[:-1, columns], forces[:-1]

"""Virtual stride: seven sensors on the recorded full stride of `opensim_core/rajagopal_walk`, noisy and misaligned.

The truth is the recorded motion of the model with 29 coordinates (6 Hz, closed over the cycle), arms swinging; forces
are the plates', moments those of the data set's inverse dynamics. Whoever tracks it has a model without moving arms,
contact spheres as they come, and no force.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.exchange.storage import read_generalized_forces
from opensim_models.exchange.storage_table import read_table
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics
from opensim_models.scaling.model_scaling import model_stature
from opensim_models.scaling.scale_factor import scaled_skeleton
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.skeleton_imu import simulate_skeleton_imus
from synth.optimal_control.gait.cycle_samples import at_phase
from synth.optimal_control.gait.periodic_curve import low_pass_periodic, periodic_derivatives
from synth.optimal_control.recording.model_preparation import prepare_model, with_held_coordinates
from synth.optimal_control.recording.recorded_cycle import recorded_cycle
from synth.optimal_control.recording.recorded_motion import MotionFiles

PLACES = {"pelvis": (-0.16, 0.02, 0.0), "femur": (0.02, -0.15, 0.09), "tibia": (0.0, -0.18, 0.055),
          "calcn": (0.12, 0.05, 0.0)}  # fmt: skip
"""m, right side; about where the CMU set's sensors sit."""
SEGMENTS = ("pelvis", "femur_r", "tibia_r", "calcn_r", "femur_l", "tibia_l", "calcn_l")
HARMONICS, SAMPLES = 12, 100
ELBOW = 0.3


@dataclass(frozen=True)
class TrueStride:
    """One recorded stride.

    Attributes
    ----------
    skeleton : Skeleton
        With all 29 coordinates.
    duration, speed, height : float
        s, m/s; m, told by the model's legs.
    coordinates, speeds, accelerations : ndarray, shape (100, 29)
    forces : ndarray, shape (100, 2, 3)
        Ground reaction of right and left foot (N).
    moments : dict of str to ndarray, shape (100,)
        Of the legs' joints (N·m).
    """

    skeleton: Skeleton
    duration: float
    speed: float
    height: float
    coordinates: np.ndarray
    speeds: np.ndarray
    accelerations: np.ndarray
    forces: np.ndarray
    moments: dict[str, np.ndarray]


@dataclass(frozen=True)
class WornSensors:
    """What sensors on a stride say.

    Attributes
    ----------
    recordings : tuple of ImuRecording
        Placed where they are meant to sit.
    variances : dict of str to ndarray, shape (6,)
        Of the noise.
    mounting : dict of str to Rotation
        How they are turned on their segments in truth.
    """

    recordings: tuple[ImuRecording, ...]
    variances: dict[str, np.ndarray]
    mounting: dict[str, Rotation]


def true_stride(folder: Path) -> TrueStride:
    """Read the trial and close its stride."""
    prepared = prepare_model(
        folder / "subject_walk_scaled.osim", hold=["mtp_angle_r", "mtp_angle_l"], muscles=False, show_progress=False
    )
    skeleton = prepared.skeleton
    files = MotionFiles(folder / "coordinates.sto", folder / "grf_walk.xml")
    cycle = recorded_cycle(files, skeleton, 51, held=prepared.held, cutoff=6.0, force_cutoff=20.0)
    motion, duration = cycle.motion, cycle.duration
    phase = np.arange(SAMPLES) / SAMPLES
    way = motion.values[-1] - motion.values[0]
    closed = (motion.values - np.linspace(0.0, 1.0, 51)[:, None] * way)[:-1]
    q = low_pass_periodic(_resampled(closed), HARMONICS)
    v, a = periodic_derivatives(q, duration)
    forward = skeleton.coordinate_index("pelvis_tx")
    speed = float(way[forward] / duration)
    q[:, forward] += speed * duration * phase
    v[:, forward] += speed
    forces = np.stack([at_phase(motion.wrenches[f].force[:-1], phase) for f in ("right", "left")], axis=1)
    published, table = read_generalized_forces(folder / "id_walk.sto"), read_table(folder / "id_walk.sto")
    own = table.start_time + np.arange(len(table.values)) / table.rate
    legs = [c for c in skeleton.coordinate_names if c.startswith(("hip", "knee", "ankle"))]
    moments = {c: np.interp(cycle.start + phase * duration, own, published.of(c)) for c in legs}
    return TrueStride(skeleton, duration, speed, model_stature(skeleton), q, v, a, forces, moments)


def _resampled(values: np.ndarray) -> np.ndarray:
    """Periodic samples (n, k) at `SAMPLES` even phases, by their Fourier series."""
    spectrum = np.fft.rfft(values, axis=0)[: HARMONICS + 1]
    whole = np.zeros((SAMPLES // 2 + 1, values.shape[1]), complex)
    whole[: len(spectrum)] = spectrum * SAMPLES / len(values)
    return np.fft.irfft(whole, SAMPLES, axis=0)


def tracking_model(skeleton: Skeleton, size: float = 1.0, mass: float = 1.0) -> Skeleton:
    """The model without moving arms, longer and heavier by factors than the person is."""
    arms = [c for c in skeleton.coordinate_names if c.startswith(("arm", "elbow", "pro_sup"))]
    held = {c: ELBOW if c.startswith("elbow") else 0.0 for c in arms}
    still, _ = with_held_coordinates(replace(skeleton, muscles=()), held)
    if size == mass == 1.0:
        return still
    return scaled_skeleton(still, dict.fromkeys(still.segment_names, (size,) * 3), mass * still.mass)


def worn_sensors(
    stride: TrueStride,
    rng: np.random.Generator,
    *,
    mounting_sd: float,
    place_sd: float = 0.0,
    noise: float = 0.15,
) -> WornSensors:
    """Put seven sensors on the stride and read them.

    Parameters
    ----------
    stride : TrueStride
    rng : numpy.random.Generator
    mounting_sd : float
        Of each component of the rotation of leg sensors (rad).
    place_sd : float
        Of each component of every sensor's place (m).
    noise : float
        White, as a share of each channel's standard deviation.
    """
    nominal, true, mounting = [], [], {}
    for segment in SEGMENTS:
        place = np.array(PLACES[segment.split("_")[0]]) * [1.0, 1.0, -1.0 if segment.endswith("_l") else 1.0]
        turn = Rotation.from_rotvec((segment != "pelvis") * mounting_sd * rng.standard_normal(3))
        nominal.append(SensorPlacement(segment, segment, place))
        true.append(SensorPlacement(segment, segment, place + place_sd * rng.standard_normal(3), turn))
        mounting[segment] = turn
    rate = SAMPLES / stride.duration
    kinematics = Kinematics(stride.skeleton.coordinate_names, stride.coordinates, rate)
    read = simulate_skeleton_imus(
        stride.skeleton, kinematics, true, speeds=stride.speeds, accelerations=stride.accelerations
    )
    recordings, variances = [], {}
    for recording, placement in zip(read, nominal, strict=True):
        channels = np.hstack([recording.specific_force, recording.angular_velocity])
        spread = noise * channels.std(axis=0)
        channels = channels + spread * rng.standard_normal(channels.shape)
        recordings.append(ImuRecording(placement, channels[:, :3], channels[:, 3:], rate))
        variances[placement.segment] = spread**2
    return WornSensors(tuple(recordings), variances, mounting)

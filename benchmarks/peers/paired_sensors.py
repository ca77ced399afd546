"""Paired recordings: real sensors with the measured motion of the segments that carried them.

* ``board_trials``: BROAD (Laidig et al., Data 6:72, 2021; CC BY 4.0), a rigid board with one sensor and markers.
* ``cmu_walk``: CMU CapacitiveSensing, Sub02, treadmill (Pearl et al.; MIT): Xsens sensors and marker-based inverse
  kinematics of 45 s. The torso is left out: the coordinates file has no lumbar angles, so its motion is not known,
  and so is the left foot: its accelerometer reads 12.4 m/s² when it hardly turns. The IMU frames of the model are not
  used: they are not those of the raw axes (the fitted mountings differ by 76 to 162 deg; by the model's, gravity would
  lie along X of the segments), so mountings are fitted.
* ``neura_walk``: NeuRA S02 (Sy et al.; GPL-3, for evaluation only): nine Xsens sensors and Helen-Hayes markers;
  standing, walking there and back, standing. Segment frames from the joint centres stored with the markers.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.subject import STANDARD_GRAVITY
from opensim_models.clinical.cluster_pose import fit_cluster, make_cluster
from opensim_models.exchange.storage import read_motion
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.motion import SegmentMotion
from synth.imu.learnt_error import SEGMENT_CLASSES
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.real_imu.alignment import SensorAlignment, align_sensor, trial_lag
from synth.real_imu.sensor_pair import SensorPair, make_pair
from synth.real_imu.trc_container import read_trc_container
from synth.real_imu.xsens_text import read_xsens

Z_UP = Rotation.from_euler("x", -90.0, degrees=True)
"""Ground with Z up → ground with Y up."""
FIT_CUTOFF = 8.0
"""Hz, of both sides while they are aligned: above it optics know little of a walking segment."""
_LAGS = (-0.3, 0.3)
_CMU_START = 20.0
"""Time (s) of the first frame of inverse kinematics on the sensors' clock, from the file's name and times."""
_NEURA_WALKS = (1120, 2074)
"""Frames that the authors kept (data-list.csv); before and after the person stands."""
_NEURA_SENSORS = {
    "00B40B91": ("pelvis", "pelvis"),
    "00B40C45": ("thigh_l", "femur_l"),
    "00B40C3C": ("thigh_r", "femur_r"),
    "00B40BA5": ("shank_l", "tibia_l"),
    "00B40C35": ("shank_r", "tibia_r"),
    "00B40C44": ("ankle_l", "tibia_l"),
    "00B40C47": ("ankle_r", "tibia_r"),
    "00B40C55": ("foot_l", "calcn_l"),
    "00B40C48": ("foot_r", "calcn_r"),
}


@dataclass(frozen=True)
class PairedWalk:
    """Real sensors of one walk and the motion of their segments.

    Attributes
    ----------
    person : str
    recordings : tuple of ImuRecording
    motions : mapping of str to SegmentMotion
    start : float
        Of the motions, on the sensors' clock (s).
    walking : tuple of int
        First and last sample in which the person walks, give or take the lag; of the pairs.
    """

    person: str
    recordings: tuple[ImuRecording, ...]
    motions: Mapping[str, SegmentMotion]
    start: float
    walking: tuple[int, int | None] = (0, None)

    def alignments(self, audit: Mapping[str, SensorAlignment] | None = None) -> dict[str, SensorAlignment]:
        """Alignment of each sensor, all at one lag: that of the station's clock, from the audit."""
        lag = trial_lag(list((audit or self.audit()).values()))
        return {real.placement.sensor: self._align(real, lag) for real in self.recordings}

    def audit(self) -> dict[str, SensorAlignment]:
        """Alignment of each sensor with a lag of its own: the synchronisation audit."""
        return {real.placement.sensor: self._align(real, None) for real in self.recordings}

    def _align(self, real: ImuRecording, lag: float | None) -> SensorAlignment:
        return align_sensor(
            real,
            self.motions[real.placement.segment],
            motion_start=self.start,
            lags=_LAGS,
            lag=lag,
            biases=False,
            cutoff=FIT_CUTOFF,
        )

    def pairs(self, cutoffs: Mapping[str, float], alignments: Mapping[str, SensorAlignment]) -> list[SensorPair]:
        """Pairs of all sensors, the virtual side smoothed by a cut-off (Hz) for each segment class."""
        found = []
        for real in self.recordings:
            segment = real.placement.segment
            cutoff = cutoffs[SEGMENT_CLASSES[segment]]
            found.append(
                make_pair(
                    real,
                    self.motions[segment],
                    motion_start=self.start,
                    force_cutoff=cutoff,
                    turn_cutoff=cutoff,
                    alignment=alignments[real.placement.sensor],
                )
            )
        return found


def cmu_walk(data: Path) -> PairedWalk:
    """Read Sub02's walk; see the module."""
    folder = data / "cmu_imu_grf_walk" / "Sub02"
    recordings = cmu_recordings(folder / "CSBaseline" / "OpenSim_Sub02_CSBaseline_Accel.trc")
    reference = folder / "optical_reference"
    skeleton = read_osim(reference / "OpenSimMOCOModelWithContactGeometry_IMUCalibrated.osim")
    kinematics = read_motion(reference / "IKoutput_20to65secs.mot", skeleton=skeleton)
    worn = tuple(r for r in recordings if r.placement.segment in SEGMENT_CLASSES and calibrated(r))
    return PairedWalk("CMU Sub02", worn, segment_motions(skeleton, kinematics), _CMU_START)


def further_persons(data: Path) -> dict[str, list[ImuRecording]]:
    """Real sensors of the normal walks of the other persons of the CMU set, 20-65 s of each, by person."""
    found: dict[str, list[ImuRecording]] = {}
    for path in sorted((data / "cmu_imu_grf_walk").glob("Sub*/*Baseline/*_Accel.trc")):
        person = path.parts[-3]
        if person == "Sub02":
            continue
        for recording in cmu_recordings(path):
            if recording.placement.segment in SEGMENT_CLASSES and calibrated(recording):
                span = slice(round(_CMU_START * recording.rate), round((_CMU_START + 45.0) * recording.rate))
                force, turn = recording.specific_force[span], recording.angular_velocity[span]
                cut = ImuRecording(recording.placement, force, turn, recording.rate)
                found.setdefault(person, []).append(cut)
    return found


def calibrated(recording: ImuRecording) -> bool:
    """Whether the accelerometer reads one g, within 5 %, in the tenth of the samples that turn least."""
    turning = np.linalg.norm(recording.angular_velocity, axis=1)
    quiet = turning <= np.quantile(turning, 0.1)
    magnitude = float(np.median(np.linalg.norm(recording.specific_force[quiet], axis=1)))
    return abs(magnitude / STANDARD_GRAVITY - 1.0) < 0.05


def cmu_recordings(path: Path) -> tuple[ImuRecording, ...]:
    """Real sensors of one walk of the CMU set (m/s², rad/s); sensors are named by their segment."""
    readings = read_trc_container(path)
    found = []
    for index, name in enumerate(readings.sensors):
        segment = name.removesuffix("_imu_offset_imu").removesuffix("_imu")
        placement = SensorPlacement(segment, segment)
        found.append(
            ImuRecording(placement, readings.acceleration[:, index], readings.angular_velocity[:, index], readings.rate)
        )
    return tuple(found)


def neura_walk(data: Path) -> PairedWalk:
    """Read S02's walk; see the module."""
    folder = data / "neura_sparse_s02_walk_GPL3"
    recordings = []
    for serial, (sensor, segment) in _NEURA_SENSORS.items():
        readings = read_xsens(sorted((folder / "rawimu").glob(f"*_{serial}.txt")))
        recordings.append(
            ImuRecording(
                SensorPlacement(sensor, segment),
                readings.acceleration[:, 0],
                readings.angular_velocity[:, 0],
                readings.rate,
            )
        )
    markers = _vicon_markers(folder / "rawvicon" / "S02-Trial-Walk-1_markers.csv")
    return PairedWalk("NeuRA S02", tuple(recordings), _helen_hayes_motions(markers, 100.0), 0.0, _NEURA_WALKS)


def _vicon_markers(path: Path) -> dict[str, np.ndarray]:
    """Markers and joint centres (n, 3), m, Y up."""
    with path.open(encoding="utf-8") as file:
        header = next(csv.reader(file))
    values = np.genfromtxt(path, delimiter=",", skip_header=1)
    found = {}
    for column in range(1, len(header), 3):
        found[header[column].removesuffix("_x_mm")] = Z_UP.apply(values[:, column : column + 3] / 1000.0)
    return found


def _helen_hayes_motions(markers: Mapping[str, np.ndarray], rate: float) -> dict[str, SegmentMotion]:
    """Rigid fits to the markers and joint centres of each segment, in frames made in the first frame (standing)."""
    first = {label: path[0] for label, path in markers.items()}
    found = {}
    front, back = 0.5 * (first["LASI"] + first["RASI"]), 0.5 * (first["LPSI"] + first["RPSI"])
    right = first["RASI"] - first["LASI"]
    frames = {"pelvis": (front, _axes(np.cross(right, front - back), right), ("LASI", "RASI", "LPSI", "RPSI"))}
    for side, outwards in (("R", 1.0), ("L", -1.0)):
        hip, knee, ankle = (first[side + joint] for joint in ("HJC", "KJC", "AJC"))
        thigh, shank = ((side + a, side + b, side + c, side + d) for a, b, c, d in (_THIGH, _SHANK))
        foot = tuple(side + label for label in ("AJC", "ANK", "HEE", "TOE"))
        sole = np.cross(first[side + "TOE"] - first[side + "HEE"], [0.0, 1.0, 0.0])
        suffix = side.lower()
        frames["femur_" + suffix] = (hip, _axes(hip - knee, outwards * (first[side + "KNE"] - knee)), thigh)
        frames["tibia_" + suffix] = (knee, _axes(knee - ankle, outwards * (first[side + "ANK"] - ankle)), shank)
        up = np.cross(sole, first[side + "TOE"] - first[side + "HEE"])
        frames["calcn_" + suffix] = (ankle, _axes(up, sole), foot)
    for segment, (origin, axes, labels) in frames.items():
        reference = [(first[label] - origin) @ axes for label in labels]
        positions = np.stack([markers[label] for label in labels], axis=1)
        found[segment] = fit_cluster(make_cluster(segment, labels, reference), positions, rate).motion
    return found


_THIGH, _SHANK = ("HJC", "KJC", "THI", "KNE"), ("KJC", "AJC", "TIB", "ANK")


def _axes(up: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Columns X, Y, Z of a segment frame: Y along `up`, Z towards `right`, X forward."""
    y = up / np.linalg.norm(up)
    x = np.cross(y, right)
    x = x / np.linalg.norm(x)
    return np.column_stack([x, y, np.cross(x, y)])


@dataclass(frozen=True)
class BoardTrial:
    """One trial of the board.

    Attributes
    ----------
    name : str
    real : ImuRecording
    motion : SegmentMotion
        Of the frame in which the optical pose is given.
    moving : ndarray of bool
        Samples in which the board is moved, by the set's own label.
    """

    name: str
    real: ImuRecording
    motion: SegmentMotion
    moving: np.ndarray


def board_trials(data: Path) -> list[BoardTrial]:
    """Read all trials of the board that are there."""
    found = []
    for path in sorted((data / "broad_imu_vs_optical").glob("*.hdf5")):
        with h5py.File(path) as file:
            rate = float(file.attrs["sampling_rate"])
            force, turn = file["imu_acc"][:], file["imu_gyr"][:]
            position, quaternion = file["opt_pos"][:], file["opt_quat"][:]
            moving = file["movement"][:].astype(bool).ravel()
        known = np.isfinite(position).all(axis=1) & np.isfinite(quaternion).all(axis=1)
        quaternion = np.where(known[:, None], quaternion, [1.0, 0.0, 0.0, 0.0])
        origin = np.where(known[:, None], Z_UP.apply(np.where(known[:, None], position, 0.0)), np.nan)
        orientation = Z_UP * Rotation.from_quat(quaternion, scalar_first=True)
        real = ImuRecording(SensorPlacement("board", "board"), force, turn, rate)
        found.append(BoardTrial(path.stem, real, SegmentMotion("board", origin, orientation, rate), moving))
    return found


def resting(trials: Sequence[BoardTrial], margin: float = 1.0) -> list[tuple[ImuRecording, np.ndarray]]:
    """Recordings with their samples at rest, `margin` (s) away from any movement."""
    found = []
    for trial in trials:
        reach = round(margin * trial.real.rate)
        near = np.convolve(trial.moving, np.ones(2 * reach + 1), mode="same") > 0.5
        found.append((trial.real, ~near))
    return found

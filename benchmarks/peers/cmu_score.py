"""CMU score: Sub02 with real Xsens sensors against optical angles and forces, by several ways from the same sensors.

The reference of angles is the data set's inverse kinematics of markers (20 to 65 s), its forces are the treadmill's.
Strides come from the sensors; what they are compared with is averaged over the same strides. Lags are found on the
first 20 s, which are not scored: by the vertical force of optimal control against the plates (used; on Sub01 and Sub03
it was 20 to 40 ms from that of foot strikes, and on the virtual stride the force is 12 ms early), and by foot strikes
(shown beside). The lag against optical angles is printed, and not used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.peers.cmu_walks import (
    DEFINED_LATE,
    SEGMENTS,
    Stride,
    Walk,
    force_lags,
    frames_of_model,
    mean_forces,
    mean_stride,
    mountings_of_record,
    on_segments_of,
    read_walk,
    standing,
)
from benchmarks.peers.virtual_stride import tracking_model
from opensim_models.exchange.storage_table import StorageTable, read_table
from opensim_models.model.skeleton import Skeleton
from opensim_models.scaling.model_scaling import scale_by_stature
from synth.optimal_control.gait.cycle_samples import at_phase
from synth.optimal_control.inertial.orientation_posture import orientation_posture, segment_orientations
from synth.optimal_control.inertial.spatial_imu_tracking import track_spatial_imus
from synth.optimal_control.inertial.spatial_strap_down import relative_angles, segment_records, sensor_paths
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.real_imu.synchronisation import Lag, signal_lag

PERSON, TRIAL = "Sub02", "CSBaseline"
BEFORE, SCORED = (0.0, 20.0), (20.0, 65.0)
TOGETHER, PLACES = 5, 5
"""Strides that are averaged, and at how many places of the scored time."""
ANGLES = ("pelvis_tilt", "pelvis_list", "pelvis_rotation", "hip_flexion_r", "hip_adduction_r", "hip_rotation_r",
          "knee_angle_r", "ankle_angle_r", "hip_flexion_l", "hip_adduction_l", "hip_rotation_l", "knee_angle_l",
          "ankle_angle_l")  # fmt: skip
SAGITTAL = ("hip_flexion", "knee_angle", "ankle_angle")
LAGS = np.arange(-0.06, 0.1601, 0.005)
"""s: those tried for the vertical force."""
_N = 100


@dataclass(frozen=True)
class SubjectScore:
    """Errors of one way, averaged over the places.

    Attributes
    ----------
    each_raw, each_removed : ndarray, shape (13,)
        RMS of each of `ANGLES` (deg): as it is, and with its mean error removed; lag corrected.
    raw_by_strikes, raw_as_recorded : float
        Mean of all angles with the lag of foot strikes, and without any correction (deg).
    force, force_by_strikes, force_as_recorded : ndarray, shape (3,)
        RMS along x, y, z (%BW), with the same corrections.
    speed : float
        Mean error (m/s).
    seconds, accepted : float
        CPU seconds of a start; share of places with an accepted solution. 0 seconds: no optimal control.
    misfit : float
        In expected variances.
    """

    each_raw: np.ndarray
    each_removed: np.ndarray
    raw_by_strikes: float
    raw_as_recorded: float
    force: np.ndarray
    force_by_strikes: np.ndarray
    force_as_recorded: np.ndarray
    speed: float = np.nan
    seconds: float = 0.0
    accepted: float = np.nan
    misfit: float = np.nan

    @property
    def raw(self) -> float:
        """Mean over all angles (deg)."""
        return float(self.each_raw.mean())

    @property
    def removed(self) -> float:
        """Mean over all angles, their mean errors removed (deg)."""
        return float(self.each_removed.mean())

    def words(self, name: str) -> str:
        """One paragraph for people."""
        both = {j: [np.mean([e[ANGLES.index(f"{j}_{s}")] for s in "rl"]) for e in (self.each_raw, self.each_removed)]
                for j in (*SAGITTAL, "hip_adduction", "hip_rotation")}  # fmt: skip
        both |= {j: [e[ANGLES.index(j)] for e in (self.each_raw, self.each_removed)] for j in ANGLES[:3]}
        said = ", ".join(f"{j} {a:.1f}/{b:.1f}" for j, (a, b) in both.items())
        line = (
            f"  {name}: raw {self.raw:.2f} (lag by strikes {self.raw_by_strikes:.2f}, as recorded "
            f"{self.raw_as_recorded:.2f}), mean-removed {self.removed:.2f} deg"
        )
        if self.seconds:
            line += (
                f"; forces {self.force.round(1)} %BW (lag by strikes {self.force_by_strikes.round(1)}, as recorded "
                f"{self.force_as_recorded.round(1)}), speed "
                f"{self.speed:+.3f} m/s, misfit {self.misfit:.2f}, "
                f"accepted {self.accepted:.0%}, {self.seconds:.1f} CPU s"
            )
        return f"{line}\n      raw/mean-removed: {said}"


@dataclass(frozen=True)
class _Reference:
    """Optical angles and forces on their own clock; how late the sensors' is (s) by foot: used, by strikes, nothing."""

    angles: StorageTable
    forces: StorageTable
    lags: tuple[Mapping[str, float], ...]

    def angles_over(self, stride: Stride, lag: float) -> np.ndarray:
        """Angles (100, 13) in degrees, averaged over the strides."""
        columns = [self.angles.values[:, self.angles.labels.index(name)] for name in ANGLES]
        clock = self.angles.start_time + np.arange(len(self.angles.values)) / self.angles.rate
        total = np.zeros((_N, len(ANGLES)))
        for start, end in stride.cycles:
            time = start + (end - start) * np.arange(_N) / _N - lag
            total += np.stack([np.interp(time, clock, c) for c in columns], axis=1)
        return total / len(stride.cycles)


def data_set_model(folder: Path) -> tuple[Path, Skeleton]:
    """The model that was scaled to Sub02 by markers: its file, and its skeleton with the trunk welded to the pelvis."""
    path = folder / PERSON / "optical_reference" / "OpenSimMOCOModelWithContactGeometry_IMUCalibrated.osim"
    ranges = {f"knee_angle_{side}": (np.radians(-10.0), np.radians(100.0)) for side in "rl"}
    return path, prepare_model(path, muscles=False, ranges=ranges, show_progress=False).skeleton


def stature_model(folder: Path, walk: Walk) -> Skeleton:
    """The model of rajagopal_walk, of another person, scaled by mass and height alone."""
    path = folder.parent / "opensim_core" / "rajagopal_walk" / "subject_walk_scaled.osim"
    prepared = prepare_model(path, hold=["mtp_angle_r", "mtp_angle_l"], muscles=False, show_progress=False)
    return scale_by_stature(tracking_model(prepared.skeleton), walk.subject).skeleton


def score_sub02(folder: Path) -> tuple[dict[str, SubjectScore], list[Lag]]:
    """Score all ways on Sub02, and the lags that were found."""
    path, own = data_set_model(folder)
    framed = on_segments_of(own, frames_of_model(path))
    turned = mountings_of_record(folder, PERSON, TRIAL)
    recorded = on_segments_of(own, {s: replace(p, mounting=turned[s]) for s, p in frames_of_model(path).items()
                                    if s in SEGMENTS})  # fmt: skip
    walk, plain = (read_walk(folder, PERSON, p, TRIAL) for p in (framed, recorded))
    forces = read_table(next((folder / PERSON / TRIAL).glob("*_GRF.mot")))
    angles = read_table(folder / PERSON / "optical_reference" / "IKoutput_20to65secs.mot")
    strikes = force_lags(walk, forces, BEFORE)
    by_strikes = {s: lag.seconds - DEFINED_LATE for s, lag in strikes.items()}
    used = _lags_of_forces(walk, own, forces)
    reference = _Reference(angles, forces, (used, by_strikes, dict.fromkeys("rl", 0.0)))
    print("  lags used (ms), by the vertical force: " + ", ".join(f"{s} {1e3 * x:.0f}" for s, x in used.items()))
    audit = [*strikes.values(), *force_lags(walk, forces, SCORED).values(), *_optical_lags(walk, own, angles)]
    scores = {
        "data set's model": _tracked(walk, own, reference),
        "scaled by mass and height": _tracked(plain, stature_model(folder, walk), reference),
        "strap-down": _without_dynamics(walk, reference, _closed_angles),
        "strap-down, sensors calibrated by the record": _without_dynamics(plain, reference, _closed_angles),
        "OpenSense-like": _without_dynamics(walk, reference, _filtered(folder, walk, own, placed=False)),
        "OpenSense-like, frames of the model": _without_dynamics(
            walk, reference, _filtered(folder, walk, own, placed=True)
        ),
    }
    return scores, audit


def _lags_of_forces(walk: Walk, skeleton: Skeleton, forces: StorageTable) -> dict[str, float]:
    """Lag (s) by foot at which the plates' vertical force is most like optimal control's, before what is scored."""
    tracked = []
    for stride in places(walk, BEFORE, 2):
        found = track_spatial_imus(
            stride.recordings, skeleton, stride.duration, walk.subject.height, variances=stride.variances
        )
        tracked.append((stride, found.solution))
    lags = {}
    for i, side in enumerate("rl"):
        misfit = []
        for lag in LAGS:
            total = 0.0
            for stride, solution in tracked:
                phase = np.arange(len(solution.time)) / len(solution.time)
                there = at_phase(mean_forces(forces, stride, dict.fromkeys("rl", float(lag)))[:, i], phase)
                total += float(np.mean((solution.ground_reactions[i].force - there)[:, 1] ** 2))
            misfit.append(total)
        lags[side] = float(LAGS[int(np.argmin(misfit))])
    return lags


def places(walk: Walk, span: tuple[float, float] = SCORED, count: int = 0) -> list[Stride]:
    """Averages of strides, spread evenly over some seconds."""
    inside = [c for c in walk.cycles if c[0] > span[0] + 1.3 and c[1] < span[1] - 0.3]
    firsts = np.linspace(0, len(inside) - TOGETHER, count or PLACES).round().astype(int)
    return [mean_stride(walk, inside[k : k + TOGETHER]) for k in firsts]


def _tracked(walk: Walk, skeleton: Skeleton, reference: _Reference) -> SubjectScore:
    """Optimal control at every place."""
    rows = []
    for stride in places(walk):
        found = track_spatial_imus(
            stride.recordings, skeleton, stride.duration, walk.subject.height, variances=stride.variances
        )
        solution = found.solution
        phase = np.arange(len(solution.time)) / len(solution.time)
        made = np.degrees(np.stack([solution.of(c) for c in ANGLES], axis=1))
        force = np.stack([r.force for r in solution.ground_reactions], axis=1)
        errors = _angle_errors(made, phase, stride, reference)
        shares = []
        for lags in reference.lags:
            measured = mean_forces(reference.forces, stride, lags)
            there = np.stack([at_phase(measured[:, i], phase) for i in range(2)], axis=1)
            shares.append(100.0 * np.sqrt(np.mean((force - there) ** 2, axis=(0, 1))) / (walk.subject.mass * 9.80665))
        rows.append((*errors, *shares, solution.speed - walk.belt_speed, found.attempts[0].cpu_seconds,
                     float(solution.converged), found.misfit))  # fmt: skip
    return SubjectScore(*(np.mean([row[k] for row in rows], axis=0) for k in range(11)))


def _angle_errors(
    made: np.ndarray, phase: np.ndarray, stride: Stride, reference: _Reference
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """RMS of angles (n, 13) in degrees: raw and mean-removed with the lag undone, raw by strikes and as recorded."""
    errors = []
    for lags in reference.lags:
        lag = float(np.mean(list(lags.values())))
        errors.append(made - at_phase(reference.angles_over(stride, lag), phase))
    error, strikes, late = errors
    return _rms(error), _rms(error - error.mean(axis=0)), float(_rms(strikes).mean()), float(_rms(late).mean())


def _without_dynamics(walk: Walk, reference: _Reference, angles_of: Callable[[Stride], np.ndarray]) -> SubjectScore:
    """Angles alone, by another way."""
    phase = np.arange(_N) / _N
    rows = [_angle_errors(np.degrees(angles_of(s)), phase, s, reference) for s in places(walk)]
    raw, removed, strikes, late = (np.mean([row[k] for row in rows], axis=0) for k in range(4))
    nothing = np.full(3, np.nan)
    return SubjectScore(raw, removed, float(strikes), float(late), nothing, nothing, nothing)


def _closed_angles(stride: Stride) -> np.ndarray:
    """Strap-down integration closed over the cycle, angles (100, 13) between segments."""
    paths = sensor_paths(segment_records(stride.recordings), stride.duration)
    found = relative_angles({s: p.orientation for s, p in paths.items()}, "calcn")
    return np.stack([found[c] for c in ANGLES], axis=1)


def _filtered(folder: Path, walk: Walk, skeleton: Skeleton, *, placed: bool) -> Callable[[Stride], np.ndarray]:
    """Inverse kinematics of the Xsens filter's orientations, as OpenSense does it.

    The filter's vertical is found by the accelerometers, its heading so that the pelvis looks forward on average. How
    sensors sit on segments is shown by standing at the model's default, or given by the model's frames.
    """
    table = read_table(next((folder / PERSON / TRIAL).glob("*_Orientations.sto")))
    raw = {}
    for recording in walk.recordings:
        column = next(i for i, n in enumerate(table.labels) if n.startswith(recording.placement.sensor))
        raw[recording.placement.segment] = Rotation.from_quat(table.values[:, column], scalar_first=True)
    still = standing(walk.recordings)
    pelvis = next(r for r in walk.recordings if r.placement.segment == "pelvis")
    both = slice(0, min(len(pelvis.specific_force), len(raw["pelvis"])))
    felt = raw["pelvis"][both].apply(pelvis.specific_force[both]).mean(axis=0)
    upright, _ = Rotation.align_vectors([[0.0, 1.0, 0.0]], [felt / np.linalg.norm(felt)])
    turned = {s: upright * r for s, r in raw.items()}
    forward = (turned["pelvis"] * pelvis.placement.mounting.inv()).apply([1.0, 0.0, 0.0]).mean(axis=0)
    heading = Rotation.from_rotvec([0.0, np.arctan2(forward[2], forward[0]), 0.0])
    turned = {s: heading * r for s, r in turned.items()}
    default = np.array([[c.default for c in skeleton.coordinates]])
    neutral = segment_orientations(skeleton, default, list(turned))
    mounting = {r.placement.segment: r.placement.mounting for r in walk.recordings}
    if not placed:
        mounting = {s: neutral[s][0].inv() * r[still].mean() for s, r in turned.items()}
    segments = {s: r * mounting[s].inv() for s, r in turned.items()}
    clock = np.arange(len(table.values)) / table.rate

    def angles_of(stride: Stride) -> np.ndarray:
        total = np.zeros((_N, len(ANGLES)))
        for start, end in stride.cycles:
            time = start + (end - start) * np.arange(_N) / _N
            frames = np.clip(np.round(time * table.rate).astype(int), 0, len(clock) - 1)
            q = orientation_posture(
                skeleton, {s: r[frames] for s, r in segments.items()}, np.repeat(default, _N, axis=0)
            )
            total += q[:, [skeleton.coordinate_index(c) for c in ANGLES]]
        return total / len(stride.cycles)

    return angles_of


def _optical_lags(walk: Walk, skeleton: Skeleton, angles: StorageTable) -> list[Lag]:
    """Lag of each shank's gyroscope against its angular speed by optical angles."""
    q = np.zeros((len(angles.values), len(skeleton.coordinates)))
    for j, c in enumerate(skeleton.coordinates):
        if c.name in angles.labels and c.kind == "rotation":
            q[:, j] = np.radians(angles.values[:, angles.labels.index(c.name)])
    first = round(angles.start_time * angles.rate)
    found = []
    for segment, turn in segment_orientations(skeleton, q, ["tibia_r", "tibia_l"]).items():
        speed = np.zeros(len(q))
        speed[1:-1] = (turn[:-2].inv() * turn[2:]).magnitude() * angles.rate / 2.0
        shank = next(r for r in walk.recordings if r.placement.segment == segment)
        norm = np.linalg.norm(shank.angular_velocity[first : first + len(q)], axis=1)
        found.append(signal_lag(norm, speed, shank.rate, reference_rate=angles.rate, longest=0.4, sensor=segment,
                                reference_name="optical, not used"))  # fmt: skip
    return found


def _rms(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(values**2, axis=0))


def lag_words(lags: Sequence[Lag]) -> str:
    """The audit for people."""
    return "\n".join(
        f"  {lag.sensor:10}{lag.reference:22}{1e3 * lag.seconds:7.0f} ± {1e3 * lag.spread:4.1f}, agreement "
        f"{lag.agreement:.2f}, {'sure' if lag.sure else 'not sure'}" for lag in lags
    )  # fmt: skip

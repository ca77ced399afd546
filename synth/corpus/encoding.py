"""How one trial is laid out in HDF5: contiguous arrays with units, frames and names, and a mask beside each.

Arrays are contiguous and uncompressed so that training can map random windows from the page cache; the six channels
of all sensors of a trial are one array, so a window is one block of memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import h5py
import numpy as np

from mocap_import.trial import GroundReaction
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus.schema import (
    CHANNEL_UNITS,
    CHANNELS,
    GROUND_FRAME,
    IMU_DTYPE,
    SEGMENT_FRAME,
    SENSOR_FRAME,
    SOLUTION_UNITS,
    STATUSES,
    VALUE_DTYPE,
    CorpusMismatch,
    coordinate_unit,
    force_unit,
    require_name,
    spatiotemporal_unit,
)
from synth.corpus.stored_array import describe, fill, new_array, store_array, store_text
from synth.corpus.stored_segment import store_segments
from synth.corpus.stored_skeleton import hash_and_text
from synth.corpus.trial import CorpusTrial, MuscleActivity, SolutionFacts
from synth.imu.recording import ImuRecording, SensorPlacement


def trial_bytes(trial: CorpusTrial) -> int:
    """Bytes of the arrays of a trial on disk, masks and skeleton included."""
    n_values = len(SOLUTION_UNITS) * len(trial.solutions)
    if trial.kinematics is not None:
        n_values += np.size(trial.kinematics.values)
    if trial.kinetics is not None:
        n_values += np.size(trial.kinetics.generalized_forces) + np.size(trial.kinetics.activations)
        n_values += 7 * trial.n_frames * len(trial.kinetics.ground_reactions)
    if trial.activity is not None:
        n_values += np.size(trial.activity.envelopes)
    n_values += 7 * trial.n_frames * len(trial.segments)
    text = 0 if trial.skeleton is None else len(hash_and_text(trial.skeleton)[1])
    records = trial.n_frames * len(trial.recordings) * (6 * IMU_DTYPE.itemsize + 2)
    return records + n_values * (VALUE_DTYPE.itemsize + 1) + text


Blocks = Iterable[Sequence[ImuRecording]]
"""Records of all sensors, stretch after stretch."""


def store_trial(
    subjects: h5py.Group,
    trial: CorpusTrial,
    where: str,
    *,
    stream: tuple[Sequence[SensorPlacement], int, Blocks] | None = None,
) -> None:
    """Store a trial under ``/subjects/<code>/trials/<name>``, after checking that it fits.

    Parameters
    ----------
    subjects : h5py.Group
    trial : CorpusTrial
    where : str
        For messages.
    stream : tuple, optional
        Placements, number of frames and blocks of records that are still to be made, for a trial without arrays.

    Raises
    ------
    CorpusMismatch
        Before anything is written, if the trial cannot be stored.
    """
    require_trial(trial, where)
    skeleton = "" if trial.skeleton is None else _store_skeleton(subjects.parent, trial)
    placements = [recording.placement for recording in trial.recordings]
    placements, n_frames, blocks = stream or (placements, trial.n_frames, [trial.recordings])
    subject = trial.subject
    if subject.code not in subjects:
        person = subjects.create_group(subject.code)
        person.attrs.update(mass=float(subject.mass), mass_unit="kg", height=float(subject.height), height_unit="m")
        person.attrs.update(age=float(subject.age), age_unit="yr", sex=subject.sex)
        person.create_group("trials")
    group = subjects[subject.code]["trials"].create_group(trial.name)
    group.attrs.update(rate=float(trial.rate), rate_unit="Hz", n_frames=n_frames, task=trial.task)
    group.attrs.update(belt_speed=float(trial.belt_speed), belt_speed_unit="m/s", status=trial.status)
    group.attrs.update(source=trial.source, source_hash=trial.source_hash)
    group.attrs.update(seconds=float(trial.seconds), seconds_unit="s")
    group.attrs.update(start_time=float(trial.start_time), start_time_unit="s", session=trial.session)
    group.attrs["skeleton"] = skeleton
    _store_text(group, "reason", trial.reason)
    if placements:
        _store_imu(group.create_group("imu"), placements, n_frames, blocks)
        if trial.errors is not None:
            group["imu"].attrs["errors"] = trial.errors.to_json()
    if trial.kinematics is not None:
        _store_kinematics(group.create_group("kinematics"), trial.kinematics)
    if trial.kinetics is not None:
        _store_kinetics(group.create_group("kinetics"), trial.kinetics)
    if trial.activity is not None:
        _store_activity(group.create_group("emg"), trial.activity)
    if trial.segments:
        store_segments(group.create_group("segments"), trial.segments)
    if trial.solutions:
        _store_solutions(group, trial.solutions)
    _store_events(group.create_group("events"), trial)
    treatments = group.create_group("treatments")
    _store_text(treatments, "what", [treatment.what for treatment in trial.treatments])
    _store_text(treatments, "detail", [treatment.detail for treatment in trial.treatments])
    keys = sorted(trial.spatiotemporal)
    values = np.array([trial.spatiotemporal[key] for key in keys], dtype=VALUE_DTYPE)
    _store_array(group, "spatiotemporal", values, names=keys, units=[spatiotemporal_unit(key) for key in keys])


def require_trial(trial: CorpusTrial, where: str) -> None:
    """Raise unless names, words, rates, lengths and shapes of a trial are what the schema promises."""
    require_name(trial.subject.code, f"{where}: subject")
    require_name(trial.name, f"{where}: trial")
    if trial.status not in STATUSES:
        raise CorpusMismatch(f"{where}: status {trial.status!r} is unknown; expected one of {', '.join(STATUSES)}.")
    if not (np.isfinite(trial.rate) and trial.rate > 0):
        raise CorpusMismatch(f"{where}: expected a rate above 0 Hz, got {trial.rate!r}.")
    if not np.isfinite(trial.start_time):
        raise CorpusMismatch(f"{where}: expected a start time in seconds, got {trial.start_time!r}.")
    if trial.skeleton is not None:
        hash_and_text(trial.skeleton, where)
    sensors = [recording.placement.sensor for recording in trial.recordings]
    for sensor in sensors:
        require_name(sensor, f"{where}: sensor")
    if len(set(sensors)) != len(sensors):
        raise CorpusMismatch(f"{where}: a sensor occurs twice in {sensors}. Each sensor needs its own name.")
    for what, array, rate, shape in _arrays(trial):
        if np.shape(array) != shape:
            raise CorpusMismatch(
                f"{where}: {what} has shape {np.shape(array)}, expected {shape}: one time base a trial."
            )
        if rate != trial.rate:
            raise CorpusMismatch(f"{where}: {what} is sampled at {rate} Hz, the trial at {trial.rate} Hz. Resample it.")
        if np.isinf(array).any():
            raise CorpusMismatch(f"{where}: {what} holds an infinite value; missing samples are NaN.")


def _arrays(trial: CorpusTrial) -> list[tuple[str, np.ndarray, float, tuple[int, ...]]]:
    """List (what, array, rate, expected shape) of every array of a trial."""
    n = trial.n_frames
    found = []
    for recording in trial.recordings:
        name = recording.placement.sensor
        found.append((f"{name} specific_force", recording.specific_force, recording.rate, (n, 3)))
        found.append((f"{name} angular_velocity", recording.angular_velocity, recording.rate, (n, 3)))
    if trial.kinematics is not None:
        moved = trial.kinematics
        found.append(("kinematics", moved.values, moved.rate, (n, len(moved.coordinates))))
    if trial.activity is not None:
        found.append(("emg", trial.activity.envelopes, trial.activity.rate, (n, len(trial.activity.channels))))
    found += [(f"origin of {s.segment}", s.origin, s.rate, (n, 3)) for s in trial.segments]
    if trial.kinetics is not None:
        forces = trial.kinetics
        found.append(("generalized_forces", forces.generalized_forces, forces.rate, (n, len(forces.coordinates))))
        if np.size(forces.activations) or forces.muscles:
            found.append(("activations", forces.activations, forces.rate, (n, len(forces.muscles))))
        for reaction in forces.ground_reactions:
            found.append((f"{reaction.foot} force", reaction.force, reaction.rate, (n, 3)))
            found.append((f"{reaction.foot} centre_of_pressure", reaction.centre_of_pressure, reaction.rate, (n, 3)))
            found.append((f"{reaction.foot} free_moment", reaction.free_moment, reaction.rate, (n,)))
    return found


def _store_skeleton(root: h5py.Group, trial: CorpusTrial) -> str:
    """Store the skeleton of a trial, once a file, and return its name there."""
    name, text = hash_and_text(trial.skeleton)
    skeletons = root.require_group("skeletons")
    if name not in skeletons:
        _store_text(skeletons, name, text)
    return name


def _store_solutions(group: h5py.Group, solutions: Sequence[SolutionFacts]) -> None:
    values = np.array([[float(getattr(fact, key)) for key in SOLUTION_UNITS] for fact in solutions], dtype=VALUE_DTYPE)
    _store_array(group, "solutions", values, names=list(SOLUTION_UNITS), units=list(SOLUTION_UNITS.values()))


def _store_array(group: h5py.Group, name: str, values: np.ndarray, **attributes: object) -> None:
    store_array(group, name, values, attributes)


def _store_masked(group: h5py.Group, name: str, values: np.ndarray, **attributes: object) -> None:
    """Store values with NaN for what is missing, and a mask that is True where a value is present."""
    values = np.ascontiguousarray(values, dtype=VALUE_DTYPE)
    _store_array(group, name, values, **attributes)
    store_array(group, f"{name}_mask", np.isfinite(values))


def _store_text(group: h5py.Group, name: str, text: str | Sequence[str]) -> None:
    store_text(group, name, text)


def _store_imu(imu: h5py.Group, placements: Sequence[SensorPlacement], n_frames: int, blocks: Blocks) -> None:
    """Store records block by block, so that memory does not grow with a trial that is still being made."""
    shape = (n_frames, len(placements), 6)
    attributes = {"channels": list(CHANNELS), "units": list(CHANNEL_UNITS), "frame": SENSOR_FRAME}
    stored = _empty_array(imu, "records", shape, IMU_DTYPE, attributes)
    mask = _empty_array(
        imu, "records_mask", (*shape[:2], 2), bool, {"channels": ["specific_force", "angular_velocity"]}
    )
    start = 0
    for recordings in blocks:
        stop = start + len(recordings[0].specific_force)
        records = np.empty((stop - start, *shape[1:]), dtype=IMU_DTYPE)
        for column, recording in enumerate(recordings):
            for axis in range(3):  # along the frames: NumPy pays for every inner loop, however short
                records[:, column, axis] = recording.specific_force[:, axis]
                records[:, column, 3 + axis] = recording.angular_velocity[:, axis]
        finite = np.isfinite(records).reshape(*records.shape[:2], 2, 3)
        present = finite[..., 0] & finite[..., 1] & finite[..., 2]  # `all` over three costs seven times as much
        fill(stored, start, records)
        fill(mask, start, present)
        start = stop
    _store_text(imu, "sensors", [placement.sensor for placement in placements])
    _store_text(imu, "segments", [placement.segment for placement in placements])
    offsets = np.array([placement.offset for placement in placements], dtype=VALUE_DTYPE).reshape(-1, 3)
    _store_array(imu, "offsets", offsets, units="m", frame=SEGMENT_FRAME)
    mountings = np.array([placement.mounting.as_quat(canonical=True) for placement in placements], dtype=VALUE_DTYPE)
    mountings = mountings.reshape(-1, 4)[:, [3, 0, 1, 2]]
    _store_array(imu, "mountings", mountings, units="1", components="w x y z", direction="sensor to segment")


def _empty_array(
    group: h5py.Group, name: str, shape: tuple[int, ...], kind: np.dtype | type, attributes: dict[str, object]
) -> h5py.h5d.DatasetID:
    """An array that is filled later; its bytes are those of one that is stored whole."""
    dataset = new_array(group, name, shape, kind)
    describe(dataset, attributes)
    return dataset


def _store_activity(group: h5py.Group, activity: MuscleActivity) -> None:
    _store_masked(group, "envelopes", activity.envelopes, units="1")
    for name in ("channels", "muscles", "sides"):
        _store_text(group, name, getattr(activity, name))
    group.attrs["recipe"] = activity.recipe


def _store_kinematics(group: h5py.Group, kinematics: Kinematics) -> None:
    units = [coordinate_unit(name) for name in kinematics.coordinates]
    _store_masked(group, "values", kinematics.values, units=units)
    _store_text(group, "coordinates", kinematics.coordinates)


def _store_kinetics(group: h5py.Group, kinetics: Kinetics) -> None:
    units = [force_unit(name) for name in kinetics.coordinates]
    _store_masked(group, "generalized_forces", kinetics.generalized_forces, units=units)
    _store_text(group, "coordinates", kinetics.coordinates)
    if kinetics.muscles:
        _store_masked(group, "activations", kinetics.activations, units="1")
        _store_text(group, "muscles", kinetics.muscles)
    reactions = group.create_group("ground_reactions")
    for index, reaction in enumerate(kinetics.ground_reactions):
        _store_reaction(reactions.create_group(f"{index:02d}"), reaction)


def _store_reaction(group: h5py.Group, reaction: GroundReaction) -> None:
    group.attrs.update(foot=reaction.foot, name=reaction.name)
    _store_masked(group, "force", reaction.force, units="N", frame=GROUND_FRAME)
    _store_masked(group, "centre_of_pressure", reaction.centre_of_pressure, units="m", frame=GROUND_FRAME)
    _store_masked(group, "free_moment", reaction.free_moment, units="N.m", frame=GROUND_FRAME)


def _store_events(group: h5py.Group, trial: CorpusTrial) -> None:
    times = np.array([event.time for event in trial.events], dtype=VALUE_DTYPE)
    _store_array(group, "time", times, units="s")
    for word in ("foot", "kind", "source"):
        _store_text(group, word, [getattr(event, word) for event in trial.events])

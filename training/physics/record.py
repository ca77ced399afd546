"""Sagittal records: what a label-free network sees of a trial, and the persons whose bodies explain it.

Labels of the corpus are never read here: a trial gives its inertial records, mass and stature.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mocap_import.subject import Subject
from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.sagittal_axis import main_axis_to_z
from training.input_check import (
    NO_FRAME,
    WearingSignature,
    check_channels,
    exchange_doubts,
    fit_signature,
    refuse_or_name,
    wearing_of,
)
from training.physics.body import PlanarBody, planar_body, stacked_bodies
from training.physics.pace import walking_pace
from training.physics.person import LEG, person_skeleton
from training.physics.tilt import causal_tilt
from training.record_gap import bridge_gaps
from training.window import sensor_channels

CHANNELS = ("specific_force_x", "specific_force_y", "angular_velocity_z")


@dataclass(frozen=True)
class SagittalRecord:
    """One trial in the sagittal plane.

    Attributes
    ----------
    subject : Subject
    name : str
    rate : float
        Hz.
    channels : ndarray, shape (n_frames, n_sensors, 3), float32
        Specific force x, y (m/s²) and angular velocity about Z (rad/s) along nominal segment axes; short gaps bridged.
    tilts : ndarray, shape (n_frames, n_sensors), float32
        From `training.physics.tilt.causal_tilt` (rad).
    pace : ndarray, shape (n_frames,), float32
        From `training.physics.pace.walking_pace` (m/s).
    places : ndarray, shape (n_sensors, 2)
        Nominal places (m), segment frames.
    is_missing : ndarray of bool, shape (n_frames,)
    doubts : tuple of str
        Sensors without a value, and long stretches of it.
    """

    subject: Subject
    name: str
    rate: float
    channels: np.ndarray
    tilts: np.ndarray
    pace: np.ndarray
    places: np.ndarray
    is_missing: np.ndarray
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class PhysicsData:
    """Records of some persons.

    Attributes
    ----------
    records : tuple of SagittalRecord
    people : tuple of Subject
        In the order of the batch `bodies`.
    bodies : PlanarBody
    sensors, segments : tuple of str
        Of the channels, and where each sits.
    rate : float
        Hz.
    left_out : tuple of (subject, trial, reason)
    signature : WearingSignature, optional
        How the sensors are worn over the records, by which exchanged sides are named later.
    doubts : tuple of str
        Sentences about records that are used: no value for a while, right and left sensors that seem exchanged.
    """

    records: tuple[SagittalRecord, ...]
    people: tuple[Subject, ...]
    bodies: PlanarBody
    sensors: tuple[str, ...]
    segments: tuple[str, ...]
    rate: float
    left_out: tuple[tuple[str, str, str], ...]
    signature: WearingSignature | None = None
    doubts: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Length of all recordings (s)."""
        return sum(len(r.channels) for r in self.records) / self.rate


def body_of(subject: Subject, dtype: torch.dtype = torch.float32) -> PlanarBody:
    """The generic planar body of a person's mass and stature; errors as of `person_skeleton`."""
    return planar_body(person_skeleton(subject), subject.height, dtype)


def sagittal_record(
    trial: CorpusTrial, sensors: Sequence[str] | None = None, *, turn_to_plane: bool = True
) -> tuple[SagittalRecord, tuple[str, ...]]:
    """Bring a trial's records into the sagittal plane.

    Parameters
    ----------
    trial : CorpusTrial
        With inertial records.
    sensors : sequence of str, optional
        Their order; default: the trial's own.
    turn_to_plane : bool
        Turn each leg sensor by its main axis of rotation over the trial, which removes what leaves the plane.

    Returns
    -------
    record : SagittalRecord
    segments : tuple of str

    Raises
    ------
    CorpusMismatch
        A sensor is missing, or a record is in other units.
    """
    worn = _wanted_recordings(trial, sensors)
    names, segments = (tuple(getattr(r.placement, key) for r in worn) for key in ("sensor", "segment"))
    raw = sensor_channels(trial, names)
    doubts = refuse_or_name(check_channels(raw, names, trial.rate), _where(trial))
    whole, is_missing = bridge_gaps(raw, trial.rate)
    whole = np.where(np.isfinite(whole), whole, 0.0)
    flat = [_in_plane(r.placement, whole[:, 6 * i : 6 * i + 6], ~is_missing, turn_to_plane) for i, r in enumerate(worn)]
    channels, tilts = np.stack(flat, 1), np.stack([causal_tilt(one, trial.rate) for one in flat], 1)
    record = SagittalRecord(
        trial.subject,
        trial.name,
        trial.rate,
        channels.astype(np.float32),
        tilts.astype(np.float32),
        _pace_of(trial, segments, tilts, channels[..., 2]),
        np.array([r.placement.offset[:2] for r in worn], dtype=np.float32),
        is_missing,
        doubts,
    )
    return record, segments


def _where(trial: CorpusTrial) -> str:
    return f"trial {trial.name!r} of subject {trial.subject.code!r}"


def _wanted_recordings(trial: CorpusTrial, sensors: Sequence[str] | None) -> list[ImuRecording]:
    """Records of some sensors in their order, or all; refused if one is missing."""
    by_name = {recording.placement.sensor: recording for recording in trial.recordings}
    wanted = tuple(by_name) if sensors is None else tuple(sensors)
    lacking = [sensor for sensor in wanted if sensor not in by_name]
    if lacking or not wanted:
        raise CorpusMismatch(
            f"{_where(trial)}: expected records of the sensors {', '.join(wanted) or 'of a body'}; "
            f"{', '.join(lacking) or 'all'} missing, found {', '.join(by_name) or 'none'}."
        )
    return [by_name[sensor] for sensor in wanted]


def _in_plane(placement: SensorPlacement, read: np.ndarray, is_there: np.ndarray, turn_to_plane: bool) -> np.ndarray:
    """Specific force x, y and angular velocity about Z (n_frames, 3) of what a sensor reads (n_frames, 6)."""
    force, turn = placement.mounting.apply(read[:, :3]), placement.mounting.apply(read[:, 3:])
    if turn_to_plane and placement.segment.startswith(LEG):
        aligned = main_axis_to_z(turn[is_there])
        force, turn = aligned.apply(force), aligned.apply(turn)
    return np.column_stack([force[:, :2], turn[:, 2]])


def _pace_of(trial: CorpusTrial, segments: Sequence[str], tilts: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Walking pace (n_frames,) by the sensors on segments that the planar body has."""
    body = body_of(trial.subject)
    known = [i for i, segment in enumerate(segments) if segment in body.segments]
    sensed = [body.segments.index(segments[i]) for i in known]
    return walking_pace(body, sensed, tilts[:, known], rates[:, known], trial.rate).astype(np.float32)


def read_physics_data(
    corpus: Corpus, subjects: Iterable[str] | None = None, *, turn_to_plane: bool = True
) -> PhysicsData:
    """Read the inertial records of some subjects, with the errors of the corpus's recipe, and no label.

    Raises
    ------
    CorpusMismatch
        There is no record, or rates, sensors or their segments differ, or a sensor sits where the body has no segment.
    """
    wanted = None if subjects is None else set(subjects)
    records, left_out, sensors, segments, people, wearings = [], [], (), (), {}, []
    for subject, name in corpus.trials():
        if wanted is not None and subject not in wanted:
            continue
        trial = corpus.read(subject, name)
        if not trial.recordings or trial.task == "static":
            left_out.append((subject, name, trial.reason or ("static" if trial.recordings else "no inertial records")))
            continue
        record, where = sagittal_record(trial, sensors or None, turn_to_plane=turn_to_plane)
        if record.is_missing.all():
            left_out.append((subject, name, "; ".join(record.doubts) or NO_FRAME))
            continue
        sensors = sensors or tuple(r.placement.sensor for r in trial.recordings)
        if (segments and where != segments) or (records and record.rate != records[0].rate):
            raise CorpusMismatch(
                f"{corpus.path}, {subject}/{name}: expected sensors on {', '.join(segments)} at "
                f"{records[0].rate:g} Hz as in the trials before, found {', '.join(where)} at {record.rate:g} Hz."
            )
        segments = where
        records.append(record)
        wearings.append((subject, name, wearing_of(sensor_channels(trial, sensors))))
        people.setdefault(subject, trial.subject)
    if not records:
        why = "".join(f"; {code}/{name}: {reason}" for code, name, reason in left_out)[:400]
        raise CorpusMismatch(f"{corpus.path}: expected trials with inertial records, found none{why}.")
    bodies = stacked_bodies([body_of(person) for person in people.values()])
    unknown = sorted(set(segments) - set(bodies.segments))
    if unknown:
        raise CorpusMismatch(
            f"{corpus.path}: sensors sit on {', '.join(unknown)}, which the planar body does not have; it has "
            f"{', '.join(bodies.segments)}. Leave these sensors out."
        )
    rate = records[0].rate
    signature = fit_signature([wearing for _, _, wearing in wearings], sensors)
    silent = [f"{r.subject.code}/{r.name}: {doubt}" for r in records for doubt in r.doubts]
    doubts = (*silent, *exchange_doubts(wearings, sensors))
    return PhysicsData(
        tuple(records), tuple(people.values()), bodies, sensors, segments, rate, tuple(left_out), signature, doubts
    )

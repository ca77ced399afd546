"""A trial of real sensors: one session with its references, as a trial of a corpus in the house's frames and units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, Treatment
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus.provenance import file_hash
from synth.corpus.trial import CorpusTrial
from synth.imu.placement import SEVEN_SENSORS, scaled_placements
from synth.imu.recording import ImuRecording
from synth.real_imu.accelerometer_bias import biased_axis, without_bias
from synth.real_imu.convention import RecordingRefused
from synth.real_imu.cycle_table import MEAN_CYCLE, RepeatedCycle
from synth.real_imu.foot_force import contact_times, on_sensor_clock, read_foot_forces
from synth.real_imu.foot_lag import FootLag, foot_lags
from synth.real_imu.functional_mounting import functional_mountings, of_both_feet, standing_window, walk_events
from synth.real_imu.sensor_file import read_sensors
from synth.real_imu.session_sheet import SessionSheet
from synth.sensor_motion import SensorMotion, motion_on_sensor_clock

WALK_TOLERANCE = 0.25
"""Share by which a stride may differ from the median and still be walking; labels end where somebody stops."""


@dataclass(frozen=True)
class ReadSession:
    """A session as it was read: sensors in their own axes, forces on their own clock.

    Attributes
    ----------
    subject : Subject
    name : str
    path : Path
    recordings : tuple of ImuRecording
    still : slice or None
        Standing; None where mountings are given.
    biases : dict of str to (int, float)
        By sensor: axis and bias (m/s²) of an accelerometer, where one was found.
    reactions : dict of str to GroundReaction
    lags : dict of str to FootLag
    belt_speed : float
    treatments : tuple of Treatment
    """

    subject: Subject
    name: str
    path: Path
    recordings: tuple[ImuRecording, ...]
    still: slice | None
    biases: dict[str, tuple[int, float]]
    reactions: dict[str, GroundReaction]
    lags: dict[str, FootLag]
    belt_speed: float
    treatments: tuple[Treatment, ...]


def read_session(path: Path, subject: Subject, belt_speed: float, sheet: SessionSheet) -> ReadSession:
    """Read one recording, its forces and what its sensors tell of themselves.

    Raises
    ------
    RecordingRefused
        See `read_sensors`, `read_foot_forces`, `standing_window`.
    """
    session = read_sensors(path, table=sheet.table)
    recordings = tuple(r for r in session.recordings if r.placement.segment)
    reactions, still, biases = {}, None, {}
    if sheet.forces:
        beside = sorted(path.parent.glob(sheet.forces))
        if len(beside) != 1:
            raise RecordingRefused(
                f"{path}: expected one file of forces {sheet.forces!r} beside it, found {len(beside)}."
            )
        reactions = read_foot_forces(beside[0], sheet.force_columns)
    events = walk_events(recordings)
    if sheet.still:
        still = standing_window(recordings, of_both_feet(events))
        for r in recordings:
            found = biased_axis(r, still, events["r"].strikes)
            if found is not None:
                biases[r.placement.sensor] = found
    lags = foot_lags(recordings, reactions) if reactions else {}
    return ReadSession(
        subject, path.parent.name, path, recordings, still, biases, reactions, lags, belt_speed, session.treatments
    )


def session_trial(
    read: ReadSession, sheet: SessionSheet, folder: Path, biases: Mapping[str, tuple[int, float]]
) -> CorpusTrial:
    """Lay a session out as a trial: sensors along their segments' axes, references on the sensors' clock.

    Parameters
    ----------
    read : ReadSession
    sheet : SessionSheet
    folder : Path
        In which the sheet's files lie.
    biases : mapping of str to (int, float)
        Biases of the accelerometers that hold for this session.

    Returns
    -------
    CorpusTrial
        Status ``"measured"``. Forces, and moments if there are angles, are NaN where a foot is left out by the audit
        and beyond the walk; nothing of the sensors is.
    """
    notes = list(read.treatments)
    recordings = _without_biases(read, biases, notes)
    if read.still is not None:
        mountings = functional_mountings(recordings, read.still, sheet.forward)
        notes.append(
            Treatment(
                "mounting_by_function",
                f"sensors turned to their segments by standing ({read.still.start / recordings[0].rate:.2f} s) and the "
                "axes of walking, without any reference; standing is taken as the neutral pose",
            )
        )
    else:
        mountings = {r.placement.sensor: r.placement.mounting for r in recordings}
    recordings = along_segments(recordings, mountings, read.subject.height)
    rate, n_frames = recordings[0].rate, len(recordings[0].specific_force)
    whole = {
        foot: on_sensor_clock(reaction, read.lags[foot].seconds, rate, n_frames)
        for foot, reaction in read.reactions.items()
    }
    notes += [_lag_note(lag) for lag in read.lags.values()]
    motion = _motion(read, sheet, folder)
    if motion is not None:
        notes.append(Treatment("angles_of_another_system", motion.note))
    return _laid_out(read, sheet, recordings, whole, motion, tuple(notes))


def _without_biases(
    read: ReadSession, biases: Mapping[str, tuple[int, float]], notes: list[Treatment]
) -> tuple[ImuRecording, ...]:
    made = []
    for r in read.recordings:
        found = biases.get(r.placement.sensor)
        if found is not None:
            notes.append(
                Treatment(
                    "accelerometer_bias_removed",
                    f"{r.placement.sensor}: {found[1]:+.2f} m/s2 along {'xyz'[found[0]]} taken off: standing and whole "
                    "strides read one g without it",
                )
            )
            r = replace(r, specific_force=without_bias(r, *found))
        made.append(r)
    return tuple(made)


def along_segments(
    recordings: Sequence[ImuRecording], mountings: Mapping[str, Rotation], height: float
) -> tuple[ImuRecording, ...]:
    """Records along the axes of their segments, as virtual sensors are, at nominal places [assumption] of a stature."""
    nominal = {p.segment: p.offset for p in scaled_placements(height, placements=SEVEN_SENSORS)}
    made = []
    for r in recordings:
        turn = mountings[r.placement.sensor]
        offset = r.placement.offset if np.any(r.placement.offset) else nominal.get(r.placement.segment, np.zeros(3))
        placement = replace(r.placement, offset=offset, mounting=Rotation.identity())
        known = np.isfinite(r.specific_force).all(axis=1) & np.isfinite(r.angular_velocity).all(axis=1)
        force, rates = np.full((2, *r.specific_force.shape), np.nan)
        force[known], rates[known] = turn.apply(r.specific_force[known]), turn.apply(r.angular_velocity[known])
        made.append(ImuRecording(placement, force, rates, r.rate))
    return tuple(made)


def _lag_note(lag: FootLag) -> Treatment:
    if lag.reason:
        return Treatment("foot_left_out", f"{lag.foot} foot: {lag.reason}; its force is unknown here")
    return Treatment(
        "lag_undone",
        f"{lag.foot} plate put on the sensors' clock: {1e3 * lag.seconds:+.0f} ms, by foot strikes of gyroscope and "
        f"plate ({lag.strike.count} met, spread {1e3 * lag.strike.spread:.0f} ms)",
    )


def _motion(read: ReadSession, sheet: SessionSheet, folder: Path) -> SensorMotion | None:
    told = sheet.motion.get(f"{read.subject.code}/{read.name}")
    if told is None:
        return None
    files = folder / told["angles"], folder / told["model"]
    in_step = {}
    if read.lags and not any(lag.reason for lag in read.lags.values()):
        middle = float(np.mean([lag.seconds for lag in read.lags.values()]))
        in_step = {  # plates that are out of step with each other are put right, no more
            foot: on_sensor_clock(r, read.lags[foot].seconds - middle, r.rate, len(r.force))
            for foot, r in read.reactions.items()
        }
    return motion_on_sensor_clock(*files, read.recordings, in_step, read.subject)


def _laid_out(
    read: ReadSession,
    sheet: SessionSheet,
    recordings: tuple[ImuRecording, ...],
    whole: Mapping[str, GroundReaction],
    motion: SensorMotion | None,
    notes: tuple[Treatment, ...],
) -> CorpusTrial:
    rate, n_frames = recordings[0].rate, len(recordings[0].specific_force)
    events: list[GaitEvent] = []
    for foot, reaction in whole.items():
        strikes, offs = contact_times(reaction.force[:, 1], rate)
        events += [GaitEvent(float(t), foot, "foot_strike", "force") for t in strikes]
        events += [GaitEvent(float(t), foot, "foot_off", "force") for t in offs]
    if not events:
        for foot, found in zip(("right", "left"), walk_events(recordings).values(), strict=True):
            events += [GaitEvent(float(t), foot, "foot_strike", "imu") for t in found.strikes]
            events += [GaitEvent(float(t), foot, "foot_off", "imu") for t in found.offs]
    walking = walking_frames([e.time for e in events if e.kind == "foot_strike" and e.foot == "right"], rate, n_frames)
    kept = []
    for foot, reaction in whole.items():
        hidden = np.ones(n_frames, dtype=bool) if read.lags[foot].reason else ~walking
        force, place, free = (np.array(x) for x in (reaction.force, reaction.centre_of_pressure, reaction.free_moment))
        force[hidden], place[hidden], free[hidden] = np.nan, np.nan, np.nan
        kept.append(replace(reaction, force=force, centre_of_pressure=place, free_moment=free))
    moments = motion.moments if motion is not None else np.empty((n_frames, 0))
    kinetics = None
    if kept:
        names = motion.kinematics.coordinates if motion is not None else ()
        empty = np.empty((n_frames, 0))
        kinetics = Kinetics(names, moments, rate, ground_reactions=tuple(kept), activations=empty)
    return CorpusTrial(
        read.name,
        read.subject,
        rate,
        recordings=recordings,
        kinematics=motion.kinematics if motion is not None else None,
        kinetics=kinetics,
        events=tuple(sorted(events, key=lambda e: e.time)),
        task=sheet.task_of(read.name),
        belt_speed=read.belt_speed,
        spatiotemporal={"speed": read.belt_speed} if np.isfinite(read.belt_speed) else {},
        source=read.path.name,
        source_hash=file_hash(read.path),
        treatments=notes,
        skeleton=motion.skeleton if motion is not None else None,
    )


def walking_frames(strikes: Sequence[float], rate: float, n_frames: int) -> np.ndarray:
    """Frames (n_frames,) of strides that last about as long as the median one."""
    inside = np.zeros(n_frames, dtype=bool)
    if len(strikes) < 2:
        return inside
    lengths = np.diff(strikes)
    steady = np.abs(lengths / np.median(lengths) - 1.0) < WALK_TOLERANCE
    for start, length in zip(np.asarray(strikes)[:-1][steady], lengths[steady], strict=True):
        inside[round(start * rate) : round((start + length) * rate)] = True
    return inside


def cycle_trial(cycle: RepeatedCycle, subject: Subject, path: Path) -> CorpusTrial:
    """A repeated mean cycle as a trial; mass and height are those assumed of the subject."""
    rate, n_frames = cycle.recordings[0].rate, len(cycle.recordings[0].specific_force)
    missing, nowhere = np.full(n_frames, np.nan), np.full((n_frames, 3), np.nan)
    reactions = tuple(
        GroundReaction(
            np.column_stack([f * subject.body_weight, missing]), nowhere, missing, rate, foot=foot, name="cycle"
        )
        for foot, f in cycle.forces.items()
    )
    names = tuple(cycle.moments)
    forces = np.column_stack([cycle.moments[n] for n in names]) if names else np.empty((n_frames, 0))
    starts = np.arange(0.0, n_frames / rate, cycle.duration)
    note = (
        f"one mean cycle of {cycle.duration:.3f} s, repeated to {n_frames / rate:.1f} s; mass {subject.mass:g} kg and "
        f"height {subject.height:g} m are assumed"
    )
    return CorpusTrial(
        cycle.trial,
        subject,
        rate,
        recordings=cycle.recordings,
        kinematics=Kinematics(tuple(cycle.angles), np.column_stack(list(cycle.angles.values())), rate)
        if cycle.angles
        else None,
        kinetics=Kinetics(names, forces, rate, ground_reactions=reactions, activations=np.empty((n_frames, 0))),
        events=tuple(GaitEvent(float(t), "right", "foot_strike", "file") for t in starts),
        task="walk",
        spatiotemporal={"speed": cycle.speed, "stride_time_r": cycle.duration},
        source=path.name,
        source_hash=file_hash(path),
        treatments=(Treatment(MEAN_CYCLE, note),),
    )

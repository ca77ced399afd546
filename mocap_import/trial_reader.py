"""Trial reader: one C3D file to one `MarkerTrial` in SI units and the ground frame."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mocap_import.analog_channel import other_channels
from mocap_import.c3d.raw_c3d import RawC3d
from mocap_import.c3d.reader import read_c3d
from mocap_import.emg import trial_envelopes
from mocap_import.event.file_event import events_from_file, events_left_out
from mocap_import.frame.lab_frame import LabFrame, find_lab_frame
from mocap_import.gap.filling import fill_gaps
from mocap_import.marker.label import strip_label_prefix
from mocap_import.marker.label_check import check_labels, verify_marker_set
from mocap_import.marker.marker_set import MarkerSet
from mocap_import.marker.meaning import meaning_of_labels, stored_name, whole_set
from mocap_import.marker.seen_marker import seen_markers
from mocap_import.plate.record import plate_records
from mocap_import.quality.doubt import check_quality
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, Treatment
from mocap_import.trial_motion import with_motion


def read_trial(
    path: str | Path,
    marker_set: str | Path | MarkerSet | None = None,
    subject: Subject | None = None,
    belt_speed: float | None = None,
    *,
    task: str | None = None,
    name: str | None = None,
    source: str | None = None,
    standing_mass: float = math.nan,
    session: str = "",
    unit: str | None = None,
    axes: str | None = None,
    reader: str = "direct",
    emg: bool = False,
) -> MarkerTrial:
    """Read a C3D file.

    Parameters
    ----------
    path : str or Path
    marker_set : str, Path or MarkerSet, optional
        Name of a shipped set or your own ``.toml``; recognised from the labels if not given.
    subject : Subject, optional
        Known facts; mass and height of the file stand in for those that are NaN.
    belt_speed : float, optional
        Treadmill speed (m/s); else the file's, else inferred from the stance feet and said so.
    task : str, optional
        ``"static"``, ``"walk"``, ``"run"``, ``"turn"``; inferred from the motion if not given.
    name, source : str, optional
        Trial name and the file's name relative to its archive; the file's own if not given.
    standing_mass : float, optional
        Body mass (kg) weighed in a standing trial, used if neither subject nor file tells one.
    session : str, optional
        Day or visit of the recording.
    unit : str, optional
        ``"m"``, ``"cm"`` or ``"mm"``, whatever the file states.
    axes : str, optional
        The laboratory's forward and up axes, e.g. ``"+Y+Z"``; inferred from plates and body if not given.
    reader : str, default "direct"
        ``"direct"``, ``"ezc3d"`` or ``"py-c3d"``, see `read_c3d`.
    emg : bool, default False
        Add EMG envelopes at the marker frames.

    Returns
    -------
    MarkerTrial

    Raises
    ------
    TrialRefused
        With the file, what was expected, what was found and what to do.
    """
    path = Path(path)
    return trial_from_raw(
        read_c3d(path, reader=reader),
        path.name,
        marker_set,
        subject,
        belt_speed,
        task=task,
        name=name,
        source=source,
        standing_mass=standing_mass,
        session=session,
        unit=unit,
        axes=axes,
        emg=emg,
    )


def trial_from_raw(
    raw: RawC3d,
    file_name: str,
    marker_set: str | Path | MarkerSet | None = None,
    subject: Subject | None = None,
    belt_speed: float | None = None,
    *,
    task: str | None = None,
    name: str | None = None,
    source: str | None = None,
    standing_mass: float = math.nan,
    session: str = "",
    unit: str | None = None,
    axes: str | None = None,
    emg: bool = False,
    on_frame: Callable[[LabFrame], object] | None = None,
) -> MarkerTrial:
    """The trial in a C3D file that has been read already; everything else as in `read_trial`.

    Parameters
    ----------
    raw : RawC3d
    file_name : str
        For messages, and for what is not given.
    on_frame : callable, optional
        Called with the axes and unit that were found, and how certain they are.
    """
    stem = Path(file_name).stem
    raw, notes = seen_markers(raw, file_name)
    labels, prefix_notes = strip_label_prefix(raw.labels)
    raw = replace(raw, labels=labels)
    meaning, set_notes = meaning_of_labels(labels, marker_set)
    frame, frame_notes = find_lab_frame(raw, meaning, unit=unit, axes=axes, source=file_name)
    if on_frame is not None:
        on_frame(frame)
    measured = frame.to_ground(raw.points)
    measured, label_notes = check_labels(measured, labels, meaning, raw.rate)
    # A shipped set was recognised by its labels; one that was asked for can be wrong about them.
    doubts = verify_marker_set(measured, labels, meaning) if marker_set is not None and meaning is not None else []
    filling = fill_gaps(measured, labels, meaning.segments if meaning else {}, raw.rate)
    person, person_notes = _completed(subject or Subject(code=stem), raw, standing_mass)
    reactions, plates, plate_notes = plate_records(raw, frame, frame.metres_per_unit)
    start, duration = (raw.first_frame - 1) / raw.rate, len(filling.positions) / raw.rate
    trial = MarkerTrial(
        name=name or stem,
        subject=person,
        labels=labels,
        positions=filling.positions,
        rate=raw.rate,
        marker_set=stored_name(meaning, marker_set),
        filled=filling.filled,
        fill_method=filling.method,
        fill_uncertainty=filling.uncertainty,
        ground_reactions=tuple(reactions),
        events=events_from_file(raw.events, start, duration),
        start_time=start,
        session=session,
        source=source or file_name,
        source_hash=raw.source_hash,
    )
    trial, motion_notes = with_motion(
        trial, meaning, plates, raw.belt_speed if belt_speed is None else belt_speed, task
    )
    trial, emg_notes = _with_channels(trial, raw, emg)
    notes += [*prefix_notes, *set_notes, *frame_notes, *label_notes, *doubts, *person_notes, *filling.treatments]
    notes += [
        *plate_notes,
        *events_left_out(raw.events, start, duration),
        *motion_notes,
        *emg_notes,
        *check_quality(trial, meaning, whole_set(meaning, marker_set) if meaning is not None else None),
    ]
    # Two checks may find the same.
    return replace(trial, treatments=tuple(dict.fromkeys(notes)))


def _with_channels(trial: MarkerTrial, raw: RawC3d, emg: bool) -> tuple[MarkerTrial, list[Treatment]]:
    """The trial with what the file holds beside markers and plates."""
    analog, units = other_channels(raw)
    trial = replace(
        trial,
        analog=analog,
        analog_units=units,
        analog_rate=raw.analog_rate if analog else 0.0,
        model_outputs=dict(raw.model_outputs),
        model_output_units={label: unit for label, unit in raw.model_output_units.items() if unit},
        segment_rotations=dict(raw.rotations),
        segment_rotation_rate=raw.rotation_rate,
    )
    if not emg:
        return trial, []
    envelopes, notes = trial_envelopes(trial, at_frames=True)
    return replace(trial, emg_envelopes=envelopes), notes


def _completed(subject: Subject, raw: RawC3d, standing_mass: float) -> tuple[Subject, list[Treatment]]:
    """The subject with mass and height of the file where they were unknown, and a weighed mass if all else fails."""
    mass = raw.mass if math.isnan(subject.mass) else subject.mass
    height = raw.height if math.isnan(subject.height) else subject.height
    notes = []
    if math.isnan(mass) and standing_mass > 0:
        mass = standing_mass
        notes = [Treatment("mass_weighed", f"body mass {mass:.1f} kg from the plates of the standing trial")]
    return replace(subject, mass=mass, height=height), notes

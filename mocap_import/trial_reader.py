"""Trial reader: one C3D file to one `MarkerTrial` in SI units and the ground frame."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap_import.c3d import read_c3d
from mocap_import.force_plate import ForcePlate
from mocap_import.gait_cycle import events_from_file, find_events
from mocap_import.gap import fill_gaps
from mocap_import.lab_frame import LabFrame, infer_lab_frame, length_unit
from mocap_import.marker_set import MarkerSet, landmark_positions, load_marker_set, recognise_marker_set
from mocap_import.plate_contact import assign_feet
from mocap_import.plate_record import plate_records
from mocap_import.quality import check_quality
from mocap_import.raw_c3d import RawC3d
from mocap_import.subject import Subject
from mocap_import.task import task_from_motion
from mocap_import.treadmill import belt_speed_from_feet, is_on_treadmill, pelvis_position
from mocap_import.trial import MarkerTrial, Treatment, TrialRefused

_SAMPLE = 200
"""Frames that are enough to infer unit and axes."""


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

    Returns
    -------
    MarkerTrial

    Raises
    ------
    TrialRefused
        With the file, what was expected, what was found and what to do.
    """
    path = Path(path)
    raw = read_c3d(path)
    raw, treatments = _seen_markers(raw, path.name)
    occupied = raw.points[np.isfinite(raw.points[:, :, 0]).any(axis=1)]
    sample = occupied[:: max(1, len(occupied) // _SAMPLE)]
    factor, unit_notes = length_unit(sample, raw.unit, path.name)
    meaning, set_notes = _meaning(raw.labels, marker_set)
    frame = infer_lab_frame(sample * factor, raw.labels, meaning, raw.screen)
    treatments = [*treatments, *unit_notes, *set_notes, *_frame_notes(frame)]
    seen = (raw.points * factor) @ frame.rotation.T
    positions, filled, gap_notes = fill_gaps(seen, raw.labels, meaning.segments if meaning else {}, raw.rate)
    person, person_notes = _completed(subject or Subject(code=path.stem), raw, standing_mass)
    trial = MarkerTrial(
        name=name or path.stem,
        subject=person,
        labels=raw.labels,
        positions=positions,
        rate=raw.rate,
        marker_set=_stored_name(meaning, marker_set),
        filled=filled,
        events=events_from_file(raw.events, (raw.first_frame - 1) / raw.rate, len(positions) / raw.rate),
        source=source or path.name,
        source_hash=raw.source_hash,
    )
    reactions, plates, plate_notes = plate_records(raw, frame, factor)
    trial = replace(trial, ground_reactions=tuple(reactions))
    trial, motion_notes = _motion(trial, meaning, plates, raw.belt_speed if belt_speed is None else belt_speed, task)
    analog = _other_analog(raw)
    trial = replace(trial, analog=analog, analog_rate=raw.analog_rate if analog else 0.0)
    treatments += [*person_notes, *gap_notes, *plate_notes, *motion_notes, *check_quality(trial, meaning)]
    return replace(trial, treatments=tuple(treatments))


def _seen_markers(raw: RawC3d, source: str) -> tuple[RawC3d, list[Treatment]]:
    """The file without unlabelled and never-seen trajectories; refuse it if nothing is left."""
    seen = np.isfinite(raw.points).all(axis=2).any(axis=0)
    if not seen.any():
        raise TrialRefused(
            f"{source}: every one of its {len(raw.labels)} markers is occluded in all {len(raw.points)} frames; "
            "export the reconstructed and labelled trajectories."
        )
    labelled = np.array([not re.match(r"^\*\d+$", label) for label in raw.labels])
    if not (seen & labelled).any():
        raise TrialRefused(f"{source}: no trajectory has a label; label the markers and export the file again.")
    notes = list(raw.treatments)
    if (seen & ~labelled).any():
        notes.append(
            Treatment("unlabelled_left_out", f"{int((seen & ~labelled).sum())} unlabelled trajectories left out")
        )
    never = [label for label, was in zip(raw.labels, seen, strict=True) if not was and not label.startswith("*")]
    if never:
        notes.append(Treatment("never_seen", f"labelled but seen in no frame, left out: {', '.join(never)}"))
    keep = seen & labelled
    labels = tuple(label for label, kept in zip(raw.labels, keep, strict=True) if kept)
    return replace(raw, labels=labels, points=raw.points[:, keep], treatments=()), notes


def _meaning(
    labels: tuple[str, ...], marker_set: str | Path | MarkerSet | None
) -> tuple[MarkerSet | None, list[Treatment]]:
    """The marker set reduced to the labels, or None and a note that names them."""
    if marker_set is None:
        meaning = recognise_marker_set(labels)
    else:
        whole = marker_set if isinstance(marker_set, MarkerSet) else load_marker_set(marker_set)
        meaning = whole.for_labels(labels)
        meaning = meaning if meaning.segments else None
    if meaning is None:
        asked = "" if marker_set is None else f" {getattr(marker_set, 'name', marker_set)!s} does not fit:"
        detail = f"{asked} no marker set explains the labels {', '.join(labels)}; write one (`kinesynth labels`)"
        return None, [Treatment("marker_set_unknown", detail.strip())]
    unmapped = [label for label in labels if label not in meaning.labels]
    if unmapped:
        return meaning, [Treatment("labels_unmapped", f"not in marker set {meaning.name}: {', '.join(unmapped)}")]
    return meaning, []


def _stored_name(meaning: MarkerSet | None, asked: str | Path | MarkerSet | None) -> str:
    """What `load_marker_set` needs to find the set again: a shipped name, or the path of a file."""
    if meaning is None:
        return "unknown"
    return str(asked) if isinstance(asked, str | Path) else meaning.name


def _frame_notes(frame: LabFrame) -> list[Treatment]:
    """What was done about axes; a doubtful choice gets a key of its own."""
    if frame.confidence < 0.7:
        return [Treatment("axes_doubtful", f"{frame.detail}; check the walking direction")]
    return [] if frame.is_ground else [Treatment("axes_inferred", frame.detail)]


def _completed(subject: Subject, raw: RawC3d, standing_mass: float) -> tuple[Subject, list[Treatment]]:
    """The subject with mass and height of the file where they were unknown, and a weighed mass if all else fails."""
    mass = raw.mass if math.isnan(subject.mass) else subject.mass
    height = raw.height if math.isnan(subject.height) else subject.height
    notes = []
    if math.isnan(mass) and standing_mass > 0:
        mass = standing_mass
        notes = [Treatment("mass_weighed", f"body mass {mass:.1f} kg from the plates of the standing trial")]
    return replace(subject, mass=mass, height=height), notes


def _motion(
    trial: MarkerTrial, meaning: MarkerSet | None, plates: Sequence[ForcePlate], belt_speed: float, task: str | None
) -> tuple[MarkerTrial, list[Treatment]]:
    """Task, treadmill, belt speed, feet of the plates and events."""
    notes: list[Treatment] = []
    landmarks = landmark_positions(trial, meaning) if meaning else {}
    segments = _segment_means(trial, meaning) if meaning else {}
    pelvis = pelvis_position(landmarks, segments)
    still = task == "static"
    treadmill = not still and pelvis is not None and is_on_treadmill(landmarks, pelvis, trial.rate)
    if task is None and pelvis is not None:
        task = task_from_motion(trial, landmarks, pelvis, treadmill)
        still = task == "static"
    speed = 0.0
    if not still and math.isfinite(belt_speed) and (treadmill or meaning is None):
        speed = belt_speed
    elif treadmill:
        speed, spread = belt_speed_from_feet(landmarks, trial.rate)
        known = f"taken from the stance feet: {speed:.2f} m/s (quartiles ± {spread:.2f})"
        lost = "unknown: no foot lies still on the belt"
        detail = f"treadmill speed is not in the file, {known if math.isfinite(speed) else lost}"
        notes.append(Treatment("belt_speed_inferred", f"{detail}; give it with --belt-speed"))
    trial = replace(trial, task=task or "unknown", belt_speed=speed)
    reactions, plate_notes = assign_feet(trial.ground_reactions, plates, landmarks, trial.rate, treadmill)
    trial = replace(trial, ground_reactions=tuple(reactions))
    trial = replace(trial, events=find_events(trial, meaning))
    if trial.events and trial.events[0].source != "file":
        sources = " and ".join(sorted({event.source for event in trial.events}))
        notes.append(Treatment("events_detected", f"no gait events in the file: {len(trial.events)} from {sources}"))
    elif not trial.events and trial.task != "static":
        notes.append(Treatment("no_events", "no gait events in the file and none could be detected"))
    return trial, [*notes, *plate_notes]


def _segment_means(trial: MarkerTrial, meaning: MarkerSet) -> dict[str, np.ndarray]:
    """Middle of the markers of each segment (n_frames, 3)."""
    return {
        body: np.mean([trial.positions[:, trial.labels.index(mark)] for mark in marks], axis=0)
        for body, marks in meaning.segments.items()
    }


def _other_analog(raw: RawC3d) -> dict[str, np.ndarray]:
    """Analog channels that belong to no plate, e.g. EMG."""
    used = {channel for plate in raw.plates for channel in plate.channels}
    return {
        raw.analog_labels[k] or f"channel {k + 1}": raw.analog[:, k]
        for k in range(raw.analog.shape[1])
        if k not in used
    }

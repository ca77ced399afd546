"""Trial motion: what a subject does in a trial: task, treadmill, whose foot is on which plate, and gait events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mocap_import.event.gait_event import choose_events
from mocap_import.marker.marker_set import MarkerSet, landmark_positions
from mocap_import.plate.contact import assign_feet
from mocap_import.plate.force_plate import ForcePlate
from mocap_import.task import task_from_motion
from mocap_import.treadmill import feet_range, is_on_treadmill, known_belt_speed, pelvis_position
from mocap_import.trial import MarkerTrial, Treatment


def with_motion(
    trial: MarkerTrial, meaning: MarkerSet | None, plates: Sequence[ForcePlate], belt_speed: float, task: str | None
) -> tuple[MarkerTrial, list[Treatment]]:
    """The trial with task, belt speed, feet of the plates, steps and events.

    Parameters
    ----------
    trial : MarkerTrial
        With filled markers, the plates' ground reactions and the events of the file.
    meaning : MarkerSet or None
        Reduced to the labels of the trial.
    plates : sequence of ForcePlate
        One per ground reaction.
    belt_speed : float
        Stated speed of a treadmill (m/s), NaN if nobody states one.
    task : str or None
        Known task, None to infer it.

    Returns
    -------
    trial : MarkerTrial
    treatments : list of Treatment
    """
    notes: list[Treatment] = []
    landmarks = landmark_positions(trial, meaning) if meaning else {}
    segments = _segment_means(trial, meaning) if meaning else {}
    pelvis = pelvis_position(landmarks, segments)
    still = task == "static"
    reach = feet_range(landmarks, pelvis) if pelvis is not None and not still else 0.0
    treadmill = not still and pelvis is not None and is_on_treadmill(landmarks, pelvis, trial.rate, reach)
    if task is None and pelvis is not None:
        task = task_from_motion(trial, landmarks, pelvis, treadmill, reach)
        still = task == "static"
    # Without landmarks nothing tells a treadmill, so that a stated speed is believed.
    on_belt = treadmill or (meaning is None and belt_speed > 0)
    speed, belt_notes = (0.0, []) if still else known_belt_speed(landmarks, trial.rate, on_belt, belt_speed)
    notes += belt_notes
    trial = replace(trial, task=task or "unknown", belt_speed=speed)
    reactions, steps, plate_notes = assign_feet(
        trial.ground_reactions, plates, landmarks, trial.rate, treadmill, body_weight=trial.subject.body_weight
    )
    trial = replace(trial, ground_reactions=tuple(reactions), steps=tuple(steps))
    events, event_notes = choose_events(trial, meaning)
    trial = replace(trial, events=events)
    return trial, [*notes, *plate_notes, *event_notes]


def _segment_means(trial: MarkerTrial, meaning: MarkerSet) -> dict[str, np.ndarray]:
    """Middle of the markers of each segment (n_frames, 3)."""
    return {
        body: np.mean([trial.positions[:, trial.labels.index(mark)] for mark in marks], axis=0)
        for body, marks in meaning.segments.items()
    }

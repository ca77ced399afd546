"""Recordings of a virtual laboratory: what its cameras and plates see of a walking person, written as real C3D files.

Markers move on soft tissue and get lost; plates feel the steps that land on them, the plate under the belt both feet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfiltfilt

from mocap_import.export.c3d_writer import write_c3d
from mocap_import.marker.marker_set import load_marker_set
from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, MarkerTrial
from opensim_models.inverse.segment_motion import marker_positions
from synth.virtual_laboratory import PLATE_DISTANCE, PLATE_SIZE, Laboratory, person_markers, plates_of
from synth.walking_person import CONTACT_FORCE, WalkingCycle, WalkingPerson, stand, walk


def _soft_tissue(shape: tuple[int, int, int], rms: float, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Slow marker movement: white noise below 6 Hz, plus a tenth of a millimetre of camera noise."""
    noise = rng.normal(size=shape)
    if shape[0] > 30:
        noise = sosfiltfilt(butter(2, 6.0, fs=rate, output="sos"), noise, axis=0)
        noise *= rms / max(float(noise.std()), 1e-12)
    else:
        noise *= rms
    return noise + rng.normal(scale=1e-4, size=shape)


def _occlude(positions: np.ndarray, count: int, rng: np.random.Generator) -> None:
    """Lose single markers for 5 to 18 frames, away from the ends."""
    n_frames, n_markers = positions.shape[:2]
    for _ in range(count):
        length = int(rng.integers(5, 19))
        first = int(rng.integers(10, n_frames - length - 10))
        positions[first : first + length, int(rng.integers(n_markers))] = np.nan


def _trial(
    laboratory: Laboratory, name: str, task: str, person: WalkingPerson, markers: tuple, rng: np.random.Generator
) -> MarkerTrial:
    """Film a person."""
    skeleton = person.skeleton.with_markers(markers)
    positions = marker_positions(skeleton, person.kinematics)
    positions = positions + _soft_tissue(positions.shape, laboratory.soft_tissue, laboratory.rate, rng)
    subject = Subject("unknown")
    labels = tuple(m.name for m in markers)
    return MarkerTrial(name, subject, labels, positions, laboratory.rate, task, laboratory.marker_set)


def static_trial(laboratory: Laboratory, subject: Subject, rng: np.random.Generator) -> MarkerTrial:
    """Record a person standing for two seconds with every marker of the set, facing the walking direction."""
    markers = person_markers(laboratory, subject, rng)
    trial = _trial(laboratory, "static", "static", stand(subject, 2.0, laboratory.rate), markers, rng)
    return replace(trial, subject=subject)


def walking_trial(
    laboratory: Laboratory,
    cycle: WalkingCycle,
    name: str,
    placement: np.random.Generator,
    habits: np.random.Generator,
    rng: np.random.Generator,
    duration: float | None = None,
) -> tuple[MarkerTrial, WalkingPerson]:
    """Record a person walking.

    Parameters
    ----------
    laboratory : Laboratory
    cycle : WalkingCycle
        The person's gait.
    name : str
    placement : Generator
        In the state in which `static_trial` found it: the same markers sit in the same places.
    habits : Generator
        Draws the person's movements out of the plane; the same for every trial of a person.
    rng : Generator
        Everything that differs from trial to trial.
    duration : float, optional
        s; default 8 s on the treadmill, four strides overground.

    Returns
    -------
    trial : MarkerTrial
        In the ground frame, with forces as the plates record them.
    person : WalkingPerson
        The truth behind it, in the trial's own place and time.
    """
    marker_set = load_marker_set(laboratory.marker_set)
    everything = person_markers(laboratory, cycle.subject, placement)
    tracking = {label for labels in marker_set.segments.values() for label in labels}
    markers = tuple(m for m in everything if m.name in tracking)
    seconds = duration or (8.0 if laboratory.treadmill else 4.2 * cycle.duration)
    person = walk(cycle, seconds, laboratory.rate, laboratory.force_rate, habits)
    person = _on_treadmill(person, cycle.speed) if laboratory.treadmill else _over_plates(person)
    trial = _trial(laboratory, name, "walk", person, markers, rng)
    _occlude(trial.positions, laboratory.gaps, rng)
    plates = _belt_plate(person) if laboratory.treadmill else _two_plates(person)
    return (
        replace(
            trial,
            subject=cycle.subject,
            ground_reactions=plates,
            belt_speed=cycle.speed if laboratory.treadmill else 0.0,
            events=_events(person) if not laboratory.treadmill else (),
        ),
        person,
    )


def _moved(person: WalkingPerson, shift: np.ndarray, force_shift: np.ndarray) -> WalkingPerson:
    """Displace a person along X by a constant or a history, markers and forces alike."""
    column = person.skeleton.coordinate_index("pelvis_tx")
    values = person.kinematics.values.copy()
    values[:, column] += shift
    reactions = []
    for reaction in person.ground_reactions:
        pressure = reaction.centre_of_pressure.copy()
        pressure[:, 0] += force_shift
        reactions.append(replace(reaction, centre_of_pressure=pressure))
    return replace(person, kinematics=replace(person.kinematics, values=values), ground_reactions=tuple(reactions))


def _on_treadmill(person: WalkingPerson, speed: float) -> WalkingPerson:
    """Let the ground carry the person back at belt speed."""
    time = np.arange(len(person.kinematics.values)) / person.kinematics.rate
    force_rate = person.ground_reactions[0].rate
    force_time = np.arange(len(person.ground_reactions[0].force)) / force_rate
    middle = float(np.mean(person.kinematics.of("pelvis_tx") - speed * time))
    return _moved(person, -speed * time - middle, -speed * force_time - middle)


def _contacts(reaction: GroundReaction) -> list[tuple[int, int]]:
    """List complete contacts as (first, last + 1) samples."""
    loaded = np.concatenate([[False], reaction.force[:, 1] > CONTACT_FORCE, [False]])
    edges = np.flatnonzero(np.diff(loaded.astype(int)))
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [(a, b) for a, b in pairs if a > 0 and b < len(reaction.force)]


def _over_plates(person: WalkingPerson) -> WalkingPerson:
    """Start the walk such that a right step near the middle lands on the centre of plate 1."""
    right = person.ground_reactions[0]
    contacts = _contacts(right)
    first, last = contacts[len(contacts) // 2]
    centre = float(np.nanmean(right.centre_of_pressure[first:last, 0]))
    return _moved(person, np.array(-centre), np.array(-centre))


def _two_plates(person: WalkingPerson) -> tuple[GroundReaction, ...]:
    """Keep what two plates in the walkway feel: the steps that land on them, with a little amplifier noise."""
    plates = []
    for k, (reaction, place) in enumerate(zip(person.ground_reactions, (0.0, PLATE_DISTANCE), strict=True)):
        force = np.zeros_like(reaction.force)
        pressure = np.full_like(reaction.centre_of_pressure, np.nan)
        moment = np.full(len(force), np.nan)
        for first, last in _contacts(reaction):
            under = reaction.centre_of_pressure[first:last, 0] - place
            if np.nanmax(np.abs(under)) < PLATE_SIZE[0] / 2:
                force[first:last] = reaction.force[first:last]
                pressure[first:last] = reaction.centre_of_pressure[first:last]
                moment[first:last] = reaction.free_moment[first:last]
        plates.append(GroundReaction(force, pressure, moment, reaction.rate, reaction.foot, f"plate {k + 1}"))
    return tuple(plates)


def _belt_plate(person: WalkingPerson) -> tuple[GroundReaction, ...]:
    """Add up what the plate under the belt feels of both feet."""
    parts = person.ground_reactions
    force = sum(r.force for r in parts)
    loaded = force[:, 1] > CONTACT_FORCE
    moment = sum(np.nan_to_num(r.centre_of_pressure) * r.force[:, 1:2] for r in parts)
    pressure = np.full_like(force, np.nan)
    pressure[loaded] = moment[loaded] / force[loaded, 1:2]
    pressure[loaded, 1] = 0.0
    free = np.where(loaded, 0.0, np.nan)
    return (GroundReaction(force, pressure, free, parts[0].rate, "both", "treadmill"),)


def _events(person: WalkingPerson) -> tuple[GaitEvent, ...]:
    """Mark foot strikes and foot offs as a laboratory's staff would."""
    events = []
    for reaction in person.ground_reactions:
        for first, last in _contacts(reaction):
            events.append(GaitEvent(first / reaction.rate, reaction.foot, "foot_strike", "file"))
            events.append(GaitEvent(last / reaction.rate, reaction.foot, "foot_off", "file"))
    return tuple(sorted(events, key=lambda e: e.time))


def record_person(
    folder: Path, laboratory: Laboratory, cycles: Sequence[WalkingCycle], seed: int
) -> dict[str, WalkingPerson]:
    """Record one person: a static trial and one walking trial per gait, as C3D files.

    Parameters
    ----------
    folder : Path
        The person's folder in the archive, made if need be.
    laboratory : Laboratory
    cycles : sequence of WalkingCycle
        The person's gaits.
    seed : int
        Of everything random in the recording.

    Returns
    -------
    dict of str to WalkingPerson
        File name → the truth behind it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    subject = cycles[0].subject
    axes = np.array(laboratory.axes)
    static = static_trial(laboratory, subject, np.random.default_rng([seed, 0]))
    write_c3d(folder / f"{subject.code}_static.c3d", static, unit=laboratory.unit, axes=axes)
    truths = {}
    for k, cycle in enumerate(cycles, start=1):
        # the same markers and habits in every trial: their generators start anew
        placement, habits = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1000])
        trial, person = walking_trial(
            laboratory, cycle, f"walk_{k:02d}", placement, habits, np.random.default_rng([seed, k])
        )
        name = f"{subject.code}_walk_{k:02d}.c3d"
        plates = plates_of(laboratory)
        write_c3d(folder / name, trial, plates=plates, unit=laboratory.unit, axes=axes, first_frame=1 + 120 * k)
        truths[name] = person
    return truths

"""A virtual laboratory: persons walk in it, and it leaves the C3D files that a real one would.

Two laboratories with the habits of real ones. The *overground* one is Z-up, in millimetres, with Plug-in-Gait-like
labels and two type-2 plates at 1000 Hz. The *treadmill* one is Y-up, in metres, with rigid marker clusters, one type-4
plate under the belt and the belt's speed in the file. Markers move on soft tissue, get lost and are a little misplaced.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import butter, sosfiltfilt

from mocap_import.marker_set import MarkerSet, load_marker_set
from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, MarkerTrial
from opensim_models.catalogue import landmark_markers
from opensim_models.segment_motion import marker_positions
from opensim_models.skeleton import SkeletonMarker
from synth.walking_person import CONTACT_FORCE, WalkingCycle, WalkingPerson, stand, walk

PLATE_SIZE = (0.60, 0.50)
"""Length along and width across the walkway (m) of an overground plate."""
PLATE_DISTANCE = 0.66
BELT_SIZE = (1.80, 0.80)


@dataclass(frozen=True)
class Laboratory:
    """How a laboratory records.

    Attributes
    ----------
    name : str
    marker_set : str
    rate, force_rate : float
        Hz.
    treadmill : bool
    soft_tissue : float
        RMS (m) of the slow marker movement on the skin, per axis.
    misplacement : float
        SD (m) of a marker's position on its landmark, per axis.
    gaps : int
        Occlusions per trial.
    """

    name: str
    marker_set: str
    rate: float
    force_rate: float
    treadmill: bool
    soft_tissue: float = 0.0015
    misplacement: float = 0.002
    gaps: int = 6


OVERGROUND = Laboratory("overground_laboratory", "plug_in_gait", 100.0, 1000.0, treadmill=False)
TREADMILL = Laboratory("treadmill_laboratory", "segment_clusters", 100.0, 1000.0, treadmill=True)


def person_markers(subject: Subject, marker_set: MarkerSet, rng: np.random.Generator, spread: float) -> tuple:
    """Stick a marker set on a person.

    A label that the marker set ties to a landmark sits there; any other label of a segment is a technical marker and
    sits on a ring around it.

    Parameters
    ----------
    subject : Subject
    marker_set : MarkerSet
    rng : Generator
    spread : float
        Misplacement (m), standard deviation per axis.

    Returns
    -------
    tuple of SkeletonMarker
        Named by the labels of the marker set.
    """
    landmarks = {m.name: m for m in landmark_markers(subject.height)}
    landmark_of = {label: name for name, label in marker_set.landmarks.items()}
    markers = {}
    for landmark, label in marker_set.landmarks.items():
        if landmark in landmarks:
            markers[label] = replace(landmarks[landmark], name=label)
    for segment, labels in marker_set.segments.items():
        technical = [label for label in labels if label not in landmark_of]
        for k, label in enumerate(technical):
            markers[label] = SkeletonMarker(label, segment, _ring(segment, k, len(technical), subject.height))
    return tuple(
        replace(m, offset=tuple(float(x) for x in np.array(m.offset) + rng.normal(scale=spread, size=3)))
        for m in markers.values()
    )


def _ring(segment: str, k: int, count: int, height: float) -> tuple[float, float, float]:
    """Place the k-th of so many technical markers on a segment: staggered over its outer side."""
    outward = -1.0 if segment.endswith("_l") else 1.0
    angle = math.pi * (k + 0.5) / max(count, 1) - math.pi / 2
    along = {"pelvis": 0.05, "torso": 0.15}.get(segment, -0.03 if segment.startswith("calcn") else -0.12)
    radius = {"pelvis": 0.07, "torso": 0.07}.get(segment, 0.03 if segment.startswith("calcn") else 0.055)
    forward = 0.03 if segment.startswith("calcn") else 0.0
    stagger = 0.03 * (-1) ** k if not segment.startswith("calcn") else 0.01 * (-1) ** k
    back = -1.0 if segment in ("pelvis", "torso") else 1.0
    x = forward + radius * math.sin(angle) if back > 0 else -radius * math.cos(angle)
    z = outward * radius * math.cos(angle) if back > 0 else radius * math.sin(angle)
    return x * height, (along + stagger) * height, z * height


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
    markers = person_markers(subject, load_marker_set(laboratory.marker_set), rng, laboratory.misplacement)
    trial = _trial(laboratory, "static", "static", stand(subject, 2.0, laboratory.rate), markers, rng)
    return replace(trial, subject=subject)


def walking_trial(
    laboratory: Laboratory,
    cycle: WalkingCycle,
    name: str,
    placement: np.random.Generator,
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
    everything = person_markers(cycle.subject, marker_set, placement, laboratory.misplacement)
    tracking = {label for labels in marker_set.segments.values() for label in labels}
    markers = tuple(m for m in everything if m.name in tracking)
    seconds = duration or (8.0 if laboratory.treadmill else 4.2 * cycle.duration)
    person = walk(cycle, seconds, laboratory.rate, laboratory.force_rate, np.random.default_rng(_person_seed(cycle)))
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


def _person_seed(cycle: WalkingCycle) -> int:
    """One number per person, so that every trial of a person has the same out-of-plane habits."""
    return int.from_bytes(cycle.subject.code.encode(), "big") % 2**32


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

"""Virtual walks: seven sensors on persons whose gait, body and foot contact another model than the estimating one made.

The gaits come from `synth.optimal_control.generate`: half cycles driven by 18 muscles, feet on three Hunt-Crossley
spheres, segment masses of de Leva (1996). Lengths (SD 3 %) and masses (5 %) of every segment are varied on top. The
estimating model has torques, two points a foot on a penetration floor, and Winter's table for height and mass alone.
Sensors sit 20 mm (SD, each axis) beside their nominal places, and leg sensors are turned by 8° (SD); every channel has
white noise of 15 % of its standard deviation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.model.skeleton import Skeleton
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.optimal_control.gait.gait_solution import GaitSolution
from synth.optimal_control.gait.normative_gait import draw_style
from synth.optimal_control.generate import solve_walk
from synth.optimal_control.inertial.imu_data import SENSOR_SEGMENTS
from synth.optimal_control.inertial.imu_misfit import sensor_readings
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.population.virtual_gait import VirtualGait
from synth.optimal_control.population.virtual_skeleton import (
    GENERIC_PROPORTIONS,
    template_skeleton,
    with_muscles_and_contact,
)
from synth.virtual_people import VirtualPerson

PLACES = {"pelvis": (-0.10, 0.05), "femur": (0.0, -0.21), "tibia": (0.0, -0.20), "calcn": (0.12, 0.0)}
"""Nominal places (m) on a person of 1.80 m, those of BioMAC's records."""


@dataclass(frozen=True)
class VirtualWalk:
    """One person's cycle as it is, and what its sensors say.

    Attributes
    ----------
    subject : Subject
    recordings : tuple of ImuRecording
    variances : dict of str to ndarray, shape (3,)
        Of the noise.
    duration, speed : float
        s, m/s.
    coordinates, moments : ndarray, shape (n, 10)
    forces : ndarray, shape (n, 2, 3)
        Ground reaction of right and left foot (N).
    """

    subject: Subject
    recordings: tuple[ImuRecording, ...]
    variances: dict[str, np.ndarray]
    duration: float
    speed: float
    coordinates: np.ndarray
    moments: np.ndarray
    forces: np.ndarray


def virtual_gaits(count: int, first: int = 0) -> Iterator[tuple[int, Subject, GaitSolution, Skeleton]]:
    """Draw persons, speeds (0.9-1.7 m/s) and styles, and predict how they walk; refused ones are left out."""
    template = template_skeleton()
    for seed in range(first, first + count):
        rng = np.random.default_rng(1000 + seed)
        height = float(np.clip(1.72 + 0.09 * rng.standard_normal(), 1.5, 1.95))
        index = float(np.clip(23.0 + 2.5 * rng.standard_normal(), 18.0, 32.0))
        subject = Subject(f"v{seed}", index * height**2, height, "male" if rng.random() < 0.5 else "female")
        skeleton = varied(planar_skeleton(subject, "de_leva"), rng)
        speed = float(rng.uniform(0.9, 1.7))
        style = draw_style(rng, 1.0)
        person = VirtualPerson(seed, subject, GENERIC_PROPORTIONS, style.strength)
        skeleton = with_muscles_and_contact(skeleton, subject, template, style.strength)
        gait = solve_walk(VirtualGait(person, 0, "track", speed, style), skeleton)
        if gait.converged:
            yield seed, subject, gait, skeleton


def varied(skeleton: Skeleton, rng: np.random.Generator) -> Skeleton:
    """The same mass, with segments longer and shorter, heavier and lighter than the table's, right as left."""
    kinds = ("pelvis", "femur", "tibia", "calcn", "torso")
    longer = {k: np.exp(0.03 * rng.standard_normal()) for k in kinds}
    heavier = {k: np.exp(0.05 * rng.standard_normal()) for k in kinds}
    segments = []
    for s in skeleton.segments:
        own = s.name.split("_")[0]
        parent = longer[skeleton.segments[s.parent].name.split("_")[0]] if s.parent >= 0 else 1.0
        segments.append(
            replace(
                s,
                offset=tuple(x * parent for x in s.offset),
                mass=s.mass * heavier[own],
                centre_of_mass=tuple(x * longer[own] for x in s.centre_of_mass),
                inertia=tuple(x * heavier[own] * longer[own] ** 2 for x in s.inertia),
            )
        )
    made = replace(skeleton, segments=tuple(segments))
    share = skeleton.mass / made.mass
    scaled = (replace(s, mass=s.mass * share, inertia=tuple(x * share for x in s.inertia)) for s in made.segments)
    return replace(made, segments=tuple(scaled))


def virtual_walk(seed: int, subject: Subject, gait: GaitSolution, skeleton: Skeleton) -> VirtualWalk:
    """Sensors on a predicted gait of another model."""
    movement = gait.movement
    moved = (movement.coordinates, movement.speeds, movement.accelerations)
    forces = np.stack([r.force for r in movement.ground_reactions], axis=1)
    truth = (gait.duration, gait.speed, movement.coordinates, movement.moments, forces)
    return _worn(np.random.default_rng(5000 + seed), subject, skeleton, moved, truth, place_sd=0.02)


def same_model_walk(seed: int, subject: Subject, solution: MovementSolution) -> VirtualWalk:
    """Sensors on a movement of the estimating model itself, at their nominal places: the inverse crime."""
    moved = (solution.coordinates, solution.speeds, solution.accelerations)
    forces = np.stack([r.force for r in solution.ground_reactions], axis=1)
    truth = (solution.duration, solution.speed, solution.coordinates, solution.moments, forces)
    return _worn(np.random.default_rng(9000 + seed), subject, solution.skeleton, moved, truth, place_sd=0.0)


def _worn(
    rng: np.random.Generator,
    subject: Subject,
    skeleton: Skeleton,
    moved: tuple[np.ndarray, np.ndarray, np.ndarray],
    truth: tuple[float, float, np.ndarray, np.ndarray, np.ndarray],
    *,
    place_sd: float,
    mounting_sd: float = np.radians(8.0),
    noise: float = 0.15,
) -> VirtualWalk:
    """Put seven sensors on a movement and read them."""
    nominal = {s: np.array(PLACES[s.split("_")[0]]) * subject.height / 1.8 for s in SENSOR_SEGMENTS}
    places = {s: place + place_sd * rng.standard_normal(2) for s, place in nominal.items()}
    angles = {s: (s != "pelvis") * mounting_sd * float(rng.standard_normal()) for s in SENSOR_SEGMENTS}
    recordings, variances = [], {}
    duration = truth[0]
    for segment, read in sensor_readings(skeleton, *moved, places, angles).items():
        spread = noise * read.std(axis=0)
        seen = read + spread * rng.standard_normal(read.shape)
        zero = np.zeros(len(seen))
        force, turn = np.column_stack([seen[:, :2], zero]), np.column_stack([zero, zero, seen[:, 2]])
        placement = SensorPlacement(segment, segment, np.array([*nominal[segment], 0.0]))
        recordings.append(ImuRecording(placement, force, turn, len(seen) / duration))
        variances[segment] = spread**2
    return VirtualWalk(subject, tuple(recordings), variances, *truth)

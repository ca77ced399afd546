"""Pinching people: demographics, muscles and habits of many virtual people as arrays, one row a person.

A chunk of people is a pure function of (seed, chunk), so that a long run can stop and go on. What follows no source is
an assumption that says so; everything random is normal, or log-normal where it must be positive.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from synth.thumb.muscle_table import NERVES, THUMB, muscle_table
from synth.virtual_people import MASS, MASS_WITH_STATURE, STATURE

AGES = (20.0, 80.0)
"""Years, uniform: the ages of the norms (Mathiowetz et al. 1985)."""
HAND_OF_STATURE, HAND_SD = 0.108, 0.035
"""Hand length over stature, and the SD of its logarithm at a given stature."""
TYPICAL_HAND = 0.190
"""Hand length (m) of the typical man, of whom the muscle table tells."""
FORCE_OF_SEX = {"female": 0.80, "male": 1.0}
"""Muscle force for the same hand: chosen so that women pinch about 0.68 times as hard as men (the norms)."""
DECLINE_FROM, DECLINE_A_YEAR = 55.0, 0.011
"""Age (years) to which forces stay, and their loss a year from there (norms: 0.75-0.8 left at 75 and more)."""
SD = {"person": 0.11, "muscle": 0.12, "fibre": 0.07, "tendon": 0.012, "wrist": 0.15, "slowness": 0.15, "arm": 0.05}
"""SD of logarithms: strength of a person, of each muscle beside it, fibre and tendon slack lengths, strength of the
wrist, time constants, moment arms. Assumptions, of the size of published variation between specimens."""
LIMIT_RANGE = (0.8, 1.0)
"""Largest voluntary activation of the muscles of a nerve: uniform (assumption)."""
POSTURE, POSTURE_SD = np.radians([5.0, 15.0, 30.0]), np.radians([4.0, 5.0, 6.0])
"""Flexion at the CMC, MCP and IP joint in lateral pinch (rad)."""


@dataclass(frozen=True)
class PinchPeople:
    """People who pinch; every array has one row a person.

    Attributes
    ----------
    code : ndarray of str
    is_male : ndarray of bool
    age, height, mass, hand_length : ndarray
        years, m, kg, m.
    max_force, fibre_length, tendon_slack : ndarray, shape (n, 9)
        Of the thumb's muscles: N, m, m.
    limit : ndarray, shape (n, 3)
        Largest voluntary activation by nerve.
    wrist_strength : ndarray
        Factor on the forces of the wrist's muscles.
    slowness, rise, fade : ndarray
        Factor on the muscles' time constants; time constant of the effort (s); loss of effort a second.
    posture : ndarray, shape (n, 3)
        CMC, MCP and IP flexion (rad).
    arm_factor : ndarray, shape (n, 9)
        On the moment arms of each muscle.
    wrist_share : ndarray
        Share of the pinch force that the wrist must hold; the rest is held between thumb and finger.
    surgery_size : ndarray
        How much of the typical change a surgery makes in this person.
    """

    code: np.ndarray
    is_male: np.ndarray
    age: np.ndarray
    height: np.ndarray
    mass: np.ndarray
    hand_length: np.ndarray
    max_force: np.ndarray
    fibre_length: np.ndarray
    tendon_slack: np.ndarray
    limit: np.ndarray
    wrist_strength: np.ndarray
    slowness: np.ndarray
    rise: np.ndarray
    fade: np.ndarray
    posture: np.ndarray
    arm_factor: np.ndarray
    wrist_share: np.ndarray
    surgery_size: np.ndarray

    def __len__(self) -> int:
        return len(self.age)

    def rows(self, chosen: np.ndarray) -> PinchPeople:
        """Some of these people."""
        return replace(self, **{f.name: getattr(self, f.name)[chosen] for f in fields(self)})

    @property
    def demographics(self) -> np.ndarray:
        """Is male, age, height, mass, hand length; shape (n, 5)."""
        return np.column_stack([self.is_male, self.age, self.height, self.mass, self.hand_length]).astype(float)


DEMOGRAPHICS = ("is_male", "age", "height", "mass", "hand_length")


def draw_people(seed: int, chunk: int, n_people: int, *, kind: str = "adult", prefix: str = "P") -> PinchPeople:
    """Draw a chunk of people.

    Parameters
    ----------
    seed, chunk, n_people : int
    kind : str
        ``"adult"``; or outside that population ``"child"`` (8-12 years) or ``"palsy"`` (adults whose ulnar nerve hardly
        drives its muscles).
    prefix : str
        Of codes, so that no two populations share one.
    """
    rng = np.random.default_rng([seed, chunk, ("adult", "child", "palsy").index(kind)])
    n, table = n_people, muscle_table()
    is_male = rng.random(n) < 0.5
    age = rng.uniform(*AGES, n)
    height, mass = _body(rng, is_male)
    if kind == "child":
        age = rng.uniform(8.0, 12.0, n)
        height = 1.28 + 0.06 * (age - 8.0) + rng.normal(0, 0.06, n)
        mass = np.exp(np.log(16.5 * height**2) + rng.normal(0, 0.12, n))
    hand = HAND_OF_STATURE * height * np.exp(rng.normal(0, HAND_SD, n))
    size = hand / TYPICAL_HAND
    force = np.where(is_male, FORCE_OF_SEX["male"], FORCE_OF_SEX["female"]) * size**2
    force *= np.exp(-DECLINE_A_YEAR * np.maximum(age - DECLINE_FROM, 0.0) + rng.normal(0, SD["person"], n))
    limit = rng.uniform(*LIMIT_RANGE, (n, len(NERVES)))
    if kind == "palsy":
        limit[:, NERVES.index("ulnar")] = rng.uniform(0.05, 0.3, n)

    def spread(name: str) -> np.ndarray:
        return np.exp(rng.normal(0, SD[name], (n, len(THUMB))))

    return PinchPeople(
        code=np.array([f"{prefix}{chunk:04d}{i:05d}" for i in range(n)]),
        is_male=is_male,
        age=age,
        height=height,
        mass=mass,
        hand_length=hand,
        max_force=force[:, None] * table.max_force[: len(THUMB)] * spread("muscle"),
        fibre_length=size[:, None] * table.fibre_length[: len(THUMB)] * spread("fibre"),
        tendon_slack=size[:, None] * table.tendon_slack[: len(THUMB)] * spread("tendon"),
        limit=limit,
        wrist_strength=force * np.exp(rng.normal(0, SD["wrist"], n)),
        slowness=np.exp(rng.normal(0, SD["slowness"], n) + 0.003 * np.maximum(age - 40.0, 0.0)),
        rise=np.exp(rng.normal(np.log(0.12), 0.3, n)),
        fade=np.abs(rng.normal(0.03, 0.02, n)),
        posture=POSTURE + POSTURE_SD * rng.normal(size=(n, 3)),
        arm_factor=spread("arm"),
        wrist_share=rng.uniform(0.6, 0.9, n),
        surgery_size=np.exp(rng.normal(0, 0.3, n)),
    )


def joined(groups: list[PinchPeople]) -> PinchPeople:
    """People of several groups, one after another."""
    return PinchPeople(**{f.name: np.concatenate([getattr(g, f.name) for g in groups]) for f in fields(PinchPeople)})


def _body(rng: np.random.Generator, is_male: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stature (m) and mass (kg) as they go together, within 2.5 SD (`synth.virtual_people`)."""
    first, second = np.clip(rng.normal(size=(2, len(is_male))), -2.5, 2.5)
    height, mass = np.empty(len(is_male)), np.empty(len(is_male))
    for sex, chosen in (("male", is_male), ("female", ~is_male)):
        mean, sd = STATURE[sex]
        height[chosen] = mean + sd * first[chosen]
        typical, spread = MASS[sex]
        z = MASS_WITH_STATURE * first[chosen] + np.sqrt(1 - MASS_WITH_STATURE**2) * second[chosen]
        mass[chosen] = typical * np.exp(spread / typical * z)
    return height, mass

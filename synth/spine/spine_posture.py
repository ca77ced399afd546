"""Standing posture of virtual people: the 54 angles of a spine upon its pelvis, some standings a person.

With the lordosis L spread over the joints below L1 by shares l_k, and the kyphosis K over those above it by a bump
around its apex, the sagittal inclination of link j is p - L sum(l_k) + K sum(b_k): the pelvis's own p is the one that
lets the line from the pelvis to T1 lean as the person leans. Lateral deviation is a_1 sin(pi s) + a_2 sin(2 pi s)
along the spine (s from 0 to 1), the frontal inclination its slope, with the pelvis's obliquity fading upwards; links
turn with the deviation's bend (coupled motion) and with the twist between pelvis and shoulders.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from synth.spine.spine_person import SpinePerson, draw_spine_person, standing_traits
from synth.spine.spine_skeleton import LENGTH_SHARES, LEVELS, PLANES, TRUNK_SHARE, level_places

LORDOSIS_SHARES = np.array([0.39, 0.28, 0.16, 0.11, 0.06])
"""Of the joints from below L5 to below L1 in the lordosis; the lowest two hold two thirds of it (AO Foundation,
surgery reference, sagittal spinal alignment); the others are an assumption."""
MEASUREMENT_SD = np.radians(0.5)
"""Of each angle, white (rad). Assumption."""
COUPLING = 0.2
"""Turn (rad) of a link over the bend of the lateral deviation. Assumption, so that links turn by some 4 deg."""
CONDITIONS = ("class", "sex", "age", "height")


def posture_angles(traits: dict[str, float], height: float) -> np.ndarray:
    """Angles (18, 3) in rad of a spine without wandering or error.

    Parameters
    ----------
    traits : dict of str to float
        As `synth.spine.spine_person.TRAITS`.
    height : float
        Stature (m).
    """
    place = level_places()
    bump = np.exp(-0.5 * ((place[6:] - traits["apex"]) / traits["width"]) ** 2)
    turns = np.concatenate([[0.0], -traits["lordosis"] * LORDOSIS_SHARES, traits["kyphosis"] * bump / bump.sum()])
    sagittal = np.cumsum(turns)
    sagittal += traits["lean"] - LENGTH_SHARES @ sagittal
    trunk = TRUNK_SHARE * height
    one, two = traits["thoracic_curve"] / trunk, traits["lumbar_curve"] / trunk
    slope = np.pi * one * np.cos(np.pi * place) + 2 * np.pi * two * np.cos(2 * np.pi * place)
    frontal = np.arctan(slope) + traits["frontal_lean"] + traits["obliquity"] * np.exp(-place / 0.15)
    bend = np.pi**2 * (one * np.sin(np.pi * place) + 4.0 * two * np.sin(2 * np.pi * place))
    axial = traits["pelvic_turn"] + traits["twist"] * place - COUPLING * traits["coupling"] * bend
    return np.stack([sagittal, frontal, axial], axis=-1)


def standings(person: SpinePerson, n_samples: int, seed: int) -> np.ndarray:
    """Angles (n_samples, 18, 3) in rad of some standings of a person; a function of person, number and seed alone."""
    rng = np.random.default_rng([seed, int(person.code[1:]), 3])
    made = [posture_angles(standing_traits(person, rng), person.height) for _ in range(n_samples)]
    return (
        np.stack(made) + person.wandering + MEASUREMENT_SD * rng.standard_normal((n_samples, *person.wandering.shape))
    )


def posture_table(
    n_people: int, n_samples: int, seed: int, *, first: int = 0, severity: float = 1.0
) -> tuple[np.ndarray, pd.DataFrame]:
    """A population's posture.

    Parameters
    ----------
    n_people, n_samples : int
        People, and standings of each.
    seed : int
    first : int
        Number of the first person.
    severity : float
        As `draw_spine_person`.

    Returns
    -------
    angles : ndarray, shape (n_people * n_samples, 18, 3)
        rad: `LEVELS` by `PLANES`.
    facts : DataFrame
        ``person`` and `CONDITIONS` of each row.
    """
    rows, angles = [], []
    for number in range(first, first + n_people):
        person = draw_spine_person(seed, number, severity=severity)
        angles.append(standings(person, n_samples, seed))
        rows += [(person.code, person.kind, person.sex, person.age, person.height)] * n_samples
    shape = (0, len(LEVELS), len(PLANES))
    stacked = np.concatenate(angles) if angles else np.empty(shape)
    return stacked, pd.DataFrame(rows, columns=["person", *CONDITIONS])

"""A force profile: a strongest pinch over two seconds, from effort to activation, muscle force and force at the pulp.

* muscle: F = a F_max exp(-(λ - 1)² / w), λ the normalised fibre length. The muscle-tendon path is the typical person's
  scaled by the hand, shorter after a surgery; what the tendon takes (`Laws.tendon_strain` at F_max) the fibre lacks;
* coordination: `coordination.strongest_pinch` with the forces of muscles at 80 % of activation; it is then held;
* effort: none until 0.2 s, rises with the person's time constant, fades slowly, ends at 1.6 s; activation follows it by
  first-order dynamics, slower for slow fibres and when it falls (after Winters 1995);
* force: what best balances the torques at the four axes of the thumb.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.thumb.coordination import strongest_pinch
from synth.thumb.muscle_table import THUMB, muscle_table
from synth.thumb.pinch_people import TYPICAL_HAND, PinchPeople
from synth.thumb.thumb_chain import joint_loads, wrist_loads
from synth.thumb.wrist_condition import CHANGES, slackening, wrist_arms

RATE, N_FRAMES = 40.0, 80
"""Hz, and frames of a profile: two seconds."""
TIMES = np.arange(N_FRAMES) / RATE
BEGIN, END = 0.2, 1.6
"""Effort begins and ends (s)."""
CHANNELS = ("palmar", "distal", "ulnar")
PHASES = {"rest": (0.0, 0.2), "rise": (0.2, 0.45), "early hold": (0.45, 0.9), "late hold": (0.9, 1.6)}
PHASES |= {"release": (1.6, 1.8), "after": (1.8, 2.0)}
"""Phase → from, to (s)."""
N_MUSCLES = len(THUMB)
LEVELS = (0.3, 0.6)
"""Share of their strongest palmar force at which people are asked to hold a pinch, too (`held_forces`)."""
HELD_FOR = 2.0
"""s over which such a force is averaged."""
FULL = 0.8
"""Activation for which a person knows the strength of the muscles."""


@dataclass(frozen=True)
class Laws:
    """The laws of a simulator.

    Attributes
    ----------
    effort, shear : float
        Prices of `strongest_pinch`.
    width : float
        w of the force-length curve.
    tendon_strain : float
        At F_max.
    activation, per_slow, deactivation : float
        Time constant (s) of fast fibres, what slow ones add, and the factor for falling activation.
    noise, tremor, turn : float
        SD of white noise (N), of tremor (share of the force, correlated over 80 ms), of the sensor's turn (rad).
    arm_bias : float
        SD of the logarithm of a factor on each muscle's arms that is the same in all people.
    """

    effort: float = 0.03
    shear: float = 1.5
    width: float = 0.45
    tendon_strain: float = 0.033
    activation: float = 0.030
    per_slow: float = 0.060
    deactivation: float = 1.6
    noise: float = 0.3
    tremor: float = 0.015
    turn: float = 0.01
    arm_bias: float = 0.0


FIRST = Laws()
SECOND = Laws(0.10, 4.0, 0.35, 0.045, 0.040, 0.040, 2.0, 0.6, 0.025, 0.02, 0.08)
"""Another laboratory: other prices, curves, time constants, noise and moment arms; nothing is learnt from it."""


def muscle_forces(people: PinchPeople, condition: str, activation: np.ndarray, laws: Laws) -> np.ndarray:
    """Force (N) of the thumb's muscles at activations (n, ..., 9) along the last axis."""
    table, size = muscle_table(), people.hand_length / TYPICAL_HAND
    path = size[:, None] * (table.fibre_length + 1.01 * table.tendon_slack)[:N_MUSCLES]
    path = path - slackening(condition, people.surgery_size, table.is_extrinsic)
    between = (slice(None),) + (None,) * (activation.ndim - 2)
    tendon = people.tendon_slack[between] * (1.0 + laws.tendon_strain * activation)
    stretch = (path[between] - tendon) / people.fibre_length[between]
    return activation * people.max_force[between] * np.exp(-((stretch - 1.0) ** 2) / laws.width)


def pinch_profile(people: PinchPeople, condition: str = "healthy", laws: Laws = FIRST) -> tuple[np.ndarray, np.ndarray]:
    """Force profiles without any error of measurement.

    Parameters
    ----------
    people : PinchPeople
    condition : str
        Of their wrists, one of `wrist_condition.CONDITIONS`.
    laws : Laws

    Returns
    -------
    forces : ndarray, shape (n, N_FRAMES, 3)
        N at the pulp: palmar, distal, ulnar.
    activations : ndarray, shape (n, 9)
        Of the strongest pinch.
    """
    problem = _problem(people, condition, laws)
    activations, _ = strongest_pinch(*problem.programme, effort=laws.effort, shear=laws.shear)
    own = activations[:, :N_MUSCLES]
    course = _activation_course(people, muscle_table().slow_fibres[:N_MUSCLES], laws)
    force = muscle_forces(people, condition, course * own[:, None, :], laws)
    return np.einsum("ndm,ntm->ntd", problem.answer, force), own


def held_forces(people: PinchPeople, condition: str = "healthy", laws: Laws = FIRST) -> np.ndarray:
    """Forces (n, len(LEVELS), 3) at the pulp (N) when a share of the strongest palmar force is held, without any error.

    The same static optimisation, with a target: which muscles share a pinch that none of them limits.
    """
    problem, prices = _problem(people, condition, laws), {"effort": laws.effort, "shear": laws.shear}
    _, strongest = strongest_pinch(*problem.programme, **prices)
    found = []
    for level in LEVELS:
        activations, _ = strongest_pinch(*problem.programme, **prices, target=level * strongest[:, 0])
        force = muscle_forces(people, condition, activations[:, :N_MUSCLES], laws)
        found.append(np.einsum("ndm,nm->nd", problem.answer, force))
    return np.stack(found, axis=1)


@dataclass(frozen=True)
class _Problem:
    """Numbers of static optimisation: torques, loads and limits, and the force at the pulp for a newton of a muscle."""

    programme: tuple[np.ndarray, np.ndarray, np.ndarray]
    answer: np.ndarray


def _problem(people: PinchPeople, condition: str, laws: Laws) -> _Problem:
    table, size = muscle_table(), people.hand_length / TYPICAL_HAND
    bias = np.exp(np.random.default_rng(2024).normal(0, laws.arm_bias, N_MUSCLES))
    arms = size[:, None, None] * table.arms[:4, :N_MUSCLES] * (people.arm_factor * bias)[:, None, :]
    strength = muscle_forces(people, condition, np.full((len(people), N_MUSCLES), FULL), laws) / FULL
    change = CHANGES[condition]
    loss = np.exp(change.wrist_loss * people.surgery_size)
    wrist_force = table.max_force[N_MUSCLES:] * (people.wrist_strength * loss)[:, None]
    forces = np.concatenate([strength, wrist_force], axis=1)
    at_wrist = wrist_arms(table, condition, people.surgery_size, size)
    at_thumb = np.concatenate([arms, np.zeros((*arms.shape[:2], wrist_force.shape[1]))], axis=2)
    torques = np.concatenate([at_thumb, at_wrist], axis=1) * forces[:, None, :]
    thumb = joint_loads(people.posture, people.hand_length)
    wrist = wrist_loads(people.posture, people.hand_length, change.axis_shift * people.surgery_size)
    wrist = wrist * people.wrist_share[:, None, None]
    limits = np.concatenate([people.limit[:, table.nerve[:N_MUSCLES]], np.ones_like(wrist_force)], axis=1)
    answer = np.linalg.solve(np.swapaxes(thumb, 1, 2) @ thumb, np.swapaxes(thumb, 1, 2) @ arms)
    return _Problem((torques, np.concatenate([thumb, wrist], axis=1), limits), answer)


def _activation_course(people: PinchPeople, slow: np.ndarray, laws: Laws) -> np.ndarray:
    """Activation over that of the strongest pinch (n, N_FRAMES, 9): closed form of first-order dynamics.

    While the effort 1 - exp(-t / rise) stands, a(t) = 1 - (rise e^{-t / rise} - τ e^{-t / τ}) / (rise - τ).
    """
    up = (laws.activation + laws.per_slow * slow) * people.slowness[:, None]
    rise = people.rise[:, None]
    rise = np.where(np.abs(rise - up) < 1e-4, up + 1e-4, rise)[:, None, :]
    up = up[:, None, :]

    def grown(t: np.ndarray) -> np.ndarray:
        return 1.0 - (rise * np.exp(-t / rise) - up * np.exp(-t / up)) / (rise - up)

    since = np.maximum(TIMES - BEGIN, 0.0)[None, :, None]
    held = grown(np.minimum(since, END - BEGIN)) * (1.0 - people.fade[:, None, None] * np.minimum(since, END - BEGIN))
    fallen = np.exp(-np.maximum(TIMES - END, 0.0)[None, :, None] / (laws.deactivation * up))
    return held * fallen


def measured(forces: np.ndarray, laws: Laws, rng: np.random.Generator) -> np.ndarray:
    """Profiles as a sensor gives them: tremor, a sensor that sits a little turned, white noise; float32."""
    n, n_frames, _ = forces.shape
    kept = np.exp(-1.0 / (0.08 * RATE))
    shock = rng.normal(size=(n, n_frames)) * np.sqrt(1 - kept**2)
    shock[:, 0] = rng.normal(size=n)
    tremor = np.empty_like(shock)
    tremor[:, 0] = shock[:, 0]
    for k in range(1, n_frames):
        tremor[:, k] = kept * tremor[:, k - 1] + shock[:, k]
    shaken = forces * (1.0 + laws.tremor * tremor[:, :, None])
    turn = laws.turn * rng.normal(size=(n, 1, 2))
    shaken[:, :, 1:] += turn * shaken[:, :, :1]
    return (shaken + laws.noise * rng.normal(size=forces.shape)).astype(np.float32)


def measured_held(forces: np.ndarray, laws: Laws, rng: np.random.Generator) -> np.ndarray:
    """Held forces (n, n_levels, 3) as averages of what the sensor gives, taken anew for each level; float32."""
    tremor, noise = held_errors(laws)
    given = forces * (1.0 + tremor * rng.normal(size=(*forces.shape[:2], 1)))
    given[..., 1:] += laws.turn * rng.normal(size=(*forces.shape[:2], 2)) * forces[..., :1]
    return (given + noise * rng.normal(size=forces.shape)).astype(np.float32)


def held_errors(laws: Laws) -> tuple[float, float]:
    """SD of the share by which tremor changes such an average, and of its noise (N)."""
    return laws.tremor * float(np.sqrt(2 * 0.08 / HELD_FOR)), laws.noise / float(np.sqrt(HELD_FOR * RATE))

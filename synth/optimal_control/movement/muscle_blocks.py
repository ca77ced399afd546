"""Muscle blocks: what one muscle does to the coordinates that it crosses, and its own dynamics.

Muscles whose paths have the same number of coordinates share one block: strength, lengths and the path's polynomial are
parameters, and a shorter polynomial is a longer one with zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import casadi as ca
import numpy as np

from mocap_import.subject import STANDARD_GRAVITY
from synth.optimal_control.law.activation import linear_rate, smooth_rate
from synth.optimal_control.law.hill_muscle import (
    compliant_tendon_fibre,
    equilibrium_residual,
    rigid_tendon_fibre,
    rigid_tendon_force,
)
from synth.optimal_control.law.metabolic_rate import MetabolicLaw, metabolic_rate
from synth.optimal_control.movement.motion_blocks import items, scales
from synth.optimal_control.movement.structure import LEVER, N_MUSCLE_NUMBERS, MusclePattern
from synth.optimal_control.program.block import Block, make_block
from synth.optimal_control.program.collocation import defect_rows, nodes_per_defect

Exponents = tuple[tuple[int, ...], ...]

METABOLIC_LAW = MetabolicLaw(velocity_width=0.02)
"""Narrower than usual: with 0.1 m/s a strong muscle that lengthens slowly earns energy, and predictions live on it."""


@dataclass(frozen=True)
class SymbolicMuscle:
    """Numbers of a muscle, as `law.hill_muscle` reads them; see `muscle_numbers`."""

    max_isometric_force: ca.SX
    optimal_fibre_length: ca.SX
    tendon_slack_length: ca.SX
    pennation: ca.SX
    max_contraction_velocity: ca.SX
    passive_strain: ca.SX
    fibre_damping: ca.SX
    tendon_strain: float = 0.049


def polynomial_path(
    exponents: Exponents, numbers: Sequence[ca.SX], values: Sequence[ca.SX]
) -> tuple[ca.SX, list[ca.SX]]:
    """Muscle-tendon length (m) and moment arms (m) of a path whose numbers are symbols.

    Parameters
    ----------
    exponents : tuple of tuple of int
        Terms, the constant first; each but the first is an earlier one times a coordinate.
    numbers : sequence
        Middle, then half width of each coordinate's range, then one coefficient a term (see `muscle_path`).
    values : sequence
        The coordinates crossed (rad, m).
    """
    n = len(values)
    middle, half, coefficients = numbers[:n], numbers[n : 2 * n], numbers[2 * n :]
    scaled = [(x - m) / h for x, m, h in zip(values, middle, half, strict=True)]
    place = {e: i for i, e in enumerate(exponents)}
    terms = [ca.SX(1)]
    for powers in exponents[1:]:
        j = next(j for j, e in enumerate(powers) if e)
        terms.append(terms[place[lowered(powers, j)]] * scaled[j])
    length = sum(c * t for c, t in zip(coefficients, terms, strict=True))
    arms = []
    for j in range(n):
        slope = sum(
            (c * powers[j] * terms[place[lowered(powers, j)]]
             for c, powers in zip(coefficients, exponents, strict=True) if powers[j]),
            ca.SX(0),
        )  # fmt: skip
        arms.append(-slope / half[j])
    return length, arms


def lowered(powers: tuple[int, ...], j: int) -> tuple[int, ...]:
    """The term divided by one coordinate."""
    return (*powers[:j], powers[j] - 1, *powers[j + 1 :])


def grouped(muscles: Sequence[MusclePattern]) -> list[tuple[Exponents, list[int]]]:
    """Muscles that one block serves: those whose terms begin the longest list of the same number of coordinates."""
    groups: list[tuple[Exponents, list[int]]] = []
    for i in sorted(range(len(muscles)), key=lambda i: -len(muscles[i].exponents)):
        own = muscles[i].exponents
        for exponents, members in groups:
            if exponents[: len(own)] == own:
                members.append(i)
                break
        else:
            groups.append((own, [i]))
    return groups


def rigid_muscle_block(exponents: Exponents) -> Block:
    """Moments of a muscle with a rigid tendon, taken from the rows of the coordinates that it crosses.

    Variables: coordinates, speeds, activation. Parameters: the muscle's numbers and path, body weight (N).
    """
    n = len(exponents[0])
    count = N_MUSCLE_NUMBERS + 2 * n + len(exponents)

    def rows(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        muscle = SymbolicMuscle(*items(p[:N_MUSCLE_NUMBERS]))
        length, arms = polynomial_path(exponents, items(p[N_MUSCLE_NUMBERS:count]), items(x[:n]))
        velocity = -sum(arm * v for arm, v in zip(arms, items(x[n : 2 * n]), strict=True))
        force = muscle.max_isometric_force * rigid_tendon_force(muscle, length, velocity, x[2 * n])
        return ca.SX(0), [-arm * force / (p[count] * LEVER) for arm in arms]

    scale = scales(("coordinates", n), ("speeds", n), ("activations", 1))
    return make_block("muscle", rows, scale, count + 1)


def tendon_moment_block(exponents: Exponents) -> Block:
    """Moments of a muscle whose tendon force is a variable.

    Variables: coordinates, tendon force. Parameters as of `rigid_muscle_block`.
    """
    n = len(exponents[0])
    count = N_MUSCLE_NUMBERS + 2 * n + len(exponents)

    def rows(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        _, arms = polynomial_path(exponents, items(p[N_MUSCLE_NUMBERS:count]), items(x[:n]))
        return ca.SX(0), [-arm * x[n] * p[0] / (p[count] * LEVER) for arm in arms]

    return make_block("tendon", rows, scales(("coordinates", n), ("tendon_forces", 1)), count + 1)


def equilibrium_block(exponents: Exponents) -> Block:
    """Balance of fibre and compliant tendon.

    Variables: coordinates, speeds, activation, tendon force and its rate. Parameters: the muscle's numbers and path.
    """
    n = len(exponents[0])
    count = N_MUSCLE_NUMBERS + 2 * n + len(exponents)

    def rows(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        muscle = SymbolicMuscle(*items(p[:N_MUSCLE_NUMBERS]))
        length, arms = polynomial_path(exponents, items(p[N_MUSCLE_NUMBERS:count]), items(x[:n]))
        velocity = -sum(arm * v for arm, v in zip(arms, items(x[n : 2 * n]), strict=True))
        activation, force, rate = (x[2 * n + i] for i in range(3))
        return ca.SX(0), [equilibrium_residual(muscle, length, velocity, activation, force, rate)]

    scale = scales(("coordinates", n), ("speeds", n), ("activations", 1), ("tendon_forces", 1), ("tendon_rates", 1))
    return make_block("muscle equilibrium", rows, scale, count)


def metabolic_block(exponents: Exponents, compliant: bool) -> Block:
    """Price of the energy that one muscle turns over, per body mass (W/kg), and of its square.

    Variables: coordinates, speeds, activation, excitation; tendon force and its rate where the tendon gives.
    Parameters: the muscle's numbers and path, body weight (N), mass of the muscle (kg), share of slow fibres, the two
    prices.
    """
    n = len(exponents[0])
    count = N_MUSCLE_NUMBERS + 2 * n + len(exponents)

    def cost(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        muscle = SymbolicMuscle(*items(p[:N_MUSCLE_NUMBERS]))
        length, arms = polynomial_path(exponents, items(p[N_MUSCLE_NUMBERS:count]), items(x[:n]))
        velocity = -sum(arm * v for arm, v in zip(arms, items(x[n : 2 * n]), strict=True))
        activation, excitation = x[2 * n], x[2 * n + 1]
        if compliant:
            fibre = compliant_tendon_fibre(muscle, length, velocity, x[2 * n + 2], x[2 * n + 3])
        else:
            fibre = rigid_tendon_fibre(muscle, length, velocity)
        weight, mass, slow_share, price, price_of_square = items(p[count:])
        rate = metabolic_rate(muscle, fibre, activation, excitation, mass, slow_share, METABOLIC_LAW).total
        per_mass = rate * STANDARD_GRAVITY / weight
        return price * per_mass + price_of_square * per_mass**2, []

    tendon = (("tendon_forces", 1), ("tendon_rates", 1)) if compliant else ()
    scale = scales(("coordinates", n), ("speeds", n), ("activations", 1), ("excitations", 1), *tendon)
    return make_block("metabolic rate", cost, scale, count + 5)


def activation_block(scheme: str, law: str) -> Block:
    """Activation dynamics of one muscle over one interval.

    Variables: activation at the interval's nodes, excitation at the same nodes, duration (s). Parameters: interval
    length as a share of the duration, activation and deactivation time (s), steepness of the smooth law.
    """
    n = nodes_per_defect(scheme)

    def rows(x: ca.SX, p: ca.SX) -> tuple[ca.SX, list[ca.SX]]:
        a, e, h = x[:n], x[n : 2 * n], p[0] * x[2 * n]
        smooth = law == "smooth"
        rate = [
            smooth_rate(e[i], a[i], p[1], p[2], p[3]) if smooth else linear_rate(e[i], a[i], p[1]) for i in range(n)
        ]
        return ca.SX(0), defect_rows(scheme, a, ca.vertcat(*rate), h)

    return make_block("activation dynamics", rows, np.ones(2 * n + 1), 4)

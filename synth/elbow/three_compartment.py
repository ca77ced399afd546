"""Three-compartment controller: how a muscle tires, as shares of its motor units that are active, fatigued or at rest.

T. Xia and L. A. Frey-Law, J Biomech 41:3046, 2008; faster recovery at rest (3CC-r): J. M. Looft, N. Herkert and
L. Frey-Law, J Biomech 77:16, 2018. With M_A active, M_F fatigued, M_R resting (sum 1), T the target load,

    dM_A/dt = C - F M_A,    dM_F/dt = F M_A - R' M_F,    dM_R/dt = -C + R' M_F,
    C = L (T - M_A)  if M_A < T and M_R > T - M_A,   L M_R  if M_A < T and M_R <= T - M_A,   L (T - M_A)  else,

L = 10 1/s. R' is r R where nothing is wanted of the muscle (T <= `REST`), else R: the rule of S. Rakshit, S. Barua and
N. Yang, J Biomech 2021. The published rule (r R whenever M_A >= T) is the same in a contraction that is held.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CONTROLLER = 10.0
"""L, 1/s."""
REST = 0.01
REST_RECOVERY = 15.0
"""r, found best for the elbow by Looft et al. 2018."""
ELBOW_RATES = (0.00912, 0.00094)
"""F and R (1/s) of the elbow: L. A. Frey-Law, J. M. Looft and J. Heitsman, J Biomech 45:1803, 2012."""
FLEXOR_RATES = {"female": (0.00965, 0.00197), "male": (0.01302, 0.00188)}
"""F and R (1/s) of elbow flexors of women and men: Rakshit et al. 2021."""
ELBOW_ENDURANCE = (17.98, -2.21)
"""b0 (s) and b1 of the endurance time b0 * share^b1 of a held share of the strength of the elbow, from experiments:
L. A. Frey Law and K. G. Avin, Ergonomics 53:109, 2010."""


@dataclass(frozen=True)
class Compartments:
    """State of muscles.

    Attributes
    ----------
    active, fatigued, resting : ndarray
        Shares of the motor units, of one shape; their sum is 1.
    """

    active: np.ndarray
    fatigued: np.ndarray
    resting: np.ndarray

    @property
    def capacity(self) -> np.ndarray:
        """Share of the strength that is left: what is not fatigued."""
        return 1.0 - self.fatigued


def rested(shape: tuple[int, ...]) -> Compartments:
    """Muscles that have done nothing."""
    return Compartments(np.zeros(shape), np.zeros(shape), np.ones(shape))


def step(
    state: Compartments, target: np.ndarray, fatigue: np.ndarray | float, recovery: np.ndarray | float, seconds: float
) -> Compartments:
    """State after a short time, by Euler's rule; what flows out of one compartment flows into another.

    Parameters
    ----------
    state : Compartments
    target : ndarray
        T, share of the strength of the rested muscle.
    fatigue, recovery : ndarray or float
        F and R (1/s).
    seconds : float
        At most 1 / L, so that no compartment is emptied twice.
    """
    if not 0.0 < seconds <= 1.0 / CONTROLLER:
        raise ValueError(f"a step of {seconds} s: expected above 0 and at most {1.0 / CONTROLLER} s.")
    wanted = target - state.active
    recruited = CONTROLLER * np.where(wanted > 0.0, np.minimum(wanted, state.resting), wanted)
    tired = fatigue * state.active
    recovered = np.where(target <= REST, REST_RECOVERY, 1.0) * recovery * state.fatigued
    return Compartments(
        state.active + seconds * (recruited - tired),
        state.fatigued + seconds * (tired - recovered),
        state.resting + seconds * (recovered - recruited),
    )


def endurance_time(
    share: float, fatigue: float, recovery: float, *, seconds: float = 0.05, longest: float = 3600.0
) -> float:
    """Time (s) for which a share of the strength can be held: until active and resting units together are too few.

    Returns
    -------
    float
        inf if longer than `longest`.
    """
    state = rested(())
    target = np.asarray(share)
    for i in range(int(longest / seconds)):
        if state.capacity < share:
            return i * seconds
        state = step(state, target, fatigue, recovery, seconds)
    return float("inf")

"""Activation dynamics: how a muscle's activation follows its excitation.

The linear law is the default, because its defects stay linear. The others are those of published programs. All are
smooth; excitations and activations are meant from 0 to 1 and may stray.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from synth.optimal_control.law.smooth_bound import smooth_floor

Scalar = Any
_LEAST_SLOWNESS, _BEND = 0.05, 0.02  # of 0.5 + 1.5 a, which is 0 at the activation -1/3


def linear_rate(excitation: Scalar, activation: Scalar, time: Scalar) -> Scalar:
    """First-order law with one time constant.

    Parameters
    ----------
    excitation, activation : scalar
    time : scalar
        Time constant (s): after it, 63 % of a step are reached.

    Returns
    -------
    scalar
        da/dt (1/s).
    """
    return (excitation - activation) / time


def smooth_rate(
    excitation: Scalar,
    activation: Scalar,
    activation_time: Scalar,
    deactivation_time: Scalar,
    steepness: Scalar = 10.0,
) -> Scalar:
    """De Groote's law: another time constant on the way up than down, both longer the higher the activation.

    Parameters
    ----------
    excitation, activation : scalar
    activation_time, deactivation_time : scalar
        Time constants (s).
    steepness : scalar
        Of the change from one to the other, b in tanh(b (e - a)). OpenSim's class has 0.1 unless told otherwise, with
        which both directions have nearly one and the same mean time constant; its documentation recommends 10, as here.

    Returns
    -------
    scalar
        da/dt (1/s).

    Notes
    -----
    De Groote, Kinney, Rao, Fregly, Ann Biomed Eng 44:2922, 2016; DeGrooteFregly2016Muscle of OpenSim.
    """
    upwards = 0.5 * np.tanh(steepness * (excitation - activation))
    slowness = smooth_floor(0.5 + 1.5 * activation, _LEAST_SLOWNESS, _BEND)
    rate = (0.5 + upwards) / (activation_time * slowness) + (0.5 - upwards) * slowness / deactivation_time
    return rate * (excitation - activation)


def gait2dc_rate(
    excitation: Scalar, activation: Scalar, activation_time: Scalar = 0.01, deactivation_time: Scalar = 0.03
) -> Scalar:
    """Law of the gait2dc model: the rate grows with the excitation; da/dt in 1/s.

    He, Levine, Loeb, IEEE Trans Autom Control 36:322, 1991; time constants (s) of van den Bogert et al. 2012.
    """
    slow = 1.0 / deactivation_time
    fast = 1.0 / activation_time - slow
    return (excitation - activation) * (fast * excitation + slow)


def rate_margins(
    rate: Scalar, activation: Scalar, activation_time: Scalar, deactivation_time: Scalar
) -> tuple[Scalar, Scalar]:
    """Two rows that keep da/dt possible where it is a control and there is no excitation; both must be at least 0.

    Parameters
    ----------
    rate : scalar
        da/dt (1/s).
    activation : scalar
    activation_time, deactivation_time : scalar
        Time constants (s).

    Returns
    -------
    tuple of 2 scalars
        a + T_deactivation da/dt, that is no faster down than with no excitation, and 1 - a - T_activation da/dt, no
        faster up than with full excitation. Times the time constant of the published rows, so that both are of the
        size of an activation.

    Notes
    -----
    Raasch, Zajac, Ma, Levine, J Biomech 30:595, 1997, in the form of De Groote et al., Comput Methods
    Biomech Biomed Engin 12:563, 2009.
    """
    return activation + deactivation_time * rate, 1.0 - activation - activation_time * rate

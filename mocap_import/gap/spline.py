"""Gap spline: the cubic spline that bridges a short gap, as weights of the samples seen on both sides."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline


@lru_cache(maxsize=2048)
def spline_weights(known: tuple[int, ...], wanted: tuple[int, ...]) -> np.ndarray:
    """Weights of the seen samples in each bridged one.

    An interpolating spline is linear in its samples, so one matrix serves every axis, marker and place.

    Parameters
    ----------
    known, wanted : tuple of int
        Frame numbers of the seen and of the missing samples, relative to any common origin; `wanted` lies between the
        first and the last of `known`, of which there are at least two.

    Returns
    -------
    ndarray, shape (len(wanted), len(known))
        Rows add up to one. Straight lines and parabolas are bridged exactly from four samples on (not-a-knot ends).

    References
    ----------
    de Boor 1978, A Practical Guide to Splines, chapter IV.
    """
    return CubicSpline(np.array(known), np.eye(len(known)))(np.array(wanted))

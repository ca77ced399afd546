"""Foot load: ground reactions as force and moment about the ground's origin at the frames of the motion.

The moment about a fixed point is filtered and sampled, never the centre of pressure, which means nothing in swing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mocap_import.low_pass import low_pass
from mocap_import.trial import GroundReaction
from opensim_models.model_mismatch import ModelMismatch

FEET = {"right": "calcn_r", "left": "calcn_l"}
"""Foot → segment on which its reaction acts."""
STEPPED_ON = 20.0
"""Vertical force (N) that a plate must carry at some time to have been stepped on."""
LOADED = 10.0
"""Vertical force (N) from which a centre of pressure is computed."""
NEGLIGIBLE = 50.0
"""A force (N) below this whose point of application is unknown is noise of an unloaded plate."""


def check_reactions(reactions: tuple[GroundReaction, ...], feet: Mapping[str, str] = FEET) -> None:
    """Refuse reactions that belong to no single foot, plates that nobody stepped on, and impossible rates.

    Raises
    ------
    ModelMismatch
    """
    for reaction in reactions:
        if reaction.foot not in feet:
            raise ModelMismatch(
                f"ground reaction {reaction.name!r} is of {reaction.foot!r}; inverse dynamics needs one foot each. "
                "`solve_trial_dynamics` shares the plates of a trial out between the feet by its events."
            )
        if not (np.isfinite(reaction.rate) and reaction.rate > 0):
            raise ModelMismatch(f"ground reaction {reaction.name!r} has the rate {reaction.rate} Hz; expected above 0.")
    loaded = [np.nanmax(r.force[:, 1], initial=0.0) > STEPPED_ON for r in reactions]
    unknown = [np.isnan(r.force).any() for r in reactions]
    if reactions and not any(loaded) and not any(unknown):
        names = ", ".join(r.name or r.foot for r in reactions)
        raise ModelMismatch(
            f"nobody stepped on {names}: no vertical force above {STEPPED_ON:g} N in the whole trial. Use a trial with "
            "a step on a plate, or give no ground reactions if the body really flies."
        )


def wrench_at(reaction: GroundReaction, time: np.ndarray, rate: float, cutoff: float | None) -> np.ndarray:
    """Force and moment about the ground's origin at given times.

    Parameters
    ----------
    reaction : GroundReaction
    time : ndarray, shape (n_frames,)
        s after the first sample.
    rate : float
        Of `time` (Hz).
    cutoff : float, optional
        Low-pass (Hz); None for none.

    Returns
    -------
    ndarray, shape (n_frames, 6)
        N and N·m, ground frame; NaN where the force is unknown or not recorded.
    """
    every = round(reaction.rate / rate)
    own_rate = reaction.rate
    if cutoff or abs(every * rate - own_rate) > 1e-9 * own_rate:
        every = 1  # all samples are needed to filter or to interpolate
    force, pressure = (np.array(x[::every], dtype=float) for x in (reaction.force, reaction.centre_of_pressure))
    own_rate /= every
    placed = np.isfinite(pressure).all(axis=1)
    known = force[~placed]
    force[~placed] = np.where((np.square(known).sum(axis=1) < NEGLIGIBLE**2)[:, None], 0.0, np.nan)
    x, y, z = np.where(placed, pressure.T, 0.0)
    both = np.empty((len(force), 6))
    both[:, :3] = force
    both[:, 3] = y * force[:, 2] - z * force[:, 1]
    both[:, 4] = z * force[:, 0] - x * force[:, 2] + np.nan_to_num(reaction.free_moment[::every])
    both[:, 5] = x * force[:, 1] - y * force[:, 0]
    if cutoff:
        if cutoff >= reaction.rate / 2:
            raise ModelMismatch(
                f"ground reaction {reaction.name!r} at {reaction.rate:g} Hz cannot pass a low-pass of {cutoff:g} Hz; "
                "choose a cut-off below half the rate."
            )
        both = low_pass(both, reaction.rate, cutoff)
    if own_rate == rate:
        at = both[np.minimum(np.arange(len(time)), len(both) - 1)]
    else:
        own = np.arange(len(both)) / own_rate
        at = np.stack([np.interp(time, own, column) for column in both.T], axis=1)
    at[time > len(both) / own_rate] = np.nan
    return at


def reaction_of(wrench: np.ndarray, rate: float, foot: str, name: str) -> GroundReaction:
    """A wrench (n_frames, 6) about the ground's origin as force, centre of pressure at height zero and free moment."""
    fx, fy, fz, mx, my, mz = wrench.T
    loaded = fy > LOADED
    with np.errstate(invalid="ignore", divide="ignore"):
        x, z = mz / fy, -mx / fy
        free = my - (z * fx - x * fz)
    pressure = np.stack([x, np.zeros_like(x), z], axis=1)
    pressure[~loaded] = np.nan
    return GroundReaction(wrench[:, :3], pressure, np.where(loaded, free, np.nan), rate, foot, name)

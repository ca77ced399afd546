"""Foot load: ground reactions as force and moment about the ground's origin at the frames of the motion.

The moment about a fixed point is filtered and sampled, never the centre of pressure, which means nothing in swing.
The forces from which a plate counts as loaded are those of the import: `FORCE_THRESHOLD`, 20 N, and `CONTACT_ON`, 50 N,
which say where they come from. Of walking, Tirosh & Sparrow (J Appl Biomech 19(2), 2003) found the instant of heel
contact to depend little on any threshold up to 50 N; that of toe-off asks for 10 N, but no instants are sought here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mocap_import.low_pass import low_pass
from mocap_import.plate.contact import CONTACT_ON
from mocap_import.plate.force_plate import FORCE_THRESHOLD
from mocap_import.trial import GroundReaction
from opensim_models.kernel.linkage import linkage
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch

FEET = {"right": "calcn_r", "left": "calcn_l"}
"""Foot → segment on which its reaction acts."""
NEGLIGIBLE = CONTACT_ON
"""A force (N) below this whose point of application is unknown is noise of an unloaded plate.

Below `FORCE_THRESHOLD` no plate has a centre of pressure. What is left there was measured on the public recordings
that the tests use: at most 25 N on floor plates (22 loaded plates of four laboratories), at most 50 N on a running
treadmill (RBDS, three speeds), which is also the force that a contact must pass to count as one (`plate.contact`)."""


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
    loaded = [np.nanmax(r.force[:, 1], initial=0.0) > FORCE_THRESHOLD for r in reactions]
    unknown = [np.isnan(r.force).any() for r in reactions]
    if reactions and not any(loaded) and not any(unknown):
        names = ", ".join(r.name or r.foot for r in reactions)
        raise ModelMismatch(
            f"nobody stepped on {names}: no vertical force above {FORCE_THRESHOLD:g} N in the whole trial. Use a trial "
            "with a step on a plate, or give no ground reactions if the body really flies."
        )


def loaded_links(
    skeleton: Skeleton, reactions: tuple[GroundReaction, ...], feet: Mapping[str, str] = FEET
) -> np.ndarray:
    """Links (k,) of a skeleton on which the reactions act.

    Raises
    ------
    ModelMismatch
        A foot is a segment that the skeleton does not have, or one that no coordinate moves.
    """
    flat = linkage(skeleton)
    links = np.empty(len(reactions), dtype=np.int64)
    for k, reaction in enumerate(reactions):
        segment = feet[reaction.foot]
        links[k] = flat.segment_link[skeleton.segment_index(segment)]
        if links[k] < 0:
            raise ModelMismatch(
                f"ground reaction {reaction.name!r} acts on the {reaction.foot} foot, {segment}, which is fixed to the "
                f"ground in {skeleton.name}: no coordinate moves it. Name the segment that moves in `feet`."
            )
    return links


def wrench_at(reaction: GroundReaction, time: np.ndarray, rate: float, cutoff: float | None) -> np.ndarray:
    """Force and moment about the ground's origin at given times.

    The centre of pressure is taken at its own height, as on a step or a ramp. The free moment is vertical: of a plate
    that is tilted, the horizontal part of the couple (its size times the sine of the slope) is left out.

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


def surface_height(reactions: Sequence[GroundReaction]) -> float:
    """Height (m) of the surface on which forces act, as their centres of pressure say: the median; 0 without any."""
    heights = np.concatenate([reaction.centre_of_pressure[:, 1] for reaction in reactions])
    return float(np.nanmedian(heights)) if np.isfinite(heights).any() else 0.0


def reaction_of(wrench: np.ndarray, rate: float, foot: str, name: str, height: float = 0.0) -> GroundReaction:
    """A wrench as force, centre of pressure and free moment.

    Parameters
    ----------
    wrench : ndarray, shape (n_frames, 6)
        Force (N) and moment about the ground's origin (N·m).
    rate : float
        Hz.
    foot, name : str
        See `GroundReaction`.
    height : float
        Of the level surface (m) in which the centre of pressure is looked for. Force, centre and free moment are
        together the wrench itself whatever the height. On a ramp the centre is where the force's line passes this
        height, not on the slope.

    Returns
    -------
    GroundReaction
        Centre of pressure and free moment are NaN where the vertical force is below `FORCE_THRESHOLD`.
    """
    fx, fy, fz, mx, my, mz = wrench.T
    loaded = fy > FORCE_THRESHOLD
    with np.errstate(invalid="ignore", divide="ignore"):
        x, z = (mz + height * fx) / fy, (height * fz - mx) / fy
        free = my - (z * fx - x * fz)
    pressure = np.stack([x, np.full_like(x, height), z], axis=1)
    pressure[~loaded] = np.nan
    return GroundReaction(wrench[:, :3], pressure, np.where(loaded, free, np.nan), rate, foot, name)

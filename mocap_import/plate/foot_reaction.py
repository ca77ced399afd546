"""Foot reaction: the ground reaction of each foot, put together from plates and gait events, unknown where it is.

A plate that both feet load in turn is shared out by the events: to the foot in stance while the other one swings.
In double support on one plate, where a foot stands beside all plates or partly beside one, and where a plate step is
spoiled in another way, the force is NaN, never zero.
"""

from __future__ import annotations

import numpy as np

from mocap_import.plate.force_plate import FORCE_THRESHOLD
from mocap_import.plate.step import SIDES, holds_whole_force
from mocap_import.trial import GroundReaction, MarkerTrial

_EVENT_ERROR = 0.05
"""Events are no more exact than this (s)."""


def foot_reactions(trial: MarkerTrial) -> dict[str, GroundReaction]:
    """Ground reaction of each foot.

    Parameters
    ----------
    trial : MarkerTrial
        With plates of known feet and with events.

    Returns
    -------
    dict
        ``"right"``, ``"left"`` → GroundReaction at the plates' rate, ground frame. Force is zero in swing and NaN
        where the plates do not tell this foot's force; centre of pressure and free moment are NaN in both.
        Empty without plates.
    """
    if not trial.ground_reactions:
        return {}
    rate = trial.ground_reactions[0].rate
    n_samples = min(len(reaction.force) for reaction in trial.ground_reactions)
    standing = {foot: stance_mask(trial, foot, n_samples, rate) for foot, _ in SIDES}
    if trial.task == "walk":  # nobody who walks flies: the event that would tell is missing, often at the record's ends
        nobody = np.all([mask == 0 for mask in standing.values()], axis=0)
        standing = {foot: np.where(nobody, np.int8(-1), mask) for foot, mask in standing.items()}
    unattributed = np.zeros(n_samples, dtype=bool)
    for reaction in trial.ground_reactions:
        if reaction.foot == "unknown":
            unattributed |= reaction.force[:n_samples, 1] > FORCE_THRESHOLD
    found = {}
    for (foot, _), other in zip(SIDES, ("left", "right"), strict=True):
        parts = []
        unknown = unattributed & (standing[foot] != 0)
        for step in trial.steps:
            if step.foot == foot and not holds_whole_force(step):
                unknown[round(step.start * rate) : round(step.stop * rate)] = True
        for reaction in trial.ground_reactions:
            mine = np.full(n_samples, reaction.foot == foot)
            if reaction.foot == "both":
                mine = (standing[foot] == 1) & (standing[other] == 0)
                loaded = reaction.force[:n_samples, 1] > FORCE_THRESHOLD
                unknown |= loaded & (standing[foot] != 0) & (standing[other] != 0)
            parts.append((reaction, mine))
        found[foot] = _joined(parts, n_samples, rate, foot, unknown, standing[foot])
    return found


def stance_mask(trial: MarkerTrial, foot: str, n_samples: int, rate: float) -> np.ndarray:
    """Stance (1), swing (0) or unknown (-1) of a foot at each sample, from its events.

    Before its first event a foot does what that event ends; a foot without events is unknown, in a standing trial
    it stands.
    """
    events = [event for event in trial.events if event.foot == foot]
    if trial.task == "static":
        return np.ones(n_samples, dtype=np.int8)
    state = np.full(n_samples, -1, dtype=np.int8)
    if not events:
        return state
    time = np.arange(n_samples) / rate
    state[:] = 1 if events[0].kind == "foot_off" else 0
    for event in events:
        state[time >= event.time] = 1 if event.kind == "foot_strike" else 0
    return state


def _joined(
    parts: list[tuple[GroundReaction, np.ndarray]],
    n_samples: int,
    rate: float,
    foot: str,
    unknown: np.ndarray,
    standing: np.ndarray,
) -> GroundReaction:
    """Sum of the parts of one foot, its centre of pressure, and the free moment about it."""
    force = np.zeros((n_samples, 3))
    weighted = np.zeros((n_samples, 3))
    for reaction, mine in parts:
        load = np.where(mine[:, None], np.nan_to_num(reaction.force[:n_samples]), 0.0)
        force += load
        weighted += load[:, 1:2] * np.nan_to_num(reaction.centre_of_pressure[:n_samples])
    contact = force[:, 1] > FORCE_THRESHOLD
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = np.where(contact[:, None], weighted / force[:, 1:2], np.nan)
    moment = np.zeros(n_samples)
    for reaction, mine in parts:
        arm = np.nan_to_num(reaction.centre_of_pressure[:n_samples] - centre)
        load = np.nan_to_num(reaction.force[:n_samples])
        about = arm[:, 2] * load[:, 0] - arm[:, 0] * load[:, 2]  # vertical part of arm × load
        moment += np.where(mine, np.nan_to_num(reaction.free_moment[:n_samples]) + about, 0.0)
    # A foot that stands by its events but loads no plate stands beside them; the noise of a plate is no load.
    reach = int(_EVENT_ERROR * rate)
    beside = (standing != 0) & ~contact & ~_edge(standing, reach)
    beside = _widened(beside, reach) & ~contact & (standing != 0)  # to both ends of such a stance
    lost = unknown | beside
    force = np.where(contact[:, None], force, 0.0)
    force[lost] = np.nan
    centre[lost] = np.nan
    return GroundReaction(force, centre, np.where(contact & ~lost, moment, np.nan), rate, foot, f"{foot} foot")


def _widened(mask: np.ndarray, reach: int) -> np.ndarray:
    """A mask with its runs longer by `reach` samples at both ends."""
    edges = np.flatnonzero(np.diff(np.r_[0, mask.astype(np.int8), 0]))
    wide = mask.copy()
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        wide[max(0, start - reach) : stop + reach] = True
    return wide


def _edge(standing: np.ndarray, reach: int) -> np.ndarray:
    """Samples so near to a change of state that an event may be wrong about them."""
    changes = np.flatnonzero(np.diff(standing))
    near = np.zeros(len(standing), dtype=bool)
    for k in changes:
        near[max(0, k - reach) : k + reach + 1] = True
    return near

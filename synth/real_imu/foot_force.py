"""Foot force: ground reactions of both feet from a storage file (.mot, .sto), and their strikes and offs.

Two ways to name columns are read: ``rFx rCOPx rMx`` (one letter or word a foot), and OpenSim's ``ground_force_r_vx
ground_force_r_px ground_torque_r_x``. A plate counts as loaded above 50 N, as elsewhere in this house, and strikes and
offs lie where the force passes 20 N.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap_import.plate.contact import CONTACT_OFF, contacts
from mocap_import.trial import GroundReaction
from opensim_models.exchange.storage_table import StorageTable, read_table
from synth.real_imu.convention import RecordingRefused

_PATTERNS = (
    ("{p}F{a}", "{p}COP{a}", "{p}M{a}"),
    ("ground_force_{p}_v{a}", "ground_force_{p}_p{a}", "ground_torque_{p}_{a}"),
)
_LEAST_FORCE = 20.0


def read_foot_forces(path: Path, prefixes: Mapping[str, str]) -> dict[str, GroundReaction]:
    """Ground reactions by foot.

    Parameters
    ----------
    path : Path
        N, m and N·m in the ground frame (X forward, Y up, Z right).
    prefixes : mapping of str to str
        ``"right"`` and ``"left"`` → what the columns of that foot have in their names.

    Returns
    -------
    dict of str to GroundReaction
        The centre of pressure and free moment are NaN below 20 N.

    Raises
    ------
    RecordingRefused
        Columns of a foot are missing.
    """
    table = read_table(path)
    return {foot: _reaction(table, foot, prefix, path) for foot, prefix in prefixes.items()}


def _reaction(table: StorageTable, foot: str, prefix: str, path: Path) -> GroundReaction:
    for pattern in _PATTERNS:
        names = [[p.format(p=prefix, a=a) for a in "xyz"] for p in pattern]
        if all(name in table.labels for name in names[0]):
            break
    else:
        raise RecordingRefused(
            f"{path}: no force of the {foot} foot; expected {_PATTERNS[0][0].format(p=prefix, a='x')} or "
            f"{_PATTERNS[1][0].format(p=prefix, a='x')} and its companions, found {', '.join(table.labels[:6])}, ..."
        )
    force, place, moment = (
        np.column_stack(
            [
                table.values[:, table.labels.index(n)] if n in table.labels else np.full(len(table.values), np.nan)
                for n in row
            ]
        )
        for row in names
    )
    unloaded = force[:, 1] < _LEAST_FORCE
    place[unloaded] = np.nan
    free = np.where(unloaded, np.nan, moment[:, 1])
    return GroundReaction(force, place, free, table.rate, foot=foot, name=f"{foot} plate")


def contact_times(vertical: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Strikes and offs (s after the first sample) of a foot's vertical force (n,) in N; none at either end."""
    known = np.nan_to_num(vertical)
    loaded = contacts(known, rate)
    strikes = [_crossing(known, first, rate) for first, _ in loaded if first > 0]
    offs = [_crossing(known, last, rate) for _, last in loaded if last < len(known)]
    return np.array(strikes), np.array(offs)


def _crossing(force: np.ndarray, sample: int, rate: float) -> float:
    """Instant (s) at which the force passes the threshold between a sample and the one before it."""
    before, after = force[sample - 1], force[sample]
    share = (CONTACT_OFF - before) / (after - before) if after != before else 1.0
    return float((sample - 1 + min(max(share, 0.0), 1.0)) / rate)


def on_sensor_clock(reaction: GroundReaction, lag: float, rate: float, n_frames: int) -> GroundReaction:
    """A reaction as the sensors' clock would have seen it.

    Parameters
    ----------
    reaction : GroundReaction
        On the plates' clock, which begins with the sensors'.
    lag : float
        How late the sensors are (s).
    rate : float
        Hz of the result.
    n_frames : int
        Of the result; NaN where the plates did not record.
    """
    own = np.arange(len(reaction.force)) / reaction.rate
    time = np.arange(n_frames) / rate - lag
    outside = (time < own[0]) | (time > own[-1])
    values = np.column_stack([reaction.force, reaction.centre_of_pressure, reaction.free_moment])
    moved = np.stack([np.interp(time, own, column) for column in values.T], axis=1)
    moved[outside] = np.nan
    return replace(
        reaction, force=moved[:, :3], centre_of_pressure=moved[:, 3:6], free_moment=moved[:, 6], rate=float(rate)
    )

"""Trial tables: a trial as CSV files that a spreadsheet or a statistics program opens; units in the column names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.durable_file import write_durably
from mocap_import.gap.filling import FILL_METHODS
from mocap_import.spatiotemporal import UNITS, spatiotemporal
from mocap_import.spreadsheet import csv_text
from mocap_import.trial import MarkerTrial, TrialRefused

TABLES = ("markers", "forces", "events", "steps", "analog", "rotations", "spatiotemporal", "treatments")


def write_trial_tables(path: str | Path, trial: MarkerTrial) -> list[Path]:
    """Write a trial as ``<name>_markers.csv`` and so on, one file for each of `TABLES` that has rows.

    Parameters
    ----------
    path : str or Path
        Folder and stem, e.g. ``out/S01/walk_02``; the folder must exist.
    trial : MarkerTrial

    Returns
    -------
    list of Path
        The files written.
    """
    path = Path(path)
    written = []
    for name, table in trial_tables(trial).items():
        if len(table):
            written.append(path.with_name(f"{path.name}_{name}.csv"))
            write_durably(written[-1], csv_text(table))
    return written


def trial_tables(trial: MarkerTrial) -> dict[str, pd.DataFrame]:
    """Tidy tables of a trial, one observation a row.

    Returns
    -------
    dict
        ``markers``: time_s, marker, x_m, y_m, z_m, filled_by (``""`` if measured); occluded samples have empty
        coordinates. ``forces``: time_s, plate, foot, force_x_N …, pressure_x_m …, free_moment_Nm. ``analog``: time_s,
        one column a channel with its unit. ``rotations``: time_s, segment, m11 … m34: transform of a markerless
        segment, file axes and unit. ``spatiotemporal``: one row a side. ``events``, ``steps``, ``treatments``.
    """
    return {
        "markers": _markers(trial),
        "forces": _forces(trial),
        "events": pd.DataFrame(
            [(event.time, event.foot, event.kind, event.source) for event in trial.events],
            columns=["time_s", "foot", "event", "source"],
        ),
        "steps": pd.DataFrame(
            [(step.plate, step.foot, step.start, step.stop, step.usable, step.reason) for step in trial.steps],
            columns=["plate", "foot", "start_s", "stop_s", "usable", "reason"],
        ),
        "analog": _analog(trial),
        "rotations": _rotations(trial),
        "spatiotemporal": _spatiotemporal(trial),
        "treatments": pd.DataFrame([(t.what, t.detail) for t in trial.treatments], columns=["what", "detail"]),
    }


def _markers(trial: MarkerTrial) -> pd.DataFrame:
    """One row a frame and marker."""
    n_frames, n_markers = trial.positions.shape[:2]
    method = np.zeros((n_frames, n_markers), dtype=int)
    names = np.array([*FILL_METHODS, "unknown"], dtype=object)
    if trial.fill_method is not None:
        method = np.minimum(trial.fill_method.astype(int), len(names) - 1)
    elif trial.filled is not None:
        method = np.where(trial.filled, len(names) - 1, 0)
    place = trial.positions.reshape(-1, 3)
    return pd.DataFrame(
        {
            "time_s": np.repeat(trial.time, n_markers),
            "marker": np.tile(np.array(trial.labels, dtype=object), n_frames),
            **{f"{axis}_m": place[:, k] for k, axis in enumerate("xyz")},
            "filled_by": names[method.ravel()],
        }
    )


def _forces(trial: MarkerTrial) -> pd.DataFrame:
    """One row a sample and plate."""
    parts = [
        pd.DataFrame(
            {
                "time_s": np.arange(len(reaction.force)) / reaction.rate,
                "plate": reaction.name,
                "foot": reaction.foot,
                **{f"force_{axis}_N": reaction.force[:, k] for k, axis in enumerate("xyz")},
                **{f"pressure_{axis}_m": reaction.centre_of_pressure[:, k] for k, axis in enumerate("xyz")},
                "free_moment_Nm": reaction.free_moment,
            }
        )
        for reaction in trial.ground_reactions
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _analog(trial: MarkerTrial) -> pd.DataFrame:
    """One column a channel, with the unit of the file."""
    if not trial.analog:
        return pd.DataFrame()
    units = {label: trial.analog_units.get(label, "") for label in trial.analog}
    length = max(map(len, trial.analog.values()))
    columns = {f"{label} ({units[label]})" if units[label] else label: v for label, v in trial.analog.items()}
    return pd.DataFrame({"time_s": np.arange(length) / trial.analog_rate, **columns})


def _rotations(trial: MarkerTrial) -> pd.DataFrame:
    """One row a sample and segment: the first three rows of its transform."""
    if not trial.segment_rotations or not trial.segment_rotation_rate > 0:
        return pd.DataFrame()
    names = [f"m{row}{column}" for row in (1, 2, 3) for column in (1, 2, 3, 4)]
    parts = [
        pd.DataFrame(np.asarray(matrices)[:, :3].reshape(len(matrices), 12), columns=names).assign(
            time_s=np.arange(len(matrices)) / trial.segment_rotation_rate, segment=segment
        )
        for segment, matrices in trial.segment_rotations.items()
    ]
    return pd.concat(parts, ignore_index=True)[["time_s", "segment", *names]]


def _spatiotemporal(trial: MarkerTrial) -> pd.DataFrame:
    """One row a side, units in the column names."""
    try:
        table = spatiotemporal(trial)
    except TrialRefused:  # its marker set is not here: nothing is known of heels
        return pd.DataFrame()
    if not len(table) or not trial.events:
        return pd.DataFrame()
    return table.rename(columns=UNITS).rename_axis("side").reset_index()

"""Tidy tables of a corpus: one table a kind, one observation a row, the unit in the name of every column.

Tables of all trials have the same columns: `TableColumns` is made from the corpus before the first row is written, so
that rows can be written trial by trial in memory that does not grow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mocap_import.subject import Subject
from synth.corpus.schema import CHANNEL_UNITS, CHANNELS, GROUND_FRAME, coordinate_unit, force_unit, spatiotemporal_unit
from synth.corpus.trial import CorpusTrial

_SUFFIX = {"m/s^2": "m_s2", "m/s": "m_s", "rad/s": "rad_s", "N.m": "Nm", "1": "", "": ""}
"""Unit → end of a column's name; other units are their own."""
_SENSOR = "sensor axes"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
        Ends with the unit, e.g. ``"force_x_N"``.
    kind : str
        ``"text"``, ``"integer"``, ``"number"`` (float64) or ``"single"`` (float32).
    unit : str
        SI or degrees of nothing: ``"rad"``, ``"N.m"``; ``""`` for text.
    frame : str
        Of a vector's component.
    """

    name: str
    kind: str = "text"
    unit: str = ""
    frame: str = ""


def _column(stem: str, unit: str, frame: str = "", kind: str = "number") -> Column:
    suffix = _SUFFIX.get(unit, unit)
    return Column(f"{stem}_{suffix}" if suffix else stem, kind, unit, frame)


_TRIAL = (Column("subject"), Column("trial"))
_FRAME = (*_TRIAL, Column("frame", "integer"), _column("time", "s"))
FIXED: dict[str, tuple[Column, ...]] = {
    "subjects": (
        Column("subject"),
        _column("mass", "kg"),
        _column("height", "m"),
        _column("age", "yr"),
        Column("sex"),
    ),
    "trials": (
        *_TRIAL,
        Column("task"),
        _column("rate", "Hz"),
        Column("n_frames", "integer"),
        _column("belt_speed", "m/s"),
        Column("status"),
        Column("reason"),
        Column("source"),
        Column("source_hash"),
        _column("seconds", "s"),
        _column("start_time", "s"),
        Column("session"),
        Column("error_recipe"),
    ),
    "sensors": (
        *_TRIAL,
        Column("sensor"),
        Column("segment"),
        *(_column(f"offset_{axis}", "m", "segment") for axis in "xyz"),
        *(_column(f"mounting_{part}", "1", "sensor to segment") for part in "wxyz"),
    ),
    "events": (*_TRIAL, _column("time", "s"), Column("foot"), Column("event"), Column("source")),
    "spatiotemporal": (*_TRIAL, Column("parameter"), Column("value", "number"), Column("unit")),
    "treatments": (*_TRIAL, Column("what"), Column("detail")),
    "imu": (
        *_FRAME,
        Column("sensor"),
        *(_column(name, unit, _SENSOR, "single") for name, unit in zip(CHANNELS, CHANNEL_UNITS, strict=True)),
    ),
    "ground_reactions": (
        *_FRAME,
        Column("foot"),
        Column("plate"),
        *(_column(f"force_{axis}", "N", GROUND_FRAME) for axis in "xyz"),
        *(_column(f"pressure_{axis}", "m", GROUND_FRAME) for axis in "xyz"),
        _column("free_moment", "N.m", GROUND_FRAME),
    ),
}
"""Columns of the tables that are the same in every corpus."""
WIDE = ("kinematics", "generalized_forces", "activations", "emg")
"""Tables with one column a coordinate, muscle or channel."""
TABLES = (*FIXED, *WIDE)


class TableColumns:
    """Columns of every table of one corpus.

    Attributes
    ----------
    columns : dict
        Table → tuple of Column; tables of coordinates have those of all trials.
    """

    def __init__(self, trials: Iterable[CorpusTrial]) -> None:
        self.columns = dict(FIXED)
        names: dict[str, dict[Column, None]] = {table: {} for table in WIDE}  # in the order of first sight
        for trial in trials:
            for table in WIDE:
                names[table] |= dict.fromkeys(_wide(table, trial)[0])
        self.columns |= {table: (*_FRAME, *found) for table, found in names.items()}


def subject_rows(subjects: Sequence[Subject]) -> pd.DataFrame:
    """One row a subject; unknown numbers are NaN."""
    rows = [(person.code, person.mass, person.height, person.age, person.sex) for person in subjects]
    return pd.DataFrame(rows, columns=_names("subjects"))


def trial_rows(trial: CorpusTrial) -> dict[str, pd.DataFrame]:
    """Tables of one trial.

    Parameters
    ----------
    trial : CorpusTrial

    Returns
    -------
    dict
        Table → rows (all of `TABLES` but ``subjects``); empty where the trial has nothing of the kind. Missing is NaN.
    """
    recipe = trial.errors.to_json() if trial.errors is not None else ""
    facts = (trial.task, trial.rate, trial.n_frames, trial.belt_speed, trial.status, trial.reason)
    facts += (trial.source, trial.source_hash, trial.seconds, trial.start_time, trial.session, recipe)
    events = [(event.time, event.foot, event.kind, event.source) for event in trial.events]
    shares = [(key, value, spatiotemporal_unit(key)) for key, value in sorted(trial.spatiotemporal.items())]
    treatments = [(treatment.what, treatment.detail) for treatment in trial.treatments]
    rows = {
        "trials": _of_trial(trial, "trials", [facts]),
        "sensors": _of_trial(trial, "sensors", _sensors(trial)),
        "events": _of_trial(trial, "events", events),
        "spatiotemporal": _of_trial(trial, "spatiotemporal", shares),
        "treatments": _of_trial(trial, "treatments", treatments),
        "imu": _imu(trial),
        "ground_reactions": _ground_reactions(trial),
    }
    for table in WIDE:
        columns, values = _wide(table, trial)
        frames = _frames(trial, trial.n_frames if columns else 0)
        part = pd.DataFrame(values, columns=[column.name for column in columns])
        rows[table] = pd.concat([frames, part], axis=1)
    return rows


def _names(table: str) -> list[str]:
    return [column.name for column in FIXED[table]]


def _of_trial(trial: CorpusTrial, table: str, rows: Sequence[tuple]) -> pd.DataFrame:
    owner = (trial.subject.code, trial.name)
    return pd.DataFrame([(*owner, *row) for row in rows], columns=_names(table))


def _sensors(trial: CorpusTrial) -> list[tuple]:
    rows = []
    for placement in (recording.placement for recording in trial.recordings):
        x, y, z, w = placement.mounting.as_quat(canonical=True)
        rows.append((placement.sensor, placement.segment, *placement.offset, w, x, y, z))
    return rows


def _frames(trial: CorpusTrial, n_frames: int) -> pd.DataFrame:
    """Subject, trial, number and time of frames."""
    frame = np.arange(n_frames)
    return pd.DataFrame(
        {"subject": trial.subject.code, "trial": trial.name, "frame": frame, "time_s": frame / trial.rate}
    )


def _imu(trial: CorpusTrial) -> pd.DataFrame:
    """One row a frame and sensor, sensor after sensor."""
    parts = []
    for recording in trial.recordings:
        part = _frames(trial, trial.n_frames).assign(sensor=recording.placement.sensor)
        records = np.concatenate([recording.specific_force, recording.angular_velocity], axis=1).astype(np.float32)
        parts.append(pd.concat([part, pd.DataFrame(records, columns=_names("imu")[5:])], axis=1))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_names("imu"))


def _ground_reactions(trial: CorpusTrial) -> pd.DataFrame:
    """One row a frame and foot, foot after foot."""
    parts = []
    for reaction in trial.kinetics.ground_reactions if trial.kinetics is not None else ():
        part = _frames(trial, trial.n_frames).assign(foot=reaction.foot, plate=reaction.name)
        values = np.column_stack([reaction.force, reaction.centre_of_pressure, reaction.free_moment])
        parts.append(pd.concat([part, pd.DataFrame(values, columns=_names("ground_reactions")[6:])], axis=1))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_names("ground_reactions"))


def _wide(table: str, trial: CorpusTrial) -> tuple[list[Column], np.ndarray]:
    """Columns of a wide table, each of another name, and their values (n_frames, n_columns) in one trial."""
    columns, values = _content(table, trial)
    taken = {column.name for column in _FRAME}
    for k, column in enumerate(columns):
        name, copy = column.name, 2
        while name in taken:
            name, copy = f"{column.name}_{copy}", copy + 1
        taken.add(name)
        columns[k] = replace(column, name=name)
    return columns, values


def _content(table: str, trial: CorpusTrial) -> tuple[list[Column], np.ndarray]:
    nothing = np.empty((0, 0))
    if table == "kinematics" and trial.kinematics is not None:
        names = trial.kinematics.coordinates
        return [_column(name, coordinate_unit(name)) for name in names], trial.kinematics.values
    if table == "emg" and trial.activity is not None:
        return [_column(name, "1") for name in trial.activity.channels], trial.activity.envelopes
    if trial.kinetics is None:
        return [], nothing
    if table == "generalized_forces":
        names = trial.kinetics.coordinates
        return [_column(name, force_unit(name)) for name in names], trial.kinetics.generalized_forces
    if table == "activations" and trial.kinetics.muscles:
        return [_column(name, "1") for name in trial.kinetics.muscles], trial.kinetics.activations
    return [], nothing

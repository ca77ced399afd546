"""Session sheet: a folder of real recordings with their references, described once in TOML.

::

    recordings = "*/*/*_Accel.trc"   # of the sensors; the last two folders are subject and trial
    subjects = "subjects.csv"        # subject, mass_kg, height_m; perhaps sex, age_years, belt_speed_m_per_s
    forces = "*_GRF.mot"             # beside each recording; leave it out if there are no plates
    force_columns = {right = "r", left = "l"}
    task = "walk"                    # or {CSStiffKnee = "walk", ...} by trial
    still = true                     # the person stands at the beginning or end: mountings are found

    [convention]                     # as in a sensor table
    [sensors]                        # name in the file -> segment, or a table (sensor, segment, offset, mounting);
    torso = {segment = "torso", forward = [0, 0, 1]}   # forward: where it looks, where somebody knows
    [motion."Sub02/CSBaseline"]      # angles by another system, on the clock of the forces
    angles = "Sub02/ik.mot"
    model = "Sub02/scaled.osim"

Shipped sheets are named without a path: `SHIPPED`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.subject import Subject, impossible_fact
from synth.real_imu.convention import RecordingRefused
from synth.real_imu.sensor_table import SensorTable, sensor_table_of

SHIPPED = ("cmu_treadmill", "biomac_cycle")
_KEYS = {
    "kind", "recordings", "subjects", "forces", "force_columns", "task", "still", "convention", "sensors", "columns",
    "motion", "assumed",
}  # fmt: skip
_SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}


@dataclass(frozen=True)
class SessionSheet:
    """What a folder holds.

    Attributes
    ----------
    name : str
    kind : str
        ``"sessions"`` (files of sensors) or ``"cycle"`` (mean cycles in the tables of the BioMAC toolbox).
    recordings : str
        Pattern below the folder.
    subjects : str
        Table of persons below the folder; empty if `assumed` tells them.
    forces : str
        Pattern of the forces beside each recording; empty if there are none.
    force_columns : Mapping of str to str
        Foot → its mark in the columns of the forces.
    task : str or Mapping of str to str
        Of all trials, or by trial.
    still : bool
        Whether mountings are to be found from standing and walking.
    table : SensorTable
    forward : Mapping of str to ndarray, shape (3,)
        By sensor: where forward is in its axes.
    motion : Mapping of str to Mapping of str to str
        ``SUBJECT/TRIAL`` → ``angles`` and ``model``, below the folder.
    assumed : Mapping of str to Mapping of str to float
        Subject → ``mass_kg`` and ``height_m`` that nobody measured.
    """

    name: str
    kind: str
    recordings: str
    subjects: str = ""
    forces: str = ""
    force_columns: Mapping[str, str] = field(default_factory=dict)
    task: str | Mapping[str, str] = "walk"
    still: bool = True
    table: SensorTable = field(default_factory=SensorTable)
    forward: Mapping[str, np.ndarray] = field(default_factory=dict)
    motion: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    assumed: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def task_of(self, trial: str) -> str:
        """Task of a trial; ``"unknown"`` if the sheet tells none."""
        return self.task if isinstance(self.task, str) else self.task.get(trial, "unknown")


def read_session_sheet(name: str | Path) -> SessionSheet:
    """Read a sheet from a TOML file, or a shipped one by its name.

    Raises
    ------
    RecordingRefused
        No such sheet, no TOML, an unknown key, or no recordings named.
    """
    if str(name) in SHIPPED:
        text = (resources.files("synth.real_imu") / "session_sheets" / f"{name}.toml").read_text(encoding="utf-8")
    else:
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecordingRefused(
                f"{name}: expected a session sheet (TOML) or one of {', '.join(SHIPPED)}, but {error}."
            ) from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecordingRefused(f"{name}: expected a session sheet (TOML), but {error}.") from error
    strange = sorted(set(content) - _KEYS)
    if strange or not isinstance(content.get("recordings"), str):
        wrong = f"{strange[0]!r} is unknown" if strange else "recordings = PATTERN is missing"
        raise RecordingRefused(f"{name}: {wrong}; a session sheet has the keys {', '.join(sorted(_KEYS))}.")
    sensors, forward = dict(content.get("sensors", {})), {}
    for sensor, entry in sensors.items():
        if isinstance(entry, dict) and "forward" in entry:
            sensors[sensor] = {k: v for k, v in entry.items() if k != "forward"}
            forward[sensors[sensor].get("sensor", sensor)] = np.array(entry["forward"], dtype=float)
    parts = {key: content[key] for key in ("convention", "columns") if key in content}
    table = sensor_table_of(parts | {"sensors": sensors}, str(name))
    plain = {k: content[k] for k in ("recordings", "subjects", "forces", "force_columns", "task", "still", "motion",
                                     "assumed") if k in content}  # fmt: skip
    return SessionSheet(Path(name).stem, content.get("kind", "sessions"), table=table, forward=forward, **plain)


def read_people(sheet: SessionSheet, folder: Path) -> dict[str, tuple[Subject, float]]:
    """Persons of a folder, and the speed (m/s) of the belt under each; NaN where it is unknown.

    Raises
    ------
    RecordingRefused
        The table is missing, lacks a column, or holds a mass or height that nobody has.
    """
    people = {}
    for code, facts in sheet.assumed.items():
        subject = Subject(code, float(facts["mass_kg"]), float(facts["height_m"]))
        people[code] = (subject, float("nan"))
    if not sheet.subjects:
        return people
    path = folder / sheet.subjects
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise RecordingRefused(f"{path}: expected a table of persons (CSV), but {error}.") from error
    lacking = [c for c in ("subject", "mass_kg", "height_m") if c not in table]
    if lacking:
        raise RecordingRefused(f"{path}: column {lacking[0]} is missing; found {', '.join(table.columns)}.")
    for row in table.to_dict("records"):
        sex = _SEXES.get(str(row.get("sex", "")).strip().lower(), "unknown")
        subject = Subject(
            str(row["subject"]), float(row["mass_kg"]), float(row["height_m"]), sex, float(row.get("age_years", "nan"))
        )
        wrong = impossible_fact(subject.mass, subject.height, subject.age)
        if wrong is not None:
            raise RecordingRefused(f"{path}: {subject.code}: {wrong[1]}")
        people[subject.code] = (subject, float(row.get("belt_speed_m_per_s", "nan")))
    return people

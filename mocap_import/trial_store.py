"""Trial store: one `MarkerTrial` in one HDF5 file, written all or not at all.

Layout: attributes of the root hold the names and numbers of the trial, datasets `positions` (m, ground frame,
NaN = occluded), `filled`, one group a ground reaction, one dataset an analog channel, and tables of events and
treatments as JSON text. Every dataset has `unit` and `frame` attributes.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, MarkerTrial, Treatment, TrialRefused

SUFFIX = ".trial.h5"
SCHEMA = 1
_GROUND = "ground: X forward, Y up, Z right"
_LARGEST = 4 * 1024**3


def write_trial(path: str | Path, trial: MarkerTrial) -> None:
    """Write a trial; an existing file is replaced only when the new one is complete on disk.

    Parameters
    ----------
    path : str or Path
        Usually ends in ``.trial.h5``; its folder must exist.
    trial : MarkerTrial

    Raises
    ------
    OSError
        The folder is missing or the disk is full; what was there before is untouched.
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(suffix=f"{SUFFIX}.tmp", dir=path.parent)
    os.close(handle)
    try:
        with h5py.File(temporary, "w", track_order=True) as file:
            _write(file, trial)
        with Path(temporary).open("rb+") as file:
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def load_trial(path: str | Path) -> MarkerTrial:
    """Read a trial written by `write_trial`.

    Raises
    ------
    TrialRefused
        Not such a file, another schema version, an external link, or sizes beyond 4 GB.
    """
    path = Path(path)
    try:
        with h5py.File(path, "r") as file:
            schema = file.attrs.get("schema")
            if schema != SCHEMA:
                raise TrialRefused(f"{path.name}: trial schema {schema}, expected {SCHEMA}; import it again.")
            _check_links(file, path.name)
            return _read(file)
    except (OSError, KeyError, ValueError, TypeError) as problem:
        raise TrialRefused(
            f"{path.name}: expected a trial written by `kinesynth import`, but {problem}; import the C3D file again."
        ) from problem


def _write(file: h5py.File, trial: MarkerTrial) -> None:
    """All fields of a trial."""
    file.attrs["schema"] = SCHEMA
    for name in ("name", "task", "marker_set", "source", "source_hash"):
        file.attrs[name] = getattr(trial, name)
    file.attrs["rate"], file.attrs["rate_unit"] = trial.rate, "Hz"
    file.attrs["belt_speed"], file.attrs["belt_speed_unit"] = trial.belt_speed, "m/s"
    file.attrs["subject"] = json.dumps(asdict(trial.subject))
    file.attrs["events"] = json.dumps([asdict(event) for event in trial.events])
    file["treatments"] = json.dumps([asdict(treatment) for treatment in trial.treatments])
    file["labels"] = np.array(trial.labels, dtype=h5py.string_dtype())
    _dataset(file, "positions", trial.positions, "m", _GROUND)
    if trial.filled is not None:
        _dataset(file, "filled", trial.filled, "1", "")
    reactions = file.create_group("ground_reactions", track_order=True)
    for number, reaction in enumerate(trial.ground_reactions, start=1):
        group = reactions.create_group(f"{number:02d}")
        group.attrs["rate"], group.attrs["foot"], group.attrs["name"] = reaction.rate, reaction.foot, reaction.name
        _dataset(group, "force", reaction.force, "N", _GROUND)
        _dataset(group, "centre_of_pressure", reaction.centre_of_pressure, "m", _GROUND)
        _dataset(group, "free_moment", reaction.free_moment, "N m", _GROUND)
    analog = file.create_group("analog", track_order=True)
    analog.attrs["rate"] = trial.analog_rate
    for number, (label, values) in enumerate(trial.analog.items(), start=1):
        _dataset(analog, f"{number:03d}", np.asarray(values, dtype=float), "as in the file", "")
        analog[f"{number:03d}"].attrs["label"] = label


def _dataset(group: h5py.Group, name: str, values: np.ndarray, unit: str, frame: str) -> None:
    """One array without time stamps, so that the same trial gives the same bytes."""
    dataset = group.create_dataset(name, data=values, track_times=False)
    dataset.attrs["unit"] = unit
    if frame:
        dataset.attrs["frame"] = frame


def _check_links(file: h5py.File, source: str) -> None:
    """Refuse links that lead out of the file and sizes that no trial has."""

    def walk(group: h5py.Group, depth: int) -> int:
        total = 0
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink) or depth > 3:
                raise TrialRefused(f"{source}: holds a link or nesting that no trial has ({name!r}); import again.")
            item = group[name]
            if isinstance(item, h5py.Group):
                total += walk(item, depth + 1)
            elif item.external or item.is_virtual:
                raise TrialRefused(f"{source}: dataset {name!r} lies in another file; import again.")
            else:
                total += int(np.prod(item.shape, dtype=float)) * item.dtype.itemsize
        return total

    if walk(file, 0) > _LARGEST:
        raise TrialRefused(f"{source}: declares more than 4 GB; import again.")


def _read(file: h5py.File) -> MarkerTrial:
    """All fields of a trial."""
    analog = file["analog"]
    return MarkerTrial(
        name=str(file.attrs["name"]),
        subject=Subject(**json.loads(file.attrs["subject"])),
        labels=tuple(label.decode() for label in file["labels"][()]),
        positions=file["positions"][()],
        rate=float(file.attrs["rate"]),
        task=str(file.attrs["task"]),
        marker_set=str(file.attrs["marker_set"]),
        filled=file["filled"][()] if "filled" in file else None,
        ground_reactions=tuple(
            GroundReaction(
                force=group["force"][()],
                centre_of_pressure=group["centre_of_pressure"][()],
                free_moment=group["free_moment"][()],
                rate=float(group.attrs["rate"]),
                foot=str(group.attrs["foot"]),
                name=str(group.attrs["name"]),
            )
            for group in file["ground_reactions"].values()
        ),
        events=tuple(GaitEvent(**event) for event in json.loads(file.attrs["events"])),
        belt_speed=float(file.attrs["belt_speed"]),
        analog={str(values.attrs["label"]): values[()] for values in analog.values()},
        analog_rate=float(analog.attrs["rate"]),
        source=str(file.attrs["source"]),
        source_hash=str(file.attrs["source_hash"]),
        treatments=tuple(Treatment(**entry) for entry in json.loads(file["treatments"][()])),
    )

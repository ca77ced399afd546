"""Trial store: one `MarkerTrial` in one HDF5 file, written all or not at all.

The layout is documented in ``docs/trial.md``. Arrays that float32 holds without loss are stored as float32, all others
as float64, so that a stored trial equals the one in memory bit for bit; nothing carries a time stamp, so that the same
trial gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import chain, groupby
from pathlib import Path

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5p, h5s, h5t

from mocap_import.durable_file import durable_place
from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, MarkerTrial, PlateStep, Treatment, TrialRefused

SUFFIX = ".trial.h5"
SCHEMA = 2
_GROUND = "ground: X forward, Y up, Z right"
_FILE = "as in the file"
_LARGEST = 4 * 1024**3
_LOOK = 16
_TEXT = h5py.string_dtype()
_TEXT_TYPE = h5t.py_create(_TEXT, logical=True)
_SCALAR = h5s.create(h5s.SCALAR)
_TIMELESS = h5p.create(h5p.DATASET_CREATE)
_TIMELESS.set_obj_track_times(False)
_GROUP_ORDER = h5p.create(h5p.GROUP_CREATE)
_GROUP_ORDER.set_link_creation_order(h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED)
_TEXTS = ("name", "task", "marker_set", "session", "source", "source_hash")
_NUMBERS = {"rate": "Hz", "belt_speed": "m/s", "start_time": "s"}


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
    with durable_place(path) as temporary, h5py.File(temporary, "w", track_order=True) as file:
        _write(file, trial)


def load_trial(path: str | Path) -> MarkerTrial:
    """Read a trial written by `write_trial`.

    Raises
    ------
    TrialRefused
        Not such a file, another schema version, an external link, or sizes beyond 4 GB.
    """
    path = Path(path)
    with _opened(path) as file:
        trial = _read(file)
    if trial.marker_set.endswith(".toml") and not Path(trial.marker_set).is_absolute():
        # A laboratory's own set lies beside its trials, wherever the folder is.
        return replace(trial, marker_set=str((path.parent / trial.marker_set).resolve()))
    return trial


def load_first_frames(path: str | Path, n_frames: int) -> tuple[MarkerTrial, int]:
    """Read the facts of a trial and its first frames, but no forces and channels.

    Returns
    -------
    MarkerTrial
    int
        Frames of the whole trial.

    Raises
    ------
    TrialRefused
        See `load_trial`.
    """
    with _opened(Path(path)) as file:
        return _facts(file, file["positions"][:n_frames].astype(np.float64)), len(file["positions"])


def position_chunks(path: str | Path, frames: int) -> Iterator[np.ndarray]:
    """Read the positions of a trial block by block: memory does not grow with its length.

    Parameters
    ----------
    path : str or Path
    frames : int
        Frames of a block; the last one may be shorter.

    Yields
    ------
    ndarray, shape (n, n_labels, 3)
        m, ground frame; NaN where not seen.

    Raises
    ------
    TrialRefused
        See `load_trial`.
    """
    with _opened(Path(path)) as file:
        positions = file["positions"]
        for start in range(0, len(positions), frames):
            yield positions[start : start + frames].astype(np.float64)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """A trial's file, checked; whatever is wrong while it is read becomes one sentence."""
    try:
        with h5py.File(path, "r") as file:
            schema = file.attrs.get("schema")
            if schema != SCHEMA:
                raise TrialRefused(f"{path.name}: trial schema {schema}, expected {SCHEMA}; import it again.")
            _check_links(file, path.name)
            yield file
    except (OSError, KeyError, ValueError, TypeError) as problem:
        raise TrialRefused(
            f"{path.name}: expected a trial written by `kinesynth import`, but {problem}; import the C3D file again."
        ) from problem


def trial_labels(path: str | Path) -> tuple[str, ...]:
    """Marker labels of a stored trial, without reading the rest of it; none if it is no such file."""
    try:
        with h5py.File(path, "r") as file:
            return tuple(label.decode() for label in file["labels"][()])
    except (OSError, KeyError, TypeError):
        return ()


def _write(file: h5py.File, trial: MarkerTrial) -> None:
    """All fields of a trial."""
    root = file.id
    _attribute(root, "schema", SCHEMA)
    for name in _TEXTS:
        _attribute(root, name, getattr(trial, name))
    for name, unit in _NUMBERS.items():
        _attribute(root, name, getattr(trial, name))
        _attribute(root, f"{name}_unit", unit)
    _attribute(root, "subject", json.dumps(asdict(trial.subject)))
    # As datasets: an attribute holds no more than 64 kB.
    for name in ("events", "steps", "treatments"):
        _texts(root, name, json.dumps([vars(entry) for entry in getattr(trial, name)]))
    _texts(root, "labels", trial.labels)
    _dataset(root, "positions", trial.positions, "m", _GROUND)
    if trial.filled is not None and trial.filled.any():
        _dataset(root, "filled", trial.filled, "1", "")
    if trial.fill_method is not None and trial.fill_method.any():
        _dataset(root, "fill_method", trial.fill_method, "1", "")
        _dataset(root, "fill_uncertainty", trial.fill_uncertainty, "m", "")
    reactions = _group(root, "ground_reactions")
    records = groupby(trial.ground_reactions, lambda reaction: (reaction.rate, len(reaction.force)))
    for number, ((rate, _), alike) in enumerate(records, start=1):
        _write_reactions(_group(reactions, f"{number:02d}", rate), list(alike))
    _write_channels(root, "analog", trial.analog, trial.analog_units, trial.analog_rate)
    _write_channels(root, "emg_envelopes", trial.emg_envelopes, dict.fromkeys(trial.emg_envelopes, "1"), trial.rate)
    _write_channels(root, "model_outputs", trial.model_outputs, trial.model_output_units, trial.rate)
    _write_channels(root, "segment_rotations", trial.segment_rotations, {}, trial.segment_rotation_rate)


def _write_reactions(group: h5g.GroupID, alike: Sequence[GroundReaction]) -> None:
    """Plates or feet of one rate and length; the second axis counts them."""
    for name, values in (("feet", [r.foot for r in alike]), ("names", [r.name for r in alike])):
        _texts(group, name, values)
    for name, unit in (("force", "N"), ("centre_of_pressure", "m"), ("free_moment", "N m")):
        _dataset(group, name, np.stack([getattr(r, name) for r in alike], axis=1), unit, _GROUND)
    unknown = np.full((4, 3), np.nan)
    _dataset(group, "corners", np.stack([unknown if r.corners is None else r.corners for r in alike]), "m", _GROUND)


def _write_channels(
    root: h5g.GroupID, name: str, values: Mapping[str, np.ndarray], units: Mapping[str, str], rate: float
) -> None:
    """Named arrays of equal shape as one dataset, the channel as second axis; nothing where there are none."""
    if not values:
        return
    group = _group(root, name, rate)
    _texts(group, "labels", list(values))
    _texts(group, "units", [units.get(label, "") for label in values])
    # The same as np.stack(..., axis=1), in half of the time for hundreds of short channels.
    arrays = list(values.values())
    together = np.concatenate(arrays).reshape(len(arrays), *arrays[0].shape)
    _dataset(group, "values", together.swapaxes(0, 1), _FILE, _FILE)


# The high-level interface of h5py would take half of the time of a whole import for the same bytes.


def _group(place: h5g.GroupID, name: str, rate: float | None = None) -> h5g.GroupID:
    """A new group, its entries in the order of writing, with a rate (Hz) if one is given."""
    group = h5g.create(place, name.encode(), gcpl=_GROUP_ORDER)
    if rate is not None:
        _attribute(group, "rate", rate)
        _attribute(group, "rate_unit", "Hz")
    return group


def _attribute(node: h5g.GroupID | h5d.DatasetID, name: str, value: str | float) -> None:
    """A text or a number."""
    content = np.array(value, dtype=_TEXT) if isinstance(value, str) else np.array(value)
    kind = _TEXT_TYPE if isinstance(value, str) else h5t.py_create(content.dtype, logical=True)
    h5a.create(node, name.encode(), kind, _SCALAR).write(content)


def _texts(place: h5g.GroupID, name: str, value: str | Sequence[str]) -> None:
    """A text or a list of texts."""
    content = np.array(value, dtype=_TEXT)
    space = h5s.create_simple(content.shape) if content.shape else _SCALAR
    h5d.create(place, name.encode(), _TEXT_TYPE, space, _TIMELESS).write(h5s.ALL, h5s.ALL, content)


def _dataset(place: h5g.GroupID, name: str, values: np.ndarray, unit: str, frame: str) -> None:
    """One array without time stamps, as float32 where that loses nothing."""
    values = _narrowed(np.ascontiguousarray(values))
    kind = h5t.py_create(values.dtype, logical=True)
    dataset = h5d.create(place, name.encode(), kind, h5s.create_simple(values.shape), _TIMELESS)
    if values.size:
        dataset.write(h5s.ALL, h5s.ALL, values)
    _attribute(dataset, "unit", unit)
    if frame:
        _attribute(dataset, "frame", frame)


def _narrowed(values: np.ndarray) -> np.ndarray:
    """Values as float32 if that loses nothing."""
    if values.dtype != np.float64:
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        # Most arrays that do not fit say so in their first numbers.
        for part in (values[:_LOOK], values):
            narrow = part.astype(np.float32)
            if not ((narrow == part) | (part != part)).all():
                return values
    return narrow


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


def _facts(file: h5py.File, positions: np.ndarray) -> MarkerTrial:
    """Trial with its labels and what is told in words."""
    return MarkerTrial(
        **{name: str(file.attrs[name]) for name in _TEXTS},
        **{name: float(file.attrs[name]) for name in _NUMBERS},
        subject=Subject(**json.loads(file.attrs["subject"])),
        labels=tuple(label.decode() for label in file["labels"][()]),
        positions=positions,
        steps=tuple(PlateStep(**step) for step in json.loads(file["steps"][()])),
        events=tuple(GaitEvent(**event) for event in json.loads(file["events"][()])),
        treatments=tuple(Treatment(**entry) for entry in json.loads(file["treatments"][()])),
    )


def _read(file: h5py.File) -> MarkerTrial:
    """All fields of a trial."""
    positions = _numbers(file["positions"])
    analog, analog_units, analog_rate = _read_channels(file, "analog")
    envelopes, _, _ = _read_channels(file, "emg_envelopes")
    outputs, output_units, _ = _read_channels(file, "model_outputs")
    rotations, _, rotation_rate = _read_channels(file, "segment_rotations")
    return replace(
        _facts(file, positions),
        filled=file["filled"][()] if "filled" in file else np.zeros(positions.shape[:2], dtype=bool),
        fill_method=file["fill_method"][()] if "fill_method" in file else None,
        fill_uncertainty=file["fill_uncertainty"][()] if "fill_uncertainty" in file else None,
        ground_reactions=tuple(chain.from_iterable(map(_read_reactions, file["ground_reactions"].values()))),
        analog=analog,
        analog_units=analog_units,
        analog_rate=analog_rate,
        emg_envelopes=envelopes,
        model_outputs=outputs,
        model_output_units=output_units,
        segment_rotations=rotations,
        segment_rotation_rate=rotation_rate,
    )


def _read_reactions(group: h5py.Group) -> list[GroundReaction]:
    """Plates or feet of one rate and length."""
    force, pressure, couple = (_numbers(group[name]) for name in ("force", "centre_of_pressure", "free_moment"))
    feet, names = ([text.decode() for text in group[name][()]] for name in ("feet", "names"))
    return [
        GroundReaction(
            force=np.ascontiguousarray(force[:, k]),
            centre_of_pressure=np.ascontiguousarray(pressure[:, k]),
            free_moment=np.ascontiguousarray(couple[:, k]),
            rate=float(group.attrs["rate"]),
            foot=feet[k],
            name=names[k],
            corners=None if np.isnan(corners).all() else corners,
        )
        for k, corners in enumerate(_numbers(group["corners"]))
    ]


def _read_channels(file: h5py.File, name: str) -> tuple[dict[str, np.ndarray], dict[str, str], float]:
    """Label → values, label → unit, and the rate (Hz)."""
    if name not in file:
        return {}, {}, 0.0
    group = file[name]
    labels = [label.decode() for label in group["labels"][()]]
    units = [unit.decode() for unit in group["units"][()]]
    values = np.moveaxis(_numbers(group["values"]), 1, 0)
    return (
        dict(zip(labels, values, strict=True)),
        {label: unit for label, unit in zip(labels, units, strict=True) if unit},
        float(group.attrs["rate"]),
    )


def _numbers(dataset: h5py.Dataset) -> np.ndarray:
    """Values as float64."""
    return dataset[()].astype(np.float64)

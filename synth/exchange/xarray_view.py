"""xarray view: a trial or a corpus as labelled arrays, read from the disk when they are used.

All arrays of a file are views of one memory map, so opening a trial costs its names and events only, and a corpus of
many trials needs one map. xarray is optional: ``pip install 'kinesynth[exchange]'``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synth.corpus.node import CorpusNode, open_node
from synth.corpus.reader import Corpus
from synth.corpus.schema import (
    GROUND_FRAME,
    SEGMENT_FRAME,
    SENSOR_FRAME,
    CorpusMismatch,
    coordinate_unit,
    force_unit,
    spatiotemporal_unit,
)
from synth.exchange.corpus_files import chosen_trials
from synth.imu.error_recipe import apply_errors

if TYPE_CHECKING:
    import xarray

_FACTS = ("rate", "task", "belt_speed", "status", "source", "source_hash", "seconds", "start_time", "session")
_AXIS = {"axis": ("axis", list("xyz"))}
Variables = dict[str, tuple]
"""Name → dimensions, values and attributes, as xarray takes them."""


def open_trial(corpus: Path | str, subject: str, trial: str, *, clean: bool = False) -> xarray.Dataset:
    """Open one trial as a Dataset.

    Parameters
    ----------
    corpus : Path
    subject, trial : str
        As `Corpus.trials` gives them.
    clean : bool, default False
        True: records as stored, a view of the file. False: with the errors of the stored recipe, for which they are
        read at once; the other arrays are views in both cases.

    Returns
    -------
    xarray.Dataset
        Dimensions ``time`` (s), ``sensor``, ``axis``, ``coordinate``, ``muscle``, ``channel``, ``event``; each variable
        carries ``units`` and, if it is a vector, ``frame``. NaN = missing. Values are read-only.

    Raises
    ------
    CorpusMismatch
        xarray is missing, there is no such trial, or the file is not what the schema promises.
    """
    opened = Corpus(corpus)
    if (subject, trial) not in opened.trials():
        opened.read(subject, trial)  # says which trials there are
    with open_node(opened.path) as node:
        found = _dataset(_FileMap(opened.path), node, subject, trial)
    if clean or "errors" not in found.attrs:
        return found
    read = opened.read(subject, trial, clean=True)
    worn = apply_errors(read.recordings, read.errors, subject=subject, trial=trial)
    for name in ("specific_force", "angular_velocity"):
        values = np.stack([getattr(recording, name) for recording in worn], axis=1).astype(np.float32)
        found[name] = (found[name].dims, values, found[name].attrs)
    found.attrs["errors_included"] = 1
    return found


def open_corpus(corpus: Path | str, *, subjects: Sequence[str] = ()) -> xarray.DataTree:
    """Open a corpus as a tree: ``tree["S01/walk_01"]`` is a trial with clean records.

    Parameters
    ----------
    corpus : Path
    subjects : sequence of str, optional
        Codes; default all.

    Returns
    -------
    xarray.DataTree
        Subjects hold ``mass`` (kg), ``height`` (m), ``age`` (yr) and ``sex`` as attributes; trials are as of
        `open_trial`.

    Raises
    ------
    CorpusMismatch
        As `open_trial`.
    """
    xarray = _xarray()
    opened = Corpus(corpus)
    shared = _FileMap(opened.path)
    nodes = {"/": xarray.Dataset(attrs={"role": opened.role, "provenance": opened.provenance.to_json()})}
    chosen = chosen_trials(opened, subjects)
    for person in opened.subjects():
        if any(code == person.code for code, _ in chosen):
            facts = {"mass": person.mass, "height": person.height, "age": person.age, "sex": person.sex}
            nodes[f"/{person.code}"] = xarray.Dataset(attrs=facts)
    with open_node(opened.path) as node:
        for code, name in chosen:
            nodes[f"/{code}/{name}"] = _dataset(shared, node, code, name)
    return xarray.DataTree.from_dict(nodes)


class _FileMap:
    """One read-only memory map of a whole file, and arrays as views of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._bytes = np.memmap(path, dtype=np.uint8, mode="r")

    def view(self, dataset: Any, shape: tuple[int, ...]) -> np.ndarray:
        """Array of HDF5 (-1 in `shape`: any length) where it lies in the file."""
        fits = len(shape) == len(dataset.shape) and all(
            want in (-1, got) for want, got in zip(shape, dataset.shape, strict=True)
        )
        if not fits or dataset.dtype.kind not in "fiu":
            raise CorpusMismatch(
                f"{self.path}:{dataset.name}: expected numbers of shape {shape}, found {dataset.dtype} {dataset.shape}."
            )
        offset = dataset.id.get_offset()
        if offset is None:  # nothing was ever written there
            return np.zeros(dataset.shape, dataset.dtype)
        if offset + dataset.size * dataset.dtype.itemsize > len(self._bytes):
            raise CorpusMismatch(f"{self.path}:{dataset.name} ends beyond the file. Copy the file again.")
        return np.ndarray(dataset.shape, dataset.dtype, buffer=self._bytes, offset=offset)


def _dataset(file: _FileMap, root: CorpusNode, subject: str, name: str) -> xarray.Dataset:
    """Build the Dataset of one trial from its group."""
    xarray = _xarray()
    node = root.child("subjects").child(subject).child("trials").child(name)
    n_frames, rate = int(node.attribute("n_frames")), float(node.attribute("rate"))
    variables: Variables = {}
    coordinates: Variables = {"time": ("time", np.arange(n_frames) / rate, {"units": "s"})}
    attributes: dict[str, object] = {"subject": subject, "trial": name, "missing": "NaN", "rate_units": "Hz"}
    attributes |= {key: value for key in _FACTS if (value := node.attribute(key, None)) is not None}
    attributes["reason"] = node.text("reason")
    if node.has("imu"):
        _add_sensors(file, node.child("imu"), n_frames, variables, coordinates, attributes)
    if node.has("kinematics"):
        part = node.child("kinematics")
        names = part.texts("coordinates")
        coordinates["coordinate"] = ("coordinate", names)
        coordinates["coordinate_units"] = ("coordinate", [coordinate_unit(name) for name in names])
        values = file.view(part.dataset("values"), (n_frames, len(names)))
        variables["kinematics"] = (("time", "coordinate"), values, {"units": "coordinate_units"})
    if node.has("kinetics"):
        _add_kinetics(file, node.child("kinetics"), n_frames, variables, coordinates)
    if node.has("emg"):
        part = node.child("emg")
        for word, key in (("channel", "channels"), ("channel_muscle", "muscles"), ("channel_side", "sides")):
            coordinates[word] = ("channel", part.texts(key))
        values = file.view(part.dataset("envelopes"), (n_frames, len(coordinates["channel"][1])))
        facts = {"units": "1", "recipe": part.attribute("recipe")}
        variables["emg"] = (("time", "channel"), values, facts)
    _add_events(file, node, variables, coordinates)
    return xarray.Dataset(variables, coordinates, attributes)


def _add_sensors(
    file: _FileMap,
    imu: CorpusNode,
    n_frames: int,
    variables: Variables,
    coordinates: Variables,
    attributes: dict[str, object],
) -> None:
    sensors = imu.texts("sensors")
    coordinates |= {"sensor": ("sensor", sensors), "segment": ("sensor", imu.texts("segments")), **_AXIS}
    coordinates["quaternion"] = ("quaternion", list("wxyz"))
    records = file.view(imu.dataset("records"), (n_frames, len(sensors), 6))
    dims = ("time", "sensor", "axis")
    variables["specific_force"] = (dims, records[..., :3], {"units": "m/s^2", "frame": SENSOR_FRAME})
    variables["angular_velocity"] = (dims, records[..., 3:], {"units": "rad/s", "frame": SENSOR_FRAME})
    offsets = file.view(imu.dataset("offsets"), (len(sensors), 3))
    variables["offset"] = (("sensor", "axis"), offsets, {"units": "m", "frame": SEGMENT_FRAME})
    mountings = file.view(imu.dataset("mountings"), (len(sensors), 4))
    variables["mounting"] = (("sensor", "quaternion"), mountings, {"units": "1", "direction": "sensor to segment"})
    recipe = imu.attribute("errors", None)
    if recipe is not None:
        attributes |= {"errors": recipe, "errors_included": 0}


def _add_kinetics(
    file: _FileMap, node: CorpusNode, n_frames: int, variables: Variables, coordinates: Variables
) -> None:
    names = node.texts("coordinates")
    # Forces may belong to other coordinates than the motion does; then they have a dimension of their own.
    is_shared = coordinates.get("coordinate", ("", None))[1] in (None, names)
    along = "coordinate" if is_shared else "force_coordinate"
    coordinates[along] = (along, names)
    coordinates["force_units"] = (along, [force_unit(name) for name in names])
    values = file.view(node.dataset("generalized_forces"), (n_frames, len(names)))
    variables["generalized_force"] = (("time", along), values, {"units": "force_units"})
    if node.has("muscles"):
        muscles = node.texts("muscles")
        coordinates["muscle"] = ("muscle", muscles)
        values = file.view(node.dataset("activations"), (n_frames, len(muscles)))
        variables["activation"] = (("time", "muscle"), values, {"units": "1"})
    plates = node.child("ground_reactions").children()
    feet = [str(plate.attribute("foot")) for _, plate in plates]
    for (number, plate), foot in zip(plates, feet, strict=True):
        coordinates |= _AXIS
        owner = foot if feet.count(foot) == 1 else f"{foot}_{number}"
        facts = {"frame": GROUND_FRAME, "foot": foot, "plate": str(plate.attribute("name"))}
        for key, unit in (("force", "N"), ("centre_of_pressure", "m")):
            values = file.view(plate.dataset(key), (n_frames, 3))
            variables[f"ground_{key}_{owner}"] = (("time", "axis"), values, facts | {"units": unit})
        values = file.view(plate.dataset("free_moment"), (n_frames,))
        variables[f"ground_free_moment_{owner}"] = ("time", values, facts | {"units": "N.m"})


def _add_events(file: _FileMap, node: CorpusNode, variables: Variables, coordinates: Variables) -> None:
    events = node.child("events")
    variables["event_time"] = ("event", file.view(events.dataset("time"), (-1,)), {"units": "s"})
    for word in ("foot", "kind", "source"):
        coordinates[f"event_{word}"] = ("event", events.texts(word))
    stored = node.dataset("spatiotemporal")
    names = [str(name) for name in np.atleast_1d(stored.attrs.get("names", []))]
    coordinates["parameter"] = ("parameter", names)
    coordinates["parameter_units"] = ("parameter", [spatiotemporal_unit(name) for name in names])
    variables["spatiotemporal"] = ("parameter", file.view(stored, (-1,)), {"units": "parameter_units"})


def _xarray():  # noqa: ANN202  (the module, which may be missing)
    try:
        import xarray
    except ImportError as error:
        raise CorpusMismatch(
            "xarray is not installed; opening a corpus in it needs it: pip install 'kinesynth[exchange]'."
        ) from error
    return xarray

"""Ground load: OpenSim's external loads (.xml and .mot) as force and moment of each foot about a point of the ground.

The centre of pressure means nothing while a foot swings: it jumps to hundreds of metres. There it is taken from the
nearest loaded sample, and what is filtered and sampled is the moment about a fixed point, never the centre itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from xml.etree import ElementTree

import numpy as np

from mocap_import.low_pass import low_pass
from mocap_import.plate.force_plate import FORCE_THRESHOLD
from opensim_models.exchange.storage_table import StorageTable, read_table
from opensim_models.model.osim_file import refuse_huge
from opensim_models.model_mismatch import ModelMismatch

SIDES = {"_r": "right", "_l": "left"}
AXES = ("x", "y", "z")
IDENTIFIERS = ("force_identifier", "point_identifier", "torque_identifier")


@dataclass(frozen=True)
class GroundLoad:
    """Force and moment of the ground on one foot.

    Attributes
    ----------
    foot : str
        ``"right"`` or ``"left"``.
    segment : str
        On which it acts.
    force, moment : ndarray, shape (n, 3)
        N, and N·m about `about`, ground frame; the moment is NaN where `placed` is False.
    rate, start : float
        Hz, and the time (s) of the first sample on the file's clock.
    about : tuple of 3 floats
        m, ground frame.
    placed : bool
        The file says where the force acts. Without that, its moment is unknown.
    """

    foot: str
    segment: str
    force: np.ndarray
    moment: np.ndarray
    rate: float
    start: float
    about: tuple[float, float, float] = (0.0, 0.0, 0.0)
    placed: bool = True

    @property
    def end(self) -> float:
        """Time (s) of the last sample."""
        return self.start + (len(self.force) - 1) / self.rate


def read_ground_loads(
    loads: Path, table: Path | None = None, about: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> tuple[tuple[GroundLoad, ...], tuple[str, ...]]:
    """Read the external loads of both feet.

    Parameters
    ----------
    loads : Path
        An ExternalLoads .xml: which columns act on which body.
    table : Path, optional
        The .mot or .sto of the columns; default: the file that `loads` names, beside it.
    about : tuple of 3 floats
        Point (m), ground frame, about which moments are taken.

    Returns
    -------
    tuple of GroundLoad
        One a foot, right first; loads of one foot are added up.
    tuple of str
        What was assumed, as sentences.

    Raises
    ------
    ModelMismatch
        No such file, a load on something that is no foot, a force or point that is not expressed in the ground, or
        missing columns.
    """
    loads = Path(loads)
    document = _document(loads)
    table = Path(table) if table is not None else loads.parent / _data_file(document, loads)
    columns = read_table(table)
    found: dict[str, GroundLoad] = {}
    notes: list[str] = []
    for description in document.iter("ExternalForce"):
        force = _fields(description)
        if force.get("appliesForce", "true") == "false" or force.get("isDisabled", "false") == "true":
            notes.append(f"{loads.name}: {force['name']} is switched off and left out")
            continue
        load = _load(force, columns, np.array(about), loads, table, notes)
        found[load.foot] = _together(found[load.foot], load, loads) if load.foot in found else load
    if not found:
        raise ModelMismatch(f"{loads}: names no external force that acts; expected an ExternalForce for each foot.")
    return tuple(found[foot] for foot in ("right", "left") if foot in found), tuple(notes)


def _document(loads: Path) -> ElementTree.Element:
    """The XML of the loads; document types, in which entities could be declared, are refused."""
    try:
        refuse_huge(loads, loads.stat().st_size)
        content = loads.read_bytes()
        if b"<!DOCTYPE" in content:
            raise ModelMismatch(f"{loads}: expected OpenSim's external loads; a document type is refused.")
        root = ElementTree.fromstring(content)
    except (OSError, ElementTree.ParseError) as error:
        raise ModelMismatch(f"{loads}: expected OpenSim's external loads (XML), but {error}.") from error
    if root.find(".//ExternalLoads") is None:
        raise ModelMismatch(f"{loads}: expected an <ExternalLoads>, found <{root.tag}>.")
    return root


def _data_file(document: ElementTree.Element, loads: Path) -> str:
    """Name of the table that the document names; only in its own folder."""
    named = (document.findtext(".//ExternalLoads/datafile") or "").strip()
    path = PureWindowsPath(named)
    if not named or path.drive or path.root or ".." in path.parts:
        raise ModelMismatch(
            f"{loads}: <datafile> is {named!r}; expected a file beside it. Give the .mot of the forces yourself."
        )
    return named


def _fields(description: ElementTree.Element) -> dict[str, str]:
    fields = {child.tag: (child.text or "").strip() for child in description}
    return {"name": description.get("name", "a force"), **fields}


def _load(
    force: Mapping[str, str], columns: StorageTable, about: np.ndarray, loads: Path, table: Path, notes: list[str]
) -> GroundLoad:
    """One external force at the samples of its table."""
    body = force.get("applied_to_body", "").rsplit("/", 1)[-1]
    foot = SIDES.get(body[-2:])
    if foot is None or not body.startswith(("calcn", "toes", "foot", "talus")):
        raise ModelMismatch(f"{loads}: {force['name']} acts on {body!r}; expected a foot such as calcn_r or calcn_l.")
    for key in ("force_expressed_in_body", "point_expressed_in_body"):
        frame = force.get(key, "ground").rsplit("/", 1)[-1]
        if frame != "ground":
            raise ModelMismatch(
                f"{loads}: {key} of {force['name']} is {frame!r}; only ground is read. Express it there."
            )
    vectors = [_vector(force.get(key, ""), columns, force["name"], table) for key in IDENTIFIERS]
    if vectors[0] is None:
        raise ModelMismatch(f"{loads}: {force['name']} has no force_identifier; nothing says which columns it has.")
    push, point, couple = vectors
    loaded = np.linalg.norm(push, axis=1) > FORCE_THRESHOLD
    placed = point is not None and bool(np.ptp(point[loaded], axis=0).any() if loaded.any() else True)
    if not placed:
        notes.append(f"{table.name}: nothing says where {force['name']} acts; its moment is unknown")
        moment = np.full_like(push, np.nan)
    else:
        arm = _loaded_point(point, loaded) - about
        moment = np.cross(arm, push) + (0.0 if couple is None else couple)
    return GroundLoad(foot, body, push, moment, columns.rate, columns.start_time, tuple(about.tolist()), placed)


def _vector(identifier: str, columns: StorageTable, name: str, table: Path) -> np.ndarray | None:
    """Three columns (n, 3) of one identifier; None where there is none."""
    if identifier in ("", "Unassigned"):
        return None
    wanted = [identifier + axis for axis in AXES]
    missing = [label for label in wanted if label not in columns.labels]
    if missing:
        raise ModelMismatch(f"{table}: {name} needs the columns {', '.join(wanted)}; there is no {', '.join(missing)}.")
    return columns.values[:, [columns.labels.index(label) for label in wanted]]


def _loaded_point(point: np.ndarray, loaded: np.ndarray) -> np.ndarray:
    """Centres of pressure (n, 3), in swing that of the nearest loaded sample."""
    on = np.flatnonzero(loaded)
    if not len(on):
        return np.zeros_like(point)
    samples = np.arange(len(point))
    after = np.minimum(np.searchsorted(on, samples), len(on) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.abs(on[before] - samples) < np.abs(on[after] - samples)
    return point[np.where(nearer, on[before], on[after])]


def _together(a: GroundLoad, b: GroundLoad, loads: Path) -> GroundLoad:
    """Sum of two loads of one foot."""
    if a.segment != b.segment:
        raise ModelMismatch(
            f"{loads}: forces act on {a.segment} and on {b.segment} of one foot; give them on one segment."
        )
    return replace(a, force=a.force + b.force, moment=a.moment + b.moment, placed=a.placed and b.placed)


def load_at(load: GroundLoad, time: np.ndarray, cutoff: float | None, where: str = "ground load") -> np.ndarray:
    """Force and moment (n_times, 6) in N and N·m at given times, linear between the filtered samples.

    Parameters
    ----------
    load : GroundLoad
    time : ndarray, shape (n_times,)
        s, on the clock of the file.
    cutoff : float, optional
        Low-pass (Hz); None for none.
    where : str
        The file, for refusals.

    Raises
    ------
    ModelMismatch
        Times outside the file, missing samples between them, or a cut-off that the rate does not allow.
    """
    tick = 1e-6 + 0.01 / load.rate
    if time[0] < load.start - tick or time[-1] > load.end + tick:
        raise ModelMismatch(
            f"{where}: forces reach from {load.start:g} to {load.end:g} s, but {time[0]:g} to {time[-1]:g} s are "
            "wanted; choose a window inside."
        )
    own = load.start + np.arange(len(load.force)) / load.rate
    near = (own > time[0] - 1.0 / load.rate) & (own < time[-1] + 1.0 / load.rate)
    columns = np.hstack([load.force, load.moment if load.placed else np.zeros_like(load.force)])
    lost = ~np.isfinite(columns).all(axis=1) & near
    if lost.any():
        raise ModelMismatch(
            f"{where}: the {load.foot} foot's force has no number at {own[lost][0]:.4g} s ({int(lost.sum())} samples "
            "of the window); fill the gap or choose another window."
        )
    if cutoff is not None:
        if not 0.0 < cutoff < 0.5 * load.rate:
            raise ModelMismatch(
                f"{where}: forces at {load.rate:g} Hz cannot pass a low-pass of {cutoff:g} Hz; choose one below half "
                "the rate."
            )
        columns = low_pass(columns, load.rate, cutoff)
    sampled = np.stack([np.interp(time, own, column) for column in columns.T], axis=1)
    if not load.placed:
        sampled[:, 3:] = np.nan
    return sampled

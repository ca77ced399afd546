"""Storage table: OpenSim's .mot and .sto files as columns of numbers, whatever they mean.

Versions 1 (motion files with ``nRows``, ``inDegrees``) and 2, 3 (``DataType=double``, ``Vec3``, ``Quaternion``, ...,
whose cells are tuples with commas). Written files open in OpenSim's tools and GUI.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap_import.durable_file import write_durably
from opensim_models.exchange.frame_rate import frame_rate, printed_resolution
from opensim_models.model_mismatch import ModelMismatch

_ELEMENTS = {"double": 1, "float": 1, "vec2": 2, "vec3": 3, "unitvec3": 3, "quaternion": 4, "vec4": 4, "vec6": 6} | {
    "spatialvec": 6
}


@dataclass(frozen=True)
class StorageTable:
    """Columns over time.

    Attributes
    ----------
    labels : tuple of str
        Without ``time``.
    values : ndarray, shape (n_rows, n_labels) or (n_rows, n_labels, n_elements)
        As written, in the file's units; NaN where the file says so.
    rate : float
        Hz.
    start_time : float
        Time (s) of the first row.
    in_degrees : bool or None
        What the header says of angles; None if nothing.
    data_type : str
        ``"double"``, ``"Quaternion"``, ``"Vec3"``, ...
    name : str
        First line of a version 1 file, e.g. ``"Coordinates"``.
    """

    labels: tuple[str, ...]
    values: np.ndarray
    rate: float
    start_time: float = 0.0
    in_degrees: bool | None = None
    data_type: str = "double"
    name: str = ""


def read_table(path: Path) -> StorageTable:
    """Read a .mot or .sto file.

    Raises
    ------
    ModelMismatch
        The file is missing, is no such table, lost rows or columns, or has times that no constant rate explains.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise ModelMismatch(
            f"{path}: no such file; `kinesynth motion` writes one for every trial that it can solve, and motion.csv "
            "says why it could not."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelMismatch(f"{path}: expected a motion file (.mot, .sto), but {error}.") from error
    end = next((i for i, line in enumerate(lines) if line.strip().lower() == "endheader"), None)
    body = [line for line in lines[end + 1 :] if line.strip()] if end is not None else []
    if end is None or len(body) < 2:
        raise ModelMismatch(f"{path}: expected a motion file with a line 'endheader' and data rows below it.")
    header = _header(lines[:end])
    labels = tuple(_cells(body[0]))
    if not labels or labels[0].lower() != "time":
        raise ModelMismatch(f"{path}: expected a first column 'time', got {labels[0] if labels else 'nothing'!r}.")
    _each_once(labels, path)
    rows = [_cells(line) for line in body[1:]]
    _complete(rows, labels, header, path)
    elements = _ELEMENTS.get(header.get("datatype", "double").lower(), 0) or rows[0][1].count(",") + 1
    values = _numbers([row[1:] for row in rows], elements, path)
    times = _numbers([row[:1] for row in rows], 1, path)[:, 0]
    stated = _stated_rate(header, path)
    rate = frame_rate(times, printed_resolution([row[0] for row in rows]), str(path), stated)
    degrees = header.get("indegrees")
    return StorageTable(
        labels=labels[1:],
        values=values,
        rate=rate,
        start_time=float(times[0]),
        in_degrees=None if degrees is None else degrees.lower() in ("yes", "true", "1"),
        data_type=header.get("datatype", "double"),
        name=lines[0].strip() if "=" not in lines[0] else "",
    )


def _header(lines: Iterable[str]) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {key.strip().lower(): value.strip() for key, value in pairs}


def _cells(line: str) -> list[str]:
    """Fields of a row: by tabs where there are tabs (labels may hold blanks), else by blanks."""
    fields = line.rstrip("\r\n\t ").lstrip(" ")
    return [cell.strip() for cell in fields.split("\t")] if "\t" in fields else fields.split()


def _each_once(labels: tuple[str, ...], path: Path) -> None:
    seen = set()
    for label in labels:
        if label in seen:
            raise ModelMismatch(f"{path}: column {label!r} is there twice; rename or remove one.")
        seen.add(label)


def _complete(rows: list[list[str]], labels: tuple[str, ...], header: dict[str, str], path: Path) -> None:
    for number, row in enumerate(rows, start=1):
        if len(row) != len(labels):
            raise ModelMismatch(
                f"{path}: data row {number} has {len(row)} fields, expected {len(labels)} as in the line of labels."
            )
    # the promised number of columns is wrong even in OpenSim's own examples; every row was compared with the labels
    promised = header.get("nrows") or header.get("datarows") or ""
    if promised.isdigit() and int(promised) > len(rows):
        raise ModelMismatch(
            f"{path}: the header promises {promised} rows, the file holds {len(rows)}; it is cut off. Write it again, "
            "or correct nRows in the header."
        )


def _numbers(rows: list[list[str]], elements: int, path: Path) -> np.ndarray:
    try:
        if elements == 1:
            return np.array([[float(cell) for cell in row] for row in rows]).reshape(len(rows), -1)
        cells = [[[float(x) for x in cell.split(",")] for cell in row] for row in rows]
        return np.array(cells, dtype=float).reshape(len(rows), -1, elements)
    except ValueError as error:
        kind = "numbers" if elements == 1 else f"tuples of {elements} numbers with commas"
        raise ModelMismatch(f"{path}: expected {kind} below the column names, but {error}.") from error


def _stated_rate(header: dict[str, str], path: Path) -> float | None:
    """Rate of our own header line, or the one APDM and OpenSense tools write."""
    text = header.get("rate") or header.get("datarate")
    if text is None:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise ModelMismatch(f"{path}: the rate in the header is {text!r}, expected a number of Hz.") from error


def write_table(path: Path, table: StorageTable) -> None:
    """Write a table so that OpenSim opens it; the file is there whole or not at all.

    Tuples make a version 3 file, anything else a motion file of version 1. Times are start + k / rate in the shortest
    form that gives the same number back; the rate itself stands in the header.

    Raises
    ------
    ModelMismatch
        Labels that a tab-separated file cannot carry, or values of another shape.
    """
    path = Path(path)
    values = np.asarray(table.values, dtype=float)
    if values.ndim not in (2, 3) or values.shape[1] != len(table.labels):
        raise ModelMismatch(f"{path}: {len(table.labels)} labels for values of the shape {values.shape}.")
    bad = [label for label in table.labels if not label or label.strip() != label or set("\t\r\n") & set(label)]
    if bad:
        raise ModelMismatch(f"{path}: a motion file cannot carry the label {bad[0]!r}.")
    _each_once(("time", *table.labels), path)
    times = (table.start_time + np.arange(len(values)) / table.rate).tolist()
    header = [f"rate={float(table.rate)!r}", "endheader", "\t".join(("time", *table.labels))]
    if values.ndim == 3:
        header = [f"DataType={table.data_type}", "version=3", *header]
        rows = [
            "\t".join([repr(time), *(",".join(f"{x:.12g}" for x in cell) for cell in row)])
            for time, row in zip(times, values.tolist(), strict=True)
        ]
    else:
        counts = [f"nRows={len(values)}", f"nColumns={len(table.labels) + 1}"]
        degrees = "yes" if table.in_degrees else "no"
        header = [table.name or path.stem, "version=1", *counts, f"inDegrees={degrees}", *header]
        rows = [
            "\t".join([repr(time), *(f"{x:.12g}" for x in row)])
            for time, row in zip(times, values.tolist(), strict=True)
        ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, "\n".join([*header, *rows, ""]))

"""C3D: read a file into plain data.

The layout is walked and checked against the file's size first; then the numbers are decoded straight from the bytes.
Two independent readers, ezc3d and py-c3d, read the same numbers as a second path.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from mocap_import.c3d import metadata
from mocap_import.c3d.data_section import C3dData, decode
from mocap_import.c3d.layout import C3dLayout, layout_of, read_bytes
from mocap_import.c3d.occlusion import mask_occluded, mask_placeholders, mask_zeros
from mocap_import.c3d.parameter import joined, number
from mocap_import.c3d.raw_c3d import RawC3d, RawEvent
from mocap_import.c3d.second_reader import read_with_ezc3d, read_with_py_c3d
from mocap_import.trial import Treatment, TrialRefused

READERS = ("direct", "ezc3d", "py-c3d")


def read_c3d(path: str | Path, *, reader: str = "direct") -> RawC3d:
    """Read one C3D file.

    Parameters
    ----------
    path : str or Path
    reader : str, default "direct"
        What decodes the numbers: ``"direct"`` (our own), ``"ezc3d"`` or ``"py-c3d"``; counts, labels and units come
        from the same walk of the file for all three.

    Returns
    -------
    RawC3d
        In the file's units and axes.

    Raises
    ------
    TrialRefused
        No regular file, empty, truncated or damaged; a rate of zero; nothing in it; or the reader fails on it.
    ValueError
        No such reader.
    """
    if reader not in READERS:
        raise ValueError(f"no reader {reader!r}; choose one of {', '.join(READERS)}")
    path = Path(path)
    content = read_bytes(path)
    layout = layout_of(content, path.name)
    _refuse_unusable(layout, path.name)
    data = decode(content, layout) if reader == "direct" else _second_path(content, layout, path, reader)
    return _raw(layout, data, _events(content, layout), hashlib.sha256(content).hexdigest())


def _second_path(content: bytes, layout: C3dLayout, path: Path, reader: str) -> C3dData:
    """Coordinates and analog values of another reader; the fourth words stay ours, since both misread 65535."""
    data = read_with_ezc3d(path, layout) if reader == "ezc3d" else read_with_py_c3d(path, layout)
    own = decode(content, layout)
    samples = np.concatenate([data.samples[:, :, :3], own.samples[:, :, 3:]], axis=2)
    rotations = data.rotations if reader == "ezc3d" else own.rotations
    return C3dData(samples, data.analog, rotations, own.treatments)


def _events(content: bytes, layout: C3dLayout) -> tuple[tuple[RawEvent, ...], list[Treatment]]:
    """Events of the EVENT group, or of the header where there is no such group, and what to know about them."""
    events, problem = metadata.events(layout.parameters)
    if "TIMES" not in layout.parameters.get("EVENT", {}):
        from_header = metadata.header_events(content, layout.processor)
        if from_header:
            detail = "events are those of the header; the file has no EVENT:TIMES"
            return from_header, [Treatment("events_from_header", detail)]
    return events, [Treatment("events_unreadable", problem)] if problem else []


def _refuse_unusable(layout: C3dLayout, name: str) -> None:
    """Refuse a file without time, or with nothing in it."""
    if not layout.rate > 0:
        raise TrialRefused(
            f"{name}: POINT:RATE is {layout.rate:g} Hz, expected a positive rate; without it time is unknown: "
            "write the camera rate into the file and import it again."
        )
    if layout.n_frames <= 0 or not (layout.words_per_frame or layout.n_rotations):
        raise TrialRefused(
            f"{name}: nothing is in it ({layout.n_frames} frames of {layout.n_points} points, {layout.n_channels} "
            "analog channels and no rotations); export the recording again."
        )


def _raw(
    layout: C3dLayout, data: C3dData, found_events: tuple[tuple[RawEvent, ...], list[Treatment]], source_hash: str
) -> RawC3d:
    """Everything under its name: markers and model outputs apart, occlusion masked, repairs named."""
    parameters = layout.parameters
    events, event_notes = found_events
    labels, label_notes = metadata.point_labels(parameters, layout.n_points)
    output_units = metadata.model_outputs(labels, parameters)
    is_output = np.array([label in output_units for label in labels], dtype=bool)
    names = tuple(label for label in labels if label not in output_units)
    points, zero_notes = mask_zeros(mask_occluded(_chosen(data.samples, ~is_output)), names)
    points, placeholder_notes = mask_placeholders(points, names)
    plates, plate_problem = metadata.plates(parameters)
    treatments = [*layout.treatments, *label_notes, *data.treatments, *zero_notes]
    treatments += [*placeholder_notes, *_notes(layout, names, plate_problem), *event_notes]
    mass, height = metadata.subject_numbers(parameters)
    screen = [(joined(parameters, "POINT", name) or [""])[0] for name in ("X_SCREEN", "Y_SCREEN")]
    units = joined(parameters, "POINT", "UNITS")
    return RawC3d(
        labels=names,
        points=points,
        unit=units[0].strip().lower() if units else "",
        rate=layout.rate,
        model_outputs=_outputs(data.samples, is_output, list(output_units)),
        model_output_units=output_units,
        rotations=_rotations(parameters, data.rotations),
        rotation_rate=layout.rate * layout.rotation_ratio,
        analog=data.analog,
        analog_labels=_per_channel(parameters, "LABELS", layout.n_channels),
        analog_units=_per_channel(parameters, "UNITS", layout.n_channels),
        analog_rate=layout.rate * layout.samples_per_frame,
        first_frame=layout.first_frame,
        events=events,
        plates=plates,
        screen=(screen[0], screen[1]),
        mass=mass,
        height=height,
        belt_speed=metadata.belt_speed(parameters),
        subject_name=metadata.subject_name(parameters),
        subject_names=metadata.subject_names(parameters),
        source_hash=source_hash,
        treatments=tuple(treatments),
    )


def _chosen(samples: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Columns of points; a view if all are wanted."""
    return samples if wanted.all() else samples[:, wanted]


def _outputs(samples: np.ndarray, is_output: np.ndarray, labels: list[str]) -> dict[str, np.ndarray]:
    """Label → (n_frames, 3), each contiguous."""
    if not labels:
        return {}
    values = np.ascontiguousarray(mask_occluded(samples[:, is_output]).transpose(1, 0, 2))
    return dict(zip(labels, values, strict=True))


def _rotations(parameters: dict, rotations: np.ndarray) -> dict[str, np.ndarray]:
    """Segment → (n_samples, 4, 4)."""
    labels = metadata.rotation_labels(parameters, rotations.shape[1])
    return {label: np.ascontiguousarray(rotations[:, k]) for k, label in enumerate(labels)}


def _per_channel(parameters: dict, name: str, n_channels: int) -> tuple[str, ...]:
    """A text of each analog channel, ``""`` where the file has none."""
    return tuple((joined(parameters, "ANALOG", name) + [""] * n_channels)[:n_channels])


def _notes(layout: C3dLayout, names: tuple[str, ...], plate_problem: str) -> list[Treatment]:
    """What is missing or stated twice, and was decided."""
    notes = []
    if not names:
        holds = [f"{layout.n_channels} analog channels"] if layout.n_channels else []
        holds += [f"{layout.n_rotations} segment rotations"] if layout.n_rotations else []
        holds += [f"{layout.n_points} model outputs"] if layout.n_points else []
        notes.append(Treatment("no_markers", f"the file holds no markers, only {' and '.join(holds)}"))
    if layout.n_channels:
        stated = number(layout.parameters, "ANALOG", "RATE")
        real = layout.rate * layout.samples_per_frame
        times = f"{layout.samples_per_frame} samples a frame make {real:g} Hz"
        if not stated > 0:
            notes.append(Treatment("analog_rate_missing", f"ANALOG:RATE is missing; {times}"))
        elif abs(stated - real) > 1e-3 * real:
            notes.append(Treatment("analog_rate_disagrees", f"ANALOG:RATE states {stated:g} Hz, but {times}"))
    if plate_problem:
        notes.append(Treatment("plates_incomplete", plate_problem))
    return notes

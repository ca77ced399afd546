"""C3D metadata: the facts a trial needs, picked from the parameter section by an allow-list.

Reference: The C3D File Format User Guide (Motion Lab Systems, 2021); label conventions of Vicon Plug-in Gait
and of the Oxford Foot Model for the model outputs that share POINT with the markers.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from typing import Any

import numpy as np

from mocap_import.c3d.parameter import SGI, Parameters, count, floats, joined, number, numbers
from mocap_import.c3d.raw_c3d import RawEvent, RawPlate
from mocap_import.trial import Treatment

_OUTPUT_GROUPS = {
    "ANGLES": "ANGLE_UNITS",
    "FORCES": "FORCE_UNITS",
    "MOMENTS": "MOMENT_UNITS",
    "POWERS": "POWER_UNITS",
    "SCALARS": "SCALAR_UNITS",
    "MODELED_MARKERS": "MODELED_MARKER_UNITS",
    "REACTIONS": "REACTION_UNITS",
}
"""Groups of model outputs → where their unit is stated; POINT:TYPE_GROUPS can add more."""
_OUTPUT_NAMES = re.compile(
    r".*(Angles?|Force|Moment|Power|GRF|Projections?)(_\w+)?$"
    r"|^(CentreOfMass|CenterOfMass|COM)(Floor)?$"
    r"|^[LR](D[15]M0|FOF\d|HDF\d|HE1|HLX[0-3]|TIB[1-3]|ANK1|PROXFF|HFplantar|[HKA]JC\w*|ArchHeight\w*|ViconLegLength)$"
    r"|^(PEL0|JUG|proj\w+)$"
)
_SEGMENT_POINTS = re.compile(r"^((?:HED|TRX|PEL|[LR](?:CL|FE|FO|HN|HU|RA|TI|TO))(?:_M)?)[OALP]$")
"""Plug-in Gait's segment origins and axes: LFEO, LFEA, LFEL, LFEP; one of them alone is a marker of that name."""
_MASS_NAMES = ("BODYMASS", "MASS", "WEIGHT", "BODY_MASS", "BODYWEIGHT_KG")
_HEIGHT_NAMES = ("HEIGHT", "STATURE", "BODYHEIGHT", "BODY_HEIGHT")
_SUBJECT_GROUPS = ("PROCESSING", "SUBJECTS", "SUBJECT", "SUBJECT_PARAMETERS")
_BELT_NAMES = (("TREADMILL", "SPEED"), ("TREADMILL", "BELT_SPEED"), ("PROCESSING", "BELT_SPEED"))

_NAME_PARAMETERS = (("SUBJECTS", "NAMES"), ("SUBJECT", "NAME"), ("SUBJECT", "NAMES"), ("SUBJECTS", "NAME"))
_NAMED_UNITS = {"angle": "ANGLE_UNITS", "moment": "MOMENT_UNITS", "power": "POWER_UNITS", "force": "FORCE_UNITS"}
_HEADER_EVENT_KEY = 12345


def point_labels(parameters: Parameters, n_points: int) -> tuple[list[str], list[Treatment]]:
    """Labels of all points, prefixes stripped and made unique.

    Returns
    -------
    labels : list of str, length n_points
        ``"*7"`` where the seventh point has none; repeated ones are numbered ``_2``, ``_3``, ...
    treatments : list of Treatment
        ``labels_missing``, ``labels_empty``, ``labels_repeated``, ``several_subjects``.
    """
    written = joined(parameters, "POINT", "LABELS")[:n_points]
    notes = []
    if len(written) < n_points:
        detail = f"{len(written)} labels for {n_points} points; the others are numbered"
        notes.append(Treatment("labels_missing", detail))
    elif "" in written:
        empty = [k + 1 for k, text in enumerate(written) if not text]
        detail = f"points {', '.join(map(str, empty))} have an empty label and are numbered"
        notes.append(Treatment("labels_empty", detail))
    written += [""] * (n_points - len(written))
    bare = [text.rsplit(":", 1)[-1].strip() or f"*{k + 1}" for k, text in enumerate(written)]
    subjects = {text.rsplit(":", 1)[0] for text in written if ":" in text}
    labels, seen, taken, repeated = [], {}, set(bare), set()
    for label in bare:
        seen[label] = seen.get(label, 0) + 1
        if seen[label] > 1:
            repeated.add(label)
            while f"{label}_{seen[label]}" in taken:
                seen[label] += 1
            label = f"{label}_{seen[label]}"
            taken.add(label)
        labels.append(label)
    if repeated:
        detail = f"labels written more than once, later ones numbered: {', '.join(sorted(repeated))}"
        notes.append(Treatment("labels_repeated", detail))
    if repeated and len(subjects) > 1:
        detail = f"{len(subjects)} subjects share the file; markers of the later ones carry numbers"
        notes.append(Treatment("several_subjects", detail))
    return labels, notes


def model_outputs(labels: list[str], parameters: Parameters) -> dict[str, str]:
    """Points that are a laboratory's model outputs, by the file's groups and by names: label → unit as written."""
    unit_names = dict(_OUTPUT_GROUPS)
    pairs = joined(parameters, "POINT", "TYPE_GROUPS")
    for group, kind in zip(pairs[::2], pairs[1::2], strict=False):
        unit_names.setdefault(group.upper(), f"{kind.upper()}_UNITS")
    length = (joined(parameters, "POINT", "UNITS") or [""])[0]
    declared = {}
    for group, unit_name in unit_names.items():
        unit = (joined(parameters, "POINT", unit_name) or [""])[0]
        unit = unit or (length if group == "MODELED_MARKERS" else "")
        for label in joined(parameters, "POINT", group):
            declared.setdefault(label.rsplit(":", 1)[-1].strip(), unit)
    stems = Counter(match[1] for label in labels if (match := _SEGMENT_POINTS.match(label)))
    found = {}
    for label in labels:
        segment = _SEGMENT_POINTS.match(label)
        if label in declared:
            found[label] = declared[label]
        elif segment and stems[segment[1]] > 1:
            found[label] = length
        elif _OUTPUT_NAMES.match(label):
            kind = next((kind for kind in _NAMED_UNITS if kind in label.lower()), "")
            stated = joined(parameters, "POINT", _NAMED_UNITS[kind]) if kind else [length]
            found[label] = (stated or [""])[0]
    return found


def events(parameters: Parameters) -> tuple[tuple[RawEvent, ...], str]:
    """Events of the EVENT group, (minutes, seconds) pairs on the absolute clock, and why some cannot be read."""
    used = count(parameters, "EVENT", "USED")
    labels = joined(parameters, "EVENT", "LABELS")
    contexts = joined(parameters, "EVENT", "CONTEXTS")
    first = parameters.get("EVENT", {}).get("TIMES")
    if not isinstance(first, np.ndarray) or first.ndim != 2 or first.shape[0] != 2:
        lost = used if used >= 0 else len(labels)
        return (), f"{lost} events have no (minutes, seconds) in EVENT:TIMES; they were left out" if lost else ""
    times = numbers(parameters, "EVENT", "TIMES").reshape(-1, 2) @ [60.0, 1.0]
    n_events = min(len(times), used) if used >= 0 else len(times)
    problem = f"{used} events stated, {n_events} have a time" if used > n_events else ""
    labels += [""] * (n_events - len(labels))
    contexts += [""] * (n_events - len(contexts))
    found = tuple(
        # Some programs write the whole name, "LHS", as the context of a nameless event.
        RawEvent(time=float(time), label=label or context, context=context)
        for time, label, context in zip(times[:n_events], labels, contexts, strict=False)
        if np.isfinite(time)
    )
    return found, problem or ("" if len(found) == n_events else f"{n_events - len(found)} events have no finite time")


def header_events(content: bytes, processor: int) -> tuple[RawEvent, ...]:
    """Up to 18 events of the header, as older files have them: times (s) and labels of four characters."""
    key, n_events = struct.unpack_from(">2H" if processor == SGI else "<2H", content, 298)
    if key != _HEADER_EVENT_KEY or not 0 < n_events <= 18:
        return ()
    times = floats(content[304 : 304 + 72], processor)
    labels = [content[396 + 4 * k : 400 + 4 * k].decode("latin-1").strip(" \0") for k in range(n_events)]
    return tuple(
        RawEvent(float(time), label, "") for time, label in zip(times, labels, strict=False) if np.isfinite(time)
    )


def plates(parameters: Parameters) -> tuple[tuple[RawPlate, ...], str]:
    """Force plates as declared, and what is wrong with the declaration; incomplete plates are judged later."""
    group = parameters.get("FORCE_PLATFORM", {})
    used = count(parameters, "FORCE_PLATFORM", "USED")
    kinds = [int(kind) if np.isfinite(kind) else 0 for kind in numbers(parameters, "FORCE_PLATFORM", "TYPE")]
    n_plates = min(used, len(kinds)) if used >= 0 else len(kinds)
    problem = f"{used} force plates declared, {len(kinds)} described" if used > len(kinds) else ""
    corners = _per_plate(group.get("CORNERS"), (3, 4))
    origins = _per_plate(group.get("ORIGIN"), (3,))
    matrices, polynomials = _calibrations(parameters), _stack(group.get("FPCOPPOLY"), (6, 2))
    table = group.get("CHANNEL")
    zero = numbers(parameters, "FORCE_PLATFORM", "ZERO")
    found = []
    for k in range(n_plates):
        columns = np.zeros(0)
        if isinstance(table, np.ndarray) and table.size:
            columns = table.reshape(table.shape[0] if table.ndim else 1, -1, order="F")
            columns = columns[:, k] if k < columns.shape[1] else np.zeros(0)
        found.append(
            RawPlate(
                kind=kinds[k],
                corners=corners[:, :, k].T if corners is not None and k < corners.shape[2] else np.full((4, 3), np.nan),
                origin=origins[:, k] if origins is not None and k < origins.shape[1] else np.zeros(3),
                channels=tuple(int(c) - 1 for c in columns if c > 0),
                calibration=matrices[:, :, k] if matrices is not None and k < matrices.shape[2] else None,
                zero=(int(zero[0]), int(zero[1])) if len(zero) > 1 and np.isfinite(zero[:2]).all() else None,
                polynomial=polynomials[:, :, k] if polynomials is not None and k < polynomials.shape[2] else None,
            )
        )
    return tuple(found), problem


def _calibrations(parameters: Parameters) -> np.ndarray | None:
    """CAL_MATRIX as (rows = forces and moments, columns = channels, n_plates).

    Written by column unless FORCE_PLATFORM:MATRIX_STORE says by row: the first dimension runs over the rows.
    """
    matrices = _stack(parameters.get("FORCE_PLATFORM", {}).get("CAL_MATRIX"), (6, 6))
    order = (joined(parameters, "FORCE_PLATFORM", "MATRIX_STORE") or [""])[0].upper().replace(" ", "").replace("_", "")
    return matrices.transpose(1, 0, 2) if matrices is not None and order == "BYROW" else matrices


def _stack(value: Any, shape: tuple[int, int]) -> np.ndarray | None:
    """A parameter of matrices as (*shape, n_plates), None if its first dimensions are others."""
    if not isinstance(value, np.ndarray) or value.ndim < 2 or not value.size or value.shape[:2] != shape:
        return None
    return value.reshape((*shape, -1), order="F").astype(float)


def _per_plate(value: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """A numeric parameter as (*shape, n_plates), None if it has another shape."""
    if not isinstance(value, np.ndarray) or value.size == 0 or value.size % int(np.prod(shape)):
        return None
    return value.ravel(order="F").reshape((*shape, -1), order="F").astype(float)


def subject_numbers(parameters: Parameters) -> tuple[float, float]:
    """Body mass (kg) and stature (m) if the file holds plausible ones, NaN otherwise."""
    mass = _first(parameters, _MASS_NAMES)
    height = _first(parameters, _HEIGHT_NAMES)
    # Laboratories write stature in mm, cm or m; the three ranges of people do not overlap.
    height *= 1e-3 if height > 300 else 1e-2 if height > 3 else 1.0
    return (mass if 2 < mass < 400 else float("nan")), (height if 0.3 < height < 2.6 else float("nan"))


def belt_speed(parameters: Parameters) -> float:
    """Treadmill speed (m/s) from the file, NaN if it states none."""
    for group, name in _BELT_NAMES:
        speed = number(parameters, group, name)
        if speed == speed:
            return speed
    return float("nan")


def _first(parameters: Parameters, names: tuple[str, ...]) -> float:
    """First positive number under one of the names in the groups that describe a subject."""
    for group in _SUBJECT_GROUPS:
        for name in names:
            value = number(parameters, group, name)
            if value > 0:
                return value
    return float("nan")


def subject_name(parameters: Parameters) -> str:
    """Name or code of the subject as written, for grouping only; it must never enter a product."""
    for group, name in _NAME_PARAMETERS:
        for text in joined(parameters, group, name):
            if text:
                return text
    return ""


def subject_names(parameters: Parameters) -> tuple[str, ...]:
    """Names of all subjects as written, to be taken out of whatever quotes them."""
    return (*joined(parameters, "SUBJECTS", "NAMES"), subject_name(parameters))


def rotation_labels(parameters: Parameters, n_rotations: int) -> list[str]:
    """Segments of the rotations, unique; the suffix that says they are 4 × 4 is dropped."""
    written = joined(parameters, "ROTATION", "LABELS")[:n_rotations]
    written += [""] * (n_rotations - len(written))
    found: list[str] = []
    for k, text in enumerate(written):
        label = re.sub(r"_4x4$", "", text.rsplit(":", 1)[-1].strip(), flags=re.IGNORECASE) or f"*{k + 1}"
        while label in found:
            label += f"_{k + 1}"
        found.append(label)
    return found

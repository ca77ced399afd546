"""C3D metadata: the facts a trial needs, picked from the parameter section by an allow-list.

Reference: The C3D File Format User Guide (Motion Lab Systems, 2021); label conventions of Vicon Plug-in Gait
and of the Oxford Foot Model for the model outputs that share POINT with the markers.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from mocap_import.raw_c3d import RawEvent, RawPlate

_OUTPUT_GROUPS = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS", "MODELED_MARKERS", "REACTIONS")
_OUTPUT_NAMES = re.compile(
    r".*(Angles?|Force|Moment|Power|GRF|Projections?)(_\w+)?$"
    r"|^(HED|TRX|PEL|[LR](CL|FE|FO|HN|HU|RA|TI|TO))(_M)?[OALP]$"
    r"|^(CentreOfMass|CenterOfMass|COM)(Floor)?$"
    r"|^[LR](D[15]M0|FOF\d|HDF\d|HE1|HLX[0-3]|TIB[1-3]|ANK1|PROXFF|HFplantar|[HKA]JC\w*|ArchHeight\w*|ViconLegLength)$"
    r"|^(PEL0|JUG|proj\w+)$"
)
_MASS_NAMES = ("BODYMASS", "MASS", "WEIGHT", "BODY_MASS", "BODYWEIGHT_KG")
_HEIGHT_NAMES = ("HEIGHT", "STATURE", "BODYHEIGHT", "BODY_HEIGHT")
_SUBJECT_GROUPS = ("PROCESSING", "SUBJECTS", "SUBJECT", "SUBJECT_PARAMETERS")
_BELT_NAMES = (("TREADMILL", "SPEED"), ("TREADMILL", "BELT_SPEED"), ("PROCESSING", "BELT_SPEED"))

Parameters = dict[str, dict[str, Any]]


def joined(parameters: Parameters, group: str, name: str) -> list[str]:
    """Strings of a parameter and of its continuations NAME2, NAME3, ... (more than 255 entries)."""
    entries = parameters.get(group, {})
    found = list(entries.get(name, []))
    for number in range(2, 260):
        if f"{name}{number}" not in entries:
            break
        found += list(entries[f"{name}{number}"])
    return found


def number(parameters: Parameters, group: str, name: str) -> float:
    """First value of a numeric parameter, NaN if it is missing, empty or text."""
    value = parameters.get(group, {}).get(name)
    if isinstance(value, np.ndarray) and value.size:
        return float(value.ravel()[0])
    return float("nan")


def point_labels(parameters: Parameters, n_points: int) -> tuple[list[str], list[str]]:
    """Labels of all points, prefixes stripped and made unique.

    Returns
    -------
    labels : list of str, length n_points
    repeated : list of str
        Labels that occurred more than once; later ones got ``_2``, ``_3``, ...
    """
    written = joined(parameters, "POINT", "LABELS")[:n_points]
    written += [""] * (n_points - len(written))
    labels, seen, repeated = [], {}, []
    for k, text in enumerate(written):
        label = text.rsplit(":", 1)[-1].strip() or f"*{k + 1}"
        seen[label] = seen.get(label, 0) + 1
        if seen[label] > 1:
            repeated.append(label)
            label = f"{label}_{seen[label]}"
        labels.append(label)
    return labels, sorted(set(repeated))


def is_model_output(labels: list[str], parameters: Parameters) -> np.ndarray:
    """Which points (n_points,) are a laboratory's model outputs, by the file's groups and by their names."""
    declared = {
        label.rsplit(":", 1)[-1].strip() for group in _OUTPUT_GROUPS for label in joined(parameters, "POINT", group)
    }
    return np.array([label in declared or bool(_OUTPUT_NAMES.match(label)) for label in labels], dtype=bool)


def events(parameters: Parameters) -> tuple[RawEvent, ...]:
    """Events of the EVENT group: (minutes, seconds) pairs on the absolute clock."""
    group = parameters.get("EVENT", {})
    times = group.get("TIMES")
    if not isinstance(times, np.ndarray) or times.ndim != 2 or times.shape[0] != 2:
        return ()
    labels = joined(parameters, "EVENT", "LABELS")
    contexts = joined(parameters, "EVENT", "CONTEXTS")
    contexts += [""] * (len(labels) - len(contexts))
    return tuple(
        RawEvent(time=float(60.0 * minutes + seconds), label=label, context=context)
        for (minutes, seconds), label, context in zip(times.T, labels, contexts, strict=False)
    )


def plates(parameters: Parameters) -> tuple[RawPlate, ...]:
    """Force plates as declared; incomplete ones keep what they have and are judged later."""
    group = parameters.get("FORCE_PLATFORM", {})
    used = number(parameters, "FORCE_PLATFORM", "USED")
    kinds = np.asarray(group.get("TYPE", [])).ravel()
    n_plates = len(kinds) if np.isnan(used) else min(int(used), len(kinds))
    corners = _per_plate(group.get("CORNERS"), (3, 4))
    origins = _per_plate(group.get("ORIGIN"), (3,))
    matrices = group.get("CAL_MATRIX")
    channels = group.get("CHANNEL")
    found = []
    for k in range(n_plates):
        columns = np.zeros(0, dtype=int)
        if isinstance(channels, np.ndarray) and channels.size:
            table = channels.reshape(channels.shape[0], -1)
            columns = table[:, k] if k < table.shape[1] else columns
        matrix = None
        if isinstance(matrices, np.ndarray) and matrices.ndim >= 2 and matrices.size and matrices.shape[:2] == (6, 6):
            stack = matrices.reshape(6, 6, -1)
            # Written by column: the first dimension runs over rows of the matrix, as numpy's Fortran order gives it.
            matrix = stack[:, :, k] if k < stack.shape[2] else None
        found.append(
            RawPlate(
                kind=int(kinds[k]),
                corners=corners[:, :, k].T if corners is not None and k < corners.shape[2] else np.full((4, 3), np.nan),
                origin=origins[:, k] if origins is not None and k < origins.shape[1] else np.zeros(3),
                channels=tuple(int(c) - 1 for c in columns if c > 0),
                calibration=matrix,
            )
        )
    return tuple(found)


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

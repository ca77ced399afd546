"""Length unit: metres per unit of a file, as it states and as the size of the body and of the plates allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap_import.c3d.raw_c3d import RawPlate
from mocap_import.frame.body_place import BodyPlaces, mean_seen
from mocap_import.trial import Treatment, TrialRefused

METRES = {"m": 1.0, "mete": 1.0, "meter": 1.0, "meters": 1.0, "metre": 1.0, "metres": 1.0, "cm": 0.01, "mm": 0.001}
"""Metres per unit as laboratories write it, lower case."""
_SPELLINGS = METRES | {
    **dict.fromkeys(("mill", "millimeter", "millimeters", "millimetre", "millimetres"), 0.001),
    **dict.fromkeys(("cent", "centimeter", "centimeters", "centimetre", "centimetres"), 0.01),
}
UNITS = {"mm": 0.001, "m": 1.0, "cm": 0.01}
RANGES = {
    "feet to pelvis": (0.15, 1.3),
    "feet to trunk": (0.25, 2.2),
    "heel to toe": (0.05, 0.35),
    "knee to ankle": (0.08, 0.55),
    "side of a force plate": (0.2, 1.6),
    "spread of the markers": (0.03, 2.8),
}
"""Sizes (m) that people from infants (0.5 m) to the tallest (2.4 m) and force plates can have.

The body's ranges, but for the spread, end below ten times their start, so that at most one of mm, cm and m fits.
They follow from stature 0.5 to 2.4 m and segment lengths as shares of stature (Drillis & Contini 1966).
"""


@dataclass(frozen=True)
class LengthUnit:
    """The unit that was decided on, and what else it might be.

    Attributes
    ----------
    metres_per_unit : float
    rivals : tuple of str
        Other units that are possible; empty if the unit is certain.
    treatments : tuple of Treatment
    """

    metres_per_unit: float
    rivals: tuple[str, ...] = ()
    treatments: tuple[Treatment, ...] = ()


def find_length_unit(
    sample: np.ndarray, places: BodyPlaces, plates: Sequence[RawPlate], stated: str, given: str | None, source: str
) -> LengthUnit:
    """Metres per file unit.

    Parameters
    ----------
    sample : ndarray, shape (n_frames, n_markers, 3)
        File unit, NaN = occluded.
    places : BodyPlaces
    plates : sequence of RawPlate
        Plausible ones only.
    stated : str
        POINT:UNITS, ``""`` if missing.
    given : str or None
        Override: ``"m"``, ``"cm"`` or ``"mm"``.
    source : str
        File name for messages.

    Raises
    ------
    TrialRefused
        An override that is no unit; no unit stated and nobody has such a size in m, cm or mm.
    """
    if given is not None:
        if given.strip().lower() not in UNITS:
            raise TrialRefused(f"{source}: unit {given!r} is none of m, cm, mm; write for example --unit mm.")
        return LengthUnit(UNITS[given.strip().lower()])
    sizes = measured_sizes(sample, places, plates)
    factor = _SPELLINGS.get(stated.strip().lower().rstrip("."))
    if factor is not None and not sizes:
        return LengthUnit(factor)
    votes = {unit: _votes(sizes, scale) for unit, scale in UNITS.items()}
    words = ", ".join(f"{name} {size:.3g}" for name, size in sizes.items())
    said = f"the file states {stated!r}" if stated else "the file states no unit"
    fitting = [unit for unit, count in votes.items() if count and 2 * count > len(sizes)]
    if len(fitting) == 1 and UNITS[fitting[0]] == factor:
        return LengthUnit(factor)
    if len(fitting) == 1 and votes[fitting[0]] == len(sizes):
        detail = f"{said}; in file units: {words}; so the unit is taken as {fitting[0]}"
        return LengthUnit(UNITS[fitting[0]], treatments=(Treatment("unit_inferred", detail),))
    possible = sorted((unit for unit, count in votes.items() if count), key=lambda unit: -votes[unit])
    if factor is None and not possible and sizes:
        raise TrialRefused(
            f"{source}: no length unit in the file, and its sizes ({words}, in file units) fit a person in none of m, "
            "cm and mm; give the unit, for example --unit mm."
        )
    if len(possible) == 1 and UNITS[possible[0]] == factor:
        return LengthUnit(factor)
    return _doubtful(factor, possible, f"{said}; in file units: {words or 'nothing that has a size'}")


def _doubtful(factor: float | None, possible: list[str], said: str) -> LengthUnit:
    """A unit that more than one or none explains: the stated one if it can be, and the others named."""
    stated = next((unit for unit, scale in UNITS.items() if scale == factor), "")
    taken = stated if stated and (stated in possible or not possible) else (*possible, "mm")[0]
    rivals = tuple(unit for unit in (*possible, stated) if unit not in ("", taken))
    rivals = tuple(dict.fromkeys(rivals)) or tuple(unit for unit in UNITS if unit != taken)
    reason = f"possible: {', '.join(possible)}" if possible else "no unit makes that a person"
    detail = f"{said}; {reason}; {taken} is taken; give the right one, for example --unit {rivals[0]}"
    notes = [Treatment("unit_ambiguous", detail)]
    if not possible:
        notes.insert(0, Treatment("size_implausible", f"{said}: not the size of a person"))
    return LengthUnit(UNITS[taken], rivals, tuple(notes))


def measured_sizes(sample: np.ndarray, places: BodyPlaces, plates: Sequence[RawPlate]) -> dict[str, float]:
    """Sizes in file units, named as in `RANGES`; what cannot be measured is absent."""
    sizes: dict[str, float] = {}
    if places.feet:
        feet = mean_seen(sample, places.feet)
        for name, columns in (("pelvis", places.pelvis), ("trunk", places.trunk)):
            if columns:
                sizes[f"feet to {name}"] = _median_length(mean_seen(sample, columns) - feet)
    for bone, name in (("foot", "heel to toe"), ("shank", "knee to ankle")):
        found = [_median_length(sample[:, a] - sample[:, b]) for kind, a, b in places.lengths if kind == bone]
        if found:
            sizes[name] = float(np.nanmean(found)) if np.isfinite(found).any() else np.nan
    if plates:
        sides = [np.linalg.norm(plate.corners - np.roll(plate.corners, 1, axis=0), axis=1).min() for plate in plates]
        sizes["side of a force plate"] = float(np.median(sides))
    sizes = {name: size for name, size in sizes.items() if size > 0}
    if not sizes.keys() - {"side of a force plate"} and sample.size:
        # Distance of the markers from their middle in each frame, robust against a few ghosts.
        distances = np.linalg.norm(sample - np.nanmedian(sample, axis=1, keepdims=True), axis=2)
        if np.nanmax(distances, initial=0.0) > 0:
            sizes["spread of the markers"] = 2.0 * float(np.nanpercentile(distances, 90))
    return sizes


def _votes(sizes: dict[str, float], scale: float) -> int:
    """How many of the sizes are possible in a unit."""
    return sum(RANGES[name][0] <= size * scale <= RANGES[name][1] for name, size in sizes.items())


def _median_length(vectors: np.ndarray) -> float:
    """Median length of vectors (n_frames, 3), NaN if none is seen."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    lengths = lengths[np.isfinite(lengths)]
    return float(np.median(lengths)) if len(lengths) else float("nan")

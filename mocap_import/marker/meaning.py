"""Marker meaning: which marker set explains the labels of one trial, and what it leaves unexplained."""

from __future__ import annotations

from pathlib import Path

from mocap_import.marker.marker_set import MarkerSet, load_marker_set, match_notes, recognise_marker_set
from mocap_import.trial import Treatment


def meaning_of_labels(
    labels: tuple[str, ...], marker_set: str | Path | MarkerSet | None
) -> tuple[MarkerSet | None, list[Treatment]]:
    """The marker set reduced to the labels of a trial.

    Parameters
    ----------
    labels : tuple of str
    marker_set : str, Path, MarkerSet or None
        The set asked for; the shipped one that fits best if None.

    Returns
    -------
    meaning : MarkerSet or None
        None if no set explains the labels.
    treatments : list of Treatment
        ``marker_set_unknown``, ``labels_matched_loosely``, ``labels_unmapped``.
    """
    if not labels:
        return None, []
    if marker_set is None:
        meaning = recognise_marker_set(labels)
    else:
        whole = marker_set if isinstance(marker_set, MarkerSet) else load_marker_set(marker_set)
        meaning = whole.for_labels(labels)
        meaning = meaning if meaning.segments else None
    if meaning is None:
        asked = "" if marker_set is None else f" {getattr(marker_set, 'name', marker_set)!s} does not fit:"
        detail = f"{asked} no marker set explains the labels {', '.join(labels)}; write one (`kinesynth labels`)"
        return None, [Treatment("marker_set_unknown", detail.strip())]
    known = marker_set if isinstance(marker_set, MarkerSet) else load_marker_set(marker_set or meaning.name)
    notes = match_notes(known, labels)
    unmapped = [label for label in labels if label not in meaning.labels]
    if unmapped:
        notes.append(Treatment("labels_unmapped", f"not in marker set {meaning.name}: {', '.join(unmapped)}"))
    return meaning, notes


def stored_name(meaning: MarkerSet | None, asked: str | Path | MarkerSet | None) -> str:
    """What `load_marker_set` needs to find the set again: a shipped name, or the path of a file."""
    if meaning is None:
        return "unknown"
    return str(asked) if isinstance(asked, str | Path) else meaning.name

"""Marker meaning: which marker set explains the labels of one trial, and what it leaves unexplained."""

from __future__ import annotations

from pathlib import Path

from mocap_import.marker.label import match_labels
from mocap_import.marker.marker_set import MarkerSet, load_marker_set, match_notes, recognise_marker_set
from mocap_import.trial import Treatment

_MOST_ABSENT = 0.5
"""Share of the labels of a laboratory's own set that a trial may lack; markers of the standing trial are fewer."""


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
        ``marker_set_unknown``, ``marker_set_unchecked``, ``labels_absent``, ``labels_matched_loosely``,
        ``labels_unmapped``.
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
        asked = "" if marker_set is None else f"{_shown(marker_set)} does not fit: "
        detail = f"{asked}no marker set explains the labels {', '.join(labels)}; write one (`kinesynth labels`)"
        return None, [Treatment("marker_set_unknown", detail)]
    known = whole_set(meaning, marker_set)
    notes = [*_hand_made(known, labels, marker_set), *match_notes(known, labels)]
    unmapped = [label for label in labels if label not in meaning.labels]
    if unmapped:
        notes.append(Treatment("labels_unmapped", f"not in marker set {meaning.name}: {', '.join(unmapped)}"))
    return meaning, notes


def _hand_made(known: MarkerSet, labels: tuple[str, ...], asked: str | Path | MarkerSet | None) -> list[Treatment]:
    """Doubts of a laboratory's own set: lines that nobody has looked at, and a trial that it hardly fits."""
    notes = []
    if known.unchecked:
        detail = (
            f"{known.unchecked} lines of {_shown(asked or known)} are still marked CHECK; look at them, then delete "
        )
        notes.append(Treatment("marker_set_unchecked", f"{detail}the word or set `checked = true`"))
    if asked is None or not (isinstance(asked, MarkerSet) or str(asked).endswith(".toml")):
        return notes
    exact, loose = match_labels(known.ordered_labels, labels)
    absent = [label for label in known.ordered_labels if label not in exact and label not in loose]
    if len(absent) > _MOST_ABSENT * len(known.labels):
        detail = f"{len(absent)} of {len(known.labels)} labels of {_shown(asked)} are not in the file: "
        notes.append(Treatment("labels_absent", detail + ", ".join(absent)))
    return notes


def whole_set(meaning: MarkerSet, asked: str | Path | MarkerSet | None) -> MarkerSet:
    """The marker set of a trial as it was before it was reduced to the trial's labels."""
    return asked if isinstance(asked, MarkerSet) else load_marker_set(asked or meaning.name)


def stored_name(meaning: MarkerSet | None, asked: str | Path | MarkerSet | None) -> str:
    """What `load_marker_set` needs to find the set again: a shipped name, or the path of a file."""
    if meaning is None:
        return "unknown"
    return str(asked) if isinstance(asked, str | Path) else meaning.name


def _shown(asked: str | Path | MarkerSet) -> str:
    """A set that was asked for, in a sentence of a product: never with the folders of this computer."""
    return asked.name if isinstance(asked, MarkerSet) else Path(asked).name

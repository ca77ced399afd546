"""Set label: labels of a laboratory's own marker set that no recording of a run holds: mostly typing errors."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from mocap_import.marker.label import match_labels
from mocap_import.marker.marker_set import load_marker_set
from mocap_import.trial_store import trial_labels

_ALIKE = 0.75


def labels_in_no_recording(marker_set: str | Path | None, trials: Iterable[Path]) -> list[str]:
    """One sentence for every label of a set that no trial holds, with the nearest label of the recordings.

    Parameters
    ----------
    marker_set : str, Path or None
        A set of your own (``.toml``); shipped ones describe more laboratories than one and are not judged.
    trials : iterable of Path
        Stored trials; read until every label has been seen.

    Returns
    -------
    list of str
        Empty if there are no trials.
    """
    if marker_set is None or not str(marker_set).endswith(".toml"):
        return []
    known = load_marker_set(marker_set).ordered_labels
    missing, unknown, held, count = list(known), {}, {}, 0
    for path in trials:
        labels = trial_labels(path)
        count += 1
        exact, loose = match_labels(known, labels)
        missing = [label for label in missing if label not in exact and label not in loose]
        held |= dict.fromkeys(labels)
        unknown |= dict.fromkeys(label for label in labels if label not in exact and label not in loose.values())
        if not missing:
            return []
    return [
        f"label {label!r} of {Path(marker_set).name} is in no recording{_hint(label, unknown) or _hint(label, held)}"
        for label in missing
        if count
    ]


def _hint(label: str, unknown: Iterable[str]) -> str:
    """The label that was meant, if one is alike in its letters."""
    folded = {other.casefold(): other for other in unknown}
    near = difflib.get_close_matches(label.casefold(), folded, n=1, cutoff=_ALIKE)
    return f"; did you mean {folded[near[0]]!r}?" if near else ""

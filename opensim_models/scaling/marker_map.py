"""Marker map: which of a trial's labels is which of a model's markers.

In this order: what a file of the user says, the same name, the same name but for case and punctuation, the same
anatomical landmark. What stays without a partner on either side is named.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mocap_import.marker.label import match_labels
from mocap_import.marker.marker_set import LANDMARKS, MarkerSet, recognise_marker_set
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch

FEWEST = 4
"""Markers that a model and a trial must share."""


@dataclass(frozen=True)
class MarkerMap:
    """Partners of a model's markers in a trial.

    Attributes
    ----------
    labels : dict
        Model marker → label of the trial.
    how : dict
        Model marker → ``"map"``, ``"name"``, ``"spelling"`` or ``"landmark"``.
    landmarks : dict
        Model marker → anatomical landmark, for those that are one.
    missing : tuple of str
        Model markers that the trial does not show.
    unused : tuple of str
        Labels of the trial that the model does not have.
    """

    labels: dict[str, str]
    how: dict[str, str]
    landmarks: dict[str, str]
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What was matched and what was not, in words."""
        ways = {way: sum(h == way for h in self.how.values()) for way in ("map", "name", "spelling", "landmark")}
        by = ", ".join(f"{n} by {way}" for way, n in ways.items() if n)
        said = f"{len(self.labels)} markers matched ({by})"
        if self.missing:
            said += f"; of the model, not in the trial: {', '.join(self.missing)}"
        if self.unused:
            said += f"; of the trial, not in the model: {', '.join(self.unused)}"
        return said


def read_marker_map(path: Path) -> dict[str, str]:
    """Read ``[markers]`` of a TOML file: model marker = "trial label".

    Raises
    ------
    ModelMismatch
        No such file, no TOML, or something else than names in it.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelMismatch(f"{path}: expected a TOML file with a table [markers], but {error}.") from error
    unknown = sorted(set(content) - {"markers"})
    table = content.get("markers")
    if unknown or not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
        wrong = f"it has {', '.join(unknown)}" if unknown else "that table is missing or holds no names"
        raise ModelMismatch(f'{path}: expected one table [markers] with lines like "R.ASIS" = "RASI"; {wrong}.')
    return dict(table)


def match_markers(
    skeleton: Skeleton,
    labels: Sequence[str],
    marker_set: MarkerSet | None = None,
    given: Mapping[str, str] | None = None,
) -> MarkerMap:
    """Find the partners of a model's markers among a trial's labels.

    Parameters
    ----------
    skeleton : Skeleton
    labels : sequence of str
    marker_set : MarkerSet, optional
        What the trial's labels mean.
    given : mapping, optional
        Model marker → label, before everything else.

    Returns
    -------
    MarkerMap

    Raises
    ------
    ModelMismatch
        Fewer than four partners, or `given` names what is on neither side.
    """
    names = tuple(dict.fromkeys(m.name for m in skeleton.markers))
    labels = tuple(labels)
    partners = _given(skeleton, names, labels, given or {})
    how = dict.fromkeys(partners, "map")
    exact, loose = match_labels(names, labels)
    own = model_landmarks(skeleton)
    meaning = marker_set.for_labels(labels).landmarks if marker_set is not None else {}
    for way, found in (
        ("name", exact),
        ("spelling", loose),
        ("landmark", {name: meaning[mark] for name, mark in own.items() if mark in meaning}),
    ):
        taken = set(partners.values())
        for name, label in found.items():
            if name not in partners and label not in taken:
                partners[name], how[name] = label, way
                taken.add(label)
    if len(partners) < FEWEST:
        raise ModelMismatch(
            f"{skeleton.name}: the model and the trial share {len(partners)} markers, at least {FEWEST} are needed. "
            f"Model: {_some(names)}. Trial: {_some(labels)}. Name partners in a file: --markers map.toml with "
            '[markers] and lines like "R.ASIS" = "RASI".'
        )
    used = set(partners.values())
    return MarkerMap(
        {name: partners[name] for name in names if name in partners},
        how,
        {name: mark for name, mark in own.items() if name in partners},
        tuple(name for name in names if name not in partners),
        tuple(label for label in labels if label not in used),
    )


def _given(
    skeleton: Skeleton, names: tuple[str, ...], labels: tuple[str, ...], given: Mapping[str, str]
) -> dict[str, str]:
    """The user's own partners, checked on both sides; a label that one trial of an archive lacks is no mistake."""
    partners = {}
    for name, label in given.items():
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3) or names[:5]
            raise ModelMismatch(f"{skeleton.name}: the marker map names {name!r}; near ones are {', '.join(near)}.")
        if label in labels:
            partners[name] = label
    if len(set(partners.values())) < len(partners):
        raise ModelMismatch(f"{skeleton.name}: the marker map gives one label to two markers.")
    return partners


def model_landmarks(skeleton: Skeleton) -> dict[str, str]:
    """Model marker → landmark, as far as its name says: a landmark's own, or that of a known marker set."""
    names = tuple(m.name for m in skeleton.markers)
    found = {name: name for name in names if name in LANDMARKS}
    known = recognise_marker_set(names)
    if known is not None:
        for mark, name in known.landmarks.items():
            if mark not in found.values():
                found.setdefault(name, mark)
    return found


def renamed_markers(skeleton: Skeleton, markers: MarkerMap) -> Skeleton:
    """The skeleton with the trial's labels in the place of its own names, and only the markers that have a partner."""
    kept = tuple(replace(m, name=markers.labels[m.name]) for m in skeleton.markers if m.name in markers.labels)
    return skeleton.with_markers(kept)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "") if names else "none"

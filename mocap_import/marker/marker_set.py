"""Marker set: what a laboratory's labels mean, as anatomical landmarks and as markers of rigid segments."""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

import numpy as np

from mocap_import.marker.label import match_labels, plain_label
from mocap_import.marker.marker_set_text import (
    checked_by_hand,
    refuse_contradictions,
    toml_problem,
    unchecked_lines,
)
from mocap_import.trial import MarkerTrial, Treatment, TrialRefused

SIDES = ("r", "l")
_PAIRED = (
    *("asis", "psis", "iliac_crest", "trochanter", "knee_lateral", "knee_medial", "tibial_tuberosity"),
    *("ankle_lateral", "ankle_medial", "heel", "toe", "metatarsal_1", "metatarsal_5", "acromion"),
)
LANDMARKS = frozenset(f"{word}_{side}" for side in SIDES for word in _PAIRED) | {
    *("sacrum", "c7", "t10", "clavicle", "sternum")
}
SEGMENTS = frozenset({"pelvis", "femur_r", "tibia_r", "calcn_r", "femur_l", "tibia_l", "calcn_l", "torso"})
_RECOGNISED = 0.75
"""Share of a set's segments that must carry a marker before the set is recognised."""
_OTHER_TABLES = frozenset({".csv", ".txt", ".json", ".xml", ".yaml", ".yml", ".xlsx", ".mkr", ".vst", ".c3d"})


@dataclass(frozen=True)
class MarkerSet:
    """Meaning of labels.

    Attributes
    ----------
    name, description : str
    landmarks : dict
        Landmark → label. Landmarks such as ``"asis_r"``, ``"knee_medial_l"``, ``"heel_r"``, ``"toe_r"``.
    segments : dict
        OpenSim body → labels that move with it; ``calcn_*`` is the whole foot.
    others : dict
        Known labels that no computation uses yet: group → labels.
    alternatives : dict
        Landmark → further labels that laboratories use for it, in order of preference.
    unchecked : int
        Lines of a draft that are still marked CHECK; 0 once its ``checked`` is true.
    """

    name: str
    description: str
    landmarks: dict[str, str]
    segments: dict[str, tuple[str, ...]]
    others: dict[str, tuple[str, ...]] = field(default_factory=dict)
    alternatives: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unchecked: int = 0

    @property
    def ordered_labels(self) -> tuple[str, ...]:
        """Every label the set knows, landmarks first, in order of preference."""
        groups = [self.landmarks.values(), *self.alternatives.values(), *self.segments.values(), *self.others.values()]
        return tuple(dict.fromkeys(label for group in groups for label in group))

    @property
    def labels(self) -> frozenset[str]:
        """Every label the set knows."""
        return frozenset(self.ordered_labels)

    def meanings(self, label: str) -> list[str]:
        """What the set says of a label: landmarks and segments, empty if it does not know the label."""
        named = [mark for mark, own in self.landmarks.items() if own == label]
        named += [mark for mark, more in self.alternatives.items() if label in more and mark not in named]
        named += [segment for segment, labels in self.segments.items() if label in labels]
        return named + [group for group, labels in self.others.items() if label in labels]

    def for_labels(self, labels: Iterable[str]) -> MarkerSet:
        """The set reduced to the labels of one trial, each landmark at the label that the trial really holds.

        A label of the trial that differs from the set's in case, accents or punctuation only (``R_ASIS``, ``R.ASIS``)
        is taken for it where no other claims it; see `match_notes`.
        """
        exact, loose = match_labels(self.ordered_labels, tuple(labels))
        present = exact | loose
        landmarks = {}
        for landmark, label in self.landmarks.items():
            for candidate in (label, *self.alternatives.get(landmark, ())):
                if candidate in present:
                    landmarks[landmark] = present[candidate]
                    break
        segments = {
            body: tuple(present[mark] for mark in own if mark in present) for body, own in self.segments.items()
        }
        return replace(
            self,
            landmarks=landmarks,
            segments={body: own for body, own in segments.items() if own},
            others={
                group: tuple(present[mark] for mark in own if mark in present) for group, own in self.others.items()
            },
            alternatives={},
        )


def known_marker_sets() -> list[str]:
    """Names of the marker sets that ship with the package."""
    folder = resources.files("mocap_import.marker_sets")
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_marker_set(name_or_path: str | Path) -> MarkerSet:
    """Load a marker set by name, or from a TOML file of your own.

    Parameters
    ----------
    name_or_path : str or Path
        One of `known_marker_sets()`, or a path that ends in ``.toml``.

    Raises
    ------
    TrialRefused
        Unknown name or landmark (with near matches), or a file that is not such a TOML file.
    """
    name = str(name_or_path)
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise TrialRefused(f"{name}: no such marker set file; check the path.")
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as problem:
            raise TrialRefused(f"{path.name}: is not UTF-8 text ({problem.reason}); save it as UTF-8.") from problem
        return parse_marker_set(text, path.name)
    if Path(name).suffix.lower() in _OTHER_TABLES:
        raise TrialRefused(
            f"{name}: a marker set is a .toml file, got {Path(name).suffix}; "
            "`kinesynth labels ARCHIVE --draft lab.toml` writes one to start from."
        )
    if name not in known_marker_sets():
        near = difflib.get_close_matches(name, known_marker_sets(), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise TrialRefused(
            f"unknown marker set {name!r}; known are {', '.join(known_marker_sets())}; "
            f"name one of them or your own .toml file.{hint}"
        )
    return _shipped(name)


@functools.lru_cache(maxsize=16)
def parse_marker_set(text: str, source: str) -> MarkerSet:
    """Build a marker set from TOML text.

    Raises
    ------
    TrialRefused
        No TOML, unknown landmarks, segments and keys (with near matches), a label that is two landmarks or lies on both
        sides of the body.
    """
    try:
        content = tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as problem:
        raise TrialRefused(f"{source}: {toml_problem(text, problem)}") from problem
    checked = checked_by_hand(content, source)
    _known(content, {"name", "description", "source", "checked", "landmarks", "segments", "others"}, source, "key")
    if not isinstance(content.get("name"), str) or not isinstance(content.get("segments"), dict):
        raise TrialRefused(f"{source}: a marker set needs `name` and a table [segments]; see docs/archive.md.")
    landmarks, others = content.get("landmarks", {}), content.get("others", {})
    for name, table in (("landmarks", landmarks), ("others", others)):
        if not isinstance(table, dict):
            raise TrialRefused(f"{source}: [{name}] must be a table, got {table!r}; see docs/archive.md.")
    _known(landmarks, LANDMARKS, source, "landmark")
    _known(content["segments"], SEGMENTS, source, "segment")
    choices = {mark: _labels(own, source, mark) for mark, own in landmarks.items()}
    segments = {segment: _labels(own, source, segment) for segment, own in content["segments"].items()}
    refuse_contradictions(choices, segments, source)
    return MarkerSet(
        name=content["name"],
        description=str(content.get("description", "")),
        landmarks={mark: labels[0] for mark, labels in choices.items() if labels},
        segments=segments,
        others={group: _labels(own, source, group) for group, own in others.items()},
        alternatives={mark: labels[1:] for mark, labels in choices.items() if len(labels) > 1},
        unchecked=0 if checked else unchecked_lines(text),
    )


def _labels(value: object, source: str, name: str) -> tuple[str, ...]:
    """One label, or a list of labels, of a TOML file; a text is one label and not the list of its letters."""
    labels = value if isinstance(value, list) else [value]
    if not all(isinstance(label, str) for label in labels):
        raise TrialRefused(f'{source}: {name} must be a label or a list of labels, got {value!r}; write ["LASI", ...].')
    return tuple(labels)


def _known(words: Iterable[str], allowed: Iterable[str], source: str, kind: str) -> None:
    """Refuse words outside `allowed`, with the nearest allowed word."""
    allowed = sorted(allowed)
    for word in words:
        if word not in allowed:
            near = difflib.get_close_matches(word, allowed, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; allowed: {', '.join(allowed)}"
            raise TrialRefused(f"{source}: unknown {kind} {word!r}{hint}")


@functools.lru_cache(maxsize=64)
def _shipped(name: str) -> MarkerSet:
    """A shipped set, read once a process."""
    text = resources.files("mocap_import.marker_sets").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return parse_marker_set(text, f"{name}.toml")


@functools.lru_cache(maxsize=64)
def _plain_labels(name: str) -> frozenset[str]:
    """Plain texts of a shipped set's labels."""
    return frozenset(plain_label(label) for label in _shipped(name).ordered_labels)


def recognise_marker_set(labels: Iterable[str]) -> MarkerSet | None:
    """The shipped marker set that fits labels best, reduced to them, or None.

    A set fits when the pelvis carries two markers, both feet one, and three quarters of its segments any; among several
    that fit, the one that explains most labels wins, labels that match to the letter before those that match loosely.
    """
    return _recognised(tuple(labels), tuple(known_marker_sets()))


@functools.lru_cache(maxsize=256)
def _recognised(labels: tuple[str, ...], names: tuple[str, ...]) -> MarkerSet | None:
    """`recognise_marker_set` among some shipped sets; the files of an archive mostly repeat their labels."""
    plain = {plain_label(label) for label in labels}
    most = {name: len(plain & _plain_labels(name)) for name in names}
    best: tuple[tuple[int, int, float], MarkerSet] | None = None
    for name in sorted(names, key=lambda name: -most[name]):
        if most[name] < 3 or (best is not None and most[name] < best[0][0]):
            break
        whole = _shipped(name)
        exact, loose = match_labels(whole.ordered_labels, labels)
        found = whole.for_labels(labels)
        enough = _RECOGNISED * len(whole.segments.keys() - {"torso"})
        feet = {"calcn_r", "calcn_l"} <= found.segments.keys()
        if not feet or len(found.segments.get("pelvis", ())) < 2 or len(found.segments.keys() - {"torso"}) < enough:
            continue
        score = (len(exact) + len(loose), len(exact), (len(exact) + len(loose)) / len(whole.ordered_labels))
        if best is None or score > best[0]:
            best = (score, found)
    return best[1] if best else None


def match_notes(whole: MarkerSet, labels: Iterable[str]) -> list[Treatment]:
    """What had to be read loosely to find a set's labels in a trial: case, accents, punctuation."""
    _, loose = match_labels(whole.ordered_labels, tuple(labels))
    if not loose:
        return []
    pairs = ", ".join(f"{own} as {label}" for label, own in loose.items())
    return [
        Treatment("labels_matched_loosely", f"taken for labels of {whole.name} but for case and punctuation: {pairs}")
    ]


def nearest_marker_sets(labels: Iterable[str], count: int = 3) -> list[tuple[str, float]]:
    """Shipped sets that explain most of some labels, with the share (0 to 1) that each explains."""
    labels = tuple(labels)
    shares = []
    for whole in map(_shipped, known_marker_sets()):
        exact, loose = match_labels(whole.ordered_labels, labels)
        shares.append((whole.name, (len(exact) + len(loose)) / max(1, len(labels))))
    return [entry for entry in sorted(shares, key=lambda entry: -entry[1])[:count] if entry[1] > 0]


def landmark_positions(trial: MarkerTrial, marker_set: MarkerSet) -> dict[str, np.ndarray]:
    """Positions (n_frames, 3) of every landmark that the trial holds.

    The toe landmark falls back on the midpoint of the first and fifth metatarsal heads, then on one of them; the
    heel on the lateral ankle.
    """
    present = marker_set.for_labels(trial.labels)
    found = {mark: trial.positions[:, trial.labels.index(label)] for mark, label in present.landmarks.items()}
    for side in SIDES:
        heads = [found[f"metatarsal_{k}_{side}"] for k in (1, 5) if f"metatarsal_{k}_{side}" in found]
        if f"toe_{side}" not in found and heads:
            found[f"toe_{side}"] = np.mean(heads, axis=0)
        if f"heel_{side}" not in found and f"ankle_lateral_{side}" in found:
            found[f"heel_{side}"] = found[f"ankle_lateral_{side}"]
    return found

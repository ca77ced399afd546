"""Marker set: what a laboratory's labels mean, as anatomical landmarks and as markers of rigid segments."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

import numpy as np

from mocap_import.trial import MarkerTrial, TrialRefused

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
    """

    name: str
    description: str
    landmarks: dict[str, str]
    segments: dict[str, tuple[str, ...]]
    others: dict[str, tuple[str, ...]] = field(default_factory=dict)
    alternatives: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def labels(self) -> frozenset[str]:
        """Every label the set knows."""
        groups = [*self.segments.values(), *self.others.values(), *self.alternatives.values()]
        return frozenset(self.landmarks.values()).union(*groups) if groups else frozenset(self.landmarks.values())

    def meanings(self, label: str) -> list[str]:
        """What the set says of a label: landmarks and segments, empty if it does not know the label."""
        named = [mark for mark, own in self.landmarks.items() if own == label]
        named += [mark for mark, more in self.alternatives.items() if label in more and mark not in named]
        named += [segment for segment, labels in self.segments.items() if label in labels]
        return named + [group for group, labels in self.others.items() if label in labels]

    def for_labels(self, labels: Iterable[str]) -> MarkerSet:
        """The set reduced to the labels of one trial, each landmark at the label that the trial really holds."""
        present = set(labels)
        landmarks = {}
        for landmark, label in self.landmarks.items():
            for candidate in (label, *self.alternatives.get(landmark, ())):
                if candidate in present:
                    landmarks[landmark] = candidate
                    break
        segments = {name: tuple(mark for mark in marks if mark in present) for name, marks in self.segments.items()}
        return replace(
            self,
            landmarks=landmarks,
            segments={name: marks for name, marks in segments.items() if marks},
            others={name: tuple(mark for mark in marks if mark in present) for name, marks in self.others.items()},
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
        return parse_marker_set(path.read_text(encoding="utf-8"), path.name)
    if name not in known_marker_sets():
        near = difflib.get_close_matches(name, known_marker_sets(), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise TrialRefused(
            f"unknown marker set {name!r}; known are {', '.join(known_marker_sets())}; "
            f"name one of them or your own .toml file.{hint}"
        )
    text = resources.files("mocap_import.marker_sets").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return parse_marker_set(text, f"{name}.toml")


def parse_marker_set(text: str, source: str) -> MarkerSet:
    """Build a marker set from TOML text; unknown landmarks, segments and keys are refused with near matches."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise TrialRefused(f"{source}: not valid TOML ({problem}); correct the file.") from problem
    _known(content, {"name", "description", "source", "landmarks", "segments", "others"}, source, "key")
    if not isinstance(content.get("name"), str) or not isinstance(content.get("segments"), dict):
        raise TrialRefused(f"{source}: a marker set needs `name` and a table [segments]; see docs/extending.md.")
    landmarks = content.get("landmarks", {})
    _known(landmarks, LANDMARKS, source, "landmark")
    _known(content["segments"], SEGMENTS, source, "segment")
    choices = {mark: (label,) if isinstance(label, str) else tuple(label) for mark, label in landmarks.items()}
    return MarkerSet(
        name=content["name"],
        description=content.get("description", ""),
        landmarks={mark: labels[0] for mark, labels in choices.items() if labels},
        segments={segment: tuple(labels) for segment, labels in content["segments"].items()},
        others={group: tuple(labels) for group, labels in content.get("others", {}).items()},
        alternatives={mark: labels[1:] for mark, labels in choices.items() if len(labels) > 1},
    )


def _known(words: Iterable[str], allowed: Iterable[str], source: str, kind: str) -> None:
    """Refuse words outside `allowed`, with the nearest allowed word."""
    allowed = sorted(allowed)
    for word in words:
        if word not in allowed:
            near = difflib.get_close_matches(word, allowed, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; allowed: {', '.join(allowed)}"
            raise TrialRefused(f"{source}: unknown {kind} {word!r}{hint}")


def recognise_marker_set(labels: Iterable[str]) -> MarkerSet | None:
    """The shipped marker set that fits labels best, reduced to them, or None.

    A set fits when pelvis, both feet and three quarters of its segments carry a marker; among several that fit, the one
    that explains most labels wins.
    """
    labels = list(labels)
    best: tuple[int, MarkerSet] | None = None
    for name in known_marker_sets():
        whole = load_marker_set(name)
        found = whole.for_labels(labels)
        if not {"pelvis", "calcn_r", "calcn_l"} <= found.segments.keys() or len(found.segments) < _RECOGNISED * len(
            whole.segments.keys() - {"torso"}
        ):
            continue
        explained = len(whole.labels & set(labels))
        if best is None or explained > best[0]:
            best = (explained, found)
    return best[1] if best else None


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

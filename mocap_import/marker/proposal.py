"""Marker proposal: a draft marker set for labels nobody has described, from their words and from the body they sit on.

Words propose, geometry verifies: a marker called heel must lie low, the right knee to the right of the left one. What
no word explains goes to the segment it moves with; labels without any meaning (M001) are placed by a template of the
standing body, with a low confidence that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mocap_import.marker.geometry import HEIGHTS, body_places, distance_changes, fit_template, moves, segment_by_cluster
from mocap_import.marker.label import plain_label
from mocap_import.marker.marker_set import LANDMARKS, SEGMENTS, MarkerSet
from mocap_import.marker.word import WordMeaning, is_heel_word, read_words

_SEGMENT_OF = {
    **dict.fromkeys(("asis", "psis", "iliac_crest", "sacrum"), "pelvis"),
    **dict.fromkeys(("trochanter", "knee_lateral", "knee_medial"), "femur"),
    **dict.fromkeys(("tibial_tuberosity", "ankle_lateral", "ankle_medial"), "tibia"),
    **dict.fromkeys(("heel", "toe", "metatarsal_1", "metatarsal_5"), "calcn"),
    **dict.fromkeys(("c7", "t10", "clavicle", "sternum"), "torso"),
}
_JOINT_LINE = ("trochanter", "knee_lateral", "knee_medial", "ankle_lateral", "ankle_medial")
_SHORTEST_FOOT = 0.07
"""Least distance (m) from heel to toe along the foot, of a small child."""
_CLEAR = 0.1
"""By how much the surest label of a landmark must be surer than the next."""
SURE = 0.6
"""Up to this confidence a person must look at a line."""
_GEOMETRY_ONLY = 0.3
_CLUSTER = 0.5
_BY_WORD = "the word "
_FEW_WORDS = 4
"""Landmarks that words must give before the template is left out."""


@dataclass(frozen=True)
class MarkerProposal:
    """A draft of a marker set.

    Attributes
    ----------
    marker_set : MarkerSet
    confidence : dict
        Label → 0 to 1: 0.9 word and geometry agree, 0.5 by motion, 0.3 or less by place alone.
    evidence : dict
        Label → why, in words.
    unmapped : tuple of str
        Labels left out; `evidence` says why where something spoke against their words.
    left_out : dict
        Landmark that got no label → the labels proposed for it, the likeliest first: they are other landmarks.
    """

    marker_set: MarkerSet
    confidence: dict[str, float]
    evidence: dict[str, str]
    unmapped: tuple[str, ...]
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def to_check(self) -> frozenset[str]:
        """Labels of the set whose meaning a person must look at: no word of theirs says it, or not for certain."""
        return frozenset(
            label
            for label in self.marker_set.labels
            if self.confidence.get(label, 0.0) <= SURE or not self.evidence.get(label, "").startswith(_BY_WORD)
        )


def propose_marker_set(
    labels: Sequence[str], positions: np.ndarray, rate: float, *, name: str = "own_laboratory"
) -> MarkerProposal:
    """Draft a marker set for unknown labels.

    Parameters
    ----------
    labels : sequence of str
    positions : ndarray, shape (n_frames, n_markers, 3)
        m, ground frame (X forward, Y up, Z right), NaN = occluded. A walk tells more than a standing trial.
    rate : float
        Hz; a trial shorter than 0.2 s shows no motion.
    name : str
        Name of the set.

    Returns
    -------
    MarkerProposal
    """
    words = read_words(labels)
    places = body_places(positions, _facing(labels, words, positions))
    draft = _Draft(labels, places, _pelvis_height(labels, words, places))
    for label in labels:
        draft.weigh(label, words[label])
    draft.choose()
    if len(draft.landmarks) < _FEW_WORDS:
        draft.by_template()
    if len(positions) >= 0.2 * rate:
        draft.by_motion(positions)
    draft.ends_of_feet()
    return draft.proposal(name)


def _facing(labels: Sequence[str], words: dict[str, WordMeaning], positions: np.ndarray) -> np.ndarray | None:
    """Where the body faces, from labels that are called toe and heel, or front and back of the pelvis."""
    columns = {mark: [] for mark in ("toe", "heel", "asis", "psis", "sacrum")}
    for k, label in enumerate(labels):
        if words[label].landmark in columns:
            columns[words[label].landmark].append(k)
    total = np.zeros(3)
    for front, back in (("toe", "heel"), ("asis", "psis"), ("asis", "sacrum")):
        if columns[front] and columns[back]:
            here = body_places(positions)[:, [0, 2]]
            ahead = np.nanmean(here[columns[front]], axis=0) - np.nanmean(here[columns[back]], axis=0)
            path = _travel(positions)
            side = np.array([-path[2], 0.0, path[0]])
            total += ahead[0] * path + ahead[1] * side
    length = np.linalg.norm(total)
    return total / length if np.isfinite(length) and length > 0.02 else None


def _travel(positions: np.ndarray) -> np.ndarray:
    """The forward axis that `body_places` takes when it is told none."""
    middle = np.nanmedian(positions[np.isfinite(positions[:, :, 0]).any(axis=1)], axis=1)
    path = (middle[-1] - middle[0]) * [1.0, 0.0, 1.0]
    length = np.linalg.norm(path)
    return path / length if length > 0.5 else np.array([1.0, 0.0, 0.0])


def _pelvis_height(labels: Sequence[str], words: dict[str, WordMeaning], places: np.ndarray) -> float:
    """Height of the pelvis (m): of the markers that are called so, else twice the knees', else by the template."""
    for wanted, share in ((("asis", "psis", "sacrum"), 1.0), (("knee_lateral",), 0.51), (("acromion",), 1.47)):
        heights = [places[k, 1] for k, label in enumerate(labels) if words[label].landmark in wanted]
        heights = [height for height in heights if np.isfinite(height)]
        if heights:
            return float(np.median(heights)) / share
    return fit_template(places)[1]


class _Draft:
    """A proposal in the making; lives within `propose_marker_set`."""

    def __init__(self, labels: Sequence[str], places: np.ndarray, pelvis: float) -> None:
        self.labels, self.places, self.pelvis = tuple(labels), places, pelvis
        self.column = {label: k for k, label in enumerate(self.labels)}
        self.candidates: dict[str, list[tuple[float, str]]] = {}
        self.landmarks: dict[str, str] = {}
        self.segment: dict[str, str] = {}
        self.confidence: dict[str, float] = {}
        self.evidence: dict[str, str] = {}
        self.heels: set[str] = set()

    def weigh(self, label: str, word: WordMeaning) -> None:
        """Take what a label says of itself if its place does not speak against it."""
        meant = word.landmark or word.segment
        if not meant:
            return
        _, height, right = self.places[self.column[label]]
        said = f"{_BY_WORD}{word.word!r}"
        if is_heel_word(word.word):
            self.heels.add(label)
        if not np.isfinite(height):
            self.evidence[label] = f"{said} says {meant}, but the marker is never seen"
            return
        share = height / self.pelvis
        low, high = HEIGHTS.get(meant, (-np.inf, np.inf))
        if not low <= share <= high:
            where = f"lies at {share:.2f} of the pelvis' height, expected {low:.2f} to {high:.2f}"
            self.evidence[label] = f"{said} says {meant}, but it {where}"
            return
        side, certainty = word.side, word.certainty
        paired = f"{meant}_r" in LANDMARKS or f"{meant}_r" in SEGMENTS
        agreed = f"{said}, height fits"
        if paired and not side:
            side, certainty = ("r" if right > 0 else "l"), 0.6 * certainty
            agreed = f"{said}, height fits, side by its place"
        full = f"{meant}_{side}" if paired else meant
        self.evidence[label], self.confidence[label] = agreed, certainty
        if word.landmark and full in LANDMARKS:
            self.candidates.setdefault(full, []).append((certainty, label))
            body = _SEGMENT_OF.get(meant, "")
        else:
            body = meant
        if body:
            self.segment[label] = f"{body}_{side}" if f"{body}_r" in SEGMENTS else body

    def choose(self) -> None:
        """One label a landmark: the surest, and of equals the one that names nothing more (the shortest)."""
        for landmark, found in self.candidates.items():
            # Of several heel markers the lowest is at the ground.
            foot = landmark.startswith("heel")
            ranked = sorted(
                found,
                key=lambda entry: (-entry[0], self.places[self.column[entry[1]], 1] if foot else 0, len(entry[1])),
            )
            self.landmarks[landmark] = ranked[0][1]
            certainty, first = ranked[0]
            for _, label in ranked[1:]:
                self.evidence[label] += f"; {landmark} is {first}"
            rivals = [label for other, label in ranked[1:] if other > certainty - _CLEAR]
            rivals += [label for label in self._numbered_beside(first) if label not in rivals]
            if rivals:
                self.confidence[first] = min(self.confidence[first], SURE)
                self.evidence[first] += f"; or is it {' or '.join(rivals)}?"
        self._sides()

    def _numbered_beside(self, label: str) -> list[str]:
        """Labels that differ from one by a number behind it: its word or its number may mean something else."""
        text = plain_label(label)
        others = ((other, plain_label(other)) for other in self.labels if other != label)
        return [
            other
            for other, own in others
            if own != text and (own.rstrip("0123456789") == text or text.rstrip("0123456789") == own)
        ]

    def _sides(self) -> None:
        """Lower the confidence of pairs that lie the wrong way round."""
        for landmark, label in list(self.landmarks.items()):
            other = self.landmarks.get(f"{landmark[:-2]}_l") if landmark.endswith("_r") else None
            if other is None:
                continue
            apart = self.places[self.column[label], 2] - self.places[self.column[other], 2]
            if apart < -0.03:
                for one in (label, other):
                    self.confidence[one] = min(self.confidence[one], 0.2)
                    self.evidence[one] += f"; BUT the right one lies {-apart:.2f} m to the left: check the sides"
            elif apart > 0.03:
                for one in (label, other):
                    self.evidence[one] += ", side fits"

    def by_template(self) -> None:
        """Labels without meaning: the place alone."""
        meaning, _ = fit_template(self.places)
        for column, what in meaning.items():
            label = self.labels[column]
            if label in self.segment or label in self.landmarks.values():
                continue
            where = "place on the body alone"
            if what in LANDMARKS and what not in self.landmarks:
                self.landmarks[what] = label
                body = _SEGMENT_OF.get(what.rsplit("_", 1)[0] if what[-2:] in ("_r", "_l") else what, "")
                body = f"{body}_{what[-1]}" if f"{body}_r" in SEGMENTS else body or "upper_body"
            else:
                body = what
            self.segment[label] = body if body in SEGMENTS else body[:-2] if body[-2:] in ("_r", "_l") else body
            self.evidence[label], self.confidence[label] = where, _GEOMETRY_ONLY

    def by_motion(self, positions: np.ndarray) -> None:
        """Labels no word explains: the segment to whose markers they keep their distance."""
        changes = distance_changes(positions)
        if not moves(changes):
            return
        at_joints = [mark for mark in self.landmarks if mark.removesuffix("_r").removesuffix("_l") in _JOINT_LINE]
        named = {label for mark in self.candidates if mark[:-2] in _JOINT_LINE for _, label in self.candidates[mark]}
        joints = frozenset(self.column[label] for label in named | {self.landmarks[mark] for mark in at_joints})
        groups: dict[str, list[int]] = {}
        for label, body in self.segment.items():
            groups.setdefault(body, []).append(self.column[label])
        for label in self.labels:
            if label in self.evidence or label in self.segment:
                continue
            body, change, count = segment_by_cluster(changes, self.column[label], groups, joints)
            if body:
                self.segment[label], self.confidence[label] = body, _CLUSTER
                self.evidence[label] = (
                    f"no known word; keeps its distance to {count} markers of {body} within {1000 * change:.0f} mm"
                )

    def ends_of_feet(self) -> None:
        """Heel and toe of feet that no word names: the rearmost and the foremost marker."""
        for side in ("r", "l"):
            marks = [label for label, body in self.segment.items() if body == f"calcn_{side}"]
            if len(marks) < 2:
                continue
            ranked = sorted(marks, key=lambda label: self.places[self.column[label], 0])
            front = {f"toe_{side}", f"metatarsal_1_{side}", f"metatarsal_5_{side}"} & self.landmarks.keys()
            rear = f"heel_{side}" in self.landmarks
            for landmark, label, wanted in (
                (f"heel_{side}", ranked[0], not rear),
                (f"toe_{side}", ranked[-1], not front),
            ):
                length = self.places[self.column[ranked[-1]], 0] - self.places[self.column[ranked[0]], 0]
                is_heel = "toe" in landmark and label in self.heels
                if wanted and label not in self.landmarks.values() and length >= _SHORTEST_FOOT and not is_heel:
                    self.landmarks[landmark] = label
                    self.confidence[label] = min(self.confidence[label], 0.4)
                    self.evidence[label] += "; the rearmost of the foot" if "heel" in landmark else "; the foremost"

    def proposal(self, name: str) -> MarkerProposal:
        """The finished proposal."""
        segments: dict[str, list[str]] = {}
        others: dict[str, list[str]] = {}
        for label, body in self.segment.items():
            if label in self.labels:
                (segments if body in SEGMENTS else others).setdefault(body, []).append(label)
        known = {*self.segment, *self.landmarks.values()}
        return MarkerProposal(
            MarkerSet(
                name=name,
                description="Draft from the words in the labels and the places of the markers",
                landmarks={mark: self.landmarks[mark] for mark in sorted(self.landmarks, key=landmark_order)},
                segments={body: tuple(segments[body]) for body in sorted(segments)},
                others={group: tuple(marks) for group, marks in others.items()},
            ),
            {label: round(value, 2) for label, value in self.confidence.items() if label in known},
            dict(self.evidence),
            tuple(label for label in self.labels if label not in known),
        )


def landmark_order(landmark: str) -> tuple[int, str]:
    """Sorts landmarks from the pelvis down, sides together."""
    words = list(_SEGMENT_OF)
    base = landmark[:-2] if landmark[-2:] in ("_r", "_l") else landmark
    return (words.index(base) if base in words else len(words)), landmark


def segment_of(landmark: str) -> str:
    """Segment that a landmark lies on, ``""`` for those of the upper body that no segment has."""
    base, side = (landmark[:-2], landmark[-2:]) if landmark[-2:] in ("_r", "_l") else (landmark, "")
    body = _SEGMENT_OF.get(base, "")
    return f"{body}{side}" if f"{body}{side}" in SEGMENTS else body

"""Body place: which columns of a file are the feet, the pelvis, the trunk, and which pairs tell right and front.

A marker set says it exactly; without one the words that laboratories write into labels say it (heel, toe, ASIS,
head; R and L).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mocap_import.marker.marker_set import SIDES, MarkerSet

_HEEL = re.compile(r"(?<!w)hee(l|$|[^a-z])|cal(c|$|[_. ])|rear ?foot|post(erior)? ?foot", re.IGNORECASE)
_TOE = re.compile(r"toe|(^|[^a-z]|[rl])(mt[ph_]*\d|met(a?t|$|[^a-z]))|phal|hallux|fore ?foot", re.IGNORECASE)
_FOOT = re.compile(r"foo(t|$)|ank|mal(l|$)|malleol|(^|[rl])ft\d", re.IGNORECASE)
_ASIS = re.compile(r"(?<!back)a[-_ ]?sis?($|[^a-z])", re.IGNORECASE)
_PSIS = re.compile(r"p[-_ ]?sis?($|[^a-z])|sac(r|$)|back ?a?sis", re.IGNORECASE)
_PELVIS = re.compile(r"pel(v|$)|(^|[rl])pv\d|iliac|hips?($|[^a-z])", re.IGNORECASE)
_TRUNK = re.compile(r"head|[fb]hd$|^.?c[-_ ]?7|shou|sho$|acrom|clav|neck|stern|strn$|^t[-_ ]?\d+$", re.IGNORECASE)
_NO_BODY = re.compile(r"axis|origin|plate|hand|finger|ball", re.IGNORECASE)
_MIRROR = {"right": "left", "Right": "Left", "RIGHT": "LEFT", "r": "l", "R": "L"}
_ENOUGH_PAIRS = 2


@dataclass(frozen=True)
class BodyPlaces:
    """Columns of the markers at places of the body; empty where nothing is known.

    Attributes
    ----------
    feet, pelvis, trunk : tuple of int
    pairs : tuple of (int, int)
        Left marker, right marker of the same name.
    fronts : tuple of (tuple of int, tuple of int)
        Markers behind, markers before, on one side of the body: pelvis, or heel and toe.
    middle_front : tuple of (tuple of int, tuple of int), or ()
        Markers of the sacrum, then both anterior superior iliac spines: one of them alone would point sideways.
    lengths : tuple of (str, int, int)
        ``"foot"`` or ``"shank"`` and two markers at the ends of that bone.
    """

    feet: tuple[int, ...] = ()
    pelvis: tuple[int, ...] = ()
    trunk: tuple[int, ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()
    fronts: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = ()
    middle_front: tuple[tuple[int, ...], ...] = ()
    lengths: tuple[tuple[str, int, int], ...] = ()


def body_places(labels: tuple[str, ...], marker_set: MarkerSet | None) -> BodyPlaces:
    """Places of the body in a file's labels.

    Parameters
    ----------
    labels : tuple of str
    marker_set : MarkerSet or None
        Without it, or where it says too little, the words in the labels decide.
    """
    by_words = _places_by_words(tuple(labels))
    if marker_set is None:
        return by_words
    column = {label: k for k, label in enumerate(labels)}
    present = marker_set.for_labels(labels)
    mark = {name: column[label] for name, label in present.landmarks.items()}

    def named(*words: str) -> tuple[int, ...]:
        return tuple(mark[word] for word in words if word in mark)

    def moved_by(*segments: str) -> tuple[int, ...]:
        return tuple(column[label] for segment in segments for label in present.segments.get(segment, ()))

    pelvis = named("asis_r", "asis_l", "psis_r", "psis_l", "sacrum") or moved_by("pelvis")
    fronts, lengths = [], []
    for side in SIDES:
        fronts.append((named(f"psis_{side}"), named(f"asis_{side}")))
        toes = named(f"toe_{side}") or named(f"metatarsal_1_{side}", f"metatarsal_5_{side}")
        fronts.append((named(f"heel_{side}"), toes))
        for bone, ends in (("foot", ("heel", "toe")), ("shank", ("knee_lateral", "ankle_lateral"))):
            if f"{ends[0]}_{side}" in mark and f"{ends[1]}_{side}" in mark:
                lengths.append((bone, mark[f"{ends[0]}_{side}"], mark[f"{ends[1]}_{side}"]))
    pairs = tuple((mark[name[:-1] + "l"], mark[name]) for name in mark if name[-2:] == "_r" and f"{name[:-1]}l" in mark)
    sacrum, both = named("sacrum"), named("asis_r", "asis_l")
    middle = (sacrum, both) if sacrum and len(both) == len(SIDES) else ()
    fronts = [(back, front) for back, front in fronts if back and front]
    return BodyPlaces(
        feet=moved_by("calcn_r", "calcn_l") or by_words.feet,
        pelvis=pelvis or by_words.pelvis,
        trunk=moved_by("torso") or by_words.trunk,
        pairs=pairs if len(pairs) >= _ENOUGH_PAIRS else by_words.pairs,
        fronts=tuple(fronts) if fronts or middle else by_words.fronts,
        middle_front=middle if fronts or middle else by_words.middle_front,
        lengths=tuple(lengths) or by_words.lengths,
    )


@lru_cache(maxsize=256)
def _places_by_words(labels: tuple[str, ...]) -> BodyPlaces:
    """Places of the body from the words in the labels."""
    pairs = _label_pairs(labels)
    side = {k: name for pair in pairs for k, name in zip(pair, ("l", "r"), strict=True)}
    found: dict[str, list[int]] = {}
    for word, pattern in (
        ("heel", _HEEL),
        ("toe", _TOE),
        ("foot", _FOOT),
        ("psis", _PSIS),
        ("asis", _ASIS),
        ("pelvis", _PELVIS),
        ("trunk", _TRUNK),
    ):
        taken = {k for columns in found.values() for k in columns}
        found[word] = [
            k
            for k, label in enumerate(labels)
            if k not in taken and pattern.search(label) and not _NO_BODY.search(label)
        ]
    fronts, lengths = [], []
    for name in SIDES:
        heels, toes, behind, before = (
            tuple(k for k in found[word] if side.get(k) == name) for word in ("heel", "toe", "psis", "asis")
        )
        fronts += [(heels, toes), (behind, before)]
        if heels and toes:
            lengths.append(("foot", heels[0], toes[0]))
    sacrum = tuple(k for k in found["psis"] if k not in side)
    both = tuple(found["asis"])
    is_even = sorted(side.get(k, "") for k in both) == sorted(SIDES)
    return BodyPlaces(
        feet=tuple(found["heel"] + found["toe"] + found["foot"]),
        pelvis=tuple(found["asis"] + found["psis"] + found["pelvis"]),
        trunk=tuple(found["trunk"]),
        pairs=pairs if len(pairs) >= _ENOUGH_PAIRS else (),
        fronts=tuple((back, front) for back, front in fronts if back and front),
        middle_front=(sacrum, both) if sacrum and is_even else (),
        lengths=tuple(lengths),
    )


def _label_pairs(labels: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """(left, right) columns of labels that differ only in the word for the side."""
    column = {label: k for k, label in enumerate(labels)}
    pairs = []
    for label, right in column.items():
        if _NO_BODY.search(label) and not re.search("hand|finger", label, re.IGNORECASE):
            continue
        match = re.search(r"(right|Right|RIGHT)|^([rR])(?=[A-Z0-9_. ])|(?<=[_. ])([rR])$|^(r)(?=[a-z])", label)
        if match is None:
            continue
        left = column.get(label[: match.start()] + _MIRROR[match[0]] + label[match.end() :])
        if left is not None:
            pairs.append((left, right))
    return tuple(pairs)


def mean_seen(sample: np.ndarray, columns: tuple[int, ...]) -> np.ndarray:
    """Mean position (n_frames, 3) of those of some markers that are seen, NaN where none is."""
    stack = sample[:, list(columns)]
    seen = np.isfinite(stack[:, :, 0])
    count = seen.sum(axis=1)
    total = np.where(seen[:, :, None], stack, 0.0).sum(axis=1)
    return total / np.where(count > 0, count, np.nan)[:, None]

"""Label check: labels that jump between markers, sides that are swapped, and mappings that no body can have.

Everything is judged in the body's own frame: up from the ground, forward from the back to the front of the pelvis, or
from heels to toes. What is undoubted is repaired, everything else is reported in words.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap_import.marker.label_flip import exchange_back, find_label_flips, find_strays
from mocap_import.marker.marker_set import SIDES, MarkerSet
from mocap_import.trial import Treatment

_FRAMES = 60
"""Frames that are enough to tell sides."""
_PAIRS = ("asis", "psis", "iliac_crest", "trochanter", "knee_lateral", "ankle_lateral", "heel", "toe", "acromion")
_FEET = frozenset({"heel", "toe", "ankle_lateral"})
_LATERAL = (("knee_lateral", "knee_medial"), ("ankle_lateral", "ankle_medial"), ("metatarsal_5", "metatarsal_1"))
_STEADY = 0.9
"""Share of frames in which a pair must lie the wrong way round."""
LENGTHS = {
    "thigh": ("trochanter", "knee_lateral", 0.17, 0.58),
    "thigh (from the ASIS)": ("asis", "knee_lateral", 0.2, 0.70),
    "shank": ("knee_lateral", "ankle_lateral", 0.15, 0.55),
    "foot": ("heel", "toe", 0.07, 0.34),
}
"""Segment → its ends and the shortest and longest (m) of a child of three years and of a man of 2.2 m."""


def check_labels(
    positions: np.ndarray, labels: Sequence[str], meaning: MarkerSet | None, rate: float
) -> tuple[np.ndarray, list[Treatment]]:
    """Repair labels that two markers exchanged, report what looks exchanged but cannot be decided.

    Parameters
    ----------
    positions : ndarray, shape (n_frames, n_markers, 3)
        m, ground frame, NaN = occluded; before gaps are filled.
    labels : sequence of str
    meaning : MarkerSet or None
        What the labels mean; without it only exchanges between two frames are seen.
    rate : float
        Hz, for the times in the notes.

    Returns
    -------
    positions : ndarray
        The same array if nothing was repaired, else a copy.
    treatments : list of Treatment
        ``labels_swapped_back`` (repaired), ``label_flip_suspected``, ``sides_swapped_suspected``,
        ``medial_lateral_swapped_suspected``.
    """
    notes = []
    flips = find_label_flips(positions, meaning, labels)
    for flip in flips:
        names = f"{labels[flip.first]} and {labels[flip.second]}"
        if flip.spans:
            where = ", ".join(f"frames {start + 1}-{stop}" for start, stop in flip.spans)
            detail = f"{names} had exchanged labels in {where}; exchanged back, so that both paths continue"
            notes.append(Treatment("labels_swapped_back", detail))
        else:
            when = ", ".join(f"{frame / rate:.2f} s" for frame in flip.frames)
            detail = f"{names} exchange labels at {when}; which part is right cannot be told, nothing changed"
            notes.append(Treatment("label_flip_suspected", detail))
    repaired = exchange_back(positions, flips)
    if meaning is not None:
        notes += [
            Treatment(
                "label_flip_suspected",
                f"{labels[marker]} parts from the other markers of its segment by {far:.2f} m, first seen at "
                f"{frame / rate:.2f} s: a ghost, or a label that went to another marker while it was hidden",
            )
            for marker, frame, far in find_strays(repaired, meaning, labels)
        ]
        notes += side_notes(repaired, labels, meaning)
    return repaired, notes


def side_notes(positions: np.ndarray, labels: Sequence[str], meaning: MarkerSet) -> list[Treatment]:
    """Right and left, lateral and medial markers that lie the wrong way round (shapes as in `check_labels`)."""
    places, names = _places(positions, labels, meaning), meaning.landmarks
    forward = _forward(places)
    if forward is None:
        return []
    right = np.stack([-forward[:, 2], np.zeros(len(forward)), forward[:, 0]], axis=1)
    wrong, seen = [], 0
    for word in _PAIRS:
        if f"{word}_r" not in places or f"{word}_l" not in places:
            continue
        apart = _along(right, places[f"{word}_r"] - places[f"{word}_l"])
        if not len(apart):
            continue
        seen += 1
        # Feet may cross the midline; the pelvis cannot.
        if np.median(apart) < (-0.05 if word in _FEET else -0.03) and np.mean(apart < 0) > _STEADY:
            wrong.append(word)
    notes = []
    if len(wrong) >= 2 and len(wrong) > 0.6 * seen:
        detail = f"right markers lie to the left of left ones in {len(wrong)} of {seen} pairs ({', '.join(wrong)}); "
        notes = [Treatment("sides_swapped_suspected", detail + "check the sides of the labels and the axes")]
    elif wrong:
        pairs = ", ".join(f"{names[f'{word}_r']} and {names[f'{word}_l']}" for word in wrong)
        notes = [Treatment("sides_swapped_suspected", f"{pairs}: the right one lies to the left; check these labels")]
    if len(wrong) >= 2:
        return notes
    return notes + _lateral_notes(places, names, forward, right)


def _places(positions: np.ndarray, labels: Sequence[str], meaning: MarkerSet) -> dict[str, np.ndarray]:
    """Landmark → positions (n, 3) of those that are seen, in `_FRAMES` frames over the trial."""
    column = {label: k for k, label in enumerate(labels)}
    present = {mark: column[own] for mark, own in meaning.landmarks.items() if own in column}
    frames = np.unique(np.linspace(0, len(positions) - 1, min(_FRAMES, len(positions))).astype(int))
    sample = positions[frames[:, None], list(present.values())] if present else np.zeros((len(frames), 0, 3))
    return {mark: sample[:, k] for k, mark in enumerate(present) if np.isfinite(sample[:, k, 0]).any()}


def _forward(places: dict[str, np.ndarray]) -> np.ndarray | None:
    """Horizontal unit vector (n, 3) the body faces, from the pelvis or else from the feet; None if nothing tells."""
    vectors = []
    front = [places[name] for name in ("asis_r", "asis_l") if name in places]
    # One posterior spine alone would turn the body to its side.
    both = [name for name in ("psis_r", "psis_l") if name in places]
    back = [places[name] for name in (both if len(both) == 2 else ["sacrum"]) if name in places]
    if len(front) == 2 and back:
        vectors.append(np.mean(front, axis=0) - np.mean(back, axis=0))
    else:
        feet = [places[f"toe_{s}"] - places[f"heel_{s}"] for s in SIDES if {f"toe_{s}", f"heel_{s}"} <= places.keys()]
        if len(feet) == 2:
            # A single foot of a turn or of swing points elsewhere; the mean over the trial does not.
            mean = np.nanmean(np.concatenate(feet), axis=0)
            vectors.append(np.broadcast_to(mean, feet[0].shape))
    if not vectors:
        return None
    flat = vectors[0] * [1.0, 0.0, 1.0]
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.where(length > 1e-6, flat / np.where(length > 1e-6, length, 1.0), np.nan)


def _along(axis: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Component (k,) of vectors along axes, where it is known."""
    value = np.einsum("nk,nk->n", axis, vector)
    return value[np.isfinite(value)]


def _lateral_notes(
    places: dict[str, np.ndarray], names: dict[str, str], forward: np.ndarray, right: np.ndarray
) -> list[Treatment]:
    """Lateral markers that lie inside their medial partner."""
    notes = []
    for lateral, medial in _LATERAL:
        for side, sign in (("r", 1.0), ("l", -1.0)):
            one, two = f"{lateral}_{side}", f"{medial}_{side}"
            if one not in places or two not in places:
                continue
            outward = sign * right
            if lateral == "metatarsal_5" and f"heel_{side}" in places:
                # A foot turned far out has its fifth metatarsal behind the first: judge it by the foot's own axis.
                foot = (0.5 * (places[one] + places[two]) - places[f"heel_{side}"]) * [1.0, 0.0, 1.0]
                foot /= np.linalg.norm(foot, axis=1, keepdims=True)
                outward = sign * np.stack([-foot[:, 2], np.zeros(len(foot)), foot[:, 0]], axis=1)
            apart = _along(outward, places[one] - places[two])
            if len(apart) and np.median(apart) < -0.02 and np.mean(apart < 0) > _STEADY:
                detail = f"{names[one]} lies inside {names[two]}; check whether the two are exchanged"
                notes.append(Treatment("medial_lateral_swapped_suspected", detail))
    return notes


def verify_marker_set(positions: np.ndarray, labels: Sequence[str], meaning: MarkerSet) -> list[Treatment]:
    """Say which parts of a mapping no body can have.

    Parameters
    ----------
    positions : ndarray, shape (n_frames, n_markers, 3)
        m, ground frame.
    labels : sequence of str
    meaning : MarkerSet

    Returns
    -------
    list of Treatment
        ``mapping_implausible``: a segment shorter than a small child's, longer than a giant's, unequal between sides,
        a knee above the pelvis, an ankle above the knee, a toe behind its heel; and the notes of `side_notes`.
    """
    places = _places(positions, labels, meaning)
    names = meaning.landmarks
    notes = []
    for segment, (upper, lower, shortest, longest) in LENGTHS.items():
        found = {}
        for side in SIDES:
            ends = (f"{upper}_{side}", f"{lower}_{side}")
            if ends[0] not in places or ends[1] not in places:
                continue
            length = float(np.nanmedian(np.linalg.norm(places[ends[0]] - places[ends[1]], axis=1)))
            found[side] = length
            if not shortest < length < longest:
                detail = f"{names[ends[0]]} to {names[ends[1]]}, the {segment}, is {length:.2f} m, expected "
                notes.append(Treatment("mapping_implausible", f"{detail}{shortest:.2f} to {longest:.2f} m"))
        if len(found) == 2 and abs(found["r"] - found["l"]) > 0.25 * max(found.values()):
            detail = f"{segment}: {found['r']:.2f} m on the right, {found['l']:.2f} m on the left; check both ends"
            notes.append(Treatment("mapping_implausible", detail))
    for side in SIDES:
        order = [("asis", "knee_lateral"), ("knee_lateral", "ankle_lateral"), ("ankle_lateral", "toe")]
        for upper, lower in ((f"{a}_{side}", f"{b}_{side}") for a, b in order):
            if upper in places and lower in places:
                height = np.nanmedian(places[upper][:, 1] - places[lower][:, 1])
                if height < -0.02:
                    detail = f"{names[lower]} ({lower}) lies {-height:.2f} m above {names[upper]} ({upper})"
                    notes.append(Treatment("mapping_implausible", detail))
    forward = _forward(places)
    if forward is not None:
        for side in SIDES:
            if f"heel_{side}" in places and f"toe_{side}" in places:
                ahead = _along(forward, places[f"toe_{side}"] - places[f"heel_{side}"])
                if len(ahead) and np.median(ahead) < -0.03:
                    detail = f"{names[f'toe_{side}']} (toe) lies behind {names[f'heel_{side}']} (heel)"
                    notes.append(Treatment("mapping_implausible", detail))
    return notes + side_notes(positions, labels, meaning)

"""The same person under two codes, told by the body: mass and height to the digit, or the lengths of the skeleton.

Rounded facts (70 kg, 1.75 m) are shared by many, and so are the lengths of a skeleton that a table made from a height;
neither says anything. A mass of 70.53 kg with a height of 1.752 m does, and so do the lengths of a skeleton that was
scaled by markers.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from itertools import combinations

import numpy as np
from scipy.spatial import cKDTree

from mocap_import.subject import Subject
from opensim_models.generic.anthropometry import TABLES
from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch

LENGTH_TOLERANCE = 1e-3
"""m, by which every length of one person's skeletons agrees where mass and height do."""
SAME_STATIC = 1e-4
"""m, where they do not: skeletons of the same static trial."""
LEAST_LENGTHS = 4
MASS_STEP, HEIGHT_STEP = 0.1, 0.005
"""kg, m: multiples of them are rounded facts."""
MASS_CHANGE, HEIGHT_CHANGE = 8.0, 0.02
"""kg, m, between two measurements of one person."""

People = Mapping[str, tuple[Subject, Skeleton | None]]


def same_person(people: People) -> dict[tuple[str, str], str]:
    """Search for codes that are one person.

    Parameters
    ----------
    people : mapping of code to (Subject, Skeleton or None)

    Returns
    -------
    dict of (code, code) to str
        Pairs, in order, and what they have in common.
    """
    found = {}
    lengths = {code: segment_lengths(skeleton) for code, (_, skeleton) in people.items() if skeleton is not None}
    by_facts: dict[tuple[float, float], list[str]] = defaultdict(list)
    for code, (subject, _) in sorted(people.items()):
        if _is_precise(subject):
            by_facts[subject.mass, subject.height].append(code)
    for (mass, height), codes in by_facts.items():
        for one, other in combinations(codes, 2):
            if may_be_one(people[one][0], people[other][0]) and not _differ(lengths.get(one), lengths.get(other)):
                found[one, other] = f"both have {mass:.10g} kg and {height:.10g} m"
    for one, other, apart in _alike(lengths):
        first, second = people[one][0], people[other][0]
        equal = (first.mass, first.height) == (second.mass, second.height)
        limit = LENGTH_TOLERANCE if equal else SAME_STATIC
        if (one, other) in found or not may_be_one(first, second) or apart > limit:
            continue
        others = [(people[code][0].height, lengths[code]) for code in lengths if code not in (one, other)]
        if not _by_height_alone(first, lengths[one], others):
            found[one, other] = f"{len(lengths[one])} lengths of their skeletons agree within {1e3 * apart:.2g} mm"
    return dict(sorted(found.items()))


def segment_lengths(skeleton: Skeleton) -> dict[str, float]:
    """Distance (m) of the joint of each segment from the joint of its parent; zeros left out."""
    found = {}
    for segment in skeleton.segments:
        if segment.parent >= 0:
            length = math.dist(segment.offset, skeleton.segments[segment.parent].child_offset)
            if length > 0.01:
                found[segment.name] = length
    return found


def _is_precise(subject: Subject) -> bool:
    """Whether mass and height are known, and at least one of them beyond what people round to."""
    if not (math.isfinite(subject.mass) and math.isfinite(subject.height)):
        return False
    return _is_between(subject.mass, MASS_STEP) or _is_between(subject.height, HEIGHT_STEP)


def _is_between(value: float, step: float) -> bool:
    return abs(value / step - round(value / step)) > 1e-6


def may_be_one(first: Subject, second: Subject) -> bool:
    """Whether no fact speaks against it: sex, and mass and height beyond what changes between two visits."""
    if "unknown" not in (first.sex, second.sex) and first.sex != second.sex:
        return False
    return not (
        abs(first.mass - second.mass) > MASS_CHANGE or abs(first.height - second.height) > HEIGHT_CHANGE
    )  # NaN: not known


def _differ(first: Mapping[str, float] | None, second: Mapping[str, float] | None) -> bool:
    """Whether the same segments of two skeletons have other lengths; models of other segments say nothing."""
    if first is None or second is None or set(first) != set(second):
        return False
    return any(abs(first[name] - second[name]) > LENGTH_TOLERANCE for name in first)


def _alike(lengths: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str, float]]:
    """(code, code, largest difference in m) of skeletons of the same segments with nearly the same lengths."""
    by_names: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for code in sorted(lengths):
        if len(set(np.round(list(lengths[code].values()), 9))) >= LEAST_LENGTHS:
            by_names[tuple(sorted(lengths[code]))].append(code)
    found = []
    for names, codes in by_names.items():
        table = np.array([[lengths[code][name] for name in names] for code in codes])
        for i, j in sorted(cKDTree(table).query_pairs(LENGTH_TOLERANCE, p=np.inf)):
            found.append((codes[i], codes[j], float(np.abs(table[i] - table[j]).max())))
    return found


def _by_height_alone(
    subject: Subject, lengths: Mapping[str, float], others: list[tuple[float, Mapping[str, float]]]
) -> bool:
    """Whether a table makes these lengths from the height, or others in the corpus share their proportions."""
    if math.isfinite(subject.height) and math.isfinite(subject.mass):
        for table in TABLES:
            for make in (planar_skeleton, lower_body_skeleton):
                try:
                    generic = segment_lengths(make(subject, table))
                except (ModelMismatch, ValueError):  # a table that is not for this age
                    continue
                if lengths.keys() <= generic.keys() and not _differ(lengths, {k: generic[k] for k in lengths}):
                    return True
    names = sorted(lengths)
    own = np.array([lengths[name] for name in names])
    for _, other in others:
        if set(other) == set(names):
            ratio = np.array([other[name] for name in names]) / own
            if np.ptp(ratio) < 1e-3 and abs(ratio.mean() - 1.0) > 1e-3:
                return True
    return False

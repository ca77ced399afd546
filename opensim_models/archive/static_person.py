"""Static person: whether the static trial that a user names shows the person whose movement it is to scale.

Somebody else's gives a skeleton of other lengths and another mass, and a fit that only looks poor. What files say of
the person is compared, and the lengths that both trials show, side with side: markers of one segment, or of two where
the joint between changes their distance little in any posture. One marker that stands elsewhere spoils a length of one
side; another person's legs differ on both.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mocap_import.marker.marker_set import load_marker_set
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial
from opensim_models.model_mismatch import ModelMismatch

SAME_MASS, SAME_HEIGHT = 0.10, 0.03
"""Part by which what two files say of one person may differ: a meal and clothes, shoes."""
LENGTHS = {
    "knee - ankle": ("knee_lateral", "ankle_lateral", 0.04),
    "heel - fifth metatarsal": ("heel", "metatarsal_5", 0.12),
    "between the anterior spines": ("asis_r", "asis_l", 0.10),
}
"""Length → its ends and the part by which it may differ between a standing and a moving person.
Measured on 11 persons of two archives, six walking and turning, five running: at most 1, 9 and 5 % for the same person
and side (RBDS shows no knee while running). Of the 30 pairs of different children of McGill, 26 differ by more on both
sides. A length across the hip is none: from the pelvis's spine to the knee a bent hip takes 9 % off at 40 degrees."""


def refuse_other_person(static: MarkerTrial, moving: MarkerTrial) -> str:
    """Refuse a static trial of somebody else.

    Parameters
    ----------
    static, moving : MarkerTrial
        With the facts of the subject that hold for each.

    Returns
    -------
    str
        What differs without saying that it is another person, as a remark; empty if nothing does.

    Raises
    ------
    ModelMismatch
        Mass, height, or a length on every side that both trials show, differ by more than one person's do.
    """
    one, other = _name(static), _name(moving)
    differ = _facts(static.subject, moving.subject)
    others, odd = _lengths(shown_lengths(static), shown_lengths(moving))
    differ += others
    if differ:
        raise ModelMismatch(
            f"static trial {one} does not show the person of {other}: {', '.join(differ)}. Give the static trial of "
            "this person; if it is and a file states a wrong mass or height, say them: --mass, --height."
        )
    codes = [trial.subject.code for trial in (static, moving)]
    known = [code for code, trial in zip(codes, (static, moving), strict=True) if code not in ("", _stem(trial))]
    remarks = [f"static trial {one} shows {', '.join(odd)} in the trial: is a marker misplaced?"] if odd else []
    if len(known) == 2 and codes[0] != codes[1]:
        agree = "facts" if odd else "lengths and facts"
        remarks.append(f"static trial {one} says subject {codes[0]}, the trial {codes[1]}; {agree} agree")
    return "; ".join(remarks)


def of_moving_person(static: MarkerTrial, moving: MarkerTrial) -> MarkerTrial:
    """The static trial with what is known of the moving trial's person before what it says itself."""
    own, theirs = static.subject, moving.subject
    return replace(
        static,
        subject=Subject(
            theirs.code or own.code,
            theirs.mass if math.isfinite(theirs.mass) else own.mass,
            theirs.height if math.isfinite(theirs.height) else own.height,
            theirs.sex if theirs.sex != "unknown" else own.sex,
            theirs.age if math.isfinite(theirs.age) else own.age,
        ),
    )


def shown_lengths(trial: MarkerTrial) -> dict[str, dict[str, float]]:
    """Median of each of `LENGTHS` (m) over the frames that show it: length → side (``"right"``, ``"left"``, ``""``)."""
    if trial.marker_set == "unknown":
        return {}
    labels = load_marker_set(trial.marker_set).for_labels(trial.labels).landmarks
    found: dict[str, dict[str, float]] = {}
    for name, (start, end, _) in LENGTHS.items():
        ends = {"": (start, end)}
        if not start.endswith("_r"):
            ends = {side: (f"{start}_{side[0]}", f"{end}_{side[0]}") for side in ("right", "left")}
        for side, pair in ends.items():
            if not {*pair} <= set(labels):
                continue
            a, b = (trial.marker(labels[mark]) for mark in pair)
            distance = np.linalg.norm(a - b, axis=1)
            distance = distance[np.isfinite(distance)]
            if len(distance) and np.median(distance) > 0:
                found.setdefault(name, {})[side] = float(np.median(distance))
    return found


def _lengths(static: dict[str, dict[str, float]], moving: dict[str, dict[str, float]]) -> tuple[list[str], list[str]]:
    """Lengths that another person has, and lengths that differ though others say that it is the same one."""
    others, odd, same = [], [], False
    for name, (*_, limit) in LENGTHS.items():
        sides = [side for side in static.get(name, {}) if side in moving.get(name, {})]
        wrong = [side for side in sides if abs(moving[name][side] / static[name][side] - 1) > limit]
        said = [
            f"{name}{f', {side},' if side else ''} {100 * static[name][side]:.1f} and {100 * moving[name][side]:.1f} cm"
            for side in wrong
        ]
        agrees = len(sides) > len(wrong)
        same |= agrees and sides != [""]
        if wrong and (agrees or (sides == [""] and same)):
            odd += said  # one label that stands elsewhere does that, and inverse kinematics may mend it
        elif wrong:
            others += said
    return others, odd


def _facts(static: Subject, moving: Subject) -> list[str]:
    """Mass and height, where both files state them and they differ."""
    differ = []
    for name, unit, a, b, limit in (
        ("mass", "kg", static.mass, moving.mass, SAME_MASS),
        ("height", "m", static.height, moving.height, SAME_HEIGHT),
    ):
        if math.isfinite(a) and math.isfinite(b) and abs(a / b - 1) > limit:
            differ.append(f"{name} {a:.4g} and {b:.4g} {unit}")
    return differ


def _stem(trial: MarkerTrial) -> str:
    """What the reader of a foreign file takes as the subject's code where the file has none."""
    return (trial.source or trial.name).rsplit("/", 1)[-1].split(".")[0]


def _name(trial: MarkerTrial) -> str:
    """A trial with its subject, as a sentence names it."""
    who = trial.subject.code
    name = trial.source or trial.name
    return f"{name} ({who})" if who and who not in name else name

"""Marker set text: what a marker set that a person wrote says twice, says against itself, or has not been read for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mocap_import.trial import TrialRefused

CHECK_MARK = "CHECK:"
"""Stands in the comment of a draft's line that nobody has looked at."""
_MARKED = re.compile(r"\bCHECK\b")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_AT_LINE = re.compile(r"at line (\d+)")
_HEADING = re.compile(r"^\s*\[\w+\]\s*$")
_KEY = re.compile(r"^\s*(?:\[([^\]]+)\]|([\w.\"'-]+)\s*=)")


def unchecked_lines(text: str) -> int:
    """Number of lines whose comment still says CHECK.

    Lines that are comments altogether do not count, nor do those below ``[others]``, which no computation uses.
    """
    found, counts = 0, True
    for line in text.splitlines():
        before, _, comment = _STRING.sub("''", line).partition("#")
        if _HEADING.match(before):
            counts = "others" not in before
        found += counts and bool(before.strip()) and _MARKED.search(comment) is not None
    return found


def checked_by_hand(content: Mapping[str, object], source: str) -> bool:
    """The line ``checked = true`` of a set.

    Raises
    ------
    TrialRefused
        It is neither true nor false, or stands below a heading, where TOML makes it part of that table.
    """
    for table in ("landmarks", "segments", "others"):
        part = content.get(table)
        if isinstance(part, Mapping) and isinstance(part.get("checked"), bool):
            raise TrialRefused(f"{source}: `checked` stands below [{table}]; put it above the first heading.")
    value = content.get("checked", False)
    if not isinstance(value, bool):
        raise TrialRefused(f"{source}: `checked` must be true or false, got {value!r}.")
    return value


def toml_problem(text: str, problem: Exception) -> str:
    """Why a text is no TOML, with the line; a name that is given twice is named."""
    place = _AT_LINE.search(str(problem))
    lines = text.splitlines()
    if place is None or not 0 < int(place.group(1)) <= len(lines):
        return f"not valid TOML ({problem}); correct the file."
    number = int(place.group(1))
    line = lines[number - 1].strip()
    name = _name(line)
    if name and ("overwrite" in str(problem) or "twice" in str(problem)):
        first = next((k for k, other in enumerate(lines[: number - 1], 1) if _name(other) == name), 0)
        earlier = f" and in line {first}" if first else ""
        return (
            f"{name} is named twice, in line {number} ({line}){earlier}; keep one of them. "
            f'A landmark may have several labels in one line: {name} = ["A", "B"].'
        )
    return f"not valid TOML ({problem}): {line!r}; correct the file. A label stands in quotation marks."


def _name(line: str) -> str:
    """Name of the entry or table that a line begins, ``""`` if none."""
    found = _KEY.match(line)
    return (found.group(1) or found.group(2)).strip("\"'") if found else ""


def refuse_contradictions(
    landmarks: Mapping[str, Sequence[str]], segments: Mapping[str, Sequence[str]], source: str
) -> None:
    """Refuse a set that makes of one label two landmarks, or that puts it on both sides of the body.

    Parameters
    ----------
    landmarks : mapping
        Landmark → its labels, in order of preference; the first ones must differ, further ones only between sides.
    segments : mapping
        Segment → labels.
    source : str
        File name for the message.

    Raises
    ------
    TrialRefused
    """
    first: dict[str, str] = {}
    for mark, labels in landmarks.items():
        for label in labels[:1]:
            if label in first:
                raise TrialRefused(
                    f"{source}: label {label!r} is both {first[label]} and {mark}; a label is one marker."
                )
            first[label] = mark
    sides: dict[str, str] = {}
    places = [(f"landmark {mark}", mark, labels) for mark, labels in landmarks.items()]
    places += [(f"segment {body}", body, labels) for body, labels in segments.items()]
    for words, name, labels in places:
        if name[-2:] not in ("_r", "_l"):
            continue
        for label in labels:
            other = sides.setdefault(label, words)
            if other[-2:] != name[-2:]:
                raise TrialRefused(
                    f"{source}: label {label!r} is on both sides of the body, {other} and {words}; correct one of them."
                )

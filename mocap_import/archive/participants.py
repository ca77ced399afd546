"""Participants: the table of an archive's subjects."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path

from mocap_import.subject import Subject
from mocap_import.trial import TrialRefused

PLAUSIBLE_MASS = (5.0, 300.0)
PLAUSIBLE_HEIGHT = (0.5, 2.4)
_CODES = ("subject", "participant_id", "participant", "code", "id")
_LENGTHS = (("height_m", 1.0), ("height_cm", 0.01), ("height_mm", 0.001))
_SEX_COLUMNS = ("sex", "gender")
_UNSTATED = ("", "n/a", "na", "nan", "unknown", "?", "-")
_SEXES = {
    **dict.fromkeys(("m", "male", "man", "boy", "männlich", "homme", "masculin", "hombre"), "male"),
    **dict.fromkeys(("f", "w", "female", "woman", "girl", "weiblich", "femme", "féminin", "mujer"), "female"),
    **dict.fromkeys((*_UNSTATED, "other", "diverse", "divers", "d", "x", "non-binary", "nonbinary"), "unknown"),
}


def read_participants(path: Path) -> dict[str, Subject]:
    """Read ``participants.csv``: columns subject, mass_kg, height_m or height_cm, sex, age_yr; others are ignored.

    Returns
    -------
    dict
        Code → Subject; unknown values are NaN. A column ``files`` gives the code that file names use, if another.

    Raises
    ------
    TrialRefused
        No such file, no subject column, a value that is no number or no sex, or one subject twice with different facts,
        with its line.
    """
    if not path.is_file():
        raise TrialRefused(f"{path}: no such participants table; expected a CSV file with a column `subject`.")
    found = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        names = {name.strip().lower(): name for name in rows.fieldnames or []}
        code_column = next((names[name] for name in _CODES if name in names), None)
        if code_column is None:
            raise TrialRefused(
                f"{path.name}: expected a column `subject`, found {', '.join(names) or 'no header'}; "
                "name the column of the subjects' codes `subject`."
            )
        for row in rows:
            code = (row[code_column] or "").strip()
            if not code:
                continue
            height = next(
                (scale * _number(row, names[name], path, rows.line_num) for name, scale in _LENGTHS if name in names),
                math.nan,
            )
            subject = Subject(
                code=code,
                mass=_optional(row, names, ("mass_kg", "weight_kg", "mass"), path, rows.line_num),
                height=height,
                sex=_sex(row, names, path, rows.line_num),
                age=_optional(row, names, ("age_yr", "age"), path, rows.line_num),
            )
            _refuse_implausible(subject, path, rows.line_num)
            for key in {code, *(row.get(names.get("files", ""), "") or "").replace(";", " ").split()}:
                if repr(found.get(key, subject)) != repr(subject):
                    raise TrialRefused(
                        f"{path.name} line {rows.line_num}: {key} is listed twice with different facts; "
                        "keep one row a subject."
                    )
                found[key] = subject
    return found


def _refuse_implausible(subject: Subject, path: Path, line: int) -> None:
    """Refuse a mass or a height that no person has: mostly a wrong unit."""
    for what, value, (low, high), unit in (
        ("mass", subject.mass, PLAUSIBLE_MASS, "kg"),
        ("height", subject.height, PLAUSIBLE_HEIGHT, "m"),
    ):
        if not (math.isnan(value) or low <= value <= high):
            raise TrialRefused(
                f"{path.name} line {line}: {what} of {subject.code} is {value:g} {unit}, expected {low:g}-"
                f"{high:g} {unit}; check the unit of the column."
            )


def _optional(
    row: Mapping[str, str], names: Mapping[str, str], wanted: tuple[str, ...], path: Path, line: int
) -> float:
    """First of several columns that is there, as a number."""
    return next((_number(row, names[name], path, line) for name in wanted if name in names), math.nan)


def _number(row: Mapping[str, str], column: str, path: Path, line: int) -> float:
    """A cell as a number, NaN if it is empty or says n/a."""
    text = (row.get(column) or "").strip()
    if text.lower() in _UNSTATED:
        return math.nan
    try:
        return float(text)
    except ValueError:
        raise TrialRefused(f"{path.name} line {line}: {column} = {text!r} is no number; correct or empty it.") from None


def _sex(row: Mapping[str, str], names: Mapping[str, str], path: Path, line: int) -> str:
    """The sex column as ``female``, ``male`` or ``unknown``; a word that is none of them is named, not guessed."""
    column = next((names[name] for name in _SEX_COLUMNS if name in names), None)
    text = "" if column is None else (row.get(column) or "").strip()
    known = _SEXES.get(text.lower())
    if known is None:
        raise TrialRefused(
            f"{path.name} line {line}: {column} = {text!r} is not understood; write female, male or unknown."
        )
    return known


def subject_for(code: str, participants: Mapping[str, Subject]) -> Subject:
    """The subject of a code: listed under it, or under the number at its end (``RBDS001`` → ``1``); else unknown."""
    listed = participants.get(code)
    number = re.search(r"(\d+)\D*$", code)
    if listed is None and number:
        numbered = {key.lstrip("0"): subject for key, subject in participants.items() if key.isdigit()}
        listed = numbered.get(number.group(1).lstrip("0"))
    if listed is None:
        return Subject(code=code)
    return Subject(code=code, mass=listed.mass, height=listed.height, sex=listed.sex, age=listed.age)

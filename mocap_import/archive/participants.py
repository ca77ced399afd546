"""Participants: the table of an archive's subjects."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from mocap_import.archive.folder_word import folded
from mocap_import.subject import Subject
from mocap_import.trial import TrialRefused

PLAUSIBLE_MASS = (5.0, 300.0)
PLAUSIBLE_HEIGHT = (0.5, 2.4)
_CODES = ("subject", "participant_id", "participant", "code", "id")
_LENGTHS = (("height_m", 1.0), ("height_cm", 0.01), ("height_mm", 0.001))
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SEX_COLUMNS = ("sex", "gender")
_UNSTATED = ("", "n/a", "na", "nan", "unknown", "?", "-")
_SEXES = {
    **dict.fromkeys(("m", "male", "man", "boy", "männlich", "homme", "masculin", "hombre"), "male"),
    **dict.fromkeys(("f", "w", "female", "woman", "girl", "weiblich", "femme", "féminin", "mujer"), "female"),
    **dict.fromkeys((*_UNSTATED, "other", "diverse", "divers", "d", "x", "non-binary", "nonbinary"), "unknown"),
}


def read_participants(path: Path) -> dict[str, Subject]:
    """Read ``participants.csv``: columns subject, mass_kg, height_m or height_cm, sex, age_yr; others are ignored.

    UTF-8 or UTF-16 with or without a mark, else Windows-1252; commas, semicolons or tabs; points or decimal commas.

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
    found: dict[str, Subject] = {}
    text = _decoded(path)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    names = {name.strip().lower(): name for name in rows.fieldnames or [] if name}
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


def _decoded(path: Path) -> str:
    """Text of a table as UTF-8 or UTF-16 if it is that, else as Windows-1252, in which every spreadsheet of old is."""
    content = path.read_bytes()
    if content.startswith(_UTF16):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _delimiter(text: str) -> str:
    """What parts the columns of the header: comma, semicolon or tab."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=header.count)


def assumed_format(path: Path) -> str:
    """How a table that is no UTF-8 with commas is read, in a sentence; ``""`` for one that is."""
    text, content = _decoded(path), path.read_bytes()
    said = []
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        said.append("as UTF-16" if content.startswith(_UTF16) else "as Windows-1252 (Latin-1), since it is no UTF-8")
    if _delimiter(text) != ",":
        mark = "semicolons" if _delimiter(text) == ";" else "tabs"
        said.append(f"with {mark} between columns and decimal commas")
    return f"The participants table is read {' and '.join(said)}." if said else ""


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
        # A comma inside a cell can only be a decimal one: thousands of kg or years are none.
        return float(text.replace(",", ".") if text.count(",") == 1 else text)
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
    key = _listed_as(code, participants)
    if key is None:
        return Subject(code=code)
    listed = participants[key]
    return Subject(code=code, mass=listed.mass, height=listed.height, sex=listed.sex, age=listed.age)


def unmatched_rows(participants: Mapping[str, Subject], names: Iterable[str]) -> list[str]:
    """Codes of the rows that none of the subjects' own names finds, in the order of the table."""
    found = {_listed_as(name, participants) for name in set(names)}
    matched = {participants[key].code for key in found if key is not None}
    return [code for code in dict.fromkeys(subject.code for subject in participants.values()) if code not in matched]


@lru_cache(maxsize=4)
def _keys(codes: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """Keys of a table by their folded form, and numbers among them without leading zeros."""
    return {folded(code): code for code in codes}, {code.lstrip("0"): code for code in codes if code.isdigit()}


def _listed_as(code: str, participants: Mapping[str, Subject]) -> str | None:
    """The key of the table that a code or name finds, in any capitals and either Unicode form."""
    if code in participants:
        return code
    folds, numbered = _keys(tuple(participants))
    number = re.search(r"(\d+)\D*$", code)
    return folds.get(folded(code)) or (numbered.get(number.group(1).lstrip("0")) if number else None)

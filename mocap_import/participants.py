"""Participants: the table of an archive's subjects, and which subject and trial a file belongs to."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path

from mocap_import.subject import Subject
from mocap_import.task import is_task_word
from mocap_import.trial import TrialRefused

PLAUSIBLE_MASS = (5.0, 300.0)
PLAUSIBLE_HEIGHT = (0.5, 2.4)
_CODES = ("subject", "participant_id", "participant", "code", "id")
_LENGTHS = (("height_m", 1.0), ("height_cm", 0.01), ("height_mm", 0.001))
_SEXES = {"m": "male", "male": "male", "f": "female", "w": "female", "female": "female"}
_SESSION = re.compile(r"(ses|session|visit|day|pre|post|baseline|followup)[-_ ]?\w{0,3}", re.IGNORECASE)
_TASK_IN_STEM = re.compile(
    r"^(.+?)[_\-. ]*(static|cal|walk|run|straight|turn|gait|dynamic|trial|treadmill|overground|jog)", re.IGNORECASE
)


def read_participants(path: Path) -> dict[str, Subject]:
    """Read ``participants.csv``: columns subject, mass_kg, height_m or height_cm, sex, age_yr; others are ignored.

    Returns
    -------
    dict
        Code → Subject; unknown values are NaN. A column ``files`` gives the code that file names use, if another.

    Raises
    ------
    TrialRefused
        No such file, no subject column, or a value that is no number, with its line.
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
                sex=_SEXES.get((row.get(names.get("sex", ""), "") or "").strip().lower(), "unknown"),
                age=_optional(row, names, ("age_yr", "age"), path, rows.line_num),
            )
            _refuse_implausible(subject, path, rows.line_num)
            for key in {code, *(row.get(names.get("files", ""), "") or "").replace(";", " ").split()}:
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
    if text.lower() in ("", "n/a", "na", "nan", "unknown", "?"):
        return math.nan
    try:
        return float(text)
    except ValueError:
        raise TrialRefused(f"{path.name} line {line}: {column} = {text!r} is no number; correct or empty it.") from None


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


def name_files(files: list[Path]) -> dict[Path, tuple[str, str]]:
    """Subject code and trial name of every file of an archive.

    Parameters
    ----------
    files : list of Path
        Relative to the archive.

    Returns
    -------
    dict
        File → (subject, trial); trials are unique within a subject. The innermost folder that is not named after a
        task or a session is the subject; without one, the beginning of the file name is.
    """
    folders = {file: _subject_folder(file) for file in files}
    parents: dict[str, set[Path]] = {}
    for folder in folders.values():
        if folder is not None:
            parents.setdefault(folder.name, set()).add(folder)
    named: dict[Path, tuple[str, str]] = {}
    taken: set[tuple[str, str]] = set()
    for file in files:
        folder = folders[file]
        if folder is None:
            code, rest = _code_of_stem(file.stem), file.parts[:-1]
        else:
            same = len(parents[folder.name]) > 1
            code, rest = "_".join(folder.parts) if same else folder.name, file.parts[len(folder.parts) : -1]
        own = code if folder is None else folder.name
        stem = file.stem[len(own) :].lstrip("_-. ") if file.stem.lower().startswith(own.lower()) else file.stem
        trial = _clean("_".join([*rest, stem]) if stem else "_".join(rest) or file.stem)
        code, unique, number = _clean(code), trial, 2
        while (code, unique) in taken:
            unique, number = f"{trial}_{number}", number + 1
        taken.add((code, unique))
        named[file] = (code, unique)
    return named


def _subject_folder(file: Path) -> Path | None:
    """Innermost folder of a file that can be a subject's."""
    for folder in file.parents:
        if folder.name and not is_task_word(folder.name) and not _SESSION.fullmatch(folder.name):
            return folder
    return None


def _code_of_stem(stem: str) -> str:
    """``S012_walk_03`` → ``S012``, ``RBDS001runT25`` → ``RBDS001``, ``HC002D06`` → ``HC002D``."""
    before_task = _TASK_IN_STEM.match(stem)
    if before_task:
        return before_task.group(1)
    first = re.split(r"[_\-. ]", stem, maxsplit=1)[0]
    lettered = re.fullmatch(r"([A-Za-z]+\d+[A-Za-z]+)\d+", first)
    return lettered.group(1) if lettered else first


def _clean(text: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text).strip("._") or "unnamed"

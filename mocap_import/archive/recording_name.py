"""Recording name: which subject, session and trial a file belongs to, from its folders, its name and its parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mocap_import.task_word import is_task_word, task_from_name

_SESSION = re.compile(
    r"(ses|session|visit|day|pre|post|baseline|followup)[-_ ]?\w{0,3}"
    r"|(\d{4}[-_. ]?\d{2}[-_. ]?\d{2}|\d{1,2}[-_.]\d{1,2}[-_.]\d{2,4})",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"(barefoot|shod|shoes|fast|slow|normal|comfortable|treadmill|overground|left|right|raw|processed|exports?)",
    re.IGNORECASE,
)
_TASK_IN_STEM = re.compile(
    r"^(.+?)[_\-. ]*(static|cal|walk|run|straight|turn|gait|dynamic|trial|treadmill|overground|jog)", re.IGNORECASE
)
_DATE = re.compile(r"\d{1,4}[-._ /]\d{1,2}[-._ /]\d{1,4}|\d{5,}|(?<!\d)(19|20)\d\d(?!\d)")
_TOKEN = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_PLAIN_WORDS = frozenset(
    (
        *(
            "static",
            "standing",
            "stand",
            "cal",
            "calibration",
            "functional",
            "func",
            "rom",
            "npose",
            "tpose",
            "balance",
        ),
        *(
            "walk",
            "walking",
            "gait",
            "run",
            "running",
            "jog",
            "sprint",
            "straight",
            "turn",
            "turning",
            "dynamic",
            "trial",
        ),
        *("overground", "treadmill", "barefoot", "shod", "shoes", "fast", "slow", "normal", "comfortable", "preferred"),
        *("left", "right", "up", "down", "stairs", "stair", "ramp", "jump", "squat", "hop", "test", "rep", "condition"),
        *("pre", "post", "session", "ses", "visit", "day", "baseline", "followup"),
    )
)
"""Words that describe a movement and nobody: all that a de-identified name keeps of a file's name."""


@dataclass(frozen=True)
class RecordingName:
    """What a laboratory's own folders and names say of one file.

    Attributes
    ----------
    subject : str
        The laboratory's name of the subject; may identify a person.
    own : str
        The folder or beginning of the file name that says so, as a participants table would list it.
    session : str
        The folder named after a visit or a date, ``""`` without one.
    trial : str
        Rest of folders and file name, as a name that every file system takes; unique within its subject.
    """

    subject: str
    own: str
    session: str
    trial: str


def name_files(files: Sequence[Path], subject_names: Mapping[Path, str] | None = None) -> dict[Path, RecordingName]:
    """Subject, session and trial name of every file of an archive.

    Parameters
    ----------
    files : sequence of Path
        Relative to the archive.
    subject_names : mapping, optional
        File → subject's name in its parameters (SUBJECTS:NAMES), for files that no folder assigns to a subject.

    Returns
    -------
    dict
        The innermost folder that is not named after a task, a condition or a session is the subject; without one, the
        name in the file's parameters is, and without that the beginning of the file name.
    """
    folders = {file: subject_folder(file) for file in files}
    parents: dict[str, set[Path]] = {}
    for folder in folders.values():
        if folder is not None:
            parents.setdefault(folder.name, set()).add(folder)
    named: dict[Path, RecordingName] = {}
    taken: set[tuple[str, str]] = set()
    for file in files:
        folder = folders[file]
        stem = file.stem if file.suffix else "unnamed"
        if folder is None:
            own = (subject_names or {}).get(file, "").strip() or _code_of_stem(stem)
            code, rest = own, file.parts[:-1]
        else:
            own = folder.name
            code = "_".join(folder.parts) if len(parents[own]) > 1 else own
            rest = file.parts[len(folder.parts) : -1]
        stem = stem[len(own) :].lstrip("_-. ") if stem.lower().startswith(own.lower()) else stem
        trial = clean("_".join([*rest, stem]) if stem else "_".join(rest) or file.stem)
        code, unique, number = clean(code), trial, 2
        while (code.casefold(), unique.casefold()) in taken:
            unique, number = f"{trial}_{number}", number + 1
        taken.add((code.casefold(), unique.casefold()))
        session = next((part for part in reversed(file.parts[:-1]) if _SESSION.fullmatch(part)), "")
        named[file] = RecordingName(code, own, session, unique)
    return named


def subject_folder(file: Path) -> Path | None:
    """Innermost folder of a file that can be a subject's."""
    for folder in file.parents:
        words = (is_task_word(folder.name), _SESSION.fullmatch(folder.name), _CONDITION.fullmatch(folder.name))
        if folder.name and not any(words):
            return folder
    return None


def plain_name(parts: Sequence[str]) -> str:
    """What names of folders and files say of the movement, without anything that could name a person or a date.

    Words of `_PLAIN_WORDS` stay, with the number after them (``runT25``, ``walk_03``); of all else only the last number
    of up to three digits does. Dates, longer numbers and every other word are left out.
    """
    kept: list[str] = []
    number = ""
    for part in parts:
        tokens = list(_TOKEN.finditer(_DATE.sub(lambda date: " " * len(date.group()), part)))
        place, number = 0, ""
        while place < len(tokens):
            token = tokens[place]
            place += 1
            if _is_number(token):
                number = token.group()
            elif token.group().lower() in _PLAIN_WORDS:
                piece, end, number = token.group(), token.end(), ""
                if kept and kept[-1].lower() == piece.lower():
                    kept.pop()  # the folder said the same
                speed = tokens[place : place + 2]
                if len(speed) == 2 and speed[0].group().upper() in ("T", "V") and _is_number(speed[1]):
                    piece, end, place = piece + speed[0].group(), speed[0].end(), place + 1
                if place < len(tokens) and _is_number(tokens[place]):
                    piece += ("" if tokens[place].start() == end else "_") + tokens[place].group()
                    place += 1
                kept.append(piece)
    return "_".join([*kept, number] if number else kept)


def _is_number(token: re.Match[str]) -> bool:
    """A number that counts trials; longer ones are dates or a hospital's."""
    return token.group().isdigit() and int(token.group()) < 1000


def default_name(parts: Sequence[str]) -> str:
    """Name of a trial of whose own name nothing may stay."""
    return task_from_name(parts) or "trial"


def clean(text: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text).strip("._") or "unnamed"


def _code_of_stem(stem: str) -> str:
    """``S012_walk_03`` → ``S012``, ``RBDS001runT25`` → ``RBDS001``, ``HC002D06`` → ``HC002D``."""
    before_task = _TASK_IN_STEM.match(stem)
    if before_task:
        return before_task.group(1)
    first = re.split(r"[_\-. ]", stem, maxsplit=1)[0]
    lettered = re.fullmatch(r"([A-Za-z]+\d+[A-Za-z]+)\d+", first)
    return lettered.group(1) if lettered else first

"""Recording name: which subject, session and trial a file belongs to, from its folders, its name and its parameters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mocap_import.archive.folder_word import folded, is_condition_word, is_known_word, is_moment_word, is_session_word
from mocap_import.archive.subject_folder import subject_folders
from mocap_import.task_word import is_task_word, task_from_name

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
        The laboratory's name of the subject, as it is written, with the folders above where it alone is several
        people's; may identify a person.
    own : str
        The folder or beginning of the file name that says so, as a participants table would list it.
    session : str
        The folder named after a visit or a date, or any below the subject's of an unknown word; ``""`` without one.
    trial : str
        Rest of folders and file name, as a name that every file system takes; unique within its subject.
    path : str
        The subject's folder with those above it that name no task, condition or session; `own` where no folder tells.
    """

    subject: str
    own: str
    session: str
    trial: str
    path: str

    @property
    def person(self) -> str:
        """The subject as it is compared: the whole path in Unicode, whatever its capitals."""
        return folded(self.path)


def name_files(
    files: Sequence[Path],
    subject_names: Mapping[Path, str] | None = None,
    folders: Mapping[Path, Path | None] | None = None,
) -> dict[Path, RecordingName]:
    """Subject, session and trial name of every file of an archive.

    Parameters
    ----------
    files : sequence of Path
        Relative to the archive.
    subject_names : mapping, optional
        File → subject's name in its parameters (SUBJECTS:NAMES), for files that no folder assigns to a subject.
    folders : mapping, optional
        File → folder of its subject, `SubjectFolders.of`; found from the names alone if not given.

    Returns
    -------
    dict
        The subject is that folder; without one, the name in the file's parameters is, and without that the beginning of
        the file name. Folders of one name in different places are different people.
    """
    folders = subject_folders(files).of if folders is None else folders
    parents: dict[str, set[str]] = {}
    for folder in folders.values():
        if folder is not None:
            parents.setdefault(folded(folder.name), set()).add(folded(_path_of(folder)))
    named: dict[Path, RecordingName] = {}
    taken: set[tuple[str, str]] = set()
    for file in files:
        folder = folders[file]
        stem = file.stem if file.suffix else "unnamed"
        if folder is None:
            own = (subject_names or {}).get(file, "").strip() or _code_of_stem(stem)
            subject, path, rest = own, own, file.parts[:-1]
        else:
            own = folder.name
            path = _path_of(folder)
            subject = path if len(parents[folded(own)]) > 1 else own
            above = (part for part in folder.parts[:-1] if is_known_word(part) or is_moment_word(part))
            rest = (*above, *file.parts[len(folder.parts) : -1])
        stem = stem[len(own) :].lstrip("_-. ") if stem.lower().startswith(own.lower()) else stem
        trial = clean("_".join([*rest, stem]) if stem else "_".join(rest) or file.stem)
        unique, number = trial, 2
        while (folded(path), unique.casefold()) in taken:
            unique, number = f"{trial}_{number}", number + 1
        taken.add((folded(path), unique.casefold()))
        named[file] = RecordingName(subject, own, _session_of(file, rest if folder is not None else ()), unique, path)
    return named


def _path_of(folder: Path) -> str:
    """A subject's folder without the words above it that name no people: ``Day1/P01`` and ``Day2/P01`` are one."""
    above = (part for part in folder.parts[:-1] if not (is_known_word(part) or is_moment_word(part)))
    return "/".join((*above, folder.name))


def _session_of(file: Path, below: Sequence[str]) -> str:
    """The session's folder: a word for it, else a folder below the subject's that says neither task nor condition."""
    words = (part for part in reversed(file.parts[:-1]) if is_session_word(part))
    unknown = (part for part in reversed(below) if not (is_task_word(part) or is_condition_word(part)))
    return next(words, "") or next(unknown, "")


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
    """A name that every file system takes: ASCII, marks taken off letters; different names may become one."""
    letters = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return re.sub(r"[^A-Za-z0-9.-]+", "_", letters).strip("._") or "unnamed"


def _code_of_stem(stem: str) -> str:
    """``S012_walk_03`` → ``S012``, ``RBDS001runT25`` → ``RBDS001``, ``HC002D06`` → ``HC002D``."""
    before_task = _TASK_IN_STEM.match(stem)
    if before_task:
        return before_task.group(1)
    first = re.split(r"[_\-. ]", stem, maxsplit=1)[0]
    lettered = re.fullmatch(r"([A-Za-z]+\d+[A-Za-z]+)\d+", first)
    return lettered.group(1) if lettered else first

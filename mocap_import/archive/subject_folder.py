"""Subject folder: which folder of an archive stands for the person, and which below it for a session or a condition.

The innermost folder that is not named after a task, a condition or a session is the subject's, unless something shows
that it is a session or condition of an unknown word. Two people taken for one would spoil every figure of both, one
person taken for two is seen at once: without evidence, folders stay apart.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mocap_import.archive.folder_word import (
    folded,
    is_group_word,
    is_known_word,
    is_moment_word,
    is_person_code,
)

_MOST_SESSIONS = 40
"""Folders below one that can be sessions of one person; more are people, and none of their files is read for it."""
_CODE_IN_FRONT = re.compile(r"[A-Z]{1,4}\d{2,4}[A-Z]{0,2}(?![A-Za-z0-9])")
"""A person's code at the beginning of a file's name, in a folder of several people."""
_MOST_ASKED = 10
"""Folders of the same words of which a file each is asked whether different people are named."""
_SAME = 0.01
"""Relative difference of two statements of mass or height that are one."""
REASONS = {
    "given": "as --subject-folder says",
    "listed": "the participants table lists the folder above them",
    "recurs": "the same folder names recur below more folders than there are names",
    "stated": "their files state one and the same name, and that of the folder above or one mass and height",
}


@dataclass(frozen=True)
class StatedSubject:
    """What a file's parameters say of its subject: name (``""``), mass (kg) and height (m) (NaN)."""

    name: str
    mass: float
    height: float


@dataclass(frozen=True)
class SubjectFolders:
    """The folder of every file's subject.

    Attributes
    ----------
    of : dict
        File → folder, None where file names or parameters must tell.
    joined : dict
        Reason of `REASONS` → folders taken as sessions or conditions of the folder above.
    apart : int
        Folders of unknown words that lie beside others, or beside files, in one folder and were kept as people.
    """

    of: dict[Path, Path | None]
    joined: dict[str, int]
    apart: int


def subject_folders(
    files: Sequence[Path],
    listed: Collection[str] = (),
    level: int | None = None,
    stated: Callable[[Path], StatedSubject | None] | None = None,
) -> SubjectFolders:
    """Find the folder of every file's subject.

    Parameters
    ----------
    files : sequence of Path
        Relative to the archive.
    listed : collection of str
        Names of the participants table: they decide where they name a folder.
    level : int, optional
        The subject's folder as counted from the archive, 1 the topmost; it decides everything.
    stated : callable, optional
        What a file's parameters say of its subject; asked only for folders that names do not decide.
    """
    if level is not None:
        return SubjectFolders({file: _at_level(file, level) for file in files}, {}, 0)
    names = {folded(name) for name in listed}
    of = {file: _innermost(file, names) for file in files}
    siblings: dict[Path, dict[Path, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for file, folder in of.items():
        if folder is not None and folder.parent != Path() and not is_known_word(folder.parent.name):
            siblings[folder.parent][folder].append(file)
    words = {above: frozenset(folded(leaf.name) for leaf in leaves) for above, leaves in siblings.items()}
    holders: dict[str, set[Path]] = defaultdict(set)
    for above, found in words.items():
        for word in found:
            holders[word].add(above)

    @cache
    def recurs(wanted: frozenset[str]) -> bool:
        sharing = {above for word in wanted for above in holders[word]}
        shared = {word for above in sharing for word in words[above]}
        if min(len(holders[word]) for word in wanted) < 2 or len(sharing) <= len(shared):
            return False
        asked = sorted(sharing)[:_MOST_ASKED] if stated is not None else []
        return not any(_state_several([stated(files[0]) for files in siblings[above].values()]) for above in asked)

    own_files = set(of.values())
    joined: Counter[str] = Counter()
    apart = 0
    for above, leaves in siblings.items():
        reason = _reason(above, leaves, words[above], recurs, names, stated)
        if reason:
            joined[reason] += len(leaves)
            of |= {file: above for found in leaves.values() for file in found}
        elif (len(leaves) > 1 or above in own_files) and not any(is_person_code(leaf.name) for leaf in leaves):
            apart += len(leaves)
    return SubjectFolders(of, dict(joined), apart)


def _innermost(file: Path, listed: Collection[str]) -> Path | None:
    """Innermost folder that can be a subject's; a group's never is, below it the files tell."""
    moment = None
    for folder in file.parents:
        name = folder.name
        if not name:
            break
        if folded(name) in listed:
            return folder
        if is_moment_word(name) and moment is None:
            moment = folder  # a session below a person, a code below a group or alone
        elif not is_known_word(name):
            if is_group_word(name):
                person_in_name = _CODE_IN_FRONT.match(file.stem) and not is_moment_word(file.stem.split("_")[0])
                return moment if moment is not None else None if person_in_name else folder
            return folder
    return moment


def _at_level(file: Path, level: int) -> Path | None:
    """The folder at a level; a file that lies above it belongs to its innermost folder."""
    folders = file.parts[:-1][:level]
    return Path(*folders) if folders else None


def _reason(
    above: Path,
    leaves: Mapping[Path, Sequence[Path]],
    words: frozenset[str],
    recurs: Callable[[frozenset[str]], bool],
    listed: Collection[str],
    stated: Callable[[Path], StatedSubject | None] | None,
) -> str:
    """Why folders are sessions or conditions of the folder above them; ``""`` if they are people."""
    if any(word in listed for word in words):
        return ""
    if folded(above.name) in listed:
        return "listed"
    if is_group_word(above.name) or len(leaves) > _MOST_SESSIONS:
        return ""
    if any(is_person_code(word) for word in words):
        return ""
    if recurs(words):
        return "recurs"
    if stated is not None and len(leaves) > 1 and _state_one_person(above, [stated(f[0]) for f in leaves.values()]):
        return "stated"
    return ""


def _state_several(found: Sequence[StatedSubject | None]) -> bool:
    """True if files state different names."""
    return len({folded(person.name) for person in found if person is not None and person.name}) > 1


def _state_one_person(above: Path, found: Sequence[StatedSubject | None]) -> bool:
    """True if all files state one name, which is no placeholder, and nothing that two people would state."""
    people = [person for person in found if person is not None]
    if len(people) < len(found) or len({folded(person.name) for person in people}) != 1 or not people[0].name:
        return False
    masses, heights = [person.mass for person in people], [person.height for person in people]
    parts = {part for part in folded(people[0].name).replace("_", " ").replace(",", " ").split() if len(part) > 2}
    named = any(part in folded(above.name) for part in parts)
    return named or (_one(masses) and _one(heights))


def _one(values: Sequence[float]) -> bool:
    """True if all are stated and the same."""
    return all(value == value for value in values) and max(values) - min(values) <= _SAME * max(values)

"""Identity: the codes that stand for people, sessions and files in everything that an archive run writes.

The state kept between runs holds no name: a name is looked up by its hash under a random salt of the output folder, so
that files added later never renumber anybody. Who has the salt and guesses a name could test the guess; both lie in
``import_identity.json``, which is readable by its owner only and is no product: leave it out when trials are passed on.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mocap_import.archive.file import ArchiveFile
from mocap_import.archive.folder_word import folded
from mocap_import.archive.recording_name import RecordingName, clean, default_name, plain_name
from mocap_import.durable_file import PRIVATE, write_durably
from mocap_import.trial import TrialRefused
from mocap_import.trial_store import SUFFIX

STATE = "import_identity.json"
CODES = ("new", "keep")
_CODE = re.compile(r"([A-Z]{0,4}|s|p|sub|subj|subject|pat|patient|participant|id)[-_]?\d{1,4}[A-Z]{0,2}")
_NUMBERED = re.compile(r"[^\W\d]+[-_. ]?0*(\d{1,2})")
"""A session of a word and a number: ``Tag10`` becomes ``session_10``."""


@dataclass(frozen=True)
class Recording:
    """A file under its code.

    Attributes
    ----------
    file : ArchiveFile
    key : str
        Salted hash of its place in the archive: its name in the journal.
    name : RecordingName
        What the laboratory calls it.
    code, session, trial : str
        What the products call it.
    shown : str
        What the table calls the file: ``S001/walk_03.c3d``, or its place in the archive where codes are kept.
    """

    file: ArchiveFile
    key: str
    name: RecordingName
    code: str
    session: str
    trial: str
    shown: str


@dataclass
class Identity:
    """The codes of one output folder; loaded, extended by `assign`, saved."""

    salt: str
    codes: str
    archives: list[str] = field(default_factory=list)
    subjects: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)
    subject_folder: dict[str, int | None] = field(default_factory=dict)

    def hash(self, *parts: object) -> str:
        """Salted hash of a name."""
        text = "\0".join(str(part) for part in parts).encode("utf-8", "surrogateescape")
        return hmac.new(bytes.fromhex(self.salt), text, hashlib.sha256).hexdigest()[:32]

    def save(self, out: Path) -> None:
        """Write the state, readable by its owner only."""
        state = {"version": 1} | {name: getattr(self, name) for name in self.__dataclass_fields__}
        write_durably(out / STATE, json.dumps(state, sort_keys=True), PRIVATE)


def load_identity(out: Path, codes: str) -> Identity:
    """The identity of an output folder; a new one for a folder that is new.

    Raises
    ------
    TrialRefused
        The folder holds trials of something else, its state is damaged, or it was made with another rule of codes.
    """
    path = out / STATE
    if not path.is_file():
        if any(out.glob(f"*/*{SUFFIX}")):
            raise TrialRefused(
                f"{out}: holds trials that no run of this version wrote here; give another folder (--out), or empty it."
            )
        return Identity(secrets.token_hex(32), codes)
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = Identity(**({"subject_folder": {}} | {n: v for n, v in state.items() if n != "version"}))
    except (ValueError, KeyError, TypeError) as problem:
        raise TrialRefused(
            f"{path}: the state of earlier runs is damaged; empty the folder and import again."
        ) from problem
    if found.codes != codes:
        raise TrialRefused(f"{out}: was made with --codes {found.codes}, not {codes}; use the same, or another folder.")
    return found


def find_archive(
    identity: Identity, archive: Path, files: Sequence[ArchiveFile], known_sizes: Mapping[str, int], add: bool
) -> int:
    """Number of an archive in an output folder: an output folder belongs to one archive.

    An archive is known by its path, or, where a drive was mounted elsewhere, by half of the known files lying at the
    same places with the same sizes.

    Raises
    ------
    TrialRefused
        The folder belongs to another archive and `add` was not asked for.
    """
    place = identity.hash("archive", os.path.realpath(archive))
    if place in identity.archives:
        return identity.archives.index(place)
    for number in range(len(identity.archives)):
        keys = {identity.hash("file", number, file.relative.as_posix()): file.size for file in files}
        of_this = [key for key in identity.files if identity.files[key][0] == str(number)]
        same = sum(known_sizes.get(key) == size for key, size in keys.items())
        if of_this and same >= 0.5 * len(of_this):
            identity.archives[number] = place
            return number
    if identity.archives and not add:
        raise TrialRefused(
            f"{archive}: the output folder belongs to another archive; give another --out, or --add to put both in one."
        )
    identity.archives.append(place)
    return len(identity.archives) - 1


def assign(
    identity: Identity,
    number: int,
    files: Sequence[ArchiveFile],
    names: Mapping[Path, RecordingName],
    listed: Collection[str],
) -> list[Recording]:
    """Give every file its code, session and trial name, those of earlier runs first.

    Parameters
    ----------
    identity : Identity
        Extended in place.
    number : int
        Of the archive, from `find_archive`.
    files, names
        As found, and what the laboratory calls them.
    listed : collection of str
        Codes of the participants table: kept where they look like a code (`is_code`), everything else is numbered.
    """
    keys = {file.relative: identity.hash("file", number, file.relative.as_posix()) for file in files}
    known = [
        (place, names[place].person, identity.files[key][1]) for place, key in keys.items() if key in identity.files
    ]
    _new_subjects(identity, names.values(), listed, {person: code for _, person, code in reversed(known)})
    beside = {(place.parent, person): code for place, person, code in known}
    taken = {(code.casefold(), trial.casefold()) for _, code, _, trial in identity.files.values()}
    recordings = []
    for file in files:
        name, place = names[file.relative], file.relative.as_posix()
        key = keys[file.relative]
        if key not in identity.files:
            code = beside.get((file.relative.parent, name.person))
            code = code or identity.subjects[identity.hash("subject", name.person)]
            session = _session(identity, name)
            trial = name.trial
            if identity.codes == "new":
                folders = [part for part in file.relative.parts[:-1] if part not in (name.own, name.session)]
                words = plain_name([*folders, _without(file.relative.stem, name.own)]) or default_name(
                    file.relative.parts
                )
                trial = f"{session}_{words}" if session else words
            unique, count = trial, 2
            while (code.casefold(), unique.casefold()) in taken:
                unique, count = f"{trial}_{count}", count + 1
            taken.add((code.casefold(), unique.casefold()))
            identity.files[key] = [str(number), code, session, unique]
        _, code, session, trial = identity.files[key]
        shown = readable(place) if identity.codes == "keep" else f"{code}/{trial}.c3d"
        recordings.append(Recording(file, key, name, code, session, trial, shown))
    return recordings


def is_code(text: str) -> bool:
    """True for a participant's code: up to four capitals or a word such as ``sub``, one to four digits, two capitals.

    Longer numbers may be birth dates or a hospital's, longer words names.
    """
    return _CODE.fullmatch(text) is not None


def readable(place: str) -> str:
    """A place whose bytes are no UTF-8, with escapes for them, so that any file can hold it."""
    return place.encode("utf-8", "backslashreplace").decode()


def _new_subjects(
    identity: Identity, names: Iterable[RecordingName], listed: Collection[str], earlier: Mapping[str, str]
) -> None:
    """Codes of subjects that are new here, in the order of their names.

    A person who is new although files of theirs are known (a folder is seen as a session now) keeps the code of those.
    """
    given = {code.casefold() for code in identity.subjects.values()}
    used = given | {code.casefold() for code in listed}
    codes = {folded(code) for code in listed}
    count = 1
    for name in sorted(set(names), key=lambda name: (folded(name.subject), name.person)):
        key = identity.hash("subject", name.person)
        if key in identity.subjects:
            continue
        own = clean(name.own)
        if name.person in earlier:
            code = earlier[name.person]
        elif identity.codes == "keep":
            code = _unique(clean(name.subject), given)
        elif folded(name.own) in codes and is_code(name.own) and own.casefold() not in given:
            code = own
        else:
            while f"s{count:03d}" in used:
                count += 1
            code = f"S{count:03d}"
        used.add(code.casefold())
        given.add(code.casefold())
        identity.subjects[key] = code


def _unique(name: str, taken: Collection[str]) -> str:
    """The name, with a number where another person's became the same."""
    unique, count = name, 2
    while unique.casefold() in taken:
        unique, count = f"{name}_{count}", count + 1
    return unique


def _session(identity: Identity, name: RecordingName) -> str:
    """Label of a session: its plain word (``pre``, ``visit_2``) or its number within the subject, never a date."""
    if not name.session:
        return ""
    if identity.codes == "keep":
        return clean(name.session)
    key = identity.hash("session", name.person, name.session)
    if key not in identity.sessions:
        subject = identity.hash("subject", name.person)
        taken = {label.split(":", 1)[1] for label in identity.sessions.values() if label.startswith(f"{subject}:")}
        plain, numbered = plain_name([name.session]), _NUMBERED.fullmatch(name.session)
        label = plain if plain and not plain.isdigit() else f"session_{numbered.group(1)}" if numbered else ""
        count = len(taken) + 1
        while not label or label in taken:
            label, count = f"session_{count}", count + 1
        identity.sessions[key] = f"{subject}:{label}"
    return identity.sessions[key].split(":", 1)[1]


def _without(stem: str, own: str) -> str:
    """A file name without the subject's name at its beginning."""
    return stem[len(own) :] if stem.lower().startswith(own.lower()) else stem

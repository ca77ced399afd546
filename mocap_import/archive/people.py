"""People: who is in an archive, how that was found, and the sentences that say so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mocap_import.archive.file import ArchiveFile
from mocap_import.archive.identity import Identity, Recording, readable
from mocap_import.archive.participants import unmatched_rows
from mocap_import.archive.recording_name import RecordingName, name_files
from mocap_import.archive.subject_folder import REASONS, StatedSubject, SubjectFolders, subject_folders
from mocap_import.c3d.metadata import subject_name, subject_numbers
from mocap_import.c3d.parameter import stated_parameters
from mocap_import.subject import Subject

_MOST_NAMED = 12
"""People that the terminal names; the key holds them all."""


@dataclass(frozen=True)
class People:
    """What the laboratory calls every file, and how its subject was found.

    Attributes
    ----------
    names : dict
        File → `RecordingName`.
    folders : SubjectFolders
    from_parameters : frozenset of Path
        Files whose own parameters name the subject.
    """

    names: dict[Path, RecordingName]
    folders: SubjectFolders
    from_parameters: frozenset[Path]


def find_people(
    archive: Path,
    files: Sequence[ArchiveFile],
    known: Collection[Path] = (),
    listed: Collection[str] = (),
    level: int | None = None,
) -> People:
    """Find the subject of every file.

    Parameters
    ----------
    archive, files
        As found.
    known : collection of Path
        Files that have their code from an earlier run, whose parameters are not read again.
    listed : collection of str
        Names of the participants table.
    level : int, optional
        Subject's folder as counted from the archive.
    """
    problems = {file.relative for file in files if file.problem}

    def stated(file: Path) -> StatedSubject | None:
        return None if file in problems else stated_subject(archive / file)

    folders = subject_folders([file.relative for file in files], listed, level, stated)
    asked = [file for file, folder in folders.of.items() if folder is None and file not in known]
    found = {file: person.name for file in asked if (person := stated(file)) is not None and person.name.strip()}
    names = name_files([file.relative for file in files], found, folders.of)
    return People(names, folders, frozenset(found))


def stated_subject(path: Path) -> StatedSubject | None:
    """What a file's parameters say of its subject; None if they cannot be read."""
    try:
        parameters = stated_parameters(path)
        mass, height = subject_numbers(parameters)
        return StatedSubject(subject_name(parameters), mass, height)
    except (ValueError, OSError):
        return None  # the conversion refuses the file with the reason


def known_files(identity: Identity, number: int, files: Sequence[ArchiveFile]) -> set[Path]:
    """Files of an archive that an earlier run gave a code."""
    return {f.relative for f in files if identity.hash("file", number, f.relative.as_posix()) in identity.files}


def public_sentences(people: People, recordings: Sequence[Recording], participants: Mapping[str, Subject]) -> list[str]:
    """How subjects were found, in numbers only: for the page, where no name may stand."""
    by_folder = {r.code for r in recordings if people.folders.of[r.file.relative] is not None}
    by_file = {r.code for r in recordings} - by_folder
    sources = [f"{len(by_folder)} from the folder names"] if by_folder else []
    sources += [f"{len(by_file)} from the files' own parameters or the beginning of their names"] if by_file else []
    n_people = len(by_folder | by_file)
    sentences = [f"{n_people} subject{'s' if n_people != 1 else ''}: {', '.join(sources)}."]
    for reason, count in people.folders.joined.items():
        sentences.append(f"{count} folders are sessions or conditions of the subject above them: {REASONS[reason]}.")
    if people.folders.apart:
        sentences.append(
            f"{people.folders.apart} folders that lie beside each other were taken as different subjects; if they are "
            "sessions or conditions of one, give --subject-folder N (1: the topmost folder) and import again."
        )
    unmatched = unmatched_rows(participants, [recording.name.own for recording in recordings])
    if unmatched:
        n_rows = len({subject.code for subject in participants.values()})
        sentences.append(f"{len(unmatched)} of {n_rows} rows of the participants table match no subject.")
    return sentences


def private_sentences(
    people: People, recordings: Sequence[Recording], participants: Mapping[str, Subject]
) -> list[str]:
    """The same with the laboratory's names: for the terminal, never for a product."""
    sentences = public_sentences(people, recordings, participants)
    codes: dict[str, str] = {}
    for recording in recordings:
        codes.setdefault(recording.code, recording.name.path)
    pairs = [f"{name} -> {code}" if name != code else code for code, name in list(codes.items())[:_MOST_NAMED]]
    more = len(codes) - len(pairs)
    sentences[0] = f"{sentences[0][:-1]}: {', '.join(pairs)}" + (f" and {more} more (see --key)" if more else "")
    unmatched = unmatched_rows(participants, [recording.name.own for recording in recordings])
    if unmatched:
        own = sorted({recording.name.own for recording in recordings})
        shown = ", ".join(own[:_MOST_NAMED]) + (" ..." if len(own) > _MOST_NAMED else "")
        sentences[-1] = f"{sentences[-1][:-1]}: {', '.join(unmatched)}; subjects are {shown}."
    return [readable(sentence) for sentence in sentences]

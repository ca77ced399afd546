"""Archive files: every C3D file below a folder, as it lies on the disk, before any of it is read."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from mocap_import.trial import TrialRefused


@dataclass(frozen=True)
class ArchiveFile:
    """One entry of an archive that must end in one row of the table.

    Attributes
    ----------
    relative : Path
        Place below the archive's folder.
    size : int
        Bytes, 0 if unknown.
    modified : int
        Time of the last change (ns since 1970), 0 if unknown.
    problem : str
        Why it cannot be read at all, ``""`` for a regular file.
    is_folder : bool
        A folder that could not be listed: files below it are neither known nor gone.
    """

    relative: Path
    size: int = 0
    modified: int = 0
    problem: str = ""
    is_folder: bool = False


def find_files(archive: Path, out: Path | None = None) -> list[ArchiveFile]:
    """Find ``*.c3d`` (any case) at any depth, outside the output folder, in the order of names.

    Links to files are read as files; links to folders are followed, every folder once. A folder, a broken link or a
    device named ``x.c3d``, and a folder that cannot be listed, are entries with a problem: nothing is left out.

    Raises
    ------
    TrialRefused
        No such folder, or nothing in it.
    """
    if not archive.is_dir():
        raise TrialRefused(f"{archive}: expected a folder with C3D files, found no folder; check the path.")
    found: list[ArchiveFile] = []
    visited: set[str] = set()
    output = None if out is None else os.path.realpath(out)

    def closed(problem: OSError) -> None:
        relative = Path(os.path.relpath(problem.filename, archive))
        words = f"the folder cannot be listed ({problem.strerror}), its files are unknown; ask for the right to read it"
        found.append(ArchiveFile(relative, problem=words, is_folder=True))

    for folder, folders, names in os.walk(archive, onerror=closed, followlinks=True):
        real = os.path.realpath(folder)
        if real in visited or real == output:
            folders.clear()
            continue
        visited.add(real)
        folders.sort()
        for name in [*names, *folders]:
            if name.lower().endswith(".c3d"):
                found.append(_entry(Path(folder) / name, archive))
    if not found:
        raise TrialRefused(f"{archive}: expected C3D files (*.c3d) in the folder or below it, found none.")
    return sorted(found, key=lambda file: file.relative.parts)


def _entry(path: Path, archive: Path) -> ArchiveFile:
    """One file with size and date, or what keeps it from being one."""
    relative = path.relative_to(archive)
    try:
        status = path.stat()
    except OSError as problem:
        kind = "a link that leads nowhere" if path.is_symlink() else f"it cannot be reached ({problem.strerror})"
        return ArchiveFile(relative, problem=f"expected a C3D file, found {kind}; restore the file")
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device or pipe"
        return ArchiveFile(
            relative, problem=f"expected a C3D file, found {kind} of that name: no regular file; rename it"
        )
    return ArchiveFile(relative, status.st_size, status.st_mtime_ns)


def check_out_place(out: Path, archive: Path) -> None:
    """Refuse the archive itself as output folder; one inside it is never searched for recordings."""
    if out.resolve() == archive.resolve():
        raise TrialRefused(f"{out}: the output folder is the archive itself, which stays as it is; give another.")


def lies_in(place: Path, folder: Path) -> bool:
    """True if a place is a folder or below it, whatever links lead there."""
    return folder.resolve() in (place.resolve(), *place.resolve().parents)


def content_hash(path: Path) -> str:
    """SHA-256 of a file, ``""`` if it cannot be read."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""

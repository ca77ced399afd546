"""Label survey: which labels the recordings of an archive hold, and which marker sets they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.archive.file import ArchiveFile, find_files
from mocap_import.batch import Task, run_tasks
from mocap_import.c3d.reader import read_c3d
from mocap_import.frame.lab_frame import find_lab_frame
from mocap_import.marker.draft import combine_proposals
from mocap_import.marker.label import strip_label_prefix
from mocap_import.marker.marker_set import MarkerSet, load_marker_set, recognise_marker_set
from mocap_import.marker.proposal import MarkerProposal, propose_marker_set
from mocap_import.trial import TrialRefused

_FRAMES = 60
_PROPOSALS = 12
"""Recordings of an unknown set that a draft is made from."""
MEMORY_LIMIT = 4 * 1024**3
TIME_LIMIT = 120.0


@dataclass(frozen=True)
class FileLabels:
    """What one recording says.

    Attributes
    ----------
    file : str
        Relative to the archive.
    labels : tuple of str
    marker_set : str
        Recognised or asked set, ``"unknown"``.
    positions : ndarray, shape (n, n_labels, 3), or None
        Some frames (m, ground frame) of an unknown set.
    rate : float
        Frames per second of `positions`.
    refused : str
        Why the file could not be read, ``""`` if it could.
    model_outputs : tuple of str
        Points that are a laboratory's computations, kept apart from the markers.
    """

    file: str
    labels: tuple[str, ...] = ()
    marker_set: str = "unknown"
    positions: np.ndarray | None = None
    rate: float = 0.0
    refused: str = ""
    model_outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelSurvey:
    """Labels of an archive.

    Attributes
    ----------
    files : tuple of FileLabels
    n_found : int
        C3D files in the archive; more than `files` if only some were read.
    """

    files: tuple[FileLabels, ...]
    n_found: int
    asked: MarkerSet | None = field(default=None)

    @property
    def read(self) -> tuple[FileLabels, ...]:
        """Files that could be read."""
        return tuple(entry for entry in self.files if not entry.refused)

    @property
    def counts(self) -> Counter[str]:
        """Label → number of files that hold it."""
        return Counter(label for entry in self.read for label in entry.labels)

    @property
    def sets(self) -> Counter[str]:
        """Marker set → number of files, most frequent first."""
        return Counter(dict(Counter(entry.marker_set for entry in self.read).most_common()))

    def meanings(self) -> dict[str, list[str]]:
        """Label → what the marker sets of its files say of it."""
        found: dict[str, list[str]] = {label: [] for label in self.counts}
        for entry in self.read:
            if entry.marker_set == "unknown":
                continue
            own = (self.asked or load_marker_set(entry.marker_set)).for_labels(entry.labels)
            for label in entry.labels:
                found[label] += [word for word in own.meanings(label) if word not in found[label]]
        return found

    def proposal(self, name: str) -> tuple[MarkerProposal, int] | None:
        """A draft for the files of unknown sets, and from how many recordings; None if there are none."""
        unknown = [entry for entry in self.read if entry.positions is not None and len(entry.labels) > 2]
        if not unknown:
            return None
        # Recordings with most labels first: the static trial holds what the others lack.
        ranked = sorted(unknown, key=lambda entry: -len(entry.labels))
        chosen = [*ranked[:2], *_spread(ranked[2:], _PROPOSALS - 2)]
        made = [propose_marker_set(entry.labels, entry.positions, entry.rate, name=name) for entry in chosen]
        return combine_proposals(made), len(made)


def survey_labels(
    archive: Path,
    *,
    marker_set: str | None = None,
    sample: int | None = 60,
    n_workers: int = 1,
    progress: Callable[[FileLabels], object] | None = None,
) -> LabelSurvey:
    """Read the labels of an archive's recordings.

    Parameters
    ----------
    archive : Path
        A folder, searched as `find_files` does for the import.
    marker_set : str, optional
        A set to compare with instead of recognising one.
    sample : int or None
        Read at most so many files, spread over the archive; all if None.
    n_workers : int
        Worker processes; 0 reads in this process.
    progress : callable, optional
        Called with each file as it is read.

    Raises
    ------
    TrialRefused
        No C3D file in the folder, or an unknown marker set.
    """
    files = find_files(archive)
    asked = load_marker_set(marker_set) if marker_set else None
    chosen = files if sample is None else _spread(files, sample)
    found = {}
    for key, entry in _done(archive, chosen, marker_set, n_workers):
        found[key] = entry
        if progress is not None:
            progress(entry)
    return LabelSurvey(tuple(found[file.relative.as_posix()] for file in chosen), len(files), asked)


def read_file_labels(path: str, file: str, marker_set: str | None = None) -> FileLabels:
    """Labels of one file, and some frames of it if no marker set explains them."""
    try:
        raw = read_c3d(Path(path))
    except (TrialRefused, OSError) as problem:
        return FileLabels(file, refused=str(problem))
    outputs = tuple(raw.model_outputs)
    seen = np.isfinite(raw.points).all(axis=2).any(axis=0) if raw.points.size else np.zeros(len(raw.labels), dtype=bool)
    keep = [k for k, label in enumerate(raw.labels) if seen[k] and not label.startswith("*")]
    labels, _ = strip_label_prefix([raw.labels[k] for k in keep])
    whole = load_marker_set(marker_set) if marker_set else recognise_marker_set(labels)
    if whole is not None and whole.for_labels(labels).segments:
        return FileLabels(file, labels, whole.name, model_outputs=outputs)
    if not labels:
        return FileLabels(file, model_outputs=outputs)
    points = raw.points[:, keep]
    try:
        frame, _ = find_lab_frame(raw, None, source=file)
    except TrialRefused:
        return FileLabels(file, labels, model_outputs=outputs)
    step = max(1, len(points) // _FRAMES)
    positions = (points[::step] * frame.metres_per_unit) @ frame.rotation.T
    return FileLabels(file, labels, positions=positions, rate=raw.rate / step, model_outputs=outputs)


def _done(
    archive: Path, files: Sequence[ArchiveFile], marker_set: str | None, n_workers: int
) -> Iterator[tuple[str, FileLabels]]:
    """Key and `FileLabels` of every file, in worker processes or here; what is no file is refused at once."""
    tasks = []
    for file in files:
        key = file.relative.as_posix()
        if file.problem:
            yield key, FileLabels(key, refused=file.problem)
            continue
        arguments = {"path": str(archive / file.relative), "file": key, "marker_set": marker_set}
        tasks.append(Task(key, "mocap_import.archive.label_survey:read_file_labels", arguments))
    if n_workers == 0:
        for task in tasks:
            yield task.key, read_file_labels(**task.arguments)
        return
    limits = {"timeout": TIME_LIMIT, "memory_limit": MEMORY_LIMIT}
    for outcome in run_tasks(tasks, n_workers=max(1, min(n_workers, len(tasks))), **limits):
        if outcome.status == "done":
            yield outcome.key, outcome.value
        else:
            yield outcome.key, FileLabels(outcome.key, refused=f"{outcome.status}: {outcome.reason}")


def _spread(items: Sequence[Any], count: int) -> list[Any]:
    """At most `count` items, spread evenly."""
    if len(items) <= count:
        return list(items)
    return [items[k] for k in np.linspace(0, len(items) - 1, count).astype(int)]

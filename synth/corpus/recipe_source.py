"""Sources of a recipe: the files that a corpus is made from, by name and SHA-256."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from mocap_import.trial_store import SUFFIX
from synth.corpus.provenance import file_hash
from synth.motion_account import account_file, read_account

SKELETONS = ("skeleton.json", "planar_skeleton.json")
MOMENTS = "_forces.sto"
"""End of the name of a trial's generalized forces in a motion folder."""


def archive_sources(trials: Path, motion: Path) -> dict[str, dict[str, str]]:
    """Hashes of every trial of an archive, and of the skeletons and coordinates that there are for them."""
    files = sorted(Path(trials).glob(f"*/*{SUFFIX}"))
    found: dict[str, str] = {}
    for folder, own in groupby(files, key=lambda file: file.parent):
        for path in motion_files(Path(motion) / folder.name, list(own)):
            found[f"{folder.name}/{path.name}"] = motion_hash(path)
    return {"trials": {f"{file.parent.name}/{file.name}": file_hash(file) for file in files}, "motion": found}


def motion_files(folder: Path, trials: Sequence[Path]) -> list[Path]:
    """Skeleton, coordinates, moments and accounts of them that there are for the trials of one subject.

    Coordinates are found by the name that a trial has inside; where none have the name of its file, any may be its own.
    """
    names = [f"{trial.name.removesuffix(SUFFIX)}.mot" for trial in trials]
    moved = [folder / name for name in names if (folder / name).is_file()]
    if len(moved) < len(names):
        moved = sorted(folder.glob("*.mot"))
    told = [account_file(folder, path.stem) for path in moved]
    moments = [path.with_name(path.stem + MOMENTS) for path in moved]
    return [path for path in (folder / SKELETONS[0], *moved, *moments, *told) if path.is_file()]


def motion_hash(path: Path) -> str:
    """SHA-256 of a file of a motion folder; of an account, of what it says without the times of its run."""
    name = path.name.removesuffix(account_file(Path(), "").name)
    return file_hash(path) if name == path.name else read_account(path.parent, name).sha256()


def corpus_sources(corpus: Path, motion: Path | None = None, model: Path | None = None) -> dict[str, dict[str, str]]:
    """Hashes of a corpus, and of the skeletons or the model by which sensors are placed anew on it."""
    found = {"corpus": {Path(corpus).name: file_hash(corpus)}}
    if motion is not None:
        motion = Path(motion) if Path(motion).is_dir() else Path(motion).parent
        skeletons = sorted(path for name in SKELETONS for path in (*motion.glob(name), *motion.glob(f"*/{name}")))
        found["motion"] = {path.relative_to(motion).as_posix(): file_hash(path) for path in skeletons}
    if model is not None:
        found["model"] = {Path(model).name: file_hash(model)}
    return found


def merged_sources(parts: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Hashes of the corpora that are merged: by their names, or, where two have one, from their common folder on."""
    parts = [Path(part).absolute() for part in parts]
    names = [part.name for part in parts]
    if len(set(names)) < len(names):
        root = os.path.commonpath([part.parent for part in parts])
        names = [part.relative_to(root).as_posix() for part in parts]
    return {"parts": {name: file_hash(part) for name, part in sorted(zip(names, parts, strict=True))}}


def solved_sources(
    imu: Path, keys: Sequence[tuple[str, str]] = (), trials: Path | None = None, motion: Path | None = None
) -> dict[str, dict[str, str]]:
    """Hashes of what optimal control follows: the records, and for a reference markers and planar skeletons, too.

    Parameters
    ----------
    imu : Path
        Corpus of the records.
    keys : sequence of (subject, trial)
        Its trials that are solved.
    trials, motion : Path, optional
        Folders of a reference; what is missing there is no source.
    """
    found = {"corpus": {Path(imu).name: file_hash(imu)}}
    if trials is not None and motion is not None:
        names = {f"{code}/{name}{SUFFIX}" for code, name in keys if (trials / code / f"{name}{SUFFIX}").is_file()}
        planar = {f"{code}/{SKELETONS[1]}" for code, _ in keys if (motion / code / SKELETONS[1]).is_file()}
        found["trials"] = {name: file_hash(trials / name) for name in sorted(names)}
        found["motion"] = {name: file_hash(motion / name) for name in sorted(planar)}
    return found


def named_sources(places: dict[str, Path]) -> dict[str, dict[str, str]]:
    """Hashes of single files, one a place."""
    return {place: {Path(path).name: file_hash(path)} for place, path in places.items()}


def other_sources(found: dict[str, dict[str, str]], then: dict[str, dict[str, str]]) -> list[str]:
    """What is missing now or has changed since, a phrase a file."""
    wrong = []
    for place, names in then.items():
        for name, digest in sorted(names.items()):
            now = found.get(place, {}).get(name)
            if now != digest:
                wrong.append(f"{place}: {name} {'is missing' if now is None else 'changed'}")
    return wrong

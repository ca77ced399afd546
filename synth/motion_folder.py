"""Motion folder: where the skeleton and the coordinates of a recording lie, as `kinesynth motion` leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mocap_import.trial import MarkerTrial
from mocap_import.trial_store import SUFFIX
from opensim_models.exchange.storage import read_motion
from opensim_models.model.skeleton import Skeleton, load_skeleton
from opensim_models.motion import Kinematics

COORDINATES = (".mot", ".sto")
MARKERS = (SUFFIX, ".c3d", ".trc")


def is_coordinates(path: Path) -> bool:
    """Whether a file holds coordinates, by its name."""
    return Path(path).suffix.lower() in COORDINATES


def is_markers(path: Path) -> bool:
    """Whether a file holds markers, by its name."""
    return str(path).lower().endswith(MARKERS)


def folder_skeleton(
    path: Path, code: str, motion: Path | None, coordinates: Sequence[str] | None = None
) -> Skeleton | None:
    """Skeleton of a trial in its motion folder, None where there is none.

    Parameters
    ----------
    path : Path
        Of the trial.
    code : str
        Of its subject.
    motion : Path, optional
        Folder of ``kinesynth motion`` (the whole one or a subject's), or a file of coordinates in it; default: the
        folder of the trial.
    coordinates : sequence of str, optional
        Of the trial: where they are those of the folder's planar skeleton and no more, that one is meant.
    """
    found = skeleton_file(path, code, motion, coordinates)
    return None if found is None else load_skeleton(found)


def skeleton_file(path: Path, code: str, motion: Path | None, coordinates: Sequence[str] | None = None) -> Path | None:
    """File of the skeleton of a trial, None where there is none; see `folder_skeleton`."""
    for folder in _folders(path, code, motion):
        planar = folder / "planar_skeleton.json"
        is_asked = coordinates is not None and planar.is_file()
        if is_asked and set(load_skeleton(planar).coordinate_names) == set(coordinates):
            return planar
        if (folder / "skeleton.json").is_file():
            return folder / "skeleton.json"
    return None


def read_coordinates(path: Path, trial: MarkerTrial, skeleton: Skeleton, motion: Path | None) -> Kinematics | None:
    """Coordinates of a trial of markers, None where there are none.

    Parameters
    ----------
    path : Path
        Of the trial.
    trial : MarkerTrial
        Its names; its frames may be some of the trial's.
    skeleton : Skeleton
    motion : Path, optional
        See `folder_skeleton`.
    """
    found = coordinates_file(path, trial, motion)
    return None if found is None else read_motion(found, skeleton=skeleton)


def _folders(path: Path, code: str, motion: Path | None) -> list[Path]:
    """Where a subject's skeleton and coordinates may lie."""
    if motion is None:
        return [path.parent]
    if not motion.is_dir():
        return [motion.parent]
    return [motion, motion / path.resolve().parent.name, *([motion / code] if code else [])]


def coordinates_file(path: Path, trial: MarkerTrial, motion: Path | None) -> Path | None:
    """File of the trial's coordinates, None where there is none; see `read_coordinates`."""
    if motion is not None and not motion.is_dir():
        return motion
    for folder in _folders(path, trial.subject.code, motion) if motion is not None else ():
        if (folder / f"{trial.name}.mot").is_file():
            return folder / f"{trial.name}.mot"
    return None

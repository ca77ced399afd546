"""Trial source: one trial with its skeleton and motion, from whatever files there are.

Markers (a converted trial, .c3d or .trc) with the folder of ``kinesynth motion`` or a model and its coordinates; or
coordinates alone (.mot, .sto) with a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, TrialRefused
from opensim_models.exchange.storage import read_motion
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.skeleton import Skeleton, load_skeleton
from opensim_models.motion import Kinematics, SegmentMotion
from opensim_models.scaling.subject_scaling import load_recording
from synth.corpus.array_origin import SourceFile
from synth.imu.marker_cluster import cluster_motion
from synth.measured_origin import TrialFiles, source_file
from synth.motion_account import MotionAccount, read_account
from synth.motion_folder import (
    MARKERS,
    coordinates_file,
    folder_skeleton,
    is_coordinates,
    is_markers,
    read_coordinates,
    skeleton_file,
)
from synth.moved_segments import trial_clusters


@dataclass(frozen=True)
class TrialSource:
    """One trial and what moves in it.

    Attributes
    ----------
    path : Path
    name : str
    subject : Subject
    skeleton : Skeleton
    trial : MarkerTrial or None
        Markers.
    kinematics : Kinematics or None
        Coordinates of the skeleton.
    start_time : float
        Time (s) of the first frame on the file's own clock.
    files : TrialFiles
        Where it all was read from.
    """

    path: Path
    name: str
    subject: Subject
    skeleton: Skeleton
    trial: MarkerTrial | None = None
    kinematics: Kinematics | None = None
    start_time: float = 0.0
    files: TrialFiles = field(default_factory=TrialFiles)

    @property
    def rate(self) -> float:
        """Frames per second (Hz)."""
        return self.trial.rate if self.trial is not None else self.kinematics.rate


def read_source(path: Path, motion: Path | None = None, model: Path | None = None) -> TrialSource:
    """Read a trial, its skeleton and its motion.

    Parameters
    ----------
    path : Path
        ``.trial.h5``, ``.c3d``, ``.trc``, or coordinates (``.mot``, ``.sto``).
    motion : Path, optional
        Folder of ``kinesynth motion`` (the whole one or a subject's), or a file of coordinates; without one, markers
        move their clusters alone.
    model : Path, optional
        ``.osim`` or ``.json``; goes before the skeleton of the folder.

    Raises
    ------
    TrialRefused, ModelMismatch
        In one sentence: no skeleton, or a file that is not what its name says.
    """
    path = Path(path)
    if is_coordinates(path):
        skeleton = find_skeleton(path, "", motion, model)
        kinematics = read_motion(path, skeleton=skeleton)
        known = [name for name in kinematics.coordinates if name in skeleton.coordinate_names]
        if not known:
            raise TrialRefused(
                f"{path}: none of its columns ({', '.join(kinematics.coordinates[:4])}, ...) is a coordinate of "
                f"{skeleton.name} ({', '.join(skeleton.coordinate_names[:4])}, ...); give the model it was solved with."
            )
        files = TrialFiles(None, _skeleton_source(path, "", motion, model), source_file(path))
        return TrialSource(path, path.stem, Subject(path.stem), skeleton, None, kinematics, _first_time(path), files)
    if not is_markers(path):
        raise TrialRefused(f"{path}: expected a trial ({', '.join(MARKERS)}) or coordinates (.mot, .sto).")
    trial = load_recording(path)
    skeleton = find_skeleton(path, trial.subject.code, motion, model)
    kinematics = read_coordinates(path, trial, skeleton, motion)
    files = trial_files(path, trial, motion, model)
    return TrialSource(path, trial.name, trial.subject, skeleton, trial, kinematics, trial.start_time, files)


def trial_files(path: Path, trial: MarkerTrial, motion: Path | None, model: Path | None) -> TrialFiles:
    """Files that a trial of markers is read from; see `read_source`."""
    solved = coordinates_file(path, trial, motion)
    account = MotionAccount() if solved is None else read_account(solved.parent, solved.stem)
    return TrialFiles(
        source_file(path),
        _skeleton_source(path, trial.subject.code, motion, model),
        None if solved is None else source_file(solved),
        account=account,
    )


def _skeleton_source(path: Path, code: str, motion: Path | None, model: Path | None) -> SourceFile | None:
    """The file of the skeleton of `find_skeleton`."""
    found = model if model is not None else skeleton_file(path, code, motion)
    return None if found is None else source_file(found)


def find_skeleton(
    path: Path, code: str, motion: Path | None, model: Path | None, coordinates: Sequence[str] | None = None
) -> Skeleton:
    """Skeleton of a trial: the model that is given, or that of the motion folder.

    Parameters
    ----------
    path : Path
        Of the trial.
    code : str
        Of its subject.
    motion, model : Path, optional
        See `read_source`.
    coordinates : sequence of str, optional
        Of the trial: where they are those of the folder's planar skeleton and no more, that one is meant.

    Raises
    ------
    TrialRefused
        There is none.
    """
    if model is not None:
        return load_skeleton(model) if model.suffix.lower() == ".json" else read_osim(model)
    found = folder_skeleton(path, code, motion, coordinates)
    if found is not None:
        return found
    raise TrialRefused(
        f"{path}: no skeleton to put sensors on{'' if motion is None else f' in {motion}'}; expected the folder of "
        "`kinesynth motion` (--motion FOLDER) or a model (--model FILE.osim)."
    )


def source_motions(source: TrialSource, segments: Iterable[str], motion_of: str = "both") -> dict[str, SegmentMotion]:
    """Unfiltered motion of segments: of their marker cluster, else of the skeleton; absent where there is neither.

    Parameters
    ----------
    source : TrialSource
    segments : iterable of str
    motion_of : {"both", "cluster", "model"}
        ``"cluster"`` and ``"model"`` take no other.
    """
    wanted = tuple(segments)
    motions = {}
    if source.kinematics is not None and (motion_of != "cluster" or source.trial is None):
        moved = segment_motions(source.skeleton, source.kinematics)
        motions = {segment: moved[segment] for segment in wanted if segment in moved}
    if source.trial is not None and motion_of != "model":
        clusters, _ = trial_clusters(source.trial, source.skeleton, wanted)
        for segment, cluster in clusters.items():
            motion = cluster_motion(source.trial, cluster)
            if np.isfinite(motion.origin).any():
                motions[segment] = motion
    return motions


def _first_time(path: Path) -> float:
    """Time (s) of the first row of a file of coordinates that was read already."""
    lines = iter(path.read_text(encoding="utf-8-sig").splitlines())
    next(line for line in lines if line.strip().lower() == "endheader")
    rows = [line for line in lines if line.strip()][:2]
    return float(rows[1].split()[0].rstrip(","))

"""Command `kinesynth view`: a recording, a corpus entry or a page in the browser; and what it reads for that."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mocap_import.trial import TrialRefused
from synth.corpus.schema import SCHEMA_NAME, CorpusMismatch

if TYPE_CHECKING:
    from opensim_models.model.skeleton import Skeleton
    from opensim_models.motion import Kinematics
    from synth.corpus import Corpus, CorpusTrial
    from training.report.viewer.scene import Scene

MOTION_FOLDER = "motion"
"""Looked for beside the folder of the trials, as `kinesynth motion trials/ motion/` leaves it."""


@dataclass(frozen=True)
class View:
    """A scene and what another one beside it may need.

    Attributes
    ----------
    scene : Scene
    key : tuple of (str, str)
        Subject and trial.
    skeleton : Skeleton or None
    kinematics : Kinematics or None
    note : str
        What was chosen for the user, ``""`` if nothing.
    start_time : float
        s, of the first frame on the clock of its source.
    """

    scene: Scene
    key: tuple[str, str]
    skeleton: Skeleton | None = None
    kinematics: Kinematics | None = None
    note: str = ""
    start_time: float = 0.0


def is_page(place: Path) -> bool:
    """Whether something opens as it is: a page, or the folder of a run with its report."""
    return place.suffix.lower() in (".html", ".htm") or (place.is_dir() and (place / "report.html").is_file())


def view_file(
    file: Path,
    out: Path,
    *,
    trial: str = "",
    beside: Path | None = None,
    motion: Path | None = None,
    model: Skeleton | None = None,
    align: str = "zero",
) -> list[str]:
    """Write the viewer's page of a file.

    Parameters
    ----------
    file : Path
        A recording (.c3d, .trc, .trial.h5), coordinates (.mot, .sto) or a corpus (.h5).
    out : Path
        The HTML file.
    trial : str
        ``"SUBJECT/NAME"`` of a corpus; default: the first one that was not refused.
    beside : Path, optional
        What stands beside it: a corpus with the same trial, or with one trial only, or another recording.
    motion : Path, optional
        Folder of ``kinesynth motion`` (the whole one or a subject's), or a file of coordinates.
    model : Skeleton, optional
        Of the coordinates; goes before that of the folder.
    align : str
        ``"zero"``: both begin at the same time; ``"start"``: by the clocks of their sources; or how many seconds the
        one beside begins after the first.

    Returns
    -------
    list of str
        What was chosen for the user.

    Raises
    ------
    TrialRefused, ModelMismatch, CorpusMismatch
        In one sentence: what was expected, what came, what to do.
    """
    from training.report.viewer.scene_page import write_viewer

    views = [read_view(file, trial=trial, motion=motion, model=model)]
    if beside is not None:
        views.append(_aligned(read_view(beside, motion=motion, model=model, first=views[0]), views[0], align))
    write_viewer([view.scene for view in views], out)
    return [view.note for view in views if view.note]


def read_view(
    file: Path,
    *,
    trial: str = "",
    motion: Path | None = None,
    model: Skeleton | None = None,
    first: View | None = None,
) -> View:
    """Read what can be seen of a file; see `view_file`.

    Parameters
    ----------
    first : View, optional
        The view that this one stands beside: gives the trial, and what an estimate does not have.
    """
    from synth.motion_folder import is_coordinates, is_markers

    if not file.exists():
        raise TrialRefused(f"{file}: there is no such file; name a recording, a corpus or a folder with report.html.")
    if is_corpus(file):
        return _corpus_view(file, trial, motion, model, first)
    if trial:
        raise TrialRefused(f"{file}: --trial chooses from a corpus, and this is none.")
    if is_coordinates(file):
        return _coordinates_view(file, motion, model)
    if is_markers(file) and file.is_file():
        return _markers_view(file, motion, model)
    raise TrialRefused(
        f"{file}: expected a recording (.c3d, .trc, .trial.h5), coordinates (.mot, .sto), a corpus (.h5), a folder "
        "with report.html (made by `kinesynth demo` or `kinesynth report`) or with a solution of `kinesynth gait`."
    )


def _aligned(view: View, first: View, align: str) -> View:
    """The view beside the first on the first one's clock."""
    from training.report.viewer.scene_delay import delayed

    later = view.start_time - first.start_time
    if align == "zero":
        clocks = (
            f"the first begins at {first.start_time:.2f} s of its clock, the one beside it at {view.start_time:.2f} s"
        )
        told = f"{clocks}; shown from the same moment on. --align start lays them by their clocks."
        return replace(view, note=" ".join(filter(None, [view.note, told if abs(later) >= 0.005 else ""])))
    try:
        seconds = later if align == "start" else float(align)
        if not math.isfinite(seconds):
            raise ValueError("no finite number")
    except ValueError:
        raise TrialRefused(f"--align {align}: expected zero, start, or a number of seconds.") from None
    try:
        return replace(view, scene=delayed(view.scene, seconds))
    except ValueError as error:
        raise TrialRefused(str(error)) from error


def is_corpus(file: Path) -> bool:
    """Whether a file calls itself a corpus."""
    from mocap_import.trial_store import SUFFIX
    from synth.corpus.node import open_node

    if file.name.endswith(SUFFIX) or not file.is_file() or file.suffix.lower() not in (".h5", ".hdf5"):
        return False
    with open_node(file) as node:
        return node.attribute("schema", "") == SCHEMA_NAME


def _markers_view(file: Path, motion: Path | None, model: Skeleton | None) -> View:
    from mocap_import.trial_store import SUFFIX
    from opensim_models.scaling.subject_scaling import load_recording
    from synth.motion_folder import folder_skeleton, read_coordinates
    from training.report.viewer.scene_of_trial import trial_scene

    trial = load_recording(file)
    code = trial.subject.code
    if motion is None and model is None:
        motion = _motion_beside(file, code)
    skeleton = model or folder_skeleton(file, code, motion)
    if skeleton is None and motion is not None:
        raise TrialRefused(f"{motion}: no skeleton of {code} here; expected the folder that `kinesynth motion` wrote.")
    kinematics = None if skeleton is None else read_coordinates(file, trial, skeleton, motion)
    # A laboratory names its files after people; only what `kinesynth import` has named is safe to show.
    title = "" if file.name.endswith(SUFFIX) else f"Recording {_digest(file)}"
    return View(
        trial_scene(trial, skeleton, kinematics, title=title),
        (trial.subject.code, trial.name),
        skeleton,
        kinematics,
        start_time=trial.start_time,
    )


def _coordinates_view(file: Path, motion: Path | None, model: Skeleton | None) -> View:
    from mocap_import.subject import Subject
    from opensim_models.exchange.storage import read_motion
    from opensim_models.exchange.storage_table import read_table
    from synth.corpus import CorpusTrial
    from synth.motion_folder import folder_skeleton
    from training.report.viewer.scene_of_corpus import corpus_scene

    skeleton = model or folder_skeleton(file, "", motion)
    if skeleton is None:
        raise TrialRefused(f"{file}: coordinates move a model; name it with --model (.osim or skeleton.json).")
    kinematics = read_motion(file, skeleton=skeleton)
    if not set(kinematics.coordinates) & set(skeleton.coordinate_names):
        raise TrialRefused(
            f"{file}: none of its columns is a coordinate of {skeleton.name}; give the model it was made with."
        )
    moved = CorpusTrial(file.stem, Subject(file.stem), kinematics.rate, kinematics=kinematics)
    scene = corpus_scene(moved, skeleton, title=f"Coordinates {_digest(file)}")
    return View(scene, (file.stem, file.stem), skeleton, kinematics, start_time=read_table(file).start_time)


def _corpus_view(file: Path, trial: str, motion: Path | None, model: Skeleton | None, first: View | None) -> View:
    from synth.corpus import Corpus
    from training.report.viewer.scene_of_corpus import corpus_scene

    corpus = Corpus(file)
    key, note = _chosen(corpus, trial, first)
    entry = corpus.read(*key)
    skeleton = _skeleton(file, entry, motion, model, first)
    guide = first.kinematics if first is not None else None
    title = f"{key[0]} · {key[1]}" + (f" ({corpus.role})" if corpus.role != "motion" else "")
    scene = corpus_scene(entry, skeleton, guide=guide, title=title)
    return View(scene, key, skeleton, entry.kinematics, note, entry.start_time)


def _chosen(corpus: Corpus, trial: str, first: View | None) -> tuple[tuple[str, str], str]:
    """The trial of a corpus that is meant, and what is to be said about the choice."""
    keys = corpus.trials()
    if trial:
        subject, slash, name = trial.partition("/")
        if not slash:
            raise CorpusMismatch(
                f"--trial {trial}: expected SUBJECT/NAME, such as {'/'.join(keys[0]) if keys else 'S01/walk_01'}."
            )
        return (subject, name), ""
    if first is not None and (first.key in keys or len(keys) != 1):
        return first.key, ""
    if len(keys) == 1:
        return keys[0], ""
    usable = [
        (row["subject"], row["trial"]) for row in corpus.summary() if row["status"] != "refused" and row["n_frames"]
    ]
    if not usable:
        raise CorpusMismatch(
            f"{corpus.path}: none of its {len(keys)} trials can be looked at: all were refused, or it is empty."
        )
    chosen = "/".join(usable[0])
    return usable[0], f"{chosen} is shown, the first of {len(usable)} trials; choose with --trial SUBJECT/NAME."


def _skeleton(
    file: Path, entry: CorpusTrial, motion: Path | None, model: Skeleton | None, first: View | None
) -> Skeleton | None:
    """Skeleton of a corpus entry: the one that was named, its own, or one beside the corpus.

    What was named belongs to the first scene; another one beside it takes it only for want of its own.
    """
    from synth.motion_folder import folder_skeleton

    names = entry.kinematics.coordinates if entry.kinematics is not None else None
    code = entry.subject.code
    own = entry.skeleton
    named = model
    if named is None and motion is not None:
        named = folder_skeleton(file, code, motion, names)
        if named is None and first is None:
            raise TrialRefused(
                f"{motion}: no skeleton of {code} here; expected the folder that `kinesynth motion` wrote."
            )
    own = own or (folder_skeleton(file, code, None, names) if named is None or first is not None else None)
    if first is not None:
        return own or named or first.skeleton  # an estimate brings none
    return named or own or folder_skeleton(file, code, file.parent / MOTION_FOLDER, names)


def _motion_beside(file: Path, code: str) -> Path | None:
    """Folder of `kinesynth motion` beside that of the trials, if it knows the subject."""
    for folder in file.resolve().parents[1:3]:
        if (folder / MOTION_FOLDER / code / "skeleton.json").is_file():
            return folder / MOTION_FOLDER
    return None


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:8]

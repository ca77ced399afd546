"""OpenSim files: what a trial of a corpus holds as .mot, .sto and .trc, which OpenSim's tools and GUI open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mocap_import.export.external_load import write_foot_loads
from mocap_import.export.trc import write_trc
from mocap_import.trial import GroundReaction, MarkerTrial, TrialRefused
from opensim_models.exchange.storage import write_generalized_forces, write_motion
from opensim_models.exchange.storage_table import StorageTable, write_table
from opensim_models.inverse.segment_motion import marker_positions
from synth.corpus.trial import CorpusTrial
from synth.record_file import write_opensense

Written = tuple[list[Path], list[str]]
"""Files, and what is to be known of them."""


def write_coordinates(stem: Path, trial: CorpusTrial) -> Written:
    """Write the coordinates as ``<stem>.mot``: degrees and metres, NaN where there is no value.

    Parameters
    ----------
    stem : Path
        Folder and first part of the file names; the folder must exist.
    trial : CorpusTrial

    Returns
    -------
    files : list of Path
        Empty if the trial holds no coordinates.
    notes : list of str
    """
    if trial.kinematics is None or not trial.kinematics.coordinates or not trial.n_frames:
        return [], []
    path = stem.with_name(f"{stem.name}.mot")
    write_motion(path, trial.kinematics)
    return [path], _missing(trial.kinematics.values)


def write_storages(stem: Path, trial: CorpusTrial) -> Written:
    """Write what else the trial holds as .sto files.

    ``<stem>_moments.sto`` (generalized forces, N·m and N), ``<stem>_ground_reaction.sto`` and ``.xml`` (each foot,
    ground frame, with the ExternalLoads document), ``<stem>_activations.sto``, and the records as OpenSense reads
    them, ``<stem>_linear_accelerations.sto`` (m/s²) and ``<stem>_angular_velocity.sto`` (rad/s), sensor frame.

    Parameters
    ----------
    stem : Path
        Folder and first part of the file names; the folder must exist.
    trial : CorpusTrial

    Returns
    -------
    files : list of Path
    notes : list of str
        What is missing in them.
    """
    files: list[Path] = []
    notes: list[str] = []
    if not trial.n_frames:
        return files, notes
    if trial.kinetics is not None:
        files, notes = _write_kinetics(stem, trial)
    if trial.recordings:
        files += write_opensense(stem.with_name(f"{stem.name}.sto"), trial.recordings)
    return files, notes


def _write_kinetics(stem: Path, trial: CorpusTrial) -> Written:
    files: list[Path] = []
    notes: list[str] = []
    kinetics = trial.kinetics
    if kinetics.coordinates:
        files.append(stem.with_name(f"{stem.name}_moments.sto"))
        write_generalized_forces(files[-1], kinetics)
        notes += _missing(kinetics.generalized_forces)
    if kinetics.ground_reactions:
        try:
            path = stem.with_name(f"{stem.name}_ground_reaction.sto")
            treatments = write_foot_loads(path, _by_foot(trial), where=f"{trial.subject.code}/{trial.name}")
            files += [path, path.with_suffix(".xml")]
            notes += [treatment.detail for treatment in treatments]
        except TrialRefused as refusal:
            notes.append(f"no ground reaction: {refusal}")
    if kinetics.muscles:
        files.append(stem.with_name(f"{stem.name}_activations.sto"))
        table = StorageTable(
            kinetics.muscles, kinetics.activations, kinetics.rate, in_degrees=False, name="activations"
        )
        write_table(files[-1], table)
    return files, notes


def _by_foot(trial: CorpusTrial) -> dict[str, GroundReaction]:
    """Reaction of each foot; an unknown one where the trial has none."""
    found: dict[str, GroundReaction] = {}
    for reaction in trial.kinetics.ground_reactions:
        if reaction.foot not in ("right", "left") or reaction.foot in found:
            again = " twice" if reaction.foot in found else ""
            raise TrialRefused(
                f"expected one force of the right and one of the left foot, got {reaction.name!r} of foot "
                f"{reaction.foot!r}{again}; csv and parquet hold it as it is"
            )
        found[reaction.foot] = reaction
    unknown = np.full((trial.n_frames, 3), np.nan)
    for foot in ("right", "left"):
        found.setdefault(foot, GroundReaction(unknown, unknown, unknown[:, 0], trial.rate, foot))
    return found


def _missing(values: np.ndarray) -> list[str]:
    """Say how many frames lack a value."""
    missing = int((~np.isfinite(values)).any(axis=1).sum())
    return [f"{missing} of {len(values)} frames lack values (nan)"] if missing else []


def write_virtual_markers(stem: Path, trial: CorpusTrial) -> Written:
    """Write the markers of the trial's skeleton, moved by its coordinates, as ``<stem>.trc`` (mm, ground frame).

    These are not the recorded markers: they stand where the model has them, and are missing where a coordinate on the
    way to them is.

    Parameters
    ----------
    stem : Path
        Folder and first part of the file names; the folder must exist.
    trial : CorpusTrial

    Returns
    -------
    files : list of Path
        Empty for a trial without coordinates or without a skeleton that carries markers.
    notes : list of str
    """
    skeleton, motion = trial.skeleton, trial.kinematics
    if skeleton is None or not skeleton.markers or motion is None or not trial.n_frames:
        return [], ["the corpus holds no skeleton with markers of this trial"] if motion is not None else []
    labels = tuple(marker.name for marker in skeleton.markers)
    path = stem.with_name(f"{stem.name}.trc")
    write_trc(path, MarkerTrial(trial.name, trial.subject, labels, marker_positions(skeleton, motion), trial.rate))
    return [path], ["virtual markers of the model, not recorded ones", *_missing(motion.values)]


WRITERS: dict[str, Callable[[Path, CorpusTrial], Written]] = {
    "mot": write_coordinates,
    "sto": write_storages,
    "trc": write_virtual_markers,
}
"""Format → what writes it; no files means that the trial has nothing to write in it."""

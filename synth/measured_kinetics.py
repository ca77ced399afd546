"""Measured kinetics: joint moments that `kinesynth motion` solved, and the force of the ground on each foot.

Both as they were found, at the instants of the trial's frames: moments are those of its ``_forces.sto`` (low-passed
there), forces those of the plates, shared out to the feet and not filtered. What is not known is NaN, never zero.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mocap_import.plate.foot_reaction import foot_reactions
from mocap_import.trial import GroundReaction, MarkerTrial, TrialRefused
from opensim_models.exchange.storage import read_generalized_forces
from opensim_models.inverse.foot_load import reaction_of, surface_height, wrench_at
from opensim_models.motion import Kinetics
from synth.corpus.recipe_source import MOMENTS


def measured_kinetics(trial: MarkerTrial, folder: Path) -> Kinetics | None:
    """Kinetics of a trial, None where its moments were not solved.

    Parameters
    ----------
    trial : MarkerTrial
    folder : Path
        Of its subject, as `kinesynth motion` leaves it.

    Raises
    ------
    TrialRefused
        The file of forces has other frames than the trial.
    ModelMismatch
        It is no file of generalized forces.
    """
    path = folder / f"{trial.name}{MOMENTS}"
    if not path.is_file():
        return None
    solved = read_generalized_forces(path)
    n_frames = len(solved.generalized_forces)
    if n_frames != trial.n_frames or not np.isclose(solved.rate, trial.rate):
        raise TrialRefused(
            f"{trial.source or trial.name}: {path.name} has {n_frames} frames at {solved.rate:g} Hz, the trial "
            f"{trial.n_frames} at {trial.rate:g} Hz. Solve the motion again: kinesynth motion"
        )
    return Kinetics(solved.coordinates, solved.generalized_forces, trial.rate, reactions_at_frames(trial))


def reactions_at_frames(trial: MarkerTrial) -> tuple[GroundReaction, ...]:
    """Force of the ground on each foot (N), at the frames of a trial; empty without plates.

    Parameters
    ----------
    trial : MarkerTrial
        With plates, and the events that share them out.

    Returns
    -------
    tuple of GroundReaction
        Right and left, at the rate of the markers. Zero where a foot swings; NaN where the plates do not tell.
    """
    time = np.arange(trial.n_frames) / trial.rate
    feet = foot_reactions(trial)
    height = surface_height(tuple(feet.values())) if feet else 0.0
    return tuple(
        reaction_of(wrench_at(reaction, time, trial.rate, None), trial.rate, foot, reaction.name, height)
        for foot, reaction in feet.items()
    )

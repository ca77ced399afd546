"""C3D export: a trial back as a clean C3D file, with plates rebuilt from what the trial knows of them.

The file is in millimetres and ground axes (X forward, Y up, Z right), on the clock of the recording. Filled samples are
written as measured ones are: the C3D format has no word for an estimate.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap_import.export.c3d_writer import write_c3d
from mocap_import.plate.force_plate import ForcePlate
from mocap_import.trial import GroundReaction, MarkerTrial, Treatment, TrialRefused

_LAST_FRAME = 65535
"""Largest frame number of the header; programs that read no other number lose frames of a later clock."""


def write_clean_c3d(path: str | Path, trial: MarkerTrial) -> list[Treatment]:
    """Write a trial as a C3D file in mm: markers, plates (type 2), events, other analog channels.

    Parameters
    ----------
    path : str or Path
        Ends in ``.c3d``; its folder must exist.
    trial : MarkerTrial

    Returns
    -------
    list of Treatment
        ``plates_not_exported`` or ``analog_not_exported`` where the one analog rate of a C3D file, a whole multiple of
        the marker rate, does not allow them; ``force_gaps_zero`` where a plate's unknown samples are written as zero;
        ``clock_not_exported`` where frame numbers would not fit into the header; ``model_outputs_not_exported`` and
        ``rotations_not_exported``, which are in the laboratory's axes, not ours.

    Raises
    ------
    TrialRefused
        The trial has no markers or no rate.
    """
    if not trial.labels or not trial.n_frames or not trial.rate > 0:
        raise TrialRefused(
            f"{trial.source or trial.name}: a C3D file needs markers and a rate; the trial has none; --to csv writes "
            "what it has."
        )
    reactions = whole_plates(trial.ground_reactions)
    notes = []
    if reactions and not all(_fits(trial, len(reaction.force), reaction.rate) for reaction in reactions):
        rates = ", ".join(f"{reaction.name} {reaction.rate:g} Hz" for reaction in reactions)
        notes.append(
            Treatment("plates_not_exported", f"no whole multiple of {trial.rate:g} Hz, or no corners: {rates}")
        )
        reactions = ()
    if any(reaction.corners is None for reaction in reactions):
        lacking = ", ".join(reaction.name for reaction in reactions if reaction.corners is None)
        notes.append(Treatment("plates_not_exported", f"corners of the plate are not known: {lacking}"))
        reactions = tuple(reaction for reaction in reactions if reaction.corners is not None)
    unknown = [reaction.name for reaction in reactions if not np.isfinite(reaction.force).all()]
    if unknown:
        notes.append(Treatment("force_gaps_zero", f"unknown forces are written as zero: {', '.join(unknown)}"))
    analog = trial.analog
    rates = {reaction.rate for reaction in reactions} | {trial.analog_rate}
    if analog and (
        len(rates) > 1 or not all(_fits(trial, len(values), trial.analog_rate) for values in analog.values())
    ):
        detail = f"{len(analog)} channels at {trial.analog_rate:g} Hz do not share one rate with plates and markers"
        notes.append(Treatment("analog_not_exported", detail))
        analog = {}
    if trial.model_outputs:
        notes.append(Treatment("model_outputs_not_exported", f"{len(trial.model_outputs)} outputs stay in the trial"))
    if trial.segment_rotations:
        notes.append(Treatment("rotations_not_exported", f"{len(trial.segment_rotations)} segments stay in the trial"))
    plates = [ForcePlate(2, reaction.corners, np.zeros(3), None, reaction.name) for reaction in reactions]
    first = max(round(trial.start_time * trial.rate) + 1, 1)
    if first > 1 and first + trial.n_frames > _LAST_FRAME:
        detail = f"the recording begins at {trial.start_time:.2f} s of its clock, frame {first}; the file at frame 1"
        notes.append(Treatment("clock_not_exported", detail))
        first = 1
    carried = replace(trial, ground_reactions=reactions, analog=analog)
    write_c3d(path, carried, plates=plates, first_frame=first)
    return notes


def whole_plates(reactions: tuple[GroundReaction, ...]) -> tuple[GroundReaction, ...]:
    """Plates as they stood in the laboratory: the records of one plate stepped on by each foot in turn become one."""
    found: list[GroundReaction] = []
    for reaction in reactions:
        same = next((k for k, other in enumerate(found) if _same_plate(reaction, other)), None)
        if same is None:
            found.append(reaction)
            continue
        other = found[same]
        mine = np.isfinite(reaction.centre_of_pressure).all(axis=1)
        found[same] = replace(
            other,
            force=other.force + reaction.force,
            centre_of_pressure=np.where(mine[:, None], reaction.centre_of_pressure, other.centre_of_pressure),
            free_moment=np.where(mine, reaction.free_moment, other.free_moment),
            foot="both",
        )
    return tuple(found)


def _same_plate(one: GroundReaction, other: GroundReaction) -> bool:
    """Same corners, rate and length."""
    if one.corners is None or other.corners is None or len(one.force) != len(other.force) or one.rate != other.rate:
        return False
    return bool(np.array_equal(one.corners, other.corners))


def _fits(trial: MarkerTrial, n_samples: int, rate: float) -> bool:
    """Whether samples can share the frames of a C3D file."""
    ratio = round(rate / trial.rate)
    return ratio >= 1 and abs(ratio * trial.rate - rate) < 1e-6 * rate and n_samples == ratio * trial.n_frames

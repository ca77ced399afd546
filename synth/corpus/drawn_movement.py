"""The drawn movement of a trial: what its movement recipe makes of it in one epoch, labels and all.

Time is warped first, then sides are exchanged. A warp changes accelerations, so records are simulated anew, on the
skeleton and coordinates that the trial holds; what does not follow a warp (forces, moments, activity, parameters) is
left out, and so are poses of segments. A mirror image keeps everything; the skeleton stays, since OpenSim's models are
symmetric.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap_import.trial import GroundReaction
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus.array_origin import ArrayOrigin, arrays_of, origins_of
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from synth.imu.mirror_image import (
    MIDLINE_SIGNS,
    POLAR,
    mirror_kinematics,
    mirror_motion,
    mirror_recordings,
    mirrored_name,
)
from synth.imu.movement_recipe import MovementRecipe
from synth.imu.skeleton_imu import simulate_skeleton_imus
from synth.imu.time_warp import TimeWarp, draw_time_warp, warp_events, warp_kinematics

MEASURED_CUTOFF = 10.0
"""Hz, low-pass of measured coordinates before they are differentiated; that of the shank in `synth.trial_cutoff`."""
_FEET = {"right": "left", "left": "right"}


def drawn_movement(trial: CorpusTrial, recipe: MovementRecipe, epoch: int = 0) -> CorpusTrial:
    """The movement that a recipe draws from a trial.

    Parameters
    ----------
    trial : CorpusTrial
        Clean.
    recipe : MovementRecipe
    epoch : int
        Another one draws anew.

    Raises
    ------
    CorpusMismatch
        A warp needs skeleton and coordinates, a mirror image every sensor of both sides; the trial lacks them.
    """
    if trial.status == "refused":
        return trial
    rng = recipe.rng(trial.subject.code, trial.name, epoch)
    try:
        if recipe.warp_depth > 0 and trial.n_frames > 1:
            length = (trial.n_frames - 1) / trial.rate
            warp = draw_time_warp(rng, length, depth=recipe.warp_depth, highest=recipe.warp_highest)
            trial = warped(trial, warp)
        if rng.random() < recipe.mirror_probability:
            trial = mirrored(trial)
    except ValueError as error:
        raise CorpusMismatch(
            f"trial {trial.subject.code}/{trial.name}: no other movement can be drawn: {error}"
        ) from error
    return trial


def warped(trial: CorpusTrial, warp: TimeWarp) -> CorpusTrial:
    """The same path in another time, with records simulated anew.

    Raises
    ------
    ValueError
        The trial lacks its skeleton or coordinates.
    """
    if trial.skeleton is None or trial.kinematics is None:
        raise ValueError("a warp of time needs the coordinates and the skeleton of the trial, which lacks them")
    moved = warp_kinematics(trial.kinematics, warp)
    placements = [recording.placement for recording in trial.recordings]
    low_pass = MEASURED_CUTOFF if trial.status == "measured" else None
    made = replace(
        trial,
        kinematics=moved,
        recordings=tuple(simulate_skeleton_imus(trial.skeleton, moved, placements, cutoff=low_pass)),
        events=warp_events(trial.events, warp),
        kinetics=None,
        activity=None,
        spatiotemporal={},
        solutions=(),
        segments=(),
    )
    return _told(made, "in another time", {"speeds": [round(float(s), 4) for s in _extremes(warp)]})


def mirrored(trial: CorpusTrial) -> CorpusTrial:
    """The same movement with right and left exchanged.

    Raises
    ------
    ValueError
        A sensor lacks its counterpart, or a coordinate without a side is unknown.
    """
    worn = [recording.placement for recording in trial.recordings]
    activity = trial.activity
    if activity is not None:
        activity = replace(activity, sides=tuple(_FEET.get(side, side) for side in activity.sides))
    made = replace(
        trial,
        recordings=mirror_recordings(trial.recordings, worn) if worn else (),
        kinematics=None if trial.kinematics is None else mirror_kinematics(trial.kinematics),
        kinetics=None if trial.kinetics is None else _mirror_kinetics(trial.kinetics),
        activity=activity,
        events=tuple(replace(event, foot=_FEET.get(event.foot, event.foot)) for event in trial.events),
        spatiotemporal={mirrored_name(key): value for key, value in trial.spatiotemporal.items()},
        segments=tuple(mirror_motion(motion) for motion in trial.segments),
    )
    return _told(made, "right and left exchanged", {})


def _extremes(warp: TimeWarp) -> np.ndarray:
    pace = warp.pace(np.linspace(0.0, warp.duration, 1001))
    return np.array([pace.min(), pace.max()])


def _told(trial: CorpusTrial, what: str, found: dict) -> CorpusTrial:
    """A trial whose origins say what was done to it."""
    kept = origins_of(trial.origins, arrays_of(trial))
    return replace(trial, origins=tuple(_extended(origin, what, found) for origin in kept))


def _extended(origin: ArrayOrigin, what: str, found: dict) -> ArrayOrigin:
    return replace(origin, method=f"{origin.method}, {what}", found={**origin.found, **found})


def _mirror_kinetics(kinetics: Kinetics) -> Kinetics:
    """Forces of coordinates have the signs of the coordinates; muscles change sides."""
    forces = Kinematics(kinetics.coordinates, kinetics.generalized_forces, kinetics.rate)
    muscles = Kinematics(kinetics.muscles, kinetics.activations, kinetics.rate)
    signs = dict.fromkeys((name for name in kinetics.muscles if mirrored_name(name) == name), 1.0)
    return replace(
        kinetics,
        generalized_forces=mirror_kinematics(forces, MIDLINE_SIGNS).values,
        activations=mirror_kinematics(muscles, signs).values if kinetics.muscles else kinetics.activations,
        ground_reactions=tuple(_mirror_reaction(reaction) for reaction in kinetics.ground_reactions),
    )


def _mirror_reaction(reaction: GroundReaction) -> GroundReaction:
    return replace(
        reaction,
        force=reaction.force * POLAR,
        centre_of_pressure=reaction.centre_of_pressure * POLAR,
        free_moment=-reaction.free_moment,
        corners=None if reaction.corners is None else reaction.corners * POLAR,
        foot=_FEET.get(reaction.foot, reaction.foot),
    )

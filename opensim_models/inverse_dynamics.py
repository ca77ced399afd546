"""Inverse dynamics: joint moments from measured motion and ground reactions."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import make_interp_spline

from mocap_import.low_pass import low_pass
from mocap_import.trial import GroundReaction
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics, Kinetics
from opensim_models.multibody import inverse_dynamics, segment_states
from opensim_models.segment_motion import coordinate_columns
from opensim_models.skeleton import Skeleton
from opensim_models.vector import over_frames


def solve_inverse_dynamics(
    skeleton: Skeleton,
    kinematics: Kinematics,
    ground_reactions: tuple[GroundReaction, ...] = (),
    cutoff: float | None = 6.0,
) -> Kinetics:
    """Compute generalized forces over a trial.

    Coordinates and forces pass the same zero-lag filter, so that impacts leave no artefact of unequal smoothing
    (Kristianslund et al., J Biomech 45:666, 2012); accelerations come from a quintic spline.

    Parameters
    ----------
    skeleton : Skeleton
    kinematics : Kinematics
        Without NaN.
    ground_reactions : tuple of GroundReaction
        Of the right and the left foot, any rate; others are refused.
    cutoff : float, optional
        Hz; None leaves the data as they are.

    Returns
    -------
    Kinetics
        At the rate of the kinematics.

    Raises
    ------
    ModelMismatch
        A coordinate has gaps, or a ground reaction belongs to no single foot.
    """
    q = coordinate_columns(skeleton, kinematics)
    if not np.isfinite(q).all():
        j = int(np.flatnonzero(~np.isfinite(q).all(axis=0))[0])
        raise ModelMismatch(
            f"inverse dynamics needs every frame; {skeleton.coordinate_names[j]} has gaps. Cut the trial to the frames "
            "that inverse kinematics solved."
        )
    rate = kinematics.rate
    q = low_pass(q, rate, cutoff) if cutoff else q
    time = np.arange(len(q)) / rate
    spline = make_interp_spline(time, q, k=5)
    states = segment_states(skeleton, list(q.T), list(spline(time, 1).T), list(spline(time, 2).T))
    loads = {}
    at_rate = []
    for reaction in ground_reactions:
        foot = {"right": "calcn_r", "left": "calcn_l"}.get(reaction.foot)
        if foot is None:
            raise ModelMismatch(
                f"ground reaction {reaction.name!r} belongs to {reaction.foot!r}; inverse dynamics needs one foot each."
            )
        reaction = _resampled(reaction, time, rate, cutoff)
        index = skeleton.segment_index(foot)
        origin = over_frames(states[index].origin, len(q))
        moment = np.cross(np.nan_to_num(reaction.centre_of_pressure - origin), reaction.force)
        moment[:, 1] += np.nan_to_num(reaction.free_moment)
        loads[index] = (tuple(reaction.force.T), tuple(moment.T))
        at_rate.append(reaction)
    forces = inverse_dynamics(skeleton, states, loads)
    columns = over_frames(forces, len(q))
    return Kinetics(skeleton.coordinate_names, columns, rate, tuple(at_rate))


def _resampled(reaction: GroundReaction, time: np.ndarray, rate: float, cutoff: float | None) -> GroundReaction:
    """Bring a ground reaction to the kinematic frames.

    The moment about the ground origin is filtered, not the centre of pressure, which means nothing in swing.
    """
    force = np.nan_to_num(reaction.force)
    arm = np.nan_to_num(reaction.centre_of_pressure)
    moment = np.cross(arm, force)
    moment[:, 1] += np.nan_to_num(reaction.free_moment)
    both = np.hstack([force, moment])
    both = low_pass(both, reaction.rate, cutoff) if cutoff else both
    own_time = np.arange(len(both)) / reaction.rate
    at = np.stack([np.interp(time, own_time, column, left=0.0, right=0.0) for column in both.T], axis=1)
    force, moment = at[:, :3], at[:, 3:]
    loaded = force[:, 1] > 10.0
    pressure = np.full_like(force, np.nan)
    free = np.full(len(time), np.nan)
    pressure[loaded, 0] = moment[loaded, 2] / force[loaded, 1]
    pressure[loaded, 1] = 0.0
    pressure[loaded, 2] = -moment[loaded, 0] / force[loaded, 1]
    carried = pressure[loaded, 2] * force[loaded, 0] - pressure[loaded, 0] * force[loaded, 2]
    free[loaded] = moment[loaded, 1] - carried
    return GroundReaction(force, pressure, free, rate, reaction.foot, reaction.name)

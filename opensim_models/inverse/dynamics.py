"""Inverse dynamics: joint moments from measured motion and ground reactions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mocap_import.low_pass import low_pass
from mocap_import.plate.foot_reaction import foot_reactions
from mocap_import.stretch import stretches
from mocap_import.trial import GroundReaction, MarkerTrial
from opensim_models.inverse.foot_load import FEET, check_reactions, loaded_links, reaction_of, surface_height, wrench_at
from opensim_models.inverse.marker_least_squares import root_segment
from opensim_models.inverse.segment_motion import coordinate_columns
from opensim_models.kernel.compilation import announce_compilation
from opensim_models.kernel.dynamics import newton_euler
from opensim_models.kernel.linkage import linkage
from opensim_models.kernel.uniform_spline import spline_derivatives
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics, Kinetics, RootResidual

SHORTEST = 8
"""Frames that a stretch needs: accelerations come from a quintic spline."""
SECONDS_TO_COMPILE = 8


def solve_inverse_dynamics(
    skeleton: Skeleton,
    kinematics: Kinematics,
    ground_reactions: tuple[GroundReaction, ...] = (),
    cutoff: float | None = 6.0,
    *,
    height: float = float("nan"),
    feet: Mapping[str, str] = FEET,
) -> Kinetics:
    """Compute generalized forces over a trial.

    Coordinates and forces pass the same zero-lag filter, so that impacts leave no artefact of unequal smoothing
    (Kristianslund et al., J Biomech 45:666, 2012); accelerations come from a quintic spline.

    Parameters
    ----------
    skeleton : Skeleton
    kinematics : Kinematics
        Frames before the first and after the last complete one are masked; gaps between are refused.
    ground_reactions : tuple of GroundReaction
        Of the right and the left foot, any rate, several of one foot allowed. NaN in a force is an unknown force: the
        coordinates between that foot and the ground are NaN there, the others are not touched.
    cutoff : float, optional
        Hz; None leaves the data as they are.
    height : float
        Of the subject (m), for residual moments in % of body weight × height.
    feet : mapping
        Foot → segment on which its reaction acts.

    Returns
    -------
    Kinetics
        At the rate of the kinematics, with the residual at the root.

    Raises
    ------
    ModelMismatch
        Coordinates have gaps or are too few, a ground reaction belongs to no single foot, nobody stepped on the
        plates, or a rate or the cut-off cannot be.
    """
    reactions = tuple(ground_reactions)
    check_reactions(reactions, feet)
    rate = kinematics.rate
    if not (np.isfinite(rate) and rate > 0):
        raise ModelMismatch(f"inverse dynamics needs a frame rate above 0 Hz, got {rate}.")
    q = coordinate_columns(skeleton, kinematics)
    whole = _complete_stretch(skeleton, q)
    q, qd, qdd = coordinate_derivatives(q[whole], rate, cutoff)
    flat = linkage(skeleton)
    time = np.arange(len(kinematics.values)) / rate
    wrenches = [wrench_at(reaction, time, rate, cutoff) for reaction in reactions]
    loads = np.ascontiguousarray(np.stack(wrenches, axis=1)[whole]) if wrenches else np.zeros((len(q), 0, 6))
    load_link = loaded_links(skeleton, reactions, feet)
    announce_compilation(newton_euler, "inverse dynamics", SECONDS_TO_COMPILE)
    root = root_segment(skeleton)
    about = (int(flat.segment_link[root]), flat.segment_offset[root])
    forces, base = newton_euler(flat.links, np.array(skeleton.gravity), q, qd, qdd, load_link, loads, *about)
    generalized = np.full((len(time), len(skeleton.coordinates)), np.nan)
    generalized[whole] = forces
    return Kinetics(
        skeleton.coordinate_names,
        generalized,
        rate,
        _one_a_foot(reactions, wrenches, rate),
        residual=_residual(skeleton, base, whole, len(time), height),
        masked=~np.isfinite(generalized).all(axis=1),
        mask_reasons=_mask_reasons(reactions, wrenches, whole, rate, len(time)),
        cutoff=cutoff,
    )


def solve_trial_dynamics(
    skeleton: Skeleton, kinematics: Kinematics, trial: MarkerTrial, cutoff: float | None = 6.0
) -> Kinetics:
    """Compute generalized forces from a trial's own plates.

    Each foot's reaction is put together from all plates by the trial's events (`plate.foot_reaction`); where a plate is
    missing, shared or left too early, the force of that foot is unknown and what depends on it is masked.

    Parameters
    ----------
    skeleton : Skeleton
    kinematics : Kinematics
        Of the trial: same frames, same rate.
    trial : MarkerTrial
    cutoff : float, optional
        Hz.

    Returns
    -------
    Kinetics
        `mask_reasons` name the contacts that could not be used.

    Raises
    ------
    ModelMismatch
        As `solve_inverse_dynamics`; the trial has no plates, or not the frames of the kinematics.
    """
    where = trial.source or trial.name
    if len(kinematics.values) != trial.n_frames or kinematics.rate != trial.rate:
        raise ModelMismatch(
            f"{where}: the kinematics have {len(kinematics.values)} frames at {kinematics.rate:g} Hz, the trial "
            f"{trial.n_frames} at {trial.rate:g} Hz; solve inverse kinematics for this trial."
        )
    found = foot_reactions(trial)
    if not found:
        raise ModelMismatch(f"{where}: the trial has no force plates; inverse dynamics of a walk needs them.")
    known = [np.isfinite(r.force).all(axis=1) & (np.nan_to_num(r.force[:, 1]) > 0) for r in found.values()]
    if not any(each.any() for each in known):
        reasons = "; ".join(sorted({f"{s.plate}: {s.reason}" for s in trial.steps if not s.usable}))
        raise ModelMismatch(
            f"{where}: no force of a known foot at any time ({reasons or 'nobody stepped on a plate'}). Use another "
            "trial, or give ground reactions by foot to `solve_inverse_dynamics`."
        )
    kinetics = solve_inverse_dynamics(skeleton, kinematics, tuple(found.values()), cutoff, height=trial.subject.height)
    spoiled = tuple(
        f"{step.plate}, {step.foot} foot, {step.start:.2f}-{step.stop:.2f} s: {step.reason}"
        for step in trial.steps
        if not step.usable
    )
    return replace(kinetics, mask_reasons=kinetics.mask_reasons + spoiled)


def joint_power(kinetics: Kinetics, kinematics: Kinematics) -> np.ndarray:
    """Power of every generalized force (W): force × speed, positive where it does work on the skeleton.

    Parameters
    ----------
    kinetics : Kinetics
        Its cut-off filters the coordinates here too.
    kinematics : Kinematics
        The motion that the kinetics belong to.

    Returns
    -------
    ndarray, shape (n_frames, n_q)
        Columns as in the kinetics; NaN where the force or the speed is unknown.

    Raises
    ------
    ModelMismatch
        The kinematics lack a coordinate or have other frames.
    """
    if len(kinematics.values) != len(kinetics.generalized_forces) or kinematics.rate != kinetics.rate:
        raise ModelMismatch(
            f"joint power needs forces and motion of the same frames; got {len(kinetics.generalized_forces)} at "
            f"{kinetics.rate:g} Hz and {len(kinematics.values)} at {kinematics.rate:g} Hz."
        )
    power = np.full_like(kinetics.generalized_forces, np.nan)
    for j, name in enumerate(kinetics.coordinates):
        if name not in kinematics.coordinates:
            raise ModelMismatch(f"joint power of {name}: the kinematics have no such coordinate.")
        q = kinematics.of(name)
        finite = np.flatnonzero(np.isfinite(q))
        if len(finite) >= SHORTEST and len(finite) == finite[-1] - finite[0] + 1:
            speed = coordinate_derivatives(q[finite, None], kinematics.rate, kinetics.cutoff)[1]
            power[finite, j] = kinetics.generalized_forces[finite, j] * speed[:, 0]
    return power


def coordinate_derivatives(
    q: np.ndarray, rate: float, cutoff: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Filtered coordinates (n_frames, n_q), their speeds and accelerations: see `kernel.uniform_spline`."""
    if cutoff:
        if cutoff >= rate / 2:
            raise ModelMismatch(f"coordinates at {rate:g} Hz cannot pass a low-pass of {cutoff:g} Hz.")
        q = low_pass(q, rate, cutoff)
    q = np.ascontiguousarray(q, dtype=float)
    return q, *spline_derivatives(q, float(rate))


def _complete_stretch(skeleton: Skeleton, q: np.ndarray) -> slice:
    """Frames from the first to the last complete one; refuse gaps between them."""
    complete = np.flatnonzero(np.isfinite(q).all(axis=1))
    stretch = slice(complete[0], complete[-1] + 1) if len(complete) else slice(0, 0)
    if len(complete) < SHORTEST or len(complete) != stretch.stop - stretch.start:
        gaps = (~np.isfinite(q[stretch] if len(complete) else q)).sum(axis=0)
        j = int(np.argmax(gaps))
        raise ModelMismatch(
            f"inverse dynamics needs every frame, at least {SHORTEST}; {skeleton.coordinate_names[j]} has gaps in "
            f"{gaps[j]} of {len(q)} frames. Cut the trial to the frames that inverse kinematics solved."
        )
    return stretch


def _residual(skeleton: Skeleton, base: np.ndarray, whole: slice, n_frames: int, height: float) -> RootResidual:
    """What the ground owes the whole skeleton, at all frames."""
    both = np.full((n_frames, 6), np.nan)
    both[whole] = base
    weight = skeleton.mass * float(np.linalg.norm(skeleton.gravity))
    return RootResidual(both[:, :3], both[:, 3:], weight, height)


def _one_a_foot(
    reactions: tuple[GroundReaction, ...], wrenches: list[np.ndarray], rate: float
) -> tuple[GroundReaction, ...]:
    """Reactions at the rate of the motion, those of one foot added up."""
    found = []
    for foot in dict.fromkeys(reaction.foot for reaction in reactions):
        own = [k for k, reaction in enumerate(reactions) if reaction.foot == foot]
        names = " + ".join(reactions[k].name for k in own if reactions[k].name)
        whole = np.sum([wrenches[k] for k in own], axis=0)
        found.append(reaction_of(whole, rate, foot, names, surface_height([reactions[k] for k in own])))
    return tuple(found)


def _mask_reasons(
    reactions: tuple[GroundReaction, ...], wrenches: list[np.ndarray], whole: slice, rate: float, n_frames: int
) -> tuple[str, ...]:
    """Say which frames are masked and why."""
    reasons = []
    if whole.start > 0 or whole.stop < n_frames:
        reasons.append(f"coordinates complete from {whole.start / rate:.2f} to {(whole.stop - 1) / rate:.2f} s only")
    for reaction, wrench in zip(reactions, wrenches, strict=True):
        unknown = np.isnan(wrench[:, 0])
        if not unknown.any():
            continue
        spans = [f"{a / rate:.2f}-{(b - 1) / rate:.2f} s" for a, b in zip(*stretches(unknown), strict=True)]
        source = f" ({reaction.name})" if reaction.name not in ("", f"{reaction.foot} foot") else ""
        reasons.append(f"force of the {reaction.foot} foot{source} unknown at {', '.join(spans)}")
    return tuple(reasons)

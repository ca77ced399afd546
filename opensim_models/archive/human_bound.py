"""Human bound: speeds and joint moments that nobody reaches, so that the frames that show them are no motion.

These are bounds of impossibility, far above every movement that was measured, not limits of what is usual. Joints are
asked as wholes: at gimbal lock, as of the pelvis of a person who lies on the side, single angles leap by turns though
the segment rests.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.stretch import stretches, stretches_named
from opensim_models.model.scalar_function import chain_and_derivatives
from opensim_models.model.skeleton import Segment, Skeleton
from opensim_models.motion import Kinematics, Kinetics

FASTEST = 50.0
"""rad/s of pelvis, trunk and leg segments against those that carry them. The fastest measured is a knee in a full kick,
25-35 (Nunome et al., J Sports Sci 24:529, 2006); sprinters' knees reach 20."""
FASTEST_ARM = 160.0
"""rad/s of shoulder and arm: baseball pitchers turn the shoulder with 126 rad/s (Fleisig et al., J Biomech 32:1371,
1999)."""
_ARM = ("arm_", "shoulder", "elbow", "pro_sup", "wrist", "elv_", "sh_")
SHORTEST_TIME = 0.01
"""s over which a speed is taken. From one frame to the next of 1000 Hz the noise of markers alone is faster: 0.5 mm
turn a forearm that a lone wrist marker tells of by up to 9 degrees (Rajagopal's model)."""
SHORTEST_STRETCH = 0.1
"""s: what an impossible jump cuts off and is shorter than this goes with it; longer stretches lose the frame at the
jump."""
FEW = 0.5
"""Part of the markers that a trial usually shows: a stretch that a jump cuts off and that shows fewer goes whole."""
LARGEST_MOMENT = 8.0
"""N·m per kg of body mass at hip, knee or ankle, of filtered motion and forces. Sprinting at 9 m/s takes 4-5 at the hip
(Schache et al., Med Sci Sports Exerc 43:1260, 2011)."""
LARGEST_UNFILTERED_MOMENT = 16.0
"""The same where nothing is filtered, so that noise and impacts are in it: a runner at 4.5 m/s (RBDS001 of Fukuchi et
al., PeerJ 5:e3298, 2017) shows 7.4 there, 3.2 at 10 Hz; twice that is left for whoever runs twice as fast."""
_LEG = ("hip_", "knee_", "ankle_", "subtalar_")


def without_impossible_frames(
    skeleton: Skeleton, kinematics: Kinematics, seen: np.ndarray | None = None
) -> tuple[Kinematics, np.ndarray]:
    """Blank frames that lie at a jump that no person makes.

    Orientations are compared, not angles: see the module.

    Parameters
    ----------
    skeleton : Skeleton
    kinematics : Kinematics
    seen : ndarray of int, shape (n_frames,), optional
        Markers behind each frame.

    Returns
    -------
    kinematics : Kinematics
        The same but for the blanked frames, whose values are NaN.
    blanked : ndarray of bool, shape (n_frames,)
    """
    values = kinematics.values
    blanked = np.zeros(len(values), dtype=bool)
    known = np.isfinite(values).any(axis=1)
    jump = _jumps(skeleton, kinematics)
    if not jump.any():
        return kinematics, blanked
    seen = np.ones(len(values)) if seen is None else np.asarray(seen)
    few = FEW * np.percentile(seen[known], 90)
    for start, stop in zip(*stretches(known), strict=True):
        cuts = start + 1 + np.flatnonzero(jump[start : stop - 1])
        if not len(cuts):
            continue
        ends = [start, *cuts.tolist(), stop]
        for k, (a, b) in enumerate(pairwise(ends)):
            if b - a < SHORTEST_STRETCH * kinematics.rate or np.median(seen[a:b]) < few:
                blanked[a:b] = True
                continue
            blanked[a] |= k > 0
            blanked[b - 1] |= k < len(ends) - 2
    values = values.copy()
    values[blanked] = np.nan
    return replace(kinematics, values=values), blanked


def _jumps(skeleton: Skeleton, kinematics: Kinematics) -> np.ndarray:
    """Where a segment turns faster than anybody's against the one that carries it, frame to frame (n_frames - 1,).

    Within `SHORTEST_TIME` that is too fast, the steps that are too fast themselves, and the largest of all.
    """
    n_frames, rate = len(kinematics.values), kinematics.rate
    found = np.zeros(max(n_frames - 1, 0), dtype=bool)
    lag = _lag(rate)
    if n_frames <= lag:
        return found
    for segment in skeleton.segments:
        fastest, orientation, known = _joint_rotation(skeleton, segment, kinematics)
        if orientation is None:
            continue
        step = _turned(orientation, known, 1)
        fast = np.flatnonzero(_turned(orientation, known, lag) * rate > lag * fastest)
        if not len(fast):
            continue
        within = np.lib.stride_tricks.sliding_window_view(step, lag)[fast]
        whole = np.isfinite(within).all(axis=1)  # a gap may take as long as it likes
        steps, fast = within[whole], fast[whole]
        wrong = (steps * rate > fastest) | (steps == steps.max(axis=1, keepdims=True))
        found[(fast[:, None] + np.arange(lag))[wrong]] = True
    return found


def _lag(rate: float) -> int:
    """Frames that `SHORTEST_TIME` takes, at least one."""
    return max(1, math.ceil(SHORTEST_TIME * rate - 1e-9))


def leaping_angles(skeleton: Skeleton, kinematics: Kinematics) -> tuple[str, ...]:
    """Name the angles that leap faster than anybody turns: once impossible frames are blanked, at gimbal lock."""
    lag, found = _lag(kinematics.rate), []
    for coordinate in skeleton.coordinates:
        if coordinate.kind != "rotation" or coordinate.name not in kinematics.coordinates:
            continue
        angle = kinematics.of(coordinate.name)
        step = np.diff(angle)
        step -= 2.0 * np.pi * np.round(step / (2.0 * np.pi))
        turned = np.convolve(step, np.ones(lag), "valid") if len(step) >= lag else step[:0]
        fastest = FASTEST_ARM if coordinate.name.startswith(_ARM) else FASTEST
        if (np.abs(turned) * kinematics.rate > lag * fastest).any():  # NaN compares as False: no step across a gap
            found.append(coordinate.name)
    return tuple(found)


def _joint_rotation(
    skeleton: Skeleton, segment: Segment, kinematics: Kinematics
) -> tuple[float, Rotation | None, np.ndarray]:
    """Fastest turn (rad/s), rotations (n_frames,) of a joint, None if it does not turn, and in which they are known."""
    n_frames = len(kinematics.values)
    known, turns = np.ones(n_frames, dtype=bool), False
    fastest, orientation = FASTEST, Rotation.identity(n_frames)
    for element in segment.elements:
        if element.kind != "rotation":
            continue
        coordinate = skeleton.coordinates[element.coordinate] if element.coordinate >= 0 else None
        value = np.full(n_frames, coordinate.default if coordinate else 0.0)
        if coordinate and coordinate.name in kinematics.coordinates:
            value = kinematics.of(coordinate.name)
            known &= np.isfinite(value)
            turns = True
            if coordinate.name.startswith(_ARM):
                fastest = FASTEST_ARM
        angle = chain_and_derivatives(element.functions, np.nan_to_num(value))[0] * np.ones(n_frames)
        orientation = orientation * Rotation.from_rotvec(np.outer(angle, element.axis))
    return fastest, orientation if turns else None, known


def _turned(orientation: Rotation, known: np.ndarray, lag: int) -> np.ndarray:
    """Angle (n_frames - lag,) from each orientation to the one `lag` frames later (rad); NaN where one is unknown."""
    angle = (orientation[:-lag].inv() * orientation[lag:]).magnitude()
    return np.where(known[:-lag] & known[lag:], angle, np.nan)


def without_impossible_moments(skeleton: Skeleton, kinetics: Kinetics) -> tuple[Kinetics, int]:
    """Mask frames in which a joint of a leg bears a moment that no person's does.

    Parameters
    ----------
    skeleton : Skeleton
        Its mass is the person's.
    kinetics : Kinetics

    Returns
    -------
    kinetics : Kinetics
        The masked frames are NaN, and `mask_reasons` say which, at which joint and why.
    n_masked : int
    """
    forces = kinetics.generalized_forces
    kinds = {c.name: c.kind for c in skeleton.coordinates}
    legs = [
        j for j, n in enumerate(kinetics.coordinates) if n.startswith(_LEG) and kinds.get(n, "rotation") == "rotation"
    ]
    if not legs or not len(forces):
        return kinetics, 0
    size = np.nan_to_num(np.abs(forces[:, legs]))
    largest = LARGEST_MOMENT if kinetics.cutoff else LARGEST_UNFILTERED_MOMENT
    wrong = (size > largest * skeleton.mass).any(axis=1)
    if not wrong.any():
        return kinetics, 0
    worst = int(np.argmax(size[wrong].max(axis=0)))
    name, peak = kinetics.coordinates[legs[worst]], float(size[:, worst].max()) / skeleton.mass
    said = (
        f"{int(wrong.sum())} frames with joint moments that nobody reaches, above {largest:g} N·m/kg "
        f"({name} {peak:.3g}), at {stretches_named(wrong, kinetics.rate)}"
    )
    forces = np.where(wrong[:, None], np.nan, forces)
    residual = kinetics.residual
    if residual is not None:
        hidden = np.where(wrong[:, None], np.nan, 1.0)
        residual = replace(residual, force=residual.force * hidden, moment=residual.moment * hidden)
    masked = kinetics.masked | wrong if len(kinetics.masked) else wrong
    reasons = (*kinetics.mask_reasons, said)
    made = replace(kinetics, generalized_forces=forces, residual=residual, masked=masked, mask_reasons=reasons)
    return made, int(wrong.sum())

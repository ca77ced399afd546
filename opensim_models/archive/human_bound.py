"""Human bound: speeds and joint moments that nobody reaches, so that the frames that show them are no motion.

These are bounds of impossibility, far above every movement that was measured, not limits of what is usual.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from mocap_import.stretch import stretches
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics, Kinetics

FASTEST = 50.0
"""rad/s of any coordinate of pelvis, trunk and legs. The fastest that was measured is a knee in a full kick, 25-35
(Nunome et al., J Sports Sci 24:529, 2006); sprinters' knees reach 20."""
FASTEST_ARM = 160.0
"""rad/s of shoulder and arm: baseball pitchers turn the shoulder with 126 rad/s (Fleisig et al., J Biomech 32:1371,
1999)."""
_ARM = ("arm_", "shoulder", "elbow", "pro_sup", "wrist", "elv_", "sh_")
SHORTEST_STRETCH = 0.1
"""s: what an impossible jump cuts off and is shorter than this goes with it; longer stretches lose the frame at the
jump."""
FEW = 0.5
"""Part of the markers that a trial usually shows: a stretch that a jump cuts off and that shows fewer goes whole."""
LARGEST_MOMENT = 8.0
"""N·m per kg of body mass at hip, knee or ankle. Sprinting at 9 m/s takes 4-5 at the hip (Schache et al., Med Sci
Sports Exerc 43:1260, 2011); landings and take-offs of jumpers stay below 6."""
_LEG = ("hip_", "knee_", "ankle_", "subtalar_")


def without_impossible_frames(
    skeleton: Skeleton, kinematics: Kinematics, seen: np.ndarray | None = None
) -> tuple[Kinematics, np.ndarray]:
    """Blank frames that lie at a jump that no person makes.

    Angles are compared modulo a whole turn.

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
    """Whether a rotation moves faster than anybody's from each frame to the next (n_frames - 1,)."""
    found = np.zeros(max(len(kinematics.values) - 1, 0), dtype=bool)
    for coordinate in skeleton.coordinates:
        if coordinate.kind != "rotation" or coordinate.name not in kinematics.coordinates:
            continue
        step = np.diff(kinematics.of(coordinate.name))
        step -= 2 * np.pi * np.round(step / (2 * np.pi))
        fastest = FASTEST_ARM if coordinate.name.startswith(_ARM) else FASTEST
        found |= np.abs(step) * kinematics.rate > min(fastest, np.pi * kinematics.rate)  # NaN compares as False
    return found


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
    wrong = (size > LARGEST_MOMENT * skeleton.mass).any(axis=1)
    if not wrong.any():
        return kinetics, 0
    worst = int(np.argmax(size[wrong].max(axis=0)))
    name, peak = kinetics.coordinates[legs[worst]], float(size[:, worst].max()) / skeleton.mass
    spans = [f"{a / kinetics.rate:.2f}-{b / kinetics.rate:.2f} s" for a, b in zip(*stretches(wrong), strict=True)]
    shown = ", ".join(spans[:6]) + (f" and {len(spans) - 6} more" if len(spans) > 6 else "")
    said = (
        f"{int(wrong.sum())} frames with joint moments that nobody reaches, above {LARGEST_MOMENT:g} N·m/kg "
        f"({name} {peak:.3g}), at {shown}"
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

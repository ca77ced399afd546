"""Constant-arm muscles: the sixteen muscles of gait2dc on a planar skeleton, their lengths linear in the joint angles.

They need no muscle geometry and no fit, so that any generic planar skeleton can have them. Numbers are those of
`law.gait2dc_muscle` (75 kg, 1.80 m), lengths in proportion to body height and strength to body mass (assumption). They
follow the Hill curves of `law.hill_muscle` with rigid tendons; the passive strain is chosen so that fibres stay as soft
as gait2dc's.
"""

from __future__ import annotations

from dataclasses import replace

from opensim_models.model.muscle_path import MusclePath
from opensim_models.model.muscle_tendon import MuscleTendon
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.law.gait2dc_muscle import GAIT2DC_MUSCLES, Gait2dcMuscle

_MASS, _HEIGHT = 75.0, 1.80
_PASSIVE_STRAIN = 1.0
_JOINTS = {"hip_flexion": 1.0, "knee_angle": -1.0, "ankle_angle": 1.0}
"""Sign of each coordinate against gait2dc's, whose knee flexes to the negative."""
_HALF_RANGE = 1.5


def with_constant_arm_muscles(skeleton: Skeleton, height: float) -> Skeleton:
    """Give a planar skeleton the muscles of gait2dc, eight a leg.

    Parameters
    ----------
    skeleton : Skeleton
        One of `opensim_models.generic.catalogue.planar_skeleton`.
    height : float
        Of the body (m).
    """
    strength, size = skeleton.mass / _MASS, height / _HEIGHT
    muscles = tuple(_muscle(m, side, strength, size) for side in "rl" for m in GAIT2DC_MUSCLES)
    return replace(skeleton, muscles=muscles)


def _muscle(muscle: Gait2dcMuscle, side: str, strength: float, size: float) -> MuscleTendon:
    """One muscle of one leg; its length falls by its arm for each radian."""
    crossed = [
        (f"{joint}_{side}", sign * arm * size)
        for (joint, sign), arm in zip(_JOINTS.items(), muscle.arms, strict=True)
        if arm
    ]
    n = len(crossed)
    exponents = ((0,) * n, *(tuple(int(i == j) for i in range(n)) for j in range(n)))
    slopes = tuple(-arm * _HALF_RANGE for _, arm in crossed)  # per half range: see `MusclePath.coefficients`
    path = MusclePath(
        f"{muscle.name}_{side}",
        tuple(name for name, _ in crossed),
        exponents,
        (muscle.reference_length * size, *slopes),
        ((-_HALF_RANGE, _HALF_RANGE),) * n,
    )
    return MuscleTendon(
        path.name,
        muscle.max_isometric_force * strength,
        muscle.optimal_fibre_length * size,
        muscle.tendon_slack_length * size,
        max_contraction_velocity=muscle.max_contraction_velocity,
        passive_strain=_PASSIVE_STRAIN,
        fibre_damping=0.01,
        rigid_tendon=True,
        path=path,
    )

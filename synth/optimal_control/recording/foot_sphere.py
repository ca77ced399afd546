"""Foot spheres: contact spheres for a model that has none, placed on its feet by their size.

Six spheres a foot as of the class of models of Falisse, Serrancolí, Dembia, Gillis, Jonkers, De Groote (J R Soc
Interface 16:20190402, 2019): four under ``calcn``, two under ``toes``. Their places are those of the public model of
that study, whose feet are 0.9139 times those of the generic model of Hamner, Seth, Delp (J Biomech 43:2709, 2010),
which are also those of Rajagopal et al. (IEEE TBME 63:2068, 2016): the toe joint lies 0.1788 m before the heel's frame.
"""

from __future__ import annotations

from opensim_models.model.contact_sphere import ContactPlane, ContactSphere
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch

GENERIC_TOE_JOINT = 0.1788
"""Forward distance (m) from the frame of calcn to the toe joint in the generic models of Hamner and Rajagopal."""
REFERENCE_TOE_JOINT = 0.913924 * GENERIC_TOE_JOINT
"""The same in the model to which the places below belong."""
RADIUS, HEIGHT = 0.032, -0.01
"""m; the same for all, as in the source. The radius is not scaled, so that a sphere reaches as far below its centre."""
PLACES: dict[str, tuple[tuple[float, float], ...]] = {
    "calcn": ((0.0019, -0.0038), (0.1484, -0.0287), (0.1330, 0.0516), (0.0662, 0.0264)),
    "toes": ((0.0600, -0.0188), (0.0450, 0.0619)),
}
"""Forward and rightward place (m) of the right foot's spheres in the frame of each segment."""
CONSTANTS = {
    "stiffness": 1.0e6,
    "dissipation": 2.0,
    "static_friction": 0.8,
    "dynamic_friction": 0.8,
    "viscous_friction": 0.5,
    "transition_velocity": 0.2,
}
"""N/m², s/m, -, -, s/m, m/s: of the same model."""
FLOOR = ContactPlane("floor", "ground", (0.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def foot_spheres(skeleton: Skeleton) -> tuple[tuple[ContactSphere, ...], tuple[ContactPlane, ...], tuple[str, ...]]:
    """Six spheres a foot, scaled by the length from the frame of ``calcn`` to the toe joint, over a floor at y = 0.

    Parameters
    ----------
    skeleton : Skeleton
        With segments ``calcn_r``, ``toes_r``, ``calcn_l``, ``toes_l``.

    Returns
    -------
    spheres, planes, notes

    Raises
    ------
    ModelMismatch
        The skeleton has no such feet.
    """
    spheres, notes = [], []
    for side, sign in (("r", 1.0), ("l", -1.0)):
        missing = [f"{s}_{side}" for s in PLACES if f"{s}_{side}" not in skeleton.segment_names]
        if missing:
            raise ModelMismatch(
                f"{skeleton.name}: spheres are placed on calcn and toes of both feet, but there is no "
                f"{', '.join(missing)}. Give the model contact spheres of its own, or prepare it without contact."
            )
        toes = skeleton.segments[skeleton.segment_index(f"toes_{side}")]
        if skeleton.segments[toes.parent].name != f"calcn_{side}" or toes.offset[0] <= 0.0:
            raise ModelMismatch(
                f"{skeleton.name}: toes_{side} is not joined to calcn_{side} in front of its frame, so the foot's "
                "length is unknown. Give the model contact spheres of its own, or prepare it without contact."
            )
        factor = toes.offset[0] / REFERENCE_TOE_JOINT
        for segment, places in PLACES.items():
            for x, z in places:
                spheres.append(
                    ContactSphere(
                        f"s{len(spheres) % 6 + 1}_{side}",
                        f"{segment}_{side}",
                        (factor * x, factor * HEIGHT, sign * factor * z),
                        RADIUS,
                        FLOOR.name,
                        **CONSTANTS,
                    )
                )
        notes.append(
            f"foot {side}: the model has no contact spheres; six of Falisse et al. 2019, their places times "
            f"{factor:.3f} by the toe joint {toes.offset[0]:.4f} m before the frame of calcn"
        )
    return tuple(spheres), (FLOOR,), tuple(notes)

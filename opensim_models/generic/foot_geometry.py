"""The foot of our generic models: toes as a segment of their own, and the spheres that touch the ground.

Lengths are parts of stature, positions in the frame of calcn (ankle centre; X forward, Y up, Z right), right side.
"""

from __future__ import annotations

import numpy as np

from opensim_models.generic import anthropometry
from opensim_models.generic.anthropometry import SegmentParameters
from opensim_models.model.contact_sphere import ContactPlane, ContactSphere

# Toe joint from the ankle centre: the generic model of Delp et al. (IEEE TBME 37:757, 1990), whose talus, calcn and mtp
# offsets add up to (0.13003, -0.04395, 0.00900) m, over the 1.70 m that its bones are of (see `muscle_geometry`).
TOE_JOINT = (0.07649, -0.02585, 0.00529)
TOE_LENGTH = anthropometry.FOOT_LENGTH - anthropometry.HEEL_LENGTH - TOE_JOINT[0]
TOE_SHARE = 0.2166 / (0.1 + 1.25 + 0.2166)
"""Mass of the toes over that of the foot: talus, calcn and toes of gait2392 (F. C. Anderson, M. G. Pandy, Comput
Methods Biomech Biomed Eng 2:201, 1999)."""
FOOT_BREADTH = 0.055
"""Winter 2005, figure 4.1."""
TOE_THICKNESS = 0.013

# Smooth Hunt-Crossley contact: stiffness, dissipation and friction of the 2-D gait example of A. Falisse et al.
# (J R Soc Interface 16:20190402, 2019; PLoS One 14:e0217730, 2019), radius of their spheres at 1.75 m.
STIFFNESS = 3067776.0
"""N/m²."""
DISSIPATION = 2.0
"""s/m."""
FRICTION = {"static_friction": 0.8, "dynamic_friction": 0.8, "viscous_friction": 0.5, "transition_velocity": 0.2}
RADIUS = 0.032 / 1.75
# Centres along the foot (0 heel, 1 tip of the toes) and across it (parts of its breadth, to the right of the ankle).
_ALONG_FOOT = {
    "heel": ("calcn", 0.13, 0.0),
    "ball_medial": ("calcn", 0.62, -0.32),
    "ball_lateral": ("calcn", 0.55, 0.40),
    "toes_medial": ("toes", 0.90, -0.20),
    "toes_lateral": ("toes", 0.82, 0.28),
}


FLOOR = ContactPlane("floor", "ground", (0.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def contact_spheres(height: float, toes: bool, in_plane: bool = False) -> tuple[ContactSphere, ...]:
    """Spheres under heel, ball and toes of both feet; standing, each touches the ground in one point.

    Parameters
    ----------
    height : float
        Stature (m).
    toes : bool
        The skeleton has toes; otherwise their spheres are calcn's.
    in_plane : bool
        Keep the medial spheres only, on the midline of the foot: heel, ball and toes.
    """
    ground = -anthropometry.ANKLE_HEIGHT + RADIUS
    spheres = []
    for side, sign in (("r", 1.0), ("l", -1.0)):
        for name, (body, along, across) in _ALONG_FOOT.items():
            if in_plane and name.endswith("lateral"):
                continue
            x = along * anthropometry.FOOT_LENGTH - anthropometry.HEEL_LENGTH
            y, z = ground, 0.0 if in_plane else across * FOOT_BREADTH
            if body == "toes" and toes:
                x, y, z = x - TOE_JOINT[0], y - TOE_JOINT[1], z - TOE_JOINT[2]
            owner = f"{body if toes else 'calcn'}_{side}"
            centre = (x * height, y * height, sign * z * height)
            spheres.append(
                ContactSphere(
                    f"{name}_{side}", owner, centre, RADIUS * height, FLOOR.name, STIFFNESS, DISSIPATION, **FRICTION
                )
            )
    return tuple(spheres)


def foot_parts(foot: SegmentParameters, height: float) -> dict[str, SegmentParameters]:
    """Split a foot at the toe joint into ``calcn`` and ``toes``, so that both together are the foot.

    Toes are a cuboid from the toe joint to the tip of the foot; what the foot has beyond them is calcn's.

    Parameters
    ----------
    foot : SegmentParameters
        Of the right side, in the frame of calcn.
    height : float
        Stature (m).
    """
    long, broad, thick = TOE_LENGTH * height, FOOT_BREADTH * height, TOE_THICKNESS * height
    mass = TOE_SHARE * foot.mass
    joint = np.array(TOE_JOINT) * height
    # half-way to the tip; at mid-thickness above the sole
    own = np.array([0.5 * long, 0.5 * thick - anthropometry.ANKLE_HEIGHT * height - joint[1], 0.0])
    moments = mass / 12 * np.array([broad**2 + thick**2, long**2 + broad**2, long**2 + thick**2])
    rest = foot.mass - mass
    centre = (foot.mass * np.array(foot.centre_of_mass) - mass * (joint + own)) / rest
    tensor = _tensor(foot) - np.diag(moments)
    tensor -= _moved(mass, joint + own - foot.centre_of_mass) + _moved(rest, centre - foot.centre_of_mass)
    return {
        "calcn": SegmentParameters(
            rest, tuple(centre), tuple(np.diag(tensor)), (tensor[0, 1], tensor[0, 2], tensor[1, 2])
        ),
        "toes": SegmentParameters(mass, tuple(own), tuple(moments)),
    }


def _tensor(part: SegmentParameters) -> np.ndarray:
    """Inertia tensor about the mass centre."""
    xy, xz, yz = part.products
    return np.diag(part.inertia) + np.array([[0.0, xy, xz], [xy, 0.0, yz], [xz, yz, 0.0]])


def _moved(mass: float, offset: np.ndarray) -> np.ndarray:
    """Tensor of a point mass (Steiner's term)."""
    return mass * (offset @ offset * np.eye(3) - np.outer(offset, offset))

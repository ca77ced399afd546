"""Contact points: where heel and toe of a planar person touch the floor, with the constants of a penetration law.

The law itself is `synth.optimal_control.law.point_contact` (symbols and arrays) and `training.physics.contact`
(tensors); both take its constants from the points of a skeleton.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from opensim_models.model.contact_sphere import ContactSphere
from opensim_models.model.skeleton import Skeleton

CONTACT_POINTS = {"heel": (-0.0250, -0.0390), "toe": (0.0909, -0.0390)}
"""Points of the foot that touch the floor, as parts of body height from the ankle: gait2dc's, of 1.80 m, but the heel
15 mm less far back: heels are round, and where pressure begins is 25 to 42 mm behind the ankles of recorded walkers."""
STIFFNESS, DAMPING, FRICTION, SLIP_SPEED = 70.0, 0.3, 1.0, 0.1
"""Of a point (body weights per metre, s/m, -, m/s): biosym's law, but softer (it has 100) and less damped; chosen with
the rounding on virtual gaits that were made on spheres."""
NOMINAL_ROUNDING = 3e-3
"""m over which the floor under a point is rounded."""


def with_contact_points(skeleton: Skeleton, height: float) -> Skeleton:
    """Give both feet of a planar skeleton the contact points of gait2dc, in proportion to body height (m)."""
    stiffness = STIFFNESS * skeleton.mass * float(np.linalg.norm(skeleton.gravity))
    points = tuple(
        ContactSphere(
            f"{name}_{side}",
            f"calcn_{side}",
            (x * height, y * height, 0.0),
            0.0,
            "floor",
            stiffness,
            DAMPING,
            FRICTION,
            FRICTION,
            0.0,
            SLIP_SPEED,
        )
        for side in "rl"
        for name, (x, y) in CONTACT_POINTS.items()
    )
    return replace(skeleton, contacts=points)

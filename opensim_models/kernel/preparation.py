"""Preparation: compile the kernels before many processes would each do it at the same time."""

from __future__ import annotations

import numpy as np

from opensim_models.inverse.dynamics import solve_inverse_dynamics
from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.inverse.segment_motion import marker_positions
from opensim_models.kernel.cluster_fit import fit_cluster_frames
from opensim_models.kernel.least_activation import least_activations
from opensim_models.model.skeleton import Coordinate, JointElement, Segment, Skeleton, SkeletonMarker
from opensim_models.motion import Kinematics

PLACES = ((0.1, 0.0, 0.0), (0.0, 0.2, 0.0), (0.0, 0.0, 0.3), (0.1, 0.2, 0.3))


def prepare_kernels() -> None:
    """Compile the kernels of inverse kinematics, inverse dynamics, muscle forces and clusters, or load them from disk.

    Solves a pendulum. Takes about 20 s at the first call of an installation, which it says, and a fraction of a second
    later. Call it before an archive is spread over processes.
    """
    joint = (JointElement("rotation", (0.0, 0.0, 1.0), 0),)
    pendulum = Skeleton(
        "pendulum",
        (Coordinate("swing", "rotation"),),
        (Segment("bob", -1, elements=joint, mass=1.0, centre_of_mass=(0.0, -0.5, 0.0)),),
        tuple(SkeletonMarker(f"m{k}", "bob", place) for k, place in enumerate(PLACES)),
    )
    swing = Kinematics(("swing",), np.linspace(0.0, 0.2, 10)[:, None], 100.0)
    labels = tuple(marker.name for marker in pendulum.markers)
    solution = solve_inverse_kinematics(pendulum, labels, marker_positions(pendulum, swing), swing.rate)
    solve_inverse_dynamics(pendulum, solution.kinematics)
    least_activations(np.ones((1, 1, 1)), np.ones((1, 1)), 1.0, 0.0)
    fit_cluster_frames(np.eye(3), np.ones(3), np.eye(3)[None], np.arange(3), 0.0)

"""The published optimisation step, frame by frame: look for the turn whose angular velocity is the measured one.

Rapp, Shin et al., "Estimation of kinematics from inertial measurement units using a combined deep learning and
optimization framework", J Biomech 2021, and the code published with it. The unknown is the turn since the frame before,
its start no turn at all; the objective is the distance of its angular velocity from the measured one; BFGS with
numerical derivatives, gradient tolerance 1e-5, at most 200 iterations. The objective has a kink at its minimum, where
the search ends for want of precision. `strap_down` has the minimum in closed form; this is its peer in tests and
benchmarks, and nobody needs it for anything else. That the search runs over a rotation vector is an assumption.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from training.orientation.strap_down import frame_turns

GRADIENT_TOLERANCE = 1e-5
MOST_ITERATIONS = 200


def search_frames(
    start: Rotation, angular_velocity: np.ndarray, rate: float, *, rule: str = "mean"
) -> tuple[Rotation, int]:
    """Integrate a gyroscope by a search in every frame.

    Parameters
    ----------
    start : Rotation
        Segment → ground at the first frame.
    angular_velocity : ndarray, shape (n_frames, 3)
        rad/s, sensor frame = segment frame.
    rate : float
        Hz.
    rule : str
        Which samples turn a frame into the next, see `strap_down.frame_turns`; ``"later"`` is the published one.

    Returns
    -------
    orientation : Rotation, length n_frames
        Segment → ground.
    evaluations : int
        Of the objective, over all frames.
    """
    measured = frame_turns(angular_velocity, rate, rule) * rate
    reached = start.as_matrix().reshape(3, 3)
    found, evaluations = [reached], 0
    for velocity in measured[1:]:
        result = minimize(
            _velocity_distance,
            np.zeros(3),
            args=(reached, velocity, rate),
            method="BFGS",
            options={"gtol": GRADIENT_TOLERANCE, "maxiter": MOST_ITERATIONS},
        )
        evaluations += result.nfev
        reached = reached @ Rotation.from_rotvec(result.x).as_matrix()
        found.append(reached)
    return Rotation.from_matrix(np.stack(found)), evaluations


def _velocity_distance(vector: np.ndarray, before: np.ndarray, velocity: np.ndarray, rate: float) -> float:
    """Distance (rad/s) of the angular velocity between two orientations, the second a turn further, from a measured."""
    after = before @ Rotation.from_rotvec(vector).as_matrix()
    turn = Rotation.from_matrix(before.T @ after).as_rotvec()
    return float(np.linalg.norm(rate * turn - velocity))

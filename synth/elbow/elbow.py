"""The elbow: seven muscles, their paths over the flexion angle, and what torque each gives in a held posture.

Paths of biceps, brachialis and triceps, and all muscle parameters, are those of OpenSim's Arm26 model (CC BY 3.0),
after K. R. S. Holzbaur, W. M. Murray and S. L. Delp, Ann Biomed Eng 33:829, 2005: straight lines between points, and
one cylinder at the elbow, taken as round in the plane of flexion. The brachioradialis is not in Arm26; its force and
fibre are Holzbaur's, its path is one straight line whose largest moment arm is 7.7 cm at 110 degrees (W. M. Murray,
T. S. Buchanan and S. L. Delp, J Biomech 33:943, 2000), its tendon such that the fibre is optimal at 60 degrees (ours).
Tendons do not stretch. Frame: humerus, X forward, Y up, Z right; angle 0 is the straight arm, flexion is positive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.muscle.curve import active_force

JOINT = np.array([0.0061, -0.2904, -0.0123])
"""Centre of the elbow on the humerus (m)."""
AXIS = np.array([0.04940001, 0.03660001, 0.99810825])
"""Of flexion, humerus frame."""
CYLINDER = (np.array([0.0028, -0.2919]), 0.016)
"""Centre in the plane of flexion and radius (m) of what triceps and brachialis wrap around."""
GENERIC_HEIGHT = 1.70
"""m; of the person of the published paths. They are proportional to stature. Assumption."""
ANGLE_LIMITS = (np.radians(20.0), np.radians(130.0))
"""rad; the straight line of the brachioradialis means nothing in a straighter arm, the model ends at 130 degrees."""
_STEP = 1e-4


@dataclass(frozen=True)
class ElbowMuscle:
    """One muscle.

    Attributes
    ----------
    name : str
    max_force : float
        Maximum isometric force (N).
    optimal_fibre_length, tendon_slack_length : float
        m.
    pennation : float
        rad, at the optimal length.
    humerus : tuple
        Points (m) on the humerus, from the origin downwards; the shoulder hangs.
    forearm : tuple
        Insertion (m) on the forearm, from the joint centre, arm straight.
    side : int
        Of the cylinder it may wrap: 1 in front, -1 behind, 0 none.
    """

    name: str
    max_force: float
    optimal_fibre_length: float
    tendon_slack_length: float
    pennation: float
    humerus: tuple[tuple[float, float, float], ...]
    forearm: tuple[float, float, float]
    side: int = 0


_TUBEROSITY = (0.00751, -0.04839, 0.02179)
_OLECRANON = (-0.0219, 0.01046, -0.00078)
_BEHIND = ((-0.03184, -0.22637, -0.01217), (-0.01743, -0.26757, -0.01208))
_IN_FRONT = (0.0228, -0.1754, -0.0063)
MUSCLES = (
    ElbowMuscle(
        "biceps_long", 624.3, 0.1157, 0.2723, 0.0,
        ((-0.02169, 0.01047, -0.02205), (-0.0114, 0.02091, -0.01361), (0.02131, 0.01793, 0.01028),
         (0.02378, -0.00511, 0.01201), (0.01345, -0.02827, 0.00136), (0.01068, -0.07736, -0.00165),
         (0.01703, -0.12125, 0.00024), _IN_FRONT),
        _TUBEROSITY,
    ),
    ElbowMuscle(
        "biceps_short", 435.56, 0.1321, 0.1923, 0.0,
        ((0.02222, -0.00531, -0.03525), (0.01047, -0.03304, -0.02493), (0.01117, -0.07576, -0.01101),
         (0.01703, -0.12125, -0.01079), _IN_FRONT),
        _TUBEROSITY,
    ),
    ElbowMuscle(
        "brachialis", 987.26, 0.0858, 0.0535, 0.0, ((0.0068, -0.1739, -0.0036),), (-0.0032, -0.0239, 0.0009), 1,
    ),
    ElbowMuscle("brachioradialis", 261.33, 0.1726, 0.0944, 0.0, ((0.0061, -0.2134, -0.0123),), (0.0, -0.22, 0.0)),
    ElbowMuscle(
        "triceps_long", 798.52, 0.134, 0.143, 0.20943951,
        ((-0.036105, -0.00673, -0.02277), (-0.02714, -0.11441, -0.00664), *_BEHIND), _OLECRANON, -1,
    ),
    ElbowMuscle(
        "triceps_lateral", 624.3, 0.1138, 0.098, 0.15707963,
        ((-0.00599, -0.12646, 0.00428), (-0.02344, -0.14528, 0.00928), *_BEHIND), _OLECRANON, -1,
    ),
    ElbowMuscle(
        "triceps_medial", 624.3, 0.1138, 0.0908, 0.15707963,
        ((-0.00838, -0.13695, -0.00906), (-0.02601, -0.15139, -0.0108), *_BEHIND), _OLECRANON, -1,
    ),
)  # fmt: skip
NAMES = tuple(m.name for m in MUSCLES)
FLEXORS = np.array([not m.name.startswith("triceps") for m in MUSCLES])


def path_length(muscle: ElbowMuscle, angle: np.ndarray) -> np.ndarray:
    """Length (m) of muscle and tendon at flexion angles (rad) of any shape, for the generic person."""
    angle = np.asarray(angle, dtype=float)
    fixed = np.array(muscle.humerus)
    above = np.linalg.norm(np.diff(fixed, axis=0), axis=1).sum()
    turned = Rotation.from_rotvec(np.ravel(angle)[:, None] * AXIS / np.linalg.norm(AXIS)).apply(muscle.forearm)
    across = _last_length(fixed[-1], JOINT + turned, muscle.side)
    return (above + across).reshape(angle.shape)


def moment_arms(angle: np.ndarray) -> np.ndarray:
    """Moment arms (..., 7) in m at flexion angles (rad), flexion positive: minus the slope of the length."""
    angle = np.asarray(angle, dtype=float)
    slopes = [path_length(m, angle + _STEP) - path_length(m, angle - _STEP) for m in MUSCLES]
    return -np.stack(slopes, axis=-1) / (2.0 * _STEP)


def torque_share(angle: np.ndarray, height: np.ndarray | float = GENERIC_HEIGHT) -> np.ndarray:
    """Torque (..., 7) in N·m that each fully active, rested muscle of the generic strength gives; extensors negative.

    Parameters
    ----------
    angle : ndarray
        rad, within `ANGLE_LIMITS`.
    height : ndarray or float
        Stature (m), broadcast with `angle`; paths and fibres are proportional to it, forces are not.

    Raises
    ------
    ValueError
        For an angle outside `ANGLE_LIMITS`.
    """
    angle = np.asarray(angle, dtype=float)
    low, high = ANGLE_LIMITS
    if angle.size and not (low - 1e-9 <= angle.min() and angle.max() <= high + 1e-9):
        raise ValueError(
            f"elbow angles of {np.degrees(angle.min()):.0f} to {np.degrees(angle.max()):.0f} degrees: expected "
            f"{np.degrees(low):.0f} to {np.degrees(high):.0f}."
        )
    forces = np.stack([isometric_force(m, angle) for m in MUSCLES], axis=-1)
    size = np.broadcast_to(np.asarray(height, dtype=float) / GENERIC_HEIGHT, angle.shape)
    return forces * moment_arms(angle) * size[..., None]


def isometric_force(muscle: ElbowMuscle, angle: np.ndarray) -> np.ndarray:
    """Force (N) along the tendon of the fully active muscle, held; passive force is left out (what is active tires)."""
    along = (path_length(muscle, angle) - muscle.tendon_slack_length) / muscle.optimal_fibre_length
    along = np.maximum(along, 0.2)
    fibre = np.hypot(along, np.sin(muscle.pennation))
    return muscle.max_force * active_force(fibre) * along / fibre


def _last_length(start: np.ndarray, ends: np.ndarray, side: int) -> np.ndarray:
    """Length (n,) from the last point on the humerus to insertions (n, 3), around the cylinder if it is in the way."""
    across = ends - start
    straight = np.linalg.norm(across, axis=1)
    if side == 0:
        return straight
    centre, radius = CYLINDER
    near, far = start[:2] - centre, ends[:, :2] - centre
    turn = side * (np.arctan2(near[1], near[0]) - np.arctan2(far[:, 1], far[:, 0])) % (2.0 * np.pi)
    to_near, to_far = np.linalg.norm(near), np.maximum(np.linalg.norm(far, axis=1), radius)
    arc = turn - np.arccos(radius / to_near) - np.arccos(radius / to_far)
    around = np.sqrt(to_near**2 - radius**2) + radius * arc + np.sqrt(to_far**2 - radius**2)
    return np.where(arc > 0.0, np.hypot(around, across[:, 2]), straight)

"""The thumb's chain: where the pulp is in lateral pinch, and how its force loads the joints of thumb and wrist.

Hand frame of this chain: x distal, y dorsal, z radial, origin at the head of the capitate. The thumb's own frame is
turned about x by 45 degrees, so that its flexion goes palmar and ulnar. Lengths are shares of the hand length
(metacarpal 45, proximal phalanx 32, joint to pulp 17 mm of a hand of 190 mm; rounded, assumption). Axes as in
Goehler and Murray (2010): CMC flexion and abduction, MCP flexion, IP flexion; flexion axes are parallel.
"""

from __future__ import annotations

import numpy as np

SEGMENTS = np.array([0.045, 0.032, 0.017]) / 0.190
"""Metacarpal, proximal phalanx, IP joint to the middle of the pulp, over hand length."""
CMC = np.array([0.010, -0.008, 0.024]) / 0.190
"""Carpometacarpal joint from the head of the capitate, over hand length."""
TO_HAND = np.array([[1.0, 0.0, 0.0], [0.0, np.sqrt(0.5), -np.sqrt(0.5)], [0.0, np.sqrt(0.5), np.sqrt(0.5)]])
"""Thumb frame → hand frame: the thumb's y (dorsal) is dorsal-radial, its z palmar-radial."""
FLEXION, ABDUCTION = np.array([0.0, 0.0, -1.0]), np.array([0.0, -1.0, 0.0])
"""Axes in the thumb frame."""
WRIST_FLEXION, WRIST_RADIAL = np.array([0.0, 0.0, -1.0]), np.array([0.0, -1.0, 0.0])
"""Axes in the hand frame."""


def pulp_and_joints(posture: np.ndarray, hand_length: np.ndarray) -> np.ndarray:
    """CMC, MCP, IP joint and pulp (m) in the thumb frame, from the CMC joint; shape (n, 4, 3)."""
    turn = np.cumsum(posture, axis=1)
    along = np.stack([np.cos(turn), -np.sin(turn), np.zeros_like(turn)], axis=-1)
    steps = along * (SEGMENTS * hand_length[:, None])[..., None]
    return np.concatenate([np.zeros((len(posture), 1, 3)), np.cumsum(steps, axis=1)], axis=1)


def force_directions(posture: np.ndarray) -> np.ndarray:
    """Unit vectors palmar (out of the pulp), distal and ulnar of the distal phalanx; thumb frame, shape (n, 3, 3).

    The thumb sits turned by 45 degrees, so that its palmar is palmar-ulnar in the hand, its ulnar dorsal-ulnar.
    """
    turn = posture.sum(axis=1)
    distal = np.stack([np.cos(turn), -np.sin(turn), np.zeros_like(turn)], axis=-1)
    palmar = np.stack([-np.sin(turn), -np.cos(turn), np.zeros_like(turn)], axis=-1)
    return np.stack([palmar, distal, np.cross(distal, palmar)], axis=1)


def joint_loads(posture: np.ndarray, hand_length: np.ndarray) -> np.ndarray:
    """Torques (N·m) at the four thumb axes for one newton palmar, distal or ulnar: Jᵀ; shape (n, 4, 3)."""
    points, directions = pulp_and_joints(posture, hand_length), force_directions(posture)
    rows = []
    for axis, joint in ((FLEXION, 0), (ABDUCTION, 0), (FLEXION, 1), (FLEXION, 2)):
        motion = np.cross(axis, points[:, 3] - points[:, joint])
        rows.append(np.einsum("nkd,nd->nk", directions, motion))
    return np.stack(rows, axis=1)


def wrist_loads(posture: np.ndarray, hand_length: np.ndarray, axis_shift: np.ndarray) -> np.ndarray:
    """Torques (N·m) at the wrist's flexion and radial axis for one newton of each direction; shape (n, 2, 3).

    `axis_shift` (n,): how far (m) the axes lie proximal of the head of the capitate.
    """
    pulp = CMC * hand_length[:, None] + pulp_and_joints(posture, hand_length)[:, 3] @ TO_HAND.T
    lever = pulp + np.stack([axis_shift, 0 * axis_shift, 0 * axis_shift], axis=-1)
    directions = force_directions(posture) @ TO_HAND.T
    rows = [np.einsum("nkd,nd->nk", directions, np.cross(axis, lever)) for axis in (WRIST_FLEXION, WRIST_RADIAL)]
    return np.stack(rows, axis=1)

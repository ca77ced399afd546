"""Where links are: joint functions and forward kinematics of one frame, and of many.

The walk follows `multibody.segment_states`, which is its test; arrays that it fills are its caller's.
"""

from __future__ import annotations

import math

import numpy as np

from opensim_models.kernel.compilation import compiled
from opensim_models.kernel.linkage import Links


@compiled
def evaluate_joints(links: Links, q: np.ndarray, joint: np.ndarray) -> None:
    """Fill value, first and second derivative (n_links, 3) of every link's functions at its coordinate."""
    for link in range(len(links.parent)):
        value, slope, curvature = q[links.coordinate[link]], 1.0, 0.0
        for f in range(links.chain[link], links.chain[link + 1]):
            first, n_breaks = links.first_break[f], links.first_break[f + 1] - links.first_break[f]
            terms, term = links.terms[f], links.first_term[f]
            local = value
            if n_breaks > 0:
                low, high = 0, n_breaks  # bisection for the number of breaks at or below the value
                while low < high:
                    middle = (low + high) // 2
                    if links.breaks[first + middle] <= value:
                        low = middle + 1
                    else:
                        high = middle
                term += low * terms
                local -= links.breaks[first + max(low - 1, 0)]
            v, s, c = 0.0, 0.0, 0.0
            for k in range(term + terms - 1, term - 1, -1):
                c = c * local + 2.0 * s
                s = s * local + v
                v = v * local + links.coefficients[k]
            curvature = c * slope * slope + s * curvature
            slope = s * slope
            value = v
        joint[link, 0], joint[link, 1], joint[link, 2] = value, slope, curvature


@compiled
def place_links(
    links: Links, q: np.ndarray, start: np.ndarray, joint: np.ndarray, R: np.ndarray, p: np.ndarray
) -> None:
    """Fill joint values (see `evaluate_joints`), rotation (link → ground) and origin of every link of one frame.

    The ground's origin lies at `start`, so that lengths can be counted from near the body.
    """
    evaluate_joints(links, q, joint)
    for link in range(len(links.parent)):
        value = joint[link, 0]
        turning = links.kind[link] == 0
        cos, sin = (math.cos(value), math.sin(value)) if turning else (1.0, 0.0)
        slide = 0.0 if turning else value
        parent = links.parent[link]
        for i in range(3):
            if parent < 0:
                x, y, z = links.rotation[link, i, 0], links.rotation[link, i, 1], links.rotation[link, i, 2]
                place = start[i] + links.offset[link, i]
            else:
                a, b, c = R[parent, i, 0], R[parent, i, 1], R[parent, i, 2]
                x = a * links.rotation[link, 0, 0] + b * links.rotation[link, 1, 0] + c * links.rotation[link, 2, 0]
                y = a * links.rotation[link, 0, 1] + b * links.rotation[link, 1, 1] + c * links.rotation[link, 2, 1]
                z = a * links.rotation[link, 0, 2] + b * links.rotation[link, 1, 2] + c * links.rotation[link, 2, 2]
                place = p[parent, i] + a * links.offset[link, 0] + b * links.offset[link, 1] + c * links.offset[link, 2]
            R[link, i, 0] = cos * x + sin * y
            R[link, i, 1] = cos * y - sin * x
            R[link, i, 2] = z
            p[link, i] = place + z * slide


@compiled
def link_poses(links: Links, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (n_frames, n_links, 3, 3) and origins (n_frames, n_links, 3) of all links for coordinates."""
    n_frames, n_links = len(q), len(links.parent)
    R, p = np.empty((n_frames, n_links, 3, 3)), np.empty((n_frames, n_links, 3))
    ground, joint = np.zeros(3), np.empty((n_links, 3))
    for frame in range(n_frames):
        place_links(links, q[frame], ground, joint, R[frame], p[frame])
    return R, p

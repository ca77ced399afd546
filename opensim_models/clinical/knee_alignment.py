"""Knee alignment device: what Vicon's clamp with three markers tells of a standing person's knee and ankle axes.

The three markers are corners of a cube next to one corner, which is where the knee marker would be; the line from there
to the first of them is the flexion axis. With medial ankle markers the ankle's axis is known too, and with it tibial
torsion. The formulas were found from the geometry and agree with what Vicon stored for four legs to 5e-5 rad.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from opensim_models.clinical.joint_chord import chord, plane_angle
from opensim_models.clinical.stored_outputs import BodyMeasures
from opensim_models.model_mismatch import ModelMismatch

_UNEVEN = 0.015
"""The three distances of a device's markers differ by less than this (m); a dropped or exchanged marker by more."""


def virtual_knee(axis: np.ndarray, first: np.ndarray, second: np.ndarray, inward: np.ndarray) -> np.ndarray:
    """Knee marker (n_frames, 3) from the device's three markers.

    Parameters
    ----------
    axis, first, second : ndarray, shape (n_frames, 3)
        Markers KAX, KD1, KD2 (m).
    inward : ndarray, shape (n_frames, 3)
        Towards the other leg: on that side of the markers lies the knee.

    Raises
    ------
    ModelMismatch
        The three distances between the markers differ: this is no such device.
    """
    sides = [np.linalg.norm(a - b, axis=1) for a, b in ((axis, first), (axis, second), (first, second))]
    if np.nanmax(np.ptp(np.nanmean(sides, axis=1))) > _UNEVEN:
        found = ", ".join(f"{1000 * np.nanmean(side):.0f}" for side in sides)
        raise ModelMismatch(f"knee alignment device: its markers lie {found} mm apart, expected three equal distances.")
    edge = np.mean(sides, axis=0)[:, None] / np.sqrt(2.0)
    normal = np.cross(first - axis, second - axis)
    normal = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    normal = normal * np.sign(np.sum(normal * inward, axis=1, keepdims=True))
    return (axis + first + second) / 3.0 + normal * edge / np.sqrt(3.0)


def device_measures(
    points: Mapping[str, np.ndarray], hips: Mapping[str, np.ndarray], measures: BodyMeasures
) -> BodyMeasures:
    """Rotations of the wands, tibial torsion and ankle lean of a static trial with the device.

    Parameters
    ----------
    points : mapping of str to ndarray, shape (n_frames, 3)
        By `plug_in_gait.plug_in_gait_points`: ``kax_r``, ``knee_r`` (virtual), ``thigh_r``, ``shank_r``, ``ankle_r``
        and, if worn, ``ankle_medial_r``; and the left ones (m).
    hips : mapping of str to ndarray, shape (n_frames, 3)
        ``"r"``, ``"l"`` → hip centre (m).
    measures : BodyMeasures
        With widths and marker diameter.

    Returns
    -------
    BodyMeasures
        The same with these angles replaced; without medial ankle markers the ankle's are left as they were.
    """
    radius = measures.marker_diameter / 2
    found = {
        name: dict(getattr(measures, name))
        for name in ("thigh_rotation", "shank_rotation", "tibial_torsion", "ankle_lean")
    }
    for side, sign in (("r", 1.0), ("l", -1.0)):
        knee_marker, axis = points[f"knee_{side}"], points[f"kax_{side}"]
        knee = chord(hips[side], knee_marker, axis, measures.knee_width[side] / 2 + radius)
        turn = plane_angle(knee, hips[side], knee_marker, points[f"thigh_{side}"])
        found["thigh_rotation"][side] = sign * float(np.nanmean(turn))
        if f"ankle_medial_{side}" not in points:
            continue
        lateral = points[f"ankle_{side}"]
        across = points[f"ankle_medial_{side}"] - lateral
        across = across / np.linalg.norm(across, axis=1, keepdims=True)
        ankle = lateral + across * (measures.ankle_width[side] / 2 + radius)
        up, outward = knee - ankle, lateral - ankle
        cosine = np.sum(up * outward, axis=1) / np.linalg.norm(up, axis=1) / np.linalg.norm(outward, axis=1)
        found["ankle_lean"][side] = float(np.nanmean(np.arccos(cosine))) - np.pi / 2
        turn = plane_angle(ankle, knee, lateral, points[f"shank_{side}"])
        found["shank_rotation"][side] = sign * float(np.nanmean(turn))
        torsion = plane_angle(ankle, knee, lateral, ankle + (knee_marker - knee))
        found["tibial_torsion"][side] = sign * float(np.nanmean(torsion))
    return replace(measures, **found)

"""Signed axis: one of the six directions ±X, ±Y, ±Z of a laboratory, and pairs of them that name an orientation."""

from __future__ import annotations

import re

import numpy as np

from mocap_import.trial import TrialRefused

SIGNED_AXES = np.concatenate([np.eye(3), -np.eye(3)])
"""Unit vectors (6, 3) of +X, +Y, +Z, -X, -Y, -Z."""
AXIS_NAMES = ("+X", "+Y", "+Z", "-X", "-Y", "-Z")


def axis_number(text: str) -> int | None:
    """Row of `SIGNED_AXES` that a text such as ``"+Z"`` names, None if it names none."""
    text = text.strip().upper()
    return AXIS_NAMES.index(text) if text in AXIS_NAMES else None


def axis_name(axis: np.ndarray) -> str:
    """Name of the signed axis nearest to a vector (3,)."""
    return AXIS_NAMES[int(np.argmax(SIGNED_AXES @ axis))]


def rotation_to_ground(forward: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) file → ground for the file's forward and up axes: X forward, Y up, Z right."""
    return np.stack([forward, up, np.cross(forward, up)])


def axes_name(rotation: np.ndarray) -> str:
    """Forward and up axis of the file for a rotation file → ground, e.g. ``"+Y+Z"``."""
    return axis_name(rotation[0]) + axis_name(rotation[1])


def parse_axes(text: str, source: str = "") -> np.ndarray:
    """Rotation (3, 3) file → ground of a text such as ``"+Y+Z"``: forward axis, then up axis.

    Raises
    ------
    TrialRefused
        If the text does not name two different axes.
    """
    match = re.fullmatch(r"\s*([+-][XYZ])[\s,/]*([+-][XYZ])\s*", text.upper())
    if match is None or match[1][1] == match[2][1]:
        prefix = f"{source}: " if source else ""
        raise TrialRefused(
            f"{prefix}axes {text!r} name no orientation; expected the file's forward axis and its up axis, both with "
            "sign and different, for example '+Y+Z' for a laboratory with Z up where people walk along Y."
        )
    forward, up = (SIGNED_AXES[AXIS_NAMES.index(match[k])] for k in (1, 2))
    return rotation_to_ground(forward, up)

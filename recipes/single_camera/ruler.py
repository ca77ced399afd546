"""Ruler of one camera: what geometry tells, by a line fitted on those who teach, and by the known angle of the view."""

from __future__ import annotations

import numpy as np

from synth.camera.filmed_gait import PARAMETERS

_ALONG = [PARAMETERS.index(name) for name in ("speed", "step_length")]


def fitted_lines(geometry: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Intercept and slope (4, 2) from geometry to truth, both (n, 4), by least squares over what is known."""
    lines = []
    for x, y in zip(geometry.T, truth.T, strict=True):
        known = np.isfinite(x) & np.isfinite(y)
        slope, intercept = np.polyfit(x[known], y[known], 1)
        lines.append((intercept, slope))
    return np.array(lines)


def ruled(geometry: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """What the lines make of geometry (n, 4)."""
    return lines[:, 0] + lines[:, 1] * geometry


def lengthened(geometry: np.ndarray, oblique: np.ndarray) -> np.ndarray:
    """Geometry (n, 4) with speed and step length over the cosine of the view's angle (n,), degrees, that is known."""
    own = geometry.copy()
    own[:, _ALONG] /= np.cos(np.radians(oblique))[:, None]
    return own

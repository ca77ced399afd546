"""Keypoint stretch: a part of a record in which somebody faces one way, and why it tells nothing of a walk."""

from __future__ import annotations

import numpy as np

from synth.camera.keypoint import KEYPOINTS, PARTS
from synth.camera.keypoint_input import chain_length

LEAST_SEEN = 0.5
"""Share of a stretch's frames in which hips, knees and ankles are seen."""
LEAST_SWING = 0.1
"""Chain lengths (shoulder, hip, knee, ankle); of `leg_swing` in somebody who walks.

A step brings one ankle past the other and as far beyond it, so that the way between them changes by two step lengths:
this one is a step of 7 cm of an adult. Somebody who stands for 6 s in mid-stride swings by 0.06 or less in 99 of 100
draws of the worst errors of `detector.draw_errors`. No walker is lost: among the `inputs` of `clips.npz` of a whole run
of recipe `single-camera` (virtual people of all laws and impairments, up to 70 degrees oblique, and recordings) the
least swing is 0.23, of recordings 0.37.
"""
PLACES = {part: [KEYPOINTS.index(f"{part}_{side}") for side in "rl"] for part in PARTS}
"""Part → place of its right and its left keypoint."""
_USUAL = (10.0, 90.0)
"""Per cent of the frames between which the ankles swing; what is beyond may be an exchange of the legs."""


def unreadable(pixels: np.ndarray) -> str:
    """Why a stretch tells nothing; empty if it does.

    Parameters
    ----------
    pixels : ndarray, shape (n, 12, 2)
        Of `keypoint.KEYPOINTS`; NaN where nothing was found.
    """
    for part in ("shoulder", "hip", "knee", "ankle"):
        seen = np.isfinite(pixels[:, PLACES[part]]).all(axis=2)
        share = seen.any(axis=1).mean() if part in ("shoulder", "hip") else seen.all(axis=1).mean()
        if share < LEAST_SEEN:
            both = "" if part in ("shoulder", "hip") else "both "
            return f"{both}{part}s found in {100 * share:.0f} % of its frames, expected {100 * LEAST_SEEN:.0f} or more"
    for part, other, of in (("shoulder", "hip", "side"), ("heel", "toe", "foot")):
        both = np.isfinite(pixels[:, PLACES[part]]).all(axis=2) & np.isfinite(pixels[:, PLACES[other]]).all(axis=2)
        share = both.any(axis=1).mean()
        if share < LEAST_SEEN:
            return (
                f"{part} and {other} of one {of} found in {100 * share:.0f} % of its frames, expected "
                f"{100 * LEAST_SEEN:.0f} or more"
            )
    swing = leg_swing(pixels)
    if swing < LEAST_SWING:
        return (
            f"no steps: the way between the ankles changes by {100 * swing:.0f} % of the length shoulder to ankle, "
            f"expected {100 * LEAST_SWING:.0f} or more of somebody who walks"
        )
    return ""


def leg_swing(pixels: np.ndarray) -> float:
    """How far the ankles swing about each other, in lengths of the chain shoulder, hip, knee, ankle.

    Legs that do not move, or both at once, give none. What a tenth of the frames says alone at either end is left out:
    a detector exchanges legs.

    Parameters
    ----------
    pixels : ndarray, shape (n, 12, 2)
        Of `keypoint.KEYPOINTS`; NaN where nothing was found, both ankles known somewhere.
    """
    right, left = (pixels[:, place] for place in PLACES["ankle"])
    apart = (right - left)[np.isfinite(right - left).all(axis=1)]
    low, high = np.percentile(apart, _USUAL, axis=0)
    return float(np.hypot(*(high - low)) / chain_length(pixels))

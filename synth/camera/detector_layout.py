"""Detector layout: which of the points of a well-known detector are the keypoints of this house.

A file of keypoints says how many points each person has, and by that which layout it is: BODY_25 of OpenPose
(https://github.com/CMU-Perceptual-Computing-Lab/openpose, doc/02_output.md), Halpe with 26 and 136 points of AlphaPose
and RTMPose (Fang et al., TPAMI 2022), COCO-WholeBody with 133 (Jin et al., ECCV 2020) and BlazePose with 33 of
MediaPipe. Detectors without heels and toes (COCO with 17 or 18 points, MPII) do not tell enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.camera.keypoint import KEYPOINTS

_HALPE = (6, 5, 12, 11, 14, 13, 16, 15, 25, 24, 21, 20)


@dataclass(frozen=True)
class DetectorLayout:
    """The order of a detector's points.

    Attributes
    ----------
    name : str
    count : int
        Points of a person.
    places : tuple of int
        Place of each of `KEYPOINTS` among them: shoulder, hip, knee, ankle, heel, big toe, right then left.
    """

    name: str
    count: int
    places: tuple[int, ...]

    def keypoints(self, points: np.ndarray, least_score: float) -> np.ndarray:
        """Keypoints (12, 2) of a person's points (count, 3) with scores; NaN where one was not seen.

        A point is not seen where its score is below `least_score`, zero or unknown, or where it lies in the corner
        (0, 0), which is how detectors write one that they did not find.
        """
        own = np.asarray(points, float)[list(self.places)]
        seen = np.isfinite(own).all(axis=1) & (own[:, 2] >= least_score) & (own[:, 2] > 0.0)
        seen &= (own[:, :2] != 0.0).any(axis=1)
        return np.where(seen[:, None], own[:, :2], np.nan)


LAYOUTS = {
    layout.count: layout
    for layout in (
        DetectorLayout("BODY_25", 25, (2, 5, 9, 12, 10, 13, 11, 14, 24, 21, 22, 19)),
        DetectorLayout("Halpe 26", 26, _HALPE),
        DetectorLayout("BlazePose", 33, (12, 11, 24, 23, 26, 25, 28, 27, 30, 29, 32, 31)),
        DetectorLayout("COCO-WholeBody", 133, (6, 5, 12, 11, 14, 13, 16, 15, 22, 19, 20, 17)),
        DetectorLayout("Halpe 136", 136, _HALPE),
    )
}
"""Number of points → layout."""
assert all(len(layout.places) == len(KEYPOINTS) for layout in LAYOUTS.values())

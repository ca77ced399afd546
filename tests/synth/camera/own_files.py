"""Keypoints of one person as a user's file would hold them: CSV, and the output of well-known detectors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from synth.camera.detector_layout import LAYOUTS
from synth.camera.keypoint_table import PIXELS

RATE = 30.0
"""Hz."""


def written_csv(
    path: Path, pixels: np.ndarray, rate: float = 0.0, person: str = "A", trial: str = "walk", **told: object
) -> Path:
    """One trial as CSV; without a rate its rows have frames, not times."""
    clock = np.arange(len(pixels)) / rate if rate else np.arange(len(pixels))
    head = ["person", "trial", "time" if rate else "frame", *PIXELS, *told]
    rows = [
        [person, trial, repr(float(t)) if rate else str(t), *("" if np.isnan(v) else repr(float(v)) for v in p.ravel())]
        + [str(v) for v in told.values()]
        for t, p in zip(clock, pixels, strict=True)
    ]
    path.write_text("\n".join(",".join(row) for row in [head, *rows]) + "\n", encoding="utf-8")
    return path


def detector_points(pixels: np.ndarray, count: int) -> list[float]:
    """Keypoints (12, 2) as a detector's points in a row; zeros where nothing was found, and elsewhere a head."""
    points = np.zeros((count, 3))
    points[:, :2], points[:, 2] = [5.0, 5.0], 0.01
    seen = np.isfinite(pixels).all(axis=1)
    own = np.column_stack([np.where(seen[:, None], pixels, 0.0), np.where(seen, 0.9, 0.0)])
    points[list(LAYOUTS[count].places)] = own
    return points.ravel().tolist()


def written_folder(folder: Path, people: list[np.ndarray], count: int = 25, step: int = 1) -> Path:
    """A folder as OpenPose writes it, one file a frame, of several people (n_frames, 12, 2)."""
    folder.mkdir()
    for i in range(len(people[0])):
        found = [detector_points(p[i], count) for p in people if np.isfinite(p[i]).any()]
        content = {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": f} for f in found]}
        (folder / f"walk_{i * step:012d}_keypoints.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def written_list(path: Path, people: list[np.ndarray], count: int = 26) -> Path:
    """One file as AlphaPose writes it."""
    rows = [
        {"image_id": f"{i}.jpg", "category_id": 1, "keypoints": detector_points(p[i], count), "score": 2.9}
        for i in range(len(people[0]))
        for p in people
    ]
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path

"""Stored trials against their files: every measured marker sample by a second path that knows nothing of ours.

The second path is ezc3d's points and the 24 orientations × 3 units, tried one after the other: whichever brings the
file onto the stored trial must bring every measured sample there, to the precision of storage.
"""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from pathlib import Path

import ezc3d
import numpy as np

from mocap_import.trial import MarkerTrial, TrialRefused
from mocap_import.trial_reader import read_trial
from mocap_import.trial_store import load_trial, write_trial

METRES = (0.001, 0.01, 1.0)
GOAL = 2.0**-23
"""Relative spacing of 32-bit floats, in which files store coordinates."""
_NATIVE_PARSER_FALLS = ("fuzz", "memory-bomb")
_MOVED_BETWEEN_LABELS = "labels_swapped_back"
_EZC3D_SCRAMBLES = ("analog_rate_missing", "analog_rate_disagrees")
"""Treatments of files in which ezc3d 1.7 may read analog samples as coordinates."""


def figures(data: Path) -> dict[str, dict]:
    """Largest relative difference over all samples that a file measured and a trial holds.

    Parameters
    ----------
    data : Path
        Folder of real recordings.
    """
    worst, n_samples, n_files, apart = 0.0, 0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(path for path in data.rglob("*") if path.suffix.lower() == ".c3d"):
            if path.parent.name in _NATIVE_PARSER_FALLS:
                continue
            try:
                trial = _stored(path, Path(folder))
                file = ezc3d.c3d(str(path))
            except (TrialRefused, OSError, ValueError, RuntimeError, IndexError) as problem:
                apart.append(f"{path.name}: {str(problem).splitlines()[0][:90]}")
                continue
            if any(treatment.what in _EZC3D_SCRAMBLES for treatment in trial.treatments):
                apart.append(f"{path.name}: ANALOG:RATE missing or wrong; ezc3d may take analog samples for points")
                continue
            pairs = _pairs(trial, file)
            if pairs is None:
                apart.append(f"{path.name}: no label or frame in common with ezc3d's reading")
                continue
            difference, samples = _difference(*pairs)
            if not difference <= GOAL:
                print(f"  {path.relative_to(data)}: {difference:.1e} over {samples} samples")
            worst, n_samples, n_files = max(worst, difference), n_samples + samples, n_files + 1
    print(f"{n_files} files, {n_samples} measured samples: largest relative difference {worst:.1e}")
    print(f"not compared, {len(apart)}:", *apart, sep="\n  ")
    row = {"ours": worst, "peer": None, "ratio": None, "goal": GOAL, "met": worst <= GOAL}
    return {"stored marker positions against ezc3d and a free choice of axes, relative": row}


def _stored(path: Path, folder: Path) -> MarkerTrial:
    """The trial as it comes back from its product."""
    target = folder / "one.trial.h5"
    write_trial(target, read_trial(path))
    return load_trial(target)


def _pairs(trial: MarkerTrial, file: ezc3d.c3d) -> tuple[np.ndarray, np.ndarray] | None:
    """(n_samples, 3) of the file in its unit and of the trial (m) where the trial holds what was measured."""
    listed = file["parameters"]["POINT"]
    names = list(itertools.chain(*(listed[key]["value"] for key in listed if key.startswith("LABELS"))))
    names = [name.strip().rpartition(":")[2] for name in names]
    points = np.moveaxis(file["data"]["points"][:3], 0, -1)  # (markers, frames, 3)
    if points.shape[1] != trial.n_frames or any(t.what == _MOVED_BETWEEN_LABELS for t in trial.treatments):
        return None
    common = [(names.index(label), k) for k, label in enumerate(trial.labels) if names.count(label) == 1]
    common = [(a, b) for a, b in common if a < len(points)]
    if not common:
        return None
    theirs = points[[a for a, _ in common]]
    ours = np.moveaxis(trial.positions[:, [b for _, b in common]], 0, 1)
    measured = np.isfinite(ours).all(axis=-1)
    if trial.filled is not None:
        measured &= ~trial.filled[:, [b for _, b in common]].T
    return (theirs[measured], ours[measured]) if measured.any() else None


def _difference(theirs: np.ndarray, ours: np.ndarray) -> tuple[float, int]:
    """Largest difference over the largest coordinate, with the orientation and unit that fit best."""
    size = float(np.abs(ours).max())
    found = np.inf
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            turned = np.eye(3)[list(order)] * np.array(signs)[:, None]
            if np.linalg.det(turned) < 0:
                continue
            for metres in METRES:
                found = min(found, float(np.abs(theirs[:, order] * signs * metres - ours).max()) / size)
    return found, len(ours)


if __name__ == "__main__":
    place = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    print(json.dumps({"figures": figures(Path(place))}))

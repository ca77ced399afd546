"""What could be known of severity without a camera: from true joint angles and gait parameters, by boosted trees.

The trees see what no user has, each clip's true angles as Fourier series of the phase, and are taught on the same
people. What they miss, people's own manners hide; what a network misses beside them, the camera does.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from recipes.result import Result
from recipes.single_camera.impairment_score import severity_rows, truth_table
from synth.camera.filmed_gait import ANGLES
from synth.camera.keypoint_geometry import geometric_phase
from synth.camera.keypoint_input import ClipArrays
from synth.camera.keypoint_summary import phase_basis, phase_series

METHOD = "true angles without a camera, boosted trees"


def knowable_results(
    taught: ClipArrays, sets: Mapping[str, ClipArrays], tasks: Mapping[str, str], seed: int
) -> list[Result]:
    """Rows of severity of each set by trees that were taught on those who teach.

    Parameters
    ----------
    taught : ClipArrays
    sets : mapping of str to ClipArrays
    tasks : mapping of str to str
        Set → its name in the table.
    seed : int
        Of the trees and of the bootstrap.
    """
    known = np.isfinite(taught.severity)
    trees = HistGradientBoostingRegressor(
        max_iter=150, learning_rate=0.06, max_leaf_nodes=15, l2_regularization=5.0, random_state=seed
    )
    own = true_features(taught)[known]
    told = np.isfinite(own).any(axis=0)  # trees take no column of which nothing is known
    trees.fit(own[:, told], taught.severity[known])
    results = []
    for name, task in tasks.items():
        if len(sets[name]):
            said = trees.predict(true_features(sets[name])[:, told])
            results += severity_rows(task, METHOD, truth_table(sets[name], said), seed)
    return results


def true_features(clips: ClipArrays) -> np.ndarray:
    """True series of the joint angles (n, 72), gait parameters (n, 4) and stature; zeros where no step is seen."""
    rows = []
    for phase, waves in zip(geometric_phase(clips.inputs), clips.waves, strict=True):
        basis = phase_basis(np.nan_to_num(phase))
        angles = waves[:, : len(ANGLES)].T.astype(float)
        found = np.isfinite(phase) & np.isfinite(angles)
        rows.append(np.concatenate([phase_series(basis, a, f) for a, f in zip(angles, found, strict=True)]))
    return np.column_stack([np.array(rows), clips.parameters, clips.stature])

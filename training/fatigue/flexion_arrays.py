"""Trials of sustained flexion as arrays for networks: scaled by constants, so that no one's data scale another's."""

from __future__ import annotations

import numpy as np

from synth.elbow.flexion_corpus import FEATURES, FlexionTrials

SCALES = {
    "mass": (75.0, 15.0),
    "height": (1.70, 0.10),
    "sex": (0.0, 0.5),
    "age": (45.0, 15.0),
    "angle": (1.4, 0.3),
    "strength": (np.log(60.0), 0.4),
}
"""Feature → centre and unit; the strength by its logarithm."""
REFERENCE_STRENGTH = 60.0
"""N·m; that of everybody where it has not been measured."""
TORQUE_UNIT = 10.0
"""N·m; of the loss."""


def flexion_arrays(trials: FlexionTrials, strength_known: bool = True) -> dict[str, np.ndarray]:
    """Arrays with trials along the first axis.

    Parameters
    ----------
    trials : FlexionTrials
    strength_known : bool
        False: as if nobody's maximum had been measured.

    Returns
    -------
    dict of str to ndarray
        ``channels`` and ``inputs`` (n, n_frames, 4), ``features`` (n, 6; unknown ones 0, which is the centre),
        ``scale`` (n,) N·m, ``torque`` (n, n_frames; 0 where unknown), ``known`` (n, n_frames; 1 or 0) and ``person``
        (n,): a number for each person of these trials.
    """
    columns = []
    for i, name in enumerate(FEATURES):
        centre, unit = SCALES[name]
        value = np.log(trials.features[:, i]) if name == "strength" else trials.features[:, i]
        columns.append(np.nan_to_num((value - centre) / unit))
    features = np.stack(columns, axis=1)
    scale = trials.features[:, FEATURES.index("strength")].copy()
    if not strength_known:
        features[:, FEATURES.index("strength")] = 0.0
        scale[:] = REFERENCE_STRENGTH
    known = np.isfinite(trials.torque)
    return {
        "channels": trials.channels,
        "inputs": trials.channels,
        "features": features,
        "scale": scale,
        "torque": np.where(known, trials.torque, 0.0),
        "known": known.astype(float),
        "person": np.unique(trials.persons, return_inverse=True)[1],
    }

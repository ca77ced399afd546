"""A pattern: what a network's gradient means in the input itself (Haufe et al. 2014, NeuroImage 87:96).

A gradient says how to weigh the entries so as to cancel what disturbs, not which entries a cause changes: of correlated
entries it may weigh one against the other although the cause changes both alike. The covariance C of the inputs turns
the one into the other: C g. Of two groups with the same covariance whose means differ by d, the best classifier is
linear with g = C⁻¹ d, and C g = d is what the cause changes, in all people alike.
"""

from __future__ import annotations

import numpy as np


def patterns(gradients: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Gradients (n, ...) times the covariance of known inputs (m, ...); of the gradients' shape."""
    centred = (known - known.mean(axis=0)).reshape(len(known), -1).astype(float)
    flat = gradients.reshape(len(gradients), -1)
    return ((flat @ centred.T) @ centred / len(known)).reshape(gradients.shape)

"""Estimates of the torque that need no network: the mean curve of the people who taught, and two linear regressions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold

Arrays = Mapping[str, np.ndarray]
"""As `training.fatigue.flexion_arrays.flexion_arrays` makes them."""
PENALTIES = tuple(10.0 ** np.arange(-3, 7))
"""Of the ridge; chosen by leaving out one person at a time of those who teach."""
N_COMPONENTS = 6


def mean_curve(teaching: Arrays, scored: Arrays) -> np.ndarray:
    """Mean torque over measured strength at each instant, times the strength of who is scored: (n, n_frames) N·m."""
    known = teaching["known"]
    share = np.where(known > 0, teaching["torque"] / teaching["scale"][:, None], 0.0)
    count = known.sum(axis=0)
    curve = share.sum(axis=0) / np.maximum(count, 1)
    curve = np.where(count > 0, curve, share.sum() / known.sum())
    return scored["scale"][:, None] * curve


def frame_regression(teaching: Arrays, scored: Arrays) -> np.ndarray:
    """Ridge, frame by frame: activity, what was done so far, their product, and the static features, in strengths."""
    rows, target = _frames(teaching), (teaching["torque"] / teaching["scale"][:, None]).ravel()
    known = teaching["known"].ravel() > 0
    person = np.repeat(teaching["person"], teaching["known"].shape[1])
    model = person_ridge(rows[known], target[known], person[known])
    return scored["scale"][:, None] * model.predict(_frames(scored)).reshape(scored["torque"].shape)


def component_regression(teaching: Arrays, scored: Arrays) -> np.ndarray:
    """Principal components of the whole trial's activity, with the static features, to the whole curve by ridge.

    Trials that ended early teach with their mean share afterwards.
    """
    flat = [a["channels"].reshape(len(a["channels"]), -1) for a in (teaching, scored)]
    components = PCA(min(N_COMPONENTS, len(flat[0]))).fit(flat[0])
    rows = [
        np.concatenate([components.transform(f), a["features"]], 1)
        for f, a in zip(flat, (teaching, scored), strict=True)
    ]
    share = teaching["torque"] / teaching["scale"][:, None]
    own = (share * teaching["known"]).sum(axis=1, keepdims=True) / teaching["known"].sum(axis=1, keepdims=True)
    target = np.where(teaching["known"] > 0, share, own)
    model = person_ridge(rows[0], target, teaching["person"])
    return scored["scale"][:, None] * model.predict(rows[1]).reshape(scored["torque"].shape)


def person_ridge(rows: np.ndarray, target: np.ndarray, person: np.ndarray) -> RidgeCV:
    """Ridge whose penalty has the least squared error on people who are left out, one at a time.

    Records of one person are alike: left out one by one, they would choose a penalty for those who teach alone.

    Parameters
    ----------
    rows : ndarray, shape (n, n_columns)
    target : ndarray, shape (n,) or (n, n_targets)
    person : ndarray, shape (n,)
        Whose each row is.

    Raises
    ------
    ValueError
        With fewer than two people.
    """
    n_people = len(np.unique(person))
    if n_people < 2:
        raise ValueError(f"ridge: expected 2 or more people who teach, got {n_people}; one is left out at a time.")
    folds = list(GroupKFold(n_people).split(rows, groups=person))
    return RidgeCV(PENALTIES, cv=folds, scoring="neg_mean_squared_error").fit(rows, target)


BASELINES = {
    "mean curve x strength": mean_curve,
    "ridge by frame": frame_regression,
    "principal components, ridge": component_regression,
}


def _frames(arrays: Arrays) -> np.ndarray:
    """Rows (n * n_frames, n_columns) of the regression by frame."""
    channels = arrays["channels"]
    done = np.cumsum(channels, axis=1) / channels.shape[1]
    static = np.repeat(arrays["features"][:, None], channels.shape[1], axis=1)
    rows = np.concatenate([channels, done, channels * done, static], axis=2)
    return rows.reshape(-1, rows.shape[2])

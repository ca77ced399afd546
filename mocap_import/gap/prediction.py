"""Gap prediction: where a marker should be according to others, and what that leaves over where it was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap_import.gap.low_rank import LowRankModel, fit_low_rank
from mocap_import.gap.rehearsal import Rehearsal
from mocap_import.gap.rigid import choose_cluster, cluster_frame

_TRAINING = 300
"""Frames at most, besides the rehearsed ones, from which a prediction learns."""
_FOLDS = 4
"""Groups of rehearsed places left out together in long trials; in short ones each place is left out by itself."""
_LONG_TRIAL = 1500


@dataclass(frozen=True)
class Learnt:
    """What decides how far a low-rank prediction may be trusted.

    Attributes
    ----------
    model : LowRankModel
        The fit to all training frames.
    features : ndarray, shape (n_frames, n_features)
        Coordinates (m) of the companions in the predicted frames, from their means.
    rehearsed_models : LowRankModel
        With a leading axis of n_places: the fits that have not seen each place.
    rehearsed_features : ndarray, shape (n_places, n_columns, n_features)
    """

    model: LowRankModel
    features: np.ndarray
    rehearsed_models: LowRankModel
    rehearsed_features: np.ndarray


@dataclass(frozen=True)
class Prediction:
    """Where a marker should be, in a frame that moves with its companions.

    Attributes
    ----------
    method : str
        ``"rigid"`` or ``"low_rank"``.
    rehearsed : ndarray, shape (n_places, n_columns, 3)
        What it leaves over (m) at the rehearsed places, predicted without having seen them.
    frames : ndarray of int
        Frames, ascending, for which the rest is given.
    expected : ndarray, shape (len(frames), 3)
        In the moving frame (m).
    rotation, origin : ndarray, shape (len(frames), 3, 3) and (len(frames), 3)
        Moving frame → ground.
    learnt : Learnt or None
        What a low-rank prediction learnt from; None for a rigid one.
    """

    method: str
    rehearsed: np.ndarray
    frames: np.ndarray
    expected: np.ndarray
    rotation: np.ndarray
    origin: np.ndarray
    learnt: Learnt | None = None

    def rows(self, frames: np.ndarray) -> np.ndarray:
        """Rows of the given frames."""
        return np.searchsorted(self.frames, frames)

    def left_over(self, positions: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """What the prediction leaves over of positions (len(frames), 3) in the moving frame (m)."""
        k = self.rows(frames)
        return np.einsum("nji,nj->ni", self.rotation[k], positions - self.origin[k]) - self.expected[k]

    def placed(self, left_over: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Positions (len(frames), 3) in the ground frame (m) of the prediction plus what it leaves over."""
        k = self.rows(frames)
        return np.einsum("nij,nj->ni", self.rotation[k], self.expected[k] + left_over) + self.origin[k]


def predict_marker(
    positions: np.ndarray,
    usable: np.ndarray,
    marker: int,
    companions: Sequence[int],
    spread: np.ndarray,
    plan: Rehearsal,
    wanted: np.ndarray,
    methods: Sequence[str],
) -> list[Prediction]:
    """Predictions of one marker from companions.

    Parameters
    ----------
    positions : ndarray, shape (n_frames, n_markers, 3)
        m.
    usable : ndarray of bool, shape (n_frames,)
        Frames in which marker and companions were all seen.
    marker : int
    companions : sequence of int
        The most rigid first.
    spread : ndarray, shape (n_markers,)
        See `rank_companions`.
    plan : Rehearsal
    wanted : ndarray of int
        Frames to predict, ascending; all companions were seen in them.
    methods : sequence of str
        Predictions asked for.

    Returns
    -------
    list of Prediction
        ``rigid`` from two companions on, ``low_rank`` from three and ten usable frames on.
    """
    known = np.flatnonzero(usable)
    if len(known) == 0 or len(companions) < 2:
        return []
    learnt_from = np.zeros(len(usable), dtype=bool)
    learnt_from[plan.frames] = True
    learnt_from[known[np.linspace(0, len(known) - 1, min(_TRAINING, len(known))).astype(int)]] = True
    training = np.flatnonzero(learnt_from)
    read = learnt_from.copy()
    read[wanted] = True
    frames, row = np.flatnonzero(read), np.cumsum(read) - 1
    # The template is a frame next to what is wanted: the shape of the cluster on the skin drifts.
    nearest = known[np.abs(known - np.median(wanted)).argmin()]
    cluster = choose_cluster(positions[nearest], companions, spread)
    places = positions[frames]
    rotation, origin = cluster_frame(places[:, cluster], positions[nearest][cluster])
    learned, asked, shown = row[training], row[wanted], row[plan.frames]
    moving = (places[:, [marker, *companions]] - origin[:, None]) @ rotation
    path, features = moving[:, 0], moving[:, 1:].reshape(len(frames), -1)
    found = []
    if "rigid" in methods:
        place = path[learned].mean(axis=0)
        expected = np.broadcast_to(place, (len(wanted), 3))
        found.append(Prediction("rigid", path[shown] - place, wanted, expected, rotation[asked], origin[asked]))
    if "low_rank" in methods and len(companions) >= 3 and len(training) >= 10:
        groups, held_out = _held_out(plan, training, len(usable))
        models = fit_low_rank(features[learned], path[learned], held_out)
        whole, each = models.at(0), models.at(groups)
        rest = path[shown] - each.predict(features[shown])
        expected = whole.predict(features[asked])
        apart = features[shown] - each.feature_mean[:, None, :]
        learnt = Learnt(whole, features[asked] - whole.feature_mean, each, apart)
        found.append(Prediction("low_rank", rest, wanted, expected, rotation[asked], origin[asked], learnt))
    return found


def _held_out(plan: Rehearsal, training: np.ndarray, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit that serves each rehearsed place (n_places,), and the training frames it must not see; fit 0 sees all."""
    n_fits = min(plan.n_places, _FOLDS if n_frames >= _LONG_TRIAL else plan.n_places)
    groups = 1 + np.arange(plan.n_places) % max(n_fits, 1)
    held_out = np.zeros((n_fits + 1, len(training)), dtype=bool)
    for place, group in enumerate(groups):
        start, stop = plan.span(place)
        held_out[group] |= (training >= start) & (training < stop)
    return groups, held_out

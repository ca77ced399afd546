"""Followed markers: the measured markers that a model carries, at the times of a recording, as sums a segment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap_import.low_pass import low_pass
from opensim_models.exchange.marker_file import read_markers
from opensim_models.model.multibody import point_position, segment_states
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.recording.marker_sums import marker_sums

FARTHEST = 0.15
"""m, median over all markers and times: beyond, they are not on this body, or not in its axes."""


@dataclass(frozen=True)
class FollowedMarkers:
    """Markers of a trial.

    Attributes
    ----------
    labels : tuple of str
        Markers of the model that the file has, in the model's order.
    positions : ndarray, shape (n, n_markers, 3)
        m, ground frame; NaN = not seen.
    rate, start : float
        Hz, and the time (s) of the first sample.
    note : str
        Which of the file's and of the model's markers have no partner.
    """

    labels: tuple[str, ...]
    positions: np.ndarray
    rate: float
    start: float
    note: str = ""

    def at(self, time: np.ndarray, cutoff: float | None = None) -> np.ndarray:
        """Positions (n_times, n_markers, 3) at times (s), linear between samples; NaN beside a gap and outside.

        Parameters
        ----------
        time : ndarray, shape (n_times,)
        cutoff : float, optional
            Low-pass (Hz), between gaps.
        """
        columns = self.positions.reshape(len(self.positions), -1)
        if cutoff is not None:
            columns = low_pass(columns, self.rate, cutoff)
        own = self.start + np.arange(len(columns)) / self.rate
        tick = 1e-6
        inside = np.clip(time, own[0], own[-1])
        found = np.stack([np.interp(inside, own, column) for column in columns.T], axis=1)
        found[(time < own[0] - tick) | (time > own[-1] + tick)] = np.nan
        return found.reshape(len(time), *self.positions.shape[1:])


def read_followed_markers(path: Path, skeleton: Skeleton) -> FollowedMarkers:
    """Read the markers of a .trc file that a model carries.

    Parameters
    ----------
    path : Path
        In the model's axes: Y up.
    skeleton : Skeleton

    Raises
    ------
    ModelMismatch
        The file is none, or has no marker of the model.
    """
    table = read_markers(path)
    known = [m.name for m in skeleton.markers]
    labels = tuple(name for name in known if name in table.labels)
    if not labels:
        raise ModelMismatch(
            f"{path}: none of its markers ({', '.join(table.labels[:6])}, ...) is on {skeleton.name}, which carries "
            f"{', '.join(known[:6]) or 'none'}. Give the file and the model the same labels."
        )
    extra = [name for name in table.labels if name not in known]
    note = f"{len(labels)} markers of {Path(path).name} are followed"
    note += f"; not on the model: {', '.join(extra)}" if extra else ""
    columns = [table.labels.index(name) for name in labels]
    return FollowedMarkers(labels, table.positions[:, columns], table.rate, table.start_time, note)


def marker_offsets(skeleton: Skeleton, labels: tuple[str, ...]) -> dict[str, tuple[list[int], np.ndarray]]:
    """Segment → which of the labels it carries, and their places (n, 3) on it (m)."""
    own = {m.name: m for m in skeleton.markers}
    found = {}
    for segment in skeleton.segment_names:
        columns = [i for i, label in enumerate(labels) if own[label].segment == segment]
        if columns:
            found[segment] = (columns, np.array([own[labels[i]].offset for i in columns], float))
    return found


def segment_sums(
    skeleton: Skeleton, segments: tuple[str, ...], labels: tuple[str, ...], positions: np.ndarray, deviation: float
) -> np.ndarray:
    """Sums (n_nodes, n_segments, 17) of `marker_sums` for markers that are off by `deviation` (m)."""
    offsets = marker_offsets(skeleton, labels)
    sums = np.zeros((len(positions), len(segments), 17))
    for i, segment in enumerate(segments):
        columns, places = offsets[segment]
        sums[:, i] = marker_sums(places, positions[:, columns], np.full(len(columns), deviation**-2))
    return sums


def marker_distances(
    skeleton: Skeleton, labels: tuple[str, ...], positions: np.ndarray, coordinates: np.ndarray
) -> np.ndarray:
    """How far (n, n_markers), in m, measured markers are from those of a posture (n, n_q); NaN where not seen."""
    states = segment_states(skeleton, list(np.asarray(coordinates, float).T))
    distances = np.full(positions.shape[:2], np.nan)
    for segment, (columns, places) in marker_offsets(skeleton, labels).items():
        state = states[skeleton.segment_index(segment)]
        for column, place in zip(columns, places, strict=True):
            model = np.stack(
                [np.broadcast_to(np.asarray(x, float), len(positions)) for x in point_position(state, tuple(place))],
                axis=1,
            )
            distances[:, column] = np.linalg.norm(model - positions[:, column], axis=1)
    return distances


def check_place(
    skeleton: Skeleton, labels: tuple[str, ...], positions: np.ndarray, coordinates: np.ndarray, where: str
) -> None:
    """Refuse markers that are far from the recorded posture: other axes, another unit, another trial.

    Raises
    ------
    ModelMismatch
    """
    distances = marker_distances(skeleton, labels, positions, coordinates)
    seen = distances[np.isfinite(distances)]
    if not len(seen):
        raise ModelMismatch(f"{where}: no marker is seen in the window. Choose another --window.")
    if np.median(seen) > FARTHEST:
        raise ModelMismatch(
            f"{where}: half of the markers are more than {np.median(seen):.2f} m from where the coordinates put them; "
            f"at most {FARTHEST:g} m are expected. Check that both are of one trial, in metres, Y up, on one clock."
        )

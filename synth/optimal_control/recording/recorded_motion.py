"""Recorded motion: a trial as the numbers that a gait problem follows, at the nodes of its mesh.

Coordinates pass a low-pass and a quintic spline whose third and fourth derivatives vanish at both ends, as in
`opensim_models.kernel.uniform_spline`; forces pass a low-pass of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import make_interp_spline

from mocap_import.low_pass import low_pass
from opensim_models.kernel.uniform_spline import SHORTEST
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.recording.belt import over_ground
from synth.optimal_control.recording.ground_load import load_at
from synth.optimal_control.recording.trial_samples import MotionFiles, Point, TrialSamples, read_trial_samples


@dataclass(frozen=True)
class FootWrench:
    """What the ground does to one foot, at the nodes.

    Attributes
    ----------
    segment : str
        On which it acts.
    force, moment : ndarray, shape (n_nodes, 3)
        N, and N·m about `about`, ground frame; the moment is NaN where the file does not say where the force acts.
    about : tuple of 3 floats
        m, ground frame.
    """

    segment: str
    force: np.ndarray
    moment: np.ndarray
    about: Point

    def moment_about(self, point: np.ndarray) -> np.ndarray:
        """Moment (n_nodes, 3) in N·m about other points (3,) or (n_nodes, 3), m, ground frame."""
        return self.moment + np.cross(np.asarray(self.about) - np.asarray(point, float), self.force)


@dataclass(frozen=True)
class RecordedMotion:
    """A stretch of a trial at the nodes of a mesh.

    Attributes
    ----------
    coordinates : tuple of str
        In the order of the skeleton.
    time : ndarray, shape (n_nodes,)
        s, on the clock of the files.
    values, speeds, accelerations : ndarray, shape (n_nodes, n_q)
        rad or m, and per s, per s².
    wrenches : dict of str to FootWrench
        ``"right"``, ``"left"``; empty without forces.
    muscles : tuple of str
        Names of the columns of `emg`.
    emg : ndarray, shape (n_nodes, n_muscles)
        As in the file: its unit, its smoothing.
    rate : float
        Of the file of coordinates (Hz).
    cutoff, force_cutoff : float, optional
        Low-pass (Hz) that coordinates and forces passed.
    notes : tuple of str
        What was assumed or left out, as sentences.
    labels : tuple of str
        Markers that are followed.
    markers : ndarray, shape (n_nodes, n_markers, 3)
        m, ground frame; NaN = not seen.
    moments : ndarray, shape (n_nodes, n_q)
        Net joint moments (N·m) that are followed; NaN = not followed. Empty without any.
    """

    coordinates: tuple[str, ...]
    time: np.ndarray
    values: np.ndarray
    speeds: np.ndarray
    accelerations: np.ndarray
    wrenches: dict[str, FootWrench]
    rate: float
    cutoff: float | None = None
    force_cutoff: float | None = None
    muscles: tuple[str, ...] = ()
    emg: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    notes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    markers: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 3)))
    moments: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))

    def of(self, coordinate: str) -> np.ndarray:
        """Values (n_nodes,) of one coordinate."""
        return self.values[:, self.coordinates.index(coordinate)]


def motion_at(
    samples: TrialSamples, time: np.ndarray, *, cutoff: float | None = None, force_cutoff: float | None = None
) -> RecordedMotion:
    """A trial at given times, with the derivatives of its coordinates.

    Parameters
    ----------
    samples : TrialSamples
    time : ndarray, shape (n_nodes,)
        s, ascending, on the clock of the files.
    cutoff, force_cutoff : float, optional
        Low-pass (Hz) of coordinates and of forces; None for none.

    Raises
    ------
    ModelMismatch
        Times outside a file, missing values among them (which coordinate, when), or cut-offs beyond half the rate.
    """
    time = np.asarray(time, dtype=float)
    if time.ndim != 1 or len(time) < 1 or not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        raise ModelMismatch(f"{samples.where}: times of nodes must be finite and ascending, got {time!r}.")
    whole = _known_stretch(samples, time)
    values, own = samples.values[whole], samples.start + np.arange(whole.start, whole.stop) / samples.rate
    if cutoff is not None:
        if not 0.0 < cutoff < 0.5 * samples.rate:
            raise ModelMismatch(
                f"{samples.where}: coordinates at {samples.rate:g} Hz cannot pass a low-pass of {cutoff:g} Hz; choose "
                "one below half the rate."
            )
        values = low_pass(values, samples.rate, cutoff)
    free = [(order, np.zeros(values.shape[1])) for order in (3, 4)]
    spline = make_interp_spline(own, values, k=5, bc_type=(free, free))
    at = np.clip(time, own[0], own[-1])
    wrenches = {}
    for load in samples.loads:
        wrench = load_at(load, time, force_cutoff, f"forces of {samples.where.name}")
        wrenches[load.foot] = FootWrench(load.segment, wrench[:, :3], wrench[:, 3:], load.about)
    moments = {} if samples.moments is None else {"moments": samples.moments.at(time, values.shape[1])}
    motion = RecordedMotion(
        samples.coordinates,
        time,
        spline(at),
        spline(at, 1),
        spline(at, 2),
        wrenches,
        samples.rate,
        cutoff,
        force_cutoff,
        samples.muscles,
        _emg_at(samples, time),
        samples.notes,
        *((samples.markers.labels, samples.markers.at(time, cutoff)) if samples.markers else ()),
        **moments,
    )
    return over_ground(motion, *samples.belt) if samples.belt else motion


def _known_stretch(samples: TrialSamples, time: np.ndarray) -> slice:
    """Rows around the wanted times in which no coordinate is missing."""
    tick = 1e-6 + 0.01 / samples.rate
    if time[0] < samples.start - tick or time[-1] > samples.end + tick:
        raise ModelMismatch(
            f"{samples.where}: coordinates reach from {samples.start:g} to {samples.end:g} s, but {time[0]:g} to "
            f"{time[-1]:g} s are wanted; choose a window inside."
        )
    last = len(samples.values) - 1
    first = min(max(int(np.floor((time[0] - samples.start) * samples.rate + 1e-3)), 0), last)
    stop = min(int(np.ceil((time[-1] - samples.start) * samples.rate - 1e-3)), last)
    known = np.isfinite(samples.values)
    lost = np.argwhere(~known[first : stop + 1])
    if len(lost):
        row, column = lost[0]
        count = int((lost[:, 1] == column).sum())
        raise ModelMismatch(
            f"{samples.where}: {samples.coordinates[column]} has no number at "
            f"{samples.start + (first + row) / samples.rate:.4g} s ({count} rows of the window); fill the gap or "
            "choose another window."
        )
    gaps = np.flatnonzero(~known.all(axis=1))
    low = int(gaps[gaps < first].max(initial=-1)) + 1
    high = int(gaps[gaps > stop].min(initial=last + 1))
    if high - low < SHORTEST:
        raise ModelMismatch(
            f"{samples.where}: {high - low} rows without a gap around {time[0]:g} s; a spline needs {SHORTEST}."
        )
    return slice(low, high)


def _emg_at(samples: TrialSamples, time: np.ndarray) -> np.ndarray:
    """EMG (n_nodes, n_muscles), linear between its samples; NaN outside the file."""
    own = samples.emg_start + np.arange(len(samples.emg)) / samples.emg_rate
    columns = [np.interp(time, own, column, left=np.nan, right=np.nan) for column in samples.emg.T]
    return np.stack(columns, axis=1) if columns else np.empty((len(time), 0))


def recorded_motion(
    files: MotionFiles,
    skeleton: Skeleton,
    time: np.ndarray,
    *,
    cutoff: float | None = None,
    force_cutoff: float | None = None,
    constant: Mapping[str, float] | None = None,
    held: Mapping[str, float] | None = None,
    about: Point = (0.0, 0.0, 0.0),
) -> RecordedMotion:
    """Read the files of a trial and give it at times: `read_trial_samples`, then `motion_at`."""
    samples = read_trial_samples(files, skeleton, constant=constant, held=held, about=about)
    return motion_at(samples, time, cutoff=cutoff, force_cutoff=force_cutoff)

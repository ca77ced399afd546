"""A trial: what one recording holds, in SI units and the ground frame (X forward, Y up, Z right)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mocap_import.subject import Subject


class TrialRefused(Exception):  # noqa: N818  (a word of the field, see docs/architecture.md)
    """A recording that cannot become a trial: names the file, the expected, the found and the remedy."""


@dataclass(frozen=True)
class GroundReaction:
    """Force of the ground on the subject, from one plate, one foot or both.

    Attributes
    ----------
    force : ndarray, shape (n_frames, 3)
        Force on the subject (N), ground frame; NaN where unknown.
    centre_of_pressure : ndarray, shape (n_frames, 3)
        Point of application (m), ground frame; NaN below the force threshold.
    free_moment : ndarray, shape (n_frames,)
        Vertical free moment on the subject (N·m); NaN below the force threshold.
    rate : float
        Samples per second (Hz); the first sample is simultaneous with the first marker frame.
    foot : str
        ``"right"``, ``"left"``, ``"both"`` (they cannot be told apart) or ``"unknown"``.
    name : str
        The plate or source, e.g. ``"plate 1"``.
    corners : ndarray, shape (4, 3), or None
        Corners of the plate's working surface (m), ground frame, in the order of the C3D file; None if it is no plate.
    """

    force: np.ndarray
    centre_of_pressure: np.ndarray
    free_moment: np.ndarray
    rate: float
    foot: str = "unknown"
    name: str = ""
    corners: np.ndarray | None = None


@dataclass(frozen=True)
class PlateStep:
    """One contact of a foot with one plate, and whether forces of it can be used.

    Attributes
    ----------
    plate : str
        Name of the plate, e.g. ``"plate 1"``.
    foot : str
        ``"right"``, ``"left"``, ``"both"`` or ``"unknown"``.
    start, stop : float
        Seconds after the first frame of the trial.
    usable : bool
        One foot alone, wholly on the plate, from strike to off.
    reason : str
        Why it is not usable, ``""`` if it is.
    """

    plate: str
    foot: str
    start: float
    stop: float
    usable: bool
    reason: str = ""


@dataclass(frozen=True)
class GaitEvent:
    """A foot strike or foot off.

    Attributes
    ----------
    time : float
        Seconds after the first frame of the trial.
    foot : str
        ``"right"`` or ``"left"``.
    kind : str
        ``"foot_strike"`` or ``"foot_off"``.
    source : str
        ``"file"``, ``"force"``, ``"markers"`` or ``"imu"``.
    """

    time: float
    foot: str
    kind: str
    source: str


@dataclass(frozen=True)
class Treatment:
    """Something that was repaired, assumed or refused in a trial, in words a laboratory reads.

    Attributes
    ----------
    what : str
        Short stable key, e.g. ``"gap_filled"``, ``"axes_inferred"``, ``"plate_refused"``.
    detail : str
        The sentence for the table: where, how much, what was done.
    """

    what: str
    detail: str


@dataclass(frozen=True)
class MarkerTrial:
    """One recording of markers and forces.

    Attributes
    ----------
    name : str
        Unique within its subject, e.g. ``"walk_02"``.
    subject : Subject
    labels : tuple of str
        Marker labels as in the file, prefixes stripped, length n_markers.
    positions : ndarray, shape (n_frames, n_markers, 3)
        Marker positions (m), ground frame; NaN = occluded.
    rate : float
        Frames per second (Hz).
    task : str
        ``"static"``, ``"walk"``, ``"run"``, ``"turn"`` or ``"unknown"``.
    marker_set : str
        Name of the marker set that gives the labels their meaning, ``"unknown"`` if none fits.
    filled : ndarray of bool, shape (n_frames, n_markers)
        Samples that were occluded and are estimates now.
    fill_method : ndarray of uint8, shape (n_frames, n_markers), or None
        How each sample was filled, as a number of `gap.filling.FILL_METHODS`; 0 where nothing was filled.
    fill_uncertainty : ndarray of float32, shape (n_frames, n_markers), or None
        Standard uncertainty (m) of filled samples; 0 where measured, NaN where missing.
    ground_reactions : tuple of GroundReaction
    steps : tuple of PlateStep
        Every contact with a plate, usable or not.
    events : tuple of GaitEvent
    belt_speed : float
        Speed (m/s) at which the ground moves backwards: 0 overground, NaN if a treadmill's speed is unknown.
    analog : dict
        Other analog channels, label → array (n_samples,), in the file's own unit.
    analog_units : dict
        Label → unit as the file writes it; channels without a stated unit are absent.
    analog_rate : float
        Samples per second of `analog` (Hz).
    emg_envelopes : dict
        Label → (n_frames,) linear envelope, 1 = peak of the trial, at the marker frames; empty unless asked for.
    model_outputs : dict
        What a laboratory's model computed (angles, moments, virtual points): label → (n_frames, 3), in the file's own
        unit and axes, never scaled.
    model_output_units : dict
        Label → unit as the file writes it; outputs without a stated unit are absent.
    segment_rotations : dict
        Segment → (n_samples, 4, 4) homogeneous transforms as a markerless system writes them, in the file's own unit
        and axes.
    segment_rotation_rate : float
        Samples per second of `segment_rotations` (Hz).
    start_time : float
        Time (s) of the first frame on the file's own clock: (number of the first frame - 1) / rate.
    session : str
        Day or visit of the recording within its subject, ``""`` if the archive does not tell.
    source : str
        The file it came from, relative to the archive.
    source_hash : str
        SHA-256 of that file.
    treatments : tuple of Treatment
        Everything that was repaired, assumed or refused.
    """

    name: str
    subject: Subject
    labels: tuple[str, ...]
    positions: np.ndarray
    rate: float
    task: str = "unknown"
    marker_set: str = "unknown"
    filled: np.ndarray | None = None
    fill_method: np.ndarray | None = None
    fill_uncertainty: np.ndarray | None = None
    ground_reactions: tuple[GroundReaction, ...] = ()
    steps: tuple[PlateStep, ...] = ()
    events: tuple[GaitEvent, ...] = ()
    belt_speed: float = 0.0
    analog: dict[str, np.ndarray] = field(default_factory=dict)
    analog_units: dict[str, str] = field(default_factory=dict)
    analog_rate: float = 0.0
    emg_envelopes: dict[str, np.ndarray] = field(default_factory=dict)
    model_outputs: dict[str, np.ndarray] = field(default_factory=dict)
    model_output_units: dict[str, str] = field(default_factory=dict)
    segment_rotations: dict[str, np.ndarray] = field(default_factory=dict)
    segment_rotation_rate: float = 0.0
    start_time: float = 0.0
    session: str = ""
    source: str = ""
    source_hash: str = ""
    treatments: tuple[Treatment, ...] = ()

    @property
    def n_frames(self) -> int:
        """Number of marker frames."""
        return len(self.positions)

    @property
    def time(self) -> np.ndarray:
        """Time of each frame (s), from the rate, never from a rounded column."""
        return np.arange(self.n_frames) / self.rate

    def marker(self, label: str) -> np.ndarray:
        """Positions (n_frames, 3) of one marker; a clear error if the trial lacks it."""
        try:
            return self.positions[:, self.labels.index(label)]
        except ValueError:
            known = ", ".join(self.labels[:60])
            raise TrialRefused(
                f"{self.source or self.name}: no marker {label!r}; the trial holds {known}. "
                "Check the marker set (`kinesynth labels`)."
            ) from None

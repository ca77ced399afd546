"""Scene: what can be seen of one recording or movement, on one time base, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap_import.trial import GaitEvent


@dataclass(frozen=True)
class Markers:
    """Markers of a recording.

    Attributes
    ----------
    names : tuple of str
    positions : ndarray, shape (n_frames, n_markers, 3)
        m, ground frame; NaN = not seen.
    """

    names: tuple[str, ...]
    positions: np.ndarray


@dataclass(frozen=True)
class StickFigure:
    """Joints of a skeleton and the sticks between them.

    Attributes
    ----------
    names : tuple of str
        Of the points: a segment's name for its origin, with ``" end"`` for the free end of a last segment.
    positions : ndarray, shape (n_frames, n_points, 3)
        m, ground frame; NaN where the motion is unknown.
    sticks : tuple of (int, int)
        Points that are joined.
    sides : tuple of str
        Of each stick: ``"right"``, ``"left"`` or ``""``.
    """

    names: tuple[str, ...]
    positions: np.ndarray
    sticks: tuple[tuple[int, int], ...]
    sides: tuple[str, ...]


@dataclass(frozen=True)
class ForceVector:
    """A force of the ground at its centre of pressure.

    Attributes
    ----------
    name : str
    side : str
        ``"right"``, ``"left"`` or ``""``.
    force : ndarray, shape (n_frames, 3)
        On the subject (N), ground frame.
    point : ndarray, shape (n_frames, 3)
        m, ground frame; NaN where nothing is drawn.
    """

    name: str
    side: str
    force: np.ndarray
    point: np.ndarray


@dataclass(frozen=True)
class SensorFrame:
    """The frame of an inertial sensor on its segment.

    Attributes
    ----------
    name : str
    origin : ndarray, shape (n_frames, 3)
        m, ground frame.
    quaternion : ndarray, shape (n_frames, 4)
        Sensor → ground, scalar last; NaN where unknown.
    """

    name: str
    origin: np.ndarray
    quaternion: np.ndarray


@dataclass(frozen=True)
class Signal:
    """Curves that share a panel.

    Attributes
    ----------
    group : str
        What is chosen together, e.g. the sensor.
    name : str
        Title of the panel.
    unit : str
    channels : tuple of str
    values : ndarray, shape (n_frames, n_channels)
        NaN = missing.
    """

    group: str
    name: str
    unit: str
    channels: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True)
class Scene:
    """What can be seen of one recording or movement.

    Attributes
    ----------
    title : str
        Without names of persons.
    rate : float
        Frames per second (Hz) of everything.
    n_frames : int
    markers : Markers or None
    figure : StickFigure or None
    forces : tuple of ForceVector
    sensors : tuple of SensorFrame
    signals : tuple of Signal
    events : tuple of GaitEvent
    plates : tuple of ndarray, shape (4, 3)
        Corners (m), ground frame.
    facts : tuple of (str, str)
        Lines about the recording.
    remarks : tuple of str
        What is not shown, and why.
    warning : str
        Why this must not be believed, ``""`` if it may.
    """

    title: str
    rate: float
    n_frames: int
    markers: Markers | None = None
    figure: StickFigure | None = None
    forces: tuple[ForceVector, ...] = ()
    sensors: tuple[SensorFrame, ...] = ()
    signals: tuple[Signal, ...] = ()
    events: tuple[GaitEvent, ...] = ()
    plates: tuple[np.ndarray, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    warning: str = ""

    @property
    def begin(self) -> int:
        """First frame in which a body is seen; 0 if there is none."""
        seen = np.isfinite(self.points).all(axis=2).any(axis=1)
        return int(np.argmax(seen)) if seen.any() else 0

    @property
    def points(self) -> np.ndarray:
        """Everything that is a body (n_frames, n_points, 3): the figure, else the markers; no point if neither."""
        for seen in (self.figure, self.markers):
            if seen is not None and np.isfinite(seen.positions).any():
                return seen.positions
        return np.empty((self.n_frames, 0, 3))

"""Raw C3D: what a C3D file holds, as plain data, before anything is interpreted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mocap_import.trial import Treatment


@dataclass(frozen=True)
class RawPlate:
    """One force plate as the file describes it; lengths in the file's point unit.

    Attributes
    ----------
    kind : int
        FORCE_PLATFORM:TYPE (C3D user guide; 1 to 4 are understood here).
    corners : ndarray, shape (4, 3)
        Corners 1-4 in file axes.
    origin : ndarray, shape (3,)
        FORCE_PLATFORM:ORIGIN, plate axes.
    channels : tuple of int
        Zero-based columns of `RawC3d.analog`.
    calibration : ndarray, shape (6, 6), or None
        FORCE_PLATFORM:CAL_MATRIX, rows = forces and moments, columns = channels.
    zero : tuple of int, or None
        FORCE_PLATFORM:ZERO as written: first and last frame (from 1) of the unloaded plate; (0, 0) and the like mean
        that no offset is to be taken.
    polynomial : ndarray, shape (6, 2), or None
        FORCE_PLATFORM:FPCOPPOLY, Kistler's correction of the centre of pressure: P1 to P6 of x and of y.
    """

    kind: int
    corners: np.ndarray
    origin: np.ndarray
    channels: tuple[int, ...]
    calibration: np.ndarray | None = None
    zero: tuple[int, int] | None = None
    polynomial: np.ndarray | None = None


@dataclass(frozen=True)
class RawEvent:
    """An event on the file's absolute clock: time (s), label and context as written (no context in the header)."""

    time: float
    label: str
    context: str


@dataclass(frozen=True)
class RawC3d:
    """The content of one C3D file, in the file's own units and axes.

    Only fields on this list leave the reader: names, dates and addresses that laboratories
    leave in the parameter section are never copied.

    Attributes
    ----------
    labels : tuple of str
        Marker labels, prefixes stripped, unique.
    points : ndarray, shape (n_frames, n_markers, 3)
        File unit and axes; NaN = occluded.
    unit : str
        POINT:UNITS as written, ``""`` if missing.
    rate : float
        Frames per second (Hz).
    model_outputs : dict
        Label → (n_frames, 3): angles, forces, moments, powers, virtual points of a laboratory's model, unscaled.
    model_output_units : dict
        Label → unit as the file states it for the kind of output, ``""`` if it does not.
    rotations : dict
        Segment → (n_rotation_samples, 4, 4) homogeneous transform segment → file axes, file unit, NaN = not seen.
    rotation_rate : float
        Rotation samples per second (Hz); 0 without rotations.
    analog : ndarray, shape (n_samples, n_channels)
    analog_labels, analog_units : tuple of str
    analog_rate : float
        Hz; 0 without analog channels.
    first_frame : int
        Number of the first frame, counted from 1: the absolute clock reads (first_frame - 1) / rate there.
    events : tuple of RawEvent
    plates : tuple of RawPlate
    screen : tuple of str
        POINT:X_SCREEN and Y_SCREEN, e.g. ``("+X", "+Z")``; ``""`` if missing.
    mass, height : float
        kg and m, NaN if not in the file.
    belt_speed : float
        Treadmill speed (m/s), NaN if not in the file.
    subject_name : str
        Name or code as written, for grouping trials and for the key kept apart only; never part of a product.
    subject_names : tuple of str
        Names of all subjects as written, so that they can be taken out of labels and sentences.
    source_hash : str
        SHA-256 of the file.
    treatments : tuple of Treatment
        What the reader had to repair.
    """

    labels: tuple[str, ...]
    points: np.ndarray
    unit: str
    rate: float
    model_outputs: dict[str, np.ndarray] = field(default_factory=dict)
    model_output_units: dict[str, str] = field(default_factory=dict)
    rotations: dict[str, np.ndarray] = field(default_factory=dict)
    rotation_rate: float = 0.0
    analog: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    analog_labels: tuple[str, ...] = ()
    analog_units: tuple[str, ...] = ()
    analog_rate: float = 0.0
    first_frame: int = 1
    events: tuple[RawEvent, ...] = ()
    plates: tuple[RawPlate, ...] = ()
    screen: tuple[str, str] = ("", "")
    mass: float = float("nan")
    height: float = float("nan")
    belt_speed: float = float("nan")
    subject_name: str = field(default="", repr=False)
    subject_names: tuple[str, ...] = field(default=(), repr=False)
    source_hash: str = ""
    treatments: tuple[Treatment, ...] = ()

"""Motion: how segments and coordinates move over a trial, whatever computed them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.trial import GroundReaction


@dataclass(frozen=True)
class SegmentMotion:
    """Pose of one segment over time: the waist through which every source of motion passes.

    Attributes
    ----------
    segment : str
        OpenSim body name, e.g. ``"tibia_r"``.
    origin : ndarray, shape (n_frames, 3)
        Segment origin (m), ground frame.
    orientation : Rotation, length n_frames
        Segment → ground.
    rate : float
        Frames per second (Hz).
    """

    segment: str
    origin: np.ndarray
    orientation: Rotation
    rate: float


@dataclass(frozen=True)
class Kinematics:
    """Generalized coordinates over time.

    Attributes
    ----------
    coordinates : tuple of str
        OpenSim names, length n_q.
    values : ndarray, shape (n_frames, n_q)
        rad or m; NaN where not computed.
    rate : float
        Frames per second (Hz).
    """

    coordinates: tuple[str, ...]
    values: np.ndarray
    rate: float

    def of(self, coordinate: str) -> np.ndarray:
        """Values (n_frames,) of one coordinate."""
        return self.values[:, self.coordinates.index(coordinate)]


@dataclass(frozen=True)
class Kinetics:
    """Generalized forces, ground reactions and muscle activations over time.

    Attributes
    ----------
    coordinates : tuple of str
        OpenSim names, length n_q.
    generalized_forces : ndarray, shape (n_frames, n_q)
        N·m for rotations, N for translations; NaN where not computed.
    rate : float
        Frames per second (Hz).
    ground_reactions : tuple of GroundReaction
        At the same rate, one per foot.
    muscles : tuple of str
        Names of the columns of `activations`.
    activations : ndarray, shape (n_frames, n_muscles)
        0..1; NaN where not computed.
    """

    coordinates: tuple[str, ...]
    generalized_forces: np.ndarray
    rate: float
    ground_reactions: tuple[GroundReaction, ...] = ()
    muscles: tuple[str, ...] = ()
    activations: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))

    def of(self, coordinate: str) -> np.ndarray:
        """Generalized force (n_frames,) of one coordinate."""
        return self.generalized_forces[:, self.coordinates.index(coordinate)]

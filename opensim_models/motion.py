"""Motion: how segments and coordinates move over a trial, whatever computed them."""

from __future__ import annotations

import math
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
class RootResidual:
    """What inverse dynamics finds at the root of the skeleton, where nothing holds a person: zero in a perfect world.

    Attributes
    ----------
    force : ndarray, shape (n_frames, 3)
        N, ground frame; NaN where not computed.
    moment : ndarray, shape (n_frames, 3)
        N·m about the origin of the root segment, ground frame.
    body_weight : float
        Of the skeleton (N).
    height : float
        Of the subject (m); NaN if unknown.
    """

    force: np.ndarray
    moment: np.ndarray
    body_weight: float
    height: float = math.nan

    @property
    def force_percent(self) -> np.ndarray:
        """Magnitude of the force (n_frames,) in % of the body weight."""
        return 100.0 * np.linalg.norm(self.force, axis=1) / self.body_weight

    @property
    def moment_percent(self) -> np.ndarray:
        """Magnitude of the moment (n_frames,) in % of body weight × height; NaN without a height."""
        return 100.0 * np.linalg.norm(self.moment, axis=1) / (self.body_weight * self.height)


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
    residual : RootResidual, optional
        Of inverse dynamics.
    masked : ndarray of bool, shape (n_frames,)
        Frames in which some generalized force is unknown; empty where nothing was masked.
    mask_reasons : tuple of str
        Why and when, as sentences.
    cutoff : float, optional
        Low-pass (Hz) that motion and forces passed.
    """

    coordinates: tuple[str, ...]
    generalized_forces: np.ndarray
    rate: float
    ground_reactions: tuple[GroundReaction, ...] = ()
    muscles: tuple[str, ...] = ()
    activations: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    residual: RootResidual | None = None
    masked: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    mask_reasons: tuple[str, ...] = ()
    cutoff: float | None = None

    def of(self, coordinate: str) -> np.ndarray:
        """Generalized force (n_frames,) of one coordinate."""
        return self.generalized_forces[:, self.coordinates.index(coordinate)]

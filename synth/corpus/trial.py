"""A trial of a corpus: inertial records and what is known of the motion behind them, on one time base."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, Treatment
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics, Kinetics, SegmentMotion
from synth.imu.error_recipe import ImuErrors
from synth.imu.recording import ImuRecording


@dataclass(frozen=True)
class MuscleActivity:
    """EMG envelopes of a trial at its frames.

    Attributes
    ----------
    channels, muscles, sides : tuple of str
        Label in the recording; muscle and side, ``""`` where the label tells none.
    envelopes : ndarray, shape (n_frames, n_channels)
        Normalised as `recipe` says; NaN = missing.
    rate : float
        Hz; that of the trial.
    recipe : str
        How they were made, e.g. ``"band-pass 20-450 Hz, rectified, low-pass 6 Hz, order 4 zero-phase, peak of trial"``.
    """

    channels: tuple[str, ...]
    muscles: tuple[str, ...]
    sides: tuple[str, ...]
    envelopes: np.ndarray
    rate: float
    recipe: str


@dataclass(frozen=True)
class SolutionFacts:
    """What is known of one solution of optimal control behind a trial, or a stretch of it.

    Attributes
    ----------
    start, end : float
        Stretch of the trial that shows it (s after the first frame); a periodic solution may be shown several times.
    converged : bool
        Whether the solver said so.
    objective : float
        Dimensionless; of the last problem of its ladder.
    iterations : int
        Of the solver.
    cpu_seconds : float
        CPU time (s) of all its problems; NaN if not kept. It is content: another value gives another file.
    n_nodes : int
        Instants at which the equations of motion hold.
    residual_share : float
        RMS residual of the equations of motion between the nodes, as a share of body weight; NaN if not measured.
    """

    start: float
    end: float
    converged: bool
    objective: float
    iterations: int
    cpu_seconds: float = math.nan
    n_nodes: int = 0
    residual_share: float = math.nan


@dataclass(frozen=True)
class CorpusTrial:
    """One trial, measured, computed or predicted.

    All arrays share `rate` and the same number of frames; a method that has no value for a frame (outside the solved
    gait cycles, next to a gap) leaves NaN there.

    Attributes
    ----------
    name : str
        Unique within its subject.
    subject : Subject
    rate : float
        Samples per second (Hz) of every array.
    recordings : tuple of ImuRecording
        Clean when written; with the errors of the recipe when read (unless read with ``clean=True``).
    errors : ImuErrors or None
        The recipe; None: the records are used as they are stored.
    kinematics : Kinematics or None
    kinetics : Kinetics or None
    events : tuple of GaitEvent
    task : str
        ``"static"``, ``"walk"``, ``"run"``, ``"turn"`` or ``"unknown"``.
    belt_speed : float
        Speed (m/s) of the ground backwards; 0 overground, NaN unknown.
    spatiotemporal : dict of str to float
        SI; keys as ``speed``, ``cadence``, ``step_length_r``.
    status : str
        ``"measured"``, ``"converged"``, ``"refused"`` or ``"predicted"``.
    reason : str
        Why it was refused, or what is to be known about the status.
    source : str
        File or model it came from.
    source_hash : str
        SHA-256 of that file.
    treatments : tuple of Treatment
    seconds : float
        CPU time (s) spent to make it; NaN if not measured. It is content: another value gives another file.
    start_time : float
        Time (s) of the first frame on the clock of its source.
    session : str
        Day or visit of the recording within its subject; ``""`` if unknown.
    skeleton : Skeleton or None
        The model whose coordinates `kinematics` and `kinetics` are, scaled to the subject.
    solutions : tuple of SolutionFacts
        Of optimal control, one a solved stretch.
    segments : tuple of SegmentMotion
        Poses of segments with six degrees of freedom each, where no skeleton's coordinates tell them: marker clusters,
        or joints that turn about three axes. NaN origin: the pose is unknown.
    """

    name: str
    subject: Subject
    rate: float
    recordings: tuple[ImuRecording, ...] = ()
    errors: ImuErrors | None = None
    kinematics: Kinematics | None = None
    kinetics: Kinetics | None = None
    activity: MuscleActivity | None = None
    events: tuple[GaitEvent, ...] = ()
    task: str = "unknown"
    belt_speed: float = 0.0
    spatiotemporal: dict[str, float] = field(default_factory=dict)
    status: str = "measured"
    reason: str = ""
    source: str = ""
    source_hash: str = ""
    treatments: tuple[Treatment, ...] = ()
    seconds: float = math.nan
    start_time: float = 0.0
    session: str = ""
    skeleton: Skeleton | None = None
    solutions: tuple[SolutionFacts, ...] = ()
    segments: tuple[SegmentMotion, ...] = ()

    @property
    def n_frames(self) -> int:
        """Number of frames; 0 for a trial that holds no array (a refused one, for instance)."""
        if self.recordings:
            return len(self.recordings[0].specific_force)
        if self.kinematics is not None:
            return len(self.kinematics.values)
        if self.kinetics is not None:
            return len(self.kinetics.generalized_forces)
        return len(self.segments[0].origin) if self.segments else 0

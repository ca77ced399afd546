"""Trial samples: the OpenSim files of a trial as they were read for a skeleton, on one clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from opensim_models.exchange.storage import read_motion
from opensim_models.exchange.storage_table import read_table
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.recording.belt import forward_coordinate
from synth.optimal_control.recording.followed_markers import FollowedMarkers, read_followed_markers
from synth.optimal_control.recording.followed_moments import FollowedMoments, read_followed_moments
from synth.optimal_control.recording.ground_load import GroundLoad, read_ground_loads

Point = tuple[float, float, float]


@dataclass(frozen=True)
class MotionFiles:
    """Files of one trial.

    Attributes
    ----------
    coordinates : Path
        .mot or .sto of inverse kinematics, or states.
    loads : Path, optional
        ExternalLoads .xml.
    forces : Path, optional
        Its .mot; default: the one that `loads` names.
    emg : Path, optional
        .sto or .mot with one column a muscle.
    markers : Path, optional
        .trc, in the model's axes.
    belt : float
        m/s at which a treadmill's belt ran backwards; 0: overground. See `belt.over_ground`.
    moments : Path, optional
        .sto of inverse dynamics (N·m).
    """

    coordinates: Path
    loads: Path | None = None
    forces: Path | None = None
    emg: Path | None = None
    markers: Path | None = None
    belt: float = 0.0
    moments: Path | None = None


@dataclass(frozen=True)
class TrialSamples:
    """Files of one trial as they were read, on one clock.

    Attributes
    ----------
    values : ndarray, shape (n, n_q)
        rad or m, in the order of the skeleton; NaN = missing.
    rate, start : float
        Hz, and the time (s) of the first row.
    loads : tuple of GroundLoad
    muscles, emg, emg_rate, emg_start
        Columns of the EMG table; empty without one.
    where : Path
        The file of coordinates.
    notes : tuple of str
    markers : FollowedMarkers, optional
    belt : (int, float), optional
        Coordinate that goes forward, and the speed (m/s) of the belt that runs backwards under it.
    moments : FollowedMoments, optional
    """

    coordinates: tuple[str, ...]
    values: np.ndarray
    rate: float
    start: float
    loads: tuple[GroundLoad, ...]
    where: Path
    muscles: tuple[str, ...] = ()
    emg: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    emg_rate: float = 1.0
    emg_start: float = 0.0
    notes: tuple[str, ...] = ()
    markers: FollowedMarkers | None = None
    belt: tuple[int, float] | None = None
    moments: FollowedMoments | None = None

    @property
    def end(self) -> float:
        """Time (s) of the last row of coordinates."""
        return self.start + (len(self.values) - 1) / self.rate


def read_trial_samples(
    files: MotionFiles,
    skeleton: Skeleton,
    *,
    constant: Mapping[str, float] | None = None,
    held: Mapping[str, float] | None = None,
    about: Point = (0.0, 0.0, 0.0),
) -> TrialSamples:
    """Read the files of a trial.

    Parameters
    ----------
    files : MotionFiles
    skeleton : Skeleton
        Whose coordinates are wanted.
    constant : mapping, optional
        Coordinate → value (rad or m) for those that the file may lack.
    held : mapping, optional
        Coordinates that the model holds, as of `model_preparation.PreparedModel`: a note says how far the file is off.
    about : tuple of 3 floats
        Point (m), ground frame, about which moments are taken.

    Raises
    ------
    ModelMismatch
        A file that is none, or coordinates that it lacks and `constant` does not give.
    """
    path, constant = Path(files.coordinates), dict(constant or {})
    motion = read_motion(path, skeleton=skeleton)
    start = read_table(path).start_time
    names = skeleton.coordinate_names
    missing = [name for name in names if name not in motion.coordinates]
    unknown = [name for name in missing if name not in constant]
    if unknown:
        raise ModelMismatch(
            f"{path}: has no {', '.join(unknown)}, which {skeleton.name} moves. Hold them (--hold NAME), or give a "
            "value for each in `constant`."
        )
    notes = [f"{name} is not in {path.name}: taken as {constant[name]:g}" for name in missing]
    columns = [np.full(len(motion.values), constant[n]) if n in missing else motion.of(n) for n in names]
    for name, value in (held or {}).items():
        if name in motion.coordinates and np.isfinite(motion.of(name)).any():
            off = float(np.nanmax(np.abs(motion.of(name) - value)))
            if off > 1e-6:
                notes.append(f"{name} is held at {value:.4g}, but is up to {off:.3g} away from that in {path.name}")
    loads, said = read_ground_loads(files.loads, files.forces, about) if files.loads else ((), ())
    emg = read_table(files.emg) if files.emg else None
    table = {} if emg is None else dict(emg_rate=emg.rate, emg_start=emg.start_time, muscles=emg.labels, emg=emg.values)
    markers = read_followed_markers(files.markers, skeleton) if files.markers else None
    moments = read_followed_moments(files.moments, skeleton, tuple(held or ())) if files.moments else None
    notes.extend(followed.note for followed in (markers, moments) if followed)
    where = dict(where=path, notes=(*notes, *said), markers=markers, moments=moments)
    belt = (forward_coordinate(skeleton), files.belt) if files.belt else None
    return TrialSamples(names, np.stack(columns, axis=1), motion.rate, start, loads, belt=belt, **table, **where)

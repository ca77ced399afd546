"""Time warp: the same path, walked faster here and slower there.

A movement p(t) along which time runs as t = τ(s) has the velocity p' τ', the acceleration p'' τ'² + p' τ'' and the
angular velocity ω τ'. A *recording* cannot be warped: stretching the samples of R^T (a - g) keeps a where it must grow
with τ'², and would scale gravity with it; to take them apart needs the orientation, and the τ'' term the velocity,
neither of which a recording holds. So motion is warped, and sensors are simulated on it anew. The one exception,
a uniform change of size *and* speed that keeps accelerations, is `augmentation.similar_recording`.

Forces and moments do not follow a warp either: compute them from the warped motion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.spatial.transform import Rotation

from mocap_import.stretch import stretches
from mocap_import.trial import GaitEvent
from opensim_models.motion import Kinematics, SegmentMotion

LOWEST = 0.25
"""A drawn warp never runs slower than this share of its mean speed."""
_DEGREE = 5
_MOST_HARMONICS = 32
_TRIES = 200


@dataclass(frozen=True)
class TimeWarp:
    """Motion time τ as a function of warped time s: τ' = speed (1 + Σ depth_j cos(w_j s + phase_j)).

    Attributes
    ----------
    duration : float
        Of the warped movement (s).
    speed : float
        Mean of τ': 2 is twice as fast.
    harmonics : ndarray of int, shape (n,)
        Whole periods in the duration, 1 or more, so that start and end keep their place: w = 2π harmonic / duration.
    depths, phases : ndarray, shape (n,)
        Of each (1, rad).
    """

    duration: float
    speed: float = 1.0
    harmonics: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))
    depths: np.ndarray = field(default_factory=lambda: np.zeros(0))
    phases: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        """Refuse what is no warp."""
        if not (np.isfinite(self.duration) and self.duration > 0 and np.isfinite(self.speed) and self.speed > 0):
            raise ValueError(f"duration (s) and speed must be positive, got {self.duration} and {self.speed}.")
        if not np.shape(self.harmonics) == np.shape(self.depths) == np.shape(self.phases):
            raise ValueError(
                f"{len(self.harmonics)} harmonics, {len(self.depths)} depths and {len(self.phases)} phases; expected "
                "as many of each."
            )

    @property
    def _waves(self) -> list[tuple[float, float, float]]:
        """Angular frequency (rad/s), depth and phase (rad) of every harmonic."""
        frequencies = 2.0 * np.pi * np.asarray(self.harmonics) / self.duration
        return list(zip(frequencies.tolist(), self.depths.tolist(), self.phases.tolist(), strict=True))

    def motion_time(self, time: np.ndarray) -> np.ndarray:
        """τ (s) at warped times (s)."""
        time = np.asarray(time, dtype=float)
        waves = (d / w * (np.sin(w * time + phase) - np.sin(phase)) for w, d, phase in self._waves)
        return self.speed * sum(waves, start=time)

    def pace(self, time: np.ndarray) -> np.ndarray:
        """τ' at warped times (s)."""
        time = np.asarray(time, dtype=float)
        return self.speed * sum((d * np.cos(w * time + phase) for w, d, phase in self._waves), start=np.ones_like(time))

    def pace_change(self, time: np.ndarray) -> np.ndarray:
        """τ'' (1/s) at warped times (s)."""
        time = np.asarray(time, dtype=float)
        waves = (-d * w * np.sin(w * time + phase) for w, d, phase in self._waves)
        return self.speed * sum(waves, start=np.zeros_like(time))

    def warped_time(self, motion_time: np.ndarray) -> np.ndarray:
        """Warped times (s) at which the movement reaches motion times (s): the inverse of `motion_time`."""
        grid = np.linspace(0.0, self.duration, 64 * int(np.max(self.harmonics, initial=1)) + 1)
        wanted = np.asarray(motion_time, dtype=float)
        found = np.interp(wanted, self.motion_time(grid), grid)
        for _ in range(6):
            found = found - (self.motion_time(found) - wanted) / self.pace(found)
        return found


def draw_time_warp(
    rng: np.random.Generator, duration: float, *, depth: float = 0.1, highest: float = 0.5, speed: float = 1.0
) -> TimeWarp:
    """Draw a smooth warp of a movement.

    Parameters
    ----------
    rng : numpy.random.Generator
    duration : float
        Of the movement before the warp (s).
    depth : float
        RMS of the relative change of speed.
    highest : float
        Highest frequency (Hz) of that change; at least the first harmonic is used, at most 32 drawn from all.
    speed : float
        Mean speed.

    Returns
    -------
    TimeWarp
        Harmonics of equal depth and random phase, never slower than a quarter of the mean speed.

    Raises
    ------
    ValueError
        Where `depth` leaves no such warp.
    """
    warped = duration / speed
    highest_harmonic = max(1, int(highest * warped))
    n = min(highest_harmonic, _MOST_HARMONICS)
    harmonics = np.sort(rng.choice(highest_harmonic, n, replace=False)) + 1
    depths = np.full(n, depth * np.sqrt(2.0 / n))
    grid = np.linspace(0.0, warped, 16 * highest_harmonic + 1)
    for _ in range(_TRIES):
        warp = TimeWarp(warped, speed, harmonics, depths, rng.uniform(0.0, 2.0 * np.pi, n))
        if warp.pace(grid).min() >= LOWEST * speed:
            return warp
    raise ValueError(f"no warp of depth {depth:g} stays above {LOWEST:g} of its mean speed; expected 0.3 or less.")


def warp_motion(motion: SegmentMotion, warp: TimeWarp) -> SegmentMotion:
    """Move along the same path in another time.

    Parameters
    ----------
    motion : SegmentMotion
        Quintic splines go through its positions and quaternions; run by run where frames are missing.
    warp : TimeWarp

    Returns
    -------
    SegmentMotion
        At the same rate, `warp.duration` long; missing (NaN origin, identity) between frames of which one is missing.
    """
    present = np.isfinite(motion.origin).all(axis=1)
    quaternion = np.where(present[:, None], motion.orientation.as_quat(), np.nan)
    known = np.flatnonzero(present)
    turned = np.einsum("ij,ij->i", quaternion[known[1:]], quaternion[known[:-1]]) < 0
    quaternion[known[1:]] *= np.where(np.cumsum(turned) % 2, -1.0, 1.0)[:, None]
    sampled = _sampled(np.hstack([motion.origin, quaternion]), motion.rate, warp)
    missing = np.isnan(sampled).any(axis=1)
    sampled[missing, 3:] = 0.0, 0.0, 0.0, 1.0
    sampled[missing, :3] = np.nan
    return replace(motion, origin=sampled[:, :3], orientation=Rotation.from_quat(sampled[:, 3:]))


def warp_kinematics(kinematics: Kinematics, warp: TimeWarp) -> Kinematics:
    """Coordinates of the warped movement, as `warp_motion` gives its segments."""
    columns = [_sampled(column[:, None], kinematics.rate, warp) for column in kinematics.values.T]
    return replace(kinematics, values=np.hstack(columns) if columns else kinematics.values[:0])


def warp_events(events: Sequence[GaitEvent], warp: TimeWarp) -> tuple[GaitEvent, ...]:
    """Gait events at their times in the warped movement."""
    times = warp.warped_time(np.array([event.time for event in events]))
    return tuple(replace(event, time=float(time)) for event, time in zip(events, times, strict=True))


def _sampled(values: np.ndarray, rate: float, warp: TimeWarp) -> np.ndarray:
    """Values (n, m) at the times that a warp asks for; NaN between two rows of which one is not finite."""
    # Frames are counted with a hair of room, so that rounding does not cost the last one.
    time = np.arange(int(np.floor(warp.duration * rate + 1e-6)) + 1) / rate
    frame = warp.motion_time(time) * rate
    result = np.full((len(time), values.shape[1]), np.nan)
    for start, stop in zip(*stretches(np.isfinite(values).all(axis=1)), strict=True):
        inside = (frame >= start - 1e-6) & (frame <= stop - 1 + 1e-6)
        if stop - start > _DEGREE:
            spline = make_interp_spline(np.arange(start, stop), values[start:stop], k=_DEGREE)
            result[inside] = spline(frame[inside])
        else:
            exact = np.abs(frame - np.round(frame)) < 1e-6
            result[inside & exact] = values[np.round(frame[inside & exact]).astype(int)]
    return result

"""Keypoint clip: what a detector makes of a gait that a camera sees for some seconds, with what is true of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.camera.detector import DetectorErrors, detected
from synth.camera.filmed_gait import FilmedGait, uneven_phase
from synth.camera.keypoint import KEYPOINTS
from synth.camera.pinhole import LARGEST_OBLIQUE, PinholeCamera, camera_beside

RATES = (24.0, 25.0, 30.0, 50.0, 60.0)
"""Frames per second of usual cameras (Hz)."""
NEAREST = 0.5
"""Of the view's distance: nearer than that a person has outgrown the picture, or left it past the camera."""
_MIDDLE = 0.5
_HIPS = [KEYPOINTS.index(f"hip_{side}") for side in "rl"]


@dataclass(frozen=True)
class View:
    """From where a gait is seen, and how.

    Attributes
    ----------
    distance, height : float
        Of the camera, from the person and over the floor (m).
    oblique : float
        Degrees, see `pinhole.camera_beside`.
    side : str
        The near one, ``"r"`` or ``"l"``.
    focal : float
        Pixels.
    rate : float
        Hz.
    walks_on_spot : bool
        A periodic gait is seen as on a treadmill, or by a camera that follows.
    """

    distance: float = 4.0
    height: float = 1.0
    oblique: float = 0.0
    side: str = "r"
    focal: float = 1000.0
    rate: float = 30.0
    walks_on_spot: bool = False


@dataclass(frozen=True)
class KeypointClip:
    """Keypoints of one clip.

    Attributes
    ----------
    pixels : ndarray, shape (n, 12, 2)
        NaN where nothing was found.
    rate : float
        Hz.
    stature : float
        m.
    waves : ndarray, shape (n, 26)
        `filmed_gait.WAVES` at the frames.
    gait : FilmedGait
    view : View
    """

    pixels: np.ndarray
    rate: float
    stature: float
    waves: np.ndarray
    gait: FilmedGait
    view: View


def draw_view(rng: np.random.Generator, largest_oblique: float = LARGEST_OBLIQUE, least_oblique: float = 0.0) -> View:
    """A camera that somebody might set up, so many degrees oblique at least and at most, from ahead or from behind."""
    distance, height = float(rng.uniform(3.0, 8.0)), float(rng.uniform(0.6, 1.7))
    drawn = float(rng.uniform(least_oblique - largest_oblique, largest_oblique - least_oblique))
    return View(
        distance=distance,
        height=height,
        oblique=drawn + float(np.copysign(least_oblique, drawn)),
        side="rl"[int(rng.integers(2))],
        focal=float(rng.uniform(700.0, 1400.0)),
        rate=float(rng.choice(RATES)),
        walks_on_spot=bool(rng.random() < 0.5),
    )


def film(
    gait: FilmedGait,
    view: View,
    errors: DetectorErrors,
    rng: np.random.Generator,
    *,
    seconds: float,
    start: float = 0.0,
) -> KeypointClip:
    """See a gait for some seconds; nothing is found in frames in which the person is nearer than `NEAREST`.

    Parameters
    ----------
    gait : FilmedGait
    view : View
    errors : DetectorErrors
    rng : Generator
        Of the errors, and where in a cycle a periodic gait is met.
    seconds : float
        At most: a recording may end before.
    start : float
        Of a recording (s).

    Raises
    ------
    ValueError
        A planar gait would be seen from further round than it can be: it neither lists nor turns its pelvis.
    """
    if abs(view.oblique) > LARGEST_OBLIQUE and gait.is_planar:
        raise ValueError(
            f"{gait.person}, {gait.trial}: expected a view within {LARGEST_OBLIQUE:g} degrees of the side, as nothing "
            f"in this gait moves sideways (a planar model), got {view.oblique:.0f} degrees. Film people of a model in "
            "space (kinesynth gait population --model)."
        )
    lasts = min(seconds, gait.duration - start)
    time = np.arange(max(int(lasts * view.rate), 2)) / view.rate
    if gait.period:
        points, waves = gait.at(time, uneven_phase(time, gait.period, gait.variation, rng))
        if not view.walks_on_spot:
            points = points + np.array([1.0, 0.0, 0.0]) * gait.speed * (time - time.mean())[:, None, None]
    else:
        points, waves = gait.at(time + start, time)
    camera = placed_camera(view, points, gait.height)
    pixels = camera.project(points)
    pixels[(camera.depth(points) < NEAREST * view.distance).any(axis=1)] = np.nan
    tall = view.focal * gait.height / view.distance
    return KeypointClip(detected(pixels, tall, view.rate, errors, rng), view.rate, gait.height, waves, gait, view)


def placed_camera(view: View, points: np.ndarray, stature: float) -> PinholeCamera:
    """The camera of a view, looking at the middle of where the hips (n, 12, 3) go."""
    middle = np.nanmean(points[:, _HIPS].reshape(-1, 3), axis=0)
    target = (float(middle[0]), _MIDDLE * stature, float(middle[2]))
    return camera_beside(
        target,
        view.distance,
        height=view.height,
        oblique=view.oblique,
        side=view.side,
        focal=view.focal,
        rate=view.rate,
    )

"""Keypoint input: keypoints as a network reads them, the same for every camera, stature and side of the picture.

What a user has is used, and no more: pixels, the frame rate, the person's stature. Places count from the middle of the
hips, in lengths of the chain shoulder, hip, knee, ankle as the picture shows it; people face to the right; instants are
sqrt(stature / 1.75 m) / 30 s apart, so that children and adults who walk alike (Froude) look alike. The way over the
floor is not used, so that treadmill, overground and following cameras are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap_import.subject import STANDARD_GRAVITY
from synth.camera.filmed_gait import PARAMETERS, WAVES
from synth.camera.keypoint import KEYPOINTS
from synth.camera.keypoint_clip import KeypointClip
from synth.impairment import HEALTHY, KINDS

FRAMES = 180
"""Instants of an input: 6 s of an adult. What comes after the end of a shorter clip is as if nothing were found."""
CHANNELS = 3 * len(KEYPOINTS)
"""x and y of each keypoint, then whether each was found."""
_REFERENCE_HEIGHT, _RATE = 1.75, 30.0
_UNIT = 0.25
_NEAR = 1.5
_SHOULDER, _HIP, _KNEE, _ANKLE, _HEEL, _TOE = (slice(2 * i, 2 * i + 2) for i in range(6))


@dataclass(frozen=True)
class ClipArrays:
    """Clips as arrays, one row a clip.

    Attributes
    ----------
    inputs : ndarray, shape (n, 180, 36)
    waves : ndarray, shape (n, 180, 26)
        Angles (rad), forces (body weights), activations; NaN where unknown.
    parameters : ndarray, shape (n, 4)
        `PARAMETERS` without dimension: speed / sqrt(g h), length / h, cadence sqrt(h / g), asymmetry.
    severity : ndarray, shape (n,)
        NaN where nothing is known of an impairment.
    kind : ndarray of int, shape (n,)
        Place in `synth.impairment.KINDS`; -1 where unknown.
    stature : ndarray, shape (n,)
        m.
    person, trial : ndarray of str, shape (n,)
    visit : ndarray of int, shape (n,)
    oblique : ndarray, shape (n,)
        Degrees.
    """

    inputs: np.ndarray
    waves: np.ndarray
    parameters: np.ndarray
    severity: np.ndarray
    kind: np.ndarray
    stature: np.ndarray
    person: np.ndarray
    trial: np.ndarray
    visit: np.ndarray
    oblique: np.ndarray

    def __len__(self) -> int:
        """Clips."""
        return len(self.inputs)

    def of(self, people: Sequence[str]) -> ClipArrays:
        """Clips of some people."""
        return self.rows(np.flatnonzero(np.isin(self.person, list(people))))

    def rows(self, rows: np.ndarray) -> ClipArrays:
        """Some clips."""
        return ClipArrays(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


def joined(parts: Sequence[ClipArrays]) -> ClipArrays:
    """Clips of all parts, in their order; without parts, none."""
    whole = [clip_arrays([]), *parts]
    fields = ClipArrays.__dataclass_fields__
    return ClipArrays(**{name: np.concatenate([getattr(part, name) for part in whole]) for name in fields})


def units_of(stature: np.ndarray | float) -> np.ndarray:
    """SI value (..., 4) of one unit of each parameter at a stature (m)."""
    h = np.asarray(stature, float)
    return np.stack([np.sqrt(STANDARD_GRAVITY * h), h, np.sqrt(STANDARD_GRAVITY / h), np.ones_like(h)], axis=-1)


def keypoint_input(pixels: np.ndarray, rate: float, stature: float) -> np.ndarray:
    """Keypoints as a network reads them.

    Parameters
    ----------
    pixels : ndarray, shape (n, 12, 2)
        Of `keypoint.KEYPOINTS`, right and down; NaN = not found.
    rate : float
        Hz.
    stature : float
        m.

    Returns
    -------
    ndarray, shape (180, 36)
        Zeros where nothing was found, and after the end.

    Raises
    ------
    ValueError
        Hips, or the lengths between shoulders, hips, knees and ankles, are never seen; or no foot's heel and toe,
        which tell to which side somebody faces.
    """
    places = np.array(pixels, float)
    facing = _median(places[:, _TOE, 0] - places[:, _HEEL, 0])
    if facing < 0.0:
        places[..., 0] = -places[..., 0]
    length = chain_length(places)
    hips = places[:, _HIP]
    middle = np.where(
        np.isfinite(hips).all(axis=1), hips.mean(axis=1), np.where(np.isfinite(hips[:, 0]), hips[:, 0], hips[:, 1])
    )
    known = np.isfinite(middle).all(axis=1)
    if not (known.sum() > 1 and length > 0.0):
        raise ValueError("keypoints: expected hips, knees, ankles and shoulders in some frames, found none.")
    if np.isnan(facing):
        raise ValueError("keypoints: expected heel and toe of one foot in some frames, found none: who faces where?")
    time = np.arange(len(places)) / rate
    middle = np.stack([np.interp(time, time[known], m[known]) for m in middle.T], axis=1)
    places = (places - middle[:, None]) / (length * _UNIT)
    return _sampled(places, time, stature)


def chain_length(pixels: np.ndarray) -> float:
    """Length of the chain shoulder, hip, knee, ankle in the picture (n, 12, 2), part by part the median; or NaN."""
    return sum(
        _median(np.linalg.norm(pixels[:, a] - pixels[:, b], axis=-1))
        for a, b in ((_SHOULDER, _HIP), (_HIP, _KNEE), (_KNEE, _ANKLE))
    )


def _median(values: np.ndarray) -> float:
    """Median of what is known; NaN if nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def instants(stature: float) -> np.ndarray:
    """Instants (180,) of an input (s)."""
    return np.arange(FRAMES) / _RATE * np.sqrt(stature / _REFERENCE_HEIGHT)


def _sampled(places: np.ndarray, time: np.ndarray, stature: float) -> np.ndarray:
    """Places (n, 12, 2) at the instants of an input, with what was found."""
    at = instants(stature)
    step = time[1] - time[0]
    out = np.zeros((FRAMES, CHANNELS), np.float32)
    for i in range(len(KEYPOINTS)):
        own = np.isfinite(places[:, i]).all(axis=-1)
        if not own.any():
            continue
        seen = np.flatnonzero(own)
        nearest = np.abs(at[:, None] - time[seen]).min(axis=1)
        found = nearest < _NEAR * step
        for axis in range(2):
            value = np.interp(at, time[seen], places[seen, i, axis])
            out[:, 2 * i + axis] = np.where(found, value, 0.0)
        out[:, 2 * len(KEYPOINTS) + i] = found
    return out


def clip_arrays(clips: Sequence[KeypointClip]) -> ClipArrays:
    """Clips as arrays; errors as `keypoint_input`."""
    inputs, waves, parameters, severity, kinds = [], [], [], [], []
    names = list(KINDS)
    for clip in clips:
        inputs.append(keypoint_input(clip.pixels, clip.rate, clip.stature))
        time, at = np.arange(len(clip.waves)) / clip.rate, instants(clip.stature)
        inside = at <= time[-1]
        waves.append(
            np.stack([np.where(inside, np.interp(at, time, w), np.nan) for w in clip.waves.T], axis=1).astype(
                np.float32
            )
        )
        told = np.array([clip.gait.parameters.get(name, np.nan) for name in PARAMETERS])
        parameters.append(told / units_of(clip.stature))
        wrong = clip.gait.impairment
        severity.append(np.nan if wrong is None else wrong.severity)
        kinds.append(-1 if wrong is None else names.index(wrong.kind if wrong.severity > 0.0 else HEALTHY))
    return ClipArrays(
        np.array(inputs, np.float32).reshape(-1, FRAMES, CHANNELS),
        np.array(waves, np.float32).reshape(-1, FRAMES, len(WAVES)),
        np.array(parameters).reshape(-1, len(PARAMETERS)),
        np.array(severity, float),
        np.array(kinds, int),
        np.array([c.stature for c in clips], float),
        np.array([c.gait.person for c in clips], str),
        np.array([c.gait.trial for c in clips], str),
        np.array([c.gait.visit for c in clips], int),
        np.array([c.view.oblique for c in clips], float),
    )

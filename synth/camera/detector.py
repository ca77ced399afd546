"""Detector: how keypoints found in video err: jitter that lasts, outliers, drop-outs, exchanged legs.

Sizes are parts of the person's pixel height, as a detector works on a picture scaled to the person. Published errors of
detectors are a few per cent of the trunk's length on still pictures, some of it constant; how long they last in video
is not published. All numbers are assumptions, and drawn anew for each clip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.camera.keypoint import KEYPOINTS, SWAPPED


@dataclass(frozen=True)
class DetectorErrors:
    """What a detector does wrong.

    Attributes
    ----------
    jitter : float
        SD of the lasting jitter (pixel heights).
    memory : float
        Time (s) after which 63 % of it is forgotten.
    freedom : float
        Degrees of freedom of Student's t from which its steps come: few, and tails are heavy.
    offset : float
        SD of a constant error of each keypoint (pixel heights).
    dropout : float
        Drop-outs of a keypoint a second; each lasts 0.15 s on average.
    swaps : float
        Exchanges of right and left legs a second; each lasts 0.1 s on average.
    """

    jitter: float = 0.004
    memory: float = 0.08
    freedom: float = 4.0
    offset: float = 0.006
    dropout: float = 0.25
    swaps: float = 0.1

    def __post_init__(self) -> None:
        """Refuse errors that are none."""
        if min(self.jitter, self.memory, self.offset, self.dropout, self.swaps) < 0.0 or self.freedom <= 2.0:
            raise ValueError(f"detector: expected sizes of at least 0 and a freedom above 2, got {self}")


PERFECT = DetectorErrors(0.0, 0.08, 4.0, 0.0, 0.0, 0.0)
_DROPPED, _EXCHANGED = 0.15, 0.1
_LEGS = np.array([not name.startswith("shoulder") for name in KEYPOINTS])


def draw_errors(rng: np.random.Generator) -> DetectorErrors:
    """Errors of one detector on one video: each size between half and twice the default, log-uniform."""
    default = DetectorErrors()
    own = {
        name: getattr(default, name) * 2.0 ** rng.uniform(-1.0, 1.0)
        for name in ("jitter", "memory", "offset", "dropout", "swaps")
    }
    return DetectorErrors(**own)


def detected(
    pixels: np.ndarray, height: float, rate: float, errors: DetectorErrors, rng: np.random.Generator
) -> np.ndarray:
    """What a detector makes of keypoints.

    Parameters
    ----------
    pixels : ndarray, shape (n_frames, 12, 2)
        True ones.
    height : float
        Pixel height of the person.
    rate : float
        Hz.
    errors : DetectorErrors
    rng : Generator

    Returns
    -------
    ndarray, shape (n_frames, 12, 2)
        NaN where nothing was found.
    """
    n, count = pixels.shape[:2]
    seen = pixels + height * (
        errors.offset * rng.standard_normal((count, 2)) + _jitter((n, count, 2), rate, errors, rng)
    )
    exchanged = _bursts((n, 1), errors.swaps / rate, _EXCHANGED * rate, rng) & _LEGS
    seen = np.where(exchanged[..., None], seen[:, SWAPPED], seen)
    dropped = _bursts((n, count), errors.dropout / rate, _DROPPED * rate, rng)
    return np.where(dropped[..., None], np.nan, seen)


def _jitter(shape: tuple[int, int, int], rate: float, errors: DetectorErrors, rng: np.random.Generator) -> np.ndarray:
    """First-order noise of SD `jitter` with heavy tails."""
    kept = float(np.exp(-1.0 / (rate * max(errors.memory, 1e-6))))
    steps = rng.standard_t(errors.freedom, shape) / np.sqrt(errors.freedom / (errors.freedom - 2.0))
    steps[1:] *= np.sqrt(1.0 - kept**2)
    for i in range(1, shape[0]):
        steps[i] += kept * steps[i - 1]
    return errors.jitter * steps


def _bursts(shape: tuple[int, int], chance: float, length: float, rng: np.random.Generator) -> np.ndarray:
    """Frames in bursts that begin by chance and last so many frames on average."""
    begins = rng.random(shape) < chance
    lasts = rng.geometric(1.0 / max(length, 1.0), shape)
    left, inside = np.zeros(shape[1], int), np.zeros(shape, bool)
    for i in range(shape[0]):
        left = np.where(begins[i], np.maximum(left, lasts[i]), left)
        inside[i] = left > 0
        left = np.maximum(left - 1, 0)
    return inside

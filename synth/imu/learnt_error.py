"""Errors learnt from real sensors: linear distortion and coloured noise, drawn anew for every recording.

A virtual sensor on a rigid skeleton or on a marker cluster differs from a real one in three ways that white noise has
not: soft tissue and joint models reshape the signal itself, the difference is coloured, and most of it comes with the
impacts of the step. `synth.real_imu.error_learning` finds, per segment and channel (in segment axes, left mirrored to
right), for every frequency band b

* gain h_b: the coherent part of the real signal is h times the virtual one (Wiener, h = Re S_vr / S_vv);
* coherence c_b: the share of the real signal's power that is coherent with the virtual one;
* level l_b: the real signal's power spectral density divided by the activity A², the variance of the specific force
  (of the angular velocity) of the virtual sensor below `reference_cutoff`, all three axes together, so that it follows
  the size of the movement and not the filter of a laboratory;
* correlation C_b (6 × 6) of the incoherent part across channels.

Drawing: y = h * x, and Gaussian noise with cross-correlation C_b and the power spectral density

    N_b = max(l_b A² - min(P_b, c_b l_b A²), floor²),

P_b being that of y: the virtual signal is credited with the coherent share of the real power, or with less where the
laboratory's filter took power away (markers smoothed at 6 Hz), and noise makes up the rest. The noise is the stronger
the more the sensor moves: its SD follows the local activity (a Gaussian window of `envelope` seconds), with a mean
square of one. `floor` is the resting noise of a real sensor.

Not in the model: biases and their drift, misalignment, saturation (see the other error modules), and anything about
which person it is: every draw is of the learning persons' average.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.resources import files

import numpy as np
from scipy.ndimage import gaussian_filter1d

from mocap_import.low_pass import low_pass
from mocap_import.stretch import stretches
from synth.imu.frequency_band import band_of, band_power, filtered, over_frequency
from synth.imu.recording import ImuRecording

SEGMENT_CLASSES = {
    "pelvis": "pelvis",
    "femur_r": "thigh",
    "femur_l": "thigh",
    "tibia_r": "shank",
    "tibia_l": "shank",
    "calcn_r": "foot",
    "calcn_l": "foot",
    "toes_r": "foot",
    "toes_l": "foot",
}
"""OpenSim body → what the table calls it."""
MIRROR = np.array([1.0, 1.0, -1.0, -1.0, -1.0, 1.0])
"""Left to right by reflection in the sagittal plane: force is a polar, angular velocity an axial vector."""
TRIADS = (slice(0, 3), slice(3, 6))
SLOW = 0.5
"""SD (s) of the window whose mean is posture rather than activity."""
MIN_SAMPLES = 16
"""Shorter runs between gaps are left as they are: they hold no spectrum."""
FAR = 1.5
"""Times the learnt activity beyond which (or of its inverse below which) a movement is another one than was learnt
[assumption: persons of one speed differ by less]."""


@dataclass(frozen=True)
class SegmentErrors:
    """Learnt errors of one segment class; channels force x, y, z and turn x, y, z in segment axes of the right side.

    Attributes
    ----------
    gain, coherence, level : ndarray, shape (n_bands, 6)
        Of no unit, 0..1, and 1/Hz.
    correlation : ndarray, shape (n_bands, 6, 6)
    """

    gain: np.ndarray
    coherence: np.ndarray
    level: np.ndarray
    correlation: np.ndarray


@dataclass(frozen=True)
class LearntErrors:
    """A table of learnt errors.

    Attributes
    ----------
    edges : ndarray, shape (n_bands + 1,)
        Limits of the frequency bands (Hz).
    segments : dict of str to SegmentErrors
        By segment class.
    reference_cutoff : float
        Hz, of the activity.
    envelope : float
        s; infinity: the noise does not follow the activity.
    floor : ndarray, shape (2,)
        Resting noise density of accelerometer (m/s²/√Hz) and gyroscope (rad/s/√Hz).
    provenance : dict
        Recordings, licences, choices.
    activity : dict of str to ndarray, shape (2, 2)
        By segment class, lowest and highest (rows) RMS below `reference_cutoff` of force (m/s²) and turn (rad/s) that
        the sensors of learning showed; empty if unknown.
    """

    edges: np.ndarray
    segments: dict[str, SegmentErrors]
    reference_cutoff: float
    envelope: float
    floor: np.ndarray
    provenance: dict
    activity: dict[str, np.ndarray] = field(default_factory=dict)

    def to_json(self) -> str:
        """As text, three significant digits, one band a line."""
        rounded = {name: {key: _rounded(value) for key, value in vars(s).items()} for name, s in self.segments.items()}
        plain = {
            "provenance": self.provenance,
            "edges": _rounded(self.edges),
            "reference_cutoff": self.reference_cutoff,
            "envelope": None if np.isinf(self.envelope) else self.envelope,
            "floor": _rounded(self.floor),
            "activity": {name: _rounded(value) for name, value in self.activity.items()},
            "segments": rounded,
        }
        text = json.dumps(plain, indent=1, ensure_ascii=False)
        return re.sub(r"\[[^\[\]{}\"]*\]", lambda found: re.sub(r"\s+", " ", found.group()), text) + "\n"

    @staticmethod
    def from_json(text: str, where: str = "learnt errors") -> LearntErrors:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            If it is something else.
        """
        try:
            plain = json.loads(text)
            n = len(plain["edges"]) - 1
            segments = {}
            for name, stored in plain["segments"].items():
                shapes = {"gain": (n, 6), "coherence": (n, 6), "level": (n, 6), "correlation": (n, 6, 6)}
                segments[name] = SegmentErrors(
                    **{k: np.asarray(stored[k], dtype=float).reshape(s) for k, s in shapes.items()}
                )
            envelope = np.inf if plain["envelope"] is None else float(plain["envelope"])
            edges, floor = np.asarray(plain["edges"], dtype=float), np.asarray(plain["floor"], dtype=float).reshape(2)
            shown = {k: np.asarray(v, dtype=float).reshape(2, 2) for k, v in plain.get("activity", {}).items()}
            cutoff = float(plain["reference_cutoff"])
            return LearntErrors(edges, segments, cutoff, envelope, floor, plain["provenance"], shown)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{where}: expected a table of learnt sensor errors (keys edges, segments, ...), found "
                f"{text[:80]!r}. Write one with LearntErrors.to_json."
            ) from error


@lru_cache(maxsize=1)
def shipped_errors() -> LearntErrors:
    """Read the table that ships with the package, learnt from recordings with permissive licences."""
    source = files("synth.imu").joinpath("learnt_errors.json")
    return LearntErrors.from_json(source.read_text(encoding="utf-8"), "synth/imu/learnt_errors.json")


def draw_learnt_error(
    recording: ImuRecording, errors: LearntErrors | None = None, *, rng: np.random.Generator
) -> ImuRecording:
    """Draw a recording as a real sensor might have read it.

    Parameters
    ----------
    recording : ImuRecording
        Without noise, on pelvis, femur, tibia, calcn or toes. A sample that lacks any number comes back missing, and
        each run between gaps is drawn by itself.
    errors : LearntErrors, optional
        The shipped table by default.
    rng : numpy.random.Generator
        Six numbers a frame are drawn whatever is missing.

    Returns
    -------
    ImuRecording

    Raises
    ------
    ValueError
        If nothing was learnt of this segment.
    """
    errors = errors or shipped_errors()
    segment = recording.placement.segment
    learnt = errors.segments.get(SEGMENT_CLASSES.get(segment, ""))
    if learnt is None:
        known = ", ".join(s for s, c in SEGMENT_CLASSES.items() if c in errors.segments)
        raise ValueError(
            f"sensor {recording.placement.sensor!r}: no errors were learnt of segment {segment!r}, only of {known}. "
            "Use a datasheet preset for this sensor."
        )
    draws = rng.standard_normal((len(recording.specific_force), 6))
    mounting = recording.placement.mounting.as_matrix()
    mirror = MIRROR if segment.endswith("_l") else np.ones(6)
    clean = np.hstack([recording.specific_force @ mounting.T, recording.angular_velocity @ mounting.T]) * mirror
    clean[~np.isfinite(clean).all(axis=1)] = np.nan
    worn = clean.copy()
    for start, stop in zip(*stretches(np.isfinite(clean).all(axis=1)), strict=True):
        if stop - start >= MIN_SAMPLES:
            run = slice(start, stop)
            worn[run] = _worn(clean[run], draws[run], recording.rate, errors, learnt)
    worn = worn * mirror
    return replace(recording, specific_force=worn[:, :3] @ mounting, angular_velocity=worn[:, 3:] @ mounting)


def unlike_learnt(recordings: Sequence[ImuRecording], errors: LearntErrors | None = None) -> str:
    """Say which sensors move more, or less, than those that the errors were learnt from.

    The errors grow with the movement (`activity`); of a run they are an extrapolation from slow walking.

    Parameters
    ----------
    recordings : sequence of ImuRecording
        Before errors are drawn.
    errors : LearntErrors, optional
        The shipped table by default.

    Returns
    -------
    str
        One sentence, or nothing where every sensor moves as was learnt (within a factor `FAR`).
    """
    errors = errors or shipped_errors()
    found = []
    for recording in recordings:
        shown = errors.activity.get(SEGMENT_CLASSES.get(recording.placement.segment, ""))
        size = None if shown is None else rms_activity(recording, errors.reference_cutoff)
        if size is None:
            continue
        low, high = size / shown[0], size / shown[1]
        if high.max() > FAR:
            found.append(f"{recording.placement.sensor} moves {high.max():.1f} times as much")
        elif low.min() < 1.0 / FAR:
            found.append(f"{recording.placement.sensor} moves {low.min():.2g} times as much")
    if not found:
        return ""
    where = " (slow treadmill walking, 0.73 m/s)" if errors is shipped_errors() else ""
    return (
        f"learnt errors grow with the movement, and beside the sensors that they were learnt from{where} "
        f"{', '.join(found)}: their errors are extrapolated and not tested"
    )


def rms_activity(recording: ImuRecording, cutoff: float) -> np.ndarray | None:
    """RMS (2,) of force (m/s²) and turn (rad/s) about their means below a cut-off, of the longest run without a gap.

    None if that run is shorter than a second.
    """
    both = np.hstack([recording.specific_force, recording.angular_velocity])
    starts, stops = stretches(np.isfinite(both).all(axis=1))
    if not len(starts) or (stops - starts).max() < max(recording.rate, MIN_SAMPLES):
        return None
    longest = int(np.argmax(stops - starts))
    return np.sqrt(activity(both[starts[longest] : stops[longest]], recording.rate, cutoff)[[0, 3]])


def _worn(clean: np.ndarray, draws: np.ndarray, rate: float, errors: LearntErrors, learnt: SegmentErrors) -> np.ndarray:
    """One run (n, 6) without gaps, segment axes of the right side."""
    frequency = np.fft.rfftfreq(len(clean), 1.0 / rate)
    mean = clean.mean(axis=0)
    distorted = mean + filtered(clean - mean, rate, over_frequency(learnt.gain, errors.edges, 1.0), errors.edges)
    power = band_power(distorted, rate, errors.edges)
    wanted = learnt.level * activity(clean, rate, errors.reference_cutoff)
    noise = np.maximum(wanted - np.minimum(power, learnt.coherence * wanted), np.repeat(errors.floor**2, 3))
    noise = np.maximum(noise, np.finfo(float).tiny)
    roots = _square_roots(learnt.correlation)[band_of(frequency, errors.edges)]
    lines = np.einsum("fij,fj->fi", roots, np.fft.rfft(draws, axis=0))
    amplitude = np.exp(0.5 * over_frequency(np.log(noise), errors.edges, None)(frequency)) * np.sqrt(0.5 * rate)
    amplitude[frequency < errors.edges[0]] = 0.0
    coloured = np.fft.irfft(amplitude * lines, len(clean), axis=0)
    return distorted + coloured * envelope(clean, rate, errors.envelope)


def _square_roots(correlation: np.ndarray) -> np.ndarray:
    """Matrices B (n, 6, 6) with B B^T = correlation; rounding may have left a negative eigenvalue."""
    values, vectors = np.linalg.eigh(correlation)
    roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    return roots / np.linalg.norm(roots, axis=2, keepdims=True)


def _rounded(values: np.ndarray) -> list:
    return np.vectorize(lambda value: float(f"{value:.3g}"))(np.asarray(values, dtype=float)).tolist()


def activity(values: np.ndarray, rate: float, cutoff: float) -> np.ndarray:
    """Variance (6,) below the reference cut-off, that of the whole triad for each of its channels."""
    if cutoff < 0.45 * rate:
        values = low_pass(values, rate, cutoff)
    variance = values.var(axis=0)
    return np.concatenate([np.full(3, variance[triad].sum()) for triad in TRIADS])


def envelope(values: np.ndarray, rate: float, seconds: float) -> np.ndarray:
    """Local activity (n, 6), the root of a running mean square of what moves, with a mean square of one."""
    if np.isinf(seconds):
        return np.ones_like(values)
    moving = values - gaussian_filter1d(values, SLOW * rate, axis=0, mode="nearest")
    found = np.empty_like(values)
    for triad in TRIADS:
        square = gaussian_filter1d(np.sum(moving[:, triad] ** 2, axis=1), seconds * rate, mode="nearest")
        square = square + 1e-3 * square.mean() + np.finfo(float).tiny
        found[:, triad] = np.sqrt(square / square.mean())[:, None]
    return found

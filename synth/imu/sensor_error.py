"""The errors of an inertial sensor as its datasheet gives them, drawn for one sensor and applied to clean readings.

For an axis triad with the true reading x (specific force or angular velocity in the sensor frame)

    y = round_r( clip_R( L[ (I + S + C) x + b + G f + n ] ) )

S diagonal: scale errors; C off the diagonal: cross-axis sensitivity, which includes axes that are not orthogonal; b the
turn-on bias; G f the gyroscope's sensitivity to specific force f; n white, flicker and random-walk noise
(`synth.imu.sensor_noise`); L the sensor's low-pass; clip to its range R; rounding to its resolution r. Samples are
taken when the sensor's clock says so (`synth.imu.sensor_clock`) and some are lost. The composition is that of IEEE Std
952-1997 and of Titterton and Weston, Strapdown Inertial Navigation Technology (2nd ed. 2004), sections 4 and 6.

S, C, b, G and the clock are constants of one sensor in one recording: `SensorModel.draw` draws them; `Sensor.read`
draws the noise. Everything follows from the random generators that are passed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace

import numpy as np
from scipy.signal import butter, sosfilt, sosfilt_zi

from mocap_import.stretch import stretches
from synth.imu.allan_deviation import AllanTerms
from synth.imu.recording import ImuRecording
from synth.imu.sensor_clock import ClockErrors, draw_dropped, read_at, sample_times
from synth.imu.sensor_noise import draw_noise

_ORDER = 2
"""Order of the low-pass (Butterworth, causal): an assumption, datasheets mostly give the -3 dB frequency alone."""


@dataclass(frozen=True)
class TriadErrors:
    """Errors of one axis triad; its unit is m/s² (accelerometer) or rad/s (gyroscope).

    Attributes
    ----------
    noise_density : float
        One-sided density of the white noise, unit/sqrt(Hz).
    turn_on_bias : float
        SD (unit) of the constant bias, drawn per axis and recording.
    bias_instability : float
        Floor (unit) of the Allan deviation, often called in-run bias stability.
    random_walk : float
        Random walk of the bias, unit/sqrt(s).
    scale_error : float
        SD of the relative scale error of an axis.
    cross_axis : float
        SD of each off-diagonal element of the sensitivity matrix, a share.
    full_range : float
        Largest reading (unit), either sign; infinite: never saturates.
    resolution : float
        One digit (unit); 0: not quantised.
    bandwidth : float
        -3 dB frequency (Hz); infinite, or from the Nyquist frequency of a record upwards: no low-pass.
    """

    noise_density: float = 0.0
    turn_on_bias: float = 0.0
    bias_instability: float = 0.0
    random_walk: float = 0.0
    scale_error: float = 0.0
    cross_axis: float = 0.0
    full_range: float = math.inf
    resolution: float = 0.0
    bandwidth: float = math.inf

    def __post_init__(self) -> None:
        """Refuse what is no sensor."""
        for term in fields(self):
            value = getattr(self, term.name)
            may_be_infinite = term.name in ("full_range", "bandwidth")
            if not (value > 0 if may_be_infinite else 0 <= value < math.inf):
                bound = "> 0" if may_be_infinite else ">= 0 and finite"
                raise ValueError(f"{term.name} of a sensor must be {bound}, in SI units; got {value!r}.")

    @property
    def allan(self) -> AllanTerms:
        """The noise terms, whose expected Allan deviation is ``allan.deviation(tau)``."""
        return AllanTerms(self.noise_density, self.bias_instability, self.random_walk)


@dataclass(frozen=True)
class SensorModel:
    """Errors of a kind of sensor.

    Attributes
    ----------
    name : str
    accelerometer : TriadErrors
        In m/s².
    gyroscope : TriadErrors
        In rad/s.
    g_sensitivity : float
        SD of each element of the gyroscope's response to specific force, rad/s per m/s².
    clock : ClockErrors
    source : str
        Where the numbers come from.
    """

    name: str = "perfect"
    accelerometer: TriadErrors = field(default_factory=TriadErrors)
    gyroscope: TriadErrors = field(default_factory=TriadErrors)
    g_sensitivity: float = 0.0
    clock: ClockErrors = field(default_factory=ClockErrors)
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no sensor."""
        if not 0 <= self.g_sensitivity < math.inf:
            raise ValueError(f"g_sensitivity must be rad/s per m/s² >= 0; got {self.g_sensitivity!r}.")

    def draw(self, rng: np.random.Generator) -> Sensor:
        """Draw the constants of one sensor in one recording.

        Parameters
        ----------
        rng : numpy.random.Generator
            The same numbers are drawn whatever the terms are, so one term can be changed alone.
        """
        accelerometer, gyroscope = (
            TriadConstants(
                bias=triad.turn_on_bias * rng.standard_normal(3),
                sensitivity=np.eye(3)
                + np.where(np.eye(3, dtype=bool), triad.scale_error, triad.cross_axis) * rng.standard_normal((3, 3)),
            )
            for triad in (self.accelerometer, self.gyroscope)
        )
        g_response = self.g_sensitivity * rng.standard_normal((3, 3))
        offset, drift = rng.standard_normal(2) * (self.clock.offset, self.clock.drift)
        return Sensor(self, accelerometer, gyroscope, g_response, float(offset), float(drift))

    def without(self, *terms: str) -> SensorModel:
        """The model with terms of both triads switched off, such as a bias that a calibration takes away.

        Raises
        ------
        ValueError
            If a triad has no such term.
        """
        perfect = TriadErrors()
        unknown = [term for term in terms if not hasattr(perfect, term)]
        if unknown:
            known = ", ".join(term.name for term in fields(perfect))
            raise ValueError(f"a sensor has no error term {unknown[0]!r}; known are {known}.")
        off = {term: getattr(perfect, term) for term in terms}
        return replace(self, accelerometer=replace(self.accelerometer, **off), gyroscope=replace(self.gyroscope, **off))


@dataclass(frozen=True)
class TriadConstants:
    """What was drawn for one triad: `bias` (3,) in its unit and `sensitivity` (3, 3), true → read."""

    bias: np.ndarray
    sensitivity: np.ndarray


@dataclass(frozen=True)
class Sensor:
    """One concrete sensor of a kind.

    Attributes
    ----------
    model : SensorModel
    accelerometer, gyroscope : TriadConstants
    g_response : ndarray, shape (3, 3)
        rad/s per m/s².
    clock_offset, clock_drift : float
        s, share.
    """

    model: SensorModel
    accelerometer: TriadConstants
    gyroscope: TriadConstants
    g_response: np.ndarray
    clock_offset: float
    clock_drift: float

    def read(self, recording: ImuRecording, rng: np.random.Generator) -> ImuRecording:
        """What this sensor reads where a perfect one reads `recording`.

        Parameters
        ----------
        recording : ImuRecording
            Ideal readings, at any rate; NaN where missing.
        rng : numpy.random.Generator
            Of noise, jitter and lost samples; each has a stream of its own.

        Returns
        -------
        ImuRecording
            Missing samples stay missing, lost ones and those beyond the record's ends are NaN in both triads.
        """
        noise_f, noise_w, jitter, lost = rng.spawn(4)
        clean = np.hstack([recording.specific_force, recording.angular_velocity])
        n_frames, rate, clock = len(clean), recording.rate, self.model.clock
        if not clock.is_perfect:
            tremble = clock.jitter * jitter.standard_normal(n_frames)
            times = sample_times(n_frames, rate, offset=self.clock_offset, drift=self.clock_drift, jitter=tremble)
            clean = read_at(clean, rate, times)
        force, turn = clean[:, :3], clean[:, 3:]
        force_read = force @ self.accelerometer.sensitivity.T + self.accelerometer.bias
        turn_read = turn @ self.gyroscope.sensitivity.T + self.gyroscope.bias
        if self.model.g_sensitivity > 0:
            turn_read += force @ self.g_response.T
        force_read = _digits(force_read, self.model.accelerometer, rate, noise_f)
        turn_read = _digits(turn_read, self.model.gyroscope, rate, noise_w)
        missing = draw_dropped(n_frames, clock, lost)
        force_read[missing], turn_read[missing] = np.nan, np.nan
        return replace(recording, specific_force=force_read, angular_velocity=turn_read)


def add_sensor_errors(recording: ImuRecording, model: SensorModel, rng: np.random.Generator) -> ImuRecording:
    """Draw a sensor of a kind and read with it; see `SensorModel.draw` and `Sensor.read`."""
    constants, noise = rng.spawn(2)
    return model.draw(constants).read(recording, noise)


def _digits(values: np.ndarray, triad: TriadErrors, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Add noise, then low-pass, clip and round."""
    values = values + draw_noise(triad.allan, len(values), rate, rng)
    if triad.bandwidth < 0.5 * rate:
        values = _low_pass(values, triad.bandwidth, rate)
    if math.isfinite(triad.full_range):
        values = np.clip(values, -triad.full_range, triad.full_range)
    return np.round(values / triad.resolution) * triad.resolution if triad.resolution > 0 else values


def _low_pass(values: np.ndarray, bandwidth: float, rate: float) -> np.ndarray:
    """Causal Butterworth low-pass of every unbroken stretch, at rest in its first sample."""
    sections = butter(_ORDER, bandwidth, fs=rate, output="sos")
    at_rest = sosfilt_zi(sections)[:, :, None]
    filtered = np.full_like(values, np.nan)
    for start, stop in zip(*stretches(np.isfinite(values).all(axis=1)), strict=True):
        part = values[start:stop]
        filtered[start:stop] = sosfilt(sections, part, axis=0, zi=at_rest * part[0])[0]
    return filtered

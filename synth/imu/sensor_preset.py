"""Sensors by name: errors from datasheets, each number with its source or said to be an assumption.

How a datasheet becomes a model. A ± of the column "typical" is one standard deviation of the parts (a Bosch engineer
says so of Bosch's sheets in the maker's forum; taken for the others too: an assumption). Resolution is the reading of
one digit of the widest range, which gait needs. A datasheet describes the chip as delivered: who subtracts the mean of
a still second from the gyroscope uses ``sensor_preset(name).without("turn_on_bias")``. Consumer sheets give neither the
floor of the Allan deviation nor a random walk nor g-sensitivity, and no sheet gives clocks; `_CLOCK` and every value
marked "assumed" below stand in for them.
"""

from __future__ import annotations

import difflib
import math

from mocap_import.subject import STANDARD_GRAVITY
from synth.imu.sensor_clock import ClockErrors
from synth.imu.sensor_error import SensorModel, TriadErrors

_G = STANDARD_GRAVITY
_MILLI_G, _MICRO_G = 1e-3 * _G, 1e-6 * _G
_DEG = math.pi / 180.0
_DEG_PER_HOUR = _DEG / 3600.0
_CLOCK = ClockErrors(offset=0.005, drift=20e-6, jitter=1e-4)
"""Assumed: sensors started within half a frame of 100 Hz, quartz clocks of 20 ppm, 0.1 ms of jitter, nothing lost."""

_BMI270 = SensorModel(
    name="bmi270",
    accelerometer=TriadErrors(
        noise_density=160 * _MICRO_G,
        turn_on_bias=20 * _MILLI_G,  # assumed
        bias_instability=40 * _MICRO_G,  # assumed
        scale_error=0.004,  # assumed
        cross_axis=0.002,  # assumed
        full_range=16 * _G,
        resolution=_G / 2048,
    ),
    gyroscope=TriadErrors(
        noise_density=0.007 * _DEG,
        turn_on_bias=0.5 * _DEG,
        bias_instability=10 * _DEG_PER_HOUR,  # assumed
        scale_error=0.02,  # assumed
        cross_axis=0.002,  # assumed
        full_range=2000 * _DEG,
        resolution=_DEG / 16.384,
    ),
    g_sensitivity=0.1 * _DEG / _G,  # assumed
    clock=_CLOCK,
    source="Bosch Sensortec BMI270 data sheet BST-BMI270-DS000-07, rev. 1.5 (March 2023): noise densities 0.16 mg and "
    "0.007 dps per sqrt(Hz), ranges, digits; zero-rate offset ±0.5 dps as quoted in Bosch's forum. Assumed: zero-g "
    "offset, scale, cross-axis, Allan floor, g-sensitivity, clock.",
)
"""The chip's widest bandwidths (740 and 751 Hz) lie above every record's Nyquist frequency here: no low-pass."""

_MPU_9250 = SensorModel(
    name="mpu_9250",
    accelerometer=TriadErrors(
        noise_density=300 * _MICRO_G,
        turn_on_bias=60 * _MILLI_G,  # X and Y; Z is given as ±80 mg
        bias_instability=60 * _MICRO_G,  # assumed
        scale_error=0.03,
        cross_axis=0.02,
        full_range=16 * _G,
        resolution=_G / 2048,
        bandwidth=94.0,
    ),
    gyroscope=TriadErrors(
        noise_density=0.01 * _DEG,
        turn_on_bias=5 * _DEG,
        bias_instability=15 * _DEG_PER_HOUR,  # assumed
        scale_error=0.03,
        cross_axis=0.02,
        full_range=2000 * _DEG,
        resolution=_DEG / 16.4,
        bandwidth=92.0,
    ),
    g_sensitivity=0.1 * _DEG / _G,  # assumed
    clock=_CLOCK,
    source="InvenSense MPU-9250 Product Specification PS-MPU-9250A-01, rev. 1.0 (17 January 2014), tables 1 and 2, "
    "low-pass DLPFCFG = 2. Assumed: Allan floor, g-sensitivity, clock.",
)

_MTI_300 = SensorModel(
    name="xsens_mti_300",
    accelerometer=TriadErrors(
        noise_density=60 * _MICRO_G,
        turn_on_bias=3 * _MILLI_G,  # assumed
        bias_instability=15 * _MICRO_G,
        scale_error=0.0005,  # assumed
        cross_axis=0.0005,  # assumed
        full_range=20 * _G,
        bandwidth=375.0,
    ),
    gyroscope=TriadErrors(
        noise_density=0.01 * _DEG,
        turn_on_bias=0.2 * _DEG,  # assumed
        bias_instability=10 * _DEG_PER_HOUR,
        scale_error=0.0005,  # assumed
        cross_axis=0.0005,  # assumed
        full_range=450 * _DEG,
        bandwidth=415.0,
    ),
    g_sensitivity=0.003 * _DEG / _G,
    clock=_CLOCK,
    source="Movella (Xsens) MTi-300 leaflet, May 2023: ranges, in-run bias stability, bandwidth, noise density, "
    "g-sensitivity. Assumed: turn-on bias, scale, cross-axis, clock.",
)

_MTI_1 = SensorModel(
    name="xsens_mti_1",
    accelerometer=TriadErrors(
        noise_density=120 * _MICRO_G,
        turn_on_bias=3 * _MILLI_G,  # assumed
        bias_instability=30 * _MICRO_G,
        scale_error=0.0005,  # assumed
        cross_axis=0.0005,  # assumed
        full_range=16 * _G,
        bandwidth=324.0,  # X and Y; Z is given as 262 Hz
    ),
    gyroscope=TriadErrors(
        noise_density=0.007 * _DEG,
        turn_on_bias=0.5 * _DEG,  # assumed
        bias_instability=10 * _DEG_PER_HOUR,
        scale_error=0.0005,  # assumed
        cross_axis=0.0005,  # assumed
        full_range=2000 * _DEG,
        bandwidth=255.0,
    ),
    g_sensitivity=0.003 * _DEG / _G,  # assumed: the MTi-300's
    clock=_CLOCK,
    source="Xsens MTi-1 as given in Transactions on Aerospace Research 2023, doi 10.2478/tar-2023-0022, table of "
    "sensor characteristics: ranges, zero offset instability, bandwidth, noise density. Assumed: turn-on bias, scale, "
    "cross-axis, g-sensitivity, clock.",
)

_MTW_AWINDA = SensorModel(
    name="xsens_mtw_awinda",
    accelerometer=TriadErrors(
        noise_density=200 * _MICRO_G,
        turn_on_bias=3 * _MILLI_G,
        bias_instability=100 * _MICRO_G,
        scale_error=0.0005,
        cross_axis=0.0017,
        full_range=160.0,
        bandwidth=180.0,
    ),
    gyroscope=TriadErrors(
        noise_density=0.01 * _DEG,
        turn_on_bias=0.2 * _DEG,
        bias_instability=10 * _DEG_PER_HOUR,
        scale_error=0.0005,
        cross_axis=0.0017,
        full_range=2000 * _DEG,
        bandwidth=180.0,
    ),
    g_sensitivity=0.003 * _DEG / _G,
    clock=ClockErrors(offset=1e-5, drift=0.0, jitter=0.0, dropped_share=0.0),
    source="Assumed throughout: Xsens' MTw Awinda User Manual (MW0502P, rev. L, 3 May 2018) holds the table but only "
    "its first pages could be read here; the numbers are from memory of it (noise, range, bandwidth, alignment 0.1°), "
    "g-sensitivity is the MTi-300's, the radio protocol is taken to lose nothing. Measured: nine MTw on a person who "
    "stands (NeuRA S02, 30 to 48 Hz) show 0.012 to 0.028 °/s and 190 to 420 µg per sqrt(Hz), person included.",
)

PRESETS: dict[str, SensorModel] = {model.name: model for model in (_BMI270, _MPU_9250, _MTI_1, _MTI_300, _MTW_AWINDA)}
"""Sensor models by name."""


def sensor_preset(name: str) -> SensorModel:
    """Sensor model of a name.

    Raises
    ------
    ValueError
        If there is none, with those that are nearest.
    """
    if name in PRESETS:
        return PRESETS[name]
    near = difflib.get_close_matches(name.lower().replace("-", "_"), PRESETS, n=2, cutoff=0.4)
    known = f"did you mean {' or '.join(near)}? Known are" if near else "known are"
    raise ValueError(f"there is no sensor preset {name!r}; {known} {', '.join(sorted(PRESETS))}.")

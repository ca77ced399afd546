"""Diagnosis: what a recording's numbers say of their own unit, sign, axes and health, against what is declared.

A still second gives |a|: about 1, 9.8 or 1000 is gravity in g, m/s² or mg; about 0 says that gravity was removed. The
sign of the accelerations is not in it: a sensor that reads minus the specific force has the same |a|, and only an
orientation beside it tells. Gyroscope and accelerometer are compared in `gravity_turning`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.trial import Treatment
from synth.real_imu.convention import STANDARD_GRAVITY, ImuConvention
from synth.real_imu.gravity_turning import TurningAgreement, turning_by_gravity, turning_by_orientation
from synth.real_imu.sensor_session import FileReadings

_GRAVITY = {"g": 1.0, "m/s2": STANDARD_GRAVITY, "mg": 1000.0}
_PER_RADIAN = {"rad/s": 1.0, "deg/s": 180.0 / np.pi}
_SAME_UNIT = 1.5
"""Factor by which |a| at rest may be off 1 g and still name the unit; the next unit is a factor 9.8 away."""
_REMOVED = 0.15
"""Part of 1 g below which |a| at rest says that gravity was removed."""
_STILL = 0.02
"""Standard deviation of a still second, as a part of |a|; people who stand stay below 0.01 [NeuRA S02, CMU]."""
_MISCALIBRATED = 0.03
"""Part by which |a| at rest may be off 1 g. Standard gravity is right to 0.3 % anywhere, MEMS bias and scale to 1-2 %
[assumption, from the spread of the Xsens sensors in the shared sets: within 2 %, two odd ones 14 and 27 %]."""
_LARGE_BIAS = np.deg2rad(5.0)
"""rad/s; the zero-rate offset that InvenSense states for the ICM-20948 (± 5 dps)."""
_FASTEST = np.deg2rad(4000.0)
"""rad/s; the widest range of a gyroscope made for people; most end at 2000 deg/s."""
_CLIPPED = 3
"""Samples in a row at exactly the extreme value of a channel."""


@dataclass(frozen=True)
class SensorDiagnosis:
    """What one sensor's numbers say.

    Attributes
    ----------
    sensor : str
    still : slice or None
        The stillest second; None if nothing was still.
    rest, typical : float
        |a| in it, and the median of |a| throughout, in the file's unit; NaN without one.
    acceleration_unit, gravity : str
        What |a| at rest says: ``"g"``, ``"m/s2"``, ``"mg"``; ``"included"``, ``"removed"``; empty if nothing.
    gravity_scale : float
        |a| at rest over 1 g of that unit.
    bias : ndarray, shape (3,)
        Gyroscope in the still second, rad/s by the declared unit.
    turning : TurningAgreement
    vertical_error : float
        Angle (rad) between the accelerometer's up and the orientations' up at rest; NaN without orientations.
    findings : tuple of Treatment
        Doubts and notes.
    contradictions : tuple of str
        Where numbers and declaration cannot both be right, each with the remedy.
    has_gyroscope : bool
        Whether the file holds angular velocities of it.
    """

    sensor: str
    still: slice | None
    rest: float
    acceleration_unit: str
    gravity: str
    gravity_scale: float
    bias: np.ndarray
    turning: TurningAgreement
    vertical_error: float
    findings: tuple[Treatment, ...]
    contradictions: tuple[str, ...]
    typical: float
    has_gyroscope: bool


def still_second(acceleration: np.ndarray, angular_velocity: np.ndarray, rate: float) -> slice | None:
    """Find the stillest second, in whatever unit.

    Parameters
    ----------
    acceleration, angular_velocity : ndarray, shape (n_frames, 3)
        NaN allowed; one of them may be NaN throughout.
    rate : float
        Hz.

    Returns
    -------
    slice or None
        None if the recording is shorter, or moves in every second.
    """
    n = max(round(rate), 4)
    spreads = []
    for values in (acceleration, angular_velocity):
        if not np.isfinite(values).any():
            continue
        spreads.append(_moving_spread(values, n) / max(float(np.nanstd(values)), 1e-12))
    if not spreads or not len(spreads[0]):
        return None
    spread = np.sum(spreads, axis=0)
    if not np.isfinite(spread).any():
        return None
    start = int(np.nanargmin(spread))
    window = acceleration[start : start + n]
    level, apart = np.linalg.norm(window.mean(axis=0)), float(np.sqrt(window.var(axis=0).sum()))
    if np.isfinite(level):
        whole = float(np.sqrt(np.nanvar(acceleration, axis=0).sum()))
        if apart > _STILL * level and not (level < whole and apart < 0.1 * whole):  # the latter: gravity removed
            return None
    return slice(start, start + n)


def _moving_spread(values: np.ndarray, n: int) -> np.ndarray:
    """Standard deviation of three axes together in every window of n samples; NaN with a missing sample."""
    centred = values - np.nanmean(values, axis=0)
    gone = np.concatenate([[0], np.cumsum(~np.isfinite(values).all(axis=1))])
    sums = [np.concatenate([np.zeros((1, 3)), np.cumsum(np.nan_to_num(centred) ** k, axis=0)]) for k in (1, 2)]
    mean, square = ((s[n:] - s[:-n]) / n for s in sums)
    return np.where(gone[n:] == gone[:-n], np.sqrt(np.maximum(square - mean**2, 0.0).sum(axis=1)), np.nan)


def diagnose(readings: FileReadings, declared: ImuConvention) -> tuple[SensorDiagnosis, ...]:
    """Compare what a file's numbers say with what is declared of them.

    Parameters
    ----------
    readings : FileReadings
        In the file's units, axes and signs.
    declared : ImuConvention

    Returns
    -------
    tuple of SensorDiagnosis, one per sensor
    """
    found = []
    for k, sensor in enumerate(readings.sensors):
        quaternions = None if readings.quaternions is None else readings.quaternions[:, k]
        force, turn = readings.acceleration[:, k], readings.angular_velocity[:, k]
        found.append(_diagnosis(sensor, force, turn, quaternions, readings.rate, declared))
    return tuple(found)


def _diagnosis(
    sensor: str,
    force: np.ndarray,
    turn: np.ndarray,
    quaternions: np.ndarray | None,
    rate: float,
    declared: ImuConvention,
) -> SensorDiagnosis:
    still = still_second(force, turn, rate)
    rest = float(np.linalg.norm(force[still].mean(axis=0))) if still else np.nan
    moving = float(np.nanmedian(np.linalg.norm(force, axis=1))) if np.isfinite(force).any() else np.nan
    unit, gravity, scale = _unit_at_rest(rest if still else moving, declared)
    radians = turn / _PER_RADIAN[declared.angular_velocity_unit]
    radians = -radians if declared.turning == "left_hand" else radians
    radians = -radians if declared.left_handed else radians  # of mirrored axes only the product of both signs shows
    bias = radians[still].mean(axis=0) if still else np.full(3, np.nan)
    raw = declared.frame == "sensor" and gravity == "included"
    settled = radians - np.nan_to_num(bias)
    # never still: 1 g of the unit; a miscalibrated accelerometer could then look like exchanged axes, but none of the
    # 34 in the CMU set (11 to 27 % off) does: its length stays off whichever way it is turned
    level = rest if still else _GRAVITY.get(unit, np.nan)
    turning = turning_by_gravity(force, settled, rate, level if raw else np.nan)
    if quaternions is not None and not declared.left_handed:
        other = turning_by_orientation(quaternions, settled, rate)
        turning = other if other.agrees or other.contradicts else turning
    vertical = _vertical_error(force, quaternions, still, declared) if raw else np.nan
    told, against = _against_rest(sensor, (rest, moving), unit, gravity, scale, declared)
    found = told + _health(sensor, force, turn, bias)
    against += _against_turning(sensor, radians, turning, declared)
    if np.isfinite(vertical) and vertical > np.pi / 2:
        against.append(
            f"{sensor}: at rest its accelerations point {np.degrees(vertical):.0f} degrees away from the "
            f"orientations' {declared.vertical}; expected up for {declared.sign}. Declare the other sign or the "
            "vertical axis."
        )
    return SensorDiagnosis(
        sensor,
        still,
        rest,
        unit,
        gravity,
        scale,
        bias,
        turning,
        vertical,
        tuple(found),
        tuple(against),
        moving,
        bool(np.isfinite(turn).all(axis=1).any()),
    )


def _unit_at_rest(rest: float, declared: ImuConvention) -> tuple[str, str, float]:
    """Unit and gravity that |a| at rest names, and |a| over 1 g."""
    if not np.isfinite(rest):
        return "", "", np.nan
    for unit, one in _GRAVITY.items():
        if 1.0 / _SAME_UNIT < rest / one < _SAME_UNIT:
            return unit, "included", rest / one
    one = _GRAVITY[declared.acceleration_unit]
    return "", "removed" if rest < _REMOVED * one else "", rest / one


def _against_rest(
    sensor: str, lengths: tuple[float, float], unit: str, gravity: str, scale: float, declared: ImuConvention
) -> tuple[list[Treatment], list[str]]:
    """What |a| at rest, or its median in motion, says beside the declaration."""
    rest, moving = lengths
    if not np.isfinite(moving):
        return [], []
    still = np.isfinite(rest)
    said = f"{sensor}: |a| = {rest if still else moving:.3g} {'in a still second' if still else 'as a rule'}"
    if unit and unit != declared.acceleration_unit:
        return [], [
            f"{said} is gravity in {unit}, declared is {declared.acceleration_unit}; declare "
            f'acceleration_unit = "{unit}".'
        ]
    if not still:
        return [Treatment("never_still", f"{sensor} never for a second")], []
    if gravity and gravity != declared.gravity:
        return [], [f'{said}, so gravity was {gravity}, declared is {declared.gravity}; declare gravity = "{gravity}".']
    if not gravity:
        return [Treatment("gravity_odd", f"{said} is gravity in no unit (1 g, 9.8 m/s2, 1000 mg) and is not none")], []
    if gravity == "included" and abs(scale - 1.0) > _MISCALIBRATED:
        return [
            Treatment("accelerometer_miscalibrated", f"{said}, {100 * (scale - 1.0):+.0f} % off 1 g: bias or scale")
        ], []
    return [], []


def _against_turning(sensor: str, radians: np.ndarray, turning: TurningAgreement, declared: ImuConvention) -> list[str]:
    """What size and direction of the angular velocity say against the declaration."""
    size = np.linalg.norm(radians, axis=1)
    fastest = float(np.nanpercentile(size, 99.9)) if np.isfinite(size).any() else np.nan
    other = "deg/s" if declared.angular_velocity_unit == "rad/s" else "rad/s"
    if turning.contradicts and turning.scale != 1.0:
        return [
            f"{sensor}: angular velocity declared in {declared.angular_velocity_unit} turns the sensor otherwise than "
            f'its accelerations show, in {other} it fits; declare angular_velocity_unit = "{other}".'
        ]
    if declared.angular_velocity_unit == "rad/s" and fastest > _FASTEST:
        return [
            f"{sensor}: angular velocity up to {fastest:.0f} declared as rad/s is {np.degrees(fastest):.0f} deg/s, "
            f'more than any gyroscope\'s range ({np.degrees(_FASTEST):.0f}); declare angular_velocity_unit = "deg/s".'
        ]
    if turning.contradicts:
        if turning.best_axes == ("-x", "-y", "-z"):
            rule = "left_hand" if declared.turning == "right_hand" else "right_hand"
            return [
                f"{sensor}: the gyroscope turns against the accelerometer: mirrored axes (a left-handed "
                f'triad) or a left-hand rule, but {declared.turning} was declared. Declare turning = "{rule}", or '
                "left_handed = true with axes that mirror it."
            ]
        sure = "" if turning.ways == 1 else f" (as would {turning.ways - 1} other ways that the movement cannot tell)"
        return [
            f"{sensor}: the gyroscope's axes are not the accelerometer's; its {', '.join(turning.best_axes)} would fit"
            f"{sure}. Check the order and signs of its columns."
        ]
    return []


def _vertical_error(
    force: np.ndarray, quaternions: np.ndarray | None, still: slice | None, declared: ImuConvention
) -> float:
    """Angle between the accelerometer's up and the orientations' up at rest (rad)."""
    if quaternions is None or still is None or not np.isfinite(quaternions[still]).all():
        return np.nan
    up = Rotation.from_quat(quaternions[still], scalar_first=True).apply(force[still]).mean(axis=0)
    sign = -1.0 if declared.vertical.startswith("-") else 1.0
    sign *= -1.0 if declared.sign == "negative" else 1.0
    along = sign * up["xyz".index(declared.vertical.lstrip("+-"))] / np.linalg.norm(up)
    return float(np.arccos(np.clip(along, -1.0, 1.0)))


def _health(sensor: str, force: np.ndarray, turn: np.ndarray, bias: np.ndarray) -> list[Treatment]:
    """Constant, clipped and frozen channels; a large bias."""
    found = []
    for word, values in (("acceleration", force), ("angular velocity", turn)):
        for axis, channel in zip("xyz", values.T, strict=True):
            known = channel[np.isfinite(channel)]
            if not len(known):
                continue
            if np.ptp(known) == 0.0:
                found.append(Treatment("channel_constant", f"{sensor}: {word} {axis} is {known[0]:.4g} throughout"))
                continue
            for side, extreme in (("highest", known.max()), ("lowest", known.min())):
                at = int((known == extreme).sum())
                if at >= _CLIPPED and _longest_run(channel == extreme) >= _CLIPPED:
                    found.append(
                        Treatment("channel_saturated", f"{sensor}: {word} {axis} {side} {extreme:.4g} in {at} samples")
                    )
    both = np.concatenate([force, turn], axis=1)
    frozen = _longest_run((np.diff(both, axis=0) == 0).all(axis=1))
    if frozen >= _CLIPPED and np.nanstd(both) > 0:
        found.append(
            Treatment("samples_held", f"{sensor}: one sample up to {frozen + 1} times in a row: lost packets held?")
        )
    if np.isfinite(bias).all() and np.abs(bias).max() > _LARGE_BIAS:
        found.append(
            Treatment("gyroscope_bias", f"{sensor}: {np.degrees(np.abs(bias).max()):.1f} deg/s while it is still")
        )
    return found


def _longest_run(true: np.ndarray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], true.astype(int), [0]])))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0

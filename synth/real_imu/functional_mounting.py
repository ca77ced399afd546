"""Functional mounting: how each sensor sits on its segment, from standing and walking, without any reference.

Standing shows every sensor where up is: whoever stands is taken to have all segments upright, as a model has them at
its default. On a leg the axis about which the sensor turns most in walking is taken as medio-lateral (Z), its sign that
of the shank's swing. Pelvis and trunk turn little: their forward axis (X) is that of the fore-aft acceleration, which
pushes before a foot strike and brakes after it (Zijlstra and Hof 2003, Gait Posture 18:1); over strikes of both feet
sideways acceleration cancels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.low_pass import low_pass
from synth.imu.recording import ImuRecording
from synth.real_imu.convention import RecordingRefused
from synth.real_imu.shank_event import ShankEvents, sagittal_rate, shank_events

STANDING_SECONDS = 0.3
STILL = 0.5
"""rad/s: root mean square over all sensors that a standing person stays below [assumption]."""
THIGH_BEFORE_SHANK = 0.15
"""s: about how long the thigh swings forward before the shank [assumption]."""
PUSH, BRAKE = (-0.12, 0.0), (0.06, 0.22)
"""Seconds about a strike in which the pelvis is pushed forward and braked [assumption, after Zijlstra and Hof]."""
_AROUND_WALK = 0.35
"""s about mid-swing: what lies further out is standing, or the step before."""
_SMOOTH = 5.0
_NAMES = ("strikes", "offs", "mid_swings")


def standing_window(recordings: Sequence[ImuRecording], events: ShankEvents) -> slice:
    """The quietest `STANDING_SECONDS` before the first or after the last swing.

    Raises
    ------
    RecordingRefused
        Nobody stands still there.
    """
    rate = recordings[0].rate
    turning = np.stack([np.linalg.norm(r.angular_velocity, axis=1) for r in recordings])
    power = np.nanmean(turning**2, axis=0)
    length = max(3, round(STANDING_SECONDS * rate))
    mean = np.convolve(np.nan_to_num(power, nan=np.inf), np.ones(length) / length, mode="valid")
    if len(events.mid_swings):
        first, last = (round(t * rate) for t in (events.mid_swings[0], events.mid_swings[-1]))
        around = round(_AROUND_WALK * rate)
        mean[max(0, first - around - length + 1) : last + around] = np.inf
    begin = int(np.argmin(mean))
    if not np.sqrt(mean[begin]) < STILL:
        raise RecordingRefused(
            f"nobody stands still for {STANDING_SECONDS:g} s before or after the walk (the quietest such time turns by "
            f"{np.sqrt(mean[begin]):.2f} rad/s, expected below {STILL:g}); state how the sensors are mounted in the "
            "table of sensors (mounting = [w, x, y, z])."
        )
    return slice(begin, begin + length)


def walk_events(recordings: Sequence[ImuRecording]) -> dict[str, ShankEvents]:
    """Events of the right (``"r"``) and left (``"l"``) shank.

    Raises
    ------
    RecordingRefused
        A shank has no sensor, or makes fewer than three strides.
    """
    shanks = {r.placement.segment[-1]: r for r in recordings if r.placement.segment in ("tibia_r", "tibia_l")}
    if len(shanks) < 2:
        raise RecordingRefused("mountings are found from both shanks' swing; a sensor on each shank is needed.")
    events = {side: shank_events(r.angular_velocity, r.rate) for side, r in sorted(shanks.items(), reverse=True)}
    if min(len(e.strikes) for e in events.values()) < 3:
        raise RecordingRefused("mountings are found from walking; fewer than three strides of a shank were seen.")
    return events


def of_both_feet(events: Mapping[str, ShankEvents]) -> ShankEvents:
    """Events of both feet in one row."""
    return ShankEvents(*(np.sort(np.concatenate([getattr(e, n) for e in events.values()])) for n in _NAMES))


def functional_mountings(
    recordings: Sequence[ImuRecording], still: slice, forward: Mapping[str, np.ndarray] | None = None
) -> dict[str, Rotation]:
    """Mounting (sensor → segment) of every sensor of a walk that begins or ends with standing.

    Parameters
    ----------
    recordings : sequence of ImuRecording
        In the sensors' own axes; `tibia_r` and `tibia_l` must be among their segments.
    still : slice
        Samples of standing, see `standing_window`.
    forward : mapping of str to ndarray, shape (3,), optional
        Sensor → where forward is in its axes, for those of pelvis and trunk that somebody looked at.

    Returns
    -------
    dict of str to Rotation
        By sensor.

    Raises
    ------
    RecordingRefused
        No sensor on a shank, no standing, no walking, or a sensor without a direction.
    """
    events = walk_events(recordings)
    both, rate = of_both_feet(events), recordings[0].rate
    shanks = {r.placement.segment[-1]: r for r in recordings if r.placement.segment in ("tibia_r", "tibia_l")}
    walk = slice(round(both.strikes[0] * rate), round(both.strikes[-1] * rate))
    found = {}
    for recording in recordings:
        force = np.nanmean(recording.specific_force[still], axis=0)
        up = force / np.linalg.norm(force)
        segment = recording.placement.segment
        stated = (forward or {}).get(recording.placement.sensor)
        if stated is not None:
            right = np.cross(stated, up)
        elif segment in ("pelvis", "torso"):
            right = np.cross(_forward(recording, up, both.strikes), up)
        else:
            swing = sagittal_rate(shanks[segment[-1]].angular_velocity)
            right = _swing_axis(recording.angular_velocity[walk], swing[walk], segment, rate)
        found[recording.placement.sensor] = _triad(up, right)
    return found


def _swing_axis(turning: np.ndarray, swing: np.ndarray, segment: str, rate: float) -> np.ndarray:
    """Axis (3,) about which a leg's sensor turns most, its sign that of the shank's forward swing."""
    delay = round(THIGH_BEFORE_SHANK * rate) if segment.startswith("femur") else 0
    known = np.isfinite(turning).all(axis=1)
    _, vectors = np.linalg.eigh(np.cov(turning[known].T))
    seen = (turning @ vectors[:, -1])[: len(swing) - delay]
    later = swing[delay:]
    both = np.isfinite(seen) & np.isfinite(later)
    return vectors[:, -1] * np.sign(np.corrcoef(seen[both], later[both])[0, 1])


def _forward(recording: ImuRecording, up: np.ndarray, strikes: np.ndarray) -> np.ndarray:
    """Horizontal axis (3,) in sensor axes along which a walker is pushed before strikes and braked after them."""
    rate = recording.rate
    force = low_pass(recording.specific_force, rate, min(_SMOOTH, 0.4 * rate))
    level = force - np.outer(force @ up, up)
    total, count = np.zeros(3), 0
    for strike in strikes:
        push, brake = (level[max(0, round((strike + a) * rate)) : round((strike + b) * rate)] for a, b in (PUSH, BRAKE))
        if len(push) and len(brake) and np.isfinite(push).all() and np.isfinite(brake).all():
            total += push.mean(axis=0) - brake.mean(axis=0)
            count += 1
    size = np.linalg.norm(total)
    if count < 3 or size < 0.1 * count:
        raise RecordingRefused(
            f"sensor {recording.placement.sensor!r}: no fore-aft acceleration about the foot strikes tells where "
            "forward is; state it (forward = [x, y, z] in the sensor's axes)."
        )
    return total / size


def _triad(up: np.ndarray, right: np.ndarray) -> Rotation:
    """Sensor → segment from where up (exactly) and right (nearly) point in sensor axes."""
    right = right - up * (right @ up)
    right = right / np.linalg.norm(right)
    return Rotation.from_matrix(np.stack([np.cross(up, right), up, right]))

"""Column name: what a column of inertial readings is called, taken apart into sensor, kind and axis."""

from __future__ import annotations

import re

ACCELERATION, ANGULAR_VELOCITY, ORIENTATION = "acceleration", "angular_velocity", "orientation"

# In this order: a longer word first. Free or linear accelerations are another quantity and match nothing here.
_KINDS = (
    (ANGULAR_VELOCITY, r"angular[ _]?velocit(?:y|ies)|angular[ _]?rates?|gyroscopes?|gyro|gyr|omega"),
    (ACCELERATION, r"accelerations?|accelerometers?|accel|acc"),
    (ORIENTATION, r"orientations?|quaternions?|quat|ori"),
)
_OTHER = re.compile(r"mag|baro|temp|free[ _]?acc|lin(ear)?[ _]?acc|_var|std|norm|resultant", re.IGNORECASE)
_SHORT = {
    **{f"{a}{axis}": (ACCELERATION, k) for a in ("a", "a_") for k, axis in enumerate("xyz")},
    **{f"{g}{axis}": (ANGULAR_VELOCITY, k) for g in ("g", "g_", "w", "w_") for k, axis in enumerate("xyz")},
    **{f"{q}{axis}": (ORIENTATION, k) for q in ("q", "q_") for k, axis in enumerate("wxyz")},
    **{f"q{k}": (ORIENTATION, k) for k in range(4)},
}
_UNIT = re.compile(r"[\[(]\s*([^\])]+?)\s*[\])]\s*$")


def unit_of(label: str) -> str:
    """Unit in brackets at the end of a column's name (``"Acc X (m/s^2)"``), or nothing."""
    found = _UNIT.search(label)
    return found.group(1) if found else ""


def channel_of(label: str) -> tuple[str, str, int] | None:
    """Take a column's name apart.

    Parameters
    ----------
    label : str
        E.g. ``"tibia_r_acc_x"``, ``"acc.pelvis_x"``, ``"Lumbar/Angular Velocity/Z"``, ``"Gyro Y (deg/s)"``, ``"wz"``.

    Returns
    -------
    tuple of (sensor, kind, axis) or None
        The sensor is empty if the name has none; axis 0 to 2 is x to z, for orientations 0 to 3 is w to z, and a
        number in the name stands for itself: only the order counts. None if the column is no channel of a sensor.
    """
    plain = _UNIT.sub("", label).strip()
    if _OTHER.search(plain):
        return None
    if plain.lower() in _SHORT:
        kind, axis = _SHORT[plain.lower()]
        return "", kind, axis
    for kind, words in _KINDS:
        found = re.search(rf"(?<![a-z])(?:{words})(?![a-z]{{2,}})", plain, re.IGNORECASE)
        if found is None:
            continue
        axis, rest = _axis(plain[: found.start()], plain[found.end() :], kind)
        if axis is None:
            return None
        return re.sub(r"^[\s_./:-]+|[\s_./:-]+$", "", rest), kind, axis
    return None


def _axis(before: str, after: str, kind: str) -> tuple[int | None, str]:
    """Axis and what is left for the sensor's name; the axis stands last."""
    letters = {"x": 0, "y": 1, "z": 2}
    if kind == ORIENTATION:
        letters = {"w": 0, "s": 0, "scalar": 0, "x": 1, "y": 2, "z": 3, "q0": 0, "q1": 1, "q2": 2, "q3": 3}
        letters |= {str(k): k for k in range(5)}
    else:
        letters |= {str(k): k for k in range(4)}
    parts = [part for part in re.split(r"[\s_./:\[\]-]+", after) if part]
    if parts and parts[-1].lower() in letters:
        middle = "_".join(parts[:-1])
        return letters[parts[-1].lower()], before + middle
    return None, ""

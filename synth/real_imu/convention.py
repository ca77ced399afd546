"""IMU convention: in which unit, sign, axes and frame a file's numbers are, and the way to ours.

Ours: specific force R^T (a - g) in m/s² (+9.81 along up at rest), angular velocity in rad/s, both in the sensor's
right-handed frame, turning by the right-hand rule. OpenSim's IMU and Xsens' sensors read the same.

A left-handed frame is the trap. Seen from the sensor alone, mirrored axes and a gyroscope that turns by the left-hand
rule are the same thing (only the product of both signs shows in the motion of gravity), so neither is guessed: whoever
has one says so, and it is converted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from scipy.spatial.transform import Rotation

STANDARD_GRAVITY = 9.80665
"""m/s²; the unit g of every datasheet (CGPM 1901)."""

_ACCELERATION = {"m/s2": 1.0, "g": STANDARD_GRAVITY, "mg": STANDARD_GRAVITY / 1000.0}
_ANGULAR_VELOCITY = {"rad/s": 1.0, "deg/s": np.pi / 180.0}
_SPELLINGS = {
    "m/s^2": "m/s2",
    "m/s²": "m/s2",
    "m/s/s": "m/s2",
    "m/sec^2": "m/s2",
    "ms-2": "m/s2",
    "m.s-2": "m/s2",
    "m*s-2": "m/s2",
    "gs": "g",
    "gn": "g",
    "g0": "g",
    "milli-g": "mg",
    "rad/sec": "rad/s",
    "rads-1": "rad/s",
    "r/s": "rad/s",
    "dps": "deg/s",
    "°/s": "deg/s",
    "deg/sec": "deg/s",
    "degs-1": "deg/s",
    "degrees/s": "deg/s",
}
_CHOICES = {
    "acceleration_unit": tuple(_ACCELERATION),
    "angular_velocity_unit": tuple(_ANGULAR_VELOCITY),
    "gravity": ("included", "removed"),
    "sign": ("specific_force", "negative"),
    "turning": ("right_hand", "left_hand"),
    "frame": ("sensor", "world"),
}
_AXES = {"x": 0, "y": 1, "z": 2}


class RecordingRefused(ValueError):  # noqa: N818  (a word of the field, see docs/architecture.md)
    """A recording of real sensors that cannot be used: what was expected, what came, where, and what to do."""


@dataclass(frozen=True)
class ImuConvention:
    """What the numbers of a file mean.

    Attributes
    ----------
    acceleration_unit : str
        ``"m/s2"``, ``"g"`` or ``"mg"``; other spellings (``"m/s^2"``) become these.
    angular_velocity_unit : str
        ``"rad/s"`` or ``"deg/s"``.
    gravity : str
        ``"included"`` as an accelerometer feels it, or ``"removed"`` by the maker's filter.
    sign : str
        ``"specific_force"``: R^T (a - g), up at rest; ``"negative"``: minus that.
    axes : tuple of 3 str
        The sensor's x, y, z as signed columns of the file: ``("y", "-x", "z")`` takes x from column y.
    left_handed : bool
        The file's triad is left-handed; `axes` must then mirror it.
    turning : str
        ``"right_hand"``: the gyroscope counts a turn by the right-hand rule about each axis as positive.
    frame : str
        Frame of the accelerations: ``"sensor"``, or ``"world"`` where a filter rotated them.
    vertical : str
        Axis of the file's world that points up, e.g. ``"z"``; used with orientations only.

    Raises
    ------
    RecordingRefused
        An unknown word, axes that are none, or a frame that would stay left-handed.
    """

    acceleration_unit: str = "m/s2"
    angular_velocity_unit: str = "rad/s"
    gravity: str = "included"
    sign: str = "specific_force"
    axes: tuple[str, str, str] = ("x", "y", "z")
    left_handed: bool = False
    turning: str = "right_hand"
    frame: str = "sensor"
    vertical: str = "z"

    def __post_init__(self) -> None:
        """Take other spellings and check every word."""
        for name, choices in _CHOICES.items():
            word = canonical_unit(getattr(self, name))
            if word not in choices:
                raise RecordingRefused(
                    f"{name} {getattr(self, name)!r} is unknown; expected one of {', '.join(choices)}. Write it in "
                    "the convention of the recording."
                )
            object.__setattr__(self, name, word)
        object.__setattr__(self, "axes", tuple(self.axes))
        _signed_axis(self.vertical)
        turned = np.linalg.det(axis_matrix(self.axes))
        if abs(turned) < 0.5:
            raise RecordingRefused(f"axes {self.axes} name a column twice; expected x, y and z once each, with signs.")
        if turned < 0 and not self.left_handed:
            raise RecordingRefused(
                f"axes {', '.join(self.axes)} make a left-handed frame of a right-handed one; exchange two axes or "
                "turn one sign, or say left_handed=True if the file's own triad is left-handed."
            )
        if turned > 0 and self.left_handed:
            raise RecordingRefused(
                f"the file's frame is declared left-handed, and axes {', '.join(self.axes)} leave it so; expected axes "
                "that mirror it, e.g. ('x', 'y', '-z') if its z points the wrong way."
            )


def canonical_unit(word: str) -> str:
    """Our spelling of a unit (``"m/s^2"`` → ``"m/s2"``); an unknown word comes back as it is."""
    plain = str(word).strip().lower().replace(" ", "")
    return _SPELLINGS.get(plain, plain)


def convention_from(table: Mapping[str, object], where: str = "convention") -> ImuConvention:
    """Read a convention from a TOML table.

    Raises
    ------
    RecordingRefused
        An entry that a convention does not have, or a word it does not know.
    """
    known = {f.name for f in fields(ImuConvention)}
    strange = sorted(set(table) - known)
    if strange:
        raise RecordingRefused(
            f"{where}: {strange[0]!r} is no entry of a convention; expected some of {', '.join(sorted(known))}."
        )
    return ImuConvention(**table)


def axis_matrix(axes: tuple[str, str, str]) -> np.ndarray:
    """Signed permutation, shape (3, 3), that takes the file's columns to the sensor's x, y, z."""
    if len(axes) != 3:
        raise RecordingRefused(f"axes {axes!r}: expected three, such as ('x', '-z', 'y').")
    matrix = np.zeros((3, 3))
    for row, axis in enumerate(axes):
        column, sign = _signed_axis(axis)
        matrix[row, column] = sign
    return matrix


def _signed_axis(axis: str) -> tuple[int, float]:
    letter = str(axis).strip().lower().lstrip("+-")
    if letter not in _AXES:
        raise RecordingRefused(f"axis {axis!r} is unknown; expected x, y or z, with a minus where it is reversed.")
    return _AXES[letter], -1.0 if str(axis).strip().startswith("-") else 1.0


def convert_angular_velocity(values: np.ndarray, convention: ImuConvention) -> np.ndarray:
    """Angular velocity of a file → rad/s in the sensor's right-handed frame.

    The gyroscope of axis k counts turns about that axis, so its three numbers move with the axes; the rule by which a
    positive turn is told enters as a sign.

    Parameters
    ----------
    values : ndarray, shape (..., 3)
        As in the file; NaN stays NaN.
    convention : ImuConvention

    Returns
    -------
    ndarray, shape (..., 3)
    """
    sign = -1.0 if convention.turning == "left_hand" else 1.0
    factor = sign * _ANGULAR_VELOCITY[convention.angular_velocity_unit]
    return factor * np.asarray(values, dtype=float) @ axis_matrix(convention.axes).T


def convert_acceleration(
    values: np.ndarray, convention: ImuConvention, quaternions: np.ndarray | None = None
) -> np.ndarray:
    """Accelerometer readings of a file → specific force in m/s², sensor frame.

    Parameters
    ----------
    values : ndarray, shape (n_frames, 3)
        As in the file; NaN stays NaN.
    convention : ImuConvention
    quaternions : ndarray, shape (n_frames, 4), optional
        Scalar first, sensor → the file's world, about axes that are already ours (`convert_orientation`); needed where
        gravity was removed or the accelerations are in the world.

    Returns
    -------
    ndarray, shape (n_frames, 3)

    Raises
    ------
    RecordingRefused
        Orientations are needed and there are none.
    """
    force = np.asarray(values, dtype=float) * _ACCELERATION[convention.acceleration_unit]
    if convention.frame == "sensor":
        force = force @ axis_matrix(convention.axes).T
    if convention.sign == "negative":
        force = -force
    if convention.frame == "sensor" and convention.gravity == "included":
        return force
    if quaternions is None:
        what = "gravity was removed" if convention.gravity == "removed" else "the accelerations are in the world frame"
        raise RecordingRefused(
            f"{what}, and without the sensor's orientations the specific force cannot be restored; expected raw "
            "accelerations or orientations beside them. Export the raw accelerations."
        )
    to_world, known = _rotations(quaternions)
    if convention.gravity == "removed":
        column, sign = _signed_axis(convention.vertical)
        lift = np.zeros(3)
        lift[column] = sign * STANDARD_GRAVITY
        force = force + (lift if convention.frame == "world" else to_world.inv().apply(lift))
    if convention.frame == "world":
        force = to_world.inv().apply(force)
    return np.where(known[:, None], force, np.nan)


def convert_orientation(quaternions: np.ndarray, convention: ImuConvention) -> np.ndarray:
    """Orientations of a file (its axes → its world) → our sensor axes → the file's world; NaN stays NaN.

    Raises
    ------
    RecordingRefused
        The triad is left-handed: a quaternion of mirrored axes is no rotation.
    """
    if convention.axes == ("x", "y", "z"):
        return np.asarray(quaternions, dtype=float)
    if convention.left_handed:
        raise RecordingRefused(
            "orientations of a left-handed triad are no rotations; expected them in a right-handed frame. Leave the "
            "orientation columns out, or export them right-handed."
        )
    to_world, known = _rotations(quaternions)
    turned = to_world * Rotation.from_matrix(axis_matrix(convention.axes).T)
    return np.where(known[:, None], turned.as_quat(scalar_first=True), np.nan)


def _rotations(quaternions: np.ndarray) -> tuple[Rotation, np.ndarray]:
    """Rotations, the identity where unknown, and where they are known."""
    values = np.array(quaternions, dtype=float)
    known = np.isfinite(values).all(axis=1) & (np.linalg.norm(values, axis=1) > 0.5)
    values[~known] = (1.0, 0.0, 0.0, 0.0)
    return Rotation.from_quat(values, scalar_first=True), known


HOUSE = ImuConvention()
"""m/s², rad/s, gravity included, specific force, the sensor's own axes."""

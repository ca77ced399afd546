"""The movements of `sensor_frames.md` and what virtual sensors read in them: its signs, computed and never typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.motion import Kinematics
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.skeleton_imu import simulate_skeleton_imus

SKELETON = lower_body_skeleton(Subject("generic", 70.0, 1.80))
RATE = 100.0
REST, MOVE, END = 20, 50, 20
"""Frames: still, moving, still."""
SENSORS = {p.sensor: p for p in (*SEVEN_SENSORS, SensorPlacement("trunk", "torso", np.array([0.06, 0.24, 0.0])))}


@dataclass(frozen=True)
class Movement:
    """An anatomical movement of both sides from standing.

    Attributes
    ----------
    name : str
        Also of the picture.
    title : str
        What moves where.
    coordinate : str
        Without the side where there are two.
    sensor : str
        That shows it, without the side.
    view : str
        ``"side"``, ``"back"`` or ``"top"``: from where it is seen.
    window : tuple of float
        Left, right, bottom and top of the picture (m), ground axes of the view.
    goes : tuple
        The anatomical meaning in geometry: a landmark, a ground axis and the direction in which the landmark goes.
    degrees : float
        Size; its sign is that of the coordinate.
    others : mapping
        Coordinates that move with it (factor), so that the neighbours stand still in the ground.
    """

    name: str
    title: str
    coordinate: str
    sensor: str
    view: str
    window: tuple[float, float, float, float]
    goes: tuple[str, int, int]
    degrees: float = 30.0
    others: Mapping[str, float] = field(default_factory=dict)

    @property
    def sided(self) -> bool:
        """Whether there is one of it on each side."""
        return f"{self.coordinate}_r" in SKELETON.coordinate_names

    @property
    def sensors(self) -> tuple[SensorPlacement, ...]:
        """The sensor, or that of the right and that of the left side."""
        names = [f"{self.sensor}_r", f"{self.sensor}_l"] if self.sided else [self.sensor]
        return tuple(SENSORS[name] for name in names)


_TILT = {"hip_flexion_r": -1.0, "hip_flexion_l": -1.0, "lumbar_extension": -1.0}
_LIST = {"hip_adduction_r": -1.0, "hip_adduction_l": 1.0, "lumbar_bending": -1.0}
_ROTATION = {"hip_rotation_r": -1.0, "hip_rotation_l": 1.0, "lumbar_rotation": -1.0}
_SIDE, _BACK, _TOP = (-0.75, 0.85, -0.05, 1.82), (-0.80, 0.80, -0.05, 1.82), (-0.36, 0.36, -0.26, 0.56)
_FOOT = (-0.24, 0.30, -0.03, 0.57)

# fmt: off
MOVEMENTS = (
    Movement("hip_flexion", "hip flexion: the knee goes forward", "hip_flexion", "thigh", "side", _SIDE,
             ("knee_lateral_r", 0, 1)),
    Movement("hip_abduction", "hip abduction: the knees go apart", "hip_adduction", "thigh", "back", _BACK,
             ("knee_lateral_r", 2, 1), -20.0),
    Movement("hip_rotation", "hip internal rotation: the toes turn inwards", "hip_rotation", "thigh", "top", _TOP,
             ("toe_r", 2, -1)),
    Movement("knee_flexion", "knee flexion: the shank goes back", "knee_angle", "shank", "side", _SIDE,
             ("ankle_lateral_r", 0, -1), 45.0),
    Movement("ankle_dorsiflexion", "ankle dorsiflexion: the toes rise", "ankle_angle", "foot", "side", _FOOT,
             ("toe_r", 1, 1), 20.0),
    Movement("subtalar_inversion", "subtalar inversion: the sole turns inwards", "subtalar_angle", "foot", "back",
             (-0.27, 0.27, -0.03, 0.57), ("metatarsal_1_r", 1, 1), 20.0),
    Movement("pelvis_tilt", "posterior pelvic tilt: the front rises", "pelvis_tilt", "pelvis", "side", _SIDE,
             ("asis_r", 1, 1), 20.0, _TILT),
    Movement("pelvis_list", "pelvic list: the right side drops", "pelvis_list", "pelvis", "back", _BACK,
             ("asis_r", 1, -1), 15.0, _LIST),
    Movement("pelvis_rotation", "pelvic rotation: the right side goes forward", "pelvis_rotation", "pelvis", "top",
             _TOP, ("asis_r", 0, 1), 20.0, _ROTATION),
    Movement("trunk_extension", "trunk extension: it leans back", "lumbar_extension", "trunk", "side", _SIDE,
             ("c7", 0, -1), 20.0),
    Movement("trunk_bending", "trunk bending: it leans to the right", "lumbar_bending", "trunk", "back", _BACK,
             ("c7", 2, 1), 20.0),
    Movement("trunk_rotation", "trunk rotation: the right shoulder goes forward", "lumbar_rotation", "trunk", "top",
             _TOP, ("acromion_r", 0, 1)),
)
# fmt: on


def states(movement: Movement) -> tuple[Kinematics, np.ndarray, np.ndarray]:
    """Coordinates, speeds and accelerations of a movement with the least jerk (Flash and Hogan, J Neurosci 5:1688)."""
    frame = np.arange(REST + MOVE + END)
    s = np.clip((frame - REST) / MOVE, 0.0, 1.0)
    size, per_second = np.radians(movement.degrees), RATE / MOVE
    angle = size * (10 * s**3 - 15 * s**4 + 6 * s**5)
    speed = size * per_second * (30 * s**2 - 60 * s**3 + 30 * s**4)
    acceleration = size * per_second**2 * (60 * s - 180 * s**2 + 120 * s**3)
    sides = ("_r", "_l") if movement.sided else ("",)
    factors = {movement.coordinate + side: 1.0 for side in sides} | dict(movement.others)
    tables = [np.outer(curve, list(factors.values())) for curve in (angle, speed, acceleration)]
    return Kinematics(tuple(factors), tables[0], RATE), tables[1], tables[2]


def readings(movement: Movement) -> tuple[ImuRecording, ...]:
    """What the sensors of a movement read; right before left."""
    kinematics, speeds, accelerations = states(movement)
    return simulate_skeleton_imus(SKELETON, kinematics, movement.sensors, speeds=speeds, accelerations=accelerations)


def turning_signs(recording: ImuRecording) -> str:
    """Signs of the gyroscope's channels while it moves: ``"+z"``; those below a tenth of the largest are left out."""
    peak = recording.angular_velocity[REST + MOVE // 2]
    order = [k for k in np.argsort(-np.abs(peak)) if abs(peak[k]) > 0.1 * np.abs(peak).max()]
    return " ".join(("+" if peak[k] > 0 else "−") + "xyz"[k] for k in order)


def force_change(recording: ImuRecording) -> str:
    """Change of the accelerometer's channels (m/s²) from still before to still afterwards; below 0.15 left out."""
    change = recording.specific_force[-1] - recording.specific_force[0]
    named = [f"{'xyz'[k]} {change[k]:+.1f}".replace("-", "−") for k in range(3) if abs(change[k]) >= 0.15]
    return ", ".join(named) or "no change"


def sign_table() -> str:
    """The table of the page."""
    rows = [
        "| movement | coordinate | sensor | gyroscope right | left | accelerometer right | left |",
        "|---|---|---|---|---|---|---|",
    ]
    for movement in MOVEMENTS:
        records = readings(movement)
        side = "_*" if movement.sided else ""
        cells = [f"[{movement.title}](pictures/{movement.name}.svg)"]
        cells += [f"`{movement.coordinate}{side}` {movement.degrees:+g}°".replace("-", "−"), movement.sensor]
        for words in (turning_signs, force_change):
            cells += [words(record) for record in records] if movement.sided else [words(records[0]), ""]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)

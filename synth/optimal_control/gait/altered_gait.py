"""An altered gait: a virtual walk of which one joint is moved otherwise in one phase, and the same walk without it.

The walk is kinematic: normative angles in the person's own style and speed, over a pelvis that travels evenly and rises
in single support. No muscle moves it, so that nothing else of the walk answers to the alteration: what the sensors of
one twin read otherwise than those of the other is the alteration's doing alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap_import.trial import GaitEvent
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.motion import Kinematics
from synth.corpus.trial import CorpusTrial
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import SensorPlacement
from synth.optimal_control.gait.normative_gait import (
    COMFORTABLE_SPEED,
    COORDINATES,
    REFERENCE_HEIGHT,
    GaitStyle,
    cycle_duration,
    draw_style,
    normative_coordinates,
)
from synth.virtual_people import VirtualPerson, draw_person

RATE = 100.0
"""Hz."""
SENSORS = (*SEVEN_SENSORS, SensorPlacement("trunk", "torso", np.array([-0.08, 0.30, 0.0])))
"""The seven of planar studies, and one on the back of the trunk."""
RELATIVE_SPEEDS = (0.75, 1.25)
"""Of the comfortable speed of a person's height; uniform."""
SEVERITIES = (0.2, 0.8)
_RISE, _HIP = 0.02, 0.53
"""Amplitude of the pelvis (m) and its mean height over stature."""


@dataclass(frozen=True)
class Alteration:
    """What is moved otherwise.

    Attributes
    ----------
    coordinate : str
        Without its side, where the joint has one.
    begin, end : float
        Share of the cycle of the leg that is altered (of the right one for the trunk).
    size : float
        Degrees in the middle of that phase at severity 1.
    is_sided : bool
    """

    coordinate: str
    begin: float
    end: float
    size: float
    is_sided: bool = True


ALTERATIONS: dict[str, Alteration] = {
    "stiff_knee": Alteration("knee_angle", 0.60, 0.95, -25.0),
    "weak_push_off": Alteration("ankle_angle", 0.42, 0.72, 12.0),
    "short_hip": Alteration("hip_flexion", 0.30, 0.62, 10.0),
    "trunk_sway": Alteration("lumbar_extension", 0.0, 0.35, -9.0, is_sided=False),
}
"""Name → knee that hardly flexes in swing, little push-off of the ankle, hip that hardly extends at the end of stance,
trunk that bends forward as the right foot is loaded. Sizes are assumptions: less than an eye would miss."""
UNALTERED = "none"


@dataclass(frozen=True)
class AlteredGait:
    """One walk of a virtual person.

    Attributes
    ----------
    person : VirtualPerson
    style : GaitStyle
    speed : float
        m/s.
    alteration : str
        Of `ALTERATIONS`, or ``"none"``.
    side : str
        ``"r"``, ``"l"``, or empty.
    severity : float
    """

    person: VirtualPerson
    style: GaitStyle
    speed: float
    alteration: str = UNALTERED
    side: str = ""
    severity: float = 0.0

    @property
    def without(self) -> AlteredGait:
        """The same walk of the same person, unaltered."""
        return replace(self, alteration=UNALTERED, side="", severity=0.0)

    def at_relative_speed(self, relative: float) -> AlteredGait:
        """The same person at another speed, as a share of the comfortable one of that height."""
        return replace(self, speed=comfortable_speed(self.person.subject.height) * relative)

    def coordinates(self, phase: np.ndarray) -> np.ndarray:
        """Coordinates (n, 10) of the planar skeleton at phases of the right leg's cycle; rad, m."""
        height = self.person.subject.height
        values = normative_coordinates(phase, self.speed, height, self.style)
        values[:, COORDINATES.index("pelvis_tx")] = self.speed * phase * self.duration
        values[:, COORDINATES.index("pelvis_ty")] = _HIP * height - _RISE * np.cos(4 * np.pi * phase)
        if self.alteration != UNALTERED:
            what = ALTERATIONS[self.alteration]
            column = COORDINATES.index(f"{what.coordinate}_{self.side}" if what.is_sided else what.coordinate)
            values[:, column] += np.radians(what.size) * self.severity * bump(phase + 0.5 * (self.side == "l"), what)
        return values

    @property
    def duration(self) -> float:
        """Of a cycle (s)."""
        return cycle_duration(self.speed, self.person.subject.height, self.style)

    def trial(self) -> CorpusTrial:
        """One cycle from a strike of the right foot, as a population's trial has it."""
        subject, duration = self.person.subject, self.duration
        times = np.arange(int(np.ceil(duration * RATE))) / RATE
        motion = Kinematics(COORDINATES, self.coordinates(times / duration), RATE)
        strikes = tuple(
            GaitEvent(t, foot, "foot_strike", "drawn") for t, foot in ((0, "right"), (duration / 2, "left"))
        )
        return CorpusTrial(
            name="walk_01",
            subject=subject,
            rate=RATE,
            skeleton=planar_skeleton(subject),
            kinematics=motion,
            events=strikes,
            task="walk",
            spatiotemporal={"stride_time_r": duration, "speed": self.speed},
        )


def bump(phase: np.ndarray, what: Alteration) -> np.ndarray:
    """Course of an alteration, 0 to 1, smooth up to its third derivative, so that no sensor feels a kink."""
    within = (np.mod(phase, 1.0) - what.begin) / (what.end - what.begin)
    return np.where((within > 0) & (within < 1), np.sin(np.pi * within) ** 4, 0.0)


def comfortable_speed(height: float) -> float:
    """Comfortable speed (m/s) of a person of a height (m)."""
    return COMFORTABLE_SPEED * float(np.sqrt(height / REFERENCE_HEIGHT))


def draw_altered_gait(seed: int, number: int, spread: float = 1.0, healthy: float = 0.4) -> AlteredGait:
    """Draw the walk of one person: a pure function of its arguments.

    Parameters
    ----------
    seed, number : int
        As `synth.virtual_people.draw_person`.
    spread : float
        How far styles are from the normative one.
    healthy : float
        Share of the people whose walk is unaltered; the alterations of the others are equally frequent, as are sides.
    """
    person, rng = draw_person(seed, number), np.random.default_rng([seed, number, 6])
    style = draw_style(rng, spread)
    speed = comfortable_speed(person.subject.height) * rng.uniform(*RELATIVE_SPEEDS)
    well, which, left, severity = rng.random(), rng.random(), rng.random() < 0.5, rng.uniform(*SEVERITIES)
    if well < healthy:
        return AlteredGait(person, style, speed)
    name = list(ALTERATIONS)[int(which * len(ALTERATIONS))]
    side = ("l" if left else "r") if ALTERATIONS[name].is_sided else ""
    return AlteredGait(person, style, speed, name, side, severity)

"""Gait mode: walking or running, each with its normative curves, its speeds and what is accepted of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synth.optimal_control.gait import normative_gait, normative_running
from synth.optimal_control.gait.gait_check import RUNNING, WALKING, GaitLimits
from synth.optimal_control.gait.normative_gait import GaitStyle


@dataclass(frozen=True)
class GaitMode:
    """A way of going.

    Attributes
    ----------
    name : str
        ``"walk"`` or ``"run"``.
    comfortable_speed : float
        m/s, at which the normative curves hold.
    speeds : (float, float)
        m/s, of a population if nothing else is said.
    possible_speeds : (float, float)
        m/s, of a person of `normative_gait.REFERENCE_HEIGHT`.
    speed_step : float
        m/s; between solutions that others start from.
    meshes : tuple of int
        Intervals of half a cycle, coarse to fine: a foot that runs strikes sharper.
    limits : GaitLimits
    coordinates : callable
        (phase, speed, height, style) → coordinates (n, 10).
    forces : callable
        (phase, speed, height) → ground reaction (n, 4).
    duration : callable
        (speed, height, style) → duration (s) of a cycle.
    relative_speed : callable
        (speed, height) → speed over the comfortable one.
    """

    name: str
    comfortable_speed: float
    speeds: tuple[float, float]
    possible_speeds: tuple[float, float]
    speed_step: float
    meshes: tuple[int, ...]
    limits: GaitLimits
    coordinates: Callable[[np.ndarray, float, float, GaitStyle | None], np.ndarray]
    forces: Callable[[np.ndarray, float, float], np.ndarray]
    duration: Callable[[float, float, GaitStyle | None], float]
    relative_speed: Callable[[float, float], float]


WALK = GaitMode(
    name="walk",
    comfortable_speed=normative_gait.COMFORTABLE_SPEED,
    speeds=(0.8, 1.8),
    possible_speeds=(0.6, 2.2),
    speed_step=0.2,
    meshes=(25, 36, 50),
    limits=WALKING,
    coordinates=normative_gait.normative_coordinates,
    forces=normative_gait.normative_forces,
    duration=normative_gait.cycle_duration,
    relative_speed=normative_gait.relative_speed,
)
RUN = GaitMode(
    name="run",
    comfortable_speed=normative_running.COMFORTABLE_SPEED,
    speeds=(2.4, 4.0),
    possible_speeds=(2.0, 5.0),
    speed_step=0.4,
    meshes=(36, 50, 80),
    limits=RUNNING,
    coordinates=normative_running.running_coordinates,
    forces=normative_running.running_forces,
    duration=normative_running.running_duration,
    relative_speed=normative_running.running_speed,
)
MODES = {mode.name: mode for mode in (WALK, RUN)}

"""A made walk of a generic person: cosines, so that what is true of it is known."""

from __future__ import annotations

import numpy as np

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.motion import Kinematics
from synth.camera.filmed_gait import FilmedGait, filmed_gait
from synth.corpus.trial import CorpusTrial

PERIOD, SPEED, RATE, HEIGHT = 1.0, 1.2, 100.0, 1.7


def made_trial(
    seconds: float = 4.0, heading: float = 0.0, name: str = "walk_01", person: str = "S1", sway: float = 0.0
) -> CorpusTrial:
    """A recording: legs swing by cosines, the pelvis goes along X, turned by a heading (rad) about the vertical.

    With a sway (rad) the pelvis lists and turns, and goes from side to side, to one side as half a cycle later to the
    other: a gait in space, with the symmetry of walking.
    """
    subject = Subject(person, 65.0, HEIGHT)
    time = np.arange(round(seconds * RATE)) / RATE
    swing, bend = (0.45 * np.cos(2.0 * np.pi * time / PERIOD + p) for p in (0.0, np.pi)), 0.2 + 0.0 * time
    right, left = swing
    names = ("pelvis_tx", "pelvis_ty", "pelvis_tz", "pelvis_rotation")
    names += ("hip_flexion_r", "hip_flexion_l", "knee_angle_r", "knee_angle_l")
    way = SPEED * time
    values = [way * np.cos(heading), 0.9 + 0.0 * time, -way * np.sin(heading), heading + 0.0 * time]
    columns = [*values, right, left, bend, bend]
    if sway:
        names, tipped = (*names, "pelvis_list"), sway * np.cos(2.0 * np.pi * time / PERIOD)
        columns = [columns[0], columns[1], columns[2] + tipped / 2.0, columns[3] + tipped, *columns[4:], tipped]
    kinematics = Kinematics(names, np.stack(columns, axis=1), RATE)
    events = tuple(
        GaitEvent(t, foot, "foot_strike", "force")
        for foot, first in (("right", 0.0), ("left", 0.5))
        for t in np.arange(first, seconds, PERIOD)
    )
    told = {"speed": SPEED, "cadence": 2.0 / PERIOD, "step_length_r": SPEED * PERIOD / 2.0}
    return CorpusTrial(
        name,
        subject,
        RATE,
        kinematics=kinematics,
        skeleton=lower_body_skeleton(subject),
        task="walk",
        events=events,
        spatiotemporal=told,
    )


def made_gait(seconds: float = 4.0, heading: float = 0.0, sway: float = 0.0) -> FilmedGait:
    """The recording as something to film."""
    return filmed_gait(made_trial(seconds, heading, sway=sway))

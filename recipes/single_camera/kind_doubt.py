"""Doubt about what is wrong: conformal sets of kinds, calibrated by persons, and people by other laws."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from recipes.class_doubt import INSIDE, class_doubt
from recipes.result import Result
from recipes.single_camera.doubt import INSIDE as SCORED
from recipes.single_camera.doubt import Clips
from synth.camera.keypoint_input import ClipArrays
from synth.impairment import KINDS
from training.keypoint.keypoint_lesson import KeypointEstimate
from training.sample.conformal_set import ClassAnswers

TASK = "doubt about what is wrong"


def kind_answers(clips: ClipArrays, said: KeypointEstimate) -> ClassAnswers:
    """What is said of the clips of whom it is known what is wrong; the networks' mean alone is kept, no spread."""
    known = clips.kind >= 0
    return ClassAnswers(clips.person[known], clips.kind[known], said.kinds[known], np.zeros((known.sum(), len(KINDS))))


def kind_doubt(
    calibrating: Clips,
    sets: Mapping[str, ClipArrays],
    estimates: Mapping[str, KeypointEstimate],
    tasks: Mapping[str, str],
    seed: int,
) -> tuple[list[Result], pd.DataFrame]:
    """Rows of conformal sets of kinds, and every level of every group.

    Parameters
    ----------
    calibrating : (ClipArrays, KeypointEstimate)
        Of those who calibrate.
    sets, estimates : mapping
        By name of set; the people never seen are among them.
    tasks : mapping of str to str
        Set → its name in the table.
    seed : int
    """
    told = {name: kind_answers(sets[name], estimates[name]) for name in tasks if name in estimates}
    groups = {INSIDE: told[SCORED]} | {tasks[n]: own for n, own in told.items() if n != SCORED}
    groups = {group: own for group, own in groups.items() if len(own.truth)}
    return class_doubt(TASK, "network", [(kind_answers(*calibrating), groups)], list(KINDS), seed)

"""What people beside are worth: the network against the one that was taught without them, on the same clips.

People who all walk by one law teach that law, too. Those of the setting `beside` have constants of their own, or walk
in nobody's manner: what they are worth shows on people by laws that taught nobody, and on recorded ones. Both networks
have as many passes, which are longer with people beside; rows that compare them say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from recipes.equal_lesson import with_lessons
from recipes.result import Result, mean_result
from recipes.single_camera.agreement import UNITS, person_means
from recipes.single_camera.clip_sets import lessons_with
from recipes.single_camera.impairment_score import kind_result, severity_change, severity_rows, truth_table
from synth.camera.filmed_gait import PARAMETERS
from synth.camera.keypoint_input import ClipArrays, units_of
from training.keypoint.keypoint_lesson import KeypointEstimate
from training.keypoint.progression import SEVERITY

NETWORK, ALONE = "network", "network without those beside"


def beside_results(
    sets: Mapping[str, ClipArrays],
    estimates: Mapping[str, KeypointEstimate],
    without: Mapping[str, KeypointEstimate],
    tasks: Mapping[str, str],
    seed: int,
) -> list[Result]:
    """Rows of the network that was taught without people beside, and what those took off its errors.

    Parameters
    ----------
    sets : mapping of str to ClipArrays
    estimates, without : mapping of str to KeypointEstimate
        By the network, and by the one that never saw people beside; empty where it was not taught.
    tasks : mapping of str to str
        Set → its name in the table.
    seed : int
        Of the bootstrap over people.
    """
    results: list[Result] = []
    unequal = lessons_with(sets, "beside")
    for name, task in tasks.items():
        if name not in without:
            continue
        clips, said, alone = sets[name], estimates[name], without[name]
        if np.isfinite(clips.severity).any():
            results += severity_rows(task, ALONE, truth_table(clips, alone.scalars[:, SEVERITY]), seed)
            results.append(kind_result(task, ALONE, clips, alone, seed))
            row = severity_change(task, clips, (said, alone), seed)
            results.append(replace(row, note=with_lessons(row.note, unequal)))
        results += _parameter_rows(clips, said, alone, task, unequal, seed)
    return results


def _parameter_rows(
    clips: ClipArrays, said: KeypointEstimate, alone: KeypointEstimate, task: str, unequal: str, seed: int
) -> list[Result]:
    """Mean absolute error of each gait parameter without people beside, and how much less it is with them."""
    units, results = units_of(clips.stature), []
    with_them, without = (np.abs(own.scalars[:, :4] - clips.parameters) * units for own in (said, alone))
    for i, parameter in enumerate(PARAMETERS):
        measure = f"{parameter}: mean absolute error"
        rows = (
            (ALONE, measure, without[:, i], ""),
            (NETWORK, f"{measure} less that of the {ALONE}", (with_them - without)[:, i], unequal),
        )
        for method, measured, values, note in rows:
            if by_person := person_means(values, clips.person):
                told = {"task": task, "method": method, "measure": measured, "unit": UNITS[parameter], "note": note}
                results.append(mean_result(by_person, seed=seed, **told))
    return results

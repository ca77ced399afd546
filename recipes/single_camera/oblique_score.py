"""Score of oblique views: people in 3-D and recorded ones by band of the camera's angle, and what 3-D people are worth.

Beside the network stand the same network taught without people in 3-D, and rulers, one of which is told the angle. Both
networks have as many passes, which are longer with people in 3-D; rows that compare them say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from recipes.result import Result, mean_result
from recipes.single_camera.agreement import MEAN, UNITS, agreement_results, clip_table, person_means
from recipes.single_camera.clip_sets import OBLIQUE, SPATIAL, lessons_with, teachers
from recipes.single_camera.doubt import coverage_result
from recipes.single_camera.ruler import fitted_lines, lengthened, ruled
from recipes.single_camera.waveform_score import wave_results
from synth.camera.filmed_gait import PARAMETERS
from synth.camera.keypoint_geometry import geometric_parameters
from synth.camera.keypoint_input import ClipArrays, joined, units_of
from synth.camera.pinhole import BANDS
from training.keypoint.keypoint_calibration import scaled_errors
from training.keypoint.keypoint_lesson import KeypointEstimate, joined_estimates
from training.sample.calibration_curve import calibration_curve

NETWORK, BLIND = "network", "network that saw nobody in 3-D"
LESS = f"less that of {BLIND}"
"""How measures end that compare the two."""
WHO = {"spatial": "virtual people in 3-D", "recorded": "recorded, overground"}
_WAYS = PARAMETERS[:3]
_VIEWS = (*BANDS, (BANDS[1][0], BANDS[-1][1]))
"""Three bands, and all that is oblique."""


def oblique_results(
    sets: Mapping[str, ClipArrays],
    estimates: Mapping[str, KeypointEstimate],
    without: Mapping[str, KeypointEstimate],
    seed: int,
) -> list[Result]:
    """Rows of every band of views; none where nobody in 3-D was filmed.

    Parameters
    ----------
    sets : mapping of str to ClipArrays
    estimates, without : mapping of str to KeypointEstimate
        By the network, and by the one that saw nobody in 3-D, empty where it was not taught.
    seed : int
        Of the bootstrap over people.
    """
    if not len(sets.get(SPATIAL["score"], ())):
        return []
    taught, unequal = teachers(sets)[0], lessons_with(sets, "spatial")
    names = {"spatial": [SPATIAL["score"]], "recorded": [n for n in ("overground", OBLIQUE) if len(sets[n])]}
    results = []
    for who, own in names.items():
        if not own:
            continue
        clips = joined([sets[n] for n in own])
        said = {NETWORK: joined_estimates([estimates[n] for n in own])}
        if without:
            said[BLIND] = joined_estimates([without[n] for n in own])
        for low, high in _VIEWS:
            rows = np.flatnonzero((np.abs(clips.oblique) >= low) & (np.abs(clips.oblique) < high))
            if len(rows):
                task = f"{WHO[who]}, seen from {low:g} to {high:g} degrees"
                there = {name: estimate.rows(rows) for name, estimate in said.items()}
                found = view_results(clips.rows(rows), there, taught, task, seed)
                results += [replace(r, note=unequal) if r.measure.endswith(LESS) else r for r in found]
                calibrating = sets[SPATIAL["calibrate"]], estimates[SPATIAL["calibrate"]]
                if who == "spatial":
                    results += _alarms(clips.rows(rows).person, there, task, seed)
                results.append(_coverage(calibrating, (clips.rows(rows), there[NETWORK]), task, seed))
    return results


def view_results(
    clips: ClipArrays, said: Mapping[str, KeypointEstimate], taught: ClipArrays, task: str, seed: int
) -> list[Result]:
    """Rows of one band: gait parameters and waveforms by each method, and what people in 3-D were worth."""
    units = units_of(clips.stature)
    methods = {name: estimate.scalars[:, :4] * units for name, estimate in said.items()}
    methods[MEAN] = np.nanmean(taught.parameters, axis=0) * units
    own, theirs = geometric_parameters(clips.inputs), geometric_parameters(taught.inputs)
    methods["geometry, fitted"] = ruled(own, fitted_lines(theirs, taught.parameters)) * units
    lines = fitted_lines(lengthened(theirs, taught.oblique), taught.parameters)
    methods["geometry, fitted, angle known"] = ruled(lengthened(own, clips.oblique), lines) * units
    table = clip_table(clips, methods)
    table = table[table.parameter.isin(_WAYS)]
    results = [
        row for row in agreement_results(table, task, seed, recorded=False) if not row.measure.endswith("half width")
    ]
    for i, (name, estimate) in enumerate(said.items()):
        rows = wave_results(clips, estimate, taught, task, seed)
        results += [replace(r, method=name) if r.method == NETWORK else r for r in rows if not i or r.method == NETWORK]
    return results + (_worth(clips, methods, task, seed) if BLIND in said else [])


def _worth(clips: ClipArrays, methods: Mapping[str, np.ndarray], task: str, seed: int) -> list[Result]:
    """Mean absolute error less that of the network that saw nobody in 3-D, person by person: below zero is a gain."""
    truth, results = clips.parameters * units_of(clips.stature), []
    for i, parameter in enumerate(_WAYS):
        less = np.abs(methods[NETWORK][:, i] - truth[:, i]) - np.abs(methods[BLIND][:, i] - truth[:, i])
        if by_person := person_means(less, clips.person):
            measure = f"{parameter}: mean absolute error {LESS}"
            results.append(
                mean_result(by_person, task=task, method=NETWORK, measure=measure, unit=UNITS[parameter], seed=seed)
            )
    return results


def _alarms(people: np.ndarray, said: Mapping[str, KeypointEstimate], task: str, seed: int) -> list[Result]:
    """With what probability an impairment is told of people in 3-D, none of whom has one; nobody taught that."""
    results = []
    for method, estimate in said.items():
        ill = 1.0 - estimate.kinds[:, 0]
        measure = "impairment: probability told of people who have none"
        results.append(
            mean_result(person_means(ill, people), task=task, method=method, measure=measure, unit="1", seed=seed)
        )
    return results


def _coverage(
    calibrating: tuple[ClipArrays, KeypointEstimate],
    scored: tuple[ClipArrays, KeypointEstimate],
    task: str,
    seed: int,
) -> Result:
    """How often 90 % conformal intervals of speed, calibrated on other people in 3-D from all bands, hold the truth."""
    calibrated, errors = (scaled_errors(*pair, "speed") for pair in (calibrating, scored))
    return coverage_result(calibration_curve(calibrated, errors, (0.9,), seed=seed), task, "speed")

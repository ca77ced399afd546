"""Stage of the recipe of one camera: its table, the calibration curve, and the agreement trial by trial."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from recipes.result import Result, write_results
from recipes.run import Run
from recipes.single_camera.agreement import MEAN, agreement_results, clip_table, with_means, with_strikes
from recipes.single_camera.beside_score import beside_results
from recipes.single_camera.clip_sets import BESIDE, CLIPS, calibrating_people, load_clips, planar_teachers
from recipes.single_camera.doubt import doubt_results, outside_results
from recipes.single_camera.filming import BRIEF, recorded_gaits
from recipes.single_camera.force_score import force_results
from recipes.single_camera.impairment_score import impairment_results
from recipes.single_camera.kind_doubt import kind_doubt
from recipes.single_camera.knowable import knowable_results
from recipes.single_camera.oblique_score import oblique_results
from recipes.single_camera.own_people import load_own, own_tasks
from recipes.single_camera.person_agreement import person_results
from recipes.single_camera.progression_score import progression_results
from recipes.single_camera.ruler import fitted_lines, ruled
from recipes.single_camera.teaching import NETWORKS, load_estimates
from recipes.single_camera.wave_doubt import wave_doubt
from recipes.single_camera.waveform_score import wave_results
from synth.camera.filmed_gait import AT_STRIKES
from synth.camera.keypoint_geometry import geometric_parameters
from synth.camera.keypoint_input import ClipArrays, units_of
from training.csv_table import write_csv
from training.keypoint.keypoint_lesson import KeypointEstimate

AGREEMENT, CURVE = "agreement.csv", "calibration.csv"
KINDS_CURVE, WAVES_CURVE = "kind_sets.csv", "wave_calibration.csv"
TASKS = {
    "score": "virtual people never seen",
    "brief": f"virtual people never seen, clips of {BRIEF:g} s",
    BESIDE["score"]: "virtual people of those beside, never seen",
    "other": "virtual people of other laws",
    "far": "virtual people of far laws",
    "predicted": "virtual people, predicted freely",
    "overground": "recorded, overground",
    "treadmill": "recorded, treadmill",
}
VIRTUAL = ("score", "brief", BESIDE["score"], "other", "far", "predicted")
RECORDED = ("overground", "treadmill")
FORCED = ("score", *RECORDED)
"""Sets whose ground reaction is also scored under loaded feet alone."""
_NETWORK = "network"


def score_everything(run: Run) -> str:
    """Hold every estimate and every baseline against the truth."""
    sets, estimates = load_clips(run.folder / CLIPS), load_estimates(run)
    own_clips, own_estimates = load_own(run)
    sets, estimates, tasks = sets | own_clips, estimates | own_estimates, TASKS | own_tasks(own_clips)
    taught = sets["teach"]
    lines = fitted_lines(geometric_parameters(taught.inputs), taught.parameters)
    results: list[Result] = []
    tables, between_feet = [], strike_lengths(run)
    for name, task in tasks.items():
        clips = sets[name]
        if not len(clips):
            continue
        methods = parameter_methods(clips, estimates[name], taught, lines)
        table = clip_table(clips, methods).assign(task=task)
        tables.append(table)
        table = with_strikes(table, between_feet) if name in RECORDED else table
        results += agreement_results(with_means(table, _NETWORK), task, run.settings.seed, recorded=name in RECORDED)
        if name in RECORDED or name in own_clips:
            results += person_results(table, task, run.settings.seed)
        results += wave_results(clips, estimates[name], taught, task, run.settings.seed)
        if name in FORCED:
            results += force_results(clips, estimates[name], taught, task, run.settings.seed)
        if name in VIRTUAL:
            results += impairment_results(clips, estimates[name], taught, task, run.settings.seed)
    results += knowable_results(planar_teachers(sets), sets, {name: TASKS[name] for name in VIRTUAL}, run.settings.seed)
    write_csv(run.folder / AGREEMENT, pd.concat(tables, ignore_index=True))
    results += _doubted(run, sets, estimates, tasks)
    results += beside_results(sets, estimates, load_estimates(run, "beside"), TASKS, run.settings.seed)
    results += oblique_results(sets, estimates, load_estimates(run, "spatial"), run.settings.seed)
    notes = [
        "What is scored is one clip of one camera (two of each virtual gait, eight of each recorded one, every one by "
        "another camera); rows of means of all clips stand beside it. Intervals: people are drawn with replacement.",
        "r counts every clip alike, however many a person has; of real people rows of r in which each person weighs "
        "alike stand beside it. Limits of agreement know that clips of a person repeat (Bland and Altman 2007).",
        "The mean of those who taught is in proportion to stature: its r is what knowing the stature alone tells.",
        "Virtual people of other laws walk by another simulator: point contact, smooth activation, other strength; "
        "those of far laws also pay three times for effort and follow their manners half as closely.",
        f"Clips last {run.settings.seconds:g} s where the gait does; recordings are mostly shorter.",
        "Virtual people predicted freely walk by speed, effort and the cause of their impairment, in nobody's manner.",
        "The step length of a recording is speed over cadence, as that of virtual gaits; step_length_at_strikes holds "
        "the same estimates against the way between the feet at their strikes, where the import measured it.",
        "Recorded gaits are seen through the virtual camera: keypoints are projected joint centres with drawn detector "
        "errors, not detections in video.",
        "Ground reaction of recordings is that of their plates where these tell: overground of steps on a plate.",
    ]
    write_results(run.folder, results, title="One camera", notes=notes)
    return f"{len(results)} rows, {sum(r.met == 'no' for r in results)} goals missed"


def _doubted(
    run: Run, sets: Mapping[str, ClipArrays], estimates: Mapping[str, KeypointEstimate], tasks: Mapping[str, str]
) -> list[Result]:
    """Rows of all that those who calibrate are needed for: intervals, sets, who is outside, changes between visits."""
    from training.keypoint.keypoint_file import load_keypoint_ensemble

    calibrating, seed = calibrating_people(sets, estimates), run.settings.seed
    ensemble, results = load_keypoint_ensemble(run.folder / NETWORKS), []
    for place, doubt, own in (
        (CURVE, doubt_results, tasks),
        (KINDS_CURVE, kind_doubt, TASKS),
        (WAVES_CURVE, wave_doubt, TASKS),
    ):
        doubts, curves = doubt(calibrating, sets, estimates, own, seed)
        write_csv(run.folder / place, curves)
        results += doubts
    results += outside_results(ensemble.calibration, sets, estimates, tasks, seed)
    for name in VIRTUAL:
        if ensemble.progression is not None and name in estimates:
            own = sets[name], estimates[name]
            results += progression_results(own, calibrating, ensemble.progression, TASKS[name], seed)
    return results


def strike_lengths(run: Run) -> dict[tuple[str, str], float]:
    """Person and trial of each recording → way between the feet at their strikes (m), where its import measured it."""
    told = {
        (gait.person, gait.trial): gait.parameters.get(AT_STRIKES, np.nan)
        for source in run.settings.real
        for gait in recorded_gaits(source)
    }
    return {key: value for key, value in told.items() if np.isfinite(value)}


def parameter_methods(
    clips: ClipArrays, estimate: KeypointEstimate, taught: ClipArrays, lines: np.ndarray
) -> dict[str, np.ndarray]:
    """Gait parameters (n, 4) in SI by each method."""
    units = units_of(clips.stature)
    mean = np.tile(np.nanmean(taught.parameters, axis=0), (len(clips), 1))
    geometry = geometric_parameters(clips.inputs)
    own = {MEAN: mean, "geometry": geometry, "geometry, fitted": ruled(geometry, lines)}
    return {name: values * units for name, values in {_NETWORK: estimate.scalars[:, :4], **own}.items()}

"""The stride corpus: running with real joint angles, and around them what was drawn.

Real: the nine joint angles of every stride, the order of the strides, their duration (`stride_duration`), speed,
height, mass, age and laboratory. Drawn for each runner: pelvis motion, segment lengths, places of sensors (`DRAWN`). A
runner draws from the seed and the own code, so another runner more changes nobody's records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.trial import GaitEvent, Treatment
from opensim_models.motion import Kinematics
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch, NothingAccepted
from synth.corpus.subject_split import SubjectSplit, k_fold
from synth.corpus.trial import CorpusTrial
from synth.corpus.writer import CorpusWriter
from synth.imu.error_recipe import ImuErrors
from synth.imu.simulation import simulate_imu
from synth.joint_trial import JOINTS, joint_angles
from synth.strides.pelvis_motion import COORDINATES, DRIFT, PelvisPattern, draw_pelvis, pelvis_coordinates
from synth.strides.runner_body import (
    LENGTH_SCATTER,
    PLACE_SD,
    SIDEWAYS,
    RunnerBody,
    draw_body,
    foot_flat_tilt,
    leg_motions,
    without_shaking,
)
from synth.strides.stride_curve import stride_curve
from synth.strides.stride_duration import StrideDuration, stride_duration
from synth.strides.stride_quality import SHORTEST_RUN, stride_faults, unbroken_runs
from synth.strides.stride_table import LABORATORIES, RunnerStrides, read_runners, read_strides, stride_files
from synth.strides.upright_leg import upright_pelvis

RATE = 200.0
"""Hz, of Rapp, Shin et al. (J Biomech 2021)."""
FIRST_GUESS = 0.72
"""Duration of a stride (s) for the first look at its quality: what the paper's runners need."""
FOLDS = 5
JOINT_COLUMNS = (
    *(f"hip_{word}_r" for word in ("flexion", "adduction", "rotation")),
    *("knee_angle_r", "knee_adduction_r", "knee_rotation_r"),
    *("ankle_angle_r", "ankle_inversion_r", "ankle_rotation_r"),
)
CAPTION = (
    "Not the data of the paper: joint angles of 40 runners of two laboratories (BMClab/datasets BMC_RIC, CC BY 4.0); "
    "pelvis motion, segment lengths and places of sensors are drawn."
)
DRAWN = {
    "pelvis motion": f"harmonics 1 to 4, phases; {DRIFT:.0%} from stride to stride; the mean tilt lays the foot flat "
    "in mid-stance, list and rotation keep the leg in its plane, with scatter (synth.strides.pelvis_motion)",
    "segment lengths": f"parts of stature after Winter, SD {LENGTH_SCATTER:.0%} (synth.strides.runner_body)",
    "places of sensors": f"of seven-sensor studies, SD {1000 * PLACE_SD:.0f} mm an axis (synth.strides.runner_body)",
    "joint centres": f"move sideways below {SIDEWAYS:g} Hz only (synth.strides.runner_body)",
    "side": "assumed: a right leg, or counted as one (synth.strides.stride_table)",
}


@dataclass(frozen=True)
class _Runner:
    strides: RunnerStrides
    timing: StrideDuration
    body: RunnerBody
    pelvis: PelvisPattern
    rate: float
    seed: int


def build_stride_corpus(
    folder: Path,
    out: Path,
    *,
    seed: int = 0,
    rate: float = RATE,
    noise_share: float = 0.15,
    progress: Callable[[Iterable, str], Iterable] | None = None,
) -> pd.DataFrame:
    """Make a corpus (role ``"motion"``) of the stride tables of a folder.

    Each run of neighbouring good strides is a trial, with clean records of four sensors, the poses of their segments
    and the angles. The stored recipe adds white noise of `noise_share` of each channel's SD when read with errors.

    Parameters
    ----------
    folder : Path
        With ``gGGsSS.tsv`` and ``metadata.tsv``.
    out : Path
        Corpus to write; a table of the same name (``.csv``) goes beside it.
    seed : int
        Of everything that is drawn.
    rate : float
        Hz.
    noise_share : float
    progress : callable, optional
        Wraps the iteration over the files, with a description.

    Returns
    -------
    DataFrame
        One row a runner: subject, laboratory, status, reason, strides, rejected, short (good strides without a good
        neighbour), trials, seconds, stride_duration, duration_error (s), seam_misfit_deg.

    Raises
    ------
    CorpusMismatch
        The folder is not laid out as expected.
    NothingAccepted
        No runner is left.
    """
    check_rate(rate)
    files, runners = stride_files(folder), read_runners(folder)
    rows: list[dict] = []
    made: list[CorpusTrial] = []
    for file in progress(files, "running strides") if progress else files:
        row, trials = _of_runner(read_strides(file, runners), seed, rate, ImuErrors(noise_share, 0.0, seed))
        rows.append(row)
        made += trials
    table = pd.DataFrame(rows)
    if not made:
        raise NothingAccepted(f"{folder}: no runner could be used. {'; '.join(dict.fromkeys(table.reason))}")
    used = table[table.status == "accepted"]
    config = {
        "made_by": "kinesynth corpus strides",
        "caption": CAPTION,
        "drawn": DRAWN,
        "rate": rate,
        "noise_share": noise_share,
        "laboratories": dict(zip(used.subject, used.laboratory, strict=True)),
    }
    sources = {file.name: file_hash(file) for file in (*files, Path(folder) / "metadata.tsv")}
    splits = running_splits(dict(zip(used.subject, used.laboratory, strict=True)), seed)
    with CorpusWriter(out, role="motion", config=config, seed=seed, sources=sources, splits=splits) as corpus:
        for trial in made:
            corpus.append(trial)
    temporary = Path(out).with_suffix(".csv.tmp")
    table.to_csv(temporary, index=False)
    temporary.replace(Path(out).with_suffix(".csv"))
    return table


def running_splits(laboratories: dict[str, str], seed: int) -> tuple[SubjectSplit, ...]:
    """Folds over all runners, spread over the laboratories, and from each laboratory to the other.

    A fifth of the training laboratory, at least one runner, validates; fewer runners than folds have no folds.
    """
    rng = np.random.default_rng([seed, 2021])
    codes = sorted(laboratories)
    found: list[SubjectSplit] = []
    if len(codes) >= FOLDS:
        found += k_fold(codes, FOLDS, rng, strata=laboratories, has_validation=True)
    places = sorted(set(laboratories.values()))
    for place in places if len(places) == 2 else ():
        own = [code for code in codes if laboratories[code] == place]
        if len(own) < 2:
            continue
        held = sorted(rng.permutation(own)[: max(1, len(own) // FOLDS)].tolist())
        train = tuple(code for code in own if code not in held)
        test = tuple(code for code in codes if laboratories[code] != place)
        found.append(SubjectSplit(f"train_{place.replace(' ', '_')}", train, tuple(held), test))
    return tuple(found)


def _of_runner(strides: RunnerStrides, seed: int, rate: float, errors: ImuErrors) -> tuple[dict, list[CorpusTrial]]:
    """Row and trials of one runner."""
    neighbours = np.diff(strides.numbers) == 1
    looked = np.array([not fault for fault in stride_faults(strides.angles, FIRST_GUESS)])
    timing = stride_duration(strides.angles, neighbours & looked[1:] & looked[:-1], strides.recording_rate)
    row = {
        "subject": strides.subject.code,
        "laboratory": LABORATORIES[strides.group],
        "status": "refused",
        "reason": "",
        "strides": len(strides.numbers),
        "rejected": 0,
        "short": 0,
        "trials": 0,
        "seconds": 0.0,
        "stride_duration": timing.duration,
        "duration_error": timing.error,
        "seam_misfit_deg": np.degrees(timing.misfit),
    }
    if not timing.is_known:
        said = f"{timing.n_seams} seams tell the duration of a stride to {timing.error:.3f} s; too little"
        return row | {"reason": said}, []
    faults = stride_faults(strides.angles, timing.duration)
    good = np.array([not fault for fault in faults])
    runs = unbroken_runs(strides.numbers, good)
    long = [run for run in runs if run.stop - run.start >= SHORTEST_RUN]
    rejected = [f"stride {n}: {fault}" for n, fault in zip(strides.numbers, faults, strict=True) if fault]
    key = hashlib.sha256(strides.subject.code.encode()).digest()[:8]
    rng = np.random.default_rng([seed, int.from_bytes(key, "little")])
    body = draw_body(strides.subject.height, rng)
    if good.any():
        tilt = foot_flat_tilt(body, strides.angles[good])
        pelvis = draw_pelvis(rng, tilt, upright_pelvis(body, strides.angles[good], tilt))
    else:
        pelvis = draw_pelvis(rng)
    runner = _Runner(strides, timing, body, pelvis, rate, int(rng.integers(2**62)))
    trials = [_of_run(runner, run, errors) for run in long]
    row |= {
        "status": "accepted" if trials else "refused",
        "reason": "; ".join(rejected) if trials else f"no {SHORTEST_RUN} good strides in a row",
        "rejected": len(rejected),
        "short": int(good.sum()) - sum(run.stop - run.start for run in long),
        "trials": len(trials),
        "seconds": sum(trial.n_frames for trial in trials) / rate,
    }
    return row, trials


def _of_run(runner: _Runner, run: slice, errors: ImuErrors) -> CorpusTrial:
    """Trial of a run of strides."""
    strides, rate = runner.strides, runner.rate
    curve = stride_curve(strides.angles[run], runner.timing)
    times = curve.times(rate)
    rng = np.random.default_rng([runner.seed, run.start])
    pelvis = pelvis_coordinates(runner.pelvis, curve.phase(times), rng)
    angles = curve.angles(times)
    motions = without_shaking(leg_motions(runner.body, pelvis, angles, rate))
    placed = zip(motions, runner.body.placements, strict=True)
    first, last = strides.numbers[run][[0, -1]]
    orientations = [motion.orientation for motion in motions]
    pairs = zip(JOINTS, orientations[:-1], orientations[1:], strict=True)
    values = np.column_stack([pelvis, *(joint_angles(joint, upper, lower) for joint, upper, lower in pairs)])
    values[:, 3:6] = motions[0].origin
    strikes = curve.row_times[:, 0]
    return CorpusTrial(
        name=f"run_{first:02d}_{last:02d}",
        subject=strides.subject,
        rate=rate,
        recordings=tuple(simulate_imu(motion, placement, method="spline") for motion, placement in placed),
        errors=errors,
        kinematics=Kinematics((*COORDINATES, *JOINT_COLUMNS), values, rate),
        events=tuple(GaitEvent(float(time), "right", "foot_strike", "file") for time in strikes),
        task="run",
        belt_speed=strides.speed,
        spatiotemporal={"speed": strides.speed, "stride_time_r": runner.timing.duration},
        source=strides.source,
        source_hash=strides.source_hash,
        treatments=(Treatment("pelvis_drawn", CAPTION),),
        segments=motions,
    )


def check_rate(rate: float) -> None:
    """Refuse a rate that running cannot be sampled at.

    Raises
    ------
    CorpusMismatch
        Below 50 or above 1000 Hz.
    """
    if not 50.0 <= rate <= 1000.0:
        raise CorpusMismatch(f"rate {rate} Hz: expected 50 to 1000 Hz, such as {RATE:g}.")

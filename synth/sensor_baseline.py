"""Sensor baseline: joint angles from orientations of sensors alone, without model, labels or learning.

Two ways. *Orientation filter*: VQF for each sensor, headings aligned, angles between segments, as OpenSense does with
another filter. *Strap-down*: each gait cycle's gyroscope integrated and closed on itself, gravity as the mean specific
force; speed by the foot that stands still. Both take sensors as mounted as their records say: an error of the mounting
is an error of the angle. They know no force.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from mocap_import.trial import Treatment
from opensim_models.motion import Kinematics
from synth.corpus import Corpus, CorpusWriter
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from synth.imu.reading_check import LONGEST_GAP, check_units, is_silent, longest_silence
from synth.imu.recording import ImuRecording
from synth.optimal_control.inertial.imu_cycle import average_cycle
from synth.optimal_control.inertial.spatial_strap_down import (
    relative_angles,
    segment_records,
    sensor_paths,
    walking_speed,
)
from synth.orientation_filter import segment_orientations
from synth.real_imu.shank_event import shank_events

NEEDED = ("pelvis", "femur_r", "tibia_r", "femur_l", "tibia_l")
SHORTEST, LONGEST = 0.5, 2.2
"""s: durations that a stride has."""
SPEED_EVERY = 3
"""Strides from one that tells the speed to the next; the median counts."""
WAYS = {
    "orientation_filter": "whole recording",
    "strap_down": "whole cycle",
}
"""Way → what must be over before its estimate is there."""


def estimate_trial(trial: CorpusTrial, way: str) -> CorpusTrial:
    """Estimate one trial's joint angles by one of `WAYS`.

    Returns
    -------
    CorpusTrial
        Status ``"predicted"``, or ``"refused"`` with the reason; NaN where there is no estimate.

    Raises
    ------
    CorpusMismatch
        An unknown way.
    """
    if way not in WAYS:
        raise CorpusMismatch(f"no way {way!r}; expected one of {', '.join(WAYS)}.")
    nothing = replace(
        trial, recordings=(), errors=None, kinematics=None, kinetics=None, activity=None, spatiotemporal={},
        skeleton=None, solutions=(), source=way, source_hash="", status="refused",
    )  # fmt: skip
    segments = {r.placement.segment for r in trial.recordings}
    lacking = [s for s in NEEDED if s not in segments]
    feet = [f for f in ("calcn", "toes") if f"{f}_r" in segments and f"{f}_l" in segments]
    if lacking or not feet:
        return replace(nothing, reason=f"no sensor on {lacking[0] if lacking else 'both feet'}")
    worn = [r for r in trial.recordings if r.placement.segment.startswith(("pelvis", "femur", "tibia", feet[0]))]
    fault, gaps = _looked_at(worn)
    if fault:
        return replace(nothing, reason=fault)
    began = time.process_time()
    angles, speed, note = (_by_filter if way == "orientation_filter" else _by_strap_down)(trial, worn, feet[0])
    seconds = time.process_time() - began
    if not angles:
        return replace(nothing, reason=note, seconds=seconds)
    return replace(
        nothing,
        kinematics=Kinematics(tuple(angles), np.column_stack(list(angles.values())), trial.rate),
        spatiotemporal={"speed": speed} if np.isfinite(speed) else {},
        status="predicted",
        treatments=(Treatment(way, note), *(Treatment("records_doubtful", gap) for gap in gaps)),
        seconds=seconds,
    )


def _looked_at(worn: Sequence[ImuRecording]) -> tuple[str, list[str]]:
    """Why records cannot be used (other units, a sensor without a value), else what is to be known of them."""
    faults, gaps = [], []
    for r in worn:
        sensor, readings = r.placement.sensor, (r.specific_force, r.angular_velocity)
        faults += [finding.sentence for finding in check_units(sensor, *readings)]
        silence = longest_silence(*readings) / r.rate
        if is_silent(*readings):
            faults.append(f"{sensor} holds no value, so nothing is estimated")
        elif silence > LONGEST_GAP:
            gaps.append(f"{sensor} has no value for {silence:.1f} s: nothing is estimated there")
    return "; ".join(faults), gaps


def _by_filter(
    _trial: CorpusTrial, worn: Sequence[ImuRecording], foot: str
) -> tuple[dict[str, np.ndarray], float, str]:
    orientations, inside = segment_orientations(worn)
    if not inside.any():
        return {}, np.nan, "no stretch of three seconds in which all sensors have a value"
    found = relative_angles(orientations, foot)
    return {name: np.where(inside, values, np.nan) for name, values in found.items()}, np.nan, "VQF, headings aligned"


def _by_strap_down(
    trial: CorpusTrial, worn: Sequence[ImuRecording], foot: str
) -> tuple[dict[str, np.ndarray], float, str]:
    shank = next(r for r in trial.recordings if r.placement.segment == "tibia_r")
    strikes = shank_events(shank.angular_velocity, shank.rate).strikes
    cycles = [(a, b) for a, b in pairwise(strikes) if SHORTEST <= b - a <= LONGEST]
    placed: dict[str, np.ndarray] = {}
    speeds = []
    for number, (begin, end) in enumerate(cycles):
        records = segment_records(average_cycle(worn, [(begin, end)])[0])
        if not all(np.isfinite(r.channels).all() for r in records.values()):
            continue
        paths = sensor_paths(records, end - begin)
        found = relative_angles({s: p.orientation for s, p in paths.items()}, foot)
        if number % SPEED_EVERY == 0:
            speeds.append(walking_speed(records, end - begin))
        first, stop = max(0, int(np.ceil(begin * trial.rate))), min(int(np.ceil(end * trial.rate)), trial.n_frames)
        phase = (np.arange(first, stop) / trial.rate - begin) / (end - begin)
        for name, values in found.items():
            whole = placed.setdefault(name, np.full(trial.n_frames, np.nan))
            whole[first:stop] = np.interp(phase, np.arange(len(values)) / len(values), values, period=1.0)
    if not placed:
        return {}, np.nan, "no gait cycle found in the right shank's gyroscope"
    return placed, float(np.median(speeds)), f"{len(cycles)} cycles, each closed on itself"


def write_sensor_baseline(
    corpus: Path,
    out: Path,
    way: str,
    *,
    progress: Callable[[int], object] | None = None,
    doubts: list[str] | None = None,
) -> dict[str, str]:
    """Write the estimates of all trials of a corpus, role ``"baseline"``.

    Parameters
    ----------
    corpus : Path
        Trials with records; read with the errors of the stored recipe, as every method reads them.
    out : Path
    way : str
        One of `WAYS`.
    progress : callable, optional
        Called with 1 after each trial.
    doubts : list of str, optional
        Collects sentences about records of estimated trials: stretches without a value.

    Returns
    -------
    dict of str to str
        ``SUBJECT/TRIAL`` of the refused ones → reason.
    """
    reader = Corpus(corpus)
    config = {"method": way, "waits_for": WAYS.get(way, ""), "training_seconds": 0.0}
    refused = {}
    out.parent.mkdir(parents=True, exist_ok=True)
    sources = {corpus.name: file_hash(corpus)}
    with CorpusWriter(out, role="baseline", config=config, sources=sources) as writer:
        for subject, name in reader.trials():
            estimate = estimate_trial(reader.read(subject, name), way)
            if estimate.status == "refused":
                refused[f"{subject}/{name}"] = estimate.reason
            if doubts is not None:
                notes = (t.detail for t in estimate.treatments if t.what == "records_doubtful")
                doubts += [f"{subject}/{name}: {note}" for note in notes if estimate.status == "predicted"]
            writer.append(estimate)
            if progress is not None:
                progress(1)
    return refused

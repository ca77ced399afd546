"""Quality of a trial and of a subject, in numbers, and as one verdict with its reasons.

Levels, thresholds and what they mean stand in `mocap_import.quality.verdict`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mocap_import.event.gait_cycle import find_gait_cycles
from mocap_import.marker.marker_set import MarkerSet
from mocap_import.plate.contact import SIDES
from mocap_import.quality.body_weight import mean_vertical_force
from mocap_import.quality.marker_noise import cluster_residual, contiguous_sample, marker_jitter
from mocap_import.quality.verdict import LEVELS, THRESHOLDS, TREATMENT_LEVELS
from mocap_import.stretch import stretches
from mocap_import.trial import MarkerTrial

LOWER_LIMB = ("pelvis", "femur_r", "tibia_r", "calcn_r", "femur_l", "tibia_l", "calcn_l")
ENOUGH_MARKERS = 3
"""Markers that place a segment; a segment that the set gives fewer needs all of them."""


@dataclass(frozen=True)
class Quality:
    """What a trial is worth.

    Attributes
    ----------
    trial, subject, session, task : str
    verdict : str
        One of `verdict.LEVELS`.
    reasons : tuple of str
        Keys of `verdict.THRESHOLDS`, `FAULTS` or `TREATMENT_LEVELS`, worst first; empty if good.
    n_frames : int
    rate : float
        Hz.
    missing_percent, filled_percent : float
        Lower-limb marker samples (all markers if the set is unknown) within the recorded movement: still missing, and
        estimated.
    gaps : dict
        Marker → (missing before filling in % of the movement, longest gap in s); markers without gaps are left out.
    jitter : dict
        Marker → noise (mm RMS); NaN where too little was seen.
    residual : dict
        Segment → residual (mm RMS) of a rigid body fitted to its markers; segments of three markers and more.
    strikes, offs, cycles, complete_cycles : dict
        ``"right"``, ``"left"`` → number; complete cycles have all lower-limb segments in view.
    n_steps, usable_steps : int
        Contacts with plates.
    step_reasons : dict
        Why steps are not usable → how many.
    speed : float
        Mean speed (m/s) over the ground or belt; NaN without cycles.
    weight_ratio : float
        Mean vertical force / body weight where plates carry the whole body all the time; NaN elsewhere.
    in_view : float
        Seconds with all lower-limb segments in view at once.
    """

    trial: str
    subject: str
    session: str
    task: str
    verdict: str
    reasons: tuple[str, ...]
    n_frames: int
    rate: float
    missing_percent: float
    filled_percent: float
    gaps: dict[str, tuple[float, float]] = field(default_factory=dict)
    jitter: dict[str, float] = field(default_factory=dict)
    residual: dict[str, float] = field(default_factory=dict)
    strikes: dict[str, int] = field(default_factory=dict)
    offs: dict[str, int] = field(default_factory=dict)
    cycles: dict[str, int] = field(default_factory=dict)
    complete_cycles: dict[str, int] = field(default_factory=dict)
    n_steps: int = 0
    usable_steps: int = 0
    step_reasons: dict[str, int] = field(default_factory=dict)
    speed: float = float("nan")
    weight_ratio: float = float("nan")
    in_view: float = 0.0


def trial_quality(trial: MarkerTrial, meaning: MarkerSet | None) -> Quality:
    """Measure a trial and judge it.

    Parameters
    ----------
    trial : MarkerTrial
        As imported: filled, with events, steps and treatments.
    meaning : MarkerSet or None
        Reduced to the trial's labels.

    Returns
    -------
    Quality
    """
    seen = np.isfinite(trial.positions[:, :, 0])
    filled = trial.filled if trial.filled is not None else np.zeros(seen.shape, dtype=bool)
    groups = _segment_columns(trial, meaning)
    limb = sorted({column for segment in LOWER_LIMB for column in groups.get(segment, ())}) or list(
        range(seen.shape[1])
    )
    span = _movement(seen[:, limb])
    whole = _in_view(seen, groups)
    cycles = {foot: find_gait_cycles(trial, foot) for foot, _ in SIDES}
    blocks = contiguous_sample(trial.positions, trial.filled)
    jitter = marker_jitter(blocks)
    parts = {segment: columns for segment, columns in groups.items() if len(columns) >= ENOUGH_MARKERS}
    reasons = Counter(step.reason for step in trial.steps if not step.usable)
    n_cells = max(1, seen[span][:, limb].size)
    figures = {
        "missing_percent": 100.0 * (n_cells - int(seen[span][:, limb].sum())) / n_cells if len(limb) else 100.0,
        "filled_percent": 100.0 * int(filled[span][:, limb].sum()) / n_cells,
        "gaps": _gaps(trial, seen & ~filled, span),
        "jitter": dict(zip(trial.labels, jitter.tolist(), strict=True)),
        "residual": cluster_residual(trial.positions, parts),
        "strikes": _count(trial, "foot_strike"),
        "offs": _count(trial, "foot_off"),
        "cycles": {foot: len(found) for foot, found in cycles.items()},
        "complete_cycles": {foot: _complete(found, whole, trial.rate) for foot, found in cycles.items()},
        "n_steps": len(trial.steps),
        "usable_steps": sum(step.usable for step in trial.steps),
        "step_reasons": dict(sorted(reasons.items())),
        "speed": _speed(trial, groups, cycles),
        "weight_ratio": mean_vertical_force(trial) / trial.subject.body_weight,
        "in_view": float(whole.sum()) / trial.rate,
    }
    verdict, reasons = _judge(trial, meaning, figures, jitter[limb])
    names = (trial.name, trial.subject.code, trial.session, trial.task)
    return Quality(*names, verdict, reasons, trial.n_frames, trial.rate, **figures)


def verdict(trial: MarkerTrial, meaning: MarkerSet | None) -> tuple[str, tuple[str, ...]]:
    """Verdict and reasons alone; see `trial_quality`."""
    quality = trial_quality(trial, meaning)
    return quality.verdict, quality.reasons


def _judge(
    trial: MarkerTrial, meaning: MarkerSet | None, figures: dict, jitter: np.ndarray
) -> tuple[str, tuple[str, ...]]:
    """Level and reasons from the figures."""
    found = {t.what: TREATMENT_LEVELS[t.what] for t in trial.treatments if t.what in TREATMENT_LEVELS}
    complete = figures["complete_cycles"]
    if not len(trial.labels) or figures["missing_percent"] >= 100.0:
        return "unusable", ("no_markers",)
    if meaning is None:
        found["marker_set_unknown"] = "unusable"
    elif trial.task == "static" and figures["in_view"] == 0.0:
        found["static_incomplete"] = "unusable"
    elif trial.task != "static" and not any(complete.values()):
        found["no_complete_cycle"] = "unusable"
    known = jitter[np.isfinite(jitter)]
    noise = float(np.median(known)) if len(known) else 0.0
    stiff = [value for segment, value in figures["residual"].items() if not segment.startswith(("calcn", "torso"))]
    gait = trial.task != "static"
    measures = {
        ("gaps_left", "many_gaps_left"): figures["missing_percent"],
        ("gaps_filled", "many_gaps_filled"): figures["filled_percent"],
        ("markers_noisy", "markers_very_noisy"): noise,
        ("segments_not_rigid", "segments_not_rigid_at_all"): max((v for v in stiff if np.isfinite(v)), default=0.0),
        ("weight_differs", "weight_differs_much"): 100.0 * abs(np.nan_to_num(figures["weight_ratio"], nan=1.0) - 1.0),
    }
    for (mild, severe), value in measures.items():
        reason = severe if value > THRESHOLDS[severe][1] else mild if value > THRESHOLDS[mild][1] else ""
        if reason:
            found[reason] = THRESHOLDS[reason][0]
    fewer = {
        "steps_not_usable": gait and figures["n_steps"] > 0 and figures["usable_steps"] < 1,
        "one_sided": gait and any(complete.values()) and min(complete.values()) < 1,
        "static_short": not gait and 0.0 < figures["in_view"] < THRESHOLDS["static_short"][1],
    }
    found |= {reason: THRESHOLDS[reason][0] for reason, holds in fewer.items() if holds}
    reasons = tuple(sorted(found, key=lambda reason: -LEVELS.index(found[reason])))
    return (found[reasons[0]] if reasons else "good"), reasons


def _segment_columns(trial: MarkerTrial, meaning: MarkerSet | None) -> dict[str, list[int]]:
    """Segment → columns of its markers in the trial."""
    if meaning is None:
        return {}
    column = {label: k for k, label in enumerate(trial.labels)}
    found = {
        segment: [column[label] for label in labels if label in column] for segment, labels in meaning.segments.items()
    }
    return {segment: columns for segment, columns in found.items() if columns}


def _movement(seen: np.ndarray) -> slice:
    """From the first to the last frame with half of the markers: a subject who walks in and out is no gap."""
    half = np.flatnonzero(seen.sum(axis=1) * 2 >= seen.shape[1]) if seen.shape[1] else np.zeros(0, dtype=int)
    return slice(int(half[0]), int(half[-1]) + 1) if len(half) else slice(0, len(seen))


def _in_view(seen: np.ndarray, groups: dict[str, list[int]]) -> np.ndarray:
    """Frames (n_frames,) in which every lower-limb segment has the markers that place it.

    None if a segment has no marker at all: those that no frame shows were left out by the import.
    """
    parts = [groups[segment] for segment in LOWER_LIMB if segment in groups]
    if len(parts) < len(LOWER_LIMB):
        return np.zeros(len(seen), dtype=bool)
    member = np.zeros((seen.shape[1], len(parts)), dtype=np.float32)
    for k, columns in enumerate(parts):
        member[columns, k] = 1.0
    need = np.minimum(ENOUGH_MARKERS, [len(columns) for columns in parts])
    return (seen.astype(np.float32) @ member >= need).all(axis=1)


def _complete(cycles: Sequence[tuple[float, float]], whole: np.ndarray, rate: float) -> int:
    """Cycles during which all frames are in view."""
    lost = np.r_[0, np.cumsum(~whole)]
    frames = np.round(np.array(cycles).reshape(-1, 2) * rate).astype(int).clip(0, len(whole))
    return int((lost[frames[:, 1]] == lost[frames[:, 0]]).sum())


def _gaps(trial: MarkerTrial, measured: np.ndarray, span: slice) -> dict[str, tuple[float, float]]:
    """Marker → (percent, longest s) of what was not measured within the movement."""
    missing = ~measured[span]
    found = {}
    for k in np.flatnonzero(missing.any(axis=0)):
        starts, stops = stretches(missing[:, k])
        longest = float((stops - starts).max()) / trial.rate
        found[trial.labels[k]] = (100.0 * float(missing[:, k].mean()), longest)
    return found


def _count(trial: MarkerTrial, kind: str) -> dict[str, int]:
    """Events of a kind by foot."""
    return {foot: sum(e.foot == foot and e.kind == kind for e in trial.events) for foot, _ in SIDES}


def _speed(trial: MarkerTrial, groups: dict[str, list[int]], cycles: dict[str, list[tuple[float, float]]]) -> float:
    """Median over all cycles of how far the pelvis comes from strike to strike, with the belt's way."""
    if "pelvis" not in groups:
        return float("nan")
    spans = np.array([cycle for of_foot in cycles.values() for cycle in of_foot]).reshape(-1, 2)
    if not len(spans):
        return float("nan")
    frames = np.minimum(np.round(spans * trial.rate).astype(int), trial.n_frames - 1)
    place = np.stack([trial.positions[frames[:, k]][:, groups["pelvis"]].mean(axis=1) for k in (0, 1)])
    durations = spans[:, 1] - spans[:, 0]
    way = place[1] - place[0]
    values = np.hypot(way[:, 0] + trial.belt_speed * durations, way[:, 2]) / durations
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else float("nan")


@dataclass(frozen=True)
class SubjectQuality:
    """Sum of the trials of one subject.

    Attributes
    ----------
    subject : str
    verdict : str
        That of the best moving trial, lowered to ``usable`` without a usable static trial.
    reasons : dict
        Reason → number of trials that have it.
    verdicts : dict
        Level → number of trials.
    n_trials, complete_cycles, usable_steps : int
    has_static : bool
        A static trial that is at least doubtful.
    speeds : tuple of float
        Lowest and highest (m/s), NaN if unknown.
    """

    subject: str
    verdict: str
    reasons: dict[str, int]
    verdicts: dict[str, int]
    n_trials: int
    complete_cycles: int
    usable_steps: int
    has_static: bool
    speeds: tuple[float, float]


def subject_quality(qualities: Iterable[Quality]) -> SubjectQuality:
    """Sum up the trials of one subject.

    Raises
    ------
    ValueError
        No trials, or trials of several subjects.
    """
    trials = list(qualities)
    codes = sorted({quality.subject for quality in trials})
    if len(codes) != 1:
        raise ValueError(f"expected trials of one subject, got those of {', '.join(codes) or 'none'}")
    moving = [quality for quality in trials if quality.task != "static"]
    static = any(quality.task == "static" and quality.verdict != "unusable" for quality in trials)
    best = min((LEVELS.index(quality.verdict) for quality in moving), default=LEVELS.index("unusable"))
    verdicts = Counter(quality.verdict for quality in trials)
    speeds = [quality.speed for quality in trials if np.isfinite(quality.speed)]
    return SubjectQuality(
        subject=codes[0],
        verdict=LEVELS[best if static else max(best, LEVELS.index("usable"))],
        reasons=dict(Counter(reason for quality in trials for reason in quality.reasons).most_common()),
        verdicts={level: verdicts[level] for level in LEVELS},
        n_trials=len(trials),
        complete_cycles=sum(sum(quality.complete_cycles.values()) for quality in trials),
        usable_steps=sum(quality.usable_steps for quality in trials),
        has_static=static,
        speeds=(min(speeds), max(speeds)) if speeds else (float("nan"), float("nan")),
    )

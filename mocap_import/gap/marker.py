"""Gap marker: fills the gaps of one marker, each by the method that rehearsed best in the same trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mocap_import.gap.candidate import (
    HIGHEST_UNCERTAINTY,
    LONGEST_AT_EDGE,
    Candidate,
    FillPolicy,
    best_candidate,
    candidate_from_company,
    candidate_from_motion,
    distrusted,
)
from mocap_import.gap.gap_class import Gap, GapClass
from mocap_import.gap.prediction import predict_marker
from mocap_import.gap.rehearsal import DENSE, plan_rehearsal
from mocap_import.gap.rigid import agree_on_company, rank_companions

SEEN_ENOUGH = 0.1
"""Share of frames in which a marker must have been seen before others may stand in for it."""
_SUPPORT = 0.1
"""Seconds beside a gap whose samples count."""
_COMPANIONS = 24
"""Companions at most that a prediction reads."""
_GOOD_ENOUGH = 1e-4
"""Standard uncertainty (m) below which no second method is tried."""
_SHORT, _GOOD_FOR_SHORT = 0.02, 5e-4
"""The same (m) for gaps up to so many seconds: the jitter of a marker, which no method foretells."""


@dataclass(frozen=True)
class Fill:
    """Estimates for one gap.

    Attributes
    ----------
    gap : Gap
    method : str
        How it was filled, ``""`` if it was refused.
    frames : ndarray of int
        Frames of the gap that could be filled.
    values : ndarray, shape (len(frames), 3)
        m.
    uncertainty : ndarray, shape (len(frames),)
        Standard uncertainty of each coordinate (m).
    reason : str
        Why it was refused.
    """

    gap: Gap
    method: str = ""
    frames: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))
    values: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    uncertainty: np.ndarray = field(default_factory=lambda: np.zeros(0))
    reason: str = ""


@dataclass(frozen=True)
class _Marker:
    """One marker of a recording; `beside` is how many frames next to a gap count."""

    positions: np.ndarray
    seen: np.ndarray
    number: int
    rate: float
    policy: FillPolicy
    beside: int


def fill_marker(
    positions: np.ndarray,
    seen: np.ndarray,
    classes: Sequence[GapClass],
    segment: Sequence[int],
    rate: float,
    policy: FillPolicy,
) -> list[Fill]:
    """Fill the gaps of one marker.

    Parameters
    ----------
    positions : ndarray, shape (n_frames, n_markers, 3)
        m; what `seen` denies is not read.
    seen : ndarray of bool, shape (n_frames, n_markers)
    classes : sequence of GapClass
        Gaps of one marker.
    segment : sequence of int
        Other markers of its segment.
    rate : float
        Frames per second (Hz).
    policy : FillPolicy

    Returns
    -------
    list of Fill
        One per gap, filled or refused.
    """
    beside = min(max(round(_SUPPORT * rate), 4), 20)
    one = _Marker(positions, seen, classes[0].gap.marker, rate, policy, beside)
    companions, spread = np.zeros(0, dtype=int), np.zeros(0)
    if {"rigid", "low_rank"} & set(policy.methods) and classes[0].seen_share >= SEEN_ENOUGH:
        companions, spread = rank_companions(positions, seen, one.number, segment)
    groups: dict[tuple[tuple[int, ...], int], list[GapClass]] = {}
    agreed: dict[tuple[int, ...], tuple[int, ...]] = {}
    for each in classes:
        length = each.gap.stop - each.gap.start
        # Short gaps share one rehearsal, long ones share it with those of nearly the same length.
        size = DENSE if length <= DENSE else int(np.ceil(1.15 ** np.ceil(np.log(length) / np.log(1.15))))
        present = _present(seen, each.gap, companions, one.beside)
        if present not in agreed:
            agreed[present] = agree_on_company(seen, one.number, present, _COMPANIONS)
        groups.setdefault((agreed[present], size), []).append(each)
    return [
        fill for (chosen, size), members in groups.items() for fill in _fill_group(one, members, chosen, spread, size)
    ]


def _present(seen: np.ndarray, gap: Gap, companions: np.ndarray, beside: int) -> tuple[int, ...]:
    """Companions seen throughout the gap and beside it; if fewer than three, those seen in most of it."""
    window = seen[max(gap.start - beside, 0) : gap.stop + beside, companions]
    always = companions[window.all(axis=0)]
    if len(always) < 3:
        mostly = companions[seen[gap.start : gap.stop, companions].mean(axis=0) >= 0.5][:4]
        always = mostly if len(mostly) > len(always) else always
    return tuple(always.tolist())


def _fill_group(
    one: _Marker, members: Sequence[GapClass], chosen: tuple[int, ...], spread: np.ndarray, size: int
) -> list[Fill]:
    """Gaps of one marker with the same companions and about the same length."""
    hopeless = [each for each in members if not _is_possible(one, each, len(chosen))]
    members = [each for each in members if each not in hopeless]
    refused = [Fill(each.gap, reason=_reason(one, each, len(chosen))) for each in hopeless]
    if not members:
        return refused
    own = one.seen[:, one.number]
    company = one.seen.T[list(chosen)].all(axis=0)
    usable = own & company
    plan = plan_rehearsal(usable, size, one.beside)
    path = one.positions[plan.frames, one.number]
    # Gaps that look alike from within share one rehearsal.
    by_motion: dict[tuple, Candidate | None] = {}
    best = []
    for each in members:
        known = _beside(own, each.gap, one.beside)
        key = (each.gap.stop - each.gap.start, each.at_edge, known)
        if key not in by_motion:
            by_motion[key] = candidate_from_motion(each, known, plan, path, one.policy)
        best.append(by_motion[key])
    wanting = [k for k, each in enumerate(members) if not _is_good(each, best[k])]
    if wanting and len(chosen) >= 2 and {"rigid", "low_rank"} & set(one.policy.methods):
        wanted = np.zeros(len(company), dtype=bool)
        for k in wanting:
            wanted[max(members[k].gap.start - one.beside, 0) : members[k].gap.stop + one.beside] = True
        frames = np.flatnonzero(wanted & company)
        methods = one.policy.methods
        predictions = predict_marker(one.positions, usable, one.number, chosen, spread, plan, frames, methods)
        by_company: dict[tuple, list[Candidate | None]] = {}
        for k in wanting:
            each = members[k]
            known = _beside(usable, each.gap, one.beside)
            key = (each.gap.stop - each.gap.start, each.at_edge, known)
            if key not in by_company:
                by_company[key] = [
                    candidate_from_company(each, known, plan, made, one.policy, one.rate) for made in predictions
                ]
            best[k] = best_candidate([best[k], *(distrusted(each.gap, found, company) for found in by_company[key])])
    filled = [_filled(one, each, found, company, len(chosen)) for each, found in zip(members, best, strict=True)]
    return [*refused, *filled]


def _is_possible(one: _Marker, each: GapClass, n_companions: int) -> bool:
    """Whether any method may fill a gap: most gaps at the edges of a walkway are not worth a rehearsal."""
    allowed = [method for method in one.policy.methods if one.policy.allows(method, each)]
    return bool(set(allowed) & {"spline", "kalman"}) or (bool(allowed) and n_companions >= 2)


def _is_good(each: GapClass, candidate: Candidate | None) -> bool:
    """Nothing better is worth its time."""
    limit = _GOOD_FOR_SHORT if each.seconds <= _SHORT else _GOOD_ENOUGH
    return candidate is not None and candidate.score <= limit**2


def _beside(mask: np.ndarray, gap: Gap, beside: int) -> tuple[int, ...]:
    """Frames next to a gap where the mask holds, counted from the first missing one."""
    first = max(gap.start - beside, 0)
    before = np.flatnonzero(mask[first : gap.start]) + (first - gap.start)
    after = np.flatnonzero(mask[gap.stop : gap.stop + beside]) + (gap.stop - gap.start)
    return (*before.tolist(), *after.tolist())


def _filled(one: _Marker, each: GapClass, candidate: Candidate | None, company: np.ndarray, n_companions: int) -> Fill:
    """The estimates of the best candidate, or why there are none."""
    gap = each.gap
    if candidate is None:
        return Fill(gap, reason=_reason(one, each, n_companions))
    # Single precision is what is stored: it must not round to the zero of a measured sample.
    uncertainty = np.sqrt(np.maximum(candidate.variance, 1e-18))
    if uncertainty.max() > HIGHEST_UNCERTAINTY:
        return Fill(gap, reason=f"an estimate would be uncertain by {1000 * uncertainty.max():.0f} mm")
    support = gap.start + np.array(candidate.known, dtype=int)
    seen = one.positions[support, one.number]
    frames = np.arange(gap.start, gap.stop)
    if candidate.prediction is None:
        return Fill(gap, candidate.method, frames, candidate.weights @ seen, uncertainty)
    inside = company[frames]
    frames = frames[inside]
    left_over = candidate.weights[inside] @ candidate.prediction.left_over(seen, support)
    return Fill(gap, candidate.method, frames, candidate.prediction.placed(left_over, frames), uncertainty[inside])


def _reason(one: _Marker, each: GapClass, n_companions: int) -> str:
    """Why no method may fill a gap."""
    if each.others_seen == 0 and n_companions < 2:
        return "no other marker was seen"
    if each.seen_share < SEEN_ENOUGH:
        return f"seen in {100 * each.seen_share:.0f} % of the trial only"
    if each.at_edge and n_companions < 2:
        return "at the edge of the trial without companions"
    if each.at_edge and each.seconds > LONGEST_AT_EDGE:
        return f"longer than {LONGEST_AT_EDGE:g} s at the edge of the trial"
    return "too long" if each.seconds > max(one.policy.longest.values()) else "companions hidden too"

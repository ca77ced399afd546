"""Recorded cycle: one full stride of a trial, found by the forces, and how far its ends differ.

A stride lasts from one strike of a foot to its next. Where the coordinates do not reach from strike to strike, the same
duration is cut at another phase of the cycle: periodic gait may begin anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from mocap_import.plate.contact import contacts
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.recording.ground_load import GroundLoad
from synth.optimal_control.recording.recorded_motion import RecordedMotion, motion_at
from synth.optimal_control.recording.trial_samples import MotionFiles, Point, TrialSamples, read_trial_samples

SHORTEST_STRIDE, LONGEST_STRIDE = 0.4, 2.5
"""s: a fast run and a very slow walk; what lies outside are two steps beside the plates, or a foot that stood still."""
PHASE_STEP = 0.005
"""s between the starts that are tried where no stride fits from strike to strike."""
SPEED_SHARE = 0.1
"""s: a speed that differs by 1 rad/s at the ends counts as much as an angle that differs by 0.1 rad (our choice)."""
MISSING_SHARE = 0.05
"""Of body weight: a mean vertical force that is further off is said to lack a step."""


@dataclass(frozen=True)
class CycleClosure:
    """How far the end of a cycle is from its start.

    Attributes
    ----------
    coordinates : tuple of str
    values, speeds : ndarray, shape (n_q,)
        End minus start: rad or m, and per s. Of a translation forward, the way of the stride.
    forces : dict of str to ndarray, shape (3,)
        Foot → end minus start (N).
    vertical_share : float
        Mean vertical force of both feet over body weight, which is 1 in periodic gait; NaN without forces.
    angle_rms : float
        RMS of the differences of all rotations (rad).
    worst_angle : str
        The rotation that differs most.
    """

    coordinates: tuple[str, ...]
    values: np.ndarray
    speeds: np.ndarray
    forces: dict[str, np.ndarray]
    vertical_share: float
    angle_rms: float
    worst_angle: str


@dataclass(frozen=True)
class RecordedCycle:
    """One stride.

    Attributes
    ----------
    motion : RecordedMotion
        At `n_nodes` even times from start to end, both included.
    start, duration : float
        s, on the clock of the files.
    foot : str
        Whose strikes give the duration.
    strikes : dict of str to tuple of float
        All strikes that the forces show (s), by foot.
    from_strike : bool
        The cycle begins with a strike of that foot.
    closure : CycleClosure
    """

    motion: RecordedMotion
    start: float
    duration: float
    foot: str
    strikes: dict[str, tuple[float, ...]]
    from_strike: bool
    closure: CycleClosure


def recorded_cycle(
    files: MotionFiles,
    skeleton: Skeleton,
    n_nodes: int,
    *,
    foot: str = "right",
    cutoff: float | None = None,
    force_cutoff: float | None = None,
    constant: Mapping[str, float] | None = None,
    held: Mapping[str, float] | None = None,
    about: Point = (0.0, 0.0, 0.0),
) -> RecordedCycle:
    """Find one full stride of a trial and give it at the nodes of a mesh.

    Of several strides, that whose ends differ least.

    Parameters
    ----------
    files : MotionFiles
        With `loads`.
    skeleton : Skeleton
    n_nodes : int
        Even times, both ends included.
    foot : str
        Whose strikes bound the cycle; the other's are taken where it has no stride that the coordinates cover.
    cutoff, force_cutoff, constant, held, about
        As of `recorded_motion.recorded_motion`.

    Raises
    ------
    ModelMismatch
        No forces, no two strikes of one foot, or coordinates that are shorter than the stride.
    """
    if foot not in ("right", "left") or n_nodes < 2:
        raise ModelMismatch(f"a cycle is of the 'right' or 'left' foot at 2 nodes or more, got {foot!r} and {n_nodes}.")
    samples = read_trial_samples(files, skeleton, constant=constant, held=held, about=about)
    if not samples.loads:
        raise ModelMismatch(f"{files.coordinates}: foot strikes are found by forces; give their ExternalLoads .xml.")
    strikes = {load.foot: foot_strikes(load) for load in samples.loads}
    kinds = np.array([c.kind == "rotation" for c in skeleton.coordinates])
    filters = {"cutoff": cutoff, "force_cutoff": force_cutoff}
    which, start, duration, whole = _stride(samples, strikes, foot, kinds, filters, files)
    motion = motion_at(samples, np.linspace(start, start + duration, n_nodes), **filters)
    closure = _closure(motion, samples, kinds, -skeleton.mass * skeleton.gravity[1])
    said = [] if whole else [f"no stride from strike to strike is covered by the coordinates: cut at {start:.3f} s"]
    if np.isfinite(closure.vertical_share) and abs(closure.vertical_share - 1.0) > MISSING_SHARE:
        said.append(
            f"mean vertical force is {closure.vertical_share:.2f} body weights: a step is missing, or mass is off"
        )
    motion = replace(motion, notes=(*motion.notes, *said))
    return RecordedCycle(motion, start, duration, which, strikes, whole, closure)


def _stride(
    samples: TrialSamples,
    strikes: Mapping[str, tuple[float, ...]],
    foot: str,
    rotations: np.ndarray,
    filters: Mapping,
    files: MotionFiles,
) -> tuple[str, float, float, bool]:
    """Foot, start and duration (s) of the stride whose ends differ least, and whether it begins with a strike."""
    strides = [
        (which, a, b - a)
        for which in sorted(strikes, key=lambda name: name != foot)
        for a, b in pairwise(strikes[which])
        if SHORTEST_STRIDE <= b - a <= LONGEST_STRIDE
    ]
    if not strides:
        said = "; ".join(
            f"{name} at {', '.join(f'{t:.3f}' for t in times) or 'none'}" for name, times in strikes.items()
        )
        raise ModelMismatch(
            f"{files.loads}: no two strikes of one foot within {LONGEST_STRIDE:g} s (strikes in s: {said}). Give the "
            "window yourself to `recorded_motion`, or a trial with two steps of one foot on the plates."
        )
    first, last = _common_span(samples)
    inside = [s for s in strides if s[1] >= first and s[1] + s[2] <= last]
    own = [s for s in inside if s[0] == foot] or inside
    if own:
        return *min(own, key=lambda s: _misfit(samples, s[1:2], s[2], rotations, filters)[0]), True
    return *_other_phase(samples, strides[0], (first, last), rotations, filters, files), False


def foot_strikes(load: GroundLoad) -> tuple[float, ...]:
    """Times (s) at which a foot is loaded, with the thresholds of `mocap_import.plate.contact`."""
    starts = [start for start, _ in contacts(load.force[:, 1], load.rate)]
    return tuple(load.start + start / load.rate for start in starts if start > 0)


def _common_span(samples: TrialSamples) -> tuple[float, float]:
    """From when to when coordinates and forces are both there (s)."""
    starts = [samples.start, *(load.start for load in samples.loads)]
    return max(starts), min([samples.end, *(load.end for load in samples.loads)])


def _misfit(
    samples: TrialSamples, starts: np.ndarray, duration: float, rotations: np.ndarray, filters: Mapping
) -> np.ndarray:
    """Difference (n_starts,) of the ends of cycles in rad: RMS of angles and of speeds times `SPEED_SHARE`."""
    starts, samples = np.asarray(starts, float), replace(samples, moments=None)  # they may not reach as far
    before, after = motion_at(samples, starts, **filters), motion_at(samples, starts + duration, **filters)
    turned = (after.values - before.values)[:, rotations]
    faster = SPEED_SHARE * (after.speeds - before.speeds)[:, rotations]
    return np.sqrt(np.mean(turned**2, axis=1) + np.mean(faster**2, axis=1))


def _other_phase(
    samples: TrialSamples,
    stride: tuple[str, float, float],
    span: tuple[float, float],
    rotations: np.ndarray,
    filters: Mapping,
    files: MotionFiles,
) -> tuple[str, float, float]:
    """The same duration where coordinates and forces are both there, with the ends that differ least."""
    which, _, duration = stride
    first, last = span
    if last - first < duration:
        raise ModelMismatch(
            f"{files.coordinates}: the {which} foot's stride lasts {duration:.3f} s, but coordinates and forces are "
            f"both there for {max(last - first, 0.0):.3f} s only ({first:g} to {last:g} s). Use a longer trial."
        )
    starts = np.arange(first, last - duration + 1e-9, PHASE_STEP)
    best = int(np.argmin(_misfit(samples, starts, duration, rotations, filters)))
    return which, float(starts[best]), duration


def _closure(motion: RecordedMotion, samples: TrialSamples, rotations: np.ndarray, weight: float) -> CycleClosure:
    """Differences of the ends of a motion."""
    values, speeds = motion.values[-1] - motion.values[0], motion.speeds[-1] - motion.speeds[0]
    turned = np.where(rotations, np.abs(values), 0.0)
    forces = {foot: w.force[-1] - w.force[0] for foot, w in motion.wrenches.items()}
    share = 0.0
    for load in samples.loads:
        own = load.start + np.arange(len(load.force)) / load.rate
        inside = (own >= motion.time[0]) & (own < motion.time[-1])
        share += float(np.mean(load.force[inside, 1])) / weight
    return CycleClosure(
        motion.coordinates,
        values,
        speeds,
        forces,
        share if samples.loads else float("nan"),
        float(np.sqrt(np.mean(values[rotations] ** 2))) if rotations.any() else 0.0,
        motion.coordinates[int(np.argmax(turned))],
    )

"""Automatic scaling: segment lengths and marker places from moving trials, where nobody stood still for one.

Alternates inverse kinematics of sampled frames and one damped Gauss-Newton step on scale factors and marker places in
which the pose of every frame follows (variable projection: Golub and Pereyra, Inverse Problems 19:R1, 2003), with Huber
weights and priors: lengths near those that the stature gives, landmarks near their places on the generic skeleton.
The idea of fitting both at once is that of Reinbolt et al., J Biomech 38:621, 2005.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap_import.marker.marker_set import MarkerSet
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial
from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.inverse.marker_least_squares import MarkerProblem, marker_jacobian, model_markers
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics
from opensim_models.scaling.model_scaling import ScaledModel, model_stature
from opensim_models.scaling.movement_sample import movement_start, sampled_frames, segment_groups
from opensim_models.scaling.report import ScalingReport, refuse_impossible_subject
from opensim_models.scaling.scale_factor import Factors, refuse_absurd_factors, scaled_skeleton

LENGTH_SPREAD = 0.06
"""Standard deviation of a segment's length among people of one stature, as part of it."""
UNKNOWN_STATURE_SPREAD = 0.25
LANDMARK_SPREAD, CLUSTER_SPREAD = 0.015, 0.15
"""Standard deviation (m) of a landmark's place on a body, and of a marker whose place nobody prescribes."""
MARKER_SPREAD = 0.006
"""Standard deviation (m) of a marker about a rigid segment: skin and camera."""
HUBER = 2.0
"""Residuals beyond this many standard deviations count less and less."""
FRAMES, MOST_STEPS = 60, 60
LEAST_DAMPING, DAMPING_STEP = 1e-2, 5.0
"""Levenberg's damping, as part of the normal equations' diagonal: none while steps lower the cost."""
CONVERGED = 2e-4
LARGEST_RESIDUAL = 0.04
"""RMS (m) above which the model does not explain the trials."""


@dataclass(frozen=True)
class _State:
    """Where the fit stands: a factor per group, an offset per marker (m, segment frame)."""

    factors: np.ndarray
    offsets: np.ndarray


@dataclass(frozen=True)
class _Equations:
    """What the frames say at a state: cost, normal equations, residual per marker (m)."""

    cost: float
    matrix: np.ndarray
    right: np.ndarray
    residual: np.ndarray


def scale_automatically(
    skeleton: Skeleton,
    subject: Subject,
    trials: Sequence[MarkerTrial],
    marker_set: MarkerSet | None,
    *,
    given: Mapping[str, str] | None = None,
    symmetrical: bool = True,
    n_frames: int = FRAMES,
) -> ScaledModel:
    """Scale a skeleton by the movement of its subject.

    Parameters
    ----------
    skeleton : Skeleton
        Any, with markers.
    subject : Subject
        With mass; a height makes lengths surer.
    trials : sequence of MarkerTrial
        Moving trials of one session; the wider they move the joints the better.
    marker_set : MarkerSet or None
        Gives landmarks, and segments of markers that the skeleton does not carry.
    given : mapping, optional
        Model marker → label of the trials.
    symmetrical : bool
        Left and right share their factors.
    n_frames : int
        Frames sampled from all trials together.

    Returns
    -------
    ScaledModel
        Its markers carry the labels of the trials; `report.notes` say how sure each length is.

    Raises
    ------
    ModelMismatch
        Too few markers or frames, no convergence, or absurd factors or residuals.
    """
    where = ", ".join(trial.source or trial.name for trial in trials) or "automatic scaling"
    if not (math.isfinite(subject.mass) and subject.mass > 0):
        raise ModelMismatch(f"{where}: expected a body mass above 0 kg, got {subject.mass:g}.")
    if math.isfinite(subject.height):
        refuse_impossible_subject(subject)
    labels, positions, rate = sampled_frames(trials, n_frames, where)
    start, loose = movement_start(skeleton, subject, labels, positions, marker_set, given, rate)
    groups = segment_groups(start, symmetrical)
    tall = math.isfinite(subject.height)
    spreads = np.array([CLUSTER_SPREAD if m.name in loose else LANDMARK_SPREAD for m in start.markers])
    fit = _Fit(start, groups, labels, positions, rate, LENGTH_SPREAD if tall else UNKNOWN_STATURE_SPREAD, spreads)
    state, deviations, residual, steps, loose = fit.solve(where)
    before = subject.height / model_stature(skeleton) if tall else 1.0
    factors = {name: (float(before * state.factors[groups[name]]),) * 3 for name in start.segment_names}
    refuse_absurd_factors(factors, where)
    known = {label: float(r) for label, r in zip((m.name for m in start.markers), residual, strict=True)}
    rms = float(np.sqrt(np.nanmean(residual**2)))
    if not rms <= LARGEST_RESIDUAL:
        raise ModelMismatch(
            f"{where}: the best lengths leave {1000 * rms:.0f} mm RMS at the markers, expected below "
            f"{1000 * LARGEST_RESIDUAL:.0f} mm. Check the labels, or scale from a static trial."
        )
    scaled = fit.skeleton_of(state)
    scaled = scaled_skeleton(scaled, {}, subject.mass)
    sure = {name: deviations[g] for name, g in groups.items()}
    notes = [f"no static trial: lengths from {len(positions)} frames of {where}, {steps} steps"]
    notes += [f"{name}: ± {100 * sd:.1f} %" for name, sd in sure.items() if name.endswith("_r") or "_" not in name]
    if loose:
        notes.append(f"{loose}: hardly told by this movement; it came to rest by damped steps")
    moved = {
        m.name: float(np.linalg.norm(o))
        for m, o in zip(start.markers, state.offsets, strict=True)
        if m.name not in loose
    }
    report = ScalingReport(
        skeleton.name,
        subject.code,
        "automatic",
        subject.mass,
        subject.height,
        factors,
        (),
        known,
        moved,
        tuple(notes),
    )
    return ScaledModel(scaled, report)


class _Fit:
    """Factors and marker places that explain the frames best."""

    def __init__(
        self,
        start: Skeleton,
        groups: Mapping[str, int],
        labels: tuple[str, ...],
        positions: np.ndarray,
        rate: float,
        length_spread: float,
        offset_spreads: np.ndarray,
    ) -> None:
        self.start, self.groups, self.rate = start, groups, rate
        self.n_groups = max(groups.values()) + 1
        self.labels, self.positions = labels, positions
        self.measured = positions[:, [labels.index(m.name) for m in start.markers]]
        self.seen = np.isfinite(self.measured).all(axis=2)
        self.prior = np.concatenate(
            [np.full(self.n_groups, 1.0 / length_spread**2), np.repeat(1.0 / offset_spreads**2, 3)]
        )

    def skeleton_of(self, state: _State) -> Skeleton:
        """The skeleton at a state of the fit."""
        factors: Factors = {name: (float(state.factors[g]),) * 3 for name, g in self.groups.items()}
        made = scaled_skeleton(self.start, factors)
        markers = tuple(
            replace(m, offset=tuple((np.array(m.offset) + shift).tolist()))
            for m, shift in zip(made.markers, state.offsets, strict=True)
        )
        return made.with_markers(markers)

    def solve(self, where: str) -> tuple[_State, np.ndarray, np.ndarray, int, str]:
        """Alternate poses and steps.

        Returns state, deviations of the factors, residual per marker (m), steps, and what only damping brought to rest.
        """
        state = _State(np.ones(self.n_groups), np.zeros((len(self.start.markers), 3)))
        here = self._equations(state)
        damping = 0.0
        for steps in range(1, MOST_STEPS + 1):
            change = np.linalg.solve(here.matrix + damping * np.diag(np.diag(here.matrix)), here.right)
            if np.abs(change).max() < CONVERGED:
                deviations = np.sqrt(np.diag(np.linalg.inv(here.matrix))[: self.n_groups])
                loose = self._weakest(np.linalg.solve(here.matrix, here.right)) if damping else ""
                return state, deviations, here.residual, steps, loose
            moved = _State(
                np.clip(state.factors + change[: self.n_groups], 0.3, 3.0),
                state.offsets + change[self.n_groups :].reshape(-1, 3),
            )
            there = self._equations(moved)
            if there.cost <= here.cost:
                state, here, damping = moved, there, damping / DAMPING_STEP if damping > LEAST_DAMPING else 0.0
            else:  # too far: arms that hang still leave directions in which full steps jump to and fro
                damping = max(DAMPING_STEP * damping, LEAST_DAMPING)
        raise ModelMismatch(
            f"{where}: automatic scaling did not settle in {MOST_STEPS} steps: {self._weakest(change)} still changes "
            f"by {np.abs(change).max():.4f} a step, as with too small a movement or a label that changes its place. "
            "Leave that marker out, give more movement, or scale from a static trial instead."
        )

    def _weakest(self, change: np.ndarray) -> str:
        """What a step would change most: the segments of a factor, or a marker."""
        worst = int(np.argmax(np.abs(change)))
        if worst < self.n_groups:
            return " ".join(name for name, group in self.groups.items() if group == worst)
        return self.start.markers[(worst - self.n_groups) // 3].name

    def _equations(self, state: _State) -> _Equations:
        """Cost and normal equations of factors and offsets at a state, the poses eliminated."""
        skeleton = self.skeleton_of(state)
        pose = solve_inverse_kinematics(
            skeleton, self.labels, self.positions, self.rate, prior_spread=math.radians(90.0), tolerance=1e-5
        )
        usable = np.isfinite(pose.kinematics.values).any(axis=1)
        q = pose.kinematics.values[usable].copy()
        default = np.array([c.default for c in skeleton.coordinates], dtype=float)
        q = np.where(np.isfinite(q), q, default)
        problem = _problem(skeleton)
        points, states = model_markers(problem, q)
        seen = self.seen[usable]
        residual = np.where(seen[..., None], points - np.nan_to_num(self.measured[usable]), 0.0)
        distance = np.linalg.norm(residual, axis=2)
        robust = np.minimum(1.0, HUBER * MARKER_SPREAD * math.sqrt(3.0) / np.maximum(distance, 1e-9))
        weight = np.where(seen, robust, 0.0) / MARKER_SPREAD**2
        by_pose = marker_jacobian(problem, states, points)
        by_size = self._by_size(state, skeleton, q, points)
        motions = segment_motions(skeleton, Kinematics(skeleton.coordinate_names, q, self.rate))
        turns = np.stack([motions[m.segment].orientation.as_matrix() for m in skeleton.markers], axis=1)
        matrix, right = self._eliminated(state, residual, weight, by_pose, by_size, turns)
        known = np.where(seen, distance, np.nan)
        with np.errstate(invalid="ignore"):
            per_marker = np.sqrt(np.nansum(known**2, axis=0) / np.maximum(seen.sum(axis=0), 1))
        bend = HUBER * MARKER_SPREAD * math.sqrt(3.0)
        near = np.minimum(distance, bend)
        misfit = np.where(seen, near**2 + 2 * bend * (distance - near), 0.0).sum() / MARKER_SPREAD**2
        from_start = np.concatenate([state.factors - 1.0, state.offsets.ravel()])
        return _Equations(float(misfit + self.prior @ from_start**2), matrix, right, per_marker)

    def _by_size(self, state: _State, skeleton: Skeleton, q: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Derivative of the markers (n, m, 3, n_groups): positions are linear in the factors, so differences are."""
        found = np.empty((*points.shape, self.n_groups))
        for g in range(self.n_groups):
            factors = state.factors.copy()
            factors[g] += 0.01
            other = self.skeleton_of(_State(factors, state.offsets))
            found[..., g] = (model_markers(_problem(other), q)[0] - points) / 0.01
        return found

    def _eliminated(
        self,
        state: _State,
        residual: np.ndarray,
        weight: np.ndarray,
        by_pose: np.ndarray,
        by_size: np.ndarray,
        turns: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Normal equations of factors and offsets after each frame's pose has been solved for."""
        n_markers, n_unknown = residual.shape[1], len(self.prior)
        matrix, right = np.diag(self.prior), np.zeros(n_unknown)
        right -= self.prior * np.concatenate([state.factors - 1.0, state.offsets.ravel()])
        slight = 1e-6 * np.eye(by_pose.shape[3])
        for f in range(len(residual)):
            by_place = np.zeros((n_markers, 3, n_markers, 3))
            by_place[np.arange(n_markers), :, np.arange(n_markers)] = turns[f]
            a = np.concatenate([by_size[f], by_place.reshape(n_markers, 3, -1)], axis=2).reshape(-1, n_unknown)
            b = by_pose[f].reshape(-1, by_pose.shape[3])
            w = np.repeat(weight[f], 3)[:, None]
            r = residual[f].ravel()
            hessian = b.T @ (w * b) + slight
            across = b.T @ (w * a)
            solved = np.linalg.solve(hessian, np.column_stack([across, b.T @ (w[:, 0] * r)]))
            matrix += a.T @ (w * a) - across.T @ solved[:, :-1]
            right -= a.T @ (w[:, 0] * r) - across.T @ solved[:, -1]
        return matrix, right


def _problem(skeleton: Skeleton) -> MarkerProblem:
    """What `model_markers` and `marker_jacobian` need of a skeleton."""
    n_q, n_markers = len(skeleton.coordinates), len(skeleton.markers)
    free = np.array([not c.locked for c in skeleton.coordinates])
    return MarkerProblem(
        skeleton,
        skeleton.markers,
        tuple(skeleton.segment_index(m.segment) for m in skeleton.markers),
        np.array([m.offset for m in skeleton.markers]),
        np.ones((n_markers, 3)),
        np.zeros(n_q),
        np.zeros(n_q),
        np.full(n_q, -np.inf),
        np.full(n_q, np.inf),
        free,
    )

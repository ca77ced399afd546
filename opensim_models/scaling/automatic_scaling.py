"""Automatic scaling: segment lengths and marker places from moving trials, where nobody stood still for one.

Alternates the poses of sampled frames and one damped Gauss-Newton step on scale factors and marker places in which the
pose of every frame follows (variable projection: Golub and Pereyra, Inverse Problems 19:R1, 2003), with priors: lengths
near those that the stature gives, landmarks near their places on the generic skeleton. Poses and steps lower one cost,
Huber's; it has come to rest where an undamped step would change nothing that the movement tells.
The idea of fitting both at once is that of Reinbolt et al., J Biomech 38:621, 2005.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap_import.marker.marker_set import MarkerSet
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial
from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.inverse.marker_least_squares import (
    ROOT_PRIOR,
    MarkerProblem,
    marker_jacobian,
    model_markers,
    root_coordinates,
)
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.inverse.whole_turn import boundless
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics
from opensim_models.scaling.model_scaling import ScaledModel, model_stature
from opensim_models.scaling.movement_sample import movement_start, sampled_frames, segment_groups
from opensim_models.scaling.report import ScalingReport, refuse_impossible_subject
from opensim_models.scaling.robust_pose import huber, robust_poses
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
"""Largest change of a factor (1) or a place (m) by a step that has come to rest."""
UNTOLD = 0.5
"""An undamped step may still change an unknown by this part of its own standard deviation: so little is not told."""
POSE_SPREAD = math.radians(90.0)
"""Standard deviation of the pull of a joint's rotation towards its default."""
LARGEST_RESIDUAL = 0.04
"""RMS (m) above which the model does not explain the trials."""


@dataclass(frozen=True)
class _State:
    """Where the fit stands: a factor per group, an offset per marker (m, segment frame)."""

    factors: np.ndarray
    offsets: np.ndarray


@dataclass(frozen=True)
class _Equations:
    """What the frames say at a state: cost, normal equations, residual per marker (m), poses (n, n_q)."""

    cost: float
    matrix: np.ndarray
    right: np.ndarray
    residual: np.ndarray
    poses: np.ndarray


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
        A mass that nobody has, too few markers or frames, no convergence, or absurd factors or residuals.
    """
    where = ", ".join(trial.source or trial.name for trial in trials) or "automatic scaling"
    refuse_impossible_subject(subject, needs=("mass",))
    labels, positions, rate = sampled_frames(trials, n_frames, where)
    start, loose = movement_start(skeleton, subject, labels, positions, marker_set, given, rate)
    groups = segment_groups(start, symmetrical)
    tall = math.isfinite(subject.height)
    spreads = np.array([CLUSTER_SPREAD if m.name in loose else LANDMARK_SPREAD for m in start.markers])
    fit = _Fit(start, groups, labels, positions, rate, LENGTH_SPREAD if tall else UNKNOWN_STATURE_SPREAD, spreads)
    state, deviations, residual, steps, untold = fit.solve(where)
    before = subject.height / model_stature(skeleton) if tall else 1.0
    factors = {name: (float(before * state.factors[groups[name]]),) * 3 for name in start.segment_names}
    refuse_absurd_factors(factors, where)
    rms = float(np.sqrt(np.nanmean(residual**2)))
    if not rms <= LARGEST_RESIDUAL:
        raise ModelMismatch(
            f"{where}: the best lengths leave {1000 * rms:.0f} mm RMS at the markers, expected below "
            f"{1000 * LARGEST_RESIDUAL:.0f} mm. Check the labels, or scale from a static trial."
        )
    notes = [f"no static trial: lengths from {len(positions)} frames of {where}, {steps} steps"]
    sure = {name: deviations[g] for name, g in groups.items()}
    notes += [f"{name}: ± {100 * sd:.1f} %" for name, sd in sure.items() if name.endswith("_r") or "_" not in name]
    if untold:
        notes.append(f"{untold}: hardly told by this movement; a step may change it within half its uncertainty")
    report = ScalingReport(
        skeleton.name,
        subject.code,
        "automatic",
        subject.mass,
        subject.height,
        factors,
        residuals={m.name: float(r) for m, r in zip(start.markers, residual, strict=True)},
        moved=_moved(start, state, loose),
        notes=tuple(notes),
    )
    return ScaledModel(scaled_skeleton(fit.skeleton_of(state), {}, subject.mass), report)


def _moved(start: Skeleton, state: _State, loose: Collection[str]) -> dict[str, float]:
    """By how far (m) each marker came from its prescribed place."""
    places = zip(start.markers, state.offsets, strict=True)
    return {m.name: float(np.linalg.norm(shift)) for m, shift in places if m.name not in loose}


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
        pose = solve_inverse_kinematics(start, labels, positions, rate, prior_spread=POSE_SPREAD, tolerance=1e-5)
        usable = np.isfinite(pose.kinematics.values).any(axis=1)
        q = pose.kinematics.values[usable]
        default = np.array([c.default for c in start.coordinates], dtype=float)
        self.first = np.where(np.isfinite(q), q, default)
        self.held = pose.held
        self.measured = positions[usable][:, [labels.index(m.name) for m in start.markers]]
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

        Returns state, deviations of the factors, residual per marker (m), steps, and what the movement hardly tells.
        """
        state = _State(np.ones(self.n_groups), np.zeros((len(self.start.markers), 3)))
        here = self._equations(state, self.first)
        damping = 0.0
        for steps in range(1, MOST_STEPS + 1):
            change = np.linalg.solve(here.matrix + damping * np.diag(np.diag(here.matrix)), here.right)
            if np.abs(change).max() < CONVERGED:
                whole = np.linalg.solve(here.matrix, here.right) if damping else change
                deviations = np.sqrt(np.diag(np.linalg.inv(here.matrix)))
                if (np.abs(whole) < np.maximum(CONVERGED, UNTOLD * deviations)).all():
                    untold = self._weakest(whole) if np.abs(whole).max() >= CONVERGED else ""
                    return state, deviations[: self.n_groups], here.residual, steps, untold
                change = whole
                break  # no damped step lowers the cost, but the movement asks for another one: this is no bottom
            moved = _State(
                np.clip(state.factors + change[: self.n_groups], 0.3, 3.0),
                state.offsets + change[self.n_groups :].reshape(-1, 3),
            )
            there = self._equations(moved, here.poses)
            if there.cost <= here.cost:
                state, here, damping = moved, there, damping / DAMPING_STEP if damping > LEAST_DAMPING else 0.0
            else:  # too far: arms that hang still leave directions in which full steps jump to and fro
                damping = max(DAMPING_STEP * damping, LEAST_DAMPING)
        raise ModelMismatch(
            f"{where}: automatic scaling did not settle in {steps} steps: {self._weakest(change)} still changes "
            f"by {np.abs(change).max():.4f} a step, as with too small a movement or a label that changes its place. "
            "Leave that marker out, give more movement, or scale from a static trial instead."
        )

    def _weakest(self, change: np.ndarray) -> str:
        """What a step would change most: the segments of a factor, or a marker."""
        worst = int(np.argmax(np.abs(change)))
        if worst < self.n_groups:
            return " ".join(name for name, group in self.groups.items() if group == worst)
        return self.start.markers[(worst - self.n_groups) // 3].name

    def _equations(self, state: _State, start: np.ndarray) -> _Equations:
        """Cost and normal equations of factors and offsets at a state, the poses eliminated, which are near `start`."""
        skeleton = self.skeleton_of(state)
        problem = _problem(skeleton, self.held)
        bend = HUBER * MARKER_SPREAD * math.sqrt(3.0)
        poses = robust_poses(problem, self.measured, start, bend)
        points, states = model_markers(problem, poses.values)
        residual = np.where(self.seen[..., None], points - np.nan_to_num(self.measured), 0.0)
        distance = np.linalg.norm(residual, axis=2)
        weight = np.where(self.seen, huber(distance, bend)[1], 0.0) / MARKER_SPREAD**2
        by_pose = marker_jacobian(problem, states, points) * ~poses.bound[:, None, None]
        by_own = np.concatenate(
            [self._by_size(state, poses.values, points), self._by_place(skeleton, poses.values)], axis=3
        )
        pull = np.where(poses.bound, 0.0, problem.prior), poses.values - problem.reference
        matrix, right = self._eliminated(state, residual, weight, by_pose, by_own, pull)
        per_marker = np.sqrt((distance**2).sum(axis=0) / np.maximum(self.seen.sum(axis=0), 1))
        from_start = np.concatenate([state.factors - 1.0, state.offsets.ravel()])
        cost = float(poses.cost.sum() + self.prior @ from_start**2)
        return _Equations(cost, matrix, right, per_marker, poses.values)

    def _by_size(self, state: _State, q: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Derivative of the markers (n, m, 3, n_groups): positions are linear in the factors, so differences are."""
        found = np.empty((*points.shape, self.n_groups))
        for g in range(self.n_groups):
            factors = state.factors.copy()
            factors[g] += 0.01
            other = self.skeleton_of(_State(factors, state.offsets))
            found[..., g] = (model_markers(_problem(other, self.held), q)[0] - points) / 0.01
        return found

    def _by_place(self, skeleton: Skeleton, q: np.ndarray) -> np.ndarray:
        """Derivative of the markers by their places on the segments (n, m, 3, 3 m): how the segments are turned."""
        motions = segment_motions(skeleton, Kinematics(skeleton.coordinate_names, q, self.rate))
        n_markers = len(skeleton.markers)
        found = np.zeros((len(q), n_markers, 3, n_markers, 3))
        for k, marker in enumerate(skeleton.markers):
            found[:, k, :, k] = motions[marker.segment].orientation.as_matrix()
        return found.reshape(len(q), n_markers, 3, -1)

    def _eliminated(
        self,
        state: _State,
        residual: np.ndarray,
        weight: np.ndarray,
        by_pose: np.ndarray,
        by_own: np.ndarray,
        pull: tuple[np.ndarray, np.ndarray],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Normal equations of factors and offsets after each frame's pose, pulled to its default, was solved for."""
        n_unknown = len(self.prior)
        matrix, right = np.diag(self.prior), np.zeros(n_unknown)
        right -= self.prior * np.concatenate([state.factors - 1.0, state.offsets.ravel()])
        for f in range(len(residual)):
            a, b = by_own[f].reshape(-1, n_unknown), by_pose[f].reshape(-1, by_pose.shape[3])
            w = np.repeat(weight[f], 3)[:, None]
            r = residual[f].ravel()
            stiffness, apart = pull[0][f], pull[1][f]
            hessian = b.T @ (w * b) + np.diag(stiffness + 1e-6)
            across = b.T @ (w * a)
            solved = np.linalg.solve(hessian, np.column_stack([across, b.T @ (w[:, 0] * r) + stiffness * apart]))
            matrix += a.T @ (w * a) - across.T @ solved[:, :-1]
            right -= a.T @ (w[:, 0] * r) - across.T @ solved[:, -1]
        return matrix, right


def _problem(skeleton: Skeleton, held: Collection[str]) -> MarkerProblem:
    """The fit of all markers of a skeleton to frames, within the ranges of its coordinates."""
    coordinates = skeleton.coordinates
    free = np.array([c.name not in held for c in coordinates])
    rotation = np.array([c.kind == "rotation" for c in coordinates])
    lower, upper = (np.array([getattr(c, end) for c in coordinates], dtype=float) for end in ("lower", "upper"))
    any_ = boundless(skeleton)
    return MarkerProblem(
        skeleton,
        skeleton.markers,
        tuple(skeleton.segment_index(m.segment) for m in skeleton.markers),
        np.array([m.offset for m in skeleton.markers]),
        np.full((len(skeleton.markers), 3), 1.0 / MARKER_SPREAD**2),
        np.array([c.default for c in coordinates], dtype=float),
        np.where(rotation & ~root_coordinates(skeleton), 1.0 / POSE_SPREAD**2, ROOT_PRIOR),
        np.where(any_, -np.inf, lower),
        np.where(any_, np.inf, upper),
        free,
    )

"""Trial motion: inverse kinematics and inverse dynamics of one trial, with what they leave unexplained.

Samples that fit no pose (exchanged labels, ghosts) are left out and counted; a trial whose markers the model does not
explain is refused. Every segment counts about the same whatever number of markers it carries, pelvis and thighs twice:
otherwise a foot with ten markers would bend the hip.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mocap_import.marker.marker_set import load_marker_set
from mocap_import.stretch import stretches
from mocap_import.trial import MarkerTrial
from opensim_models.archive.human_bound import without_impossible_frames
from opensim_models.archive.steady_trunk import with_steady_trunk
from opensim_models.inverse.dynamics import solve_trial_dynamics
from opensim_models.inverse.kinematics import MINIMUM_MARKERS, InverseKinematicsSolution, solve_inverse_kinematics
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics, Kinetics
from opensim_models.scaling.marker_map import MarkerMap, match_markers, renamed_markers

PLAUSIBLE_MARKER_ERROR = 0.05
MISPLACED = 0.05
"""A marker sample further (m) than this from the fitted skeleton is mislabelled or a ghost, and is left out."""
AMONG_WORST = 0.7
"""Part of a frame's largest error from which a misplaced sample is left out at once: a wrong one drags good ones along,
which fit again as soon as it is gone. (Two labels exchanged across segments: 2 of 39 left out and angles within 2
degrees, where leaving out everything beyond the limit took 21 and was 42 degrees off at a residual of 3 mm.)"""
ROUNDS = 8
MOST_LEFT_OUT = 1 / 3
"""Part of the samples beyond which what is left tells nothing: a residual over it would only look good."""
TRIED, UNLIKE = 20, 2 / 3
"""Frames of a trial that are solved first, and the part of their samples that fits no pose from which on the rest is
not tried: a model of another size, or one whose marker names mean something else."""
MOSTLY = 0.5
"""Part of the frames in which a label must be misplaced before it is asked whether it is exchanged for another."""
MOST_CANDIDATES = 6
_SEGMENT_WEIGHT, _PROXIMAL = 3.0, 2.0
CUTOFF = {"run": 10.0}
"""Low-pass (Hz) of motion and forces by task; 6 Hz for all others (Winter 2005, section 2.2; Kristianslund 2012)."""
WALKING_CUTOFF = 6.0


@dataclass(frozen=True)
class TrialKinematics:
    """Solved coordinates of a trial.

    Attributes
    ----------
    solution : InverseKinematicsSolution
    markers : MarkerMap
        Which label stands for which marker of the model.
    segments : dict
        Label → segment.
    left_out : dict
        Label → number of samples that fitted no pose.
    exchanged : tuple of pairs of str
        Labels that stand for each other all through this trial; they were taken the right way round.
    shown : int
        Samples of the model's markers that the trial shows, those left out among them.
    blanked : ndarray of bool, shape (n_frames,)
        Frames without values because they would move faster than anybody can.
    """

    solution: InverseKinematicsSolution
    markers: MarkerMap
    segments: dict[str, str]
    left_out: dict[str, int]
    exchanged: tuple[tuple[str, str], ...] = ()
    shown: int = 0
    blanked: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))

    @property
    def n_blanked(self) -> int:
        """How many frames were blanked."""
        return int(self.blanked.sum())

    @property
    def left_out_percent(self) -> float:
        """Part of the samples shown that fitted no pose (%)."""
        return 100 * sum(self.left_out.values()) / self.shown if self.shown else 0.0


def solve_trial_kinematics(
    skeleton: Skeleton, trial: MarkerTrial, given: Mapping[str, str] | None = None
) -> TrialKinematics:
    """Solve inverse kinematics of a trial.

    Parameters
    ----------
    skeleton : Skeleton
        Scaled to the subject, with markers.
    trial : MarkerTrial
    given : mapping, optional
        Model marker → label of the trial.

    Raises
    ------
    ModelMismatch
        Model and trial share too few markers, no frame shows enough of them, or the model does not explain them.
    """
    where = trial.source or trial.name
    if not np.isfinite(trial.positions).any():
        raise ModelMismatch(f"{where}: no marker is seen in any of its {trial.n_frames} frames.")
    marker_set = load_marker_set(trial.marker_set) if trial.marker_set != "unknown" else None
    markers = match_markers(skeleton, trial.labels, marker_set, given)
    model = renamed_markers(skeleton, markers)
    _refuse_unlike(model, trial, markers, where)
    solution, left_out = _solve_robustly(model, trial)
    exchanged = exchanged_labels(model, trial, left_out)
    if exchanged:
        trial = with_exchanged(trial, exchanged)
        solution, left_out = _solve_robustly(model, trial)
    solution, blanked = _without_impossible_frames(model, solution)
    solved = np.isfinite(solution.kinematics.values).any(axis=1)
    if not solved.any():
        raise ModelMismatch(f"{where}: {_no_pose(int(blanked.sum()), len(solved))}; {markers.sentence}.")
    if not solution.rms_error <= PLAUSIBLE_MARKER_ERROR:
        raise ModelMismatch(
            f"{where}: inverse kinematics leaves {solution.rms_error * 1000:.0f} mm RMS at the markers, expected below "
            f"{PLAUSIBLE_MARKER_ERROR * 1000:.0f} mm. Check labels and the static trial."
        )
    shown = int(np.isfinite(model_samples(model, trial)).all(axis=2).sum())
    lost = sum(left_out.values())
    if lost > MOST_LEFT_OUT * shown:
        worst = sorted(left_out, key=left_out.get, reverse=True)[:6]
        raise ModelMismatch(
            f"{where}: {100 * lost / shown:.0f} % of the marker samples fit no pose ({', '.join(worst)}, ...: more "
            f"than {MISPLACED * 1000:.0f} mm away), expected at most {100 * MOST_LEFT_OUT:.0f} %. Check labels and the "
            "static trial."
        )
    return TrialKinematics(
        solution, markers, {m.name: m.segment for m in model.markers}, left_out, exchanged, shown, blanked
    )


def _refuse_unlike(model: Skeleton, trial: MarkerTrial, markers: MarkerMap, where: str) -> None:
    """Refuse, by a few frames and before all are solved, a trial that shows too little or somebody of another size."""
    samples = model_samples(model, trial)
    seen = np.isfinite(samples).all(axis=2).sum(axis=1)
    if seen.max() < MINIMUM_MARKERS:
        raise ModelMismatch(
            f"{where}: a frame needs {MINIMUM_MARKERS} of the model's markers, none shows more than {seen.max()} of "
            f"the {samples.shape[1]} that have a partner; {markers.sentence}. Name partners in a file: --markers "
            "map.toml."
        )
    enough = np.flatnonzero(seen >= MINIMUM_MARKERS)
    frames = enough[np.unique(np.linspace(0, len(enough) - 1, min(TRIED, len(enough))).astype(int))]
    tried = MarkerTrial(trial.name, trial.subject, trial.labels, trial.positions[frames], trial.rate)
    solution, left_out = _solve_robustly(model, tried, _times(trial)[frames])
    shown, lost = int(seen[frames].sum()), sum(left_out.values())
    unsolved = not np.isfinite(solution.kinematics.values).any()
    if unsolved or lost > UNLIKE * shown:
        worst = sorted(left_out, key=left_out.get, reverse=True)[:6]
        raise ModelMismatch(
            f"{where}: {samples.shape[1]} markers have a partner in the model and a frame needs {MINIMUM_MARKERS}, but "
            f"{100 * lost / shown:.0f} % of what {len(frames)} frames show lies more than {MISPLACED * 1000:.0f} mm "
            f"from any pose of it ({', '.join(worst)}{', ...' if len(left_out) > 6 else ''}). Is the model scaled to "
            "this person (--scale static or automatic in the place of as-is), and do its marker names mean the trial's "
            "labels (--markers map.toml)?"
        )


def _no_pose(n_blanked: int, n_frames: int) -> str:
    """Why no frame has coordinates."""
    if n_blanked:
        return f"{n_blanked} of {n_frames} frames jump as nobody moves, and no other one could be solved"
    return (
        f"no frame keeps the {MINIMUM_MARKERS} markers that a pose needs once those more than "
        f"{MISPLACED * 1000:.0f} mm from it are left out; check the scaling of the model"
    )


def _without_impossible_frames(
    model: Skeleton, solution: InverseKinematicsSolution
) -> tuple[InverseKinematicsSolution, np.ndarray]:
    """The solution without frames that move faster than anybody, and which those are."""
    seen = np.isfinite(solution.marker_error).sum(axis=1)
    kinematics, blanked = without_impossible_frames(model, solution.kinematics, seen)
    error = np.where(blanked[:, None], np.nan, solution.marker_error)
    return replace(solution, kinematics=kinematics, marker_error=error), blanked


def model_samples(skeleton: Skeleton, trial: MarkerTrial) -> np.ndarray:
    """Positions (n_frames, m, 3) of the labels that a skeleton's markers carry."""
    return trial.positions[:, [trial.labels.index(m.name) for m in skeleton.markers if m.name in trial.labels]]


def exchanged_labels(
    skeleton: Skeleton, trial: MarkerTrial, left_out: Mapping[str, int]
) -> tuple[tuple[str, str], ...]:
    """Find pairs of labels of one segment that fit no pose as they are, but do the other way round.

    Parameters
    ----------
    skeleton : Skeleton
        Its markers carry the trial's labels.
    trial : MarkerTrial
    left_out : mapping
        Label → samples that fitted no pose.
    """
    segment = {m.name: m.segment for m in skeleton.markers}
    few = MOSTLY * trial.n_frames
    lost = [label for label, n in left_out.items() if n > few and label in segment]
    candidates = [(a, b) for k, a in enumerate(lost) for b in lost[k + 1 :] if segment[a] == segment[b]]
    pairs: tuple[tuple[str, str], ...] = ()
    for pair in candidates[:MOST_CANDIDATES]:
        if set(pair) & {label for each in pairs for label in each}:
            continue
        again = _solve_robustly(skeleton, with_exchanged(trial, (*pairs, pair)))[1]
        if all(again.get(label, 0) < few / 5 for label in pair):
            pairs = (*pairs, pair)
    return pairs


def with_exchanged(trial: MarkerTrial, pairs: tuple[tuple[str, str], ...]) -> MarkerTrial:
    """The trial with the places of each pair of labels exchanged."""
    positions = trial.positions.copy()
    for first, second in pairs:
        a, b = trial.labels.index(first), trial.labels.index(second)
        positions[:, [a, b]] = positions[:, [b, a]]
    return replace(trial, positions=positions)


def segment_weights(skeleton: Skeleton, labels: tuple[str, ...]) -> dict[str, float]:
    """Weight of each marker of a skeleton that is among the labels: see the module's text."""
    used = [m for m in skeleton.markers if m.name in labels]
    counts = Counter(m.segment for m in used)
    proximal = ("pelvis", "femur")
    return {
        m.name: _SEGMENT_WEIGHT * (_PROXIMAL if m.segment.startswith(proximal) else 1.0) / counts[m.segment]
        for m in used
    }


def file_start(trial: MarkerTrial) -> float:
    """Time (s) of the first frame in files: that of a .trc; 0 for our own trials, as `kinesynth export` has it."""
    return trial.start_time if trial.source.lower().endswith(".trc") else 0.0


def _times(trial: MarkerTrial) -> np.ndarray:
    """Time (n_frames,) of the frames in files (s)."""
    return file_start(trial) + np.arange(trial.n_frames) / trial.rate


def _solve_robustly(
    skeleton: Skeleton, trial: MarkerTrial, time: np.ndarray | None = None
) -> tuple[InverseKinematicsSolution, dict[str, int]]:
    """Solve, leave out the samples that fit no pose (swapped labels, ghosts), the worst first, and solve again.

    Returns the solution and, per marker, how many samples were left out. `time` (n_frames,) is the file's if absent.
    """
    time = _times(trial) if time is None else time
    positions = trial.positions
    left_out = np.zeros(positions.shape[:2], dtype=bool)
    weights = segment_weights(skeleton, trial.labels)
    for attempt in range(ROUNDS + 1):
        solution = solve_inverse_kinematics(
            skeleton,
            trial.labels,
            positions,
            trial.rate,
            weights=weights,
            prior_spread=math.radians(90.0),
            time=time,
            tolerance=1e-5,
        )
        if attempt == ROUNDS:  # what was left out last is not in the solution either
            break
        columns = [trial.labels.index(name) for name in solution.markers]
        misplaced = np.zeros_like(left_out)
        error = np.nan_to_num(solution.marker_error)
        worst = error.max(axis=1, keepdims=True)
        misplaced[:, columns] = (error > MISPLACED) & (error >= AMONG_WORST * worst)
        if not misplaced.any():
            break
        left_out |= misplaced
        positions = np.where(left_out[..., None], np.nan, positions)
    counts = {trial.labels[k]: int(n) for k, n in enumerate(left_out.sum(axis=0)) if n}
    return solution, counts


def solve_trial_kinetics(
    skeleton: Skeleton, kinematics: Kinematics, trial: MarkerTrial, cutoff: float | None = None
) -> Kinetics:
    """Solve inverse dynamics of a trial over its longest complete stretch.

    Parameters
    ----------
    skeleton : Skeleton
    kinematics : Kinematics
        Of the trial, all frames.
    trial : MarkerTrial
    cutoff : float, optional
        Hz; by the trial's task if None, 0 for no filter.

    Raises
    ------
    ModelMismatch
        As `inverse_dynamics.solve_trial_dynamics`.
    """
    kinematics, steady = with_steady_trunk(skeleton, kinematics)
    if cutoff is None:
        cutoff = CUTOFF.get(trial.task, WALKING_CUTOFF)
    whole = np.isfinite(kinematics.values).all(axis=1)
    complete = sorted(zip(*stretches(whole), strict=True), key=lambda ends: ends[1] - ends[0])
    values = kinematics.values.copy()
    if complete:
        start, stop = complete[-1]
        values[:start], values[stop:] = np.nan, np.nan
    kinetics = solve_trial_dynamics(skeleton, replace(kinematics, values=values), trial, cutoff or None)
    if steady:
        kinetics = replace(kinetics, mask_reasons=(*kinetics.mask_reasons, "trunk without markers taken as upright"))
    if len(complete) > 1:
        lost = int(whole.sum() - (stop - start))
        said = f"{len(complete)} complete stretches: the longest was solved, {lost} frames of the others were not"
        kinetics = replace(kinetics, mask_reasons=(*kinetics.mask_reasons, said))
    return kinetics

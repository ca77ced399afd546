"""Solution corpus: one movement solution as a corpus of one trial, for whoever knows corpora but no optimal control."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap_import.plate.force_plate import FORCE_THRESHOLD
from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction
from opensim_models.exchange.storage_table import read_table
from opensim_models.model.skeleton import save_skeleton
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus import CorpusTrial, CorpusWriter
from synth.corpus.provenance import file_hash
from synth.optimal_control.gait.gait_solution import gait_events
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.result.solution_export import pressure_wrench
from synth.optimal_control.result.solution_file import load_solution
from synth.optimal_control.result.solution_frames import SolutionFrames, solution_frames

SUBJECT, TRIAL = "solution", "movement"
COORDINATES = "movement_coordinates.mot"
"""Of the same solution, beside it."""
RATE = 100.0
"""Hz, about: the steps of a cycle come out even."""


def write_solution_corpus(solution: Path, out: Path) -> Path:
    """Write the solution of a file as a corpus, and its skeleton as skeleton.json beside it.

    Parameters
    ----------
    solution : Path
        A ``solution.npz`` of `kinesynth gait track`, `imu` or `predict --model`.
    out : Path
        The corpus to make.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    SolutionFileProblem, ModelMismatch, CorpusMismatch
        The file is no whole solution, holds numbers that are not finite, or the corpus cannot be written.
    """
    found, recipe = load_solution(solution)
    coordinates = solution.with_name(COORDINATES)  # which know when the recording began
    start = read_table(coordinates).start_time if coordinates.is_file() else 0.0
    trial = replace(solution_trial(found, source_hash=file_hash(solution)), start_time=start)
    with CorpusWriter(out, role="reference", config=recipe.config) as corpus:
        corpus.append(trial)
    save_skeleton(found.skeleton, out.with_name("skeleton.json"))
    return out


def solution_trial(solution: MovementSolution, source_hash: str = "") -> CorpusTrial:
    """One solution as a trial at an even rate; one that did not converge is a refused trial with its reason."""
    frames = solution_frames(solution, RATE)
    names = solution.skeleton.coordinate_names
    kinetics = Kinetics(
        names, frames.moments, frames.rate, _reactions(solution, frames), solution.muscles, frames.activations
    )
    is_gait = solution.period == "cycle" and len(solution.ground_reactions) == 2
    return CorpusTrial(
        TRIAL,
        Subject(SUBJECT, mass=solution.skeleton.mass),
        frames.rate,
        kinematics=Kinematics(names, frames.coordinates, frames.rate),
        kinetics=kinetics,
        events=gait_events(solution) if is_gait else (),
        spatiotemporal={"speed": solution.speed},
        status="converged" if solution.converged else "refused",
        reason=solution.reason,
        source="optimal control",
        source_hash=source_hash,
        seconds=solution.cpu_seconds,
        skeleton=solution.skeleton,
    )


def _reactions(solution: MovementSolution, frames: SolutionFrames) -> tuple[GroundReaction, ...]:
    """Forces at the centre of pressure where a foot is loaded; nowhere else is there one."""
    reactions = []
    for i, reaction in enumerate(solution.ground_reactions):
        force, point, torque = pressure_wrench(frames.loads[:, i, :3], frames.loads[:, i, 3:])
        loaded = (force[:, 1] > FORCE_THRESHOLD)[:, None]
        point, free = np.where(loaded, point, np.nan), np.where(loaded[:, 0], torque[:, 1], np.nan)
        reactions.append(GroundReaction(force, point, free, frames.rate, reaction.foot, reaction.name))
    return tuple(reactions)

"""Planar gaits of the demonstration: seconds, accuracy and plausibility, on one thread.

The peer measured in the same run is the same solver on the same problem with the limited-memory Hessian that most gait
tools use. Published seconds of other tools on other machines are quoted and marked as published.
"""

from __future__ import annotations

import json
import time

import numpy as np

from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction
from opensim_models.model.multibody import point_position, segment_states
from synth.optimal_control.gait.gait_samples import sample_gait
from synth.optimal_control.gait.gait_solution import GaitSolution
from synth.optimal_control.gait.normative_gait import COORDINATES, GaitStyle
from synth.optimal_control.generate import generate_gait, walking_skeleton
from synth.optimal_control.movement.climb import solve_movement
from synth.optimal_control.movement.problem import movement_program
from synth.optimal_control.population.planar_solver import AGAIN
from synth.optimal_control.population.virtual_gait import VirtualGait, gait_data, gait_start, gait_structure
from synth.optimal_control.population.virtual_skeleton import GENERIC_PROPORTIONS
from synth.optimal_control.program.compiled_blocks import compile_if_possible
from synth.optimal_control.program.solver import SolverSettings
from synth.optimal_control.recording.marker_tracking import track_markers
from synth.virtual_people import VirtualPerson

SUBJECT = Subject("bench", 70.0, 1.75, "male")
SEEDS, SPEEDS = range(6), np.linspace(1.1, 1.5, 6)


def generate() -> tuple[list[GaitSolution], dict]:
    """Six styles at six speeds."""
    generate_gait(SUBJECT, 1.3)  # what a process builds, and compiles the first time on a machine
    started = time.process_time()
    found = [generate_gait(SUBJECT, float(v), seed=s) for s, v in zip(SEEDS, SPEEDS, strict=True)]
    seconds = (time.process_time() - started) / len(found)
    weight = SUBJECT.body_weight
    peaks = [s.kinetics.ground_reactions[0].force[:, 1] / weight for s in found]
    lowest = min(min(f[: len(f) // 3].max(), f[len(f) // 3 :].max()) for f in peaks)
    highest = max(f.max() for f in peaks)
    shares = [s.checks["stance_share_r"] for s in found]
    residual = max(s.checks["residual_share_bw"] for s in found)
    return found, {
        "generate_cpu_s": _figure(
            seconds, 47.0, "<= 8 s; peer: abstract of biosym, 50 nodes, half cycle", seconds <= 8, True
        ),
        "generate_converged": _figure(
            np.mean([s.converged for s in found]), None, "all", all(s.converged for s in found)
        ),
        "residual_percent_bw": _figure(100 * residual, None, "< 2", residual < 0.02),
        "vertical_peaks_bw": _figure([lowest, highest], None, "1.0-1.3", lowest >= 1.0 and highest <= 1.3),
        "stance_percent": _figure(
            [100 * min(shares), 100 * max(shares)], None, "55-65", 0.55 <= min(shares) <= max(shares) <= 0.65
        ),
    }


def track(found: list[GaitSolution]) -> dict:
    """Recover each gait from its markers with 4 mm of noise, and its forces."""
    skeleton = walking_skeleton(SUBJECT)
    rng = np.random.default_rng(0)
    errors, converged, spent = [], [], []
    for gait in found:
        n = 110
        samples = sample_gait(gait.movement, np.arange(n) / n * gait.duration)
        states = segment_states(skeleton, list(samples.coordinates.T))
        places = [
            np.stack(
                [np.broadcast_to(c, n) for c in point_position(states[skeleton.segment_index(m.segment)], m.offset)], -1
            )
            for m in skeleton.markers
        ]
        markers = np.stack(places, axis=1) + 0.004 * rng.normal(size=(n, len(places), 3))
        reactions = [
            GroundReaction(samples.forces[:, i], samples.pressures[:, i], np.zeros(n), n / gait.duration, foot)
            for i, foot in enumerate(("right", "left"))
        ]
        solution = track_markers(skeleton, markers, reactions, gait.duration, height=SUBJECT.height)
        converged.append(solution.converged)
        spent.append(solution.cpu_seconds)
        phase = np.arange(len(solution.movement.time)) / len(solution.movement.time)
        truth = sample_gait(gait.movement, phase * gait.duration).coordinates
        joints = [i for i, name in enumerate(COORDINATES) if name[-2:] in ("_r", "_l")]
        errors.append(np.degrees(np.sqrt(((solution.movement.coordinates - truth)[:, joints] ** 2).mean())))
    seconds = np.mean(spent)
    return {
        "track_cpu_s": _figure(
            seconds, 207.0, "<= 8 s; peer: an earlier run of Moco, half cycle, 50 intervals", seconds <= 8, True
        ),
        "track_error_deg": _figure(max(errors), None, "<= 1", max(errors) <= 1.0),
        "track_converged": _figure(np.mean(converged), None, "all", all(converged)),
    }


def hessian() -> dict:
    """The same muscle-driven problem from the same start, with the exact and with the limited-memory Hessian."""
    skeleton = walking_skeleton(SUBJECT)
    gait = VirtualGait(VirtualPerson(0, SUBJECT, GENERIC_PROPORTIONS, 1.0), 0, "track", 1.3, GaitStyle())
    movement = movement_program(gait_structure(skeleton), compile_if_possible)
    data, start = gait_data(movement.structure, gait, skeleton), gait_start(movement, gait, skeleton)
    exact = solve_movement(movement, data, start, AGAIN)
    settings = SolverSettings(exact_hessian=False, max_iterations=1500)
    limited = solve_movement(movement, data, start, settings)
    ratio = limited.cpu_seconds / exact.cpu_seconds
    figure = _figure(exact.cpu_seconds, limited.cpu_seconds, "exact Hessian faster", ratio > 1)
    figure |= {"ratio": ratio, "iterations": [exact.iterations, limited.iterations]}
    figure |= {"objective": [exact.objective, limited.objective], "converged": [exact.converged, limited.converged]}
    return {"exact_hessian_cpu_s": figure}


def _figure(ours: object, peer: float | None, goal: str, met: bool, published: bool = False) -> dict:
    ours = [float(x) for x in ours] if isinstance(ours, list) else float(ours)
    ratio = peer / ours if peer is not None and not published and not isinstance(ours, list) else None
    figure = {"ours": ours, "peer": peer, "ratio": ratio, "goal": goal, "met": bool(met)}
    return figure | ({"peer_is": "published, on another machine: not measured here"} if published else {})


if __name__ == "__main__":
    gaits, figures = generate()
    figures |= track(gaits) | hessian()
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    print(json.dumps({"figures": figures}))

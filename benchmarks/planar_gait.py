"""Planar optimal control: seconds, accuracy and plausibility, on one thread without a compiler.

The peer measured in the same run is the same solver on the same problem with the limited-memory Hessian that most gait
tools use. Published seconds of other tools on other machines are quoted and marked as published.
"""

from __future__ import annotations

import json
import time

import numpy as np

from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.model.multibody import point_position, segment_states
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.gait_problem import gait_program
from synth.optimal_control.gait_samples import sample_gait
from synth.optimal_control.gait_structure import GaitStructure
from synth.optimal_control.generate import generate_gait, generation_data
from synth.optimal_control.ground_contact import SPHERES
from synth.optimal_control.marker_tracking import track_markers
from synth.optimal_control.muscle_table import GAIT_MUSCLES
from synth.optimal_control.normative_gait import GaitStyle
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.solution import GaitSolution
from synth.optimal_control.solver import solve

SUBJECT = Subject("bench", 70.0, 1.75, "male")
SEEDS, SPEEDS = range(6), np.linspace(1.1, 1.5, 6)


def generate() -> tuple[list[GaitSolution], dict]:
    """Six styles at six speeds."""
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
    skeleton = planar_skeleton(SUBJECT, "de_leva")
    rng = np.random.default_rng(0)
    errors, converged, started = [], [], time.process_time()
    for gait in found:
        n = 110
        samples = sample_gait(gait, np.arange(n) / n * gait.duration)
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
        phase = np.arange(len(solution.speeds)) / len(solution.speeds)
        truth = sample_gait(gait, phase * gait.duration).coordinates
        joints = [i for i, name in enumerate(nodes.COORDINATES) if name[-2:] in ("_r", "_l")]
        errors.append(np.degrees(np.sqrt(((solution.kinematics.values - truth)[:, joints] ** 2).mean())))
    seconds = (time.process_time() - started) / len(found)
    return {
        "track_cpu_s": _figure(
            seconds, 207.0, "<= 8 s; peer: an earlier run of Moco, half cycle, 50 intervals", seconds <= 8, True
        ),
        "track_error_deg": _figure(max(errors), None, "<= 1", max(errors) <= 1.0),
        "track_converged": _figure(np.mean(converged), None, "all", all(converged)),
    }


def hessian(gait_solution: GaitSolution) -> dict:
    """The same muscle-driven problem from the same start, with the exact and with the limited-memory Hessian."""
    skeleton = planar_skeleton(SUBJECT, "de_leva")
    gait = gait_program(GaitStructure(Mesh(25, period="half_cycle"), GAIT_MUSCLES.name, SPHERES.name))
    speed = gait_solution.speed
    data = generation_data(gait, skeleton, SUBJECT.height, speed, GaitStyle())
    half = len(gait_solution.speeds) // 2
    at = np.round(np.arange(25) * half / 25).astype(int)
    arrays = {
        "coordinates": gait_solution.kinematics.values[at],
        "speeds": gait_solution.speeds[at] / nodes.SCALE["speeds"],
        "accelerations": gait_solution.accelerations[at] / nodes.SCALE["accelerations"],
        "activations": np.array(0.05),
        "excitations": np.array(0.05),
        "duration": np.array([gait_solution.duration / 2]),
        "speed": np.array([speed]),
    }
    start = gait.variables.join(arrays)
    exact = solve(gait, data, start)
    limited = solve(gait, data, start, exact_hessian=False, max_iterations=1500)
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
    figures |= track(gaits) | hessian(gaits[2])
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    print(json.dumps({"figures": figures}))

"""IMU walking: seven sensors over a cycle, sagittal, on virtual walks, on real strides of choice and on P03.

* Virtual walks (`peers.virtual_walks`), seeds 0 to 63: made by another model than the one that tracks; and the inverse
  crime, where the tracking model made the movement itself, an upper bound.
* Choices were made on virtual walks of seeds 300 to 327, on virtual sensors on two recorded walks with measured forces
  (Rajagopal's stride, and the planar one of gait10dof18musc), and on two real strides of NeuRA S02 (markers). What was
  chosen there: sensors' places as unknowns, priors of angles and places twice as wide as what is known, the price of
  torque rates, soles that give by 3 mm, a heel 15 mm shorter, half the price of torques, a tighter place of the toe.
* P03 of BioMAC (real sensors, optical and force-plate reference): scored with what was chosen before. This is its third
  scoring: the first and the second (the row with muscles) were of the formulation before those choices, and what they
  said was known (6.2°, 3.0° mean removed, 20.9 N·m, forces 4.1 and 5.9 %BW), so that moments and forward force were
  looked for; nothing was tried on it in between, and nothing was changed after. Its mass and height are not in its
  file: 75 kg and 1.80 m are assumed, those of the released solution's model, and varied below.
  The formulation's ingredients (what is unknown, the channel weights, the stages) were found by a prototype that had
  P03's reference in view; the numbers here were not.

Baselines: strap-down integration with known cycle closure (no model); Winter's normative cycle of the same archive;
the released solutions of P03 (published figures, recomputed from their files; other machines).
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np

from benchmarks.peers.imu_cycle_record import JOINTS, CycleReference, read_imu_cycle, read_reference
from benchmarks.peers.real_strides import PERSON, real_strides
from benchmarks.peers.recorded_walks import recorded_walks
from benchmarks.peers.virtual_walks import VirtualWalk, same_model_walk, virtual_gaits, virtual_walk
from mocap_import.subject import Subject
from synth.optimal_control.gait.cycle_samples import at_phase
from synth.optimal_control.inertial.imu_attempt import ImuTracking
from synth.optimal_control.inertial.imu_tracking import imu_problem, imu_structure, track_imus
from synth.optimal_control.inertial.strap_down import speed_from_feet, strap_down_posture
from synth.optimal_control.movement.problem import movement_program
from synth.optimal_control.program.compiled_blocks import compiled_uses

N_VIRTUAL, N_SAME, N_RECORDED = 60, 20, 4
BASIN = 1.05
"""An objective within this factor of the lowest of four starts is in the right basin. Within 2 % the first start was in
71 of 72 cases; starts 2 and 3 ended up to 11 and 27 % higher in three, with errors no test of the misfit tells."""
BOTH = tuple(f"{joint[:-2]}_{side}" for side in "rl" for joint in JOINTS)
ASSUMED = Subject("P03", 75.0, 1.80)
RELEASED = {"raw": 6.5, "moment": 15.2, "forward": 3.9, "vertical": 7.9, "seconds": 167.0}


def figures(data: Path) -> dict[str, dict]:
    """All rows: virtual walks, real strides of choice, P03."""
    return _choice(data) | _recorded(data) | _record(data) | _virtual()


def _virtual() -> dict[str, dict]:
    """Errors on virtual walks of another model and of the same; basins from four starts each."""
    rows, basins, same, driven, spent = [], [], [], [], []
    muscle_basins, last = [], None
    for seed, subject, gait, skeleton in virtual_gaits(N_VIRTUAL + 4):
        if len(rows) == N_VIRTUAL:
            break
        walk = virtual_walk(seed, subject, gait, skeleton)
        found = _track(walk, every_start=True)
        basins.append(_in_basin(found))
        spent.append([a.cpu_seconds for a in found.attempts])
        rows.append(_errors(found, walk))
        if len(same) < N_SAME:
            twin = same_model_walk(seed, subject, found.solution)
            same.append(_errors(_track(twin), twin))
        with_muscles = _track(walk, muscles=True, every_start=True)
        muscle_basins.append(_in_basin(with_muscles))
        driven.append([*_errors(with_muscles, walk), with_muscles.attempts[0].cpu_seconds])
        last = walk
    table, twin_table, muscle_table, seconds = (np.array(x) for x in (rows, same, driven, spent))
    print(f"\nvirtual walks of another model: {len(rows)}; mean (worst) of hip, knee, ankle of both legs")
    for name, values in (
        ("another model", table),
        ("another model, muscles", muscle_table),
        (f"same model (inverse crime, first {N_SAME})", twin_table),
    ):
        m, w = values.mean(axis=0), values.max(axis=0)
        print(f"  {name}: angles {m[0]:.2f} ({w[0]:.2f}) deg, mean-removed {m[1]:.2f}, moments {m[2]:.1f} N m, "
              f"forward/vertical {m[3]:.1f}/{m[4]:.1f} %BW, speed {m[5]:.3f} m/s")  # fmt: skip
    found = {
        "IMU virtual, another model: CPU s (first start)": _row(float(seconds[:, 0].mean()), 3.0, 69.0),
        "IMU virtual, another model: CPU s (slowest of all starts)": _row(float(seconds.max()), 3.0, None),
        "IMU virtual, another model: right basin": _row(float(np.mean(basins)), 0.99, None, at_least=True),
        "IMU virtual, another model: angles (deg)": _row(table[:, 0].mean(), 1.7, 1.68),
        "IMU virtual, another model: vertical force (%BW)": _row(table[:, 4].mean(), 4.0, 3.5),
        "IMU virtual, another model: forward force (%BW)": _row(table[:, 3].mean(), 4.0, 2.7),
        "IMU virtual, another model: moments (N m)": _row(table[:, 2].mean(), None, 10.0),
        "IMU virtual, another model, muscles: CPU s a start": _row(muscle_table[:, 6].mean(), 3.0, None),
        "IMU virtual, another model, muscles: right basin": _row(
            float(np.mean(muscle_basins)), 0.99, None, at_least=True
        ),
        "IMU virtual, another model, muscles: angles (deg)": _row(muscle_table[:, 0].mean(), 1.7, 1.68),
        "IMU virtual, another model, muscles: vertical force (%BW)": _row(muscle_table[:, 4].mean(), 4.0, 3.5),
        "IMU virtual, another model, muscles: moments (N m)": _row(muscle_table[:, 2].mean(), None, 10.0),
        "IMU virtual, same model (inverse crime): angles (deg)": _row(twin_table[:, 0].mean(), 1.7, 1.68),
        "IMU virtual, same model (inverse crime): vertical force (%BW)": _row(twin_table[:, 4].mean(), 4.0, 3.5),
        "IMU virtual, same model (inverse crime): moments (N m)": _row(twin_table[:, 2].mean(), None, 10.0),
    }
    return found | _times(last)


def _in_basin(found: ImuTracking) -> bool:
    """Whether the first accepted of all starts is in the right basin."""
    accepted = [a for a in found.attempts if not a.reason]
    first = accepted[0].objective if accepted else np.inf
    return first <= BASIN * min(a.objective for a in found.attempts)


def _track(walk: VirtualWalk, *, plane: bool = False, **options: object) -> ImuTracking:
    return track_imus(
        walk.recordings, walk.subject, walk.duration, variances=walk.variances, turn_to_plane=plane, **options
    )


def _times(walk: VirtualWalk) -> dict[str, dict]:
    """Build, compile, and the same solve without a compiler (CPU s)."""
    problem = imu_problem(walk.recordings, walk.subject, walk.duration, turn_to_plane=False)
    structure = imu_structure(problem)
    began = time.process_time()
    movement_program.__wrapped__(structure)
    build = time.process_time() - began
    compiled: list[float] = []

    def prepare(uses: list) -> list:
        made, reports = compiled_uses(uses)
        compiled.append(sum(r.cpu_seconds for r in reports) if isinstance(reports, tuple) else reports.cpu_seconds)
        return made

    movement_program.__wrapped__(structure, prepare)
    plain = _track(walk, prepare=None, n_starts=1).attempts[0].cpu_seconds
    return {
        "IMU virtual: build (CPU s)": _row(build, None, None),
        "IMU virtual: compile, 0 where cached (CPU s)": _row(compiled[0], None, None),
        "IMU virtual: without a compiler (CPU s a start)": _row(plain, None, None),
    }


def _errors(found: ImuTracking, walk: VirtualWalk) -> list[float]:
    """RMS of angles (deg), mean-removed, moments (N m), forward and vertical force (%BW); speed error (m/s)."""
    solution = found.solution
    phase = np.arange(len(solution.time)) / len(solution.time)
    columns = [solution.skeleton.coordinate_index(j) for j in BOTH]
    angle = np.degrees(solution.coordinates[:, columns] - at_phase(walk.coordinates[:, columns], phase))
    moment = solution.moments[:, columns] - at_phase(walk.moments[:, columns], phase)
    weight = walk.subject.mass * 9.80665 / 100.0
    force = [r.force - at_phase(walk.forces[:, i], phase) for i, r in enumerate(solution.ground_reactions)]
    both = _rms(np.concatenate(force)) / weight
    removed = _rms(angle - angle.mean(axis=0)).mean()
    return [_rms(angle).mean(), removed, _rms(moment).mean(), both[0], both[1], abs(solution.speed - walk.speed)]


def _rms(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(values**2, axis=0))


def _choice(data: Path) -> dict[str, dict]:
    """Real strides that choices were made on, beside strap-down integration."""
    ours, plain = [], []
    for stride in real_strides(data):
        found = track_imus(stride.recordings, PERSON, stride.duration)
        solution = found.solution
        truth = np.stack([stride.angles[j] for j in BOTH], axis=1)
        problem = imu_problem(stride.recordings, PERSON, stride.duration)
        columns = [problem.skeleton.coordinate_index(j) for j in BOTH]
        posture = np.degrees(strap_down_posture(problem.records, stride.duration, problem.skeleton))[:, columns]
        phase = np.arange(len(solution.time)) / len(solution.time)
        error = np.degrees(solution.coordinates[:, columns]) - at_phase(truth, phase)
        for table, e in ((ours, error), (plain, posture - truth)):
            table.append([_rms(e).mean(), _rms(e - e.mean(axis=0)).mean()])
        print(
            f"NeuRA S02 stride: speed error {solution.speed - stride.speed:+.2f} m/s, {solution.reason or 'accepted'}"
        )
    ours, plain = np.mean(ours, axis=0), np.mean(plain, axis=0)
    return {
        "IMU real strides of choice (S02): angles (deg)": _row(ours[0], None, plain[0]),
        "IMU real strides of choice (S02): mean-removed (deg)": _row(ours[1], None, plain[1]),
    }


def _recorded(data: Path) -> dict[str, dict]:
    """Virtual sensors on a recorded stride with measured forces, another set of choice."""
    walks = recorded_walks(data, N_RECORDED)
    table = np.mean([_errors(_track(walk, plane=True), walk) for walk in walks], axis=0)
    names = ("angles (deg)", "mean-removed (deg)", "moments (N m)", "forward force (%BW)", "vertical force (%BW)")
    return {
        f"IMU virtual, on a recorded stride of choice: {name}": _row(value, None, None)
        for name, value in zip(names, table, strict=False)
    }


def _record(data: Path) -> dict[str, dict]:
    """P03: scored with what was chosen before, beside its baselines."""
    stem = data / "biomac_fau" / "imu7_cycle" / "P03_normwalking"
    recordings, variances, duration = read_imu_cycle(stem)
    reference = read_reference(stem)
    tracked = {}
    cases = {"75 kg 1.80 m": (ASSUMED, None), "muscles": (ASSUMED, None), "speed known": (ASSUMED, reference.speed)}
    cases |= {f"{m:g} kg {h:.2f} m": (Subject("P03", m, h), None)
              for m, h in ((65.0, 1.80), (85.0, 1.80), (75.0, 1.70), (75.0, 1.90))}  # fmt: skip
    print("\nP03 walking, right leg: hip, knee, ankle")
    for name, (subject, speed) in cases.items():
        chosen = {"speed": speed, "every_start": not tracked, "muscles": name == "muscles"}
        found = track_imus(recordings, subject, duration, variances=variances, **chosen)
        tracked[name] = (_score(found, reference, subject), found)
        _print_score(name, *tracked[name])
    score, found = tracked["75 kg 1.80 m"]
    problem = imu_problem(recordings, ASSUMED, duration)
    columns = [problem.skeleton.coordinate_index(j) for j in JOINTS]
    posture = np.degrees(strap_down_posture(problem.records, duration, problem.skeleton))[:, columns]
    strap = _angle_scores(posture - reference.angles)
    print(f"  strap-down: raw {strap[0]:.1f}, mean-removed {strap[1]:.2f} deg, "
          f"speed {speed_from_feet(problem.records, duration) - reference.speed:+.2f} m/s")  # fmt: skip
    winter = read_reference(data / "biomac_fau" / "reference_cycles" / "Winter_normal")
    normative = _angle_scores(winter.angles - reference.angles)
    force = 100.0 * _rms(winter.forces - reference.forces)
    print(f"  normative cycle: raw {normative[0]:.1f}, mean-removed {normative[1]:.2f} deg, force {force.round(1)} %BW")
    seconds = max(a.cpu_seconds for a in found.attempts)
    muscles, muscle_seconds = tracked["muscles"][0], tracked["muscles"][1].attempts[0].cpu_seconds
    share = 100.0 * score["moment"] / (ASSUMED.mass * 9.81 * ASSUMED.height)
    return {
        "IMU P03: angles raw (deg; peer: released, published)": _row(score["raw"], 5.5, RELEASED["raw"]),
        "IMU P03: angles mean-removed (deg; peer: strap-down)": _row(score["removed"], 2.5, strap[1]),
        "IMU P03: angles raw, strap-down (deg)": _row(strap[0], None, None),
        "IMU P03: angles raw, normative cycle (deg)": _row(normative[0], None, None),
        "IMU P03: angles mean-removed, normative cycle (deg)": _row(normative[1], None, None),
        "IMU P03: moments (N m; peer: released, published)": _row(score["moment"], 11.0, RELEASED["moment"]),
        "IMU P03: moments (%BWBH)": _row(share, 0.85, 1.15),
        "IMU P03: forward force (%BW; peer: released)": _row(score["forward"], 2.5, RELEASED["forward"]),
        "IMU P03: vertical force (%BW; peer: released)": _row(score["vertical"], 7.0, RELEASED["vertical"]),
        "IMU P03: forward force, normative cycle (%BW)": _row(force[0], None, None),
        "IMU P03: vertical force, normative cycle (%BW)": _row(force[1], None, None),
        "IMU P03: speed error, unknown (m/s)": _row(abs(score["speed"]), 0.12, None),
        "IMU P03: CPU s a start (peer: published, other machine)": _row(seconds, 2.0, RELEASED["seconds"]),
        "IMU P03, muscles: angles raw (deg)": _row(muscles["raw"], 5.5, RELEASED["raw"]),
        "IMU P03, muscles: angles mean-removed (deg)": _row(muscles["removed"], 2.5, strap[1]),
        "IMU P03, muscles: moments (N m)": _row(muscles["moment"], 11.0, RELEASED["moment"]),
        "IMU P03, muscles: forward force (%BW)": _row(muscles["forward"], 2.5, RELEASED["forward"]),
        "IMU P03, muscles: vertical force (%BW)": _row(muscles["vertical"], 7.0, RELEASED["vertical"]),
        "IMU P03, muscles: CPU s a start": _row(muscle_seconds, 2.0, RELEASED["seconds"]),
        "IMU P03: accepted": _row(float(found.solution.converged), 1.0, None, at_least=True),
    }


def _score(found: ImuTracking, reference: CycleReference, subject: Subject) -> dict[str, float]:
    """Errors of the right leg against a reference."""
    solution = found.solution
    phase = np.arange(len(solution.time)) / len(solution.time)
    columns = [solution.skeleton.coordinate_index(j) for j in JOINTS]
    angle = np.degrees(solution.coordinates[:, columns]) - at_phase(reference.angles, phase)
    theirs = at_phase(reference.moments, phase)
    moment = solution.moments[:, columns] - theirs
    force = solution.ground_reactions[0].force[:, :2] / (subject.mass * 9.81) - at_phase(reference.forces, phase)
    agreement = [np.corrcoef(a, b)[0, 1] for a, b in zip(solution.moments[:, columns].T, theirs.T, strict=True)]
    raw, removed = _angle_scores(angle)
    forward, vertical = 100.0 * _rms(force)
    return {
        "raw": raw, "removed": removed, "hip": _rms(angle)[0], "knee": _rms(angle)[1], "ankle": _rms(angle)[2],
        "moment": float(_rms(moment).mean()), "hip moment": _rms(moment)[0], "knee moment": _rms(moment)[1],
        "ankle moment": _rms(moment)[2], "forward": forward, "vertical": vertical,
        "speed": solution.speed - reference.speed, "lowest moment correlation": min(agreement),
    }  # fmt: skip


def _angle_scores(error: np.ndarray) -> tuple[float, float]:
    """RMS (deg), mean of three joints: raw, and with the mean error of each joint removed."""
    return float(_rms(error).mean()), float(_rms(error - error.mean(axis=0)).mean())


def _print_score(name: str, score: dict[str, float], found: ImuTracking) -> None:
    attempts = ", ".join(f"{a.objective:.2f} in {a.cpu_seconds:.2f} s" for a in found.attempts)
    print(f"  {name}: " + ", ".join(f"{k} {v:.2f}" for k, v in score.items()))
    print(f"      misfit {found.misfit:.2f}, {found.solution.reason or 'accepted'}; starts: {attempts}")


def _row(ours: float, goal: float | None, peer: float | None, *, at_least: bool = False) -> dict:
    """One figure; without a goal it is reported."""
    ours = float(ours)
    peer = None if peer is None else float(peer)
    if goal is None:
        said, met = "reported", True
    else:
        said = f"{'>=' if at_least else '<='} {goal:g}"
        met = ours >= goal if at_least else ours <= goal
    return {"ours": ours, "peer": peer, "ratio": peer / ours if peer and ours else None, "goal": said, "met": bool(met)}


if __name__ == "__main__":
    shared = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    results = figures(Path(shared))
    for title, row in results.items():
        print(f"{'met ' if row['met'] else 'MISS'}  {title}: {row['ours']:.4g} (goal {row['goal']})")
    print(json.dumps({"figures": results}))

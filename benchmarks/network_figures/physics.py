"""Label-free networks: agreement of the equations, cost of the losses, errors on virtual walkers and real recordings.

Virtual walkers are those of `benchmarks.peers.virtual_walkers` (another generator: masses, knees, muscles, contact, and
noise of 15 % on every signal). Everything was chosen on persons of seed 101; persons of seed 202 are scored, who were
never seen. Real recordings are trained on without labels and scored with them; nothing was chosen on them.
Run: python benchmarks/network_figures/physics.py [agreement cost virtual bilstm trunk ...]
The first run makes the virtual people (about 2 CPU minutes). The last line is the JSON of the figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import pandas as pd
import torch

from benchmarks.peers.virtual_walkers import Worn, walkers_corpus
from mocap_import.subject import Subject
from synth.corpus import Corpus
from training.comparison import MEASURES, trial_values
from training.evaluation import evaluate
from training.leave_one_out import predict_mean_waveforms
from training.physics.config import PhysicsConfig, resolve_physics
from training.physics.lesson import draw_windows, fresh_learner, physics_loss, prepare_lesson, take_step
from training.physics.loop import train_by_physics
from training.physics.model_file import PhysicsModel
from training.physics.prediction import apply_physics
from training.physics.record import PhysicsData, SagittalRecord, body_of, read_physics_data, stacked_bodies
from training.physics.weight import TERMS
from training.taught_waveform import predict_taught_waveforms

GOALS = {"angle_rmse_mean_removed": 4.0, "moment_rmse": 2.6, "vertical_force_rmse": 10.0, "speed_error": 0.10}
REAL_GOALS = {"angle_rmse": 6.0, "moment_rmse": 3.0, "vertical_force_rmse": 15.0, "speed_error": 0.12}
PEERS = {"angle_rmse": 8.7, "angle_rmse_mean_removed": None, "moment_rmse": 4.9, "vertical_force_rmse": 16.4}
PEERS["speed_error"] = 0.19
"""SSPINNpose (LSTM), Gambietz et al. 2025, on other persons: quoted, not repeated."""
DATA = Path(os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
COST_REPEATS = 240
ABLATION_STEPS = 500
ABLATED = TERMS
SEVEN = ("pelvis", "femur_r", "tibia_r", "calcn_r", "femur_l", "tibia_l", "calcn_l")


def row(ours: float, peer: float | None, goal: float | None, least: bool = True) -> dict:
    """One figure; the goal is an upper bound."""
    ratio = ours / peer if peer else None
    met = None if goal is None else bool(ours <= goal if least else ours >= goal)
    return {"ours": float(ours), "peer": peer, "ratio": ratio, "goal": goal, "met": met}


def agreement() -> dict:
    """Largest difference from the optimal control's residual, as a share of the largest residual."""
    from opensim_models.generic.catalogue import planar_skeleton
    from opensim_models.generic.contact_point import NOMINAL_ROUNDING, with_contact_points
    from synth.optimal_control.movement.data import person_data
    from synth.optimal_control.movement.node_equations import node_equations
    from synth.optimal_control.movement.structure import LEVER, movement_structure
    from synth.optimal_control.program.collocation import Mesh
    from training.physics.body import levers
    from training.physics.contact import contact_force
    from training.physics.dynamics import demanded_forces, dynamics_residual
    from training.physics.motion import lever_product, of_points, planar_motion

    rng, worst = np.random.default_rng(0), 0.0
    for mass, height in ((75.0, 1.8), (48.0, 1.52), (103.0, 1.93)):
        person = Subject("X", mass, height, "unknown")
        skeleton, body = with_contact_points(planar_skeleton(person), height), body_of(person, torch.float64)
        joints = [c for c in skeleton.coordinate_names if not c.startswith("pelvis")]
        structure = movement_structure(skeleton, Mesh(2), torques=joints, contact="points")
        equations = node_equations(structure, compiler=None)
        data = person_data(structure, skeleton).with_parameters({"floor": [0.0, NOMINAL_ROUNDING]})
        numbers = equations.parameters(data)
        q, v, a = (rng.normal(0, s, (200, 10)) for s in (0.5, 3.0, 30.0))
        q[:, body.height] += 0.85
        torque = rng.normal(0, 60.0, (200, 7))
        motion = planar_motion(body, *(torch.from_numpy(x) for x in (q, v, a)))
        product = lever_product(levers(body, body.contact_segments, body.contacts))
        _, up = of_points(motion.directions, motion.root, product)
        force = contact_force(body, up, *of_points(motion.first, motion.root_velocity, product), NOMINAL_ROUNDING)
        ours = dynamics_residual(demanded_forces(body, motion, *force), torch.from_numpy(torque), body).numpy()
        unit = float(body.weight) * LEVER
        theirs = [equations.residual(q[i], v[i], a[i], torque[i] / unit, np.zeros(8), numbers) for i in range(200)]
        theirs = np.array([np.ravel(x) for x in theirs])
        worst = max(worst, float(np.abs(ours - theirs).max() / np.abs(theirs).max()))
    return {"physics_agreement": row(worst, None, 1e-10)}


def cost() -> dict:
    """CPU time of the losses as a share of a training step: LSTM 2 x 128, batch 8 x 256."""
    rng = np.random.default_rng(0)
    people = tuple(Subject(f"S{i}", 60.0 + 8 * i, 1.6 + 0.05 * i) for i in range(4))
    shape = (1000, len(SEVEN))
    records = tuple(
        SagittalRecord(
            p,
            "walk",
            100.0,
            rng.normal(size=(*shape, 3)).astype(np.float32),
            0.3 * rng.normal(size=shape).astype(np.float32),
            np.ones(shape[0], np.float32),
            np.zeros((len(SEVEN), 2), np.float32),
            np.zeros(shape[0], bool),
        )
        for p in people
    )
    data = PhysicsData(records, people, stacked_bodies([body_of(p) for p in people]), SEVEN, SEVEN, 100.0, ())
    config = PhysicsConfig(width=128, depth=2, window_seconds=2.56, warm_up_seconds=0.0)
    lesson = prepare_lesson(data, config)
    torch.manual_seed(0)
    learner = fresh_learner(lesson, config)
    windows, network = draw_windows(lesson, 8, learner.rng), learner.network

    def bare() -> None:
        inputs = network.inputs(windows, windows.tilts)
        (network.head(network.recurrent(inputs)[0]) + network.direct(inputs)).square().mean().backward()

    def whole() -> None:
        physics_loss(lesson, network, windows, config)[0].backward()

    share, (low, high) = cost_share([bare, whole, lambda: take_step(lesson, learner, config)])
    print(f"  losses, share of a step: {share:.3f} by {COST_REPEATS} triples, 90 % interval {low:.3f} to {high:.3f}")
    return {"physics_loss_share_of_step": row(share, None, 0.15)}


def cost_share(three: list[Callable[[], object]]) -> tuple[float, tuple[float, float]]:
    """Share of the third that the second takes more than the first, and its 90 % interval by bootstrap.

    The three are run in turn, each time beginning with another, and compared within a turn, by the CPU clock of this
    thread: what disturbs the machine for longer than a turn disturbs all three.
    """
    seconds = np.empty((COST_REPEATS, len(three)))
    for repeat in range(-3, COST_REPEATS):
        for k in range(len(three)):
            which = (k + repeat) % len(three)
            began = time.thread_time()
            three[which]()
            if repeat >= 0:
                seconds[repeat, which] = time.thread_time() - began
    bare, whole, step = seconds.T
    shares, rng = (whole - bare) / step, np.random.default_rng(0)
    ms = 1e3 * np.median(seconds, axis=0)
    print(f"  medians: network alone {ms[0]:.1f} ms, with all losses {ms[1]:.1f} ms, whole step {ms[2]:.1f} ms")
    drawn = np.median(rng.choice(shares, (2000, len(shares))), axis=1)
    return float(np.median(shares)), tuple(np.percentile(drawn, [5, 95]))


def walkers(folder: Path, seed: int, people: int, name: str, **worn: float) -> tuple[Path, Worn]:
    """Virtual walkers of a seed, made once a folder."""
    population, out = folder / f"people_{seed}.h5", folder / f"{name}.h5"
    words = ["gait", "population", str(population), "--subjects", str(people), "--seed", str(seed), "--gaits", "2"]
    if not population.is_file():
        subprocess.run([sys.executable, "-m", "kinesynth", *words], check=True, stdout=subprocess.DEVNULL)
    return out, walkers_corpus(population, out, name[0].upper(), seed=seed, **worn)


def scored(model: PhysicsModel, corpus: Path, folder: Path, method: str, goals: dict) -> dict:
    """Error of every measure, and the goal; the mean waveform beside it where it is known."""
    out = apply_physics(model, corpus, folder / f"{method}_{corpus.stem}.h5")
    errors = evaluate(corpus, out, method)
    figures = {}
    for name in dict.fromkeys([*goals, "angle_rmse", "angle_rmse_mean_removed", "fore_aft_force_rmse"]):
        values = trial_values(errors, MEASURES[name])
        if len(values):
            by_person = values.groupby("subject").mean()
            print(f"  {method} {name}: {by_person.mean():.3f}  (persons {np.round(by_person.to_numpy(), 2)})")
            figures[f"{method}_{corpus.stem}_{name}"] = row(by_person.mean(), PEERS.get(name), goals.get(name))
    return figures


def train_on(corpus: Path, **settings: object) -> PhysicsModel:
    """A label-free network of a corpus."""
    model = train_by_physics(read_physics_data(Corpus(corpus)), resolve_physics(dict(settings)))
    print(f"  {settings}: {model.seconds:.0f} CPU s, {model.recorded_seconds / 60:.1f} min of records", flush=True)
    return model


def with_trunk_sensor(folder: Path) -> dict:
    """The same walkers with an eighth sensor, on the sternum."""
    teach, _ = walkers(folder, 101, 20, "teaching_trunk", trunk=True)
    test, _ = walkers(folder, 202, 8, "scored_trunk", trunk=True)
    return scored(train_on(teach), test, folder, "physics_lstm", GOALS)


def virtual(folder: Path, network: str = "lstm") -> dict:
    """Trained on 20 persons' records, scored on 8 others."""
    teach, _ = walkers(folder, 101, 20, "teaching")
    test, _ = walkers(folder, 202, 8, "scored")
    model = train_on(teach, network=network)
    figures = scored(model, test, folder, f"physics_{network}", GOALS)
    per_minute = model.seconds / (model.recorded_seconds / 60.0)
    if network == "lstm":
        mean = predict_mean_waveforms(test, folder / "mean_waveform.h5")
        errors = evaluate(test, mean, "mean_waveform")
        for name in GOALS:
            values = trial_values(errors, MEASURES[name])
            if len(values):
                print(f"  mean_waveform {name}: {values.groupby('subject').mean().mean():.3f}")
    return figures | {f"physics_{network}_cpu_seconds_per_recorded_minute": row(per_minute, None, 30.0)}


def ablation(folder: Path) -> dict:
    """Every term left out in turn, short trainings of one seed, on the teaching persons (nothing here is scored)."""
    teach, _ = walkers(folder, 101, 20, "teaching")
    figures = {}
    for term in ("none", *ABLATED):
        weights = {} if term == "none" else {term: 0.0}
        model = train_on(teach, steps=ABLATION_STEPS, weights=weights)
        found = scored(model, teach, folder, f"without_{term}", dict.fromkeys(GOALS))
        figures |= {name: value for name, value in found.items() if "fore_aft" not in name}
    return figures


def recorded(folder: Path) -> dict:
    """Real recordings, trained without labels, scored with what was measured beside them, the mean waveform too.

    Seven treadmill walkers: vertical and fore-aft force and speed, beside the mean waveform of the six others. Two
    cases: Sub02 and P03, alone with angles and moments, beside the mean waveform of the virtual teaching persons.
    """
    teacher, _ = walkers(folder, 101, 20, "teaching")
    figures = {}
    for name, place, sheet, settings in (
        ("cmu", "cmu_imu_grf_walk", "cmu_treadmill", {"steps": 2500}),
        ("p03", "biomac_fau/imu7_cycle", "biomac_cycle", {"steps": 600}),
    ):
        corpus = folder / f"{name}.h5"
        words = ["imu", "sessions", str(DATA / place), str(corpus), "--sheet", sheet]
        subprocess.run([sys.executable, "-m", "kinesynth", *words], check=True, stdout=subprocess.DEVNULL)
        model = train_on(corpus, **settings)
        per_minute = model.seconds / (model.recorded_seconds / 60.0)
        figures[f"physics_{name}_cpu_seconds_per_recorded_minute"] = row(per_minute, None, 30.0)
        estimates = {
            "physics_lstm": apply_physics(model, corpus, folder / f"physics_{name}.h5"),
            "taught": predict_taught_waveforms(corpus, teacher, folder / f"taught_{name}.h5"),
        }
        if len(model.people) > 1:
            estimates["others"] = predict_mean_waveforms(corpus, folder / f"others_{name}.h5")
        figures |= real_rows(name, {method: evaluate(corpus, path, method) for method, path in estimates.items()})
    return figures


def real_rows(name: str, errors: dict[str, pd.DataFrame]) -> dict:
    """Figures and printed rows of one set: every measure, the persons who have it, and their mean waveform."""
    figures = {}
    print(f"  {'measure':<24} {'persons':>7} {'ours':>8} {'mean waveform':>14} of        better than it")
    for measure in dict.fromkeys([*REAL_GOALS, "angle_rmse_mean_removed", "fore_aft_force_rmse"]):
        by_person = {m: trial_values(e, MEASURES[measure]).groupby("subject").mean() for m, e in errors.items()}
        ours = by_person["physics_lstm"]
        if not len(ours):
            continue
        of = "others" if len(ours) > 1 and len(by_person.get("others", [])) else "taught"
        bar = by_person[of].reindex(ours.index)
        better = int((ours < bar).sum())
        label = {"others": "the others", "taught": "virtual"}[of]
        print(
            f"  {measure:<24} {len(ours):>7} {ours.mean():>8.2f} {bar.mean():>14.2f} {label:<10} "
            f"{better} of {len(ours)}  ({np.round(ours.to_numpy(), 2)}, mean waveform {np.round(bar.to_numpy(), 2)})"
        )
        figures[f"physics_{name}_{measure}"] = row(ours.mean(), PEERS.get(measure), REAL_GOALS.get(measure))
        figures[f"physics_{name}_{measure}_over_mean_waveform"] = row(ours.mean() / bar.mean(), None, 1.0)
    return figures


PARTS = {
    "virtual": virtual,
    "trunk": with_trunk_sensor,
    "ablation": ablation,
    "recorded": recorded,
}


def figures(parts: list[str] | None = None) -> dict:
    """All figures, or those of some parts."""
    torch.set_num_threads(1)
    wanted = parts or ["agreement", "cost", "virtual", "bilstm", "trunk", "ablation", "recorded"]
    found: dict = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for part in wanted:
            print(f"== {part}", flush=True)
            if part in ("agreement", "cost"):
                found |= {"agreement": agreement, "cost": cost}[part]()
            elif part == "bilstm":
                found |= virtual(folder, "bilstm")
            else:
                found |= PARTS[part](folder)
    return found


if __name__ == "__main__":
    print(json.dumps({"figures": figures(sys.argv[1:])}))

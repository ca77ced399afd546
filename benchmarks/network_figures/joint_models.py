"""Joint models: the tables of Rapp et al. (2021) on other runners, and what training one model costs.

Runners: the 40 of ``bmc_ric_running`` (`kinesynth corpus strides`, seed 7), five folds over runners, 15 % noise on the
test signals; our row is the smoother's (raw unless it says pseudo-calibrated), the peer is the paper's optimised row,
of other data. With ``--rapp FOLDER`` (or KINESYNTH_RAPP_FOLDER) the corpus and the folds that are finished there are
used and the others added: about a quarter of an hour of CPU time for all, so a folder is worth keeping. Joints of which
not all five folds are there are scored on those that are when ``--finished`` is given; the number of runners says so.

Cost: the least CPU time of the quick recipe whose error on a fold's runners is within 3 % of the best of four lengths
of training (knee, first fold, three angles; the length is looked for on these runners, so the error is no result, the
cost is). The published schedule is projected from steps of its own size, measured here, on one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from synth.joint_trial import read_joint_trials
from synth.strides.stride_corpus import build_stride_corpus
from training.joint.estimate import estimate_joint
from training.joint.fold import part_subjects
from training.joint.joint_record import joint_training_set
from training.joint.published_table import COLUMNS, published_value
from training.joint.rapp_run import make_rapp_table, tables_so_far
from training.joint.recipe import NOISE_SHARE, joint_config
from training.joint.thinning import thin, thinning_factor
from training.joint.worn_sensor import wear_sensors
from training.loop import train
from training.networks.registry import build_network

SEED = 7
LENGTHS = (120, 240, 480, 960)
WITHIN = 1.03
FLEXION_GOALS = {"knee": 1.3, "hip": 0.9, "ankle": 1.0}
PUBLISHED_STAGES = ((5000, 8, 200), (5000, 16, 400))
"""Steps, windows, frames of the released schedule at 200 Hz."""


def figures(data: Path, folder: Path | None = None, finished: bool = False, parts: tuple[str, ...] = ()) -> dict:
    """All rows; `data` holds ``bmc_ric_running``."""
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        corpus = place / "running.h5"
        if not corpus.exists():
            place.mkdir(parents=True, exist_ok=True)
            build_stride_corpus(data / "bmc_ric_running", corpus, seed=SEED)
        rows: dict[str, dict] = {}
        if not parts or "table" in parts:
            rows |= _table(corpus, place, finished)
        if not parts or "cost" in parts:
            rows |= _cost(corpus)
    return rows


def _table(corpus: Path, place: Path, finished: bool) -> dict[str, dict]:
    config = joint_config()
    if finished:
        table = tables_so_far([corpus], place, config).table
    else:
        table = make_rapp_table([corpus], place, config, schemes=("5-fold",)).table
    own = table[(table["scheme"] == "5-fold") & (table["step"] == "smoothed")]
    rows = {}
    for joint, angle in COLUMNS:
        for measure in ("raw", "pseudo-calibrated"):
            found = own[(own["joint"] == joint) & (own["angle"] == angle) & (own["measure"] == measure)]
            if found.empty:
                continue
            value, peer = (
                float(found["mean"].iloc[0]),
                published_value("run", "optimised", measure != "raw", joint, angle),
            )
            goal = peer if measure == "raw" else FLEXION_GOALS.get(joint) if angle == "flexion" else None
            name = f"running, {joint} {angle}, {measure}, {found['subjects'].iloc[0]} runners (deg)"
            rows[name] = _row(value, peer, goal)
    return rows


def _cost(corpus: Path) -> dict[str, dict]:
    trials = read_joint_trials(corpus, "knee")
    fold = part_subjects({trial.subject.code: trial.laboratory for trial in trials})[0]
    factor = thinning_factor(trials[0].rate)
    lesson = joint_training_set([thin(t, factor) for t in trials if t.subject.code in fold.teachers])
    worn = [thin(wear_sensors(t), factor) for t in trials if t.subject.code in fold.scored]
    errors, seconds = [], []
    share = NOISE_SHARE / np.sqrt(factor)
    for steps in LENGTHS:
        config = joint_config(steps=steps)
        turned = config.augmentation.model_copy(update={"noise_share": share})
        begin = time.process_time()
        network = train(lesson, config.model_copy(update={"augmentation": turned}))
        seconds.append(time.process_time() - begin)
        missed = [np.sqrt(np.nanmean((estimate_joint(network, t).angles - t.angles) ** 2, axis=0)) for t in worn]
        errors.append(float(np.rad2deg(np.mean(missed))))
        print(f"{steps} steps: {seconds[-1]:.1f} CPU s, {errors[-1]:.2f} deg (mean of three angles)", flush=True)
    enough = next(i for i, error in enumerate(errors) if error <= WITHIN * min(errors))
    published = sum(steps * _step_seconds(windows, frames) for steps, windows, frames in PUBLISHED_STAGES)
    return {
        "training one joint model to within 3 % (CPU s)": _row(seconds[enough], published, 60.0),
        f"its steps (of {', '.join(map(str, LENGTHS))})": _reported(float(LENGTHS[enough])),
        "published schedule, Conv1D 3 x 70, projected from its own steps (CPU s)": _reported(published),
    }


def _step_seconds(windows: int, frames: int, repeats: int = 4) -> float:
    """CPU seconds of a step of the published Conv1D."""
    network = build_network(12, 15, 200.0, joint_config("published_conv1d")).train()
    optimiser = torch.optim.Adam(network.parameters(), 1.5e-3)
    inputs, labels = torch.randn(windows, frames, 12), torch.randn(windows, frames, 15)
    begin = 0.0
    for number in range(repeats + 1):
        if number == 1:  # the first one allocates
            begin = time.process_time()
        optimiser.zero_grad()
        (network(inputs) - labels).square().mean().backward()
        optimiser.step()
    return (time.process_time() - begin) / repeats


def _row(ours: float, peer: float, goal: float | None) -> dict:
    shown = "reported" if goal is None else f"<= {goal:g}"
    return {"ours": ours, "peer": peer, "ratio": ours / peer, "goal": shown, "met": goal is None or ours <= goal}


def _reported(value: float) -> dict:
    return {"ours": value, "peer": None, "ratio": None, "goal": "reported", "met": True}


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rapp", type=Path, default=os.environ.get("KINESYNTH_RAPP_FOLDER"))
    parser.add_argument("--finished", action="store_true", help="score the folds that are there, train no other")
    parser.add_argument("--part", action="append", choices=("table", "cost"), default=[])
    given = parser.parse_args()
    shared = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    made = figures(Path(shared), Path(given.rapp) if given.rapp else None, given.finished, tuple(given.part))
    for title, row in made.items():
        print(f"{'met ' if row['met'] else 'MISS'}  {title}: {row['ours']:.4g} (goal {row['goal']})")
    print(json.dumps({"figures": made}))

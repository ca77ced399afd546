"""Body scales: lengths of segments that a label-free training learns, beside those of virtual walkers and of statures.

20 virtual walkers (`network_figures.physics`, seed 101) whose thighs, shanks, feet and trunks are not those of their
stature (SD 2 to 3 %); all that a training is told is mass and stature. With ``trainable_body`` each person's segments
have a factor each; the truth is what the person was drawn with, the peer is a factor of 1. The network itself is scored
on 8 other people by what it then estimates, beside one that was taught without the option.
Run: python benchmarks/network_figures/body_scales.py; some two CPU minutes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from benchmarks.network_figures.physics import row, scored, train_on, walkers
from synth.corpus import Corpus
from synth.virtual_people import draw_person
from training.physics.record import read_physics_data

SEED, TEACHING = 101, 20
PARTS = {"femur": "thigh", "tibia": "shank", "calcn": "foot", "torso": "trunk"}
"""Segment, without its side → what a virtual person is drawn with."""
MEASURED = dict.fromkeys(("angle_rmse_mean_removed", "moment_rmse", "vertical_force_rmse", "speed_error"))


def true_lengths(people: tuple[str, ...], segments: tuple[str, ...]) -> np.ndarray:
    """Factor of each segment over that of the stature (n_people, n_segments); NaN where nothing was drawn."""
    drawn = [draw_person(SEED, int(code.lstrip("VTW"))).proportions for code in people]
    parts = [PARTS.get(name.split("_")[0]) for name in segments]
    return np.array([[own[part] if part else np.nan for part in parts] for own in drawn])


def figures() -> dict:
    """Errors of the lengths (%), by part and over all, and of what is estimated with and without the option."""
    torch.set_num_threads(1)
    found = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        teach, _ = walkers(folder, SEED, TEACHING, "teaching")
        test, _ = walkers(folder, 202, 8, "scored")
        data = read_physics_data(Corpus(teach))
        model = train_on(teach, trainable_body=True)
        with torch.no_grad():
            learnt = 1.0 + model.network.stretches.numpy()
        true = true_lengths(tuple(p.code for p in data.people), data.bodies.segments)
        for part in dict.fromkeys(PARTS.values()):
            of_part = [PARTS.get(name.split("_")[0]) == part for name in data.bodies.segments]
            found |= _errors(part, learnt[:, of_part], true[:, of_part])
        known = np.isfinite(true).all(axis=0)
        found |= _errors("all", learnt[:, known], true[:, known])
        own = scored(model, test, folder, "trainable_body", MEASURED)
        alone = scored(train_on(teach), test, folder, "stature_alone", MEASURED)
        for (name, ours), peer in zip(own.items(), alone.values(), strict=True):
            found[name] = row(ours["ours"], peer["ours"], None)
    return found


def _errors(part: str, learnt: np.ndarray, true: np.ndarray) -> dict:
    """RMS error (%) of learnt lengths and of those of the stature; correlation over persons."""
    ours, peer = (100.0 * float(np.sqrt(np.mean((own - true) ** 2))) for own in (learnt, np.ones_like(true)))
    r = float(np.corrcoef(learnt.mean(axis=1), true.mean(axis=1))[0, 1])
    print(f"  {part}: {ours:.2f} % wrong, {peer:.2f} by stature alone; r {r:.2f}; mean factor {learnt.mean():.3f}")
    return {f"body_length_percent_{part}": row(ours, peer, peer)}


if __name__ == "__main__":
    print(json.dumps({"figures": figures()}))

"""Force recipe: settings of the row ``supervised`` of a comparison, tried on six persons of the CMU set.

Each of the six is estimated by what the five others taught; Sub06, the one person for whom an earlier recipe was above
the mean waveform, takes no part. Error: vertical ground reaction (%BW), mean over feet and trials.
With --estimates it says instead, of a finished comparison's estimates, what a shift in time would take from the error
of every trial and foot: a diagnosis of what is left, by which nothing is corrected.
Run: python benchmarks/peers/force_recipe.py CORPUS [NAME ...] [--estimates FILE]   (CORPUS by `kinesynth imu sessions
--sheet cmu_treadmill`; 1 to 3 CPU minutes a recipe)
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from synth.corpus import Corpus
from training.checkpoint import Checkpoint
from training.config import resolve_config
from training.learnt_row import supervised_config
from training.loop import train
from training.prediction import predict_trial
from training.target import Target, read_targets
from training.training_set import read_training_set

APART = "Sub06"
SHORT = {"kernel_seconds": 0.15, "window_seconds": 1.0}
RECIPES = {
    "short kernels": SHORT,
    "long kernels": {"kernel_seconds": 0.3, "window_seconds": 2.0},
    "short kernels, wide sensor errors": SHORT | {"augmentation": {"misalignment_deg": 13.5, "noise_share": 0.15}},
    "temporal": SHORT | {"network": "temporal"},
}


def vertical_error(checkpoint: Checkpoint, corpus: Corpus, person: str) -> float:
    """Error (%BW) of one person, mean over trials and feet with a force."""
    targets = [t for t in checkpoint.targets if t.coordinate.startswith("ground_force_y")]
    found = []
    for subject, name in corpus.trials():
        if subject == person:
            trial = corpus.read(subject, name)
            error = 100.0 * (read_targets(predict_trial(checkpoint, trial), targets) - read_targets(trial, targets))
            found.append(np.mean([np.sqrt(np.nanmean(e**2)) for e in error.T if np.isfinite(e).any()]))
    return float(np.mean(found))


def errors_of(name: str, path: Path) -> dict[str, float]:
    """Error (%BW) of each of the six by one recipe."""
    corpus = Corpus(path)
    config = resolve_config(supervised_config(path, 0).model_dump(mode="json") | RECIPES[name])
    people = [s.code for s in corpus.subjects() if s.code != APART]
    found = {}
    for person in people:
        data = read_training_set(corpus, [p for p in people if p != person], config.outputs, mirror=config.mirror)
        found[person] = vertical_error(train(data, config), corpus, person)
    return found


def shift_lines(path: Path, estimates: Path, most: int = 8) -> list[str]:
    """Error (%BW) of each foot as it is, and where estimates are shifted by up to `most` frames; a line each."""
    truth, said = Corpus(path), Corpus(estimates)
    targets = [Target("ground_reaction", f"ground_force_y_{side}") for side in "rl"]
    inside, lines = slice(most, -most), []
    for subject, name in truth.trials():
        trial = truth.read(subject, name)
        wanted, found = (100.0 * read_targets(t, targets) for t in (trial, said.read(subject, name)))
        for side, force, estimate in zip("rl", wanted.T, found.T, strict=True):
            if not np.isfinite(force).any():
                continue
            shifted = {k: np.roll(estimate, k) - force for k in range(-most, most + 1)}
            errors = {k: float(np.sqrt(np.nanmean(e[inside] ** 2))) for k, e in shifted.items()}
            best = min(errors, key=errors.get)
            lines.append(
                f"{subject}/{name} {side}: {errors[0]:.1f} %BW, {errors[best]:.1f} with estimates "
                f"{1e3 * best / trial.rate:+.0f} ms later"
            )
    return lines


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RECIPES)}; default: all")
    parser.add_argument("--estimates", type=Path, help="corpus of estimates of a comparison")
    given = parser.parse_args()
    if given.estimates is not None:
        print("\n".join(shift_lines(given.corpus, given.estimates)))
        raise SystemExit
    for recipe in given.names or RECIPES:
        errors = errors_of(recipe, given.corpus)
        each = ", ".join(f"{person} {error:.2f}" for person, error in errors.items())
        print(f"{recipe}: {np.mean(list(errors.values())):.2f} %BW ({each})", flush=True)

"""How often the project's 95 % intervals over persons hold the true mean, where persons are few.

Run: python benchmarks/interval_coverage.py [--repeats 4000]
Draws 3 to 100 persons of a population whose mean is known, ever again, and counts how often the interval holds it:
that of `training.comparison.bootstrap_interval` (percentiles of the mean over persons drawn with replacement), and
beside it Student's. Errors of people are bell-shaped (normal) or have a long tail (lognormal, SD of the logarithm 0.5,
as where one person is far off). Stated are 95 %. Prints the table. Figures: coverage of ours against Student's (peer)
for normal errors; the goal is 93 % or more.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
from scipy import stats

from training.comparison import bootstrap_interval

PERSONS = (3, 5, 6, 7, 8, 11, 15, 20, 30, 50, 100)
GOAL = 0.93
Interval = Callable[[np.ndarray, int], tuple[float, float]]


def student(values: np.ndarray, seed: int) -> tuple[float, float]:
    """Mean ± Student's quantile of the standard error; needs no draws."""
    del seed
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


METHODS: dict[str, Interval] = {"ours, percentile": bootstrap_interval, "Student": student}
POPULATIONS: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], float]] = {
    "normal": (lambda rng, n: rng.normal(size=n), 0.0),
    "long tail": (lambda rng, n: rng.lognormal(sigma=0.5, size=n), float(np.exp(0.125))),
}


def coverage(method: str, population: str, n: int, repeats: int) -> float:
    """Share of draws of n persons whose interval holds the mean of the population."""
    draw, truth = POPULATIONS[population]
    held = 0
    for repeat in range(repeats):
        low, high = METHODS[method](draw(np.random.default_rng([n, repeat]), n), repeat)
        held += low <= truth <= high
    return held / repeats


def main() -> None:
    """Print the table and the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=4000)
    repeats = parser.parse_args().repeats
    found: dict[tuple[str, str, int], float] = {}
    for population in POPULATIONS:
        for method in METHODS:
            began = time.process_time()
            for n in PERSONS:
                found[population, method, n] = coverage(method, population, n, repeats)
            shown = "  ".join(f"{n}: {100 * found[population, method, n]:.1f}" for n in PERSONS)
            print(f"{population:10} {method:18} {shown}  ({time.process_time() - began:.0f} CPU s)", flush=True)
    figures = {}
    for n in PERSONS:
        ours, peer = (round(found["normal", method, n], 3) for method in ("ours, percentile", "Student"))
        figures[f"coverage, {n} persons"] = {
            "ours": ours, "peer": peer, "ratio": round(ours / peer, 3), "goal": GOAL, "met": ours >= GOAL
        }  # fmt: skip
    print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()

"""Statistical parametric mapping by permutations: ours beside spm1d (GPL, for comparison only), the same curves.

Run: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/permutation_field.py
338 curves of 18 points a group, 2000 permutations, CPU seconds, the best of three.
"""

from __future__ import annotations

import json
import time

import numpy as np
import spm1d

from training.generative.permutation_field import permutation_field

N_PEOPLE, N_POINTS, N_PERMUTATIONS, REPEATS = 338, 18, 2000, 3


def seconds(work) -> float:
    """CPU seconds of the fastest of some calls."""
    best = np.inf
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def main() -> None:
    """Print both times, and that both say the same."""
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, N_PEOPLE, N_POINTS)).cumsum(axis=2)

    def ours():
        return permutation_field(first, second, seed=1, n_permutations=N_PERMUTATIONS)

    def peer():
        return spm1d.stats.nonparam.ttest2(first, second).inference(0.05, two_tailed=True, iterations=N_PERMUTATIONS)

    print(f"threshold |t|: ours {ours().threshold:.3f}, spm1d {float(np.max(peer().zstar)):.3f}")
    own, their = seconds(ours), seconds(peer)
    print(f"CPU s: ours {own:.3f}, spm1d {their:.3f}")
    row = {"ours": own, "peer": their, "ratio": their / own, "goal": 1.0, "met": their >= own}
    print(json.dumps({"figures": {"permutation_field_cpu_s": row}}))


if __name__ == "__main__":
    main()

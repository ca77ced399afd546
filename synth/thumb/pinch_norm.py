"""Pinch norms: what healthy adults press between thumb and the side of the index finger, to hold a population against.

Key pinch of the right hand by sex and age: Mathiowetz et al., Arch Phys Med Rehabil 66:69, 1985 (638 adults); pounds as
printed there, quoted from memory.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

POUND = 4.4482216
"""Newtons."""
AGE_BANDS = ((20, 40), (40, 60), (60, 80))
KEY_PINCH = {
    "male": ((26.0, 26.7, 26.4, 26.1), (25.6, 25.8, 26.7, 24.2), (23.2, 23.4, 19.3, 20.5)),
    "female": ((17.6, 17.7, 18.7, 16.6), (16.7, 17.6, 16.7, 15.7), (15.5, 15.0, 14.5, 12.6)),
}
"""Means (pounds) of four age groups in each band of `AGE_BANDS`; the last one is 75 and more."""
SPREAD = {"male": 4.0, "female": 2.6}
"""Typical SD within a group (pounds)."""


def norm_table(is_male: np.ndarray, age: np.ndarray, peak: np.ndarray) -> pd.DataFrame:
    """Simulated peaks (N) beside the norms, by sex and age band: n, mean, sd, norm_mean, norm_sd, difference (%)."""
    rows = []
    for sex, chosen in (("male", is_male.astype(bool)), ("female", ~is_male.astype(bool))):
        for (low, high), means in zip(AGE_BANDS, KEY_PINCH[sex], strict=True):
            own = peak[chosen & (age >= low) & (age < high)]
            norm = POUND * float(np.mean(means))
            mean, sd = (own.mean(), own.std(ddof=1)) if len(own) > 1 else (np.nan, np.nan)
            rows.append(
                (sex, f"{low}-{high - 1}", len(own), mean, sd, norm, POUND * SPREAD[sex], 100 * (mean / norm - 1))
            )
    return pd.DataFrame(rows, columns=["sex", "ages", "n", "mean", "sd", "norm_mean", "norm_sd", "difference_percent"])

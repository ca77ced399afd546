"""A pinch record as inputs of a network, by how much of it is used: from demographics alone to three directions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from synth.corpus.schema import CorpusMismatch
from synth.thumb.force_profile import CHANNELS, N_FRAMES, PHASES, RATE, TIMES
from synth.thumb.pinch_people import DEMOGRAPHICS
from training.csv_table import read_csv

INPUTS = ("demographics", "peak", "profile", "vector")
"""Nothing measured; the largest palmar force; its course; the course in three directions; each with demographics."""
HELD = "held"
"""The course in three directions, and forces held at a part of the strongest."""
OWN_COLUMNS = ("person", "sex", "age", "height", "mass", "hand_length", "time", *CHANNELS)
"""Of a user's own file: one row an instant, times in s from 0.2 s before the effort begins; m, kg, N."""


ADVICE = "Give a CSV file of pinch records, a row an instant (docs/recipes/pinch.md, your own records)."
LARGEST_GAP = 0.05
"""s between two instants of a user's record."""
PLAUSIBLE = {
    "age": (5.0, 110.0, "years"),
    "height": (0.8, 2.3, "m"),
    "mass": (10.0, 250.0, "kg"),
    "hand_length": (0.08, 0.26, "m"),
}
"""Least, largest and unit: what lies outside was probably given in another unit."""
PLAUSIBLE_FORCE = (2.0, 500.0)
"""Largest palmar force of a record (N)."""


def network_inputs(
    inputs: str, forces: np.ndarray, demographics: np.ndarray, held: np.ndarray | None = None
) -> np.ndarray:
    """Rows (n, n_inputs) of forces (n, n_frames, 3), held forces and demographics (n, 5), which come last."""
    if inputs == HELD:
        both = np.concatenate([np.swapaxes(forces, 1, 2).reshape(len(forces), -1), held.reshape(len(held), -1)], axis=1)
        return np.concatenate([both, demographics], axis=1).astype(np.float32)
    used = {
        "demographics": lambda: np.zeros((len(forces), 0)),
        "peak": lambda: forces[:, :, 0].max(axis=1, keepdims=True),
        "profile": lambda: forces[:, :, 0],
        "vector": lambda: np.swapaxes(forces, 1, 2).reshape(len(forces), -1),
    }[inputs]()
    return np.concatenate([used, demographics], axis=1).astype(np.float32)


def part_names() -> tuple[str, ...]:
    """Parts of the vector input that explanations speak of: each direction in each phase, then the demographics."""
    return (*(f"{channel} {phase}" for channel in CHANNELS for phase in PHASES), *DEMOGRAPHICS)


def part_of_each() -> np.ndarray:
    """Part of each entry of the vector input, shape (n_inputs,)."""
    phase = np.zeros(N_FRAMES, dtype=int)
    for k, (begin, _) in enumerate(PHASES.values()):
        phase[begin - 1e-9 <= TIMES] = k
    parts = [channel * len(PHASES) + phase for channel in range(len(CHANNELS))]
    return np.concatenate([*parts, len(CHANNELS) * len(PHASES) + np.arange(len(DEMOGRAPHICS))])


def read_own_file(path: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """A user's records: codes, forces (n, n_frames, 3), demographics (n, 5).

    Raises
    ------
    CorpusMismatch
        A column is missing, a number is no number, a record does not reach from 0 to 2 s, or a sex is neither female
        nor male, instants are more than `LARGEST_GAP` apart, a number is outside `PLAUSIBLE`; names the person.
    """
    table = read_csv(path, OWN_COLUMNS, ADVICE)
    codes, forces, demographics = [], [], []
    for person, rows in table.groupby("person", sort=False):
        where = f"{path}: person {person}"
        numbers = rows[list(OWN_COLUMNS[2:])].apply(pd.to_numeric, errors="coerce")
        if numbers.isna().any(axis=None):
            column = numbers.columns[numbers.isna().any()][0]
            raise CorpusMismatch(f"{where}: expected numbers in column {column}, found something else.")
        sexes = set(rows.sex.astype(str).str.lower())
        if not sexes <= {"female", "male"} or len(sexes) != 1:
            raise CorpusMismatch(f"{where}: expected sex female or male, found {', '.join(sorted(sexes))}.")
        numbers = numbers.sort_values("time")
        times = numbers.time.to_numpy()
        if times[0] > 0.5 / RATE or times[-1] < TIMES[-1] - 0.5 / RATE:
            raise CorpusMismatch(
                f"{where}: expected times from 0 to {TIMES[-1]:g} s, found {times[0]:g} to {times[-1]:g} s. Count from "
                "0.2 s before the effort begins."
            )
        _check_values(where, numbers)
        codes.append(str(person))
        forces.append(np.column_stack([np.interp(TIMES, times, numbers[c]) for c in CHANNELS]))
        first = numbers.iloc[0]
        demographics.append([float(sexes == {"male"}), first.age, first.height, first.mass, first.hand_length])
    if not codes:
        raise CorpusMismatch(f"{path}: expected records of at least one person, found none.")
    return codes, np.stack(forces), np.array(demographics, dtype=float)


def _check_values(where: str, numbers: pd.DataFrame) -> None:
    """Refuse gaps, a person of changing size, and what is probably in another unit."""
    gap = float(np.diff(numbers.time, prepend=0.0).max())
    if gap > LARGEST_GAP + 1e-9:
        most = f"expected instants (s) at most {1000 * LARGEST_GAP:.0f} ms apart"
        raise CorpusMismatch(f"{where}: {most}, found {1000 * gap:.0f} ms.")
    for name, (low, high, unit) in PLAUSIBLE.items():
        if numbers[name].nunique() != 1:
            raise CorpusMismatch(f"{where}: expected one {name}, found {numbers[name].nunique()}.")
        value = float(numbers[name].iloc[0])
        if not low <= value <= high:
            raise CorpusMismatch(f"{where}: expected {name} from {low:g} to {high:g} {unit}, found {value:g}.")
    low, high = PLAUSIBLE_FORCE
    force = float(numbers.palmar.max())
    if not low <= force <= high:
        wanted = f"expected a largest palmar force from {low:g} to {high:g} N"
        raise CorpusMismatch(f"{where}: {wanted}, found {force:g}. Forces out of the pulp are positive.")

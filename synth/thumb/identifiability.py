"""Identifiability: which muscle parameters a pinch force can tell, which it cannot, and why.

For a person with parameters θ, the noise-free record is f(θ) and its errors have the covariance S. The Fisher
information J'S⁻¹J with J = df/dθ, added to the prior's, gives the smallest covariance that any estimate can have near
that person (Laplace; with a normal prior it is the posterior). The *knowable share* of a parameter is the part of its
prior variance that the record takes away: 0 = the record says nothing that sex, age and size do not, 1 = all.

A parameter is not knowable for one of two reasons. Either it leaves *no trace*: alone, it moves the record by less than
its noise. Or it is *hidden behind* others: it moves the record, but another parameter moves it the same way, so that
only their combination is known; the one it goes with most is named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from synth.thumb.force_profile import FIRST, RATE, Laws, held_errors, held_forces, pinch_profile
from synth.thumb.pinch_parameter import ASKED, IN_THE_WAY, prior_covariance
from synth.thumb.pinch_people import PinchPeople, joined

INPUTS = ("peak", "profile", "vector", "held")
"""One force; its course; its course in three directions; with it the forces held at a part of the strongest."""
REASON_OF = "vector"
"""The kind of record of which reasons are told."""
STEP = 0.05
"""Of the central differences, in prior SDs."""
KNOWN, TRACE, WORTH_SAYING = 0.5, 1.0, 0.05
"""A parameter counts as known from this share on; it leaves a trace from this ratio of signal to noise on."""


@dataclass(frozen=True)
class Information:
    """What a record tells about each of some people.

    Attributes
    ----------
    inputs : str
        One of `INPUTS`.
    knowable : ndarray, shape (n, n_asked)
        Share of the prior variance that goes.
    trace : ndarray, shape (n, n_asked)
        Change of the record for one prior SD, over its noise.
    companion : ndarray of int, shape (n, n_asked)
        The parameter (of `ASKED` + `IN_THE_WAY`) with which the remaining error is most correlated.
    correlation : ndarray, shape (n, n_asked)
        That correlation.
    rank : ndarray of int, shape (n,)
        Directions in parameter space that the record tells better than the prior.
    """

    inputs: str
    knowable: np.ndarray
    trace: np.ndarray
    companion: np.ndarray
    correlation: np.ndarray
    rank: np.ndarray


def profile_jacobian(people: PinchPeople, laws: Laws = FIRST) -> tuple[np.ndarray, np.ndarray]:
    """Noise-free records (n, n_frames, 3) and their change a prior SD of each parameter (n, n_frames, 3, n_all)."""
    return _jacobian(lambda p: pinch_profile(p, "healthy", laws)[0], people)


def held_jacobian(people: PinchPeople, laws: Laws = FIRST) -> tuple[np.ndarray, np.ndarray]:
    """The same of the forces that are held at a part of the strongest (n, n_levels, 3)."""
    return _jacobian(lambda p: held_forces(p, "healthy", laws), people)


def _jacobian(record_of: Callable[[PinchPeople], np.ndarray], people: PinchPeople) -> tuple[np.ndarray, np.ndarray]:
    every = ASKED + IN_THE_WAY
    moved = [p.moved(people, sign * STEP * p.prior_sd) for p in every for sign in (1, -1)]
    records = record_of(joined([people, *moved]))
    records = records.reshape(1 + 2 * len(every), len(people), *records.shape[1:])
    change = (records[1::2] - records[2::2]) / (2 * STEP)
    return records[0], np.moveaxis(change, 0, -1)


def noise_covariance(record: np.ndarray, laws: Laws) -> np.ndarray:
    """Covariance of one measured profile (n_frames, 3), its entries channel by channel: what `measured` draws."""
    n_frames = len(record)
    kept = np.exp(-1.0 / (0.08 * RATE))
    shared = laws.tremor**2 * kept ** np.abs(np.subtract.outer(np.arange(n_frames), np.arange(n_frames)))
    flat = record.T.ravel()
    covariance = np.tile(shared, (3, 3)) * np.outer(flat, flat)
    for channel in (1, 2):
        turn = np.zeros_like(flat)
        turn[channel * n_frames : (channel + 1) * n_frames] = record[:, 0]
        covariance += laws.turn**2 * np.outer(turn, turn)
    return covariance + laws.noise**2 * np.eye(len(flat))


def information(people: PinchPeople, laws: Laws = FIRST) -> list[Information]:
    """What each of the `INPUTS` tells about healthy people; see `Information`."""
    pairs = list(zip(*profile_jacobian(people, laws), *held_jacobian(people, laws), strict=True))
    prior = prior_covariance()
    own_sd = np.array([p.prior_sd for p in ASKED + IN_THE_WAY])
    scaled_prior = prior / np.outer(own_sd, own_sd)
    found = {inputs: [_one_person(pair, scaled_prior, inputs, laws) for pair in pairs] for inputs in INPUTS}
    return [Information(name, *(np.array(p) for p in zip(*rows, strict=True))) for name, rows in found.items()]


def held_covariance(held: np.ndarray, laws: Laws) -> np.ndarray:
    """Covariance of forces held at some levels (n_levels, 3), level by level: what `measured_held` draws."""
    tremor, noise = held_errors(laws)
    blocks = [
        tremor**2 * np.outer(f, f) + np.diag([0.0, 1.0, 1.0]) * (laws.turn * f[0]) ** 2 + noise**2 * np.eye(3)
        for f in held
    ]
    return block_diag(*blocks)


def _one_person(pair: tuple, prior: np.ndarray, inputs: str, laws: Laws) -> tuple:
    """Fields of `Information` of one person, from its records and Jacobians; these and the prior are in own SDs."""
    record, jacobian, held, held_change = pair
    n_asked, n_frames = len(ASKED), len(record)
    covariance = block_diag(noise_covariance(record, laws), held_covariance(held, laws))
    flat = np.swapaxes(jacobian, 0, 1).reshape(3 * n_frames, -1)
    flat = np.concatenate([flat, held_change.reshape(held.size, -1)])
    rows = {
        "peak": np.array([int(np.argmax(record[:, 0]))]),
        "profile": np.arange(n_frames),
        "vector": np.arange(3 * n_frames),
        "held": np.arange(len(flat)),
    }[inputs]
    root = np.linalg.cholesky(covariance[np.ix_(rows, rows)])
    white = np.linalg.solve(root, flat[rows])
    posterior = np.linalg.inv(white.T @ white + np.linalg.inv(prior))
    knowable = 1.0 - np.diag(posterior)[:n_asked] / np.diag(prior)[:n_asked]
    deviation = np.sqrt(np.diag(posterior))
    correlation = posterior / np.outer(deviation, deviation) - np.eye(len(posterior))
    companion = np.abs(correlation[:n_asked]).argmax(axis=1)
    strength = correlation[np.arange(n_asked), companion]
    gained = np.linalg.svd(white @ np.linalg.cholesky(prior), compute_uv=False)
    trace = np.linalg.norm(white[:, :n_asked], axis=0)
    return knowable, trace, companion, strength, int((gained > 1.0).sum())


def identifiability_table(found: list[Information]) -> pd.DataFrame:
    """One row a parameter: knowable share by kind of record, trace, companion, and the reason in words.

    Trace, companion and reason are those of `REASON_OF`, the median person's.
    """
    every, last = ASKED + IN_THE_WAY, next(f for f in found if f.inputs == REASON_OF)
    rows = []
    for k, parameter in enumerate(ASKED):
        row: dict[str, object] = {"parameter": parameter.name, "group": parameter.group}
        row |= {f"knowable_{f.inputs}": float(f.knowable[:, k].mean()) for f in found}
        trace = float(np.median(last.trace[:, k]))
        values, counts = np.unique(last.companion[:, k], return_counts=True)
        partner = int(values[counts.argmax()])
        with_it = float(np.median(last.correlation[last.companion[:, k] == partner, k]))
        share = float(last.knowable[:, k].mean())
        row |= {"trace": trace, "companion": every[partner].name, "correlation": with_it}
        row["reason"] = _reason(share, trace, every[partner].name, with_it)
        rows.append(row)
    return pd.DataFrame(rows)


def _reason(share: float, trace: float, partner: str, correlation: float) -> str:
    if share >= KNOWN:
        return "known"
    if trace < TRACE:
        common = "; the rest is the person's strength in common" if share > WORTH_SAYING else ""
        return f"no trace: moves the force by less than its noise{common}"
    return f"hidden: most with {partner} (r = {correlation:.2f})"

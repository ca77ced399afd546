"""Muscle path sample: OpenSim's muscle lengths and moment arms at poses spread over the gait range.

Arms are minus the differences of OpenSim's lengths, not its moment arms: they cost a tenth, and where a muscle wraps,
OpenSim's moment arms are not the derivative of its lengths (up to 3 mm in Rajagopal's model, measured). The right and
the left side are bent alike in one pose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import qmc

from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.muscle.gait_range import base_name
from opensim_models.osim import muscle_client

STEP = 1e-3
"""rad or m, to both sides. Smaller ones meet the noise of OpenSim's iterated wraps (0.3 µm where a muscle has two)."""
LEAST_ARM = 1e-5
"""m: a coordinate that moves a muscle less is not crossed."""
GREATEST_BEND = 0.01
"""m: where the arms to both sides differ more, a jump or a bend of the path lies between, and the pose has no arm."""
PROBES = 16
CHUNK = 100
"""Poses of one call, between which progress is told."""

Ranges = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class PathSample:
    """Lengths and arms of a model's muscles at many poses.

    Attributes
    ----------
    muscles : tuple of str
    crossed : tuple of tuples of str
        Coordinates that each muscle crosses.
    scaled : dict of str to (n,) array
        Coordinate → its place in its range, -1 to 1.
    lengths : (n, n_muscles) array
        m.
    arms : tuple of (n, n_crossed) arrays
        m, by muscle; NaN where the length jumps or bends.
    """

    muscles: tuple[str, ...]
    crossed: tuple[tuple[str, ...], ...]
    scaled: dict[str, np.ndarray]
    lengths: np.ndarray
    arms: tuple[np.ndarray, ...]

    def of(self, muscle: str, kept: np.ndarray | slice = slice(None)) -> PathSample:
        """The sample of one muscle, at some of the poses."""
        i = self.muscles.index(muscle)
        scaled = {name: places[kept] for name, places in self.scaled.items()}
        return PathSample((muscle,), (self.crossed[i],), scaled, self.lengths[kept, i : i + 1], (self.arms[i][kept],))

    def within(self, coordinate: str, before: tuple[float, float], after: tuple[float, float]) -> PathSample:
        """The poses in a narrower range of one coordinate, placed in that range."""
        values = 0.5 * (before[0] + before[1]) + 0.5 * (before[1] - before[0]) * self.scaled[coordinate]
        kept = (values >= after[0]) & (values <= after[1])
        scaled = {name: places[kept] for name, places in self.scaled.items()}
        scaled[coordinate] = (2.0 * values[kept] - after[0] - after[1]) / (after[1] - after[0])
        return replace(self, scaled=scaled, lengths=self.lengths[kept], arms=tuple(arm[kept] for arm in self.arms))


def candidate_coordinates(muscle: Mapping[str, Any], skeleton: Skeleton) -> set[str]:
    """Coordinates that can change a muscle's length: those between its bodies, and those that move its points.

    Parameters
    ----------
    muscle : mapping
        As `opensim_models.osim.client.describe_model` gives it, with the bodies of its wraps under ``wrap_bodies``.
    skeleton : Skeleton
    """
    names, path = skeleton.coordinate_names, muscle["path"]
    followed = {c.name: names[c.coordinate] for c in skeleton.coupled}
    if path["type"] != "GeometryPath":
        return set(names)
    bodies = {point["body"] for point in path["points"]} | set(muscle.get("wrap_bodies", ()))
    chains = [_chain(skeleton, body) for body in bodies]
    between = set().union(*chains) - set.intersection(*chains)
    found = {names[e.coordinate] for i in between for e in skeleton.segments[i].elements if e.coordinate >= 0}
    for point in path["points"]:
        named = {point.get("coordinate"), *point.get("coordinates", ())} - {None}
        found |= {followed.get(name, name) for name in named}
    return found & set(names)


def _chain(skeleton: Skeleton, body: str) -> set[int]:
    """Segments from a body to the ground."""
    chain = set()
    at = skeleton.segment_index(body) if body in skeleton.segment_names else -1
    while at >= 0:
        chain.add(at)
        at = skeleton.segments[at].parent
    return chain


def crossed_coordinates(
    path: Path, skeleton: Skeleton, description: Mapping[str, Any], ranges: Ranges, rng: np.random.Generator
) -> dict[str, tuple[str, ...]]:
    """Coordinates that change the length of each muscle somewhere in the range: muscle → names in the model's order."""
    wrapped = {wrap["name"]: wrap["body"] for wrap in description["wraps"]}
    candidates = {}
    for muscle in description["muscles"]:
        objects = [wrap["object"] for wrap in muscle["path"].get("wraps", ())]
        with_bodies = {**muscle, "wrap_bodies": [wrapped[name] for name in objects if name in wrapped]}
        candidates[muscle["name"]] = candidate_coordinates(with_bodies, skeleton)
    poses = {name: rng.uniform(-1.0, 1.0, PROBES) for name in skeleton.coordinate_names}
    muscles = list(candidates)
    order = {name: tuple(c for c in skeleton.coordinate_names if c in candidates[name]) for name in muscles}
    sample = sample_paths(path, order, ranges, poses)
    return {
        name: tuple(c for c, arm in zip(order[name], arms.T, strict=True) if np.nanmax(np.abs(arm)) > LEAST_ARM)
        for name, arms in zip(sample.muscles, sample.arms, strict=True)
    }


def spread_poses(crossed: Mapping[str, Sequence[str]], n: int, seed: int) -> dict[str, np.ndarray]:
    """Sobol points over all coordinates that any muscle crosses: coordinate → (n,) in -1 to 1, both sides alike.

    The sides are apart where a muscle crosses coordinates of both.
    """
    alike = all(len({base_name(c) for c in names}) == len(names) for names in crossed.values())
    names = sorted({c for each in crossed.values() for c in each})
    keys = sorted({base_name(c) if alike else c for c in names})
    if not keys:
        return {}
    whole = max(n - 1, 0).bit_length()  # Sobol points are even in numbers that are powers of two
    points = 2.0 * qmc.Sobol(len(keys), rng=np.random.default_rng(seed)).random_base2(whole)[:n] - 1.0
    return {name: points[:, keys.index(base_name(name) if alike else name)] for name in names}


def sample_paths(
    path: Path,
    crossed: Mapping[str, Sequence[str]],
    ranges: Ranges,
    scaled: Mapping[str, np.ndarray],
    progress: Callable[[], None] = lambda: None,
) -> PathSample:
    """Ask OpenSim for lengths and arms of all muscles at poses.

    Parameters
    ----------
    path : Path
    crossed : mapping
        Muscle → coordinates whose arms are wanted.
    ranges : mapping
        Coordinate → (lower, upper).
    scaled : mapping
        Coordinate → (n,) places in the range, -1 to 1; others stand at their default.
    progress : callable
        Called after each `CHUNK` poses.
    """
    names, muscles = list(scaled), list(crossed)
    lower, upper = np.array([ranges[name] for name in names]).T
    values = 0.5 * (lower + upper) + 0.5 * (upper - lower) * np.stack([scaled[name] for name in names], axis=1)
    pieces = []
    for start in range(0, len(values), CHUNK):
        pieces.append(lengths_and_slopes(path, names, values[start : start + CHUNK], crossed))
        progress()
    lengths = np.concatenate([piece[0] for piece in pieces])
    arms = tuple(np.concatenate([piece[1][i] for piece in pieces]) for i in range(len(muscles)))
    bad = ~np.isfinite(lengths).all(axis=0)
    if bad.any():
        raise ModelMismatch(f"{path}: OpenSim gives no length of {muscles[int(np.argmax(bad))]} in some pose.")
    return PathSample(tuple(muscles), tuple(map(tuple, crossed.values())), dict(scaled), lengths, arms)


def lengths_and_slopes(
    path: Path, names: list[str], values: np.ndarray, crossed: Mapping[str, Sequence[str]]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Lengths (n, m) and for each muscle its arms (n, n_crossed), by steps of one coordinate, or of both its sides."""
    muscles = list(crossed)
    lengths = muscle_client.muscle_lengths(path, names, values, muscles)
    arms = [np.zeros((len(values), len(crossed[muscle]))) for muscle in muscles]
    for stepped in _steps(names, crossed):
        touched = [i for i, muscle in enumerate(muscles) if stepped & set(crossed[muscle])]
        step = STEP * np.array([name in stepped for name in names])
        moved = np.concatenate([values - step, values + step])
        before, after = np.split(muscle_client.muscle_lengths(path, names, moved, [muscles[i] for i in touched]), 2)
        arm = (before - after) / (2.0 * STEP)
        bend = np.abs(before - 2.0 * lengths[:, touched] + after) / STEP
        arm[bend > GREATEST_BEND] = np.nan
        for k, i in enumerate(touched):
            arms[i][:, list(crossed[muscles[i]]).index(*(stepped & set(crossed[muscles[i]])))] = arm[:, k]
    return lengths, arms


def _steps(names: list[str], crossed: Mapping[str, Sequence[str]]) -> list[set[str]]:
    """Coordinates that may be stepped at once, because no muscle crosses two of them."""
    groups: list[set[str]] = []
    for name in names:
        sharing = {c for each in crossed.values() if name in each for c in each} - {name}
        if not sharing and not any(name in each for each in crossed.values()):
            continue
        group = next((g for g in groups if not g & sharing), None)
        if group is None:
            groups.append({name})
        else:
            group.add(name)
    return groups

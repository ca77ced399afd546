"""Muscle path fit: polynomials for all muscles of an OpenSim model, each with its error at poses that were not fitted.

The degree of each muscle rises until length and arms meet the wanted accuracy, or to the best that the largest degree
gives. Fits are kept in the user's cache folder by the content of the model file and the settings.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from mocap_import.durable_file import write_durably
from mocap_import.progress import ProgressBar
from opensim_models.model.cache import cache_folder
from opensim_models.model.muscle_path import MusclePath, length_and_arms, path_from_plain
from opensim_models.model.osim_file import read_model_file
from opensim_models.model.osim_skeleton import read_description, skeleton_from_description
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.muscle.gait_range import gait_ranges
from opensim_models.muscle.path_jump import locate_jump
from opensim_models.muscle.path_polynomial import (
    PathEquations,
    chebyshev_design,
    powers_of_chebyshev,
    total_degree_exponents,
)
from opensim_models.muscle.path_sample import CHUNK, PathSample, Ranges, crossed_coordinates, sample_paths, spread_poses

FIT_FORMAT = 2
"""To be raised with every change of what a fit gives."""
MOST_TERMS = 0.7
"""Terms per pose; a pose gives a length and an arm for every coordinate."""
WORTH_A_DEGREE = 0.98
"""A higher degree is taken for a muscle that misses the goal only if it makes the error this much smaller."""
JUMP = 1.5e-3
"""m: deviation beyond which a pose may lie on the other side of a jump of OpenSim's length."""
MOST_BEYOND = 0.2
"""Share of the poses that may."""
MOST_ROUNDS = 8
LEAST = 1e-3
FEWEST_POSES = 20


@dataclass(frozen=True)
class FitSettings:
    """How muscle paths are fitted.

    Attributes
    ----------
    length_goal, arm_goal : float
        RMS (m) at which the degree rises no further, and the errors that weigh the same in the fit.
    largest_degree : tuple of int
        Total degree up to which to go, for muscles that cross one, two … coordinates; the last holds for more.
    poses, check_poses : int
        Poses of the fit, and others for the errors that are reported.
    seed : int
        Of both sets of poses.
    """

    length_goal: float = 0.25e-3
    arm_goal: float = 0.5e-3
    largest_degree: tuple[int, ...] = (16, 16, 12, 9, 7)
    poses: int = 2048
    check_poses: int = 512
    seed: int = 4


def fit_muscle_paths(
    path: Path,
    *,
    muscles: Sequence[str] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    settings: FitSettings | None = None,
    show_progress: bool | None = None,
) -> tuple[MusclePath, ...]:
    """Fit lengths and moment arms of the muscles of an OpenSim model, or take them from the cache.

    Parameters
    ----------
    path : Path
        An .osim file.
    muscles : sequence of str, optional
        Default: all.
    ranges : mapping, optional
        Coordinate → (lower, upper) in rad or m in the place of `gait_range.gait_ranges`.
    settings : FitSettings, optional
    show_progress : bool, optional
        Default: where standard error is a terminal.

    Returns
    -------
    tuple of MusclePath
        In the order of the model.

    Raises
    ------
    ModelMismatch
        No model, no muscles, or not one of these names.
    """
    settings = settings or FitSettings()
    description = read_description(path)
    present = [muscle["name"] for muscle in description["muscles"]]
    if not present:
        raise ModelMismatch(f"{path}: the model has no muscles.")
    unknown = [name for name in muscles or () if name not in present]
    if unknown:
        raise ModelMismatch(f"{path}: no muscle {', '.join(unknown)}; the model has {', '.join(present)}.")
    skeleton = skeleton_from_description(description, str(path))
    reach = {**gait_ranges(skeleton), **(ranges or {})}
    chosen = [name for name in present if muscles is None or name in muscles]
    question = json.dumps([FIT_FORMAT, asdict(settings), chosen, sorted(reach.items())]).encode()
    kept = _cache_file(read_model_file(path), question)
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):  # absent or damaged: made anew
        return tuple(map(path_from_plain, json.loads(kept.read_bytes())))
    wanted = {**description, "muscles": [m for m in description["muscles"] if m["name"] in chosen]}
    paths = _fit(path, skeleton, wanted, reach, settings, show_progress)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, never the result
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_durably(kept, json.dumps([asdict(fitted) for fitted in paths]))
    return paths


def with_muscle_paths(skeleton: Skeleton, paths: Sequence[MusclePath]) -> Skeleton:
    """The same skeleton with the paths of its muscles; muscles without one keep none."""
    found = {path.name: path for path in paths}
    return replace(skeleton, muscles=tuple(replace(m, path=found.get(m.name, m.path)) for m in skeleton.muscles))


def _cache_file(content: bytes, question: bytes) -> Path:
    """Where a fit is kept: by the model's content and by what was asked."""
    key = hashlib.sha256(content).hexdigest(), hashlib.sha256(question).hexdigest()[:16]
    return cache_folder() / "muscle_paths" / f"{key[0]}.{key[1]}.json"


def _fit(
    path: Path,
    skeleton: Skeleton,
    description: Mapping,
    ranges: Ranges,
    settings: FitSettings,
    show_progress: bool | None,
) -> tuple[MusclePath, ...]:
    """Sample, fit and check all muscles of a description."""
    steps = -(-settings.poses // CHUNK) - (-settings.check_poses // CHUNK)
    with ProgressBar(steps + 2, f"muscle paths of {Path(path).name}", shown=show_progress) as progress:
        rng = np.random.default_rng(settings.seed)
        crossed = crossed_coordinates(path, skeleton, description, ranges, rng)
        progress()
        fitted, checked = (
            sample_paths(path, crossed, ranges, spread_poses(crossed, n, settings.seed + k), progress)
            for k, n in enumerate((settings.poses, settings.check_poses))
        )
        paths = {}
        for members in _groups(fitted, ranges):
            paths |= _fit_group(members, fitted, checked, ranges, settings)
        for name in [name for name, made in paths.items() if shortfall(asdict(made), settings) > 1.0]:
            one = paths[name], fitted.of(name), checked.of(name), ranges, settings
            paths[name] = _in_two_pieces(*one, _switches(description, name, ranges)) or _beside_jumps(path, *one)
        progress()
    return tuple(paths[muscle["name"]] for muscle in description["muscles"])


def _groups(sample: PathSample, ranges: Ranges) -> list[list[int]]:
    """Muscles whose equations are the same: the same places in ranges of the same width."""
    groups: dict[tuple, list[int]] = {}
    for i, names in enumerate(sample.crossed):
        key = tuple((sample.scaled[name].tobytes(), round(ranges[name][1] - ranges[name][0], 12)) for name in names)
        groups.setdefault(key, []).append(i)
    return list(groups.values())


def _fit_group(
    members: list[int], fitted: PathSample, checked: PathSample, ranges: Ranges, settings: FitSettings
) -> dict[str, MusclePath]:
    """Fit muscles that cross alike coordinates; raise each one's degree until it is good enough."""
    names = fitted.crossed[members[0]]
    if not names:  # a muscle between bodies that do not move against each other
        return {fitted.muscles[i]: _constant(fitted, checked, i) for i in members}
    half = np.array([0.5 * (ranges[name][1] - ranges[name][0]) for name in names])
    largest = settings.largest_degree[min(len(names), len(settings.largest_degree)) - 1]
    exponents = np.array(total_degree_exponents(len(names), largest), dtype=int)
    equations = PathEquations(exponents, half, settings.length_goal, settings.arm_goal)
    equations.add(*_table(fitted, members))
    scaled, lengths, arms = _table(checked, members)
    value, slopes = chebyshev_design(exponents, scaled)
    best: dict[int, tuple[float, MusclePath]] = {}
    for degree in range(1, largest + 1):
        open_ = [k for k in range(len(members)) if k not in best or best[k][0] > 1.0]
        terms = len(total_degree_exponents(len(names), degree))
        if not open_ or terms > MOST_TERMS * len(fitted.lengths):
            break
        solution = equations.solve(terms)
        powers = powers_of_chebyshev(exponents[:terms], solution)
        for k in open_:
            off = value[:, :terms] @ solution[:, k] - lengths[:, k]
            turned = -np.einsum("jnt,t->nj", slopes[:, :, :terms], solution[:, k]) / half - arms[:, k]
            errors = _errors(off, turned)
            score = shortfall(errors, settings)
            if k not in best or score < WORTH_A_DEGREE * best[k][0] or score <= 1.0:
                i = members[k]
                reach = tuple(ranges[name] for name in fitted.crossed[i])
                shape = tuple(map(tuple, exponents[:terms].tolist())), tuple(powers[:, k].tolist())
                best[k] = score, MusclePath(fitted.muscles[i], fitted.crossed[i], *shape, reach, **errors)
    return {path.name: path for _, path in best.values()}


def shortfall(errors: Mapping[str, float], settings: FitSettings) -> float:
    """Errors over what is wanted; above 1, the goal is missed."""
    return max(errors["length_error"] / settings.length_goal, errors["arm_error"] / settings.arm_goal)


def _table(sample: PathSample, members: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scaled coordinates (n, k), lengths (n, m) and arms (n, m, k) of muscles that cross alike coordinates."""
    scaled = np.stack([sample.scaled[name] for name in sample.crossed[members[0]]], axis=1)
    return scaled, sample.lengths[:, members], np.stack([sample.arms[i] for i in members], axis=1)


def _errors(off: np.ndarray, turned: np.ndarray) -> dict[str, float]:
    """RMS and largest deviations (m) of length and arms."""
    return {
        "length_error": float(np.sqrt(np.mean(off**2))),
        "arm_error": float(np.sqrt(np.nanmean(turned**2, axis=0)).max()),
        "largest_length_error": float(np.abs(off).max()),
        "largest_arm_error": float(np.nanmax(np.abs(turned))),
    }


def _constant(fitted: PathSample, checked: PathSample, i: int) -> MusclePath:
    """The path of a muscle that crosses nothing."""
    mean = float(fitted.lengths[:, i].mean())
    off = checked.lengths[:, i] - mean
    errors = {"length_error": float(np.sqrt(np.mean(off**2))), "largest_length_error": float(np.abs(off).max())}
    return MusclePath(fitted.muscles[i], (), ((),), (mean,), (), **errors)


def _switches(description: Mapping, name: str, ranges: Ranges) -> list[tuple[str, float]]:
    """Where path points of a muscle come or go inside the range: coordinate and value."""
    muscle = next(m for m in description["muscles"] if m["name"] == name)
    found = set()
    for point in muscle["path"].get("points", ()):
        lower, upper = ranges.get(point.get("coordinate"), (0.0, 0.0))
        found |= {(point["coordinate"], end) for end in point.get("range", ()) if lower + LEAST < end < upper - LEAST}
    return sorted(found)


def _in_two_pieces(
    whole: MusclePath,
    fitted: PathSample,
    checked: PathSample,
    ranges: Ranges,
    settings: FitSettings,
    switches: list[tuple[str, float]],
) -> MusclePath | None:
    """Two polynomials, below and above the value at which a path point comes or goes; None where that is no better."""
    best, score = None, shortfall(asdict(whole), settings)
    for coordinate, value in switches:
        pieces, before = [], ranges[coordinate]
        for after in ((before[0], value), (value, before[1])):
            narrower = {**ranges, coordinate: after}
            parts = [sample.within(coordinate, before, after) for sample in (fitted, checked)]
            if min(len(part.lengths) for part in parts) < FEWEST_POSES:
                break
            pieces.append((len(parts[1].lengths), *_fit_group([0], *parts, narrower, settings).values()))
        if len(pieces) == 2:
            (n_low, low), (n_high, high) = pieces
            share = n_high / (n_low + n_high)
            both = {
                name: float(np.sqrt((1 - share) * getattr(low, name) ** 2 + share * getattr(high, name) ** 2))
                for name in ("length_error", "arm_error")
            }
            both |= {
                name: max(getattr(low, name), getattr(high, name))
                for name in ("largest_length_error", "largest_arm_error")
            }
            if shortfall(both, settings) < score:
                words = f"a point of the path comes or goes at {coordinate} = {value:.4g}: two polynomials"
                score = shortfall(both, settings)
                best = replace(low, **both, jumps=(words,), split=(coordinate, value), beyond=high)
    return best


def _beside_jumps(
    path: Path, whole: MusclePath, fitted: PathSample, checked: PathSample, ranges: Ranges, settings: FitSettings
) -> MusclePath:
    """Fit the path on one side of a jump of OpenSim's length, if that is what spoils the fit."""
    name, kept, made = whole.name, np.ones(len(fitted.lengths), dtype=bool), whole
    for _ in range(MOST_ROUNDS):
        off = np.abs(_deviation(made, fitted, ranges))
        keep = off < max(JUMP, 6.0 * float(np.median(off)))
        if (keep == kept).all() or keep.mean() < 1.0 - MOST_BEYOND:
            break
        kept = keep
        made = _fit_group([0], fitted.of(name, kept), checked, ranges, settings)[name]
    off = _deviation(made, checked, ranges)
    beyond = np.abs(off) > JUMP
    if kept.all() or not beyond.any():
        return whole
    jump = locate_jump(path, made, _values(checked, made, ranges), off, JUMP)
    if jump is None:
        return whole
    near = _fit_group([0], fitted.of(name, kept), checked.of(name, ~beyond), ranges, settings)[name]
    whole_error = float(np.sqrt(np.mean(_deviation(near, checked, ranges) ** 2)))
    return replace(near, jump_share=float(beyond.mean()), length_error_with_jumps=whole_error, jumps=(jump,))


def _values(sample: PathSample, made: MusclePath, ranges: Ranges) -> np.ndarray:
    """Coordinates (n, k) of a sample of one muscle."""
    lower, upper = np.array([ranges[name] for name in made.coordinates]).T
    scaled = np.stack([sample.scaled[name] for name in made.coordinates], axis=1)
    return 0.5 * (lower + upper) + 0.5 * (upper - lower) * scaled


def _deviation(made: MusclePath, sample: PathSample, ranges: Ranges) -> np.ndarray:
    """Polynomial minus OpenSim (n,) in m at the poses of a sample of one muscle."""
    return np.asarray(length_and_arms(made, list(_values(sample, made, ranges).T))[0]) - sample.lengths[:, 0]

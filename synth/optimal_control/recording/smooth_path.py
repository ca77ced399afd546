"""Smooth path: the lengths of all muscles as one polynomial each, which an optimisation can differentiate twice.

`opensim_models.muscle.path_fit` breaks a path in two where one of its points comes or goes. At such a break the moment
arm jumps, and a gradient method does not get across it; one polynomial over both pieces takes their place here, and
what that costs in length and arm is told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.stats import qmc

from opensim_models.model.muscle_path import MusclePath, lengths_and_arms, path_with_held, whole_ranges
from opensim_models.model.skeleton import Skeleton
from opensim_models.muscle.gait_range import gait_ranges
from opensim_models.muscle.path_fit import FitSettings, fit_muscle_paths
from opensim_models.muscle.path_polynomial import (
    PathEquations,
    chebyshev_design,
    powers_of_chebyshev,
    total_degree_exponents,
)

PATH_SETTINGS = FitSettings(length_goal=0.5e-3, arm_goal=1.0e-3, largest_degree=(9, 8, 7, 6, 5))
"""Our choice: half a millimetre of length is 1 % of a fibre of 50 mm; every term costs time in every iteration."""
MOST_TERMS = 220
SMOOTHING_POSES = 1024
_MARGIN = 0.05
"""rad or m by which a fit reaches beyond a held value that lies outside the range of gait."""


@dataclass(frozen=True)
class PathError:
    """How far the polynomial of a muscle is from the lengths that OpenSim gives (all in m).

    Attributes
    ----------
    length, arm : float
        RMS over the range of the fit; of the arms that of the worst coordinate.
    largest_length, largest_arm : float
        At the poses of the check; single poses between them may be further off (0.4 for 0.2 mm has been seen).
    smoothed : bool
        Two pieces became one polynomial: the errors are those of the pieces and of the smoothing added up.
    """

    length: float
    arm: float
    largest_length: float
    largest_arm: float
    smoothed: bool = False


def smooth_paths(
    model: Path,
    skeleton: Skeleton,
    held: Mapping[str, float],
    *,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    settings: FitSettings = PATH_SETTINGS,
    show_progress: bool | None = None,
) -> tuple[tuple[MusclePath, ...], dict[str, PathError], tuple[str, ...]]:
    """Fit the paths of a model's muscles as one polynomial each of the coordinates that are not held.

    Parameters
    ----------
    model : Path
        The .osim file.
    skeleton : Skeleton
        As `opensim_models.model.osim_skeleton.read_osim` gives it, with all coordinates.
    held : mapping
        Coordinate → value (rad or m) at which it stays.
    ranges : mapping, optional
        Coordinate → (lower, upper) in the place of `opensim_models.muscle.gait_range.gait_ranges`.
    settings : FitSettings
    show_progress : bool, optional
        Default: where standard error is a terminal.

    Returns
    -------
    tuple of MusclePath
        Of enabled muscles, in the model's order.
    dict
        Muscle → `PathError`.
    tuple of str
        What was smoothed, and where OpenSim's own length jumps, in words.
    """
    names = [muscle.name for muscle in skeleton.muscles if muscle.enabled]
    if not names:
        return (), {}, ()
    reach = {**_reaching_held(gait_ranges(skeleton), held), **(ranges or {})}
    fitted = fit_muscle_paths(model, muscles=names, ranges=reach, settings=settings, show_progress=show_progress)
    paths, errors, notes = [], {}, []
    for whole in fitted:
        path = path_with_held(whole, held)
        error = PathError(whole.length_error, whole.arm_error, whole.largest_length_error, whole.largest_arm_error)
        if path.split is not None:
            path, error = smoothed(path, settings)
            notes.append(
                f"muscle {path.name}: {path.jumps[0]} before; made one, arms off by {1e3 * error.arm:.2g} mm RMS and "
                f"{1e3 * error.largest_arm:.2g} mm at most, length by {1e3 * error.length:.2g} mm RMS"
            )
        elif whole.jump_share > 0.0:
            notes.append(f"muscle {path.name}: {'; '.join(path.jumps)}; the path before the jump is continued")
        paths.append(path)
        errors[path.name] = error
    return tuple(paths), errors, tuple(notes)


def _reaching_held(
    ranges: Mapping[str, tuple[float, float]], held: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    """Ranges that contain every held value, so that no polynomial is asked beyond its fit."""
    widened = dict(ranges)
    for name, value in held.items():
        lower, upper = ranges[name]
        if not lower <= value <= upper:
            widened[name] = (min(lower, value - _MARGIN), max(upper, value + _MARGIN))
    return widened


def smoothed(path: MusclePath, settings: FitSettings = PATH_SETTINGS) -> tuple[MusclePath, PathError]:
    """One polynomial for a path of two pieces, with its error.

    Parameters
    ----------
    path : MusclePath
        With `split` and `beyond`.
    settings : FitSettings
        Its degrees and goals.

    Returns
    -------
    MusclePath
        Without a split; its `jumps` say what was there.
    PathError
        RMS errors of the pieces and of the smoothing as a root of squares, the largest ones as a sum.
    """
    ranges = np.array(whole_ranges(path))
    exponents, coefficients, rms, most = _one_polynomial(path, ranges, settings)
    error = PathError(
        math.hypot(path.length_error, rms[0]),
        math.hypot(path.arm_error, rms[1]),
        path.largest_length_error + most[0],
        path.largest_arm_error + most[1],
        smoothed=True,
    )
    one = replace(
        path,
        exponents=exponents,
        coefficients=coefficients,
        ranges=tuple(map(tuple, ranges.tolist())),
        length_error=error.length,
        arm_error=error.arm,
        largest_length_error=error.largest_length,
        largest_arm_error=error.largest_arm,
        split=None,
        beyond=None,
    )
    return one, error


def _one_polynomial(
    path: MusclePath, ranges: np.ndarray, settings: FitSettings
) -> tuple[tuple[tuple[int, ...], ...], tuple[float, ...], tuple[float, float], tuple[float, float]]:
    """Exponents and coefficients over ranges (k, 2), with RMS and largest errors (m) of length and worst arm."""
    n_coordinates = len(path.coordinates)
    points = qmc.Sobol(n_coordinates, rng=np.random.default_rng(settings.seed)).random(2 * SMOOTHING_POSES)
    scaled = 2.0 * points - 1.0
    half = 0.5 * (ranges[:, 1] - ranges[:, 0])
    lengths, arms = lengths_and_arms((path,), path.coordinates, ranges.mean(axis=1) + half * scaled)
    largest = settings.largest_degree[min(n_coordinates, len(settings.largest_degree)) - 1]
    exponents = np.array(total_degree_exponents(n_coordinates, largest), dtype=int)
    equations = PathEquations(exponents, half, settings.length_goal, settings.arm_goal)
    equations.add(scaled[:SMOOTHING_POSES], lengths[:SMOOTHING_POSES], arms[:SMOOTHING_POSES])
    check = slice(SMOOTHING_POSES, None)
    value, slopes = chebyshev_design(exponents, scaled[check])
    best = None
    for degree in range(1, largest + 1):
        terms = len(total_degree_exponents(n_coordinates, degree))
        if terms > MOST_TERMS:
            break
        solution = equations.solve(terms)
        off = value[:, :terms] @ solution[:, 0] - lengths[check, 0]
        turned = -np.einsum("jnt,t->nj", slopes[:, :, :terms], solution[:, 0]) / half - arms[check, 0]
        rms = float(np.sqrt(np.mean(off**2))), float(np.sqrt(np.mean(turned**2, axis=0)).max())
        score = max(rms[0] / settings.length_goal, rms[1] / settings.arm_goal)
        if best is None or score < 0.95 * best[0]:
            best = score, terms, solution[:, 0], rms, (float(np.abs(off).max()), float(np.abs(turned).max()))
        if score <= 1.0:
            break
    _, terms, solution, rms, most = best
    powers = powers_of_chebyshev(exponents[:terms], solution[:, None])[:, 0]
    return tuple(map(tuple, exponents[:terms].tolist())), tuple(powers.tolist()), rms, most


def term_count(paths: Sequence[MusclePath]) -> int:
    """Terms of all polynomials together: what the muscles' geometry costs."""
    return sum(len(path.coefficients) for path in paths)

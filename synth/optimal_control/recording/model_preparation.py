"""Model preparation: a skeleton that optimal control can use, from any OpenSim model, planar or in space.

Polynomials in the place of splines, held coordinates gone from the list, muscles with smooth paths, spheres under the
feet. Whatever was left out or approximated stands in words in the notes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.polynomial_skeleton import with_polynomials
from opensim_models.model.scalar_function import Polynomial, chain_and_derivatives, is_constant, value_and_derivatives
from opensim_models.model.skeleton import Coordinate, JointElement, Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.muscle.gait_range import gait_ranges
from opensim_models.muscle.path_fit import FitSettings, with_muscle_paths
from synth.optimal_control.law.sphere_contact import floor_height
from synth.optimal_control.recording.foot_sphere import foot_spheres
from synth.optimal_control.recording.smooth_path import PATH_SETTINGS, PathError, smooth_paths, term_count

JOINT_FIT = 2e-5
"""Largest deviation (m or rad) of a joint's polynomial at which a lower degree is good enough."""


@dataclass(frozen=True)
class PreparedModel:
    """A skeleton made of polynomials, and what it took to get there.

    Attributes
    ----------
    skeleton : Skeleton
        Only coordinates that move, only muscles that pull them, contact spheres that act.
    held : dict of str to float
        Coordinate of the source model → value (rad or m) at which it stays; followers of held ones as well.
    notes : tuple of str
        What was dropped or approximated, as sentences.
    path_errors : dict of str to PathError
        By muscle.
    """

    skeleton: Skeleton
    held: dict[str, float]
    notes: tuple[str, ...]
    path_errors: dict[str, PathError]


def prepare_model(
    model: Path,
    *,
    hold: Mapping[str, float] | Collection[str] = (),
    ranges: Mapping[str, tuple[float, float]] | None = None,
    muscles: bool = True,
    contact: bool = True,
    settings: FitSettings = PATH_SETTINGS,
    joint_fit: float = JOINT_FIT,
    show_progress: bool | None = None,
) -> PreparedModel:
    """Prepare an OpenSim model for optimal control.

    Parameters
    ----------
    model : Path
        An .osim file.
    hold : mapping or collection of str
        Coordinates to hold beside those that the model locks or prescribes, with their value (rad or m); without one,
        at the model's default.
    ranges : mapping, optional
        Coordinate → (lower, upper), rad or m, over which joints and muscle paths are fitted; default: those of
        `opensim_models.muscle.gait_range.gait_ranges`.
    muscles, contact : bool
        False leaves muscles or spheres out: faster, for torque-driven problems and measured ground reactions.
    settings : FitSettings
        Of the muscle paths.
    joint_fit : float
        Largest deviation (m or rad) of a joint's polynomial at which a lower degree is good enough.
    show_progress : bool, optional
        Of the path fit; default: where standard error is a terminal.

    Returns
    -------
    PreparedModel

    Raises
    ------
    ModelMismatch
        No model, unknown names, values that are no numbers, a coordinate that the model prescribes as a function of
        time and for which `hold` gives no value, a floor that is not level, or feet without spheres and toes.
    """
    model = Path(model)
    source = read_osim(model)
    held, notes = _held_values(source, hold)
    reach = {**gait_ranges(source), **(ranges or {})}
    for name in ranges or ():
        source.coordinate_index(name)
    skeleton, followers = with_held_coordinates(source, held)
    skeleton, fits = _with_joint_polynomials(skeleton, reach, joint_fit)
    notes += fits
    errors: dict[str, PathError] = {}
    if muscles:
        fit = {"ranges": ranges, "settings": settings, "show_progress": show_progress}
        paths, errors, said = smooth_paths(model, source, held, **fit)
        skeleton, idle = _pulling(with_muscle_paths(skeleton, paths))
        errors = {m.name: errors[m.name] for m in skeleton.muscles}
        notes += [*said, *idle, *_path_summary(skeleton, errors)]
    else:
        notes += [f"{len(source.muscles)} muscles left out as asked"] if source.muscles else []
        skeleton = replace(skeleton, muscles=())
    skeleton, said = _with_contact(skeleton, contact)
    notes += said
    return PreparedModel(skeleton, {**held, **followers}, tuple((*source.notes, *notes)), errors)


def _held_values(skeleton: Skeleton, hold: Mapping[str, float] | Collection[str]) -> tuple[dict[str, float], list[str]]:
    """Value of every coordinate that is held, and why."""
    if isinstance(hold, str):
        raise ModelMismatch(f"hold is the name {hold!r}; expected a mapping or a list of names.")
    asked = dict(hold) if isinstance(hold, Mapping) else dict.fromkeys(hold)
    for name, value in asked.items():
        skeleton.coordinate_index(name)
        if value is not None and not math.isfinite(value):
            raise ModelMismatch(f"{skeleton.name}: {name} is to be held at {value}; expected a number of rad or m.")
    held, notes = {}, []
    for c in skeleton.coordinates:
        value, why = _held_value(skeleton, c, asked)
        if why:
            held[c.name] = value
            notes.append(f"{c.name} is held at {value:.4g} {'rad' if c.kind == 'rotation' else 'm'}: {why}")
    if len(held) == len(skeleton.coordinates):
        raise ModelMismatch(f"{skeleton.name}: every coordinate is held; nothing is left to move.")
    return held, notes


def _held_value(skeleton: Skeleton, c: Coordinate, asked: Mapping[str, float | None]) -> tuple[float, str]:
    """Where a coordinate stays and why; an empty reason for one that moves."""
    if c.name in asked:
        given = asked[c.name]
        return (c.default, "by the caller, at its default") if given is None else (float(given), "by the caller")
    if c.locked:
        return c.default, "the model locks it"
    if c.prescribed is None:
        return 0.0, ""
    if not is_constant(c.prescribed):
        raise ModelMismatch(
            f"{skeleton.name}: the model prescribes {c.name} as a function of time, which a cycle of free duration "
            "cannot follow. Give its value in `hold`, or switch the prescription off in the model."
        )
    return float(value_and_derivatives(c.prescribed, 0.0)[0]), "the model prescribes it"


def with_held_coordinates(skeleton: Skeleton, held: Mapping[str, float]) -> tuple[Skeleton, dict[str, float]]:
    """The same mechanics with fewer coordinates: held ones become constants of their joints.

    Parameters
    ----------
    skeleton : Skeleton
    held : mapping
        Coordinate → value (rad or m).

    Returns
    -------
    Skeleton
    dict
        Coupled coordinates that followed held ones → value.
    """
    numbers = {skeleton.coordinate_index(name): float(value) for name, value in held.items()}
    kept = [j for j in range(len(skeleton.coordinates)) if j not in numbers]
    place = {j: k for k, j in enumerate(kept)}

    def changed(element: JointElement) -> JointElement:
        j = element.coordinate
        if j in place:
            return replace(element, coordinate=place[j])
        value = float(chain_and_derivatives(element.functions, numbers.get(j, 0.0))[0])
        return replace(element, coordinate=-1, functions=(Polynomial((value,)),))

    segments = tuple(
        replace(
            s,
            elements=tuple(e for e in map(changed, s.elements) if e.coordinate >= 0 or e.functions[0].coefficients[0]),
        )
        for s in skeleton.segments
    )
    followers = {
        c.name: float(chain_and_derivatives(c.functions, numbers[c.coordinate])[0])
        for c in skeleton.coupled
        if c.coordinate in numbers
    }
    coupled = tuple(replace(c, coordinate=place[c.coordinate]) for c in skeleton.coupled if c.name not in followers)
    coordinates = tuple(skeleton.coordinates[j] for j in kept)
    return replace(skeleton, coordinates=coordinates, segments=segments, coupled=coupled), followers


def _with_joint_polynomials(
    skeleton: Skeleton, ranges: Mapping[str, tuple[float, float]], joint_fit: float
) -> tuple[Skeleton, list[str]]:
    """Polynomials over the range of gait in the place of splines, and how far off they are."""
    narrow = tuple(replace(c, lower=ranges[c.name][0], upper=ranges[c.name][1]) for c in skeleton.coordinates)
    smooth = with_polynomials(replace(skeleton, coordinates=narrow), joint_fit)
    fits = list(smooth.notes[len(skeleton.notes) :])
    return replace(smooth, coordinates=skeleton.coordinates, notes=skeleton.notes), fits


def _pulling(skeleton: Skeleton) -> tuple[Skeleton, list[str]]:
    """Only muscles that the model lets pull and that cross a coordinate which moves."""
    notes = []
    disabled = [m.name for m in skeleton.muscles if not m.enabled]
    idle = [m.name for m in skeleton.muscles if m.enabled and not (m.path and m.path.coordinates)]
    if disabled:
        notes.append(f"disabled muscles left out: {', '.join(disabled)}")
    if idle:
        notes.append(f"muscles that cross no coordinate which moves left out: {', '.join(idle)}")
    gone = {*disabled, *idle}
    return replace(skeleton, muscles=tuple(m for m in skeleton.muscles if m.name not in gone)), notes


def _path_summary(skeleton: Skeleton, errors: Mapping[str, PathError]) -> list[str]:
    """The worst of the path fits in one sentence."""
    if not errors:
        return []
    by_length, by_arm = (max(errors, key=lambda name, k=key: getattr(errors[name], k)) for key in ("length", "arm"))
    terms = term_count([m.path for m in skeleton.muscles])
    return [
        f"{len(errors)} muscle paths as polynomials of {terms} terms together; worst RMS: length "
        f"{1e3 * errors[by_length].length:.2g} mm ({by_length}), arm {1e3 * errors[by_arm].arm:.2g} mm ({by_arm})"
    ]


def _with_contact(skeleton: Skeleton, wanted: bool) -> tuple[Skeleton, list[str]]:
    """The model's own spheres that act on a plane of the ground, else those of `foot_sphere`."""
    if not wanted:
        return replace(skeleton, contacts=(), planes=()), []
    planes = {p.name: p for p in skeleton.planes if p.segment == "ground"}
    own = tuple(s for s in skeleton.contacts if s.enabled and s.plane in planes)
    idle = [s.name for s in skeleton.contacts if s not in own]
    notes = [f"contact spheres left out, disabled or not against the ground: {', '.join(idle)}"] if idle else []
    if own:
        used = tuple(p for p in planes.values() if p.name in {s.plane for s in own})
        if len({floor_height(p) for p in used}) > 1:
            names = ", ".join(f"{p.name} at {floor_height(p):g} m" for p in used)
            raise ModelMismatch(f"{skeleton.name}: spheres touch floors of different heights ({names}); expected one.")
        return replace(skeleton, contacts=own, planes=used), notes
    spheres, floor, said = foot_spheres(skeleton)
    return replace(skeleton, contacts=spheres, planes=floor), [*notes, *said]

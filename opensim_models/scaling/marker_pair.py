"""Marker pairs: lengths that a model and a standing person both have, and the scale factors they give.

Joint centres come first (hip by regression, knees and ankles between their landmarks), skin landmarks after them; each
pair says along which axes of which segments it scales. Segments without a pair follow a neighbour, and that is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from opensim_models.inverse.segment_motion import marker_positions, segment_motions
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics
from opensim_models.scaling.scale_factor import Factors

Points = Mapping[str, np.ndarray]
_SHORTEST = 0.02
"""Lengths (m) of a model below this scale nothing."""


@dataclass(frozen=True)
class MarkerPair:
    """A length of a model and of a person.

    Attributes
    ----------
    segments : tuple of str
        Which it scales.
    axes : str
        Along which of their axes, e.g. ``"Y"``.
    ends : str
        Its ends, e.g. ``"hip_r - knee_r"``.
    model, person : float
        Length (m).
    """

    segments: tuple[str, ...]
    axes: str
    ends: str
    model: float
    person: float

    @property
    def factor(self) -> float:
        """Person / model."""
        return self.person / self.model


# Base name of the segments, axes, and the two ends; a side is put in where a name ends in an underscore.
_RULES: tuple[tuple[tuple[str, ...], str, str, str], ...] = (
    (("pelvis",), "Z", "asis_r", "asis_l"),
    (("pelvis",), "X", "asis_mid", "psis_mid"),
    (("femur_",), "Y", "hip_", "knee_"),
    (("tibia_",), "Y", "knee_", "ankle_"),
    (("talus_", "calcn_", "toes_"), "X", "heel_", "toe_"),
    (("talus_", "calcn_", "toes_"), "X", "heel_", "metatarsal_5_"),
    (("talus_", "calcn_", "toes_"), "Z", "metatarsal_1_", "metatarsal_5_"),
    (("torso",), "Y", "hip_mid", "c7"),
    (("torso",), "Y", "hip_mid", "acromion_mid"),
    (("torso",), "Z", "acromion_r", "acromion_l"),
)
# A segment without any pair takes the factors of the first of these that has some.
_NEIGHBOURS = {
    "patella": ("tibia", "femur"),
    "talus": ("calcn", "tibia"),
    "calcn": ("tibia",),
    "toes": ("calcn", "tibia"),
    "tibia": ("femur",),
    "femur": ("tibia", "pelvis"),
    "torso": ("pelvis",),
}


def model_points(skeleton: Skeleton, landmarks: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Landmarks and joint centres of a skeleton in its default pose (m).

    Parameters
    ----------
    skeleton : Skeleton
    landmarks : mapping of str to str
        Marker → landmark.
    """
    default = Kinematics(
        skeleton.coordinate_names, np.array([[c.default for c in skeleton.coordinates]], dtype=float), 1.0
    )
    places = dict(zip((m.name for m in skeleton.markers), marker_positions(skeleton, default)[0], strict=True))
    points = {mark: places[name] for name, mark in landmarks.items() if name in places}
    motions = segment_motions(skeleton, default)
    for side in "rl":
        names = {"hip": (f"femur_{side}",), "knee": (f"tibia_{side}",), "ankle": (f"talus_{side}", f"calcn_{side}")}
        for joint, carried in names.items():
            segment = next((name for name in carried if name in motions), None)
            if segment is not None:
                own = skeleton.segments[skeleton.segment_index(segment)].child_offset
                motion = motions[segment]
                points[f"{joint}_{side}"] = motion.origin[0] + motion.orientation[0].apply(own)
        for joint in ("knee", "ankle"):
            ends = [points.get(f"{joint}_{end}_{side}") for end in ("lateral", "medial")]
            if all(end is not None for end in ends):
                points[f"{joint}_{side}"] = np.mean(ends, axis=0)
    return points


def with_midpoints(points: Points) -> dict[str, np.ndarray]:
    """Points, and the midpoints of paired ones: ``asis_mid``, ``psis_mid`` (or the sacrum), ``hip_mid`` and so on."""
    made = dict(points)
    for name in ("asis", "psis", "hip", "acromion"):
        if {f"{name}_r", f"{name}_l"} <= set(points):
            made[f"{name}_mid"] = (points[f"{name}_r"] + points[f"{name}_l"]) / 2
    if "sacrum" in points:
        made.setdefault("psis_mid", points["sacrum"])
    return made


def marker_pairs(skeleton: Skeleton, model: Points, person: Points) -> list[MarkerPair]:
    """Pairs whose ends both sides have.

    Parameters
    ----------
    skeleton : Skeleton
    model, person : mapping of str to ndarray, shape (3,)
        Landmarks and joint centres under the same names (m).
    """
    model, person = with_midpoints(model), with_midpoints(person)
    if ("sacrum" in model) != ("sacrum" in person):  # a sacral marker is no partner of two spines
        for points in (model, person):
            if not {"psis_r", "psis_l"} <= set(points):
                points.pop("psis_mid", None)
    pairs = []
    for segments, axes, start, end in _RULES:
        sided = any(name.endswith("_") for name in segments)
        for side in "rl" if sided else ("",):
            a, b = (name + side if name.endswith("_") else name for name in (start, end))
            own = tuple(s for s in (f"{n}{side}" for n in segments) if s in skeleton.segment_names)
            if own and {a, b} <= set(model) and {a, b} <= set(person):
                lengths = [float(np.linalg.norm(points[a] - points[b])) for points in (model, person)]
                if lengths[0] > _SHORTEST:
                    pairs.append(MarkerPair(own, axes, f"{a} - {b}", *lengths))
    return pairs


def pair_factors(
    skeleton: Skeleton, pairs: list[MarkerPair], *, symmetrical: bool = True, otherwise: float = 1.0
) -> tuple[Factors, list[str]]:
    """Factors of every segment along its axes.

    An axis without a pair takes the mean of the segment's other axes; a segment without any, its neighbour's.

    Parameters
    ----------
    skeleton : Skeleton
    pairs : list of MarkerPair
    symmetrical : bool
        Left and right share their factors.
    otherwise : float
        For segments that neither a pair nor a neighbour tells, e.g. stature against the model's.

    Returns
    -------
    factors : mapping of str to 3 floats
    notes : list of str
        What follows a neighbour or is assumed.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for pair in pairs:
        for segment in pair.segments:
            for name in _both_sides(segment) if symmetrical else (segment,):
                for axis in pair.axes:
                    found.setdefault(name, {}).setdefault(axis, []).append(pair.factor)
    factors: dict[str, tuple[float, float, float]] = {}
    for name in skeleton.segment_names:
        if name in found:
            known = {axis: float(np.mean(values)) for axis, values in found[name].items()}
            rest = float(np.mean(list(known.values())))
            factors[name] = tuple(known.get(axis, rest) for axis in "XYZ")
    notes = []
    for name in skeleton.segment_names:
        if name in factors:
            continue
        base, _, side = name.partition("_")
        near = [f"{n}_{side}" if side and n not in ("pelvis", "torso") else n for n in _NEIGHBOURS.get(base, ())]
        chosen = next((n for n in near if n in factors), None)
        if chosen is not None:
            along = factors[chosen][1]
            factors[name] = (along, along, along)
            notes.append(f"{name}: no pair, as long as {chosen}")
        else:
            factors[name] = (otherwise,) * 3
            notes.append(f"{name}: no pair, {otherwise:.3f} by stature")
    return factors, notes


def _both_sides(segment: str) -> tuple[str, ...]:
    """A segment and its mirror image."""
    base, _, side = segment.rpartition("_")
    return (f"{base}_r", f"{base}_l") if side in ("r", "l") and base else (segment,)

"""Anthropometry: segment lengths, masses, mass centres and inertias of a person from published tables.

Tables to choose from (numbers in `segment_table`):

``winter``
    D. A. Winter, Biomechanics and Motor Control of Human Movement, 3rd ed. 2005, table 4.1 (after Dempster), one table
    for everybody.
``de_leva``
    P. de Leva, J Biomech 29:1223-1230, 1996, adjusted Zatsiorsky-Seluyanov parameters for women and men.
``dumas``
    R. Dumas et al., J Biomech 40:543-553, 2007: pelvis and legs, mass centres off the axes and full inertia tensors;
    what is above the lumbar joint has the rest of the mass, distributed as in ``de_leva``.
``jensen``
    R. K. Jensen, J Biomech 19:359-368, 1986, and 22:529-536, 1989: masses of boys of 6 to 18 years, linear in between;
    mass centres and radii of gyration of ``de_leva``. Needs the age.
``elderly``
    R. K. Jensen, P. Fletcher, J Biomech 27:89-96, 1994: masses of elderly women and men; otherwise ``de_leva``.

Segment lengths follow Winter's stature fractions (after Drillis and Contini) in all, so that two skeletons of one
person differ in mass distribution only unless they are scaled to markers; a child's longer head and shorter legs are
not represented before that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from opensim_models.generic.segment_table import DE_LEVA, DUMAS, ELDERLY, JENSEN, WINTER, WINTER_TRUNK
from opensim_models.model_mismatch import ModelMismatch

TABLES = ("winter", "de_leva", "dumas", "jensen", "elderly")

# Stature fractions. Hip-centre distance, lumbar joint height and the foot's rear length complete Winter's figure 4.1.
THIGH_LENGTH = 0.245
SHANK_LENGTH = 0.246
ANKLE_HEIGHT = 0.039
FOOT_LENGTH = 0.152
HEEL_LENGTH = 0.0333
HALF_HIP_DISTANCE = 0.049
LUMBAR_HEIGHT = 0.070
LUMBAR_SETBACK = 0.016
SHOULDER_HEIGHT = 0.288


@dataclass(frozen=True)
class SegmentParameters:
    """Mass properties of one segment.

    Attributes
    ----------
    mass : float
        kg.
    centre_of_mass : tuple of 3 floats
        m, in the segment frame of `catalogue` (joint centre, X forward, Y up, Z right).
    inertia : tuple of 3 floats
        Ixx, Iyy, Izz about the centre of mass (kg·m²).
    products : tuple of 3 floats
        Ixy, Ixz, Iyz of the inertia tensor (kg·m²); zero in tables without them. Right side, like the mass centre.
    """

    mass: float
    centre_of_mass: tuple[float, float, float]
    inertia: tuple[float, float, float]
    products: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def mirrored(self) -> SegmentParameters:
        """The same segment of the left side."""
        x, y, z = self.centre_of_mass
        xy, xz, yz = self.products
        return replace(self, centre_of_mass=(x, y, -z), products=(xy, -xz, -yz))


@dataclass(frozen=True)
class _Part:
    """A part of the trunk above the hips: mass fraction, height (m), radii of gyration (m) about X, Y, Z."""

    mass: float
    height: float
    radii: tuple[float, float, float]


def segment_parameters(
    mass: float, height: float, sex: str, table: str, age: float = math.nan
) -> dict[str, SegmentParameters]:
    """Mass properties of pelvis, torso (with head and arms), thigh, shank and foot.

    Parameters
    ----------
    mass : float
        Body mass (kg).
    height : float
        Stature (m).
    sex : str
        ``"female"``, ``"male"``; anything else takes the mean of both where the table distinguishes them.
    table : str
        One of `TABLES`.
    age : float
        Years; only ``"jensen"`` uses it.

    Returns
    -------
    dict of str to SegmentParameters
        The masses of the pelvis, the torso and twice the leg add up to `mass`. Legs are those of the right side.

    Raises
    ------
    ModelMismatch
        Mass or height is no positive number, the table is unknown, or it does not hold for that age.
    """
    if not (0 < mass < math.inf and 0 < height < math.inf):
        raise ModelMismatch(
            f"segment parameters: expected a body mass (kg) and a height (m) above zero, got {mass} and {height}. "
            "Give them in participants.csv (mass_kg, height_m), or as --mass and --height."
        )
    if table not in TABLES:
        raise ModelMismatch(f"anthropometric table {table!r} is unknown; choose one of {', '.join(TABLES)}.")
    if table == "winter":
        return _winter(mass, height)
    build = {"dumas": _dumas, "elderly": _elderly}.get(table, _de_leva)
    if table == "jensen":
        shares = _shares_at(age)

        def build(mass: float, height: float, sex: str) -> dict[str, SegmentParameters]:
            return _de_leva(mass, height, sex, shares)

    if sex in DE_LEVA:
        return build(mass, height, sex)
    both = [build(mass, height, s) for s in DE_LEVA]
    return {name: _mean(both[0][name], both[1][name]) for name in both[0]}


def _mean(a: SegmentParameters, b: SegmentParameters) -> SegmentParameters:
    def half(x: tuple[float, ...], y: tuple[float, ...]) -> tuple[float, ...]:
        return tuple((p + q) / 2 for p, q in zip(x, y, strict=True))

    return SegmentParameters(
        (a.mass + b.mass) / 2,
        half(a.centre_of_mass, b.centre_of_mass),
        half(a.inertia, b.inertia),
        half(a.products, b.products),
    )


def _leg_segment(mass: float, length: float, centre: float, radii: tuple[float, ...]) -> SegmentParameters:
    inertia = tuple(mass * (r * length) ** 2 for r in radii)
    return SegmentParameters(mass, (0.0, -centre * length, 0.0), inertia)


def _foot(mass: float, height: float, centre: float, radii: tuple[float, ...]) -> SegmentParameters:
    """Build a foot: its length runs forward from the heel, its mass lies half-way between ankle and sole."""
    length = FOOT_LENGTH * height
    forward = centre * length - HEEL_LENGTH * height
    inertia = tuple(mass * (r * length) ** 2 for r in radii)
    return SegmentParameters(mass, (forward, -0.5 * ANKLE_HEIGHT * height, 0.0), inertia)


def _above_hips(parts: dict[str, _Part], height: float) -> dict[str, SegmentParameters]:
    """Compose the pelvis and everything above the lumbar joint (heights above the hip centres)."""
    lumbar = LUMBAR_HEIGHT * height
    upper = [p for name, p in parts.items() if name != "pelvis"]
    mass = sum(p.mass for p in upper)
    centre = sum(p.mass * p.height for p in upper) / mass
    inertia = [sum(p.mass * p.radii[axis] ** 2 for p in upper) for axis in range(3)]
    spread = sum(p.mass * (p.height - centre) ** 2 for p in upper)
    inertia[0] += spread
    inertia[2] += spread
    pelvis = parts["pelvis"]
    # the trunk's mass hangs over the hips: the torso frame stands LUMBAR_SETBACK behind them
    forward = LUMBAR_SETBACK * height
    return {
        "pelvis": SegmentParameters(
            pelvis.mass, (0.0, pelvis.height, 0.0), tuple(pelvis.mass * r**2 for r in pelvis.radii)
        ),
        "torso": SegmentParameters(mass, (forward, centre - lumbar, 0.0), tuple(inertia)),
    }


def _winter(mass: float, height: float) -> dict[str, SegmentParameters]:
    lengths = {"thigh": THIGH_LENGTH * height, "shank": SHANK_LENGTH * height}
    legs = {}
    for name, length in lengths.items():
        fraction, centre, radius = WINTER[name]
        legs[name] = _leg_segment(fraction * mass, length, centre, (radius, 0.4 * radius, radius))
    fraction, centre, radius = WINTER["foot"]
    legs["foot"] = _foot(fraction * mass, height, centre, (0.5 * radius, radius, radius))
    trunk, span = WINTER_TRUNK, SHOULDER_HEIGHT * height
    pelvis_mass, trunk_mass = trunk["pelvis_mass"] * mass, trunk["mass"] * mass
    pelvis_height, pelvis_radius = 0.5 * LUMBAR_HEIGHT * height, 0.05 * height
    torso_mass = trunk_mass - pelvis_mass
    torso_height = (trunk_mass * trunk["centre"] * span - pelvis_mass * pelvis_height) / torso_mass
    # what remains of the head-arms-trunk inertia when the pelvis is taken out
    total = trunk_mass * (trunk["radius"] * span) ** 2
    pelvis_share = pelvis_mass * (pelvis_radius**2 + (trunk["centre"] * span - pelvis_height) ** 2)
    own = total - pelvis_share - torso_mass * (torso_height - trunk["centre"] * span) ** 2
    radius = (own / torso_mass) ** 0.5
    parts = {
        "pelvis": _Part(pelvis_mass, pelvis_height, (pelvis_radius,) * 3),
        "torso": _Part(torso_mass, torso_height, (radius, 0.5 * radius, radius)),
    }
    return legs | _above_hips(parts, height)


def _shares_at(age: float) -> dict[str, float]:
    """Mass percentages of a boy of that age, linear between the ages of the table."""
    youngest, oldest = min(JENSEN), max(JENSEN)
    if not youngest <= age <= oldest:
        raise ModelMismatch(
            f"Jensen's table holds from {youngest} to {oldest} years; the age is {age:g}. Give the age, or choose the "
            "table de_leva or elderly."
        )
    before = max(a for a in JENSEN if a <= age)
    after = min(a for a in JENSEN if a >= age)
    part = (age - before) / (after - before) if after > before else 0.0
    return {name: (1 - part) * JENSEN[before][name] + part * JENSEN[after][name] for name in JENSEN[before]}


def _elderly(mass: float, height: float, sex: str) -> dict[str, SegmentParameters]:
    return _de_leva(mass, height, sex, ELDERLY[sex])


def _percentages(sex: str, shares: Mapping[str, float] | None) -> dict[str, float]:
    """Mass percentages of de Leva's parts, or those of a table whose trunk is one part."""
    own = {name: row[0] for name, row in DE_LEVA[sex].items() if isinstance(row, tuple)}
    if shares is None:
        return own
    trunk = ("upper_trunk", "middle_trunk", "pelvis")
    ratio = shares["trunk"] / sum(own[name] for name in trunk)
    return {name: own[name] * ratio if name in trunk else shares[name] for name in own}


def _dumas(mass: float, height: float, sex: str) -> dict[str, SegmentParameters]:
    """Pelvis and legs of Dumas et al.; the torso keeps the rest of the mass."""
    table = DUMAS[sex]
    pelvis_length = table["pelvis_length"] * height
    # where the table counts from, in our frames: the pelvis from a lumbar joint above the hips, the foot from the heel
    layout = {
        "pelvis": (pelvis_length, (-LUMBAR_SETBACK * height * pelvis_length / (LUMBAR_HEIGHT * height), pelvis_length)),
        "thigh": (THIGH_LENGTH * height, (0.0, 0.0)),
        "shank": (SHANK_LENGTH * height, (0.0, 0.0)),
        "foot": (FOOT_LENGTH * height, (-HEEL_LENGTH * height, -0.5 * ANKLE_HEIGHT * height)),
    }
    segments = {}
    for name, (length, (x, y)) in layout.items():
        percent, centre, radii = table[name]
        own = percent / 100 * mass
        moments = [own * math.copysign((r / 100 * length) ** 2, r) for r in radii]
        at = (x + centre[0] / 100 * length, y + centre[1] / 100 * length, centre[2] / 100 * length)
        segments[name] = SegmentParameters(own, at, tuple(moments[:3]), tuple(moments[3:]))
    pelvis = segments["pelvis"]  # the asymmetry of a mean pelvis is no property of a generic person
    segments["pelvis"] = SegmentParameters(
        pelvis.mass, (*pelvis.centre_of_mass[:2], 0.0), pelvis.inertia, (pelvis.products[0], 0.0, 0.0)
    )
    torso = _de_leva(mass, height, sex)["torso"]
    rest = mass - pelvis.mass - 2 * sum(segments[name].mass for name in ("thigh", "shank", "foot"))
    segments["torso"] = replace(torso, mass=rest, inertia=tuple(i * rest / torso.mass for i in torso.inertia))
    return segments


def _de_leva(
    mass: float, height: float, sex: str, shares: Mapping[str, float] | None = None
) -> dict[str, SegmentParameters]:
    table, percentages = DE_LEVA[sex], _percentages(sex, shares)
    unit = height / table["stature"]  # m per mm of the table
    own = {"thigh": THIGH_LENGTH * height, "shank": SHANK_LENGTH * height}
    legs = {}
    for name, length in own.items():
        _, centre, radii, _ = table[name]
        legs[name] = _leg_segment(percentages[name] / 100 * mass, length, centre / 100, tuple(r / 100 for r in radii))
    _, centre, radii, _ = table["foot"]
    legs["foot"] = _foot(percentages["foot"] / 100 * mass, height, centre / 100, tuple(r / 100 for r in radii))
    # parts stand on one another; their tops, in mm above the hip centres
    tops = {"pelvis": table["pelvis"][3]}
    tops["middle_trunk"] = tops["pelvis"] + table["middle_trunk"][3]
    tops["upper_trunk"] = tops["middle_trunk"] + table["upper_trunk"][3]
    tops["head"] = tops["upper_trunk"] + table["head"][3]
    tops["upper_arm"] = table["shoulder"]
    tops["forearm"] = tops["upper_arm"] - table["upper_arm"][3]
    tops["hand"] = tops["forearm"] - table["forearm"][3]
    parts = {}
    for name, top in tops.items():
        _, centre, radii, length = table[name]
        sides = 2 if name in ("upper_arm", "forearm", "hand") else 1
        parts[name] = _Part(
            sides * percentages[name] / 100 * mass,
            (top - centre / 100 * length) * unit,
            tuple(r / 100 * length * unit for r in radii),
        )
    segments = legs | _above_hips(parts, height)
    # the tables' percentages add up to 99.9-100.2: the torso takes the rest
    rest = mass - segments["pelvis"].mass - 2 * sum(s.mass for s in legs.values())
    torso = segments["torso"]
    ratio = rest / torso.mass
    segments["torso"] = SegmentParameters(rest, torso.centre_of_mass, tuple(i * ratio for i in torso.inertia))
    return segments

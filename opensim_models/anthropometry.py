"""Anthropometry: segment lengths, masses, mass centres and inertias of a person from published tables.

Two tables to choose from:

``winter``
    D. A. Winter, Biomechanics and Motor Control of Human Movement, 3rd ed. 2005, table 4.1 (after Dempster), one table
    for everybody.
``de_leva``
    P. de Leva, J Biomech 29:1223-1230, 1996, adjusted Zatsiorsky-Seluyanov parameters for women and men.

Segment lengths follow Winter's stature fractions (after Drillis and Contini) in both, so that two skeletons of one
person differ in mass distribution only unless they are scaled to markers.
"""

from __future__ import annotations

from dataclasses import dataclass

from opensim_models.model_mismatch import ModelMismatch

TABLES = ("winter", "de_leva")

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
    """

    mass: float
    centre_of_mass: tuple[float, float, float]
    inertia: tuple[float, float, float]


@dataclass(frozen=True)
class _Part:
    """A part of the trunk above the hips: mass fraction, height (m), radii of gyration (m) about X, Y, Z."""

    mass: float
    height: float
    radii: tuple[float, float, float]


# de Leva 1996, tables 1 and 4: mass %, centre of mass % from the proximal end, radii of gyration % of length about the
# anteroposterior (X), longitudinal (Y) and mediolateral (Z) axes, length mm at stature 1735 (women), 1741 mm (men).
_DE_LEVA = {
    "female": {
        "stature": 1735.0,
        "head": (6.68, 48.41, (27.1, 26.1, 29.5), 243.7),
        "upper_trunk": (15.45, 50.50, (46.6, 44.9, 31.4), 228.0),
        "middle_trunk": (14.65, 45.12, (43.3, 41.5, 35.4), 205.3),
        "pelvis": (12.47, 49.20, (43.3, 44.4, 40.2), 181.5),
        "upper_arm": (2.55, 57.54, (27.8, 14.8, 26.0), 275.1),
        "forearm": (1.38, 45.59, (26.3, 9.5, 25.9), 264.3),
        "hand": (0.56, 34.27, (24.4, 15.4, 20.8), 170.1),
        "thigh": (14.78, 36.12, (36.9, 16.2, 36.4), 368.5),
        "shank": (4.81, 44.16, (27.1, 9.3, 26.7), 432.3),
        "foot": (1.29, 40.14, (13.9, 29.9, 27.9), 228.3),
        "shoulder": 497.9,
    },
    "male": {
        "stature": 1741.0,
        "head": (6.94, 50.02, (30.3, 26.1, 31.5), 242.9),
        "upper_trunk": (15.96, 50.66, (50.5, 46.5, 32.0), 242.1),
        "middle_trunk": (16.33, 45.02, (48.2, 46.8, 38.3), 215.5),
        "pelvis": (11.17, 61.15, (61.5, 58.7, 55.1), 145.7),
        "upper_arm": (2.71, 57.72, (28.5, 15.8, 26.9), 281.7),
        "forearm": (1.62, 45.74, (27.6, 12.1, 26.5), 268.9),
        "hand": (0.61, 36.24, (28.8, 18.4, 23.5), 189.9),
        "thigh": (14.16, 40.95, (32.9, 14.9, 32.9), 422.2),
        "shank": (4.33, 44.59, (25.5, 10.3, 24.9), 434.0),
        "foot": (1.37, 44.15, (12.4, 25.7, 24.5), 258.1),
        "shoulder": 515.5,
    },
}

# Winter 2005, table 4.1: mass fraction, centre of mass from the proximal joint, radius of gyration, as parts of length.
_WINTER = {"thigh": (0.100, 0.433, 0.323), "shank": (0.0465, 0.433, 0.302), "foot": (0.0145, 0.50, 0.475)}
_WINTER_TRUNK = {"mass": 0.678, "centre": 0.626, "radius": 0.496, "pelvis_mass": 0.142}


def segment_parameters(mass: float, height: float, sex: str, table: str) -> dict[str, SegmentParameters]:
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
        ``"winter"`` or ``"de_leva"``.

    Returns
    -------
    dict of str to SegmentParameters
        The masses of the pelvis, the torso and twice the leg add up to `mass`.
    """
    if not (mass > 0 and height > 0):
        raise ModelMismatch(
            f"segment parameters: expected a body mass (kg) and a height (m) above zero, got {mass} and {height}. "
            "Give them in participants.csv."
        )
    if table == "winter":
        return _winter(mass, height)
    if table != "de_leva":
        raise ModelMismatch(f"anthropometric table {table!r} is unknown; choose one of {', '.join(TABLES)}.")
    if sex in _DE_LEVA:
        return _de_leva(mass, height, sex)
    both = [_de_leva(mass, height, s) for s in _DE_LEVA]
    return {name: _mean(both[0][name], both[1][name]) for name in both[0]}


def _mean(a: SegmentParameters, b: SegmentParameters) -> SegmentParameters:
    def half(x: tuple[float, ...], y: tuple[float, ...]) -> tuple[float, ...]:
        return tuple((p + q) / 2 for p, q in zip(x, y, strict=True))

    return SegmentParameters(
        (a.mass + b.mass) / 2, half(a.centre_of_mass, b.centre_of_mass), half(a.inertia, b.inertia)
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
        fraction, centre, radius = _WINTER[name]
        legs[name] = _leg_segment(fraction * mass, length, centre, (radius, 0.4 * radius, radius))
    fraction, centre, radius = _WINTER["foot"]
    legs["foot"] = _foot(fraction * mass, height, centre, (0.5 * radius, radius, radius))
    trunk, span = _WINTER_TRUNK, SHOULDER_HEIGHT * height
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


def _de_leva(mass: float, height: float, sex: str) -> dict[str, SegmentParameters]:
    table = _DE_LEVA[sex]
    unit = height / table["stature"]  # m per mm of the table
    own = {"thigh": THIGH_LENGTH * height, "shank": SHANK_LENGTH * height}
    legs = {}
    for name, length in own.items():
        percent, centre, radii, _ = table[name]
        legs[name] = _leg_segment(percent / 100 * mass, length, centre / 100, tuple(r / 100 for r in radii))
    percent, centre, radii, _ = table["foot"]
    legs["foot"] = _foot(percent / 100 * mass, height, centre / 100, tuple(r / 100 for r in radii))
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
        percent, centre, radii, length = table[name]
        sides = 2 if name in ("upper_arm", "forearm", "hand") else 1
        parts[name] = _Part(
            sides * percent / 100 * mass,
            (top - centre / 100 * length) * unit,
            tuple(r / 100 * length * unit for r in radii),
        )
    segments = legs | _above_hips(parts, height)
    # the table's percentages add up to 99.9-100.1: the torso takes the rest
    rest = mass - segments["pelvis"].mass - 2 * sum(s.mass for s in legs.values())
    torso = segments["torso"]
    ratio = rest / torso.mass
    segments["torso"] = SegmentParameters(rest, torso.centre_of_mass, tuple(i * ratio for i in torso.inertia))
    return segments

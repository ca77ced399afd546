"""Published tables of body segments: the numbers only, each with its source; `anthropometry` turns them into segments.

How they were checked (2026-11-21): ``DE_LEVA`` against a public transcription of the paper's table 4 (BMClab/BMC,
data/BSP_ZdeLeva.txt; masses, centres and radii digit by digit), its lengths of thigh, shank and foot of men against
another (GabrielEGC/review-sim-amber-robot; parts of stature, four digits); ``DUMAS`` against the published code of the
HuMoD database (wojtusch/HuMoD, SubjectParameterEstimation.m); ``JENSEN`` and ``ELDERLY`` against the transcriptions of
wspr/body-segment-param. The other lengths of de Leva, the lengths of Dumas's pelvis and ``WINTER`` are unchecked.
"""

from __future__ import annotations

# P. de Leva, J Biomech 29:1223-1230, 1996, tables 1 and 4: mass %, centre of mass % from the proximal end, radii of
# gyration % of length about the anteroposterior (X), longitudinal (Y) and mediolateral (Z) axes, length in mm at
# stature 1735 (women), 1741 mm (men). Head from vertex to cervicale, upper trunk from cervicale to xiphion, shank to
# the lateral malleolus, hand to the third fingertip; the foot's long axis is X.
DE_LEVA = {
    "female": {
        "stature": 1735.0,
        "head": (6.68, 48.41, (27.1, 26.1, 29.5), 243.7),
        "upper_trunk": (15.45, 50.50, (46.6, 44.9, 31.4), 228.0),
        "middle_trunk": (14.65, 45.12, (43.3, 41.5, 35.4), 205.3),
        "pelvis": (12.47, 49.20, (43.3, 44.4, 40.2), 181.5),
        "upper_arm": (2.55, 57.54, (27.8, 14.8, 26.0), 275.1),
        "forearm": (1.38, 45.59, (26.1, 9.4, 25.7), 264.3),
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

# D. A. Winter, Biomechanics and Motor Control of Human Movement, 3rd ed. 2005, table 4.1: mass fraction, centre of mass
# from the proximal joint, radius of gyration about the transverse axis, as parts of length.
WINTER = {"thigh": (0.100, 0.433, 0.323), "shank": (0.0465, 0.433, 0.302), "foot": (0.0145, 0.50, 0.475)}
WINTER_TRUNK = {"mass": 0.678, "centre": 0.626, "radius": 0.496, "pelvis_mass": 0.142}

# R. Dumas, L. Chèze, J.-P. Verriest, J Biomech 40:543-553 and 1651-1652 (corrigendum), 2007: mass %, centre of mass %
# of length (x, y, z), radii of gyration % of length xx, yy, zz, and xy, xz, yz of the inertia tensor, negative where
# the paper writes an imaginary radius; right side. Thigh from the hip, shank from the knee, pelvis from the lumbar
# joint; the foot's length runs from the heel to the second toe and its values count from the heel.
DUMAS = {
    "female": {
        "pelvis": (14.6, (-0.9, -23.2, 0.2), (91.0, 100.0, 79.0, -34.0, -1.0, -1.0)),
        "thigh": (14.6, (-7.7, -37.7, 0.9), (31.0, 19.0, 32.0, 7.0, -2.0, -7.0)),
        "shank": (4.5, (-4.9, -40.4, 3.1), (28.0, 10.0, 28.0, 2.0, 1.0, 6.0)),
        "foot": (1.0, (44.3, 4.4, -2.5), (12.0, 25.0, 25.0, -7.0, 5.0, -3.0)),
        "pelvis_length": 107.0 / 1610.0,
    },
    "male": {
        "pelvis": (14.2, (2.8, -28.0, -0.6), (101.0, 106.0, 95.0, -25.0, -12.0, -8.0)),
        "thigh": (12.3, (-4.1, -42.9, 3.3), (29.0, 15.0, 30.0, 7.0, -2.0, -7.0)),
        "shank": (4.8, (-4.8, -41.0, 0.7), (28.0, 10.0, 28.0, -4.0, -2.0, 5.0)),
        "foot": (1.2, (43.6, -2.5, -0.7), (11.0, 25.0, 25.0, 9.0, -6.0, 0.0)),
        "pelvis_length": 94.0 / 1770.0,
    },
}
"""Pelvis lengths: lumbar to mid-hip joints over the mean stature of the paper's samples."""

# R. K. Jensen, J Biomech 19:359-368, 1986 (12 and 15 years) and 22:529-536, 1989 (6 and 18 years): boys, mass % by age.
JENSEN = {
    6: {
        "head": 18.2,
        "trunk": 43.0,
        "upper_arm": 2.4,
        "forearm": 1.3,
        "hand": 0.8,
        "thigh": 8.5,
        "shank": 4.6,
        "foot": 1.9,
    },
    12: {
        "head": 10.1,
        "trunk": 41.7,
        "upper_arm": 3.2,
        "forearm": 1.7,
        "hand": 0.9,
        "thigh": 11.0,
        "shank": 5.3,
        "foot": 2.1,
    },
    15: {
        "head": 6.7,
        "trunk": 41.6,
        "upper_arm": 3.5,
        "forearm": 1.7,
        "hand": 0.8,
        "thigh": 12.1,
        "shank": 5.6,
        "foot": 2.1,
    },
    18: {
        "head": 7.0,
        "trunk": 44.6,
        "upper_arm": 3.6,
        "forearm": 1.9,
        "hand": 0.9,
        "thigh": 11.4,
        "shank": 4.8,
        "foot": 1.7,
    },
}

# R. K. Jensen, P. Fletcher, J Biomech 27:89-96, 1994: elderly women and men, mass %; trunk = thorax and abdomen-pelvis.
ELDERLY = {
    "female": {
        "head": 7.4,
        "trunk": 46.2,
        "upper_arm": 3.2,
        "forearm": 1.1,
        "hand": 0.5,
        "thigh": 12.8,
        "shank": 4.4,
        "foot": 1.2,
    },
    "male": {
        "head": 6.9,
        "trunk": 51.5,
        "upper_arm": 3.2,
        "forearm": 1.8,
        "hand": 0.7,
        "thigh": 9.5,
        "shank": 4.3,
        "foot": 1.4,
    },
}

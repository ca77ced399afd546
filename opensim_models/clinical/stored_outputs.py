"""Stored outputs: what Vicon's Plug-in Gait wrote into a C3D file, in SI units and under this house's names.

Angles come in degrees, moments as ``Nmm``, which Nexus writes whether they were divided by body mass or not (by default
they are). That is decided here from their size and said. Order of the components: Vicon, Plug-in Gait reference guide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mocap_import.c3d.parameter import number, read_sections
from mocap_import.trial import MarkerTrial
from opensim_models.clinical.joint_angle import JointAngles
from opensim_models.clinical.joint_moment import JointMoments
from opensim_models.model_mismatch import ModelMismatch

# Output → names of its X, Y, Z components. Vicon's signs agree with ours but for the ankle's second one (eversion), as
# our own frames show: with them every stored angle comes out to 0.01 degrees.
_ANGLES = {
    "PelvisAngles": ("pelvis_anterior_tilt", "pelvis_obliquity", "pelvis_rotation"),
    "HipAngles": ("hip_flexion", "hip_adduction", "hip_rotation"),
    "KneeAngles": ("knee_flexion", "knee_varus", "knee_rotation"),
    "AnkleAngles": ("ankle_dorsiflexion", "ankle_inversion", "ankle_rotation"),
}
_TURNED = {"ankle_inversion"}
# External moments. Their second component at the ankle is not turned over as the angle's is: Vicon counts the angle
# towards eversion and the moment towards inversion. Our own moments of Plug-in Gait's segments in the distal frame show
# it on 29 legs of three laboratories: each of the nine components agrees best as it stands (median correlation 0.96 to
# 1.00; ankle inversion 0.996, and 0.003 N·m/kg RMS, turned over 0.071). A 30th leg's is stored as zeros.
_MOMENTS = {
    "HipMoment": ("hip_flexion", "hip_adduction", "hip_rotation"),
    "KneeMoment": ("knee_flexion", "knee_varus", "knee_rotation"),
    "AnkleMoment": ("ankle_dorsiflexion", "ankle_inversion", "ankle_rotation"),
}
_PLAUSIBLE_PEAK = (0.3, 6.0)
"""Peak sagittal moment (N·m/kg) of the legs from slow walking to sprinting."""


@dataclass(frozen=True)
class BodyMeasures:
    """What the laboratory measured on the person for Plug-in Gait; NaN where it did not.

    Attributes
    ----------
    leg_length, knee_width, ankle_width : dict of str to float
        Side (``"r"``, ``"l"``) → m.
    marker_diameter : float
        m.
    inter_asis : float
        Distance of the anterior spines (m).
    asis_trochanter : dict of str to float
        Sagittal distance spine-trochanter (m); empty where it was not measured and leg length stands in.
    thigh_rotation, shank_rotation, tibial_torsion : dict of str to float
        rad.
    ankle_lean : dict of str to float
        Ankle ab-adduction of a knee alignment device or medial markers (rad).
    plantar_flexion, foot_rotation : dict of str to float
        Offsets (rad) of the static trial, where the file has them.
    """

    leg_length: dict[str, float]
    knee_width: dict[str, float]
    ankle_width: dict[str, float]
    marker_diameter: float = 0.014
    inter_asis: float = math.nan
    asis_trochanter: dict[str, float] = field(default_factory=dict)
    thigh_rotation: dict[str, float] = field(default_factory=lambda: {"r": 0.0, "l": 0.0})
    shank_rotation: dict[str, float] = field(default_factory=lambda: {"r": 0.0, "l": 0.0})
    tibial_torsion: dict[str, float] = field(default_factory=lambda: {"r": 0.0, "l": 0.0})
    ankle_lean: dict[str, float] = field(default_factory=lambda: {"r": 0.0, "l": 0.0})
    plantar_flexion: dict[str, float] = field(default_factory=dict)
    foot_rotation: dict[str, float] = field(default_factory=dict)


def read_body_measures(path: Path) -> BodyMeasures:
    """Read the measures that Nexus keeps in a C3D file's group PROCESSING (mm, rad).

    Raises
    ------
    ModelMismatch
        The file cannot be read or has no such group.
    """
    path = Path(path)
    try:
        parameters = read_sections(path.read_bytes())[2]
    except (OSError, ValueError, IndexError) as error:
        raise ModelMismatch(f"{path}: expected a C3D file, but {error}.") from error
    group = next((g for g in parameters if g.upper() == "PROCESSING"), None)
    if group is None:
        raise ModelMismatch(f"{path}: no group PROCESSING with the person's measures; give them by hand.")
    names = {name.upper(): name for name in parameters[group]}

    def value(name: str) -> float:
        return number(parameters, group, names.get(name.upper(), name))

    def sides(name: str, factor: float, missing: float = math.nan) -> dict[str, float]:
        found = {side: value(f"{side.upper()}{name}") * factor for side in "rl"}
        return {side: missing if math.isnan(x) else x for side, x in found.items()}

    diameter = value("MarkerDiameter") / 1000.0
    return BodyMeasures(
        leg_length=sides("LegLength", 1e-3),
        knee_width=sides("KneeWidth", 1e-3),
        ankle_width=sides("AnkleWidth", 1e-3),
        marker_diameter=0.014 if math.isnan(diameter) else diameter,
        inter_asis=value("InterAsisDistance") / 1000.0,
        asis_trochanter={s: x for s, x in sides("AsisTrocanterDistance", 1e-3).items() if 0.0 < x < 0.2},
        thigh_rotation=sides("ThighRotation", 1.0, 0.0),
        shank_rotation=sides("ShankRotation", 1.0, 0.0),
        tibial_torsion=sides("TibialTorsion", 1.0, 0.0),
        ankle_lean=sides("AnkleAbAdd", 1.0, 0.0),
        plantar_flexion=sides("StaticPlantFlex", 1.0),
        foot_rotation=sides("StaticRotOff", 1.0),
    )


def stored_angles(trial: MarkerTrial) -> JointAngles:
    """Angles of pelvis, hips, knees and ankles that the file holds.

    Returns
    -------
    JointAngles
        Convention ``"plug_in_gait"``; all-zero frames, where Nexus had no pose, are NaN.

    Raises
    ------
    ModelMismatch
        No such output, or a unit that is none of an angle.
    """
    names, columns = [], []
    for output, components in _ANGLES.items():
        for side in "rl":
            label = f"{side.upper()}{output}"
            if label not in trial.model_outputs:
                continue
            factor = _angle_factor(trial, label)
            values = _known(trial.model_outputs[label]) * factor
            for k, name in enumerate(components):
                full = name if name == "pelvis_anterior_tilt" else f"{name}_{side}"
                if full not in names:
                    names.append(full)
                    columns.append(-values[:, k] if name in _TURNED else values[:, k])
    if not names:
        raise ModelMismatch(f"{trial.source or trial.name}: no Plug-in Gait angles among its model outputs.")
    return JointAngles(tuple(names), np.stack(columns, axis=1), trial.rate, "plug_in_gait", "stored")


def stored_moments(trial: MarkerTrial) -> JointMoments:
    """Moments of hips, knees and ankles that the file holds, as external moments (N·m).

    Raises
    ------
    ModelMismatch
        No such output, another unit, or an unknown body mass.
    """
    found = {
        f"{side.upper()}{output}": _known(trial.model_outputs[f"{side.upper()}{output}"])
        for output in _MOMENTS
        for side in "rl"
        if f"{side.upper()}{output}" in trial.model_outputs
    }
    where = trial.source or trial.name
    if not found:
        raise ModelMismatch(f"{where}: no Plug-in Gait moments among its model outputs.")
    if not trial.subject.mass > 0:
        raise ModelMismatch(f"{where}: the stored moments need a body mass (kg); give it in participants.csv.")
    factor, note = _moment_factor(trial, found)
    names, columns = [], []
    for label, values in found.items():
        side = label[0].lower()
        for k, name in enumerate(_MOMENTS[label[1:]]):
            names.append(f"{name}_{side}")
            columns.append(values[:, k] * factor)
    table = np.stack(columns, axis=1)
    return JointMoments(tuple(names), table, trial.rate, "external", "distal", trial.subject.mass, (note,))


def _known(values: np.ndarray) -> np.ndarray:
    """NaN instead of the exact zeros of frames without a pose."""
    return np.where((values == 0.0).all(axis=1, keepdims=True), np.nan, values)


def _angle_factor(trial: MarkerTrial, label: str) -> float:
    unit = trial.model_output_units.get(label, "deg").strip().lower()
    if unit in ("deg", "degree", "degrees", "°", ""):
        return math.pi / 180.0
    if unit in ("rad", "radian", "radians"):
        return 1.0
    raise ModelMismatch(f"{trial.source or trial.name}: {label} is in {unit!r}, expected deg or rad.")


def _moment_factor(trial: MarkerTrial, found: Mapping[str, np.ndarray]) -> tuple[float, str]:
    """Factor to N·m and the sentence that says how the unit was found."""
    label = next(iter(found))
    unit = trial.model_output_units.get(label, "").strip().lower().replace(" ", "").replace("·", "")
    lengths = {"nmm": 1e-3, "nm": 1.0}
    mass = trial.subject.mass
    stated = unit.removesuffix("/kg")
    if stated not in lengths:
        raise ModelMismatch(f"{trial.source or trial.name}: {label} is in {unit!r}, expected Nmm, Nm, Nmm/kg or Nm/kg.")
    if unit.endswith("/kg"):
        return lengths[stated] * mass, f"moments stored as {unit}"
    sagittal = [v[:, 0] for v in found.values()]
    peak = max(float(np.nanmax(np.abs(v))) for v in sagittal if np.isfinite(v).any()) * lengths[stated]
    low, high = _PLAUSIBLE_PEAK
    if low <= peak / mass <= high:
        return lengths[stated], f"moments stored as {unit}: peak {peak / mass:.2f} N·m/kg of {mass:.1f} kg"
    if low <= peak <= high:
        return lengths[stated] * mass, f"moments stated as {unit} are per kg: peak {peak:.2f} N·m/kg"
    raise ModelMismatch(
        f"{trial.source or trial.name}: stored moments with a peak of {peak:.3g} N·m (stated unit {unit}) fit neither "
        f"N·m nor N·m/kg of {mass:.1f} kg; check mass and unit."
    )

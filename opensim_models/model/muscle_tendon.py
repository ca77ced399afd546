"""Muscle-tendon unit: the parameters of a Hill-type muscle as plain numbers, with its path where it has been fitted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opensim_models.model.muscle_path import MusclePath, path_from_plain
from opensim_models.model_mismatch import ModelMismatch


@dataclass(frozen=True)
class MuscleTendon:
    """Parameters of one muscle.

    Attributes
    ----------
    name : str
    max_isometric_force : float
        N.
    optimal_fibre_length, tendon_slack_length : float
        m.
    pennation : float
        Angle at the optimal fibre length (rad).
    max_contraction_velocity : float
        Optimal fibre lengths per second.
    activation_time, deactivation_time : float, optional
        Time constants (s).
    tendon_strain : float, optional
        Of the tendon at the maximum isometric force.
    passive_strain : float, optional
        Of the passive fibre at the maximum isometric force.
    fibre_damping : float
        Maximum isometric forces per maximum contraction velocity.
    rigid_tendon : bool
        The model ignores the tendon's compliance.
    enabled : bool
        The model lets the muscle pull.
    curves : str
        OpenSim's class, whose curves the muscle has in the source model.
    path : MusclePath, optional
        Length and moment arms, from `opensim_models.muscle.path_fit`.
    """

    name: str
    max_isometric_force: float
    optimal_fibre_length: float
    tendon_slack_length: float
    pennation: float = 0.0
    max_contraction_velocity: float = 10.0
    activation_time: float | None = None
    deactivation_time: float | None = None
    tendon_strain: float | None = None
    passive_strain: float | None = None
    fibre_damping: float = 0.0
    rigid_tendon: bool = False
    enabled: bool = True
    curves: str = ""
    path: MusclePath | None = None

    @property
    def tendon_stiffness(self) -> float | None:
        """Mean stiffness (N/m) of the tendon up to the maximum isometric force; None where the strain is unknown."""
        if not self.tendon_strain or not self.tendon_slack_length:
            return None
        return self.max_isometric_force / (self.tendon_strain * self.tendon_slack_length)


_PASSIVE_STRAIN = ("passive_fiber_strain_at_one_norm_force", "FmaxMuscleStrain")


def muscle_from_description(content: Mapping[str, Any], where: str) -> MuscleTendon:
    """Build a muscle from what `opensim_models.osim.client.describe_model` says of it.

    Raises
    ------
    ModelMismatch
        A force or a length that no muscle has.
    """
    name, parameters = content["name"], content["parameters"]
    checked = {
        "max_isometric_force": content["max_isometric_force"] >= 0.0,
        "optimal_fibre_length": content["optimal_fibre_length"] > 0.0,
        "tendon_slack_length": content["tendon_slack_length"] >= 0.0,
        "max_contraction_velocity": content["max_contraction_velocity"] > 0.0,
        "pennation": abs(content["pennation"]) < 0.5 * math.pi,
    }
    for key, possible in checked.items():
        if not (possible and math.isfinite(content[key])):
            raise ModelMismatch(f"{where}: muscle {name} has {key} = {content[key]}, which no muscle has.")
    passive = next((parameters[key] for key in _PASSIVE_STRAIN if key in parameters), None)
    curve = parameters.get("FiberForceLengthCurve")
    if isinstance(curve, dict):
        passive = curve.get("strain_at_one_norm_force", passive)
    return MuscleTendon(
        name,
        content["max_isometric_force"],
        content["optimal_fibre_length"],
        content["tendon_slack_length"],
        content["pennation"],
        content["max_contraction_velocity"],
        content["activation_time_constant"],
        content["deactivation_time_constant"],
        content["tendon_strain"],
        passive,
        float(parameters.get("fiber_damping", 0.0)),
        bool(parameters.get("ignore_tendon_compliance", False)),
        bool(content["enabled"]),
        content["type"],
    )


def muscle_from_plain(content: Mapping[str, Any]) -> MuscleTendon:
    """Build a muscle from a dictionary of its fields, as JSON keeps it."""
    path = content.get("path")
    return MuscleTendon(**{**content, "path": None if path is None else path_from_plain(path)})

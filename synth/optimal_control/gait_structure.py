"""Gait structure: which equations a gait problem has, and where its variables and parameters stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth.optimal_control import node_functions as nodes
from synth.optimal_control.ground_contact import (
    CONTACT_MODELS,
)
from synth.optimal_control.muscle_table import MUSCLE_SETS
from synth.optimal_control.objective import N_MARKER_MOMENTS
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.layout import Layout

WIDE = 20.0
"""Bound (solver units) of variables that are not meant to be bounded: far from any gait, yet finite."""


@dataclass(frozen=True)
class GaitStructure:
    """Which equations a gait problem has.

    Attributes
    ----------
    mesh : Mesh
    muscles : str
        Name of a muscle set, or ``""`` for joint torques without muscles.
    contact : str
        Name of a contact model, or ``""`` where ground forces follow data alone.
    markers, imu : bool
        Whether markers or inertial sensors are followed.
    """

    mesh: Mesh
    muscles: str = ""
    contact: str = ""
    markers: bool = False
    imu: bool = False


def variable_layout(structure: GaitStructure) -> Layout:
    """Arrays of the solver's variables; rows are nodes."""
    n = structure.mesh.n_nodes
    shapes: dict[str, tuple[int, ...]] = {
        "coordinates": (n, nodes.N_Q),
        "speeds": (n, nodes.N_Q),
        "accelerations": (n, nodes.N_Q),
        "torques": (n, nodes.N_Q),
        "forces": (n, 6),
    }
    if structure.muscles:
        count = 2 * len(MUSCLE_SETS[structure.muscles].muscles)
        shapes |= {"activations": (n, count), "excitations": (n, count), "reserves": (n, 6)}
    if structure.contact:
        shapes["slack"] = (n, 6)
    shapes |= {"duration": (1,), "speed": (1,)}
    if structure.contact:
        shapes["contact"] = (2 * len(CONTACT_MODELS[structure.contact].points),)
    if structure.imu:
        shapes["mounting"] = (len(nodes.SENSOR_SEGMENTS),)
    return Layout(shapes)


def parameter_layout(structure: GaitStructure) -> Layout:
    """Arrays of the solver's parameters."""
    n = structure.mesh.n_nodes
    variables = variable_layout(structure)
    shapes: dict[str, tuple[int, ...]] = {
        "skeleton": (nodes.N_SKELETON,),
        "hip_offset": (n, 4),
        "weight": (1,),
        "height": (1,),
        "share": (1,),
        "one": (1,),
        "zero": (1,),
        "total_force": (n, 4),
        "pressure": (n, 2, 2),
        "stiffness": (1,),
        "rounding": (1,),
        "damping": (1,),
    }
    if structure.muscles:
        count = len(MUSCLE_SETS[structure.muscles].muscles)
        shapes |= {"strength": (2, count), "muscle_size": (1,), "activation_time": (1,)}
    if structure.markers:
        shapes["markers"] = (n, N_MARKER_MOMENTS * len(nodes.SEGMENTS))
    if structure.imu:
        count = len(nodes.SENSOR_SEGMENTS)
        shapes |= {"sensor_offset": (2 * count,), "imu": (n, 3 * count), "imu_weight": (n, 3 * count)}
    for name, shape in variables.shapes.items():
        shapes |= {f"target {name}": shape, f"precision {name}": shape}
        if len(shape) == 2:
            shapes[f"roughness {name}"] = (1, shape[1])
    return Layout(shapes)


def mirror_columns(name: str, count: int) -> np.ndarray:
    """Columns of a node array after right and left change places."""
    if name in ("coordinates", "speeds", "accelerations", "torques"):
        other = {"_r": "_l", "_l": "_r"}
        names = [c[:-2] + other[c[-2:]] if c[-2:] in other else c for c in nodes.COORDINATES]
        return np.array([nodes.COORDINATES.index(c) for c in names])
    half = count // 2
    return np.r_[half:count, 0:half]

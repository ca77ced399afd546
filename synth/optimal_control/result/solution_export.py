"""Solution export: a movement solution as the files that OpenSim's tools and GUI read beside the source model.

Coordinates are those of the source model, all of them: what the solution holds stands at its held value, what follows
follows. The ground acts at the centre of pressure where a foot is loaded; elsewhere the point stays at its nearest
loaded frame, and the torque is whatever makes the moment right, so that nothing is lost in either case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap_import.durable_file import write_durably
from mocap_import.export.external_load import external_loads_document
from mocap_import.plate.contact import SIDES
from mocap_import.plate.force_plate import FORCE_THRESHOLD
from opensim_models.exchange.storage import write_generalized_forces, write_motion
from opensim_models.exchange.storage_table import StorageTable, write_table
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.scalar_function import chain_and_derivatives
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics, Kinetics
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.result.solution_frames import SolutionFrames, solution_frames


@dataclass(frozen=True)
class ExportedFiles:
    """Where the files of a solution are; None for what it does not have.

    Attributes
    ----------
    coordinates, moments : Path
        .mot in degrees and metres; .sto in N·m and N.
    forces, loads : Path or None
        .mot of the ground reactions and the ExternalLoads .xml that says where they act.
    activations : Path or None
        .sto, one column a muscle.
    """

    coordinates: Path
    moments: Path
    forces: Path | None = None
    loads: Path | None = None
    activations: Path | None = None


def export_solution(
    solution: MovementSolution,
    model: Path,
    folder: Path,
    *,
    held: Mapping[str, float] | None = None,
    name: str = "movement",
    rate: float | None = None,
    start_time: float = 0.0,
) -> ExportedFiles:
    """Write a solution as files of OpenSim.

    Parameters
    ----------
    solution : MovementSolution
    model : Path
        The .osim that the solution's skeleton was prepared from; the files belong to it.
    folder : Path
        Made where it is not there.
    held : mapping, optional
        Coordinate of the model → value (rad or m) of those that do not move, as of `model_preparation.PreparedModel`.
    name : str
        First part of the files' names.
    rate : float, optional
        Hz; default: that of the nodes.
    start_time : float
        Time (s) of the first frame, e.g. that of the recording.

    Returns
    -------
    ExportedFiles

    Raises
    ------
    ModelMismatch
        The solution moves a coordinate that the model does not have, or the other way round and `held` does not say
        where it stays; or an array is not finite.
    OSError
        A file cannot be written; each is there whole or not at all.
    """
    frames = solution_frames(solution, rate)
    source, folder = read_osim(model), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = {"coordinates": folder / f"{name}_coordinates.mot", "moments": folder / f"{name}_moments.sto"}
    motion = source_motion(solution.skeleton, source, frames.coordinates, frames.rate, held or {})
    write_motion(files["coordinates"], motion, skeleton=source, start_time=start_time)
    kinetics = Kinetics(solution.skeleton.coordinate_names, frames.moments, frames.rate)
    write_generalized_forces(files["moments"], kinetics, start_time=start_time)
    if frames.loads.shape[1]:
        files |= {"forces": folder / f"{name}_forces.mot", "loads": folder / f"{name}_loads.xml"}
        _write_loads(files["forces"], files["loads"], solution, frames, start_time)
    if solution.muscles:
        files["activations"] = folder / f"{name}_activations.sto"
        table = StorageTable(solution.muscles, frames.activations, frames.rate, start_time, False, name="activations")
        write_table(files["activations"], table)
    return ExportedFiles(**files)


def _write_loads(
    forces: Path, loads: Path, solution: MovementSolution, frames: SolutionFrames, start_time: float
) -> None:
    """Ground reactions, and the document that says on which bodies they act."""
    feet = [reaction.foot for reaction in solution.ground_reactions]
    labels, columns = _load_columns(feet, frames.loads)
    write_table(forces, StorageTable(labels, columns, frames.rate, start_time, False, name=forces.stem))
    write_durably(loads, external_loads_document(forces, dict(zip(feet, solution.feet, strict=True))))


def source_motion(
    skeleton: Skeleton, source: Skeleton, values: np.ndarray, rate: float, held: Mapping[str, float]
) -> Kinematics:
    """Motion of a prepared skeleton in the coordinates of its source model: held and coupled ones among them.

    Parameters
    ----------
    skeleton, source : Skeleton
        The solution's, and that of the .osim.
    values : ndarray, shape (n_frames, n_q)
        Of the solution's skeleton (rad or m).
    rate : float
        Hz.
    held : mapping
        Coordinate → value (rad or m).

    Raises
    ------
    ModelMismatch
        See `export_solution`.
    """
    unknown = [name for name in skeleton.coordinate_names if name not in source.coordinate_names]
    still = [n for n in source.coordinate_names if n not in skeleton.coordinate_names and n not in held]
    if unknown or still:
        said = f"lacks {', '.join(unknown)}, which the solution moves" if unknown else ""
        said = said or f"has {', '.join(still)}, which the solution neither moves nor holds"
        raise ModelMismatch(f"{source.name}: the model {said}. Export with the model that the solution was made with.")
    columns = [
        values[:, skeleton.coordinate_index(name)]
        if name in skeleton.coordinate_names
        else np.full(len(values), float(held[name]))
        for name in source.coordinate_names
    ]
    for coupled in source.coupled:
        columns.append(np.asarray(chain_and_derivatives(coupled.functions, columns[coupled.coordinate])[0], float))
    names = (*source.coordinate_names, *(c.name for c in source.coupled))
    return Kinematics(names, np.stack([np.broadcast_to(c, len(values)) for c in columns], axis=1), rate)


def _load_columns(feet: list[str], loads: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Labels and columns of the ground reactions: force (N), point (m), torque about the point (N·m) of each foot."""
    sides = dict(SIDES)
    labels, columns = [], []
    for i, foot in enumerate(feet):
        side = sides[foot]
        labels += [f"ground_force_{side}_{kind}{axis}" for kind in "vp" for axis in "xyz"]
        labels += [f"ground_torque_{side}_{axis}" for axis in "xyz"]
        columns += [np.hstack(pressure_wrench(loads[:, i, :3], loads[:, i, 3:]))]
    return tuple(labels), np.hstack(columns)


def pressure_wrench(force: np.ndarray, moment: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Load about the ground's origin as a load at the centre of pressure.

    Parameters
    ----------
    force, moment : ndarray, shape (n, 3)
        N, N·m about the ground's origin.

    Returns
    -------
    force, point, torque : ndarray, shape (n, 3)
        The point is on the floor; without load it is that of the nearest loaded frame. The torque about it is vertical
        where a foot is loaded and whatever is left elsewhere.
    """
    loaded = force[:, 1] > FORCE_THRESHOLD
    vertical = np.where(loaded, force[:, 1], 1.0)
    point = np.stack([moment[:, 2], np.zeros(len(force)), 0.0 - moment[:, 0]], axis=1) / vertical[:, None]
    point = point[nearest_frame(loaded)] if loaded.any() else np.zeros_like(point)
    return force, point, moment - np.cross(point, force)


def nearest_frame(known: np.ndarray) -> np.ndarray:
    """Index of each frame's nearest known one; the later of two that are equally near.

    Parameters
    ----------
    known : ndarray of bool, shape (n,)
        At least one is.
    """
    on, frames = np.flatnonzero(known), np.arange(len(known))
    after = np.minimum(np.searchsorted(on, frames), len(on) - 1)
    before = np.maximum(after - 1, 0)
    return on[np.where(np.abs(on[before] - frames) < np.abs(on[after] - frames), before, after)]

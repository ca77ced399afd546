"""Motion files of OpenSim: coordinates (.mot), orientations and generalized forces (.sto), as our own types.

Angles are written in degrees, as OpenSim's tools and GUI expect, but for coupled coordinates (``knee_angle_r_beta``),
which OpenSim writes and reads in radians even there; lengths in metres.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from opensim_models.exchange.storage_table import StorageTable, read_table, write_table
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import Kinematics, Kinetics

# Coordinates that are lengths; everything else in a coordinate file is an angle, unless a skeleton says otherwise.
_TRANSLATIONS = ("_tx", "_ty", "_tz")
_COUPLED = "_beta"
_FORCE_WORDS = ("ground_force", "ground_torque", "_moment", "_force")
_MOMENT, _FORCE = "_moment", "_force"
_SHORT = 0.01
"""Quaternions may be this far from length one. Further off they are damaged: one real file had been filtered number by
number across changes of sign, which left lengths from 0.4 to 1.3 and rotations that never were."""


def write_motion(
    path: Path,
    kinematics: Kinematics,
    *,
    skeleton: Skeleton | None = None,
    degrees: bool = True,
    start_time: float = 0.0,
) -> None:
    """Write coordinates over time.

    Parameters
    ----------
    path : Path
        Ends in ``.mot`` (or ``.sto``).
    kinematics : Kinematics
    skeleton : Skeleton, optional
        Says which coordinates are lengths and which are coupled; their names do without one.
    degrees : bool, default True
        Angles in degrees; False writes radians.
    start_time : float, default 0
        Time of the first frame (s).
    """
    factor = np.array([_to_radians(name, skeleton, degrees) for name in kinematics.coordinates])
    values = kinematics.values / factor if len(factor) else kinematics.values
    write_table(
        path,
        StorageTable(kinematics.coordinates, values, kinematics.rate, start_time, degrees, name="Coordinates"),
    )


def read_motion(path: Path, *, skeleton: Skeleton | None = None) -> Kinematics:
    """Read a file of coordinates: .mot of inverse kinematics, or the values of a states file.

    The rate is that of the header, or the round number that the rounded times leave open. A file that does not say
    ``inDegrees`` holds degrees if an angle exceeds 2π. Coupled coordinates of a
    file in degrees are taken in radians, as OpenSim writes them, unless the coordinate they follow shows that another
    program wrote degrees.

    Parameters
    ----------
    path : Path
    skeleton : Skeleton, optional
        Says which coordinates are lengths and which are coupled; their names do without one.

    Returns
    -------
    Kinematics
        rad and m.

    Raises
    ------
    ModelMismatch
        The file is missing, is no motion file, holds forces or tuples, or its times make no constant rate.
    """
    table = read_table(path)
    if table.values.ndim == 3:
        raise ModelMismatch(f"{path}: holds {table.data_type} columns, not coordinates; read it as orientations.")
    forces = [label for label in table.labels if any(word in label for word in _FORCE_WORDS)]
    if forces and len(forces) == len(table.labels):
        raise ModelMismatch(f"{path}: holds forces ({forces[0]}, ...), not coordinates.")
    table = _states_as_coordinates(table)
    degrees = _looks_like_degrees(table, skeleton) if table.in_degrees is None else table.in_degrees
    factor = np.array([_to_radians(name, skeleton, degrees) for name in table.labels])
    for k, name in enumerate(table.labels):
        if degrees and _is_coupled(name, skeleton) and _written_in_degrees(name, table):
            factor[k] = np.pi / 180.0
    return Kinematics(table.labels, table.values * factor, table.rate)


def _looks_like_degrees(table: StorageTable, skeleton: Skeleton | None) -> bool:
    """Whether angles of a file that does not say so are degrees: beyond a full turn of radians."""
    angles = [k for k, name in enumerate(table.labels) if _to_radians(name, skeleton, True) != 1.0]
    values = table.values[:, angles]
    return bool(np.isfinite(values).any() and np.nanmax(np.abs(values)) > 2 * np.pi)


def _to_radians(name: str, skeleton: Skeleton | None, degrees: bool) -> float:
    """Factor from the file's unit to rad or m."""
    kinds = {c.name: c.kind for c in (*skeleton.coordinates, *skeleton.coupled)} if skeleton else {}
    length = kinds[name] == "translation" if name in kinds else name.endswith(_TRANSLATIONS)
    return 1.0 if length or not degrees or _is_coupled(name, skeleton) else np.pi / 180.0


def _is_coupled(name: str, skeleton: Skeleton | None) -> bool:
    if skeleton is not None and name in skeleton.coordinate_names:
        return False
    return name.endswith(_COUPLED) or (skeleton is not None and name in {c.name for c in skeleton.coupled})


def _written_in_degrees(name: str, table: StorageTable) -> bool:
    """Whether a coupled column of a file in degrees runs with the one it follows in degrees, not in radians."""
    followed = name.removesuffix(_COUPLED)
    if followed == name or followed not in table.labels:
        return False
    own, main = (table.values[:, table.labels.index(label)] for label in (name, followed))
    if not np.isfinite(own + main).any() or np.nanmax(np.abs(main)) < 5.0:
        return False  # too small a movement to tell
    return bool(np.nanmean(np.abs(own - main)) < np.nanmean(np.abs(np.degrees(own) - main)))


def _states_as_coordinates(table: StorageTable) -> StorageTable:
    """Coordinate values of a states file (``/jointset/hip_r/hip_flexion_r/value``); other tables as they are."""
    wanted = [k for k, label in enumerate(table.labels) if label.startswith("/") and label.endswith("/value")]
    if not wanted:
        return table
    labels = tuple(table.labels[k].split("/")[-2] for k in wanted)
    degrees = bool(table.in_degrees)
    return StorageTable(labels, table.values[:, wanted], table.rate, table.start_time, degrees)


def write_orientations(
    path: Path, orientations: Mapping[str, Rotation], rate: float, *, start_time: float = 0.0
) -> None:
    """Write orientations of sensors or segments as OpenSense reads them: quaternions w, x, y, z.

    Parameters
    ----------
    path : Path
        Ends in ``.sto``.
    orientations : mapping of str to Rotation, each of length n_frames
        ``"tibia_r_imu"`` → sensor → ground.
    rate : float
        Hz.
    start_time : float
        s.
    """
    if not orientations:
        raise ModelMismatch(f"{path}: no orientation to write.")
    lengths = {len(rotation) for rotation in orientations.values()}
    if len(lengths) != 1:
        raise ModelMismatch(f"{path}: orientations of different lengths {sorted(lengths)}; cut them to one trial.")
    values = np.stack([r.as_quat(scalar_first=True) for r in orientations.values()], axis=1)
    write_table(path, StorageTable(tuple(orientations), values, rate, start_time, None, "Quaternion"))


def read_orientations(path: Path) -> tuple[dict[str, Rotation], np.ndarray, float]:
    """Read orientations of an OpenSense .sto file.

    Returns
    -------
    orientations : dict of str to Rotation, each of length n_frames
        Sensor → ground; the identity where the file has NaN, zeros, or a quaternion whose length is not one.
    known : ndarray of bool, shape (n_frames, n_sensors)
        Where an orientation is one, sensors in the order of the file.
    rate : float
        Hz.

    Raises
    ------
    ModelMismatch
        Not a file of quaternions, or most of them are none.
    """
    table = read_table(path)
    if table.values.ndim != 3 or table.values.shape[2] != 4:
        raise ModelMismatch(f"{path}: expected DataType=Quaternion with w,x,y,z in every cell, got {table.data_type}.")
    values = table.values.copy()
    length = np.linalg.norm(values, axis=2)
    known = np.abs(np.nan_to_num(length) - 1.0) <= _SHORT
    odd = np.isfinite(length) & (length > 0) & ~known
    if odd.mean() > 0.5:
        row, column = np.argwhere(odd)[0]
        raise ModelMismatch(
            f"{path}: most cells are no quaternions of length 1 ({table.labels[column]} in data row {row + 1} has "
            f"{length[row, column]:.3g}); these are other numbers than orientations."
        )
    values[~known] = (1.0, 0.0, 0.0, 0.0)
    found = {label: Rotation.from_quat(values[:, k], scalar_first=True) for k, label in enumerate(table.labels)}
    return found, known, table.rate


def write_generalized_forces(path: Path, kinetics: Kinetics, *, start_time: float = 0.0) -> None:
    """Write generalized forces as OpenSim's inverse dynamics does: ``hip_flexion_r_moment``, ``pelvis_tx_force``."""
    labels = tuple(name + (_FORCE if name.endswith(_TRANSLATIONS) else _MOMENT) for name in kinetics.coordinates)
    table = StorageTable(
        labels,
        kinetics.generalized_forces,
        kinetics.rate,
        start_time,
        False,
        name="Inverse Dynamics Generalized Forces",
    )
    write_table(path, table)


def read_generalized_forces(path: Path) -> Kinetics:
    """Read generalized forces of OpenSim's inverse dynamics (N·m, N).

    Raises
    ------
    ModelMismatch
        Not such a file.
    """
    table = read_table(path)
    strange = [label for label in table.labels if not label.endswith((_MOMENT, _FORCE))]
    if table.values.ndim != 2 or strange:
        raise ModelMismatch(
            f"{path}: expected columns such as hip_flexion_r_moment and pelvis_tx_force, got "
            f"{(strange or table.labels)[0]!r}; is it a file of inverse dynamics?"
        )
    names = tuple(label.removesuffix(_MOMENT).removesuffix(_FORCE) for label in table.labels)
    return Kinetics(names, table.values, table.rate)

"""OpenSim for every other process: functions that run it in a worker and give back names, numbers and arrays.

Nothing here imports `opensim`, so these functions work in a script that has imported CasADi, which cannot share a
process with it, as well as in one that has imported `opensim`. One worker is started at the first call and lives on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mocap_import.batch import WorkerFailed, WorkerProcess
from opensim_models.model_mismatch import ModelMismatch

if TYPE_CHECKING:
    from opensim_models.skeleton import Skeleton

PATIENCE = 60.0  # s for loading a model and what does not grow with the number of frames
PATIENCE_PER_FRAME = 0.05  # s; the slowest model measured takes 0.0004
_worker = WorkerProcess(timeout=PATIENCE)


def describe_model(path: Path | str) -> dict[str, Any]:
    """Describe an OpenSim model as plain data.

    Parameters
    ----------
    path : Path
        An .osim file.

    Returns
    -------
    dict
        ``name``, ``gravity`` (m/s²) and lists of dictionaries:
        ``coordinates`` (name, motion_type rotation|translation|coupled, default, range_min, range_max, locked,
        clamped), ``bodies`` (name, mass, centre_of_mass, inertia xx yy zz xy xz yz about the centre of mass),
        ``joints`` (name, type, parent, child, parent_offset, parent_orientation, child_offset, child_orientation,
        axes), ``couplers`` (name, dependent, independent, function, enforced), ``markers`` (name, body, offset),
        ``contact_geometry`` (name, type, body, offset, radius), ``muscles`` (name, type, max_isometric_force,
        optimal_fibre_length, tendon_slack_length, pennation), ``unsupported`` (name, type, reason).
        An orientation is the 3 x 3 matrix joint frame → body. ``axes`` holds six: three rotations, body-fixed one
        after the other, then three translations in the joint's parent frame, applied before the rotations; each has
        kind, axis (unit), coordinate (or None) and function. A function has a type: constant, linear and polynomial
        have ``coefficients``, the constant term first; spline and sampled have ``source`` (OpenSim's class),
        ``points`` (knots x, y) where there are any, and dense ``samples`` (x, y).

    Raises
    ------
    ModelMismatch
        The file is missing, empty, or not a model.
    """
    return _call("model_description:describe", path=_text(path))


def body_poses(
    path: Path | str, coordinates: Sequence[str], values: np.ndarray, bodies: Sequence[str] | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Where bodies are, for coordinate values.

    Parameters
    ----------
    path : Path
    coordinates : sequence of str
        Names of the columns of `values`; others stand at their default, coupled ones follow.
    values : (n, n_coordinates) array
        rad or m. Frames with NaN give NaN.
    bodies : sequence of str, optional
        Default: all.

    Returns
    -------
    dict
        Body → (origins (n, 3) m in the ground frame, rotations body → ground (n, 3, 3)).
    """
    named = None if bodies is None else list(bodies)
    arguments = {"coordinates": list(coordinates), "values": np.asarray(values, dtype=float), "bodies": named}
    return _call("body_kinematics:body_poses", path=_text(path), **arguments)


def marker_positions(
    path: Path | str, coordinates: Sequence[str], values: np.ndarray, markers: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Where the model's markers are: marker → (n, 3) m, ground frame; arguments as of `body_poses`."""
    named = None if markers is None else list(markers)
    arguments = {"coordinates": list(coordinates), "values": np.asarray(values, dtype=float), "markers": named}
    return _call("body_kinematics:marker_positions", path=_text(path), **arguments)


def inverse_dynamics(
    path: Path | str, coordinates: Sequence[str], q: np.ndarray, qd: np.ndarray, qdd: np.ndarray
) -> np.ndarray:
    """Generalized forces by OpenSim, muscles, contact and ground reactions left out.

    Parameters
    ----------
    path : Path
    coordinates : sequence of str
        Names of the columns; others stand still at their default, coupled ones follow and their force counts for the
        coordinate that drives them.
    q, qd, qdd : (n, n_coordinates) arrays
        Values, speeds and accelerations (rad or m, s).

    Returns
    -------
    (n, n_coordinates) array
        N·m or N, in the order of `coordinates`.
    """
    tables = {name: np.asarray(table, dtype=float) for name, table in (("q", q), ("qd", qd), ("qdd", qdd))}
    arguments = {"coordinates": list(coordinates), **tables}
    return _call("inverse_dynamics:inverse_dynamics", path=_text(path), **arguments)


def build_model(skeleton: Skeleton | dict[str, Any], path: Path | str) -> None:
    """Write a skeleton as an OpenSim model file.

    Raises
    ------
    ModelMismatch
        A joint's chain of elements is not up to three translations followed by up to three rotations.
    """
    plain = asdict(skeleton) if is_dataclass(skeleton) else skeleton
    _call("model_build:build_model", skeleton=plain, path=_text(path))


def check_model(path: Path | str) -> dict[str, Any]:
    """Assemble a model and report on it: path, name, mass (kg), counts of its parts, and findings in sentences."""
    return _call("model_check:check", path=_text(path))


def close_opensim() -> None:
    """End the OpenSim process of this process, if there is one; the next call starts another."""
    _worker.close()


def _call(function: str, **arguments: Any) -> Any:
    """Call the worker; its refusals are ours, and a model that crashes OpenSim is refused too."""
    try:
        timeout = PATIENCE + PATIENCE_PER_FRAME * max(map(_n_frames, arguments.values()))
        return _worker.call(f"opensim_models.osim.{function}", arguments, timeout)
    except WorkerFailed as failure:
        if failure.error_type == ModelMismatch.__name__:
            raise ModelMismatch(failure.message) from None
        if failure.error_type in {"ModuleNotFoundError", "ImportError"}:
            raise ModelMismatch(
                f"OpenSim cannot be imported ({failure.message}). `kinesynth doctor` says what is missing."
            ) from failure
        if failure.error_type in {"OSError", "PermissionError", "FileNotFoundError"}:
            raise OSError(failure.message) from failure
        if failure.signal in {"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE"}:
            raise ModelMismatch(f"{arguments['path']}: this model crashed OpenSim ({failure.signal}).") from failure
        raise


def _n_frames(argument: Any) -> int:
    """Rows of a table; 0 for anything else."""
    return len(argument) if isinstance(argument, np.ndarray) and argument.ndim else 0


def _text(path: Path | str) -> str:
    """Absolute path as text: the worker may have another working folder."""
    if not str(path):
        raise ModelMismatch("Expected the path of an OpenSim model; got an empty one.")
    return str(Path(path).absolute())

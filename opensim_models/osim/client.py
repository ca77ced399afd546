"""OpenSim for every other process: functions that run it in a worker and give back names, numbers and arrays.

Nothing here imports `opensim`, so these functions work in a script that has imported CasADi, which cannot share a
process with it, as well as in one that has imported `opensim`. One worker is started at the first call and lives on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mocap_import.batch import WorkerFailed, WorkerProcess
from opensim_models.model_mismatch import ModelMismatch

if TYPE_CHECKING:
    from opensim_models.model.skeleton import Skeleton

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
        clamped, prescribed: a function of time or None), ``bodies`` (name, mass, centre_of_mass, inertia xx yy zz xy
        xz yz about the centre of mass), ``joints`` (name, type, parent, child, parent_offset, parent_orientation,
        child_offset, child_orientation, axes), ``couplers`` (name, dependent, independent, function, enforced),
        ``markers`` (name, body, offset), ``frames`` and ``sensors`` (offset frames; the frames of IMUs),
        ``contact_geometry`` (name, type, body, offset, orientation, radius; a half space fills the side of its own x
        axis), ``contact_forces`` (name, type, enabled, connected_to, parameters, and ``sets``: geometries, stiffness,
        dissipation and friction coefficients), ``forces`` (all others but muscles: name, type, enabled, connected_to,
        parameters), ``muscles`` (name, type, enabled, max_isometric_force, optimal_fibre_length, tendon_slack_length,
        pennation, max_contraction_velocity, tendon_strain, activation_time_constant, deactivation_time_constant,
        parameters: all of the class, and ``path``), ``wraps`` (name, type, body, offset, orientation, quadrant,
        active, dimensions), ``controllers`` and ``unsupported`` (name, type, reason).
        An orientation is the 3 x 3 matrix frame → body. ``axes`` holds six: three rotations, body-fixed one after the
        other, then three translations in the joint's parent frame, applied before the rotations; each has kind, axis
        (unit), coordinate (or None) and function; None for a joint that has no such form. A function has ``source``
        (OpenSim's class), ``coefficients`` and, made of pieces, ``breaks`` as of
        `opensim_models.model.scalar_function.PiecewisePolynomial`, with ``deviation``, the largest difference from
        OpenSim's values; fitted ones also the ``range`` of the fit. A path has type and, if geometric, ``points``
        (name, type, body, offset; conditional ones coordinate and range; moving ones functions of coordinates along
        the axes of the frame that offset and orientation give) and ``wraps`` (object, method, range of points).

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


def build_model(
    skeleton: Skeleton | dict[str, Any],
    path: Path | str,
    paths: Mapping[str, Sequence[Any]] | None = None,
    credits: str = "",
) -> list[str]:
    """Write a skeleton as an OpenSim model file, with its contact spheres and planes.

    Parameters
    ----------
    skeleton : Skeleton
    path : Path
    paths : mapping, optional
        Muscle of the skeleton → its points (`opensim_models.generic.muscle_geometry.PathPoint`).
    credits : str
        OpenSim's field for authors and sources.

    Returns
    -------
    list of str
        Names of the muscles that are not in the file because `paths` has no points of them.

    Raises
    ------
    ModelMismatch
        A joint's chain of elements is not up to three translations followed by up to three rotations.
    """
    plain = asdict(skeleton) if is_dataclass(skeleton) else skeleton
    points = {name: [asdict(p) if is_dataclass(p) else p for p in route] for name, route in (paths or {}).items()}
    return _call("model_build:build_model", skeleton=plain, path=_text(path), paths=points, credits=credits)


def check_model(path: Path | str) -> dict[str, Any]:
    """Assemble a model and report on it: path, name, mass (kg), counts of its parts, and findings in sentences."""
    return _call("model_check:check", path=_text(path))


def track_markers(
    path: Path | str,
    labels: Sequence[str],
    positions: np.ndarray,
    rate: float,
    *,
    weights: Mapping[str, float] | None = None,
    accuracy: float = 1e-5,
) -> dict[str, Any]:
    """Inverse kinematics by OpenSim's InverseKinematicsTool: the peer of ours, on copies in a temporary folder.

    Parameters
    ----------
    path : Path
    labels : sequence of str
        Those that the model has are tracked.
    positions : (n_frames, n_markers, 3) array
        m, ground frame; NaN = occluded.
    rate : float
        Hz.
    weights : mapping, optional
        Marker → weight, 1 where absent.
    accuracy : float
        OpenSim's setting; 1e-5 is its default.

    Returns
    -------
    dict
        ``coordinates``, ``values`` (n_frames, n_coordinates) in rad and m, and ``cpu_seconds`` of the tool alone.
    """
    arguments = {"labels": list(labels), "positions": np.asarray(positions, dtype=float), "rate": float(rate)}
    settings = {"weights": dict(weights or {}), "accuracy": float(accuracy)}
    return _call("inverse_kinematics_tool:track_markers", path=_text(path), **arguments, **settings)


def demand_forces(
    path: Path | str,
    coordinates: Sequence[str],
    values: np.ndarray,
    rate: float,
    loads: Sequence[Mapping[str, Any]] = (),
    *,
    cutoff: float = -1.0,
) -> dict[str, Any]:
    """Inverse dynamics by OpenSim's InverseDynamicsTool: the peer of ours, on copies in a temporary folder.

    Parameters
    ----------
    path : Path
    coordinates : sequence of str
        Names of the columns of `values`.
    values : (n_frames, n_coordinates) array
        rad or m.
    rate : float
        Hz.
    loads : sequence of mappings
        ``body``, ``force`` (N), ``point`` (m), ``moment`` (N·m), each (n_samples, 3) in the ground frame, and ``rate``
        (Hz), the same for all.
    cutoff : float
        OpenSim's low-pass (Hz) of the coordinates; negative: none.

    Returns
    -------
    dict
        ``coordinates``, ``forces`` (n_frames, n_coordinates) in N·m and N, and ``cpu_seconds`` of the tool alone.
    """
    plain = [dict(load) for load in loads]
    arguments = {"coordinates": list(coordinates), "values": np.asarray(values, dtype=float), "rate": float(rate)}
    return _call(
        "inverse_dynamics_tool:demand_forces", path=_text(path), **arguments, loads=plain, cutoff=float(cutoff)
    )


def scale_model(
    path: Path | str,
    out: Path | str,
    factors: Mapping[str, Sequence[float]],
    mass: float,
    *,
    markers: Mapping[str, Sequence[float]] | None = None,
    added: Mapping[str, tuple[str, Sequence[float]]] | None = None,
    name: str = "",
) -> dict[str, Any]:
    """Scale a model by OpenSim's ScaleTool, on copies in a temporary folder, and write it.

    Parameters
    ----------
    path : Path
        The generic model; it is not touched.
    out : Path
        The scaled .osim, whole or not at all.
    factors : mapping of str to 3 numbers
        Body → factors along its X, Y and Z axis; others keep their size.
    mass : float
        Of the subject (kg); the distribution of the masses is kept.
    markers : mapping of str to 3 numbers, optional
        Marker → new place (m) in its body; every other marker stretches with its body. None is dropped.
    added : mapping of str to (body, 3 numbers), optional
        New marker → body and place (m).
    name : str
        Of the scaled model; the generic one's if empty.

    Returns
    -------
    dict
        ``mass`` and ``masses`` (kg).

    Raises
    ------
    ModelMismatch
        No such model, body or marker; a factor or the mass is not above zero; the tool refuses.
    """
    plain = {body: [float(f) for f in own] for body, own in factors.items()}
    bad = [body for body, own in plain.items() if len(own) != 3 or not all(0 < f < np.inf for f in own)]
    if bad or not 0 < mass < np.inf:
        what = f"factors of {bad[0]} {plain[bad[0]]}" if bad else f"body mass {mass} kg"
        raise ModelMismatch(f"{path}: scaling needs numbers above zero, got {what}.")
    places = {marker: [float(x) for x in offset] for marker, offset in (markers or {}).items()}
    new = {marker: [body, [float(x) for x in offset]] for marker, (body, offset) in (added or {}).items()}
    settings = {"factors": plain, "mass": float(mass), "markers": places, "name": name, "out": _text(out)}
    settings["added"] = new
    return _call("scale_tool:scale_model", path=_text(path), **settings)


def close_opensim() -> None:
    """End the OpenSim process of this process, if there is one; the next call starts another."""
    _worker.close()


def _call(function: str, more_patience: float = 0.0, /, **arguments: Any) -> Any:
    """Call the worker; its refusals are ours, and a model that crashes OpenSim is refused too."""
    try:
        timeout = PATIENCE + more_patience + PATIENCE_PER_FRAME * max(map(_n_frames, arguments.values()))
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
        if failure.error_type == "RuntimeError" and "std::exception" in failure.message:
            said = " ".join(failure.message.split("': ", 1)[-1].split())[:400]
            raise ModelMismatch(f"{arguments['path']}: OpenSim refuses this model: {said}") from failure
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

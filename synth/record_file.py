"""Record files: inertial records of one trial as CSV, or as the three .sto files that OpenSense reads.

These files have no place for an error recipe, so they hold what the sensors read, errors included. `synth.real_imu`
reads them back like recordings of real sensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mocap_import.durable_file import write_durably
from opensim_models.exchange.storage_table import StorageTable, write_table
from synth.imu.recording import ImuRecording

OPENSENSE = ("linear_accelerations", "angular_velocity", "orientations")
_KINDS = (("acceleration", "specific_force", "m/s^2"), ("angular_velocity", "angular_velocity", "rad/s"))


def write_csv(path: Path, recordings: Sequence[ImuRecording], start_time: float = 0.0) -> None:
    """Write records as a table with names and units in the first line.

    Parameters
    ----------
    path : Path
    recordings : sequence of ImuRecording
        Of one trial. ``<sensor> acceleration x (m/s^2)`` is specific force; missing samples are empty cells.
    start_time : float, default 0
        Time (s) of the first sample.
    """
    frame = np.arange(len(recordings[0].specific_force))
    labels, columns = ["frame", "time (s)"], [frame, start_time + frame / recordings[0].rate]
    for recording in recordings:
        for word, name, unit in _KINDS:
            labels += [f"{recording.placement.sensor} {word} {axis} ({unit})" for axis in "xyz"]
            columns += list(getattr(recording, name).T)
    rows = np.column_stack(columns)
    lines = [",".join("" if value != value else f"{value:.9g}" for value in row) for row in rows.tolist()]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_durably(Path(path), "\n".join([",".join(labels), *lines, ""]))


def write_opensense(
    path: Path,
    recordings: Sequence[ImuRecording],
    orientations: Mapping[str, np.ndarray] | None = None,
    start_time: float = 0.0,
) -> tuple[Path, ...]:
    """Write records as OpenSim's readers of sensors do.

    Parameters
    ----------
    path : Path
        ``walk.sto`` gives ``walk_linear_accelerations.sto``, ``walk_angular_velocity.sto`` and, with orientations,
        ``walk_orientations.sto``.
    recordings : sequence of ImuRecording
    orientations : mapping of sensor to ndarray, shape (n_frames, 4), optional
        Sensor → ground (Y up), w, x, y, z, of the sensors as they are worn (`synth.worn_orientation`).
    start_time : float, default 0
        Time (s) of the first sample.

    Returns
    -------
    tuple of Path
        The files.
    """
    path = Path(path)
    labels = tuple(f"{recording.placement.sensor}_imu" for recording in recordings)
    rate = recordings[0].rate
    tables = {
        "linear_accelerations": (np.stack([r.specific_force for r in recordings], axis=1), "Vec3"),
        "angular_velocity": (np.stack([r.angular_velocity for r in recordings], axis=1), "Vec3"),
    }
    if orientations is not None:
        turned = np.stack([orientations[r.placement.sensor] for r in recordings], axis=1)
        tables["orientations"] = (turned, "Quaternion")
    files = []
    for word, (values, kind) in tables.items():
        files.append(opensense_file(path, word))
        write_table(files[-1], StorageTable(labels, values, rate, start_time, None, kind))
    return tuple(files)


def opensense_file(path: Path, word: str) -> Path:
    """Name of one of the files of `write_opensense`; the words are `OPENSENSE`."""
    return Path(path).with_name(f"{Path(path).stem}_{word}.sto")

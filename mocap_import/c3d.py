"""C3D: read a file into plain data, and write a trial as a file (the only module that knows ezc3d and py-c3d).

Facts behind the checks: ezc3d returns occluded markers written as 65535 at (0, 0, 0), scrambles points when
ANALOG:RATE is missing, refuses SGI files, and reads truncated files as shorter trials.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mocap_import import c3d_metadata as metadata
from mocap_import.c3d_layout import C3dLayout, read_layout
from mocap_import.force_plate import ForcePlate, plate_channels
from mocap_import.occlusion import mask_occluded, mask_zeros
from mocap_import.raw_c3d import RawC3d
from mocap_import.trial import GaitEvent, MarkerTrial, Treatment, TrialRefused

_METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}


def read_c3d(path: str | Path) -> RawC3d:
    """Read one C3D file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    RawC3d
        In the file's units and axes.

    Raises
    ------
    TrialRefused
        Empty, truncated or damaged file, a rate of zero, no markers, or no reader that understands it.
    """
    path = Path(path)
    layout = read_layout(path)
    parameters = layout.parameters
    rate = metadata.number(parameters, "POINT", "RATE")
    rate = layout.rate if np.isnan(rate) else rate
    if not rate > 0:
        raise TrialRefused(
            f"{path.name}: POINT:RATE is {rate:g} Hz, expected a positive rate; without it time is unknown: "
            "write the camera rate into the file and import it again."
        )
    if layout.n_points == 0 or layout.n_frames <= 0:
        raise TrialRefused(
            f"{path.name}: holds no markers ({layout.n_points} points, {layout.n_frames} frames); "
            "export the marker trajectories, not only rotations or analog channels."
        )
    points, residuals, analog, treatments = _read_numbers(path, layout)
    points = mask_occluded(points, residuals)
    labels, repeated = metadata.point_labels(parameters, layout.n_points)
    if repeated:
        treatments.append(
            Treatment("labels_repeated", f"labels written more than once, later ones numbered: {', '.join(repeated)}")
        )
    outputs = metadata.is_model_output(labels, parameters)
    points, zero_notes = mask_zeros(points, labels, ~outputs)
    treatments += zero_notes
    mass, height = metadata.subject_numbers(parameters)
    units = metadata.joined(parameters, "POINT", "UNITS")
    screen = [(metadata.joined(parameters, "POINT", name) or [""])[0] for name in ("X_SCREEN", "Y_SCREEN")]
    n_channels = analog.shape[1]
    return RawC3d(
        labels=tuple(label for label, output in zip(labels, outputs, strict=True) if not output),
        points=points[:, ~outputs],
        unit=units[0].strip().lower() if units else "",
        rate=rate,
        model_outputs={labels[k]: points[:, k] for k in np.flatnonzero(outputs)},
        analog=analog,
        analog_labels=tuple((metadata.joined(parameters, "ANALOG", "LABELS") + [""] * n_channels)[:n_channels]),
        analog_units=tuple((metadata.joined(parameters, "ANALOG", "UNITS") + [""] * n_channels)[:n_channels]),
        analog_rate=rate * len(analog) / len(points),
        first_frame=layout.first_frame,
        events=metadata.events(parameters),
        plates=metadata.plates(parameters),
        screen=(screen[0], screen[1]),
        mass=mass,
        height=height,
        belt_speed=metadata.belt_speed(parameters),
        source_hash=hashlib.sha256(path.read_bytes()).hexdigest(),
        treatments=tuple(treatments),
    )


def _read_numbers(path: Path, layout: C3dLayout) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Treatment]]:
    """Points (n_frames, n_points, 3), residuals (n_frames, n_points), analog (n_samples, n_channels)."""
    # Without ANALOG:RATE ezc3d reads the interleaved values with the wrong stride and says nothing.
    scrambles = layout.analog_words > 0 and not metadata.number(layout.parameters, "ANALOG", "RATE") > 0
    reason = "ANALOG:RATE is missing" if scrambles else ""
    if not scrambles:
        try:
            points, residuals, analog = _read_with_ezc3d(path)
        except (RuntimeError, OSError, ValueError, KeyError, IndexError) as problem:
            reason = str(problem).strip().split("\n")[0]
        else:
            if points.shape[:2] == (layout.n_frames, layout.n_points):
                return points, residuals, analog, []
            reason = f"ezc3d read {points.shape[0]} frames of {points.shape[1]} points"
    try:
        points, residuals, analog = _read_with_py_c3d(path)
    except Exception as problem:
        raise TrialRefused(
            f"{path.name}: neither reader understands the file ({reason}; py-c3d: {problem}); export it again."
        ) from problem
    if points.shape[:2] != (layout.n_frames, layout.n_points):
        raise TrialRefused(
            f"{path.name}: the header states {layout.n_frames} frames of {layout.n_points} points, the readers found "
            f"{points.shape[0]} of {points.shape[1]}; export the file again."
        )
    return points, residuals, analog, [Treatment("second_reader", f"read with py-c3d, because: {reason}")]


def _read_with_ezc3d(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    import ezc3d

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        content = ezc3d.c3d(str(path))
        points = np.ascontiguousarray(content["data"]["points"][:3].transpose(2, 1, 0))
        residuals = content["data"]["meta_points"]["residuals"][0].T
        analog = np.ascontiguousarray(content["data"]["analogs"][0].T)
    return points, residuals, analog


def _read_with_py_c3d(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    import c3d

    with path.open("rb") as file, warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        reader = c3d.Reader(file)
        frames = [(points, analog) for _, points, analog in reader.read_frames()]
    points = np.array([points for points, _ in frames], dtype=float)
    analog = np.concatenate([np.atleast_2d(analog).T for _, analog in frames]) if frames[0][1].size else None
    values = analog.astype(float) if analog is not None else np.zeros((0, 0))
    return points[:, :, :3], points[:, :, 3], values


def write_c3d(
    path: str | Path,
    trial: MarkerTrial,
    *,
    plates: Sequence[ForcePlate] = (),
    unit: str = "mm",
    axes: np.ndarray | None = None,
    first_frame: int = 1,
) -> None:
    """Write a trial as a C3D file, in a laboratory's unit and axes.

    Parameters
    ----------
    path : str or Path
        Written beside itself first and then moved into place.
    trial : MarkerTrial
        Markers, ground reactions, events, other analog channels, subject mass and height, belt speed
        (TREADMILL:SPEED, m/s, when it is finite and not zero).
    plates : sequence of ForcePlate, optional
        One per ground reaction of the trial, in ground axes; the reactions' rate must be one whole multiple of
        the marker rate for all.
    unit : str, default "mm"
        ``"m"``, ``"cm"`` or ``"mm"``.
    axes : ndarray, shape (3, 3), optional
        Rotation ground → file axes; identity if not given. Z-up, walking along X: ``[[1,0,0],[0,0,-1],[0,1,0]]``.
    first_frame : int, default 1
        Number of the first frame; event times in the file are absolute.
    """
    import ezc3d

    if len(plates) not in (0, len(trial.ground_reactions)):
        raise ValueError(f"{len(trial.ground_reactions)} ground reactions need as many plates, got {len(plates)}")
    path, factor = Path(path), 1.0 / _METRES[unit]
    rotation = np.eye(3) if axes is None else np.asarray(axes, dtype=float)
    content = ezc3d.c3d()
    parameters = content["parameters"]
    parameters["POINT"]["RATE"]["value"] = [float(trial.rate)]
    parameters["POINT"]["UNITS"]["value"] = [unit]
    parameters["POINT"]["LABELS"]["value"] = list(trial.labels)
    positions = (trial.positions @ rotation.T) * factor
    occluded = ~np.isfinite(positions).all(axis=2)
    points = np.ones((4, len(trial.labels), trial.n_frames))
    points[:3] = np.where(occluded[:, :, None], np.nan, positions).transpose(2, 1, 0)
    content["data"]["points"] = points
    content["data"]["meta_points"]["residuals"] = np.where(occluded, -1.0, 0.0).T[None]
    content["data"]["meta_points"]["camera_masks"] = np.zeros((7, *occluded.T.shape), dtype=bool)
    content["header"]["points"]["first_frame"] = first_frame - 1
    _add_analog(content, trial, plates, rotation, factor)
    _add_events(content, trial.events, (first_frame - 1) / trial.rate)
    if np.isfinite(trial.subject.mass):
        content.add_parameter("PROCESSING", "Bodymass", [float(trial.subject.mass)])
    if np.isfinite(trial.subject.height):
        content.add_parameter("PROCESSING", "Height", [1000.0 * float(trial.subject.height)])
    if np.isfinite(trial.belt_speed) and trial.belt_speed != 0:
        content.add_parameter("TREADMILL", "SPEED", [float(trial.belt_speed)])
    handle, temporary = tempfile.mkstemp(suffix=".tmp.c3d", dir=path.parent)
    os.close(handle)
    try:
        content.write(temporary)
        with Path(temporary).open("rb+") as file:
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _add_analog(
    content: object, trial: MarkerTrial, plates: Sequence[ForcePlate], rotation: np.ndarray, factor: float
) -> None:
    """Analog channels of the plates (raw voltages for calibrated types) and of the trial, at one rate."""
    reactions = trial.ground_reactions if plates else ()
    rates = {reaction.rate for reaction in reactions} | ({trial.analog_rate} if trial.analog else set())
    if not rates:
        return
    ratio = round(max(rates) / trial.rate)
    if len(rates) > 1 or ratio < 1 or abs(ratio * trial.rate - max(rates)) > 1e-6:
        raise ValueError(f"analog rates {sorted(rates)} must be one whole multiple of the marker rate {trial.rate}")
    n_samples = trial.n_frames * ratio
    columns, labels, units, used = [], [], [], []
    for number, (plate, reaction) in enumerate(zip(plates, reactions, strict=True), start=1):
        channels = plate_channels(plate, reaction, length_unit=1.0 / factor)
        used.append(range(len(labels) + 1, len(labels) + channels.shape[1] + 1))
        columns.append(channels)
        labels += [f"plate{number}.{k + 1}" for k in range(channels.shape[1])]
        moment = {1.0: "Nm", 100.0: "Ncm", 1000.0: "Nmm"}[round(factor, 6)]
        units += ["V"] * channels.shape[1] if plate.calibration is not None else ["N"] * 3 + [moment] * 3
        units += ["N"] * (len(labels) - len(units))
    for label, values in trial.analog.items():
        columns.append(np.asarray(values, dtype=float)[:, None])
        labels.append(label)
        units.append("V")
    values = np.concatenate(columns, axis=1)
    if len(values) != n_samples:
        raise ValueError(f"analog channels have {len(values)} samples, {trial.n_frames} frames need {n_samples}")
    parameters = content["parameters"]
    parameters["ANALOG"]["RATE"]["value"] = [float(ratio * trial.rate)]
    parameters["ANALOG"]["LABELS"]["value"] = labels
    parameters["ANALOG"]["UNITS"]["value"] = units
    content["data"]["analogs"] = values.T[None]
    if plates:
        _add_plates(content, plates, used, rotation, factor)


def _add_plates(
    content: object, plates: Sequence[ForcePlate], used: list[range], rotation: np.ndarray, factor: float
) -> None:
    """The FORCE_PLATFORM group."""
    widest = max(len(channels) for channels in used)
    table = np.array([[*channels, *[0] * (widest - len(channels))] for channels in used]).T
    corners = np.stack([(plate.corners @ rotation.T).T * factor for plate in plates], axis=2)
    _add_integers(content, "FORCE_PLATFORM", "USED", np.array([len(plates)]))
    _add_integers(content, "FORCE_PLATFORM", "TYPE", np.array([plate.kind for plate in plates]))
    _add_integers(content, "FORCE_PLATFORM", "ZERO", np.array([1, 0]))
    content.add_parameter("FORCE_PLATFORM", "CORNERS", corners)
    content.add_parameter("FORCE_PLATFORM", "ORIGIN", np.stack([plate.origin * factor for plate in plates], axis=1))
    _add_integers(content, "FORCE_PLATFORM", "CHANNEL", table)
    if any(plate.calibration is not None for plate in plates):
        stack = [np.eye(6) if plate.calibration is None else plate.calibration for plate in plates]
        scale = np.r_[1.0, 1.0, 1.0, factor, factor, factor][:, None]
        content.add_parameter("FORCE_PLATFORM", "CAL_MATRIX", np.stack([m * scale for m in stack], axis=2))


def _add_integers(content: object, group: str, name: str, values: np.ndarray) -> None:
    """An integer parameter; ezc3d's own call would store it as floats, which older programs do not read."""
    import ezc3d

    parameter = ezc3d.ezc3d.Parameter(name)
    numbers = ezc3d.ezc3d.VecInt([int(value) for value in values.ravel(order="F")])
    parameter.set(numbers, list(values.shape))
    content["parameters"].add_parameter(group, parameter)


def _add_events(content: object, events: Sequence[GaitEvent], offset: float) -> None:
    """The EVENT group, on the absolute clock, with Left/Right contexts."""
    if not events:
        return
    names = {"foot_strike": "Foot Strike", "foot_off": "Foot Off"}
    seconds = np.array([event.time + offset for event in events])
    _add_integers(content, "EVENT", "USED", np.array([len(events)]))
    content.add_parameter("EVENT", "CONTEXTS", [event.foot.capitalize() for event in events])
    content.add_parameter("EVENT", "LABELS", [names[event.kind] for event in events])
    content.add_parameter("EVENT", "TIMES", np.stack([seconds // 60, seconds % 60]))

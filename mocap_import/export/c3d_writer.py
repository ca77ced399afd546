"""C3D writer: a trial as a clean C3D file, in a laboratory's unit and axes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mocap_import.durable_file import durable_place
from mocap_import.plate.force_plate import ForcePlate, plate_channels
from mocap_import.trial import GaitEvent, MarkerTrial

_METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}
_MOST_FRAMES = 65535
"""The header's 16-bit words end here."""


def write_c3d(
    path: str | Path,
    trial: MarkerTrial,
    *,
    plates: Sequence[ForcePlate] = (),
    unit: str = "mm",
    axes: np.ndarray | None = None,
    first_frame: int = 1,
    state_axes: bool = False,
) -> None:
    """Write a trial as a C3D file, in a laboratory's unit and axes.

    Model outputs are left out: they are in the axes of the file they came from. More than 255 labels continue in
    LABELS2, and more than 65,535 frames are stated in the TRIAL group and in POINT:LONG_FRAMES.

    Parameters
    ----------
    path : str or Path
        Written beside itself first and then moved into place.
    trial : MarkerTrial
        Markers, ground reactions, events, other analog channels with their units, subject mass and height (no name),
        belt speed (TREADMILL:SPEED, m/s, when it is finite and not zero).
    plates : sequence of ForcePlate, optional
        One per ground reaction of the trial, in ground axes; the reactions' rate must be one whole multiple of
        the marker rate for all.
    unit : str, default "mm"
        ``"m"``, ``"cm"`` or ``"mm"``.
    axes : ndarray, shape (3, 3), optional
        Rotation ground → file axes; identity if not given. Z-up, walking along X: ``[[1,0,0],[0,0,-1],[0,1,0]]``.
    first_frame : int, default 1
        Number of the first frame; event times in the file are absolute.
    state_axes : bool, default False
        Write POINT:X_SCREEN and Y_SCREEN: the file's axes that point forward and up.

    Raises
    ------
    ValueError
        Plates and ground reactions, or analog and marker rates, that no C3D file can hold together.
    """
    import ezc3d

    if len(plates) not in (0, len(trial.ground_reactions)):
        raise ValueError(f"{len(trial.ground_reactions)} ground reactions need as many plates, got {len(plates)}")
    path, factor = Path(path), 1.0 / _METRES[unit]
    rotation = np.eye(3) if axes is None else np.asarray(axes, dtype=float)
    content = ezc3d.c3d()
    _add_points(content, trial, rotation, unit)
    _add_frame_numbers(content, first_frame, first_frame + trial.n_frames - 1)
    if state_axes:
        content.add_parameter("POINT", "X_SCREEN", [_axis_name(rotation[:, 0])])
        content.add_parameter("POINT", "Y_SCREEN", [_axis_name(rotation[:, 1])])
    _add_analog(content, trial, plates, rotation, factor)
    _add_events(content, trial.events, (first_frame - 1) / trial.rate)
    if np.isfinite(trial.subject.mass):
        content.add_parameter("PROCESSING", "Bodymass", [float(trial.subject.mass)])
    if np.isfinite(trial.subject.height):
        content.add_parameter("PROCESSING", "Height", [1000.0 * float(trial.subject.height)])
    if np.isfinite(trial.belt_speed) and trial.belt_speed != 0:
        content.add_parameter("TREADMILL", "SPEED", [float(trial.belt_speed)])
    with durable_place(path, ending=".tmp.c3d") as temporary:  # ezc3d adds .c3d to any other name
        content.write(str(temporary))


def _add_points(content: object, trial: MarkerTrial, rotation: np.ndarray, unit: str) -> None:
    """Marker positions in a unit; occluded ones are NaN with a negative residual."""
    positions = (trial.positions @ rotation.T) / _METRES[unit]
    content["parameters"]["POINT"]["UNITS"]["value"] = [unit]
    occluded = ~np.isfinite(positions).all(axis=2)
    points = np.ones((4, len(trial.labels), trial.n_frames))
    points[:3] = np.where(occluded[:, :, None], np.nan, positions).transpose(2, 1, 0)
    content["data"]["points"] = points
    content["data"]["meta_points"]["residuals"] = np.where(occluded, -1.0, 0.0).T[None]
    content["data"]["meta_points"]["camera_masks"] = np.zeros((7, *occluded.T.shape), dtype=bool)
    content["parameters"]["POINT"]["RATE"]["value"] = [float(trial.rate)]
    content["parameters"]["POINT"]["LABELS"]["value"] = list(trial.labels)


def _add_frame_numbers(content: object, first: int, last: int) -> None:
    """First frame of the header, and the numbers that its 16-bit words cannot hold."""
    content["header"]["points"]["first_frame"] = min(first, _MOST_FRAMES) - 1
    if last < _MOST_FRAMES:
        return
    for name, number in (("ACTUAL_START_FIELD", first), ("ACTUAL_END_FIELD", last)):
        halves = np.array([number % 65536, number // 65536], dtype=np.uint16)
        _add_integers(content, "TRIAL", name, halves.view(np.int16))
    content.add_parameter("POINT", "LONG_FRAMES", [float(last - first + 1)])


def _axis_name(direction: np.ndarray) -> str:
    """Signed axis of the file, e.g. ``"+X"``, that lies along a direction."""
    k = int(np.argmax(np.abs(direction)))
    return ("-" if direction[k] < 0 else "+") + "XYZ"[k]


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
        units.append(trial.analog_units.get(label, ""))
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

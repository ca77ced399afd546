"""Sensor file: read recordings of real sensors of any known format, in our convention, or refuse them in one sentence.

Formats: Xsens text (a folder or files of one recording), APDM and other delimited files, OpenSense storage, pairs of
TRC containers. What the numbers mean comes from three places, in this order: the caller, the user's sensor table, the
file or its format. What none of them says is not guessed: the refusal names what the numbers look like.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from mocap_import.trial import Treatment
from synth.imu.recording import ImuRecording
from synth.real_imu.convention import (
    ImuConvention,
    RecordingRefused,
    convention_from,
    convert_acceleration,
    convert_angular_velocity,
    convert_orientation,
)
from synth.real_imu.delimited_file import read_delimited
from synth.real_imu.diagnosis import SensorDiagnosis, diagnose
from synth.real_imu.number_table import file_text
from synth.real_imu.opensense_storage import read_opensense
from synth.real_imu.sensor_session import (
    LARGEST_SHARE,
    LONGEST_GAP,
    FileReadings,
    SensorSession,
    long_gaps,
    missing_samples,
)
from synth.real_imu.sensor_table import SensorTable, placement_of, read_sensor_table
from synth.real_imu.trc_container import read_trc_container
from synth.real_imu.xsens_text import is_xsens_text, read_xsens

_LARGEST = 1e7
"""No reading in any unit is larger: 10 000 g in mg, or a raw count of 24 bits."""
_UNITS = ("acceleration_unit", "angular_velocity_unit")
_GUESSES = tuple(
    ImuConvention(acceleration_unit=a, angular_velocity_unit=w) for a in ("m/s2", "g") for w in ("rad/s", "deg/s")
)


def read_sensors(
    path: Path | Sequence[Path],
    *,
    table: SensorTable | Path | None = None,
    convention: Mapping[str, object] | ImuConvention | None = None,
    rate: float | None = None,
    trial: str | None = None,
    trust: bool = False,
    allow_gaps: bool = False,
) -> SensorSession:
    """Read one recording of several sensors.

    Parameters
    ----------
    path : Path or sequence of Path
        A file; a folder or a list of Xsens text files; either file of a TRC pair, both (accelerations first), or the
        folder of one pair.
    table : SensorTable or Path, optional
        Sensors → segments, units, columns; see `sensor_table`.
    convention : mapping or ImuConvention, optional
        Entries that win over table and file.
    rate : float, optional
        Hz, where the file does not state it.
    trial : str, optional
        Beginning of the names of the files to take from a folder of several recordings.
    trust : bool, default False
        Keep a declaration that the numbers contradict, with a treatment instead of a refusal.
    allow_gaps : bool, default False
        Keep a gap beyond `sensor_session.LONGEST_GAP` or `LARGEST_SHARE` as NaN instead of refusing it.

    Returns
    -------
    SensorSession
        Specific force in m/s² and angular velocity in rad/s; missing samples are NaN.

    Raises
    ------
    RecordingRefused
        No known format, an unknown unit, a frame that is left-handed, rates that differ, times or packets that
        repeat or go back, a long gap, or a declaration that the numbers contradict.
    """
    known = read_sensor_table(table) if isinstance(table, str | Path) else table
    readings = read_file(path, columns=known.columns if known else None, rate=rate, trial=trial)
    declared = declared_convention(readings, known, convention)
    findings = diagnose(readings, declared)
    against = [sentence for d in findings for sentence in d.contradictions]
    if against and not trust:
        more = f" ({len(against) - 1} more such findings)" if len(against) > 1 else ""
        raise RecordingRefused(f"{readings.source[0]}: {against[0]}{more} Or keep the declaration (--trust).")
    gaps = long_gaps(readings)
    if gaps and not allow_gaps:
        raise RecordingRefused(
            f"{readings.source[0]}: {gaps[0]}; expected at most {LONGEST_GAP:g} s and "
            f"{100 * LARGEST_SHARE:g} %. Cut the recording there, or keep what is missing as NaN (--allow-gaps)."
        )
    notes = [Treatment("declaration_contradicted", sentence) for sentence in against]
    return as_session(readings, declared, known, (*notes, *_together(t for d in findings for t in d.findings)))


def _together(findings: Iterable[Treatment]) -> tuple[Treatment, ...]:
    """Findings of one kind as one treatment."""
    kinds: dict[str, list[str]] = {}
    for finding in findings:
        kinds.setdefault(finding.what, []).append(finding.detail)
    return tuple(Treatment(what, "; ".join(details)) for what, details in kinds.items())


def diagnose_file(
    path: Path | Sequence[Path],
    *,
    table: SensorTable | Path | None = None,
    convention: Mapping[str, object] | ImuConvention | None = None,
    rate: float | None = None,
    trial: str | None = None,
) -> tuple[SensorDiagnosis, ...]:
    """Diagnose a recording without refusing what it finds; parameters as for `read_sensors`."""
    return diagnose_with_notes(path, table=table, convention=convention, rate=rate, trial=trial)[0]


def diagnose_with_notes(
    path: Path | Sequence[Path],
    *,
    table: SensorTable | Path | None = None,
    convention: Mapping[str, object] | ImuConvention | None = None,
    rate: float | None = None,
    trial: str | None = None,
) -> tuple[tuple[SensorDiagnosis, ...], tuple[Treatment, ...]]:
    """Diagnosis, and what reading the file itself found: missing samples, guessed columns, words of the format."""
    known = read_sensor_table(table) if isinstance(table, str | Path) else table
    readings = read_file(path, columns=known.columns if known else None, rate=rate, trial=trial)
    found = diagnose(readings, declared_convention(readings, known, convention))
    gaps = tuple(Treatment("long_gap", f"{gap}; read with --allow-gaps only") for gap in long_gaps(readings))
    return found, (*_file_notes(readings), *gaps)


def _file_notes(readings: FileReadings) -> tuple[Treatment, ...]:
    notes = [*readings.treatments, *missing_samples(readings)]
    by_format = [f"{entry} {readings.stated[entry]}" for entry in readings.assumed]
    if by_format:
        notes.append(Treatment("convention_of_format", "not in the file, from the format: " + ", ".join(by_format)))
    return tuple(notes)


def read_file(
    path: Path | Sequence[Path],
    *,
    columns: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
    rate: float | None = None,
    trial: str | None = None,
) -> FileReadings:
    """Recognise the format and read the numbers as they are.

    Raises
    ------
    RecordingRefused
        See `read_sensors`.
    """
    paths = [Path(path)] if isinstance(path, str | Path) else [Path(p) for p in path]
    if rate is not None and not 0.0 < rate < np.inf:
        raise RecordingRefused(f"--rate: expected Hz above 0 such as 100; got {rate:g}.")
    if not paths:
        raise RecordingRefused("no file given; expected the recording of at least one sensor.")
    if len(paths) == 1 and paths[0].is_dir():
        paths = _in_folder(paths[0], trial)
    elif len(paths) == 1 and not paths[0].is_file():
        raise RecordingRefused(f"{paths[0]}: no such file; expected a recording of sensors.")
    if len(paths) == 2 and all(p.suffix.lower() == ".trc" for p in paths):
        return _readable(read_trc_container(paths[0], angular_velocity=paths[1]))
    heads = [_head(p) for p in paths]
    if all(is_xsens_text(head) for head in heads):
        return _readable(read_xsens(paths, rate=rate))
    if len(paths) > 1:
        raise RecordingRefused(
            f"{paths[0].parent}: {len(paths)} files, but {_first_other(paths, heads).name} is no Xsens text; "
            "several files of one recording are read in that format only."
        )
    return _readable(_one_file(paths[0], heads[0], columns, rate))


def _readable(readings: FileReadings) -> FileReadings:
    """Refuse numbers that no sensor reads."""
    for word, values in (("acceleration", readings.acceleration), ("angular velocity", readings.angular_velocity)):
        if (np.abs(values) > _LARGEST).any():
            row, sensor, axis = np.argwhere(np.abs(values) > _LARGEST)[0]
            raise RecordingRefused(
                f"{readings.source[0]}: {word} {'xyz'[axis]} of {readings.sensors[sensor]} is "
                f"{values[row, sensor, axis]:.3g} in row {row + 1}; no sensor reads that. Correct the file."
            )
    return readings


def _in_folder(folder: Path, trial: str | None) -> list[Path]:
    """Xsens files of a folder, or its one pair of TRC containers."""
    paths = [p for p in sorted(folder.glob(f"{trial or ''}*.txt")) if is_xsens_text(_head(p))]
    pairs = sorted(folder.glob(f"{trial or ''}*_Accel.trc"))
    if not paths and len(pairs) != 1:
        beginning = f" beginning with {trial!r}" if trial else ""
        raise RecordingRefused(
            f"{folder}: no Xsens text file{beginning} in this folder, and {len(pairs)} pairs of TRC containers; name "
            "the file of the recording itself."
        )
    return paths or pairs


def _first_other(paths: Sequence[Path], heads: Sequence[str]) -> Path:
    return next(p for p, head in zip(paths, heads, strict=True) if not is_xsens_text(head))


def _one_file(path: Path, head: str, columns: Mapping | None, rate: float | None) -> FileReadings:
    suffix = path.suffix.lower()
    if not head.strip():
        what = "a corpus or another HDF5 file" if suffix in (".h5", ".hdf5") else "empty or no text"
        raise RecordingRefused(
            f"{path}: the file is {what}; expected a recording of sensors as text (.csv, .sto, .txt, .trc)."
        )
    if suffix == ".trc" or head.startswith("PathFileType"):
        return read_trc_container(path)
    if suffix in (".sto", ".mot") or "endheader" in head:
        return read_opensense(path)
    return read_delimited(path, columns=columns, rate=rate)


def _head(path: Path) -> str:
    """First characters of a file; empty if it is no text."""
    try:
        return file_text(path)[:4096]
    except RecordingRefused:
        return ""


def declared_convention(
    readings: FileReadings, table: SensorTable | None, convention: Mapping[str, object] | ImuConvention | None
) -> ImuConvention:
    """Convention from the caller, the table and the file, in this order.

    Raises
    ------
    RecordingRefused
        A unit that nobody states; the sentence says what the numbers look like.
    """
    given = asdict(convention) if isinstance(convention, ImuConvention) else dict(convention or {})
    entries = dict(readings.stated) | dict(table.convention if table else {}) | given
    channels = (readings.acceleration, readings.angular_velocity)
    for name, values in zip(_UNITS, channels, strict=True):
        if name not in entries and np.isfinite(values).any():
            raise RecordingRefused(
                f"{readings.source[0]}: the unit of {name.removesuffix('_unit').replace('_', ' ')} is not stated; "
                f"expected it beside the columns or as {name} in the convention. {_looks_like(readings, name)}"
            )
    where = str(readings.source[0])
    try:
        return convention_from(entries, where)
    except RecordingRefused as refusal:  # a unit or an axis does not know which file it is of
        if str(refusal).startswith(where):
            raise
        raise RecordingRefused(f"{where}: {refusal}") from refusal


def _looks_like(readings: FileReadings, name: str) -> str:
    """What the numbers look like, for the refusal of an unstated unit."""
    if name == "acceleration_unit":
        found = [d for d in diagnose(readings, ImuConvention()) if d.acceleration_unit]
        if found:
            one = found[0]
            if one.still is None:
                return f"As a rule |a| = {one.typical:.3g}, as in {one.acceleration_unit}; nothing is ever still."
            return f"A still second reads |a| = {one.rest:.3g}, as in {one.acceleration_unit}."
        return "No still second shows it; state it."
    fitting = {
        guess.angular_velocity_unit
        for guess in _GUESSES
        for d in diagnose(readings, guess)
        if d.turning.agrees and not d.contradictions
    }
    if len(fitting) == 1:
        return f"Beside the accelerations they look like {fitting.pop()}."
    return "The movement does not show it; state rad/s or deg/s."


def as_session(
    readings: FileReadings,
    declared: ImuConvention,
    table: SensorTable | None = None,
    findings: Sequence[Treatment] = (),
) -> SensorSession:
    """Convert readings to our convention and place the sensors.

    Raises
    ------
    RecordingRefused
        Specific force cannot be restored without orientations, or two sensors got one name.
    """
    recordings, quaternions, guessed, unplaced = [], {}, [], []
    for k, name in enumerate(readings.sensors):
        placement, is_guess = placement_of(name, table)
        if placement.sensor in {r.placement.sensor for r in recordings}:
            raise RecordingRefused(
                f"{readings.source[0]}: two sensors would be called {placement.sensor!r} ({name} is the second); give "
                "them names in the sensor table."
            )
        turned = None
        if readings.quaternions is not None and np.isfinite(readings.quaternions[:, k]).any():
            turned = convert_orientation(readings.quaternions[:, k], declared)
            quaternions[placement.sensor] = turned
        force = convert_acceleration(readings.acceleration[:, k], declared, turned)
        turn = convert_angular_velocity(readings.angular_velocity[:, k], declared)
        recordings.append(ImuRecording(placement, force, turn, readings.rate))
        if not placement.segment:
            unplaced.append(name)
        elif is_guess:
            guessed.append(f"{name} on {placement.segment}")
    notes = [*_file_notes(readings), *findings]
    if not quaternions:
        sign = declared.sign.replace("_", " ")
        detail = f"accelerations are taken as {sign}; |a| does not show their sign, and there are no orientations"
        notes.append(Treatment("sign_unchecked", detail))
    if guessed:
        notes.append(Treatment("segments_guessed", "segments by the sensors' names: " + ", ".join(guessed)))
    if unplaced:
        notes.append(Treatment("segments_unknown", f"no segment known for {', '.join(unplaced)}; give a sensor table"))
    return SensorSession(
        readings.name,
        tuple(recordings),
        readings.rate,
        readings.start_time,
        readings.source,
        replace(declared),
        quaternions,
        tuple(notes),
    )

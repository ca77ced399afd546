"""Origins of a measured trial: which files, choices and warnings are behind its records, coordinates and events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mocap_import.trial import MarkerTrial, Treatment
from synth.corpus.array_origin import (
    EMG,
    EVENTS,
    FORCES,
    GROUND_REACTIONS,
    KINEMATICS,
    SPATIOTEMPORAL,
    ArrayOrigin,
    SourceFile,
    sensor_array,
)
from synth.corpus.provenance import file_hash, versions
from synth.corpus.recipe_source import MOMENTS
from synth.imu.cutoff import SegmentCutoff
from synth.imu.recording import SensorPlacement
from synth.motion_account import MotionAccount, read_account
from synth.trial_cutoff import AUTO, Cutoff


@dataclass(frozen=True)
class TrialFiles:
    """Files behind a trial, and what their makers said of them.

    Attributes
    ----------
    recording : SourceFile or None
        Markers and forces.
    skeleton, coordinates, moments : SourceFile or None
    account : MotionAccount
        Of the coordinates.
    """

    recording: SourceFile | None = None
    skeleton: SourceFile | None = None
    coordinates: SourceFile | None = None
    moments: SourceFile | None = None
    account: MotionAccount = field(default_factory=MotionAccount)


def source_file(path: Path, folder: str = "") -> SourceFile:
    """A file by its name, under the name of its subject's folder, and its hash."""
    return SourceFile(f"{folder}/{path.name}" if folder else path.name, file_hash(path))


def archive_files(recording: Path, motion: Path, trial: str) -> TrialFiles:
    """Files behind a trial of an archive.

    Parameters
    ----------
    recording : Path
        ``<subject>/<trial>.trial.h5``.
    motion : Path
        ``<motion>/<subject>``.
    trial : str
        Its own name, by which its coordinates are found.
    """
    code = motion.name
    there = [
        source_file(path, code) if path.is_file() else None
        for path in (motion / "skeleton.json", motion / f"{trial}.mot", motion / f"{trial}{MOMENTS}")
    ]
    return TrialFiles(source_file(recording, recording.parent.name), *there, read_account(motion, trial))


def record_origins(
    placements: Sequence[SensorPlacement],
    by_model: Iterable[str],
    files: TrialFiles,
    how: Mapping[str, Any],
    found: Mapping[str, Any],
    treatments: Sequence[Treatment],
) -> tuple[ArrayOrigin, ...]:
    """Origins of the records: those of marker clusters, and those of the skeleton by its coordinates.

    Parameters
    ----------
    placements : sequence of SensorPlacement
    by_model : iterable of str
        Sensors that the skeleton moves.
    files : TrialFiles
    how, found : mapping
        Choices, and what they came to.
    treatments : sequence of Treatment
        Of the records; they are their warnings.
    """
    model = set(by_model)
    warnings = tuple(f"{treatment.what}: {treatment.detail}" for treatment in treatments)
    sensors = [placement.sensor for placement in placements]
    groups = (
        ("motion of the marker cluster", (files.recording, files.skeleton), [s for s in sensors if s not in model], ()),
        (
            "motion of the skeleton by its coordinates",
            (files.skeleton, files.coordinates),
            [s for s in sensors if s in model],
            files.account.warnings,
        ),
    )
    return tuple(
        ArrayOrigin(
            arrays=tuple(map(sensor_array, own)),
            method=f"virtual inertial sensor: {moved}",
            parameters=how,
            found=found,
            sources=_given(*sources),
            software=versions(),
            warnings=(*warnings, *said),
        )
        for moved, sources, own, said in groups
        if own
    )


def recorded_origins(trial: MarkerTrial, files: TrialFiles) -> tuple[ArrayOrigin, ...]:
    """Origins of what a recording itself tells: events, spatiotemporal parameters, muscle activity."""
    raw = SourceFile(trial.source, trial.source_hash) if trial.source else None
    sources = _given(raw, files.recording)
    detected = {"from": sorted({event.source for event in trial.events})}
    of_gait = (
        ArrayOrigin((EVENTS,), "gait events of the recording", detected, sources=sources),
        ArrayOrigin((SPATIOTEMPORAL,), "spatiotemporal parameters of its events and markers", sources=sources),
    )
    if not trial.emg_envelopes:
        return of_gait
    return (*of_gait, ArrayOrigin((EMG,), "linear envelopes of the recorded EMG", sources=sources))


def coordinates_origin(files: TrialFiles) -> ArrayOrigin:
    """Origin of coordinates that were read from a motion file."""
    account = files.account
    solved = "inverse kinematics of `kinesynth motion`" if account != MotionAccount() else "read from a motion file"
    return ArrayOrigin(
        (KINEMATICS,),
        solved,
        found=account.found,
        sources=_given(files.recording, files.skeleton, files.coordinates),
        software=account.software,
        warnings=account.warnings,
    )


def kinetics_origins(files: TrialFiles) -> tuple[ArrayOrigin, ...]:
    """Origins of the moments that were solved, and of the forces on the feet beside them; none without moments."""
    if files.moments is None:
        return ()
    account = files.account
    solved = ArrayOrigin(
        (FORCES,),
        "inverse dynamics of `kinesynth motion`",
        found=account.found,
        sources=_given(files.recording, files.skeleton, files.coordinates, files.moments),
        software=account.software,
        warnings=account.warnings,
    )
    plates = ArrayOrigin((GROUND_REACTIONS,), "force plates, shared out to the feet", sources=_given(files.recording))
    return solved, plates


def chosen_records(method: str, cutoff: Cutoff, motion_of: str, cutoffs: Mapping[str, SegmentCutoff]) -> tuple:
    """What was chosen for the records of a trial, and what residual analysis found, as (how, found)."""
    hertz = {s: None if math.isnan(c.cutoff) else round(float(c.cutoff), 4) for s, c in cutoffs.items()}
    how: dict[str, Any] = {
        "derivatives": method,
        "motion_of": motion_of,
        "low_pass": "table" if cutoff is None else cutoff,
    }
    if cutoff == AUTO:
        return how, {"cutoff_hz": hertz}
    return how | {"cutoff_hz": hertz}, {}


def _given(*files: SourceFile | None) -> tuple[SourceFile, ...]:
    return tuple(file for file in files if file is not None)

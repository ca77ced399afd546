"""Keypoint source: somebody's own keypoints, from whatever file there is, as records of people.

A CSV (`synth.camera.keypoint_table`) may hold many people and trials; a detector's folder or JSON
(`synth.camera.detector_file`) is one video of one person. What they do not say (rate, stature, treadmill) is told
beside, as is what another system measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synth.camera.detector_file import LEAST_SCORE, read_detector_file
from synth.camera.filmed_gait import PARAMETERS
from synth.camera.keypoint import KEYPOINTS
from synth.camera.keypoint_record import KeypointRecord
from synth.camera.keypoint_table import (
    PIXELS,
    SCORES,
    TOLD,
    frame_places,
    number_column,
    on_even_clock,
    read_rows,
    refuse_unlike_columns,
    refuse_unlikely,
    told_of,
)
from synth.corpus.schema import CorpusMismatch

TABLES = (".csv", ".txt", ".tsv")


@dataclass(frozen=True)
class KeypointSource:
    """Keypoints that somebody has, and what their file does not say.

    Attributes
    ----------
    path : Path
        A CSV, a folder of JSON or a JSON file.
    rate : float or None
        Frames a second of the video (Hz); a CSV with a column ``time`` says it itself.
    stature : float or None
        m, where the file does not say it; where it says otherwise, that is refused.
    person : str
        Who it is, of a detector's output; default: the file's name.
    treadmill : bool
        Where the file does not say it.
    least_score : float
        Of a point that counts as seen, 0 to 1; one of one's own is refused with a table without scores.
    measured : Path or None
        CSV of what else is known of people and trials: columns ``person``, ``trial`` (empty: all of that person) and
        some of ``stature, treadmill, speed, step_length, cadence, step_time_asymmetry``.
    """

    path: Path
    rate: float | None = None
    stature: float | None = None
    person: str = ""
    treadmill: bool = False
    least_score: float = LEAST_SCORE
    measured: Path | None = None


def read_keypoints(source: KeypointSource) -> tuple[KeypointRecord, ...]:
    """Every record of a source.

    Raises
    ------
    CorpusMismatch
        In a sentence: what was expected, what came, where, and what to do.
    """
    path = Path(source.path)
    if not path.exists():
        raise CorpusMismatch(f"{path}: no such file or folder; give a CSV of keypoints or the output of a detector.")
    if not (path.is_dir() or path.suffix.lower() in (*TABLES, ".json")):
        raise CorpusMismatch(
            f"{path}: expected a CSV of keypoints ({', '.join(TABLES)}), a detector's .json, or a folder of JSON, one "
            "file a frame. A spreadsheet is saved as CSV UTF-8; a corpus or a video holds no keypoints of pictures."
        )
    if not 0.0 <= source.least_score <= 1.0:
        raise CorpusMismatch(f"least score: scores are from 0 to 1, got {source.least_score:g}.")
    if source.rate is not None and not 0.0 < source.rate < np.inf:
        raise CorpusMismatch(f"rate: expected frames a second, got {source.rate:g}.")
    beside = {} if source.measured is None else measured_rows(Path(source.measured))
    is_table = path.is_file() and path.suffix.lower() in TABLES
    records = _of_table(path, source, beside) if is_table else _of_detector(path, source, beside)
    unused = sorted({person for person, _ in beside} - {r.person for r in records})
    if unused:
        raise CorpusMismatch(
            f"{source.measured}: {unused[0]} has no keypoints in {path} (there: "
            f"{', '.join(r.person for r in records[:5])}). Use the same names in both."
        )
    there = {(r.person, r.trial) for r in records}
    lost = sorted(key for key in beside if key[1] and key not in there)
    if lost:
        person, trial = lost[0]
        raise CorpusMismatch(
            f"{source.measured}: trial {trial} of {person} has no keypoints in {path} (there: "
            f"{', '.join([r.trial for r in records if r.person == person][:5])}). Use the same names in both, or leave "
            "trial empty for all of a person."
        )
    return records


def measured_rows(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What a table says of people and trials: (person, trial) → some of `keypoint_table.TOLD`.

    Raises
    ------
    CorpusMismatch
        Columns are missing or not known, or somebody stands there twice.
    """
    table = read_rows(path)
    strange = [name for name in table.columns if name not in ("person", "trial", *TOLD)]
    if "person" not in table.columns or strange:
        raise CorpusMismatch(
            f"{path}: expected the columns person, trial and some of {', '.join(TOLD)}, found "
            f"{', '.join(table.columns[:8])}."
        )
    own = table.assign(trial=table.trial if "trial" in table.columns else "")
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for key, rows in own.groupby(["person", "trial"], sort=False):
        if len(rows) > 1:
            raise CorpusMismatch(
                f"{path}: {key[0]}, {key[1] or 'all trials'} stands there {len(rows)} times. Once each."
            )
        found[key] = told_of(rows, path)
    return found


def _of_table(path: Path, source: KeypointSource, beside: Mapping) -> tuple[KeypointRecord, ...]:
    table = read_rows(path)
    refuse_unlike_columns(table, path)
    nameless = table.index[(table.person == "") | (table.trial == "")]
    if len(nameless):
        raise CorpusMismatch(f"{path}, row {nameless[0] + 2}: expected a person and a trial in every row.")
    if source.person:
        raise CorpusMismatch(f"{path}: its column person says who it is; leave out the person {source.person!r}.")
    if source.least_score != LEAST_SCORE and not set(SCORES) & set(table.columns):
        raise CorpusMismatch(
            f"{path}: there are no scores (columns as {SCORES[0]}) for a least score of {source.least_score:g}. "
            "Leave it out."
        )
    records = []
    for (person, trial), rows in table.groupby(["person", "trial"], sort=False):
        places, rate = frame_places(rows, source.rate, path)
        values = np.stack([number_column(rows, name, path) for name in PIXELS], axis=1)
        pixels, between = on_even_clock(_seen(rows, values.reshape(len(rows), -1, 2), source, path), places)
        notes = ("frames at uneven times: places are read between them",) if between else ()
        if "frame" in rows.columns and source.rate is not None and rate != source.rate:
            notes = (f"one frame of {round(source.rate / rate)} was looked at", *notes)
        own = replace(source, rate=rate, person=str(person))
        records.append(_record(own, str(trial), pixels, told_of(rows, path), beside, notes))
    return tuple(records)


def _seen(rows: pd.DataFrame, pixels: np.ndarray, source: KeypointSource, path: Path) -> np.ndarray:
    """Pixels (n, 12, 2), NaN where one is missing, both are 0 (so detectors say it) or the score is 0 or too low."""
    known = np.isfinite(pixels).all(axis=2) & (pixels != 0.0).any(axis=2)
    for i, name in enumerate(KEYPOINTS):
        if f"{name}_score" in rows.columns:
            score = np.nan_to_num(number_column(rows, f"{name}_score", path))
            known[:, i] &= (score >= source.least_score) & (score > 0.0)
    return np.where(known[..., None], pixels, np.nan)


def _of_detector(path: Path, source: KeypointSource, beside: Mapping) -> tuple[KeypointRecord, ...]:
    if source.rate is None:
        raise CorpusMismatch(f"{path}: a detector's output says no frame rate; give the rate of the video (Hz).")
    pixels, rate, notes = read_detector_file(path, source.rate, source.least_score)
    name = path.name if path.is_dir() else path.stem
    own = replace(source, rate=rate, person=source.person or name)
    return (_record(own, name, pixels, {}, beside, tuple(notes)),)


def _record(
    source: KeypointSource,
    trial: str,
    pixels: np.ndarray,
    told: Mapping[str, Any],
    beside: Mapping,
    notes: tuple[str, ...],
) -> KeypointRecord:
    """A record with all that is told of it: by its own rows, by the table beside, and by the source for all."""
    table = {**beside.get((source.person, ""), {}), **beside.get((source.person, trial), {})}
    for name in [name for name in told if told[name] != table.get(name, told[name])]:
        raise CorpusMismatch(
            f"{source.person}, {trial}: {name} is {told[name]} in {source.path} and {table[name]} in "
            f"{source.measured}. Correct the one that is wrong, or leave it empty in one of them."
        )
    known = {**table, **told}
    refuse_unlikely(known, f"{source.measured or source.path}: {source.person}, {trial}")
    stature = known.get("stature", source.stature)
    if source.stature is not None and stature != source.stature:
        where = source.path if "stature" in told else source.measured
        raise CorpusMismatch(
            f"{source.person}, {trial}: stature is {stature:g} in {where}, the stature given is {source.stature:g}. "
            "Leave out the one that is wrong; give each person's own in a column stature."
        )
    if stature is None:
        raise CorpusMismatch(
            f"{source.path}: nobody says how tall {source.person} is. Give the stature in m, or a column stature: "
            "lengths and speeds are read in statures."
        )
    return KeypointRecord(
        source.person,
        trial,
        pixels,
        source.rate,
        float(stature),
        bool(known.get("treadmill", source.treadmill)),
        {name: known[name] for name in PARAMETERS if name in known},
        notes,
        str(source.path),
    )

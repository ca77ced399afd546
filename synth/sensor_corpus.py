"""Sensor corpus: a folder of real sensor sessions with their references as an ordinary corpus.

What is chosen (mountings, biases, lags, what is left out) is chosen from sensors and events alone, before any method is
scored, and stands in the corpus: in each trial's treatments, and the audit of all feet in the provenance.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.trial import TrialRefused
from opensim_models.model_mismatch import ModelMismatch
from synth.corpus import CorpusWriter
from synth.corpus.schema import CorpusMismatch, NothingAccepted
from synth.corpus.trial import CorpusTrial
from synth.real_imu.convention import RecordingRefused
from synth.real_imu.cycle_table import read_cycle
from synth.real_imu.foot_lag import RULE
from synth.real_imu.session_sheet import SessionSheet, read_people
from synth.sensor_session_trial import ReadSession, cycle_trial, read_session, session_trial

AUDIT = "synchronisation_audit"
"""Entry of a corpus's configuration: the rule, and one row a foot and trial (`synth.real_imu.foot_lag.COLUMNS`)."""

Row = dict[str, Any]


def build_sensor_corpus(
    folder: Path,
    out: Path,
    sheet: SessionSheet,
    *,
    sensors: Sequence[str] = (),
    progress: Callable[[int], object] | None = None,
) -> list[Row]:
    """Write the corpus of a folder of real sessions.

    Parameters
    ----------
    folder : Path
    out : Path
        The corpus, role ``"motion"``: it holds measured references.
    sheet : SessionSheet
        What lies where, see `read_session_sheet`.
    sensors : sequence of str
        Keep these only, by their names in the corpus; all by default.
    progress : callable, optional
        Called with 1 after each recording.

    Returns
    -------
    list of dict
        One row a recording: subject, trial, status (``accepted`` or ``refused``), reason, seconds, feet used.

    Raises
    ------
    RecordingRefused
        The sheet's table of persons is missing or impossible.
    NothingAccepted
        No recording could be used.
    """
    paths = sorted(folder.glob(sheet.recordings))
    people = read_people(sheet, folder)
    rows: list[Row] = []
    trials: list[CorpusTrial] = []
    reads: list[ReadSession] = []
    for path in paths:
        try:
            if sheet.kind == "cycle":
                trials.append(_cycle(path, people))
                rows.append(_row(trials[-1].subject.code, trials[-1].name, trials[-1]))
            else:
                reads.append(_read(path, people, sheet))
        except (RecordingRefused, ModelMismatch, TrialRefused, OSError) as problem:
            rows.append(_refusal(path, problem))
        if progress is not None:
            progress(1)
    biases = common_biases(reads)
    for read in reads:
        try:
            trials.append(session_trial(read, sheet, folder, biases))
            rows.append(_row(read.subject.code, read.name, trials[-1], read))
        except (RecordingRefused, ModelMismatch, TrialRefused, OSError) as problem:
            rows.append(_refusal(read.path, problem))
    if not trials:
        reason = rows[0]["reason"] if rows else f"no file fits {sheet.recordings!r}"
        raise NothingAccepted(f"{folder}: no recording could be used; {reason}")
    audit = [lag.row(r.subject.code, r.name) for r in reads for lag in r.lags.values()]
    config = {
        "sheet": sheet.name,
        "sensors": list(sensors),
        "biases": {s: {"axis": "xyz"[a], "m_s2": round(b, 4)} for s, (a, b) in biases.items()},
        AUDIT: {"rule": RULE, "feet": audit},
        "recordings": rows,
    }
    sources = {f"{t.subject.code}/{t.name}": t.source_hash for t in trials}
    out.parent.mkdir(parents=True, exist_ok=True)
    with CorpusWriter(out, role="motion", config=_plain(config), sources=sources) as writer:
        for trial in trials:
            writer.append(_with_sensors(trial, sensors))
    return rows


def common_biases(reads: Sequence[ReadSession]) -> dict[str, tuple[int, float]]:
    """Bias of each sensor's accelerometer over a whole folder: the axis that most sessions accuse, its median.

    Hardware is the same in all sessions, and one session tells a biased axis less surely than many.
    """
    found: dict[str, tuple[int, float]] = {}
    for sensor in dict.fromkeys(s for r in reads for s in r.biases):
        accused = [r.biases[sensor] for r in reads if sensor in r.biases]
        axis, votes = Counter(a for a, _ in accused).most_common(1)[0]
        if votes * 2 > len(reads):
            found[sensor] = axis, statistics.median(b for a, b in accused if a == axis)
    return found


def _read(path: Path, people: dict, sheet: SessionSheet) -> ReadSession:
    code = path.parent.parent.name
    if code not in people:
        raise RecordingRefused(f"{path}: no person {code!r} in {sheet.subjects or 'the sheet'}; add a line.")
    return read_session(path, *people[code], sheet)


def _cycle(path: Path, people: dict) -> CorpusTrial:
    cycle = read_cycle(path)
    if cycle.subject not in people:
        raise RecordingRefused(f"{path}: state the mass and height of {cycle.subject!r} ([assumed.{cycle.subject}]).")
    return cycle_trial(cycle, people[cycle.subject][0], path)


def _with_sensors(trial: CorpusTrial, sensors: Sequence[str]) -> CorpusTrial:
    if not sensors:
        return trial
    by_name = {r.placement.sensor: r for r in trial.recordings}
    lacking = [s for s in sensors if s not in by_name]
    if lacking:
        raise CorpusMismatch(f"{trial.name}: no sensor {lacking[0]!r}; there are {', '.join(by_name)}.")
    return replace(trial, recordings=tuple(by_name[s] for s in sensors))


def _row(subject: str, name: str, trial: CorpusTrial, read: ReadSession | None = None) -> Row:
    left_out = [f"{lag.foot} foot: {lag.reason}" for lag in read.lags.values() if lag.reason] if read else []
    return {
        "subject": subject,
        "trial": name,
        "status": "accepted",
        "reason": "; ".join(left_out),
        "seconds": round(trial.n_frames / trial.rate, 3),
        "sensors": len(trial.recordings),
        "strikes": sum(e.kind == "foot_strike" for e in trial.events),
    }


def _refusal(path: Path, problem: Exception) -> Row:
    nothing = {"seconds": 0.0, "sensors": 0, "strikes": 0}
    reason = str(problem).replace(str(path.parent), "").lstrip("/")  # no folder of anybody's machine in a corpus
    names = {"subject": path.parent.parent.name, "trial": path.parent.name}
    return names | {"status": "refused", "reason": reason} | nothing


def _plain(value: Any) -> Any:
    """JSON-able, NaN as null."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value

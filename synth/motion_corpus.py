"""The motion corpus: virtual IMU records and coordinates of every trial of a converted archive.

Reads what ``kinesynth import`` (trials) and ``kinesynth motion`` (scaled skeletons, coordinates) wrote. Every file
ends in one row of a table beside the corpus: accepted, repaired (with what was done, stored in the corpus), refused
(with the reason) or static.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.batch import Task, run_tasks
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, Treatment, TrialRefused
from mocap_import.trial_store import SUFFIX, load_trial
from opensim_models.exchange.storage import read_motion
from opensim_models.model.skeleton import Skeleton, load_skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch, NothingAccepted
from synth.corpus.trial import CorpusTrial
from synth.corpus.writer import CorpusWriter
from synth.imu.cluster_imu import cluster_imu
from synth.imu.error_recipe import ImuErrors
from synth.imu.marker_cluster import make_cluster
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import SensorPlacement
from synth.measured_trial import BEYOND_LEARNT, NOTES, make_corpus_trial
from synth.record_settings import RecordSettings, placements_of
from synth.trial_cutoff import Cutoff


@dataclass(frozen=True)
class _Person:
    """What all trials of a subject share."""

    subject: Subject
    skeleton: Skeleton
    placements: tuple[SensorPlacement, ...]


def build_motion_corpus(
    trials: Path,
    motion: Path,
    out: Path,
    *,
    errors: ImuErrors | None,
    source: str = "both",
    method: str = "central_difference",
    placements: tuple[SensorPlacement, ...] = SEVEN_SENSORS,
    cutoff: Cutoff = None,
    scaled: bool = True,
    allow_gaps: bool = False,
    n_workers: int = 0,
    progress: Callable[[Iterable, str], Iterable] | None = None,
) -> pd.DataFrame:
    """Build a corpus (role ``"motion"``) from converted trials and their solved motion.

    Parameters
    ----------
    trials : Path
        Folder with ``<subject>/<trial>.trial.h5``.
    motion : Path
        Folder with ``<subject>/skeleton.json`` and ``<subject>/<trial>.mot``.
    out : Path
        The corpus to write; an earlier one is replaced only when the new one is complete. The table goes beside it
        (``.csv``).
    errors, source, method, placements, cutoff, scaled, allow_gaps
        See `RecordSettings`.
    n_workers : int
        Processes, each a subject at a time; 0 works without any. The corpus has the same bytes.
    progress : callable, optional
        Wraps the iteration over trial files, with a description.

    Returns
    -------
    DataFrame
        One row a file: subject, trial, status (``accepted``, ``repaired``, ``refused`` or ``static``), reason,
        n_frames, rate, missing (share of sensor samples without a value), gaps (stretches of them inside the records),
        force_difference (m/s²) and turn_difference (rad/s; RMS cluster against model, source ``"both"``),
        worst_sensor, cutoff_<segment> (Hz), jitter_<segment> (m RMS, of the segment's path), reason_<segment> (of the
        cut-off), seconds.

    Raises
    ------
    CorpusMismatch
        If a folder holds no trials, an option is unknown, or the file cannot be written.
    NothingAccepted
        If no trial is left (a `CorpusMismatch` too); no file is written then.
    """
    settings = RecordSettings(errors, source, method, cutoff, placements, scaled, allow_gaps)
    files = sorted(Path(trials).glob(f"*/*{SUFFIX}"))
    if not files:
        raise CorpusMismatch(
            f"{trials}: expected converted trials (<subject>/<trial>{SUFFIX}), found none. "
            "Convert an archive first: kinesynth import ARCHIVE --out TRIALS"
        )
    rows = []
    with CorpusWriter(
        out,
        role="motion",
        config=settings.config(),
        seed=0 if errors is None else errors.seed,
        sources={f"{file.parent.name}/{file.name}": file_hash(file) for file in files},
    ) as corpus:
        for file, row, trial in _results(files, Path(motion), settings, n_workers, progress):
            if trial is not None and corpus.has(trial.subject.code, trial.name):
                row |= {"status": "refused", "reason": f"{file}: {trial.name} is in the corpus already; rename it"}
            elif trial is not None:
                started = time.process_time()
                corpus.append(trial)
                row["seconds"] += time.process_time() - started
            rows.append(row)
        if not corpus.n_trials:
            reasons = "; ".join(dict.fromkeys(row["reason"] for row in rows if row["status"] == "refused"))
            raise NothingAccepted(
                f"{out}: none of {len(rows)} files could be used. {reasons or 'All are static trials.'}"
            )
    table = pd.DataFrame(rows)
    partial = Path(out).with_suffix(".csv.tmp")
    table.to_csv(partial, index=False)
    partial.replace(Path(out).with_suffix(".csv"))
    return table


_Result = tuple[Path, dict, CorpusTrial | None]


def _results(
    files: list[Path],
    motion: Path,
    settings: RecordSettings,
    n_workers: int,
    progress: Callable[[Iterable, str], Iterable] | None,
) -> Iterator[_Result]:
    """Row and trial of every file, in the order of the files."""
    if n_workers < 1:
        people: dict[str, _Person] = {}
        for file in progress(files, "virtual IMU") if progress else files:
            yield file, *_row(file, motion, people, settings)
        return
    by_subject = {folder: list(own) for folder, own in groupby(files, key=lambda file: file.parent)}
    tasks = [
        Task(str(folder), "synth.motion_corpus:subject_results", {"files": own, "motion": motion, "settings": settings})
        for folder, own in by_subject.items()
    ]
    _prepare(settings)
    waiting, done = list(by_subject), {}
    outcomes = run_tasks(tasks, n_workers=min(n_workers, len(tasks)))
    for outcome in progress(outcomes, "virtual IMU") if progress else outcomes:
        own = by_subject[Path(outcome.key)]
        lost = {"status": "refused", "reason": outcome.reason, "seconds": outcome.cpu_seconds}
        done[Path(outcome.key)] = outcome.value or [(file, _names(file) | lost, None) for file in own]
        while waiting and waiting[0] in done:  # in the order of the files, so that the corpus has the same bytes
            yield from done.pop(waiting.pop(0))


def _prepare(settings: RecordSettings) -> None:
    """Compile the kernels before several processes would each do it at the same time."""
    corners = np.array([[0.1, 0.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 0.1], [0.1, 0.1, 0.1]])
    labels = tuple("abcd")
    trial = MarkerTrial("preparation", Subject("none"), labels, np.tile(corners, (200, 1, 1)), 100.0)
    placement = SensorPlacement("sensor", "segment")
    cluster_imu(trial, [make_cluster("segment", labels, corners)], [placement], method=settings.method, cutoff=10.0)


def subject_results(files: list[Path], motion: Path, settings: RecordSettings) -> list[_Result]:
    """Row and trial of every file of one subject: the work of a worker process."""
    people: dict[str, _Person] = {}
    return [(file, *_row(file, motion, people, settings)) for file in files]


def _names(file: Path) -> dict:
    return {"subject": file.parent.name, "trial": file.name.removesuffix(SUFFIX)}


def _row(
    file: Path, motion: Path, people: dict[str, _Person], settings: RecordSettings
) -> tuple[dict, CorpusTrial | None]:
    """Treat one file; whatever is wrong with it ends in its row."""
    started = time.process_time()
    row, trial = _treated(file, motion, people, settings)
    return row | {"seconds": time.process_time() - started}, trial


def _treated(
    file: Path, motion: Path, people: dict[str, _Person], settings: RecordSettings
) -> tuple[dict, CorpusTrial | None]:
    code = file.parent.name
    row = _names(file) | {"status": "refused", "reason": ""}
    try:
        trial = load_trial(file)
        row |= {"trial": trial.name, "n_frames": trial.n_frames, "rate": trial.rate}
        if trial.task == "static":
            return row | {"status": "static", "reason": "registers the markers; carries no gait"}, None
        if code not in people:
            people[code] = _person(motion / code, trial, settings)
        made, facts = make_corpus_trial(
            _as_person(trial, people[code].subject),
            people[code].skeleton,
            read_motion(motion / code / f"{trial.name}.mot"),
            people[code].placements,
            errors=settings.errors,
            source=settings.source,
            method=settings.method,
            cutoff=settings.cutoff,
            allow_gaps=settings.allow_gaps,
        )
    except (TrialRefused, ModelMismatch) as error:
        return row | {"reason": str(error)}, None
    ours = [t for t in made.treatments[len(trial.treatments) :] if t.what not in NOTES]
    said = ours + [t for t in made.treatments if t.what == BEYOND_LEARNT]
    reason = "; ".join(treatment.detail for treatment in said)
    return row | facts | {"status": "repaired" if ours else "accepted", "reason": reason}, made


def _as_person(trial: MarkerTrial, subject: Subject) -> MarkerTrial:
    """Give every trial of a folder the facts of its first trial, and say so where they differed."""
    if repr(trial.subject) == repr(subject):
        return trial
    detail = f"{trial.subject} in this file; the facts of the subject's first trial were used: {subject}"
    return replace(trial, subject=subject, treatments=(*trial.treatments, Treatment("subject_facts", detail)))


def _person(folder: Path, trial: MarkerTrial, settings: RecordSettings) -> _Person:
    skeleton = load_skeleton(folder / "skeleton.json")
    try:
        placed = placements_of(skeleton, trial.subject, settings)
    except ValueError as error:
        raise TrialRefused(f"{trial.source or trial.name}: sensors cannot be placed: {error}") from error
    return _Person(trial.subject, skeleton, placed)

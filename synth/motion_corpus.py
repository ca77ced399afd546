"""The motion corpus: virtual IMU records and coordinates of every trial of a converted archive.

Reads what ``kinesynth import`` (trials) and ``kinesynth motion`` (scaled skeletons, coordinates) wrote. Every file
ends in one row of a table beside the corpus: accepted, repaired (with what was done, stored in the corpus), refused
(with the reason) or static.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, Treatment, TrialRefused
from mocap_import.trial_store import SUFFIX, load_trial
from opensim_models.exchange.storage import read_motion
from opensim_models.model.skeleton import Skeleton, load_skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.corpus_schema import CorpusMismatch, NothingAccepted
from synth.corpus_trial import CorpusTrial
from synth.corpus_writer import CorpusWriter
from synth.imu.error_recipe import ImuErrors
from synth.imu.placement import SEVEN_SENSORS, scaled_placements
from synth.imu.recording import SensorPlacement
from synth.imu.simulation import METHODS
from synth.measured_trial import CUTOFFS, make_corpus_trial
from synth.provenance import file_hash

SOURCES = ("cluster", "model", "both")


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
    errors : ImuErrors or None
        The recipe stored beside the clean records.
    source : {"cluster", "model", "both"}
        ``"cluster"`` refuses a trial that lacks a cluster for any sensor; ``"both"`` uses the cluster where a segment
        carries one and the model elsewhere, and states how far the two agree.
    method : {"central_difference", "spline"}
    placements : tuple of SensorPlacement
        For a stature of 1.80 m; scaled to each subject.
    progress : callable, optional
        Wraps the iteration over trial files, with a description.

    Returns
    -------
    DataFrame
        One row a file: subject, trial, status (``accepted``, ``repaired``, ``refused`` or ``static``), reason,
        n_frames, rate, missing (share of sensor samples without a value), force_difference (m/s²) and
        turn_difference (rad/s; RMS cluster against model, source ``"both"``), worst_sensor, seconds.

    Raises
    ------
    CorpusMismatch
        If a folder holds no trials, an option is unknown, or the file cannot be written.
    NothingAccepted
        If no trial is left (a `CorpusMismatch` too); no file is written then.
    """
    if source not in SOURCES or method not in METHODS:
        raise CorpusMismatch(
            f"source {source!r}, method {method!r}: expected one of {', '.join(SOURCES)} and of {', '.join(METHODS)}."
        )
    files = sorted(Path(trials).glob(f"*/*{SUFFIX}"))
    if not files:
        raise CorpusMismatch(
            f"{trials}: expected converted trials (<subject>/<trial>{SUFFIX}), found none. "
            "Convert an archive first: kinesynth import ARCHIVE --out TRIALS"
        )
    people: dict[str, _Person] = {}
    rows = []
    with CorpusWriter(
        out,
        role="motion",
        config={
            "errors": None if errors is None else asdict(errors),
            "source": source,
            "method": method,
            "cutoffs_hz": CUTOFFS,
            "placements": [placement.sensor for placement in placements],
        },
        seed=0 if errors is None else errors.seed,
        sources={f"{file.parent.name}/{file.name}": file_hash(file) for file in files},
    ) as corpus:
        for file in progress(files, "virtual IMU") if progress else files:
            started = time.process_time()
            row, trial = _row(file, Path(motion), people, placements, errors, source, method)
            if trial is not None and corpus.has(trial.subject.code, trial.name):
                row |= {"status": "refused", "reason": f"{file}: {trial.name} is in the corpus already; rename it"}
            elif trial is not None:
                corpus.append(trial)
            rows.append(row | {"seconds": time.process_time() - started})
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


def _row(
    file: Path,
    motion: Path,
    people: dict[str, _Person],
    placements: tuple[SensorPlacement, ...],
    errors: ImuErrors | None,
    source: str,
    method: str,
) -> tuple[dict, CorpusTrial | None]:
    """Treat one file; whatever is wrong with it ends in its row."""
    code = file.parent.name
    row = {"subject": code, "trial": file.name.removesuffix(SUFFIX), "status": "refused", "reason": ""}
    try:
        trial = load_trial(file)
        row |= {"trial": trial.name, "n_frames": trial.n_frames, "rate": trial.rate}
        if trial.task == "static":
            return row | {"status": "static", "reason": "registers the markers; carries no gait"}, None
        if code not in people:
            people[code] = _person(motion / code, trial, placements)
        made, facts = make_corpus_trial(
            _as_person(trial, people[code].subject),
            people[code].skeleton,
            read_motion(motion / code / f"{trial.name}.mot"),
            people[code].placements,
            errors=errors,
            source=source,
            method=method,
        )
    except (TrialRefused, ModelMismatch) as error:
        return row | {"reason": str(error)}, None
    ours = made.treatments[len(trial.treatments) :]
    reason = "; ".join(treatment.detail for treatment in ours)
    return row | facts | {"status": "repaired" if ours else "accepted", "reason": reason}, made


def _as_person(trial: MarkerTrial, subject: Subject) -> MarkerTrial:
    """Give every trial of a folder the facts of its first trial, and say so where they differed."""
    if repr(trial.subject) == repr(subject):
        return trial
    detail = f"{trial.subject} in this file; the facts of the subject's first trial were used: {subject}"
    return replace(trial, subject=subject, treatments=(*trial.treatments, Treatment("subject_facts", detail)))


def _person(folder: Path, trial: MarkerTrial, placements: tuple[SensorPlacement, ...]) -> _Person:
    skeleton = load_skeleton(folder / "skeleton.json")
    lengths = {}
    for side in "rl":
        for segment, child in ((f"femur_{side}", f"tibia_{side}"), (f"tibia_{side}", f"calcn_{side}")):
            if {segment, child} <= set(skeleton.segment_names):
                offset = skeleton.segments[skeleton.segment_index(child)].offset
                lengths[segment] = float(np.linalg.norm(offset))
    try:
        return _Person(trial.subject, skeleton, scaled_placements(trial.subject.height, lengths, placements))
    except ValueError as error:
        raise TrialRefused(f"{trial.source or trial.name}: sensors cannot be placed: {error}") from error

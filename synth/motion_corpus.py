"""The motion corpus: virtual IMU records and coordinates of every trial of a converted archive.

Reads what ``kinesynth import`` (trials) and ``kinesynth motion`` (scaled skeletons, coordinates) wrote. Every file
ends in one row of a table beside the corpus: accepted, repaired (with what was done, stored in the corpus), refused
(with the reason) or static.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.batch import Task
from mocap_import.engine import ATTEMPTS, Engine
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, Treatment, TrialRefused
from mocap_import.trial_store import SUFFIX, load_trial
from opensim_models.exchange.storage import read_motion
from opensim_models.model.skeleton import Skeleton, load_skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.corpus.recipe import CorpusRecipe, recipe_with
from synth.corpus.recipe_source import archive_sources
from synth.corpus.schema import CorpusMismatch, NothingAccepted
from synth.corpus.writer import CorpusWriter
from synth.imu.cluster_imu import cluster_imu
from synth.imu.marker_cluster import make_cluster
from synth.imu.recording import SensorPlacement
from synth.measured_kinetics import measured_kinetics
from synth.measured_origin import archive_files
from synth.measured_trial import BEYOND_LEARNT, NOTES, make_corpus_trial
from synth.motion_part import Made, load_part, open_parts, part_of, save_part, subject_fingerprint
from synth.record_settings import RecordSettings, placements_of


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
    settings: RecordSettings | None = None,
    *,
    progress: Callable[[Iterable, str], Iterable] | None = None,
    keep_parts: bool = False,
    recipe: CorpusRecipe | None = None,
    engine: Engine | None = None,
) -> pd.DataFrame:
    """Build a corpus (role ``"motion"``) from converted trials and their solved motion.

    A run that was killed goes on where it stopped: finished trials lie in ``<out>.parts`` until the corpus is complete.

    Parameters
    ----------
    trials, motion : Path
        Folders with ``<subject>/<trial>.trial.h5``, and with ``<subject>/skeleton.json``, ``<subject>/<trial>.mot``
        and, where moments were solved, ``<subject>/<trial>_forces.sto``.
    out : Path
        The corpus to write; an earlier one is replaced when the new one is complete. Its table goes beside it (.csv).
    settings : RecordSettings, optional
    progress : callable, optional
        Wraps the iteration over trial files, with a description.
    keep_parts : bool
        Leave the finished trials there, for a caller who removes them.
    recipe : CorpusRecipe, optional
        That of these very sources and settings, where it is known already; it is stored in the corpus.
    engine : Engine, optional
        Where subjects are worked on, each in a task; in this process by default. The bytes are the same.

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
        A folder holds no trials, or the file cannot be written; `NothingAccepted` where no trial is left.
    """
    settings, out, motion = settings or RecordSettings(), Path(out), Path(motion)
    files = _files_of(Path(trials))
    recipe = recipe or recipe_with(settings, kind="motion", sources=archive_sources(Path(trials), motion))
    with open_parts(out) as parts:
        if engine is not None:
            engine.check_shared(parts, Path(trials), motion)
        table = _built(files, motion, out, parts, settings, recipe, engine, progress)
        if not keep_parts:
            shutil.rmtree(parts, ignore_errors=True)
    return table


def _files_of(trials: Path) -> dict[Path, list[Path]]:
    """Trial files of an archive by the folder of their subject."""
    files = sorted(trials.glob(f"*/*{SUFFIX}"))
    if not files:
        raise CorpusMismatch(
            f"{trials}: expected converted trials (<subject>/<trial>{SUFFIX}), found none. "
            "Convert an archive first: kinesynth import ARCHIVE --out TRIALS"
        )
    return {folder: list(own) for folder, own in groupby(files, key=lambda file: file.parent)}


def _built(
    by_subject: dict[Path, list[Path]],
    motion: Path,
    out: Path,
    parts: Path,
    settings: RecordSettings,
    recipe: CorpusRecipe,
    engine: Engine | None,
    progress: Callable[[Iterable, str], Iterable] | None,
) -> pd.DataFrame:
    """Make the parts that are missing, and of all the corpus and its table."""
    places: dict[Path, Path] = {}
    for own in by_subject.values():
        fingerprint = subject_fingerprint(own, recipe.sources["trials"], motion, settings)
        places |= {file: part_of(parts, file, fingerprint) for file in own}
    lost = _make_parts(by_subject, places, motion, settings, engine, progress)
    try:
        table = _join(out, places, lost, settings, recipe)
    except NothingAccepted:
        shutil.rmtree(parts, ignore_errors=True)
        raise
    table.to_csv(parts / "table.csv", index=False)
    (parts / "table.csv").replace(out.with_suffix(".csv"))
    return table


def _join(
    out: Path, places: dict[Path, Path], lost: dict[Path, dict], settings: RecordSettings, recipe: CorpusRecipe
) -> pd.DataFrame:
    """Write the corpus from its parts, in the order of the files; return the table."""
    rows = []
    seed = 0 if settings.errors is None else settings.errors.seed
    config = settings.config() | {"recipe": recipe.model_dump(mode="json")}
    with CorpusWriter(out, role="motion", config=config, seed=seed, sources=recipe.sources["trials"]) as corpus:
        for file, place in places.items():
            row, trial = load_part(place) or (_names(file) | lost.get(file, _UNREADABLE), None)
            if trial is not None and corpus.has(trial.subject.code, trial.name):
                row |= {"status": "refused", "reason": f"{file}: {trial.name} is in the corpus already; rename it"}
            elif trial is not None:
                corpus.append(trial)
            rows.append(row)
        if not corpus.n_trials:
            reasons = "; ".join(dict.fromkeys(row["reason"] for row in rows if row["status"] == "refused"))
            raise NothingAccepted(
                f"{out}: none of {len(rows)} files could be used. {reasons or 'All are static trials.'}"
            )
    return pd.DataFrame(rows)


_UNREADABLE = {"status": "refused", "reason": "what was made of it cannot be read back; run again", "seconds": 0.0}


def _make_parts(
    by_subject: dict[Path, list[Path]],
    places: dict[Path, Path],
    motion: Path,
    settings: RecordSettings,
    engine: Engine | None,
    progress: Callable[[Iterable, str], Iterable] | None,
) -> dict[Path, dict]:
    """Make every part that is not there; what to say of the files whose worker did not come back."""
    if engine is None:
        files = progress(list(places), "virtual IMU") if progress else places
        for _, own in groupby(files, key=lambda file: file.parent):
            _make_subject(own, places, motion, settings)
        return {}
    tasks = []
    for folder, own in by_subject.items():
        if all(load_part(places[file]) for file in own):
            continue
        given = {"places": {file: places[file] for file in own}, "motion": motion, "settings": settings}
        tasks.append(Task(str(folder), "synth.motion_corpus:make_subject_parts", given))
    if not tasks:
        return {}
    _prepare(settings)
    lost: dict[Path, dict] = {}
    outcomes = engine.run(tasks, attempts=ATTEMPTS)
    for outcome in progress(outcomes, "virtual IMU") if progress else outcomes:
        if outcome.status != "done":
            said = {"status": "refused", "reason": outcome.reason, "seconds": outcome.cpu_seconds}
            lost |= dict.fromkeys(by_subject[Path(outcome.key)], said)
    return lost


def _prepare(settings: RecordSettings) -> None:
    """Compile the kernels before several processes would each do it at the same time."""
    corners = np.array([[0.1, 0.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 0.1], [0.1, 0.1, 0.1]])
    labels = tuple("abcd")
    trial = MarkerTrial("preparation", Subject("none"), labels, np.tile(corners, (200, 1, 1)), 100.0)
    placement = SensorPlacement("sensor", "segment")
    cluster_imu(trial, [make_cluster("segment", labels, corners)], [placement], method=settings.method, cutoff=10.0)


def make_subject_parts(places: dict[Path, Path], motion: Path, settings: RecordSettings) -> int:
    """Make the missing parts of one subject: the work of a worker process. Returns the number of files."""
    _make_subject(places, places, motion, settings)
    return len(places)


def _make_subject(files: Iterable[Path], places: dict[Path, Path], motion: Path, settings: RecordSettings) -> None:
    """Make the missing parts of one subject, whose first usable trial gives the facts of all."""
    people: dict[str, _Person] = {}
    skipped: list[Path] = []
    for file in files:
        if load_part(places[file]) is not None:
            skipped.append(file)
            continue
        for earlier in skipped:
            _meet(earlier, motion, people, settings)
        skipped.clear()
        started = time.process_time()
        row, trial = _treated(file, motion, people, settings)
        save_part(places[file], row | {"seconds": time.process_time() - started}, trial)


def _meet(file: Path, motion: Path, people: dict[str, _Person], settings: RecordSettings) -> None:
    """Take the facts of a subject from a trial whose part is there already, as a run from the beginning would."""
    code = file.parent.name
    if code in people:
        return
    with suppress(TrialRefused, ModelMismatch):
        trial = load_trial(file)
        if trial.task != "static":
            people[code] = _person(motion / code, trial, settings)


def _names(file: Path) -> dict:
    return {"subject": file.parent.name, "trial": file.name.removesuffix(SUFFIX)}


def _treated(file: Path, motion: Path, people: dict[str, _Person], settings: RecordSettings) -> Made:
    """Row and trial of one file; whatever is wrong with it ends in its row."""
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
            settings,
            files=archive_files(file, motion / code, trial.name),
            kinetics=measured_kinetics(trial, motion / code),
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

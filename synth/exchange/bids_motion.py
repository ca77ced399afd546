"""Motion-BIDS: a corpus as a data set of the Brain Imaging Data Structure, one folder a subject.

A trial is ``sub-<subject>/[ses-<session>/]motion/sub-..._task-<task>_tracksys-<system>_run-<number>_motion.tsv`` with
its ``channels.tsv`` and ``motion.json``. BIDS takes letters and digits in labels only: ``participants.tsv`` and
``scans.tsv`` say which codes and names they stand for.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import pandas as pd

from synth.corpus.reader import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from synth.exchange.bids_description import write_description
from synth.exchange.corpus_files import NOT_APPLICABLE, REFUSED, WRITTEN, chosen_trials
from synth.exchange.safe_label import bids_labels
from synth.exchange.staging_folder import leftovers, staging_folder
from synth.exchange.tracking_system import Channel, TrackingSystem, tracking_systems

_COUNTED = ("ACCEL", "ANGACCEL", "GYRO", "JNTANG", "LATENCY", "MAGN", "MISC", "ORNT", "POS", "VEL")
MISSING = "n/a"


@dataclass
class _DataSet:
    """What the files at the top of a data set need to know."""

    folder: Path
    labels: dict[str, str]
    task_labels: dict[str, str]
    clean: bool
    runs: dict[tuple[str, str, str], int] = field(default_factory=dict)
    scans: dict[tuple[str, str], list[tuple]] = field(default_factory=dict)
    systems: set[str] = field(default_factory=set)
    tasks_with_events: set[str] = field(default_factory=set)
    left_out: list[str] = field(default_factory=list)


def write_bids(
    corpus: Path,
    out: Path,
    *,
    name: str = "",
    authors: Sequence[str] = (),
    licence: str = "",
    subjects: Sequence[str] = (),
    clean: bool = False,
    overwrite: bool = False,
    progress: Callable[[int], object] | None = None,
) -> pd.DataFrame:
    """Write a corpus as a Motion-BIDS data set.

    Parameters
    ----------
    corpus : Path
    out : Path
        Folder of the data set; it appears when everything is written.
    name : str, optional
        Of the data set; default the name of the corpus file.
    authors : sequence of str, optional
        Whom to credit.
    licence : str, optional
        E.g. ``"CC-BY-4.0"``.
    subjects : sequence of str, optional
        Codes; default all.
    clean : bool, default False
        Records as simulated. False: with the errors of the stored recipe.
    overwrite : bool, default False
        Replace a data set that this function wrote.
    progress : callable, optional
        Called with 1 after each trial.

    Returns
    -------
    DataFrame
        One row a trial: subject, trial, format, status, reason (its BIDS name), files.

    Raises
    ------
    CorpusMismatch
        No corpus, an unknown subject, nothing to write, or a folder that may not be replaced.
    """
    source, out = Corpus(corpus), Path(out)
    keys = chosen_trials(source, subjects)
    _take_back(out)
    _require_place(out, overwrite)
    out.parent.mkdir(parents=True, exist_ok=True)
    with staging_folder(out.parent, f".{out.name}-new-") as staging:
        tasks = [row["task"] for row in source.summary()]
        data_set = _DataSet(staging, bids_labels(code for code, _ in source.trials()), bids_labels(tasks), clean)
        rows = []
        for key in keys:
            rows.append(_write_trial(data_set, source, key))
            if progress is not None:
                progress(1)
        if not data_set.scans:
            raise CorpusMismatch(f"{corpus}: no trial holds motion to write; `kinesynth corpus show` lists them.")
        _write_scans(data_set)
        people = [person for person in source.subjects() if data_set.labels[person.code] in _present(data_set)]
        write_description(
            staging,
            source.provenance,
            people=[(data_set.labels[person.code], person) for person in people],
            systems=sorted(data_set.systems),
            tasks=sorted(data_set.tasks_with_events),
            name=name or Path(corpus).stem,
            authors=authors,
            licence=licence,
            left_out=data_set.left_out,
            clean=clean,
        )
        _put_in_place(staging, out)
    for row in rows:
        row["files"] = [str(out / file) for file in row["files"]]
    return pd.DataFrame(rows, columns=["subject", "trial", "format", "status", "reason", "files"])


def _present(data_set: _DataSet) -> set[str]:
    return {label for label, _ in data_set.scans}


def _write_trial(data_set: _DataSet, source: Corpus, key: tuple[str, str]) -> dict[str, object]:
    """Files of one trial, and the row that tells of them."""
    row: dict[str, object] = {"subject": key[0], "trial": key[1], "format": "bids", "status": WRITTEN, "files": []}
    try:
        trial = source.read(*key, clean=data_set.clean)
    except CorpusMismatch as problem:
        data_set.left_out.append(f"{key[0]}/{key[1]}: {problem}")
        return row | {"status": REFUSED, "reason": str(problem)}
    systems = tracking_systems(trial, clean=data_set.clean)
    if not systems:
        data_set.left_out.append(f"{key[0]}/{key[1]} ({trial.status}): {trial.reason or 'it holds no motion'}")
        return row | {"status": NOT_APPLICABLE, "reason": trial.reason or "the trial holds no motion"}
    subject, task = data_set.labels[key[0]], data_set.task_labels[trial.task]
    session = _session(trial)
    run = data_set.runs[subject, session, task] = data_set.runs.get((subject, session, task), 0) + 1
    owner = f"sub-{subject}" + (f"_ses-{session}" if session else "")
    folder = data_set.folder.joinpath(*owner.split("_"), "motion")
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for system in systems:
        stem = f"{owner}_task-{task}_tracksys-{system.label}_run-{run}"
        files += _write_system(folder, stem, system, trial)
        scan = (f"motion/{stem}_motion.tsv", trial.name, trial.status, trial.reason)
        data_set.scans.setdefault((subject, session), []).append(scan)
        data_set.systems.add(system.label)
    if trial.events:
        files.append(folder / f"{owner}_task-{task}_run-{run}_events.tsv")
        _write_events(files[-1], trial)
        data_set.tasks_with_events.add(task)
    reason = f"{owner}_task-{task}_run-{run}"
    return row | {"reason": reason, "files": [file.relative_to(data_set.folder) for file in files]}


def _session(trial: CorpusTrial) -> str:
    """Label of the session, ``""`` where the corpus tells none (schema version 1 never does)."""
    return bids_labels([trial.session])[trial.session] if trial.session else ""


def _write_system(folder: Path, stem: str, system: TrackingSystem, trial: CorpusTrial) -> list[Path]:
    """``motion.tsv``, ``channels.tsv`` and ``motion.json`` of one tracking system."""
    files = [folder / f"{stem}_{end}" for end in ("motion.tsv", "channels.tsv", "motion.json")]
    pd.DataFrame(system.values).to_csv(files[0], **_TSV, header=False)
    channels = pd.DataFrame([asdict(channel) for channel in system.channels])
    write_tsv(files[1], channels[[column.name for column in fields(Channel)]])
    kinds = [channel.type for channel in system.channels]
    counts = {f"{kind}ChannelCount": kinds.count(kind) for kind in _COUNTED}
    facts = {
        "TaskName": trial.task,
        "TaskDescription": f"trial {trial.name}",
        "SamplingFrequency": trial.rate,
        "SamplingFrequencyEffective": trial.rate,
        "RecordingDuration": trial.n_frames / trial.rate,
        "TrackingSystemName": system.label,
        "MotionChannelCount": len(kinds),
        **counts,
        "TrackedPointsCount": len({channel.tracked_point for channel in system.channels}),
        "MissingValues": MISSING,
        "SubjectArtefactDescription": MISSING,
        **system.facts,
    }
    if not math.isfinite(trial.belt_speed) or trial.belt_speed:
        facts["TreadmillSpeed"] = trial.belt_speed if math.isfinite(trial.belt_speed) else MISSING
    write_json(files[2], facts)
    return files


def _write_events(path: Path, trial: CorpusTrial) -> None:
    rows = [(e.time, 0, f"{e.foot}_{e.kind}", e.foot, e.source) for e in sorted(trial.events, key=lambda e: e.time)]
    write_tsv(path, pd.DataFrame(rows, columns=["onset", "duration", "trial_type", "foot", "source"]))


def _write_scans(data_set: _DataSet) -> None:
    """Which trial each file is: BIDS has no other place for the names of a corpus."""
    for (subject, session), rows in data_set.scans.items():
        owner = f"sub-{subject}" + (f"_ses-{session}" if session else "")
        folder = data_set.folder.joinpath(*owner.split("_"))
        table = pd.DataFrame(rows, columns=["filename", "trial", "status", "reason"])
        write_tsv(folder / f"{owner}_scans.tsv", table)


_TSV = {"sep": "\t", "index": False, "na_rep": MISSING, "lineterminator": "\n"}


def write_tsv(path: Path, table: pd.DataFrame) -> None:
    """Write a table with a header; what is missing or empty is ``n/a``, and no cell holds a tab or a line break."""
    plain = table.copy()
    for column in plain.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in plain.dtypes]]:
        plain[column] = [" ".join(str(cell).replace('"', "'").split()) or MISSING for cell in plain[column]]
    plain.to_csv(path, **_TSV)


def write_json(path: Path, facts: dict) -> None:
    """Write facts as indented JSON."""
    path.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _require_place(out: Path, overwrite: bool) -> None:
    """Raise unless the folder is free, or a data set of ours that may be replaced."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        made_by = json.loads((out / "dataset_description.json").read_text(encoding="utf-8"))["GeneratedBy"][0]["Name"]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        made_by = ""
    if made_by != "Kinesynth":
        raise CorpusMismatch(f"{out} holds something else than a data set of Kinesynth; choose another --out.")
    if not overwrite:
        raise CorpusMismatch(f"{out} holds a data set; --overwrite replaces it, or choose another --out.")


def _take_back(out: Path) -> None:
    """Give a data set its name again that a run killed at that moment had put aside; remove what else it left."""
    if not out.parent.is_dir():
        return
    for aside in leftovers(out.parent, f".{out.name}-old-"):
        if not out.exists() and (aside / out.name).is_dir():
            (aside / out.name).replace(out)
        shutil.rmtree(aside, ignore_errors=True)


def _put_in_place(staging: Path, out: Path) -> None:
    """Give the finished data set its name; an old one steps aside first and is removed last."""
    mask = os.umask(0o022)
    os.umask(mask)
    staging.chmod(0o777 & ~mask)
    aside = None
    if out.exists():
        aside = Path(tempfile.mkdtemp(prefix=f".{out.name}-old-", dir=out.parent))
        out.replace(aside / out.name)
    staging.replace(out)
    if aside is not None:
        shutil.rmtree(aside, ignore_errors=True)

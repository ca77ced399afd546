"""Conversion of one file: what a worker process does for an archive, and the row of the table it answers with."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from mocap_import.archive.borrowed_fact import frame_settings, own_facts, with_borrowed
from mocap_import.archive.file import content_hash
from mocap_import.archive.private_text import (
    name_words,
    path_words,
    private_words,
    without_private_text,
    without_words,
)
from mocap_import.archive.settled_frame import frame_evidence
from mocap_import.archive.trial_row import trial_facts
from mocap_import.c3d.raw_c3d import RawC3d
from mocap_import.c3d.reader import read_c3d
from mocap_import.durable_file import os_words
from mocap_import.frame.lab_frame import LabFrame
from mocap_import.quality.body_weight import standing_mass
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, Treatment, TrialRefused
from mocap_import.trial_reader import trial_from_raw
from mocap_import.trial_store import SUFFIX, write_trial


def convert_file(
    path: str,
    shown: str,
    out: str,
    trial: str,
    subject: dict[str, Any],
    session: str = "",
    relative: str = "",
    told: dict[str, Any] | None = None,
    codes: str = "new",
    **settings: Any,
) -> dict[str, Any]:
    """Read one C3D file and store it as a trial.

    Parameters
    ----------
    path, relative : str
        The file, and its place within the archive.
    shown : str
        What the products call the file; names and places of the file itself are taken out of every sentence
        unless `codes` is ``"keep"``.
    out : str
        Output folder; the trial goes to ``<out>/<subject code>/<trial>.trial.h5``.
    trial, session : str
        Trial name and session.
    subject : dict
        Fields of `Subject`.
    told : dict, optional
        What other recordings tell of the subject and the laboratory, see `session_facts` and `settled_frames`.
    codes : str
        As in `convert_archive`.
    **settings
        task, marker_set, belt_speed, unit, axes, reader and emg, as in `read_trial`.

    Returns
    -------
    dict
        The row; ``"stopped"`` is a sentence if the trial could not be stored (disk full), else empty.
    """
    began = time.perf_counter(), time.process_time()
    file = Path(path)
    code = subject["code"]
    row: dict[str, Any] = {"file": shown, "subject": code, "session": session, "trial": trial, "stopped": ""}
    target = Path(out) / code / f"{trial}{SUFFIX}"
    places = path_words(file, relative) if codes == "new" else {}
    marker_set = settings.pop("marker_set", None)
    told = told or {}
    frames: list[LabFrame] = []
    try:
        raw = read_c3d(file, reader=settings.pop("reader", "direct"))
        read = trial_from_raw(
            raw,
            file.name,
            marker_set,
            Subject(**subject),
            settings.pop("belt_speed", None),
            name=trial,
            source=shown,
            standing_mass=told.get("mass", math.nan),
            session=session,
            on_frame=frames.append,
            **frame_settings(settings, told),
        )
    except TrialRefused as refusal:
        # A trial of an earlier content of this file must not outlive its refusal.
        target.unlink(missing_ok=True)
        names = private_words(file) if codes == "new" else ()
        reason = without_words(without_words(str(refusal), places, shown), names, "(subject)")
        row |= {"task": settings.get("task") or "unknown", "status": "refused", "reason": reason}
        return row | {"source_hash": content_hash(file)} | _spent(began)
    if codes == "new":
        read = without_private_text(read, name_words(raw.subject_names), places, shown)
    read = _weighed(with_borrowed(read, told))
    row |= {"evidence": _evidence(raw, frames[0], read), "told": _used(told, raw)}
    row |= trial_facts(read)
    if marker_set is not None and marker_set == read.marker_set and marker_set.endswith(".toml"):
        # The laboratory's own set lies beside the trials, so that no path of this computer stays in them.
        read = replace(read, marker_set=f"../{Path(marker_set).name}")
        row["marker_set"] = read.marker_set
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_trial(target, read)
    except OSError as problem:
        return row | {"stopped": f"{target}: could not be written ({os_words(problem)})"}
    return row | {"output": f"{code}/{target.name}"} | _spent(began)


def _evidence(raw: RawC3d, frame: LabFrame, trial: MarkerTrial) -> dict[str, Any]:
    """What the file shows by itself, for the other recordings of its session and laboratory."""
    found: dict[str, Any] = dict(own_facts(raw))
    if trial.labels:
        found |= frame_evidence(raw, frame)
        mirrored = [note.detail for note in trial.treatments if note.what == "mirrored_suspected"]
        found |= {"mirrored": mirrored[0]} if mirrored else {}
    return found


def _used(told: dict[str, Any], raw: RawC3d) -> dict[str, Any]:
    """What was told and not known from the file itself."""
    known = {name for name, value in own_facts(raw).items() if value is not None}
    known |= {"mass_from"} if "mass" in known else set()
    return {name: value for name, value in told.items() if name not in known}


def _spent(began: tuple[float, float]) -> dict[str, float]:
    """Wall and CPU seconds since the beginning: for the journal, never for the table."""
    return {"seconds": time.perf_counter() - began[0], "cpu_seconds": time.process_time() - began[1]}


def _weighed(trial: MarkerTrial) -> MarkerTrial:
    """A standing trial of a subject of unknown mass, with the mass that its own plates weigh."""
    mass = standing_mass(trial) if math.isnan(trial.subject.mass) else math.nan
    if not mass > 0:
        return trial
    note = Treatment("mass_weighed", f"body mass {mass:.1f} kg from the plates of this standing trial")
    return replace(trial, subject=replace(trial.subject, mass=mass), treatments=(*trial.treatments, note))

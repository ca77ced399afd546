"""Conversion of one file: what a worker process does for an archive, and the row of the table it answers with."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.archive.private_text import path_words, private_words, without_private_text, without_words
from mocap_import.quality.body_weight import standing_mass
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, Treatment, TrialRefused
from mocap_import.trial_reader import read_trial
from mocap_import.trial_store import SUFFIX, write_trial

NOTES_ONLY = frozenset(
    (
        *("axes_inferred", "axes_given", "axes_from_archive", "unit_from_archive", "label_prefix_removed"),
        *("labels_unmapped", "never_seen", "unlabelled_left_out", "trailing_data", "mass_weighed"),
        *("no_plates", "plate_split", "plate_silent", "events_detected", "events_added", "events_from_header"),
    )
)
"""Treatments that change no measured value: a trial with only these counts as accepted, with others as repaired."""


def convert_file(
    path: str,
    shown: str,
    out: str,
    trial: str,
    subject: dict[str, Any],
    session: str = "",
    relative: str = "",
    standing_mass: float = math.nan,
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
    standing_mass : float
        Body mass (kg) weighed in another trial of the subject, NaN if none was.
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
    names, places = (private_words(file), path_words(file, relative)) if codes == "new" else ((), {})
    marker_set = settings.pop("marker_set", None)
    try:
        read = read_trial(
            path,
            marker_set,
            Subject(**subject),
            settings.pop("belt_speed", None),
            name=trial,
            source=shown,
            standing_mass=standing_mass,
            session=session,
            **settings,
        )
    except TrialRefused as refusal:
        # A trial of an earlier content of this file must not outlive its refusal.
        target.unlink(missing_ok=True)
        reason = without_words(without_words(str(refusal), places, shown), names, "(subject)")
        row |= {"task": settings.get("task") or "unknown", "status": "refused", "reason": reason}
        return row | {"source_hash": content_hash(file)} | _spent(began)
    if codes == "new":
        read = without_private_text(read, names, places, shown)
    read = _weighed(read)
    if marker_set is not None and marker_set == read.marker_set and marker_set.endswith(".toml"):
        # The laboratory's own set lies beside the trials, so that no path of this computer stays in them.
        read = replace(read, marker_set=f"../{Path(marker_set).name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_trial(target, read)
    except OSError as problem:
        return row | {"stopped": f"{target}: could not be written ({problem.strerror or problem})"}
    return row | _facts(read) | {"output": f"{code}/{target.name}"} | _spent(began)


def content_hash(path: Path) -> str:
    """SHA-256 of a file, ``""`` if it cannot be read."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


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


def _facts(trial: MarkerTrial) -> dict[str, Any]:
    """What the table says of a trial."""
    repairs = [treatment for treatment in trial.treatments if treatment.what not in NOTES_ONLY]
    strikes = [event for event in trial.events if event.kind == "foot_strike"]
    return {
        "task": trial.task,
        "status": "repaired" if repairs else "accepted",
        "reason": "; ".join(f"{t.what}: {t.detail}" for t in (repairs or trial.treatments)),
        "n_frames": trial.n_frames,
        "rate": trial.rate,
        "n_markers": len(trial.labels),
        "marker_set": trial.marker_set,
        "missing_percent": _percent(np.isnan(trial.positions[:, :, 0])),
        "filled_percent": _percent(trial.filled),
        "n_plates": len(trial.ground_reactions),
        "feet": " ".join(reaction.foot for reaction in trial.ground_reactions),
        "n_events": len(trial.events),
        "n_strikes": len(strikes),
        "event_source": "+".join(sorted({event.source for event in trial.events})),
        "belt_speed": trial.belt_speed,
        "mass": trial.subject.mass,
        "height": trial.subject.height,
        "sex": trial.subject.sex,
        "age": trial.subject.age,
        "standing_mass": standing_mass(trial),
        "source_hash": trial.source_hash,
    }


def _percent(marked: np.ndarray | None) -> float:
    """Share of the samples that a mask marks, 0 for a trial without markers."""
    return 100.0 * float(marked.mean()) if marked is not None and marked.size else 0.0

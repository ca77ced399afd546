"""The check of a corpus: whether it is what the schema promises, and plausible.

An ``"error"`` breaks the schema; a ``"warning"`` is technically compliant and probably wrong.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synth.corpus.array_origin import origin_faults
from synth.corpus.finding import Finding
from synth.corpus.layout import SUBJECT, TRIAL
from synth.corpus.layout_check import layout_faults
from synth.corpus.leak import LeakSearch
from synth.corpus.node import CorpusNode, open_node
from synth.corpus.reader import Corpus
from synth.corpus.schema import ROLES, STATUSES, CorpusMismatch, coordinate_unit
from synth.corpus.trial import CorpusTrial
from synth.corpus.trial_index import GROUP, index_faults


def check_corpus(path: Path | str) -> list[Finding]:
    """Read a whole corpus and list what is wrong; an empty list is a sound corpus."""
    try:
        corpus = Corpus(path)
        people = corpus.subjects()
    except CorpusMismatch as error:
        return [Finding("error", "", str(error))]
    findings = []
    if corpus.role not in ROLES:
        findings.append(Finding("error", "", f"role {corpus.role!r} is none of {', '.join(ROLES)}"))
    if not corpus.trials():
        findings.append(Finding("warning", "", "the corpus holds no trial"))
    for person in people:
        if not (1 < person.mass < 400 and 0.3 < person.height < 2.6):
            what = f"mass {person.mass} kg, height {person.height} m: unknown or implausible"
            findings.append(Finding("warning", person.code, what))
    known = {person.code for person in people}
    for split in corpus.splits:
        for code in sorted({*split.train, *split.validation, *split.test} - known):
            findings.append(
                Finding("error", "", f"split {split.name!r} names subject {code!r}, who is not in the corpus")
            )
    findings += _layout_findings(corpus)
    faulty = {finding.where for finding in findings if finding.level == "error"}
    leaks = LeakSearch(corpus)
    for code, name in corpus.trials():
        where = f"{code}/{name}"
        try:
            trial = corpus.read(code, name, clean=True)
        except CorpusMismatch as error:
            if where not in faulty:  # what breaks the layout has been said
                findings.append(Finding("error", where, str(error)))
            continue
        findings += [Finding(level, where, what) for level, what in _check_trial(trial)]
        leaks.add(trial)
    try:
        findings += leaks.findings()
    except CorpusMismatch as error:  # records that were read before cannot be read again
        findings.append(Finding("error", "", str(error)))
    return findings


def _layout_findings(corpus: Corpus) -> list[Finding]:
    """Whatever the file holds beside, or otherwise than, the schema says."""
    findings: list[Finding] = []

    def look(node: CorpusNode, pattern: str, where: str, depth: int) -> None:
        try:
            faults = layout_faults(node, pattern, corpus.version, depth=depth)
        except CorpusMismatch as error:
            faults = [str(error)]
        findings.extend(Finding("error", where, what) for what in faults)

    try:
        with open_node(corpus.path) as root:
            look(root, "", "", 1)
            if root.has(GROUP):
                look(root.child(GROUP), GROUP, GROUP, 1)
                findings.extend(Finding("error", "", what) for what in index_faults(root))
            for shared in ("skeletons", "origins"):
                if root.has(shared):
                    look(root.child(shared), shared, shared, 1)
            for code, person in root.child("subjects").children():
                look(person, SUBJECT, code, 1)
                for name, trial in person.child("trials").children():
                    look(trial, TRIAL, f"{code}/{name}", 9)
    except CorpusMismatch as error:
        findings.append(Finding("error", "", str(error)))
    return findings


def _check_trial(trial: CorpusTrial) -> list[tuple[str, str]]:
    found = []
    if trial.status not in STATUSES:
        found.append(("error", f"status {trial.status!r} is none of {', '.join(STATUSES)}"))
    if trial.status == "refused" and not trial.reason:
        found.append(("error", "refused without a reason"))
    if not (np.isfinite(trial.rate) and trial.rate > 0):
        found.append(("error", f"rate {trial.rate} Hz"))
    wrong, without = origin_faults(trial)
    found += [("error", what) for what in wrong]
    found += [("warning", f"nothing says how {', '.join(without)} was made")] if without else []
    for event in trial.events:
        if not -1 / trial.rate <= event.time <= (trial.n_frames + 1) / trial.rate and trial.n_frames:
            found.append(("warning", f"{event.kind} at {event.time:.3f} s lies outside the trial"))
    for recording in trial.recordings:
        sensor = recording.placement.sensor
        force, turn = recording.specific_force, recording.angular_velocity
        if np.isinf(force).any() or np.isinf(turn).any():
            found.append(("error", f"{sensor} holds an infinite value"))
        size = np.linalg.norm(force, axis=1)
        if not np.isfinite(size).any():
            found.append(("warning", f"{sensor} holds no value at all"))
        elif np.nanmedian(size) < 3:
            found.append(
                (
                    "warning",
                    f"{sensor} reads {np.nanmedian(size):.2f} m/s² (median): in units of g, or without gravity?",
                )
            )
        if np.isfinite(turn).any() and np.nanmax(np.abs(turn)) > 100:
            found.append(("warning", f"{sensor} turns at {np.nanmax(np.abs(turn)):.0f} rad/s: in deg/s?"))
    if trial.kinematics is not None:
        for name, column in zip(trial.kinematics.coordinates, trial.kinematics.values.T, strict=True):
            if coordinate_unit(name) == "rad" and np.isfinite(column).any() and np.nanmax(np.abs(column)) > 20:
                found.append(("warning", f"{name} reaches {np.nanmax(np.abs(column)):.0f} rad: in degrees?"))
    return found

"""Settled frame: axes and unit of trials that leave them open, decided by the other trials of the same laboratory.

A laboratory is recognised by its place in the archive and by its force plates, whose corners are the same in all of its
recordings (so in all seven laboratories looked at); below one folder a trial without plates belongs to them too.
Nothing is decided for trials whose laboratory has no two certain trials that agree.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import PurePath
from typing import Any

from mocap_import.archive.plan import Job
from mocap_import.c3d.raw_c3d import RawC3d
from mocap_import.frame.frame_agreement import FrameAgreement, agreed_frame, resolved_frame
from mocap_import.frame.lab_frame import LabFrame
from mocap_import.frame.length_unit import UNITS
from mocap_import.frame.signed_axis import parse_axes


def frame_evidence(raw: RawC3d, frame: LabFrame) -> dict[str, Any]:
    """What one file shows of its axes and unit, for the journal.

    Returns
    -------
    dict
        ``axes``, ``unit``, ``alternatives``, and what recordings of one laboratory share: hashes of the ``screen`` axes
        and of the corners of the ``plates``.
    """
    plates = " ".join(f"{value:.4g}" for plate in raw.plates for value in plate.corners.ravel())
    return {
        "axes": frame.axes,
        "unit": frame.unit,
        "alternatives": list(frame.alternatives),
        "screen": hashlib.sha256("".join(raw.screen).encode()).hexdigest()[:8] if any(raw.screen) else "",
        "plates": hashlib.sha256(plates.encode()).hexdigest()[:16] if raw.plates else "",
    }


def settled_frames(jobs: Sequence[Job], rows: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the ambiguous trials are to be told of their laboratory.

    The trials of the same folder speak first, then those of the folders above it up to the top folder; all of the
    archive only for trials with the very same force plates.

    Parameters
    ----------
    jobs : sequence of Job
    rows : mapping
        Key → row; its ``evidence`` is what the file shows by itself, whatever it was told.

    Returns
    -------
    dict
        Key → ``axes`` with ``open`` (orientations that stay possible) and ``unit``, only what is decided; and
        ``deviates``, a sentence, for a trial that is certain of another vertical or unit than most recordings with the
        very same plates.
    """
    shown = {job.recording.key: _evidence(rows.get(job.recording.key)) for job in jobs}
    certain: dict[PurePath, list[dict[str, Any]]] = defaultdict(list)
    for job in jobs:
        evidence = shown[job.recording.key]
        if evidence and not evidence["alternatives"]:
            for folder in job.recording.file.relative.parents:
                certain[folder].append(evidence)

    @cache
    def agreement(folder: PurePath, screen: str, plates: str) -> FrameAgreement:
        known = [e for e in certain[folder] if "" in (e["screen"], screen) or e["screen"] == screen]
        near = folder != PurePath()
        same = [e for e in known if e["plates"] == plates != "" or (near and "" in (e["plates"], plates))]
        return agreed_frame([_frame(evidence) for evidence in same])

    told: dict[str, dict[str, Any]] = {}
    for job in jobs:
        evidence = shown[job.recording.key]
        if not evidence:
            continue
        if not evidence["alternatives"]:
            told |= _deviating(job, evidence, agreement(PurePath(), evidence["screen"], evidence["plates"]))
            continue
        best: dict[str, Any] = {}
        for folder in job.recording.file.relative.parents:
            found = _decided(evidence, agreement(folder, evidence["screen"], evidence["plates"]))
            best = best or found
            if found and not found.get("open"):
                best = found
                break
        if best:
            best |= {name: evidence[name] for name in ("mirrored",) if name in evidence and "axes" in best}
            told[job.recording.key] = best
    return told


def _evidence(row: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the file of a row shows of its frame."""
    found = {} if row is None or row["status"] == "refused" else row.get("evidence", {})
    return found if "axes" in found else {}


def _frame(evidence: Mapping[str, Any]) -> LabFrame:
    """The frame that a file showed."""
    open_ = tuple(evidence["alternatives"])
    return LabFrame(parse_axes(evidence["axes"]), UNITS[evidence["unit"]], 1.0, bool(open_), "", open_)


def _deviating(job: Job, evidence: Mapping[str, Any], agreement: FrameAgreement) -> dict[str, dict[str, Any]]:
    """What a certain trial is told that contradicts its laboratory."""
    up, unit = agreement.up or evidence["axes"][2:], agreement.unit or evidence["unit"]
    if (evidence["axes"][2:], evidence["unit"]) == (up, unit):
        return {}
    here = f"{evidence['axes'][2:]} up and {evidence['unit']} here"
    return {job.recording.key: {"deviates": f"{here}, {up} up and {unit} in most recordings with these plates"}}


def _decided(evidence: Mapping[str, Any], agreement: FrameAgreement) -> dict[str, Any]:
    """What an agreement decides of one trial's frame; empty if nothing."""
    before = _frame(evidence)
    after, _ = resolved_frame(before, agreement)
    if set(after.alternatives) == set(before.alternatives):
        return {}
    found: dict[str, Any] = {}
    axes_open = [name for name in after.alternatives if name not in UNITS]
    if any(name not in UNITS and name not in axes_open for name in before.alternatives):
        found |= {"axes": after.axes, "open": axes_open}
    if any(name in UNITS for name in before.alternatives) and not any(name in UNITS for name in after.alternatives):
        found["unit"] = after.unit
    return found

"""B3D corpus: AddBiomechanics subjects (.b3d) as a corpus of measured motion.

AddBiomechanics (Werling et al., PLoS One 18:e0295152, 2023) keeps scaled models, coordinates, joint efforts and ground
reactions; a corpus takes the last processing pass of each trial. The library is optional:
``pip install 'kinesynth[b3d]'``.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mocap_import.batch import WorkerFailed, WorkerProcess
from mocap_import.stretch import stretches_named
from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction, Treatment
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus.array_origin import FORCES, GROUND_REACTIONS, KINEMATICS, ArrayOrigin, SourceFile
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch, NothingAccepted
from synth.corpus.trial import CorpusTrial
from synth.corpus.writer import CorpusWriter

_MODULE = "synth.exchange.b3d_file"
_PATIENCE, _PATIENCE_PER_FRAME = 120.0, 0.02
"""Seconds for a call, and for each of its frames."""
_DYNAMICS = "DYNAMICS"
_ROUNDING = 1e-6
"""Relative; the step of a trial may have passed through single precision (6e-8)."""
_LOADED = 1e-9
"""N; AddBiomechanics writes exact zeros without load."""


def write_b3d_corpus(
    files: Sequence[Path], out: Path, *, progress: Callable[[int], object] | None = None
) -> pd.DataFrame:
    """Write the trials of .b3d files as a corpus of the role ``"motion"``.

    Parameters
    ----------
    files : sequence of Path
        One subject each, whose code is the name of the file.
    out : Path
    progress : callable, optional
        Called with 1 after each file.

    Returns
    -------
    DataFrame
        subject, trial, status (``"written"`` or ``"refused"``), reason.

    Raises
    ------
    CorpusMismatch
        nimblephysics is missing, two files have one name, or no trial could be read (`NothingAccepted`).
    """
    if importlib.util.find_spec("nimblephysics_libs") is None:
        raise CorpusMismatch(
            "nimblephysics is not installed; reading .b3d files needs it: pip install 'kinesynth[b3d]' "
            "(Python 3.11 or 3.12; there is none for 3.13)."
        )
    files = [Path(file) for file in files]
    twice = {file.stem for file in files if [other.stem for other in files].count(file.stem) > 1}
    if twice:
        raise CorpusMismatch(
            f"two files are called {sorted(twice)[0]}.b3d, and the name is the subject's code: rename."
        )
    rows: list[dict[str, str]] = []
    found: list[CorpusTrial] = []
    with WorkerProcess(timeout=_PATIENCE) as worker:
        for file in files:
            found += _read_file(worker, file, rows)
            if progress is not None:
                progress(1)
    if not found:
        raise NothingAccepted(f"no trial of {len(files)} files could be read; first: {(rows or [{}])[0].get('reason')}")
    sources = {file.name: file_hash(file) for file in files}
    with CorpusWriter(out, role="motion", config={"made_by": "AddBiomechanics .b3d"}, sources=sources) as corpus:
        for trial in sorted(found, key=lambda trial: (trial.subject.code, trial.name)):
            corpus.append(trial)
    return pd.DataFrame(rows, columns=["subject", "trial", "status", "reason"])


def _read_file(worker: WorkerProcess, file: Path, rows: list[dict[str, str]]) -> list[CorpusTrial]:
    """Trials of one file; each ends in a row."""
    if not file.is_file():
        raise CorpusMismatch(f"{file} is not a file; expected an AddBiomechanics subject (.b3d).")
    code = file.stem
    try:
        facts = worker.call(f"{_MODULE}:read_subject", {"path": str(file)})
    except WorkerFailed as problem:
        reason = f"{file.name} cannot be read as a .b3d file ({problem}); download it again."
        rows.append({"subject": code, "trial": "", "status": "refused", "reason": reason})
        return []
    subject, source_hash = subject_of(code, facts), file_hash(file)
    trials = []
    for number, told in enumerate(facts["trials"]):
        row = {"subject": code, "trial": told["name"], "status": "written", "reason": ""}
        try:
            arguments = {"path": str(file), "number": number, "n_frames": told["n_frames"]}
            patience = _PATIENCE + _PATIENCE_PER_FRAME * told["n_frames"]
            arrays = worker.call(f"{_MODULE}:read_trial", arguments, timeout=patience)
            trials.append(trial_of(subject, facts, told, arrays, source=file.name, source_hash=source_hash))
        except (WorkerFailed, CorpusMismatch) as problem:
            row |= {"status": "refused", "reason": str(problem)}
        rows.append(row)
    return trials


def subject_of(code: str, facts: dict[str, Any]) -> Subject:
    """Person of a file; what is not positive is unknown."""
    mass, height, age = (value if (value := facts[key]) > 0 else math.nan for key in ("mass", "height", "age"))
    sex = facts["sex"] if facts["sex"] in ("female", "male") else "unknown"
    return Subject(code, mass, height, sex, age)


def trial_of(
    subject: Subject,
    facts: dict[str, Any],
    told: dict[str, Any],
    arrays: dict[str, Any],
    *,
    source: str = "",
    source_hash: str = "",
) -> CorpusTrial:
    """Trial of a corpus from what `b3d_file` read.

    Parameters
    ----------
    subject : Subject
    facts, told, arrays : dict
        Of `b3d_file.read_subject`, its entry for this trial, and `b3d_file.read_trial`.
    source, source_hash : str
        Name and SHA-256 of the file.

    Returns
    -------
    CorpusTrial
        With joint efforts and ground reactions only where AddBiomechanics made a dynamics pass; NaN in the frames in
        which it says that the ground reaction is unknown. Marker observations are left in the file.

    Raises
    ------
    CorpusMismatch
        Lengths that disagree, or a trial without frames or processing pass.
    """
    where = f"{source}: trial {told['name']!r}"
    n_frames, names = told["n_frames"], tuple(facts["coordinates"])
    if not n_frames or not told["n_passes"] or not told["step"] > 0:
        raise CorpusMismatch(
            f"{where} has {n_frames} frames, {told['n_passes']} passes and a step of {told['step']} s."
        )
    if arrays["positions"].shape != (n_frames, len(names)) or len(arrays["missing"]) != n_frames:
        raise CorpusMismatch(
            f"{where}: expected {n_frames} frames of {len(names)} coordinates, found {arrays['positions'].shape} and "
            f"{len(arrays['missing'])} reasons."
        )
    rate = 1.0 / told["step"]
    if abs(rate - round(rate)) < _ROUNDING * rate:
        rate = float(round(rate))
    kinetics, treatments = None, ()
    if _DYNAMICS in arrays["passes"]:
        unknown = np.array([reason != "" for reason in arrays["missing"]])
        efforts = np.where(unknown[:, None], np.nan, arrays["efforts"])
        reactions = tuple(_reaction(arrays, k, body, unknown, rate) for k, body in enumerate(facts["bodies"]))
        kinetics = Kinetics(names, efforts, rate, reactions)
        if unknown.any():
            reasons = ", ".join(sorted({reason for reason in arrays["missing"] if reason}))
            said = f"{stretches_named(unknown, rate, most=8, digits=3)}: {reasons}"
            treatments = (Treatment("force_unknown", f"AddBiomechanics does not trust the forces at {said}"),)
    return CorpusTrial(
        name=told["name"],
        subject=subject,
        rate=rate,
        kinematics=Kinematics(names, arrays["positions"], rate),
        kinetics=kinetics,
        source=source,
        source_hash=source_hash,
        treatments=treatments,
        origins=(_origin(arrays, source, source_hash),) if source else (),
    )


def _origin(arrays: dict[str, Any], source: str, source_hash: str) -> ArrayOrigin:
    """Origin of what was read from a file; AddBiomechanics does not say by which version it was made."""
    passes = {"passes": [str(each) for each in arrays["passes"]]}
    held = (KINEMATICS, FORCES, GROUND_REACTIONS) if _DYNAMICS in arrays["passes"] else (KINEMATICS,)
    return ArrayOrigin(held, "read from an AddBiomechanics .b3d", {}, passes, (SourceFile(source, source_hash),))


def _reaction(arrays: dict[str, Any], k: int, body: str, unknown: np.ndarray, rate: float) -> GroundReaction:
    """Ground reaction of one body: zero without load, NaN where unknown."""
    force = np.where(unknown[:, None], np.nan, arrays["force"][:, k])
    loaded = np.linalg.norm(arrays["force"][:, k], axis=1) > _LOADED
    idle = unknown | ~loaded
    pressure = np.where(idle[:, None], np.nan, arrays["pressure"][:, k])
    moment = np.where(idle, np.nan, arrays["torque"][:, k, 1])
    foot = {"_r": "right", "_l": "left"}.get(body[-2:], "unknown")
    return GroundReaction(force, pressure, moment, rate, foot, body)

"""The cluster corpus: running or walking of converted trials, segment by segment (`cluster_trial`).

Each subject folder needs a static trial, which tells where the anatomical frames lie in the clusters. Every file ends
in one row of the table: accepted, repaired (with what was done), refused (with the reason) or static.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pandas as pd

from mocap_import.marker.marker_set import load_marker_set
from mocap_import.trial import MarkerTrial, TrialRefused
from mocap_import.trial_store import SUFFIX, load_trial
from opensim_models.clinical.clinical_motion import StaticCalibration, calibrate_static
from opensim_models.model_mismatch import ModelMismatch
from synth.cluster_trial import CUTOFF, cluster_trial
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch, NothingAccepted
from synth.corpus.subject_split import SubjectSplit, leave_one_subject_out
from synth.corpus.trial import CorpusTrial
from synth.corpus.writer import CorpusWriter
from synth.imu.error_recipe import ImuErrors

SUBJECTS_FOR_VALIDATION = 3
"""From so many subjects on, one validates in each split."""


@dataclass(frozen=True)
class _Person:
    calibration: StaticCalibration
    static: str


def build_cluster_corpus(
    trials: Path,
    out: Path,
    *,
    laboratory: str = "",
    cutoff: float = CUTOFF,
    noise_share: float = 0.15,
    seed: int = 0,
    allow_gaps: bool = False,
    progress: Callable[[Iterable, str], Iterable] | None = None,
) -> pd.DataFrame:
    """Make a corpus (role ``"motion"``) of segment poses and records from converted trials.

    Parameters
    ----------
    trials : Path
        Folder with ``<subject>/<trial>.trial.h5``; each subject with a static trial.
    out : Path
        Corpus to write; a table of the same name (``.csv``) goes beside it.
    laboratory : str
        Stored for all subjects.
    cutoff : float
        Low-pass (Hz) of the markers.
    noise_share : float
        Of the stored recipe: white noise of that share of each channel's SD.
    seed : int
        Of the recipe.
    allow_gaps : bool
        Keep longer gaps than `synth.record_gap` lets pass, as NaN.
    progress : callable, optional
        Wraps the iteration over the files, with a description.

    Returns
    -------
    DataFrame
        One row a file: subject, trial, status (``accepted``, ``repaired``, ``refused`` or ``static``), reason,
        n_frames, rate, joints (which have angles, by side), repairs, residual_<segment> (m, median misfit of the
        cluster).

    Raises
    ------
    CorpusMismatch
        No trials.
    NothingAccepted
        None can be used.
    """
    files = sorted(Path(trials).glob(f"*/*{SUFFIX}"))
    if not files:
        raise CorpusMismatch(
            f"{trials}: expected converted trials (<subject>/<trial>{SUFFIX}), found none. Convert an archive first: "
            "kinesynth import ARCHIVE --out TRIALS"
        )
    errors = ImuErrors(noise_share, 0.0, seed)
    rows, made = [], []
    shown = progress(files, "segment clusters") if progress else files
    for _, own in groupby(shown, key=lambda file: file.parent):
        for row, trial in _of_subject([load_trial(file) for file in own], cutoff, errors, allow_gaps):
            rows.append(row)
            made += [] if trial is None else [trial]
    if not made:
        reasons = dict.fromkeys(row["reason"] for row in rows if row["status"] == "refused")
        raise NothingAccepted(f"{trials}: none of {len(files)} files could be used. {'; '.join(reasons)}")
    codes = sorted({trial.subject.code for trial in made})
    config = {
        "made_by": "kinesynth corpus clusters",
        "cutoff": cutoff,
        "noise_share": noise_share,
        "laboratories": laboratory,
    }
    splits: tuple[SubjectSplit, ...] = (
        leave_one_subject_out(codes, n_validation=int(len(codes) >= SUBJECTS_FOR_VALIDATION)) if len(codes) > 1 else ()
    )
    sources = {str(file.relative_to(trials)): file_hash(file) for file in files}
    with CorpusWriter(out, role="motion", config=config, seed=seed, sources=sources, splits=splits) as corpus:
        for trial in made:
            corpus.append(trial)
    table = pd.DataFrame(rows)
    temporary = Path(out).with_suffix(".csv.tmp")
    table.to_csv(temporary, index=False)
    temporary.replace(Path(out).with_suffix(".csv"))
    return table


def _of_subject(
    trials: list[MarkerTrial], cutoff: float, errors: ImuErrors, allow_gaps: bool
) -> Iterable[tuple[dict, CorpusTrial | None]]:
    """Row and trial of every file of one subject."""
    try:
        person, reason = _calibrated(trials), ""
    except ModelMismatch as error:
        person, reason = None, str(error)
    for trial in trials:
        row = {"subject": trial.subject.code, "trial": trial.name, "status": "refused", "reason": reason}
        row |= {"n_frames": trial.n_frames, "rate": trial.rate, "joints": ""}
        if trial.task == "static":
            yield row | {"status": "static", "reason": "tells where the anatomical frames lie; carries no gait"}, None
            continue
        if person is None:
            yield row, None
            continue
        try:
            made, facts = cluster_trial(
                trial, person.calibration, static=person.static, cutoff=cutoff, errors=errors, allow_gaps=allow_gaps
            )
        except (TrialRefused, ModelMismatch, CorpusMismatch, ValueError) as error:
            yield row | {"reason": str(error)}, None
            continue
        yield row | facts | {"status": "repaired" if facts["repairs"] else "accepted"}, made


def _calibrated(trials: list[MarkerTrial]) -> _Person:
    """Anatomical frames of a person by the first static trial that tells them."""
    statics = [trial for trial in trials if trial.task == "static"]
    if not statics:
        raise ModelMismatch(
            f"{trials[0].subject.code}: no static trial (task static) beside {', '.join(t.name for t in trials)}; it "
            "tells where the anatomical frames lie. Import it with the others."
        )
    problems = []
    for static in statics:
        try:
            return _Person(calibrate_static(static, load_marker_set(static.marker_set)), static.name)
        except (ModelMismatch, TrialRefused) as error:
            problems.append(f"{static.name}: {error}")
    raise ModelMismatch(f"{trials[0].subject.code}: no static trial can be used: {'; '.join(problems)}")

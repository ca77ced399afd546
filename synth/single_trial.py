"""A single trial: the records of sensors on one person in one recording, with what is known of their errors.

Markers go through `synth.measured_trial`; coordinates alone through the mechanics of `synth.imu.skeleton_imu`, unless
another derivative is asked for. A converted trial of several minutes passes in blocks: `synth.long_trial`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mocap_import.trial import Treatment, TrialRefused
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.motion import Kinematics
from synth.corpus.provenance import file_hash
from synth.corpus.trial import CorpusTrial
from synth.imu.cutoff import SegmentCutoff
from synth.imu.placement import check_segments
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.imu.skeleton_imu import simulate_skeleton_imus
from synth.measured_origin import chosen_records, coordinates_origin, record_origins
from synth.measured_trial import learnt_note, make_corpus_trial, start_note
from synth.record_gap import check_gaps
from synth.record_settings import RecordSettings, placements_of
from synth.trial_cutoff import AUTO, cutoff_of, trial_cutoffs
from synth.trial_source import TrialSource, source_motions

ANALYTIC = "analytic"


@dataclass(frozen=True)
class MadeTrial:
    """Records of one trial and how they were made.

    Attributes
    ----------
    trial : CorpusTrial
        Clean records with their recipe; without arrays where they were streamed to disk.
    cutoffs : tuple of SegmentCutoff
    method : str
        That of the expected errors.
    facts : dict
        missing, gaps, force_difference, ...: see `build_motion_corpus`; start_time (s) of the first frame.
    """

    trial: CorpusTrial
    cutoffs: tuple[SegmentCutoff, ...]
    method: str
    facts: dict[str, float | str] = field(default_factory=dict)


def make_single_trial(source: TrialSource, settings: RecordSettings, method: str | None = None) -> MadeTrial:
    """Simulate the sensors of one trial.

    Parameters
    ----------
    source : TrialSource
    settings : RecordSettings
        Its `method` is that of markers.
    method : str, optional
        ``"analytic"`` (coordinates alone, their default), or one of `simulation.METHODS`.

    Raises
    ------
    TrialRefused
        In one sentence, see `make_corpus_trial`.
    """
    try:
        placements = placements_of(source.skeleton, source.subject, settings)
        check_segments(placements, source.skeleton.segment_names, f"skeleton {source.skeleton.name}")
    except ValueError as error:
        raise TrialRefused(str(error)) from error
    if source.trial is None:
        if settings.source == "cluster":
            raise TrialRefused(f"{source.path}: coordinates have no marker clusters; use source 'model' or 'both'.")
        return _from_coordinates(source, settings, placements, method or ANALYTIC)
    if method == ANALYTIC:
        raise TrialRefused(f"{source.path}: method {ANALYTIC} needs coordinates (.mot) without markers.")
    made, facts = make_corpus_trial(
        source.trial,
        source.skeleton,
        source.kinematics,
        placements,
        settings,
        files=source.files,
    )
    segments = dict.fromkeys(placement.segment for placement in placements)
    cutoffs = tuple(
        SegmentCutoff(s, *(facts[f"{word}_{s}"] for word in ("cutoff", "jitter", "reason"))) for s in segments
    )
    return MadeTrial(made, cutoffs, settings.method, facts | {"start_time": source.start_time})


def _from_coordinates(
    source: TrialSource, settings: RecordSettings, placements: Sequence[SensorPlacement], method: str
) -> MadeTrial:
    """Records of a skeleton; residual analysis chooses the low-pass unless another is given."""
    motions = segment_motions(source.skeleton, source.kinematics)
    wanted = {placement.segment: motions[placement.segment] for placement in placements}
    scheme = "spline" if method == ANALYTIC else method
    chosen = AUTO if settings.cutoff is None else settings.cutoff
    try:
        cutoffs = trial_cutoffs(wanted, chosen, scheme)
    except ValueError as error:
        raise TrialRefused(f"{source.path}: {error}") from error
    records: list[ImuRecording] = []
    for placement in placements:
        hertz = cutoff_of(cutoffs, placement.segment)
        if method == ANALYTIC:
            records += simulate_skeleton_imus(source.skeleton, source.kinematics, [placement], cutoff=hertz)
        else:
            records.append(simulate_imu(wanted[placement.segment], placement, method=method, cutoff=hertz))
    facts = check_gaps(records, str(source.path), allow_gaps=settings.allow_gaps)
    notes = (
        Treatment("coordinates_only", f"no markers; {method} derivatives of the coordinates of {source.path.name}"),
        *start_note(source.start_time),
        *learnt_note(records, settings.errors),
    )
    chosen = chosen_records(method, chosen, "model", cutoffs)
    sensors = [placement.sensor for placement in placements]
    trial = CorpusTrial(
        name=source.name,
        subject=source.subject,
        rate=source.rate,
        recordings=tuple(records),
        errors=settings.errors,
        kinematics=_free(source.kinematics, source.skeleton.coordinate_names),
        source=source.path.name,
        source_hash=file_hash(source.path),
        treatments=notes,
        start_time=source.start_time,
        skeleton=source.skeleton,
        origins=(*record_origins(placements, sensors, source.files, *chosen, notes), coordinates_origin(source.files)),
    )
    return MadeTrial(trial, tuple(cutoffs.values()), scheme, facts | {"start_time": source.start_time})


def _free(kinematics: Kinematics, names: Sequence[str]) -> Kinematics:
    """Columns that are coordinates of the skeleton; coupled ones follow from them."""
    columns = [k for k, name in enumerate(kinematics.coordinates) if name in names]
    kept = tuple(kinematics.coordinates[k] for k in columns)
    return Kinematics(kept, kinematics.values[:, columns], kinematics.rate)


def sensor_orientations(
    source: TrialSource, placements: Sequence[SensorPlacement], motion_of: str = "both"
) -> dict[str, np.ndarray]:
    """Orientation of every sensor as planned, sensor → ground, unfiltered.

    Parameters
    ----------
    source : TrialSource
    placements : sequence of SensorPlacement
    motion_of : str
        See `source_motions`.

    Returns
    -------
    dict of sensor to ndarray, shape (n_frames, 4)
        Unit quaternions w, x, y, z; NaN where the segment's pose is unknown.
    """
    motions = source_motions(source, {placement.segment for placement in placements}, motion_of)
    found = {}
    for placement in placements:
        motion = motions[placement.segment]
        quaternion = (motion.orientation * placement.mounting).as_quat(scalar_first=True)
        found[placement.sensor] = np.where(np.isfinite(motion.origin).all(axis=1)[:, None], quaternion, np.nan)
    return found

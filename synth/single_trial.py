"""A single trial: the records of sensors on one person in one recording, with what is known of their errors.

Markers go through `synth.measured_trial`; coordinates alone through the mechanics of `synth.imu.skeleton_imu`, unless
another derivative is asked for. A converted trial of several minutes passes in blocks, so that memory does not grow
with its length: its clusters only, cut-offs by its first two minutes, coordinates and channels left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mocap_import.trial import Treatment, TrialRefused
from mocap_import.trial_store import load_first_frames, position_chunks
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.motion import Kinematics
from synth.corpus_trial import CorpusTrial
from synth.corpus_writer import CorpusWriter
from synth.imu.cluster_imu import CHUNK, stream_cluster_imu
from synth.imu.cutoff import SegmentCutoff
from synth.imu.marker_cluster import cluster_motion
from synth.imu.placement import check_segments
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.imu.skeleton_imu import simulate_skeleton_imus
from synth.measured_trial import make_corpus_trial, trial_clusters
from synth.provenance import file_hash
from synth.record_settings import RecordSettings, placements_of
from synth.trial_cutoff import AUTO, cutoff_of, error_sentences, trial_cutoffs
from synth.trial_source import TrialSource, find_skeleton, source_motions

ANALYTIC = "analytic"
LONG = 300.0
"""Seconds beyond which a trial passes in blocks."""
HEAD = 120.0
"""Seconds at its beginning from which such a trial's clusters and cut-offs are chosen."""


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
        missing, gaps, force_difference, ...: see `build_motion_corpus`.
    """

    trial: CorpusTrial
    cutoffs: tuple[SegmentCutoff, ...]
    method: str
    facts: dict[str, float | str] = field(default_factory=dict)

    def sentences(self) -> list[str]:
        """One line a segment: cut-off and expected error."""
        return error_sentences(self.cutoffs, self.method, self.trial.rate)


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
        return _from_coordinates(source, settings, placements, method or ANALYTIC)
    if method == ANALYTIC:
        raise TrialRefused(f"{source.path}: method {ANALYTIC} needs coordinates (.mot) without markers.")
    made, facts = make_corpus_trial(
        source.trial,
        source.skeleton,
        source.kinematics,
        placements,
        errors=settings.errors,
        source=settings.source,
        method=settings.method,
        cutoff=settings.cutoff,
    )
    segments = dict.fromkeys(placement.segment for placement in placements)
    cutoffs = tuple(
        SegmentCutoff(s, *(facts[f"{word}_{s}"] for word in ("cutoff", "jitter", "reason"))) for s in segments
    )
    return MadeTrial(made, cutoffs, settings.method, facts)


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
    missing = float(np.mean([np.isnan(record.specific_force[:, 0]) for record in records]))
    notes = (
        Treatment("coordinates_only", f"no markers; {method} derivatives of the coordinates of {source.path.name}"),
    )
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
    )
    return MadeTrial(trial, tuple(cutoffs.values()), scheme, {"missing": missing})


def _free(kinematics: Kinematics, names: Sequence[str]) -> Kinematics:
    """Columns that are coordinates of the skeleton; coupled ones follow from them."""
    columns = [k for k, name in enumerate(kinematics.coordinates) if name in names]
    kept = tuple(kinematics.coordinates[k] for k in columns)
    return Kinematics(kept, kinematics.values[:, columns], kinematics.rate)


def sensor_orientations(source: TrialSource, placements: Sequence[SensorPlacement]) -> dict[str, np.ndarray]:
    """Orientation of every sensor, sensor → ground, unfiltered.

    Returns
    -------
    dict of sensor to ndarray, shape (n_frames, 4)
        Unit quaternions w, x, y, z; NaN where the segment's pose is unknown.
    """
    motions = source_motions(source, {placement.segment for placement in placements})
    found = {}
    for placement in placements:
        motion = motions[placement.segment]
        quaternion = (motion.orientation * placement.mounting).as_quat(scalar_first=True)
        found[placement.sensor] = np.where(np.isfinite(motion.origin).all(axis=1)[:, None], quaternion, np.nan)
    return found


def is_long(path: Path) -> bool:
    """Whether a converted trial is to pass in blocks."""
    head, n_frames = load_first_frames(path, 1)
    return n_frames > LONG * head.rate


def stream_single_trial(
    path: Path, out: CorpusWriter, settings: RecordSettings, motion: Path | None = None, model: Path | None = None
) -> MadeTrial:
    """Simulate the sensors of a long converted trial block by block, straight into a corpus.

    Parameters
    ----------
    path : Path
        ``.trial.h5``.
    out : CorpusWriter
    settings : RecordSettings
    motion, model : Path, optional
        See `read_source`.

    Raises
    ------
    TrialRefused
        A sensor's segment does not exist or has no cluster in the first two minutes.
    """
    head, n_frames = load_first_frames(path, 1)
    head, _ = load_first_frames(path, round(HEAD * head.rate))
    skeleton = find_skeleton(path, head.subject.code, motion, model)
    segments = {placement.segment for placement in settings.placements}
    clusters, _ = trial_clusters(head, skeleton, segments)
    absent = sorted(segments - set(clusters))
    try:
        placements = placements_of(skeleton, head.subject, settings)
        check_segments(placements, skeleton.segment_names, f"skeleton {skeleton.name}")
        if absent:
            raise ValueError(
                f"a trial of {n_frames / head.rate:.0f} s passes in blocks, by marker clusters alone, and "
                f"{', '.join(absent)} carries none; cut the trial to {LONG:g} s or less"
            )
        posed = {segment: cluster_motion(head, cluster) for segment, cluster in clusters.items()}
        cutoffs = trial_cutoffs(posed, settings.cutoff, settings.method)
        hertz = {segment: cutoff_of(cutoffs, segment) for segment in cutoffs}
        blocks = stream_cluster_imu(
            position_chunks(path, CHUNK),
            head.labels,
            head.rate,
            list(clusters.values()),
            placements,
            method=settings.method,
            cutoff=hertz,
        )
    except ValueError as error:
        raise TrialRefused(f"{path}: {error}") from error
    note = Treatment("streamed", "simulated in blocks from marker clusters; coordinates and channels are left out")
    trial = CorpusTrial(
        name=head.name,
        subject=head.subject,
        rate=head.rate,
        errors=settings.errors,
        events=head.events,
        task=head.task,
        belt_speed=head.belt_speed,
        source=head.source,
        source_hash=head.source_hash,
        treatments=(*head.treatments, note),
    )
    absent_samples = np.zeros(2)
    out.append_stream(trial, placements, n_frames, _counted(blocks, absent_samples))
    facts = {"missing": float(absent_samples[0] / max(absent_samples[1], 1)), "n_frames": n_frames}
    return MadeTrial(trial, tuple(cutoffs.values()), settings.method, facts)


def _counted(blocks: Iterator[tuple[ImuRecording, ...]], counts: np.ndarray) -> Iterator[tuple[ImuRecording, ...]]:
    """Blocks as they pass; counts samples without a value, and all."""
    for records in blocks:
        for record in records:
            counts += (np.isnan(record.specific_force[:, 0]).sum(), len(record.specific_force))
        yield records

"""A long trial: records made block by block, so that memory does not grow with the markers of a long recording.

A trial is long by its length alone, whatever is asked of it. Markers pass in blocks, with clusters and cut-offs
chosen on the first two minutes; segments that move by the skeleton are few numbers and pass whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mocap_import.trial import MarkerTrial, Treatment, TrialRefused
from mocap_import.trial_store import load_first_frames, position_chunks
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import SegmentMotion
from synth.corpus.writer import CorpusWriter
from synth.imu.cluster_imu import CHUNK, stream_cluster_imu
from synth.imu.cutoff import SegmentCutoff
from synth.imu.marker_cluster import MarkerCluster, cluster_motion
from synth.imu.placement import check_segments
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.measured_origin import chosen_records, record_origins, recorded_origins
from synth.measured_trial import cutoff_facts, record_treatments, recorded_trial, start_note
from synth.moved_segments import trial_clusters
from synth.record_gap import GapCount
from synth.record_settings import RecordSettings, placements_of
from synth.single_trial import MadeTrial
from synth.trial_cutoff import cutoff_of, trial_cutoffs
from synth.trial_source import find_skeleton, read_coordinates, trial_files

LONG = 300.0
"""Seconds beyond which a trial passes in blocks."""
HEAD = 120.0
"""Seconds at its beginning from which such a trial's clusters and cut-offs are chosen."""


@dataclass(frozen=True)
class _Plan:
    """What moves each segment of a long trial, and how it is filtered."""

    clusters: dict[str, MarkerCluster]
    fitted: dict[str, SegmentMotion]
    cutoffs: dict[str, SegmentCutoff]
    left_out: list[str]


def is_long(path: Path) -> bool:
    """Whether a converted trial is to pass in blocks."""
    head, n_frames = load_first_frames(path, 1)
    return n_frames > LONG * head.rate


def stream_long_trial(
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
        A sensor's segment does not exist or has no motion, or its record has no sample or too long gaps.
    """
    head, n_frames = load_first_frames(path, 1)
    head, _ = load_first_frames(path, round(HEAD * head.rate))
    skeleton = find_skeleton(path, head.subject.code, motion, model)
    try:
        placements = placements_of(skeleton, head.subject, settings)
        check_segments(placements, skeleton.segment_names, f"skeleton {skeleton.name}")
        plan = _planned(path, head, n_frames, skeleton, placements, settings, motion)
        blocks = _blocks(path, head, n_frames, placements, settings, plan)
    except ValueError as error:
        raise TrialRefused(f"{path}: {error}") from error
    by_model = [p.sensor for p in placements if p.segment in plan.fitted] if settings.source == "both" else []
    detail = "simulated in blocks, clusters and cut-offs by the first two minutes; coordinates and channels left out"
    notes = record_treatments(plan.left_out, by_model, settings.cutoff, plan.cutoffs)
    files = trial_files(path, head, motion, model)
    chosen = chosen_records(settings.method, settings.cutoff, settings.source, plan.cutoffs)
    fitted = [p.sensor for p in placements if p.segment in plan.fitted]
    notes = (*notes, Treatment("streamed", detail))
    trial = replace(
        recorded_trial(head, skeleton),
        errors=settings.errors,
        movement=settings.movement,
        treatments=(*head.treatments, *notes, *start_note(head.start_time)),
        origins=(*record_origins(placements, fitted, files, *chosen, notes), *recorded_origins(head, files)),
    )
    count = GapCount([placement.sensor for placement in placements], head.rate)
    out.append_stream(trial, placements, n_frames, _counted(blocks, count))
    count.refuse(str(path), allow_gaps=settings.allow_gaps)
    facts = count.facts() | cutoff_facts(plan.cutoffs) | {"n_frames": n_frames, "start_time": head.start_time}
    return MadeTrial(trial, tuple(plan.cutoffs.values()), settings.method, facts)


def _planned(
    path: Path,
    head: MarkerTrial,
    n_frames: int,
    skeleton: Skeleton,
    placements: Sequence[SensorPlacement],
    settings: RecordSettings,
    motion: Path | None,
) -> _Plan:
    """Cluster or skeleton for every segment; cut-offs by the first two minutes of either."""
    segments = list(dict.fromkeys(placement.segment for placement in placements))
    clusters, left_out = trial_clusters(head, skeleton, segments) if settings.source != "model" else ({}, [])
    posed = {segment: cluster_motion(head, cluster) for segment, cluster in clusters.items()}
    posed = {segment: moved for segment, moved in posed.items() if np.isfinite(moved.origin).any()}
    absent = [segment for segment in segments if segment not in posed]
    fitted = _fitted(path, head, n_frames, skeleton, absent, settings, motion) if absent else {}
    first = {
        s: SegmentMotion(s, m.origin[: head.n_frames], m.orientation[: head.n_frames], m.rate)
        for s, m in fitted.items()
    }
    cutoffs = trial_cutoffs({s: (posed | first)[s] for s in segments}, settings.cutoff, settings.method)
    return _Plan({s: clusters[s] for s in posed}, fitted, cutoffs, left_out)


def _fitted(
    path: Path,
    head: MarkerTrial,
    n_frames: int,
    skeleton: Skeleton,
    segments: Sequence[str],
    settings: RecordSettings,
    motion: Path | None,
) -> dict[str, SegmentMotion]:
    """Motion of segments by the skeleton: few numbers a frame, so the whole trial."""
    kinematics = read_coordinates(path, head, skeleton, motion) if settings.source != "cluster" else None
    if kinematics is None:
        raise TrialRefused(
            f"{path}: {', '.join(segments)} shows no cluster of three rigid markers in the first {HEAD:g} s, and there "
            "are no coordinates (.mot) of this trial to take its motion from; solve it with `kinesynth motion` and "
            "give the folder, with source 'model' or 'both'."
        )
    if len(kinematics.values) != n_frames or not np.isclose(kinematics.rate, head.rate):
        raise TrialRefused(
            f"{path}: the motion file has {len(kinematics.values)} frames at {kinematics.rate:g} Hz, the trial "
            f"{n_frames} at {head.rate:g} Hz. Solve the motion again: kinesynth motion"
        )
    moved = segment_motions(skeleton, kinematics)
    return {segment: moved[segment] for segment in segments}


def _blocks(
    path: Path,
    head: MarkerTrial,
    n_frames: int,
    placements: Sequence[SensorPlacement],
    settings: RecordSettings,
    plan: _Plan,
) -> Iterator[tuple[ImuRecording, ...]]:
    """Records in the order of the placements: those of clusters as they come, the others cut to the same length."""
    hertz = {segment: cutoff_of(plan.cutoffs, segment) for segment in plan.cutoffs}
    whole = {
        p.sensor: simulate_imu(plan.fitted[p.segment], p, method=settings.method, cutoff=hertz[p.segment])
        for p in placements
        if p.segment in plan.fitted
    }
    by_cluster = [placement for placement in placements if placement.segment in plan.clusters]
    streamed: Iterable[tuple[ImuRecording, ...]] | None = None
    if by_cluster:
        streamed = stream_cluster_imu(
            position_chunks(path, CHUNK),
            head.labels,
            head.rate,
            list(plan.clusters.values()),
            by_cluster,
            method=settings.method,
            cutoff=hertz,
        )
    return _joined(streamed, whole, placements, n_frames)


def _joined(
    streamed: Iterable[tuple[ImuRecording, ...]] | None,
    whole: dict[str, ImuRecording],
    placements: Sequence[SensorPlacement],
    n_frames: int,
) -> Iterator[tuple[ImuRecording, ...]]:
    start = 0
    for records in streamed if streamed is not None else ((),) * -(-n_frames // CHUNK):
        made = {record.placement.sensor: record for record in records}
        stop = start + len(records[0].specific_force) if records else min(start + CHUNK, n_frames)
        for sensor, record in whole.items():
            force, turn = record.specific_force[start:stop], record.angular_velocity[start:stop]
            made[sensor] = ImuRecording(record.placement, force, turn, record.rate)
        yield tuple(made[placement.sensor] for placement in placements)
        start = stop


def _counted(blocks: Iterator[tuple[ImuRecording, ...]], count: GapCount) -> Iterator[tuple[ImuRecording, ...]]:
    for records in blocks:
        count.add(records)
        yield records

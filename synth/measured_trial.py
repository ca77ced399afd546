"""A measured trial of a corpus: markers and fitted skeleton become inertial records with their motion.

Coordinates stay in the laboratory frame; on a treadmill the overground-equivalent position is ``pelvis_tx + belt_speed
* t``. A constant belt speed changes no inertial record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mocap_import.analog_channel import classify_channel
from mocap_import.emg import RECIPE
from mocap_import.spatiotemporal import spatiotemporal
from mocap_import.trial import MarkerTrial, Treatment, TrialRefused
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus.trial import CorpusTrial, MuscleActivity
from synth.imu.cluster_imu import cluster_imu
from synth.imu.cutoff import SegmentCutoff
from synth.imu.error_recipe import ImuErrors
from synth.imu.learnt_error import unlike_learnt
from synth.imu.placement import check_segments
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.measured_origin import (
    TrialFiles,
    chosen_records,
    coordinates_origin,
    kinetics_origins,
    record_origins,
    recorded_origins,
)
from synth.moved_segments import MovedSegments, moved_segments
from synth.record_gap import check_gaps
from synth.record_settings import RecordSettings
from synth.trial_cutoff import AUTO, CUTOFFS, Cutoff, cutoff_of, segment_cutoff, trial_cutoffs

__all__ = ["CUTOFFS", "make_corpus_trial", "muscle_activity", "segment_cutoff", "spatiotemporal_si"]

START_TIME, BEYOND_LEARNT = "start_time", "beyond_learnt"
NOTES = ("segment_cutoffs", START_TIME, BEYOND_LEARNT)
"""Treatments that repair nothing."""
_TO_SI = {
    "speed": ("speed", 1.0),
    "cadence": ("cadence", 1.0 / 60.0),
    "stride_time": ("stride_time", 1.0),
    "stride_length": ("stride_length", 1.0),
    "step_length": ("step_length", 1.0),
    "step_width": ("step_width", 1.0),
    "stance_percent": ("stance", 0.01),
}


def make_corpus_trial(
    trial: MarkerTrial,
    skeleton: Skeleton,
    kinematics: Kinematics | None,
    placements: tuple[SensorPlacement, ...],
    settings: RecordSettings | None = None,
    *,
    files: TrialFiles | None = None,
    kinetics: Kinetics | None = None,
) -> tuple[CorpusTrial, dict[str, float | str]]:
    """Make the corpus trial of one marker trial.

    Parameters
    ----------
    trial : MarkerTrial
    skeleton : Skeleton
        Scaled to the subject, with the tracking markers attached.
    kinematics : Kinematics or None
        Of that skeleton, one row a frame of the trial; None leaves marker clusters alone.
    placements : tuple of SensorPlacement
        Of this person; those of the settings are not.
    settings : RecordSettings, optional
    files : TrialFiles, optional
        Where it all was read from, for the origins of its arrays.
    kinetics : Kinetics, optional
        Of the trial's frames, see `synth.measured_kinetics`.

    Returns
    -------
    CorpusTrial
    dict
        missing, gaps, force_difference, turn_difference, worst_sensor, cutoff_<segment>, jitter_<segment>,
        reason_<segment>: see `build_motion_corpus`.

    Raises
    ------
    TrialRefused
        The coordinates do not belong to this trial, a sensor's segment does not exist or has no motion, or a record
        has no sample or too long gaps.
    """
    settings = settings or RecordSettings()
    if kinematics is None:
        settings = replace(settings, source="cluster")
    _require_its_own(trial, skeleton, kinematics, placements)
    where = trial.source or trial.name
    moved = moved_segments(trial, skeleton, kinematics, placements, settings.source)
    try:
        cutoffs = trial_cutoffs(moved.motions, settings.cutoff, settings.method)
    except ValueError as error:
        raise TrialRefused(f"{where}: {error}") from error
    recordings = _recordings(trial, placements, moved, settings.method, cutoffs)
    facts = check_gaps(recordings, where, allow_gaps=settings.allow_gaps) | cutoff_facts(cutoffs)
    if settings.source == "both":
        facts |= _disagreement(recordings, moved, settings.method, cutoffs)
    made = replace(
        recorded_trial(trial, skeleton),
        recordings=recordings,
        errors=settings.errors,
        movement=settings.movement,
        kinematics=None if kinematics is None else replace(kinematics, rate=trial.rate),
        kinetics=kinetics,
        spatiotemporal=spatiotemporal_si(trial),
        activity=muscle_activity(trial),
    )
    return _told(made, trial, moved, cutoffs, settings, files or TrialFiles()), facts


def _told(
    made: CorpusTrial,
    trial: MarkerTrial,
    moved: MovedSegments,
    cutoffs: Mapping[str, SegmentCutoff],
    settings: RecordSettings,
    files: TrialFiles,
) -> CorpusTrial:
    """A trial with what is to be known of how it was made: its treatments, and the origins of its arrays."""
    placements = [recording.placement for recording in made.recordings]
    fitted = moved.by_model(placements)
    said = record_treatments(moved.left_out, fitted if settings.source == "both" else [], settings.cutoff, cutoffs)
    learnt = learnt_note(made.recordings, settings.errors)
    chosen = chosen_records(settings.method, settings.cutoff, settings.source, cutoffs)
    origins = record_origins(placements, fitted, files, *chosen, (*said, *learnt))
    return replace(
        made,
        treatments=(*trial.treatments, *said, *start_note(trial.start_time), *learnt),
        origins=(*origins, coordinates_origin(files), *kinetics_origins(files), *recorded_origins(trial, files)),
    )


def recorded_trial(trial: MarkerTrial, skeleton: Skeleton) -> CorpusTrial:
    """What a recording says of a trial, without any array but its events."""
    return CorpusTrial(
        name=trial.name,
        subject=trial.subject,
        rate=trial.rate,
        events=trial.events,
        task=trial.task,
        belt_speed=trial.belt_speed,
        source=trial.source,
        source_hash=trial.source_hash,
        treatments=trial.treatments,
        start_time=trial.start_time,
        session=trial.session,
        skeleton=skeleton,
    )


def _require_its_own(
    trial: MarkerTrial,
    skeleton: Skeleton,
    kinematics: Kinematics | None,
    placements: Sequence[SensorPlacement],
) -> None:
    """Raise unless the coordinates are those of the trial, and the sensors sit on segments of the skeleton."""
    where = trial.source or trial.name
    if kinematics is not None and (
        len(kinematics.values) != trial.n_frames or not np.isclose(kinematics.rate, trial.rate)
    ):
        raise TrialRefused(
            f"{where}: the motion file has {len(kinematics.values)} frames at {kinematics.rate:g} Hz, the trial "
            f"{trial.n_frames} at {trial.rate:g} Hz. Solve the motion again: kinesynth motion"
        )
    try:
        check_segments(placements, skeleton.segment_names, f"skeleton {skeleton.name}")
    except ValueError as error:
        raise TrialRefused(str(error)) from error


def learnt_note(recordings: Sequence[ImuRecording], errors: ImuErrors | None) -> tuple[Treatment, ...]:
    """Say where a recipe with learnt errors is stretched beyond the movements that they were learnt from."""
    sentence = unlike_learnt(recordings) if errors is not None and errors.learnt else ""
    return (Treatment(BEYOND_LEARNT, sentence),) if sentence else ()


def _recordings(
    trial: MarkerTrial,
    placements: Sequence[SensorPlacement],
    moved: MovedSegments,
    method: str,
    cutoffs: Mapping[str, SegmentCutoff],
) -> tuple[ImuRecording, ...]:
    """Records in the order of the placements: all clusters in one go, the rest segment by segment."""
    clusters = moved.clusters
    by_cluster = [placement for placement in placements if placement.segment in clusters]
    hertz = {segment: cutoff_of(cutoffs, segment) for segment in moved.motions}
    records = cluster_imu(trial, list(clusters.values()), by_cluster, method=method, cutoff=hertz) if by_cluster else ()
    made = {record.placement.sensor: record for record in records}
    for placement in placements:
        if placement.sensor not in made:
            motion = moved.motions[placement.segment]
            made[placement.sensor] = simulate_imu(motion, placement, method=method, cutoff=hertz[placement.segment])
    return tuple(made[placement.sensor] for placement in placements)


def cutoff_facts(cutoffs: Mapping[str, SegmentCutoff]) -> dict[str, float | str]:
    """Cut-offs of a trial as columns of a table."""
    facts: dict[str, float | str] = {}
    for segment, found in cutoffs.items():
        facts |= {
            f"cutoff_{segment}": found.cutoff,
            f"jitter_{segment}": found.jitter,
            f"reason_{segment}": found.reason,
        }
    return facts


def _disagreement(
    recordings: Sequence[ImuRecording], moved: MovedSegments, method: str, cutoffs: Mapping[str, SegmentCutoff]
) -> dict[str, float | str]:
    """How far records of clusters are from those of the skeleton."""
    differences = {}
    for record in recordings:
        placement = record.placement
        if placement.segment not in moved.clusters:
            continue
        hertz = cutoff_of(cutoffs, placement.segment)
        other = simulate_imu(moved.fitted[placement.segment], placement, method=method, cutoff=hertz)
        differences[placement.sensor] = _difference(record, other)
    if not differences:
        return {}
    force, turn = np.sqrt(np.mean(np.square(list(differences.values())), axis=0))
    worst = max(differences, key=lambda sensor: differences[sensor][0])
    return {"force_difference": float(force), "turn_difference": float(turn), "worst_sensor": worst}


def record_treatments(
    left_out: Sequence[str], by_model: Sequence[str], cutoff: Cutoff, cutoffs: Mapping[str, SegmentCutoff]
) -> tuple[Treatment, ...]:
    """What is to be known of how the records were made."""
    found = []
    if cutoff == AUTO:
        detail = ", ".join(f"{c.segment} {c.cutoff:.1f} Hz by {c.reason}" for c in cutoffs.values())
        found.append(Treatment("segment_cutoffs", f"low-pass before differentiation: {detail}"))
    if left_out:
        detail = f"{', '.join(left_out)}: not rigid with the other markers of the segment, left out of its cluster"
        found.append(Treatment("cluster_marker_left_out", detail))
    if by_model:
        detail = (
            f"{', '.join(by_model)}: never three rigid markers in sight on the segment, motion of the skeleton used"
        )
        found.append(Treatment("model_motion", detail))
    return tuple(found)


def start_note(start_time: float) -> tuple[Treatment, ...]:
    """Say when a record begins on its source's clock (s); the frames of a corpus count from 0."""
    if not start_time:
        return ()
    return (Treatment(START_TIME, f"{start_time:.9g} s on the clock of the source at the first frame"),)


def muscle_activity(trial: MarkerTrial) -> MuscleActivity | None:
    """EMG envelopes that the trial was imported with (`kinesynth import --emg`), None without."""
    if not trial.emg_envelopes:
        return None
    labels = tuple(trial.emg_envelopes)
    channels = [classify_channel(label, trial.analog_units.get(label, "")) for label in labels]
    return MuscleActivity(
        channels=labels,
        muscles=tuple(channel.muscle for channel in channels),
        sides=tuple(channel.side for channel in channels),
        envelopes=np.stack([trial.emg_envelopes[label] for label in labels], axis=1),
        rate=trial.rate,
        recipe=RECIPE,
    )


def spatiotemporal_si(trial: MarkerTrial) -> dict[str, float]:
    """Spatiotemporal parameters of a trial in SI: ``speed``, ``cadence`` (mean of sides) and ``<parameter>_<r|l>``."""
    table = spatiotemporal(trial)
    found = {}
    for foot, side in (("right", "r"), ("left", "l")):
        for parameter, (key, factor) in _TO_SI.items():
            value = float(table.loc[foot, parameter]) * factor
            if np.isfinite(value):
                found[f"{key}_{side}"] = value
    for key in ("speed", "cadence"):
        sides = [found[name] for name in (f"{key}_r", f"{key}_l") if name in found]
        if sides:
            found[key] = float(np.mean(sides))
    return found


def _difference(first: ImuRecording, second: ImuRecording) -> tuple[float, float]:
    """RMS difference of specific force (m/s²) and angular velocity (rad/s) where both have a value."""
    pairs = ((first.specific_force, second.specific_force), (first.angular_velocity, second.angular_velocity))
    found = []
    for a, b in pairs:
        both = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
        found.append(float(np.sqrt(np.mean((a[both] - b[both]) ** 2))) if both.any() else np.nan)
    return found[0], found[1]

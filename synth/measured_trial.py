"""A measured trial of a corpus: markers and fitted skeleton become inertial records with their motion.

Segment motion comes from marker clusters or from the fitted skeleton; both are poses of the same segment frames,
because the clusters are the skeleton's own markers where the static trial attached them.

Coordinates stay in the laboratory frame; on a treadmill the overground-equivalent position is ``pelvis_tx + belt_speed
* t``. A constant belt speed changes no inertial record.
"""

from __future__ import annotations

import numpy as np

from mocap_import.analog_channel import classify_channel
from mocap_import.emg import RECIPE
from mocap_import.spatiotemporal import spatiotemporal
from mocap_import.trial import MarkerTrial, Treatment, TrialRefused
from opensim_models.inverse.segment_motion import segment_motions as model_motions
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics, SegmentMotion
from synth.corpus_trial import CorpusTrial, MuscleActivity
from synth.imu.cluster_rigidity import rigid_part
from synth.imu.error_recipe import ImuErrors
from synth.imu.marker_cluster import cluster_motion, make_cluster
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.simulation import simulate_imu

CUTOFFS = {
    "pelvis": 10.0,
    "femur_r": 10.0,
    "femur_l": 10.0,
    "tibia_r": 10.0,
    "tibia_l": 10.0,
    "calcn_r": 15.0,
    "calcn_l": 15.0,
}
"""Low-pass cut-off (Hz) of each segment's motion before differentiation: best for the shank at 10 and for the foot at
15 Hz with 0.5 mm of marker jitter (measured on walking, 12 Hz motion at 100 and 200 Hz)."""

DEFAULT_CUTOFF = 10.0
_TO_SI = {
    "speed": ("speed", 1.0),
    "cadence": ("cadence", 1.0 / 60.0),
    "stride_time": ("stride_time", 1.0),
    "stride_length": ("stride_length", 1.0),
    "step_length": ("step_length", 1.0),
    "step_width": ("step_width", 1.0),
    "stance_percent": ("stance", 0.01),
}
_HIGHEST_SHARE = 0.4  # of the rate: a cut-off nearer to half of it filters nothing and may ring


def make_corpus_trial(
    trial: MarkerTrial,
    skeleton: Skeleton,
    kinematics: Kinematics,
    placements: tuple[SensorPlacement, ...],
    *,
    errors: ImuErrors | None = None,
    source: str = "both",
    method: str = "central_difference",
) -> tuple[CorpusTrial, dict[str, float | str]]:
    """Make the corpus trial of one marker trial.

    Parameters
    ----------
    trial : MarkerTrial
    skeleton : Skeleton
        Scaled to the subject, with the tracking markers attached.
    kinematics : Kinematics
        Of that skeleton, one row a frame of the trial.
    placements : tuple of SensorPlacement
        Of this person.
    errors : ImuErrors or None
    source, method : str
        See `build_motion_corpus`.

    Returns
    -------
    CorpusTrial
    dict
        missing, force_difference, turn_difference, worst_sensor: see `build_motion_corpus`.

    Raises
    ------
    TrialRefused
        If the coordinates do not belong to this trial, or a sensor's segment has no motion.
    """
    where = trial.source or trial.name
    if len(kinematics.values) != trial.n_frames or not np.isclose(kinematics.rate, trial.rate):
        raise TrialRefused(
            f"{where}: the motion file has {len(kinematics.values)} frames at {kinematics.rate:g} Hz, the trial "
            f"{trial.n_frames} at {trial.rate:g} Hz. Solve the motion again: kinesynth motion"
        )
    clusters, left_out = _cluster_motions(trial, skeleton) if source != "model" else ({}, [])
    fitted = model_motions(skeleton, kinematics) if source != "cluster" else {}
    recordings, by_model, differences = [], [], {}
    for placement in placements:
        motion = clusters.get(placement.segment, fitted.get(placement.segment))
        if motion is None:
            have = ", ".join(sorted({*clusters, *fitted})) or "none"
            raise TrialRefused(
                f"{where}: no motion of {placement.segment} for sensor {placement.sensor} (segments with motion: "
                f"{have}). A cluster needs 3 markers on a segment; use source 'model' or 'both'."
            )
        recordings.append(_record(motion, placement, method))
        if placement.segment in fitted and placement.segment not in clusters and source == "both":
            by_model.append(placement.sensor)
        elif source == "both":
            record = _record(fitted[placement.segment], placement, method)
            differences[placement.sensor] = _difference(recordings[-1], record)
    missing = float(np.mean([np.isnan(record.specific_force[:, 0]) for record in recordings]))
    facts = {"missing": missing}
    if differences:
        force, turn = np.sqrt(np.mean(np.square(list(differences.values())), axis=0))
        worst = max(differences, key=lambda sensor: differences[sensor][0])
        facts |= {"force_difference": float(force), "turn_difference": float(turn), "worst_sensor": worst}
    treatments = trial.treatments
    if left_out:
        detail = f"{', '.join(left_out)}: not rigid with the other markers of the segment, left out of its cluster"
        treatments += (Treatment("cluster_marker_left_out", detail),)
    if by_model and clusters:
        detail = f"{', '.join(by_model)}: fewer than three rigid markers on the segment, motion of the skeleton used"
        treatments += (Treatment("model_motion", detail),)
    made = CorpusTrial(
        name=trial.name,
        subject=trial.subject,
        rate=trial.rate,
        recordings=tuple(recordings),
        errors=errors,
        kinematics=Kinematics(kinematics.coordinates, kinematics.values, trial.rate),
        events=trial.events,
        task=trial.task,
        belt_speed=trial.belt_speed,
        spatiotemporal=spatiotemporal_si(trial),
        status="measured",
        source=trial.source,
        source_hash=trial.source_hash,
        treatments=treatments,
        activity=muscle_activity(trial),
    )
    return made, facts


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


def _cluster_motions(trial: MarkerTrial, skeleton: Skeleton) -> tuple[dict[str, SegmentMotion], list[str]]:
    """Motion of every segment with three rigid markers of the trial or more, and the labels that were left out."""
    motions, left_out = {}, []
    for segment in skeleton.segment_names:
        markers = [m for m in skeleton.markers if m.segment == segment and m.name in trial.labels]
        if len(markers) < 3:
            continue
        try:
            cluster = make_cluster(segment, [m.name for m in markers], [np.array(m.offset) for m in markers])
        except TrialRefused:  # on a line: this segment carries no cluster
            continue
        rigid, without = rigid_part(trial, cluster)
        left_out += without
        if rigid is None:
            continue
        motion = cluster_motion(trial, rigid)
        if np.isfinite(motion.origin).any():
            motions[segment] = motion
    return motions, left_out


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


def segment_cutoff(segment: str, rate: float) -> float:
    """Cut-off (Hz) for the motion of a segment, never above 0.4 of the rate."""
    return min(CUTOFFS.get(segment, DEFAULT_CUTOFF), _HIGHEST_SHARE * rate)


def _record(motion: SegmentMotion, placement: SensorPlacement, method: str) -> ImuRecording:
    return simulate_imu(motion, placement, method=method, cutoff=segment_cutoff(motion.segment, motion.rate))


def _difference(first: ImuRecording, second: ImuRecording) -> tuple[float, float]:
    """RMS difference of specific force (m/s²) and angular velocity (rad/s) where both have a value."""
    pairs = ((first.specific_force, second.specific_force), (first.angular_velocity, second.angular_velocity))
    found = []
    for a, b in pairs:
        both = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
        found.append(float(np.sqrt(np.mean((a[both] - b[both]) ** 2))) if both.any() else np.nan)
    return found[0], found[1]

"""A cluster trial: poses of a person's segments, each with six degrees of freedom of its own, and records on them.

As in Rapp, Shin et al. (J Biomech 2021): markers low-passed at 10 Hz, each segment a rigid cluster, a virtual sensor in
the middle of each cluster. No model and no joint stands between markers and angles. The anatomical frames come from the
person's static trial (`opensim_models.clinical.clinical_motion`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap_import.low_pass import low_pass
from mocap_import.trial import MarkerTrial, Treatment
from opensim_models.clinical.clinical_motion import StaticCalibration, clinical_motion
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import SegmentMotion
from synth.corpus.trial import CorpusTrial
from synth.imu.error_recipe import ImuErrors
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import SensorPlacement
from synth.imu.simulation import simulate_imu
from synth.joint_trial import JOINTS
from synth.label_exchange import find_exchange
from synth.measured_trial import spatiotemporal_si
from synth.pose_jump import without_jumps
from synth.record_gap import check_gaps

CUTOFF = 10.0
"""Hz, of the markers; second order there and back, as the paper says it."""
SENSOR_OF = {placement.segment: placement.sensor for placement in SEVEN_SENSORS}
POSE_JUMP, MARKERS_FILTERED = "cluster_pose_jump", "markers_filtered"
CLUSTER_NOTE, LABELS_EXCHANGED = "cluster_note", "cluster_labels_exchanged"


def cluster_trial(
    trial: MarkerTrial,
    calibration: StaticCalibration,
    *,
    static: str = "",
    cutoff: float = CUTOFF,
    errors: ImuErrors | None = None,
    allow_gaps: bool = False,
) -> tuple[CorpusTrial, dict[str, float | str]]:
    """Poses and records of one trial.

    Parameters
    ----------
    trial : MarkerTrial
    calibration : StaticCalibration
        Of the same person and session.
    static : str
        Name of its static trial, for the treatments.
    cutoff : float
        Hz.
    errors : ImuErrors, optional
        Recipe to store.
    allow_gaps : bool

    Returns
    -------
    CorpusTrial
    dict
        joints, repairs, residual_<segment>, and what `synth.record_gap.check_gaps` finds.

    Raises
    ------
    TrialRefused
        Too little is seen.
    ModelMismatch
        No segment has a pose, or no two that adjoin.
    """
    trial, repairs = exchange_back(trial, calibration)
    smooth = replace(trial, positions=low_pass(trial.positions, trial.rate, cutoff, order=2))
    found = clinical_motion(smooth, calibration)
    poses = {name: found.poses[name] for name in SENSOR_OF if name in found.poses}
    steady = {name: without_jumps(pose.motion) for name, pose in poses.items()}
    motions = {name: motion for name, (motion, _) in steady.items() if np.isfinite(motion.origin).any()}
    repairs += [
        Treatment(POSE_JUMP, f"{name}: {n} frames left unknown, it jumps") for name, (_, n) in steady.items() if n
    ]
    joints = _joints(motions)
    where = trial.source or trial.name
    if not joints:
        raise ModelMismatch(f"{where}: no two adjoining segments have a pose. {' '.join(found.notes)}")
    records = tuple(
        simulate_imu(motions[p.segment], p, method="spline") for p in _placements(calibration, smooth, motions)
    )
    facts: dict[str, float | str] = {"joints": " ".join(joints), "repairs": "; ".join(t.detail for t in repairs)}
    facts |= {f"residual_{name}": float(np.nanmedian(poses[name].residual)) for name in motions}
    facts |= check_gaps(records, where, allow_gaps=allow_gaps)
    filtered = f"all markers, {cutoff:g} Hz, second order there and back; static trial {static or 'not named'}"
    notes = tuple(Treatment(CLUSTER_NOTE, note) for note in found.notes)
    made = CorpusTrial(
        name=trial.name,
        subject=trial.subject,
        rate=trial.rate,
        recordings=records,
        errors=errors,
        events=trial.events,
        task=trial.task,
        belt_speed=trial.belt_speed,
        spatiotemporal=spatiotemporal_si(trial),
        source=trial.source,
        source_hash=trial.source_hash,
        treatments=(*trial.treatments, *repairs, Treatment(MARKERS_FILTERED, filtered), *notes),
        start_time=trial.start_time,
        session=trial.session,
        segments=tuple(motions.values()),
    )
    return made, facts


def exchange_back(trial: MarkerTrial, calibration: StaticCalibration) -> tuple[MarkerTrial, list[Treatment]]:
    """Exchange labels back that were exchanged within a cluster (`synth.label_exchange`), and say so."""
    positions, said = trial.positions, []
    for segment, own in calibration.markers.items():
        labels = [label for label in own if label in trial.labels]
        columns = [trial.labels.index(label) for label in labels]
        pair = find_exchange(np.array([own[label] for label in labels]).reshape(-1, 3), positions[:, columns])
        if pair is not None:
            first, second = (columns[k] for k in pair)
            positions = positions.copy()
            positions[:, [first, second]] = positions[:, [second, first]]
            names = " and ".join(labels[k] for k in pair)
            said.append(Treatment(LABELS_EXCHANGED, f"{segment}: {names} were exchanged since the static trial"))
    return (replace(trial, positions=positions) if said else trial), said


def _joints(motions: dict[str, SegmentMotion]) -> list[str]:
    """Joints whose two segments have a pose, as ``knee_r``."""
    return [
        f"{joint}_{side}"
        for joint, (upper, lower) in JOINTS.items()
        for side in "rl"
        if f"{lower}_{side}" in motions and (upper if upper == "pelvis" else f"{upper}_{side}") in motions
    ]


def _placements(
    calibration: StaticCalibration, trial: MarkerTrial, motions: dict[str, SegmentMotion]
) -> list[SensorPlacement]:
    """A sensor in the middle of each cluster, its axes those of the segment."""
    placed = []
    for segment in motions:
        seen = [place for label, place in calibration.markers[segment].items() if label in trial.labels]
        placed.append(SensorPlacement(SENSOR_OF[segment], segment, np.mean(seen, axis=0)))
    return placed

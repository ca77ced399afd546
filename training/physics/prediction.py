"""Estimates of a label-free network: whole trials, written as an ordinary corpus of estimates."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mocap_import.trial import Treatment
from synth.corpus import Corpus
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from training.estimate import write_predictions
from training.input_check import check_channels, refuse_silence
from training.physics.body import PlanarBody, stacked_bodies
from training.physics.estimate import Estimate
from training.physics.model_file import PhysicsModel
from training.physics.network import Windows
from training.physics.person import nominal_placements, why_stranger
from training.physics.record import SagittalRecord, body_of, sagittal_record
from training.physics.speed import causal_mean
from training.target import ALL_TARGETS, Target, write_targets
from training.window import sensor_channels

FEET = {"r": "calcn_r", "l": "calcn_l"}


def estimate_values(model: PhysicsModel, trial: CorpusTrial, corpus: str = "") -> tuple[np.ndarray, float]:
    """All targets of a trial, and the CPU seconds of the network.

    Parameters
    ----------
    model : PhysicsModel
        Its placements are taken for somebody who was in the training (see `person.why_stranger`), nominal ones else.
    trial : CorpusTrial
    corpus : str
        SHA-256 of the corpus that it is from, where it is known.

    Returns
    -------
    values : ndarray, shape (n_frames, len(ALL_TARGETS))
        Inside units; NaN where a sensor has no value.
    seconds : float

    Raises
    ------
    CorpusMismatch
        Another rate, a sensor is missing, sits elsewhere or holds no value, mass or stature is unknown.
    """
    record = _fitting_record(model, trial)
    began = time.process_time()
    code = trial.subject.code
    is_stranger = why_stranger(trial.subject, model.build_of(code), model.fingerprint, corpus)
    windows = Windows(
        torch.from_numpy(record.channels)[None],
        torch.from_numpy(record.tilts)[None],
        torch.from_numpy(record.pace)[None],
        torch.from_numpy(record.places)[None],
        stacked_bodies([body_of(trial.subject)]),
        None if is_stranger else torch.tensor([model.people.index(code)]),
    )
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            estimate, body = model.network(windows)
    finally:
        torch.set_num_threads(n_threads)
    values = _target_values(estimate, body, trial)
    values[record.is_missing] = np.nan
    return values, time.process_time() - began


def _fitting_record(model: PhysicsModel, trial: CorpusTrial) -> SagittalRecord:
    """The trial's record, if it is one that the network can read."""
    where = f"trial {trial.name!r} of subject {trial.subject.code!r}"
    if trial.rate != model.rate:
        raise CorpusMismatch(
            f"{where}: expected {model.rate:g} Hz as in training, found {trial.rate:g} Hz. Resample the trial."
        )
    record, segments = sagittal_record(trial, model.sensors, turn_to_plane=model.config.turn_to_plane)
    if segments != model.segments:
        raise CorpusMismatch(f"{where}: expected sensors on {', '.join(model.segments)}, found {', '.join(segments)}.")
    refuse_silence(record.is_missing, record.doubts, where)
    return record


def _target_values(estimate: Estimate, body: PlanarBody, trial: CorpusTrial) -> np.ndarray:
    """Targets (n_frames, len(ALL_TARGETS)) of the estimate of one trial."""
    weight = float(trial.subject.body_weight)
    q, torques = estimate.q[0].numpy().astype(float), estimate.torques[0].numpy().astype(float)
    force = {"x": estimate.forward[0].numpy() / weight, "y": estimate.upward[0].numpy() / weight}
    of_foot = {
        side: [i for i, s in enumerate(body.contact_segments) if body.segments[s] == foot]
        for side, foot in FEET.items()
    }
    joints = [body.coordinates[c] for c in body.joint_columns]
    velocity = estimate.speeds[0, :, body.travel].numpy().astype(float)

    def column(target: Target) -> np.ndarray:
        if target.kind == "angle":
            return q[:, body.column(target.coordinate)]
        if target.kind == "moment":
            return torques[:, joints.index(target.coordinate)] / (weight * trial.subject.height)
        if target.kind == "ground_reaction":
            _, _, axis, side = target.coordinate.split("_")
            return force[axis][:, of_foot[side]].sum(-1)
        return causal_mean(velocity, trial.rate)

    return np.column_stack([column(target) for target in ALL_TARGETS]).astype(float)


def predict_by_physics(model: PhysicsModel, trial: CorpusTrial, corpus: str = "") -> CorpusTrial:
    """Estimate one trial; status ``"predicted"``, arguments and errors as of `estimate_values`."""
    values, seconds = estimate_values(model, trial, corpus)
    estimate = write_targets(trial, ALL_TARGETS, values, seconds, source=f"physics_{model.config.network}")
    found = check_channels(sensor_channels(trial, model.sensors), model.sensors, model.rate, model.signature)
    notes = [Treatment("records_doubtful", finding.sentence) for finding in found]
    why = why_stranger(trial.subject, model.build_of(trial.subject.code), model.fingerprint, corpus)
    notes += [nominal_placements(why)] if why else []
    return replace(estimate, treatments=(*estimate.treatments, *notes))


def apply_physics(model: PhysicsModel, corpus: Path, out: Path) -> Path:
    """Write the estimates of all trials of a corpus, for `kinesynth evaluate`; no label was used for any."""
    subjects, mark = [subject.code for subject in Corpus(corpus).subjects()], file_hash(corpus)
    nothing = {"trials": 0, "frames": 0}
    config = {"objective": "physics", **model.config.model_dump(mode="json")}
    config |= {"training_seconds": model.seconds}
    config |= {"labels_used": dict.fromkeys(subjects, nothing), "unlabelled_subjects": list(model.people)}
    return write_predictions(
        corpus,
        out,
        lambda trial: predict_by_physics(model, trial, mark),
        subjects=subjects,
        source=f"physics_{model.config.network}",
        config=config,
        seed=model.config.seed,
    )

"""Prediction: a trained network applied to whole trials, and the corpus that holds its estimates."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mocap_import.trial import Treatment
from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from training.checkpoint import Checkpoint
from training.estimate import write_predictions
from training.input_check import check_channels, refuse_silence
from training.target import write_targets
from training.window import sensor_channels, trial_record


def predict_trial(checkpoint: Checkpoint, trial: CorpusTrial) -> CorpusTrial:
    """Estimate all targets of one trial from its inertial records.

    Parameters
    ----------
    checkpoint : Checkpoint
    trial : CorpusTrial
        With the records that the estimate may use: as read from the corpus, sensor errors included.

    Returns
    -------
    CorpusTrial
        Status ``"predicted"``, on the trial's time base, NaN where a sensor has no value; `seconds` is the CPU time
        of the network and of laying out its input.

    Raises
    ------
    CorpusMismatch
        If the trial has another rate or lacks a sensor, has no frame in which all of them have a value, or its subject
        taught this network.
    """
    where = f"trial {trial.name!r} of subject {trial.subject.code!r}"
    if trial.subject.code in checkpoint.subjects:
        raise CorpusMismatch(
            f"{where}: this network was trained on this subject ({', '.join(checkpoint.subjects)}), so its estimate "
            "would not be one of an unseen person. Use the network that left this subject out."
        )
    if trial.rate != checkpoint.rate:
        raise CorpusMismatch(
            f"{where}: expected {checkpoint.rate:g} Hz as in training, found {trial.rate:g} Hz. Resample the trial."
        )
    began = time.process_time()
    record = trial_record(trial, checkpoint.sensors, ())
    refuse_silence(record.is_missing, record.doubts, where)
    scale = checkpoint.normalisation
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            inputs = torch.from_numpy((record.inputs - scale.input_mean) / scale.input_sd)
            outputs = checkpoint.network(inputs[None])[0].numpy()
    finally:
        torch.set_num_threads(n_threads)
    values = (outputs * scale.target_sd + scale.target_mean).astype(float)
    values[record.is_missing] = np.nan
    seconds = time.process_time() - began
    estimate = write_targets(trial, checkpoint.targets, values, seconds, source=checkpoint.config.network)
    return replace(estimate, treatments=(*estimate.treatments, *_doubts(checkpoint, trial)))


def _doubts(checkpoint: Checkpoint, trial: CorpusTrial) -> list[Treatment]:
    """What the estimate's user should know of the records that it was made from."""
    channels = sensor_channels(trial, checkpoint.sensors)
    found = check_channels(channels, checkpoint.sensors, trial.rate, checkpoint.signature)
    return [Treatment("records_doubtful", finding.sentence) for finding in found]


def apply_checkpoint(checkpoint: Checkpoint, corpus: Path, out: Path) -> Path:
    """Write one network's estimates of all trials of a corpus; see `write_predictions`.

    A warm-up comes first, so that the times of the trials are those of a network in use.
    """
    warm_up(checkpoint)
    subjects = [subject.code for subject in Corpus(corpus).subjects()]
    used = {"trials": checkpoint.n_labelled_trials, "frames": checkpoint.n_labelled_frames}
    spent = {"training_seconds": dict.fromkeys(subjects, checkpoint.seconds)}
    config = checkpoint.config.model_dump(mode="json") | {"labels_used": dict.fromkeys(subjects, used)} | spent
    return write_predictions(
        corpus,
        out,
        lambda trial: predict_trial(checkpoint, trial),
        subjects=subjects,
        source=checkpoint.config.network,
        config=config,
        seed=checkpoint.config.seed,
    )


def warm_up(checkpoint: Checkpoint, n_frames: int = 200) -> None:
    """Run a network once on zeros: the first call of a process pays for set-up that no later one does."""
    with torch.inference_mode():
        checkpoint.network(torch.zeros(1, n_frames, 6 * len(checkpoint.sensors)))

"""Method facts: what a method costs and needs, as its corpus of estimates states it, beside what it errs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synth.corpus import Corpus
from training.mean_waveform import TIMINGS

RECORDING, CYCLE, NOTHING = "whole recording", "whole cycle", "nothing"
"""What has to be over before an estimate is there."""


@dataclass(frozen=True)
class MethodFacts:
    """Circumstances of a method.

    Attributes
    ----------
    method : str
    role : str
        Of its corpus: ``"prediction"`` or ``"baseline"``.
    needs_labels : bool
    labelled_trials, labelled_frames : float
        That it learnt from, mean over the subjects it estimated; 0 without labels.
    waits_for : str
        What must be over before the estimate of a frame is there: ``"nothing"``, ``"0.15 s"``, ``"whole cycle"``, ...
    milliseconds_per_frame : float
        CPU time of an estimate, one thread, over all frames of its trials; NaN if not measured.
    trained_on : str
        ``"cpu"`` or ``"cuda"``; empty if nothing is trained or it is not stated.
    training_seconds : float
        Of one training, mean over folds; 0 if nothing is trained, NaN if not stated.
    """

    method: str
    role: str
    needs_labels: bool
    labelled_trials: float
    labelled_frames: float
    waits_for: str
    milliseconds_per_frame: float
    training_seconds: float
    trained_on: str = ""


def method_name(path: Path) -> str:
    """What a corpus of estimates calls its method, else the name of its file."""
    stated = Corpus(path).provenance.config.get("method")
    return str(stated) if stated else path.stem


def read_facts(path: Path, method: str = "") -> MethodFacts:
    """Facts of the method of a corpus of estimates.

    Parameters
    ----------
    path : Path
    method : str
        Its name; default: as the corpus states it.
    """
    corpus = Corpus(path)
    config = corpus.provenance.config
    used = list(config.get("labels_used", {}).values())
    trials, frames = (float(np.mean([u.get(k, 0) for u in used])) if used else 0.0 for k in ("trials", "frames"))
    seconds, n_frames, rate = 0.0, 0, math.nan
    for subject, name in corpus.trials():
        trial = corpus.read(subject, name, clean=True)
        rate = trial.rate
        if trial.n_frames and math.isfinite(trial.seconds):
            seconds, n_frames = seconds + trial.seconds, n_frames + trial.n_frames
    per_frame = config.get("milliseconds_per_frame", 1e3 * seconds / n_frames if n_frames else math.nan)
    trained = config.get("training_seconds")
    if isinstance(trained, dict):
        trained = float(np.mean(list(trained.values()))) if trained else math.nan
    if trained is None:
        trained = math.nan if config.get("network") else 0.0
    return MethodFacts(
        method or method_name(path),
        corpus.role,
        trials > 0,
        trials,
        frames,
        waits_for(config, corpus.role, rate),
        float(per_frame),
        float(trained),
        str(config.get("device", "")) if trained else "",
    )


def waits_for(config: dict[str, Any], role: str, rate: float) -> str:
    """What must be over before an estimate is there, from the configuration of a corpus of estimates.

    A corpus that states it (``waits_for``) is believed; a convolution waits for half of its kernels, a recurrent
    network that reads in both directions for the end of the recording.
    """
    if config.get("waits_for"):
        return str(config["waits_for"])
    network = config.get("network", "")
    if network == "conv1d" and math.isfinite(rate):
        half = max(1, round(config["kernel_seconds"] * rate / 2))
        return f"{config['depth'] * half / rate:.2f} s"
    if network == "lstm" and not config.get("bidirectional", True):
        return NOTHING
    if config.get("method") in TIMINGS:
        return CYCLE
    return RECORDING

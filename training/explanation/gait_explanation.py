"""Gait explanation: which sensor, in which phase of the gait cycle, a trained network uses for what it estimates.

* occlusion: the records of one sensor in one phase become their mean over the training; the root mean square by which
  the estimate changes is what they matter, in the estimate's unit;
* gradients: integrated gradients of the projection of the estimate on its own course (so that the parts together are
  the size of the movement), summed over the channels of a sensor in a phase.

What a joint's angle must come from is known: the sensors on the two segments that the joint joins. The concordance with
these says whether a network learnt the joint or something that goes along with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from training.checkpoint import Checkpoint
from training.explanation.attribution import METHODS, group_sums, integrated_gradients
from training.explanation.concordance import concordance, random_concordance
from training.gait_phase import cycle_phase
from training.target import Target
from training.window import CHANNELS_PER_SENSOR, trial_record

COLUMNS = ("subject", "trial", "kind", "coordinate", "unit", "method", "sensor", "phase", "importance", "is_adjacent")
JOINED = {
    "hip": ("pelvis", "femur"),
    "knee": ("femur", "tibia"),
    "ankle": ("tibia", "calcn"),
    "lumbar": ("pelvis", "torso"),
}
"""Joint, the first word of a coordinate → the segments that it joins."""


def explain_trial(
    checkpoint: Checkpoint, trial: CorpusTrial, targets: Sequence[Target], method: str = "occlusion", n_phases: int = 5
) -> pd.DataFrame:
    """Importance of each sensor in each phase for each target.

    Parameters
    ----------
    checkpoint : Checkpoint
    trial : CorpusTrial
        Of somebody who did not teach the network. Phases are those of the foot on the target's side.
    targets : sequence of Target
        Among the checkpoint's.
    method : str
        ``"occlusion"`` or ``"gradients"``.
    n_phases : int
        Equal parts of the cycle.

    Returns
    -------
    DataFrame
        `COLUMNS`; ``phase`` in per cent of the cycle (``20-40``), ``importance`` in ``unit``; ``is_adjacent`` says
        whether the sensor sits beside the joint, missing for what is no joint.

    Raises
    ------
    CorpusMismatch
        The subject taught this network, a sensor is missing, or the trial has no foot strikes.
    ValueError
        For an unknown method.
    """
    where = f"trial {trial.name!r} of subject {trial.subject.code!r}"
    if method not in METHODS:
        raise ValueError(f"expected a method among {', '.join(METHODS)}, got {method!r}")
    if trial.subject.code in checkpoint.subjects:
        raise CorpusMismatch(f"{where}: this network was trained on this subject. Explain it on people it never saw.")
    if not any(e.kind == "foot_strike" for e in trial.events):
        raise CorpusMismatch(f"{where}: expected foot strikes to tell phases by, found none.")
    record = trial_record(trial, checkpoint.sensors, ())
    scale = checkpoint.normalisation
    inputs = ((record.inputs - scale.input_mean) / scale.input_sd).astype(np.float32)
    segments = {r.placement.sensor: r.placement.segment for r in trial.recordings}
    phases = {side: _phase_parts(trial, foot, n_phases) for side, foot in (("r", "right"), ("l", "left"))}
    rows = []
    for target in targets:
        part = phases["l" if target.coordinate.endswith("_l") else "r"]
        importance = _importance(checkpoint, inputs, part, target, method, n_phases)
        facts = (trial.subject.code, trial.name, target.kind, target.coordinate, target.unit, method)
        for sensor, own in zip(checkpoint.sensors, importance, strict=True):
            near = is_adjacent(target, segments[sensor])
            rows += [(*facts, sensor, _phase_name(p, n_phases), own[p], near) for p in range(n_phases)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _phase_name(part: int, n_phases: int) -> str:
    return f"{100 * part // n_phases}-{100 * (part + 1) // n_phases}"


def is_adjacent(target: Target, segment: str) -> bool | None:
    """Whether a segment is one of the two that the target's joint joins; None where there is no joint."""
    joined = JOINED.get(target.coordinate.split("_")[0])
    if joined is None or target.kind not in ("angle", "moment"):
        return None
    side = target.coordinate[-2:] if target.coordinate[-2:] in ("_r", "_l") else ""
    return segment in {f"{name}{'' if name in ('pelvis', 'torso') else side}" for name in joined}


def sensor_concordance(explained: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Agreement of an explanation with where a joint's movement must come from, over subjects.

    Parameters
    ----------
    explained : DataFrame
        Of `explain_trial`, several trials and subjects.
    seed : int
        Of the bootstrap and of the random explanation.

    Returns
    -------
    DataFrame
        ``coordinate, kind, method, measure, value, low, high, n_subjects``: the explanation, and a random one.
    """
    known = explained[explained.is_adjacent.notna()]
    rows = []
    for (kind, coordinate), own in known.groupby(["kind", "coordinate"], sort=False):
        method = own.method.iloc[0]
        sums = own.groupby(["subject", "trial", "sensor"], sort=False).importance.sum().unstack()
        mean = sums.groupby("subject").mean()
        cause = own.drop_duplicates("sensor").set_index("sensor").is_adjacent.astype(float)[mean.columns]
        truth = np.tile(cause.to_numpy(), (len(mean), 1))
        found_by = {method: concordance(mean.to_numpy(), truth, 2), "random": random_concordance(truth, 2, seed=seed)}
        for name, found in found_by.items():
            for measure, values in found.summary(seed).items():
                rows.append((coordinate, kind, name, measure, *values))
    return pd.DataFrame(rows, columns=["coordinate", "kind", "method", "measure", "value", "low", "high", "n_subjects"])


def _phase_parts(trial: CorpusTrial, foot: str, n_phases: int) -> np.ndarray:
    """Part of the cycle of every frame (n_frames,)."""
    phase = cycle_phase(trial, np.ones(trial.n_frames, dtype=bool), foot, timing="truth")
    return np.minimum((phase * n_phases).astype(int), n_phases - 1)


def _importance(
    checkpoint: Checkpoint, inputs: np.ndarray, part: np.ndarray, target: Target, method: str, n_phases: int
) -> np.ndarray:
    """Importance (n_sensors, n_phases) for one target, in its unit."""
    n_sensors, k = len(checkpoint.sensors), checkpoint.targets.index(target)
    unit = float(checkpoint.normalisation.target_sd[k]) * target.scale
    sensor = np.repeat(np.arange(n_sensors), CHANNELS_PER_SENSOR)
    groups = sensor[None, :] * n_phases + part[:, None]

    def course(x: torch.Tensor) -> torch.Tensor:
        return checkpoint.network(x)[..., k] * unit

    with torch.no_grad():
        own = course(torch.from_numpy(inputs[None]))[0]
    if method == "occlusion":
        change = np.zeros(n_sensors * n_phases)
        for g in range(len(change)):
            with torch.no_grad():
                other = course(torch.from_numpy(np.where(groups == g, np.float32(0.0), inputs)[None]))[0]
            change[g] = float(((other - own) ** 2).mean().sqrt())
        return change.reshape(n_sensors, n_phases)
    direction = own - own.mean()
    direction = direction / (direction.norm() * len(direction) ** 0.5 + 1e-12)
    found = integrated_gradients(lambda x: course(x) @ direction, inputs[None], np.zeros_like(inputs[None]))
    full = np.zeros((1, n_sensors * n_phases))
    full[:, : groups.max() + 1] = np.abs(group_sums(found, groups))
    return full.reshape(n_sensors, n_phases)

"""Keypoint answer: what an ensemble says of somebody's own clips, in SI, with intervals and what not to believe.

One clip is what is answered: a longer record gives several answers, which differ as clips of one camera do.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from synth.camera.filmed_gait import ANGLES, FORCES, WAVES
from synth.camera.keypoint_input import instants, units_of
from synth.camera.keypoint_record import RecordClips
from synth.impairment import HEALTHY, KINDS
from training.keypoint.keypoint_calibration import DOUBTED, KeypointCalibration
from training.keypoint.keypoint_lesson import KeypointEnsemble, KeypointEstimate

UNITS = {"speed": "m/s", "step_length": "m", "cadence": "steps/s", "step_time_asymmetry": "1", "severity": "1"}
COLUMNS = (
    "person",
    "trial",
    "clip",
    "start",
    "seconds",
    "quantity",
    "unit",
    "estimate",
    "low",
    "high",
    "doubt",
    "outside",
    "reason",
    "measured",
)
"""Of the table of answers; times in s, `doubt` over what is typical, `outside`: the interval need not hold, and why:
some of `TALLER`, `SHORTER`, `DOUBT`, `OTHERS` with `and` between them."""
TALLER, SHORTER = "taller than all who calibrated", "shorter than all who calibrated"
DOUBT, OTHERS = "doubt", "doubt of others"
"""Members disagree about this quantity more than on nearly all clips inside, or about two or more others."""
ASYMMETRY_DOUBT = (
    "step_time_asymmetry: its intervals did not hold on recordings of people (the networks agreed and were wrong), "
    "whoever is named as outside or not; do not rely on them"
)
"""Said of every answer with such an interval."""
_KIND = "probability of "


def keypoint_answers(ensemble: KeypointEnsemble, clips: RecordClips) -> tuple[pd.DataFrame, KeypointEstimate]:
    """One row a clip and quantity.

    Parameters
    ----------
    ensemble : KeypointEnsemble
    clips : RecordClips
        One or more.

    Returns
    -------
    DataFrame
        `COLUMNS`: gait parameters and severity with limits of the intervals of its calibration (NaN without one, or
        where too few people calibrated), then the probability of each kind of impairment, outside where severity is.
    KeypointEstimate
        The same without dimension, and the waveforms.
    """
    arrays = clips.arrays
    said = ensemble.estimate(arrays.inputs)
    units = np.column_stack([units_of(arrays.stature), np.ones(len(arrays))])
    n, calibration = len(arrays), ensemble.calibration
    half, doubt, outside = np.full((n, 5), np.nan), np.full((n, 5), np.nan), np.zeros((n, 5), bool)
    reason = np.full((n, 5), "", object)
    if calibration is not None:
        half = calibration.half_widths(said)
        half[~np.isfinite(half)] = np.nan
        doubt, outside = calibration.doubt(said), calibration.outside(said, arrays.stature)
        reason = outside_reasons(calibration, said, arrays.stature)
    measured = np.column_stack([arrays.parameters, arrays.severity]) * units
    who = {
        "person": arrays.person,
        "trial": arrays.trial,
        "clip": pd.Series(arrays.trial).groupby([arrays.person, arrays.trial]).cumcount().to_numpy(),
        "start": clips.start,
        "seconds": clips.seconds,
    }
    frames = []
    for i, name in enumerate(DOUBTED):
        values, width = said.scalars[:, i] * units[:, i], half[:, i] * units[:, i]
        low, high = values - width, values + width
        if name == "severity":
            values, low, high = (np.clip(v, 0.0, 1.0) for v in (values, low, high))
        told = {"estimate": values, "low": low, "high": high, "doubt": doubt[:, i], "outside": outside[:, i]}
        told |= {"reason": reason[:, i], "measured": measured[:, i]}
        frames.append(pd.DataFrame({**who, "quantity": name, "unit": UNITS[name], **told}))
    for i, kind in enumerate(KINDS):
        name = "no impairment" if kind == HEALTHY else kind
        told = {"quantity": _KIND + name, "unit": "1", "estimate": said.kinds[:, i]}
        unknown = {"low": np.nan, "high": np.nan, "doubt": np.nan, "outside": outside[:, -1], "reason": reason[:, -1]}
        unknown |= {"measured": np.nan}
        frames.append(pd.DataFrame({**who, **told, **unknown}))
    order = np.argsort(np.tile(np.arange(n), len(frames)), kind="stable")
    return pd.concat(frames, ignore_index=True).iloc[order].reset_index(drop=True)[list(COLUMNS)], said


def outside_reasons(calibration: KeypointCalibration, said: KeypointEstimate, stature: np.ndarray) -> np.ndarray:
    """Why each of `DOUBTED` of clips (n, 5) is outside, as column `reason` has it; empty where it is not."""
    beyond, unlike = calibration.disagrees(said), calibration.unlike_stature(stature)
    told = {
        TALLER: (unlike > 0)[:, None] | np.zeros_like(beyond),
        SHORTER: (unlike < 0)[:, None] | np.zeros_like(beyond),
        DOUBT: beyond,
        OTHERS: beyond.sum(axis=1)[:, None] - beyond > 1,
    }
    places = np.ndindex(beyond.shape)
    return np.array([" and ".join(w for w in told if told[w][at]) for at in places], object).reshape(beyond.shape)


def answered_waves(clips: RecordClips, said: KeypointEstimate) -> pd.DataFrame:
    """One row an instant of each clip: joint angles (deg), ground reaction (% body weight) and activations (0 to 1)."""
    arrays = clips.arrays
    names = [f"{name}_deg" if name in ANGLES else f"{name}_percent_bw" if name in FORCES else name for name in WAVES]
    scales = np.array([np.degrees(1.0) if n in ANGLES else 100.0 if n in FORCES else 1.0 for n in WAVES])
    number = pd.Series(arrays.trial).groupby([arrays.person, arrays.trial]).cumcount().to_numpy()
    frames = []
    for i in range(len(arrays)):
        at = instants(float(arrays.stature[i]))
        inside = at <= clips.seconds[i]
        own = pd.DataFrame(said.waves[i][inside] * scales, columns=names)
        who = {
            "person": arrays.person[i],
            "trial": arrays.trial[i],
            "clip": number[i],
            "time": clips.start[i] + at[inside],
        }
        frames.append(pd.concat([pd.DataFrame({k: np.full(len(own), v) for k, v in who.items()}), own], axis=1))
    return pd.concat(frames, ignore_index=True)


def answer_doubts(answers: pd.DataFrame, ensemble: KeypointEnsemble) -> list[str]:
    """Sentences about what not to believe."""
    calibration = ensemble.calibration
    if calibration is None:
        return ["these networks were kept without a calibration: no intervals; teach them again to have some"]
    found = []
    wide = [q for q in DOUBTED if answers[answers.quantity == q].low.isna().all()]
    if wide:
        found.append(f"only {calibration.n_people} people calibrated: no intervals of {', '.join(wide)}")
    for (person, trial), rows in answers[answers.outside & answers.quantity.isin(DOUBTED)].groupby(
        ["person", "trial"], sort=False
    ):
        found.append(f"{person}, {trial}: outside what these networks know: {_why(rows, calibration)} need not hold")
    if "step_time_asymmetry" not in wide:
        found.append(ASYMMETRY_DOUBT)
    return found


def _why(rows: pd.DataFrame, calibration: KeypointCalibration) -> str:
    """Why answers of one trial, all of them outside, are so, and which intervals that concerns."""
    parts = rows.reason.str.split(" and ")
    low, high = calibration.stature
    said = [f"{word} ({low:.2f} to {high:.2f} m)" for word in (TALLER, SHORTER) if word in set(parts.explode())]
    worst = rows[parts.map(lambda own: DOUBT in own)].groupby("quantity").doubt.max()
    names = [q for q in DOUBTED if q in worst.index]
    if names:
        said.append(f"they disagree about {', '.join(f'{q} ({worst[q]:.1f} times what is typical)' for q in names)}")
    alone = (rows.reason == DOUBT).all()
    return f"{' and '.join(said)}; its intervals{' of ' + ', '.join(names) if alone else ''}"

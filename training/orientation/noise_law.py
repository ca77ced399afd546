"""The noise law of a smoother: its deviations and times as one thing, and their choice on training subjects.

Two criteria. By *error*: the orientations of training subjects are known, and the law with the least error is taken.
By *likelihood*: no truth is needed, the law under which the records of the training subjects are most probable is
taken; it is right where the assumed laws are, and real networks err otherwise than any simple law. In both cases the
priors of training subjects must come from networks that did not see them (`held out` within the training side): a
network's error on its own subjects is too small, and the smoother would believe it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from training.orientation.smoother import SmoothedOrientation, UnsettledSmoother, smooth_orientation

_LOG_STEP = 0.7
"""First step of the search, in the logarithm: a factor of two."""


@dataclass(frozen=True)
class NoiseLaw:
    """How gyroscope, network and accelerometer err; the keywords of `smooth_orientation`.

    Attributes
    ----------
    prior_deviation : float
        rad.
    gyroscope_deviation : float
        rad/s. The sensor's own; a property of the sensor, not of the network.
    prior_correlation : float
        s.
    prior_offset_deviation : float
        rad; 0 for no offset.
    mounting_deviation : float
        rad; 0 for sensors whose turn on the segment is known.
    tilt_deviation : float, optional
        rad; None to leave the accelerometer out.
    tilt_tolerance : float
        Share of 1 g.
    bias_deviation : float, optional
        rad/s; None for no bias.
    """

    prior_deviation: float
    gyroscope_deviation: float
    prior_correlation: float = 0.0
    prior_offset_deviation: float = 0.0
    mounting_deviation: float = 0.0
    tilt_deviation: float | None = None
    tilt_tolerance: float = math.inf
    bias_deviation: float | None = None


@dataclass(frozen=True)
class SegmentRecord:
    """One segment of one trial of a training subject.

    Attributes
    ----------
    subject : str
        Subject code.
    angular_velocity, specific_force : ndarray, shape (n_frames, 3)
        rad/s, m/s², segment axes.
    rate : float
        Hz.
    prior : Rotation, length n_frames
        Of a network that did not see this subject, segment → ground.
    true : Rotation, length n_frames, optional
        Needed for the choice by error.
    gyroscope_deviation : ndarray, shape (3,), optional
        rad/s: of this record by axis, instead of the law's (noise that is a share of the signal, as published).
    """

    subject: str
    angular_velocity: np.ndarray
    specific_force: np.ndarray
    rate: float
    prior: Rotation
    true: Rotation | None = None
    gyroscope_deviation: np.ndarray | None = None


def smooth_segment(record: SegmentRecord, law: NoiseLaw, **options: object) -> SmoothedOrientation:
    """Smooth one segment under a law; options of `smooth_orientation` go before both."""
    own = {} if record.gyroscope_deviation is None else {"gyroscope_deviation": record.gyroscope_deviation}
    return smooth_orientation(
        record.angular_velocity,
        record.rate,
        record.prior,
        specific_force=record.specific_force,
        **(asdict(law) | own | options),
    )


def orientation_error(records: Sequence[SegmentRecord], law: NoiseLaw) -> float:
    """Error of the smoothed orientation: RMS angle (rad) of every record, mean by subject, mean over subjects."""
    if any(record.true is None for record in records):
        raise ValueError("a choice by error needs the true orientation of every record; choose by likelihood instead.")
    errors = []
    for record in records:
        smooth = smooth_segment(record, law)
        errors.append(math.sqrt(np.mean((smooth.orientation.inv() * record.true).magnitude() ** 2)))
    return _mean_by_subject(records, errors)


def measured_offset(records: Sequence[SegmentRecord]) -> float:
    """Constant offset of the prior on training subjects: RMS over axes and records of the mean error (rad)."""
    if not records or any(record.true is None for record in records):
        raise ValueError("an offset is measured on training records with true orientations; some or all are missing.")
    means = [(record.prior.inv() * record.true).mean().as_rotvec() for record in records]
    return math.sqrt(_mean_by_subject(records, [float(np.mean(mean**2)) for mean in means]))


def improbability(records: Sequence[SegmentRecord], law: NoiseLaw) -> float:
    """Negative logarithm of the records' likelihood per frame, mean by subject, mean over subjects."""
    values = [-smooth_segment(record, law).log_likelihood / len(record.prior) for record in records]
    return _mean_by_subject(records, values)


def _mean_by_subject(records: Sequence[SegmentRecord], values: Sequence[float]) -> float:
    by_subject: dict[str, list[float]] = {}
    for record, value in zip(records, values, strict=True):
        by_subject.setdefault(record.subject, []).append(value)
    return float(np.mean([np.mean(own) for own in by_subject.values()]))


CRITERIA: Mapping[str, Callable[[Sequence[SegmentRecord], NoiseLaw], float]] = {
    "error": orientation_error,
    "likelihood": improbability,
}


def choose_noise_law(
    records: Sequence[SegmentRecord],
    start: NoiseLaw,
    *,
    vary: Sequence[str] = ("prior_deviation", "prior_correlation", "tilt_deviation"),
    criterion: str | Callable[[Sequence[SegmentRecord], NoiseLaw], float] = "error",
    most_evaluations: int = 80,
) -> NoiseLaw:
    """Choose a law on training subjects, by a simplex search in the logarithms of what varies.

    Parameters
    ----------
    records : sequence of SegmentRecord
        Of training subjects only. A part of each trial will do: time is proportional to the frames.
    start : NoiseLaw
        Where the search begins; values that do not vary stay.
    vary : sequence of str
        Fields of the law; those that are zero or None in the start stay off. The offset is better measured
        (`measured_offset`): by the error on well-placed sensors any large value is as good as another, and it is bad
        on sensors that sit turned.
    criterion : str or callable
        ``"error"``, ``"likelihood"``, or a function of (records, law) that is to be small, e.g. the error of a joint
        angle.
    most_evaluations : int
        Of the criterion.

    Returns
    -------
    NoiseLaw

    Raises
    ------
    ValueError
        No records, an unknown field or criterion, truth missing for a choice by error.
    """
    if not records:
        raise ValueError("a noise law is chosen on the records of training subjects; there is none.")
    known = [field.name for field in fields(NoiseLaw)]
    unknown = [name for name in vary if name not in known]
    if unknown:
        raise ValueError(f"a noise law has no {', '.join(unknown)}; expected some of {', '.join(known)}.")
    if isinstance(criterion, str) and criterion not in CRITERIA:
        raise ValueError(f"criterion {criterion!r} is unknown; expected {', '.join(CRITERIA)} or a function.")
    score = CRITERIA[criterion] if isinstance(criterion, str) else criterion
    names = [name for name in vary if getattr(start, name)]
    if not names:
        return start

    def law_at(logarithms: np.ndarray) -> NoiseLaw:
        return replace(start, **dict(zip(names, np.exp(logarithms).tolist(), strict=True)))

    def badness(logarithms: np.ndarray) -> float:
        try:
            return score(records, law_at(logarithms))
        except UnsettledSmoother:
            return math.inf

    centre = np.log([getattr(start, name) for name in names])
    simplex = np.concatenate([centre[None], centre + _LOG_STEP * np.eye(len(names))])
    options = {
        "initial_simplex": simplex,
        "maxfev": most_evaluations,
        "xatol": 0.05,
        "fatol": 1e-4 * abs(badness(centre)),
    }
    found = minimize(badness, centre, method="Nelder-Mead", options=options)
    return law_at(found.x)

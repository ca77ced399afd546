"""Joint quality: the quality control behind Rapp, Shin et al. (J Biomech 2021), as a filter that says what it takes.

The limits are those of the published code, which works at 200 Hz. A trial goes if

- an angle changes by more than 5, 3 and 3 degrees (flexion, adduction, rotation) from frame to frame,
- a specific force changes by more than 20, 15 and 15 m/s² from frame to frame, or
- a gyroscope shows more than 12.5, 12.5 and 15 rad/s (x, y, z of the segments);

then the trials in the outer 0.5 % of the ranges of motion on either side. Changes are taken as rates here, so that
records of other rates are judged alike. That the third limit is one of the reading, not of its change, is how we read
what is known of the code.

Nothing here is done by itself: the whole trial goes for one frame, which suits thousands of trials and not forty.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from synth.joint_trial import ANGLE_NAMES, JointTrial

PAPER_RATE = 200.0
"""Hz."""
ANGLE_CHANGE = np.radians([5.0, 3.0, 3.0]) * PAPER_RATE
"""rad/s: flexion, adduction, rotation."""
FORCE_CHANGE = np.array([20.0, 15.0, 15.0]) * PAPER_RATE
"""m/s³: x, y, z."""
FASTEST_TURN = np.array([12.5, 12.5, 15.0])
"""rad/s: x, y, z."""
TAIL = 0.005
"""Share of the trials on either side whose range of motion is called rare."""


def trial_fault(trial: JointTrial) -> str:
    """Say which limit a trial breaks, the worst first; ``""`` if it breaks none.

    Parameters
    ----------
    trial : JointTrial
        Sensor frames parallel to the segments', as the limits are per axis.
    """
    found = [
        (f"{name} changes by {{:.0f}} deg/s", np.degrees(seen), np.degrees(limit))
        for name, seen, limit in zip(ANGLE_NAMES, _largest_change(trial.angles, trial.rate), ANGLE_CHANGE, strict=True)
    ]
    for which, record in (("proximal", trial.proximal), ("distal", trial.distal)):
        jerks = _largest_change(record.specific_force, trial.rate)
        turns = _largest(record.angular_velocity)
        for axis, jerk, turn, most, fastest in zip("xyz", jerks, turns, FORCE_CHANGE, FASTEST_TURN, strict=True):
            found.append((f"{which} specific force {axis} changes by {{:.0f}} m/s³", jerk, most))
            found.append((f"{which} angular velocity {axis} is {{:.1f}} rad/s", turn, fastest))
    said, seen, limit = max(found, key=lambda row: row[1] / row[2])
    return f"{said.format(seen)}, at most {limit:g}" if seen > limit else ""


def pass_quality(trials: Sequence[JointTrial], *, tail: float = TAIL) -> tuple[list[JointTrial], pd.DataFrame]:
    """Keep the trials that the published quality control would keep.

    Parameters
    ----------
    trials : sequence of JointTrial
        Of one joint.
    tail : float
        See `TAIL`; fewer than 1 / tail trials have no rare ones.

    Returns
    -------
    list of JointTrial
        What is left, in order.
    DataFrame
        One row a trial: subject, trial, joint, side, status (``kept``, ``limit`` or ``rare``), reason. Kept and
        rejected add up to the trials.
    """
    reasons = [trial_fault(trial) for trial in trials]
    statuses = ["limit" if reason else "kept" for reason in reasons]
    steady = [k for k, status in enumerate(statuses) if status == "kept"]
    n_rare = int(np.floor(tail * len(steady)))
    if n_rare:
        ranges = np.array([np.nanmax(trials[k].angles, axis=0) - np.nanmin(trials[k].angles, axis=0) for k in steady])
        for column, name in enumerate(ANGLE_NAMES):
            order = np.argsort(ranges[:, column], kind="stable")
            for place in (*order[:n_rare], *order[-n_rare:]):
                statuses[steady[place]] = "rare"
                reasons[steady[place]] = (
                    f"{name} ranges over {np.degrees(ranges[place, column]):.0f} deg, among the outer {100 * tail:g} %"
                )
    kept = [trial for trial, status in zip(trials, statuses, strict=True) if status == "kept"]
    columns = {"subject": [t.subject.code for t in trials]}
    columns |= {name: [getattr(t, name) for t in trials] for name in ("trial", "joint", "side")}
    return kept, pd.DataFrame(columns | {"status": statuses, "reason": reasons})


def _largest_change(values: np.ndarray, rate: float) -> np.ndarray:
    """Largest rate of change (3,) between neighbouring known frames; 0 where there are none."""
    return _largest(np.diff(values, axis=0) * rate)


def _largest(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(np.abs(values)).max(axis=0, initial=0.0)

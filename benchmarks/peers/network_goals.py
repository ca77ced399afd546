"""Network goals: what was promised of networks before it was measured, and by which figures each promise is judged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

READS = {
    "comparison": ("cmu_imu_grf_walk", "biomac_fau/imu7_cycle"),
    "joint_models": ("bmc_ric_running",),
    "orientation": ("rbds_running",),
    "physics": ("cmu_imu_grf_walk", "biomac_fau/imu7_cycle"),
    "streaming": ("cmu_imu_grf_walk",),
}
"""Module of ``network_figures`` → folders of recordings that it reads; the others make their data from seeds."""


@dataclass(frozen=True)
class Promise:
    """One promised figure.

    Attributes
    ----------
    what : str
    published : str
    goal : str
    module : str
        Of ``network_figures``, that measures it.
    names : str
        Regular expression of the figures by which it is judged: all of them must meet their goals.
    """

    what: str
    published: str
    goal: str
    module: str
    names: str


_ANGLES = "(knee|hip|ankle) (flexion|adduction|rotation)"
PROMISES = (
    Promise(
        "running, optimised, knee, hip, ankle flexion, adduction, rotation",
        "3.21 4.16 6.55, 4.31 2.98 4.59, 2.13 3.00 4.51 deg (other runners, clean test signals)",
        "not higher in any of the nine",
        "joint_models",
        f"running, {_ANGLES}, raw.*",
    ),
    Promise(
        "the same, pseudo-calibrated, flexion",
        "1.27, 0.79, 0.94 deg",
        "<= 1.3, 0.9, 1.0 deg",
        "joint_models",
        "running, (knee|hip|ankle) flexion, pseudo-calibrated.*",
    ),
    Promise(
        "optimisation step: closed form",
        "BFGS, 44 ms a frame and segment",
        ">= 30,000 x cheaper, the same to 1e-5 rad",
        "orientation",
        "optimisation step.*closed form.*",
    ),
    Promise(
        "optimisation step: smoother",
        "BFGS, 44 ms a frame and segment",
        ">= 8,000 x cheaper, lower error than both",
        "orientation",
        "optimisation step.*smoother.*|knee .*: smoother(, our fusion)?, against the better.*",
    ),
    Promise(
        "training one joint model to within 3 % of its final error",
        "39 min (published schedule, one thread)",
        "<= 60 CPU s",
        "joint_models",
        r"training one joint model.*",
    ),
    Promise(
        "label-free on virtual walkers of another generator",
        "-",
        "<= 4 deg mean-removed, 2.6 %BWBH, 10 %BW, 0.10 m/s",
        "physics",
        "physics_lstm_scored_(angle_rmse_mean_removed|moment_rmse|vertical_force_rmse|speed_error)",
    ),
    Promise(
        "label-free on real recordings",
        "8.7 deg, 4.9 %BWBH, 16.4 %BW, 0.19 m/s (10 other persons)",
        "<= 6 deg, 3 %BWBH, 15 %BW, 0.12 m/s",
        "physics",
        "physics_(cmu|p03)_(angle_rmse|moment_rmse|vertical_force_rmse|speed_error)",
    ),
    Promise(
        "label-free on real recordings, beside the mean waveform",
        "-",
        "never worse without saying so",
        "comparison",
        "label_free_.*",
    ),
    Promise(
        "streaming latency, p50 and p99",
        "3.5 ms",
        "<= 0.05 ms, <= 1 ms",
        "streaming",
        "(label-free )?streaming: (median|99 %) of a frame.*",
    ),
    Promise(
        "label-free training cost",
        "-",
        "<= 30 CPU s a recorded minute",
        "physics",
        "physics_(lstm|cmu|p03)_cpu_seconds_per_recorded_minute",
    ),
    Promise(
        "physics loss: agreement with the optimal control's dynamics; cost",
        "-",
        "1e-10; <= 15 % of a training step",
        "physics",
        "physics_(agreement|loss_share_of_step)",
    ),
    Promise(
        "supervised vertical ground reaction, one person left out",
        "10.7 %BW (another data set)",
        "<= 15 %BW, below the mean waveform for every person",
        "comparison",
        "vertical_force_(supervised_pct_bw|worst_person_minus_mean_waveform)",
    ),
    Promise(
        "90 % prediction intervals: a network's, conformal by subject",
        "-",
        "88 to 92 % on unseen persons of the population",
        "comparison",
        "interval_coverage_pct",
    ),
    Promise(
        "90 % prediction intervals: the smoother's covariance, conformal by subject",
        "-",
        "88 to 92 % on unseen persons of the population",
        "population_intervals",
        "population, knee all angles: share inside 90 % intervals, smoother, conformal by subject",
    ),
)


def promise_lines(figures: Mapping[str, dict], promises: Sequence[Promise] = PROMISES) -> list[str]:
    """Say of every promise whether it is met, by its worst figure, or that this run did not measure it."""
    lines = ["promised:"]
    for promise in promises:
        found = {name: row for name, row in figures.items() if re.fullmatch(promise.names, name)}
        missed = [name for name, row in found.items() if row["met"] is False]
        if not found:
            verdict = f"NOT MEASURED in this run (module {promise.module})"
        elif missed:
            verdict = f"MISSED by {len(missed)} of {len(found)} figures: {'; '.join(missed)}"
        else:
            verdict = f"met by all {len(found)} figures"
        lines.append(f"   {promise.what} (published: {promise.published}; goal: {promise.goal}): {verdict}")
    return lines

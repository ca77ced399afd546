"""Score of the impairment: detection and severity."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recipes.result import Result
from recipes.single_camera.agreement import ALL_CLIPS, MEAN, Measure, clip_numbers, mean_absolute_error, with_interval
from synth.camera.keypoint_input import ClipArrays
from synth.impairment import KINDS
from training.keypoint.keypoint_lesson import KeypointEstimate
from training.keypoint.progression import SEVERITY
from training.sample.class_score import auroc

ROUNDING = 1e-9
"""Of the largest truth: what differs by less does not differ."""
_SEVERITY_GOAL = ">= 0.8"
_OTHER = "virtual people of other laws"


def impairment_results(
    clips: ClipArrays, estimate: KeypointEstimate, taught: ClipArrays, task: str, seed: int
) -> list[Result]:
    """Rows of the further heads, each beside what is said without looking."""
    said = estimate_table(clips, estimate)
    blind = said.assign(severity_said=np.nanmean(taught.severity), kind_said=_commonest(taught))
    rows = []
    for method, table in (("network", said), ("network" + ALL_CLIPS, gait_means(said)), (MEAN, blind)):
        rows.append(
            _row(task, method, table, "impairment: right kind", (table.kind, table.kind_said), right_kind, seed)
        )
        rows += severity_rows(task, method, table, seed)
        if method != MEAN:
            ill = (table.kind > 0).astype(float), table.ill_said
            rows.append(_row(task, method, table, "impairment: area under the curve", ill, area_under_curve, seed))
        if method == "network":
            rows += kind_rows(task, table, seed)
    return [row for row in rows if np.isfinite(row.value)]


def severity_rows(task: str, method: str, table: pd.DataFrame, seed: int) -> list[Result]:
    """How well severity is told, all kinds and healthy people together."""
    severity = table.severity, table.severity_said
    goal = _SEVERITY_GOAL if method == "network" and task == _OTHER else ""
    return [
        _row(task, method, table, "severity: R2", severity, r_squared, seed, goal),
        _row(task, method, table, "severity: mean absolute error", severity, mean_absolute_error, seed),
    ]


def kind_result(task: str, method: str, clips: ClipArrays, estimate: KeypointEstimate, seed: int) -> Result:
    """How often a method tells the right kind."""
    table = estimate_table(clips, estimate)
    return _row(task, method, table, "impairment: right kind", (table.kind, table.kind_said), right_kind, seed)


def severity_change(task: str, clips: ClipArrays, said: tuple[KeypointEstimate, KeypointEstimate], seed: int) -> Result:
    """R2 of severity by the first estimate less that by the second, people drawn with replacement for both at once."""
    first, second = (truth_table(clips, own.scalars[:, SEVERITY]).severity_said.to_numpy(float) for own in said)

    def gain(truth: np.ndarray, both: np.ndarray, person: np.ndarray) -> float:
        return r_squared(truth, both[:, 0], person) - r_squared(truth, both[:, 1], person)

    value, low, high = with_interval(clips.severity, np.stack([first, second], axis=1), clips.person, gain, seed)
    people, note = len(set(clips.person)), f"{len(clips)} clips"
    return Result(
        task, "network", "severity: R2 more than without those beside", "1", value, low, high, people, "", note
    )


def truth_table(clips: ClipArrays, severity: np.ndarray) -> pd.DataFrame:
    """One row a clip: what is wrong, and the severity that is said, within 0 to 1."""
    return pd.DataFrame(
        {
            "person": clips.person,
            "visit": clips.visit,
            "trial": clips.trial,
            "clip": clip_numbers(clips),
            "kind": clips.kind,
            "severity": clips.severity,
            "severity_said": np.clip(severity, 0.0, 1.0),
        }
    )


def kind_rows(task: str, table: pd.DataFrame, seed: int) -> list[Result]:
    """How far severity is off kind by kind: not every impairment shows to a camera."""
    rows = []
    for number, kind in enumerate(KINDS):
        own = table[table.kind == number]
        if own.person.nunique() > 2:
            errors = own.severity, own.severity_said
            rows.append(
                _row(task, "network", own, f"severity, {kind}: mean absolute error", errors, mean_absolute_error, seed)
            )
            if number:
                rows.append(_row(task, "network", own, f"severity, {kind}: R2", errors, r_squared, seed))
    return rows


def estimate_table(clips: ClipArrays, estimate: KeypointEstimate) -> pd.DataFrame:
    """One row a clip: what is wrong, and what is said of it."""
    frame = truth_table(clips, estimate.scalars[:, SEVERITY]).assign(
        ill_said=1.0 - estimate.kinds[:, 0], kind_said=estimate.kinds.argmax(axis=1)
    )
    return frame.assign(**{f"p{k}": estimate.kinds[:, k] for k in range(estimate.kinds.shape[1])})


def gait_means(table: pd.DataFrame) -> pd.DataFrame:
    """One row a gait: the mean over its clips, the kind that has the largest mean probability."""
    means = table.groupby(["person", "visit", "trial"], as_index=False).mean()
    chances = means[[c for c in means.columns if c.startswith("p") and c[1:].isdigit()]].to_numpy()
    return means.assign(clip=0, kind_said=chances.argmax(axis=1))


def right_kind(truth: np.ndarray, said: np.ndarray, person: np.ndarray) -> float:
    """Share of clips whose kind is told, mean over people."""
    return 1.0 - mean_absolute_error(np.zeros(len(truth)), (truth != said).astype(float), person)


def r_squared(truth: np.ndarray, said: np.ndarray, person: np.ndarray) -> float:
    """1 less the squared error over the variance of the truth; NaN where all truths are one, but for rounding."""
    if np.ptp(truth) <= ROUNDING * np.abs(truth).max():
        return float("nan")
    return 1.0 - float(((truth - said) ** 2).sum()) / float(((truth - truth.mean()) ** 2).sum())


def area_under_curve(truth: np.ndarray, said: np.ndarray, person: np.ndarray) -> float:
    """`auroc` of an impairment, as a `Measure`."""
    return auroc(truth > 0.5, said)


def _commonest(taught: ClipArrays) -> int:
    return int(np.bincount(taught.kind[taught.kind >= 0]).argmax())


def _row(
    task: str,
    method: str,
    table: pd.DataFrame,
    measure: str,
    columns: tuple[pd.Series, pd.Series],
    function: Measure,
    seed: int,
    goal: str = "",
) -> Result:
    counted = "gaits" if method.endswith(ALL_CLIPS) else "clips"
    arrays = [c.to_numpy(float) for c in columns]
    value, low, high = with_interval(*arrays, table.person.to_numpy(str), function, seed)
    return Result(
        task,
        method,
        measure,
        "1",
        value,
        low,
        high,
        table.person.nunique(),
        goal,
        f"{len(table)} {counted}",
    )

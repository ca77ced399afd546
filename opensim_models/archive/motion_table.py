"""Motion tables: one row a trial, one a marker, one a scale factor; nothing that was seen is without a row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mocap_import.durable_file import write_durably
from opensim_models.archive.doubt import joined

COLUMNS = (
    *("subject", "trial", "status", "reason", "doubts", "n_frames", "marker_error_mm", "left_out_percent"),
    *("landmark_error_mm", "held", "seconds"),
    *("solved_frames", "worst_marker", "worst_marker_mm", "worst_frame", "worst_frame_mm"),
    *("dynamics", "dynamics_reason", "cutoff_hz", "masked_percent", "residual_force_percent"),
    *("residual_force_peak_percent", "residual_moment_percent", "residual_moment_peak_percent"),
)
RESIDUAL_COLUMNS = (
    *("subject", "trial", "what", "name", "segment", "rms_mm", "largest_mm", "worst_frame", "seen_percent"),
    "samples_left_out",
)
SCALING_COLUMNS = ("subject", "what", "name", "value", "unit", "detail")


def refused_row(code: str, name: str, reason: str) -> dict[str, Any]:
    """A trial of which nothing could be done; a subject without any trial has the name ``""`` in its place."""
    return {"subject": code, "trial": name, "refused": reason}


def write_tables(
    out: Path,
    scalings: Mapping[str, Mapping[str, Any]],
    trials: Sequence[Mapping[str, Any]],
    *,
    keep: bool = False,
) -> pd.DataFrame:
    """Write ``motion.csv`` and ``motion.json``, ``residuals.csv`` and ``scaling.csv``, each whole or not at all.

    Parameters
    ----------
    out : Path
    scalings : mapping
        Subject → what its scaling task said.
    trials : sequence of mappings
        Of `refused_row`, or with the contents of the done files under ``ik`` and ``id``.
    keep : bool
        Keep the rows of other trials that the files hold: a single trial must not take an archive's rows away.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`.
    """
    rows, residuals = [], []
    for trial in trials:
        rows.append(_row(trial))
        for residual in trial.get("ik", {}).get("residuals", ()):
            residuals.append({"subject": trial["subject"], "trial": trial["trial"], **residual})
    table = pd.DataFrame(rows, columns=COLUMNS)
    factors = [each for scaling in scalings.values() for each in scaling["row"].get("report", ())]
    for name, frame in (
        ("motion.csv", table),
        ("residuals.csv", pd.DataFrame(residuals, columns=RESIDUAL_COLUMNS)),
        ("scaling.csv", pd.DataFrame(factors, columns=SCALING_COLUMNS)),
    ):
        whole = _with_others(out / name, frame) if keep else frame
        _write(out / name, whole.to_csv(index=False))
        if name == "motion.csv":
            records = json.loads(whole.to_json(orient="records"))
            _write(out / "motion.json", json.dumps(records, indent=1))
    return table


def _write(path: Path, text: str) -> None:
    """Write a table, unless it is there as it would be: its time says when something changed."""
    if not path.is_file() or path.read_bytes() != text.encode("utf-8", "backslashreplace"):
        write_durably(path, text)


def _with_others(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of other trials (of other subjects, where a table has no trials) before those of a frame.

    The row of a subject that had no trial to solve goes as soon as the frame has any row of it.
    """
    if not path.is_file():
        return frame
    names = {"subject": str, "trial": str}
    empty = {column: [""] for column in frame.columns if column not in names}  # a person may be called NA
    earlier = pd.read_csv(path, dtype=names, keep_default_na=False, na_values=empty).reindex(columns=frame.columns)
    own = [name for name in ("subject", "trial") if name in frame.columns]
    new = set(map(tuple, frame[own].astype(str).to_numpy()))
    if "trial" in own:
        new |= {(subject, "") for subject in frame.subject.astype(str)}
    others = earlier[[tuple(row) not in new for row in earlier[own].astype(str).to_numpy()]]
    return pd.concat([others, frame], ignore_index=True) if len(others) else frame


def _row(trial: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the trial table."""
    found = {"subject": trial["subject"], "trial": trial["trial"], "reason": "", "doubts": ""}
    found |= {"dynamics": "", "dynamics_reason": ""}
    if "refused" in trial:
        return found | {"status": "refused", "reason": trial["refused"]}
    ik, dynamics = trial.get("ik", {}).get("row", {}), trial.get("id", {}).get("row", {})
    found |= {key: value for key, value in ik.items() if key in COLUMNS}
    if not ik:
        found |= {
            "status": "refused",
            "reason": f"{trial['subject']}/{trial['trial']}: no coordinates; run `motion ik`.",
        }
    found["landmark_error_mm"] = trial.get("scaling", {}).get("landmark_error_mm")
    found |= {key: value for key, value in dynamics.items() if key in COLUMNS and key not in found}
    if dynamics:
        found["dynamics"], found["dynamics_reason"] = dynamics["status"], dynamics.get("reason", "")
        if found.get("seconds") is not None:
            found["seconds"] += dynamics.get("seconds") or 0.0
    if found["status"] == "solved":
        found["doubts"] = joined(*(row.get("doubts") for row in (trial.get("scaling", {}), ik, dynamics)))
    scaled = trial.get("scaling", {}).get("reason", "")
    if scaled:
        found["reason"] = "; ".join(part for part in (found["reason"], scaled) if part)
    return found

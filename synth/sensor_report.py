"""Sensor report: what `kinesynth imu compare` and `diagnose` found, as rows for people and for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

from mocap_import.trial import Treatment
from synth.real_imu.diagnosis import SensorDiagnosis


def sentences(treatments: Iterable[Treatment]) -> list[str]:
    """Treatments as sentences."""
    return [f"{t.what}: {t.detail}" for t in treatments]


def say(notes: Iterable[str], *last: str) -> None:
    """Print notes, one a line."""
    for line in (*notes, *last):
        typer.echo(line)


def comparison_cells(row: Mapping[str, Any]) -> dict[str, str]:
    """A row of a comparison for people."""
    turned = " ".join(f"{angle:.0f}" for angle in row["mounting_deg"])
    arm = "-" if None in row["offset"] else " ".join(f"{1000 * v:.0f}" for v in row["offset"])
    return {
        "sensor": row["sensor"],
        "segment": row["segment"],
        "lag ms": f"{1000 * row['lag']:.0f}, {'sure' if row['lag_sure'] else 'not sure'}",
        "mounting (deg)": turned,
        "lever arm (mm)": arm,
        "gyroscope residual": f"{100 * row['gyroscope_share']:.0f} %",
        "accelerometer residual": f"{100 * row['accelerometer_share']:.0f} %",
        "gyroscope dB (to 12 Hz, all)": f"{row['gyroscope_low_distance_db']:.1f}, {row['gyroscope_distance_db']:.1f}",
        "accelerometer dB": f"{row['accelerometer_low_distance_db']:.1f}, {row['accelerometer_distance_db']:.1f}",
        "aligned by": row["aligned"],
    }


def print_rows(rows: Sequence[Mapping[str, str]], content: Mapping[str, Any], as_json: bool) -> None:
    """Print rows as a table, or the content as JSON."""
    if as_json:
        typer.echo(json.dumps(content))
        return
    import pandas as pd

    from synth.corpus.table import print_table

    print_table(pd.DataFrame(rows), "")


def diagnosis_row(found: SensorDiagnosis) -> dict[str, Any]:
    """A diagnosis for machines."""
    return {
        "sensor": found.sensor,
        "rest": finite(found.rest),
        "typical": finite(found.typical),
        "acceleration_unit": found.acceleration_unit or None,
        "gravity": found.gravity or None,
        "gravity_scale": finite(found.gravity_scale),
        "gyroscope": found.has_gyroscope,
        "gyroscope_bias": [finite(v) for v in found.bias],
        "gyroscope_agrees": bool(found.turning.agrees),
        "findings": sentences(found.findings),
        "contradictions": list(found.contradictions),
    }


def diagnosis_line(row: Mapping[str, Any]) -> str:
    """The same for people: at rest, or as a rule where nothing was still."""
    still = row["rest"] is not None
    level = row["rest"] if still else row["typical"]
    if level is None:
        force = "no accelerometer in this file"
    else:
        force = f"|a| = {level:.4g} {'at rest' if still else 'as a rule (never still)'}"
        force += f": {row['acceleration_unit'] or 'no known unit'}"
        force += f", gravity {row['gravity']}" if row["gravity"] else ", gravity unclear"
        if row["gravity"] == "included" and row["gravity_scale"] is not None:
            force += f", {row['gravity_scale']:.3f} of 1 g"
    if not row["gyroscope"]:
        return f"{row['sensor']}: {force}; no gyroscope in this file"
    agrees = "agree" if row["gyroscope_agrees"] else "are not shown to agree"
    return f"{row['sensor']}: {force}; gyroscope and accelerometer {agrees}"


def finite(value: object) -> object:
    """A number for JSON, which knows no NaN and no infinity."""
    if isinstance(value, float) or hasattr(value, "dtype"):
        return float(value) if abs(float(value)) < float("inf") else None
    return value

"""Commands of `kinesynth imu` that hold files of real sensors against virtual ones: compare, lags, diagnose, allan."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mocap_import.batch import ExitCode
from mocap_import.command_end import check_place, sentence_of, stop

if TYPE_CHECKING:
    from opensim_models.motion import SegmentMotion
    from synth.imu.recording import ImuRecording
    from synth.real_imu.sensor_session import SensorSession

Real = Annotated[
    Path, typer.Argument(help="Recording of real sensors: .csv, .sto, a _Accel.trc pair, Xsens .txt or their folder.")
]
Virtual = Annotated[
    Path,
    typer.Argument(
        help="What moved: a trial with --motion, a .mot with --model; or records: a corpus (.h5), .csv, .sto."
    ),
]
OutPicture = Annotated[Path, typer.Option("--out", help="Picture (.png .svg .pdf) or page (.html).")]
Table = Annotated[Path | None, typer.Option("--table", help="Sensor table (.toml): sensors, segments, units.")]
Declare = Annotated[
    list[str] | None,
    typer.Option("--declare", help="Entry of the convention, as acceleration_unit=g; may be repeated."),
]
Rate = Annotated[float | None, typer.Option("--rate", help="Hz of the real sensors, where the file does not state it.")]
Part = Annotated[str | None, typer.Option("--trial", help="Beginning of the file names in a folder of several.")]
Trust = Annotated[bool, typer.Option("--trust", help="Keep a declaration that the numbers contradict.")]
Motion = Annotated[Path | None, typer.Option("--motion", help="Folder of `kinesynth motion`, or a .mot.")]
Model = Annotated[Path | None, typer.Option("--model", help="The model of the motion (.osim or .json).")]
Of = Annotated[str, typer.Option("--of", help="SUBJECT/TRIAL of a corpus; not needed if it holds one.")]
Start = Annotated[float, typer.Option("--start", help="Time (s) of the motion's first frame on the sensors' clock.")]
Longest = Annotated[float, typer.Option("--longest", help="Longest lag (s) to look for.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]
_TERMS = {
    "noise_density": "noise density (per √Hz; m/s², rad/s)",
    "bias_instability": "bias instability (m/s², rad/s)",
    "random_walk": "random walk (per √s)",
}
"""Headings of the terms of an Allan deviation."""


def compare(
    real: Real,
    virtual: Virtual,
    out: OutPicture,
    motion: Motion = None,
    model: Model = None,
    of: Of = "",
    table: Table = None,
    declare: Declare = None,
    rate: Rate = None,
    trial: Part = None,
    trust: Trust = False,
    start: Start = 0.0,
    longest: Longest = 1.0,
    biases: Annotated[bool, typer.Option("--biases", help="Fit biases: for a board in the hand only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Draw real sensors against virtual ones: time courses, spectra, residual share, log-spectral distance.

    Lag, mounting and lever arm are found first; of records without motion, lag and rotation alone.
    """

    def work() -> None:
        from synth.picture.pair_picture import pair_picture
        from synth.picture.picture_file import save_picture
        from synth.real_imu.comparison import compare_with_motion, compare_with_records

        session = _session(real, table, declare, rate, trial, trust)
        motions, records = _virtual(virtual, motion, model, of, session)
        times = {"start": start, "longest": longest}
        if motions is not None:
            found = compare_with_motion(session, motions, biases=biases, **times)
        else:
            found = compare_with_records(session, records, **times)
        rows = [comparison.row() for comparison in found]
        notes = [f"{t.what}: {t.detail}" for t in session.treatments]
        texts = [_cells(row) for row in rows]
        save_picture(out, f"{session.name}: real against virtual sensors", pair_picture(found), texts, notes)
        _print(texts, {"out": str(out), "sensors": rows, "notes": notes}, as_json)
        if not as_json:
            typer.echo(f"written: {out}")

    _place(out, as_json)
    _guarded(work, (real, virtual, motion, model, table), as_json)


def lags(
    real: Real,
    virtual: Virtual,
    motion: Motion = None,
    model: Model = None,
    of: Of = "",
    table: Table = None,
    declare: Declare = None,
    rate: Rate = None,
    trial: Part = None,
    trust: Trust = False,
    start: Start = 0.0,
    longest: Longest = 1.0,
    as_json: AsJson = False,
) -> None:
    """Audit the synchronisation: the lag of every sensor, how sure it is, and whether the clocks run apart."""

    def work() -> None:
        from synth.real_imu.comparison import motion_lags, record_lags
        from synth.real_imu.lag_audit import lag_table

        session = _session(real, table, declare, rate, trial, trust)
        motions, records = _virtual(virtual, motion, model, of, session)
        times = {"start": start, "longest": longest}
        found = (
            motion_lags(session, motions, **times) if motions is not None else record_lags(session, records, **times)
        )
        if as_json:
            rows = [{k: _finite(v) for k, v in vars(lag).items()} | {"sure": lag.sure} for lag in found]
            typer.echo(json.dumps({"lags": rows}))
        else:
            typer.echo(lag_table(found))

    _guarded(work, (real, virtual, motion, model, table), as_json)


def diagnose(
    real: Real,
    table: Table = None,
    declare: Declare = None,
    rate: Rate = None,
    trial: Part = None,
    as_json: AsJson = False,
) -> None:
    """Say what a recording's numbers tell of their own unit, sign and axes, and what contradicts the declaration."""

    def work() -> None:
        from synth.real_imu.sensor_file import diagnose_file

        found = diagnose_file(real, table=table, convention=_convention(declare), rate=rate, trial=trial)
        rows = [
            {
                "sensor": d.sensor,
                "rest": _finite(d.rest),
                "acceleration_unit": d.acceleration_unit or None,
                "gravity": d.gravity or None,
                "gravity_scale": _finite(d.gravity_scale),
                "gyroscope_bias": [_finite(v) for v in d.bias],
                "gyroscope_agrees": bool(d.turning.agrees),
                "findings": [f"{t.what}: {t.detail}" for t in d.findings],
                "contradictions": list(d.contradictions),
            }
            for d in found
        ]
        n_against = sum(len(row["contradictions"]) for row in rows)
        if as_json:
            typer.echo(json.dumps({"file": str(real), "sensors": rows, "contradictions": n_against}))
        else:
            for row in rows:
                typer.echo(_diagnosis_line(row))
                for sentence in (*row["findings"], *(f"contradiction: {s}" for s in row["contradictions"])):
                    typer.echo(f"  {sentence}")
            typer.echo(f"{real}: {len(rows)} sensors, {n_against} contradictions")
        raise typer.Exit(ExitCode.ERROR if n_against else ExitCode.ALL)

    _guarded(work, (real, table), as_json)


def allan(
    real: Real,
    out: OutPicture,
    preset: Annotated[str, typer.Option("--preset", help="Datasheet to draw beside it: bmi270, mpu_9250, ...")] = "",
    table: Table = None,
    declare: Declare = None,
    rate: Rate = None,
    trial: Part = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Draw the Allan deviation of sensors that lie still, and fit white noise, bias instability and random walk."""

    def work() -> None:
        from synth.imu.sensor_preset import sensor_preset
        from synth.picture.allan_picture import allan_picture
        from synth.picture.picture_file import save_picture
        from synth.real_imu.still_noise import movement_warnings, noise_curves, noise_rows

        sheet = sensor_preset(preset) if preset else None
        session = _session(real, table, declare, rate, trial, trust)
        curves = noise_curves(session)
        rows, notes = noise_rows(curves), movement_warnings(session)
        texts = [{_TERMS.get(k, k): v if isinstance(v, str) else f"{v:.3g}" for k, v in row.items()} for row in rows]
        picture = allan_picture(session.recordings, curves, sheet)
        save_picture(out, f"{session.name}: Allan deviation", picture, texts, notes)
        _print(texts, {"out": str(out), "terms": rows, "notes": notes}, as_json)
        if not as_json:
            for note in (*notes, f"written: {out}"):
                typer.echo(note)

    _place(out, as_json)
    _guarded(work, (real, table), as_json)


def _guarded(work: Callable[[], None], places: Sequence[Path | None], as_json: bool) -> None:
    """Do the work; what is refused becomes one sentence."""
    from mocap_import.trial import TrialRefused
    from opensim_models.model_mismatch import ModelMismatch
    from synth.corpus_schema import CorpusMismatch

    for place in places:
        if place is not None:
            check_place(place, as_json)
    try:
        work()
    except (ValueError, TrialRefused, ModelMismatch, CorpusMismatch, OSError) as error:
        stop(sentence_of(error), as_json)


def _place(out: Path, as_json: bool) -> None:
    """Wrong usage if a picture of this kind cannot be written."""
    from synth.picture.picture_file import check_picture_place

    try:
        check_picture_place(out)
    except ValueError as error:
        stop(str(error), as_json, ExitCode.USAGE)


def _session(
    real: Path, table: Path | None, declare: list[str] | None, rate: float | None, trial: str | None, trust: bool
) -> SensorSession:
    from synth.real_imu.sensor_file import read_sensors

    return read_sensors(real, table=table, convention=_convention(declare), rate=rate, trial=trial, trust=trust)


def _convention(declare: list[str] | None) -> dict[str, object]:
    """Entries of a convention from words like ``acceleration_unit=g``; axes are separated by commas."""
    found: dict[str, object] = {}
    for entry in declare or ():
        name, mark, value = entry.partition("=")
        if not mark:
            raise ValueError(f"--declare {entry!r}: expected NAME=VALUE, as acceleration_unit=g.")
        if name == "axes":
            found[name] = tuple(part.strip() for part in value.split(","))
        else:
            found[name] = value.lower() == "true" if name == "left_handed" else value
    return found


def _virtual(
    path: Path, motion: Path | None, model: Path | None, of: str, session: SensorSession
) -> tuple[Mapping[str, SegmentMotion] | None, Sequence[ImuRecording]]:
    """Motion of the segments, or records where there is no motion."""
    from synth.corpus import Corpus, CorpusMismatch
    from synth.real_imu.sensor_file import read_sensors
    from synth.trial_source import is_coordinates, is_markers, read_source, source_motions

    if is_markers(path) or (is_coordinates(path) and (model is not None or motion is not None)):
        source = read_source(path, motion, model)
        return source_motions(source, {r.placement.segment for r in session.recordings}), ()
    if path.suffix.lower() != ".h5":
        return None, read_sensors(path).recordings
    corpus = Corpus(path)
    keys = {f"{code}/{name}": (code, name) for code, name in corpus.trials()}
    if not of and len(keys) == 1:
        of = next(iter(keys))
    if of not in keys:
        raise CorpusMismatch(f"{path}: name one of its trials with --of: {', '.join(sorted(keys)[:8])}.")
    return None, corpus.read(*keys[of], clean=True).recordings


def _cells(row: Mapping[str, Any]) -> dict[str, str]:
    """A row of a comparison for people."""
    turned = " ".join(f"{angle:.0f}" for angle in row["mounting_deg"])
    arm = "-" if None in row["offset"] else " ".join(f"{1000 * v:.0f}" for v in row["offset"])
    return {
        "sensor": row["sensor"],
        "segment": row["segment"],
        "lag ms": f"{1000 * row['lag']:.0f}",
        "mounting (deg)": turned,
        "lever arm (mm)": arm,
        "gyroscope residual": f"{100 * row['gyroscope_share']:.0f} %",
        "accelerometer residual": f"{100 * row['accelerometer_share']:.0f} %",
        "gyroscope dB (to 12 Hz, all)": f"{row['gyroscope_low_distance_db']:.1f}, {row['gyroscope_distance_db']:.1f}",
        "accelerometer dB": f"{row['accelerometer_low_distance_db']:.1f}, {row['accelerometer_distance_db']:.1f}",
        "aligned by": row["aligned"],
    }


def _print(rows: Sequence[Mapping[str, str]], content: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(content))
        return
    import pandas as pd

    from synth.corpus_table import print_table

    print_table(pd.DataFrame(rows), "")


def _diagnosis_line(row: Mapping[str, Any]) -> str:
    if row["rest"] is None:
        return f"{row['sensor']}: never still"
    unit = row["acceleration_unit"] or "no known unit"
    gravity = f"gravity {row['gravity']}" if row["gravity"] else "gravity unclear"
    agrees = "agree" if row["gyroscope_agrees"] else "are not shown to agree"
    return f"{row['sensor']}: |a| = {row['rest']:.4g} at rest: {unit}, {gravity}; gyroscope and accelerometer {agrees}"


def _finite(value: object) -> object:
    """A number for JSON, which knows no NaN and no infinity."""
    if isinstance(value, float) or hasattr(value, "dtype"):
        return float(value) if abs(float(value)) < float("inf") else None
    return value

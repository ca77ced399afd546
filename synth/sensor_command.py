"""Commands of `kinesynth imu` that hold files of real sensors against virtual ones: compare, lags, diagnose, allan."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from mocap_import.batch import ExitCode
from mocap_import.command_end import check_place, sentence_of, stop

if TYPE_CHECKING:
    from opensim_models.motion import SegmentMotion
    from synth.imu.recording import ImuRecording
    from synth.real_imu.sensor_session import SensorSession
    from synth.real_imu.shared_clock import MotionStart
    from synth.real_imu.synchronisation import Lag

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
Start = Annotated[
    float | None,
    typer.Option(
        "--start",
        help="Seconds from the sensors' first sample to the motion's first frame; default: by the times in both files.",
    ),
]
Gaps = Annotated[bool, typer.Option("--allow-gaps", help="Keep gaps beyond 1 s or 20 % as missing; else refused.")]
Longest = Annotated[float, typer.Option("--longest", help="Longest lag (s) to look for.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]
_TERMS = {
    "noise_density": "noise density (per √Hz; m/s², rad/s)",
    "bias_instability": "bias instability (m/s², rad/s)",
    "random_walk": "random walk (per √s)",
}
"""Headings of the terms of an Allan deviation."""
_ANSWERS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class _Virtual(NamedTuple):
    """Motion of the segments, or records where there is none; the time (s) in their file; what reading them noted."""

    motions: Mapping[str, SegmentMotion] | None
    records: Sequence[ImuRecording]
    first_time: float
    notes: Sequence[str]


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
    allow_gaps: Gaps = False,
    start: Start = None,
    longest: Longest = 1.0,
    biases: Annotated[bool, typer.Option("--biases", help="Fit biases: for a board in the hand only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Draw real sensors against virtual ones: time courses, spectra, residual share, log-spectral distance.

    Lag, mounting and lever arm are found first; of records without motion, lag and rotation alone. Both sides must
    share at least 4 s without a gap: the spectra are of blocks of 2 s.
    """

    def work() -> None:
        from synth.picture.pair_picture import pair_picture
        from synth.picture.picture_file import save_picture
        from synth.real_imu.comparison import compare_with_motion, compare_with_records
        from synth.real_imu.shared_clock import session_lag
        from synth.sensor_report import comparison_cells, print_rows, say

        session = _session(real, table, declare, rate, trial, trust, allow_gaps)
        moved = _virtual(virtual, motion, model, of, session, allow_gaps)
        begin, lags, notes = _synchronised(session, moved, start, longest)
        late = session_lag(lags, start_stated=begin.stated)
        if moved.motions is not None:
            found = compare_with_motion(
                session, moved.motions, lags, start=begin.seconds, lag=late.seconds, biases=biases
            )
        else:
            found = compare_with_records(session, moved.records, lags, start=begin.seconds, lag=late.seconds)
        rows = [comparison.row() for comparison in found]
        notes = [*notes, f"lag: {late.note}"]
        texts = [comparison_cells(row) for row in rows]
        save_picture(out, f"{session.name}: real against virtual sensors", pair_picture(found), texts, notes)
        print_rows(texts, {"out": str(out), "start": begin.seconds, "sensors": rows, "notes": notes}, as_json)
        if not as_json:
            say(notes, f"written: {out}")

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
    allow_gaps: Gaps = False,
    start: Start = None,
    longest: Longest = 1.0,
    as_json: AsJson = False,
) -> None:
    """Audit the synchronisation: the lag of every sensor, how sure it is, and whether the clocks run apart."""

    def work() -> None:
        from synth.real_imu.lag_audit import lag_table
        from synth.sensor_report import finite, say

        session = _session(real, table, declare, rate, trial, trust, allow_gaps)
        moved = _virtual(virtual, motion, model, of, session, allow_gaps)
        begin, found, notes = _synchronised(session, moved, start, longest)
        if as_json:
            rows = [{k: finite(v) for k, v in vars(lag).items()} | {"sure": lag.sure} for lag in found]
            typer.echo(json.dumps({"lags": rows, "start": begin.seconds, "notes": notes}))
        else:
            typer.echo(lag_table(found))
            say(notes)

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
        from synth.real_imu.sensor_file import diagnose_with_notes
        from synth.sensor_report import diagnosis_line, diagnosis_row, say, sentences

        given = {"table": table, "convention": convention_of(declare), "rate": rate, "trial": trial}
        found, treatments = diagnose_with_notes(real, **given)
        rows, notes = [diagnosis_row(d) for d in found], sentences(treatments)
        n_against = sum(len(row["contradictions"]) for row in rows)
        if as_json:
            content = {"file": str(real), "sensors": rows, "contradictions": n_against, "notes": notes}
            typer.echo(json.dumps(content))
        else:
            for row in rows:
                typer.echo(diagnosis_line(row))
                for sentence in (*row["findings"], *(f"contradiction: {s}" for s in row["contradictions"])):
                    typer.echo(f"  {sentence}")
            say(notes, f"{real}: {len(rows)} sensors, {n_against} contradictions")
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
    allow_gaps: Gaps = False,
    as_json: AsJson = False,
) -> None:
    """Draw the Allan deviation of sensors that lie still, and fit white noise, bias instability and random walk."""

    def work() -> None:
        from synth.imu.sensor_preset import sensor_preset
        from synth.picture.allan_picture import allan_picture
        from synth.picture.picture_file import save_picture
        from synth.real_imu.still_noise import movement_warnings, noise_curves, noise_rows
        from synth.sensor_report import print_rows, say, sentences

        sheet = sensor_preset(preset) if preset else None
        session = _session(real, table, declare, rate, trial, trust, allow_gaps)
        curves = noise_curves(session)
        rows, notes = noise_rows(curves), [*movement_warnings(session), *sentences(session.treatments)]
        texts = [{_TERMS.get(k, k): v if isinstance(v, str) else f"{v:.3g}" for k, v in row.items()} for row in rows]
        picture = allan_picture(session.recordings, curves, sheet)
        save_picture(out, f"{session.name}: Allan deviation", picture, texts, notes)
        print_rows(texts, {"out": str(out), "terms": rows, "notes": notes}, as_json)
        if not as_json:
            say(notes, f"written: {out}")

    _place(out, as_json)
    _guarded(work, (real, table), as_json)


def _guarded(work: Callable[[], None], places: Sequence[Path | None], as_json: bool) -> None:
    """Do the work; what is refused becomes one sentence."""
    from mocap_import.trial import TrialRefused
    from opensim_models.model_mismatch import ModelMismatch
    from synth.corpus.schema import CorpusMismatch

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
    real: Path,
    table: Path | None,
    declare: list[str] | None,
    rate: float | None,
    trial: str | None,
    trust: bool,
    allow_gaps: bool,
) -> SensorSession:
    from synth.real_imu.sensor_file import read_sensors

    given = {"table": table, "convention": convention_of(declare), "rate": rate, "trial": trial}
    return read_sensors(real, **given, trust=trust, allow_gaps=allow_gaps)


def convention_of(declare: list[str] | None) -> dict[str, object]:
    """Entries of a convention from words like ``acceleration_unit=g``; axes are separated by commas."""
    found: dict[str, object] = {}
    for entry in declare or ():
        name, mark, value = entry.partition("=")
        if not mark:
            raise ValueError(f"--declare {entry!r}: expected NAME=VALUE, as acceleration_unit=g.")
        if name == "axes":
            found[name] = tuple(part.strip() for part in value.split(","))
        elif name == "left_handed":
            if value.strip().lower() not in _ANSWERS:
                raise ValueError(f"--declare {entry}: expected left_handed=true or left_handed=false.")
            found[name] = _ANSWERS[value.strip().lower()]
        else:
            found[name] = value
    return found


def _virtual(
    path: Path, motion: Path | None, model: Path | None, of: str, session: SensorSession, allow_gaps: bool
) -> _Virtual:
    from synth.corpus import Corpus, CorpusMismatch
    from synth.real_imu.sensor_file import read_sensors
    from synth.sensor_report import sentences
    from synth.trial_source import is_coordinates, is_markers, read_source, source_motions

    if is_markers(path) or (is_coordinates(path) and (model is not None or motion is not None)):
        source = read_source(path, motion, model)
        motions = source_motions(source, {r.placement.segment for r in session.recordings})
        return _Virtual(motions, (), source.start_time, ())
    if path.suffix.lower() != ".h5":
        virtual = read_sensors(path, allow_gaps=allow_gaps)
        notes = [f"{path.name}: {sentence}" for sentence in sentences(virtual.treatments)]
        return _Virtual(None, virtual.recordings, virtual.start_time, notes)
    corpus = Corpus(path)
    keys = {f"{code}/{name}": (code, name) for code, name in corpus.trials()}
    if not of and len(keys) == 1:
        of = next(iter(keys))
    if of not in keys:
        raise CorpusMismatch(f"{path}: name one of its trials with --of: {', '.join(sorted(keys)[:8])}.")
    trial = corpus.read(*keys[of], clean=True)
    return _Virtual(None, trial.recordings, trial.start_time, ())


def _synchronised(
    session: SensorSession, virtual: _Virtual, start: float | None, longest: float
) -> tuple[MotionStart, tuple[Lag, ...], list[str]]:
    """Start of the motion, lag of every sensor, and everything that was noted on the way."""
    from synth.real_imu.comparison import left_out, motion_lags, record_lags
    from synth.real_imu.shared_clock import motion_start
    from synth.sensor_report import sentences

    begin = motion_start(session, virtual.first_time, start)
    times = {"start": begin.seconds, "longest": longest}
    if virtual.motions is not None:
        found = motion_lags(session, virtual.motions, **times)
    else:
        found = record_lags(session, virtual.records, **times)
    out = sentences(left_out(session, virtual.motions, virtual.records))
    return begin, found, [*sentences(session.treatments), *virtual.notes, *out, f"start: {begin.note}"]

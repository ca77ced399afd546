"""Commands ``kinesynth imu sessions``, ``angles``, ``cycles``: corpora of sessions, of filters, of populations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mocap_import.batch import ExitCode, exit_code
from mocap_import.command_end import check_place, sentence_of, stop
from mocap_import.progress import track

CYCLES_EXAMPLE = "Example: kinesynth imu cycles people.h5 virtual.h5 --repeats 6 --seed 7"
BASELINE_EXAMPLE = "Example: kinesynth imu angles walking.h5 angles_vqf.h5 --by orientation_filter"
EXAMPLE = "Example: kinesynth imu sessions recordings/ real.h5 --sheet sessions.toml"


def sessions(
    folder: Annotated[Path, typer.Argument(help="Folder with recordings of real sensors and their references.")],
    out: Annotated[Path, typer.Argument(help="Corpus (.h5) to write.")],
    sheet: Annotated[
        str, typer.Option(help="What lies where (.toml), or a shipped sheet: cmu_treadmill, biomac_cycle.")
    ],
    sensors: Annotated[str, typer.Option(help="Keep these only, as pelvis,thigh_r,shank_r,foot_r.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Turn real sensor sessions into a corpus: sensors along their segments, references on the sensors' clock.

    Mountings come from standing and walking, biases of accelerometers from standing and whole strides, lags from foot
    strikes of gyroscope and plate: never from a reference or an error. A foot whose lag is not sure by the stated rule
    keeps no force. Everything is in the corpus: `kinesynth corpus show`. Exit code 3 if some recordings were refused.
    """
    from opensim_models.model_mismatch import ModelMismatch
    from synth.corpus.schema import CorpusMismatch
    from synth.real_imu.session_sheet import read_session_sheet
    from synth.sensor_corpus import build_sensor_corpus

    check_place(folder, as_json)
    try:
        told = read_session_sheet(sheet)
        found = len(list(folder.glob(told.recordings)))
        with track(found, "Reading sessions", shown=False if as_json else None) as bar:
            names = tuple(s.strip() for s in sensors.split(",") if s.strip())
            rows = build_sensor_corpus(folder, out, told, sensors=names, progress=bar.advance)
    except (ValueError, CorpusMismatch, ModelMismatch, OSError) as problem:
        stop(sentence_of(problem), as_json)
    refused = [row for row in rows if row["status"] == "refused"]
    if as_json:
        typer.echo(json.dumps({"corpus": str(out), "recordings": rows}))
    else:
        for row in rows:
            note = f": {row['reason']}" if row["reason"] else ""
            typer.echo(f"{row['subject']}/{row['trial']}: {row['status']}, {row['seconds']:.1f} s{note}")
        typer.echo(f"{out}: {len(rows) - len(refused)} of {len(rows)} recordings")
    raise typer.Exit(int(exit_code(len(rows) - len(refused), len(refused))))


def angles(
    corpus: Annotated[Path, typer.Argument(help="Corpus (.h5) with inertial records.")],
    out: Annotated[Path, typer.Argument(help="Corpus of estimates (.h5) to write.")],
    by: Annotated[str, typer.Option(help="orientation_filter (VQF) or strap_down (closed over each cycle).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Estimate joint angles from the sensors' orientations alone: the baselines that know no model and no label.

    Sensors are taken as mounted as the corpus says. Records in other units and silent sensors are refused. Exit
    code 3 if some trials were refused, 4 if all.
    """
    from synth.corpus import Corpus
    from synth.corpus.schema import CorpusMismatch
    from synth.sensor_baseline import WAYS, write_sensor_baseline

    check_place(corpus, as_json)
    if by not in WAYS:
        stop(f"--by {by}: expected one of {', '.join(WAYS)}.", as_json, ExitCode.USAGE)
    try:
        total = len(Corpus(corpus).trials())
        with track(total, "Estimating", shown=False if as_json else None) as bar:
            doubts: list[str] = []
            refused = write_sensor_baseline(corpus, out, by, progress=bar.advance, doubts=doubts)
    except (CorpusMismatch, OSError) as problem:
        stop(sentence_of(problem), as_json)
    if as_json:
        facts = {"corpus": str(out), "method": by, "trials": total, "refused": refused, "doubts": doubts}
        typer.echo(json.dumps(facts))
    else:
        for sentence in [*(f"{key}: {reason}" for key, reason in refused.items()), *doubts]:
            typer.echo(sentence, err=True)
        typer.echo(f"{out}: {total - len(refused)} of {total} trials")
    raise typer.Exit(int(exit_code(total - len(refused), len(refused))))


def cycles(
    population: Annotated[Path, typer.Argument(help="Corpus of `kinesynth gait population`.")],
    out: Annotated[Path, typer.Argument(help="Corpus (.h5) to write: seven sensors, labels, several cycles each.")],
    repeats: Annotated[int, typer.Option(min=1, max=200, help="Times that each cycle is walked.")] = 6,
    noise: Annotated[float, typer.Option(min=0.0, help="White noise as a share of each channel's SD.")] = 0.15,
    misalignment: Annotated[float, typer.Option(min=0.0, help="SD (deg) of each sensor's turn.")] = 13.5,
    seed: Annotated[int, typer.Option(min=0, help="Of the sensor errors, and of what --out-of-plane draws.")] = 0,
    out_of_plane: Annotated[
        bool, typer.Option(help="Draw adduction and rotation of pelvis and legs for each person; forces are left out.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Put virtual sensors on a population: each periodic cycle walked several times, with its labels."""
    from opensim_models.model_mismatch import ModelMismatch
    from synth.corpus import Corpus
    from synth.corpus.schema import CorpusMismatch
    from synth.imu.error_recipe import ImuErrors
    from synth.repeated_gait import write_repeated_gaits

    check_place(population, as_json)
    try:
        errors = ImuErrors(noise_share=noise, misalignment_deg=misalignment, seed=seed)
        total = len(Corpus(population).trials())
        with track(total, "Walking", shown=False if as_json else None) as bar:
            drawn = seed if out_of_plane else None
            written = write_repeated_gaits(
                population, out, repeats=repeats, errors=errors, out_of_plane=drawn, progress=bar.advance
            )
    except (ValueError, CorpusMismatch, ModelMismatch, OSError) as problem:
        stop(sentence_of(problem), as_json)
    if as_json:
        typer.echo(json.dumps({"corpus": str(out), "trials": written, "left_out": total - written}))
    else:
        typer.echo(f"{out}: {written} of {total} trials")
    raise typer.Exit(int(exit_code(written, total - written)))

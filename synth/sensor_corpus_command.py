"""Command ``kinesynth imu sessions``: a folder of real sensor sessions with their references becomes a corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mocap_import.batch import exit_code
from mocap_import.command_end import check_place, sentence_of, stop
from mocap_import.progress import track

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

"""Command `kinesynth network apply` with networks of one camera: somebody's own keypoints to gait parameters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer

from mocap_import.batch import ExitCode, exit_code
from synth.camera.keypoint_source import TABLES, KeypointSource
from training.config import ConfigRefused
from training.product_ending import TABLE, refuse_ending

_NOTHING = 1e-6


@dataclass(frozen=True)
class KeypointWish:
    """What is said beside somebody's keypoints.

    Attributes
    ----------
    rate, stature : float or None
        Hz, m.
    person : str
    measured : Path or None
    least_score : float or None
    waves : Path or None
        File of waveforms to write (.csv).
    """

    rate: float | None = None
    stature: float | None = None
    person: str = ""
    measured: Path | None = None
    least_score: float | None = None
    waves: Path | None = None

    def given(self) -> list[str]:
        """Options that were given."""
        words = {"rate": "--rate", "stature": "--stature", "person": "--person", "measured": "--measured"}
        words |= {"least_score": "--least-score", "waves": "--waves"}
        return [word for name, word in words.items() if getattr(self, name) not in (None, "")]

    def refuse_idle(self) -> None:
        """Refuse options of keypoints with a network that reads none."""
        if self.given():
            raise ConfigRefused(
                f"{', '.join(self.given())}: only networks of recipe single-camera (.pt) read keypoints."
            )

    def source(self, path: Path) -> KeypointSource:
        """The keypoints with what is said of them."""
        told: dict[str, Any] = {} if self.least_score is None else {"least_score": self.least_score}
        return KeypointSource(path, self.rate, self.stature, self.person, measured=self.measured, **told)


def refuse_keypoints(network: str, corpus: Path) -> None:
    """Refuse keypoints with a network that reads sensors.

    Raises
    ------
    ConfigRefused
    """
    if corpus.is_dir() or corpus.suffix.lower() in (*TABLES, ".json"):
        raise ConfigRefused(
            f"{corpus}: {network} reads the sensors of a corpus (.h5). Keypoints are read by networks.pt of recipe "
            "single-camera."
        )


def refuse_one_file(networks: Path, keypoints: Path, out: Path, wish: KeypointWish) -> None:
    """Refuse two files of the command that are one, by whatever name or link: what is written would replace the other.

    Raises
    ------
    ConfigRefused
    """
    named = {"the networks": networks, "the keypoints": keypoints, "--measured": wish.measured}
    named |= {"OUT": out, "--waves": wish.waves}
    found: dict[Path, str] = {}
    for name, path in named.items():
        if path is None:
            continue
        other = found.setdefault(Path(path).resolve(), name)
        if other != name:
            raise ConfigRefused(f"{path}: {other} and {name} are one file; give each a file of its own.")


def apply_keypoints(networks: Path, keypoints: Path, out: Path, wish: KeypointWish, as_json: bool) -> ExitCode:
    """Answer every clip of somebody's keypoints; write the answers, and say them.

    Raises
    ------
    ConfigRefused
        As `refuse_one_file` and `refuse_ending`, and where the networks cannot be read.
    """
    from synth.camera.keypoint_record import record_clips
    from synth.camera.keypoint_source import read_keypoints
    from training.csv_table import write_csv
    from training.keypoint.keypoint_answer import answer_doubts, answered_waves, keypoint_answers
    from training.keypoint.keypoint_file import load_keypoint_ensemble

    refuse_one_file(networks, keypoints, out, wish)
    refuse_ending(out, TABLE)
    if wish.waves is not None:
        refuse_ending(wish.waves, TABLE, "--waves")
    records = read_keypoints(wish.source(keypoints))
    ensemble = load_keypoint_ensemble(networks)
    clips = record_clips(records)
    notes = [f"{r.person}, {r.trial}: {note}" for r in records for note in r.notes]
    counts = {"clips": len(clips.arrays), "left_out": len(clips.left_out)}
    files, rows, doubts = {}, [], []
    if len(clips.arrays):
        answers, said = keypoint_answers(ensemble, clips)
        doubts = answer_doubts(answers, ensemble)
        files["answers"] = str(write_csv(out, answers))
        if wish.waves is not None:
            files["waves"] = str(write_csv(wish.waves, answered_waves(clips, said)))
        rows = json.loads(answers.to_json(orient="records"))
    told = {"notes": notes, "reasons": list(clips.left_out), "doubts": doubts}
    if as_json:
        typer.echo(json.dumps(files | counts | told | {"rows": rows}))
        return exit_code(*counts.values())
    for sentence in (*notes, *(f"left out: {reason}" for reason in clips.left_out), *doubts):
        typer.echo(sentence, err=True)
    for line in clip_lines(rows):
        typer.echo(line)
    typer.echo(", ".join([*files.values(), f"{counts['clips']} clips", f"{counts['left_out']} left out"]))
    return exit_code(*counts.values())


def clip_lines(rows: list[dict[str, Any]]) -> list[str]:
    """One line a clip in words: what is said of it, with intervals where there are some."""
    clips: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for row in rows:
        clips.setdefault((row["person"], row["trial"], row["clip"]), []).append(row)
    lines = []
    for (person, trial, _), own in clips.items():
        kinds = [row for row in own if row["quantity"].startswith("probability of ")]
        likely = max(kinds, key=lambda row: row["estimate"])
        said = [_words(row) for row in own if row not in kinds]
        said.append(
            f"{likely['quantity'].removeprefix('probability of ').replace('_', ' ')} ({likely['estimate']:.2f})"
        )
        first, last = own[0]["start"], own[0]["start"] + own[0]["seconds"]
        lines.append(f"{person}, {trial}, {first:.1f} to {last:.1f} s: {', '.join(said)}")
    return lines


def _words(row: dict[str, Any]) -> str:
    """One quantity: its estimate, unit, and limits."""
    unit = "" if row["unit"] == "1" else f" {row['unit']}"
    limits = "" if row["low"] is None else f" ({_digits(row['low'])} to {_digits(row['high'])})"
    return f"{row['quantity'].replace('_', ' ')} {_digits(row['estimate'])}{unit}{limits}"


def _digits(value: float) -> str:
    """Three significant digits without exponent; what is smaller than `_NOTHING` is zero, and zero has no sign."""
    shown = 0.0 if abs(value) < _NOTHING else value
    return np.format_float_positional(shown, 3, unique=False, fractional=False, trim="k").rstrip(".")

"""Command `kinesynth network apply` with networks that read sensors: the trials of a corpus to angles or estimates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mocap_import.batch import ExitCode, exit_code
from training.product_ending import CORPUS, TABLE, refuse_ending

if TYPE_CHECKING:
    from training.checkpoint import Checkpoint


def apply_to_sensors(network: Path, corpus: Path, out: Path, as_json: bool) -> ExitCode:
    """Estimate the trials of a corpus with a network that reads its sensors, and say how many.

    Raises
    ------
    ConfigRefused
        As `refuse_ending`.
    CorpusMismatch
        The network or the corpus is none, or they do not fit.
    """
    from training.checkpoint import load_checkpoint
    from training.joint.joint_model import joint_of
    from training.physics.model_file import is_physics_model, load_physics_model
    from training.prediction import apply_checkpoint

    if is_physics_model(network):
        from training.physics.prediction import apply_physics

        refuse_ending(out, CORPUS)
        return _tell_estimates(apply_physics(load_physics_model(network), corpus, out), as_json)
    checkpoint = load_checkpoint(network)
    if joint_of(checkpoint):
        refuse_ending(out, TABLE)
        return _apply_joint_model(checkpoint, corpus, out, as_json)
    refuse_ending(out, CORPUS)
    return _tell_estimates(apply_checkpoint(checkpoint, corpus, out), as_json)


def _tell_estimates(made: Path, as_json: bool) -> ExitCode:
    """Say how many trials of a written corpus of estimates were estimated, and why the others were refused."""
    from synth.corpus import Corpus

    corpus = Corpus(made)
    rows = corpus.summary()
    reasons, doubts = [], []
    for row in rows:
        where = f"{row['subject']}/{row['trial']}"
        if row["status"] == "refused":
            reasons.append(f"{where}: {row['reason']}")
            continue
        notes = corpus.treatments(row["subject"], row["trial"])
        doubts += [f"{where}: {note.detail}" for note in notes if note.what == "records_doubtful"]
    counts = {"estimated": len(rows) - len(reasons), "refused": len(reasons)}
    if as_json:
        typer.echo(json.dumps({"estimates": str(made)} | counts | {"reasons": reasons, "doubts": doubts}))
        return exit_code(*counts.values())
    _say_reasons(reasons, doubts)
    typer.echo(", ".join([str(made), *(f"{number} {word}" for word, number in counts.items())]))
    return exit_code(*counts.values())


def _say_reasons(reasons: Sequence[str], doubts: Sequence[str]) -> None:
    """Which trials were refused, and what is doubtful about the others."""
    for sentence in [*(f"refused: {reason}" for reason in reasons), *doubts]:
        typer.echo(sentence, err=True)


def _apply_joint_model(checkpoint: Checkpoint, corpus: Path, out: Path, as_json: bool) -> ExitCode:
    from training.csv_table import write_csv
    from training.joint.joint_estimates import estimate_corpus

    made = estimate_corpus(checkpoint, corpus)
    files: dict[str, Any] = {}
    if len(made.angles):
        files["estimates"] = str(write_csv(out, made.angles))
    if len(made.errors):
        files["errors"] = str(write_csv(out.with_name(f"{out.stem}_errors.csv"), made.errors))
    counts = {"estimated": made.n_estimated, "refused": len(made.refused)}
    if as_json:
        rows = json.loads(made.summary.to_json(orient="records"))
        told = {"reasons": list(made.refused), "doubts": list(made.doubts)}
        typer.echo(json.dumps(files | counts | told | {"rows": rows}))
        return exit_code(*counts.values())
    _say_reasons(made.refused, made.doubts)
    for row in made.summary.itertuples():
        typer.echo(_sentence(row))
    told = [*files.values(), *(f"{number} {word}" for word, number in counts.items())]
    typer.echo(", ".join(told))
    return exit_code(*counts.values())


def _sentence(row: Any) -> str:
    """One angle's errors in words."""
    return (
        f"{row.angle}: RMSE {row.mean:.2f} deg over {row.people} people, about each trial's mean "
        f"{row.mean_calibrated:.2f} deg"
    )

"""What ``kinesynth evaluate --table rapp`` does: asks for the run, shows how far it is, tells what came out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from mocap_import.batch import ExitCode
from mocap_import.progress import track
from synth.joint_trial import JOINTS
from training.config import ConfigRefused, TrainingConfig
from training.device import resolve_device
from training.joint.curve_run import make_curve
from training.joint.network_run import make_network_table
from training.joint.rapp_run import RappRun, make_rapp_table
from training.joint.recipe import joint_config
from training.joint.sound_trial import SoundTrials

TABLES = ("rapp", "learning", "networks")


@dataclass(frozen=True)
class TableWish:
    """What the user asked for.

    Attributes
    ----------
    table : str
        ``"rapp"``, ``"learning"`` (the learning curve of one joint and corpus) or ``"networks"`` (all of them, beside
        each other).
    corpora : sequence of Path
    out : Path or None
    joints, schemes : sequence of str
        Empty = all; the learning curve has one fold and takes no scheme.
    network : str
        Of every fold; empty = ``"temporal"``. Not for ``"networks"``, which has all of them.
    seed : int
    as_json : bool
    steps : int, optional
        Of every network, in the place of its own.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"auto"``.
    """

    table: str
    corpora: Sequence[Path]
    out: Path | None
    joints: Sequence[str]
    schemes: Sequence[str]
    network: str
    seed: int
    as_json: bool
    steps: int | None = None
    device: str = "cpu"


def tell_table(wish: TableWish) -> ExitCode:
    """Make the table and say where it is.

    Raises
    ------
    ConfigRefused
        An unknown table, no folder for it, or an option that it does not use.
    """
    if wish.table not in TABLES:
        raise ConfigRefused(f"--table: expected {', '.join(TABLES[:-1])} or {TABLES[-1]}, got {wish.table!r}")
    if wish.out is None:
        raise ConfigRefused("--table needs --out FOLDER, where tables, folds and networks are kept")
    if wish.table == "networks" and wish.network:
        raise ConfigRefused("--network: --table networks sets all of them side by side; leave it out")
    if wish.table == "learning" and wish.schemes:
        raise ConfigRefused("--scheme: --table learning takes the first fold's teachers; leave it out")
    if wish.table == "networks":
        return _tell_networks(wish, wish.out)
    limits = {} if wish.steps is None else {"steps": wish.steps}
    limits["device"] = resolve_device(wish.device)
    config = joint_config(wish.network or "temporal", seed=wish.seed, **limits)
    if wish.table == "learning":
        return _tell_curve(wish, wish.out, config)
    with track(1, "Folds", shown=False if wish.as_json else None) as bar:

        def progress(done: int, total: int, name: str) -> None:
            bar.advance(0, description=f"Fold {min(done + 1, total)} of {total} {name}")

        made = make_rapp_table(
            wish.corpora,
            wish.out,
            config,
            joints=tuple(wish.joints) or tuple(JOINTS),
            schemes=wish.schemes,
            seed=wish.seed,
            progress=progress,
        )
    if wish.as_json:
        rows = json.loads(made.table.to_json(orient="records"))
        files = {"table": str(made.summary), "page": str(made.page), "errors": str(made.errors)}
        typer.echo(json.dumps(files | {"rows": rows, "skipped": list(made.skipped), "doubts": list(made.doubts)}))
        return ExitCode.ALL
    say_told(made)
    typer.echo(made.page.read_text(encoding="utf-8"))
    typer.echo(f"{made.summary}, {made.page}: networks {made.training_seconds:.0f} CPU s")
    return ExitCode.ALL


def say_told(read: SoundTrials | RappRun) -> None:
    """Say which trials were left out, and what is doubtful about others."""
    for sentence in [*(f"skipped: {reason}" for reason in read.skipped), *read.doubts]:
        typer.echo(sentence, err=True)


class _Told:
    """What was read for a table: said at once, or kept for the JSON object."""

    def __init__(self, as_json: bool) -> None:
        self.as_json, self.facts = as_json, {"skipped": [], "doubts": []}

    def __call__(self, read: SoundTrials) -> None:
        self.facts = {"skipped": list(read.skipped), "doubts": list(read.doubts)}
        if not self.as_json:
            say_told(read)


def _only_joint(wish: TableWish) -> str:
    if len(wish.corpora) != 1 or len(wish.joints) > 1:
        raise ConfigRefused(f"--table {wish.table}: expected one corpus and at most one --joint (knee by default)")
    return next(iter(wish.joints), "knee")


def _tell_networks(wish: TableWish, out: Path) -> ExitCode:
    joint, told = _only_joint(wish), _Told(wish.as_json)
    with track(1, "Trainings", shown=False if wish.as_json else None) as bar:

        def progress(done: int, total: int, name: str) -> None:
            bar.advance(0, description=f"Training {done + 1} of {total} {name}")

        options = {"steps": wish.steps, "seed": wish.seed, "schemes": wish.schemes, "tell": told}
        options["device"] = resolve_device(wish.device)
        table = make_network_table(wish.corpora[0], out, joint=joint, **options, progress=progress)
    page = out / f"networks_{joint}.md"
    if wish.as_json:
        files = {"table": str(page.with_suffix(".csv")), "page": str(page)}
        typer.echo(json.dumps(files | {"rows": json.loads(table.to_json(orient="records"))} | told.facts))
    else:
        typer.echo(page.read_text(encoding="utf-8"))
    return ExitCode.ALL


def _tell_curve(wish: TableWish, out: Path, config: TrainingConfig) -> ExitCode:
    joint, told = _only_joint(wish), _Told(wish.as_json)
    made = make_curve(wish.corpora[0], out, config, joint=joint, seed=wish.seed, tell=told)
    if wish.as_json:
        typer.echo(json.dumps(made.facts | {"curve": str(made.curve), "page": str(made.page)} | told.facts))
    else:
        typer.echo(made.page.read_text(encoding="utf-8"))
    return ExitCode.ALL

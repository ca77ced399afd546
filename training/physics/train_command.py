"""What ``kinesynth train CORPUS OUT --objective physics`` does: learns from records, writes model and estimates."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from mocap_import.batch import ExitCode
from mocap_import.progress import track
from synth.corpus import Corpus
from synth.corpus.provenance import file_hash
from training.config import ConfigRefused
from training.physics.config import PhysicsConfig, resolve_physics
from training.physics.loop import train_by_physics
from training.physics.placement_table import write_placements
from training.physics.prediction import apply_physics
from training.physics.record import PhysicsData, read_physics_data
from training.run_folder import RunFolder
from training.sitting import TOLD, sentences_of


def load_physics_configs(path: Path | None, networks: Sequence[str], seed: int | None) -> tuple[PhysicsConfig, ...]:
    """Configurations of the networks that were asked for, one each; the file's or the default's if none was named.

    Raises
    ------
    ConfigRefused
        The file is no TOML, a key is unknown, a value is out of its range.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigRefused(f"{path}: expected a TOML file, {error}. See docs/networks_physics.md.") from None
    if seed is not None:
        values["seed"] = seed
    where = str(path) if path else "the configuration"
    named: Sequence[dict[str, Any]] = [{"network": name} for name in networks] or [{}]
    return tuple(resolve_physics(values | name, where) for name in named)


def train_label_free(
    corpus: Path,
    out_dir: Path,
    configs: Sequence[PhysicsConfig],
    apply_to: Path | None,
    save_every: int,
    as_json: bool,
) -> ExitCode:
    """Train, estimate the corpus (or another one), tell what was done."""
    rows = []
    run, mark = RunFolder(out_dir), file_hash(corpus)
    for config in configs:
        name = f"physics_{config.network}"
        data = read_physics_data(Corpus(corpus), turn_to_plane=config.turn_to_plane)
        told = {"left_out": [f"{who}/{trial}: {reason}" for who, trial, reason in data.left_out]}
        told |= {"doubts": list(data.doubts)}
        for sentence in sentences_of(told):
            run.log(f"{name}: {sentence}")
            if not as_json:
                typer.echo(sentence, err=True)
        path = out_dir / f"{name}.safetensors"
        with track(config.steps, f"Training {name}", shown=False if as_json else None) as bar:
            so_far = 0

            def progress(step: int, _total: int, _loss: float, bar: Any = bar) -> None:
                nonlocal so_far
                bar.advance(step - so_far)
                so_far = step

            model = train_by_physics(
                data,
                config,
                path=path,
                fingerprint=mark,
                save_every=save_every,
                record=run.steps_of(name, "all"),
                progress=progress,
            )
        run.log(f"{name}: {model.n_steps} steps in {model.seconds:.1f} CPU s on {data.seconds / 60:.1f} min of records")
        estimated = corpus if apply_to is None else apply_to
        out = apply_physics(model, estimated, out_dir / f"{name}_{estimated.stem}.h5")
        placements = write_placements(out_dir / f"{name}_placements.csv", model)
        rows.append(_row(name, path, out, placements, data, model.seconds) | told)
    if as_json:
        typer.echo(json.dumps({"networks": rows}))
    else:
        for row in rows:
            typer.echo(", ".join(f"{key} {value}" for key, value in row.items() if key not in TOLD))
    return ExitCode.ALL


def _row(name: str, path: Path, out: Path, placements: Path, data: PhysicsData, seconds: float) -> dict[str, Any]:
    return {
        "network": name,
        "checkpoint": str(path),
        "estimates": str(out),
        "placements": str(placements),
        "cpu_seconds": round(seconds, 1),
        "recorded_minutes": round(data.seconds / 60.0, 2),
        "subjects": len(data.people),
    }

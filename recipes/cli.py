"""Command `kinesynth recipe`: list the recipes, show what can be chosen, run one from its data to its table."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

recipe_app = typer.Typer(add_completion=False, rich_markup_mode=None)
DEMONSTRATIONS = {
    "demo": "kinesynth demo --out kinesynth-demo",
    "demo-on-your-archive": "kinesynth demo --archive recordings/ --out results/",
}


@recipe_app.command(epilog="Example: kinesynth recipe posture --small --out posture/")
def recipe(
    name: Annotated[str, typer.Argument(help="Which; without it, all are listed.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder of every product; default: recipe-NAME.")] = None,
    small: Annotated[bool, typer.Option("--small", help="From data to table in under a minute of one CPU.")] = False,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings.")] = None,
    chosen: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE of a setting; may be repeated.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of everything random.")] = None,
    workers: Annotated[
        int,
        typer.Option(min=1, help="Processes that simulate people (few-people, pinch, single-camera); others use one."),
    ] = 1,
    settings: Annotated[bool, typer.Option("--settings", help="Print what can be chosen, and do nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Run a system of the literature, from its data to its table with intervals over persons.

    Every stage is remembered in OUT/stages.json: the same command goes on where it stopped. The table is
    OUT/results.csv and, for people, OUT/results.md; who taught and who was scored is in OUT/people.csv.
    """
    from recipes.catalogue import find_recipe

    if not name:
        _list(as_json)
        return
    found = find_recipe(name)
    if settings:
        _describe(found, as_json)
        return
    from recipes.recipe import RESULTS, resolve_settings, run_recipe

    resolved = resolve_settings(found, small=small, config=config, seed=seed, **_values(chosen or []))
    run = run_recipe(found, out or Path(f"recipe-{name}"), resolved, n_workers=workers, shown=not as_json)
    if as_json:
        from training.csv_table import read_csv

        rows = json.loads(read_csv(run.folder / RESULTS).to_json(orient="records"))
        typer.echo(json.dumps({"recipe": name, "folder": str(run.folder), "stages": run.stages, "results": rows}))
    else:
        typer.echo((run.folder / RESULTS).with_suffix(".md").read_text(encoding="utf-8"), nl=False)


def _list(as_json: bool) -> None:
    """All recipes and ready-made runs, with the command that starts each."""
    from recipes.catalogue import RECIPES

    commands = {name: f"kinesynth recipe {name} --out {name}/" for name in RECIPES} | DEMONSTRATIONS
    if as_json:
        typer.echo(json.dumps(commands))
        return
    for name, command in commands.items():
        typer.echo(f"{name:22} {command}")
        if name in RECIPES:
            typer.echo(f"{'':22} {RECIPES[name][1]}")


def _describe(found: Any, as_json: bool) -> None:
    """Every setting of a recipe: its default, what it is, and what ``--small`` takes."""
    from training.config import describe_config

    names = ("setting", "default", "meaning")
    small = {name: {"small": value} for name, value in found.small.items()}
    rows = [dict(zip(names, r, strict=True)) | small.get(r[0], {}) for r in describe_config(found.settings)]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        default = "" if row["default"] is None else f" = {json.dumps(row['default'])}"
        also = f"  (--small: {json.dumps(row['small'])})" if "small" in row else ""
        typer.echo(f"{row['setting']}{default}{also}\n    {row['meaning']}")


def _values(chosen: list[str]) -> dict[str, Any]:
    """Settings given as KEY=VALUE; a value is TOML, or else plain text."""
    values: dict[str, Any] = {}
    for text in chosen:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise typer.BadParameter(f"expected KEY=VALUE, got {text!r}.", param_hint="--set")
        try:
            values[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            values[key.strip()] = value
    return values

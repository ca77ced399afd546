"""Commands `kinesynth corpus recipe` and `kinesynth corpus build`: how a corpus was made, and making it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mocap_import.batch import ExitCode, exit_code
from mocap_import.command_end import check_place, sentence_of, stop

if TYPE_CHECKING:
    from synth.corpus.recipe import Recipe

_BESIDE = ("skeleton.json", ".ik.json")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]


def recipe(
    file: Annotated[Path, typer.Argument(help="A corpus (.h5).")],
    out: Annotated[Path | None, typer.Option(help="Write the recipe here (.json), not to the screen.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the recipe of a corpus: its sources by SHA-256 and everything that was chosen, as JSON."""
    from mocap_import.durable_file import write_durably
    from synth.corpus.recipe import recipe_of
    from synth.corpus.schema import CorpusMismatch

    check_place(file, as_json)
    try:
        found = recipe_of(file)
        if out is not None:
            write_durably(out, found.to_json())
    except (CorpusMismatch, OSError) as error:
        stop(sentence_of(error), as_json)
    if as_json:
        typer.echo(json.dumps(found.model_dump(mode="json")))
    else:
        typer.echo(found.to_json() if out is None else f"written: {out}\n", nl=False)


def build(
    recipe_file: Annotated[Path, typer.Argument(metavar="RECIPE", help="Recipe (.json .toml), or a corpus with one.")],
    out: Annotated[Path, typer.Option(help="The corpus to write (.h5).")],
    trials: Annotated[Path | None, typer.Option(help="Folder of trials; default trials/ beside the recipe.")] = None,
    motion: Annotated[Path | None, typer.Option(help="Folder of motion; default motion/ beside the recipe.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="Corpus to rewrite; default its name beside the recipe.")] = None,
    model: Annotated[Path | None, typer.Option(help="Model of sensors placed anew; default beside the recipe.")] = None,
    trial: Annotated[Path | None, typer.Option(help="The one trial; default its name beside the recipe.")] = None,
    guide: Annotated[Path | None, typer.Option(help="Recorded coordinates of a population with a model.")] = None,
    loads: Annotated[Path | None, typer.Option(help="Recorded ground reactions of such a population.")] = None,
    parts: Annotated[Path | None, typer.Option(help="Folder of merged corpora; default that of the recipe.")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 works without any.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace a corpus that is there already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build a corpus from its recipe: the same bytes from the same sources by the same versions."""
    from mocap_import.progress import track
    from synth.corpus.build import build_corpus
    from synth.corpus.provenance import file_hash
    from synth.corpus.recipe import read_recipe, recipe_of
    from synth.corpus.schema import CorpusMismatch, NothingAccepted
    from synth.record_place import check_record_places

    check_place(recipe_file, as_json)
    try:
        is_corpus = recipe_file.suffix.lower() == ".h5"
        given = recipe_of(recipe_file) if is_corpus else read_recipe(recipe_file)
        named = {"trials": trials, "motion": motion, "corpus": corpus, "model": model, "trial": trial}
        named |= {"guide": guide, "loads": loads, "parts": parts}
        places = _places(given, recipe_file.parent, named)
        outputs = [out, out.with_suffix(".csv")] if given.kind == "motion" else [out]
        check_record_places(outputs, (recipe_file, *places.values()), force=force)
        others = given.other_versions()
        if others:
            said = "; ".join(others)
            typer.echo(f"note: other versions than in the recipe, so bytes may differ: {said}", err=True)
        rows = build_corpus(given, out, places, n_workers=workers, progress=None if as_json else track)
    except NothingAccepted as error:
        stop(str(error), as_json, ExitCode.NONE)
    except ValueError as error:
        stop(str(error), as_json, ExitCode.USAGE)
    except (CorpusMismatch, OSError) as error:
        stop(sentence_of(error), as_json)
    counts = {status: int(n) for status, n in rows["status"].value_counts().items()}
    digest = file_hash(out)
    if as_json:
        content = {"corpus": str(out), "sha256": digest, "counts": counts, "other_versions": others}
        typer.echo(json.dumps(content))
    else:
        typer.echo(f"{out}: {', '.join(f'{n} {status}' for status, n in sorted(counts.items()))}; SHA-256 {digest}")
    used = sum(counts.values()) - counts.get("refused", 0) - counts.get("static", 0)
    raise typer.Exit(exit_code(used, counts.get("refused", 0)))


_FILES = ("corpus", "model", "trial", "guide", "loads")
"""Places that are one file, or the file that others lie beside."""


def _places(recipe: Recipe, folder: Path, given: dict[str, Path | None]) -> dict[str, Path]:
    """Where the sources of a recipe lie: as given, else beside the recipe."""
    places = {}
    for place, names in recipe.sources.items():
        own = "." if place == "parts" else place
        if place in _FILES:
            own = min(names, key=lambda name: (name.endswith(_BESIDE), name), default=place)
        places[place] = given[place] or folder / own
    return places

"""Command ``kinesynth compare`` of corpora: every table of a comparison, and its page, in one folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from mocap_import.batch import ExitCode
from synth.corpus.schema import CorpusMismatch

PAGE = "comparison.html"


@dataclass(frozen=True)
class ComparisonWish:
    """What a user asked for.

    Attributes
    ----------
    files : tuple of Path
        A reference corpus, then corpora of estimates, each perhaps as ``NAME=FILE``.
    out : Path
        Folder.
    train : tuple of str
    taught_by, simulated : Path or None
    seed : int
    keep_names, as_json : bool
    device : str
    steps : int or None
        Of label-free rows.
    """

    files: tuple[Path, ...]
    out: Path
    train: tuple[str, ...]
    taught_by: Path | None
    simulated: Path | None
    seed: int
    keep_names: bool
    as_json: bool
    device: str = "cpu"
    steps: int | None = None


def are_corpora(files: Sequence[Path]) -> bool:
    """Whether corpora are to be compared, not error tables.

    Raises
    ------
    CorpusMismatch
        Both kinds are given.
    """
    kinds = {_split(file)[1].suffix.lower() == ".h5" for file in files}
    if len(kinds) > 1:
        raise CorpusMismatch("give corpora (.h5) or error tables (.csv), not both.")
    return kinds == {True}


def compare_by_wish(wish: ComparisonWish) -> ExitCode:
    """Compare corpora, write tables and page, print the table of methods.

    Returns
    -------
    ExitCode
        3 if some trials of some method were refused.

    Raises
    ------
    CorpusMismatch
        As `training.method_comparison.compare_corpora`.
    """
    from training.comparison_page import write_comparison_page
    from training.method_comparison import FILES, compare_corpora
    from training.method_facts import method_name
    from training.method_table import reading_table

    reference, *others = wish.files
    estimates: dict[str, Path] = {}
    for file in others:
        name, path = _split(file)
        name = name or method_name(path)
        if name in estimates:
            raise CorpusMismatch(
                f"{path} and {estimates[name]} both call their method {name!r}; name them: NAME={path.name}."
            )
        estimates[name] = path
    found = compare_corpora(
        reference,
        estimates,
        wish.out,
        train=wish.train,
        taught_by=wish.taught_by,
        simulated=wish.simulated,
        seed=wish.seed,
        device=wish.device,
        steps=wish.steps,
        progress=None if wish.as_json else lambda words: typer.echo(words, err=True),
    )
    page = write_comparison_page(found, wish.out / PAGE, keep_names=wish.keep_names)
    refused = int(found.methods["refused"].sum())
    if wish.as_json:
        rows = json.loads(found.methods.to_json(orient="records"))
        tables = {name: file for name, file in FILES.items() if (wish.out / file).exists()}
        typer.echo(json.dumps({"folder": str(wish.out), "page": PAGE, "tables": tables, "methods": rows}))
    else:
        shown = Table(title="Methods on the same trials")
        table = reading_table(found.methods).set_index("method").T.reset_index(names="")
        for column in table.columns:
            shown.add_column(str(column))
        for row in table.itertuples(index=False):
            shown.add_row(*(str(value) for value in row))
        Console().print(shown)
        left_out = found.synchronisation.query("not used") if len(found.synchronisation) else found.synchronisation
        for row in left_out.itertuples():
            typer.echo(f"not scored: {row.subject}/{row.trial}, {row.foot} foot: {row.reason}")
        typer.echo(str(page))
    return ExitCode.SOME if refused else ExitCode.ALL


def _split(file: Path) -> tuple[str, Path]:
    """Name and path of ``NAME=FILE``; no name where there is none."""
    name, mark, path = str(file).partition("=")
    if mark and name and not Path(file).exists() and "/" not in name:
        return name, Path(path)
    return "", Path(file)

"""Command ``kinesynth sample``: a small archive of virtual people, for whoever has no laboratory at hand."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mocap_import.batch import ExitCode
from mocap_import.command_end import sentence_of, stop
from mocap_import.progress import track

if TYPE_CHECKING:
    import pandas as pd

sample_app = typer.Typer(add_completion=False, rich_markup_mode=None)

N_SUBJECTS = 3
"""The fewest over whom a comparison draws intervals; solved in half a minute."""


@sample_app.command(epilog="Example: kinesynth sample recordings/")
def sample(
    archive: Annotated[Path, typer.Argument(help="Folder to make; it must not exist, or be empty.")],
    subjects: Annotated[int, typer.Option(min=1, max=99, help="Number of virtual people.")] = N_SUBJECTS,
    seed: Annotated[int, typer.Option(min=0, help="Draws the people and how they walk.")] = 7,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Make a small archive of C3D files to try everything on, as two laboratories would leave it.

    The people are virtual: optimal control finds how each of them walks at three speeds, and a virtual laboratory
    (forces under the ground, or a treadmill) records markers and forces, with a static trial of each. One file is cut
    short on purpose: real archives have such files. The same seed makes the same people. The folder appears when it is
    complete.
    """
    from mocap_import.trial import TrialRefused

    if archive.exists() and not (archive.is_dir() and not any(archive.iterdir())):
        stop(
            f"{archive}: expected a folder that does not exist yet, or an empty one; this one holds something. "
            "Give another name.",
            as_json,
        )
    try:
        table = make_sample(archive, n_subjects=subjects, seed=seed, n_workers=workers, shown=not as_json)
    except (TrialRefused, OSError) as problem:
        stop(sentence_of(problem), as_json)
    files = sorted(archive.rglob("*.c3d"))
    people = sorted({path.parent.name for path in files})
    counts = {"subjects": people, "files": len(files), "gaits": len(table), "gaits_used": int(table.used.sum())}
    if as_json:
        typer.echo(json.dumps({"archive": str(archive)} | counts))
    else:
        unused = counts["gaits"] - counts["gaits_used"]
        tried = f" ({unused} of {counts['gaits']} gaits were not human enough and were left out)" if unused else ""
        typer.echo(f"{archive}: {len(files)} C3D files of {len(people)} virtual people{tried}")
    raise typer.Exit(int(ExitCode.ALL if len(people) == subjects else ExitCode.SOME))


def make_sample(archive: Path, *, n_subjects: int, seed: int, n_workers: int, shown: bool) -> pd.DataFrame:
    """Make the archive beside its place and move it there when it is complete.

    Parameters
    ----------
    archive : Path
        Folder that does not exist, or is empty.
    n_subjects, seed, n_workers : int
        As `synth.virtual_archive.make_archive`.
    shown : bool
        Whether to draw a progress bar where someone looks at it.

    Returns
    -------
    DataFrame
        One row a gait, as `make_archive` gives it.
    """
    from synth.virtual_archive import make_archive

    place = archive.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".tmp", dir=place.parent))

    def progress(total: int, description: str) -> object:
        return track(total, description, shown=None if shown else False)

    try:
        made = beside / place.name
        settings = {"n_subjects": n_subjects, "seed": seed, "n_workers": n_workers, "progress": progress}
        table = make_archive(made, beside / "truth", **settings)
        if place.exists():
            place.rmdir()
        made.replace(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return table

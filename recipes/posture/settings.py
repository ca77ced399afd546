"""Settings of recipe `posture`, and the files that it reads from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from recipes.posture.generator_name import GENERATORS, WHOLE
from recipes.recipe import RecipeSettings
from recipes.run import Run
from training.config import ConfigRefused


class PostureSettings(RecipeSettings):
    """What can be chosen."""

    people: int = Field(
        338, ge=35, le=100_000, description="Virtual people of the spine; 0.2 of them are scored a fold."
    )
    samples: int = Field(3, ge=1, le=100, description="Standings of each virtual person.")
    spine: bool = Field(True, description="Whether the virtual spine is one of the tables.")
    curves: str = Field("", description="Folder of stride tables (gGGsSS.tsv): adds 9 angles at 6 events as a table.")
    whole: bool = Field(True, description="Add the whole waveforms of `curves`, too, 9 angles x 101 points.")
    table: str = Field("", description="CSV file of your own samples: person, conditions, channel.point columns.")
    ratings: str = Field("", description="Folder of answers (*.json) that raters exported from the rating pages.")
    folds: int = Field(5, ge=1, le=5, description="How many of the five folds are done.")
    trees: int = Field(500, ge=10, le=5000, description="Of the isolation forest.")
    epochs: int = Field(400, ge=1, le=10_000, description="Of the autoencoders that generate, at most.")
    patience: int = Field(30, ge=1, description="Epochs without a better validation of these; the published one: none.")
    repeats: int = Field(
        5, ge=1, le=100, description="Draws (a sample a person, and made ones) that a two-sample test is a mean of."
    )
    compression_epochs: int = Field(1000, ge=1, le=10_000, description="Of the autoencoder that compresses, at most.")
    compression_folds: int = Field(
        5, ge=1, le=5, description="Folds on which samples are compressed: the longest part."
    )
    permutations: int = Field(2000, ge=200, le=100_000, description="Of statistical parametric mapping.")
    members: int = Field(5, ge=2, le=50, description="Of the ensemble that estimates a condition.")
    estimated: str = Field("age", description="Condition that it estimates: a column of numbers.")
    rated: int = Field(100, ge=1, le=1000, description="Measured curves on a rating page, and as many made ones.")
    rated_generators: tuple[str, ...] = Field(
        (WHOLE,), min_length=1, description="Whose samples are rated, a page each: rating.html, then rating-NAME.html."
    )

    @field_validator("rated_generators")
    @classmethod
    def _are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse an unknown generator, or one twice, before any is taught."""
        unknown = [name for name in names if name not in GENERATORS]
        if unknown or len(set(names)) < len(names):
            wrong = f"unknown {unknown[0]!r}" if unknown else "one name twice"
            raise ValueError(f"expected some of {'; '.join(GENERATORS)}, each once; found {wrong}")
        return names


SMALL: dict[str, Any] = {
    "people": 100,
    "folds": 2,
    "trees": 50,
    "epochs": 60,
    "patience": 10,
    "repeats": 2,
    "compression_epochs": 10,
    "permutations": 400,
    "members": 3,
    "rated": 30,
}


def outside_files(run: Run) -> dict[str, str]:
    """Name → hash of every file that the settings name, so that a changed file makes everything anew.

    Raises
    ------
    ConfigRefused
        Nothing is left to learn from, or a file or folder is not there.
    """
    from synth.corpus.provenance import file_hash

    settings: PostureSettings = run.settings
    if not (settings.spine or settings.curves or settings.table):
        raise ConfigRefused("posture: no samples are chosen. Set spine=true, or give curves=FOLDER or table=FILE.csv.")
    found: list[Path] = []
    for name, pattern in (("curves", "*.tsv"), ("ratings", "*.json")):
        folder = Path(getattr(settings, name))
        if getattr(settings, name):
            if not folder.is_dir():
                raise ConfigRefused(f"posture: {name}={folder} is no folder. Give the folder of {pattern} files.")
            found += sorted(folder.glob(pattern))
    if settings.table:
        if not Path(settings.table).is_file():
            raise ConfigRefused(f"posture: table={settings.table} is no file. Give a CSV file of samples.")
        found.append(Path(settings.table))
    return {str(path): file_hash(path) for path in found}

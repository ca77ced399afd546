"""The recipe of a corpus: everything from which it was made, typed, in one file, stored whole in its provenance.

Sources are named by place (``trials``, ``motion``, ``corpus``, ``model``), name and SHA-256; where the places are is
said when a corpus is built, so a recipe holds no path of anybody's machine. Equal sources, recipe and versions give
equal bytes.
"""

from __future__ import annotations

import importlib
import json
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from scipy.spatial.transform import Rotation

from synth.corpus.provenance import versions
from synth.corpus.reader import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.imu.error_recipe import ImuErrors
from synth.imu.movement_recipe import MovementRecipe
from synth.imu.recording import SensorPlacement
from synth.record_settings import RecordSettings

FORMAT, VERSION = "kinesynth-corpus-recipe", 1
Place = Literal["trials", "motion", "corpus", "model", "trial", "guide", "loads", "parts"]
"""Folders of trials and motion, corpora, models and other files: what a recipe calls the places of its sources."""
KINDS = {
    "motion": "synth.corpus.recipe:CorpusRecipe",
    "rewrite": "synth.corpus.recipe:CorpusRecipe",
    "trial": "synth.corpus.recipe:CorpusRecipe",
    "merge": "synth.corpus.merge_recipe:MergeRecipe",
    "reference": "synth.corpus.solved_recipe:SolvedRecipe",
    "baseline": "synth.corpus.solved_recipe:SolvedRecipe",
    "population": "synth.corpus.solved_recipe:PopulationRecipe",
}
"""What makes a corpus → the class of its recipe."""


class PlacementRecipe(BaseModel):
    """A sensor on a segment: offset (m, segment frame) and mounting (unit quaternion w x y z, sensor → segment)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sensor: str
    segment: str
    offset: tuple[float, float, float]
    mounting: tuple[float, float, float, float]

    @staticmethod
    def of(placement: SensorPlacement) -> PlacementRecipe:
        """Numbers of a placement, to the last bit."""
        x, y, z, w = map(float, placement.mounting.as_quat())
        offset = tuple(map(float, placement.offset))
        return PlacementRecipe(sensor=placement.sensor, segment=placement.segment, offset=offset, mounting=(w, x, y, z))

    def placement(self) -> SensorPlacement:
        """The placement of these numbers."""
        w, x, y, z = self.mounting
        return SensorPlacement(self.sensor, self.segment, self.offset, Rotation([x, y, z, w], normalize=False))


class Recipe(BaseModel):
    """What every recipe says: what makes the corpus, from which files, by which software."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["kinesynth-corpus-recipe"] = FORMAT
    version: Literal[1] = VERSION
    kind: str
    sources: dict[Place, dict[str, str]] = Field(description="Place → name in it → SHA-256.")
    software: dict[str, str] = Field(default_factory=versions, description="Versions that made the corpus.")

    def to_json(self) -> str:
        """Indented JSON, as a file of its own."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"

    def other_versions(self) -> list[str]:
        """What differs between the software of the recipe and that at hand, one phrase each; equal bytes need none."""
        here = versions(*(name for name in self.software if name not in versions()))
        names = sorted({*self.software, *here})
        pairs = [(name, self.software.get(name, "nothing"), here.get(name, "nothing")) for name in names]
        return [f"{name} {then} then, {now} here" for name, then, now in pairs if then != now]


class CorpusRecipe(Recipe):
    """How records of virtual sensors are made from which files."""

    kind: Literal["motion", "rewrite", "trial"] = Field(
        description="motion: an archive of trials and their solved motion; rewrite: another corpus; trial: one trial."
    )
    errors: dict[str, Any] | None = Field(
        None, description="Error recipe as in the corpus; none: the stored one stays."
    )
    records_from: Literal["cluster", "model", "both"] = Field("both", description="What moves the sensors.")
    method: str = Field("central_difference", description="Of differentiation.")
    cutoff: float | str | None = Field(None, description="Hz, auto or none; absent: that of each segment.")
    placements: tuple[PlacementRecipe, ...] = Field((), description="Sensors; for a rewrite only if placed anew.")
    scaled: bool = Field(True, description="Placements are given for 1.80 m and scaled to each person.")
    allow_gaps: bool = Field(False, description="Keep long gaps as NaN.")
    noise_scope: Literal["trial", "subject", "training_set"] = Field("trial", description="Whose SD the noise follows.")
    training: tuple[str, ...] = Field((), description="Subjects of the training set; none: all.")
    bake: bool = Field(False, description="Store records with their errors.")
    sensors: tuple[str, ...] | None = Field(None, description="Of a rewrite: the sensors that are kept.")
    placed_anew: bool = Field(False, description="Of a rewrite: simulate the placements on the stored coordinates.")
    movement: dict[str, Any] | None = Field(None, description="Movement recipe as in the corpus.")
    given_method: str | None = Field(None, description="Of one trial: the method as it was asked for, or none.")

    @field_validator("errors")
    @classmethod
    def _known_errors(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        """Refuse an error recipe that no reader could apply."""
        if value is not None:
            try:
                ImuErrors.from_json(json.dumps(value))
            except CorpusMismatch as error:
                raise ValueError(str(error)) from error
        return value

    def settings(self) -> RecordSettings:
        """What the builders take."""
        return RecordSettings(
            errors=None if self.errors is None else ImuErrors.from_json(json.dumps(self.errors)),
            source=self.records_from,
            method=self.method,
            cutoff=self.cutoff,
            placements=tuple(recipe.placement() for recipe in self.placements),
            scaled=self.scaled,
            allow_gaps=self.allow_gaps,
            movement=None if self.movement is None else MovementRecipe.from_json(json.dumps(self.movement)),
        )


def recipe_with(settings: RecordSettings, **facts: Any) -> CorpusRecipe:
    """A recipe of settings and of whatever else is given.

    Parameters
    ----------
    settings : RecordSettings
    **facts
        Fields of `CorpusRecipe`; ``kind`` and ``sources`` at least.
    """
    return CorpusRecipe(
        errors=None if settings.errors is None else json.loads(settings.errors.to_json()),
        records_from=settings.source,
        method=settings.method,
        cutoff=settings.cutoff,
        scaled=settings.scaled,
        allow_gaps=settings.allow_gaps,
        movement=None if settings.movement is None else json.loads(settings.movement.to_json()),
        **{"placements": tuple(PlacementRecipe.of(p) for p in settings.placements)} | facts,
    )


def read_recipe(path: Path | str) -> Recipe:
    """Read a recipe (.json or .toml).

    Raises
    ------
    CorpusMismatch
        It is no recipe: an unknown key, a wrong type, another version, or no JSON or TOML at all.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        plain = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except OSError as error:
        raise CorpusMismatch(
            f"{path} cannot be read ({error.strerror}); expected a recipe (.json or .toml)."
        ) from error
    except ValueError as error:
        raise CorpusMismatch(f"{path} is neither JSON nor TOML as its name says ({error}).") from error
    return _checked(plain, str(path))


def recipe_of(path: Path | str) -> Recipe:
    """The recipe that a corpus holds.

    Raises
    ------
    CorpusMismatch
        It holds none: it was made by other means, or by a kinesynth that stored none.
    """
    stored = Corpus(path).provenance.config.get("recipe")
    if stored is None:
        raise CorpusMismatch(
            f"{path} holds no recipe: `kinesynth imu`, `kinesynth gait reference`, `baseline` and `population` and "
            "`merge_corpora(..., with_recipe=True)` store one; nothing else does, nor did an earlier kinesynth."
        )
    return _checked(stored, f"{path}: its recipe")


def _checked(plain: Any, where: str) -> Recipe:
    kind = plain.get("kind") if isinstance(plain, dict) else None
    if kind not in KINDS:
        raise CorpusMismatch(f"{where}: kind: expected one of {', '.join(KINDS)} (found {kind!r:.80}).")
    module, _, name = KINDS[kind].partition(":")
    try:
        return getattr(importlib.import_module(module), name).model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise CorpusMismatch(f"{where}: {place}: {first['msg']} (found {first['input']!r:.80}).") from error

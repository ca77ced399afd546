"""The recipe of a corpus: everything from which it was made, typed, in one file, stored whole in its provenance.

Sources are named by place (``trials``, ``motion``, ``corpus``, ``model``), name and SHA-256; where the places are is
said when a corpus is built, so a recipe holds no path of anybody's machine. Equal sources, recipe and versions give
equal bytes.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from scipy.spatial.transform import Rotation

from mocap_import.trial_store import SUFFIX
from synth.corpus.provenance import file_hash, versions
from synth.corpus.reader import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.imu.error_recipe import ImuErrors
from synth.imu.recording import SensorPlacement
from synth.record_settings import RecordSettings

FORMAT, VERSION = "kinesynth-corpus-recipe", 1
SKELETONS = ("skeleton.json", "planar_skeleton.json")
FORCES = "_forces.sto"
"""End of the name of a trial's generalized forces in a motion folder."""
Place = Literal["trials", "motion", "corpus", "model"]


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


class CorpusRecipe(BaseModel):
    """How a corpus is made from which files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["kinesynth-corpus-recipe"] = FORMAT
    version: Literal[1] = VERSION
    kind: Literal["motion", "rewrite"] = Field(
        description="motion: an archive of trials and their solved motion; rewrite: another corpus."
    )
    sources: dict[Place, dict[str, str]] = Field(description="Place → name in it → SHA-256.")
    software: dict[str, str] = Field(default_factory=versions, description="Versions that made the corpus.")
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
        )

    def to_json(self) -> str:
        """Indented JSON, as a file of its own."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"

    def other_versions(self) -> list[str]:
        """What differs between the software of the recipe and that at hand, one phrase each; equal bytes need none."""
        here = versions()
        names = sorted({*self.software, *here})
        pairs = [(name, self.software.get(name, "nothing"), here.get(name, "nothing")) for name in names]
        return [f"{name} {then} then, {now} here" for name, then, now in pairs if then != now]


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
        **{"placements": tuple(PlacementRecipe.of(p) for p in settings.placements)} | facts,
    )


def archive_sources(trials: Path, motion: Path) -> dict[str, dict[str, str]]:
    """Hashes of every trial of an archive, and of the skeletons and coordinates that there are for them."""
    files = sorted(Path(trials).glob(f"*/*{SUFFIX}"))
    found: dict[str, str] = {}
    for folder, own in groupby(files, key=lambda file: file.parent):
        for path in motion_files(Path(motion) / folder.name, list(own)):
            found[f"{folder.name}/{path.name}"] = file_hash(path)
    return {"trials": {f"{file.parent.name}/{file.name}": file_hash(file) for file in files}, "motion": found}


def motion_files(folder: Path, trials: Sequence[Path]) -> list[Path]:
    """Skeleton, coordinates and moments that there are for the trials of one subject.

    Coordinates are found by the name that a trial has inside; where none have the name of its file, any may be its own.
    """
    names = [f"{trial.name.removesuffix(SUFFIX)}.mot" for trial in trials]
    moved = [folder / name for name in names if (folder / name).is_file()]
    if len(moved) < len(names):
        moved = sorted(folder.glob("*.mot"))
    forces = [path.with_name(path.stem + FORCES) for path in moved]
    return [path for path in (folder / SKELETONS[0], *moved, *forces) if path.is_file()]


def corpus_sources(corpus: Path, motion: Path | None = None, model: Path | None = None) -> dict[str, dict[str, str]]:
    """Hashes of a corpus, and of the skeletons or the model by which sensors are placed anew on it."""
    found = {"corpus": {Path(corpus).name: file_hash(corpus)}}
    if motion is not None:
        motion = Path(motion) if Path(motion).is_dir() else Path(motion).parent
        skeletons = sorted(path for name in SKELETONS for path in (*motion.glob(name), *motion.glob(f"*/{name}")))
        found["motion"] = {path.relative_to(motion).as_posix(): file_hash(path) for path in skeletons}
    if model is not None:
        found["model"] = {Path(model).name: file_hash(model)}
    return found


def read_recipe(path: Path | str) -> CorpusRecipe:
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


def recipe_of(path: Path | str) -> CorpusRecipe:
    """The recipe that a corpus holds.

    Raises
    ------
    CorpusMismatch
        It holds none: it was made by other means, or by a kinesynth that stored none.
    """
    stored = Corpus(path).provenance.config.get("recipe")
    if stored is None:
        raise CorpusMismatch(
            f"{path} holds no recipe; `kinesynth imu` stores one in corpora that it makes of an archive or a corpus."
        )
    return _checked(stored, f"{path}: its recipe")


def _checked(plain: Any, where: str) -> CorpusRecipe:
    try:
        return CorpusRecipe.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise CorpusMismatch(f"{where}: {place}: {first['msg']} (found {first['input']!r:.80}).") from error

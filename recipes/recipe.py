"""A recipe: a system of the literature as stages, with typed settings, who teaches and who is scored, and its table."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recipes.run import Run, Stage, run_stages
from recipes.setting import sentence_of, with_lists
from training.config import ConfigRefused, refuse_unknown_keys

PEOPLE = "people.csv"
"""Product of every recipe: who has which role in which split (`recipes.people`)."""
RESULTS = "results.csv"
"""Product of every recipe: its table (`recipes.result`), beside it for people `results.md`."""


class RecipeSettings(BaseModel):
    """What every recipe lets its user choose; each adds its own fields, all with a default and a description."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(7, ge=0, le=2**32 - 1, description="Of people, folds, networks and noise.")


@dataclass(frozen=True)
class Recipe:
    """A recipe.

    Attributes
    ----------
    name : str
        Word of the command line: ``posture``.
    settings : type of RecipeSettings
    small : mapping
        Settings of ``--small``: from data to table in under a minute of one CPU.
    stages : tuple of Stage
        The last ones write `PEOPLE` and `RESULTS`.
    check : callable, optional
        ``check(settings)`` refuses what a user gave that cannot be used, before any stage.
    """

    name: str
    settings: type[RecipeSettings]
    small: Mapping[str, Any]
    stages: tuple[Stage, ...]
    check: Callable[[Any], object] | None = None


def resolve_settings(
    recipe: Recipe, *, small: bool = False, config: Path | None = None, **chosen: Any
) -> RecipeSettings:
    """Settings of a run: defaults, then those of ``--small``, then a TOML file's, then what was chosen by option.

    Raises
    ------
    ConfigRefused
        For an unknown key (with the nearest known one), a value out of its range, or a file that is no TOML.
    """
    values = dict(recipe.small) if small else {}
    where = f"the settings of recipe {recipe.name}"
    if config is not None:
        where = str(config)
        try:
            values |= tomllib.loads(config.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigRefused(f"{config}: there is no such file. Give a TOML file of settings.") from None
        except IsADirectoryError:
            raise ConfigRefused(f"{config}: is a folder, not a file. Give a TOML file of settings.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigRefused(f"{config}: expected TOML with settings of {recipe.name}, {error}") from None
    values |= {name: value for name, value in chosen.items() if value is not None}
    refuse_unknown_keys(values, recipe.settings, where)
    try:
        return recipe.settings.model_validate(with_lists(values, recipe.settings))
    except ValidationError as error:
        sentences = [sentence_of(e, recipe.settings) for e in error.errors()]
        raise ConfigRefused(f"{where}: " + "; ".join(sentences)) from None


def run_recipe(
    recipe: Recipe, folder: Path, settings: RecipeSettings, *, n_workers: int = 1, shown: bool = True
) -> Run:
    """Do every stage that has not been done, and return the run; its table is `RESULTS` in the folder.

    Raises
    ------
    ConfigRefused
        The folder is that of another recipe, or as the recipe's `check` refuses.
    """
    if recipe.check is not None:
        recipe.check(settings)
    run = Run(folder, settings, n_workers, shown, recipe=recipe.name)
    run_stages(run, recipe.stages)
    return run

"""The recipe of a merged corpus: which corpora it is made of, and what was said of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from synth.corpus.recipe import Recipe
from synth.corpus.recipe_source import merged_sources
from synth.corpus.subject_split import SubjectSplit


class MergeRecipe(Recipe):
    """Corpora that are joined into one, in the order of subject and trial names."""

    kind: Literal["merge"] = "merge"
    role: str = "motion"
    seed: int = 0
    config: dict[str, Any] = Field(default_factory=dict, description="Configuration of the whole, without the recipe.")
    named: dict[str, str] | None = Field(None, description="Sources that the whole names; none: the merged corpora.")
    splits: list[dict[str, Any]] = Field(default_factory=list)


def merge_recipe(
    parts: Iterable[Path | str],
    role: str,
    config: Mapping[str, Any],
    seed: int,
    sources: Mapping[str, str] | None,
    splits: Sequence[SubjectSplit],
) -> MergeRecipe:
    """The recipe of a merge; its arguments are those of `merge_corpora`."""
    return MergeRecipe(
        sources=merged_sources(Path(part) for part in parts),
        role=role,
        seed=seed,
        config=dict(config),
        named=None if sources is None else dict(sources),
        splits=[split.as_dict() for split in splits],
    )


def build_merge(recipe: MergeRecipe, out: Path, folder: Path) -> pd.DataFrame:
    """Merge the corpora of a recipe, which lie in a folder; one row a trial."""
    from synth.corpus.reader import Corpus
    from synth.corpus.writer import merge_corpora

    merge_corpora(
        [folder / name for name in recipe.sources["parts"]],
        out,
        role=recipe.role,
        config=recipe.config,
        seed=recipe.seed,
        sources=recipe.named,
        splits=[SubjectSplit.from_dict(split) for split in recipe.splits],
        with_recipe=True,
    )
    rows = Corpus(out).summary()
    return pd.DataFrame(rows).assign(status="accepted") if rows else pd.DataFrame(columns=["status"])

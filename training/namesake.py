"""Namesake: virtual people of two populations bear the same codes and are not the same people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synth.corpus import Corpus


def drawn_people(corpus: Corpus) -> dict[str, Any]:
    """How the virtual people of a corpus were drawn, its recipe left out; empty where they are none."""
    config = corpus.provenance.config
    recipe = config.get("recipe")
    is_population = isinstance(recipe, dict) and recipe.get("kind") == "population"
    drawn = config if is_population else config.get("population")
    return {key: drawn[key] for key in sorted(drawn) if key != "recipe"} if isinstance(drawn, dict) else {}


def are_strangers(one: Path, other: Path) -> bool:
    """Whether equal codes in two corpora name different people.

    So it is where one holds virtual people and the other does not, or both hold people drawn by other seeds. People
    drawn by one seed count as the same, however many, at whatever speeds: that can only leave out somebody who is none.
    """
    ways = [(bool(drawn := drawn_people(corpus)), _draw_of(drawn, corpus)) for corpus in (Corpus(one), Corpus(other))]
    (is_virtual, draw), (other_is, other_draw) = ways
    return is_virtual != other_is or (is_virtual and draw != other_draw)


def _draw_of(drawn: dict[str, Any], corpus: Corpus) -> Any:
    """Seed by which people were drawn; that of the corpus where it does not say."""
    return drawn.get("seed", corpus.provenance.seed)

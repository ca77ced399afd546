"""The build of a corpus from its recipe: the same bytes from the same sources by the same versions."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pandas as pd

from mocap_import.engine import Engine
from mocap_import.trial_store import SUFFIX
from opensim_models.model.skeleton import Skeleton
from synth.corpus.recipe import FORCES, SKELETONS, CorpusRecipe, archive_sources, corpus_sources
from synth.corpus.rewrite import rewrite_corpus
from synth.corpus.schema import CorpusMismatch, NothingAccepted
from synth.corpus.trial import CorpusTrial
from synth.motion_corpus import build_motion_corpus
from synth.motion_part import parts_folder
from synth.trial_source import find_skeleton

Progress = Callable[[Iterable, str], Iterable]


def build_corpus(
    recipe: CorpusRecipe,
    out: Path,
    places: Mapping[str, Path],
    *,
    n_workers: int = 0,
    progress: Progress | None = None,
    is_checked: bool = False,
    engine: Engine | None = None,
) -> pd.DataFrame:
    """Build a corpus from its recipe; a run that was killed goes on where it stopped.

    Parameters
    ----------
    recipe : CorpusRecipe
    out : Path
        The corpus; of an archive its table goes beside it (``.csv``).
    places : mapping
        Place → folder or file: ``trials`` and ``motion``; or ``corpus``, and ``motion`` or ``model``.
    n_workers, progress
        See `build_motion_corpus`.
    is_checked : bool
        The sources have just been hashed for this recipe.
    engine : Engine, optional
        See `build_motion_corpus`; a corpus that is rewritten needs none.

    Returns
    -------
    DataFrame
        One row a trial.

    Raises
    ------
    CorpusMismatch
        A source changed, is missing or is new (named, before anything is made), or the corpus cannot be made.
    """
    places = {place: Path(path) for place, path in places.items()}
    if not is_checked:
        check_sources(recipe, places)
    if recipe.kind == "motion":
        return _build_motion(recipe, Path(out), places, n_workers, progress, engine)
    return _build_rewrite(recipe, Path(out), places, n_workers, progress)


def check_sources(recipe: CorpusRecipe, places: Mapping[str, Path]) -> None:
    """Compare the files at hand with those of a recipe.

    Raises
    ------
    CorpusMismatch
        Names the first file that changed, is missing, or is there beyond the recipe, and how many there are.
    """
    for place, names in recipe.sources.items():
        if place not in places or not places[place].exists():
            example = next(iter(names), "")
            raise CorpusMismatch(
                f"{places.get(place, place)}: expected the place {place!r} of the recipe, with {len(names)} files such "
                f"as {example}; found none. Say where it is (--{place})."
            )
    if recipe.kind == "motion":
        found = archive_sources(places["trials"], places["motion"])
    else:
        found = corpus_sources(
            places["corpus"],
            places["motion"] if "motion" in recipe.sources else None,
            places["model"] if "model" in recipe.sources else None,
        )
    awaited = {name.removesuffix(SUFFIX) + end for name in recipe.sources.get("trials", {}) for end in (".mot", FORCES)}
    wrong = []
    for place, names in sorted(recipe.sources.items(), key=lambda source: source[0] in ("motion", "model")):
        for name in sorted({*names, *found[place]}):
            then, now = names.get(name), found[place].get(name)
            if then is None and place == "motion" and name not in awaited and not name.endswith(SKELETONS):
                continue  # coordinates of something else
            if then != now:
                what = "is missing" if now is None else "is not in the recipe" if then is None else "changed"
                wrong.append(f"{place}: {name} {what}")
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise CorpusMismatch(
            f"the sources are not those of the recipe: {wrong[0]}{more}. Give the files it was made from; for a corpus "
            "of other files make another one with kinesynth imu."
        )


def _build_motion(
    recipe: CorpusRecipe,
    out: Path,
    places: Mapping[str, Path],
    n_workers: int,
    progress: Progress | None,
    engine: Engine | None,
) -> pd.DataFrame:
    """Corpus of an archive; beyond a recipe of errors for each trial, by way of a clean one among its parts."""
    settings = recipe.settings()
    plain = recipe.noise_scope == "trial" and not recipe.bake
    parts = parts_folder(out)
    first = out if plain else parts / "clean.h5"
    if not plain:
        parts.mkdir(exist_ok=True)
    try:
        rows = build_motion_corpus(
            places["trials"],
            places["motion"],
            first,
            errors=settings.errors,
            source=settings.source,
            method=settings.method,
            placements=settings.placements,
            cutoff=settings.cutoff,
            scaled=settings.scaled,
            allow_gaps=settings.allow_gaps,
            n_workers=n_workers,
            progress=progress,
            keep_parts=not plain,
            recipe=recipe,
            engine=engine,
        )
        if not plain:
            rewrite_corpus(
                first,
                out,
                settings,
                scope=recipe.noise_scope,
                training=recipe.training,
                bake=recipe.bake,
                provenance=recipe.sources["trials"],
                recipe=recipe,
            )
            first.with_suffix(".csv").replace(out.with_suffix(".csv"))
    except NothingAccepted:
        shutil.rmtree(parts, ignore_errors=True)
        raise
    if not plain:
        shutil.rmtree(parts, ignore_errors=True)
    return rows


def _build_rewrite(
    recipe: CorpusRecipe, out: Path, places: Mapping[str, Path], n_workers: int, progress: Progress | None
) -> pd.DataFrame:
    """Corpus of another corpus; one process does it all."""
    source, motion, model = places["corpus"], places.get("motion"), places.get("model")

    def skeleton_of(trial: CorpusTrial) -> Skeleton:
        names = () if trial.kinematics is None else trial.kinematics.coordinates
        return find_skeleton(source, trial.subject.code, motion, model, names)

    return rewrite_corpus(
        source,
        out,
        recipe.settings(),
        scope=recipe.noise_scope,
        training=recipe.training,
        bake=recipe.bake,
        sensors=recipe.sensors,
        skeleton_of=skeleton_of if recipe.placed_anew else None,
        provenance=recipe.sources["corpus"],
        recipe=recipe,
    )

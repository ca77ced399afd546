"""The build of a corpus from its recipe: the same bytes from the same sources by the same versions."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pandas as pd

from mocap_import.engine import Engine, LocalEngine
from mocap_import.trial_store import SUFFIX
from opensim_models.model.skeleton import Skeleton
from synth.corpus.merge_recipe import build_merge
from synth.corpus.recipe import CorpusRecipe, Recipe
from synth.corpus.recipe_source import MOMENTS, SKELETONS, archive_sources, corpus_sources, motion_hash
from synth.corpus.rewrite import rewrite_corpus
from synth.corpus.schema import CorpusMismatch, NothingAccepted
from synth.corpus.trial import CorpusTrial
from synth.motion_corpus import build_motion_corpus
from synth.motion_part import parts_folder
from synth.trial_source import find_skeleton

Progress = Callable[[Iterable, str], Iterable]


def build_corpus(
    recipe: Recipe,
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
    recipe : Recipe
    out : Path
        The corpus; of an archive its table goes beside it (``.csv``).
    places : mapping
        Place → folder or file, of every place that the recipe names: ``trials`` and ``motion``, ``corpus``, ...
    n_workers : int
        Processes; 0 works without any, but optimal control takes one.
    progress : callable, optional
        See `build_motion_corpus`.
    is_checked : bool
        The sources have just been hashed for this recipe.
    engine : Engine, optional
        Where it is worked on; corpora that are rewritten or merged need none.

    Returns
    -------
    DataFrame
        One row a trial, with its status.

    Raises
    ------
    CorpusMismatch
        A source changed, is missing or is new (named, before anything is made), or the corpus cannot be made.
    """
    places = {place: Path(path) for place, path in places.items()}
    if not is_checked:
        check_sources(recipe, places)
    out = Path(out)
    if recipe.kind == "motion":
        workers = LocalEngine(n_workers) if engine is None and n_workers > 0 else engine
        return _build_motion(recipe, out, places, progress, workers)
    if recipe.kind == "rewrite":
        return _build_rewrite(recipe, out, places)
    if recipe.kind == "merge":
        return build_merge(recipe, out, places["parts"])
    if recipe.kind == "trial":
        from synth.imu_run import build_trial  # it builds archives by this module

        return build_trial(recipe, out, places)
    from synth.optimal_control.recipe_build import build_solved  # nobody else needs a solver

    return build_solved(recipe, out, places, engine=engine or LocalEngine(max(n_workers, 1)), progress=progress)


def check_sources(recipe: Recipe, places: Mapping[str, Path]) -> None:
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
    found = _found_sources(recipe, places)
    stems = [name.removesuffix(SUFFIX) for name in recipe.sources.get("trials", {})]
    awaited = {stem + end for stem in stems for end in (".mot", MOMENTS)}
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
            "of other files make another one."
        )


def _found_sources(recipe: Recipe, places: Mapping[str, Path]) -> dict[str, dict[str, str]]:
    """Hashes of what lies at the places of a recipe; where it names single files, of those alone."""
    if recipe.kind == "motion":
        return archive_sources(places["trials"], places["motion"])
    if recipe.kind == "rewrite":
        given = (places[place] if place in recipe.sources else None for place in ("motion", "model"))
        return corpus_sources(places["corpus"], *given)
    return {place: _hashes(places[place], names) for place, names in recipe.sources.items()}


def _hashes(place: Path, names: Iterable[str]) -> dict[str, str]:
    """Hashes of the named files of a folder, or beside a file; those that are there."""
    folder = place if place.is_dir() else place.parent
    files = {name: folder / name for name in names}
    if not place.is_dir() and place.name not in files:
        files[place.name] = place
    return {name: motion_hash(path) for name, path in files.items() if path.is_file()}


def _build_motion(
    recipe: CorpusRecipe,
    out: Path,
    places: Mapping[str, Path],
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
            settings,
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


def _build_rewrite(recipe: CorpusRecipe, out: Path, places: Mapping[str, Path]) -> pd.DataFrame:
    """Corpus of another corpus; one process does it all."""
    source, motion, model = places["corpus"], places.get("motion"), places.get("model")

    def skeleton_of(trial: CorpusTrial) -> Skeleton:
        if motion is None and model is None and trial.skeleton is not None:
            return trial.skeleton
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

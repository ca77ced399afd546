"""The run of `kinesynth imu`: what was asked for (`imu_request`) is made, and its recipe stored with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from mocap_import.engine import open_engine
from mocap_import.trial import MarkerTrial, TrialRefused
from mocap_import.trial_store import SUFFIX, load_first_frames
from opensim_models.model_mismatch import ModelMismatch
from synth.corpus.build import build_corpus
from synth.corpus.provenance import file_hash
from synth.corpus.reader import Corpus
from synth.corpus.recipe import CorpusRecipe, recipe_with
from synth.corpus.recipe_source import archive_sources, corpus_sources, motion_hash
from synth.corpus.rewrite import baked, rewrite_corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from synth.corpus.writer import CorpusWriter
from synth.imu.error_recipe import with_noise_reference
from synth.imu_request import ImuRequest
from synth.long_trial import is_long, stream_long_trial
from synth.motion_account import account_file
from synth.motion_folder import coordinates_file, is_coordinates, skeleton_file
from synth.record_file import write_csv, write_opensense
from synth.single_trial import MadeTrial, make_single_trial, sensor_orientations
from synth.trial_source import TrialSource, read_source
from synth.worn_orientation import worn_orientations


def run_archive(request: ImuRequest, progress: Callable[[Iterable, str], Iterable] | None) -> pd.DataFrame:
    """Build a corpus of an archive."""
    recipe = recipe_with(
        request.settings,
        kind="motion",
        sources=archive_sources(request.source, request.motion),
        noise_scope=request.scope,
        training=request.training,
        bake=request.bake,
    )
    places = {"trials": request.source, "motion": request.motion}
    workers = request.n_workers or 0
    if request.engine == "local" and not request.scheduler:
        return build_corpus(recipe, request.out, places, n_workers=workers, progress=progress, is_checked=True)
    with open_engine(request.engine, n_workers=max(workers, 1), scheduler=request.scheduler) as engine:
        return build_corpus(recipe, request.out, places, progress=progress, is_checked=True, engine=engine)


def run_corpus(request: ImuRequest) -> pd.DataFrame:
    """Write a corpus anew; sensors at other places sit on the skeletons that it holds, unless others are named."""
    sensors = tuple(placement.sensor for placement in request.settings.placements)
    recipe = recipe_with(
        request.settings,
        kind="rewrite",
        sources=corpus_sources(request.source, request.motion, request.model),
        noise_scope=request.scope,
        training=request.training,
        bake=request.bake,
        sensors=sensors if request.chosen and not request.placed_anew else None,
        placed_anew=request.placed_anew,
        **({} if request.placed_anew else {"placements": ()}),
    )
    places = {"corpus": request.source, "motion": request.motion, "model": request.model}
    given = {place: path for place, path in places.items() if path is not None}
    return build_corpus(recipe, request.out, given, is_checked=True)


def run_single(request: ImuRequest) -> tuple[MadeTrial, tuple[Path, ...]]:
    """Records of one trial; returns them with the files that were written."""
    settings = request.settings
    if str(request.source).endswith(SUFFIX) and is_long(request.source):
        return _run_long(request)
    source = read_source(request.source, request.motion, request.model)
    made = make_single_trial(source, settings, request.method)
    made = replace(made, trial=replace(made.trial, movement=settings.movement))
    if request.scope == "subject":
        errors = with_noise_reference(settings.errors, "subject", [made.trial.recordings])
        made = replace(made, trial=replace(made.trial, errors=errors))
    worn = baked(made.trial)
    files: list[Path] = []
    if request.out is not None:
        with _writer(request, request.out, _recipe(request, made.trial)) as writer:
            writer.append(worn if request.bake else made.trial)
        files.append(request.out)
    if request.csv is not None:
        write_csv(request.csv, worn.recordings, source.start_time)
        files.append(request.csv)
    if request.sto is not None:
        files += _write_orientations(request, source, made, worn)
    return made, tuple(files)


def build_trial(recipe: CorpusRecipe, out: Path, places: Mapping[str, Path]) -> pd.DataFrame:
    """Make the corpus of one trial again from its recipe.

    Raises
    ------
    CorpusMismatch
        Its sensors cannot be simulated.
    """
    request = ImuRequest(
        kind="trial",
        source=places["trial"],
        out=out,
        motion=places.get("motion"),
        model=places.get("model"),
        csv=None,
        sto=None,
        settings=recipe.settings(),
        method=recipe.given_method,
        scope=recipe.noise_scope,
        bake=recipe.bake,
    )
    try:
        made, _ = run_single(request)
    except (TrialRefused, ModelMismatch) as error:
        raise CorpusMismatch(str(error)) from error
    return pd.DataFrame([{"subject": made.trial.subject.code, "trial": made.trial.name, "status": "accepted"}])


def _write_orientations(request: ImuRequest, source: TrialSource, made: MadeTrial, worn: CorpusTrial) -> list[Path]:
    """OpenSense files of one trial."""
    clean = made.trial.recordings
    planned = sensor_orientations(source, [record.placement for record in clean], request.settings.source)
    names = {"subject": made.trial.subject.code, "trial": made.trial.name}
    turned = worn_orientations(clean, planned, made.trial.errors, **names)
    return write_opensense(request.sto, worn.recordings, turned, source.start_time)


def _run_long(request: ImuRequest) -> tuple[MadeTrial, tuple[Path, ...]]:
    """A trial that passes in blocks into a corpus; whatever else is asked for is made from the records there."""
    if request.sto is not None:
        raise TrialRefused(
            f"{request.source}: a trial this long passes in blocks, without the orientations of OpenSense files; cut "
            "it into trials of five minutes or less, or write .h5 or .csv."
        )
    settings, files = request.settings, []
    plain = request.out is not None and not request.bake and request.scope == "trial"
    first = request.out if plain else (request.out or request.csv).with_name(f".{request.source.name}.clean.h5")
    recipe = _recipe(request, load_first_frames(request.source, 1)[0])
    try:
        with _writer(request, first, recipe) as writer:
            made = stream_long_trial(request.source, writer, settings, request.motion, request.model)
        key = (made.trial.subject.code, made.trial.name)
        if not plain and request.out is not None:
            sources = {request.source.name: file_hash(request.source)}
            wanted = {"scope": request.scope, "bake": request.bake, "provenance": sources, "recipe": recipe}
            rewrite_corpus(first, request.out, settings, **wanted)
        if request.out is not None:
            files.append(request.out)
        if request.csv is not None:
            clean = Corpus(first).read(*key, clean=True)
            if request.scope == "subject":
                clean = replace(clean, errors=with_noise_reference(settings.errors, "subject", [clean.recordings]))
            write_csv(request.csv, baked(clean).recordings, float(made.facts["start_time"]))
            files.append(request.csv)
    finally:
        if not plain:
            first.unlink(missing_ok=True)
            first.with_name(f"{first.name}.lock").unlink(missing_ok=True)
    return made, tuple(files)


def _recipe(request: ImuRequest, trial: CorpusTrial | MarkerTrial) -> CorpusRecipe:
    """Recipe of a corpus of one trial."""
    return recipe_with(
        request.settings,
        kind="trial",
        sources=_trial_sources(request, trial),
        noise_scope=request.scope,
        bake=request.bake,
        given_method=request.method,
    )


def _trial_sources(request: ImuRequest, trial: CorpusTrial | MarkerTrial) -> dict[str, dict[str, str]]:
    """Hashes of the files that one trial is made of; what lies beside it counts to its place."""
    path, motion, model = request.source, request.motion, request.model
    found = {"trial": {path.name: file_hash(path)}}
    files = [None if model is not None else skeleton_file(path, _code(path, trial), motion)]
    if not is_coordinates(path):
        solved = coordinates_file(path, trial, motion)
        files += [] if solved is None else [solved, account_file(solved.parent, solved.stem)]
    folder = path.parent if motion is None else motion if motion.is_dir() else motion.parent
    place = found["trial"] if motion is None else found.setdefault("motion", {})
    for file in files:
        if file is not None and file.is_file():
            place[file.relative_to(folder).as_posix()] = motion_hash(file)
    if model is not None:
        found["model"] = {model.name: file_hash(model)}
    return {name: hashes for name, hashes in found.items() if hashes}


def _code(path: Path, trial: CorpusTrial | MarkerTrial) -> str:
    """Code by which a subject's folder is found; coordinates alone know of no subject."""
    return "" if is_coordinates(path) else trial.subject.code


def _writer(request: ImuRequest, out: Path, recipe: CorpusRecipe) -> CorpusWriter:
    """A corpus for one trial."""
    settings = request.settings
    said = {"method": request.method or settings.method, "baked": request.bake}
    return CorpusWriter(
        out,
        role="motion",
        config=settings.config() | said | {"recipe": recipe.model_dump(mode="json")},
        seed=0 if settings.errors is None else settings.errors.seed,
        sources={request.source.name: file_hash(request.source)},
    )

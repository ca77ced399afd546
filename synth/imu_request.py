"""What `kinesynth imu` is asked for, and the way to it: an archive, one trial, or a corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from mocap_import.engine import open_engine
from mocap_import.trial import TrialRefused
from mocap_import.trial_store import SUFFIX
from synth.corpus.build import build_corpus
from synth.corpus.provenance import file_hash
from synth.corpus.reader import Corpus
from synth.corpus.recipe import archive_sources, corpus_sources, recipe_with
from synth.corpus.rewrite import baked, rewrite_corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.writer import CorpusWriter
from synth.imu.error_recipe import ImuErrors, with_noise_reference
from synth.imu.simulation import METHODS
from synth.imu_options import check_recipe, placements_of_options, scope_of
from synth.long_trial import is_long, stream_long_trial
from synth.record_file import OPENSENSE, opensense_file, write_csv, write_opensense
from synth.record_place import check_record_places
from synth.record_settings import SOURCES, RecordSettings
from synth.single_trial import ANALYTIC, MadeTrial, make_single_trial, sensor_orientations
from synth.trial_cutoff import read_cutoff
from synth.trial_source import is_coordinates, is_markers, read_source
from synth.worn_orientation import worn_orientations

_CORPUS, _TABLE, _STORAGE = ".h5", ".csv", ".sto"


@dataclass(frozen=True)
class ImuRequest:
    """One run of the command.

    Attributes
    ----------
    kind : {"archive", "trial", "corpus"}
    source, out : Path
        `out` is a corpus, or None if one trial goes to other files alone.
    motion, model : Path, optional
    csv, sto : Path, optional
        Further files of one trial.
    settings : RecordSettings
    chosen : bool
        Sensors were asked for, by a set or a file.
    own_places : bool
        They come from a file.
    method : str, optional
        As given.
    scope : str
        Of the noise.
    training : tuple of str
    bake : bool
    n_workers : int, optional
    engine, scheduler : str
        See `mocap_import.engine.open_engine`.
    """

    kind: str
    source: Path
    out: Path | None
    motion: Path | None
    model: Path | None
    csv: Path | None
    sto: Path | None
    settings: RecordSettings
    chosen: bool = False
    own_places: bool = False
    method: str | None = None
    scope: str = "trial"
    training: tuple[str, ...] = ()
    bake: bool = False
    n_workers: int | None = None
    engine: str = "local"
    scheduler: str = ""

    def outputs(self) -> list[Path]:
        """Every file that will be written."""
        files = [file for file in (self.out, self.csv) if file is not None]
        if self.kind == "archive":
            files.append(self.out.with_suffix(_TABLE))
        return files + [opensense_file(self.sto, word) for word in OPENSENSE if self.sto is not None]

    def with_choices(
        self,
        errors: ImuErrors,
        method: str | None,
        cutoff: str | None,
        motions: str | None,
        scope: str,
        training: str,
        bake: bool,
        allow_gaps: bool = False,
    ) -> ImuRequest:
        """The request with a recipe and the way to differentiate.

        Raises
        ------
        ValueError
            A word that is unknown, or not for this kind of source.
        """
        plain = None if method is None else method.replace("-", "_")
        if plain not in (None, ANALYTIC, *METHODS):
            raise ValueError(f"method {method!r} is unknown; expected one of {', '.join(METHODS)} or {ANALYTIC}.")
        if plain == ANALYTIC and not is_coordinates(self.source):
            raise ValueError(f"method {ANALYTIC} is for coordinates (.mot) with a model, not for {self.source}.")
        if motions not in (None, *SOURCES):
            raise ValueError(f"source {motions!r} is unknown; expected one of {', '.join(SOURCES)}.")
        if self.kind == "corpus" and self.motion is None and self.model is None and (plain or cutoff or motions):
            raise ValueError(
                f"{self.source} holds records that were made already; --method, --cutoff and --source count only where "
                "sensors are simulated anew (--motion FOLDER or --model FILE)."
            )
        if motions == "cluster" and (self.kind == "corpus" or is_coordinates(self.source)):
            raise ValueError(f"{self.source} holds no markers, so no marker clusters; use --source model, or none.")
        names = tuple(name.strip() for name in training.split(",") if name.strip())
        if names and scope_of(scope) != "training_set":
            raise ValueError("--training names the subjects of --noise-scope training_set; give both or none.")
        if self.kind == "trial" and scope_of(scope) == "training_set":
            raise ValueError("--noise-scope training_set needs an archive or a corpus; one trial has its own SD.")
        check_recipe(errors, self.settings.placements)
        settings = replace(
            self.settings,
            errors=errors,
            source=motions or "both",
            allow_gaps=allow_gaps,
            method=METHODS[0] if plain in (None, ANALYTIC) else plain,
            cutoff=read_cutoff(cutoff),
        )
        return replace(self, settings=settings, method=plain, scope=scope_of(scope), training=names, bake=bake)


def make_request(
    source: Path,
    out: Path | None,
    motion: Path | None,
    model: Path | None,
    csv: Path | None,
    sto: Path | None,
    sensor_set: str | None,
    placements: Path | None,
    force: bool = False,
) -> ImuRequest:
    """What the arguments ask for.

    Raises
    ------
    ValueError
        Wrong usage: a kind of source or of output that there is not, something missing, or a file that shall stay.
    """
    placed = placements_of_options(sensor_set or "seven", placements)
    if source.is_dir():
        kind = "archive"
    elif is_markers(source) or is_coordinates(source):
        kind = "trial"
    elif source.suffix.lower() == _CORPUS:
        kind = "corpus"
    else:
        raise ValueError(
            f"{source}: expected a folder of trials, a trial (.trial.h5, .c3d, .trc, .mot, .sto) or a corpus (.h5)."
        )
    suffix = "" if out is None else out.suffix.lower()
    if kind == "trial" and suffix in (_TABLE, _STORAGE):
        csv, sto = (out, sto) if suffix == _TABLE else (csv, out)
        out, suffix = None, ""
    if out is None and (kind != "trial" or (csv is None and sto is None)):
        raise ValueError(f"{source}: say where the records go: --out FILE.h5" + (", .csv or .sto." * (kind == "trial")))
    if out is not None and suffix != _CORPUS:
        raise ValueError(f"{out}: expected a corpus (.h5){', a .csv or a .sto' if kind == 'trial' else ''}.")
    if kind != "trial" and (csv is not None or sto is not None):
        raise ValueError("--csv and --sto write the records of one trial, not of an archive or a corpus.")
    if kind == "archive" and (motion is None or not motion.is_dir()):
        raise ValueError(f"{source}: expected the folder of `kinesynth motion` after the folder of trials.")
    if kind == "archive" and model is not None:
        raise ValueError("--model is for one trial or a corpus; the skeletons of an archive are in its motion folder.")
    settings = RecordSettings(placements=placed, scaled=placements is None)
    chosen = placements is not None or sensor_set is not None
    request = ImuRequest(kind, source, out, motion, model, csv, sto, settings, chosen, placements is not None)
    check_record_places(request.outputs(), (source, motion, model, placements), force=force)
    return request


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
    """Write a corpus anew."""
    placed_anew = request.motion is not None or request.model is not None
    if request.own_places and not placed_anew:
        raise CorpusMismatch(
            f"{request.source}: a corpus holds coordinates but no skeleton; to put sensors at other places, give the "
            "folder of `kinesynth motion` (--motion FOLDER) or the model (--model FILE)."
        )
    sensors = tuple(placement.sensor for placement in request.settings.placements)
    recipe = recipe_with(
        request.settings,
        kind="rewrite",
        sources=corpus_sources(request.source, request.motion, request.model),
        noise_scope=request.scope,
        training=request.training,
        bake=request.bake,
        sensors=sensors if request.chosen and not placed_anew else None,
        placed_anew=placed_anew,
        **({} if placed_anew else {"placements": ()}),
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
    if request.scope == "subject":
        errors = with_noise_reference(settings.errors, "subject", [made.trial.recordings])
        made = replace(made, trial=replace(made.trial, errors=errors))
    worn = baked(made.trial)
    files: list[Path] = []
    if request.out is not None:
        with _writer(request) as writer:
            writer.append(worn if request.bake else made.trial)
        files.append(request.out)
    if request.csv is not None:
        write_csv(request.csv, worn.recordings, source.start_time)
        files.append(request.csv)
    if request.sto is not None:
        clean = made.trial.recordings
        planned = sensor_orientations(source, [record.placement for record in clean], settings.source)
        names = {"subject": made.trial.subject.code, "trial": made.trial.name}
        turned = worn_orientations(clean, planned, made.trial.errors, **names)
        files += write_opensense(request.sto, worn.recordings, turned, source.start_time)
    return made, tuple(files)


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
    try:
        with _writer(request, first) as writer:
            made = stream_long_trial(request.source, writer, settings, request.motion, request.model)
        key = (made.trial.subject.code, made.trial.name)
        if not plain and request.out is not None:
            sources = {request.source.name: file_hash(request.source)}
            rewrite_corpus(first, request.out, settings, scope=request.scope, bake=request.bake, provenance=sources)
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


def _writer(request: ImuRequest, out: Path | None = None) -> CorpusWriter:
    """A corpus for one trial."""
    settings = request.settings
    return CorpusWriter(
        out or request.out,
        role="motion",
        config=settings.config() | {"method": request.method or settings.method, "baked": request.bake},
        seed=settings.errors.seed,
        sources={request.source.name: file_hash(request.source)},
    )

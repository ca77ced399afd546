"""Corpus rewrite: the motion of a corpus with another error recipe, fewer sensors, or sensors at other places.

A corpus holds clean records and a recipe, so another recipe costs nothing. Sensors at other places need the skeleton
behind the stored coordinates: the one that the trial holds, or, where it holds none or another is wanted, one from the
folder of ``kinesynth motion`` or a model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from mocap_import.trial import Treatment, TrialRefused
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.corpus.array_origin import KINEMATICS, ArrayOrigin, sensor_array, with_origins
from synth.corpus.provenance import file_hash, versions
from synth.corpus.reader import Corpus
from synth.corpus.recipe import CorpusRecipe, recipe_with
from synth.corpus.recipe_source import corpus_sources
from synth.corpus.schema import CorpusMismatch, NothingAccepted
from synth.corpus.trial import CorpusTrial
from synth.corpus.writer import CorpusWriter
from synth.imu.error_recipe import ImuErrors, apply_errors, with_noise_reference
from synth.imu.placement import check_segments
from synth.imu.recording import ImuRecording
from synth.imu.simulation import simulate_imu
from synth.imu.skeleton_imu import simulate_skeleton_imus
from synth.measured_trial import BEYOND_LEARNT, cutoff_facts, learnt_note
from synth.record_gap import check_gaps
from synth.record_settings import RecordSettings, placements_of
from synth.trial_cutoff import cutoff_of, trial_cutoffs

BAKED = "sensor_errors_baked"
PLACED_ANEW = "placed_anew"
OF_RECORDS = (
    "segment_cutoffs",
    "cluster_marker_left_out",
    "model_motion",
    "coordinates_only",
    "streamed",
    PLACED_ANEW,
)
"""Treatments that tell how inertial records were made; other records make them untrue."""
_ROLES = ("motion", "reference")
Facts = dict[str, float | str]
SkeletonOf = Callable[[CorpusTrial], Skeleton]


def rewrite_corpus(
    source: Path,
    out: Path,
    settings: RecordSettings,
    *,
    scope: str = "trial",
    training: Sequence[str] = (),
    bake: bool = False,
    sensors: Sequence[str] | None = None,
    skeleton_of: SkeletonOf | None = None,
    provenance: Mapping | None = None,
    recipe: CorpusRecipe | None = None,
) -> pd.DataFrame:
    """Write a corpus anew from the clean records or the coordinates of another.

    Parameters
    ----------
    source, out : Path
        May be the same file.
    settings : RecordSettings
        Its recipe replaces the stored one; the rest counts where sensors are placed anew.
    scope : {"trial", "subject", "training_set"}
        Records whose SD the noise share refers to.
    training : sequence of str
        Subjects of the training set; all if empty.
    bake : bool
        Store the records with their errors and no recipe.
    sensors : sequence of str, optional
        Those to keep; all by default.
    skeleton_of : callable, optional
        Skeleton of a trial: with it the sensors of `settings` are simulated on the stored coordinates.
    provenance : mapping, optional
        Sources of `out`; by default the hash of `source`.
    recipe : CorpusRecipe, optional
        Stored in `out`; by default one that says what is done here, but not for sensors placed anew, whose skeletons
        only the caller knows.

    Returns
    -------
    DataFrame
        One row a trial: subject, trial, status, reason, n_frames, rate; of sensors placed anew also missing, gaps,
        cutoff_<segment>, jitter_<segment>, reason_<segment>, see `build_motion_corpus`.

    Raises
    ------
    CorpusMismatch
        The corpus is of another role, holds no clean records, lacks a sensor, or a subject of the training set is not
        there. A trial on which no sensor can be placed anew is refused in its row.
    NothingAccepted
        No trial is left (a `CorpusMismatch` too).
    """
    corpus = Corpus(source)
    if corpus.role not in _ROLES:
        raise CorpusMismatch(f"{source}: expected a corpus of role {' or '.join(_ROLES)}, got {corpus.role!r}.")
    people = {code for code, _ in corpus.trials()}
    strangers = sorted(set(training) - people)
    if strangers:
        raise CorpusMismatch(f"{source}: subject {strangers[0]!r} is not in it; there are {', '.join(sorted(people))}.")

    made = {key: _outcome(corpus, key, settings, sensors, skeleton_of) for key in corpus.trials()}
    kept = [key for key, (reason, _) in made.items() if not reason]
    if not kept:
        reasons = dict.fromkeys(reason for reason, _ in made.values())
        raise NothingAccepted(f"{source}: no trial could be used. {'; '.join(reasons)}")

    def clean(key: tuple[str, str]) -> CorpusTrial:
        return _clean(corpus, key, settings, sensors, skeleton_of)[0]

    recipes = _recipes(kept, clean, settings.errors, scope, training)
    if recipe is None and skeleton_of is None:
        chosen = {"noise_scope": scope, "training": tuple(training), "bake": bake, "placements": ()}
        chosen["sensors"] = None if sensors is None else tuple(sensors)
        recipe = recipe_with(settings, kind="rewrite", sources=corpus_sources(source), **chosen)
    rows = []
    known = {(row["subject"], row["trial"]): row for row in corpus.summary()}
    with CorpusWriter(
        out,
        role=corpus.role,
        config=_config(corpus, settings, sensors, skeleton_of, recipe) | {"baked": bake, "noise_scope": scope},
        seed=corpus.provenance.seed if settings.errors is None else settings.errors.seed,
        sources=provenance or {Path(source).name: file_hash(source)},
        splits=corpus.splits,
    ) as writer:
        for (code, name), (reason, facts) in made.items():
            row = {key: known[code, name][key] for key in ("subject", "trial", "n_frames", "rate")}
            rows.append(row | facts | {"status": "refused" if reason else "accepted", "reason": reason})
            if not reason:
                trial = clean((code, name))
                stretched = learnt_note(trial.recordings, recipes[code])
                kept = tuple(t for t in trial.treatments if t.what != BEYOND_LEARNT)
                trial = replace(trial, errors=recipes[code], treatments=(*kept, *stretched))
                trial = replace(trial, movement=settings.movement or trial.movement)
                writer.append(baked(trial) if bake else trial)
    return pd.DataFrame(rows)


def _config(
    corpus: Corpus,
    settings: RecordSettings,
    sensors: Sequence[str] | None,
    skeleton_of: SkeletonOf | None,
    recipe: CorpusRecipe | None,
) -> dict:
    """Configuration of the new corpus: what was not made anew stays as it was made, and the recipe behind it."""
    before, now = dict(corpus.provenance.config), settings.config()
    source_recipe = before.pop("recipe", None)
    if recipe is not None:
        before["recipe"] = recipe.model_dump(mode="json")
    if source_recipe is not None and (recipe is None or recipe.kind == "rewrite"):
        before["source_recipe"] = source_recipe
    if skeleton_of is not None:
        return before | now | {"source": "model"}
    return before | {"errors": now["errors"]} | ({} if sensors is None else {"placements": list(sensors)})


def _outcome(
    corpus: Corpus,
    key: tuple[str, str],
    settings: RecordSettings,
    sensors: Sequence[str] | None,
    skeleton_of: SkeletonOf | None,
) -> tuple[str, Facts]:
    """Why no sensor can be placed anew on a trial, such as one whose coordinates were never found, and what came of it.

    Where records are only selected, what is wrong with one trial is wrong with the corpus.
    """
    if skeleton_of is None:
        return "", {}
    try:
        return "", _clean(corpus, key, settings, sensors, skeleton_of)[1]
    except (CorpusMismatch, ModelMismatch, TrialRefused) as error:
        return str(error), {}


def baked(trial: CorpusTrial) -> CorpusTrial:
    """A trial whose records carry their errors for good; the recipe becomes a treatment."""
    if trial.errors is None:
        return trial
    worn = apply_errors(trial.recordings, trial.errors, subject=trial.subject.code, trial=trial.name)
    note = Treatment(BAKED, trial.errors.in_words())
    drawn = json.loads(trial.errors.to_json())
    names = {sensor_array(recording.placement.sensor) for recording in trial.recordings}
    origins = tuple(_with_errors(origin, drawn) if names & {*origin.arrays} else origin for origin in trial.origins)
    return replace(trial, recordings=worn, errors=None, treatments=(*trial.treatments, note), origins=origins)


def _with_errors(origin: ArrayOrigin, drawn: dict) -> ArrayOrigin:
    """Origin of records that carry errors for good."""
    return replace(
        origin,
        method=f"{origin.method}, with sensor errors",
        parameters={**origin.parameters, "errors": drawn},
    )


def _recipes(
    kept: Sequence[tuple[str, str]],
    clean: Callable[[tuple[str, str]], CorpusTrial],
    errors: ImuErrors | None,
    scope: str,
    training: Sequence[str],
) -> dict[str, ImuErrors | None]:
    """Recipe of every subject; beyond the trial with the SD of the clean records it refers to."""
    people = dict.fromkeys(code for code, _ in kept)
    if errors is None or scope == "trial":
        return dict.fromkeys(people, errors)

    def records(codes: Sequence[str]) -> ImuErrors:
        return with_noise_reference(errors, scope, (clean(key).recordings for key in kept if key[0] in codes))

    if scope == "subject":
        return {code: records((code,)) for code in people}
    return dict.fromkeys(people, records(tuple(training) or tuple(people)))


def _clean(
    corpus: Corpus,
    key: tuple[str, str],
    settings: RecordSettings,
    sensors: Sequence[str] | None,
    skeleton_of: SkeletonOf | None,
) -> tuple[CorpusTrial, Facts]:
    """One trial with the clean records that are asked for, and what there is to say of those made anew."""
    code, name = key
    trial = corpus.read(code, name, clean=True)
    where = f"{corpus.path}: trial {code}/{name}"
    if any(treatment.what == BAKED for treatment in trial.treatments):
        raise CorpusMismatch(f"{where} holds records with their errors and no clean ones; rewrite its source instead.")
    facts: Facts = {}
    if skeleton_of is not None:
        trial, facts = _placed_anew(trial, skeleton_of(trial), settings, where)
    if sensors is None:
        return trial, facts
    by_name = {recording.placement.sensor: recording for recording in trial.recordings}
    absent = [sensor for sensor in sensors if sensor not in by_name]
    if absent:
        raise CorpusMismatch(
            f"{where} has no sensor {absent[0]!r}, only {', '.join(by_name) or 'none'}; to put one there, give the "
            "skeleton behind its coordinates (--motion FOLDER or --model FILE)."
        )
    return replace(trial, recordings=tuple(by_name[sensor] for sensor in sensors)), facts


def _placed_anew(
    trial: CorpusTrial, skeleton: Skeleton, settings: RecordSettings, where: str
) -> tuple[CorpusTrial, Facts]:
    """A trial with the sensors of `settings` on the stored coordinates; what was said of its old records goes.

    Measured coordinates are low-passed for each segment and differentiated by the method; computed ones go through
    mechanics as they are.
    """
    if trial.kinematics is None:
        raise CorpusMismatch(f"{where} holds no coordinates, so no sensor can be placed anew on it.")
    missing = sorted(set(trial.kinematics.coordinates) - set(skeleton.coordinate_names))
    if missing:
        raise CorpusMismatch(f"{where} has the coordinate {missing[0]!r}, which {skeleton.name} lacks: another model.")
    try:
        placements = placements_of(skeleton, trial.subject, settings)
        check_segments(placements, skeleton.segment_names, f"skeleton {skeleton.name}")
        if trial.status != "measured":
            records = tuple(simulate_skeleton_imus(skeleton, trial.kinematics, placements))
            return _renewed(trial, records, "by mechanics, unfiltered"), check_gaps(records, where, allow_gaps=True)
        moved = segment_motions(skeleton, trial.kinematics)
        motions = {placement.segment: moved[placement.segment] for placement in placements}
        cutoffs = trial_cutoffs(motions, settings.cutoff, settings.method)
        records = tuple(
            simulate_imu(motions[p.segment], p, method=settings.method, cutoff=cutoff_of(cutoffs, p.segment))
            for p in placements
        )
        low = ", ".join(f"{s} {'none' if math.isnan(c.cutoff) else f'{c.cutoff:.1f} Hz'}" for s, c in cutoffs.items())
        facts = check_gaps(records, where, allow_gaps=settings.allow_gaps) | cutoff_facts(cutoffs)
        return _renewed(trial, records, f"by {settings.method}, low-pass {low}"), facts
    except ValueError as error:
        raise CorpusMismatch(f"{where}: {error}") from error


def _renewed(trial: CorpusTrial, records: tuple[ImuRecording, ...], how: str) -> CorpusTrial:
    """A trial with other records, and the one treatment that says how they were made."""
    sensors = ", ".join(record.placement.sensor for record in records)
    note = Treatment(PLACED_ANEW, f"{sensors}: motion of the skeleton by the stored coordinates, {how}")
    kept = tuple(treatment for treatment in trial.treatments if treatment.what not in OF_RECORDS)
    return with_origins(replace(trial, recordings=records, treatments=(*kept, note)), _anew_origin(trial, records, how))


def _anew_origin(trial: CorpusTrial, records: Sequence[ImuRecording], how: str) -> ArrayOrigin:
    """Origin of records of sensors that are placed anew: the coordinates, with their sources and warnings."""
    moved = next((origin for origin in trial.origins if KINEMATICS in origin.arrays), ArrayOrigin((), ""))
    return ArrayOrigin(
        tuple(sensor_array(record.placement.sensor) for record in records),
        f"virtual inertial sensor: motion of the skeleton by its coordinates, {how}",
        found=moved.found,
        sources=moved.sources,
        software=versions(),
        warnings=moved.warnings,
    )

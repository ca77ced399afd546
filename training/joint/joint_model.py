"""A joint model by itself: trained by the recipe on most people of a corpus, measured on the others, told in its card.

The tables train their own networks and throw them away; this is the one that somebody keeps and applies.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mocap_import.subject import Subject
from synth.corpus.corpus_facts import spread
from synth.corpus.provenance import file_hash
from synth.corpus.reader import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.joint_trial import ANGLE_NAMES, JointTrial
from training.checkpoint import Checkpoint, save_checkpoint
from training.comparison import bootstrap_interval
from training.config import TrainingConfig
from training.fold import fold_fingerprint
from training.joint.estimate import estimate_joint
from training.joint.fold import part_subjects
from training.joint.joint_record import SENSORS, joint_targets, joint_training_set
from training.joint.person_effect import person_effects
from training.joint.recipe import MISALIGNMENT_DEG, NOISE_SHARE
from training.joint.score import score_angles
from training.joint.sound_trial import read_sound_trials
from training.joint.thinning import thin, thinning_factor
from training.joint.worn_sensor import wear_sensors
from training.loop import train
from training.namesake import drawn_people

WEARINGS = {"as placed": 0.0, "misplaced": MISALIGNMENT_DEG}
"""How test sensors sit: SD (deg) of the turn of each about a random axis."""
LEAST_SPREAD_DEG = 0.5
"""SD of an angle in training below which a network has learnt nothing about it: a hinge."""


def train_on(
    trials: Sequence[JointTrial],
    config: TrainingConfig,
    *,
    path: Path | None = None,
    fingerprint: str = "",
    progress: Callable[[int, int, float], None] | None = None,
) -> Checkpoint:
    """Train one joint model on all of the trials, thinned to about 100 Hz, with as much less noise in a sample.

    Parameters
    ----------
    trials : sequence of JointTrial
        Clean, of one joint.
    config : TrainingConfig
        Its noise is that of a sample before thinning.
    path, fingerprint, progress : see `training.loop.train`
    """
    factor = thinning_factor(trials[0].rate)
    share = config.augmentation.noise_share / math.sqrt(factor)
    errors = config.augmentation.model_copy(update={"noise_share": share})
    thinned = [thin(trial, thinning_factor(trial.rate)) for trial in trials]
    own = config.model_copy(update={"augmentation": errors})
    return train(joint_training_set(thinned), own, path=path, fingerprint=fingerprint, progress=progress)


def score_worn(checkpoint: Checkpoint, trials: Sequence[JointTrial], *, seed: int = 0) -> pd.DataFrame:
    """Errors of a network alone on people who did not teach it, with noise on their signals.

    Parameters
    ----------
    checkpoint : Checkpoint
    trials : sequence of JointTrial
        Clean, at the rate of the recording.
    seed : int
        Of the sensor errors.

    Returns
    -------
    DataFrame
        Rows of `training.joint.score.score_angles`; the steps are `WEARINGS`.
    """
    rows: list[dict[str, object]] = []
    for trial in trials:
        for step, turned in WEARINGS.items():
            worn = wear_sensors(trial, noise_share=NOISE_SHARE, misplacement_deg=turned, seed=seed)
            worn = thin(worn, thinning_factor(trial.rate))
            rows += score_angles(step, worn, estimate_joint(checkpoint, worn).angles)
    return pd.DataFrame(rows)


def learn_joint_model(
    corpus: Path,
    joint: str,
    path: Path,
    config: TrainingConfig,
    *,
    seed: int = 0,
    licence: str = "",
    check: Sequence[Path] = (),
    progress: Callable[[int, int, float], None] | None = None,
) -> Checkpoint:
    """Train on four fifths of a corpus's people, score the others, keep all of it in one file.

    With fewer than ten people one alone is held out (`training.joint.fold.part_subjects`): errors of one person,
    without SD and interval.

    Parameters
    ----------
    corpus : Path
        As `training.joint.sound_trial.read_sound_trials` takes it.
    joint : str
        ``"hip"``, ``"knee"`` or ``"ankle"``.
    path : Path
        Of the checkpoint (.safetensors).
    config : TrainingConfig
        Of `training.joint.recipe.joint_config`.
    seed : int
        Of the parting, the test's sensor errors and the bootstrap.
    licence : str
        Of the network; by default what the corpus says of itself.
    check : sequence of Path
        Other corpora, of people who teach nothing: their errors stand in the card (`training.joint.elsewhere`).
    progress : callable, optional

    Returns
    -------
    Checkpoint
        `Checkpoint.about` holds what `training.model_card` tells.

    Raises
    ------
    CorpusMismatch
        No trial can be used, or there are fewer than three people.
    """
    read = read_sound_trials(corpus, joint)
    trials = read.trials
    fold = part_subjects({trial.subject.code: trial.laboratory for trial in trials}, seed=seed)[0]
    own = [trial for trial in trials if trial.subject.code in fold.teachers]
    others = [trial for trial in trials if trial.subject.code in fold.scored]
    digest = file_hash(corpus)
    mark = fold_fingerprint(digest, config, fold.teachers)
    made = train_on(own, config, path=path, fingerprint=mark, progress=progress)
    about = {
        "corpus": corpus_origin(corpus, digest),
        "movement": movement_facts(Corpus(corpus), fold.teachers),
        "licence": licence or str(Corpus(corpus).provenance.config.get("licence", "as the corpus's (not stated)")),
    }
    left_out, doubts = list(read.skipped), list(read.doubts)
    made = replace(made, about=about | _measured(made, own, others, seed))
    if check:
        from training.joint.elsewhere import elsewhere_rows

        rows = elsewhere_rows(made, check, made.about["mean_angles"], seed=seed, skipped=left_out, doubts=doubts)
        made = replace(made, about=made.about | {"elsewhere": rows})
    told = {key: told for key, told in (("left_out", left_out), ("doubts", doubts)) if told}
    made = replace(made, about=made.about | told)
    save_checkpoint(path, made)
    return made


def _measured(
    checkpoint: Checkpoint, own: Sequence[JointTrial], others: Sequence[JointTrial], seed: int
) -> dict[str, Any]:
    """Who taught, who was held out, and the errors on these."""
    scores, spreads = score_worn(checkpoint, others, seed=seed), spread_of_angles(own)
    held_out = people_facts([trial.subject for trial in others])
    return {
        "people": people_facts([trial.subject for trial in own]),
        "held_out": held_out | {"codes": sorted({trial.subject.code for trial in others})},
        "angles": spreads,
        "mean_angles": np.nanmean(np.concatenate([trial.angles for trial in own]), axis=0).tolist(),
        "noise_share": NOISE_SHARE,
        "errors": score_rows(scores, _constant_errors(own, others), seed),
        "effects": _effect_rows(scores, spreads, [trial.subject for trial in others]),
    }


def for_strangers(checkpoint: Checkpoint, corpus: Path) -> Checkpoint:
    """Tell virtual people of another draw from those who taught: their codes are alike, they are not.

    Who they are is drawn by the population's seed; a corpus made from it has another of its own (of sensor errors).
    People drawn by the same seed count as the same, however many of them, at whatever speeds: that can only refuse
    somebody who did not teach.

    Returns
    -------
    Checkpoint
        Without training subjects if these were virtual people and the corpus holds none of their draw; else as it came.
    """
    origin = checkpoint.about.get("corpus", {})
    if not origin.get("is_virtual"):
        return checkpoint
    here = corpus_origin(corpus, "")
    is_other = not here["is_virtual"] or _draw_of(here) != _draw_of(origin)
    return replace(checkpoint, subjects=()) if is_other else checkpoint


def _draw_of(origin: dict[str, Any]) -> Any:
    """Seed by which virtual people were drawn; that of the corpus where it does not say."""
    return origin.get("drawn", {}).get("seed", origin.get("seed"))


def joint_of(checkpoint: Checkpoint) -> str:
    """The joint of a joint model; empty of any other network."""
    first = checkpoint.targets[0].coordinate.partition("_")[0]
    return first if checkpoint.sensors == SENSORS and checkpoint.targets == joint_targets(first) else ""


def learnt_angles(checkpoint: Checkpoint) -> list[str]:
    """Angles that moved in the training, by name; all of a file that does not say."""
    spreads = checkpoint.about.get("angles", dict.fromkeys(ANGLE_NAMES, math.inf))
    return [name for name in ANGLE_NAMES if spreads.get(name, math.inf) >= LEAST_SPREAD_DEG]


def corpus_origin(corpus: Path, digest: str) -> dict[str, Any]:
    """Name, SHA-256, role and seed of a corpus, and whether its people are virtual."""
    reader = Corpus(corpus)
    made = reader.provenance
    drawn = drawn_people(reader)
    return {
        "name": Path(corpus).name,
        "sha256": digest,
        "role": reader.role,
        "seed": made.seed,
        "is_virtual": bool(drawn),
        "drawn": drawn,
        "caption": str(made.config.get("caption", "")),
        "out_of_plane": made.config.get("out_of_plane", {}),
    }


def people_facts(people: Sequence[Subject]) -> dict[str, Any]:
    """Number, sexes, and least, median and most of mass (kg), height (m) and age (years)."""
    known = {person.code: person for person in people}.values()
    facts = {name: spread(getattr(person, name) for person in known) for name in ("mass", "height", "age")}
    return {"n": len(known), "sex": dict(sorted(Counter(person.sex for person in known).items())), **facts}


def movement_facts(reader: Corpus, codes: Sequence[str]) -> dict[str, Any]:
    """What was done, how fast (m/s) and for how long in all (minutes)."""
    own = [reader.read(*key, clean=True) for key in reader.trials() if key[0] in codes]
    used = [trial for trial in own if trial.status != "refused"]
    return {
        "tasks": dict(sorted(Counter(trial.task for trial in used).items())),
        "speed": spread(trial.spatiotemporal.get("speed", math.nan) for trial in used),
        "minutes": sum(trial.n_frames / trial.rate for trial in used) / 60.0,
    }


def spread_of_angles(trials: Sequence[JointTrial]) -> dict[str, float]:
    """SD (deg) of each angle over all frames of all trials."""
    degrees = np.rad2deg(np.concatenate([trial.angles for trial in trials]))
    return {name: float(sd) for name, sd in zip(ANGLE_NAMES, np.nanstd(degrees, axis=0), strict=True)}


def _constant_errors(teachers: Sequence[JointTrial], scored: Sequence[JointTrial]) -> pd.DataFrame:
    """What it costs to say the teachers' mean angles whatever comes."""
    mean = np.nanmean(np.concatenate([trial.angles for trial in teachers]), axis=0)
    rows = [row for t in scored for row in score_angles("mean angle", t, np.tile(mean, (len(t.angles), 1)))]
    return pd.DataFrame(rows)


def _effect_rows(scores: pd.DataFrame, spreads: dict[str, float], people: Sequence[Subject]) -> list[dict[str, Any]]:
    """What mass, height and sex of the people held out do to the error of what moved, sensors as placed."""
    moved = [angle for angle, sd in spreads.items() if sd >= LEAST_SPREAD_DEG]
    placed = scores[(scores["step"] == next(iter(WEARINGS))) & scores["angle"].isin(moved)]
    table = person_effects(placed, {person.code: person for person in people})
    return table.astype(object).where(table.notna(), None).to_dict(orient="records")


def score_rows(scores: pd.DataFrame, constant: pd.DataFrame, seed: int) -> list[dict[str, Any]]:
    """Mean, SD, 95 % interval over people, by step, angle and measure; of scores, then of the mean angle's."""
    rows = []
    for (step, angle), group in pd.concat([scores, constant]).groupby(["step", "angle"], sort=False):
        for measure, column in (("raw", "rmse_deg"), ("pseudo-calibrated", "rmse_calibrated_deg")):
            by_person = group.groupby("subject")[column].mean().dropna().to_numpy()
            if not len(by_person):
                raise CorpusMismatch(f"a joint model: no frame of {angle} can be scored on the people held out.")
            low, high = bootstrap_interval(by_person, seed)
            numbers = {"mean": by_person.mean(), "sd": by_person.std(ddof=1) if len(by_person) > 1 else math.nan}
            numbers |= {"low": low, "high": high, "worst": by_person.max()}
            told = {key: None if math.isnan(value) else round(float(value), 4) for key, value in numbers.items()}
            rows.append({"sensors": step, "angle": angle, "measure": measure, **told, "people": len(by_person)})
    return rows

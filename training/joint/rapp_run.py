"""The run that makes the table: each fold is kept when it is done, and the tables so far are written after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mocap_import.durable_file import write_durably
from synth.corpus.provenance import file_hash
from synth.corpus.reader import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.joint_trial import JOINTS, JointTrial
from training.config import TrainingConfig
from training.csv_table import write_csv
from training.joint.fold import part_subjects
from training.joint.fold_run import JointFold, finished_fold, run_fold
from training.joint.joint_model import LEAST_SPREAD_DEG, spread_of_angles
from training.joint.rapp_table import page, summarise
from training.joint.sound_trial import SoundTrials, read_sound_trials

Progress = Callable[[int, int, str], None]
"""Called as progress(folds done, folds in all, name of the last)."""


@dataclass(frozen=True)
class RappRun:
    """What was made.

    Attributes
    ----------
    errors, summary, page : Path
        Every trial's errors (CSV), the table (CSV), the table for people (Markdown).
    table : DataFrame
        The summary.
    training_seconds : float
        CPU time of all networks of the fold that were used on scored subjects, of all sittings (s).
    skipped, doubts : tuple of str
        As of `training.joint.sound_trial.SoundTrials`.
    """

    errors: Path
    summary: Path
    page: Path
    table: pd.DataFrame
    training_seconds: float
    skipped: tuple[str, ...]
    doubts: tuple[str, ...]


def make_rapp_table(
    corpora: Sequence[Path],
    out: Path,
    config: TrainingConfig,
    *,
    joints: Sequence[str] = tuple(JOINTS),
    schemes: Sequence[str] = (),
    seed: int = 0,
    progress: Progress | None = None,
) -> RappRun:
    """Train and score all folds of all joints of all corpora.

    Parameters
    ----------
    corpora : sequence of Path
        With inertial records and poses (`training.joint.sound_trial.read_sound_trials`).
    out : Path
        Folder; a run that was stopped goes on from its finished folds and the states of unfinished trainings.
    config : TrainingConfig
        Of the augmented networks (`training.joint.recipe.joint_config`).
    joints : sequence of str
    schemes : sequence of str
        Of `training.joint.fold.Fold.scheme`; all by default.
    seed : int
        Of folds, sensor errors in tests and the bootstrap.
    progress : callable, optional

    Returns
    -------
    RappRun
    """
    if len({corpus.stem for corpus in corpora}) < len(corpora):
        raise CorpusMismatch("corpora of one table need different file names; rename one.")
    read: list[SoundTrials] = []
    tasks: list[tuple[JointFold, list[JointTrial]]] = []
    for path in corpora:
        tasks += _tasks(path, config, joints, schemes, seed, read)
    told = _told(corpora, tasks, read)
    cards: list[dict[str, Any]] = []
    for task, trials in tasks:
        if progress is not None:
            progress(len(cards), len(tasks), task.name)
        cards.append(run_fold(task, trials, out))
        made = _written(out, cards, len(tasks), told, seed)
    if progress is not None:
        progress(len(cards), len(tasks), "")
    return made


def tables_so_far(
    corpora: Sequence[Path], out: Path, config: TrainingConfig, *, joints: Sequence[str] = tuple(JOINTS), seed: int = 0
) -> RappRun:
    """The tables of the folds that are finished in a folder; nothing is trained.

    Raises
    ------
    CorpusMismatch
        If none is.
    """
    read: list[SoundTrials] = []
    tasks = [item for path in corpora for item in _tasks(path, config, joints, (), seed, read)]
    cards = [card for task, _ in tasks if (card := finished_fold(out, task)) is not None]
    if not cards:
        raise CorpusMismatch(
            f"{out}: none of the {len(tasks)} folds is finished; make them by `kinesynth evaluate --table`."
        )
    return _written(out, cards, len(tasks), _told(corpora, tasks, read), seed)


def _tasks(
    path: Path,
    config: TrainingConfig,
    joints: Sequence[str],
    schemes: Sequence[str],
    seed: int,
    read: list[SoundTrials],
) -> list[tuple[JointFold, list[JointTrial]]]:
    """All folds of a corpus with the trials of the joint: the first fold of every joint, then the second ones, ..."""
    digest = file_hash(path)
    found: list[tuple[int, JointFold, list[JointTrial]]] = []
    for joint in joints:
        read.append(read_sound_trials(path, joint))
        trials = list(read[-1].trials)
        folds = part_subjects({trial.subject.code: trial.laboratory for trial in trials}, seed=seed)
        found += [
            (number, JointFold(path.stem, digest, joint, fold, config, seed), trials)
            for number, fold in enumerate(folds)
            if not schemes or fold.scheme in schemes
        ]
    if not found:
        raise CorpusMismatch(f"{path}: no fold of the schemes {', '.join(schemes)}; leave the choice out to see all.")
    return [(task, trials) for _, task, trials in sorted(found, key=lambda item: item[0])]


def _caption(path: Path) -> str:
    """What the corpus says of itself, or that it says nothing."""
    config = Corpus(path).provenance.config
    said = str(config.get("caption", "")) or "Not the data of the paper."
    drawn = config.get("drawn", {})
    listed = "; ".join(f"{name}: {how}" for name, how in drawn.items()) if isinstance(drawn, dict) else str(drawn)
    return f"{said} Drawn at random: {listed}." if listed else said


@dataclass(frozen=True)
class _Told:
    """What stands beside the tables.

    Attributes
    ----------
    captions : dict of str to str
        Corpus → what is to be known about its data.
    hinges : set of (str, str, str)
        Corpus, joint and angle of what does not move and so is not scored.
    skipped, doubts : tuple of str
    """

    captions: dict[str, str]
    hinges: set[tuple[str, str, str]]
    skipped: tuple[str, ...]
    doubts: tuple[str, ...]


def _told(
    corpora: Sequence[Path], tasks: Sequence[tuple[JointFold, list[JointTrial]]], read: Sequence[SoundTrials]
) -> _Told:
    """Captions and reasons; an estimate of an angle that never moves is right by itself, and no figure."""
    captions, hinges = {path.stem: _caption(path) for path in corpora}, set()
    for (corpus, joint), trials in {(task.corpus, task.joint): trials for task, trials in tasks}.items():
        still = [name for name, sd in spread_of_angles(trials).items() if sd < LEAST_SPREAD_DEG]
        if still:
            hinges |= {(corpus, joint, name) for name in still}
            captions[corpus] += f" The {joint} is a hinge here: {' and '.join(still)} not scored."
    skipped, doubts = (tuple(told for part in read for told in getattr(part, kind)) for kind in ("skipped", "doubts"))
    return _Told(captions, hinges, skipped, doubts)


def _written(out: Path, cards: Sequence[dict[str, Any]], n_folds: int, told: _Told, seed: int) -> RappRun:
    """Write the tables of the folds so far."""
    frames = []
    for card in cards:
        frame = pd.DataFrame(card["rows"])
        place = {key: card[key] for key in ("corpus", "movement", "scheme", "fold", "joint")}
        moves = [(card["corpus"], card["joint"], angle) not in told.hinges for angle in frame["angle"]]
        frames.append(frame[moves].assign(**place, teachers=len(card["teachers"])))
    errors = pd.concat(frames, ignore_index=True)
    table = summarise(errors, seed=seed)
    write_csv(out / "errors.csv", errors)
    write_csv(out / "rapp.csv", table)
    devices = sorted({card.get("trained_on", "cpu") for card in cards})
    trained = "" if devices == ["cpu"] else f" Networks were trained on {', '.join(devices)}."
    write_durably(out / "rapp.md", page(table, told.captions, f"{len(cards)} of {n_folds} folds.{trained}"))
    seconds = float(sum(card["training_seconds"] for card in cards))
    return RappRun(out / "errors.csv", out / "rapp.csv", out / "rapp.md", table, seconds, told.skipped, told.doubts)

"""A fold: one network of a run, taught by the subjects of one split, and whether it is trained already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mocap_import.batch import Task, run_tasks
from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.subject_split import SubjectSplit
from training.checkpoint import Checkpoint, save_checkpoint
from training.config import TrainingConfig, resolve_config
from training.loop import train
from training.ranks import launched_rank
from training.run_folder import RunFolder, read_run_card
from training.sitting import TOLD, sentences_of, told_by
from training.stored_card import read_card
from training.training_set import read_training_set

FoldProgress = Callable[[int, int, str], None]
"""Called as progress(folds done, folds in all, what was done last)."""


@dataclass(frozen=True)
class Fold:
    """One network of a run.

    Attributes
    ----------
    method : str
    config : TrainingConfig
    split : SubjectSplit
    path : Path
        Of its checkpoint.
    fingerprint : str
        From `fold_fingerprint`.
    """

    method: str
    config: TrainingConfig
    split: SubjectSplit
    path: Path
    fingerprint: str

    @property
    def key(self) -> str:
        """Its name within the run."""
        return f"{self.method}/{self.split.name}"

    @property
    def is_trained(self) -> bool:
        """Whether a finished checkpoint with this fingerprint is there."""
        if not self.path.is_file():
            return False
        try:
            card = read_card(self.path)
        except CorpusMismatch:
            return False  # damaged or of another version: this fold is trained again
        return card["fingerprint"] == self.fingerprint and card["n_steps"] >= card["config"]["steps"]


def folds_of(
    out: Path, configs: Mapping[str, TrainingConfig], splits: Sequence[SubjectSplit], digest: str
) -> list[Fold]:
    """All folds of a run, in the order of its methods.

    Parameters
    ----------
    out : Path
        The run's folder; checkpoints lie in ``checkpoints/<method>/<split>.safetensors``.
    configs : mapping of str to TrainingConfig
    splits : sequence of SubjectSplit
    digest : str
        SHA-256 of the corpus.
    """
    return [
        Fold(
            method,
            config,
            split,
            out / "checkpoints" / method / f"{split.name}.safetensors",
            fold_fingerprint(digest, config, split.train),
        )
        for method, config in configs.items()
        for split in splits
    ]


def fold_fingerprint(digest: str, config: TrainingConfig, subjects: Sequence[str]) -> str:
    """SHA-256 of what decides a fold: the corpus, the configuration, the training subjects."""
    settings = config.model_dump(mode="json")
    for key in ("precision", "device", "second_window_seconds"):  # came later: folds from before them are still good
        if settings[key] == TrainingConfig.model_fields[key].default:
            del settings[key]
    content = json.dumps([digest, settings, sorted(subjects)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def keep_origin(path: Path, checkpoint: Checkpoint, run: RunFolder, method: str) -> None:
    """Write into a checkpoint which corpus taught it, by name and SHA-256 as the run's record has them."""
    corpus = read_run_card(run.path)["methods"][method]["corpus"]
    save_checkpoint(path, replace(checkpoint, about=dict(checkpoint.about) | {"corpus": corpus}))


def told_by_folds(folds: Sequence[Fold]) -> dict[str, list[str]]:
    """What the networks of some folds tell of the trials that taught them, each sentence once; see `sitting.told_by`.

    It stands in the checkpoints, so that folds of an earlier run, or of another process, tell it, too.
    """
    abouts = [read_card(fold.path).get("about", {}) for fold in folds if fold.is_trained]
    told = {key: dict.fromkeys(row for about in abouts for row in about.get(key, ())) for key in TOLD}
    return {key: list(rows) for key, rows in told.items() if rows}


def train_folds(
    corpus: Path,
    out: Path,
    folds: Sequence[Fold],
    *,
    n_workers: int = 1,
    n_loaders: int = 0,
    save_every: int,
    progress: FoldProgress | None = None,
) -> dict[str, str]:
    """Train all folds that are not trained yet.

    Parameters
    ----------
    corpus, out : Path
    folds : sequence of Fold
    n_workers : int
        Processes that train at the same time, one thread each; 1 trains in this process.
    n_loaders : int
        Processes that read windows ahead of each training.
    save_every : int
        Steps between two states on the disk.
    progress : callable, optional

    Returns
    -------
    dict of str to str
        Key of each fold that failed in a worker process → the reason.
    """
    waiting = [_task(corpus, out, fold, n_loaders, save_every) for fold in folds if not fold.is_trained]
    failures: dict[str, str] = {}
    done = len(folds) - len(waiting)

    def tell(last: str) -> None:
        if progress is not None:
            progress(done, len(folds), last)

    tell("")
    if n_workers <= 1:
        for task in waiting:
            train_fold(**task.arguments)
            done += 1
            tell(task.key)
        return failures
    for outcome in run_tasks(waiting, n_workers=n_workers):
        if outcome.status not in ("done", "skipped"):
            failures[outcome.key] = f"training {outcome.status}: {outcome.reason}"
        done += 1
        tell(outcome.key)
    return failures


def _task(corpus: Path, out: Path, fold: Fold, n_loaders: int, save_every: int) -> Task:
    """A fold as a task of a worker process, in plain data."""
    arguments = {
        "corpus": str(corpus),
        "subjects": list(fold.split.train),
        "config": fold.config.model_dump(mode="json"),
        "path": str(fold.path),
        "fingerprint": fold.fingerprint,
        "n_loaders": n_loaders,
        "save_every": save_every,
        "run": str(out),
        "name": [fold.method, fold.split.name],
    }
    return Task(fold.key, "training.fold:train_fold", arguments, fold.fingerprint)


def train_fold(
    corpus: str,
    subjects: Sequence[str],
    config: dict[str, Any],
    path: str,
    fingerprint: str,
    n_loaders: int,
    save_every: int,
    run: str,
    name: Sequence[str],
) -> dict:
    """Train one fold's network and write its checkpoint: one task of a worker process.

    Returns
    -------
    dict
        ``seconds``, ``n_labelled_trials``, ``n_labelled_frames``: plain numbers that cross the process border.
    """
    settings = resolve_config(config)
    data = read_training_set(Corpus(Path(corpus)), subjects, settings.outputs, mirror=settings.mirror)
    folder = RunFolder(Path(run))
    if launched_rank() == 0:
        for sentence in sentences_of(told_by(data)):
            folder.log(f"{'/'.join(name)}: {sentence}")
    options = {"path": Path(path), "fingerprint": fingerprint, "n_loaders": n_loaders, "save_every": save_every}
    checkpoint = train(data, settings, **options, record=folder.steps_of(*name))
    if launched_rank() == 0:
        keep_origin(Path(path), checkpoint, folder, name[0])
        folder.log(f"{'/'.join(name)}: {checkpoint.n_steps} steps in {checkpoint.seconds:.1f} s")
    return {
        "seconds": checkpoint.seconds,
        "n_labelled_trials": checkpoint.n_labelled_trials,
        "n_labelled_frames": checkpoint.n_labelled_frames,
    }

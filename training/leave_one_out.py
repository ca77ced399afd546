"""Leave one subject out: every subject is estimated by a network that all the others taught."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mocap_import.batch import Task, run_tasks
from synth.corpus import Corpus
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from training.checkpoint import Checkpoint, load_checkpoint, read_card
from training.config import OUTPUT_KINDS, TrainingConfig, resolve_config
from training.loop import SAVE_EVERY, train
from training.mean_waveform import METHOD as MEAN_WAVEFORM
from training.mean_waveform import (
    MeanWaveform,
    fit_mean_waveform,
    place_mean_waveform,
    read_trials,
)
from training.prediction import predict_trial, warm_up, write_predictions
from training.ranks import launched_rank
from training.run_folder import RunFolder, open_run
from training.target import has_waveform
from training.window import read_training_set

FoldProgress = Callable[[int, int, str], None]
"""Called as progress(folds done, folds in all, what was done last)."""


def labelled_subjects(corpus: Corpus) -> tuple[str, ...]:
    """Subjects with at least one labelled trial, in the corpus's order."""
    found: dict[str, None] = {}
    for subject, name in corpus.trials():
        if subject not in found and has_waveform(corpus.read(subject, name)).any():
            found[subject] = None
    return tuple(found)


def leave_one_subject_out(
    corpus: Path,
    out: Path,
    configs: Mapping[str, TrainingConfig],
    *,
    n_workers: int = 1,
    save_every: int = SAVE_EVERY,
    progress: FoldProgress | None = None,
) -> dict[str, Path]:
    """Train and predict every labelled subject with networks that never saw this person.

    Folds that an earlier, interrupted run finished with the same corpus and configuration are kept; a fold that it left
    half done goes on from its last state.

    Parameters
    ----------
    corpus : Path
        A reference corpus.
    out : Path
        Folder for ``<method>.h5``, ``checkpoints/<method>/<subject>.safetensors`` and the record of the run
        (`training.run_folder`).
    configs : mapping of str to TrainingConfig
        Name of the method → its configuration.
    n_workers : int
        Processes that train at the same time, one thread each; 1 trains in this process.
    save_every : int
        Steps between two states on the disk.
    progress : callable, optional

    Returns
    -------
    dict of str to Path
        Method → corpus of its estimates, role ``"prediction"``. A fold whose training failed has refused trials. Empty
        in the other processes of ``torchrun``: they train along, rank 0 writes.

    Raises
    ------
    CorpusMismatch
        If fewer than two subjects have labels.
    """
    reader = Corpus(corpus)
    subjects = labelled_subjects(reader)
    _require_two(subjects, corpus)
    digest = file_hash(corpus)
    is_writer = launched_rank() == 0
    if is_writer:
        open_run(out, corpus, configs, subjects, "leave one subject out")
    waiting: list[Task] = []
    paths: dict[tuple[str, str], Path] = {}
    for method, config in configs.items():
        for subject in subjects:
            path = paths[method, subject] = out / "checkpoints" / method / f"{subject}.safetensors"
            others = [other for other in subjects if other != subject]
            mark = fold_fingerprint(digest, config, others)
            if not _is_trained(path, mark):
                arguments = {
                    "corpus": str(corpus),
                    "subjects": others,
                    "config": config.model_dump(mode="json"),
                    "path": str(path),
                    "fingerprint": mark,
                    "save_every": save_every,
                    "run": str(out),
                    "name": [method, subject],
                }
                waiting.append(Task(f"{method}/{subject}", "training.leave_one_out:train_fold", arguments, mark))
    failures = _train_folds(waiting, n_workers, len(paths), progress)
    if not is_writer:
        return {}
    run = RunFolder(out)
    for key, reason in failures.items():
        run.log(f"{key}: {reason}")
    written = {}
    for method, config in configs.items():
        reasons = {s: failures[f"{method}/{s}"] for s in subjects if f"{method}/{s}" in failures}
        folds = {s: load_checkpoint(paths[method, s]) for s in subjects if s not in reasons}
        written[method] = _write_fold_predictions(corpus, out / f"{method}.h5", method, config, folds, reasons)
        run.log(f"{method}: {len(folds)} of {len(subjects)} folds trained; estimates in {method}.h5")
    return written


def train_fold(
    corpus: str,
    subjects: Sequence[str],
    config: dict[str, Any],
    path: str,
    fingerprint: str,
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
    options = {"path": Path(path), "fingerprint": fingerprint, "save_every": save_every}
    checkpoint = train(data, settings, **options, record=folder.steps_of(*name))
    if launched_rank() == 0:
        folder.log(f"{'/'.join(name)}: {checkpoint.n_steps} steps in {checkpoint.seconds:.1f} s")
    return {
        "seconds": checkpoint.seconds,
        "n_labelled_trials": checkpoint.n_labelled_trials,
        "n_labelled_frames": checkpoint.n_labelled_frames,
    }


def predict_mean_waveforms(
    corpus: Path, out: Path, kinds: Sequence[str] = OUTPUT_KINDS, method: str = MEAN_WAVEFORM
) -> Path:
    """Estimate every labelled subject by the mean waveform of all the others.

    Parameters
    ----------
    corpus : Path
        A reference corpus.
    out : Path
        The corpus of estimates to write, role ``"prediction"``.
    kinds : sequence of str
        Kinds of target.
    method : str
        `training.mean_waveform.METHOD`, or `BOUND`: told the contact times of the truth.

    Returns
    -------
    Path
        `out`.
    """
    reader = Corpus(corpus)
    subjects = labelled_subjects(reader)
    _require_two(subjects, corpus)
    means: dict[str, MeanWaveform] = {
        subject: fit_mean_waveform(read_trials(reader, [s for s in subjects if s != subject]), kinds, method)
        for subject in subjects
    }
    used = {s: {"trials": m.n_labelled_trials, "frames": m.n_labelled_frames} for s, m in means.items()}
    return write_predictions(
        corpus,
        out,
        lambda trial: place_mean_waveform(means[trial.subject.code], trial),
        subjects=subjects,
        source=method,
        config={"method": method, "outputs": list(kinds), "labels_used": used},
        seed=0,
    )


def fold_fingerprint(digest: str, config: TrainingConfig, subjects: Sequence[str]) -> str:
    """SHA-256 of what decides a fold: the corpus, the configuration, the training subjects."""
    settings = config.model_dump(mode="json")
    for key in (
        "precision",
        "device",
        "second_window_seconds",
    ):  # settings that came later: folds from before them are still good
        if settings[key] == TrainingConfig.model_fields[key].default:
            del settings[key]
    content = json.dumps([digest, settings, sorted(subjects)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _require_two(subjects: Sequence[str], corpus: Path) -> None:
    if len(subjects) < 2:
        found = ", ".join(subjects) or "none"
        raise CorpusMismatch(
            f"{corpus}: leaving one subject out needs labelled trials of at least two subjects, found {found}. "
            "See the reasons of the refused trials (`kinesynth corpus show`)."
        )


def _is_trained(path: Path, mark: str) -> bool:
    """Whether a finished checkpoint with this fingerprint is there."""
    if not path.is_file():
        return False
    try:
        card = read_card(path)
    except CorpusMismatch:
        return False  # damaged or of another version: this fold is trained again
    return card["fingerprint"] == mark and card["n_steps"] >= card["config"]["steps"]


def _train_folds(waiting: list[Task], n_workers: int, total: int, progress: FoldProgress | None) -> dict[str, str]:
    """Train all waiting folds; returns the reasons of those that failed, by key."""
    failures: dict[str, str] = {}
    done = total - len(waiting)
    if progress is not None:
        progress(done, total, "")
    if n_workers <= 1:
        for task in waiting:
            train_fold(**task.arguments)
            done += 1
            if progress is not None:
                progress(done, total, task.key)
        return failures
    for outcome in run_tasks(waiting, n_workers=n_workers):
        if outcome.status not in ("done", "skipped"):
            failures[outcome.key] = f"training {outcome.status}: {outcome.reason}"
        done += 1
        if progress is not None:
            progress(done, total, outcome.key)
    return failures


def _write_fold_predictions(
    corpus: Path,
    out: Path,
    method: str,
    config: TrainingConfig,
    folds: Mapping[str, Checkpoint],
    failures: Mapping[str, str],
) -> Path:
    """Estimate each subject with the network of its own fold."""
    for checkpoint in folds.values():
        warm_up(checkpoint)

    def estimate(trial: CorpusTrial) -> CorpusTrial:
        subject = trial.subject.code
        if subject in failures:
            raise CorpusMismatch(failures[subject])
        return predict_trial(folds[subject], trial)

    facts = {s: {"trials": c.n_labelled_trials, "frames": c.n_labelled_frames} for s, c in folds.items()}
    return write_predictions(
        corpus,
        out,
        estimate,
        subjects=[*folds, *failures],
        source=method,
        config=config.model_dump(mode="json")
        | {
            "method": method,
            "labels_used": facts,
            "training_seconds": {subject: checkpoint.seconds for subject, checkpoint in folds.items()},
        },
        seed=config.seed,
    )

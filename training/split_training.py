"""Training by splits: one network a split, and estimates of those whom each of them tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from synth.corpus.leak import refuse_leaking_splits
from synth.corpus.provenance import file_hash
from training.chosen_split import ChosenSplits
from training.config import TrainingConfig
from training.fold import FoldProgress, folds_of, train_folds
from training.loop import SAVE_EVERY
from training.mean_waveform import TIMINGS
from training.ranks import launched_rank
from training.run_folder import RunFolder, open_run
from training.split_estimate import estimate_groups, write_fold_estimates, write_mean_waveforms


def train_splits(
    corpus: Path,
    out: Path,
    configs: Mapping[str, TrainingConfig],
    chosen: ChosenSplits,
    *,
    n_workers: int = 1,
    n_loaders: int = 0,
    save_every: int = SAVE_EVERY,
    progress: FoldProgress | None = None,
) -> dict[str, Path]:
    """Train a network a split and estimate its test subjects.

    Folds that an earlier, interrupted run finished with the same corpus and configuration are kept; a fold that it left
    half done goes on from its last state.

    Parameters
    ----------
    corpus : Path
        A reference corpus.
    out : Path
        Folder for ``<estimates>.h5``, ``checkpoints/<method>/<split>.safetensors`` and the record of the run
        (`training.run_folder`).
    configs : mapping of str to TrainingConfig
        Name of the method → its configuration.
    chosen : ChosenSplits
        From `training.chosen_split.choose_splits`.
    n_workers : int
        Processes that train at the same time, one thread each; 1 trains in this process.
    n_loaders : int
        Processes that read windows ahead of each training; the result is the same.
    save_every : int
        Steps between two states on the disk.
    progress : callable, optional

    Returns
    -------
    dict of str to Path
        Name of the estimates (the method, or method and split where splits test the same subjects) → their corpus,
        role ``"prediction"``. A fold whose training failed has refused trials. Empty in the other processes of
        ``torchrun``: they train along, rank 0 writes.

    Raises
    ------
    CorpusMismatch
        A split has one person, or the same data, on two sides.
    """
    folds = folds_of(out, configs, chosen.splits, file_hash(corpus))
    if not all(fold.is_trained for fold in folds):
        refuse_leaking_splits(corpus, chosen.splits)
    is_writer = launched_rank() == 0
    if is_writer:
        open_run(out, corpus, configs, chosen.subjects, chosen.name)
    loading = {"n_workers": n_workers, "n_loaders": n_loaders, "save_every": save_every}
    failures = train_folds(corpus, out, folds, **loading, progress=progress)
    if not is_writer:
        return {}
    run = RunFolder(out)
    for key, reason in failures.items():
        run.log(f"{key}: {reason}")
    written = {}
    for method in configs:
        for name, splits in estimate_groups(chosen, method).items():
            own = [fold for fold in folds if fold.method == method and fold.split in splits]
            path = out / f"{name}.h5"
            written[name] = write_fold_estimates(corpus, path, name, own, failures, is_stored=chosen.is_stored)
            n_trained = sum(fold.key not in failures for fold in own)
            run.log(f"{name}: {n_trained} of {len(own)} folds trained; estimates in {name}.h5")
    return written


def mean_waveforms_of(corpus: Path, out: Path, chosen: ChosenSplits) -> dict[str, Path]:
    """Estimate the test subjects of splits by mean waveforms, with both timings.

    Returns
    -------
    dict of str to Path
        Name of the estimates → their corpus in the folder `out`.
    """
    return {
        name: write_mean_waveforms(corpus, out / f"{name}.h5", splits, method=method, is_stored=chosen.is_stored)
        for method in TIMINGS
        for name, splits in estimate_groups(chosen, method).items()
    }

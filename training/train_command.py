"""What ``kinesynth train`` does: trains networks, alone or with the other processes of ``torchrun``, and tells."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from mocap_import.batch import ExitCode, exit_code
from mocap_import.progress import track
from synth.corpus import Corpus
from synth.corpus.provenance import file_hash
from training.chosen_split import choose_splits, labelled_subjects
from training.config import ConfigRefused, TrainingConfig
from training.device import choose_device
from training.fold import fold_fingerprint, folds_of, keep_origin, told_by_folds
from training.loop import train
from training.prediction import apply_checkpoint
from training.ranks import is_launched, joined_ranks, launched_rank
from training.run_folder import RunFolder, open_run
from training.sitting import sentences_of, told_by
from training.split_training import mean_waveforms_of, train_splits
from training.training_set import read_training_set


@dataclass(frozen=True)
class Wish:
    """What the user asked for.

    Attributes
    ----------
    corpus, out_dir : Path
    configs : dict of str to TrainingConfig
        Network → its configuration.
    leave_one_out : bool or None
        True: one network a left-out subject, whatever splits are stored; False: one on all subjects; None: the stored
        splits, if there is one family of them, otherwise as True.
    split : str
        A stored family of splits, or one split; ``""`` = not said.
    apply_to : Path or None
        A corpus of other subjects to estimate with the network on all.
    workers : int
        Folds trained at the same time.
    loaders : int
        Processes that read windows ahead of each training.
    save_every : int
        Steps between two states.
    as_json : bool
    """

    corpus: Path
    out_dir: Path
    configs: dict[str, TrainingConfig]
    leave_one_out: bool | None
    split: str
    apply_to: Path | None
    workers: int
    loaders: int
    save_every: int
    as_json: bool

    @property
    def shows_progress(self) -> bool | None:
        """For the bar: False = never, None = where there is a terminal."""
        return False if self.as_json or launched_rank() > 0 else None


def train_networks(wish: Wish) -> ExitCode:
    """Train, write estimates, tell what was done.

    Raises
    ------
    ConfigRefused
        For wishes that exclude each other.
    """
    on_all = wish.leave_one_out is False
    if not on_all and wish.apply_to is not None:
        raise ConfigRefused("--apply-to needs --all: splits estimate the corpus's own subjects")
    if wish.split and wish.leave_one_out is not None:
        raise ConfigRefused("--split says who is left out: leave out --leave-one-out and --all")
    if is_launched() and wish.workers > 1:
        raise ConfigRefused("--workers: under torchrun every fold is trained by all processes together; leave it out")
    with joined_ranks(choose_device(next(iter(wish.configs.values())))):
        return _train_on_all(wish) if on_all else _train_folds(wish)


def _train_folds(wish: Wish) -> ExitCode:
    corpus, out_dir = wish.corpus, wish.out_dir
    chosen = choose_splits(Corpus(corpus), wish.split, stored=not wish.leave_one_out)
    with track(len(wish.configs) * len(chosen.splits), "Training", shown=wish.shows_progress) as bar:
        so_far = 0

        def progress(done: int, total: int, last: str) -> None:
            nonlocal so_far
            bar.advance(done - so_far, description=f"Training {last}")
            so_far = done

        options = {"n_workers": wish.workers, "n_loaders": wish.loaders, "save_every": wish.save_every}
        written = train_splits(corpus, out_dir, wish.configs, chosen, **options, progress=progress)
    if launched_rank() > 0:
        return ExitCode.ALL
    written |= mean_waveforms_of(corpus, out_dir, chosen)
    n_done = n_refused = 0
    rows = []
    for method, path in written.items():
        summary = Corpus(path).summary()
        refused = [row for row in summary if row["status"] == "refused"]
        n_done, n_refused = n_done + len(summary) - len(refused), n_refused + len(refused)
        rows.append(
            {
                "method": method,
                "estimates": str(path),
                "trials": len(summary),
                "refused": len(refused),
                "reasons": sorted({str(row["reason"]) for row in refused}),
            }
        )
    told = told_by_folds(folds_of(out_dir, wish.configs, chosen.splits, file_hash(corpus)))
    if not wish.as_json:
        for sentence in sentences_of(told):
            typer.echo(sentence, err=True)
        typer.echo(f"{chosen.name}: {len(chosen.splits)} splits")
    _tell(rows, wish.as_json, {"splits": chosen.name, "methods": rows} | told)
    return exit_code(n_done, n_refused)


def _train_on_all(wish: Wish) -> ExitCode:
    reader, run, is_writer = Corpus(wish.corpus), RunFolder(wish.out_dir), launched_rank() == 0
    people, digest = labelled_subjects(reader), file_hash(wish.corpus)
    if is_writer:
        open_run(wish.out_dir, wish.corpus, wish.configs, people, "all subjects")
    rows = []
    for name, config in wish.configs.items():
        data = read_training_set(reader, people, config.outputs, mirror=config.mirror)
        told = told_by(data)
        for sentence in sentences_of(told) if is_writer else ():
            run.log(f"{name}: {sentence}")
            if not wish.as_json:
                typer.echo(sentence, err=True)
        path = wish.out_dir / f"{name}.safetensors"
        with track(config.steps, f"Training {name}", shown=wish.shows_progress) as bar:
            so_far = 0

            def progress(step: int, _total: int, _loss: float, bar: Any = bar) -> None:
                nonlocal so_far
                bar.advance(step - so_far)  # a training that goes on begins at its state
                so_far = step

            options = {
                "path": path,
                "fingerprint": fold_fingerprint(digest, config, people),
                "save_every": wish.save_every,
                "n_loaders": wish.loaders,
                "record": run.steps_of(name, "all"),
            }
            checkpoint = train(data, config, **options, progress=progress)
        if not is_writer:
            continue
        keep_origin(path, checkpoint, run, name)
        run.log(f"{name}: {checkpoint.n_steps} steps in {checkpoint.seconds:.1f} s")
        row = {"network": name, "checkpoint": str(path), "seconds": round(checkpoint.seconds, 2)}
        row |= {"labelled_trials": checkpoint.n_labelled_trials, "labelled_frames": checkpoint.n_labelled_frames}
        if wish.as_json:
            row |= told
        if wish.apply_to is not None:
            out = wish.out_dir / f"{name}_{wish.apply_to.stem}.h5"
            row["estimates"] = str(apply_checkpoint(checkpoint, wish.apply_to, out))
        rows.append(row)
    if is_writer:
        _tell(rows, wish.as_json, {"networks": rows})
    return ExitCode.ALL


def _tell(rows: list[dict[str, Any]], as_json: bool, machine: dict[str, Any]) -> None:
    if as_json:
        typer.echo(json.dumps(machine))
        return
    for row in rows:
        typer.echo(", ".join(f"{key} {value}" for key, value in row.items() if value not in ([], "")))

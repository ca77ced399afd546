"""A sitting at a training: from its beginning, or the state that an earlier one left, to its end or an interruption."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from training.batch_stream import Batch, batches
from training.checkpoint import Checkpoint, save_checkpoint
from training.config import TrainingConfig
from training.input_check import fit_signature
from training.learning_step import Lesson, fresh_learner, prepare_lesson, take_step
from training.memory_set import MemoryTrainingSet
from training.ranks import Ranks
from training.step_record import StepRecord
from training.training_set import TrainingSet
from training.training_state import (
    Learner,
    capture_state,
    earlier_state,
    restore_state,
    save_state,
    state_path,
    training_mark,
)


@dataclass
class Sitting:
    """A training under way.

    Attributes
    ----------
    data : TrainingSet
    config : TrainingConfig
    lesson : Lesson
    learner : Learner
    path : Path or None
        Of the checkpoint; None writes nothing.
    fingerprint : str
    record : StepRecord or None
    mark : str
        Identity of the training.
    began : float
        When it would have begun without a break (s, of `time.perf_counter`).
    done : int
        Steps.
    is_whole : bool
        Whether the last step was not torn by an error.
    """

    data: TrainingSet
    config: TrainingConfig
    lesson: Lesson
    learner: Learner
    path: Path | None
    fingerprint: str
    record: StepRecord | None
    mark: str
    began: float
    done: int = 0
    is_whole: bool = True

    @property
    def seconds(self) -> float:
        """Training time so far (s, wall), of all sittings."""
        return time.perf_counter() - self.began

    @property
    def is_finished(self) -> bool:
        """Whether all steps are done."""
        return self.done >= self.config.steps

    def batches(self, n_loaders: int) -> Iterator[Batch]:
        """The batches that are still to be learnt from."""
        self.lesson.stream.first = self.done
        return batches(self.lesson.stream, n_loaders)

    def learn(self, batch: Batch) -> float:
        """Take a step; returns the loss."""
        self.is_whole = False
        figures = take_step(self.lesson, self.learner, self.config, batch)
        self.is_whole, self.done = True, self.done + 1
        if self.record is not None:
            figures["seconds"] = self.seconds
            self.record.write(self.done, {name: float(value) for name, value in figures.items()})
        return float(figures["loss"])

    def keep(self) -> None:
        """Write the state, and the record up to it."""
        if self.record is not None:
            self.record.flush()  # before the state: no step of the record is lost, later ones are taken back
        if self.path is not None and self.done:
            save_state(state_path(self.path), capture_state(self.learner, self.done, self.seconds, self.mark))

    def end(self) -> Checkpoint:
        """Write what there is: the checkpoint, and the state of a training that is not finished."""
        # Half a step (an error, a second Ctrl-C) is nothing to go on from: what was saved before it stays.
        if not self.is_finished and self.is_whole:
            self.keep()
        checkpoint = self._checkpoint()
        if self.path is not None and self.done and self.is_whole:
            save_checkpoint(self.path, checkpoint)
            if self.is_finished:
                state_path(self.path).unlink(missing_ok=True)
        if self.record is not None:
            self.record.close()
        return checkpoint

    def _checkpoint(self) -> Checkpoint:
        data = self.data
        return Checkpoint(
            network=self.learner.network.eval().cpu(),
            config=self.config,
            normalisation=self.lesson.normalisation,
            sensors=data.sensors,
            targets=data.targets,
            rate=data.rate,
            subjects=tuple(sorted({record.subject for record in data.records})),
            n_labelled_trials=data.n_labelled_trials,
            n_labelled_frames=data.n_labelled_frames,
            n_steps=self.done,
            seconds=self.seconds,
            fingerprint=self.fingerprint,
            signature=fit_signature(
                [record.summary.wearing for record in data.records if not record.is_mirrored], data.sensors
            ),
            about=told_by(data),
        )


TOLD = {"left_out": "left out: ", "doubts": ""}
"""What a training set tells of its trials, and what stands before each sentence of it on a screen."""


def told_by(data: TrainingSet | MemoryTrainingSet) -> dict[str, list[str]]:
    """What a training set tells of its trials: sentences by the keys of `TOLD`, without those that are empty."""
    left_out = [f"{subject}/{trial}: {reason}" for subject, trial, reason in data.left_out]
    return {key: rows for key, rows in zip(TOLD, (left_out, list(data.doubts)), strict=True) if rows}


def sentences_of(told: Mapping[str, Sequence[str]]) -> list[str]:
    """As a person reads it."""
    return [f"{word}{sentence}" for key, word in TOLD.items() for sentence in told.get(key, ())]


def begin_sitting(
    data: TrainingSet,
    config: TrainingConfig,
    device: torch.device,
    ranks: Ranks,
    path: Path | None,
    fingerprint: str,
    record: StepRecord | None,
) -> Sitting:
    """Begin a training, or go on with one from its last state.

    Parameters
    ----------
    data, config : see `training.loop.train`
    device : torch.device
    ranks : Ranks
        All of them go on from the same step; the first one writes.
    path, fingerprint, record : see `training.loop.train`
    """
    began, done = time.perf_counter(), 0
    lesson = prepare_lesson(data, config, device, ranks)
    mark = training_mark(data, config) if path is not None else ""
    learner = fresh_learner(lesson, config)
    if (state := earlier_state(path, mark)) is not None:
        restore_state(learner, state)
        done, began = state.step, began - state.seconds
    ranks.agree(done, "step to go on from")
    if not ranks.is_first:
        path = record = None
    if record is not None:
        record.begin(done)
    return Sitting(data, config, lesson, learner, path, fingerprint, record, mark, began, done)

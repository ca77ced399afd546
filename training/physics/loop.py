"""The label-free training loop: repeatable from its seed, and going on where it was stopped, bit for bit."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from training.loop import repeatable
from training.physics.config import PhysicsConfig
from training.physics.lesson import fresh_learner, prepare_lesson, take_step
from training.physics.model_file import PhysicsModel, save_physics_model
from training.physics.record import PhysicsData
from training.step_boundary import interruptions_held
from training.step_record import StepRecord
from training.training_state import capture_state, earlier_state, restore_state, save_state, state_path

SAVE_EVERY = 100


def train_by_physics(
    data: PhysicsData,
    config: PhysicsConfig,
    *,
    path: Path | None = None,
    fingerprint: str = "",
    save_every: int = SAVE_EVERY,
    record: StepRecord | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> PhysicsModel:
    """Train one label-free network.

    Parameters
    ----------
    data : PhysicsData
    config : PhysicsConfig
    path : Path, optional
        Where the model is written; a training of the same data and configuration that was stopped goes on.
    fingerprint : str
        Of the corpus, stored with the model.
    save_every : int
        Steps between two states on the disk; 0 = only when interrupted.
    record : StepRecord, optional
        Gets every step's loss and its terms.
    progress : callable, optional
        Called as progress(steps done, steps in all, loss).

    Returns
    -------
    PhysicsModel
        The same data, configuration and library versions give the same weights, bit for bit.

    Raises
    ------
    KeyboardInterrupt
        Passed on between two steps, after weights and state so far were written.
    """
    began, done, is_whole = time.process_time(), 0, True
    with repeatable(config.seed, torch.device("cpu")), interruptions_held() as release:
        lesson = prepare_lesson(data, config)
        learner = fresh_learner(lesson, config)
        mark = _mark(data, config) if path is not None else ""
        if (state := earlier_state(path, mark)) is not None:
            restore_state(learner, state)
            done, began = state.step, began - state.seconds
        if record is not None:
            record.begin(done)

        def keep() -> None:
            if record is not None:
                record.flush()
            if path is not None and done:
                save_state(state_path(path), capture_state(learner, done, time.process_time() - began, mark))

        try:
            while done < config.steps:
                is_whole = False
                figures = take_step(lesson, learner, config)
                is_whole, done = True, done + 1
                if record is not None:
                    figures["seconds"] = time.process_time() - began
                    record.write(done, {name: float(value) for name, value in figures.items()})
                if save_every and done % save_every == 0 and done < config.steps:
                    keep()
                if progress is not None:
                    progress(done, config.steps, float(figures["loss"]))
                release()
        finally:
            if done < config.steps and is_whole:
                keep()
            seconds = time.process_time() - began
            network = learner.network.eval()
            codes = tuple(p.code for p in data.people)
            facts = (data.sensors, data.segments, data.rate, codes, done, seconds, data.seconds, fingerprint)
            builds = tuple((p.mass, p.height) for p in data.people)
            model = PhysicsModel(network, config, *facts, data.signature, builds)
            if path is not None and done and is_whole:
                save_physics_model(path, model)
                if done == config.steps:
                    state_path(path).unlink(missing_ok=True)
            if record is not None:
                record.close()
    return model


def _mark(data: PhysicsData, config: PhysicsConfig) -> str:
    """SHA-256 of all that decides the weights."""
    people = [(p.code, p.mass, p.height) for p in data.people]
    facts = [config.model_dump(mode="json"), data.sensors, data.segments, data.rate, people]
    digest = hashlib.sha256(json.dumps([*facts, torch.__version__, np.__version__]).encode())
    for record in data.records:
        for values in (record.channels, record.pace, record.places, record.is_missing):
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()

"""One step of learning: a batch of fresh windows, the loss, the gradient; alone or with other processes.

Every process draws the whole batch, from the same seed, and learns from its share: drawing costs little beside
learning, and what is drawn does not depend on how many processes there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from training.augmentation import augment, channel_covariances
from training.config import TrainingConfig
from training.device import computing_in
from training.label_offset import shrink_offsets
from training.loss import count_labels, supervised_loss
from training.networks.registry import build_network
from training.networks.shared_batch import share_batch
from training.normalisation import Normalisation, fit_normalisation
from training.ranks import Ranks
from training.training_state import Learner
from training.window import TrainingSet, TrialRecord, draw_windows


@dataclass(frozen=True)
class Lesson:
    """What does not change from step to step.

    Attributes
    ----------
    records : tuple of TrialRecord
    normalisation : Normalisation
    covariances : ndarray
        From `training.augmentation.channel_covariances`.
    length : int
        Frames per window.
    rate : float
        Frames per second (Hz).
    columns : dict
        Kind of target → its columns.
    device : torch.device
    ranks : Ranks
    second_length : int
        Frames per window in the second half of the steps; 0 = as in the first.
    """

    records: tuple[TrialRecord, ...]
    normalisation: Normalisation
    covariances: np.ndarray
    length: int
    rate: float
    columns: dict[str, list[int]]
    device: torch.device
    ranks: Ranks
    second_length: int = 0

    def length_at(self, step: int, n_steps: int) -> int:
        """Frames per window after `step` of `n_steps` steps: two stages, short windows first (Rapp et al. 2021)."""
        return self.second_length if self.second_length and 2 * step >= n_steps else self.length


def prepare_lesson(
    data: TrainingSet, config: TrainingConfig, length: int, device: torch.device, ranks: Ranks
) -> Lesson:
    """Bring the data of a training into the shape that steps need."""
    records = data.records
    if config.shrink_offsets:
        records = shrink_offsets(records, data.targets, config.augmentation.misalignment_deg)
    columns = {k: [i for i, t in enumerate(data.targets) if t.kind == k] for k in {t.kind: 0 for t in data.targets}}
    scale, covariances = fit_normalisation(records), channel_covariances(records)
    second = min(round(config.second_window_seconds * data.rate), min(record.n_frames for record in records))
    return Lesson(records, scale, covariances, length, data.rate, columns, device, ranks, second)


def fresh_learner(lesson: Lesson, config: TrainingConfig) -> Learner:
    """A network with the weights of the seed, its optimiser, its schedule and the generator of its windows."""
    scale = lesson.normalisation
    network = build_network(len(scale.input_mean), len(scale.target_mean), lesson.rate, config).train()
    network.to(lesson.device)
    share_batch(network, lesson.ranks, config.batch)
    optimiser = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=config.steps + 1)
    learner = Learner(network, optimiser, schedule, np.random.default_rng(config.seed))
    if lesson.ranks.is_shared:
        learner.estimate = DistributedDataParallel(network)
    return learner


def take_step(lesson: Lesson, learner: Learner, config: TrainingConfig) -> dict[str, Any]:
    """Draw a batch, learn from it.

    Returns
    -------
    dict
        Figures of the step, over the whole batch: numbers, or tensors without a shape.
    """
    device, ranks = lesson.device, lesson.ranks
    length = lesson.length_at(learner.schedule.last_epoch, config.steps)
    windows = draw_windows(lesson.records, length, config.batch, learner.rng)
    inputs = augment(windows, lesson.covariances, **dict(config.augmentation), rng=learner.rng)
    shift, size, target_shift, target_size = (
        torch.from_numpy(values).to(device) for values in vars(lesson.normalisation).values()
    )
    own = ranks.share(config.batch)
    counts = count_labels(windows.labels, lesson.columns) if ranks.is_shared else None
    labels = (torch.from_numpy(windows.labels[own]).to(device) - target_shift) / target_size
    with computing_in(config, device):
        outputs = learner.estimate((torch.from_numpy(inputs[own]).to(device) - shift) / size)
    loss, terms = supervised_loss(outputs.float(), labels, lesson.columns, counts)
    learner.optimiser.zero_grad()
    # Each rank's loss is its share of the sum over the whole batch; the gradient is averaged over ranks afterwards.
    (loss * ranks.size if ranks.is_shared else loss).backward()
    norm = nn.utils.clip_grad_norm_(learner.network.parameters(), config.gradient_norm)
    rate = learner.optimiser.param_groups[0]["lr"]
    learner.optimiser.step()
    learner.schedule.step()
    totals = ranks.total(torch.stack([loss, *terms.values()]).detach())
    names = ["loss", *(f"loss_{kind}" for kind in terms)]
    return dict(zip(names, totals, strict=True)) | {"learning_rate": rate, "gradient_norm": norm}

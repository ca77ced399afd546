"""One step of learning from a batch: the loss, the gradient; alone or with other processes.

Every process draws the whole batch, from the same seed, and learns from its share: drawing costs little beside
learning, and what is drawn does not depend on how many processes there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from training.augmentation import channel_covariances
from training.batch_stream import Batch, BatchStream
from training.config import TrainingConfig
from training.device import computing_in
from training.label_offset import offset_shifts
from training.loss import count_labels, supervised_loss
from training.memory_set import MemoryTrainingSet
from training.networks.registry import build_network
from training.networks.shared_batch import share_batch
from training.normalisation import Normalisation, fit_normalisation
from training.ranks import Ranks
from training.training_set import TrainingSet
from training.training_state import Learner


@dataclass(frozen=True)
class Lesson:
    """What does not change from step to step.

    Attributes
    ----------
    stream : BatchStream
    normalisation : Normalisation
    rate : float
        Frames per second (Hz).
    columns : dict
        Kind of target → its columns.
    device : torch.device
    ranks : Ranks
    """

    stream: BatchStream
    normalisation: Normalisation
    rate: float
    columns: dict[str, list[int]]
    device: torch.device
    ranks: Ranks


def prepare_lesson(
    data: TrainingSet | MemoryTrainingSet, config: TrainingConfig, device: torch.device, ranks: Ranks
) -> Lesson:
    """Bring the data of a training into the shape that steps need."""
    source = data.source(config.window_seconds)
    second = data.source(config.second_window_seconds) if config.second_window_seconds else None
    summaries = [record.summary for record in data.records]
    misalignment = config.augmentation.misalignment_deg if config.shrink_offsets else 0.0
    shifts = offset_shifts(summaries, data.targets, misalignment)
    columns = {k: [i for i, t in enumerate(data.targets) if t.kind == k] for k in {t.kind: 0 for t in data.targets}}
    stream = BatchStream(source, channel_covariances(summaries), shifts, config, second=second)
    return Lesson(stream, fit_normalisation(summaries, shifts), data.rate, columns, device, ranks)


def fresh_learner(lesson: Lesson, config: TrainingConfig) -> Learner:
    """A network with the weights of the seed, its optimiser and its schedule."""
    scale = lesson.normalisation
    network = build_network(len(scale.input_mean), len(scale.target_mean), lesson.rate, config).train()
    network.to(lesson.device)
    share_batch(network, lesson.ranks, config.batch)
    optimiser = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=config.steps + 1)
    learner = Learner(network, optimiser, schedule)
    if lesson.ranks.is_shared:
        learner.estimate = DistributedDataParallel(network)
    return learner


def take_step(lesson: Lesson, learner: Learner, config: TrainingConfig, batch: Batch) -> dict[str, Any]:
    """Learn from a batch.

    Returns
    -------
    dict
        Figures of the step, over the whole batch: numbers, or tensors without a shape.
    """
    device, ranks = lesson.device, lesson.ranks
    shift, size, target_shift, target_size = (
        torch.from_numpy(values).to(device) for values in vars(lesson.normalisation).values()
    )
    own = ranks.share(config.batch)
    counts = count_labels(batch.labels.numpy(), lesson.columns) if ranks.is_shared else None
    labels = (batch.labels[own].to(device) - target_shift) / target_size
    with computing_in(config, device):
        outputs = learner.estimate((batch.inputs[own].to(device) - shift) / size)
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

"""One step of label-free learning: windows of records, what physics says against the estimate, the gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from synth.corpus.schema import CorpusMismatch
from training.physics.adjoint_batch import adjoint_terms, told_of
from training.physics.adjoint_term import NAMES
from training.physics.body import chosen_bodies
from training.physics.config import PhysicsConfig
from training.physics.load_share import FEET, load_share
from training.physics.loss_term import placement_loss
from training.physics.network import PhysicsNetwork, Windows, channel_statistics, fresh_network
from training.physics.record import PhysicsData, SagittalRecord
from training.physics.term_table import TermTable, term_table
from training.training_state import Learner

LATE = ("dynamics", "contact", "sliding", "effort")
"""Terms that come in slowly: before the movement is roughly right, standing still is their easiest way out."""


@dataclass(frozen=True)
class Lesson:
    """What does not change from step to step.

    Attributes
    ----------
    data : PhysicsData
    person : tuple of int
        Person of each record.
    starts : tuple of ndarray
        First frames of the windows of each record that miss nothing.
    length, skip : int
        Frames of a window, and of its start that costs nothing.
    shares : tuple of ndarray
        Share of the load on the right foot at the frames of each record, NaN where it is not known.
    table : TermTable
    """

    data: PhysicsData
    person: tuple[int, ...]
    starts: tuple[np.ndarray, ...]
    length: int
    skip: int
    shares: tuple[np.ndarray, ...]
    table: TermTable


def prepare_lesson(data: PhysicsData, config: PhysicsConfig) -> Lesson:
    """Find where windows may begin.

    Raises
    ------
    CorpusMismatch
        No record has an unbroken stretch of a window's length.
    """
    shortest = min(len(r.channels) for r in data.records)
    length = min(round(config.window_seconds * data.rate), shortest)
    skip = min(round(config.warm_up_seconds * data.rate), length // 2)
    codes = [p.code for p in data.people]
    starts = []
    for record in data.records:
        gaps = np.concatenate([[0], np.cumsum(record.is_missing)])
        starts.append(np.flatnonzero(gaps[length:] == gaps[:-length]))
    if not sum(map(len, starts)) or length < 10:
        raise CorpusMismatch(
            f"expected unbroken records of {length / data.rate:g} s for windows, found none; shorten `window_seconds` "
            "or mend the gaps."
        )
    shares = tuple(_told_share(record, data.segments) for record in data.records)
    sensed = [data.bodies.segments.index(s) for s in data.segments]
    sd = torch.from_numpy(channel_statistics(data)[1].astype(np.float32))
    table = term_table(data.bodies, sensed, sd, data.rate, config)
    return Lesson(
        data, tuple(codes.index(r.subject.code) for r in data.records), tuple(starts), length, skip, shares, table
    )


def _told_share(record: SagittalRecord, segments: tuple[str, ...]) -> np.ndarray:
    """What the foot gyroscopes tell of the load, NaN without two of them."""
    if not set(FEET) <= set(segments):
        return np.full(len(record.channels), np.nan, np.float32)
    right, left = (record.channels[:, segments.index(foot), 2] for foot in FEET)
    return load_share(right, left, record.rate).astype(np.float32)


def fresh_learner(lesson: Lesson, config: PhysicsConfig) -> Learner:
    """A network with the weights of torch's seed, its optimiser, its schedule and the generator of its windows."""
    network = fresh_network(lesson.data, config).train()
    worn = [network.turns, network.shifts, network.stretches, network.soles]
    rest = [p for p in network.parameters() if not any(p is w for w in worn)]
    slow = config.learning_rate * config.placement_rate
    groups = [
        {"params": rest, "lr": config.learning_rate},
        {"params": worn, "lr": slow, "weight_decay": 0.0},
    ]
    peaks = [config.learning_rate, slow]
    if config.place_rate is not None:
        groups[1]["params"] = [p for p in worn if p is not network.shifts]
        peaks.append(config.learning_rate * config.place_rate)
        groups.append({"params": [network.shifts], "lr": peaks[-1], "weight_decay": 0.0})
    optimiser = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, peaks, total_steps=config.steps + 1)
    return Learner(network, optimiser, schedule, rng=np.random.default_rng(config.seed))


def draw_windows(lesson: Lesson, n_windows: int, rng: np.random.Generator, opening_share: float = 0.0) -> Windows:
    """Random windows; records are drawn by the number of windows that they hold, a share of them at their beginning."""
    data = lesson.data
    counts = np.cumsum([len(s) for s in lesson.starts])
    drawn = rng.integers(counts[-1], size=n_windows)
    which = np.searchsorted(counts, drawn, side="right")
    is_opening = rng.random(n_windows) < opening_share
    drawn = np.where(is_opening, (counts - [len(s) for s in lesson.starts])[which], drawn)
    spans = []
    for record, number in zip(which, drawn, strict=True):
        first = lesson.starts[record][number - (counts[record] - len(lesson.starts[record]))]
        spans.append((data.records[record], slice(first, first + lesson.length), lesson.shares[record]))
    person = torch.tensor([lesson.person[r] for r in which])
    return Windows(
        torch.from_numpy(np.stack([r.channels[s] for r, s, _ in spans])),
        torch.from_numpy(np.stack([r.tilts[s] for r, s, _ in spans])),
        torch.from_numpy(np.stack([r.pace[s] for r, s, _ in spans])),
        torch.from_numpy(np.stack([r.places for r, _, _ in spans])),
        chosen_bodies(data.bodies, person),
        person,
        torch.from_numpy(np.stack([share[s] for _, s, share in spans])),
    )


def physics_loss(
    lesson: Lesson, network: PhysicsNetwork, windows: Windows, config: PhysicsConfig, ramp: float = 1.0
) -> tuple[Tensor, dict[str, Tensor]]:
    """Weighted sum of all terms, and the terms, of a batch of windows; `ramp` weighs the `LATE` ones."""
    turns, shifts, stretches = network.worn(windows.person, windows.channels)
    body = network.body_of(windows, stretches)
    raw = network.outputs(windows, turns, lesson.skip)
    found = adjoint_terms(body, raw, (turns, windows.places + shifts), told_of(windows, lesson.skip), lesson.table)
    worn = placement_loss(turns, shifts, stretches, network.soles, config.weights)
    names = [*NAMES, "placement"]
    shares = torch.tensor([getattr(config.weights, n) * (ramp if n in LATE else 1.0) for n in names])
    weighted = torch.cat([found, worn.unsqueeze(0)]) * shares
    terms = dict(zip(names, weighted.detach().unbind(), strict=True))
    return weighted.sum(), {name: term for name, term in terms.items() if getattr(config.weights, name) > 0}


def take_step(lesson: Lesson, learner: Learner, config: PhysicsConfig) -> dict[str, Tensor | float]:
    """Draw a batch, learn from it; figures of the step."""
    windows = draw_windows(lesson, config.batch, learner.rng, config.opening_share)
    done = learner.schedule.last_epoch
    begin, end = (share * config.steps for share in config.curriculum)
    ramp = float(np.clip((done - begin) / max(1.0, end - begin), 0.0, 1.0)) ** 2
    loss, terms = physics_loss(lesson, learner.network, windows, config, ramp)
    learner.optimiser.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(learner.network.parameters(), config.gradient_norm)
    rate = learner.optimiser.param_groups[0]["lr"]
    learner.optimiser.step()
    learner.schedule.step()
    figures = {"loss": loss.detach()} | {f"loss_{name}": value.detach() for name, value in terms.items()}
    return figures | {"learning_rate": rate, "gradient_norm": norm}

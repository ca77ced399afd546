"""Teaching by virtual people: each start of an arm once for every member of the ensemble, and by fewer people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from recipes.few_people.measured_lesson import say_unequal
from recipes.few_people.nested_people import Roles, virtual_roles
from recipes.few_people.settings import LEARNING, FewPeopleSettings, chosen
from recipes.few_people.source_stage import VIRTUAL, read_sets
from recipes.remembered_part import RememberedParts, remembered_parts
from recipes.run import Run
from training.transfer.arm import STARTS, Start
from training.transfer.gait_window import SENSORS, TARGETS, GaitWindows, content
from training.transfer.lesson import LessonSettings, learn
from training.transfer.sensor_network import SensorNetwork, new_network, restored, weights_of, with_new_head
from training.transfer.worn_window import SAGITTAL, SensorChange

ALL_COLUMNS = tuple(range(len(TARGETS)))
PRETRAINED = "pretrained"
N_SIGNALS = 6 * len(SENSORS)
_CONTENT: dict[Path, tuple[float, str]] = {}
"""Folder of a run → when its windows were cut, and their hash."""


def change_of(settings: FewPeopleSettings) -> SensorChange:
    """How sensors are drawn anew."""
    return SensorChange(turn=float(np.radians(settings.turn_deg)), noise=settings.noise_share)


def lesson_of(settings: FewPeopleSettings, steps: int, rate: float) -> LessonSettings:
    """Length and pace of a lesson."""
    return LessonSettings(steps=steps, learning_rate=rate, batch=settings.batch)


def pretrained_parts(run: Run) -> RememberedParts:
    """Parts of this stage: other virtual people or lessons make them anew, other measured people do not."""
    return remembered_parts(run.folder / PRETRAINED, [chosen(run.settings, LEARNING), _virtual_content(run)])


def _virtual_content(run: Run) -> str:
    """Hash of the virtual people's windows; told by the first who asks."""
    known = _CONTENT.get(run.folder)
    if known is None or known[0] != run.stages["windows"]["finished"]:
        known = (run.stages["windows"]["finished"], content(read_sets(run)[VIRTUAL]))
        _CONTENT[run.folder] = known
    return known[1]


def pretrain(run: Run) -> str:
    """Write the weights of every start and member, and of networks that fewer people taught by their labels."""
    settings: FewPeopleSettings = run.settings
    say_unequal(run)
    windows = read_sets(run)[VIRTUAL]
    roles = virtual_roles(windows.people, settings.seed)
    parts = pretrained_parts(run)
    jobs: list[tuple[Start, int]] = [(start, member) for member in range(settings.members) for start in STARTS]
    for start, member in run.track(jobs, "Pre-training"):
        parts.get(_name(start, member), lambda s=start, m=member: _taught(run, s, m, windows, roles))
    counts = [(n, member) for n in settings.virtual for member in range(settings.members)]
    for n, member in run.track(counts, "Fewer virtual people"):
        parts.get(_name("labels", member, n), lambda n=n, m=member: _by_fewer(run, n, m, windows, roles))
    return f"{len(jobs)} networks by {len(roles['teach'])} virtual people, {len(counts)} by fewer"


def pretrained_network(run: Run, start: Start, member: int, n: int | None = None) -> SensorNetwork:
    """The network of a start and a member; with n, the one that so many virtual people's labels taught."""
    arrays = pretrained_parts(run).read(_name(start, member, n))
    outputs = N_SIGNALS if start == "signals" else len(TARGETS)
    network = new_network(SAGITTAL, run.settings.width, outputs, 0)
    return restored(network, arrays)


def _name(start: str, member: int, n: int | None = None) -> str:
    return f"{start}_{member}" if n is None else f"{start}_{member}_of_{n}"


def _taught(run: Run, start: Start, member: int, windows: GaitWindows, roles: Roles) -> Mapping[str, np.ndarray]:
    settings: FewPeopleSettings = run.settings
    seed = settings.seed + 100 * member
    if start == "both":
        network = with_new_head(pretrained_network(run, "signals", member), len(TARGETS), seed)
    else:
        outputs = N_SIGNALS if start == "signals" else len(TARGETS)
        network = new_network(SAGITTAL, settings.width, outputs, seed)
    steps = settings.signal_steps if start == "signals" else settings.label_steps
    kind = "signals" if start == "signals" else "labels"
    learn(
        network,
        windows.of(roles["teach"]),
        kind,
        ALL_COLUMNS,
        lesson_of(settings, steps, settings.pretrained_rate),
        change_of(settings),
        seed=seed + STARTS.index(start),
        validation=windows.of(roles["validate"]),
    )
    return weights_of(network)


def _by_fewer(run: Run, n: int, member: int, windows: GaitWindows, roles: Roles) -> Mapping[str, np.ndarray]:
    """Labels of n people, nested for each member; as many steps as by all, and nobody chooses the epoch."""
    settings: FewPeopleSettings = run.settings
    order = np.random.default_rng([settings.seed, 33, member]).permutation(sorted(roles["teach"]))
    seed = settings.seed + 100 * member + 7
    network = new_network(SAGITTAL, settings.width, len(TARGETS), seed)
    learn(
        network,
        windows.of(list(order[:n])),
        "labels",
        ALL_COLUMNS,
        lesson_of(settings, settings.label_steps, settings.pretrained_rate),
        change_of(settings),
        seed=seed,
    )
    return weights_of(network)

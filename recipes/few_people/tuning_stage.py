"""Teaching by measured people: each left out in turn, one, two, four of the others; a killed run keeps its folds."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from recipes.few_people.measured_lesson import lesson_by_measured, pace_of, say_unequal
from recipes.few_people.nested_people import Fold, file_word, virtual_roles
from recipes.few_people.pretraining_stage import change_of, lesson_of, pretrained_network, pretrained_parts
from recipes.few_people.settings import TUNING, FewPeopleSettings, chosen, tasks_of, teaching_numbers
from recipes.few_people.source_stage import VIRTUAL, folds_of, read_sets
from recipes.remembered_part import RememberedParts, remembered_parts
from recipes.run import Run
from training.sample.ensemble import mean_and_spread
from training.transfer.arm import SCRATCH, TRANSFER, Arm, arms_of
from training.transfer.baseline import BASELINES
from training.transfer.gait_window import COLUMNS, TARGETS, GaitWindows, content
from training.transfer.lesson import answer, learn
from training.transfer.sensor_network import SensorNetwork, frozen_but_head, new_network, with_new_head
from training.transfer.worn_window import EVERY, SAGITTAL

FOLDS = "folds"
ALONE = {"labels": "synthetic labels", "both": TRANSFER}
"""Start → arm, of networks that nobody measured has taught."""
DOUBTED = (TRANSFER, SCRATCH)
"""Arms whose intervals others calibrate."""
Kept = dict[str, np.ndarray]


def tuned_parts(run: Run, task: str, windows: GaitWindows) -> RememberedParts:
    """Parts of a task (or of the virtual people): other networks, settings or people of this task make them anew."""
    settings: FewPeopleSettings = run.settings
    teach = teaching_numbers(settings).get(task, ())
    question = [pretrained_parts(run).key, chosen(settings, TUNING), task, teach, content(windows)]
    return remembered_parts(run.folder / FOLDS, question)


def alone_name(task: str) -> str:
    """Part that holds what networks say that nobody measured taught."""
    return file_word(f"{task}_nobody")


def tune(run: Run) -> str:
    """Estimates of every arm and baseline for whoever is left out, fold by fold."""
    say_unequal(run)
    sets = read_sets(run)
    parts = {name: tuned_parts(run, name, windows) for name, windows in sets.items()}
    jobs = [(task, fold) for task in tasks_of(run.settings) for fold in folds_of(run, task, sets[task])]
    for task in tasks_of(run.settings):
        parts[task].get(alone_name(task), lambda t=task: _by_nobody(run, t, sets))
    parts[VIRTUAL].get(alone_name(VIRTUAL), lambda: _of_virtual(run, sets[VIRTUAL]))
    for task, fold in run.track(jobs, "Folds"):
        parts[task].get(fold.name, lambda t=task, f=fold: _fold(run, t, f, sets))
    return f"{len(jobs)} folds of {len(tasks_of(run.settings))} tasks"


def _by_nobody(run: Run, task: str, sets: dict[str, GaitWindows]) -> Kept:
    """What networks say of all people of a task that only virtual people taught; keys ``method|n|what``."""
    settings: FewPeopleSettings = run.settings
    columns, windows = COLUMNS[tasks_of(settings)[task]], sets[task]
    kept: Kept = {}
    for start, name in ALONE.items():
        networks = [pretrained_network(run, start, m) for m in range(settings.members)]
        kept |= _named(name, 0, _said(networks, windows, columns))
    roles = virtual_roles(sets[VIRTUAL].people, settings.seed)
    taught = _baseline_arrays(sets[VIRTUAL].of(roles["teach"]), columns)
    for name, baseline in BASELINES.items():
        kept[f"{name}|0|mean"] = baseline(taught, _baseline_arrays(windows, columns))[..., columns].astype(np.float32)
    for n in settings.virtual:
        networks = [pretrained_network(run, "labels", m, n) for m in range(settings.members)]
        kept |= _named(f"virtual {n}", 0, _said(networks, windows, columns))
    return kept


def _of_virtual(run: Run, windows: GaitWindows) -> Kept:
    """What they say of virtual people who taught nothing, all targets."""
    settings: FewPeopleSettings = run.settings
    roles = virtual_roles(windows.people, settings.seed)
    own = windows.of([*roles["score"], *roles["calibrate"]])
    networks = [pretrained_network(run, "both", m) for m in range(settings.members)]
    return _named(TRANSFER, 0, _said(networks, own, range(own.labels.shape[-1])))


def _fold(run: Run, task: str, fold: Fold, sets: dict[str, GaitWindows]) -> Kept:
    settings: FewPeopleSettings = run.settings
    columns, windows = COLUMNS[tasks_of(settings)[task]], sets[task]
    scored = windows.of([fold.scored])
    kept: Kept = {}
    for n in teaching_numbers(settings)[task]:
        taught = windows.of(fold.order[:n])
        for name, baseline in BASELINES.items():
            said = baseline(_baseline_arrays(taught, columns), _baseline_arrays(scored, columns))
            kept[f"{name}|{n}|mean"] = said[..., columns].astype(np.float32)
        for arm in arms_of(n, settings.ablated, settings.options):
            networks = [_tuned(run, arm, taught, columns, m) for m in range(settings.members)]
            kept |= _named(arm.name, n, _said(networks, scored, columns))
            if n == settings.ablated and arm.name in DOUBTED and fold.order[n:]:
                others = _said(networks, windows.of(fold.order[n:]), columns)
                kept |= {f"{arm.name}|{n}|calibrate {what}": value for what, value in others.items()}
    if fold.draw == 0 and settings.tuned_by_fewer:
        kept |= _by_fewer(run, task, fold, sets)
    return kept


def _by_fewer(run: Run, task: str, fold: Fold, sets: dict[str, GaitWindows]) -> Kept:
    """The least number of measured people after each number of virtual ones."""
    settings: FewPeopleSettings = run.settings
    columns, n = COLUMNS[tasks_of(settings)[task]], teaching_numbers(settings)[task][0]
    taught, scored = sets[task].of(fold.order[:n]), sets[task].of([fold.scored])
    kept: Kept = {}
    for virtual in settings.virtual:
        networks = []
        for member in range(settings.members):
            network = pretrained_network(run, "labels", member, virtual)
            networks.append(_learnt(run, network, taught, columns, pace_of(settings, "labels"), member))
        kept |= _named(f"virtual {virtual}", n, _said(networks, scored, columns))
    return kept


def _tuned(run: Run, arm: Arm, taught: GaitWindows, columns: Sequence[int], member: int) -> SensorNetwork:
    """A member of an arm, taught by measured people."""
    settings: FewPeopleSettings = run.settings
    seed = settings.seed + 100 * member + 1
    if arm.start == "nothing":
        channels = EVERY if arm.every_channel else SAGITTAL
        network = new_network(channels, settings.width, len(TARGETS), seed)
    elif arm.start == "signals":
        network = pretrained_network(run, "signals", member)
        if arm.own_signals:
            steps = lesson_by_measured(settings, arm.name).signal_steps
            lesson = lesson_of(settings, steps, settings.tuned_rate)
            learn(network, taught, "signals", columns, lesson, change_of(settings), seed=seed + 50)
        network = with_new_head(network, len(TARGETS), seed)
    else:
        network = pretrained_network(run, arm.start, member)
    network = frozen_but_head(network) if arm.frozen else copy.deepcopy(network)
    return _learnt(run, network, taught, columns, pace_of(settings, arm.start), member)


def _learnt(
    run: Run, network: SensorNetwork, taught: GaitWindows, columns: Sequence[int], pace: tuple[int, float], member: int
) -> SensorNetwork:
    """A network after the lesson of measured people; the number of steps is fixed beforehand."""
    settings: FewPeopleSettings = run.settings
    lesson = lesson_of(settings, *pace)
    learn(network, taught, "labels", columns, lesson, change_of(settings), seed=settings.seed + 100 * member)
    return network


def _said(networks: Sequence[SensorNetwork], windows: GaitWindows, columns: Sequence[int]) -> Kept:
    """Mean and SD of an ensemble (n, 96, n_columns)."""
    mean, spread = mean_and_spread([answer(network, windows.inputs, columns) for network in networks])
    return {"mean": mean.astype(np.float32), "sd": spread.astype(np.float32)}


def _named(method: str, n: int, said: Kept) -> Kept:
    return {f"{method}|{n}|{what}": value for what, value in said.items()}


def _baseline_arrays(windows: GaitWindows, columns: Sequence[int]) -> Kept:
    """What a baseline is given."""
    return {**windows.arrays(columns), "phase": windows.phase}

"""Learnt row: methods that a comparison trains itself; each person is estimated by what the labels of others taught.

``supervised`` is a windowed network with the settings below. Its kernels and windows were chosen on six of the seven
persons of the CMU set, so on these six its errors are too good by up to that choice (docs/comparison.md). The rows
``cycle_cnn``, ``cycle_cnn_simulated`` and ``cycle_cnn_both`` see whole cycles and learn from measured, simulated or
both. ``label_free`` and ``label_free_bilstm`` learn by physics from the records alone, without a label of anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from synth.corpus import Corpus
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from training.config import OUTPUT_KINDS, TrainingConfig, resolve_config
from training.cycle_regression import CycleModel, CycleSettings, estimate_cycles, shared_sensors, train_cycles
from training.estimate import write_predictions
from training.leave_one_out import labelled_subjects, leave_one_subject_out
from training.loop import train
from training.namesake import are_strangers
from training.physics.config import resolve_physics
from training.physics.loop import train_by_physics
from training.physics.prediction import apply_physics
from training.physics.record import read_physics_data
from training.prediction import apply_checkpoint
from training.target import available_targets
from training.training_set import read_training_set

SUPERVISED: dict[str, Any] = {
    "network": "conv1d",
    "kernel_seconds": 0.3,
    "window_seconds": 2.0,
    "augmentation": {"misalignment_deg": 6.0, "noise_share": 0.05},
}
"""Settings of the row ``supervised`` that differ from the defaults."""
SOURCES = {
    "cycle_cnn": (True, False),
    "cycle_cnn_simulated": (False, True),
    "cycle_cnn_both": (True, True),
}
"""Row → whether it learns from measured and from simulated cycles."""
LABEL_FREE = {"label_free": "lstm", "label_free_bilstm": "bilstm"}
"""Row → network of `training.physics`."""
ROWS = ("supervised", *SOURCES, *LABEL_FREE)


def make_row(
    name: str,
    reference: Path,
    out: Path,
    *,
    taught_by: Path | None = None,
    simulated: Path | None = None,
    seed: int = 0,
    device: str = "cpu",
    steps: int | None = None,
) -> Path:
    """Train one row on a reference, leaving one person out, and estimate everybody.

    A label-free row reads the records of the persons themselves, as a user's would be, and no label.

    Parameters
    ----------
    name : str
        One of `ROWS`.
    reference : Path
    out : Path
        Folder for the row's corpus of estimates.
    taught_by : Path, optional
        Other persons' corpus that stands in for the measured data.
    simulated : Path, optional
        Corpus of virtual persons, for rows that use it.
    seed : int
    device : str
        ``"cpu"`` or ``"cuda"``, for the row ``supervised``; the others' networks are too small to gain by a GPU.
    steps : int, optional
        Optimiser steps of a label-free row; by default those of `training.physics.config`. Other rows have their own.

    Returns
    -------
    Path
        Corpus of estimates, role ``"prediction"``.

    Raises
    ------
    CorpusMismatch
        No such row, or a corpus that it needs is not given.
    """
    if name not in ROWS:
        raise CorpusMismatch(f"no row {name!r} can be trained here; expected one of {', '.join(ROWS)}.")
    if name == "supervised":
        return _supervised(reference, out, taught_by, seed, device)
    if name in LABEL_FREE:
        return _label_free(
            name, reference, out, taught_by, {"seed": seed} | ({} if steps is None else {"steps": steps})
        )
    uses_measured, uses_simulated = SOURCES[name]
    if uses_simulated and simulated is None:
        raise CorpusMismatch(f"the row {name!r} learns from simulated cycles; give their corpus (--simulated).")
    return _cycles(name, reference, out, taught_by if uses_measured else None, simulated if uses_simulated else None,
                   uses_measured, CycleSettings(seed=seed))  # fmt: skip


LEAST_SPEED_SD = 0.1
"""m/s: speeds that differ less over the trials (one belt speed for all) teach who somebody is, not how fast."""


def supervised_config(corpus: Path, seed: int, device: str = "cpu") -> TrainingConfig:
    """Settings of the row ``supervised``: kinds of target that at least two persons have, and a speed that varies."""
    reader = Corpus(corpus)
    by_person: dict[str, list[CorpusTrial]] = {}
    for subject, trial in reader.trials():
        by_person.setdefault(subject, []).append(reader.read(subject, trial, clean=True))
    count = dict.fromkeys(OUTPUT_KINDS, 0)
    for trials in by_person.values():
        for kind in {t.kind for t in available_targets(trials, OUTPUT_KINDS)}:
            count[kind] += 1
    speeds = [t.spatiotemporal.get("speed", np.nan) for trials in by_person.values() for t in trials]
    known = np.array(speeds)[np.isfinite(speeds)]
    if len(known) and known.std() < LEAST_SPEED_SD:
        count["speed"] = 0
    kinds = tuple(k for k in OUTPUT_KINDS if count[k] >= 2)
    return resolve_config(SUPERVISED | {"outputs": kinds or OUTPUT_KINDS, "seed": seed, "device": device})


def _supervised(reference: Path, out: Path, taught_by: Path | None, seed: int, device: str) -> Path:
    if taught_by is None:
        config = supervised_config(reference, seed, device)
        return leave_one_subject_out(reference, out, {"supervised": config})["supervised"]
    config = supervised_config(taught_by, seed, device)
    strangers = are_strangers(reference, taught_by)
    people = set() if strangers else {s.code for s in Corpus(reference).subjects()}
    others = [s for s in labelled_subjects(Corpus(taught_by)) if s not in people]
    data = read_training_set(Corpus(taught_by), others, config.outputs, mirror=config.mirror)
    taught = train(data, config)
    return apply_checkpoint(replace(taught, subjects=()) if strangers else taught, reference, out / "supervised.h5")


def _label_free(name: str, reference: Path, out: Path, taught_by: Path | None, settings: dict[str, int]) -> Path:
    config = resolve_physics({"network": LABEL_FREE[name]} | settings)
    model = train_by_physics(read_physics_data(Corpus(taught_by or reference)), config)
    return apply_physics(model, reference, out / f"{name}.h5")


def _cycles(
    name: str,
    reference: Path,
    out: Path,
    taught_by: Path | None,
    simulated: Path | None,
    uses_measured: bool,
    settings: CycleSettings,
) -> Path:
    """One cycle network a left-out person, or one for all where nobody of the reference teaches it."""
    reader = Corpus(reference)
    people = [s.code for s in reader.subjects()]
    virtual = _trials(simulated, (), reference) if simulated is not None else []
    own = [reader.read(s, n, clean=True) for s, n in reader.trials()]
    models: dict[str, CycleModel] = {}
    alone = not uses_measured or taught_by is not None
    for person in people:
        if alone and models:
            models[person] = next(iter(models.values()))
            continue
        left_out = people if alone else [person]
        sources = [_trials(taught_by or reference, left_out, reference)] if uses_measured else []
        sources += [virtual] if virtual else []
        sensors = shared_sensors([own, *sources])
        models[person] = train_cycles(sources, sensors, OUTPUT_KINDS, settings)
    used = {p: {"trials": m.n_trials, "frames": m.n_frames} for p, m in models.items()}
    files = {p.name: file_hash(p) for p in (taught_by, simulated) if p is not None}
    return write_predictions(
        reference,
        out / f"{name}.h5",
        lambda trial: estimate_cycles(models[trial.subject.code], trial, name),
        subjects=people,
        source=name,
        config=asdict(settings)
        | {
            "method": name,
            "waits_for": "whole cycle",
            "labels_used": used,
            "training_seconds": {p: m.seconds for p, m in models.items()},
            "taught_by": files,
        },
        seed=settings.seed,
    )


def _trials(corpus: Path, without: Sequence[str], reference: Path) -> list[CorpusTrial]:
    """Clean trials of a corpus but for some persons of the reference; namesakes of theirs get codes of their own."""
    reader = Corpus(corpus)
    if are_strangers(corpus, reference):
        trials = [reader.read(s, n, clean=True) for s, n in reader.trials()]
        return [replace(t, subject=replace(t.subject, code=f"{corpus.stem} {t.subject.code}")) for t in trials]
    return [reader.read(s, n, clean=True) for s, n in reader.trials() if s not in set(without)]

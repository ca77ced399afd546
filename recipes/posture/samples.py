"""Stage: the tables of samples, virtual and measured, and who teaches, validates and is scored in each fold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from recipes.people import write_people
from recipes.posture.settings import PostureSettings
from recipes.recipe import PEOPLE
from recipes.run import Run
from synth.spine.spine_posture import posture_table
from synth.spine.spine_skeleton import LEVELS, PLANES
from synth.strides.stride_event import ANGLES, EVENTS, event_angles
from synth.strides.stride_table import ROWS, read_runners, read_strides, stride_files
from training.config import ConfigRefused
from training.generative.person_fold import FOLDS, PersonFold, person_folds
from training.generative.sample_table import SampleTable, read_sample_table, write_sample_table
from training.generative.two_sample_test import FEWEST

FOLDER = "samples"
SPINE = "virtual spine"
EVENT_TABLE = "running, 6 events"
WHOLE_TABLE = "running, waveforms"
OWN_TABLE = "your table"
STRIDE_FACTS = ("class", "speed", "age", "height")
"""What is known of measured strides."""
MOST_NUMBERS = 200
"""Numbers a sample up to which the use case and the boosted trees are meant: 54 as published."""


def work(run: Run) -> str:
    """Write every table and the people of every fold.

    Raises
    ------
    ConfigRefused
        A table has too few people, or words where a number is to be estimated.
    """
    from recipes.posture.doubt import doubt_roles

    tables = made_tables(run.settings)
    for name, table in tables.items():
        _check(name, table, run.settings.estimated)
    splits = {}
    for name, table in tables.items():
        write_sample_table(table_place(run.folder, name), table)
        splits |= {f"{name}, fold {k + 1}": fold.roles() for k, fold in enumerate(folds_of(table, run.settings))}
        splits[f"{name}, doubt"] = doubt_roles(table, run.settings.seed)
    write_people(run.folder / PEOPLE, splits)
    return "; ".join(f"{name}: {len(t)} samples of {len(set(t.people))} people" for name, t in tables.items())


def _check(name: str, table: SampleTable, estimated: str) -> None:
    """Refuse now what would be found out after the training."""
    n = len(set(table.people))
    if n < FOLDS * FEWEST:
        raise ConfigRefused(
            f"posture: {name}: expected {FOLDS * FEWEST} people or more, {FEWEST} to be scored in each of {FOLDS} "
            f"folds; got {n}. Add people."
        )
    if estimated not in table.conditions:
        return
    facts = table.conditions[estimated]
    if not pd.api.types.is_numeric_dtype(facts):
        words = pd.to_numeric(facts, errors="coerce").isna() & facts.notna()
        raise ConfigRefused(
            f"posture: {name}: expected numbers in the column {estimated}, got {facts[words].iloc[0]!r}. Leave the "
            f"cell empty where the number is not known, or estimate another column: --set estimated=COLUMN."
        )


def made_tables(settings: PostureSettings) -> dict[str, SampleTable]:
    """Name → table, as the settings choose; angles in rad."""
    tables: dict[str, SampleTable] = {}
    if settings.spine:
        tables[SPINE] = spine_table(settings.people, settings.samples, settings.seed)
    if settings.curves:
        tables[EVENT_TABLE] = running_table(Path(settings.curves), whole=False)
        if settings.whole:
            tables[WHOLE_TABLE] = running_table(Path(settings.curves), whole=True)
    if settings.table:
        tables[OWN_TABLE] = read_sample_table(Path(settings.table))
    return tables


def spine_table(n_people: int, n_samples: int, seed: int, *, first: int = 0, severity: float = 1.0) -> SampleTable:
    """Virtual standing postures (rad); see `synth.spine.spine_posture.posture_table`."""
    angles, facts = posture_table(n_people, n_samples, seed, first=first, severity=severity)
    return SampleTable(angles, facts.pop("person").to_numpy(str), facts, LEVELS, PLANES)


def running_table(folder: Path, *, whole: bool) -> SampleTable:
    """Measured strides (rad): nine angles at six events, or as whole waveforms."""
    files, runners = stride_files(folder), read_runners(folder)
    values, people, facts = [], [], []
    for file in files:
        strides = read_strides(file, runners)
        values.append(strides.angles if whole else event_angles(strides))
        known = runners[file.stem]
        people += [strides.subject.code] * len(values[-1])
        facts += [(strides.group, known["speed"], known["age"], known["height"])] * len(values[-1])
    points = tuple(str(k) for k in range(ROWS)) if whole else EVENTS
    conditions = pd.DataFrame(facts, columns=list(STRIDE_FACTS))
    return SampleTable(np.concatenate(values), np.array(people), conditions, points, ANGLES)


def table_place(folder: Path, name: str) -> Path:
    """File of a table."""
    return folder / FOLDER / f"{name.replace(', ', '_').replace(' ', '_')}.csv"


def read_tables(run: Run) -> dict[str, SampleTable]:
    """The tables that `work` wrote, by name."""
    settings: PostureSettings = run.settings
    names = [SPINE] * settings.spine + [EVENT_TABLE] * bool(settings.curves)
    names += [WHOLE_TABLE] * bool(settings.curves and settings.whole) + [OWN_TABLE] * bool(settings.table)
    return {name: read_sample_table(table_place(run.folder, name)) for name in names}


def folds_of(table: SampleTable, settings: PostureSettings) -> tuple[PersonFold, ...]:
    """The folds that are done."""
    return person_folds(list(table.people), settings.seed)[: settings.folds]

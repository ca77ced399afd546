"""Who is simulated: people to learn from, to score, of a second simulator, and outside the population."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap_import.product import product_hash
from recipes.people import write_people
from recipes.pinch.record import read_own_file
from recipes.pinch.settings import PinchSettings
from recipes.recipe import PEOPLE
from recipes.run import Run
from synth.thumb.pinch_norm import norm_table
from synth.thumb.pinch_population import (
    PinchSamples,
    PopulationWish,
    read_population,
    simulate_population,
    simulator_hash,
)
from training.config import ConfigRefused
from training.csv_table import read_csv, write_csv
from training.explanation.rated_item import ADVICE, COLUMNS

FOLDER = "simulated"
CALIBRATE, SECOND = "calibrate", "second simulator"
"""Groups in tables: who calibrates, and people of the second simulator."""
HEALTHY, ALTERED = (1.0, 0.0, 0.0), (0.0, 0.5, 0.5)
TEACH, VALIDATE = 0.85, 0.925
"""Of those to learn from: up to here they teach, then validate, and the rest calibrates."""


@dataclass(frozen=True)
class Groups:
    """People by role.

    Attributes
    ----------
    teach, validate, calibrate, score : PinchSamples
    choose : PinchSamples
        On whom a way of explaining is chosen.
    second : PinchSamples
        Of the second simulator.
    outside : dict of str to PinchSamples
        ``child`` and ``palsy``.
    """

    teach: PinchSamples
    validate: PinchSamples
    calibrate: PinchSamples
    score: PinchSamples
    choose: PinchSamples
    second: PinchSamples
    outside: dict[str, PinchSamples]


def wishes(settings: PinchSettings) -> dict[str, PopulationWish]:
    """The populations of a run, by name; no two share a code or a seed."""
    usual, n = settings.prevalence, settings
    return {
        "learn": PopulationWish("learn", "adult", "first", n.n_teach, "L", usual),
        "score": PopulationWish("score", "adult", "first", n.n_score, "T", usual, True),
        "second": PopulationWish("second", "adult", "second", n.n_second, "S", usual),
        "child": PopulationWish("child", "child", "first", n.n_outside, "C", HEALTHY),
        "palsy": PopulationWish("palsy", "palsy", "first", n.n_outside, "U", HEALTHY),
        "choose": PopulationWish("choose", "adult", "first", n.n_choose, "E", ALTERED, True),
    }


def simulate_people(run: Run) -> str:
    """Simulate everybody, chunk by chunk, write who has which role, and hold the forces against the norms."""
    settings: PinchSettings = run.settings
    for k, wish in enumerate(wishes(settings).values()):
        shown = run.track if run.shown else None
        simulate_population(run.folder / FOLDER, [wish], settings.seed + k, n_workers=run.n_workers, shown=shown)
    groups = read_groups(run)
    roles = {
        "teach": groups.teach.code,
        "validate": groups.validate.code,
        "calibrate": np.concatenate([groups.calibrate.code, groups.choose.code]),
    }
    outside = np.concatenate([group.code for group in groups.outside.values()])
    scored = {"unseen": groups.score.code, "second simulator": groups.second.code, "outside": outside}
    write_csv(run.folder / "norms.csv", norms(groups.score))
    write_people(run.folder / PEOPLE, {split: roles | {"score": codes} for split, codes in scored.items()})
    n = sum(wish.n_people for wish in wishes(settings).values())
    return f"{n} virtual people, {len(groups.teach)} teach, {len(groups.score)} are scored"


def norms(people: PinchSamples) -> object:
    """Peak forces of healthy wrists, without the sensor's noise, beside the published norms."""
    peak = people.paired[:, 0, :, 0].max(axis=1)
    return norm_table(people.demographics[:, 0] > 0.5, people.demographics[:, 1], peak)


def read_groups(run: Run) -> Groups:
    """Everybody, by role; a pure function of the settings."""
    settings: PinchSettings = run.settings
    found = {name: read_population(run.folder / FOLDER, wish) for name, wish in wishes(settings).items()}
    learn = found["learn"]
    order = np.random.default_rng([settings.seed, 1]).permutation(len(learn))
    first, second = int(TEACH * len(learn)), int(VALIDATE * len(learn))
    parts = (learn.rows(np.sort(part)) for part in np.split(order, [first, second]))
    return Groups(
        *parts, found["score"], found["choose"], found["second"], {name: found[name] for name in ("child", "palsy")}
    )


def check_outside(run: Run) -> object:
    """Refuse a user's files before anything costs time; and the simulator's sources, so that a changed one counts.

    Raises
    ------
    ConfigRefused
        A file of the settings is not there.
    CorpusMismatch
        The user's records are not as `read_own_file` wants them, or the ratings lack a column.
    """
    for name, what in (("own_file", "pinch records"), ("ratings", "experts' ratings")):
        given = getattr(run.settings, name)
        if given and not Path(given).is_file():
            raise ConfigRefused(f"pinch: {name}={given} is no file. Give a CSV file of {what}.")
    if run.settings.own_file:
        read_own_file(Path(run.settings.own_file))
    if run.settings.ratings:
        read_csv(Path(run.settings.ratings), COLUMNS, ADVICE)
    return simulator_hash()


def describe_own_file(run: Run) -> object:
    """A user's own records, by the hash of their bytes."""
    return _hash(run.settings.own_file)


def describe_ratings(run: Run) -> object:
    """Experts' ratings, by the hash of their bytes."""
    return _hash(run.settings.ratings)


def _hash(name: str) -> list[str]:
    return [product_hash([Path(name)])] if name else []

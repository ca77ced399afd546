"""Who there is: virtual people who walk with seven sensors, measured people, and who of them does what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from mocap_import.durable_file import write_durably
from mocap_import.product import product_hash
from recipes.few_people.nested_people import Fold, file_word, folds, splits, virtual_roles
from recipes.few_people.settings import (
    STAND_INS,
    FewPeopleSettings,
    check_settings,
    tasks_of,
    teaching_numbers,
)
from recipes.given_file import refuse_no_corpus
from recipes.one_role import refuse_two_roles
from recipes.people import write_people
from recipes.recipe import PEOPLE
from recipes.remembered_part import remembered_parts
from recipes.run import Run
from synth.corpus import Corpus
from synth.corpus.recipe_source import named_sources
from synth.corpus.schema import CorpusMismatch
from synth.impairment import HEALTHY_SHARE
from synth.imu.error_recipe import ImuErrors, apply_errors
from synth.repeated_gait import repeat_gait
from training.transfer.gait_window import (
    COLUMNS,
    GaitWindows,
    joined,
    plain,
    possible_windows,
    windows_of,
)

VIRTUAL, OTHER = "virtual", "other"
OTHER_SEED, RATES_SEED = 2, 8
"""Seed of those who stand in, less the seed of the run; and that of the bodies on whom rates and steps were chosen."""
POPULATIONS = {VIRTUAL: "people.h5", OTHER: "other.h5"}
WINDOWS = "windows"
ADVICE = {"people": "Give a corpus of kinesynth gait population.", "targets": "Give a corpus of kinesynth imu."}
STAND_IN = "stand-in"
REPEATS = 4
WORN = ImuErrors(noise_share=0.0, misalignment_deg=0.0, position_sd=0.02, soft_tissue="spring", seed=1)
"""Drawn once for each virtual walk: places 2 cm off along each axis, a damped spring between bone and sensor."""
OTHERWISE = ImuErrors(
    noise_share=0.1,
    misalignment_deg=8.0,
    misalignment_law="cone_half_normal",
    position_sd=0.03,
    soft_tissue="resampled",
    seed=2,
)
"""The same for the people who stand in for measured ones: errors of another kind."""


def given_files(run: Run) -> dict[str, dict[str, str]]:
    """Corpora from outside, by the hash of their bytes.

    Raises
    ------
    CorpusMismatch
        One is not there, or no corpus.
    """
    settings: FewPeopleSettings = run.settings
    wanted = {"people": [settings.people] if settings.people else [], "targets": [t.path for t in settings.targets]}
    for name, paths in wanted.items():
        for path in paths:
            refuse_no_corpus(name, Path(path), ADVICE[name])
    return named_sources({path: Path(path) for paths in wanted.values() for path in paths})


def make_people(run: Run) -> str:
    """Solve the virtual people, and those of other laws where nobody was measured; given corpora are taken."""
    settings: FewPeopleSettings = run.settings
    check_settings(settings)
    for target in settings.targets:
        # Too few of them are refused here, before anybody is solved.
        folds(target.name, [subject for subject, _ in Corpus(target.path).trials()], target.teach, 1, settings.seed)
    refuse_two_roles(*_corpora_by_role(settings))
    said = []
    own = [] if settings.targets or settings.other_laws else [settings.n_other]
    if not settings.people:
        said.append(_solved(run, VIRTUAL, settings.n_people + sum(own), "standard", settings.seed))
    if not settings.targets and settings.other_laws:
        said.append(_solved(run, OTHER, settings.n_other, "other", settings.seed + OTHER_SEED))
    write_durably(run.folder / "sources.txt", "; ".join(said) or "given corpora")
    return "; ".join(said) or "given corpora"


def _corpora_by_role(settings: FewPeopleSettings) -> tuple[list[tuple[str, str]], list[tuple[str, str, int]]]:
    """Role and path of every given corpus; role, name and seed of every one that is made."""
    given = [("people", settings.people)] * bool(settings.people) + [("targets", t.path) for t in settings.targets]
    made = [] if settings.people else [("people", f"{POPULATIONS[VIRTUAL]} of this run", settings.seed)]
    if not settings.targets and settings.other_laws:
        made.append(("n_other", f"{POPULATIONS[OTHER]} of this run", settings.seed + OTHER_SEED))
    return given, made


def _solved(run: Run, name: str, n: int, laws: str, seed: int) -> str:
    from mocap_import.progress import track
    from synth.optimal_control.population.impaired_chunk import ImpairedRequest
    from synth.optimal_control.population.run import build_population

    kinds = run.settings.impairments
    share = HEALTHY_SHARE if kinds else 1.0
    request = ImpairedRequest(subjects=n, seed=seed, gaits=1, impairments=kinds, healthy=share, laws=laws)
    progress = track if run.shown else None
    rows = build_population(request, run.folder / POPULATIONS[name], n_workers=run.n_workers, progress=progress)
    return f"{(rows.status != 'refused').sum()} of {len(rows)} {name} people"


def cut_windows(run: Run) -> str:
    """Put sensors on everybody, cut windows, and write who does what; sets that are there are used again."""
    settings: FewPeopleSettings = run.settings
    sets = {name: _windows(run, source) for name, source in sources(run).items()}
    for name, own in sets.items():
        run.say(f"{name}: {len(own.people)} people, {len(own)} windows")
    everybody = {task: sets[task].people for task in tasks_of(settings)}
    made = [fold for task in everybody for fold in folds_of(run, task, sets[task])]
    roles = virtual_roles(sets[VIRTUAL].people, settings.seed)
    most = len(roles["teach"])
    if settings.virtual[-1] > most:
        raise CorpusMismatch(
            f"virtual: {settings.virtual[-1]} people are more than the {most} virtual ones who teach. Set virtual, or "
            "n_people and a larger corpus."
        )
    write_people(run.folder / PEOPLE, splits(roles, made, teaching_numbers(settings), everybody))
    return f"{len(sets[VIRTUAL].people)} virtual people, " + ", ".join(f"{len(p)} of {t}" for t, p in everybody.items())


@dataclass(frozen=True)
class Source:
    """Where the people of a set come from.

    Attributes
    ----------
    name : str
        Of the set: `VIRTUAL`, or a task.
    path : Path
    prefix : str
        Before the codes of its people.
    worn : ImuErrors or None
        Errors of virtual sensors, which are put on the walks of a population; None: a corpus of measured people.
    first, last : int or None
        Which people of the population.
    estimate : str
        What measured people must have labels of.
    """

    name: str
    path: Path
    prefix: str
    worn: ImuErrors | None = None
    first: int | None = None
    last: int | None = None
    estimate: str = ""


def sources(run: Run) -> dict[str, Source]:
    """Set → source."""
    settings: FewPeopleSettings = run.settings
    path = Path(settings.people) if settings.people else run.folder / POPULATIONS[VIRTUAL]
    found = [Source(VIRTUAL, path, VIRTUAL, WORN, None, settings.n_people)]
    found += [Source(t.name, Path(t.path), t.name, estimate=t.estimate) for t in settings.targets]
    if not settings.targets:
        other = run.folder / POPULATIONS[OTHER] if settings.other_laws else path
        whom = (None, settings.n_other) if settings.other_laws else (settings.n_people, None)
        found += [Source(task, other, STAND_IN, OTHERWISE, *whom) for task in STAND_INS]
    return {source.name: source for source in found}


def _windows(run: Run, source: Source) -> GaitWindows:
    """Windows of a set, made if they are not there."""
    question = {**asdict(source), "path": product_hash([source.path]), "worn": source.worn and source.worn.to_json()}
    parts = remembered_parts(run.folder / WINDOWS, question)

    def make() -> dict[str, np.ndarray]:
        return plain(_measured(run, source) if source.worn is None else _population(run, source))

    return GaitWindows(**parts.get(file_word(source.name), make))


def read_sets(run: Run) -> dict[str, GaitWindows]:
    """Windows of the virtual people and of each task."""
    return {name: _windows(run, source) for name, source in sources(run).items()}


def folds_of(run: Run, task: str, windows: GaitWindows) -> list[Fold]:
    """Splits of the people of a task."""
    settings: FewPeopleSettings = run.settings
    return folds(task, windows.people, teaching_numbers(settings)[task], settings.draws, settings.seed)


def _population(run: Run, source: Source) -> GaitWindows:
    """Windows of some people of a population, one walk each; how many of them are left out is said.

    Raises
    ------
    CorpusMismatch
        Nobody is left.
    """
    found = list(_virtual(run, source))
    has = [w for w in found if w is not None]
    if not has:
        raise CorpusMismatch(
            f"{source.name}: {source.path} has no solved walk among its people from number {source.first or 0} on. "
            "Set n_people to fewer than there are, or give a larger corpus."
        )
    if len(has) < len(found):
        run.say(f"{source.name}: {len(found) - len(has)} of {len(found)} walks left out (refused, or too short)")
    return joined(has)


def _virtual(run: Run, source: Source) -> Iterator[GaitWindows | None]:
    """Windows of each of some people, or None."""
    corpus = Corpus(source.path)
    walks: dict[str, str] = {}
    for subject, name in corpus.trials():
        walks.setdefault(subject, name)
    for subject, name in run.track(list(walks.items())[source.first : source.last], f"Sensors, {source.name}"):
        trial = corpus.read(subject, name, clean=True)
        if trial.status == "refused":
            yield None
            continue
        walk = repeat_gait(trial, REPEATS)
        worn = apply_errors(walk.recordings, source.worn, subject=subject, trial=name)
        yield windows_of(replace(walk, recordings=worn), f"{source.prefix} {subject}")


def _measured(run: Run, source: Source) -> GaitWindows:
    """Windows of a corpus as anybody reads it: with the sensor errors of its recipe, where it has one.

    Trials and windows that are left out are counted and said.

    Raises
    ------
    CorpusMismatch
        Nobody has sensors and labels.
    """
    corpus, columns = Corpus(source.path), list(COLUMNS[source.estimate])
    has, lost, gaps, people = [], 0, 0, set()
    for subject, name in corpus.trials():
        trial = corpus.read(subject, name)
        windows = windows_of(trial, f"{source.prefix} {subject}")
        people.add(f"{source.prefix} {subject}")
        if windows is None or not np.isfinite(windows.labels[..., columns]).any():
            lost += 1
            continue
        has.append(windows)
        gaps += possible_windows(trial) - len(windows)
    if not has:
        raise CorpusMismatch(
            f"target {source.name}: no trial of {source.path} has seven sensors, a stature and labels of "
            f"{source.estimate}. See docs/recipes/few-people.md for what a corpus must hold."
        )
    measured = joined(has)
    run.say(
        f"{source.name}: {lost} of {lost + len(has)} trials left out (refused, short, no stature, sensors or labels "
        f"of {source.estimate}); {gaps} of {gaps + len(measured)} windows left out, as sensors have gaps there; "
        f"{len(people - set(measured.people))} of {len(people)} people left out with them"
    )
    return measured

"""Who walks: drawn people one joint of whom is moved otherwise, and solved people with impairments and their twins."""

from __future__ import annotations

from dataclasses import astuple, replace
from pathlib import Path

import numpy as np

from mocap_import.subject import Subject
from recipes.gait_cause.settings import GaitCauseSettings
from recipes.gait_cause.walks import Walks, write_walks
from recipes.given_file import refuse_no_corpus
from recipes.remembered_part import remembered_parts
from recipes.run import Run
from synth.corpus import Corpus, CorpusMismatch
from synth.corpus.recipe_source import named_sources
from synth.corpus.trial import CorpusTrial
from synth.cycle_record import N_CHANNELS, N_SAMPLES, cycle_record
from synth.impairment import HEALTHY, KINDS, Impairment, impairment_of
from synth.imu.error_recipe import ImuErrors
from synth.imu.placement import SEVEN_SENSORS
from synth.optimal_control.gait.altered_gait import (
    ALTERATIONS,
    SENSORS,
    UNALTERED,
    AlteredGait,
    draw_altered_gait,
)
from training.config import ConfigRefused

DRAWN, OUTSIDE, SOLVED, ELSEWHERE = "drawn.npz", "outside.npz", "solved.npz", "elsewhere.npz"
GROUPS = (UNALTERED, *ALTERATIONS)
CHUNK = 500
"""Solved walks that are kept together."""
_KEPT = ("code", "records", "group", "change", "numbers")
FURTHER = 3.0
"""How much further than those who taught manners of people outside are from the normative one."""


def errors_of(settings: GaitCauseSettings) -> ImuErrors:
    """Of the sensors that networks read."""
    return ImuErrors(settings.noise_share, settings.misalignment_deg, settings.seed)


def draw_walks(run: Run) -> str:
    """Draw everybody, with twins."""
    settings, errors = run.settings, errors_of(run.settings)
    n, far = settings.n_people, settings.spread * FURTHER
    first = 10 * n  # nobody outside is one of those inside
    drawn = [draw_altered_gait(settings.seed, k, settings.spread) for k in range(n)]
    outside = [draw_altered_gait(settings.seed, first + k, far) for k in range(settings.n_outside)]
    write_walks(run.folder / OUTSIDE, _drawn(run, outside, errors, "Walking otherwise"))
    walks = _drawn(run, drawn, errors, "Walking")
    write_walks(run.folder / DRAWN, walks)
    counts = np.bincount(walks.group, minlength=len(GROUPS))
    return ", ".join(f"{n} {name}" for name, n in zip(GROUPS, counts, strict=True))


def _drawn(run: Run, gaits: list[AlteredGait], errors: ImuErrors, description: str) -> Walks:
    shape = (len(gaits), N_SAMPLES, N_CHANNELS * len(SENSORS))
    records, change, faster = (np.zeros(shape, dtype=np.float32) for _ in range(3))
    for k, gait in enumerate(run.track(gaits, description)):
        own = cycle_record(gait.trial(), SENSORS)
        records[k] = cycle_record(gait.trial(), SENSORS, errors)
        if gait.alteration == UNALTERED:
            faster[k] = own - cycle_record(gait.at_relative_speed(1.0).trial(), SENSORS)
        else:
            change[k] = own - cycle_record(gait.without.trial(), SENSORS)
    return Walks(
        np.array([gait.person.subject.code for gait in gaits]),
        records,
        np.array([GROUPS.index(gait.alteration) for gait in gaits]),
        change,
        faster,
        np.array([_numbers(gait.person.subject, gait.speed) for gait in gaits]),
        np.array(GROUPS),
    )


def _numbers(subject: Subject, speed: float) -> tuple[float, ...]:
    return (subject.height, subject.mass, subject.age, float(subject.sex == "male"), speed)


def check_corpora(run: Run) -> object:
    """What is read from outside, by the hash of its bytes.

    Raises
    ------
    CorpusMismatch
        One is not there, or no corpus.
    ConfigRefused
        One of the two corpora is missing, or people elsewhere are given without them.
    """
    settings: GaitCauseSettings = run.settings
    given = {name: getattr(settings, name) for name in ("people", "twins", "elsewhere")}
    for name, path in given.items():
        if path:
            refuse_no_corpus(name, Path(path), "Give a corpus of kinesynth gait population --impairment.")
    if bool(settings.people) != bool(settings.twins) or (settings.elsewhere and not settings.people):
        raise ConfigRefused(
            f"gait-cause: people={settings.people!r} and twins={settings.twins!r} must both be corpora of `kinesynth "
            "gait population`, the second by the same command with --healthy 1, and "
            f"elsewhere={settings.elsewhere!r} another one beside them, or empty; or leave all of them out."
        )
    return named_sources({name: Path(path) for name, path in given.items() if path})


def read_solved(run: Run) -> str:
    """Put sensors on the solved people, on the twins of those who have one, and on people elsewhere."""
    settings: GaitCauseSettings = run.settings
    write_walks(run.folder / ELSEWHERE, _elsewhere(run) if settings.elsewhere else _nobody())
    if not settings.people:
        write_walks(run.folder / SOLVED, _nobody())
        return "no solved people (settings people, twins)"
    corpus, twins = Corpus(Path(settings.people)), Corpus(Path(settings.twins))
    check_twins(corpus, twins)
    walks = _walks_of(run, corpus, twins, "Putting on sensors")
    write_walks(run.folder / SOLVED, walks)
    n_twins = int(np.isfinite(walks.change[:, 0, 0]).sum())
    return f"{len(walks)} solved walks of {len(set(walks.code))} people, {n_twins} with a twin"


def first_visits(corpus: Corpus, visits: int) -> list[tuple[str, str]]:
    """(person, trial) of the first visits of everybody, also of those that were refused; 0: of all."""
    found: dict[str, list[str]] = {}
    for person, name in corpus.trials():
        found.setdefault(person, []).append(name)
    return [(person, name) for person, names in found.items() for name in sorted(names)[: visits or None]]


def usable_visits(corpus: Corpus, visits: int) -> list[tuple[str, str]]:
    """The same without the refused ones, in the corpus' order."""
    read = set(first_visits(corpus, visits))
    own = [(str(row["subject"]), str(row["trial"])) for row in corpus.summary() if row["status"] != "refused"]
    return [key for key in own if key in read]


def _walks_of(run: Run, corpus: Corpus, twins: Corpus | None, description: str) -> Walks:
    """Walks of a corpus, chunk by chunk, so that a killed run goes on with the next one."""
    settings: GaitCauseSettings = run.settings
    errors, others = errors_of(settings), set() if twins is None else set(twins.trials())
    files = {"people": corpus.path} | ({} if twins is None else {"twins": twins.path})
    parts = remembered_parts(run.folder / "sensors", [named_sources(files), astuple(errors), settings.visits])

    def chunk(keys: list[tuple[str, str]]) -> dict[str, np.ndarray]:
        rows = []
        for key in keys:
            trial = corpus.read(*key, clean=True)
            if trial.status == "refused":
                continue
            twin = twins.read(*key, clean=True) if key in others else None
            rows.append(_solved(trial, None if twin is None or twin.status == "refused" else twin, errors))
        return {name: np.array([row[k] for row in rows]) for k, name in enumerate(_KEPT)}

    keys = first_visits(corpus, settings.visits)
    firsts = run.track(range(0, len(keys), CHUNK), description)
    found = [parts.get(f"{corpus.path.stem}_{k}", lambda k=k: chunk(keys[k : k + CHUNK])) for k in firsts]
    code, records, group, change, numbers = (
        np.concatenate([one[n] for one in found if len(one["code"])]) for n in _KEPT
    )
    empty = np.zeros((len(code), 0, 0), dtype=np.float32)
    return Walks(code, records, group, change, empty, numbers, np.array(list(KINDS)))


def _elsewhere(run: Run) -> Walks:
    """People who are only scored; `people_elsewhere.check_elsewhere` has looked at them before."""
    walks = _walks_of(run, Corpus(Path(run.settings.elsewhere)), None, "Putting on sensors elsewhere")
    return replace(walks, code=np.char.add("elsewhere ", walks.code))


def _solved(trial: CorpusTrial, twin: CorpusTrial | None, errors: ImuErrors) -> tuple:
    """Code, record, group, change and numbers of one walk."""
    kind = kind_of(impairment_of(trial))
    record = cycle_record(trial, SEVEN_SENSORS, errors).astype(np.float32)
    change = np.full_like(record, np.nan)
    if twin is not None:
        change = (cycle_record(trial, SEVEN_SENSORS) - cycle_record(twin, SEVEN_SENSORS)).astype(np.float32)
    numbers = _numbers(trial.subject, trial.spatiotemporal["speed"])
    return trial.subject.code, record, list(KINDS).index(kind), change, numbers


def kind_of(found: Impairment | None) -> str:
    """What is wrong: at severity 0, and where nothing is said, nothing."""
    return found.kind if found is not None and found.severity > 0.0 else HEALTHY


def check_twins(corpus: Corpus, twins: Corpus) -> None:
    """Refuse twins that are other people.

    Raises
    ------
    CorpusMismatch
        Seed, laws, kinds, spread or rate differ, or something is wrong with a twin.
    """
    own, other = corpus.provenance.config, twins.provenance.config
    for name in ("task", "seed", "laws", "spread", "rate", "impairments"):
        if own.get(name) != other.get(name):
            raise CorpusMismatch(
                f"twins: expected {name} {own.get(name)!r} as in the corpus of people, found {other.get(name)!r}. "
                "Make them by the same command with --healthy 1."
            )
    if other.get("healthy") != 1.0:
        raise CorpusMismatch(f"twins: expected --healthy 1, found {other.get('healthy')!r}.")


def _nobody() -> Walks:
    nothing = np.zeros((0, N_SAMPLES, N_CHANNELS * len(SEVEN_SENSORS)), dtype=np.float32)
    no_one = np.zeros(0, dtype=int)
    return Walks(np.zeros(0, dtype="U1"), nothing, no_one, nothing, nothing, np.zeros((0, 5)), np.array(list(KINDS)))

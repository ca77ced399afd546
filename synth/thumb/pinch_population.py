"""A population of pinching people: drawn and simulated in chunks, each a file, so that a killed run goes on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap_import.batch import Task, run_tasks
from mocap_import.durable_file import durable_place
from mocap_import.product import fingerprint, product_hash
from synth.corpus.schema import CorpusMismatch
from synth.thumb.force_profile import FIRST, SECOND, held_forces, measured, measured_held, pinch_profile
from synth.thumb.pinch_parameter import asked_values
from synth.thumb.pinch_people import draw_people
from synth.thumb.wrist_condition import CONDITIONS

CHUNK = 1000
"""People a file."""
LAWS = {"first": FIRST, "second": SECOND}


@dataclass(frozen=True)
class PopulationWish:
    """A population.

    Attributes
    ----------
    name : str
        First part of the names of its files.
    kind : str
        Of `pinch_people.draw_people`.
    laws : str
        ``"first"`` or ``"second"`` simulator.
    n_people : int
    prefix : str
        Of the people's codes.
    prevalence : tuple of float
        Share of each of `CONDITIONS`.
    is_paired : bool
        Whether to keep the noise-free profile of everybody in every condition, too.
    """

    name: str
    kind: str
    laws: str
    n_people: int
    prefix: str
    prevalence: tuple[float, ...]
    is_paired: bool = False


@dataclass(frozen=True)
class PinchSamples:
    """Simulated people as arrays, one row a person.

    Attributes
    ----------
    code : ndarray of str
    demographics : ndarray, shape (n, 5)
        `pinch_people.DEMOGRAPHICS`.
    parameters : ndarray, shape (n, 32)
        Logarithms, `pinch_parameter.ASKED`.
    condition : ndarray of int
        Index into `CONDITIONS`.
    healthy, own : ndarray, shape (n, n_frames, 3)
        Measured profiles (N) with a healthy wrist, and with the person's own.
    paired : ndarray, shape (n, 3, n_frames, 3) or (n, 0, n_frames, 3)
        Noise-free, in every condition.
    held : ndarray, shape (n, n_levels, 3)
        Measured forces (N) with a healthy wrist, held at `force_profile.LEVELS` of the strongest.
    """

    code: np.ndarray
    demographics: np.ndarray
    parameters: np.ndarray
    condition: np.ndarray
    healthy: np.ndarray
    own: np.ndarray
    paired: np.ndarray
    held: np.ndarray

    def __len__(self) -> int:
        return len(self.code)

    def rows(self, chosen: np.ndarray) -> PinchSamples:
        """Some of these people."""
        return PinchSamples(*(getattr(self, name)[chosen] for name in FIELDS))


FIELDS = tuple(PinchSamples.__dataclass_fields__)


def simulate_chunk(path: str, wish: dict, seed: int, chunk: int, n_people: int) -> int:
    """Draw, simulate, measure and write one chunk; returns how many people are in it."""
    order = PopulationWish(**wish)
    people, laws = draw_people(seed, chunk, n_people, kind=order.kind, prefix=order.prefix), LAWS[order.laws]
    rng = np.random.default_rng([seed, chunk, 99])
    condition = rng.choice(len(CONDITIONS), n_people, p=order.prevalence)
    true = {"healthy": pinch_profile(people, "healthy", laws)[0]}
    own = true["healthy"].copy()
    for k, name in enumerate(CONDITIONS[1:], start=1):
        chosen = np.arange(n_people) if order.is_paired else np.flatnonzero(condition == k)
        if len(chosen):
            true[name] = pinch_profile(people.rows(chosen), name, laws)[0]
            own[condition == k] = true[name][condition[chosen] == k]
    healthy = measured(true["healthy"], laws, rng)
    paired = np.stack([true[c] for c in CONDITIONS], axis=1) if order.is_paired else np.zeros((n_people, 0, 1, 1))
    arrays = (
        people.code,
        people.demographics,
        asked_values(people),
        condition,
        healthy,
        np.where((condition == 0)[:, None, None], healthy, measured(own, laws, rng)),
        paired.astype(np.float32),
        measured_held(held_forces(people, "healthy", laws), laws, np.random.default_rng([seed, chunk, 98])),
    )
    with durable_place(Path(path), ending=".npz") as place:
        np.savez(place, **dict(zip(FIELDS, arrays, strict=True)))
    return n_people


def simulate_population(
    folder: Path, wishes: Sequence[PopulationWish], seed: int, *, n_workers: int = 1, shown: object = None
) -> int:
    """Simulate whatever chunk of some populations is not there yet; returns how many people there are.

    Parameters
    ----------
    folder : Path
        Of chunks, and of the ledger that lets an interrupted run go on.
    wishes : sequence of PopulationWish
    seed, n_workers : int
    shown : callable, optional
        Called with a number of chunks and a description, gives a progress bar.

    Raises
    ------
    CorpusMismatch
        A chunk could not be made; names it and says why.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [task for wish in wishes for task in _tasks(folder, wish, seed)]
    failed = []
    for outcome in _followed(run_tasks(tasks, n_workers=n_workers, ledger=folder / "ledger.sqlite"), shown, len(tasks)):
        if outcome.status not in ("done", "skipped"):
            failed.append(f"{outcome.key}: {outcome.reason}")
    if failed:
        raise CorpusMismatch(f"{folder}: {len(failed)} chunks could not be simulated; first {failed[0]}")
    return sum(wish.n_people for wish in wishes)


def _followed(outcomes: Iterable, shown: object, n_tasks: int) -> Iterable:
    if not callable(shown):
        yield from outcomes
        return
    with shown(n_tasks, "Pinching") as bar:
        for outcome in outcomes:
            bar.advance(outcome)
            yield outcome


def simulator_hash() -> str:
    """Hash of the sources and the muscle table of this package: chunks of another simulator are made anew."""
    here = Path(__file__).parent
    return product_hash(sorted([*here.glob("*.py"), *here.glob("*.csv")]))


def chunk_files(folder: Path, wish: PopulationWish) -> list[tuple[Path, int]]:
    """Files of a population and how many people are in each."""
    sizes = [min(CHUNK, wish.n_people - start) for start in range(0, wish.n_people, CHUNK)]
    return [(folder / f"{wish.name}_{k:04d}.npz", n) for k, n in enumerate(sizes)]


def _tasks(folder: Path, wish: PopulationWish, seed: int) -> list[Task]:
    plain = {name: getattr(wish, name) for name in wish.__dataclass_fields__}
    made, simulator = [], simulator_hash()
    for k, (path, n) in enumerate(chunk_files(folder, wish)):
        arguments = {"path": str(path), "wish": plain, "seed": seed, "chunk": k, "n_people": n}
        mark = fingerprint(plain | {"n_people": n}, seed, repr(LAWS[wish.laws]), simulator)
        function = "synth.thumb.pinch_population:simulate_chunk"
        made.append(Task(path.name, function, arguments, mark, products=(str(path),)))
    return made


def read_population(folder: Path, wish: PopulationWish) -> PinchSamples:
    """All people of a population that was simulated.

    Raises
    ------
    CorpusMismatch
        If a chunk is missing; names it.
    """
    parts = []
    for path, _ in chunk_files(folder, wish):
        if not path.exists():
            raise CorpusMismatch(f"{path}: this chunk of simulated people is missing; run the recipe again.")
        with np.load(path, allow_pickle=False) as chunk:
            parts.append([chunk[name] for name in FIELDS])
    return PinchSamples(*(np.concatenate(column) for column in zip(*parts, strict=True)))

"""Making the people: the factorial of simulations, and the second laboratory, inside and outside its population."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap_import.subject import Subject
from recipes.fatigue.settings import STORED_RATE, FatigueSettings
from recipes.remembered_part import remembered_parts
from recipes.run import Run
from synth.corpus import Corpus
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch
from synth.elbow.factorial import expected_strength, factorial_cases
from synth.elbow.flexion_corpus import write_flexion_corpus
from synth.elbow.flexion_recording import SECOND, SIMULATED, FlexionRecording, record
from synth.elbow.second_laboratory import draw_case, sustain_otherwise
from synth.elbow.sustained_flexion import SustainedFlexion, sustain
from synth.virtual_people import draw_person

SIMULATED_CORPUS, TARGET_CORPUS, OUTSIDE_CORPUS = "simulated.h5", "target.h5", "outside.h5"
FACTORIAL = ("seed", "every", "seconds")
"""Settings that decide the simulations."""
OTHER_PEOPLE = ("seed", "seconds", "target", "n_target", "n_outside")
"""Settings that decide who is scored."""
CHUNK = 243
MODEL_TORQUE = 76.0
"""N·m: the generic elbow near its best angle; people of the second laboratory have `STRONGER` times what is expected of
them by it, so that a musculoskeletal simulation predicts too little, as published."""
STRONGER = 1.25
TARGET_LEVELS = (0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
TARGET_ANGLES = tuple(np.radians((70.0, 80.0, 90.0)))
TRIALS = 2
OUTSIDE = {"strength": 0.45, "speed": 2.2, "age": 82.0}
"""Strength over what is expected, factor on the loss of force, years."""


def simulate_factorial(run: Run) -> str:
    """Write `SIMULATED_CORPUS`; chunks that a killed run finished are used."""
    settings: FatigueSettings = run.settings
    case, subjects = factorial_cases(settings.seed, settings.every)
    parts = remembered_parts(run.folder / "parts", ["factorial", settings.seed, settings.every, settings.seconds])
    chunks = []
    for start in run.track(range(0, len(subjects), CHUNK), "Simulating"):
        rows = slice(start, min(start + CHUNK, len(subjects)))
        rng = np.random.default_rng([settings.seed, 2, start])

        def made(rows: slice = rows, rng: np.random.Generator = rng) -> dict[str, np.ndarray]:
            flexion = sustain(case.rows(rows), settings.seconds, STORED_RATE)
            return _plain(flexion, record(flexion, SIMULATED, rng))

        chunks.append(parts.get(f"chunk{start}", made))
    names = [f"flexion_{round(100 * level)}" for level in case.level]
    _store(run, SIMULATED_CORPUS, chunks, list(subjects), names, case.angle, "three compartments, Holzbaur's elbow")
    return f"{len(subjects)} simulations"


def simulate_target(run: Run) -> str:
    """Write `TARGET_CORPUS` and `OUTSIDE_CORPUS`, unless the user has people."""
    settings: FatigueSettings = run.settings
    _second(run, OUTSIDE_CORPUS, settings.n_outside, 30_000, outside=True)
    if settings.target:
        return f"people of {Path(settings.target).name}; {settings.n_outside} simulated outside a population"
    _second(run, TARGET_CORPUS, settings.n_target, 20_000, outside=False)
    return f"{settings.n_target} people of the second simulator, {settings.n_outside} outside its population"


def found_or_made(run: Run) -> dict[str, str]:
    """Simulations and target people of a folder, made if they are not there; for work outside of the stages.

    Returns
    -------
    dict of str to str
        `SIMULATED_CORPUS` and `TARGET_CORPUS` → SHA-256 of the file.

    Raises
    ------
    CorpusMismatch
        One is there that was made by other settings; says which, and what to do.
    """
    names = (SIMULATED_CORPUS, TARGET_CORPUS)
    for path in [run.folder / name for name in names if (run.folder / name).exists()]:
        has, wants = Corpus(path).provenance.config, _config(run.settings, path.name)
        others = [f"{key} {has.get(key)}, not {wanted}" for key, wanted in wants.items() if has.get(key) != wanted]
        if others:
            raise CorpusMismatch(f"{path}: made by other settings ({'; '.join(others)}). Name another folder.")
    for name, make in zip(names, (simulate_factorial, simulate_target), strict=True):
        if not (run.folder / name).exists():
            make(run)
    return {name: file_hash(run.folder / name) for name in names}


def _config(settings: FatigueSettings, name: str) -> dict[str, object]:
    """Settings that decide a corpus, as its provenance holds them."""
    return {key: getattr(settings, key) for key in (OTHER_PEOPLE if name != SIMULATED_CORPUS else FACTORIAL)}


def _second(run: Run, name: str, n_people: int, first: int, *, outside: bool) -> None:
    """People of the second laboratory, two trials each."""
    settings: FatigueSettings = run.settings
    rng = np.random.default_rng([settings.seed, first])
    people = [draw_person(settings.seed, first + i) for i in range(n_people)]
    expected = np.array([expected_strength(p) for p in people]) * STRONGER * MODEL_TORQUE
    if outside:
        expected = expected * OUTSIDE["strength"]
        people = [replace(p, subject=replace(p.subject, age=OUTSIDE["age"])) for p in people]
    person = np.repeat(np.arange(n_people), TRIALS)
    levels = np.concatenate([rng.choice(TARGET_LEVELS, TRIALS, replace=False) for _ in people])
    angle = np.repeat(rng.choice(TARGET_ANGLES, n_people), TRIALS)
    speed = OUTSIDE["speed"] if outside else 1.0
    case = draw_case(rng, expected[person], angle, levels, person, speed)
    flexion = sustain_otherwise(case, settings.seconds, STORED_RATE)
    arrays = _plain(flexion, record(flexion, SECOND, rng, person))
    subjects: list[Subject] = [people[i].subject for i in person]
    names = [f"flexion_{round(100 * level)}" for level in levels]
    _store(run, name, [arrays], subjects, names, angle, "motor-unit pool, second laboratory")


def _plain(flexion: SustainedFlexion, recording: FlexionRecording) -> dict[str, np.ndarray]:
    """What is kept of a chunk: the recording, and what only the simulator knows."""
    return {
        "activations": recording.activations,
        "torque": recording.torque,
        "strength": recording.strength,
        "capacity": flexion.capacity,
        "freshness": flexion.freshness,
    }


def _store(
    run: Run, name: str, chunks: list[dict], subjects: list[Subject], names: list[str], angle: np.ndarray, source: str
) -> None:
    """Corpus, and beside it what only the simulator knows."""
    whole = {key: np.concatenate([chunk[key] for chunk in chunks]) for key in chunks[0]}
    recording = FlexionRecording(whole["activations"], whole["torque"], whole["strength"], STORED_RATE)
    config, path = _config(run.settings, name), run.folder / name
    write_flexion_corpus(path, subjects, names, angle, recording, seed=run.settings.seed, config=config, source=source)
    truth = remembered_parts(run.folder, name)
    truth.path("truth").unlink(missing_ok=True)
    known = {
        "persons": np.array([s.code for s in subjects]),
        "names": np.array(names),
        "capacity": whole["capacity"],
        "freshness": whole["freshness"],
    }
    truth.get("truth", lambda: known)

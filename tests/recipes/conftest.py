"""People who were really fitted: rows of fits and of questions to what was fitted, traced back to persons.

Seen are all networks, and the regressions and generators that `Witness` names. Not seen are trees of what true angles
tell (one camera), classifiers that tell made samples from measured ones, lines of a ruler, outlier forests, and what an
explanation takes for usual. A row is known by its bytes; the recipe's own corpora and tables say whose it is. Rows of
nobody are made samples, simulated people who stand in no split, and inputs on the way of an explanation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import isfunction
from typing import Any

import numpy as np
import pytest
import torch

from recipes.run import Run
from training.sample import fit as fitting

KEYS = ("torque", "inputs", "samples", "x")
"""Arrays of a fit that tell people apart, the first that is there."""
CHANGES = 2
"""Of coordinates, at most, between a table and a fit: standardised, then scores of components."""


def rows_of(data: Any) -> list[bytes]:
    """Bytes of every row, as the network sees it."""
    if isinstance(data, Mapping):
        data = data[next(key for key in KEYS if key in data)]
    array = np.asarray(data, dtype=np.float32)
    return [row.tobytes() for row in array.reshape(len(array), -1)]


@dataclass
class Fitted:
    """One fit: rows that teach and that validate, and rows that its network was asked about afterwards."""

    teach: list[bytes]
    validate: list[bytes]
    asked: list[bytes] = field(default_factory=list)


@dataclass
class Witness:
    """What a run fitted; ``origin`` leads from a standardised row to the row of a table, from scores to that one."""

    fits: list[Fitted] = field(default_factory=list)
    origin: dict[bytes, bytes] = field(default_factory=dict)

    def watch(self, monkeypatch: Any) -> None:
        """See every fit of networks, and those of the regressions and generators named here, from now on."""
        real = fitting.fit

        def seen(network: Any, loss: Any, teaching: Any, settings: Any, *, seed: int, validation: Any = None) -> Any:
            done = real(network, loss, teaching, settings, seed=seed, validation=validation)
            one = Fitted(rows_of(teaching), [] if validation is None else rows_of(validation))
            self.fits.append(one)

            def asked(_: Any, given: tuple) -> None:
                if not torch.is_grad_enabled():
                    one.asked += rows_of(given[0])

            network.register_forward_pre_hook(asked)
            return done

        seen.watched = real
        for name, module in list(sys.modules.items()):
            own = vars(module).get("fit") if name.startswith(("training.", "recipes.")) else None
            # Functions only: some libraries' modules answer to every name. Watched: imported while another watched.
            if own is real or (isfunction(own) and getattr(own, "watched", None) is real):
                monkeypatch.setattr(module, "fit", seen)
        self._watch_the_rest(monkeypatch)

    def _watch_the_rest(self, monkeypatch: Any) -> None:
        from recipes.gait_cause import explain_stage, impairment_fold
        from recipes.pinch import estimate_stage, wrist_stage
        from training.fatigue import baseline
        from training.generative import people_model, plain_model
        from training.generative.people_spread import PeopleSpread
        from training.generative.person_fold import Standard
        from training.transfer import baseline as few

        def two(real: Callable, teach: int, asked: int) -> Callable:
            def call(*given: Any) -> Any:
                self.fits.append(Fitted(rows_of(given[teach]), [], rows_of(given[asked])))
                return real(*given)

            return call

        for methods in (baseline.BASELINES, few.BASELINES):
            for name, method in methods.items():
                monkeypatch.setitem(methods, name, two(method, 0, 1))
        monkeypatch.setattr(wrist_stage, "balanced_logistic", two(wrist_stage.balanced_logistic, 0, 2))
        monkeypatch.setattr(estimate_stage, "linear_estimates", two(estimate_stage.linear_estimates, 0, 2))

        def linear(real: Callable) -> Callable:
            def call(inputs: Any, known: Any, held: tuple, seed: int, **more: Any) -> Any:
                taught = real(inputs, known, held, seed, **more)
                one = Fitted(rows_of(inputs), rows_of(held[0]))
                self.fits.append(one)
                for network in taught.networks:
                    network.register_forward_pre_hook(
                        lambda _, given: None if torch.is_grad_enabled() else one.asked.extend(rows_of(given[0]))
                    )
                return taught

            return call

        for stage, method in (
            (explain_stage, "linear_classes"),
            (explain_stage, "linear_numbers"),
            (impairment_fold, "linear_classes"),
        ):
            monkeypatch.setattr(stage, method, linear(getattr(stage, method)))
        plain = (plain_model.GaussianModel, plain_model.InterpolationModel, plain_model.NoiseModel)
        for kind in (*plain, people_model.PeopleGaussian):

            def learn(model: Any, lesson: Any, seed: int, real: Callable = kind.fit) -> Any:
                self.fits.append(Fitted(rows_of(lesson.samples), rows_of(lesson.validation)))
                return real(model, lesson, seed)

            monkeypatch.setattr(kind, "fit", learn)
        apply = Standard.apply

        def standardised(standard: Standard, values: np.ndarray) -> np.ndarray:
            found = apply(standard, values)
            self.origin.update(zip(rows_of(found), rows_of(values), strict=True))
            return found

        monkeypatch.setattr(Standard, "apply", standardised)
        scores = PeopleSpread.scores

        def scored(spread: PeopleSpread, samples: np.ndarray) -> np.ndarray:
            found = scores(spread, samples)
            self.origin.update(zip(rows_of(found), rows_of(samples), strict=True))
            return found

        monkeypatch.setattr(PeopleSpread, "scores", scored)

    def person(self, row: bytes, owner: Mapping[bytes, str]) -> str:
        """Whose this row is: a table's, or led back to a table's by the changes of coordinates that were seen."""
        for _ in range(CHANGES):
            if row in owner:
                break
            row = self.origin.get(row, row)
        return owner.get(row, "")

    def people(self, rows: list[bytes], owner: Mapping[bytes, str]) -> set[str]:
        """Whose these rows are; ``""`` stands for nobody in a table."""
        return {self.person(row, owner) for row in rows}

    def owners(self, name: str, run: Run) -> dict[bytes, str]:
        """Row → person, of everybody whom a recipe wrote."""
        found: dict[bytes, str] = {}
        for rows, people in _SOURCES[name](run):
            found.update(zip(rows_of(rows), map(str, people), strict=True))
        return found


def _fatigue(run: Run) -> Any:
    from recipes.fatigue.settings import RATE
    from synth.elbow.flexion_corpus import read_flexion_corpus

    for corpus in ("simulated.h5", "target.h5", "outside.h5"):
        trials = read_flexion_corpus(run.folder / corpus, RATE, run.settings.seconds)
        yield np.nan_to_num(trials.torque), trials.persons


def _pinch(run: Run) -> Any:
    from recipes.pinch import estimate_stage
    from recipes.pinch.population_stage import read_groups
    from recipes.pinch.record import HELD, INPUTS, network_inputs

    groups = read_groups(run)
    sets = [
        groups.teach,
        groups.validate,
        groups.calibrate,
        groups.score,
        groups.choose,
        groups.second,
        *groups.outside.values(),
    ]
    for people in sets:
        for name in INPUTS:
            for forces in (people.own, people.healthy):
                yield network_inputs(name, forces, people.demographics), people.code
            yield estimate_stage._linear_inputs(name, people), people.code
        yield network_inputs(HELD, people.healthy, people.demographics, people.held), people.code
        yield estimate_stage._linear_inputs(HELD, people), people.code


def _camera(run: Run) -> Any:
    from recipes.single_camera.clip_sets import CLIPS, load_clips
    from recipes.single_camera.own_people import OWN, load_own

    own = load_own(run)[0] if (run.folder / OWN).exists() else {}
    for clips in (*load_clips(run.folder / CLIPS).values(), *own.values()):
        if len(clips):
            yield clips.inputs, clips.person


def _few(run: Run) -> Any:
    from recipes.few_people.source_stage import read_sets

    for windows in read_sets(run).values():
        yield windows.inputs, windows.person


def _posture(run: Run) -> Any:
    from recipes.posture.samples import read_tables

    for table in read_tables(run).values():
        yield table.values, table.people


def _gait_cause(run: Run) -> Any:
    from recipes.gait_cause.walk_stage import DRAWN, ELSEWHERE, OUTSIDE, SOLVED
    from recipes.gait_cause.walks import read_walks

    for name in (DRAWN, OUTSIDE, SOLVED, ELSEWHERE):
        walks = read_walks(run.folder / name)
        if len(walks):
            yield walks.records, walks.code


_SOURCES = {
    "fatigue": _fatigue,
    "pinch": _pinch,
    "single-camera": _camera,
    "posture": _posture,
    "few-people": _few,
    "gait-cause": _gait_cause,
}


@pytest.fixture
def witness() -> Witness:
    """One that has seen nothing yet."""
    return Witness()

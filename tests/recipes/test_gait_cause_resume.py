"""Gait causes resume: a run killed in a fold finds the folds before it, and ends as if nobody had disturbed it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recipes.catalogue import find_recipe
from recipes.gait_cause import impairment_fold, impairment_stage, result_stage
from recipes.gait_cause.settings import GaitCauseSettings
from recipes.gait_cause.walk_stage import DRAWN, ELSEWHERE, OUTSIDE, SOLVED
from recipes.gait_cause.walks import Walks, write_walks
from recipes.run import Run, Stage, run_stages
from synth.cycle_record import N_CHANNELS, N_SAMPLES
from synth.impairment import HEALTHY, KINDS
from synth.imu.placement import SEVEN_SENSORS

QUICK = {"n_folds": 2, "n_members": 2, "epochs": 1, "n_phases": 2, "n_explained": 8, "n_untaught": 2}
FILES = ("results.csv", "doubt_solved.csv", "explanation_solved.csv", "people.csv")


def people(name: str, n: int = 24, lift: float = 0.0) -> Walks:
    """People of two kinds, each with a twin; `lift` makes them others."""
    rng = np.random.default_rng(2)
    there = [list(KINDS).index(kind) for kind in (HEALTHY, "crouch")]
    group, shape = np.tile(there, n)[:n], (n, N_SAMPLES, N_CHANNELS * len(SEVEN_SENSORS))
    records = rng.normal(size=shape).astype(np.float32)
    records[:1, 0, 0] += lift
    change = np.where(group[:, None, None] > 0, rng.normal(size=shape), 0.0).astype(np.float32)
    code = np.array([f"{name}{k:02d}" for k in range(n)], dtype=str)
    return Walks(code, records, group, change, np.zeros((n, 0, 0)), rng.normal(size=(n, 5)), np.array(list(KINDS)))


@pytest.fixture
def resumed(monkeypatch):
    """Run a folder, killed as fold `dies_in` is to be taught: folds that were taught, and less the one it died in."""
    for stage in (impairment_stage, result_stage):
        monkeypatch.setattr(stage, "named_elsewhere", lambda settings: "other laws")
    teach = impairment_fold.teach_classes
    solved, table = (next(s for s in find_recipe("gait-cause").stages if s.name == n) for n in ("solved", "table"))

    def run(folder: Path, dies_in: int = 0, lift: float = 0.0, elsewhere: float = 1.0, **settings) -> list[int]:
        taught: list[int] = []

        def counted(*given, seed, **more):
            fold = seed // 100 + 1  # each fold teaches by a seed of its own
            if fold == dies_in:
                raise KeyboardInterrupt
            taught.append(fold)
            return teach(*given, seed=seed, **more)

        def given_people(run: Run) -> str:
            others = people("E", 6, elsewhere)
            write_walks(run.folder / ELSEWHERE, replace(others, code=np.char.add("elsewhere ", others.code)))
            write_walks(run.folder / SOLVED, people("P", lift=lift))
            return ""

        def given_drawn(run: Run) -> str:
            nobody = people("D", 0)
            for name in (DRAWN, OUTSIDE):
                write_walks(run.folder / name, nobody)
            (run.folder / "drawn_rows.json").write_text(json.dumps([]))
            return ""

        monkeypatch.setattr(impairment_fold, "teach_classes", counted)
        stages = (
            Stage("drawn", "drawn_rows.json", (), given_drawn),
            Stage("people", SOLVED, (), given_people, lambda run: [lift, elsewhere]),
            solved,
            table,
        )
        chosen = GaitCauseSettings(**{"elsewhere": "others.h5", **QUICK, **settings})
        try:
            run_stages(Run(folder, chosen, shown=False), stages)
        except KeyboardInterrupt:
            taught.append(-dies_in)
        return taught

    return run


def test_a_run_killed_in_a_fold_teaches_no_earlier_one_again_and_ends_as_if_undisturbed(resumed, tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    assert resumed(killed, dies_in=2) == [1, -2]
    assert not (killed / "solved_rows.json").exists()
    assert resumed(killed) == [2], "fold 1 is there"
    assert resumed(whole) == [1, 2]
    for name in FILES:
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    for changed in ({"seed": 8}, {"n_members": 3}, {"solved_epochs": 3}, {"n_untaught": 3}, {"n_folds": 3}):
        assert resumed(killed, dies_in=1, **changed) == [-1], f"{changed} asks another question"
    assert resumed(killed, dies_in=1, lift=0.5) == [-1], "other people"
    assert resumed(killed, dies_in=1, elsewhere=2.0) == [-1], "others elsewhere"
    assert resumed(killed, solved_epochs=2) == [], "the default is twice the epochs: the same question"

"""Two visits of one person raise a warning where the gait says so, and different people none."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent
from opensim_models.motion import Kinematics
from synth.corpus import CorpusTrial, CorpusWriter, check_corpus
from synth.corpus.gait_signature import ALIKE, COORDINATES, alike_gaits, gait_signature, signature_of
from synth.corpus.leak import refuse_leaking_splits
from synth.corpus.subject_split import SubjectSplit

RATE, PERIOD = 100.0, 1.1


def trial_of(code, shape, rng, *, mass=70.0, status="measured", offset=0.0, name="walk"):
    """Five cycles of a person; `shape` (harmonic, coordinate) is how this person walks."""
    t = np.arange(int(5.5 * PERIOD * RATE)) / RATE
    start = rng.uniform(0, 0.3)
    phase = 2 * np.pi * (t - start) / PERIOD
    waves = sum(np.cos((k + 1) * phase)[:, None] * row for k, row in enumerate(shape))
    values = waves + offset + 0.002 * rng.standard_normal(waves.shape)
    events = tuple(GaitEvent(start + k * PERIOD, "right", "foot_strike", "force") for k in range(5))
    person = Subject(code, mass, 1.752)
    return CorpusTrial(
        name, person, RATE, kinematics=Kinematics(COORDINATES, values, RATE), events=events, task="walk", status=status
    )


def shapes(n):
    """People alike, as people are: a common gait and a third of it of one's own."""
    rng = np.random.default_rng(4)
    common = np.array([[0.35, 0.3, 0.1], [0.05, 0.2, 0.1]])
    return [common + 0.06 * rng.standard_normal(common.shape) for _ in range(n)]


def test_the_signature_is_the_mean_cycle_about_its_mean_wherever_the_trial_begins():
    rng, shape = np.random.default_rng(0), shapes(1)[0]
    phase = 2 * np.pi * np.linspace(0, 1, 101)
    expected = signature_of([sum(np.cos((k + 1) * phase)[:, None] * row for k, row in enumerate(shape))])
    for offset in (0.0, 0.2):
        np.testing.assert_allclose(gait_signature(trial_of("A", shape, rng, offset=offset)), expected, atol=0.006)


def test_what_is_no_measured_gait_has_no_signature():
    trial = trial_of("A", shapes(1)[0], np.random.default_rng(0))
    assert gait_signature(trial) is not None
    assert gait_signature(replace(trial, status="converged")) is None
    assert gait_signature(replace(trial, events=trial.events[:3])) is None
    assert gait_signature(replace(trial, kinematics=None)) is None
    holed = trial.kinematics.values.copy()
    holed[150:400] = np.nan
    assert gait_signature(replace(trial, kinematics=replace(trial.kinematics, values=holed))) is None


def test_another_visit_is_a_warning_that_refuses_no_split(tmp_path):
    rng, people = np.random.default_rng(1), shapes(8)
    split = SubjectSplit("mine", ("P0", "P1"), (), ("again", "P2"))
    with CorpusWriter(tmp_path / "c.h5", splits=[split]) as writer:
        for number, shape in enumerate(people):
            writer.append(trial_of(f"P{number}", shape, rng, mass=60.0 + 3 * number))
        visit = people[1] + np.deg2rad(0.5) * rng.standard_normal(people[1].shape)
        writer.append(trial_of("again", visit, rng, mass=66.3, offset=0.1))
        writer.append(trial_of("heavier", visit, rng, mass=95.0, offset=0.1))
    warned = [f for f in check_corpus(tmp_path / "c.h5") if "moves as" in f.what]
    assert [(finding.level, finding.where) for finding in warned] == [("warning", "again")]
    assert warned[0].what.startswith("moves as P1 does")
    assert "split 'mine' has one in train, the other in test" in warned[0].what
    refuse_leaking_splits(tmp_path / "c.h5", [split])


@pytest.fixture(scope="module")
def runners(data_dir):
    """Two halves of the strides of each runner of the laboratory that had no part in the choice of the threshold."""
    found = {}
    for path in sorted((data_dir / "bmc_ric_running").glob("g02s*.tsv")):
        table = pd.read_csv(path, sep="\t")
        strides = np.deg2rad(table[["Hip_Z", "Knee_Z", "Ankle_Z"]].to_numpy()).reshape(-1, 101, 3)
        half = len(strides) // 2
        found[path.stem] = signature_of(strides[:half]), signature_of(strides[half:])
    return found


def test_real_runners_are_like_themselves_and_like_nobody_else(runners):
    assert len(runners) == 20
    for first, second in runners.values():
        assert np.sqrt(np.mean((first - second) ** 2)) < ALIKE
    alike = alike_gaits({code: {"run": list(halves)} for code, halves in runners.items()})
    assert not alike, f"{len(alike)} of {len(list(combinations(runners, 2)))} pairs"

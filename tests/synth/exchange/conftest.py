"""Corpora for the tests of exchange: two people, gaps, a refused trial, names that other programs forbid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, Treatment
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus import CorpusTrial, CorpusWriter, ImuErrors, MuscleActivity
from synth.imu.recording import ImuRecording, SensorPlacement

COORDINATES = ("pelvis_tilt", "pelvis_tx", "knee_angle_r")


def make_trial(name="walk_01", code="S01", n=40, **changes):
    rng = np.random.default_rng([*name.encode(), *code.encode()])
    recordings = tuple(
        ImuRecording(
            SensorPlacement(sensor, segment, rng.standard_normal(3), Rotation.random(rng=rng)),
            rng.standard_normal((n, 3)) + np.array([0.0, 9.8, 0.0]),
            rng.standard_normal((n, 3)),
            100.0,
        )
        for sensor, segment in (("pelvis", "pelvis"), ("shank_r", "tibia_r"))
    )
    values = rng.standard_normal((n, 3))
    values[3:6, 1] = np.nan
    feet = []
    for foot in ("right", "left"):
        force = rng.uniform(1.0, 2.0, (n, 3))
        force[:5] = np.nan  # unknown
        force[5:9] = 0.0  # in the air
        pressure, moment = rng.standard_normal((n, 3)), rng.standard_normal(n)
        pressure[:9], moment[:9] = np.nan, np.nan
        feet.append(GroundReaction(force, pressure, moment, 100.0, foot, f"{foot} plate"))
    kinetics = Kinetics(COORDINATES, values * 10, 100.0, tuple(feet), ("soleus_r",), rng.uniform(size=(n, 1)))
    trial = CorpusTrial(
        name=name,
        subject=Subject(code, 70.5, 1.75, "female", 93.0),
        rate=100.0,
        recordings=recordings,
        errors=ImuErrors(seed=7),
        kinematics=Kinematics(COORDINATES, values, 100.0),
        kinetics=kinetics,
        activity=MuscleActivity(("time_s", "SOL"), ("", "soleus"), ("", "r"), rng.uniform(size=(n, 2)), 100.0, "none"),
        events=(GaitEvent(0.1, "right", "foot_strike", "force"), GaitEvent(0.3, "left", "foot_off", "markers")),
        task="walk",
        belt_speed=1.25,
        spatiotemporal={"speed": 1.25, "step_length_r": 0.7},
        status="converged",
        reason="déjà vu",
        source="lab/walk 01.c3d",
        source_hash="ab" * 32,
        treatments=(Treatment("gap_filled", "=LKNE: 3 frames"),),
        seconds=1.5,
    )
    return replace(trial, **changes)


@pytest.fixture
def trials():
    other = Subject("Ä-2_b", sex="male")
    nothing = {"recordings": (), "errors": None, "kinematics": None, "kinetics": None, "activity": None, "events": ()}
    return [
        make_trial("walk_01"),
        make_trial("walk:02", n=30),
        make_trial("run 1", "Ä-2_b", subject=other, kinetics=None, activity=None),
        make_trial("turn", "Ä-2_b", subject=other, status="refused", spatiotemporal={}, treatments=(), **nothing),
    ]


@pytest.fixture
def corpus_file(tmp_path, trials):
    path = tmp_path / "walking.h5"
    with CorpusWriter(path, role="reference", seed=7) as corpus:
        for trial in trials:
            corpus.append(trial)
    return path

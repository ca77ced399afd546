"""Analytic walkers: pendulum legs under a hip that moves on, whose labels are known in closed form."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap_import.subject import STANDARD_GRAVITY, Subject
from mocap_import.trial import GaitEvent, GroundReaction
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus import CorpusTrial, CorpusWriter, ImuErrors
from synth.imu.recording import ImuRecording, SensorPlacement

RATE = 100.0
COORDINATES = (
    "pelvis_tilt",
    "hip_flexion_r",
    "knee_angle_r",
    "ankle_angle_r",
    "hip_flexion_l",
    "knee_angle_l",
    "ankle_angle_l",
)


def walking_trial(subject: Subject, speed: float, name: str, rng: np.random.Generator, seconds: float = 4.0):
    """One trial of a planar walker: amplitude and cadence grow with the speed, labels cover one cycle in the middle."""
    n_frames = int(seconds * RATE)
    t = np.arange(n_frames) / RATE
    stride_rate = 0.9 * np.sqrt(speed / 1.25) * rng.normal(1.0, 0.03)
    size = (speed / 1.25) * rng.normal(1.0, 0.05)
    shift = rng.normal(0.0, 0.02, 4)
    cycles = stride_rate * t + rng.uniform()
    angles = {"pelvis_tilt": 0.03 * np.cos(4 * np.pi * cycles) + shift[0]}
    moments, reactions = {}, []
    for side, foot, lag in (("r", "right", 0.0), ("l", "left", 0.5)):
        phase = 2 * np.pi * (cycles + lag)
        hip = shift[1] + size * 0.38 * np.cos(phase)
        knee = shift[2] + 0.35 + size * (0.35 * np.cos(phase + 1.9) + 0.15 * np.cos(2 * phase + 2.5))
        ankle = shift[3] + size * 0.15 * np.sin(2 * phase)
        angles |= {f"hip_flexion_{side}": hip, f"knee_angle_{side}": knee, f"ankle_angle_{side}": ankle}
        weight_height = subject.body_weight * subject.height
        for joint, height in (("hip_flexion", 0.05), ("knee_angle", 0.03), ("ankle_angle", 0.08)):
            moments[f"{joint}_{side}"] = -weight_height * height * size * np.sin(phase + height * 20)
        stance = np.maximum(np.sin(phase), 0.0)
        force = subject.body_weight * np.column_stack([0.2 * size * np.sin(2 * phase), 1.1 * stance, 0 * stance])
        nowhere = np.full((n_frames, 3), np.nan)
        reactions.append(GroundReaction(force, nowhere, nowhere[:, 0], RATE, foot=foot, name=foot))
    events = []
    for foot, lag in (("right", 0.0), ("left", 0.5)):
        whole = np.arange(np.ceil(cycles[0] + lag), np.floor(cycles[-1] + lag) + 1)
        events += [GaitEvent((k - lag - cycles[0]) / stride_rate, foot, "foot_strike", "file") for k in whole]
    strikes = [event.time for event in events if event.foot == "right"]
    start, stop = np.searchsorted(t, strikes[len(strikes) // 2 - 1 : len(strikes) // 2 + 1])
    outside = np.ones(n_frames, dtype=bool)
    outside[start:stop] = False
    values = np.column_stack([angles[c] for c in COORDINATES])
    recordings = pendulum_records(angles, speed, cycles, t)
    values[outside] = np.nan
    forces = np.column_stack([moments.get(c, np.zeros(n_frames)) for c in COORDINATES])
    forces[outside] = np.nan
    for reaction in reactions:
        reaction.force[outside] = np.nan
    return CorpusTrial(
        name=name,
        subject=subject,
        rate=RATE,
        recordings=recordings,
        errors=ImuErrors(noise_share=0.15, misalignment_deg=13.5, seed=3),
        kinematics=Kinematics(COORDINATES, values, RATE),
        kinetics=Kinetics(COORDINATES, forces, RATE, ground_reactions=tuple(reactions)),
        events=tuple(sorted(events, key=lambda event: event.time)),
        task="walk",
        spatiotemporal={"speed": speed, "cadence": 2 * stride_rate},
        status="converged",
        seconds=1.0,
    )


def pendulum_records(angles: dict, speed: float, cycles: np.ndarray, t: np.ndarray) -> tuple[ImuRecording, ...]:
    """What sensors halfway down each segment read, by differentiating the pendulum's positions twice."""
    hip = np.column_stack([speed * t, 0.9 + 0.02 * np.cos(4 * np.pi * cycles), 0 * t])
    tilt = angles["pelvis_tilt"]
    records = [_record("pelvis", "pelvis", hip, tilt)]
    for side in "rl":
        origin, turn = hip, tilt
        links = (("thigh", "femur", 0.42, f"hip_flexion_{side}", 1), ("shank", "tibia", 0.42, f"knee_angle_{side}", -1))
        for sensor, segment, length, coordinate, sign in (*links, ("foot", "calcn", 0.1, f"ankle_angle_{side}", 1)):
            turn = turn + sign * angles[coordinate]
            down = np.column_stack([np.sin(turn), -np.cos(turn), 0 * turn])
            records.append(_record(f"{sensor}_{side}", f"{segment}_{side}", origin + 0.5 * length * down, turn))
            origin = origin + length * down
    return tuple(records)


def _record(sensor: str, segment: str, position: np.ndarray, angle: np.ndarray) -> ImuRecording:
    acceleration = np.gradient(np.gradient(position, 1 / RATE, axis=0), 1 / RATE, axis=0)
    rotation = Rotation.from_rotvec(np.column_stack([0 * angle, 0 * angle, angle]))
    force = rotation.inv().apply(acceleration + np.array([0.0, STANDARD_GRAVITY, 0.0]))
    turn = np.column_stack([0 * angle, 0 * angle, np.gradient(angle, 1 / RATE)])
    return ImuRecording(SensorPlacement(sensor, segment), force, turn, RATE)


def write_walking_corpus(path: Path, n_subjects: int = 4, n_trials: int = 2, seed: int = 1) -> Path:
    """A reference corpus of several walkers at several speeds."""
    rng = np.random.default_rng(seed)
    with CorpusWriter(path, role="reference", seed=seed, config={"family": "pendulum"}) as corpus:
        for person in range(n_subjects):
            subject = Subject(f"S{person + 1:02d}", mass=rng.uniform(55, 90), height=rng.uniform(1.6, 1.9))
            for k in range(n_trials):
                corpus.append(walking_trial(subject, rng.uniform(0.8, 1.7), f"walk_{k + 1:02d}", rng))
    return path


@pytest.fixture(scope="session")
def walking_corpus(tmp_path_factory) -> Path:
    """Four analytic walkers, two trials each."""
    return write_walking_corpus(tmp_path_factory.mktemp("corpus") / "reference.h5")


@pytest.fixture(scope="session")
def make_walking_corpus():
    """The function that writes such a corpus, for other sizes."""
    return write_walking_corpus


def trial_worn_aslant(trial, exchanged=False):
    """The trial with right sensors turned about their y axis one way and left ones the other, perhaps exchanged."""
    by = {r.placement.sensor: r for r in trial.recordings}
    records = []
    for r in trial.recordings:
        side = {"_r": 1.0, "_l": -1.0}.get(r.placement.sensor[-2:], 0.0)
        turn = Rotation.from_rotvec([0.0, 0.5 * (-side if exchanged else side), 0.0])
        other = by[r.placement.sensor[:-1] + ("l" if side > 0 else "r")] if exchanged and side else r
        force, rate = turn.apply(other.specific_force), turn.apply(other.angular_velocity)
        records.append(replace(r, specific_force=force, angular_velocity=rate))
    return replace(trial, recordings=tuple(records))


@pytest.fixture(scope="session")
def worn_aslant():
    """The function that wears a trial's sensors aslant, perhaps on the wrong legs."""
    return trial_worn_aslant


@pytest.fixture(scope="session")
def make_walking_trial():
    """The function that makes one analytic trial."""
    return walking_trial


@pytest.fixture(scope="session")
def chromium_dom(tmp_path_factory):
    """A function that opens a page in Chromium and gives (what it became, lines of the console)."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        message = "no Chromium on this machine: install it (apt-get install chromium) to open the report"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)

    def open_page(page: Path, size: str = "1200,900") -> tuple[str, list[str]]:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        flags += [f"--user-data-dir={tmp_path_factory.mktemp('chromium')}", "--enable-logging=stderr"]
        flags += [f"--window-size={size}", "--virtual-time-budget=8000", "--dump-dom", page.resolve().as_uri()]
        run = subprocess.run([chromium, *flags], capture_output=True, text=True, timeout=120, check=True)
        return run.stdout, [line for line in run.stderr.splitlines() if "CONSOLE" in line]

    return open_page

"""An analytic walker: every position, force and event of it is known in closed form."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import pytest

from mocap_import.archive.run import convert_archive
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.plate.force_plate import ForcePlate
from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, GroundReaction, MarkerTrial

STANCE = 0.6
Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class Walker:
    """A trial, its plates, and the truth about it."""

    trial: MarkerTrial
    plates: tuple[ForcePlate, ...]
    step_length: float
    step_width: float
    speed: float


def _foot(time, strike, period, speed, strikes_at):
    """Heel x (overground), height and stance mask of a foot that strikes at `strike` + k periods, cycloid swing."""
    cycle = np.floor((time - strike) / period)
    phase = (time - strike) / period - cycle
    swing = np.clip((phase - STANCE) / (1 - STANCE), 0.0, 1.0)
    moved = swing - np.sin(2 * np.pi * swing) / (2 * np.pi)
    x = strikes_at + (cycle + moved) * speed * period
    return x, 0.06 * np.sin(np.pi * swing) ** 2, phase < STANCE, phase


def make_walker(
    *, speed=1.25, period=1.0, duration=3.0, rate=100.0, treadmill=False, height=1.75, mass=70.0, ratio=10, forces=True
):
    n = round(duration * rate)
    time = np.arange(n) / rate
    fine = np.arange(n * ratio) / (rate * ratio)
    half = 0.09
    belt = speed if treadmill else 0.0
    size = height / 1.75
    markers, events, loads, feet = {}, [], [], []
    pelvis = speed * time
    for name, side, sign, strike in (("R", "right", 1.0, 0.2), ("L", "left", -1.0, 0.2 + period / 2)):
        ahead = STANCE * speed * period / 2  # the foot strikes as far ahead of the pelvis as it leaves behind
        x, up, _, _ = _foot(time, strike, period, speed, speed * strike + ahead - 0.1)
        z = np.full(n, sign * half)

        def put(label, dx, y, dz, x=x, up=up, z=z, sign=sign):
            markers[label] = np.stack([x + dx, size * y + up, z + sign * dz], axis=1)

        put(f"{name}HEE", 0.0, 0.03, 0.0)
        put(f"{name}TOE", 0.2, 0.04, 0.0)
        put(f"{name}ANK", 0.05, 0.09, 0.04)
        hip = np.stack([pelvis, np.full(n, size * 0.92), z], axis=1)
        ankle = markers[f"{name}ANK"]
        for label, share, dz in (("TIB", 0.25, 0.05), ("KNE", 0.5, 0.05), ("THI", 0.75, 0.06)):
            markers[name + label] = ankle + share * (hip - ankle) + [0.02, 0.0, sign * dz]
        markers[f"{name}ASI"] = np.stack([pelvis + 0.1, np.full(n, size * 0.98), np.full(n, sign * 0.12)], axis=1)
        markers[f"{name}PSI"] = np.stack([pelvis - 0.1, np.full(n, size * 1.0), np.full(n, sign * 0.05)], axis=1)
        for k in range(-2, int(duration / period) + 2):
            for kind, moment in (("foot_strike", strike + k * period), ("foot_off", strike + (k + STANCE) * period)):
                if 0 < moment < duration - 1 / rate:
                    events.append(GaitEvent(moment, side, kind, "file"))
        heel, _, on, phase = _foot(fine, strike, period, speed, speed * strike + ahead - 0.1)
        double = STANCE - 0.5
        share = np.clip(np.minimum(phase, STANCE - phase) / double, 0.0, 1.0) * on
        place = np.stack([heel + 0.02 + 0.18 * phase / STANCE, np.zeros_like(fine), np.full_like(fine, sign * half)], 1)
        loads.append(share * mass * 9.80665)
        feet.append((side, place, np.floor((fine - strike) / period).astype(int), strike + period * 0, heel))
    for label, dx, y in (("C7", -0.08, 1.5), ("T10", -0.1, 1.25), ("CLAV", 0.08, 1.45), ("STRN", 0.1, 1.3)):
        markers[label] = np.stack([pelvis + dx, np.full(n, size * y), np.zeros(n)], axis=1)
    positions = np.stack(list(markers.values()), axis=1)
    positions[:, :, 0] -= belt * time[:, None]
    reactions, plates = _plates(loads, feet, fine, rate * ratio, belt, speed, period) if forces else ((), ())
    trial = MarkerTrial(
        name="walk",
        subject=Subject("S01", mass=mass, height=height),
        labels=tuple(markers),
        positions=positions,
        rate=rate,
        task="walk",
        marker_set="plug_in_gait",
        ground_reactions=reactions,
        events=tuple(sorted(events, key=lambda event: event.time)),
        belt_speed=belt,
    )
    return Walker(trial, plates, speed * period / 2, 2 * half, speed)


def _plates(loads, feet, fine, rate, belt, speed, period):
    """Overground: one plate for the first whole stance of each foot; treadmill: one plate for both feet."""
    reactions, plates = [], []
    if belt:
        total = loads[0] + loads[1]
        way = np.stack([belt * fine, np.zeros_like(fine), np.zeros_like(fine)], axis=1)
        centre = (
            sum(load[:, None] * (place - way) for load, (_, place, *_) in zip(loads, feet, strict=True))
            / total[:, None]
        )
        groups = [("both", total, centre, np.array([0.2, 0.0, 0.0]), (2.0, 0.6))]
    else:
        groups = []
        for load, (side, place, cycle, *_) in zip(loads, feet, strict=True):
            mine = cycle == 0
            middle = place[mine & (load > 0)].mean(axis=0)
            groups.append((side, np.where(mine, load, 0.0), place, middle, (0.5, 0.4)))
    for k, (side, load, place, middle, (length, width)) in enumerate(groups, start=1):
        force = np.stack([0.1 * load * np.sin(7 * fine), load, 0.05 * load], axis=1)
        loaded = load > 20
        reactions.append(
            GroundReaction(
                force,
                np.where(loaded[:, None], place, np.nan),
                np.where(loaded, 3.0, np.nan),
                rate,
                side,
                f"plate {k}",
            )
        )
        plates.append(plate_at(middle, length, width, name=f"plate {k}"))
    return tuple(reactions), tuple(plates)


def plate_at(middle, length=0.5, width=0.4, kind=2, origin=(0.01, -0.02, -0.04), calibration=None, name="plate 1"):
    """A plate in the floor whose x axis is the ground's X and whose z axis points down."""
    dx, dz = length / 2, width / 2
    # x from corner 2 to 1 is +X; y from corner 4 to 1 is -y of a right-handed system with z down: +Z.
    corners = np.array([[dx, 0, dz], [-dx, 0, dz], [-dx, 0, -dz], [dx, 0, -dz]]) + np.array([middle[0], 0, middle[2]])
    return ForcePlate(kind, corners, np.array(origin, dtype=float), calibration, name)


@pytest.fixture
def walker():
    """Builder of analytic walkers."""
    return make_walker


@pytest.fixture
def z_up():
    """Rotation ground → a laboratory with Z up that walks along X."""
    return Z_UP


@pytest.fixture
def plate_builder():
    """Builder of plates."""
    return plate_at


@pytest.fixture(scope="session")
def make_walk():
    """The same builder, for property tests that outlive a function's fixtures."""
    return make_walker


@pytest.fixture
def laboratory(tmp_path, walker, z_up):
    """Two subjects with a static and a walk each; no masses in the files."""
    root = tmp_path / "lab"
    for code in ("S1", "S2"):
        (root / code).mkdir(parents=True)
        made = walker(duration=2.0, mass=60.0 if code == "S1" else 80.0, rate=50.0, ratio=4)
        nameless = replace(made.trial, subject=Subject(code))
        write_c3d(root / code / f"{code}_walk.c3d", nameless, plates=made.plates, axes=z_up)
        standing, plates = _standing(nameless, made)
        write_c3d(root / code / f"{code}_static.c3d", standing, plates=plates, axes=z_up)
    return root


def _standing(trial, made):
    positions = np.repeat(trial.positions[25:26], 60, axis=0)
    n = 240
    reaction = replace(
        made.trial.ground_reactions[0],
        force=np.tile([0.0, float(sum(r.force[:, 1] for r in made.trial.ground_reactions)[100]), 0.0], (n, 1)),
        centre_of_pressure=np.tile(np.nanmean(made.trial.ground_reactions[0].centre_of_pressure, axis=0), (n, 1)),
        free_moment=np.zeros(n),
    )
    standing = replace(trial, positions=positions, ground_reactions=(reaction,), events=())
    return standing, [made.plates[0]]


@pytest.fixture
def convert():
    """`convert_archive` in this process, with the folders' names as codes."""

    def converted(root, out, **settings):
        return convert_archive(root, out, **{"n_workers": 0, "codes": "keep"} | settings)

    return converted


@pytest.fixture
def products():
    """Hashes of everything that an archive run made for others."""

    def hashes(out):
        files = [path for path in out.rglob("*") if path.name.endswith((".trial.h5", "import.csv", "import.html"))]
        return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    return hashes

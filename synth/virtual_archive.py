"""A virtual archive: persons, the gaits that optimal control finds for them, and their recordings in two laboratories.

The gaits are solved in worker processes, so this module needs no solver of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.batch import Outcome, Task, run_tasks
from mocap_import.subject import Subject
from mocap_import.trial import TrialRefused
from opensim_models.exchange.storage import read_motion, write_motion
from synth.gait_plausibility import gait_figures, why_not_human
from synth.population import draw_subjects
from synth.virtual_laboratory import OVERGROUND, TREADMILL
from synth.virtual_recording import record_person
from synth.walking_person import WalkingCycle

SPEEDS = (1.15, 1.32, 1.48)
"""Walking speeds (m/s) of every person, give or take SPEED_SPREAD."""
SPEED_SPREAD = 0.03
STYLE_SPREAD = 2.5
"""Variety of the wanted manners. What optimal control makes of them varies less: at 2.5 the trial means of hip, knee
and ankle differ between persons by 5, 3 and 5 degrees (SD), about as between healthy adults."""
SOLVER = "synth.optimal_control.generate:generate_gait"
SECONDS_PER_GAIT = 180.0
MOST_ATTEMPTS = 4
MADE = "MADE_BY_KINESYNTH.txt"
"""Marks a folder as a virtual archive; without it nothing is replaced."""


def make_archive(
    archive: Path,
    truth: Path,
    *,
    n_subjects: int,
    seed: int,
    n_workers: int = 1,
    progress: Callable | None = None,
) -> pd.DataFrame:
    """Make an archive of C3D files as two laboratories would leave it.

    Parameters
    ----------
    archive : Path
        Folder to write: ``<laboratory>/<subject>/<subject>_<trial>.c3d`` and ``participants.csv``. It appears when it
        is complete.
    truth : Path
        Folder for the generating coordinates, ``<subject>/<trial>.mot``.
    n_subjects : int
    seed : int
    n_workers : int
    progress : callable, optional
        As `mocap_import.progress.track`.

    Returns
    -------
    DataFrame
        One row a gait: subject, speed, status (``converged`` or why not), vertical peaks, stance share, residual.
    """
    if archive.exists() and not (archive / MADE).exists():
        raise TrialRefused(
            f"{archive}: this folder was not made here, so it will not be replaced by a virtual archive. "
            "Give another output folder (--out), or name it as your archive (--archive)."
        )
    rng = np.random.default_rng([seed, 1])
    subjects = draw_subjects(n_subjects, rng)
    cycles, table = generate_cycles(subjects, rng, seed=seed, n_workers=n_workers, progress=progress)
    if not any(cycles.values()):
        raise TrialRefused(f"{archive}: no gait was found for any of {n_subjects} virtual people; try another --seed.")
    partial = archive.with_name(archive.name + ".tmp")
    shutil.rmtree(partial, ignore_errors=True)
    for i, subject in enumerate(subjects):
        laboratory = (OVERGROUND, TREADMILL)[i % 2]
        if not cycles[subject.code]:
            continue
        truths = record_person(
            partial / laboratory.name / subject.code, laboratory, cycles[subject.code], seed * 1000 + i
        )
        for name, person in truths.items():
            trial = name.removesuffix(".c3d").removeprefix(f"{subject.code}_")
            write_motion(truth / subject.code / f"{trial}.mot", person.kinematics)
    _cut_short(partial)
    rows = [
        {"subject": s.code, "mass_kg": s.mass, "height_m": s.height, "sex": s.sex, "age_yr": s.age} for s in subjects
    ]
    pd.DataFrame(rows).to_csv(partial / "participants.csv", index=False)
    (partial / MADE).write_text("A virtual archive; `kinesynth demo` may replace this folder.\n", encoding="utf-8")
    shutil.rmtree(archive, ignore_errors=True)
    partial.replace(archive)
    return table


def generate_cycles(
    subjects: list[Subject],
    rng: np.random.Generator,
    *,
    seed: int,
    n_workers: int = 1,
    progress: Callable | None = None,
) -> tuple[dict[str, list[WalkingCycle]], pd.DataFrame]:
    """Solve every person's gaits in worker processes.

    Returns
    -------
    cycles : dict of str to list of WalkingCycle
        Subject code → converged gaits, slow to fast.
    table : DataFrame
        One row a gait, refused ones with the reason: a person of whom one gait was refused gets another manner of
        walking, a few times.
    """
    speeds = {s.code: [v + float(rng.uniform(-SPEED_SPREAD, SPEED_SPREAD)) for v in SPEEDS] for s in subjects}
    cycles: dict[str, list[WalkingCycle]] = {s.code: [] for s in subjects}
    rows: list[dict] = []
    for attempt in range(MOST_ATTEMPTS):
        waiting = [s for s in subjects if not cycles[s.code]]
        if not waiting:
            break
        tasks = [
            Task(
                f"{s.code}/{k}",
                SOLVER,
                {"subject": s, "speed": speed, "seed": _manner(seed, s, attempt), "spread": STYLE_SPREAD},
            )
            for s in waiting
            for k, speed in enumerate(speeds[s.code])
        ]
        with progress(len(tasks), "gaits of virtual persons") if progress else nullcontext() as bar:
            outcomes = run_tasks(tasks, n_workers=n_workers, timeout=SECONDS_PER_GAIT, progress=bar)
            solved = {outcome.key: outcome for outcome in outcomes}
        for s in waiting:
            own = [solved[f"{s.code}/{k}"] for k in range(len(SPEEDS))]
            judged = [_judge(outcome, s) for outcome in own]
            is_used = all(row["status"] == "converged" for row in judged)
            rows += [
                {"subject": s.code, "speed": v, "attempt": attempt + 1, "used": is_used, **row}
                for v, row in zip(speeds[s.code], judged, strict=True)
            ]
            if is_used:
                cycles[s.code] = [walking_cycle(s, outcome.value) for outcome in own]
    return cycles, pd.DataFrame(rows).sort_values(["subject", "attempt", "speed"], ignore_index=True)


def _manner(seed: int, subject: Subject, attempt: int) -> int:
    """Seed of a person's manner of walking: another one at every attempt."""
    return seed * 10_000 + attempt * 1000 + int(subject.code[1:])


def _judge(outcome: Outcome, subject: Subject) -> dict:
    """Say whether a solved gait may walk in the archive."""
    solution = outcome.value
    if solution is None:
        return {"status": outcome.status, "reason": outcome.reason}
    row = {"status": solution.status, "reason": solution.reason, "seconds": solution.cpu_seconds}
    if solution.status == "converged":
        figures = gait_figures(solution, subject)
        reason = why_not_human(figures)
        row |= figures | ({"status": "refused", "reason": reason} if reason else {})
    return row


def walking_cycle(subject: Subject, solution: object) -> WalkingCycle:
    """Keep of a gait solution what a walking person needs."""
    strikes = [e.time for e in solution.events if e.foot == "right" and e.kind == "foot_strike"]
    strike = strikes[0] / solution.duration if strikes else 0.0
    return WalkingCycle(subject, solution.kinematics, solution.kinetics, solution.speed, strike)


def _cut_short(archive: Path) -> None:
    """Add one file whose copying was interrupted: archives have them."""
    whole = sorted(archive.rglob("*_walk_01.c3d"))[0]
    content = whole.read_bytes()
    whole.with_name(whole.name.replace("walk_01", f"walk_{len(SPEEDS) + 1:02d}")).write_bytes(
        content[: int(0.6 * len(content))]
    )


def check_motion(truth: Path, motion: Path) -> list[tuple[str, str, str, bool]]:
    """Hold the angles of inverse kinematics against those that generated the markers."""
    squares: dict[str, list[np.ndarray]] = {}
    for path in sorted(truth.glob("*/*.mot")):
        solved = motion / path.parent.name / path.name
        if not solved.exists():
            continue
        expected, found = read_motion(path), read_motion(solved)
        n_frames = min(len(expected.values), len(found.values))
        for name in expected.coordinates:
            if not name.startswith("pelvis_t") or name == "pelvis_tilt":
                difference = np.degrees(found.of(name)[:n_frames] - expected.of(name)[:n_frames])
                squares.setdefault(name, []).append(difference**2)
    rms = {name: float(np.sqrt(np.nanmean(np.concatenate(parts)))) for name, parts in squares.items()}
    worst = max(rms, key=rms.get) if rms else "none"
    total = float(np.sqrt(np.mean(np.square(list(rms.values()))))) if rms else float("nan")
    return [
        ("inverse kinematics against the generating angles (deg RMS)", f"{total:.2f}", "below 1.5", total < 1.5),
        (f"its worst coordinate, {worst} (deg RMS)", f"{rms.get(worst, np.nan):.2f}", "below 1.5", rms[worst] < 1.5),
    ]

"""A virtual archive: persons, the gaits that optimal control finds for them, and their recordings in two laboratories.

The gaits are solved in worker processes, so this module needs no solver of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from mocap_import.batch import Task, run_tasks
from mocap_import.subject import Subject
from opensim_models.storage import read_motion, write_motion
from synth.population import draw_subjects
from synth.virtual_laboratory import OVERGROUND, TREADMILL
from synth.virtual_recording import record_person
from synth.walking_person import WalkingCycle

SPEEDS = (1.20, 1.38)
"""Walking speeds (m/s) of every person, give or take SPEED_SPREAD."""
SPEED_SPREAD = 0.04
SOLVER = "synth.optimal_control.generate:generate_gait"
SECONDS_PER_GAIT = 180.0


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
    rng = np.random.default_rng([seed, 1])
    subjects = draw_subjects(n_subjects, rng)
    cycles, table = generate_cycles(subjects, rng, seed=seed, n_workers=n_workers, progress=progress)
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
        One row a gait, refused ones with the reason.
    """
    wanted = {
        f"{s.code}/{k}": (s, speed + float(rng.uniform(-SPEED_SPREAD, SPEED_SPREAD)))
        for s in subjects
        for k, speed in enumerate(SPEEDS)
    }
    tasks = [
        Task(key, SOLVER, {"subject": s, "speed": speed, "seed": seed * 100 + int(s.code[1:])})
        for key, (s, speed) in wanted.items()
    ]
    found: dict[str, WalkingCycle] = {}
    rows = []
    outcomes = run_tasks(tasks, n_workers=n_workers, timeout=SECONDS_PER_GAIT)
    for outcome in progress(_Counted(outcomes, len(tasks)), "gaits of virtual persons") if progress else outcomes:
        subject, speed = wanted[outcome.key]
        row = {"subject": subject.code, "speed": speed, "status": outcome.status, "reason": outcome.reason}
        solution = outcome.value
        if solution is not None:
            row |= {"status": solution.status, "reason": solution.reason, "seconds": solution.seconds}
            if solution.status == "converged":
                row |= gait_figures(solution, subject)
                found[outcome.key] = walking_cycle(subject, solution)
        rows.append(row)
    cycles = {s.code: [found[key] for key in wanted if key in found and wanted[key][0] is s] for s in subjects}
    return cycles, pd.DataFrame(rows).sort_values(["subject", "speed"], ignore_index=True)


def walking_cycle(subject: Subject, solution: object) -> WalkingCycle:
    """Keep of a gait solution what a walking person needs."""
    strikes = [e.time for e in solution.events if e.foot == "right" and e.kind == "foot_strike"]
    strike = strikes[0] / solution.duration if strikes else 0.0
    return WalkingCycle(subject, solution.kinematics, solution.kinetics, solution.speed, strike)


class _Counted:
    """An iterator that knows how many items will come, for a bar with the time left."""

    def __init__(self, items: object, count: int) -> None:
        self._items, self._count = items, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> object:
        return iter(self._items)


def gait_figures(solution: object, subject: Subject) -> dict[str, float]:
    """Vertical peaks (body weights), stance share (%) and equation residual (% body weight) of a solved gait."""
    right = solution.kinetics.ground_reactions[0].force[:, 1] / subject.body_weight
    right = np.roll(right, -int(np.argmin(right)))
    inner = (right[1:-1] > right[:-2]) & (right[1:-1] >= right[2:]) & (right[1:-1] > 0.6)
    at = np.flatnonzero(inner) + 1
    highest = np.sort(at[np.argsort(right[at])[::-1][:2]])
    peaks = [*right[highest], float("nan"), float("nan")]
    return {
        "first_peak_bw": float(peaks[0]),
        "second_peak_bw": float(peaks[1]),
        "stance_percent": 100.0 * float((right > 0.03).mean()),
        "residual_percent_bw": 100.0 * solution.residuals.force_share,
    }


def _cut_short(archive: Path) -> None:
    """Add one file whose copying was interrupted: archives have them."""
    whole = sorted(archive.rglob("*_walk_01.c3d"))[0]
    content = whole.read_bytes()
    whole.with_name(whole.name.replace("walk_01", "walk_03")).write_bytes(content[: int(0.6 * len(content))])


def check_gaits(table: pd.DataFrame) -> list[tuple[str, str, str, bool]]:
    """Hold the generated gaits against human walking: (check, value, goal, met) each."""
    solved = table[table.status == "converged"]
    peaks = solved[["first_peak_bw", "second_peak_bw"]].to_numpy()
    stance, residual = solved.stance_percent.to_numpy(), solved.residual_percent_bw.to_numpy()
    return [
        ("gaits converged", f"{len(solved)} of {len(table)}", "all", len(solved) == len(table)),
        (
            "two vertical peaks (body weights)",
            f"{np.nanmin(peaks):.2f}-{np.nanmax(peaks):.2f}",
            "1.0-1.3",
            bool(np.isfinite(peaks).all() and (peaks > 1.0).all() and (peaks < 1.3).all()),
        ),
        (
            "stance (% of cycle)",
            f"{stance.min():.1f}-{stance.max():.1f}",
            "55-65",
            bool((stance >= 55).all() and (stance <= 65).all()),
        ),
        (
            "equation residual between the nodes (% body weight)",
            f"up to {residual.max():.2f}",
            "below 2",
            bool((residual < 2).all()),
        ),
    ]


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

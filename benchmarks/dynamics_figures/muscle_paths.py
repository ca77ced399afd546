"""Muscle paths: lengths and moment arms of every shared model's muscles against OpenSim, and what they cost.

The range is that of walking and running (`gait_range`), sampled at poses that no fit has seen; real motions are a
second sample, all of whose poses count. OpenSim's arms are minus the central differences of its lengths, none where a
jump lies between; what its own moment arm solver says instead is printed beside them. Errors over the range are those
of poses on this side of OpenSim's own jumps; the share beyond is in the table.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from opensim_models.exchange.storage import read_motion
from opensim_models.model.muscle_path import MusclePath, beyond_range, lengths_and_arms
from opensim_models.model.osim_skeleton import read_description, read_osim
from opensim_models.motion import Kinematics
from opensim_models.muscle.path_fit import fit_muscle_paths
from opensim_models.muscle.path_sample import lengths_and_slopes
from opensim_models.osim import client, muscle_client

LENGTH_GOAL, ARM_GOAL = 0.5e-3, 1.0e-3
FIT_GOAL = 90.0
"""CPU seconds for Rajagopal's 80 muscles."""
OUR_MODELS = Path(__file__).parents[2] / "opensim_models" / "models"
RAJAGOPAL = "opensim_core/rajagopal_walk/subject_walk_scaled.osim"
HAMNER = "hamner_running/final.osim"
MOTIONS = {  # name → model, coordinates, every so manyth frame
    "walk at 1.25 m/s": (RAJAGOPAL, "opensim_core/rajagopal_walk/coordinates.sto", 27),
    "run at 2 m/s": (HAMNER, "hamner_running/run200_ik.mot", 5),
    "run at 3 m/s": (HAMNER, "hamner_running/run300_ik.mot", 5),
}


def figures(data: Path) -> dict[str, dict]:
    """Measure; see the module."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("KINESYNTH_CACHE")
        os.environ["KINESYNTH_CACHE"] = folder  # fits are measured, not remembered
        try:
            return _measured(Path(data))
        finally:
            os.environ.pop("KINESYNTH_CACHE")
            if before is not None:
                os.environ["KINESYNTH_CACHE"] = before
            client.close_opensim()


def _measured(data: Path) -> dict[str, dict]:
    """All figures."""
    fits, losing = {}, []
    print(f"{'model':64s}   n   length mm median worst   arm mm median worst   fit s   beyond jumps")
    models = {str(path.relative_to(data)): path for path in sorted(data.rglob("*.osim"))}
    models |= {f"ours: {path.name}": path for path in sorted(OUR_MODELS.glob("*.osim"))}
    for name, path in models.items():
        if not read_description(path)["muscles"]:
            continue
        began = _cpu()
        fits[name] = fit_muscle_paths(path)
        losing += _table_row(name, fits[name], _cpu() - began)
        if name == RAJAGOPAL:
            spent = _cpu() - began
    lengths = [1e3 * p.length_error for paths in fits.values() for p in paths]
    arms = [1e3 * p.arm_error for paths in fits.values() for p in paths]
    missed = [row for row in losing if row.startswith("MISS")]
    print("\n".join(["muscles that miss, and those that jump in OpenSim:", *(losing or ["none"])]))
    found = {
        f"muscle paths: worst length error, {len(lengths)} muscles of {len(fits)} models (mm RMS)": _figure(
            max(lengths), 1e3 * LENGTH_GOAL
        ),
        "muscle paths: worst moment arm error of the same (mm RMS)": _figure(max(arms), 1e3 * ARM_GOAL),
        "muscle paths: median length error (mm RMS)": _figure(float(np.median(lengths)), 1e3 * LENGTH_GOAL),
        "muscle paths: median moment arm error (mm RMS)": _figure(float(np.median(arms)), 1e3 * ARM_GOAL),
        "muscle paths: muscles that miss a goal": _figure(len(missed), 0),
        "muscle paths: muscles with poses beyond a jump of OpenSim's length, not counted above": _figure(
            sum(p.jump_share > 0 for paths in fits.values() for p in paths), None
        ),
        "muscle paths: worst length error with those poses counted, where no smooth path can follow (mm RMS)": _figure(
            max(1e3 * p.length_error_with_jumps for paths in fits.values() for p in paths), None
        ),
        "muscle paths: CPU seconds to fit Rajagopal's 80": _figure(spent, FIT_GOAL),
    }
    for title, motion in MOTIONS.items():
        found |= _on_motion(data, title, *motion, fits)
    return found | _speed(data, fits[RAJAGOPAL]) | _solver_of_opensim(data, fits)


def _cpu() -> float:
    """CPU seconds of this process and of OpenSim's, as far as Linux tells; wall seconds elsewhere."""
    total = 0.0
    for pid in [os.getpid(), *_children()]:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        except OSError:
            return time.perf_counter()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def _children() -> list[int]:
    """Processes of this process."""
    try:
        return list(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="utf-8").split()))
    except OSError:
        return []


def _table_row(name: str, paths: tuple[MusclePath, ...], spent: float) -> list[str]:
    """Print a model's row; return its muscles that miss, and those that jump."""
    length, arm = (np.array([1e3 * getattr(p, key) for p in paths]) for key in ("length_error", "arm_error"))
    jumping = [p for p in paths if p.jump_share]
    print(
        f"{name[-64:]:64s} {len(paths):3d}   {np.median(length):16.3f} {length.max():5.3f}   {np.median(arm):13.3f} "
        f"{arm.max():5.3f}   {spent:5.1f}   {len(jumping)} muscles, up to "
        f"{100 * max((p.jump_share for p in jumping), default=0):.1f} % of poses"
    )
    rows = []
    for path in paths:
        text = f"{Path(name).name} {path.name}: {1e3 * path.length_error:.3f} mm, {1e3 * path.arm_error:.3f} mm"
        if path.length_error > LENGTH_GOAL or path.arm_error > ARM_GOAL:
            rows.append(f"MISS  {text}")
        elif path.jumps:
            beyond = f"; {100 * path.jump_share:.1f} % of poses beyond"
            beyond += f", {1e3 * path.length_error_with_jumps:.2f} mm with them"
            rows.append(f"jump  {text}; {'; '.join(path.jumps)}{beyond if path.jump_share else ''}")
    return rows


def _poses(data: Path, model: str, file: str, every: int) -> tuple[Path, Kinematics]:
    """All coordinates of the model in a real motion; what the file lacks stands at its default."""
    path = data / model
    skeleton = read_osim(path)
    motion = read_motion(data / file, skeleton=skeleton)
    columns = [
        motion.of(c.name) if c.name in motion.coordinates else np.full(len(motion.values), c.default)
        for c in skeleton.coordinates
    ]
    return path, Kinematics(skeleton.coordinate_names, np.stack(columns, axis=1)[::every], motion.rate / every)


def _on_motion(
    data: Path, title: str, model: str, file: str, every: int, fits: dict[str, tuple[MusclePath, ...]]
) -> dict[str, dict]:
    """Errors over a real motion, all poses counted: the worst muscle."""
    path, motion = _poses(data, model, file, every)
    paths, names, values = fits[model], motion.coordinates, motion.values
    length, arm = lengths_and_arms(paths, names, values)
    away = 1e3 * np.sqrt(np.mean((length - muscle_client.muscle_lengths(path, names, values)) ** 2, axis=0))
    slopes = lengths_and_slopes(path, list(names), values, {p.name: p.coordinates for p in paths})[1]
    turned = np.array(
        [
            np.sqrt(np.nanmean((arm[:, i, [names.index(n) for n in p.coordinates]] - slopes[i]) ** 2, axis=0)).max()
            for i, p in enumerate(paths)
        ]
    )
    turned *= 1e3
    worst = int(np.argmax(away)), int(np.argmax(turned))
    print(
        f"{title}, {len(values)} frames: length {away.max():.3f} mm ({paths[worst[0]].name}), "
        f"arm {turned.max():.3f} mm ({paths[worst[1]].name}); muscles that miss: "
        + (", ".join(p.name for p, a, b in zip(paths, away, turned, strict=True) if a > 0.5 or b > 1.0) or "none")
        + f"; coordinates beyond the range of the fits: {beyond_range(paths, names, values) or 'none'}"
    )
    return {
        f"muscle paths: worst length error over a real {title} (mm RMS)": _figure(away.max(), 1e3 * LENGTH_GOAL),
        f"muscle paths: worst moment arm error over a real {title} (mm RMS)": _figure(turned.max(), 1e3 * ARM_GOAL),
    }


def _speed(data: Path, paths: tuple[MusclePath, ...]) -> dict[str, dict]:
    """Lengths and all arms of Rajagopal's muscles: frames per CPU second of both."""
    path, motion = _poses(data, *MOTIONS["walk at 1.25 m/s"][:2], 1)
    names, values = motion.coordinates, motion.values
    about = sorted({name for p in paths for name in p.coordinates})
    lengths_and_arms(paths, names, values)
    began = _cpu()
    for _ in range(5):
        lengths_and_arms(paths, names, values)
    ours = 5 * len(values) / max(_cpu() - began, 1e-3)
    began = _cpu()
    muscle_client.muscle_lengths(path, names, values[:100])
    muscle_client.muscle_moment_arms(path, names, values[:100], about)
    peer = 100 / max(_cpu() - began, 1e-3)
    print(f"lengths and arms of 80 muscles: ours {ours:.0f} frames/s, OpenSim {peer:.1f}, {ours / peer:.0f} x")
    row = {"ours": ours, "peer": peer, "ratio": ours / peer, "goal": "reported", "met": True}
    return {"muscle paths: lengths and arms of Rajagopal's 80 muscles, frames per CPU second": row}


def _solver_of_opensim(data: Path, fits: dict[str, tuple[MusclePath, ...]]) -> dict[str, dict]:
    """OpenSim's moment arm solver against minus the differences of its own lengths, over real motions."""
    found = {}
    for title in ("walk at 1.25 m/s", "run at 3 m/s"):
        path, motion = _poses(data, *MOTIONS[title])
        names, values, paths = motion.coordinates, motion.values[::2], fits[MOTIONS[title][0]]
        about = [name for name in names if any(name in p.coordinates for p in paths)]
        solver = muscle_client.muscle_moment_arms(path, names, values, about)
        slopes = lengths_and_slopes(path, list(names), values, {p.name: p.coordinates for p in paths})[1]
        off = [solver[:, i, [about.index(n) for n in p.coordinates]] - slopes[i] for i, p in enumerate(paths)]
        away = np.array([1e3 * np.sqrt(np.nanmean(each**2, axis=0)).max() for each in off])
        order = np.argsort(-away)[:4]
        print(
            f"OpenSim's moment arm solver against its own lengths, {title}: "
            + ", ".join(f"{paths[i].name} {away[i]:.3f} mm RMS" for i in order)
        )
        title = f"muscle paths: OpenSim's arm solver against its own lengths, {title}, worst muscle (mm RMS; not ours)"
        found[title] = _figure(away.max(), None)
    return found


def _figure(ours: float, goal: float | None) -> dict:
    met = goal is None or bool(ours <= goal)
    return {"ours": float(ours), "peer": None, "ratio": None, "goal": "reported" if goal is None else goal, "met": met}


if __name__ == "__main__":
    shared = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    results = figures(Path(shared))
    for title, row in results.items():
        print(f"{'met ' if row['met'] else 'MISS'}  {title}: {row['ours']:.4g} (goal {row['goal']})")
    print(json.dumps({"figures": results}))

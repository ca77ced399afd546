"""Reading: odd files against reference counts, independent readers, mutations, CPU time and memory of the reader."""

from __future__ import annotations

import json
import os
import tempfile
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np

from mocap_import.batch import WorkerProcess
from mocap_import.c3d.data_section import decode
from mocap_import.c3d.layout import layout_of
from mocap_import.c3d.occlusion import is_occluded
from mocap_import.c3d.reader import read_c3d
from mocap_import.trial import TrialRefused
from mocap_import.worker import WorkerFailed

_HOSTILE = ("fuzz", "memory-bomb")
_REFERENCE_WRONG = {
    "newwalk.c3d": "BTK takes the residual byte 206 as negative; the 5 samples lie on their path",
    "MotionMonitorC3D.c3d": "only 16 channels × 7 samples fill the file; BTK reads 2 channels and scrambled points",
    "kinematics_racing_probing_olecrane_R.c3d": "BTK counts 140 samples that are no numbers as visible",
    "short-copy.c3d": "8 events without a time",
}
"""Why the reference count of a file is not followed."""
_REPEATS = 3


def figures(data: Path) -> dict[str, dict]:
    """All figures of the reader, printed on the way.

    Parameters
    ----------
    data : Path
        Folder of real recordings.
    """
    return {**_odd(data), **_second_path(data), **_mutations(data), **_speed(data), **_memory(data)}


def _odd(data: Path) -> dict[str, dict]:
    """Every file of the odd collections: equal to the reference, repaired, refused, or silently different."""
    seen: Counter = Counter()
    for folder in ("c3d_odd", "c3d_odd_GPL3"):
        for entry in json.loads((data / folder / "PROVENANCE.json").read_text()):
            path = data / folder / entry["file"]
            try:
                raw = read_c3d(path)
            except TrialRefused:
                seen["refused"] += 1
                continue
            differs = _differences(path, raw, (entry.get("measured") or {}).get("btk"))
            if differs and path.name not in _REFERENCE_WRONG:
                print(f"  silent: {path.name}: {differs}")
                seen["silent"] += 1
            else:
                seen["repaired" if raw.treatments else "equal"] += 1
    print(f"odd files: {dict(seen)}; reference not followed: {len(_REFERENCE_WRONG)}")
    total = seen["equal"] + seen["repaired"] + seen["refused"]
    print(f"  accounted for {total} of {seen.total()}")
    return {"odd files: silent differences": _row(seen["silent"], None, 0, seen["silent"] == 0)}


def _differences(path: Path, raw: object, reference: dict | None) -> dict:
    """Counts that differ from the reference: field → (ours, theirs)."""
    if not reference:
        return {}
    content = path.read_bytes()
    ours = {
        "nframes": len(raw.points),
        "npoints": len(raw.labels) + len(raw.model_outputs),
        "nanalog": raw.analog.shape[1],
        "first": raw.first_frame,
        "n_events": len(raw.events),
        "plate_types": [plate.kind for plate in raw.plates],
        "n_occluded": int(is_occluded(decode(content, layout_of(content, path.name)).samples).sum()),
    }
    return {key: (value, reference[key]) for key, value in ours.items() if value != reference[key]}


def _real_files(data: Path) -> list[Path]:
    """C3D files that a native parser survives."""
    found = [path for path in sorted(data.rglob("*")) if path.suffix.lower() == ".c3d"]
    return [path for path in found if path.parent.name not in _HOSTILE]


def _second_path(data: Path) -> dict[str, dict]:
    """Coordinates and model outputs of every real file by ezc3d or py-c3d; the largest relative difference."""
    worst, compared, alone = 0.0, 0, []
    for path in _real_files(data):
        try:
            direct = read_c3d(path)
        except TrialRefused:
            continue
        confirmed = False
        for reader in ("ezc3d", "py-c3d"):
            try:
                other = read_c3d(path, reader=reader)
            except TrialRefused:
                continue
            confirmed = True
            for one, two in [
                (direct.points, other.points),
                *((direct.model_outputs[k], other.model_outputs[k]) for k in direct.model_outputs),
            ]:
                if not np.array_equal(np.isnan(one), np.isnan(two)):
                    worst = np.inf
                elif np.isfinite(one).any():
                    size = np.nanmax(np.abs(one))
                    worst = max(worst, float(np.nanmax(np.abs(one - two)) / size) if size else 0.0)
        compared += confirmed
        if not confirmed:
            alone.append(path.name)
    print(f"second path: {compared} files confirmed, {len(alone)} that no other reader reads: {', '.join(alone)}")
    print(f"  largest relative difference of a coordinate {worst:.1e} (a 32-bit float has 6e-8)")
    return {"positions against a second reader, relative": _row(worst, None, 3e-7, worst <= 3e-7)}


def _mutations(data: Path) -> dict[str, dict]:
    """500 seeded mutations of a real file's header and parameters, in a worker of 600 MB and 10 s."""
    whole = (data / "c3d_import_cases" / "Sample02" / "pc_real.c3d").read_bytes()
    rng, seen, worst = np.random.default_rng(11), Counter(), 0.0
    with tempfile.TemporaryDirectory() as folder, WorkerProcess(timeout=10.0, memory_limit=600_000_000) as worker:
        path = Path(folder) / "mutated.c3d"
        for _ in range(500):
            content = bytearray(whole)
            for at in rng.integers(0, 6000, size=rng.integers(1, 5)):
                content[at] = rng.integers(256)
            path.write_bytes(content)
            start = time.perf_counter()
            try:
                worker.call("mocap_import.c3d.reader:read_c3d", {"path": str(path)})
                seen["read or repaired"] += 1
            except WorkerFailed as problem:
                seen[problem.error_type or problem.status] += 1
            worst = max(worst, time.perf_counter() - start)
    bad = seen.total() - seen["read or repaired"] - seen["TrialRefused"]
    print(f"500 mutations: {dict(seen)}; slowest {worst * 1e3:.0f} ms")
    return {"mutations that end otherwise than read or refused": _row(bad, None, 0, bad == 0)}


def _speed(data: Path) -> dict[str, dict]:
    """CPU time of reading whole archives, best of three, ours and ezc3d's."""
    import ezc3d

    found = {}
    print(f"{'archive':<24}{'files':>6}{'direct':>9}{'ezc3d':>9}{'ratio':>8}   CPU s")
    for folder in ("rbds_running", "mcgill_walk_youth", "clinical_labs_anz"):
        files = [path for path in sorted((data / folder).rglob("*")) if path.suffix.lower() == ".c3d"]
        ours = _least_time(lambda files=files: [read_c3d(path) for path in files])
        theirs = _least_time(lambda files=files: [ezc3d.c3d(str(path)) for path in files])
        print(f"{folder:<24}{len(files):>6}{ours:>9.3f}{theirs:>9.3f}{ours / theirs:>8.2f}")
        found[f"reading {folder}, CPU s"] = _row(round(ours, 4), round(theirs, 4), "ratio < 1", ours < theirs)
    return found


def _least_time(work: object) -> float:
    """Least CPU time (s) of some repeats."""
    times = []
    for _ in range(_REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def _memory(data: Path) -> dict[str, dict]:
    """Largest allocation while reading, as a multiple of the file, for hostile files and for all others."""
    worst = {}
    for name, files in (
        ("hostile files", [path for folder in _HOSTILE for path in sorted((data / "c3d_odd" / folder).glob("*"))]),
        ("all real files", _real_files(data)),
    ):
        ratio, megabytes = 0.0, 0.0
        for path in files:
            size = path.stat().st_size
            tracemalloc.start()
            try:
                read_c3d(path)
            except TrialRefused:
                size = max(size, 100_000)  # an exception and its traceback, whatever the file
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            ratio, megabytes = max(ratio, peak / max(size, 1)), max(megabytes, peak / 1e6)
        print(f"memory, {name}: at most {ratio:.1f} × the file, {megabytes:.1f} MB")
        worst[f"memory of reading {name}, × file size"] = _row(round(ratio, 1), None, 10, ratio <= 10)
    return worst


def _row(ours: float, peer: float | None, goal: object, met: bool) -> dict:
    return {"ours": ours, "peer": peer, "ratio": ours / peer if peer else None, "goal": goal, "met": bool(met)}


if __name__ == "__main__":
    place = os.environ.get("KINESYNTH_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    print(json.dumps({"figures": figures(Path(place))}))

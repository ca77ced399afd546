"""The archive run: speed against ezc3d's bare reading, memory over 5,000 files, broken inputs, kills.

Each run is a process of its own on the real recordings or on files made here, in a folder for temporary files. The peer
of the throughput is ``ezc3d.c3d(path)`` alone, measured on the same files in the same minutes, in CPU time.
Run alone: python benchmarks/archive_figures/archive_run.py [throughput memory broken kills]
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

REPOSITORY = Path(__file__).resolve().parents[2]
ARCHIVES = ("rbds_running", "mcgill_walk_youth", "clinical_labs_anz")
"""Gait recordings of three laboratories: treadmill runners, children overground, clinical walks."""
N_COPIES = 12
"""Of these archives in the run by one and two workers: long enough that their start (1 to 2 s) does not decide."""
N_FILES = 5000
N_KILLS = 50
_IMPORT = (
    "import sys; from mocap_import.archive.run import convert_archive as c; c(sys.argv[1], sys.argv[2], n_workers=%d)"
)
_READ = """
import contextlib, io, json, sys, time, warnings
import ezc3d
warnings.simplefilter("ignore")
def read():
    began = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        for path in sys.argv[1:]:
            ezc3d.c3d(path)
    return time.process_time() - began
print(min(read() for _ in range(3)))
"""
_CONVERT = """
import json, sys, time
from pathlib import Path
from mocap_import.archive.conversion import convert_file
def convert(out):
    spent, began = 0.0, time.process_time()
    for k, path in enumerate(sys.argv[2:]):
        convert_file(path, f"S{k}/t.c3d", str(out), "t", {"code": f"S{k}"}, relative=path)
    return time.process_time() - began
print(min(convert(Path(sys.argv[1])) for _ in range(3)))
"""


def figures(data: Path) -> dict[str, dict]:
    """All figures of the archive run; `data` is the folder of the real recordings."""
    found: dict[str, dict] = {}
    for measure in (_throughput, _broken, _kills, _memory):
        if not sys.argv[1:] or measure.__name__.strip("_") in sys.argv[1:]:
            with tempfile.TemporaryDirectory(prefix="archive_run_") as folder:
                found |= measure(data, Path(folder))
    return found


def _row(ours: object, peer: object, goal: object, met: bool, ratio: float | None = None) -> dict:
    return {"ours": ours, "peer": peer, "ratio": ratio, "goal": goal, "met": bool(met)}


def _python(code: str, *arguments: object) -> str:
    """Standard output of a fresh interpreter with one thread."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def _throughput(data: Path, folder: Path) -> dict[str, dict]:
    """CPU time of the conversion (read, everything, write) against ezc3d's bare reading; two workers against one."""
    found, total = {}, [0.0, 0.0]
    for archive in ARCHIVES:
        files = sorted((data / archive).rglob("*.c3d"))
        theirs = float(_python(_READ, *files))
        ours = float(_python(_CONVERT, folder / archive, *files))
        total = [total[0] + ours, total[1] + theirs]
        ratio = theirs / ours
        print(f"{archive:20} {len(files)} files: import {ours:.2f} s, ezc3d alone {theirs:.2f} s, speed {ratio:.2f}")
        found[f"import speed of ezc3d's bare reading, {archive} (CPU s)"] = _row(
            round(ours, 3), round(theirs, 3), ">= 0.8", ratio >= 0.8, round(ratio, 3)
        )
    ratio = total[1] / total[0]
    found["import speed of ezc3d's bare reading, all three (CPU s)"] = _row(
        round(total[0], 3), round(total[1], 3), ">= 0.8", ratio >= 0.8, round(ratio, 3)
    )
    many = folder / "many"
    for k in range(N_COPIES):
        for archive in ARCHIVES:
            for path in sorted((data / archive).rglob("*.c3d")):
                target = many / f"P{k}_{archive}" / path.relative_to(data / archive)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes() + bytes([k]))
    n_files, wall = sum(1 for _ in many.rglob("*.c3d")), {}
    for n in (1, 2):
        began = time.perf_counter()
        _python(_IMPORT % n, many, folder / f"out{n}")
        wall[n] = time.perf_counter() - began
    began = time.perf_counter()
    _python(_IMPORT % 2, many, folder / "out2")
    again = time.perf_counter() - began
    gain = wall[1] / wall[2]
    print(f"{n_files} files: {wall[1]:.1f} s with one worker, {wall[2]:.1f} s with two; a second run {again:.1f} s")
    found["archive run, two workers against one (wall s)"] = _row(
        round(wall[2], 2), round(wall[1], 2), ">= 1.8", gain >= 1.8, round(gain, 3)
    )
    found["second run over an archive that did not change (s)"] = _row(round(again, 2), None, "< 5", again < 5)
    return found


def _broken(data: Path, folder: Path) -> dict[str, dict]:
    """Truncations, seeded mutations, absurd counts, a folder, an empty name: one row with a reason each."""
    rng = np.random.default_rng(20261121)
    whole = (data / "clinical_labs_anz" / "QCMAS" / "dynamic" / "QCMAS.dynamic.c3d").read_bytes()
    root = folder / "broken"
    root.mkdir()
    for k in range(50):
        (root / f"cut_{k:02d}.c3d").write_bytes(whole[: len(whole) * k // 50])
    n_header = 512 * 20
    for k in range(200):
        content = bytearray(whole)
        for place in rng.integers(0, n_header, rng.integers(1, 9)):
            content[place] = rng.integers(0, 256)
        (root / f"mutated_{k:03d}.c3d").write_bytes(bytes(content))
    for k, place in enumerate((2, 4, 6, 8, 16, 18)):
        (root / f"absurd_{k}.c3d").write_bytes(whole[:place] + b"\xff\xff" + whole[place + 2 :])
    (root / "folder.c3d").mkdir()
    (root / ".c3d").write_bytes(b"")
    n_files = 50 + 200 + 6 + 2
    code = (
        "import sys, resource, json, time; from mocap_import.archive.run import convert_archive as c; "
        "began = time.time(); "
        "t = c(sys.argv[1], sys.argv[2], n_workers=2, codes='keep'); "
        "print(json.dumps([len(t), t.status.tolist(), t.file.tolist(), "
        "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, time.time() - began]))"
    )
    n_rows, statuses, names, memory, seconds = json.loads(_python(code, root, folder / "out"))
    kinds = Counter((name.split("_")[0], status) for name, status in zip(names, statuses, strict=True))
    print(
        f"{n_files} broken inputs, {seconds:.0f} s: " + ", ".join(f"{k} {s} {n}" for (k, s), n in sorted(kinds.items()))
    )
    rows = [json.loads(line) for line in (folder / "out" / "import.jsonl").read_text().splitlines()]
    slowest = max(row.get("seconds", 0.0) for row in rows)
    kept = sum(n for (kind, status), n in kinds.items() if kind == "cut" and status != "refused")
    return {
        "broken inputs that end as a row": _row(n_rows, None, n_files, n_rows == n_files),
        "truncated files that pass as whole": _row(kept, None, 0, kept == 0),
        "slowest broken input (s)": _row(round(slowest, 2), None, "< 10", slowest < 10),
        "memory of the parent over broken inputs (MB)": _row(round(memory), None, "< 1000", memory < 1000),
    }


def _kills(data: Path, folder: Path) -> dict[str, dict]:
    """SIGKILL at random moments of a run: everything on the disk is whole, nothing lost or doubled in the end."""
    from mocap_import.archive.run import convert_archive
    from mocap_import.trial import TrialRefused
    from mocap_import.trial_store import load_trial

    root, rng = folder / "lab", np.random.default_rng(50)
    sources = sorted((data / "mcgill_walk_youth").rglob("*.c3d"))
    for k in range(160):
        target = root / f"S{k // 10:02d}" / f"walk_{k % 10:02d}.c3d"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(sources[k % len(sources)].read_bytes() + bytes([k]))
    out, corrupt, partial = folder / "out", 0, 0
    journal = out / "import.jsonl"
    for k in range(N_KILLS):
        size = journal.stat().st_size if journal.is_file() else 0
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        run = subprocess.Popen([sys.executable, "-c", _IMPORT % 2, str(root), str(out)], env=environment)
        if k % 4:  # three of four hit the work itself, the others anything from the start to the table
            while run.poll() is None and (not journal.is_file() or journal.stat().st_size == size):
                time.sleep(0.002)
            time.sleep(rng.uniform(0.0, 0.1))
        else:
            time.sleep(rng.uniform(0.0, 2.0))
        run.kill()
        run.wait()
        paths = list(out.glob("*/*.trial.h5"))
        partial += 0 < len(paths) < 160
        for path in paths:
            try:
                load_trial(path)
            except TrialRefused:
                corrupt += 1
    table = convert_archive(root, out, n_workers=2)
    reference = convert_archive(root, folder / "reference", n_workers=2)
    same = all(
        (out / path.relative_to(folder / "reference")).read_bytes() == path.read_bytes()
        for path in (folder / "reference").rglob("*.trial.h5")
    )
    wrong = abs(len(table) - 160) + int(not table.equals(reference)) + int(not same)
    print(f"{N_KILLS} kills, {partial} with some trials done: {corrupt} corrupt trials, {wrong} differences at the end")
    return {
        f"corrupt products after {N_KILLS} kills": _row(corrupt, None, 0, corrupt == 0),
        f"files lost, doubled or different after {N_KILLS} kills": _row(wrong, None, 0, wrong == 0),
    }


def _memory(_: Path, folder: Path) -> dict[str, dict]:
    """Resident memory of parent and workers over 5,000 small files, each with a content of its own."""
    sys.path.insert(0, str(REPOSITORY))
    from mocap_import.export.c3d_writer import write_c3d
    from mocap_import.subject import Subject
    from mocap_import.trial import MarkerTrial

    labels = ("LASI", "RASI", "LPSI", "RPSI", "LKNE", "RKNE", "LANK", "RANK", "LHEE", "RHEE", "LTOE", "RTOE")
    walk = np.random.default_rng(0).normal(0.0, 0.3, (1, len(labels), 3)) + np.array([0.0, 1.0, 0.0])
    walk = walk + np.linspace(0.0, 1.0, 50)[:, None, None] * np.array([1.0, 0.0, 0.0])
    write_c3d(folder / "small.c3d", MarkerTrial("walk", Subject("S1"), labels, walk, 100.0))
    whole = (folder / "small.c3d").read_bytes()
    root, out = folder / "lab", folder / "out"
    for k in range(N_FILES):
        target = root / f"S{k // 100:02d}" / f"walk_{k % 100:03d}.c3d"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(whole + k.to_bytes(4, "little"))
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    began = time.perf_counter()
    run = subprocess.Popen([sys.executable, "-c", _IMPORT % 2, str(root), str(out)], env=environment)
    samples = []
    while run.poll() is None:
        time.sleep(0.5)
        done = out.is_dir() and (out / "import.jsonl").is_file() and (out / "import.jsonl").stat().st_size
        memory = _resident(run.pid)
        if done and memory:
            samples.append((done, memory[0], max(memory[1:], default=0.0)))
    seconds = time.perf_counter() - began
    table = pd.read_csv(out / "import.csv")
    done, parent, worker = np.array(samples).T
    files = done / done[-1] * N_FILES
    late = files > 0.1 * N_FILES
    slopes = [1000 * float(np.polyfit(files[late], memory[late], 1)[0]) for memory in (parent, worker)]
    print(f"{len(table)} files in {seconds:.0f} s: parent {parent.max():.0f} MB, {slopes[0]:+.1f} MB per 1,000 files;")
    print(f"largest worker {worker.max():.0f} MB, {slopes[1]:+.1f} MB per 1,000 files")
    shutil.rmtree(root)
    return {
        f"rows over {N_FILES} files": _row(len(table), None, N_FILES, len(table) == N_FILES),
        "largest memory of the parent (MB)": _row(round(parent.max()), None, "< 1000", parent.max() < 1000),
        "growth of the parent (MB per 1,000 files)": _row(round(slopes[0], 2), None, "< 10", slopes[0] < 10),
        "growth of the largest worker (MB per 1,000 files)": _row(round(slopes[1], 2), None, "< 5", slopes[1] < 5),
        "wall time a small file, two workers (ms)": _row(round(1000 * seconds / N_FILES, 2), None, None, True),
    }


def _resident(parent: int) -> list[float]:
    """Resident memory (MB) of a process and then of its children."""
    found = []
    children = Path(f"/proc/{parent}/task/{parent}/children")
    try:
        pids = [parent, *map(int, children.read_text().split())]
        for pid in pids:
            text = Path(f"/proc/{pid}/status").read_text()
            found.append(int(text.split("VmRSS:")[1].split()[0]) / 1024)
    except (OSError, IndexError, ValueError):
        return found[:1]  # a process that ended meanwhile
    return found


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    folder = os.environ.get("KINESYNTH_TEST_DATA") or REPOSITORY.parent / "shared" / "data"
    print(json.dumps({"figures": figures(Path(folder))}))

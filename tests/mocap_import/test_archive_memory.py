"""Memory of a long archive run: flat over 5,000 files, in the caller and in its workers."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mocap_import.export.c3d_writer import write_c3d

N_FILES = 5000
SETTLED = 1500
"""Files after which every module is loaded and every cache is full."""
RUN = """
import json, sys
from pathlib import Path
from mocap_import.archive.run import convert_archive

def resident(process):
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0

def children():
    for task in Path("/proc/self/task").iterdir():
        yield from (task / "children").read_text().split()

seen = []
def look(row):
    look.count += 1
    if look.count % 100 == 0:
        seen.append((look.count, resident("self"), max((resident(child) for child in children()), default=0.0)))
look.count = 0
table = convert_archive(sys.argv[1], sys.argv[2], n_workers=2, progress=look)
print(json.dumps({"rows": len(table), "refused": int((table.status == "refused").sum()), "seen": seen}))
"""


@pytest.mark.slow
def test_memory_is_flat_over_five_thousand_files(tmp_path, walker, repository):
    made = walker(duration=1.2, rate=50.0, ratio=4)
    write_c3d(tmp_path / "one.c3d", made.trial, plates=made.plates)
    content = (tmp_path / "one.c3d").read_bytes()
    for k in range(N_FILES):
        folder = tmp_path / "lab" / f"S{k // 20:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"walk_{k % 20:02d}.c3d").write_bytes(content)
    command = [sys.executable, "-c", RUN, str(tmp_path / "lab"), str(tmp_path / "out")]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert (found["rows"], found["refused"]) == (N_FILES, 0)
    late = [(caller, worker) for count, caller, worker in found["seen"] if count >= SETTLED]
    for name, values in zip(("caller", "worker"), zip(*late, strict=True), strict=True):
        half = len(values) // 2
        grown = max(values[half:]) - max(values[:half])
        assert grown < 20, f"the {name} grew by {grown:.0f} MB over the last {N_FILES - SETTLED} files: {values}"
        assert max(values) < 1024

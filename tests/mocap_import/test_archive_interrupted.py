"""Interruptions: Ctrl-C, a full disk or a kill at any moment leaves whole trials, and the next run goes on."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from mocap_import.archive import conversion
from mocap_import.archive.run import convert_archive
from mocap_import.trial_store import load_trial


def test_ctrl_c_keeps_what_was_done_and_the_next_run_goes_on(laboratory, tmp_path, convert):
    out = tmp_path / "out"

    def stop_after_two(row, seen=[]):  # noqa: B006
        seen.append(row)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(laboratory, out, progress=stop_after_two)
    finished = sorted(out.rglob("*.trial.h5"))
    assert len(finished) == 2
    assert len((out / "import.csv").read_text().splitlines()) == 3
    stamps = [path.stat().st_mtime_ns for path in finished]
    assert len(convert(laboratory, out)) == 4
    assert [path.stat().st_mtime_ns for path in finished] == stamps


def test_a_full_disk_stops_with_one_sentence_and_earlier_trials_stay(laboratory, tmp_path, monkeypatch, convert):
    out = tmp_path / "out"

    original = conversion.write_trial

    def full(path, trial):
        if "walk" in str(path):
            raise OSError(28, "No space left on device")
        original(path, trial)

    monkeypatch.setattr(conversion, "write_trial", full)
    with pytest.raises(OSError, match="intact: make room and run the same command again") as caught:
        convert(laboratory, out)
    assert "No space left" in str(caught.value)
    assert len(list(out.rglob("*.trial.h5"))) == 2
    monkeypatch.setattr(conversion, "write_trial", original)
    assert len(convert(laboratory, out)) == 4


def test_a_really_full_device_is_said_and_trials_stay(laboratory, tmp_path, convert):
    out = tmp_path / "out"
    out.mkdir()
    (out / "import.jsonl").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"import\.jsonl: could not be written \(No space left on device\)"):
        convert(laboratory, out)
    (trial,) = out.rglob("*.trial.h5")
    assert load_trial(trial).task == "static"


def test_a_line_cut_off_by_a_kill_costs_one_file(laboratory, tmp_path, convert):
    out = tmp_path / "out"
    convert(laboratory, out)
    journal = out / "import.jsonl"
    journal.write_bytes(journal.read_bytes()[:-40])
    (out / "S1" / "tmpdead.trial.h5.tmp").write_bytes(b"half")
    assert len(convert(laboratory, out)) == 4
    assert len(convert(laboratory, out)) == 4
    assert not list(out.rglob("*.tmp"))


KILLED = """
import sys
from mocap_import.archive.run import convert_archive
convert_archive(sys.argv[1], sys.argv[2], n_workers=2)
"""


def _kill_and_resume(root, out, n_kills, repository):
    """Kill runs, two of three soon after they have done a file, then finish; what is on the disk meanwhile is whole."""
    rng = np.random.default_rng(n_kills)
    n_partial, n_files = 0, len(list(root.rglob("*.c3d")))
    journal = out / "import.jsonl"
    for k in range(n_kills):
        size = journal.stat().st_size if journal.is_file() else 0
        run = subprocess.Popen([sys.executable, "-c", KILLED, str(root), str(out)], cwd=repository)
        if k % 3 < 2:
            while run.poll() is None and (not journal.is_file() or journal.stat().st_size == size):
                time.sleep(0.002)
            time.sleep(rng.uniform(0.0, 0.1))
        else:
            time.sleep(rng.uniform(0.1, 1.5))
        run.kill()
        run.wait()
        trials = list(out.glob("*/*.trial.h5"))
        n_partial += 0 < len(trials) < n_files
        for path in trials:
            load_trial(path)
        if (out / "import.csv").is_file():
            pd.read_csv(out / "import.csv")
    assert n_partial > 0.5 * n_kills
    return convert_archive(root, out, n_workers=2)


def _many(laboratory, n):
    """More recordings of both subjects, each with other bytes."""
    for k in range(n):
        for code in ("S1", "S2"):
            source = laboratory / code / f"{code}_walk.c3d"
            (laboratory / code / f"{code}_walk_{k:02d}.c3d").write_bytes(source.read_bytes() + bytes([k]))


def _check_kills(laboratory, tmp_path, n_kills, repository, products):
    reference = convert_archive(laboratory, tmp_path / "reference", n_workers=0)
    table = _kill_and_resume(laboratory, tmp_path / "out", n_kills, repository)
    assert table.equals(reference)
    assert products(tmp_path / "out") == products(tmp_path / "reference")
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_kills_at_five_moments_lose_and_double_nothing(laboratory, tmp_path, repository, products):
    _many(laboratory, 6)
    _check_kills(laboratory, tmp_path, 5, repository, products)


@pytest.mark.slow
def test_kills_at_fifty_random_moments_lose_and_double_nothing(laboratory, tmp_path, repository, products):
    _many(laboratory, 150)
    _check_kills(laboratory, tmp_path, 50, repository, products)

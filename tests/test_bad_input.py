"""Bad input, from the front door: one clear sentence, a non-zero exit code, earlier results intact, and resumption."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mocap_import.batch import ExitCode
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.subject import Subject
from synth.virtual_laboratory import OVERGROUND
from synth.virtual_recording import static_trial

PERSON = Subject("S01", 68.0, 1.70, "female", 30.0)


def kinesynth(*arguments, **options):
    command = [sys.executable, "-m", "kinesynth", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def is_one_sentence(text, *words):
    """A sentence for people: no traceback, and it names what it must."""
    assert "Traceback" not in text
    assert all(word in text for word in words), text


@pytest.fixture
def standing(tmp_path):
    """An archive of one person who only stands."""
    archive = tmp_path / "archive" / "S01"
    archive.mkdir(parents=True)
    trial = static_trial(OVERGROUND, PERSON, np.random.default_rng(0))
    write_c3d(archive / "S01_static.c3d", trial, unit="mm", axes=np.array(OVERGROUND.axes))
    return archive.parent


def test_a_folder_without_c3d_files(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")
    done = kinesynth("demo", "--archive", tmp_path, "--out", tmp_path / "out")
    assert done.returncode == ExitCode.ERROR
    is_one_sentence(done.stderr, str(tmp_path), "C3D")


def test_an_archive_that_does_not_exist(tmp_path):
    done = kinesynth("import", tmp_path / "missing", "--out", tmp_path / "out")
    assert done.returncode == ExitCode.USAGE
    is_one_sentence(done.stderr, "missing", "check the path")


def test_zero_bytes_and_half_a_file_are_refused_and_the_rest_is_kept(standing, tmp_path):
    whole = standing / "S01" / "S01_static.c3d"
    (standing / "S01" / "S01_walk_01.c3d").write_bytes(b"")
    (standing / "S01" / "S01_walk_02.c3d").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    done = kinesynth("import", standing, "--out", tmp_path / "trials", "--codes", "keep", "--json")
    assert done.returncode == ExitCode.SOME
    assert (tmp_path / "trials" / "S01" / "static.trial.h5").exists()
    table = (tmp_path / "trials" / "import.csv").read_text()
    assert table.count("refused") == 2
    is_one_sentence(table, "S01_walk_01.c3d", "S01_walk_02.c3d")


def test_a_subject_without_a_static_trial(standing, tmp_path):
    (standing / "S01" / "S01_static.c3d").rename(standing / "S01" / "S01_walk_01.c3d")
    kinesynth("import", standing, "--out", tmp_path / "trials", "--codes", "keep")
    done = kinesynth("motion", tmp_path / "trials", tmp_path / "motion")
    assert done.returncode == ExitCode.NONE
    is_one_sentence(done.stdout + done.stderr, "S01", "no static trial", "standing")


def test_all_markers_missing(standing, tmp_path):
    trial = static_trial(OVERGROUND, PERSON, np.random.default_rng(0))
    trial.positions[:] = np.nan
    write_c3d(standing / "S01" / "S01_walk_01.c3d", trial)
    done = kinesynth("import", standing, "--out", tmp_path / "trials", "--codes", "keep", "--json")
    assert done.returncode == ExitCode.SOME
    assert "refused" in (tmp_path / "trials" / "import.csv").read_text()


@pytest.mark.parametrize("name", ["broken.osim", "broken.json", "missing.osim"])
def test_a_model_file_that_is_no_model(tmp_path, name):
    if not name.startswith("missing"):
        (tmp_path / name).write_text("this is no model")
    done = kinesynth("model", "check", tmp_path / name)
    assert done.returncode == ExitCode.ERROR
    is_one_sentence(done.stderr, name)


def test_trials_that_were_never_converted(tmp_path):
    for command in (("motion", tmp_path, tmp_path / "m"), ("imu", tmp_path, tmp_path, tmp_path / "imu.h5")):
        done = kinesynth(*command)
        assert done.returncode != ExitCode.ALL
        is_one_sentence(done.stderr + done.stdout, "kinesynth import")


def test_an_error_is_json_for_machines(tmp_path):
    done = kinesynth("model", "check", tmp_path / "missing.osim", "--json")
    assert done.returncode == ExitCode.ERROR
    assert "missing.osim" in json.dumps(json.loads(done.stdout or done.stderr))


def test_a_disk_that_is_full(tmp_path, standing):
    kinesynth("import", standing, "--out", tmp_path / "trials", "--codes", "keep")
    before = (tmp_path / "trials" / "S01" / "static.trial.h5").read_bytes()
    code = (
        "import errno, sys, kinesynth, opensim_models.archive.subject_motion as m\n"
        "def full(*a, **k): raise OSError(errno.ENOSPC, 'No space left on device', 'motion.csv')\n"
        "m.solve_archive_motion = full\n"
        f"sys.exit(kinesynth.main(['motion', r'{tmp_path / 'trials'}', r'{tmp_path / 'motion'}']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == ExitCode.ERROR
    is_one_sentence(done.stderr, "space")
    assert (tmp_path / "trials" / "S01" / "static.trial.h5").read_bytes() == before


BREAKS = """
import os, signal, sys, types
import kinesynth

def find_app(name):
    try:
        {interrupted}
    except KeyboardInterrupt as interruption:
        raise {error}

kinesynth.find_app = find_app
sys.exit(kinesynth.main(["demo", "--out", "nowhere"]))
"""


@pytest.mark.parametrize(
    "error", ["RuntimeError('in __set_name__') from interruption", "ImportError('no multiarray')", ""]
)
@pytest.mark.parametrize("how", ["os.kill(os.getpid(), 2)", "exec('os.kill(os.getpid(), 2)')"])
def test_control_c_during_an_import_is_an_interruption_whatever_a_library_makes_of_it(error, how):
    """Also 130, not death by the signal, when it came inside exec(), as dataclasses use it."""
    code = BREAKS.format(interrupted=how, error=error)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == ExitCode.INTERRUPTED, done.stderr
    is_one_sentence(done.stderr, "nterrupted")


def test_control_c_ends_in_a_sentence_and_the_run_goes_on_later(tmp_path):
    """Interrupt the demonstration while its first gaits are solved: it ends at once, nothing half-done is left."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "kinesynth", "demo", "--out", str(out), "--subjects", "2"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not out.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=20)
    assert running.returncode == ExitCode.INTERRUPTED, errors
    is_one_sentence(errors, "nterrupted")
    assert not (out / "archive").exists()

"""The tutorials are typed, then the command lines of all other pages where the tutorials end; a few are not, by name.

A page speaks of files by names of its own: `PREPARED` makes them of what the tutorials leave.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_page_commands import PAGES, ROOT, shown_lines, words_of
from test_tutorials import PATIENCE, TUTORIALS, commands_of, follow_tutorials, shell_blocks

SKELETON = "kinesynth model build lower_body --mass 62 --height 1.68 --out {}"
RECORDING = "cp recordings/overground_laboratory/S01/S01_walk_01.c3d {}"
WALKER = """awk 'BEGIN { split("shoulder hip knee ankle heel toe", part); split("300 450 550 650 670 672", y)
split("0 0 5 0 -8 30", x); split("2 5 9 12 10 13 11 14 24 21 22 19", place); csv = "keypoints.csv"
printf "person,trial,time" > csv
for (k = 0; k < 12; k++) { name = part[int(k / 2) + 1] (k % 2 ? "_l" : "_r"); printf ",%s_x,%s_y", name, name > csv }
for (f = 0; f < 90; f++) { printf "\\nA,walk,%.6f", f / 30 > csv; for (i = 0; i < 75; i++) point[i] = 0
  for (k = 0; k < 12; k++) { i = int(k / 2) + 1; swing = i > 2 ? 40 * sin(6.28319 * f / 30) * (k % 2 ? -1 : 1) : 0
    u = 640 + x[i] + swing; at = 3 * place[k + 1]; point[at] = u; point[at + 1] = y[i]; point[at + 2] = 0.9
    printf ",%.3f,%d", u, y[i] > csv }
  file = sprintf("walk_json/walk_%06d_keypoints.json", f); printf "{\\"people\\": [{\\"pose_keypoints_2d\\": [0" > file
  for (i = 1; i < 75; i++) printf ", %.3f", point[i] > file; print "]}]}" > file; close(file) } }'"""
"""Somebody who walks on the spot for 3 s: keypoints as a CSV, and as OpenPose writes them."""
PREPARED = {
    "README.md": [
        "mv recordings ARCHIVE",
        "rm -r trials",
        SKELETON.format("FILE.osim"),
        "cp -r networks predictions",
        "cp networks/conv1d.h5 predictions/lstm.h5",
    ],
    "docs/archive.md": ["rm -r trials"],
    "docs/corpus.md": ["cp imu.h5 walking.h5", "cp imu.h5 all.h5"],
    "docs/exchange.md": ["cp imu.h5 walking.h5"],
    "docs/motion.md": [
        *(SKELETON.format(name) for name in ("theirs.osim", "rajagopal.osim")),
        "kinesynth export trials/ --to trc --out files/",
        "cp files/S01/overground_static.trc static.trc && cp files/S01/overground_walk_01.trc walk.trc",
        SKELETON.format("generic.osim"),
    ],
    "docs/recipes/single-camera.md": ["kinesynth recipe single-camera --small", "mkdir walk_json", WALKER],
    "docs/training.md": ["cp -r networks networks-narrow", "cp -r networks networks-wide"],
    "docs/viewer.md": [RECORDING.format("recording.c3d"), "cp -r networks predictions"],
}
"""Page → what is typed before its lines."""
MEANT = {
    "S01/walk_01": "S01/overground_walk_01",
    "RUN_DIR": ".",
    "--sizes 5,10,20 --test-subjects 8": "--sizes 1,2 --test-subjects 1",
    "--k 5": "--k 3",
    "--out walking.h5 --mirror": "--out drawn.h5 --mirror",
    "nested_of_20": "nested_of_2",
    "nested_5_of_20": "nested_1_of_2",
}
"""Words of the pages → what they are in the folder of the tutorials."""

MINUTES = "takes minutes to hours; `tests/synth/optimal_control` solves small ones"
MODEL = "needs an OpenSim model with muscles and its recording, which are not shipped"
SENSORS = "needs records of real sensors"
CLUSTER = "needs a cluster or a graphics card"
RUNNERS = "needs tables or markers of runners, which are not shipped"
PHYSICS = "learns for minutes; tests/training learns for a few steps"
CAUSAL = "needs a causal network; tests/training streams one by the same command"
NOT_RUN = {
    "import recordings/ --out trials/ --marker-set lab.toml": "all labels of the sample are known: nothing to draft",
    "gait population": MINUTES,
    "gait predict": MINUTES,
    "gait track": MODEL,
    "gait imu": SENSORS,
    "imu compare": SENSORS,
    "imu diagnose": SENSORS,
    "imu lags": SENSORS,
    "imu allan": SENSORS,
    "imu sessions": SENSORS,
    "imu angles": SENSORS,
    "imu cycles": "needs a population; `tests/synth` makes a small one",
    "compare cmu.h5": SENSORS,
    "train cmu.h5": SENSORS,
    "compare p03.h5": SENSORS,
    "compare reference.h5": MINUTES,
    "compare imu.h5": PHYSICS,
    "import rbds_running/": RUNNERS,
    "import mcgill_walk_youth/": RUNNERS,
    "corpus clusters trials/ mcgill_walk_youth.h5": RUNNERS,
    "corpus strides": RUNNERS,
    "evaluate --table": RUNNERS,
    "tune": RUNNERS,
    "network joint": "learns for a minute; tests/training does it in a few steps",
    "recipe pinch --small": "is a test of its own (tests/recipes)",
    "recipe pinch --out": "takes minutes; tests/recipes runs the small form",
    "train walking.h5 networks --objective physics": PHYSICS,
    "evaluate walking.h5 networks/physics": PHYSICS,
    "network apply networks/physics": PHYSICS,
    "stream": CAUSAL,
    "corpus import": "needs a subject of AddBiomechanics (.b3d)",
    "train reference.h5 networks --device cuda": CLUSTER,
    "train reference.h5 networks --network lstm": CLUSTER,
    "demo": "is a test of its own (test_demo)",
    "train reference.h5 predictions/": "the tutorial trains the other network by the same command",
    "train reference.h5 networks --network conv1d": "the tutorial trains by the same command",
    "gait reference trials/ motion/ imu.h5 reference.h5": "the tutorial types it",
    "gait baseline imu.h5 baseline.h5": "the tutorial types it",
    "gait baseline p03.h5": SENSORS,
    "gait baseline cmu.h5": SENSORS,
    "gait baseline reference.h5": MINUTES,
    "motion ik walk.trc out/ --model subject.osim": "needs a model scaled elsewhere; tests/opensim_models does it",
    "view movement/": MODEL,
    "view walk.c3d --beside movement/": MODEL,
    "recipe posture": "takes minutes; tests/recipes runs the small form",
    "recipe single-camera": "its small form is a test of its own (tests/recipes)",
    "imu trials/ motion/ --out rbds_running.h5": RUNNERS,
    "imu walking1.trc": MODEL,
    "doctor": "is a test of its own (test_command_line)",
    "recipe gait-cause --small": "tests/recipes runs the small form",
    "recipe gait-cause --out": "takes minutes; tests/recipes runs the small form",
    "recipe fatigue --small": "tests/recipes runs the small form",
    "recipe few-people": "takes minutes; tests/recipes runs the small form",
    "recipe fatigue --out": "takes minutes; tests/recipes runs the small form",
}
"""Beginning of a call that is only checked for its words (test_page_commands), and why."""


def typed_in_tutorials() -> set[tuple[str, ...]]:
    """Calls that the tutorials make."""
    lines = (line for page in TUTORIALS for block, _ in shell_blocks(page) for line in commands_of(block))
    return {tuple(call) for line in lines for call in words_of(line)}


def reason_not_to_run(call: list[str]) -> str:
    """Why a call is not run here; empty if it is."""
    text = " ".join(call)
    return next((reason for words, reason in NOT_RUN.items() if text.startswith(words)), "")


def calls_of(page: str) -> list[str]:
    """Calls of a page that are to be run, in order, in the words of the tutorials' folder."""
    found = []
    done = typed_in_tutorials()
    for _, line in shown_lines((ROOT / page).read_text(encoding="utf-8")):
        for call in words_of(line):
            if tuple(call) in done or reason_not_to_run(call):
                continue
            text = shlex.join(["kinesynth", *call])
            for word, meant in MEANT.items():
                text = text.replace(word, meant)
            found.append(text)
    return found


LINES = {page: calls_of(page) for page in PAGES if calls_of(page)}


@pytest.fixture(scope="module")
def terminal(tmp_path_factory, repository) -> tuple[Path, dict[str, str]]:
    """An empty folder, and surroundings in which `kinesynth` is this source tree."""
    programs = tmp_path_factory.mktemp("bin")
    command = programs / "kinesynth"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kinesynth "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return tmp_path_factory.mktemp("newcomer"), {**os.environ, "PATH": path, "PYTHONPATH": str(repository)}


@pytest.fixture(scope="module")
def followed(terminal) -> tuple[Path, dict[str, str]]:
    """The folder in which the tutorials were followed."""
    follow_tutorials(*terminal)
    return terminal


@pytest.mark.slow
def test_a_newcomer_can_follow_the_tutorials(followed):
    folder, _ = followed
    assert (folder / "comparison.csv").is_file()
    assert (folder / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("page", LINES)
def test_the_lines_of_a_page_run_in_order(page, followed, tmp_path):
    folder, environment = followed
    here = Path(shutil.copytree(folder, tmp_path / "here"))
    run_lines([*PREPARED.get(page, []), *LINES[page]], here, {**environment, "BROWSER": "true"})


def run_lines(lines: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Type lines; each ends with all (0) or some (3) done."""
    for line in lines:
        done = subprocess.run(
            ["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE
        )
        said = done.stdout[-2000:] + done.stderr[-2000:]
        assert done.returncode in (0, 3), f"{line}: ended with {done.returncode}:\n{said}"
        assert "Traceback" not in done.stderr, f"{line}:\n{said}"


def test_every_reason_not_to_run_a_line_is_still_needed():
    calls = [
        " ".join(call)
        for page in PAGES
        for _, line in shown_lines((ROOT / page).read_text(encoding="utf-8"))
        for call in words_of(line)
    ]
    unused = [words for words in NOT_RUN if not any(call.startswith(words) for call in calls)]
    assert unused == []
    assert set(PREPARED) <= set(LINES)
    assert sum(map(len, LINES.values())) >= 25

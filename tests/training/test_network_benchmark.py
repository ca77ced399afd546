"""The benchmark of networks says what it read, judges every promise, and has a column for every device there is."""

import ast
import json
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

from benchmarks.network_figures import physics as physics_figures
from benchmarks.network_figures import streaming as streaming_figures
from benchmarks.network_figures.body_scales import true_lengths
from benchmarks.network_figures.devices import figures as device_figures
from benchmarks.peers.figure_run import measured_figures, read_lines, run_figures
from benchmarks.peers.network_goals import PROMISES, READS, promise_lines
from synth.optimal_control.population.virtual_skeleton import template_skeleton, virtual_skeleton
from synth.virtual_people import draw_person
from training.config import ConfigRefused
from training.device import available_devices, resolve_device
from training.method_facts import MethodFacts
from training.method_table import method_table, reading_table
from training.physics.person import person_skeleton

REPOSITORY = Path(__file__).resolve().parents[2]

MODULES = {path.stem for path in (REPOSITORY / "benchmarks" / "network_figures").glob("*.py")}


def figure(met):
    return {"ours": 1.0, "peer": None, "ratio": None, "goal": "<= 2", "met": met}


def test_every_promise_has_a_module_that_is_there():
    assert {promise.module for promise in PROMISES} <= MODULES
    assert set(READS) <= MODULES


def physics_names():
    """Names that the parts `virtual` and `recorded` give, with the trainings and estimates left out."""
    metrics = {"angle_rmse": "knee_angle_r", "moment_rmse": "knee_angle_r", "speed_absolute_error": ""}
    metrics |= {"angle_rmse_mean_removed": "knee_angle_r", "ground_reaction_rmse": "ground_force_y_r"}
    model = SimpleNamespace(seconds=60.0, recorded_seconds=600.0, people=("A", "B"))

    def errors(_corpus, _estimates, method):
        rows = [(method, who, "t", where, metric, 1.0) for who in "AB" for metric, where in metrics.items()]
        return pd.DataFrame(rows, columns=["method", "subject", "trial", "coordinate", "metric", "value"])

    quiet = {"train_on": lambda *_, **__: model, "apply_physics": lambda *_: Path("x.h5"), "evaluate": errors}
    quiet |= {name: lambda *_: Path("x.h5") for name in ("predict_mean_waveforms", "predict_taught_waveforms")}
    quiet |= {"walkers": lambda _folder, _seed, _people, name: (Path(f"{name}.h5"), {})}
    with patch.multiple(physics_figures, **quiet), patch.object(physics_figures.subprocess, "run"):
        found = [*physics_figures.virtual(Path()), *physics_figures.recorded(Path())]
    return found + [text for text in written_names("physics") if "*" not in text]


def written_names(module):
    """Strings of a module's text, what is filled in as ``*``."""
    tree = ast.parse((REPOSITORY / "benchmarks" / "network_figures" / f"{module}.py").read_text())
    texts = []
    for node in ast.walk(tree):
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Name):  # a name put before a text
            parts = [ast.FormattedValue(node.left), node.right]
        if all(isinstance(part, ast.Constant | ast.FormattedValue) for part in parts):
            values = [part.value if isinstance(part, ast.Constant) else "*" for part in parts]
            texts.append("".join(value for value in values if isinstance(value, str)))
    return texts


def wanted_names(pattern):
    """A promise's regular expression as the list of its alternatives, ``.*`` as ``*``."""
    found = re.search(r"\(([^()]*)\)(\??)", pattern)
    if found is None:
        return [part.replace(".*", "*") for part in pattern.split("|")]
    ways = [*found[1].split("|"), *([""] if found[2] else [])]
    return [name for way in ways for name in wanted_names(pattern[: found.start()] + way + pattern[found.end() :])]


def may_be_the_same(one, other):
    """Whether two names with ``*`` in them can stand for one text."""
    if not one or not other:
        return set(one + other) <= {"*"}
    if one[0] == "*" or other[0] == "*":
        long, short = (one, other) if one[0] == "*" else (other, one)
        return may_be_the_same(long[1:], short) or may_be_the_same(long, short[1:])
    return one[0] == other[0] and may_be_the_same(one[1:], other[1:])


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.what)
def test_every_promise_is_judged_by_figures_that_its_module_really_gives(promise):
    if promise.module == "physics":
        assert [name for name in physics_names() if re.fullmatch(promise.names, name)]
        for name in wanted_names(promise.names):
            assert any(fnmatchcase(given, name) for given in physics_names()), name
        return
    if promise.module == "streaming":
        latency = streaming_figures.Latency(pd.Series([1e-5, 2e-5]).to_numpy())
        for kind in ("streaming", "label-free streaming"):
            given = streaming_figures.latency_rows(kind, latency, {})
            assert [name for name in given if re.fullmatch(promise.names, name)]
        return
    given = [text for text in written_names(promise.module) if len(text.replace("*", "")) >= 8]
    for name in wanted_names(promise.names):
        assert any(may_be_the_same(name, text) for text in given), name


def test_a_promise_is_met_missed_or_not_measured_and_one_missed_figure_is_enough():
    names = [f"running, {j} {a}, raw, 40 runners (deg)" for j in ("knee", "hip") for a in ("flexion", "rotation")]
    judged = promise_lines(dict.fromkeys(names, figure(True)))
    assert "met by all 4 figures" in judged[1]
    assert all("NOT MEASURED" in line for line in judged[2:])
    judged = promise_lines(dict.fromkeys(names, figure(True)) | {names[2]: figure(False)})
    assert f"MISSED by 1 of 4 figures: {names[2]}" in judged[1]


def test_what_is_read_is_counted_and_what_is_missing_is_said(tmp_path):
    (tmp_path / "walks").mkdir()
    (tmp_path / "walks" / "one.csv").write_bytes(b"0" * 2_000_000)
    there, missing, nothing = (*read_lines(tmp_path, ["walks", "runs"]), *read_lines(tmp_path, []))
    assert "walks: 1 files, 2.0 MB" in there
    assert "runs: MISSING" in missing
    assert "no recording" in nothing


def test_modules_get_the_data_folder_and_a_failing_one_is_a_missed_figure(tmp_path, capsys):
    (tmp_path / "good.py").write_text(
        "import json, os\ndata = os.environ['KINESYNTH_TEST_DATA']\n"
        "row = dict(ours=1.0, peer=None, ratio=None, goal=data, met=True)\n"
        "print(json.dumps({'figures': {'one': row}}))\n"
    )
    (tmp_path / "bad.py").write_text("raise SystemExit(3)\n")
    found, _ = measured_figures(tmp_path, [], data=tmp_path / "data", reads={"good": ("walks",)})
    assert found["one"]["goal"] == str(tmp_path / "data")
    assert found["bad"]["met"] is False
    assert "walks: MISSING" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="no figure named none; known are bad, good"):
        measured_figures(tmp_path, ["good", "none"])


def test_a_stopped_run_keeps_what_it_measured_and_every_module_tells_its_cpu_time(tmp_path, capsys):
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.py").touch()
    given = [{"one": figure(True)}, KeyboardInterrupt]
    with patch("benchmarks.peers.figure_run.measure", side_effect=given), pytest.raises(SystemExit) as ended:
        run_figures(tmp_path, [])
    assert ended.value.code == 130
    said = capsys.readouterr().out
    last = json.loads(said.splitlines()[-1])
    assert list(last["figures"]) == ["one"]
    assert last["stopped"] == "three"
    assert "s, 0 CPU s" in said
    assert "stopped in three: it and what comes after it are not measured" in said
    assert "two" not in said


def test_the_last_line_of_a_run_is_the_figures():
    with subprocess.Popen(
        [sys.executable, str(REPOSITORY / "benchmarks" / "networks.py"), "nothing"], stderr=subprocess.PIPE, text=True
    ) as run:
        assert "known are body_scales, comparison, devices, joint_models" in run.communicate(timeout=60)[1]
        assert run.returncode == 1


@pytest.mark.parametrize(("has_gpu", "found"), [(True, ("cpu", "cuda")), (False, ("cpu",))])
def test_a_gpu_is_used_where_there_is_one_and_only_there(has_gpu, found):
    with patch("torch.cuda.is_available", return_value=has_gpu):
        assert available_devices() == found
        assert resolve_device("auto") == found[-1]
        assert resolve_device("cpu") == "cpu"
        if not has_gpu:
            with pytest.raises(ConfigRefused, match="found none"):
                resolve_device("cuda")
    with pytest.raises(ConfigRefused, match="expected auto, cpu or cuda"):
        resolve_device("tpu")


def test_the_table_has_a_column_a_device(capsys):
    case = "conv1d, 16 windows of 1 s"
    rows = device_figures(("cpu",), [case], timed=1)
    assert list(rows) == [f"training step, {case}, CPU (ms, wall)"]
    assert "no GPU" in capsys.readouterr().out
    with (
        patch("benchmarks.network_figures.devices.step_milliseconds", side_effect=[8.0, 2.0]),
        patch("benchmarks.network_figures.devices.device_name", side_effect=str),
    ):
        rows = device_figures(("cpu", "cuda"), [case])
    assert rows[f"training step, {case}, GPU (ms, wall)"]["ratio"] == 4.0
    assert "cuda" in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize(("device", "has_column"), [("cuda", True), ("cpu", False)])
def test_methods_say_what_they_were_trained_on_where_a_gpu_was_used(device, has_column):
    errors = pd.DataFrame(
        [("m", "S1", "t", "", "refused", "", 0.0), ("m", "S1", "t", "", "seconds", "s", 1.0)],
        columns=["method", "subject", "trial", "coordinate", "metric", "unit", "value"],
    )
    facts = {"m": MethodFacts("m", "prediction", True, 1, 1, "nothing", 1.0, 2.0, device)}
    table = method_table(errors, facts)
    assert list(table["trained_on"]) == [device]
    assert ("trained on" in reading_table(table)) == has_column
    assert json.loads(table.to_json(orient="records"))[0]["training_seconds"] == 2.0


def test_true_lengths_are_those_of_the_skeletons_that_walked():
    """The factor of a virtual person's thigh is its length over that of the stature's model."""
    true = true_lengths(("TV00003", "TV00008"), ("pelvis", "femur_r", "tibia_l"))
    assert np.isnan(true[:, 0]).all()
    for number, factors in zip((3, 8), true, strict=True):
        person = draw_person(101, number)
        walked, usual = virtual_skeleton(person, template_skeleton()), person_skeleton(person.subject)
        for child, factor in (("tibia_r", factors[1]), ("calcn_l", factors[2])):
            long, nominal = (np.linalg.norm(s.segments[s.segment_names.index(child)].offset) for s in (walked, usual))
            assert long / nominal == pytest.approx(factor, rel=1e-6)
        assert (factors[1:] != 1.0).all()

"""The front door: quick to open, one sentence for what goes wrong, and exit codes that can be told apart."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import typer

import kinesynth
import kinesynth_doctor
from mocap_import.trial import TrialRefused
from opensim_models.model_mismatch import ModelMismatch

HEAVY = {"torch", "casadi", "opensim", "numba", "onnxruntime", "matplotlib", "plotly", "ezc3d", "optuna", "captum"}
LIGHT_ENOUGH_FOR_TYPER = {"numpy", "scipy", "pandas", "h5py"}


def python(repository: Path, code: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_help_opens_quickly_and_imports_nothing_heavy(repository):
    done = python(
        repository,
        """
        import sys, time
        started = time.process_time()
        import kinesynth
        code = kinesynth.main(["--help"])
        seconds = time.process_time() - started
        print(code, seconds, *sorted(sys.modules), file=sys.stderr)
        """,
    )
    code, seconds, *modules = done.stderr.split()
    assert code == "0"
    assert float(seconds) < 0.5
    assert not {m.split(".")[0] for m in modules} & (HEAVY | LIGHT_ENOUGH_FOR_TYPER)
    assert all(name in done.stdout for name in kinesynth.COMMANDS)


def test_help_of_models_and_sensors_computes_nothing(repository):
    done = python(
        repository,
        """
        import sys
        import kinesynth
        codes = [kinesynth.main([name, "--help"]) for name in ("model", "motion", "imu", "corpus")]
        print(sum(codes), *sorted(sys.modules), file=sys.stderr)
        """,
    )
    code, *modules = done.stderr.split()
    assert code == "0"
    assert not {"scipy", "pandas", "h5py", "numba"} & {m.split(".")[0] for m in modules}


def test_every_commands_help_shows_an_example_and_loads_no_native_giant(repository):
    done = python(
        repository,
        """
        import contextlib, io, json, sys
        import typer
        import kinesynth

        def pages(name, command):
            yield name
            for inner in getattr(command, "commands", {}):
                yield from pages([*name, inner], command.commands[inner])

        shown = {}
        for command in kinesynth.COMMANDS:
            app = typer.main.get_command(kinesynth.find_app(command))
            for words in pages([command], app):
                with contextlib.redirect_stdout(io.StringIO()) as out:
                    code = kinesynth.main([*words, "--help"])
                shown[" ".join(words)] = (code, out.getvalue())
        print(json.dumps([shown, sorted(sys.modules)]))
        """,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    shown, modules = json.loads(done.stdout)
    assert {words.split()[0] for words in shown} == set(kinesynth.COMMANDS)
    for words, (code, text) in shown.items():
        assert code == 0, words
        assert f"kinesynth {words}" in " ".join(text.split()), f"the help of {words} shows no example:\n{text}"
    assert not {"torch", "casadi", "opensim"} & {m.split(".")[0] for m in modules}
    assert "synth.corpus.reader" not in modules, "reading a corpus takes a second to import: import it where it is used"


def test_every_command_speaks_json(repository):
    for name in kinesynth.COMMANDS:
        command = typer.main.get_command(kinesynth.find_app(name))
        leaves = list(command.commands.values()) if getattr(command, "commands", None) else [command]
        for leaf in leaves:
            options = [option for parameter in leaf.params for option in parameter.opts]
            assert "--json" in options, f"{name} {leaf.name}"


@pytest.fixture
def failing(monkeypatch):
    """Give the demo command a body that raises."""

    def install(error: BaseException) -> None:
        app = typer.Typer()

        @app.command()
        def fail(as_json: bool = typer.Option(False, "--json")) -> None:
            raise error

        monkeypatch.setattr(kinesynth, "find_app", lambda _name: app)

    return install


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TrialRefused("walk.c3d: no markers."), "walk.c3d: no markers."),
        (ModelMismatch("model.osim: not a model."), "model.osim: not a model."),
        (OSError(errno.ENOSPC, "No space left on device", "corpus.h5"), "the disk is full while writing corpus.h5"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "x.h5"), "x.h5: No such file or directory"),
        (MemoryError(), "not enough memory"),
    ],
)
def test_what_can_go_wrong_is_one_sentence_without_a_traceback(failing, capsys, monkeypatch, error, sentence):
    monkeypatch.delenv("KINESYNTH_DEBUG", raising=False)
    failing(error)
    assert kinesynth.main(["demo"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert kinesynth.main(["demo", "--json"]) == 1
    assert sentence in json.loads(capsys.readouterr().out)["error"]
    monkeypatch.setenv("KINESYNTH_DEBUG", "1")
    assert kinesynth.main(["demo"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_fault_of_ours_keeps_its_traceback(failing, capsys):
    failing(ZeroDivisionError("0/0"))
    assert kinesynth.main(["demo"]) == 1
    captured = capsys.readouterr()
    assert "Traceback" in captured.err
    assert "please report" in captured.err


def test_ctrl_c_ends_with_one_sentence_and_130(failing, capsys):
    failing(KeyboardInterrupt())
    assert kinesynth.main(["demo"]) == 130
    assert capsys.readouterr().err.startswith("interrupted; ")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_real_ctrl_c_ends_a_running_command(repository, tmp_path):
    code = (
        "import sys, time, typer, kinesynth\napp = typer.Typer()\n"
        "@app.command()\ndef wait():\n    print('running', flush=True)\n    time.sleep(60)\n"
        "kinesynth.find_app = lambda name: app\nsys.exit(kinesynth.main(['demo']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(repository)},
    )
    assert process.stdout.readline() == "running\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert errors.count("\n") == 1


def test_wrong_usage_is_told_apart(capsys):
    assert kinesynth.main(["no-such-command"]) == 2
    assert kinesynth.main(["view", "--no-such-option"]) == 2
    assert "no-such" in capsys.readouterr().err


def test_version_and_recipes(capsys):
    assert kinesynth.main(["--version"]) == 0
    assert capsys.readouterr().out == f"kinesynth {kinesynth.version()}\n"
    assert kinesynth.main(["recipe", "--json"]) == 0
    assert "demo" in json.loads(capsys.readouterr().out)


def test_view_wants_a_report_and_gives_its_address(tmp_path, capsys):
    assert kinesynth.main(["view", str(tmp_path)]) == 1
    assert "report.html" in capsys.readouterr().err
    (tmp_path / "report.html").write_text("<html></html>")
    assert kinesynth.main(["view", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["report"].startswith("file://")


def doctor(monkeypatch, capsys, names: tuple[str, ...], *options: str) -> tuple[int, str]:
    monkeypatch.setattr(kinesynth_doctor, "CHECKS", tuple(c for c in kinesynth_doctor.CHECKS if c[0] in names))
    code = kinesynth.main(["doctor", *options])
    return code, capsys.readouterr().out


def test_the_doctor_keeps_casadi_and_opensim_apart_and_solves_a_problem(monkeypatch, capsys):
    code, output = doctor(monkeypatch, capsys, ("casadi", "opensim", "h5py", "ezc3d"), "--json")
    report = json.loads(output)
    assert code == 0
    assert report["ok"] is True
    assert {c["name"] for c in report["checks"]} == {"casadi", "opensim", "h5py", "ezc3d"}
    assert "c_compiler" in report


def test_the_doctor_prints_the_fix_and_tells_some_from_none(monkeypatch, capsys):
    broken = ("missing", "use_module", {"module": "no_such_module", "distribution": "none"}, "Install no_such_module.")
    monkeypatch.setattr(kinesynth_doctor, "CHECKS", (broken, *kinesynth_doctor.CHECKS))
    code, output = doctor(monkeypatch, capsys, ("missing", "h5py"))
    assert code == 3
    assert "FAILS  missing" in output
    assert "Install no_such_module." in output
    assert doctor(monkeypatch, capsys, ("missing",))[0] == 4


@pytest.mark.slow
def test_the_doctor_finds_everything_well_here(capsys):
    assert kinesynth.main(["doctor", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["checks"]) == len(kinesynth_doctor.CHECKS)

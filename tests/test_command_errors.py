"""Every command ends in one style: `error: ` and a sentence, or the same sentence as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

import kinesynth

SUFFIXES = {"model": ".osim", "source": ".c3d"}
"""Arguments that are files of one kind; every other may be a corpus."""
WORDS = {"to": "csv", "method": "lstm", "mass": "70", "height": "1.8"}
"""Options that are required and name no place."""
MADE = {
    "gait baseline": "made.h5",
    "gait reference": "made.h5",
    "model scale": "made.osim",
    "imu compare": "made.html",
    "imu allan": "made.html",
}
"""What a command would write, where a table is not what it writes."""
WITHOUT_INPUT = {
    "gait population",
    "gait predict",
    "corpus schema",
    "recipe",
    "sample",
    "demo",
    "doctor",
    "model show",
} | {"network list"}
"""Commands that need nothing to be there, or name it themselves."""


def leaves(words: list[str], command: Any) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with the words that call it."""
    for name, inner in getattr(command, "commands", {}).items():
        yield from leaves([*words, name], inner)
    if not getattr(command, "commands", None):
        yield " ".join(words), command


def every_command() -> dict[str, Any]:
    """Words of a command to the command itself."""
    apps = {name: typer.main.get_command(kinesynth.find_app(name)) for name in kinesynth.COMMANDS}
    return {words: leaf for name, app in apps.items() for words, leaf in leaves([name], app)}


FILES = {"evaluate": 3}
"""Commands whose one argument takes so many files."""
FURTHER = {"evaluate": ["--method", "x"]}
"""What else they need in the form that takes these."""
COMMANDS = every_command()


def call_of_nothing(words: str, folder: Path) -> list[str]:
    """A call of a command whose every input is a path that does not exist."""
    call = words.split()
    for parameter in COMMANDS[words].params:
        if not parameter.required:
            continue
        place = f"nowhere{SUFFIXES.get(parameter.name, '.h5')}"
        if parameter.name in ("out", "new", "out_dir"):
            place = MADE.get(words, "made.csv")
        value = WORDS.get(parameter.name, str(folder / place))
        value = [value] * FILES.get(words, 1)
        call += value if parameter.param_type_name == "argument" else [f"--{parameter.name}", *value]
    return call + FURTHER.get(words, [])


def test_the_words_of_exceptions_are_commands():
    assert set(COMMANDS) > WITHOUT_INPUT
    assert len(COMMANDS) > 35


@pytest.mark.parametrize("words", [words for words in COMMANDS if words not in WITHOUT_INPUT])
def test_an_input_that_is_not_there_ends_in_the_same_style(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KINESYNTH_DEBUG", raising=False)
    call = call_of_nothing(words, tmp_path)
    code = kinesynth.main(call)
    said = capsys.readouterr()
    assert code in (1, 2, 4), said
    lines = said.err.strip().splitlines()
    assert [line for line in lines if line.startswith("error: ")] == lines[-1:], said.err
    assert not re.search(r"\bError: |Traceback|\[Errno", said.err)
    assert "nowhere" in lines[-1]
    assert said.out == ""
    assert kinesynth.main([*call, "--json"]) == code
    told = capsys.readouterr()
    assert json.loads(told.out) == {"error": lines[-1].removeprefix("error: ")}
    assert told.err == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", list(COMMANDS))
def test_wrong_usage_ends_in_the_same_style(words, capsys):
    assert kinesynth.main([*words.split(), "--no-such-option"]) == 2
    said = capsys.readouterr().err
    assert "Usage: kinesynth " in said
    assert said.strip().splitlines()[-1].startswith("error: no such option: --no-such-option")
    assert "Error" not in said
    assert kinesynth.main([*words.split(), "--no-such-option", "--json"]) == 2
    assert "--no-such-option" in json.loads(capsys.readouterr().out)["error"]


def test_no_command_shows_the_help_and_no_error(capsys):
    assert kinesynth.main(["model"]) == 2
    said = capsys.readouterr()
    assert "error" not in said.err.lower()
    assert "check" in said.err + said.out

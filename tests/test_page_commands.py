"""Every command line that a page or a help text shows is one that the program would take."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

import kinesynth

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md")),
]
ELSEWHERE = ("python", "toml", "json", "xml")
"""Languages of blocks that hold no command lines."""
OPERATORS = {"&&", "||", "|", ";", ";;", "&", ">", ">>", "<", "(", ")", "then", "else", "do", "{", "}"}


def shown_lines(text: str) -> list[tuple[int, str]]:
    """Command lines of the blocks of a page, with the number of the line; lines ending in a backslash go on."""
    found = []
    for block in re.finditer(r"^( *)```(\w*)\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE):
        if block.group(2) in ELSEWHERE:
            continue
        first = text[: block.start(3)].count("\n") + 1
        lines = block.group(3).split("\n")
        number = 0
        while number < len(lines):
            line, at = lines[number], first + number
            while line.endswith("\\") and number + 1 < len(lines):
                number += 1
                line = line[:-1] + " " + lines[number]
            number += 1
            is_shell = block.group(2) in ("sh", "bash")
            if (is_shell and line.strip()) or re.match(r"\s*(\$ )?(\S*/)?kinesynth ", line):
                found.append((at, line.strip().removeprefix("$ ")))
    return found


def words_of(line: str) -> list[list[str]]:
    """Arguments of every call of kinesynth in a line of shell; `...` stands for what is left out."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    calls: list[list[str]] = []
    words: list[str] | None = None
    for word in lexer:
        if word in OPERATORS:
            words = None
        elif words is not None:
            words.append(word)
        elif word.split("/")[-1] == "kinesynth":
            words = []
            calls.append(words)
    return [[word for word in call if word not in ("...", "…")] for call in calls]


def wrong_usage(command: Any, name: str, arguments: list[str], parent: Any = None) -> str:
    """Say why a command would not take the arguments; nothing is run."""
    try:
        context = command.make_context(name, list(arguments), parent=parent)
        if not hasattr(command, "resolve_command"):
            return ""
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not rest and command.invoke_without_command:
            return ""
        name, inner, rest = command.resolve_command(context, rest)
    except Exception as error:  # noqa: BLE001  (the command line library's own kinds, which it keeps to itself)
        if getattr(error, "exit_code", None) == 0:  # --help, --version
            return ""
        return error.format_message() if hasattr(error, "format_message") else str(error)
    return wrong_usage(inner, name, rest, context)


def door() -> Any:
    return typer.main.get_command(kinesynth.app)


def unknown_words(call: list[str]) -> list[str]:
    """Sub-command and options of a call in running text that do not exist; arguments may be missing there."""
    command, context = door(), None
    inner = call
    while inner and hasattr(command, "get_command"):
        found = command.get_command(context, inner[0])
        if found is None:
            if context is None:
                return [inner[0]]
            break
        context, command, inner = found.context_class(found, info_name=inner[0], parent=context), found, inner[1:]
    known = options_of(command) | {"--help", "--version"}
    return [word for word in inner if word.startswith("--") and word.split("=")[0] not in known]


def options_of(command: Any) -> set[str]:
    """Options of a command and of the commands inside it."""
    own = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return own.union(*(options_of(inner) for inner in getattr(command, "commands", {}).values()))


@pytest.mark.parametrize("name", PAGES)
def test_every_command_line_of_a_page_is_one_that_the_program_takes(name):
    wrong = []
    for number, line in shown_lines((ROOT / name).read_text(encoding="utf-8")):
        for call in words_of(line):
            if reason := wrong_usage(door(), "kinesynth", call):
                wrong.append(f"{name}:{number}: kinesynth {shlex.join(call)}: {reason}")
    assert wrong == []


@pytest.mark.parametrize("name", PAGES)
def test_every_command_in_running_text_exists(name):
    text = re.sub(r"^( *)```.*?^ *```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    wrong = []
    for shown in re.findall(r"`(kinesynth [^`]+)`", text):
        for call in words_of(" ".join(shown.split())):
            wrong += [f"{name}: `{shown}`: {word}" for word in unknown_words(call)]
    assert wrong == []


def test_the_front_page_leads_to_every_page():
    linked = set(re.findall(r"\]\(([^)#]+)", (ROOT / "docs" / "index.md").read_text(encoding="utf-8")))
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in sorted(ROOT.glob("docs/**/*.md"))]
    missing = [page for page in pages if page not in linked | {"index.md"}]
    assert missing == [], "name them in docs/index.md, where a reader would look for them"


def test_the_glossary_is_in_the_order_of_the_alphabet_and_knows_each_word_once():
    words = re.findall(
        r"^- \*\*(.+?)\*\*: \S", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(words) > 50
    assert words == sorted(words, key=str.lower)
    assert len(set(words)) == len(words)


def examples(command: Any, path: str) -> list[tuple[str, str]]:
    """Command lines behind *Example:* in the help of a command and of those inside it."""
    help_text = f"{command.help or ''}\n\n{command.epilog or ''}"
    own = re.findall(r"Example:\s*(kinesynth .*?)(?:\.\s+(?=[A-Z])|\n\n|\Z)", help_text, flags=re.DOTALL)
    found = [(path, " ".join(line.split())) for line in own]
    for name, inner in getattr(command, "commands", {}).items():
        found += examples(inner, f"{path} {name}")
    return found


@pytest.mark.parametrize("name", list(kinesynth.COMMANDS))
def test_every_example_in_the_help_is_one_that_the_program_takes(name):
    command = typer.main.get_command(kinesynth.find_app(name))
    shown = examples(command, name)
    assert shown, f"kinesynth {name}: no example"
    wrong = []
    for path, line in shown:
        for call in words_of(line):
            if reason := wrong_usage(door(), "kinesynth", call):
                wrong.append(f"kinesynth {path} --help: {line}: {reason}")
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("kinesynth improt recordings/", "No such command"),
        ("kinesynth gait referense a b c d", "No such command"),
        ("kinesynth train reference.h5 out/ --epochs 3", "No such option"),
        ("kinesynth evaluate reference.h5 lstm.h5 lstm.csv", "Missing option"),
        ("test -e x || kinesynth evaluate reference.h5 # a.h5", "Missing"),
        ("kinesynth sample a b", "unexpected"),
        ("kinesynth gait population people.h5 --subjects many", "integer"),
    ],
)
def test_a_wrong_line_is_found(line, reason):
    (call,) = words_of(line)
    assert reason in wrong_usage(door(), "kinesynth", call)


def test_lines_and_words_are_found_where_pages_put_them():
    text = "Text\n```sh\nmake\nkinesynth train a \\\n  b   # why\n```\n"
    text += "```\n$ kinesynth doctor && .venv/bin/kinesynth demo\nS01 done\n```\n"
    lines = shown_lines(text)
    assert [number for number, _ in lines] == [3, 4, 8]
    assert [words_of(line) for _, line in lines] == [[], [["train", "a", "b"]], [["doctor"], ["demo"]]]
    assert unknown_words(["imu", "--sensor", "--censor"]) == ["--censor"]
    assert unknown_words(["trian"]) == ["trian"]
    assert unknown_words(["corpus", "export", "--to", "--too"]) == ["--too"]

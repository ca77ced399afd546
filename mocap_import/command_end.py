"""Command end: one sentence and an exit code for what stops a command, no traceback."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from mocap_import.batch import ExitCode


class OneCommand(TyperGroup):
    """A command without commands of its own: a word too many is named as what it is."""

    def resolve_command(self, ctx: Any, args: list[str]) -> NoReturn:
        """Wrong usage, in a sentence."""
        ctx.fail(f"unexpected argument {args[0]!r}: one archive a run, everything else is an option (--out FOLDER).")


def sentence_of(problem: Exception) -> str:
    """What went wrong, without the number that operating systems put first."""
    if isinstance(problem, OSError) and problem.strerror:
        return f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror
    return str(problem)


def check_place(place: Path, as_json: bool) -> None:
    """Wrong usage if a path that was given is not there."""
    if not place.exists():
        stop(f"{place}: no such file or folder; check the path.", as_json, ExitCode.USAGE)


def stop(sentence: str, as_json: bool, code: int = ExitCode.ERROR) -> NoReturn:
    """Print the sentence, as JSON for machines, and leave with the code."""
    tell(sentence, as_json, code)
    raise typer.Exit(int(code))


def tell(sentence: str, as_json: bool = False, code: int = ExitCode.ERROR) -> None:
    """Print why a command ends, the one way in which all do: JSON for machines; an interruption is no error."""
    if as_json:
        typer.echo(json.dumps({"error": sentence}))
    else:
        print(sentence if code == ExitCode.INTERRUPTED else f"error: {sentence}", file=sys.stderr)

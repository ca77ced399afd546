"""Begun request: what a population was asked for stands beside its parts, which no other request may take or remove."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mocap_import.durable_file import write_durably
from mocap_import.product import fingerprint
from synth.corpus.schema import CorpusMismatch
from synth.optimal_control.population.part import CHUNK, finished_parts

REQUEST = "request.json"
REQUEST_OF_OLD = "request.txt"
"""Of earlier versions: the fingerprint of the request alone."""
SHOWN = 4
"""Settings that a refusal names."""


def claim_parts(parts: Path, config: Mapping[str, Any]) -> None:
    """Take a folder of parts for a request, or go on with what is finished of this very request.

    Parameters
    ----------
    parts : Path
        Folder, which exists.
    config : mapping
        The request, as JSON can hold it.

    Raises
    ------
    CorpusMismatch
        Parts of another request are finished there, or files of something else; nothing is removed.
    """
    wanted, finished = json.loads(json.dumps(config, default=str)), finished_parts(parts)
    begun = _begun(parts, wanted)
    if begun == wanted:
        return
    strangers = begun is None and any(parts.iterdir())
    if finished or strangers:
        count = f"{len(finished)} finished part{'s' * (len(finished) > 1)} of {CHUNK} people or fewer"
        done = count if finished else "files of something else"
        why = "begun with other settings" if not begun else f"begun with other settings: {differences(begun, wanted)}"
        raise CorpusMismatch(
            f"{parts} holds {done}{f', {why}' if finished else ''}. Give the same settings to go on with them; to "
            f"start over, remove that folder or name another OUT."
        )
    shutil.rmtree(parts)  # of another request, without a finished part: what it started from is not ours
    parts.mkdir()
    write_durably(parts / REQUEST, json.dumps(wanted, sort_keys=True, indent=1) + "\n")


def differences(begun: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Which settings differ, ``"seed 41, now 42"``; the outermost first, one of a name, the first few."""
    then, now = dict(_leaves(begun)), dict(_leaves(wanted))
    found: dict[str, str] = {}
    for key in sorted({**then, **now}, key=lambda key: key.count(".")):
        if then.get(key) != now.get(key):
            old, new = (_words(values, key) for values in (then, now))
            found.setdefault(key.rpartition(".")[2], f"{key} {old}, now {new}")
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(list(found.values())[:SHOWN]) + more


def _begun(parts: Path, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """The request of a folder; an empty one where only that it was another one is known, None without any."""
    try:
        begun = json.loads((parts / REQUEST).read_text(encoding="utf-8"))
        return begun if isinstance(begun, dict) else {}
    except FileNotFoundError:
        pass
    except ValueError:
        return {}
    try:
        mark = (parts / REQUEST_OF_OLD).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return wanted if mark == fingerprint(wanted) else {}


def _leaves(value: Mapping[str, Any], path: str = "") -> list[tuple[str, Any]]:
    """Dotted key and value of everything that is no mapping."""
    found: list[tuple[str, Any]] = []
    for name, inner in value.items():
        key = f"{path}.{name}" if path else name
        found += _leaves(inner, key) if isinstance(inner, Mapping) else [(key, inner)]
    return found


def _words(values: Mapping[str, Any], key: str) -> str:
    """A value for people."""
    if key not in values:
        return "not set"
    value = values[key]
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

"""Stored origins: what trials have in common (methods, parameters, versions) once a corpus, the rest with the trial.

A trial names the shared text by its SHA-256 and adds its own: source files, what was found, warnings. Trials that were
made alike share one text, so an origin costs a trial its own facts and 64 digits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from synth.corpus.array_origin import ArrayOrigin, SourceFile
from synth.corpus.schema import CorpusMismatch

_SHARED = ("arrays", "method", "parameters", "software")


def origin_texts(origins: Sequence[ArrayOrigin], where: str = "trial") -> tuple[str, str, str]:
    """Name and text of what trials share, and the text of this trial alone.

    Raises
    ------
    CorpusMismatch
        A parameter or finding is nothing that JSON can hold.
    """
    files = list(dict.fromkeys(source for origin in origins for source in origin.sources))
    place = {source: i for i, source in enumerate(files)}
    shared = [
        {"arrays": o.arrays, "method": o.method, "parameters": dict(o.parameters), "software": dict(o.software)}
        for o in origins
    ]
    own = {
        "sources": [[source.name, source.sha256] for source in files],
        "each": [[[place[s] for s in o.sources], dict(o.found), o.warnings] for o in origins],
    }
    try:
        text, mine = _compact(shared), _compact(own)
    except (TypeError, ValueError) as error:
        raise CorpusMismatch(f"{where}: its origins cannot be stored as JSON: {error}.") from error
    return hashlib.sha256(text.encode()).hexdigest(), text, mine


def origins_from(name: str, text: str, own: str, where: str) -> tuple[ArrayOrigin, ...]:
    """Origins of a trial from their two texts.

    Raises
    ------
    CorpusMismatch
        The shared text is not the one that was stored under this name, or either is none of origins.
    """
    try:
        facts = json.loads(own)
        files = tuple(SourceFile(str(file), str(digest)) for file, digest in facts["sources"])
        return tuple(
            ArrayOrigin(**shared, found=dict(found), sources=tuple(files[i] for i in used), warnings=_words(warnings))
            for shared, (used, found, warnings) in zip(_shared(name, text, where), facts["each"], strict=True)
        )
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise CorpusMismatch(f"{where}: its origins are not the expected JSON ({error}).") from error


@lru_cache(maxsize=64)
def _shared(name: str, text: str, where: str) -> tuple[dict[str, Any], ...]:
    """What trials share, read once for all of them."""
    if hashlib.sha256(text.encode()).hexdigest() != name:
        raise CorpusMismatch(f"{where}: the text of the origins {name[:12]} has another SHA-256; it was changed.")
    entries = []
    for plain in json.loads(text):
        if sorted(plain) != sorted(_SHARED):
            raise ValueError(f"keys {sorted(plain)}, expected {sorted(_SHARED)}")
        method, parameters, software = str(plain["method"]), dict(plain["parameters"]), dict(plain["software"])
        entry = {"arrays": _words(plain["arrays"]), "method": method, "parameters": parameters, "software": software}
        entries.append(entry)
    return tuple(entries)


def _words(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list):
        raise TypeError(f"expected a list of texts, found {type(found).__name__}")
    return tuple(map(str, found))


def _compact(content: Any) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)

"""Descriptions of models that OpenSim gave once, kept in the user's cache folder by the content of the model file.

The key is the SHA-256 of the file with the versions of this format and of OpenSim, so that a changed model, a new
OpenSim or a new description never meets an old entry. An entry that cannot be read counts as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from mocap_import.durable_file import write_durably

DESCRIPTION_FORMAT = 7
"""To be raised with every change of what `osim.model_description` gives or `osim_file` refuses."""


def cache_folder() -> Path:
    """Folder of the cache: ``KINESYNTH_CACHE``, else ``XDG_CACHE_HOME/kinesynth``, else ``~/.cache/kinesynth``."""
    own = os.environ.get("KINESYNTH_CACHE")
    if own:
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "kinesynth"


def cached_description(content: bytes, describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Take a model's description from the cache, or make it and keep it.

    Parameters
    ----------
    content : bytes
        The model file.
    describe : callable
        Makes the description; called once for a content. What it raises is passed on and nothing is kept.

    Returns
    -------
    dict
        The description as JSON gives it back: lists in the place of tuples, the same at the first call and later.
    """
    key = hashlib.sha256(content).hexdigest()
    path = cache_folder() / "models" / f"{key}.{DESCRIPTION_FORMAT}.{_opensim_version()}.json"
    try:
        entry = json.loads(path.read_bytes())
        if entry["key"] == key:
            return entry["description"]
    except (OSError, ValueError, TypeError, KeyError):
        pass  # absent, or damaged by a full disk or by hand: made anew below
    described = describe()
    text = json.dumps({"key": key, "description": described})
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, never the result
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, text)
    return json.loads(text)["description"]


@cache
def _opensim_version() -> str:
    """Version of the installed OpenSim, without importing it."""
    try:
        return metadata.version("opensim")
    except metadata.PackageNotFoundError:
        return "none"

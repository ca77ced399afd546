"""A stored skeleton: its JSON in a corpus under its own SHA-256, so that the trials of a person share one.

Serialising or reading a skeleton takes milliseconds and a corpus asks for the same few again and again, so the last
ones are remembered in both directions.
"""

from __future__ import annotations

import hashlib
from collections import deque
from functools import lru_cache

from opensim_models.model.skeleton import Skeleton, skeleton_of_text, skeleton_text
from opensim_models.model_mismatch import ModelMismatch
from synth.corpus.schema import CorpusMismatch

_written: deque[tuple[Skeleton, str, str]] = deque(maxlen=8)


def hash_and_text(skeleton: Skeleton, where: str = "skeleton") -> tuple[str, str]:
    """Name under which a skeleton is stored, and its JSON.

    Raises
    ------
    CorpusMismatch
        A number of the skeleton is none, but a symbol or an array.
    """
    for known, name, text in _written:
        if known is skeleton:
            return name, text
    try:
        text = skeleton_text(skeleton)
    except TypeError as error:
        raise CorpusMismatch(f"{where}: skeleton {skeleton.name} cannot be stored: {error}.") from error
    name = hashlib.sha256(text.encode()).hexdigest()
    _written.append((skeleton, name, text))
    return name, text


@lru_cache(maxsize=32)
def skeleton_of(name: str, text: str, where: str) -> Skeleton:
    """Skeleton of a stored text.

    Raises
    ------
    CorpusMismatch
        The text is not the one that was stored under this name, or is no skeleton.
    """
    if hashlib.sha256(text.encode()).hexdigest() != name:
        raise CorpusMismatch(f"{where}: the text of skeleton {name[:12]} does not have that SHA-256; it was changed.")
    try:
        return skeleton_of_text(text, where)
    except ModelMismatch as error:
        raise CorpusMismatch(str(error)) from error

"""A stored card: what the file of a network says about itself, read from its header: no weights, no torch."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors

from synth.corpus.schema import CorpusMismatch

FORMAT_VERSION = 1


def read_card(path: Path) -> dict:
    """Read a checkpoint's JSON part alone, without its weights."""
    try:
        with safetensors.safe_open(str(path), framework="np") as file:
            card = json.loads((file.metadata() or {})["kinesynth"])
    except (safetensors.SafetensorError, KeyError, json.JSONDecodeError, OSError) as error:
        raise CorpusMismatch(
            f"{path}: expected a network trained by `kinesynth train` (.safetensors), {error}. "
            "Train it again, or name the right file."
        ) from None
    if str(card.get("format", "")).startswith("kinesynth-physics"):
        raise CorpusMismatch(
            f"{path}: expected a network taught by labels, found a label-free network. "
            f"Estimate a corpus with it by `kinesynth network apply {path} CORPUS ESTIMATES`, or, an lstm, frame by "
            "frame by `kinesynth stream`."
        )
    if card.get("format_version") != FORMAT_VERSION:
        raise CorpusMismatch(
            f"{path}: expected a network of checkpoint version {FORMAT_VERSION}, found {card.get('format_version')}. "
            "Use the version of kinesynth that wrote it, or train again."
        )
    return card

"""A shipped network: small trained networks that come with the package, known by name (``pretrained:knee``)."""

from __future__ import annotations

from pathlib import Path

from synth.corpus.schema import CorpusMismatch

SHIPPED = Path(__file__).parent / "pretrained"
PREFIX = "pretrained:"


def shipped_networks() -> dict[str, Path]:
    """Name → file of every network that comes with the package."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.safetensors"))}


def network_file(word: str | Path) -> Path:
    """The file that a word means: ``pretrained:NAME``, or a path as it is.

    Raises
    ------
    CorpusMismatch
        No network of that name is shipped.
    """
    text = str(word)
    if not text.startswith(PREFIX):
        return Path(word)
    known = shipped_networks()
    name = text.removeprefix(PREFIX)
    if name not in known:
        names = ", ".join(f"{PREFIX}{other}" for other in known) or "none"
        raise CorpusMismatch(f"{text}: no network of this name is shipped; there are {names}.")
    return known[name]

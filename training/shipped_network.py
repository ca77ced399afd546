"""A shipped network: small trained networks that come with the package, known by name (``pretrained:knee``)."""

from __future__ import annotations

from pathlib import Path

from synth.corpus.schema import CorpusMismatch

SHIPPED = Path(__file__).parent / "pretrained"
PREFIX = "pretrained:"
_ENDINGS = (".pt", ".safetensors")


def shipped_networks() -> dict[str, Path]:
    """Name → file of every network that comes with the package."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.safetensors"))}


def network_file(word: str | Path) -> Path:
    """The file that a word means: ``pretrained:NAME``, or a path as it is.

    Raises
    ------
    CorpusMismatch
        No network of that name is shipped, or the path is a folder.
    """
    text = str(word)
    if not text.startswith(PREFIX):
        if Path(word).is_dir():
            inside = sorted(f.name for f in Path(word).iterdir() if f.suffix in _ENDINGS)
            raise CorpusMismatch(
                f"{word}: expected the file of a network, found a folder. "
                + (f"Name the one in it that is meant: {', '.join(inside[:5])}." if inside else "No network is in it.")
            )
        return Path(word)
    known = shipped_networks()
    name = text.removeprefix(PREFIX)
    if name not in known:
        names = ", ".join(f"{PREFIX}{other}" for other in known) or "none"
        raise CorpusMismatch(f"{text}: no network of this name is shipped; there are {names}.")
    return known[name]

"""Provenance: which versions, seed, configuration and source files a product was made from.

No clock time and no machine name: the same content and recipe must give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path


def versions(*others: str) -> dict[str, str]:
    """Versions of Python and of the distributions that shape a corpus; ``"not installed"`` where there is none."""
    found = {"python": platform.python_version()}
    for distribution in ("kinesynth", "numpy", "scipy", "h5py", *others):
        try:
            found[distribution] = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            found[distribution] = "not installed"
    return found


def file_hash(path: Path | str) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Provenance:
    """Where a product comes from.

    Attributes
    ----------
    versions : dict
        Software name → version.
    seed : int
    config : dict
        The full resolved configuration, JSON-able.
    sources : dict
        Source name → SHA-256 (or another identity).
    """

    versions: dict[str, str] = field(default_factory=versions)
    seed: int = 0
    config: dict = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """One line of JSON with sorted keys; a value that JSON does not know (a path, say) is written as its text."""
        return json.dumps(asdict(self), sort_keys=True, default=str)

    @staticmethod
    def from_json(text: str) -> Provenance:
        """Read what `to_json` wrote."""
        return Provenance(**json.loads(text))

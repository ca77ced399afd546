"""Parts of a stage that are there whole or not at all, so that a killed run goes on with the next one."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap_import.durable_file import write_durably
from recipes.run import kinesynth_version

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class RememberedParts:
    """A folder of parts that one question decides.

    Attributes
    ----------
    folder : Path
    key : str
        Of the question; parts of another one are not used.
    """

    folder: Path
    key: str

    def get(self, name: str, make: Callable[[], Arrays]) -> dict[str, np.ndarray]:
        """The arrays of a part, made if they are not there."""
        path = self.path(name)
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            memory = io.BytesIO()
            np.savez(memory, **make())
            write_durably(path, memory.getvalue())
        return self.read(name)

    def read(self, name: str) -> dict[str, np.ndarray]:
        """The arrays of a part that is there.

        Raises
        ------
        FileNotFoundError
            It is not there, with what to do.
        """
        if not self.path(name).exists():
            raise FileNotFoundError(
                f"{self.path(name)} is not there, which an earlier stage had made. Remove stages.json of this run and "
                "start the same command again: it makes what is missing, and finds the rest."
            )
        with np.load(self.path(name), allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}

    def path(self, name: str) -> Path:
        """File of a part."""
        return self.folder / f"{name}_{self.key}.npz"


def part_name(*words: object) -> str:
    """A name of letters, digits and underscores."""
    return re.sub(r"\W+", "_", " ".join(map(str, words)))


def remembered_parts(folder: Path, question: object) -> RememberedParts:
    """Parts in a folder, for a question of plain data; another version of the tool asks another question."""
    text = json.dumps([kinesynth_version(), question], sort_keys=True, default=str)
    return RememberedParts(folder, hashlib.sha256(text.encode()).hexdigest()[:12])

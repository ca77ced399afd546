"""The folder of a run: what was trained, with what, and how it went.

``run.json`` holds for every method the resolved configuration, seed, corpus (by hash), subjects and versions;
``log.txt`` what happened when; ``metrics/METHOD/NAME.csv`` and ``events/METHOD/NAME/`` every step, for tables and for
TensorBoard. No path, no name of a person or a machine.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from mocap_import.durable_file import write_durably
from synth.corpus.provenance import file_hash, versions
from synth.corpus.schema import CorpusMismatch
from training.config import TrainingConfig
from training.step_record import StepRecord

FORMAT_VERSION = 1
CARD = "run.json"
LOG = "log.txt"
METRICS = "metrics"
EVENTS = "events"


@dataclass(frozen=True)
class RunFolder:
    """Where a run is recorded.

    Attributes
    ----------
    path : Path
    """

    path: Path

    def steps_of(self, method: str, name: str) -> StepRecord:
        """The record of one training: a fold's, or the one on all subjects."""
        return StepRecord(self.path / METRICS / method / f"{name}.csv", self.path / EVENTS / method / name)

    def log(self, text: str) -> None:
        """Add a line with the time (UTC); several processes may do so at once."""
        line = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {without_folders(text)}\n"
        self.path.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, line.encode("utf-8", "backslashreplace"))
        finally:
            os.close(handle)


def open_run(
    path: Path, corpus: Path, configs: Mapping[str, TrainingConfig], subjects: Sequence[str], scheme: str
) -> RunFolder:
    """Write down what is about to be trained.

    Parameters
    ----------
    path : Path
        The run's folder; methods that an earlier run in it trained keep their entries.
    corpus : Path
        What they learn from; its name and SHA-256 are kept.
    configs : mapping of str to TrainingConfig
        Method → resolved configuration.
    subjects : sequence of str
        Codes of the subjects with labels.
    scheme : str
        ``"leave one subject out"`` or ``"all subjects"``.

    Returns
    -------
    RunFolder
    """
    run, card = RunFolder(path), path / CARD
    path.mkdir(parents=True, exist_ok=True)
    methods = read_run_card(path)["methods"] if card.is_file() else {}
    source = {"name": corpus.name, "sha256": file_hash(corpus)}
    for method, config in configs.items():
        methods[method] = {
            "config": config.model_dump(mode="json"),
            "seed": config.seed,
            "corpus": source,
            "scheme": scheme,
            "subjects": list(subjects),
            "versions": training_versions(),
        }
    content = {"format_version": FORMAT_VERSION, "methods": methods}
    write_durably(card, json.dumps(content, indent=2, sort_keys=True) + "\n")
    run.log(f"began: {', '.join(configs)}; {scheme}; {len(subjects)} subjects; corpus {corpus.name}")
    return run


def read_run_card(path: Path) -> dict[str, Any]:
    """Read ``run.json`` of a run's folder.

    Raises
    ------
    CorpusMismatch
        If it is damaged or of another version.
    """
    try:
        card = json.loads((path / CARD).read_text(encoding="utf-8"))
        found = card["format_version"]
        card["methods"].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorpusMismatch(
            f"{path / CARD}: expected the record of a run, {error!r}. Remove it to record anew."
        ) from None
    if found != FORMAT_VERSION:
        raise CorpusMismatch(
            f"{path / CARD}: expected a record of version {FORMAT_VERSION}, found {found}. "
            "Use the version of kinesynth that wrote it, or another folder."
        )
    return card


def training_versions() -> dict[str, str]:
    """Versions of Python and of the distributions that shape a network."""
    return versions() | {name: metadata.version(name) for name in ("torch", "safetensors", "pandas")}


def without_folders(text: str) -> str:
    """A sentence on one line whose paths are cut to their last names."""
    return re.sub(r"(?:[A-Za-z]:)?(?:[\\/][^\\/\s'\"]+)+[\\/]([^\\/\s'\":,]+)", r"\1", " ".join(text.split()))

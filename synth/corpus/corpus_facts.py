"""Facts of a corpus for its datasheet: who, what, how much, how made, what is missing and what was refused."""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from mocap_import.subject import Subject
from synth.corpus.check import check_corpus
from synth.corpus.provenance import file_hash
from synth.corpus.reader import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial

_FOLDERS = re.compile(r"(?<![^\s'\"(\[])(?:[A-Za-z]:)?[\\/]+(?:[^\s\\/:'\"]+[\\/]+)*(?=[^\s\\/:'\"])")
"""Absolute folders before a file's name: no sheet says where somebody keeps files."""


def corpus_facts(path: Path | str) -> dict[str, Any]:
    """Read a whole corpus and count what it holds.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict
        Plain data for JSON: file, made, people, trials, sensors, coordinates, labels, recipes, treatments, solutions,
        refused, splits, findings. Codes of subjects, no names of source files and no folders.

    Raises
    ------
    CorpusMismatch
        The file is no corpus. A trial that cannot be read is among the findings.
    """
    path = Path(path)
    corpus = Corpus(path)
    count = _Count()
    for key in corpus.trials():
        try:
            count.add(corpus.read(*key, clean=True))
        except CorpusMismatch:  # the check says so
            count.n_unread += 1
    made = corpus.provenance
    return {
        "file": {"name": path.name, "bytes": path.stat().st_size, "sha256": file_hash(path)},
        "made": {
            "schema_version": corpus.version,
            "role": corpus.role,
            "versions": dict(sorted(made.versions.items())),
            "seed": made.seed,
            "config": {key: json.dumps(_names_only(value)) for key, value in sorted(made.config.items())},
            "licence": str(made.config.get("licence", "not stated")),
            "n_sources": len(made.sources),
        },
        "people": _people(corpus.subjects()),
        **count.facts(),
        "splits": [
            {"name": s.name} | {side: len(getattr(s, side)) for side in ("train", "validation", "test")}
            for s in corpus.splits
        ],
        "findings": [{"level": f.level, "where": f.where, "what": without_folders(f.what)} for f in check_corpus(path)],
    }


def without_folders(text: str) -> str:
    """Text in which every absolute path is only the name of its file."""
    return _FOLDERS.sub("", text)


def _names_only(value: Any) -> Any:
    """Plain data in which a text that is an absolute path is only its last part."""
    if isinstance(value, Mapping):
        return {key: _names_only(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_names_only(inner) for inner in value]
    if isinstance(value, str) and (PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute()):
        return PureWindowsPath(value).name
    return without_folders(value) if isinstance(value, str) else value


def spread(values: Iterable[float]) -> dict[str, float | int]:
    """Smallest, median, largest and number of the values that are known."""
    known = np.array([value for value in values if math.isfinite(value)])
    if not len(known):
        return {"n": 0}
    return {
        "n": len(known),
        "least": float(known.min()),
        "median": float(np.median(known)),
        "most": float(known.max()),
    }


def _people(people: list[Subject]) -> dict[str, Any]:
    facts = {name: spread(getattr(person, name) for person in people) for name in ("mass", "height", "age")}
    return {"n": len(people), "sex": _counted(Counter(person.sex for person in people)), **facts}


def _counted(count: Mapping[str, int]) -> dict[str, int]:
    """The most frequent first."""
    return dict(sorted(count.items(), key=lambda item: (-item[1], item[0])))


class _Count:
    """What is counted trial by trial."""

    def __init__(self) -> None:
        self.n_unread = 0
        self.words: dict[str, Counter[str]] = defaultdict(Counter)
        self.subjects: dict[str, dict[str, float]] = {}
        self.sensors: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0, 0])
        self.columns: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        self.solutions: list[tuple[bool, float, float, float]] = []
        self.skeletons: Counter[str] = Counter()
        self.seconds: list[float] = []

    def add(self, trial: CorpusTrial) -> None:
        length = trial.n_frames / trial.rate
        self.seconds.append(length)
        words = {"task": trial.task, "status": trial.status, "rate": f"{trial.rate:g} Hz"}
        words |= {"session": trial.session or "unknown", "recipe": trial.errors.in_words() if trial.errors else "none"}
        for word, value in words.items():
            self.words[word][value] += 1
        for treatment in trial.treatments:
            self.words["treatment"][treatment.what] += 1
        if trial.status == "refused":
            self.words["refused"][without_folders(trial.reason)] += 1
        row = self.subjects.setdefault(trial.subject.code, {"trials": 0, "refused": 0, "seconds": 0.0})
        row["trials"] += 1
        row["refused"] += trial.status == "refused"
        row["seconds"] += length
        for record in trial.recordings:
            present = np.isfinite(record.specific_force).all(axis=1) & np.isfinite(record.angular_velocity).all(axis=1)
            entry = self.sensors[record.placement.sensor, record.placement.segment]
            entry[0] += 1
            entry[1] += len(present)
            entry[2] += int(present.sum())
        self._columns(trial)
        if trial.skeleton is not None:
            skeleton = trial.skeleton
            size = f"{len(skeleton.segments)} segments, {len(skeleton.coordinates)} coordinates"
            self.skeletons[f"{skeleton.name}: {size}, {len(skeleton.muscles)} muscles"] += 1
        self.solutions += [(s.converged, s.iterations, s.cpu_seconds, s.residual_share) for s in trial.solutions]

    def _columns(self, trial: CorpusTrial) -> None:
        """Trials and frames in which a column has a value."""
        found = []
        if trial.kinematics is not None:
            found.append(("coordinates", trial.kinematics.coordinates, trial.kinematics.values))
        if trial.kinetics is not None:
            forces = trial.kinetics
            found.append(("generalized forces", forces.coordinates, forces.generalized_forces))
            found.append(("activations", forces.muscles, forces.activations))
            feet = [reaction.foot or reaction.name for reaction in forces.ground_reactions]
            for foot, reaction in zip(feet, forces.ground_reactions, strict=True):
                found.append(("ground reactions", (foot,), reaction.force[:, :1]))
        if trial.activity is not None:
            found.append(("EMG", trial.activity.channels, trial.activity.envelopes))
        found += [("segment poses", (segment.segment,), segment.origin[:, :1]) for segment in trial.segments]
        for what, names, values in found:
            for i, name in enumerate(names):
                entry = self.columns[what][name]
                entry[0] += 1
                entry[1] += int(np.isfinite(values[:, i]).sum())

    def facts(self) -> dict[str, Any]:
        """Plain data of all trials."""
        converged = [fact for fact in self.solutions if fact[0]]
        return {
            "trials": {
                "n": len(self.seconds),
                "unread": self.n_unread,
                "hours": sum(self.seconds) / 3600.0,
                "seconds": spread(self.seconds),
                **{word: _counted(self.words[word]) for word in ("task", "status", "rate", "session")},
            },
            "subjects": {code: self.subjects[code] for code in sorted(self.subjects)},
            "sensors": [
                {"sensor": sensor, "segment": segment, "trials": n, "missing": 1.0 - have / frames if frames else 0.0}
                for (sensor, segment), (n, frames, have) in sorted(self.sensors.items())
            ],
            "labels": {
                what: {name: {"trials": n, "frames": frames} for name, (n, frames) in names.items()}
                for what, names in self.columns.items()
            },
            "skeletons": _counted(self.skeletons),
            "recipes": _counted(self.words["recipe"]),
            "treatments": _counted(self.words["treatment"]),
            "solutions": {
                "n": len(self.solutions),
                "converged": len(converged),
                "iterations": spread(fact[1] for fact in converged),
                "cpu_seconds": spread(fact[2] for fact in converged),
                "residual_share": spread(fact[3] for fact in converged),
            },
            "refused": _counted(self.words["refused"]),
        }

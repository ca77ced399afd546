"""Leaks: the same data or the same person twice in a corpus, so that a method is tested on what it has learnt from.

Found are a trial that is there twice, also shifted, cut or with a little noise, and a person under two codes: by the
same records, by the same source file, or by the same body. A gait that is alike is a warning, not a leak.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap_import.subject import Subject
from opensim_models.model.skeleton import Skeleton
from synth.corpus.finding import Finding
from synth.corpus.gait_signature import alike_gaits, gait_signature
from synth.corpus.reader import Corpus
from synth.corpus.record_anchor import AnchorIndex
from synth.corpus.same_person import may_be_one, same_person
from synth.corpus.schema import CorpusMismatch
from synth.corpus.subject_split import SubjectSplit
from synth.corpus.trial import CorpusTrial

SAME = 1e-3
"""Median difference of two records, relative to how much they vary, below which they are the same data. Noise of a
real sensor and two strides of one person are well above it."""
LEAST_OVERLAP = 32
"""Frames that two trials must share."""
_N_SHIFTS = 4

Key = tuple[str, str]


@dataclass(frozen=True)
class Leak:
    """The same data or the same person twice.

    Attributes
    ----------
    one, other : str
        Codes of the subjects; the same where a trial is there twice under one code.
    where : str
        The trial or the code that repeats what `one` has.
    what : str
        The sentence.
    """

    one: str
    other: str
    where: str
    what: str


class LeakSearch:
    """Looks at trial after trial and says at the end what is there twice.

    Parameters
    ----------
    corpus : Corpus
        Its records are read again where two trials may share some.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self._keys: list[Key] = []
        self._sensors: list[tuple[str, ...]] = []
        self._lengths: list[int] = []
        self._prints: dict[bytes, int] = {}
        self._exact: dict[int, int] = {}
        self._files: dict[str, Key] = {}
        self._anchors = AnchorIndex()
        self._people: dict[str, tuple[Subject, Skeleton | None]] = {}
        self._shared_files: list[tuple[Key, Key]] = []
        self._gaits: dict[str, dict[str, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))

    def add(self, trial: CorpusTrial) -> None:
        """Look at one trial, with clean records."""
        code = trial.subject.code
        key, number = (code, trial.name), len(self._keys)
        self._keys.append(key)
        self._sensors.append(tuple(record.placement.sensor for record in trial.recordings))
        self._lengths.append(trial.n_frames if trial.recordings else 0)
        if self._people.get(code, (None, None))[1] is None:
            self._people[code] = (trial.subject, trial.skeleton)
        if trial.source_hash:
            first = self._files.setdefault(trial.source_hash, key)
            if first[0] != code:
                self._shared_files.append((first, key))
        signature = gait_signature(trial)
        if signature is not None:
            self._gaits[code][trial.task].append(signature)
        if not trial.recordings or not trial.n_frames:
            return
        twin = self._prints.setdefault(_fingerprint(trial), number)
        if twin != number:
            self._exact[number] = twin
        else:
            self._anchors.add(number, trial)

    def leaks(self) -> list[Leak]:
        """What is there twice, of all trials that were looked at."""
        found, pairs = [], set()
        for number, twin in self._exact.items():
            found.append(self._same(twin, number, f"holds the same records as {_name(self._keys[twin])}"))
            pairs.add(frozenset((self._keys[twin][0], self._keys[number][0])))
        for (a, b), shifts in sorted(self._anchors.meetings().items()):
            likely = sorted(shifts, key=lambda shift: (-shifts[shift], shift))[:_N_SHIFTS]
            shared = next((shift for shift in likely if self._overlap(a, b, shift)), None)
            if shared is not None:
                start, stop = max(shared, 0), min(self._lengths[a], self._lengths[b] + shared)
                what = f"its frames {start - shared} to {stop - shared - 1} are frames {start} to {stop - 1} of "
                found.append(self._same(a, b, what + _name(self._keys[a])))
                pairs.add(frozenset((self._keys[a][0], self._keys[b][0])))
        for first, second in self._shared_files:
            if frozenset((first[0], second[0])) not in pairs:
                pairs.add(frozenset((first[0], second[0])))
                what = f"comes from the same file (SHA-256) as {_name(first)}: one person under two codes"
                found.append(Leak(first[0], second[0], _name(second), what))
        for (one, other), why in same_person(self._people).items():
            if frozenset((one, other)) not in pairs:
                found.append(Leak(one, other, other, f"is {one} under another code: {why}"))
        return found

    def findings(self) -> list[Finding]:
        """One error a leak, one warning a likeness, with the split that they cross."""
        leaks = self.leaks()
        told = {frozenset((leak.one, leak.other)) for leak in leaks}
        likenesses = [like for like in self.likenesses() if frozenset((like.one, like.other)) not in told]
        return [
            Finding(level, leak.where, leak.what + self._crossed(leak.one, leak.other))
            for level, found in (("error", leaks), ("warning", likenesses))
            for leak in found
        ]

    def likenesses(self) -> list[Leak]:
        """Codes that may be two visits of one person: their gait is alike, and no fact of theirs speaks against it."""
        return [
            Leak(
                one,
                other,
                other,
                f"moves as {one} does: their mean cycles of hip, knee and ankle differ by {np.rad2deg(apart):.1f}° "
                "(RMS). Two visits of one person, or two people alike",
            )
            for (one, other), apart in alike_gaits(self._gaits).items()
            if may_be_one(self._people[one][0], self._people[other][0])
        ]

    def _same(self, a: int, b: int, what: str) -> Leak:
        (one, _), (other, _) = self._keys[a], self._keys[b]
        kind = "a leak between subjects" if one != other else "the trial is there twice"
        return Leak(one, other, _name(self._keys[b]), f"{what}: {kind}")

    def _crossed(self, one: str, other: str) -> str:
        """Name a split that learns from one code and is tested on the other."""
        for split in self.corpus.splits:
            if sides := sides_apart(split, one, other):
                return f" (split {split.name!r} has one in {sides[0]}, the other in {sides[1]})"
        return ""

    def _overlap(self, a: int, b: int, shift: int) -> bool:
        """Whether frame k of one trial is frame k - shift of the other, wherever both have one."""
        common = [sensor for sensor in self._sensors[a] if sensor in self._sensors[b]]
        start, stop = max(shift, 0), min(self._lengths[a], self._lengths[b] + shift)
        if stop - start < LEAST_OVERLAP or not common:
            return False
        first = self._records(a, common)[start:stop]
        second = self._records(b, common)[start - shift : stop - shift]
        apart = np.abs(first - second)
        varies = np.nanstd(first, axis=0)
        moving = varies > 0
        if not moving.any():
            return False
        return bool(np.nanmedian(apart[:, moving] / varies[moving]) < SAME)

    def _records(self, number: int, sensors: Sequence[str]) -> np.ndarray:
        columns = [self._sensors[number].index(sensor) for sensor in sensors]
        return self.corpus.map_imu(*self._keys[number])[:, columns].astype(float)


def sides_apart(split: SubjectSplit, one: str, other: str) -> tuple[str, str] | None:
    """The sides of a split on which two codes stand, if these differ."""
    sides = {code: side for side in ("train", "validation", "test") for code in getattr(split, side)}
    apart = one in sides and other in sides and sides[one] != sides[other]
    return (sides[one], sides[other]) if apart else None


def find_leaks(path: Path | str) -> list[Finding]:
    """Search a corpus for data and persons that are there twice; trials that cannot be read are passed over.

    Returns
    -------
    list of Finding
        Errors; warnings for people who may be one. Empty if there is neither.
    """
    return _searched(Corpus(path)).findings()


def refuse_leaking_splits(path: Path | str, splits: Sequence[SubjectSplit]) -> None:
    """Refuse splits that have one person, or the same data, on two sides.

    Parameters
    ----------
    path : Path
    splits : sequence of SubjectSplit

    Raises
    ------
    CorpusMismatch
        With the sentence of the first leak that a split has on two sides. The whole corpus is read for it.
    """
    for leak in _searched(Corpus(path)).leaks():
        for split in splits:
            if sides := sides_apart(split, leak.one, leak.other):
                raise CorpusMismatch(
                    f"{path}: split {split.name!r} shares a person or data: {leak.where} {leak.what} "
                    f"({leak.one} is in {sides[0]}, {leak.other} in {sides[1]}). Give one person one code, or split "
                    "the corpus anew (`kinesynth corpus split`); `kinesynth corpus check` lists all leaks."
                )


def _searched(corpus: Corpus) -> LeakSearch:
    """A search that has seen every trial that can be read."""
    search = LeakSearch(corpus)
    for key in corpus.trials():
        try:
            search.add(corpus.read(*key, clean=True))
        except CorpusMismatch:
            continue
    return search


def _fingerprint(trial: CorpusTrial) -> bytes:
    """Hash of the records of a trial."""
    digest = hashlib.sha256()
    for recording in trial.recordings:
        digest.update(recording.specific_force.tobytes())
        digest.update(recording.angular_velocity.tobytes())
    return digest.digest()


def _name(key: Key) -> str:
    return "/".join(key)

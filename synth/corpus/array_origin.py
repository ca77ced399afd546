"""The origin of an array: from which files, by which method and versions, and with which warnings it was made.

Arrays of a trial are named as people name them: ``imu/<sensor>``, ``kinematics``, ``kinetics/generalized_forces``,
``kinetics/activations``, ``kinetics/ground_reactions``, ``events``, ``emg``, ``spatiotemporal``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synth.corpus.trial import CorpusTrial

KINEMATICS, EVENTS, EMG, SPATIOTEMPORAL = "kinematics", "events", "emg", "spatiotemporal"
FORCES, ACTIVATIONS = "kinetics/generalized_forces", "kinetics/activations"
GROUND_REACTIONS = "kinetics/ground_reactions"
SOLVED = (KINEMATICS, FORCES, ACTIVATIONS, GROUND_REACTIONS, EVENTS, SPATIOTEMPORAL)
"""What a solution of optimal control gives a trial."""
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class SourceFile:
    """A file that something was made from.

    Attributes
    ----------
    name : str
        Of the file, with its subject's folder where there is one; never a path of somebody's machine.
    sha256 : str
        Of its bytes, as hexadecimal digits; ``""`` where the file is known by its name alone.
    """

    name: str
    sha256: str = ""


@dataclass(frozen=True)
class ArrayOrigin:
    """How some arrays of a trial were made; several share one origin where nothing differs.

    Attributes
    ----------
    arrays : tuple of str
        Names as in the head of this module.
    method : str
        In the words of the field, e.g. ``"central_difference of the marker cluster"``.
    parameters : mapping of str to plain data
        What was chosen: the same for every trial that is made alike.
    found : mapping of str to plain data
        What the method found in this trial: cut-off frequencies (Hz), residuals.
    sources : tuple of SourceFile
    software : mapping of str to str
        Package → version; empty where nobody wrote them down.
    warnings : tuple of str
        What is to be known before the arrays are trusted.
    """

    arrays: tuple[str, ...]
    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    found: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[SourceFile, ...] = ()
    software: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def faults(self) -> list[str]:
        """What is no origin about it, one sentence each."""
        wrong = [f"source {s.name!r} has the SHA-256 {s.sha256!r}" for s in self.sources if not _is_hash(s.sha256)]
        wrong += [] if self.arrays else ["it names no array"]
        return wrong + ([] if self.method else ["it names no method"])


def _is_hash(text: str) -> bool:
    return text == "" or _HASH.fullmatch(text) is not None


def sensor_array(sensor: str) -> str:
    """Name of the records of a sensor among the arrays of a trial."""
    return f"imu/{sensor}"


def arrays_of(trial: CorpusTrial, sensors: Iterable[str] | None = None) -> tuple[str, ...]:
    """Names of the arrays that a trial holds.

    Parameters
    ----------
    trial : CorpusTrial
    sensors : iterable of str, optional
        Of a trial whose records are still to be made; those of its records by default.
    """
    if sensors is None:
        sensors = (recording.placement.sensor for recording in trial.recordings)
    held = [sensor_array(sensor) for sensor in sensors]
    forces = trial.kinetics
    present = (
        (KINEMATICS, trial.kinematics is not None),
        (FORCES, forces is not None and forces.generalized_forces.size > 0),
        (ACTIVATIONS, forces is not None and bool(forces.muscles)),
        (GROUND_REACTIONS, forces is not None and bool(forces.ground_reactions)),
        (EVENTS, bool(trial.events)),
        (EMG, trial.activity is not None),
        (SPATIOTEMPORAL, bool(trial.spatiotemporal)),
    )
    return (*held, *(name for name, is_held in present if is_held))


def origins_of(origins: Iterable[ArrayOrigin], arrays: Collection[str]) -> tuple[ArrayOrigin, ...]:
    """The origins of some arrays alone; those of no such array are left out."""
    kept = ((each, tuple(name for name in each.arrays if name in arrays)) for each in origins)
    return tuple(each if own == each.arrays else replace(each, arrays=own) for each, own in kept if own)


def with_origins(trial: CorpusTrial, *origins: ArrayOrigin) -> CorpusTrial:
    """A trial some of whose arrays were made anew: what was said of them before goes, the rest stays."""
    anew = {name for origin in origins for name in origin.arrays}
    before = {name for origin in trial.origins for name in origin.arrays} - anew
    return replace(trial, origins=(*origins_of(trial.origins, before), *origins))


def origin_faults(trial: CorpusTrial) -> tuple[list[str], list[str]]:
    """What is wrong with the origins of a trial, and which arrays are without one although others have one."""
    named = [name for origin in trial.origins for name in origin.arrays]
    held = arrays_of(trial)
    wrong = [f"origin of {', '.join(o.arrays) or 'nothing'}: {fault}" for o in trial.origins for fault in o.faults()]
    wrong += [f"origin of {name}, which the trial does not hold" for name in dict.fromkeys(named) if name not in held]
    wrong += [f"two origins of {name}" for name in dict.fromkeys(named) if named.count(name) > 1]
    return wrong, [name for name in held if trial.origins and name not in named]

"""Analog channel: what a channel beside the force plates measures, read from its name and its unit.

Laboratories name channels freely, so the evidence is ranked: a unit that only one kind of sensor has (g, deg/s, N), a
word in the name (EMG, ACC, SYNC), then a muscle's name on a channel in volts. Without evidence the kind is "other":
a wrong envelope of a trigger is worse than none of an EMG.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from mocap_import.c3d.raw_c3d import RawC3d
from mocap_import.trial import MarkerTrial

KINDS = ("emg", "force", "accelerometer", "gyroscope", "goniometer", "trigger", "other")

_UNIT_KINDS = {
    **dict.fromkeys(("g", "m/s2", "m/s^2", "m/s²", "mm/s2", "mm/s^2", "mm/s²", "m/s/s", "mg"), "accelerometer"),
    **dict.fromkeys(("deg/s", "°/s", "dps", "rad/s", "degree/s", "degrees/s"), "gyroscope"),
    **dict.fromkeys(("n", "kn", "nm", "nmm", "n.m", "n*m", "n m", "n·m", "n.mm", "lbf", "kgf"), "force"),
    **dict.fromkeys(("deg", "°", "degree", "degrees", "rad"), "goniometer"),
}
_VOLTS = frozenset({"v", "mv", "uv", "µv", "μv", "nv", "volt", "volts", "millivolts", "microvolts"})
_NAME_KINDS = (
    ("emg", re.compile(r"(^|[^a-z])s?emg(\d|[^a-z]|$)", re.IGNORECASE)),
    ("accelerometer", re.compile(r"(^|[^a-z])acc?(el(erometer|eration)?)?([^a-z]*[xyz])?\d*$", re.IGNORECASE)),
    ("gyroscope", re.compile(r"(^|[^a-z])gyro?(scope)?([^a-z]*[xyz])?\d*$", re.IGNORECASE)),
    ("goniometer", re.compile(r"(^|[^a-z])(gonio|torsio|inclino)", re.IGNORECASE)),
    ("trigger", re.compile(r"trigg?er|(^|[^a-z])(trig|sync|ttl|fsw|foot ?switch|start|stop|clock)", re.IGNORECASE)),
    ("force", re.compile(r"^(force|moment)?[._ ]?[fm][xyz]\d*([._ ]?\d+)?$|load ?cell|dynamo", re.IGNORECASE)),
    # Inertial suits: one channel an axis, <segment>_ax, _gx (calibrated) and _Ax, _Gx (raw).
    ("accelerometer", re.compile(r"^[A-Za-z]{2,}\d*_[aA][xyz]$")),
    ("gyroscope", re.compile(r"^[A-Za-z]{2,}\d*_[gG][xyz]$")),
)
# Muscle → what laboratories write, lower case without spaces and dots. Two-letter codes count only in volts.
_MUSCLES = {
    "biceps_femoris": ("bicepsfemoris", "bicfem", "bic", "bf", "lathams", "latham"),
    "gastrocnemius": ("gastrocnemius", "gastroc", "gastrocs", "gast", "gas", "ga"),
    "gastrocnemius_lateralis": ("gastrocnemiuslateralis", "latgast", "latgastroc", "gastlat", "gl", "lg"),
    "gastrocnemius_medialis": ("gastrocnemiusmedialis", "medgast", "medgastroc", "gastmed", "gm", "mg"),
    "gluteus_maximus": ("gluteusmaximus", "glutmax", "gmax"),
    "gluteus_medius": ("gluteusmedius", "glutmed", "gmed"),
    "hamstrings": ("hamstrings", "hams", "ham", "ha"),
    "medial_hamstrings": ("medialhamstrings", "medhams", "medham"),
    "peroneus_longus": ("peroneuslongus", "peroneus", "perlong", "per", "pl", "pe"),
    "quadriceps": ("quadriceps", "quads", "quad"),
    "rectus_femoris": ("rectusfemoris", "rectus", "rectfem", "rect", "rec", "rf", "re"),
    "semitendinosus": ("semitendinosus", "semiten", "semit", "st"),
    "soleus": ("soleus", "sol", "so"),
    "tibialis_anterior": ("tibialisanterior", "tibant", "anttib", "tibanterior", "tib", "ta", "ti"),
    "tibialis_posterior": ("tibialisposterior", "tibpost", "posttib", "tp"),
    "vastus": ("vastus", "vas"),
    "vastus_lateralis": ("vastuslateralis", "vastlat", "vaslat", "vlat", "vl"),
    "vastus_medialis": ("vastusmedialis", "vastmed", "vasmed", "vmed", "vmo", "vm"),
    "erector_spinae": ("erectorspinae", "erecspin", "es"),
    "adductor_longus": ("adductorlongus", "addlong", "adductor", "al"),
}
_MUSCLE_OF = {word: muscle for muscle, words in _MUSCLES.items() for word in words}
_PREFIX = re.compile(r"^((voltage|emg|raw|analog|ch(annel)?\s*\d+)\s*[.:_\- ]\s*)+", re.IGNORECASE)
_PAIRED_CODE = re.compile(r"^[LR][A-Z]{2,4}$")
_AXIS = re.compile(r"[._ ]*(acc|gyro|mag)[._ ]*[xyz]$", re.IGNORECASE)


@dataclass(frozen=True)
class AnalogChannel:
    """One analog channel that belongs to no force plate.

    Attributes
    ----------
    label : str
        As in the trial.
    unit : str
        As the file writes it, ``""`` if it does not say.
    kind : str
        One of `KINDS`.
    muscle : str
        e.g. ``"rectus_femoris"``; ``""`` if the name tells none.
    side : str
        ``"right"``, ``"left"`` or ``""``.
    """

    label: str
    unit: str
    kind: str
    muscle: str = ""
    side: str = ""


def classify_channel(label: str, unit: str = "") -> AnalogChannel:
    """Kind, muscle and side of one channel, from its own name and unit alone.

    Parameters
    ----------
    label, unit : str

    Returns
    -------
    AnalogChannel
    """
    measure = unit.strip().lower()
    muscle, side = muscle_of(label, is_voltage=measure in _VOLTS)
    kind = _UNIT_KINDS.get(measure, "")
    if not kind:
        kind = next((name for name, pattern in _NAME_KINDS if pattern.search(label.strip())), "")
    if not kind and muscle and (not measure or measure in _VOLTS):
        kind = "emg"
    is_emg = kind == "emg"
    return AnalogChannel(label, unit, kind or "other", muscle if is_emg else "", side if is_emg else "")


def analog_channels(trial: MarkerTrial) -> tuple[AnalogChannel, ...]:
    """All analog channels of a trial, in its order.

    A channel in volts whose name is continued by channels of an accelerometer (``"CH7 - TA"``, ``"CH7 - TA_ACC_X"``)
    is the electrode of a wireless EMG sensor, whatever else its name says. A code such as ``"LJUM"`` that has a right
    and a left channel is EMG where at least half of the codes of its form name muscles.
    """
    return classify_channels((label, trial.analog_units.get(label, "")) for label in trial.analog)


def classify_channels(named: Iterable[tuple[str, str]]) -> tuple[AnalogChannel, ...]:
    """Channels from (label, unit) pairs; see `analog_channels`."""
    channels = [classify_channel(label, unit) for label, unit in named]
    sensors = {_AXIS.sub("", c.label) for c in channels if c.kind in ("accelerometer", "gyroscope")}
    found = []
    for channel in channels:
        if channel.kind == "other" and channel.label in sensors and channel.unit.strip().lower() in _VOLTS:
            channel = replace(channel, kind="emg")
        found.append(channel)
    return tuple(_among_muscles(found))


def _among_muscles(channels: list[AnalogChannel]) -> list[AnalogChannel]:
    """Paired codes in volts whose fellows of the same form are muscles are EMG too, of a muscle that is not read."""
    forms: dict[int, list[AnalogChannel]] = {}
    for channel in channels:
        if _PAIRED_CODE.match(channel.label) and channel.unit.strip().lower() in _VOLTS:
            forms.setdefault(len(channel.label), []).append(channel)
    promoted = set()
    for form in forms.values():
        codes = {channel.label for channel in form}
        paired = [c for c in form if ("L" if c.label[0] == "R" else "R") + c.label[1:] in codes]
        if 2 * sum(c.kind == "emg" for c in paired) >= len(paired):
            promoted |= {c.label for c in paired if c.kind == "other"}
    side = {"R": "right", "L": "left"}
    return [replace(c, kind="emg", side=side[c.label[0]]) if c.label in promoted else c for c in channels]


def muscle_of(label: str, *, is_voltage: bool = True) -> tuple[str, str]:
    """Muscle and side that a label names, ``""`` where it names none.

    Parameters
    ----------
    label : str
        e.g. ``"Voltage.L Tib Ant"``, ``"RTGA"``, ``"R.Med.Hams"``, ``"CH7 - TA"``.
    is_voltage : bool
        Codes of one or two letters count only on a channel in volts.
    """
    words = _PREFIX.sub("", label.strip()).lower()
    plain = re.sub(r"[^a-z0-9]", "", words)
    shortest = 2 if is_voltage else 3
    for side, sign in (("right", "r"), ("left", "l")):
        for start in (side, f"{sign}t", sign):
            if plain.startswith(start):
                muscle = _MUSCLE_OF.get(plain[len(start) :], "")
                if muscle and len(plain) - len(start) >= shortest:
                    return muscle, side
            if plain.endswith(start) and re.search(rf"[^a-z0-9]{start}$", words):
                muscle = _MUSCLE_OF.get(plain[: -len(start)], "")
                if muscle and len(plain) - len(start) >= shortest:
                    return muscle, side
    return (_MUSCLE_OF.get(plain, ""), "") if len(plain) >= shortest else ("", "")


def other_channels(raw: RawC3d) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Analog channels that belong to no plate.

    Returns
    -------
    values : dict
        Label → array (n_samples,), in the unit of the file; repeated labels are numbered, empty ones named by column.
    units : dict
        Label → unit, where the file states one.
    """
    used = {channel for plate in raw.plates for channel in plate.channels}
    values: dict[str, np.ndarray] = {}
    units: dict[str, str] = {}
    for k in range(raw.analog.shape[1]):
        if k in used:
            continue
        written = raw.analog_labels[k].strip() or f"channel {k + 1}"
        label, count = written, 1
        while label in values:
            count += 1
            label = f"{written}_{count}"
        values[label] = raw.analog[:, k]
        if raw.analog_units[k].strip():
            units[label] = raw.analog_units[k].strip()
    return values, units

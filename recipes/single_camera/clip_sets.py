"""Sets of clips: who teaches, validates, calibrates and is scored, and the file that holds the clips of all."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mocap_import.durable_file import durable_place
from recipes.equal_lesson import unequal_lessons
from recipes.single_camera.population_check import refuse_too_few
from synth.camera.keypoint_input import ClipArrays, joined

if TYPE_CHECKING:
    from training.keypoint.keypoint_lesson import KeypointEstimate

CLIPS = "clips.npz"
SHARES = {"teach": 0.6, "validate": 0.12, "calibrate": 0.14, "score": 0.14}
SPATIAL = {role: f"spatial_{role}" for role in SHARES}
"""Role → set of the clips of people in 3-D."""
BESIDE = {role: f"beside_{role}" for role in SHARES}
"""Role → set of the clips of people of the setting `beside`."""
OBLIQUE = "overground_oblique"
SETS = (
    *SHARES,
    "other",
    "far",
    "predicted",
    "brief",
    "overground",
    "treadmill",
    *SPATIAL.values(),
    *BESIDE.values(),
    OBLIQUE,
)
"""``"brief"``: those who are scored, in clips of `BRIEF` seconds."""
COMPANIES = {"spatial": SPATIAL, "beside": BESIDE}
"""Setting → the sets of its people, who teach beside the others."""
TEACHING = tuple(own[role] for own in ({r: r for r in SHARES}, *COMPANIES.values()) for role in ("teach", "validate"))
CALIBRATING = ("calibrate", BESIDE["calibrate"])
"""Sets of those who calibrate: all planar people that networks are for."""
VALIDATING = ("validate", BESIDE["validate"])
"""The same of those who validate."""


def parted(people: list[str], seed: int) -> dict[str, str]:
    """Role of each person, drawn by `SHARES`; each role has at least one.

    Each draws a number of their own: who else there is moves nobody but those at the borders of roles.

    Raises
    ------
    CorpusMismatch
        They are too few for that.
    """
    refuse_too_few("people to be filmed", len(people))
    order = sorted(people, key=lambda p: np.random.default_rng([seed, 12, zlib.crc32(p.encode())]).random())
    ends = np.round(np.cumsum(list(SHARES.values())) * len(order)).astype(int)
    return {str(p): list(SHARES)[int(np.searchsorted(ends, i, side="right"))] for i, p in enumerate(order)}


def save_clips(path: Path, sets: dict[str, ClipArrays]) -> None:
    """Write sets of clips to one file."""
    flat = {f"{name}/{f}": getattr(own, f) for name, own in sets.items() for f in ClipArrays.__dataclass_fields__}
    with durable_place(path) as place, place.open("wb") as stream:
        np.savez_compressed(stream, **flat)


def load_clips(path: Path) -> dict[str, ClipArrays]:
    """Read what `save_clips` wrote."""
    with np.load(path) as kept:
        fields = ClipArrays.__dataclass_fields__
        names = [name for name in SETS if f"{name}/inputs" in kept]
        return {name: ClipArrays(**{f: kept[f"{name}/{f}"] for f in fields}) for name in names}


def teachers(sets: Mapping[str, ClipArrays], without: str = "") -> tuple[ClipArrays, ClipArrays]:
    """Clips that teach and that validate; `without` the people of one of `COMPANIES`."""

    def clips(role: str) -> ClipArrays:
        companies = [sets[own[role]] for name, own in COMPANIES.items() if name != without]
        return joined([sets[role], *(c for c in companies if len(c))])

    return clips("teach"), clips("validate")


def lessons_with(sets: Mapping[str, ClipArrays], company: str) -> str:
    """For rows of networks that one of `COMPANIES` taught, too, against those without: as many passes, of more clips.

    See `recipes.equal_lesson.unequal_lessons`; each member has a share of the clips, the same in both.
    """

    def clips(without: str = "") -> int:
        own = ["teach", *(sets_of["teach"] for name, sets_of in COMPANIES.items() if name != without)]
        return sum(len(sets[name]) for name in own if name in sets)

    return unequal_lessons(clips(), clips(company), "clips a pass")


def planar_teachers(sets: Mapping[str, ClipArrays]) -> ClipArrays:
    """Clips that teach of those whose impairment is known: nobody in 3-D."""
    return teachers(sets, "spatial")[0]


def calibrating_people(
    sets: Mapping[str, ClipArrays], estimates: Mapping[str, KeypointEstimate]
) -> tuple[ClipArrays, KeypointEstimate]:
    """Clips of all who calibrate, and what is said of them."""
    from training.keypoint.keypoint_lesson import joined_estimates

    own = [name for name in CALIBRATING if name in estimates]
    return joined([sets[name] for name in own]), joined_estimates([estimates[name] for name in own])

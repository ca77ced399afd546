"""Stage of the recipe of one camera: an ensemble is taught, and says what it sees in every clip that is scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mocap_import.durable_file import durable_place
from recipes.run import Run
from recipes.single_camera.clip_sets import (
    CLIPS,
    COMPANIES,
    SETS,
    TEACHING,
    VALIDATING,
    calibrating_people,
    load_clips,
    teachers,
)
from synth.camera.keypoint_input import ClipArrays, joined
from synth.impairment import KINDS

if TYPE_CHECKING:
    from training.keypoint.keypoint_lesson import KeypointEnsemble, KeypointEstimate

ESTIMATES = "estimates.npz"
NETWORKS = "networks.pt"
WITHOUT = {name: f"without {name}/" for name in COMPANIES}
"""Setting → what stands before the names of sets in the estimates of networks that were taught without its people."""
MEMBERS, ALL = "members", "all"
"""Folder with one of each lesson, a file a member: a killed run, or one with other recordings, goes on with them."""


def teach_networks(run: Run) -> str:
    """Teach on the people who teach, stop by those who validate, estimate for all others."""
    from training.keypoint.keypoint_file import kept_in, lesson_hash, save_keypoint_ensemble
    from training.keypoint.keypoint_lesson import KeypointEstimate, LessonSettings, teach

    sets, settings = load_clips(run.folder / CLIPS), run.settings
    lesson = LessonSettings(members=settings.members, epochs=settings.epochs, width=settings.width)
    flat, epochs = {}, {}
    compared = [name for name, own in COMPANIES.items() if len(sets[own["teach"]])]
    for without in ("", *(name for name in compared if getattr(settings, f"without_{name}"))):
        prefix = WITHOUT.get(without, "")
        given = *teachers(sets, without), len(KINDS), lesson, settings.seed
        ensemble = teach(*given, kept=kept_in(run.folder / MEMBERS / (without or ALL), lesson_hash(*given)))
        epochs[without] = list(ensemble.epochs)
        said = {n: ensemble.estimate(sets[n].inputs) for n in SETS if n not in TEACHING and len(sets[n])}
        if not without:
            save_keypoint_ensemble(run.folder / NETWORKS, _finished(ensemble, sets, said))
        for name, estimate in said.items():
            flat |= {f"{prefix}{name}/{f}": getattr(estimate, f) for f in KeypointEstimate.__dataclass_fields__}
    with durable_place(run.folder / ESTIMATES) as place, place.open("wb") as stream:
        np.savez_compressed(stream, **flat)
    taught = f"{len(teachers(sets)[0])} clips taught {settings.members} networks; best epochs {epochs.pop('')}"
    return ", ".join([taught, *(f"without {name} {own}" for name, own in epochs.items())])


def _finished(
    ensemble: KeypointEnsemble, sets: Mapping[str, ClipArrays], said: Mapping[str, KeypointEstimate]
) -> KeypointEnsemble:
    """The ensemble with what needs people who taught it nothing: calibration, and the reading of progression."""
    from training.keypoint.keypoint_calibration import calibrate
    from training.keypoint.progression import teach_progression

    own = calibrate(*calibrating_people(sets, said))
    held = joined([sets[name] for name in VALIDATING])
    return replace(ensemble, calibration=own, progression=teach_progression(held, ensemble.estimate(held.inputs)))


def load_estimates(run: Run, without: str = "") -> dict[str, KeypointEstimate]:
    """Estimates of each set that has clips; `without` a setting's people by networks that never saw them, if any."""
    from training.keypoint.keypoint_lesson import KeypointEstimate

    fields, prefix = KeypointEstimate.__dataclass_fields__, WITHOUT.get(without, "")
    with np.load(run.folder / ESTIMATES) as kept:
        names = [n for n in SETS if f"{prefix}{n}/scalars" in kept]
        return {n: KeypointEstimate(**{f: kept[f"{prefix}{n}/{f}"] for f in fields}) for n in names}

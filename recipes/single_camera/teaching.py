"""Stage of the recipe of one camera: an ensemble is taught, and says what it sees in every clip that is scored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mocap_import.durable_file import durable_place
from recipes.run import Run
from recipes.single_camera.filming import CLIPS, SETS, SPATIAL, TEACHING, load_clips, teachers
from synth.impairment import KINDS

if TYPE_CHECKING:
    from training.keypoint.keypoint_lesson import KeypointEstimate

ESTIMATES = "estimates.npz"
NETWORKS = "networks.pt"
WITHOUT = "without people in 3-D/"
"""Before the names of sets in the estimates of networks that saw nobody in 3-D."""
CALIBRATES = "calibrate"
MEMBERS = "members"
"""Folder with a file a member: a killed run, or one with other recordings, goes on with them."""


def teach_networks(run: Run) -> str:
    """Teach on the people who teach, stop by those who validate, estimate for all others."""
    from training.keypoint.keypoint_calibration import calibrate
    from training.keypoint.keypoint_file import kept_in, lesson_hash, save_keypoint_ensemble
    from training.keypoint.keypoint_lesson import KeypointEstimate, LessonSettings, teach

    sets, settings = load_clips(run.folder / CLIPS), run.settings
    lesson = LessonSettings(members=settings.members, epochs=settings.epochs, width=settings.width)
    compared = settings.without_spatial and len(sets[SPATIAL["teach"]])
    flat, epochs = {}, {}
    for prefix in ("", WITHOUT) if compared else ("",):
        given = *teachers(sets, spatial=not prefix), len(KINDS), lesson, settings.seed
        ensemble = teach(*given, kept=kept_in(run.folder / MEMBERS, lesson_hash(*given)))
        epochs[prefix] = list(ensemble.epochs)
        said = {n: ensemble.estimate(sets[n].inputs) for n in SETS if n not in TEACHING and len(sets[n])}
        if not prefix:
            own = calibrate(sets[CALIBRATES], said[CALIBRATES])
            save_keypoint_ensemble(run.folder / NETWORKS, replace(ensemble, calibration=own))
        for name, estimate in said.items():
            flat |= {f"{prefix}{name}/{f}": getattr(estimate, f) for f in KeypointEstimate.__dataclass_fields__}
    with durable_place(run.folder / ESTIMATES) as place, place.open("wb") as stream:
        np.savez_compressed(stream, **flat)
    taught = f"{len(teachers(sets)[0])} clips taught {settings.members} networks; best epochs {epochs['']}"
    return taught + (f", without people in 3-D {epochs[WITHOUT]}" if compared else "")


def load_estimates(run: Run, prefix: str = "") -> dict[str, KeypointEstimate]:
    """Estimates of each set that has clips; with `WITHOUT` by networks that saw nobody in 3-D, if any."""
    from training.keypoint.keypoint_lesson import KeypointEstimate

    fields = KeypointEstimate.__dataclass_fields__
    with np.load(run.folder / ESTIMATES) as kept:
        names = [n for n in SETS if f"{prefix}{n}/scalars" in kept]
        return {n: KeypointEstimate(**{f: kept[f"{prefix}{n}/{f}"] for f in fields}) for n in names}

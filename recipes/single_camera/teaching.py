"""Stage of the recipe of one camera: an ensemble is taught, and says what it sees in every clip that is scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mocap_import.durable_file import durable_place
from recipes.run import Run
from recipes.single_camera.filming import CLIPS, COMPANIES, SETS, TEACHING, load_clips, teachers
from synth.impairment import KINDS

if TYPE_CHECKING:
    from training.keypoint.keypoint_lesson import KeypointEstimate

ESTIMATES = "estimates.npz"
NETWORKS = "networks.pt"
WITHOUT = {name: f"without {name}/" for name in COMPANIES}
"""Setting → what stands before the names of sets in the estimates of networks that were taught without its people."""
MEMBERS = "members"
"""Folder with a file a member: a killed run, or one with other recordings, goes on with them."""


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
        ensemble = teach(*given, kept=kept_in(run.folder / MEMBERS, lesson_hash(*given)))
        epochs[without] = list(ensemble.epochs)
        if not without:
            save_keypoint_ensemble(run.folder / NETWORKS, ensemble)
        for name in SETS:
            if name not in TEACHING and len(sets[name]):
                said = ensemble.estimate(sets[name].inputs)
                flat |= {f"{prefix}{name}/{f}": getattr(said, f) for f in KeypointEstimate.__dataclass_fields__}
    with durable_place(run.folder / ESTIMATES) as place, place.open("wb") as stream:
        np.savez_compressed(stream, **flat)
    taught = f"{len(teachers(sets)[0])} clips taught {settings.members} networks; best epochs {epochs.pop('')}"
    return ", ".join([taught, *(f"without {name} {own}" for name, own in epochs.items())])


def load_estimates(run: Run, without: str = "") -> dict[str, KeypointEstimate]:
    """Estimates of each set that has clips; `without` a setting's people by networks that never saw them, if any."""
    from training.keypoint.keypoint_lesson import KeypointEstimate

    fields, prefix = KeypointEstimate.__dataclass_fields__, WITHOUT.get(without, "")
    with np.load(run.folder / ESTIMATES) as kept:
        names = [n for n in SETS if f"{prefix}{n}/scalars" in kept]
        return {n: KeypointEstimate(**{f: kept[f"{prefix}{n}/{f}"] for f in fields}) for n in names}

"""Stage of the recipe of one camera: an ensemble is taught, and says what it sees in every clip that is scored."""

from __future__ import annotations

import numpy as np

from mocap_import.durable_file import durable_place
from recipes.run import Run
from recipes.single_camera.filming import CLIPS, SETS, load_clips
from synth.impairment import KINDS

ESTIMATES = "estimates.npz"
NETWORKS = "networks.pt"
MEMBERS = "members"
"""Folder with a file a member: a killed run, or one with other recordings, goes on with them."""


def teach_networks(run: Run) -> str:
    """Teach on the people who teach, stop by those who validate, estimate for all others."""
    from training.keypoint.keypoint_file import kept_in, lesson_hash, save_keypoint_ensemble
    from training.keypoint.keypoint_lesson import KeypointEstimate, LessonSettings, teach

    sets, settings = load_clips(run.folder / CLIPS), run.settings
    lesson = LessonSettings(members=settings.members, epochs=settings.epochs, width=settings.width)
    given = sets["teach"], sets["validate"], len(KINDS), lesson, settings.seed
    ensemble = teach(*given, kept=kept_in(run.folder / MEMBERS, lesson_hash(*given)))
    save_keypoint_ensemble(run.folder / NETWORKS, ensemble)
    flat = {}
    for name in SETS[2:]:
        if len(sets[name]):
            said = ensemble.estimate(sets[name].inputs)
            flat |= {f"{name}/{f}": getattr(said, f) for f in KeypointEstimate.__dataclass_fields__}
    with durable_place(run.folder / ESTIMATES) as place, place.open("wb") as stream:
        np.savez_compressed(stream, **flat)
    return f"{len(sets['teach'])} clips taught {settings.members} networks; best epochs {list(ensemble.epochs)}"


def load_estimates(run: Run) -> dict:
    """Estimates of each set that has clips."""
    from training.keypoint.keypoint_lesson import KeypointEstimate

    fields = KeypointEstimate.__dataclass_fields__
    with np.load(run.folder / ESTIMATES) as kept:
        names = [n for n in SETS[2:] if f"{n}/scalars" in kept]
        return {n: KeypointEstimate(**{f: kept[f"{n}/{f}"] for f in fields}) for n in names}

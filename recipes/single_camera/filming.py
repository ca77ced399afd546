"""Stage of the recipe of one camera: every gait seen by cameras, as arrays; who teaches and who is scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap_import.durable_file import durable_place
from recipes.people import write_people
from recipes.recipe import PEOPLE
from recipes.run import Run
from recipes.single_camera.population import corpus_of
from recipes.single_camera.settings import RealCorpus
from synth.camera.detector import draw_errors
from synth.camera.filmed_gait import FilmedGait, filmed_gait
from synth.camera.keypoint_clip import draw_view, film
from synth.camera.keypoint_input import ClipArrays, clip_arrays, joined
from synth.camera.pinhole import LARGEST_OBLIQUE
from synth.corpus import Corpus

CLIPS = "clips.npz"
SHARES = {"teach": 0.6, "validate": 0.12, "calibrate": 0.14, "score": 0.14}
SETS = (*SHARES, "other", "predicted", "overground", "treadmill")
_SCORED_CLIPS, _REAL_CLIPS, _SPATIAL_OBLIQUE = 2, 8, 70.0
_TURNING = "turn"
_LEAST_KNOWN = 0.9


def film_everything(run: Run) -> str:
    """Film every corpus; write the clips of each set, and who has which role."""
    rng = np.random.default_rng([run.settings.seed, 11])
    gaits = _gaits(corpus_of(run, "people"))
    roles = parted(sorted({g.person for g in gaits}), run.settings.seed)
    sets: dict[str, list[ClipArrays]] = {role: [] for role in SETS}
    for gait in gaits:
        role = roles[gait.person]
        count = run.settings.clips if role in ("teach", "validate") else _SCORED_CLIPS
        sets[role].append(_clips(gait, count, run, rng))
    for corpus in run.settings.spatial:
        for gait in _gaits(Path(corpus)):
            own = replace(gait, person=f"spatial {gait.person}")
            sets["teach"].append(_clips(own, run.settings.clips, run, rng, _SPATIAL_OBLIQUE))
    other = corpus_of(run, "other")
    for gait in _gaits(other) if other else []:
        own = replace(gait, person=f"other {gait.person}")
        sets["other"].append(_clips(own, _SCORED_CLIPS, run, rng))
    for source in run.settings.real:
        for gait in recorded_gaits(source):
            sets["treadmill" if gait.treadmill else "overground"].append(_clips(gait, _REAL_CLIPS, run, rng))
    predicted = run.settings.predicted
    for gait in _gaits(Path(predicted)) if predicted else []:  # last: the clips of all others are as without it
        sets["predicted"].append(_clips(replace(gait, person=f"predicted {gait.person}"), _SCORED_CLIPS, run, rng))
    arrays = {name: joined(parts) for name, parts in sets.items()}
    save_clips(run.folder / CLIPS, arrays)
    _write_roles(run, arrays)
    return ", ".join(f"{len(own)} clips {name}" for name, own in arrays.items() if len(own))


def parted(people: list[str], seed: int) -> dict[str, str]:
    """Role of each person, drawn by `SHARES`; each role has at least one."""
    order = np.random.default_rng([seed, 12]).permutation(sorted(people))
    ends = np.round(np.cumsum(list(SHARES.values())) * len(order)).astype(int)
    return {str(p): list(SHARES)[int(np.searchsorted(ends, i, side="right"))] for i, p in enumerate(order)}


def recorded_gaits(source: RealCorpus) -> Iterator[FilmedGait]:
    """Gaits of a corpus of recordings, straight ones alone, under the code of its file and person."""
    path = Path(source.path)
    for gait in _gaits(path, source.stature):
        person = source.person or f"{path.stem} {gait.person}"
        belt = gait.treadmill if source.treadmill is None else source.treadmill
        yield replace(gait, person=person, trial=f"{path.stem} {gait.trial}", treadmill=belt)


def save_clips(path: Path, sets: dict[str, ClipArrays]) -> None:
    """Write sets of clips to one file."""
    flat = {f"{name}/{f}": getattr(own, f) for name, own in sets.items() for f in ClipArrays.__dataclass_fields__}
    with durable_place(path) as place, place.open("wb") as stream:
        np.savez_compressed(stream, **flat)


def load_clips(path: Path) -> dict[str, ClipArrays]:
    """Read what `save_clips` wrote."""
    with np.load(path) as kept:
        fields = ClipArrays.__dataclass_fields__
        return {name: ClipArrays(**{f: kept[f"{name}/{f}"] for f in fields}) for name in SETS}


def _gaits(path: Path, stature: float | None = None) -> list[FilmedGait]:
    """Gaits of a corpus; who turns is left out, as the camera stands beside a straight way."""
    corpus, gaits = Corpus(path), []
    for subject, name in corpus.trials():
        trial = corpus.read(subject, name, clean=True)
        gait = None if trial.task == _TURNING else filmed_gait(trial, stature)
        if gait is not None:
            gaits.append(gait)
    return gaits


def _clips(
    gait: FilmedGait, count: int, run: Run, rng: np.random.Generator, oblique: float = LARGEST_OBLIQUE
) -> ClipArrays:
    """Some clips of a gait, each by another camera and detector; of a recording from anywhere in it."""
    seconds, clips = run.settings.seconds, []
    for _ in range(count):
        start = 0.0 if gait.period else _seen_from(gait, seconds, rng)
        if start is None:
            run.say(f"{gait.trial}: its person is hardly ever seen for {seconds:g} s; left out")
            break
        clips.append(film(gait, draw_view(rng, oblique), draw_errors(rng), rng, seconds=seconds, start=start))
    return clip_arrays(clips)


def _seen_from(gait: FilmedGait, seconds: float, rng: np.random.Generator) -> float | None:
    """Start (s) of a stretch of a recording in which nearly everything is known; None if none is found."""
    for _ in range(50):
        start = float(rng.uniform(0.0, max(gait.duration - seconds, 0.0)))
        first, last = (int(t * gait.rate) for t in (start, start + seconds))
        if np.isfinite(gait.points[first : last + 1]).mean() > _LEAST_KNOWN:
            return start
    return None


def _write_roles(run: Run, arrays: dict[str, ClipArrays]) -> None:
    """Who does what: people of the population, and everybody who is only scored."""
    own = {role: sorted(set(arrays[role].person)) for role in SHARES}
    scored = {name: sorted(set(arrays[name].person)) for name in SETS[len(SHARES) :]}
    splits = {"people": own}
    splits |= {name: {"teach": own["teach"], "score": people} for name, people in scored.items() if people}
    write_people(run.folder / PEOPLE, splits)

"""Stage of the recipe of one camera: every gait seen by cameras, as arrays; who teaches and who is scored."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from recipes.one_role import population_seed
from recipes.people import write_people
from recipes.recipe import PEOPLE
from recipes.run import Run
from recipes.single_camera.clip_sets import (
    BESIDE,
    CLIPS,
    COMPANIES,
    OBLIQUE,
    SETS,
    SHARES,
    SPATIAL,
    TEACHING,
    parted,
    save_clips,
)
from recipes.single_camera.population import corpus_of
from recipes.single_camera.population_check import refuse_shared_loads
from recipes.single_camera.settings import RealCorpus
from synth.camera.detector import draw_errors
from synth.camera.filmed_gait import FilmedGait, filmed_gait
from synth.camera.keypoint_clip import draw_view, film
from synth.camera.keypoint_input import ClipArrays, clip_arrays, joined
from synth.camera.pinhole import BANDS
from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial

_SCORED_CLIPS, _REAL_CLIPS = 2, 8
BRIEF, _WHOLE_SHARE = 2.5, 0.5
"""s; share of the clips that teach that are as long as they may be."""
_TURNING = "turn"
_LEAST_KNOWN = 0.9


def film_everything(run: Run) -> str:
    """Film every corpus; write the clips of each set, and who has which role."""
    sets: dict[str, list[ClipArrays]] = {name: [] for name in SETS}
    spatial = [gait for corpus in run.settings.spatial for gait in spatial_gaits(Path(corpus))]
    spatial_roles = parted(sorted({g.person for g in spatial}), run.settings.seed) if spatial else {}
    _film_people(run, sets)
    _film_beside(run, sets)
    scored = {"other": corpus_of(run, "other"), "far": corpus_of(run, "far"), "predicted": run.settings.predicted}
    for name, corpus in scored.items():
        rng = _stream(run, name)
        for gait in _gaits(Path(corpus)) if corpus else []:
            sets[name].append(_clips(replace(gait, person=f"{name} {gait.person}"), _SCORED_CLIPS, run, rng))
    rng = _stream(run, "recorded")
    recorded = [gait for source in run.settings.real for gait in recorded_gaits(source, run.say)]
    for gait in recorded:
        sets["treadmill" if gait.treadmill else "overground"].append(_clips(gait, _REAL_CLIPS, run, rng))
    if run.settings.spatial:
        _film_oblique(run, sets, spatial, spatial_roles, [gait for gait in recorded if not gait.treadmill])
    arrays = {name: joined(parts) for name, parts in sets.items()}
    save_clips(run.folder / CLIPS, arrays)
    _write_roles(run, arrays)
    return ", ".join(f"{len(own)} clips {name}" for name, own in arrays.items() if len(own))


def _film_people(run: Run, sets: dict[str, list[ClipArrays]]) -> None:
    """The population by its roles; those who are scored also in brief clips."""
    rng, briefly = _stream(run, "people"), _stream(run, "brief")
    gaits = _gaits(corpus_of(run, "people"))
    roles = parted(sorted({g.person for g in gaits}), run.settings.seed)
    for gait in gaits:
        role = roles[gait.person]
        if role in TEACHING:
            sets[role].append(_clips(gait, run.settings.clips, run, rng, seconds=_lengths(run, rng)))
            continue
        sets[role].append(_clips(gait, _SCORED_CLIPS, run, rng))
        if role == "score" and run.settings.seconds > BRIEF:
            sets["brief"].append(_clips(gait, _SCORED_CLIPS, run, briefly, seconds=itertools.repeat(BRIEF)))


def _film_beside(run: Run, sets: dict[str, list[ClipArrays]]) -> None:
    """People of other corpora who teach, too, by their roles; their codes with the seed they are drawn from."""
    rng = _stream(run, "beside")
    seeds = {corpus: population_seed(Path(corpus)) for corpus in run.settings.beside}
    gaits = [replace(g, person=f"beside {seed} {g.person}") for path, seed in seeds.items() for g in _gaits(Path(path))]
    roles = parted(sorted({g.person for g in gaits}), run.settings.seed) if gaits else {}
    for gait in gaits:
        role = roles[gait.person]
        if role in TEACHING:
            clips = _clips(gait, run.settings.beside_clips, run, rng, seconds=_lengths(run, rng))
        else:
            clips = _clips(gait, _SCORED_CLIPS, run, rng)
        sets[BESIDE[role]].append(clips)


def _stream(run: Run, name: str) -> np.random.Generator:
    """Draws of a set's cameras and detectors: its own, so that no set changes another's clips."""
    return np.random.default_rng([run.settings.seed, 11, zlib.crc32(name.encode())])


def _film_oblique(
    run: Run,
    sets: dict[str, list[ClipArrays]],
    gaits: list[FilmedGait],
    roles: Mapping[str, str],
    overground: list[FilmedGait],
) -> None:
    """People in 3-D by their roles, and recorded ones overground, from all bands of views; with a stream of its own."""
    rng = np.random.default_rng([run.settings.seed, 13])
    for gait in gaits:
        role = roles[gait.person]
        if role in TEACHING:
            every, lengths = (0.0, BANDS[-1][1]), _lengths(run, rng)
            sets[SPATIAL[role]].append(_clips(gait, run.settings.spatial_clips, run, rng, every, lengths))
        else:
            sets[SPATIAL[role]] += [_clips(gait, _SCORED_CLIPS, run, rng, band) for band in BANDS]
    for gait in overground:
        sets[OBLIQUE] += [_clips(gait, _REAL_CLIPS, run, rng, band) for band in BANDS[1:]]


def spatial_gaits(path: Path) -> list[FilmedGait]:
    """Gaits of a corpus of people in 3-D, their codes with the seed they are drawn from.

    Raises
    ------
    CorpusMismatch
        They are planar.
    """
    seed = population_seed(path)
    gaits = [replace(g, person=f"spatial {path.stem if seed is None else seed} {g.person}") for g in _gaits(path)]
    if not gaits or gaits[0].is_planar:
        raise CorpusMismatch(
            f"setting spatial: {path} holds {'planar gaits' if gaits else 'no gait'}; expected people of a model in "
            "space. Make them with kinesynth gait population --model."
        )
    return gaits


def recorded_gaits(source: RealCorpus, say: Callable[[str], None] | None = None) -> Iterator[FilmedGait]:
    """Gaits of a corpus of recordings, straight ones alone, under the code of its file and person; says who is none.

    Raises
    ------
    CorpusMismatch
        As `refuse_shared_loads`.
    """
    refuse_shared_loads(source)
    path = Path(source.path)
    for gait in _gaits(path, source.stature, Path(source.loads) if source.loads else None, source.mass, say):
        person = source.person or f"{path.stem} {gait.person}"
        belt = gait.treadmill if source.treadmill is None else source.treadmill
        yield replace(gait, person=person, trial=f"{path.stem} {gait.trial}", treadmill=belt)


def _gaits(
    path: Path,
    stature: float | None = None,
    loads: Path | None = None,
    mass: float | None = None,
    say: Callable[[str], None] | None = None,
) -> list[FilmedGait]:
    """Gaits of a corpus; who turns is left out, as the camera stands beside a straight way."""
    corpus, gaits = Corpus(path), []
    for subject, name in corpus.trials():
        trial = corpus.read(subject, name, clean=True)
        gait = None if trial.task == _TURNING else filmed_gait(trial, stature, loads=loads, mass=mass)
        if gait is not None:
            gaits.append(gait)
        elif say is not None:
            say(f"{path.name}: {subject}, {name} left out: {_why_unfilmed(trial, stature)}")
    return gaits


def _why_unfilmed(trial: CorpusTrial, stature: float | None) -> str:
    """Why a trial of a corpus cannot be filmed."""
    if trial.task == _TURNING:
        return "it turns"
    if trial.status == "refused":
        return f"refused, {trial.reason}"
    if trial.kinematics is None or trial.skeleton is None:
        return "it has no coordinates or no model"
    return "nobody says how tall its person is" if stature is None else "its stature is no number"


def _lengths(run: Run, rng: np.random.Generator) -> Iterator[float]:
    """Lengths (s) of clips that teach, without end: half of them whole, the others as short as users' may be."""
    whole = run.settings.seconds
    while True:
        yield whole if rng.random() < _WHOLE_SHARE else float(rng.uniform(min(run.settings.shortest, whole), whole))


def _clips(
    gait: FilmedGait,
    count: int,
    run: Run,
    rng: np.random.Generator,
    band: tuple[float, float] = BANDS[0],
    seconds: Iterator[float] | None = None,
) -> ClipArrays:
    """Some clips of a gait, each by another camera and detector, of a band of views; of a recording from anywhere."""
    clips = []
    for lasts in itertools.islice(seconds or itertools.repeat(run.settings.seconds), count):
        seen = (lasts, 0.0) if gait.period else _stretch(gait, lasts, rng)
        if seen is None:
            run.say(f"{gait.trial}: its person is hardly ever seen for {min(lasts, BRIEF):g} s; left out")
            break
        view, errors = draw_view(rng, band[1], band[0]), draw_errors(rng)
        clips.append(film(gait, view, errors, rng, seconds=seen[0], start=seen[1]))
    return clip_arrays(clips)


def _stretch(gait: FilmedGait, seconds: float, rng: np.random.Generator) -> tuple[float, float] | None:
    """Length and start (s) of a stretch of a recording in which its person is seen: whole, or else brief."""
    for lasts in (seconds, min(seconds, BRIEF)):
        start = _seen_from(gait, lasts, rng)
        if start is not None:
            return lasts, start
    return None


def _seen_from(gait: FilmedGait, seconds: float, rng: np.random.Generator) -> float | None:
    """Start (s) of a stretch of a recording in which nearly everything is known; None if none is found."""
    for _ in range(50):
        start = float(rng.uniform(0.0, max(gait.duration - seconds, 0.0)))
        first, last = (int(t * gait.rate) for t in (start, start + seconds))
        if np.isfinite(gait.points[first : last + 1]).mean() > _LEAST_KNOWN:
            return start
    return None


def _write_roles(run: Run, arrays: dict[str, ClipArrays]) -> None:
    """Who does what: everybody whose clips were fitted, and those who are only scored, split by split.

    In each split all who teach, validate and calibrate have their roles: planar people, those beside and in 3-D if any.
    """

    def people(name: str) -> list[str]:
        return sorted(set(arrays[name].person))

    companies = COMPANIES.items()
    used = {
        r: sorted({*people(r), *(p for _, own in companies for p in people(own[r]))}) for r in SHARES if r != "score"
    }
    scored = {"people": people("score")} | {name: people(own["score"]) for name, own in companies}
    scored |= {name: people(name) for name in ("other", "far", "predicted", "overground", "treadmill")}
    write_people(run.folder / PEOPLE, {name: {**used, "score": own} for name, own in scored.items() if own})

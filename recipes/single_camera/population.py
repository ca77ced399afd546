"""Stage of the recipe of one camera: virtual people with and without impairments, by optimal control."""

from __future__ import annotations

from pathlib import Path

from mocap_import.durable_file import write_durably
from recipes.given_file import refuse_no_corpus, refuse_no_file
from recipes.one_role import population_seed, refuse_two_roles
from recipes.run import Run
from recipes.single_camera.population_check import (
    LAWS,
    refuse_drawn_manner,
    refuse_laws_of_scored,
    refuse_recorded,
    refuse_shared_loads,
    refuse_too_few,
    refuse_unlike_laws,
)
from recipes.single_camera.settings import SingleCameraSettings
from synth.corpus import Corpus

OTHER_VISITS = 2
DONE = "population.txt"


def make_population(run: Run) -> str:
    """Solve all populations, or go on with them; corpora that were given are taken as they are."""
    refuse_two_roles(_roles(run.settings), _made_roles(run))
    for name in LAWS:
        if getattr(run.settings, name):
            refuse_unlike_laws(name, Path(getattr(run.settings, name)))
    for path in run.settings.beside:
        refuse_recorded(Path(path))
        refuse_laws_of_scored(Path(path))
    for source in run.settings.real:
        refuse_shared_loads(source)
    if run.settings.predicted:
        refuse_drawn_manner(Path(run.settings.predicted))
    given = {"people": [run.settings.people], "beside": run.settings.beside, "spatial": run.settings.spatial}
    for role, paths in given.items():
        seeds = {path: population_seed(Path(path)) for path in paths if path}  # opening a large corpus takes a while
        known = {(seed, subject) for path, seed in seeds.items() for subject, _ in Corpus(path).trials()}
        if known:
            refuse_too_few(f"setting {role}: {', '.join(map(str, paths))}", len(known))
    counts = {name: _made(run, name) for name in LAWS}
    said = "; ".join(f"{name}: {text}" for name, text in counts.items() if text)
    write_durably(run.folder / DONE, said + "\n")
    return said


def corpus_of(run: Run, name: str) -> Path | None:
    """Corpus of a role of `LAWS`; None where nobody is wanted."""
    given = getattr(run.settings, name)
    if given:
        return Path(given)
    return run.folder / f"{name}.h5" if getattr(run.settings, f"n_{name}") else None


def given_corpora(settings: SingleCameraSettings) -> dict[str, Path]:
    """Corpora from outside, by their setting and path.

    Raises
    ------
    CorpusMismatch
        One is no corpus, or not there; said before anything is solved.
    """
    for name, path in _roles(settings):
        advice = "recordings (kinesynth imu)" if name == "real" else "kinesynth gait population"
        refuse_no_corpus(name, Path(path), f"Give a corpus of {advice}.")
    loads = [source.loads for source in settings.real if source.loads]
    for path in loads:
        refuse_no_file("real", Path(path), "Give the forces (loads) beside that recording.")
    return {path: Path(path) for path in (*(path for _, path in _roles(settings)), *loads)}


def _roles(settings: SingleCameraSettings) -> list[tuple[str, str]]:
    """Role and path of every corpus from outside."""
    given = {**{name: [getattr(settings, name)] for name in LAWS}, "spatial": settings.spatial}
    given |= {"beside": settings.beside, "predicted": [settings.predicted], "real": [r.path for r in settings.real]}
    return [(role, path) for role, paths in given.items() for path in paths if path]


def _made_roles(run: Run) -> list[tuple[str, str, int]]:
    """Role, name and seed of every population that is about to be made."""
    wanted = [r for r in LAWS if getattr(run.settings, f"n_{r}") and not getattr(run.settings, r)]
    return [(role, f"{role}.h5 of this run", _seed(run, role)) for role in wanted]


def _seed(run: Run, name: str) -> int:
    """Seed of a population that is made: each has its own people."""
    return run.settings.seed + list(LAWS).index(name)


def _made(run: Run, name: str) -> str:
    from synth.optimal_control.population.impaired_chunk import ImpairedRequest
    from synth.optimal_control.population.run import build_population

    settings, out = run.settings, corpus_of(run, name)
    if out is None:
        return ""
    if getattr(settings, name):
        rows = Corpus(out).summary()
        return f"{sum(row['status'] != 'refused' for row in rows)} of {len(rows)} walks of {out.name} validated"
    request = ImpairedRequest(
        subjects=getattr(settings, f"n_{name}"),
        seed=_seed(run, name),
        gaits=settings.visits if name == "people" else OTHER_VISITS,
        impairments=settings.impairments,
        healthy=settings.healthy,
        laws=LAWS[name],
    )
    from mocap_import.progress import track

    rows = build_population(request, out, n_workers=run.n_workers, progress=track if run.shown else None)
    return f"{(rows.status != 'refused').sum()} of {len(rows)} walks validated"

"""Stage of the recipe of one camera: virtual people with and without impairments, by optimal control."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mocap_import.durable_file import write_durably
from recipes.run import Run
from recipes.single_camera.settings import SingleCameraSettings
from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch

OTHER_VISITS = 2
LAWS = {"people": "standard", "other": "other"}
DONE = "population.txt"


def make_population(run: Run) -> str:
    """Solve both populations, or go on with them; corpora that were given are taken as they are."""
    refuse_shared_people(_roles_of_corpora(run))
    counts = {name: _made(run, name) for name in LAWS}
    said = "; ".join(f"{name}: {text}" for name, text in counts.items() if text)
    write_durably(run.folder / DONE, said + "\n")
    return said


def corpus_of(run: Run, name: str) -> Path | None:
    """Corpus of ``"people"`` or of ``"other"``; None where nobody is wanted."""
    given = getattr(run.settings, name)
    if given:
        return Path(given)
    return run.folder / f"{name}.h5" if name == "people" or run.settings.n_other else None


def given_corpora(settings: SingleCameraSettings) -> dict[str, Path]:
    """Corpora from outside, by their setting and path.

    Raises
    ------
    CorpusMismatch
        One is not there; said before anything is solved.
    """
    wanted = {"people": [settings.people], "other": [settings.other], "spatial": settings.spatial}
    wanted["predicted"] = [settings.predicted]
    wanted["real"] = [r.path for r in settings.real]
    advice = dict.fromkeys(wanted, "Give a corpus of kinesynth gait population.")
    advice["real"] = "Give a corpus of recordings (kinesynth imu)."
    found = {}
    for name, paths in wanted.items():
        for path in filter(None, paths):
            if not Path(path).is_file():
                raise CorpusMismatch(f"setting {name}: {path} is not there. {advice[name]}")
            found[path] = Path(path)
    return found


def refuse_shared_people(seeds: Sequence[tuple[str, str, int]]) -> None:
    """Refuse populations with other roles that are drawn from one seed: person 12 of both has the same body.

    Parameters
    ----------
    seeds : sequence of (role, corpus, seed)

    Raises
    ------
    CorpusMismatch
    """
    for i, (role, corpus, seed) in enumerate(seeds):
        for former, before, own in seeds[:i]:
            if own == seed and former != role:
                raise CorpusMismatch(
                    f"setting {role}: {corpus} is drawn from seed {seed}, as {before} of setting {former} is: the same "
                    "people in two roles. Make one of them with another --seed (kinesynth gait population)."
                )


def _roles_of_corpora(run: Run) -> list[tuple[str, str, int]]:
    """Role, corpus and seed of every population, given or about to be made."""
    settings, found = run.settings, []
    given = {"people": [settings.people], "other": [settings.other], "spatial": settings.spatial}
    given["predicted"] = [settings.predicted]
    given["real"] = [r.path for r in settings.real]
    for role, paths in given.items():
        for path in filter(None, paths):
            seed = population_seed(Path(path))
            if seed is not None:
                found.append((role, path, seed))
    made = {"people": settings.seed} | ({"other": settings.seed + 1} if settings.n_other else {})
    return [(r, f"{r}.h5 of this run", s) for r, s in made.items() if not getattr(settings, r)] + found


def population_seed(path: Path) -> int | None:
    """Seed that the people of a corpus are drawn from; None where they are no virtual people."""
    made = Corpus(path).provenance.config
    return int(made["seed"]) if {"subjects", "seed"} <= set(made) else None


def _made(run: Run, name: str) -> str:
    from synth.optimal_control.population.impaired_chunk import ImpairedRequest
    from synth.optimal_control.population.run import build_population

    settings, out = run.settings, corpus_of(run, name)
    if out is None:
        return ""
    if getattr(settings, name):
        return f"{sum(1 for _ in accepted(out))} walks of {out.name}"
    first = name == "people"
    request = ImpairedRequest(
        subjects=settings.n_people if first else settings.n_other,
        seed=settings.seed if first else settings.seed + 1,
        gaits=settings.visits if first else OTHER_VISITS,
        impairments=settings.impairments,
        healthy=settings.healthy,
        laws=LAWS[name],
    )
    from mocap_import.progress import track

    rows = build_population(request, out, n_workers=run.n_workers, progress=track if run.shown else None)
    return f"{(rows.status != 'refused').sum()} of {len(rows)} walks validated"


def accepted(path: Path) -> list[tuple[str, str]]:
    """Subject and name of the trials of a corpus that hold a gait."""
    corpus = Corpus(path)
    return [(s, n) for s, n in corpus.trials() if corpus.read(s, n, clean=True).status != "refused"]

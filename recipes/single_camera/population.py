"""Stage of the recipe of one camera: virtual people with and without impairments, by optimal control."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mocap_import.durable_file import write_durably
from recipes.run import Run
from recipes.single_camera.settings import RealCorpus, SingleCameraSettings
from synth.corpus import Corpus
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch

OTHER_VISITS = 2
LAWS = {"people": "standard", "other": "other", "far": "far"}
"""Role of a population → its laws."""
DONE = "population.txt"
FEWEST = 7
"""People of whom each role has one."""


def make_population(run: Run) -> str:
    """Solve all populations, or go on with them; corpora that were given are taken as they are."""
    refuse_one_file(_roles(run.settings))
    refuse_shared_people(_roles_of_corpora(run))
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
        One is not there; said before anything is solved.
    """
    for name, path in _roles(settings):
        if not Path(path).is_file():
            advice = "recordings (kinesynth imu)" if name == "real" else "kinesynth gait population"
            raise CorpusMismatch(f"setting {name}: {path} is not there. Give a corpus of {advice}.")
    loads = [source.loads for source in settings.real if source.loads]
    for path in loads:
        if not Path(path).is_file():
            raise CorpusMismatch(f"setting real: {path} is not there. Give the forces (loads) beside that recording.")
    return {path: Path(path) for path in (*(path for _, path in _roles(settings)), *loads)}


def _roles(settings: SingleCameraSettings) -> list[tuple[str, str]]:
    """Role and path of every corpus from outside."""
    given = {**{name: [getattr(settings, name)] for name in LAWS}, "spatial": settings.spatial}
    given |= {"beside": settings.beside, "predicted": [settings.predicted], "real": [r.path for r in settings.real]}
    return [(role, path) for role, paths in given.items() for path in paths if path]


def refuse_one_file(roles: Sequence[tuple[str, str]]) -> None:
    """Refuse one corpus in two roles, by whatever name, link or copy: of recordings no seed would tell it.

    Parameters
    ----------
    roles : sequence of (role, corpus)

    Raises
    ------
    CorpusMismatch
    """
    for i, (role, corpus) in enumerate(roles):
        for former, before in roles[:i]:
            if former != role and _is_one_file(Path(before), Path(corpus)):
                raise CorpusMismatch(
                    f"setting {role}: {corpus} is {before} of setting {former}: the same people in two roles. Leave "
                    "it out of one of them."
                )


def _is_one_file(first: Path, second: Path) -> bool:
    """Whether two places hold the same bytes; only files of one size are read."""
    if first.resolve() == second.resolve():
        return True
    if not (first.is_file() and second.is_file()) or first.stat().st_size != second.stat().st_size:
        return False
    return first.samefile(second) or file_hash(first) == file_hash(second)


def refuse_shared_people(seeds: Sequence[tuple[str, str, int]]) -> None:
    """Refuse populations with other roles that are drawn from one seed: person 12 of both has the same body.

    Two that are only scored, by unlike laws, may be the same people.

    Parameters
    ----------
    seeds : sequence of (role, corpus, seed)

    Raises
    ------
    CorpusMismatch
    """
    for i, (role, corpus, seed) in enumerate(seeds):
        for former, before, own in seeds[:i]:
            if own == seed and former != role and {former, role} != {"other", "far"}:
                raise CorpusMismatch(
                    f"setting {role}: {corpus} is drawn from seed {seed}, as {before} of setting {former} is: the same "
                    "people in two roles. Make one of them with another --seed (kinesynth gait population)."
                )


def _roles_of_corpora(run: Run) -> list[tuple[str, str, int]]:
    """Role, corpus and seed of every population, given or about to be made."""
    settings = run.settings
    seeds = [(role, path, population_seed(Path(path))) for role, path in _roles(settings)]
    found = [row for row in seeds if row[2] is not None]
    made = {name: _seed(run, name) for name in LAWS if getattr(settings, f"n_{name}")}
    return [(r, f"{r}.h5 of this run", s) for r, s in made.items() if not getattr(settings, r)] + found


def population_seed(path: Path) -> int | None:
    """Seed that the people of a corpus are drawn from; None where they are no virtual people."""
    made = Corpus(path).provenance.config
    return int(made["seed"]) if {"subjects", "seed"} <= set(made) else None


def refuse_too_few(where: str, n_people: int) -> None:
    """Refuse people too few to teach, validate, calibrate and be scored.

    Raises
    ------
    CorpusMismatch
    """
    if n_people < FEWEST:
        raise CorpusMismatch(
            f"{where}: {n_people} people are too few to teach, validate, calibrate and be scored, one role each; "
            f"expected {FEWEST} or more with a walk that is not refused. Make more with kinesynth gait population "
            "--subjects."
        )


def refuse_unlike_laws(role: str, path: Path) -> None:
    """Refuse a population made by laws that its role in the table does not name.

    Raises
    ------
    CorpusMismatch
    """
    config = Corpus(path).provenance.config
    laws = config.get("laws")
    if laws == LAWS["other"] and "laws_defined" not in config:
        laws = LAWS["far"]  # so they were called while there was but one set of them
    if laws not in (None, LAWS[role]):
        raise CorpusMismatch(
            f"setting {role}: {path} was made by {laws} laws, expected {LAWS[role]}. Make one with "
            f"kinesynth gait population --impairment all --laws {LAWS[role]}."
        )


def refuse_recorded(path: Path) -> None:
    """Refuse people of `beside` who are drawn from no seed: nothing would tell whether they are scored elsewhere.

    Raises
    ------
    CorpusMismatch
    """
    if population_seed(path) is None:
        raise CorpusMismatch(
            f"setting beside: {path} holds nobody drawn from a seed, expected a corpus of kinesynth gait population "
            "--impairment all. Recordings are only scored: name them by setting real."
        )


def refuse_laws_of_scored(path: Path) -> None:
    """Refuse a population that would teach the laws by which others are scored.

    Raises
    ------
    CorpusMismatch
    """
    laws = Corpus(path).provenance.config.get("laws")
    if laws in (LAWS["other"], LAWS["far"]):
        raise CorpusMismatch(
            f"setting beside: {path} was made by {laws} laws, which are only scored. Make one with "
            "kinesynth gait population --impairment all --laws drawn."
        )


def refuse_shared_loads(source: RealCorpus) -> None:
    """Refuse forces of one trial beside a corpus of several: each would be given them.

    Raises
    ------
    CorpusMismatch
    """
    count = len(Corpus(Path(source.path)).trials()) if source.loads else 0
    if count > 1:
        raise CorpusMismatch(
            f"setting real: {source.path} holds {count} trials, and {source.loads} the forces of one. Make a corpus of "
            "that trial alone, or leave out loads."
        )


def refuse_drawn_manner(path: Path) -> None:
    """Refuse a population that is no prediction where people predicted freely are wanted.

    Raises
    ------
    CorpusMismatch
    """
    from synth.optimal_control.population.predicted_chunk import TASK

    found = Corpus(path).provenance.config.get("task")
    if found != TASK:
        raise CorpusMismatch(
            f"setting predicted: {path} was made for the task {found!r}, expected {TASK!r}. Make one with "
            "kinesynth gait population --impairment all --predict."
        )


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

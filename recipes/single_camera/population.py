"""Stage of the recipe of one camera: virtual people with and without impairments, by optimal control."""

from __future__ import annotations

from pathlib import Path

from recipes.run import Run
from synth.corpus import Corpus
from synth.corpus.schema import CorpusMismatch

OTHER_VISITS = 2
LAWS = {"people": "standard", "other": "other"}
DONE = "population.txt"


def make_population(run: Run) -> str:
    """Solve both populations, or go on with them; corpora that were given are taken as they are."""
    counts = {name: _made(run, name) for name in LAWS}
    said = "; ".join(f"{name}: {text}" for name, text in counts.items() if text)
    (run.folder / DONE).write_text(said + "\n", encoding="utf-8")
    return said


def corpus_of(run: Run, name: str) -> Path | None:
    """Corpus of ``"people"`` or of ``"other"``; None where nobody is wanted."""
    given = getattr(run.settings, name)
    if given:
        return Path(given)
    return run.folder / f"{name}.h5" if name == "people" or run.settings.n_other else None


def _made(run: Run, name: str) -> str:
    from synth.optimal_control.population.impaired_chunk import ImpairedRequest
    from synth.optimal_control.population.run import build_population

    settings, out = run.settings, corpus_of(run, name)
    if out is None:
        return ""
    if getattr(settings, name):
        if not out.exists():
            raise CorpusMismatch(f"setting {name}: {out} is not there. Give a corpus of kinesynth gait population.")
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

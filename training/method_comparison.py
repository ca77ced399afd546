"""Method comparison: every method on the same trials, in one folder of tables and one page.

The reference corpus gives the trials and what is true; each corpus of estimates is a row. Rows that learn are made
here, too, if asked for: every person of the reference is estimated by what all the others taught, or, where the
reference has one person, by another corpus. Nothing depends on anything but the corpora and the seed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mocap_import.durable_file import write_durably
from synth.corpus import Corpus
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch
from training.conformal_interval import FEWEST_PERSONS, absolute_errors, coverage_table
from training.csv_table import write_csv
from training.device import resolve_device
from training.evaluation import evaluate
from training.learnt_row import make_row
from training.leave_one_out import labelled_subjects, predict_mean_waveforms
from training.mean_waveform import METHOD as MEAN_WAVEFORM
from training.method_facts import MethodFacts, method_name, read_facts
from training.method_table import joint_table, method_table, paired_table, subject_table
from training.taught_waveform import predict_taught_waveforms
from training.window import require_labels

AUDIT = "synchronisation_audit"
"""Entry of a corpus's configuration, see `synth.sensor_corpus`."""
FILES = {
    "errors": "errors.csv", "methods": "methods.csv", "joints": "by_joint.csv", "subjects": "by_subject.csv",
    "tests": "paired_tests.csv", "synchronisation": "synchronisation.csv",
    "intervals": "intervals.csv",
}  # fmt: skip


@dataclass(frozen=True)
class MethodComparison:
    """What was compared.

    Attributes
    ----------
    errors, methods, joints, subjects, tests : DataFrame
        See `training.method_table`.
    synchronisation : DataFrame
        The audit of the reference, one row a foot and trial; empty where one system recorded everything.
    intervals : DataFrame
        90 % intervals calibrated by the other persons, and how often they hold (`training.conformal_interval`); empty
        with fewer than ten persons.
    rule : str
        By which feet were left out, before anything was scored.
    facts : dict of str to MethodFacts
    bar : str
        The method that the tests hold the others against; empty if it is not among them.
    """

    errors: pd.DataFrame
    methods: pd.DataFrame
    joints: pd.DataFrame
    subjects: pd.DataFrame
    tests: pd.DataFrame
    synchronisation: pd.DataFrame
    intervals: pd.DataFrame
    rule: str
    facts: dict[str, MethodFacts]
    bar: str


def compare_corpora(
    reference: Path,
    estimates: Mapping[str, Path] | Sequence[Path],
    out: Path,
    *,
    train: Sequence[str] = (),
    taught_by: Path | None = None,
    simulated: Path | None = None,
    seed: int = 0,
    device: str = "cpu",
    steps: int | None = None,
    progress: Callable[[str], object] | None = None,
) -> MethodComparison:
    """Score methods on a reference and write the tables.

    Parameters
    ----------
    reference : Path
        Corpus with role ``"reference"`` or ``"motion"``.
    estimates : mapping of str to Path, or sequence of Path
        Corpora of estimates, by the name of their method or named as they say.
    out : Path
        Folder of the tables (`FILES`), and of the estimates that were made here.
    train : sequence of str
        Rows to make, see `training.learnt_row.ROWS`; the mean waveform is always made.
    taught_by : Path, optional
        Corpus of other persons that teaches the rows where the reference has fewer than two.
    simulated : Path, optional
        Corpus of virtual persons with the same sensors, for the rows that use simulated data.
    seed : int
        Of trainings and bootstrap.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"auto"`` (a GPU where there is one), where rows are trained. A GPU adds in another
        order: the tables are the same, bytes for bytes, on one kind of device only.
    steps : int, optional
        Of label-free rows, see `training.learnt_row.make_row`.
    progress : callable, optional
        Called with what is done next.

    Raises
    ------
    CorpusMismatch
        A corpus that is no reference, estimates of another time base, or one method twice.
    """
    say, device = progress or (lambda _words: None), resolve_device(device)
    require_labels(Corpus(reference))
    out.mkdir(parents=True, exist_ok=True)
    made_by = {"taught_by": taught_by, "simulated": simulated, "seed": seed, "device": device, "steps": steps}
    rows = _rows(reference, _named(estimates), out / "estimates", train, made_by, say)
    found = _scored(reference, rows, seed, say)
    _write(found, out, _how(reference, rows, train, seed))
    return found


def _rows(
    reference: Path,
    given: dict[str, Path],
    folder: Path,
    train: Sequence[str],
    made_by: dict[str, Any],
    say: Callable[[str], object],
) -> dict[str, Path]:
    """Corpora of estimates by method: those given, the mean waveform, and those to be trained."""
    rows = dict(given)
    say("mean waveform")
    made = _mean_waveform(reference, folder / f"{MEAN_WAVEFORM}.h5", made_by["taught_by"])
    if made is not None:
        rows.setdefault(MEAN_WAVEFORM, made)
    for name in train:
        if name in rows:
            raise CorpusMismatch(f"the method {name!r} is there twice: given and to be trained; name one otherwise.")
        say(f"training {name}")
        rows[name] = make_row(name, reference, folder, **made_by)
    if not rows:
        raise CorpusMismatch(f"{reference}: nothing to compare; give corpora of estimates, or rows to train.")
    return rows


def _scored(reference: Path, rows: Mapping[str, Path], seed: int, say: Callable[[str], object]) -> MethodComparison:
    """Errors of all rows, and the tables over them."""
    tables = []
    for method, path in rows.items():
        say(f"scoring {method}")
        tables.append(evaluate(reference, path, method))
    errors = pd.concat(tables, ignore_index=True)
    facts = {method: read_facts(path, method) for method, path in rows.items()}
    bar = MEAN_WAVEFORM if MEAN_WAVEFORM in rows else ""
    audit = Corpus(reference).provenance.config.get(AUDIT, {})
    return MethodComparison(
        errors,
        method_table(errors, facts, seed=seed),
        joint_table(errors, seed=seed),
        subject_table(errors),
        paired_table(errors, bar, seed=seed) if bar else paired_table(errors.iloc[:0]),
        pd.DataFrame(audit.get("feet", [])),
        _intervals(reference, rows),
        str(audit.get("rule", "")),
        facts,
        bar,
    )


def _named(estimates: Mapping[str, Path] | Sequence[Path]) -> dict[str, Path]:
    """Corpora by the names of their methods."""
    if isinstance(estimates, Mapping):
        return dict(estimates)
    named: dict[str, Path] = {}
    for path in estimates:
        name = method_name(path)
        if name in named:
            raise CorpusMismatch(
                f"{path} and {named[name]} both call their method {name!r}; name them: NAME={path.name}."
            )
        named[name] = path
    return named


def _intervals(reference: Path, rows: Mapping[str, Path]) -> pd.DataFrame:
    """Coverage of every method's intervals; nothing where too few persons calibrate."""
    if len(Corpus(reference).subjects()) < FEWEST_PERSONS:
        return coverage_table({})
    tables = [coverage_table(absolute_errors(reference, path), name) for name, path in rows.items()]
    return pd.concat([t for t in tables if len(t)] or [coverage_table({})], ignore_index=True)


def _mean_waveform(reference: Path, out: Path, taught_by: Path | None) -> Path | None:
    """The row that looks at no sensor; None where nobody could teach it."""
    if taught_by is not None:
        return predict_taught_waveforms(reference, taught_by, out)
    if len(labelled_subjects(Corpus(reference))) < 2:
        return None
    return predict_mean_waveforms(reference, out)


def _how(reference: Path, rows: Mapping[str, Path], train: Sequence[str], seed: int) -> dict[str, Any]:
    """What the tables were made from: hashes, no folders."""
    return {
        "reference": {"file": reference.name, "sha256": file_hash(reference)},
        "methods": {name: {"file": path.name, "sha256": file_hash(path)} for name, path in rows.items()},
        "trained_here": list(train),
        "seed": seed,
    }


def _write(found: MethodComparison, out: Path, how: dict[str, Any]) -> None:
    for name, file in FILES.items():
        table = getattr(found, name)
        if len(table.columns):
            write_csv(out / file, table)
    facts = {name: {k: None if v != v else v for k, v in asdict(f).items()} for name, f in found.facts.items()}
    text = json.dumps(how | {"facts": facts, "rule_of_exclusion": found.rule}, indent=1, sort_keys=True)
    write_durably(out / "comparison.json", text + "\n")


def worst_person(found: MethodComparison, method: str, measure: str) -> float:
    """Largest difference (method minus bar) of any person in a measure; below zero: better for everybody."""
    table = found.subjects[found.subjects["measure"] == measure].pivot_table(
        index="subject", columns="method", values="value"
    )
    if method not in table or found.bar not in table:
        return float("nan")
    return float(np.nanmax(table[method] - table[found.bar]))

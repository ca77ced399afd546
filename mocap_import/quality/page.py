"""Quality page: an archive's trials as numbers (JSON, CSV) and as pages with pictures: an index, one page a subject."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mocap_import.durable_file import write_durably
from mocap_import.marker.marker_set import MarkerSet, load_marker_set
from mocap_import.quality.trial_quality import Quality, SubjectQuality, subject_quality, trial_quality
from mocap_import.quality.verdict import FAULTS, LEVELS, THRESHOLDS, TREATMENT_LEVELS
from mocap_import.spreadsheet import csv_text
from mocap_import.treatment_kind import meaning_of
from mocap_import.trial import MarkerTrial, TrialRefused
from mocap_import.trial_store import SUFFIX, load_trial

SCHEMA = 1
"""Version of quality.json."""


def write_quality(
    trials: str | Path,
    out: str | Path | None = None,
    *,
    page: bool = True,
    progress: Callable[[], object] | None = None,
) -> tuple[list[Quality], list[tuple[str, str]]]:
    """Judge every trial of a folder; write ``quality.json``, ``quality.csv`` and ``quality.html``.

    Parameters
    ----------
    trials : str or Path
        Folder of `kinesynth import`.
    out : str or Path, optional
        Folder for the results; `trials` itself if not given.
    page : bool, default True
        Also write the index ``quality.html`` and one page a subject in ``quality/``, where pages of subjects that are
        gone are removed.
    progress : callable, optional
        Called after each trial.

    Returns
    -------
    qualities : list of Quality
        In the order of subjects and names.
    unread : list of (str, str)
        Files that could not be read, and why.

    Raises
    ------
    TrialRefused
        No trial in the folder.

    Notes
    -----
    Trials are read one at a time and a page is written when its subject's folder is complete: only numbers stay in
    memory.
    """
    trials, out = Path(trials), Path(out or trials)
    paths = sorted(trials.rglob(f"*{SUFFIX}")) if trials.is_dir() else []
    if not paths:
        raise TrialRefused(f"{trials}: expected trials (*{SUFFIX}) made by `kinesynth import`; found none.")
    (out / "quality" if page else out).mkdir(parents=True, exist_ok=True)
    qualities: list[Quality] = []
    unread: list[tuple[str, str]] = []
    subjects: list[tuple[SubjectQuality, str]] = []
    for number, (_, group) in enumerate(
        groupby(paths, key=lambda path: path.relative_to(trials).parts[:-1][:1]), start=1
    ):
        own = []
        for trial, meaning in _loaded(group, trials, unread):
            own.append((trial_quality(trial, meaning), trial.treatments, _pictures(trial, meaning) if page else []))
            if progress is not None:
                progress()
        qualities += [entry[0] for entry in own]
        subjects += _subject_pages(own, out, number, page)
    write_durably(out / "quality.json", _json(qualities, subjects, unread))
    write_durably(out / "quality.csv", csv_text(quality_table(qualities)))
    if page:
        write_durably(out / "quality.html", _index_page(subjects, qualities, unread))
        _remove_gone(out, {name for _, name in subjects})
    return qualities, unread


def _remove_gone(out: Path, names: set[str]) -> None:
    """Remove the pages of an earlier run whose subject is gone or has another number now."""
    for path in (out / "quality").glob("*.html"):
        if re.fullmatch(r"[A-Za-z0-9_-]+-\d+\.html", path.name) and f"quality/{path.name}" not in names:
            path.unlink()


def _subject_pages(own: list[tuple], out: Path, number: int, page: bool) -> list[tuple[SubjectQuality, str]]:
    """Sum up the subjects of one folder, write their pages, and say where those are."""
    found = []
    by_code = sorted(own, key=lambda entry: entry[0].subject)
    for code, entries in groupby(by_code, key=lambda entry: entry[0].subject):
        shown = list(entries)
        # Codes come from files: nothing but plain characters may name a file, and the number keeps names apart.
        name = f"{re.sub(r'[^A-Za-z0-9_-]', '_', code)[:60]}-{number}.html"
        found.append((subject_quality(entry[0] for entry in shown), f"quality/{name}"))
        if page:
            write_durably(out / "quality" / name, _subject_page(code, shown))
    return found


def quality_table(qualities: list[Quality]) -> pd.DataFrame:
    """One row a trial, units in the column names; per-marker figures are in quality.json."""
    rows = []
    for quality in qualities:
        noise = [value for value in quality.jitter.values() if math.isfinite(value)]
        residual = [value for value in quality.residual.values() if math.isfinite(value)]
        rows.append(
            {
                **{key: getattr(quality, key) for key in ("subject", "session", "trial", "task", "verdict")},
                "reasons": " ".join(quality.reasons),
                "n_frames": quality.n_frames,
                "rate_Hz": quality.rate,
                "missing_percent": quality.missing_percent,
                "filled_percent": quality.filled_percent,
                "longest_gap_s": max((gap[1] for gap in quality.gaps.values()), default=0.0),
                "median_noise_mm": float(np.median(noise)) if noise else math.nan,
                "largest_noise_mm": max(noise, default=math.nan),
                "largest_cluster_residual_mm": max(residual, default=math.nan),
                **{f"strikes_{foot}": number for foot, number in quality.strikes.items()},
                **{f"cycles_{foot}": number for foot, number in quality.cycles.items()},
                **{f"complete_cycles_{foot}": number for foot, number in quality.complete_cycles.items()},
                "steps": quality.n_steps,
                "usable_steps": quality.usable_steps,
                "speed_m_per_s": quality.speed,
                "force_per_body_weight": quality.weight_ratio,
                "in_view_s": quality.in_view,
            }
        )
    return pd.DataFrame(rows)


def _loaded(
    paths: Iterator[Path], root: Path, unread: list[tuple[str, str]]
) -> Iterator[tuple[MarkerTrial, MarkerSet | None]]:
    """Trials with the meaning of their labels; what cannot be read goes to `unread`."""
    for path in paths:
        try:
            trial = load_trial(path)
        except TrialRefused as refusal:
            unread.append((path.relative_to(root).as_posix(), str(refusal)))
            continue
        yield trial, _meaning(trial)


def _meaning(trial: MarkerTrial) -> MarkerSet | None:
    """The trial's marker set reduced to its labels; None if it is unknown or its file has gone."""
    if trial.marker_set == "unknown":
        return None
    try:
        return load_marker_set(trial.marker_set).for_labels(trial.labels)
    except TrialRefused:
        return None


def _pictures(trial: MarkerTrial, meaning: MarkerSet | None) -> list[tuple[str, str]]:
    """(caption, safe SVG) of a trial."""
    from markupsafe import Markup

    from mocap_import.quality.picture import foot_heights, force_curves, presence_map, top_view

    drawn = (
        ("markers over time", presence_map(trial)),
        ("vertical force of the plates", force_curves(trial)),
        ("height of heels and toes (dashed)", foot_heights(trial, meaning)),
        ("from above: pelvis, heels, plates, centre of pressure", top_view(trial, meaning)),
    )
    return [(caption, Markup(picture)) for caption, picture in drawn if picture]  # labels are escaped there


def _environment() -> Any:
    """Templates with automatic escaping: names come from foreign files."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value, digits: f"{value:.{digits}g}" if math.isfinite(value) else "–"
    environment.filters["median"] = lambda values: float(
        np.median([v for v in values.values() if math.isfinite(v)] or [math.nan])
    )
    environment.filters["largest"] = _largest
    return environment


def _largest(values: dict[str, float]) -> str:
    """The largest value with its name."""
    known = {name: value for name, value in values.items() if math.isfinite(value)}
    name = max(known, key=lambda key: known[key], default="")
    return f"{known[name]:.1f} ({name})" if name else "–"


def _subject_page(code: str, shown: list[tuple]) -> str:
    """Page of one subject."""
    from mocap_import.quality.picture import COLOURS, legend

    template = _environment().get_template("page.html")
    return template.render(title=f"Quality of {code}", trials=shown, colours=COLOURS, legend=legend())


def _index_page(
    subjects: list[tuple[SubjectQuality, str]], qualities: list[Quality], unread: list[tuple[str, str]]
) -> str:
    """Page of all subjects."""
    counts = Counter(quality.verdict for quality in qualities)
    return (
        _environment()
        .get_template("page.html")
        .render(
            title="Quality of the trials",
            subjects=subjects,
            n_trials=len(qualities),
            totals={level: counts[level] for level in LEVELS},
            unread=unread,
            thresholds=THRESHOLDS,
            faults=FAULTS,
            found=_treatments_found(qualities),
        )
    )


def _treatments_found(qualities: list[Quality]) -> dict[str, tuple[str, str]]:
    """Reasons of these trials that are treatments → level and meaning, worst first."""
    reasons = {reason for quality in qualities for reason in quality.reasons} & TREATMENT_LEVELS.keys()
    ranked = sorted(reasons - THRESHOLDS.keys(), key=lambda reason: (-LEVELS.index(TREATMENT_LEVELS[reason]), reason))
    return {reason: (TREATMENT_LEVELS[reason], meaning_of(reason)) for reason in ranked}


def _json(qualities: list[Quality], subjects: list[tuple[SubjectQuality, str]], unread: list[tuple[str, str]]) -> str:
    """Everything as JSON; what is not known is null."""
    content = {
        "schema": SCHEMA,
        "thresholds": {
            reason: dict(zip(("level", "value", "unit", "meaning"), entry, strict=True))
            for reason, entry in THRESHOLDS.items()
        },
        "trials": [asdict(quality) for quality in qualities],
        "subjects": [asdict(subject) for subject, _ in subjects],
        "unread": [{"file": name, "reason": reason} for name, reason in unread],
    }
    return json.dumps(_without_nan(content), indent=1, allow_nan=False) + "\n"


def _without_nan(value: Any) -> Any:
    """NaN as None, at any depth; floats to six digits."""
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(entry) for entry in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value

"""Impaired prediction: what comes out of a cause alone, by severity, beside the drawn manner, and how much an hour.

Each person walks at four fifths of the comfortable speed of their stature and age, the same at every severity, so that
nothing but the impairment differs: predicted (speed, effort and the cause alone) and following the manner that was
drawn for the impairment (``impaired_gait``), with the same cause. People 0 to N - 1 of seed 41, of any age. What stands
in the tables is the change from the healthy walk of the same person and way, mean (SD) over the people whose walk was
accepted at both; refused ones are counted with their reason.

Run: python benchmarks/optimal_control_figures/impaired_prediction.py [--people N] [--keep TABLE] [--corpus CORPUS].
TABLE (.csv) is written person by person; another run goes on from there. CORPUS is one of ``gait population
--impairment --predict``, whose walks are counted too. The last line is the JSON of all figures.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from synth.camera.filmed_gait import measured_parameters
from synth.corpus import Corpus, CorpusTrial
from synth.impairment import NOTHING, Impairment, impairment_of, visit_of
from synth.life_span import draw_person_of_any_age, speed_of_age
from synth.optimal_control.gait.gait_feature import FEATURES, gait_features, step_time_asymmetry
from synth.optimal_control.gait.normative_gait import COMFORTABLE_SPEED, REFERENCE_HEIGHT, draw_style
from synth.optimal_control.population.carried_gait import SolvedGait
from synth.optimal_control.population.impaired_gait import draw_impaired_gait
from synth.optimal_control.population.planar_chunk import write_template
from synth.optimal_control.population.planar_solver import GaitResult
from synth.optimal_control.population.predicted_chunk import PredictedRequest, Shared, shared_programs
from synth.optimal_control.population.predicted_impairment import CAUSES, draw_predicted_impairment
from synth.optimal_control.population.severity_path import solve_predicted
from synth.optimal_control.population.whole_cycle import solve_impaired
from synth.virtual_people import VirtualPerson

SEED, PEOPLE = 41, 16
SPEED_SHARE = 0.8
SEVERITIES = (0.35, 0.7, 1.0)
WAYS = ("predicted", "followed")
SHOWN = {
    "weak_plantarflexors": ("ankle_moment", "push_off", "ankle_work", "hip_work", "ankle_most", "step_length"),
    "equinus": ("ankle_most", "ankle_least", "strike_pitch", "knee_stance_least", "step_length", "ankle_moment"),
    "crouch": ("knee_stance_least", "knee_moment", "ankle_most", "hip_least", "step_length", "effort"),
    "short_steps": ("hip_least", "hip_range", "step_length", "cadence", "knee_stance_least", "effort"),
    "asymmetric_strength": ("step_time_asymmetry", "step_length_asymmetry", "push_off", "push_off_strong",
                            "force_peak", "force_peak_strong"),
}  # fmt: skip
UNITS = {**FEATURES, "step_time_asymmetry": "1", "step_length_asymmetry": "1", "push_off_strong": "W/kg",
         "force_peak_strong": "BW"}  # fmt: skip


def rows_of(shared: Shared, number: int, ways: tuple[str, ...] = WAYS) -> Iterator[dict]:
    """All walks of a person, healthy ones first; what is followed is the manner of the impairment, no own one."""
    halves, wholes, anchors = shared
    person = draw_person_of_any_age(SEED, number)
    followed: list[SolvedGait] = []
    nobody = draw_style(np.random.default_rng(0), 0.0)
    for kind, severity in [("none", 0.0), *((k, s) for k in CAUSES for s in SEVERITIES)]:
        wrong = Impairment(kind, severity, "r" if kind == "asymmetric_strength" else "") if severity else NOTHING
        for way in ways:
            begin = time.process_time()
            if way == "predicted":
                gait = draw_predicted_impairment(SEED, person, 0, wrong)
                result = solve_predicted(halves, wholes, replace(gait, speed=speed_of(person)), anchors)
            else:
                gait = draw_impaired_gait(SEED, person, 0, wrong, nobody)
                result = solve_impaired(halves, wholes, replace(gait, speed=speed_of(person)), followed)
                followed += [result.solved] if result.solved is not None else []
            facts = {"person": number, "kind": kind, "severity": severity, "way": way, "check": result.check.kind}
            yield {**facts, "cpu_seconds": time.process_time() - begin, **walk_features(result)}


def speed_of(person: VirtualPerson) -> float:
    """m/s."""
    subject = person.subject
    comfortable = COMFORTABLE_SPEED * np.sqrt(subject.height / REFERENCE_HEIGHT) * speed_of_age(subject.age)
    return round(float(SPEED_SHARE * comfortable), 3)


def walk_features(result: GaitResult) -> dict[str, float]:
    """Features of a walk that was accepted: of the right leg, the weak one where legs differ; none of another."""
    if not result.check.accepted:
        return {}
    right, left = (gait_features(result.solution, side) for side in "rl")
    both = right["step_length"] + left["step_length"]
    return {
        **right,
        "step_time_asymmetry": step_time_asymmetry(result.solution),
        "step_length_asymmetry": (right["step_length"] - left["step_length"]) / both,
        "push_off_strong": left["push_off"],
        "force_peak_strong": left["force_peak"],
    }


def measured(people: int, keep: Path) -> pd.DataFrame:
    """Rows of all people; those in the file are not solved again."""
    done = pd.read_csv(keep) if keep.exists() else pd.DataFrame({"person": []})
    missing = [n for n in range(people) if n not in set(done.person)]
    if missing:
        with tempfile.TemporaryDirectory() as folder:
            shared = shared_programs(str(write_template(Path(folder))))
        for number in missing:
            done = pd.concat([done, pd.DataFrame(rows_of(shared, number))], ignore_index=True)
            done.to_csv(keep.with_suffix(".tmp"), index=False)
            keep.with_suffix(".tmp").replace(keep)
    return done[done.person < people]


def changes(rows: pd.DataFrame) -> pd.DataFrame:
    """Every accepted walk less the healthy one of the same person and way; without those who have none."""
    good = rows[rows.check == "accepted"].set_index(["person", "way"])
    healthy = good[good.kind == "none"][list(UNITS)]
    ill = good[good.kind != "none"]
    ill = ill[ill.index.isin(healthy.index)]
    return ill.assign(**(ill[list(UNITS)] - healthy.loc[ill.index].to_numpy())).reset_index()


def print_tables(rows: pd.DataFrame) -> None:
    """What comes out, kind by kind, in Markdown."""
    good = rows[(rows.check == "accepted") & (rows.kind == "none")]
    print(f"\nhealthy, {len(set(rows.person))} people\n\n| feature | predicted | followed |\n|---|---|---|")
    for name, unit in UNITS.items():
        cells = [said(good[good.way == way][name]) for way in WAYS]
        print(f"| {name} ({unit}) | {' | '.join(cells)} |")
    change = changes(rows)
    for kind, names in SHOWN.items():
        counts = {w: [len(change[(change.kind == kind) & (change.way == w) & (change.severity == s)])
                      for s in SEVERITIES] for w in WAYS}  # fmt: skip
        heads = [f"{w} {s:g} (n {n})" for w in WAYS for s, n in zip(SEVERITIES, counts[w], strict=True)]
        print(f"\n{kind}\n\n| change of | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
        for name in names:
            own = change[change.kind == kind]
            cells = [said(own[(own.way == w) & (own.severity == s)][name]) for w in WAYS for s in SEVERITIES]
            print(f"| {name} ({UNITS[name]}) | {' | '.join(cells)} |")


def said(values: pd.Series) -> str:
    """Mean and SD in a cell."""
    values = values.dropna()
    if values.empty:
        return "-"
    digits = 1 if values.abs().mean() >= 5.0 else 3 if values.abs().mean() < 0.3 else 2
    return f"{values.mean():+.{digits}f} ({values.std(ddof=0):.{digits}f})"


def print_refusals(rows: pd.DataFrame) -> None:
    """Validated walks by kind, severity and way, CPU seconds of each, and what refused the others."""
    print("\n| kind | severity | way | validated | CPU s a walk | validated an hour | refused |\n|" + 7 * "---|")
    for (kind, severity, way), own in rows.groupby(["kind", "severity", "way"]):
        good = int((own.check == "accepted").sum())
        why = ", ".join(f"{k} {n}" for k, n in own[own.check != "accepted"].check.value_counts().items())
        spent = own.cpu_seconds.sum()
        print(f"| {kind} | {severity:g} | {way} | {good} of {len(own)} | {spent / len(own):.2f} | "
              f"{3600.0 * good / spent:.0f} | {why or '-'} |")  # fmt: skip


def print_corpus(file: Path) -> None:
    """Walks of a corpus of ``gait population --impairment --predict``: validated by kind and severity, and refusals."""
    corpus = Corpus(file)
    chosen = dict(corpus.provenance.config["recipe"]["people"])
    del chosen["task"]
    request = PredictedRequest(**{**chosen, "impairments": tuple(chosen["impairments"])})
    found = []
    for subject, name in corpus.trials():
        trial = corpus.read(subject, name, clean=True)
        wrong = request.gait(int(subject[1:]), visit_of(trial)).impairment
        band = min(int(3.0 * wrong.severity), 2) if wrong.severity else -1
        why = trial.reason.partition(":")[0] if trial.status == "refused" else ""
        row = {"kind": wrong.kind, "band": band, "person": subject, "why": why}
        found.append({**row, **({} if why else trial_features(trial))})
    table = pd.DataFrame(found)
    words = {-1: "0", 0: "below 1/3", 1: "1/3 to 2/3", 2: "from 2/3"}
    print(
        f"\n{file.name}: {(table.why == '').sum()} of {len(table)} walks of {table.person.nunique()} people validated"
    )
    print("\n| kind | severity | people | validated | refused |\n|" + 5 * "---|")
    for (kind, band), own in table.groupby(["kind", "band"]):
        why = ", ".join(f"{k} {n}" for k, n in own[own.why != ""].why.value_counts().items())
        good = f"{(own.why == '').sum()} of {len(own)}"
        print(f"| {kind} | {words[band]} | {own.person.nunique()} | {good} | {why or '-'} |")

    print("\n| mean (SD) over people | " + " | ".join(CORPUS_FEATURES) + " |\n|" + (1 + len(CORPUS_FEATURES)) * "---|")
    for (kind, band), own in table[table.why == ""].groupby(["kind", "band"]):
        means = own.groupby("person")[list(CORPUS_FEATURES)].mean()
        cells = [f"{means[n].mean():.{d}f} ({means[n].std():.{d}f})" for n, d in CORPUS_FEATURES.items()]
        print(f"| {kind} {words[band]} | {' | '.join(cells)} |")


CORPUS_FEATURES = {
    "speed": 2,
    "step_of_stature": 3,
    "cadence": 2,
    "ankle_moment": 2,
    "push_off": 2,
    "ankle_most": 0,
    "knee_least": 0,
    "hip_least": 0,
    "asymmetry": 3,
    "weak_push_off": 2,
}
"""Feature of a walk in a corpus → decimals. Of the right leg, where legs differ of the strong one and ``weak_push_off``
of the weak; ``asymmetry``: step time of the weak leg less that of the other over their sum."""


def trial_features(trial: CorpusTrial) -> dict[str, float]:
    """Features of a walk of a corpus, in the units of `UNITS`; angles over the whole cycle."""
    wrong = impairment_of(trial)
    strong = {"r": "l", "l": "r"}.get(wrong.side, "r")
    speed, period = trial.spatiotemporal["speed"], trial.spatiotemporal["stride_time_r"]
    mass = trial.subject.mass

    def power(side: str) -> float:
        angle = trial.kinematics.of(f"ankle_angle_{side}")
        return float((trial.kinetics.of(f"ankle_angle_{side}") / mass * np.gradient(angle) * trial.rate).max())

    asymmetry = measured_parameters(trial)["step_time_asymmetry"] * (-1.0 if wrong.side == "l" else 1.0)
    degrees = {
        j: np.degrees(trial.kinematics.of(f"{j}_{strong}")) for j in ("hip_flexion", "knee_angle", "ankle_angle")
    }
    return {
        "speed": speed,
        "step_of_stature": speed * period / 2.0 / trial.subject.height,
        "cadence": 2.0 / period,
        "ankle_moment": float(-trial.kinetics.of(f"ankle_angle_{strong}").min() / mass),
        "push_off": power(strong),
        "ankle_most": float(degrees["ankle_angle"].max()),
        "knee_least": float(degrees["knee_angle"].min()),
        "hip_least": float(degrees["hip_flexion"].min()),
        "asymmetry": asymmetry if wrong.side else np.nan,
        "weak_push_off": power(wrong.side) if wrong.side else np.nan,
    }


def figures(rows: pd.DataFrame) -> dict[str, dict]:
    """Validated walks an hour and their share, by kind, predicted beside followed."""
    found = {}
    for kind in ("none", *CAUSES):
        ours, peer = (rows[(rows.kind == kind) & (rows.way == way)] for way in WAYS)
        rate, other = (3600.0 * (own.check == "accepted").sum() / own.cpu_seconds.sum() for own in (ours, peer))
        name = f"predicted walks, {kind}: validated an hour"
        rate, other = float(rate), float(other)
        found[name] = {
            "ours": rate,
            "peer": other,
            "ratio": rate / other if other else None,
            "goal": "reported",
            "met": True,
        }
        share = 100.0 * float((ours.check == "accepted").mean())
        name = f"predicted walks, {kind}: validated (%)"
        found[name] = {"ours": share, "peer": None, "ratio": None, "goal": "reported", "met": True}
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "impaired_prediction.csv")
    parser.add_argument("--corpus", type=Path, help="count the walks of this corpus too")
    given = parser.parse_args()
    made = measured(given.people, given.keep)
    if given.corpus:
        print_corpus(given.corpus)
    print_refusals(made)
    print_tables(made)
    print(json.dumps({"figures": figures(made)}))

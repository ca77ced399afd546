"""Scaling report: by how much a model was stretched, from which lengths, and how well it then stands.

It refuses what cannot be: factors outside what people have, a stature that the legs contradict (the static trial of
somebody else), landmarks far from the scaled model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.durable_file import write_durably
from mocap_import.subject import Subject, impossible_fact
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling.marker_pair import MarkerPair

METHODS = {"static": "by a static trial", "stature": "by stature", "automatic": "by movement"}
PLAUSIBLE_RESIDUAL = 0.06
"""Largest landmark residual, as part of stature, that a pose of the scaled skeleton may leave."""
PLAUSIBLE_STATURE = 0.17
"""Stature by the legs and stature as stated may differ by this part: four standard deviations of one person's legs."""


@dataclass(frozen=True)
class ScalingReport:
    """How a scaled model came about.

    Attributes
    ----------
    model, subject : str
    method : str
        ``"static"``, ``"stature"`` or ``"automatic"``.
    mass, height : float
        Of the subject (kg, m).
    factors : dict
        Segment → factors along its axes.
    pairs : tuple of MarkerPair
        The lengths behind them.
    residuals : dict
        Marker or landmark → distance (m) between the scaled model and what was measured, before markers were moved.
    moved : dict
        Marker → by how far (m) its place on the model was adjusted.
    notes : tuple of str
    doubts : tuple of str
        What a careful reader would not believe (`scaling_doubt`).
    """

    model: str
    subject: str
    method: str
    mass: float
    height: float
    factors: dict[str, tuple[float, float, float]]
    pairs: tuple[MarkerPair, ...] = ()
    residuals: dict[str, float] = field(default_factory=dict)
    moved: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def rms_residual(self) -> float:
        """Root mean square residual (m); NaN without any."""
        values = [r for r in self.residuals.values() if math.isfinite(r)]
        return float(np.sqrt(np.mean(np.square(values)))) if values else math.nan

    @property
    def sentence(self) -> str:
        """The report in one sentence."""
        every = self.factors
        flat = [f for own in every.values() for f in own]
        said = f"{self.subject}: {self.model} scaled {METHODS.get(self.method, self.method)}"
        if flat:
            low, high = (min(every, key=lambda n: min(every[n])), max(every, key=lambda n: max(every[n])))
            said += f", factors {min(flat):.2f} ({low}) to {max(flat):.2f} ({high})"
        if self.residuals:
            worst = max(self.residuals, key=self.residuals.get)
            said += (
                f"; residual {1000 * self.rms_residual:.0f} mm RMS, largest {1000 * self.residuals[worst]:.0f} mm "
                f"at {worst}"
            )
        return f"{said}; {self.mass:.1f} kg"

    def rows(self) -> list[dict[str, Any]]:
        """One row a factor, a pair and a residual: columns subject, what, name, value, unit, detail."""
        found = []

        def add(what: str, name: str, value: float, unit: str, detail: str = "") -> None:
            number = round(value, 6) if math.isfinite(value) else value
            found.append(
                {"subject": self.subject, "what": what, "name": name, "value": number, "unit": unit, "detail": detail}
            )

        for segment, own in self.factors.items():
            for axis, factor in zip("XYZ", own, strict=True):
                add("factor", f"{segment} {axis}", factor, "1")
        for pair in self.pairs:
            detail = (
                f"model {pair.model:.4f} m, person {pair.person:.4f} m, scales {' '.join(pair.segments)} {pair.axes}"
            )
            add("pair", pair.ends, pair.factor, "1", detail)
        for marker, residual in self.residuals.items():
            add("residual", marker, 1000 * residual, "mm")
        for marker, distance in self.moved.items():
            add("moved", marker, 1000 * distance, "mm")
        return found


def write_report(path: Path, report: ScalingReport) -> None:
    """Write a report as JSON, whole or not at all."""
    content = {"sentence": report.sentence, "rms_residual": report.rms_residual, **asdict(report)}
    write_durably(Path(path), json.dumps(json_numbers(content), indent=1))


def read_report(path: Path) -> ScalingReport:
    """Read what `write_report` wrote."""
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    content.pop("sentence")
    content.pop("rms_residual")
    content["factors"] = {name: tuple(own) for name, own in content["factors"].items()}
    content["pairs"] = tuple(
        MarkerPair(tuple(p["segments"]), p["axes"], p["ends"], p["model"], p["person"]) for p in content["pairs"]
    )
    content["notes"] = tuple(content["notes"])
    content["doubts"] = tuple(content.get("doubts", ()))
    numbers = {name: math.nan if content[name] is None else content[name] for name in ("mass", "height")}
    return ScalingReport(**content | numbers)


def json_numbers(value: Any) -> Any:
    """Put null where a structure of mappings and sequences holds a number that JSON has no word for."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: json_numbers(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [json_numbers(each) for each in value]
    return value


def refuse_impossible_subject(subject: Subject, *, needs: tuple[str, ...] = ("mass", "height")) -> None:
    """Refuse a mass or a height that no person has (`mocap_import.subject`), or that is needed and unknown.

    Raises
    ------
    ModelMismatch
    """
    who = subject.code or "the subject"
    for fact, value, unit in (("mass", subject.mass, "kg"), ("height", subject.height, "m")):
        if fact in needs and math.isnan(value):
            raise ModelMismatch(
                f"{who}: the {fact} is unknown. Give it in participants.csv (column {fact}_{unit}) or as --{fact}."
            )
    wrong = impossible_fact(subject.mass, subject.height)
    if wrong is not None:
        raise ModelMismatch(f"{who}: {wrong[1]}")


def refuse_wrong_subject(by_legs: float, subject: Subject, where: str) -> None:
    """Refuse a static trial whose legs do not belong to a person of the stated height.

    Parameters
    ----------
    by_legs : float
        Stature (m) by the legs.
    subject : Subject
    where : str
        The static trial.

    Raises
    ------
    ModelMismatch
    """
    if math.isfinite(subject.height) and abs(by_legs / subject.height - 1) > PLAUSIBLE_STATURE:
        raise ModelMismatch(
            f"{where}: by its legs this person is {by_legs:.2f} m tall, {subject.code or 'the subject'} is "
            f"{subject.height:.2f} m. Is it the static trial of somebody else, or a wrong unit or height?"
        )


def refuse_bad_residuals(residuals: Mapping[str, float], height: float, where: str, labels: Mapping[str, str]) -> None:
    """Refuse a pose that leaves a landmark far away.

    Parameters
    ----------
    residuals : mapping
        Landmark → m.
    height : float
        m.
    where : str
        The static trial.
    labels : mapping
        Landmark → label in the trial, for the message.

    Raises
    ------
    ModelMismatch
    """
    known = {name: r for name, r in residuals.items() if math.isfinite(r)}
    if known and max(known.values()) > PLAUSIBLE_RESIDUAL * height:
        worst = max(known, key=known.get)
        raise ModelMismatch(
            f"{where}: after scaling, landmark {worst} ({labels.get(worst, worst)}) lies {known[worst] * 1000:.0f} mm "
            "from the skeleton; a marker is mislabelled or the trial is not a standing one."
        )

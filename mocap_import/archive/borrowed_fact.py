"""Borrowed facts: what a trial takes from other recordings of its session or laboratory, and how it says so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mocap_import.c3d.raw_c3d import RawC3d
from mocap_import.trial import MarkerTrial, Treatment

_OTHERS = "as in the other trials of this laboratory"


def own_facts(raw: RawC3d) -> dict[str, float | None]:
    """Mass and height (kg, m) that a file states itself, for the journal; None if it does not."""
    return {name: None if math.isnan(value) else value for name, value in (("mass", raw.mass), ("height", raw.height))}


def frame_settings(settings: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with the axes and the unit that a trial was told; what a person asked for is never told."""
    return {**settings, **{name: told[name] for name in ("axes", "unit") if name in told}}


def with_borrowed(trial: MarkerTrial, told: Mapping[str, Any]) -> MarkerTrial:
    """The trial with the facts it was told, each as a treatment.

    Parameters
    ----------
    trial : MarkerTrial
        Read with the told mass, axes and unit.
    told : mapping
        From `session_facts`, `settled_frames` and `duplicate_facts`.

    Returns
    -------
    MarkerTrial
        With ``mass_from_session`` in place of ``mass_weighed``, ``axes_from_archive`` (or what stays open of
        ``axes_ambiguous``) in place of ``axes_given``, and ``unit_from_archive``, ``height_from_session``,
        ``frame_deviates``, ``mass_conflict``, ``height_conflict``, ``duplicate_recording``.
    """
    notes = []
    for note in trial.treatments:
        if note.what == "mass_weighed" and told.get("mass_from") == "session":
            detail = f"body mass {told['mass']:.1f} kg as other recordings of the session state"
            note = Treatment("mass_from_session", detail)
        elif note.what == "axes_given" and "axes" in told:
            note = _axes_note(note.detail.replace("as given", _OTHERS), told)
        notes.append(note)
    subject = trial.subject
    if "height" in told and math.isnan(subject.height):
        subject = replace(subject, height=told["height"])
        detail = f"stature {subject.height:.2f} m as other recordings of the session state"
        notes.append(Treatment("height_from_session", detail))
    if "unit" in told:
        notes.append(Treatment("unit_from_archive", f"{told['unit']} {_OTHERS}"))
    if "mirrored" in told and "axes" in told:
        notes.append(Treatment("mirrored_suspected", told["mirrored"]))
    if "deviates" in told:
        notes.append(Treatment("frame_deviates", told["deviates"]))
    if "mass_conflict" in told:
        notes.append(Treatment("mass_conflict", told["mass_conflict"]))
    if "height_conflict" in told:
        notes.append(Treatment("height_conflict", told["height_conflict"]))
    if "duplicate" in told:
        notes.append(Treatment("duplicate_recording", told["duplicate"]))
    return replace(trial, subject=subject, treatments=tuple(notes))


def _axes_note(detail: str, told: Mapping[str, Any]) -> Treatment:
    """The axes, decided or only narrowed down."""
    if not told["open"]:
        return Treatment("axes_from_archive", detail)
    words = f"{detail}; possible too: {', '.join(told['open'])}"
    return Treatment("axes_ambiguous", f"{words}; look at the trial and give the right one, for example --axes=+Y+Z")

"""External loads: ground reactions of each foot as a .mot file and the XML that tells OpenSim's tools how to use it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from mocap_import.durable_file import write_durably
from mocap_import.plate.contact import SIDES
from mocap_import.plate.foot_reaction import foot_reactions
from mocap_import.stretch import stretches_named
from mocap_import.trial import GroundReaction, MarkerTrial, Treatment, TrialRefused

BODIES = {"right": "calcn_r", "left": "calcn_l"}
"""Foot → body of an OpenSim model that its reaction acts on."""


def write_external_loads(
    path: str | Path, trial: MarkerTrial, *, bodies: Mapping[str, str] = BODIES
) -> list[Treatment]:
    """Write the ground reactions of both feet, ``<name>.mot`` and ``<name>.xml`` beside it.

    Parameters
    ----------
    path : str or Path
        Ends in ``.mot``; its folder must exist.
    trial : MarkerTrial
        With plates of known feet; see `mocap_import.plate.foot_reaction`.
    bodies : mapping, optional
        Foot → body of the model.

    Returns
    -------
    list of Treatment
        ``force_unknown`` for the times in which a foot's force is unknown and stands as zero in the file.

    Raises
    ------
    TrialRefused
        The trial has no plates, or the force of neither foot is known at any time.

    Notes
    -----
    Columns of each side ``s`` (r, l), ground frame: ``ground_force_s_v[xyz]`` (N, on the subject),
    ``ground_force_s_p[xyz]`` (m), ``ground_torque_s_[xyz]`` (N·m, the free moment about the vertical), ``known_s``
    (1 where the force is known, 0 where zeros stand for an unknown force). An OpenSim file cannot leave a field empty.
    Without load the point of application stays at its nearest loaded sample, so that no interpolation or filter of
    OpenSim draws it towards the origin of the laboratory; it carries no force there.
    """
    found = foot_reactions(trial)
    if not found:
        raise TrialRefused(
            f"{trial.source or trial.name}: no force of a known foot to export; the trial holds no force plates."
        )
    words = Counter(reaction.foot for reaction in trial.ground_reactions)
    plates = ", ".join(f"{foot} ({count})" for foot, count in sorted(words.items()))
    said = f"; the trial holds {len(trial.ground_reactions)} plates stepped on by: {plates}"
    return write_foot_loads(path, found, bodies=bodies, where=trial.source or trial.name, said=said)


def write_foot_loads(
    path: str | Path,
    reactions: Mapping[str, GroundReaction],
    *,
    bodies: Mapping[str, str] = BODIES,
    where: str = "",
    said: str = "",
) -> list[Treatment]:
    """Write the reactions of both feet as a file with the columns of `write_external_loads`, and its XML.

    Parameters
    ----------
    path : str or Path
        Ends in ``.mot`` or ``.sto``; its folder must exist. The XML stands beside it.
    reactions : mapping
        ``"right"``, ``"left"`` → GroundReaction, ground frame, both at one rate; NaN where a force is unknown.
    bodies : mapping, optional
        Foot → body of the model.
    where, said : str
        Of the trial, for the refusal: its name, and what it holds instead.

    Returns
    -------
    list of Treatment
        See `write_external_loads`.

    Raises
    ------
    TrialRefused
        The force of neither foot is known at any time.
    """
    path = Path(path)
    known = {foot: np.isfinite(reaction.force).all(axis=1) for foot, reaction in reactions.items()}
    if not any((known[foot] & (reactions[foot].force[:, 1] > 0)).any() for foot in reactions):
        raise TrialRefused(f"{where or path.stem}: no force of a known foot to export{said}.")
    names, columns = ["time"], []
    for foot, side in SIDES:
        names += [f"ground_force_{side}_{kind}{axis}" for kind in "vp" for axis in "xyz"]
        names += [f"ground_torque_{side}_{axis}" for axis in "xyz"]
        columns.append(_columns(reactions[foot]))
    names += [f"known_{side}" for _, side in SIDES]
    columns.append(np.stack([known[foot] for foot, _ in SIDES], axis=1).astype(float))
    write_durably(path, _motion_text(path.stem, names, np.concatenate(columns, axis=1), reactions["right"].rate))
    write_durably(path.with_suffix(".xml"), external_loads_document(path, bodies))
    return [_unknown(foot, side, ~known[foot], reactions[foot].rate) for foot, side in SIDES if not known[foot].all()]


def _unknown(foot: str, side: str, unknown: np.ndarray, rate: float) -> Treatment:
    """What is said of the times in which a foot's force is unknown."""
    times = stretches_named(unknown, rate, most=8, digits=3)
    return Treatment("force_unknown", f"{foot} foot: unknown at {times}; zero in the file, known_{side} = 0")


def _columns(reaction: GroundReaction) -> np.ndarray:
    """Force, point and torque (n, 9) of one foot without NaN."""
    torque = np.zeros_like(reaction.force)
    torque[:, 1] = np.nan_to_num(reaction.free_moment)
    loaded = np.flatnonzero(np.isfinite(reaction.centre_of_pressure).all(axis=1))
    point = np.zeros_like(reaction.force)
    if len(loaded):
        samples = np.arange(len(point))
        after = np.searchsorted(loaded, samples).clip(max=len(loaded) - 1)
        before = (after - 1).clip(min=0)
        nearer = np.abs(loaded[before] - samples) <= np.abs(loaded[after] - samples)
        point = reaction.centre_of_pressure[loaded[np.where(nearer, before, after)]]
    return np.concatenate([np.nan_to_num(reaction.force), point, torque], axis=1)


def _motion_text(name: str, names: list[str], table: np.ndarray, rate: float) -> str:
    """A .mot file: header, names, rows; time as k / rate in full."""
    header = [
        name,
        "version=1",
        f"nRows={len(table)}",
        f"nColumns={len(names)}",
        "inDegrees=no",
        f"rate={rate!r}",
        "endheader",
        "\t".join(names),
    ]
    row = "\t".join(["%.9g"] * table.shape[1])
    times = (np.arange(len(table)) / rate).tolist()
    return "\n".join(
        [*header, *(f"{t!r}\t{row % tuple(cells)}" for t, cells in zip(times, table.tolist(), strict=True)), ""]
    )


def external_loads_document(path: Path, bodies: Mapping[str, str]) -> str:
    """An ExternalLoads document that names the data file beside it.

    Parameters
    ----------
    path : Path
        The .mot with the columns of `write_external_loads`.
    bodies : mapping
        Foot → body of the model; feet that are absent have no load.
    """
    document = ElementTree.Element("OpenSimDocument", Version="40000")
    loads = ElementTree.SubElement(document, "ExternalLoads", name=path.stem)
    members = ElementTree.SubElement(loads, "objects")
    for foot, side in SIDES:
        if foot not in bodies:
            continue
        force = ElementTree.SubElement(members, "ExternalForce", name=f"{foot}_foot")
        for key, value in (
            ("applied_to_body", bodies[foot]),
            ("force_expressed_in_body", "ground"),
            ("point_expressed_in_body", "ground"),
            ("force_identifier", f"ground_force_{side}_v"),
            ("point_identifier", f"ground_force_{side}_p"),
            ("torque_identifier", f"ground_torque_{side}_"),
            ("data_source_name", "Unassigned"),
        ):
            ElementTree.SubElement(force, key).text = value
    ElementTree.SubElement(loads, "groups")
    ElementTree.SubElement(loads, "datafile").text = path.name
    ElementTree.indent(document)
    return ElementTree.tostring(document, encoding="unicode", xml_declaration=True) + "\n"

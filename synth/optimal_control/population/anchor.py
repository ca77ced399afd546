"""Anchor: a walk that every process of a run may start others from, solved once and kept in a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.durable_file import durable_place
from opensim_models.model.skeleton import Skeleton
from synth.optimal_control.population.carried_gait import SolvedGait
from synth.optimal_control.population.part import alone
from synth.optimal_control.population.virtual_gait import VirtualGait


def kept_anchors(
    file: Path,
    template: Skeleton,
    solve: Callable[[], list[SolvedGait]],
    facts: Callable[[VirtualGait], dict[str, Any]],
    drawn: Callable[..., VirtualGait],
) -> list[SolvedGait]:
    """Anchors of a run, from their file; the process that comes first solves and writes them.

    Parameters
    ----------
    file : Path
        ``.npz``, in the folder of the run, which belongs to one request alone.
    template : Skeleton
        The planar model that people's own are made from.
    solve : callable
    facts : callable
        Gait → numbers and words by which `drawn` draws it again.
    drawn : callable
        Called with one anchor's facts by their names.
    """
    with alone(file.with_suffix(".lock")):  # the others wait for them rather than solve them, too
        if not file.exists():
            _write(file, solve(), facts)
    with np.load(file) as kept:
        columns = {name: kept[name].tolist() for name in kept.files if name != "values"}
        gaits = [drawn(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
        return [SolvedGait(g, g.skeleton(template), own) for g, own in zip(gaits, kept["values"], strict=True)]


def _write(file: Path, anchors: list[SolvedGait], facts: Callable[[VirtualGait], dict[str, Any]]) -> None:
    rows = [facts(anchor.gait) for anchor in anchors]
    columns = {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}
    with durable_place(file, ending=".npz") as place:
        np.savez(place, values=np.array([a.values for a in anchors]), **columns)

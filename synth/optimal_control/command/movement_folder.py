"""Movement folder: all that is written about one movement, and the climb whose last iterate stands in it meanwhile.

``solution.npz`` and ``report.json`` always; the files that OpenSim plays only of a movement that may be used; pictures;
and, while it is solved or when it was not, ``last_iterate_*.npz``, from which the same run goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mocap_import.durable_file import os_words, write_durably
from synth.corpus.provenance import Provenance
from synth.optimal_control.movement.climb import Climb, Rung
from synth.optimal_control.movement.problem import MovementProgram, Prepare
from synth.optimal_control.movement.resumed_climb import LAST_ITERATE, resumed_climb
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.recording.recorded_motion import RecordedMotion
from synth.optimal_control.result.solution_export import export_solution
from synth.optimal_control.result.solution_file import save_solution, solution_recipe
from synth.optimal_control.result.solution_picture import (
    PictureReference,
    recorded_reference,
    save_solution_picture,
)
from synth.optimal_control.result.tracking_report import (
    diagnosis_of,
    diagnosis_table,
    rung_table,
    solution_figures,
    tracking_figures,
)

REPORT, SOLUTION = "report.json", "solution.npz"
_NAME = "movement"
Start = Callable[[MovementProgram], np.ndarray]


@dataclass(frozen=True)
class FolderContent:
    """What a folder says besides the solution.

    Attributes
    ----------
    model : Path or None
        The .osim that exported files belong to; None: nothing is exported.
    sources : dict of str to Path
        Files that the movement was made from, by word.
    settings : dict
        What was chosen, as JSON can hold it.
    held : dict of str to float
        Coordinates of the model that do not move (rad, m).
    notes : tuple of str
    recording : RecordedMotion, optional
        What was followed.
    duration : float
        Of the recorded movement (s).
    band : dict of str to float
        Coordinate → half width of the band around the recording in pictures (rad, m).
    emg_of : dict of str to str
        Muscle → EMG column of the recording, where their names differ.
    further : dict
        Further entries of the report.
    pictures : tuple of str
        Endings of the pictures.
    """

    model: Path | None
    sources: Mapping[str, Path] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    held: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    recording: RecordedMotion | None = None
    duration: float = 0.0
    band: Mapping[str, float] = field(default_factory=dict)
    emg_of: Mapping[str, str] = field(default_factory=dict)
    further: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[str, ...] = (".html",)


@dataclass(frozen=True)
class MovementResult:
    """What a run led to.

    Attributes
    ----------
    solution : MovementSolution
    report : dict
        As in the folder's report.json.
    resumed : str
        Rung with which an interrupted run was gone on; empty if none.
    """

    solution: MovementSolution
    report: dict[str, Any]
    resumed: str = ""


def best_climb(
    rungs: Sequence[Rung],
    starts: Sequence[Start],
    out: Path,
    *,
    prepare: Prepare | None,
    say: Callable[[str], None],
) -> tuple[Climb, str]:
    """Climb from every start, with the last iterates in the folder.

    Returns
    -------
    Climb
        Of the start with the lowest objective among those that converged.
    str
        The rung with which a killed run was gone on; empty if none.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    found: list[Climb] = []
    gone_on = ""
    for number, start in enumerate(starts):
        reached, resumed = resumed_climb(rungs, start, out / LAST_ITERATE.format(number), prepare=prepare)
        gone_on = gone_on or resumed
        said = f"start {number + 1}: " if len(starts) > 1 else ""
        for name, iterate in reached.rungs:
            outcome = "solved" if iterate.converged else "NOT solved"
            cost = f"{iterate.iterations} iterations, {iterate.cpu_seconds:.2f} CPU s"
            say(f"{said}{name}: {outcome}, {cost}, objective {iterate.objective:.5g}")
        found.append(reached)
    return min(found, key=lambda reached: (not reached.converged, reached.iterate.objective)), gone_on


def write_folder(
    out: Path, solution: MovementSolution, content: FolderContent, reached: Climb | None = None
) -> dict[str, Any]:
    """Write the folder, and remove the iterates of a movement that may be used.

    Parameters
    ----------
    out : Path
        Made if it is not there; what an earlier run wrote is replaced.
    solution : MovementSolution
    content : FolderContent
    reached : Climb, optional
        What the solution was made from: its last problem is diagnosed, and compared with the recording.

    Returns
    -------
    dict
        The report.

    Raises
    ------
    OSError
        The disk is full or the folder cannot be written, in one sentence.
    """
    diagnosis = None if reached is None else diagnosis_of(reached)
    recipe = solution_recipe(content.sources, content.settings)
    report = {
        "converged": solution.converged,
        "reason": solution.reason,
        "solution": solution_figures(solution),
        **_distance(solution, content, reached),
        **content.further,
        "rungs": rung_table(solution),
        **({} if diagnosis is None else {"diagnosis": diagnosis_table(diagnosis)}),
        "held": dict(content.held),
        "notes": list(content.notes),
        "recipe": json.loads(recipe.to_json()),
    }
    try:
        residuals = {group.name: group.violation for group in diagnosis.groups} if diagnosis else {}
        _write_files(out, solution, content, report, recipe, residuals)
        for iterate in out.glob(LAST_ITERATE.format("*")) if solution.converged else ():
            iterate.unlink()
    except OSError as problem:
        raise OSError(
            f"{out}: the movement is computed but cannot be written ({os_words(problem)}); free some space or choose "
            "another folder: the same command goes on from the last iterate"
        ) from problem
    return report


def _write_files(
    out: Path,
    solution: MovementSolution,
    content: FolderContent,
    report: dict[str, Any],
    recipe: Provenance,
    residuals: Mapping[str, float],
) -> None:
    """Write everything, the report last; it learns the names of the exported files."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob(f"{_NAME}*"):
        old.unlink()
    save_solution(out / SOLUTION, solution, recipe)
    if solution.converged and content.model is not None:
        begin = 0.0 if content.recording is None else float(content.recording.time[0])
        exported = export_solution(solution, content.model, out, held=content.held, name=_NAME, start_time=begin)
        report["files"] = {word: path.name for word, path in asdict(exported).items() if path is not None}
    for ending in content.pictures:
        about = {"rows": _rows(report), "notes": report["notes"]}
        save_solution_picture(out / f"{_NAME}{ending}", solution, picture_reference(content), residuals, **about)
    # JSON has no numbers that are not finite
    plain = json.loads(json.dumps(report), parse_constant=lambda _: None)
    write_durably(out / REPORT, json.dumps(plain, indent=1) + "\n")


def picture_reference(content: FolderContent) -> PictureReference | None:
    """What pictures show beside the solution."""
    if content.recording is None:
        return None
    return recorded_reference(content.recording, content.duration, content.band, content.emg_of)


def _distance(solution: MovementSolution, content: FolderContent, reached: Climb | None) -> dict[str, Any]:
    """How near the movement is to the recording, where there is one."""
    if content.recording is None or reached is None:
        return {}
    structure = reached.movement.structure
    return {"from_recording": tracking_figures(solution, content.recording, content.duration, structure)}


def _rows(report: Mapping[str, Any]) -> list[dict[str, str]]:
    """The problems on the way, for the page."""
    return [
        {"problem": row["name"], "solved": "yes" if row["converged"] else "no", "iterations": str(row["iterations"]),
         "CPU s": f"{row['cpu_seconds']:.2f}", "objective": f"{row['objective']:.5g}"}
        for row in report["rungs"]
    ]  # fmt: skip

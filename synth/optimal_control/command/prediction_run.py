"""Prediction run: from a model and any recording of the kind to a folder with the movement that costs least."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from synth.optimal_control.command.movement_folder import FolderContent, MovementResult, best_climb, write_folder
from synth.optimal_control.command.tracking_run import (
    TrackingWish,
    check_speed,
    motion_of,
    plain_settings,
    prepared_trial,
    sources_of,
)
from synth.optimal_control.movement.climb import start_values
from synth.optimal_control.movement.problem import MovementProgram, Prepare
from synth.optimal_control.movement.solution import make_solution
from synth.optimal_control.prediction.prediction import person_of, prediction_rungs
from synth.optimal_control.prediction.prediction_settings import PredictionSettings
from synth.optimal_control.program.compiled_blocks import compile_if_possible
from synth.optimal_control.recording.node_reference import node_reference
from synth.optimal_control.recording.recorded_tracking import start_arrays


@dataclass(frozen=True)
class PredictionWish:
    """What is to be predicted.

    Attributes
    ----------
    guide : TrackingWish
        Model, and the recording by which the chain begins; its period and ground are those of the prediction.
    settings : PredictionSettings
    """

    guide: TrackingWish
    settings: PredictionSettings = field(default_factory=PredictionSettings)


def predict_files(
    wish: PredictionWish,
    out: Path,
    *,
    prepare: Prepare | None = compile_if_possible,
    say: Callable[[str], None] = lambda text: None,
) -> MovementResult:
    """Predict a movement and write the folder; arguments and errors as of `tracking_run.track_files`."""
    settings = wish.settings
    check_speed((settings.speed, settings.speed))
    guide = replace(wish.guide, settings=replace(wish.guide.settings, meshes=settings.meshes, muscles=True))
    prepared, recording = prepared_trial(guide, say)
    person = person_of(prepared.skeleton, settings)

    def start(movement: MovementProgram) -> np.ndarray:
        reference = node_reference(movement.structure, person, recording)
        return start_values(movement, start_arrays(movement.structure, person, reference))

    best, resumed = best_climb(prediction_rungs(person, recording, settings), [start], out, prepare=prepare, say=say)
    solution = make_solution(best, person)
    content = FolderContent(
        guide.model,
        sources_of(guide.model, guide.files),
        plain_settings({"hold": dict(prepared.held), "window": guide.window, "prediction": asdict(settings)}),
        prepared.held,
        (*prepared.notes, *motion_of(recording).notes),
        pictures=guide.pictures,
    )
    return MovementResult(solution, write_folder(out, solution, content, best), resumed)

"""Prediction: the movement that costs least at a given speed, without data of how it looks.

The objective is a mean over time: effort (a power of the excitations), price of ideal torques, smoothness (change of
accelerations, that is jerk) and, where it is wanted, a weak pull towards a reference movement. Walking found from
nowhere often ends in a poor basin, so the way there is a chain: a recorded motion tracked, then tracked weakly at the
wished speed, then let go. Slopes turn gravity, strength is a number of each muscle, and asymmetric movement takes a
full cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.movement.climb import Climb, Rung, climb, start_values
from synth.optimal_control.movement.data import MovementData
from synth.optimal_control.movement.problem import MovementProgram, Prepare
from synth.optimal_control.movement.solution import MovementSolution, make_solution
from synth.optimal_control.movement.structure import SCALE, MovementStructure
from synth.optimal_control.prediction.prediction_settings import USUAL, PredictionSettings
from synth.optimal_control.prediction.walking_price import with_walking_prices
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.program.compiled_blocks import compile_if_possible
from synth.optimal_control.program.iterate import Iterate
from synth.optimal_control.recording.node_reference import NodeReference, Recording, node_reference
from synth.optimal_control.recording.recorded_tracking import start_arrays, tracking_data, tracking_structure

ATTEMPT = 150
"""Iterations after which a prediction is tried once more, from where it is, with an adaptive barrier."""


def predict_movement(
    skeleton: Skeleton,
    guide: Recording,
    settings: PredictionSettings = USUAL,
    *,
    prepare: Prepare | None = compile_if_possible,
    keep: Callable[[Iterate], None] | None = None,
) -> MovementSolution:
    """Predict a movement without following anything.

    Parameters
    ----------
    skeleton : Skeleton
        Prepared, with contact spheres.
    guide : RecordedMotion or RecordedCycle
        Any movement of the kind, by which the chain begins; it has no part in the objective unless `pull` is finite.
    settings : PredictionSettings
    prepare, keep
        As of `climb.climb`.

    Returns
    -------
    MovementSolution
        `objective` is the prediction's own; `converged` is False if its problem was not solved.

    Raises
    ------
    ModelMismatch
        An unknown muscle or coordinate, or a guide of another skeleton.
    """
    return make_solution(
        climb_prediction(skeleton, guide, settings, prepare=prepare, keep=keep), person_of(skeleton, settings)
    )


def person_of(skeleton: Skeleton, settings: PredictionSettings) -> Skeleton:
    """The skeleton on its slope and with the strength that the settings ask for."""
    if settings.slope:
        size = float(np.linalg.norm(skeleton.gravity))
        turned = (-size * np.sin(settings.slope), -size * np.cos(settings.slope), 0.0)
        skeleton = replace(skeleton, gravity=tuple(float(g) for g in turned))
    given = settings.strength
    names = [m.name for m in skeleton.muscles]
    factors = dict(given) if isinstance(given, Mapping) else dict.fromkeys(names, float(given))
    unknown = [name for name in factors if name not in names]
    wrong = [name for name, factor in factors.items() if not (np.isfinite(factor) and factor > 0.0)]
    if unknown or wrong:
        said = f"unknown: {', '.join(unknown)}" if unknown else f"no positive factor: {', '.join(wrong)}"
        raise ModelMismatch(f"{skeleton.name}: strength names muscles that it cannot mean ({said}).")
    muscles = tuple(
        replace(m, max_isometric_force=m.max_isometric_force * factors.get(m.name, 1.0)) for m in skeleton.muscles
    )
    return replace(skeleton, muscles=muscles)


def climb_prediction(
    skeleton: Skeleton,
    guide: Recording,
    settings: PredictionSettings,
    *,
    prepare: Prepare | None = compile_if_possible,
    keep: Callable[[Iterate], None] | None = None,
) -> Climb:
    """As `predict_movement`, with the solver's own variables as the result."""
    person = person_of(skeleton, settings)

    def start(movement: MovementProgram) -> np.ndarray:
        reference = node_reference(movement.structure, person, guide)
        return start_values(movement, start_arrays(movement.structure, person, reference))

    return climb(prediction_rungs(person, guide, settings), start, prepare=prepare, keep=keep)


def prediction_rungs(person: Skeleton, guide: Recording, settings: PredictionSettings) -> list[Rung]:
    """Tracking, weaker tracking at the wished speed, prediction on the coarse mesh, prediction on finer ones."""

    def structure_on(mesh: Mesh) -> MovementStructure:
        return tracking_structure(person, mesh, settings.tracking(1.0, (1.0, 1.0)), muscles=True)

    def following(factor: float) -> Callable[[MovementProgram], MovementData]:
        def data(movement: MovementProgram) -> MovementData:
            reference = node_reference(movement.structure, person, guide)
            made = tracking_data(movement.structure, person, reference, settings.tracking(factor, (1.0, 1.0)))
            if factor == 1.0:
                return made
            if settings.prices is not None:
                made = _priced(made, movement.structure, person, reference, settings)
            return _at_speed(made, settings)

        return data

    def predicting(movement: MovementProgram) -> MovementData:
        reference = node_reference(movement.structure, person, guide)
        return prediction_data(movement.structure, person, reference, settings)

    coarse = structure_on(settings.meshes[0])
    rungs = [Rung("tracking", coarse, following(1.0), settings.first, rough=True)]
    for factor in settings.weakening:
        rungs.append(Rung(f"tracking {factor:g} times weaker", coarse, following(factor), settings.then, rough=True))
    # where a foot just slips or just touches Newton's steps may go to and fro: another barrier gets out of that
    attempt = replace(settings.then, max_iterations=min(ATTEMPT, settings.then.max_iterations))
    again = replace(settings.then, warm=False)
    for mesh in settings.meshes:
        name = f"prediction {mesh.scheme} {mesh.n_intervals}"
        rungs.append(Rung(name, structure_on(mesh), predicting, attempt, again=again))
    return rungs


def prediction_data(
    structure: MovementStructure, person: Skeleton, reference: NodeReference, settings: PredictionSettings
) -> MovementData:
    """Numbers of the prediction itself."""
    free = replace(settings.guide, angle=np.inf, place=np.inf, coordinates={}, force=None, moment=None)
    free = replace(free, angular_speed=None, linear_speed=None, excitation=np.inf)
    if np.isfinite(settings.pull):
        free = replace(free, angle=settings.pull, place=0.3 * settings.pull)
    loose = replace(settings, guide=free)
    data = tracking_data(structure, person, reference, loose.tracking(1.0, (1.0, 1.0)))
    data = _anywhere_along(data, structure)
    if settings.prices is not None:
        return _at_speed(_priced(data, structure, person, reference, settings), settings)
    quadrature = structure.mesh.quadrature
    price = settings.effort * quadrature[:, None] * np.ones(len(structure.muscles))
    if settings.effort_power == 2:
        data = data.with_parameters({"precision excitations": price})
    else:
        data = data.with_parameters({"effort": price})
    if np.isfinite(settings.jerk):
        data = data.with_parameters({"roughness accelerations": roughness(structure, reference, settings.jerk)})
    return _at_speed(data, settings)


def _priced(
    data: MovementData,
    structure: MovementStructure,
    person: Skeleton,
    reference: NodeReference,
    settings: PredictionSettings,
) -> MovementData:
    """Data with the prices of walking and that of jerk."""
    data = with_walking_prices(_anywhere_along(data, structure), structure, person, settings.prices)
    if not np.isfinite(settings.jerk):
        return data
    return data.with_parameters({"roughness accelerations": roughness(structure, reference, settings.jerk)})


def _anywhere_along(data: MovementData, structure: MovementStructure) -> MovementData:
    """Data that do not say where the body is along the way: it means nothing once the speed is another."""
    if structure.travel < 0:
        return data
    precision = np.array(data.parameters["precision coordinates"])
    precision[:, structure.travel] = 0.0
    return data.with_parameters({"precision coordinates": precision})


def roughness(structure: MovementStructure, reference: NodeReference, jerk: float) -> np.ndarray:
    """Weights (1, n_q) of squared changes of accelerations: their sum is the mean over time of (jerk / its size)²."""
    mesh = structure.mesh
    step = reference.duration / (mesh.n_intervals * mesh.nodes_per_interval)
    # the interval that wraps to the mirror image has no price, see `problem`
    count = (mesh.n_intervals - (mesh.period == "half_cycle")) * mesh.nodes_per_interval
    return np.full((1, structure.n_coordinates), (SCALE["accelerations"] / (step * jerk)) ** 2 / count)


def _at_speed(data: MovementData, settings: PredictionSettings) -> MovementData:
    """Data with the speed fixed and the duration within its bounds."""
    return data.with_bounds("speed", settings.speed, settings.speed).with_bounds("duration", *settings.duration)

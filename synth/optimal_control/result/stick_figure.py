"""Stick figures: the skeleton of a movement drawn from the side at even times, with the push of the ground."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from opensim_models.model.multibody import segment_states
from opensim_models.model.skeleton import Skeleton
from opensim_models.model.vector import over_frames
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.result.solution_export import pressure_wrench
from synth.optimal_control.result.solution_frames import solution_frames

RIGHT, LEFT, MIDDLE = "#b5232f", "#2b5fa8", "#222222"
"""Colours of the sides, as of `synth.picture`."""
N_FIGURES = 9
_METRES_PER_WEIGHT = 0.6
_LIGHT = 0.03
"""Share of body weight below which a push is not drawn."""


def colour_of(name: str) -> str:
    """Colour of a thing by the side in its name."""
    return {"_r": RIGHT, "_l": LEFT}.get(name[-2:], MIDDLE)


def stick_lines(skeleton: Skeleton, values: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Lines that make the figure of a skeleton.

    Parameters
    ----------
    skeleton : Skeleton
    values : ndarray, shape (n_frames, n_q)
        rad or m.

    Returns
    -------
    dict
        Segment → lines (2, n_frames, 3) in m, ground frame: from its origin to those of its children; of the last
        segment of a chain, to its mass centre and as far again.
    """
    states = segment_states(skeleton, list(values.T))
    origins = [over_frames(list(state.origin), len(values)) for state in states]
    lines: dict[str, list[np.ndarray]] = {segment.name: [] for segment in skeleton.segments}
    for i, segment in enumerate(skeleton.segments):
        if segment.parent >= 0:
            lines[skeleton.segments[segment.parent].name].append(np.stack([origins[segment.parent], origins[i]]))
    for i, segment in enumerate(skeleton.segments):
        if not lines[segment.name]:
            turn = over_frames([x for row in states[i].rotation for x in row], len(values)).reshape(-1, 3, 3)
            lines[segment.name] = [np.stack([origins[i], origins[i] + 2.0 * turn @ np.array(segment.centre_of_mass)])]
    return lines


def draw_figures(axes: Axes, solution: MovementSolution, n_figures: int = N_FIGURES) -> None:
    """Draw the skeleton from the right side at even times, and the ground's push on each foot.

    Parameters
    ----------
    axes : Axes
    solution : MovementSolution
    n_figures : int
        How many, the first and the last frame among them.
    """
    frames = solution_frames(solution)
    chosen = np.unique(np.linspace(0, len(frames.time) - 1, n_figures).round().astype(int))
    values = frames.coordinates[chosen]
    # someone who hardly moves forward would stand in front of himself
    way = float(np.ptp(segment_travel(solution.skeleton, values)))
    aside = max(0.9 - way / max(len(chosen) - 1, 1), 0.0) * np.arange(len(chosen))
    for name, lines in stick_lines(solution.skeleton, values).items():
        for line in lines:
            axes.plot(line[:, :, 0] + aside, line[:, :, 1], color=colour_of(name), linewidth=1.6, alpha=0.85)
    weight = solution.skeleton.mass * float(np.linalg.norm(solution.skeleton.gravity))
    for i, foot in enumerate(solution.feet):
        force, point, _ = pressure_wrench(frames.loads[chosen, i, :3], frames.loads[chosen, i, 3:])
        pushes = force[:, 1] > _LIGHT * weight
        tip = point + _METRES_PER_WEIGHT * force / weight
        for k in np.flatnonzero(pushes):
            ends = [point[k, 0] + aside[k], tip[k, 0] + aside[k]], [point[k, 1], tip[k, 1]]
            axes.plot(*ends, color=colour_of(foot), linewidth=0.9, linestyle=":")
    axes.axhline(0.0, color="#777777", linewidth=0.6)
    axes.set_aspect("equal")
    axes.axis("off")


def segment_travel(skeleton: Skeleton, values: np.ndarray) -> np.ndarray:
    """Forward place (n_frames,) in m of the first segment."""
    return over_frames([segment_states(skeleton, list(values.T))[0].origin[0]], len(values))[:, 0]

"""Solution picture: one page of a movement solution beside what it followed.

Stick figures, coordinates with the reference and its band, ground reaction, moments, activations with the EMG, and
what is left over at the root of the skeleton, where nothing holds a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.movement.solution import MovementSolution
from synth.optimal_control.recording.recorded_motion import RecordedMotion
from synth.optimal_control.result.solution_frames import SolutionFrames, solution_frames
from synth.optimal_control.result.stick_figure import colour_of, draw_figures
from synth.picture.picture_file import save_picture

_GREY = "#777777"
_WIDTH, _ROW, _TITLE, _MARGIN = 15.0, 1.5, 0.55, 0.2
"""Inches."""
_COLUMNS, _MUSCLE_COLUMNS = 6, 8
_SIDES = ("_r", "_l")
_FORCES = (("forward", 0), ("vertical", 1), ("right", 2))


@dataclass(frozen=True)
class PictureReference:
    """What a movement is drawn beside.

    Attributes
    ----------
    phase : ndarray, shape (n,)
        Share of the movement's duration, 0 to 1.
    values : dict of str to ndarray, shape (n,)
        Coordinate → rad or m.
    band : dict of str to ndarray, shape (n,)
        Coordinate → half width of the band around it, e.g. one standard deviation.
    moments : dict of str to ndarray, shape (n,)
        Coordinate → net joint moment (N·m) that was followed.
    forces : dict of str to ndarray, shape (n, 3)
        ``"right"``, ``"left"`` → N.
    activations : dict of str to ndarray, shape (n,)
        Muscle → EMG in any unit: it is drawn with the peak of the activation.
    """

    phase: np.ndarray
    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    band: Mapping[str, np.ndarray] = field(default_factory=dict)
    forces: Mapping[str, np.ndarray] = field(default_factory=dict)
    activations: Mapping[str, np.ndarray] = field(default_factory=dict)
    moments: Mapping[str, np.ndarray] = field(default_factory=dict)


def recorded_reference(
    motion: RecordedMotion,
    duration: float,
    band: Mapping[str, float] | None = None,
    emg_of: Mapping[str, str] | None = None,
) -> PictureReference:
    """Reference from a recording of the same movement.

    Parameters
    ----------
    motion : RecordedMotion
        From the start of the movement on; it may end sooner or later.
    duration : float
        Of the recorded movement (s): a stride, say.
    band : mapping, optional
        Coordinate → half width (rad or m), e.g. the standard deviation that a tracking problem supposed.
    emg_of : mapping, optional
        Muscle → EMG column, where the recording has other names than the model.
    """
    emg = {**dict(zip(motion.muscles, motion.muscles, strict=True)), **(emg_of or {})}
    unknown = [column for column in emg.values() if column not in motion.muscles]
    if unknown:
        raise ModelMismatch(f"no EMG of {unknown[0]!r}; the recording has {', '.join(motion.muscles) or 'none'}.")
    n = len(motion.time)
    return PictureReference(
        phase=(motion.time - motion.time[0]) / duration,
        values={name: motion.values[:, i] for i, name in enumerate(motion.coordinates)},
        band={name: np.full(n, float(width)) for name, width in (band or {}).items()},
        forces={foot: wrench.force for foot, wrench in motion.wrenches.items()},
        activations={name: motion.emg[:, motion.muscles.index(column)] for name, column in emg.items()},
        moments=dict(zip(motion.coordinates, motion.moments.T, strict=False)),  # none without moments
    )


def draw_solution(
    solution: MovementSolution,
    reference: PictureReference | None = None,
    residuals: Mapping[str, float] | None = None,
) -> Figure:
    """Draw a solution on one page.

    Parameters
    ----------
    solution : MovementSolution
    reference : PictureReference, optional
    residuals : mapping, optional
        Word for equations → their largest residual, as of `program.diagnosis`.

    Returns
    -------
    Figure
        Right is red, left blue; the reference is grey.
    """
    page = _Page(solution, reference or PictureReference(np.zeros(0)), residuals or {})
    parts = page.parts()
    heights = [part.rows * _ROW + _TITLE + 0.1 for part in parts]
    top = whole = sum(heights) + _MARGIN
    figure = Figure(figsize=(_WIDTH, whole))
    # places by hand: matplotlib's own layout takes seconds for so many panels
    for part, height in zip(parts, heights, strict=True):
        figure.text(0.01, (top - 0.1) / whole, part.title, fontsize=9, fontweight="bold", va="top")
        sides = {"left": 0.03, "right": 0.99, "top": (top - _TITLE) / whole, "bottom": (top - height + 0.4) / whole}
        grid = figure.add_gridspec(part.rows, part.columns, **sides, wspace=0.22, hspace=0.45)
        for i, panel in enumerate(part.panels):
            place = grid[:, :] if part.columns == 1 else grid[i // part.columns, i % part.columns]
            panel(figure.add_subplot(place))
        top -= height
    return figure


def save_solution_picture(
    path: Path,
    solution: MovementSolution,
    reference: PictureReference | None = None,
    residuals: Mapping[str, float] | None = None,
    *,
    rows: Sequence[Mapping[str, str]] = (),
    notes: Sequence[str] = (),
) -> None:
    """Draw a solution into a .png, .svg, .pdf or .html; other arguments as of `picture_file.save_picture`."""
    figure = draw_solution(solution, reference, residuals)
    save_picture(path, f"{solution.skeleton.name}: {headline(solution)}", figure, rows, notes)


def headline(solution: MovementSolution) -> str:
    """The most important words about a solution."""
    said = f"{solution.duration:.3f} s at {solution.speed:.2f} m/s"
    said += f", objective {solution.objective:.4g}, {solution.iterations} iterations, {solution.cpu_seconds:.1f} CPU s"
    return said if solution.converged else f"NOT A SOLUTION: {solution.reason or 'the solver did not converge'}"


def paired(names: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Names of both sides together: (name without side, members), in the order in which they come."""
    found: dict[str, list[str]] = {}
    for name in names:
        stem = name[:-2] if name[-2:] in _SIDES else name
        found.setdefault(stem, []).append(name)
    return [(stem, tuple(members)) for stem, members in found.items()]


@dataclass(frozen=True)
class _Part:
    """A titled group of panels."""

    title: str
    columns: int
    panels: Sequence[Callable[[Axes], None]]
    rows: int


def _part(title: str, columns: int, panels: Sequence[Callable[[Axes], None]]) -> _Part:
    return _Part(title, columns, panels, -(-len(panels) // columns))


class _Page:
    """What the panels of one page draw from."""

    def __init__(self, solution: MovementSolution, reference: PictureReference, residuals: Mapping[str, float]) -> None:
        self.solution, self.reference, self.residuals = solution, reference, residuals
        self.frames: SolutionFrames = solution_frames(solution)
        cycle = solution.period == "cycle"
        self.scale, self.unit = (100.0, "% of the cycle") if cycle else (solution.duration, "s")
        self.x = self.frames.time / self.frames.time[-1] * self.scale
        self.weight = solution.skeleton.mass * float(np.linalg.norm(solution.skeleton.gravity))

    def parts(self) -> list[_Part]:
        """All that this solution has."""
        skeleton, kinds = self.solution.skeleton, {c.name: c.kind for c in self.solution.skeleton.coordinates}
        figures = _Part(headline(self.solution), 1, [lambda axes: draw_figures(axes, self.solution)], 2)
        pairs = [pair for pair in paired(skeleton.coordinate_names) if not pair[0].endswith(("_tx", "_tz"))]
        joints = [pair for pair in paired(skeleton.coordinate_names) if not pair[0].startswith("pelvis")]
        parts = [figures, _part("coordinates (degrees, m)", _COLUMNS, [self._coordinate(p, kinds) for p in pairs])]
        if len(self.solution.feet):
            axes = _FORCES if np.any(self.frames.loads[..., 2]) else _FORCES[:2]
            parts.append(_part("ground reaction (body weights)", 3, [self._force(*axis) for axis in axes]))
        parts.append(_part("moments of muscles and actuators (N·m)", _COLUMNS, [self._moment(p) for p in joints]))
        if self.solution.muscles:
            muscles = [self._activation(pair) for pair in paired(self.solution.muscles)]
            title = "activations" + (" (pale: EMG of the same peak)" if self.reference.activations else "")
            parts.append(_part(title, _MUSCLE_COLUMNS, muscles))
        parts.append(_part("residuals", 3, [self._root("_tx", "_ty", "_tz"), self._root("tilt", "list", "rotation"),
                                            *([self._equations] if self.residuals else [])]))  # fmt: skip
        return parts

    def _plain(self, axes: Axes, title: str) -> None:
        axes.set_title(title, fontsize=7)
        axes.tick_params(labelsize=6)
        axes.grid(color=_GREY, alpha=0.2)
        axes.set_xlim(0.0, self.scale)

    def _beside(self, axes: Axes, name: str, arrays: Mapping[str, np.ndarray], factor: float = 1.0) -> None:
        """A reference's curve and its band, in the pale colour of its side."""
        if name not in arrays:
            return
        x, y = self.reference.phase * self.scale, factor * arrays[name]
        axes.plot(x, y, color=colour_of(name), linewidth=2.5, alpha=0.3)
        if arrays is self.reference.values and name in self.reference.band:
            half = factor * self.reference.band[name]
            axes.fill_between(x, y - half, y + half, color=colour_of(name), alpha=0.12, linewidth=0)

    def _coordinate(self, pair: tuple[str, tuple[str, ...]], kinds: Mapping[str, str]) -> Callable[[Axes], None]:
        def draw(axes: Axes) -> None:
            for name in pair[1]:
                factor = 180.0 / np.pi if kinds[name] == "rotation" else 1.0
                self._beside(axes, name, self.reference.values, factor)
                values = self.frames.coordinates[:, self.solution.skeleton.coordinate_index(name)]
                axes.plot(self.x, factor * values, color=colour_of(name), linewidth=1.0)
            self._plain(axes, pair[0])

        return draw

    def _force(self, word: str, axis: int) -> Callable[[Axes], None]:
        def draw(axes: Axes) -> None:
            for i, reaction in enumerate(self.solution.ground_reactions):
                colour = colour_of(self.solution.feet[i])
                if reaction.foot in self.reference.forces:
                    measured = self.reference.forces[reaction.foot][:, axis] / self.weight
                    axes.plot(self.reference.phase * self.scale, measured, color=colour, linewidth=2.5, alpha=0.3)
                axes.plot(self.x, self.frames.loads[:, i, axis] / self.weight, color=colour, linewidth=1.0)
            self._plain(axes, word)
            axes.set_xlabel(self.unit, fontsize=6)

        return draw

    def _moment(self, pair: tuple[str, tuple[str, ...]]) -> Callable[[Axes], None]:
        def draw(axes: Axes) -> None:
            for name in pair[1]:
                column = self.frames.moments[:, self.solution.skeleton.coordinate_index(name)]
                self._beside(axes, name, self.reference.moments)
                axes.plot(self.x, column, color=colour_of(name), linewidth=1.0)
            self._plain(axes, pair[0])

        return draw

    def _activation(self, pair: tuple[str, tuple[str, ...]]) -> Callable[[Axes], None]:
        def draw(axes: Axes) -> None:
            for name in pair[1]:
                column = self.frames.activations[:, self.solution.muscles.index(name)]
                peak = float(np.nanmax(self.reference.activations.get(name, [0.0]), initial=0.0))
                if peak > 0.0:  # the unit of an EMG is that of its amplifier
                    self._beside(axes, name, self.reference.activations, float(column.max()) / peak)
                axes.plot(self.x, column, color=colour_of(name), linewidth=1.0)
            self._plain(axes, pair[0])
            axes.set_ylim(0.0, 1.0)

        return draw

    def _root(self, *endings: str) -> Callable[[Axes], None]:
        """Generalized forces at the pelvis, where nothing but an actuator could act."""

        def draw(axes: Axes) -> None:
            for name in self.solution.skeleton.coordinate_names:
                if name.startswith("pelvis") and name.endswith(endings):
                    column = self.frames.moments[:, self.solution.skeleton.coordinate_index(name)]
                    axes.plot(self.x, column, linewidth=1.0, label=f"{name}, largest {np.abs(column).max():.2g}")
            self._plain(axes, "root forces (N)" if "_tx" in endings else "root moments (N·m)")
            if axes.lines:
                axes.legend(fontsize=6)

        return draw

    def _equations(self, axes: Axes) -> None:
        """Largest residual of each kind of equations in the solved problem."""
        words = list(self.residuals)
        axes.barh(words, [max(float(self.residuals[word]), 1e-12) for word in words], color=_GREY, alpha=0.4)
        for place, word in enumerate(words):  # beside the bars they would reach into the next panel
            axes.text(0.02, place, word, transform=axes.get_yaxis_transform(), fontsize=6, va="center")
        axes.set_yticks([])
        axes.set_xscale("log")
        axes.tick_params(labelsize=6)
        axes.set_title("largest residual of the equations (solver units)", fontsize=7)

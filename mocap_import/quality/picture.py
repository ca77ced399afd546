"""Quality picture: what a trial looks like, as small inline SVG drawn by hand.

Each picture is a few kilobytes: an archive of thousands of trials stays a page that a browser opens.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

import numpy as np

from mocap_import.gap.filling import FILL_METHODS
from mocap_import.marker.marker_set import MarkerSet, landmark_positions
from mocap_import.plate.contact import SIDES
from mocap_import.stretch import stretches
from mocap_import.trial import MarkerTrial

COLOURS = {"right": "#0b7a4b", "left": "#b5232f", "both": "#6b4fa0", "unknown": "#777777"}
FILL_COLOURS = ("#c9d6e2", "#e8a33d", "#3f8fd2", "#8e5bbf", "#d9534f", "#444444")
"""Measured, then one a fill method in the order of `FILL_METHODS`."""
FILL_MEANINGS = {
    "spline": "a smooth curve through the marker's own samples before and after the gap",
    "rigid": "carried along by the other markers of its segment, which keep their distances",
    "low_rank": "the marker's usual place among all the others, learned from the frames in which it was seen",
    "kalman": "the marker's own motion carried forward and backward through the gap, each by how sure it is",
}
_WIDTH, _BINS, _MOST_MARKERS = 640, 320, 80
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 6, 18


def presence_map(trial: MarkerTrial) -> str:
    """Marker presence over time: measured, filled by which method, or missing (white)."""
    state = np.isfinite(trial.positions[:, :, 0]).astype(int)
    if trial.fill_method is not None:
        state = np.where(trial.fill_method > 0, 1 + np.minimum(trial.fill_method, len(FILL_COLOURS) - 1), state)
    elif trial.filled is not None:
        state = np.where(trial.filled, len(FILL_COLOURS), state)
    order = np.argsort((state == 1).mean(axis=0), kind="stable")[:_MOST_MARKERS]  # the worst, in the order of the file
    shown = np.sort(order)
    bins = np.unique(np.linspace(0, trial.n_frames, min(_BINS, trial.n_frames) + 1).astype(int))
    # The worst of a bin: a gap of one frame must not vanish.
    worst = np.where(state == 0, 100, state)[:, shown]
    worst = np.maximum.reduceat(worst, bins[:-1], axis=0) if len(bins) > 1 else worst[:0]
    row, height = 7, _TOP + 7 * len(shown) + _BOTTOM
    scale = (_WIDTH - 90 - _RIGHT) / max(1, len(worst))
    parts = []
    for k, column in enumerate(worst.T):
        y = _TOP + row * k
        parts.append(
            f'<text x="86" y="{y + 6}" text-anchor="end" font-size="6">{escape(trial.labels[shown[k]][:18])}</text>'
        )
        edges = np.flatnonzero(np.diff(column, prepend=-1, append=-1))
        for start, stop in pairwise(edges):
            if column[start] != 100:
                colour = FILL_COLOURS[column[start] - 1]
                x, width = 90 + scale * start, scale * (stop - start)
                parts.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="6" fill="{colour}"/>')
    parts.append(_time_axis(90, _WIDTH - _RIGHT, height - _BOTTOM, trial.n_frames / trial.rate))
    return _svg(_WIDTH, height, parts)


def force_curves(trial: MarkerTrial) -> str:
    """Vertical force of each plate, with events and steps (hollow: not usable, the reason as a tooltip)."""
    duration = trial.n_frames / trial.rate
    curves = []
    for reaction in trial.ground_reactions:
        time = np.arange(len(reaction.force)) / reaction.rate
        curves.append((time, reaction.force[:, 1], COLOURS.get(reaction.foot, COLOURS["unknown"]), reaction.name))
    plot = _Plot(curves, duration, 130, "N")
    return plot.svg(trial, steps=True) if curves else ""


def foot_heights(trial: MarkerTrial, meaning: MarkerSet | None) -> str:
    """Height of heel (line) and toe (dashed) of each foot, with events."""
    landmarks = landmark_positions(trial, meaning) if meaning else {}
    curves = [
        (trial.time, 1000.0 * landmarks[f"{part}_{side}"][:, 1], COLOURS[foot], f"{part} {foot}")
        for foot, side in SIDES
        for part in ("heel", "toe")
        if f"{part}_{side}" in landmarks
    ]
    return _Plot(curves, trial.n_frames / trial.rate, 110, "mm").svg(trial) if curves else ""


def top_view(trial: MarkerTrial, meaning: MarkerSet | None) -> str:
    """The path from above: pelvis (grey), heels, plates and their centres of pressure; X to the right, Z down."""
    landmarks = landmark_positions(trial, meaning) if meaning else {}
    paths = [(landmarks[f"heel_{side}"], COLOURS[foot], 1.0) for foot, side in SIDES if f"heel_{side}" in landmarks]
    middle = [landmarks[name] for name in ("asis_r", "asis_l", "sacrum", "psis_r", "psis_l") if name in landmarks]
    if middle:
        paths.append((np.mean(middle, axis=0), "#999999", 1.5))
    corners = [reaction.corners for reaction in trial.ground_reactions if reaction.corners is not None]
    places = [path[np.isfinite(path).all(axis=1)] for path, *_ in paths] + corners
    places = [place[:, [0, 2]] for place in places if len(place)]
    if not places:
        return ""
    low, high = np.min([p.min(axis=0) for p in places], axis=0), np.max([p.max(axis=0) for p in places], axis=0)
    scale = min((_WIDTH - 20) / max(high[0] - low[0], 0.5), 180 / max(high[1] - low[1], 0.3))
    height = float((high[1] - low[1]) * scale + 20)

    def drawn(place: np.ndarray) -> str:
        return " ".join(f"{10 + scale * (x - low[0]):.1f},{10 + scale * (z - low[1]):.1f}" for x, z in place[:, [0, 2]])

    parts = [f'<polygon points="{drawn(c)}" fill="#f2f2f2" stroke="#999"/>' for c in corners]
    for path, colour, width in paths:
        for stretch in _stretches(path[:: max(1, len(path) // 400)]):
            parts.append(f'<polyline points="{drawn(stretch)}" fill="none" stroke="{colour}" stroke-width="{width}"/>')
    for reaction in trial.ground_reactions:
        place = reaction.centre_of_pressure[np.isfinite(reaction.centre_of_pressure).all(axis=1)]
        place = place[:: max(1, len(place) // 120)]
        inside = ((place[:, [0, 2]] >= low - 0.05) & (place[:, [0, 2]] <= high + 0.05)).all(axis=1)
        dots = "".join(f"M{point}h0" for point in drawn(place[inside]).split())
        colour = COLOURS.get(reaction.foot, COLOURS["unknown"])
        parts.append(f'<path d="{dots}" stroke="{colour}" stroke-width="2" stroke-linecap="round"/>')
    return _svg(_WIDTH, height, parts)


class _Plot:
    """Curves over time with room for events."""

    def __init__(
        self, curves: Sequence[tuple[np.ndarray, np.ndarray, str, str]], duration: float, height: int, unit: str
    ) -> None:
        finite = [values[np.isfinite(values)] for _, values, *_ in curves]
        finite = [values for values in finite if len(values)]
        self.low = min((float(values.min()) for values in finite), default=0.0)
        self.high = max((float(values.max()) for values in finite), default=1.0)
        self.high = max(self.high, self.low + 1e-6)
        self.curves, self.duration, self.height, self.unit = curves, max(duration, 1e-9), height, unit

    def x(self, time: np.ndarray | float) -> np.ndarray | float:
        """Place of a time."""
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * time / self.duration

    def y(self, value: np.ndarray | float) -> np.ndarray | float:
        """Place of a value."""
        return self.height - _BOTTOM - (self.height - _BOTTOM - _TOP) * (value - self.low) / (self.high - self.low)

    def svg(self, trial: MarkerTrial, *, steps: bool = False) -> str:
        """The picture."""
        base = self.height - _BOTTOM
        parts = []
        for event in trial.events:
            dash = "" if event.kind == "foot_strike" else ' stroke-dasharray="2 2"'
            x, colour = self.x(event.time), COLOURS.get(event.foot, COLOURS["unknown"])
            title = escape(f"{event.foot} {event.kind} {event.time:.3f} s ({event.source})")
            line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{base}" stroke="{colour}" opacity=".35"{dash}>'
            parts.append(f"{line}<title>{title}</title></line>")
        for time, values, colour, name in self.curves:
            dash = ' stroke-dasharray="4 2"' if name.startswith("toe") else ""
            shown = np.stack([self.x(time), self.y(values)], axis=1)
            for stretch in _stretches(_thinned(shown)):
                points = " ".join(f"{x:.1f},{y:.1f}" for x, y in stretch)
                line = f'<polyline points="{points}" fill="none" stroke="{colour}"{dash}>'
                parts.append(f"{line}<title>{escape(name)}</title></polyline>")
        for step in trial.steps if steps else ():
            colour = COLOURS.get(step.foot, COLOURS["unknown"])
            x, width = self.x(step.start), self.x(step.stop) - self.x(step.start)
            title = escape(f"{step.plate} {step.foot}: {'usable' if step.usable else step.reason}")
            box = f'x="{x:.1f}" y="{base - 4}" width="{width:.1f}" height="4"'
            fill = colour if step.usable else "none"
            parts.append(f'<rect {box} fill="{fill}" stroke="{colour}"><title>{title}</title></rect>')
        for value in (self.low, self.high):
            text = f'<text x="{_LEFT - 4}" y="{self.y(value) + 3:.0f}" text-anchor="end" font-size="9">'
            parts.append(f"{text}{value:.0f} {self.unit}</text>")
        return _svg(_WIDTH, self.height, [*parts, _time_axis(_LEFT, _WIDTH - _RIGHT, base, self.duration)])


def _thinned(points: np.ndarray) -> np.ndarray:
    """At most two points a bin, its lowest and highest: peaks survive."""
    size = -(-len(points) // _BINS)
    if size <= 2:
        return points
    blocks = points[: len(points) // size * size].reshape(-1, size, 2)
    values = np.where(np.isfinite(blocks[:, :, 1]), blocks[:, :, 1], np.inf)
    low = values.argmin(axis=1)
    high = np.where(np.isinf(values), -np.inf, values).argmax(axis=1)
    rows = np.arange(len(blocks))
    first, second = np.minimum(low, high), np.maximum(low, high)
    return np.stack([blocks[rows, first], blocks[rows, second]], axis=1).reshape(-1, 2)


def _stretches(points: np.ndarray) -> list[np.ndarray]:
    """The points between gaps, two or more at a time."""
    seen = np.isfinite(points).all(axis=1)
    starts, stops = stretches(seen)
    return [points[a:b] for a, b in zip(starts, stops, strict=True) if b - a > 1]


def _time_axis(left: float, right: float, y: float, duration: float) -> str:
    """A line with its ends in seconds."""
    return (
        f'<line x1="{left}" x2="{right}" y1="{y}" y2="{y}" stroke="#999"/>'
        f'<text x="{left}" y="{y + 11}" font-size="9">0 s</text>'
        f'<text x="{right}" y="{y + 11}" text-anchor="end" font-size="9">{duration:.2f} s</text>'
    )


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    """An inline picture that fits its column."""
    return f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img">{"".join(parts)}</svg>'


def legend() -> list[tuple[str, str, str]]:
    """(colour, word, what it means) of the presence map."""
    words = [("measured", "seen by the cameras")]
    words += [(name.replace("_", " "), FILL_MEANINGS[name]) for name in FILL_METHODS[1:]]
    return [(colour, *entry) for colour, entry in zip(FILL_COLOURS, words, strict=False)]

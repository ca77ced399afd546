"""Draw the pictures of `sensor_frames.md` and print its table of signs; run by hand, not shipped.

    python -m docs.draw_sensor_frames            # writes docs/pictures/*.svg, prints the table for the page

Every sign comes from the virtual sensor on our own generic skeleton (`sensor_movements`); none is typed.
`tests/synth/imu/test_sensor_pages.py` compares the page and the pictures with what this file computes.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from docs.sensor_movements import (
    END,
    MOVE,
    MOVEMENTS,
    RATE,
    REST,
    SENSORS,
    SKELETON,
    Movement,
    force_change,
    readings,
    sign_table,
    states,
    turning_signs,
)
from opensim_models.inverse.segment_motion import marker_positions, segment_motions
from opensim_models.motion import Kinematics
from synth.imu.recording import ImuRecording, SensorPlacement

PICTURES = Path(__file__).parent / "pictures"
COLOURS = {"x": "#c1272d", "y": "#1b7a3d", "z": "#1f5fbf"}
BEFORE, AFTER = "#b0b0b0", "#202020"
VIEWS = {
    "side": (0, 1, "seen from the right", ("X forward", "Y up")),
    "back": (2, 1, "seen from behind", ("Z right", "Y up")),
    "top": (2, 0, "seen from above", ("Z right", "X forward")),
}
"""Page right, page up, and their names: no view is a mirror image."""
LEG = ("femur", "tibia", "calcn")


def draw_movement(movement: Movement) -> Figure:
    """One picture: the skeleton before and after, and what the sensors read meanwhile."""
    records = readings(movement)
    figure = Figure(figsize=(9.0, 5.0), facecolor="white")
    figure.text(0.02, 0.95, f"{movement.title[0].upper()}{movement.title[1:]}", fontsize=13, weight="bold")
    body = figure.add_axes((0.01, 0.02, 0.47, 0.90))
    _draw_body(body, movement)
    for place, quantity in ((0.55, "angular_velocity"), (0.10, "specific_force")):
        axes = figure.add_axes((0.55, place, 0.42, 0.29))
        _draw_readings(axes, records, quantity)
    return figure


def draw_standing() -> Figure:
    """The frames of the segments and sensors of a standing person, from the right and from behind."""
    figure = Figure(figsize=(9.0, 6.4), facecolor="white")
    still = Kinematics(("pelvis_tilt",), np.zeros((1, 1)), RATE)
    for place, view in ((0.02, "side"), (0.51, "back")):
        axes = figure.add_axes((place, 0.02, 0.47, 0.96))
        _set_view(axes, view, (-0.66, 0.66, -0.05, 1.82))
        _draw_skeleton(axes, still, 0, view, AFTER, ("r", "l") if view == "back" else ("r",))
        for sensor in SENSORS.values():
            if view == "back" or not sensor.sensor.endswith("_l"):
                _draw_sensor(axes, still, 0, view, sensor, named=True)
    told = "dots: origins of the segments (joint centres)    discs: sensors; dot: the axis points at you, cross: away"
    figure.text(0.03, 0.015, told.replace("    ", " · "), fontsize=8, color="#707070")
    return figure


def _draw_body(axes: Axes, movement: Movement) -> None:
    kinematics = states(movement)[0]
    _set_view(axes, movement.view, movement.window)
    sides = ("r",) if movement.view == "side" else ("r", "l")
    for frame, colour in ((0, BEFORE), (-1, AFTER)):
        _draw_skeleton(axes, kinematics, frame, movement.view, colour, sides)
    _draw_path(axes, movement)
    shown = movement.sensors[: len(sides)]
    for sensor in shown:
        _draw_sensor(axes, kinematics, 0, movement.view, sensor, faint=True)
        _draw_sensor(axes, kinematics, -1, movement.view, sensor)


def _set_view(axes: Axes, view: str, window: tuple[float, float, float, float]) -> None:
    """Set limits, and draw the ground's axes and where the viewer stands."""
    left, right, bottom, top = window
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", anchor="C")
    axes.axis("off")
    if view != "top":
        axes.plot([left, right], [0.0, 0.0], color="#d8d8d8", linewidth=1.0, zorder=0)
    size = right - left
    x, y = left + 0.03 * size, top - 0.24 * size
    arrow = {"arrowstyle": "->", "color": "#707070", "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}
    for end in ((x + 0.11 * size, y), (x, y + 0.11 * size)):
        axes.annotate("", xy=end, xytext=(x, y), arrowprops=arrow)
    words = {"color": "#707070", "fontsize": 8}
    axes.text(x + 0.12 * size, y, VIEWS[view][3][0], va="center", **words)
    axes.text(x, y + 0.125 * size, VIEWS[view][3][1], va="bottom", **words)
    axes.text(x, y + 0.20 * size, VIEWS[view][2], va="bottom", style="italic", **words)


def _draw_skeleton(axes: Axes, kinematics: Kinematics, frame: int, view: str, colour: str, sides: tuple) -> None:
    """Bones as lines, joints as dots; from above only feet and pelvis, and a trunk that moves."""
    right, up = VIEWS[view][:2]
    origin = {name: motion.origin[frame] for name, motion in segment_motions(SKELETON, kinematics).items()}
    names = [marker.name for marker in SKELETON.markers]
    mark = dict(zip(names, marker_positions(SKELETON, kinematics)[frame], strict=True))
    chains, dots = [[origin["femur_r"], origin["femur_l"]]], []
    if view == "top":
        chains += [[mark[m] for m in ("asis_r", "asis_l", "psis_l", "psis_r", "asis_r")]]
    if view != "top" or "lumbar_rotation" in kinematics.coordinates[:1]:
        chains += [[origin["pelvis"], origin["torso"], mark["c7"]]]
        chains += [] if view == "side" else [[mark["acromion_r"], mark["acromion_l"]]]
        head = Circle(_head(kinematics, frame)[[right, up]], 0.09, fill=False, color=colour, linewidth=1.8)
        axes.add_patch(head)
        dots += [origin["pelvis"], origin["torso"]]
    for side in sides:
        hip, knee, ankle = (origin[f"{segment}_{side}"] for segment in LEG)
        sole = ("metatarsal_1", "metatarsal_5") if view == "back" else ("heel", "toe")
        foot = [mark[f"{name}_{side}"] for name in sole]
        chains += [[hip, knee, ankle], [ankle, foot[0], foot[1], ankle]]
        dots += [hip, knee, ankle]
    axes.plot(np.array(dots)[:, right], np.array(dots)[:, up], "o", color=colour, markersize=3.5)
    for chain in map(np.array, chains):
        axes.plot(chain[:, right], chain[:, up], color=colour, linewidth=1.8, solid_capstyle="round")


def _head(kinematics: Kinematics, frame: int) -> np.ndarray:
    """Place of a head (m) for the eye; the skeleton has none."""
    trunk = segment_motions(SKELETON, kinematics)["torso"]
    return trunk.origin[frame] + trunk.orientation[frame].apply([0.0, 0.56, 0.0])


def _draw_path(axes: Axes, movement: Movement) -> None:
    """Draw where the landmark goes that names the movement."""
    right, up = VIEWS[movement.view][:2]
    names = [marker.name for marker in SKELETON.markers]
    twins = {movement.goes[0], movement.goes[0].removesuffix("_r") + "_l"} if movement.sided else {movement.goes[0]}
    for name in sorted(twins if movement.view != "side" else {movement.goes[0]}):
        path = marker_positions(SKELETON, states(movement)[0])[REST : REST + MOVE : 6, names.index(name)]
        axes.plot(path[:-1, right], path[:-1, up], color="#8a4fbf", linewidth=1.4, zorder=4)
        look = {
            "arrowstyle": "-|>",
            "color": "#8a4fbf",
            "linewidth": 1.4,
            "mutation_scale": 8,
            "shrinkA": 0,
            "shrinkB": 0,
        }
        axes.annotate("", xy=path[-1, [right, up]], xytext=path[-4, [right, up]], arrowprops=look, zorder=4)


def _draw_sensor(
    axes: Axes,
    kinematics: Kinematics,
    frame: int,
    view: str,
    sensor: SensorPlacement,
    *,
    faint: bool = False,
    named: bool = False,
) -> None:
    """Draw a sensor as a small disc with the two axes that the view shows."""
    right, up = VIEWS[view][:2]
    motion = segment_motions(SKELETON, kinematics)[sensor.segment]
    turn = motion.orientation[frame]
    place = motion.origin[frame] + turn.apply(sensor.offset)
    axis_length = (0.09 if named else 0.13) * (axes.get_xlim()[1] - axes.get_xlim()[0])
    at = place[[right, up]]
    axes.plot(*at, "s", color="#f2a900", markersize=5 if faint else 7, alpha=0.5 if faint else 1.0, zorder=5)
    for k, name in enumerate("xyz"):
        axis = (turn * sensor.mounting).as_matrix()[:, k]
        direction = axis[[right, up]]
        if np.linalg.norm(direction) < 0.35:
            if not faint:
                _draw_end_on(axes, at, name, towards=axis @ np.cross(*np.eye(3)[[right, up]]) > 0)
            continue
        end = at + axis_length * direction
        look = {"arrowstyle": "-|>", "color": COLOURS[name], "linewidth": 1.0 if faint else 1.8}
        look |= {"alpha": 0.35 if faint else 1.0, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
        axes.annotate("", xy=end, xytext=at, arrowprops=look, zorder=6)
        if not faint:
            axes.text(
                *(at + 1.22 * axis_length * direction),
                name,
                color=COLOURS[name],
                fontsize=10,
                bbox=_PAPER,
                zorder=6,
                **_CENTRE,
            )
    if named:
        axes.annotate(
            sensor.sensor, at, (5, -6), textcoords="offset points", fontsize=8, va="top", bbox=_PAPER, zorder=4
        )


def _draw_end_on(axes: Axes, at: np.ndarray, name: str, *, towards: bool) -> None:
    """Draw an axis that points at the viewer (dot) or away (cross)."""
    axes.plot(*at, "o", color="white", markeredgecolor=COLOURS[name], markeredgewidth=1.6, markersize=9, zorder=7)
    axes.plot(*at, "o" if towards else "x", color=COLOURS[name], markersize=3 if towards else 5, zorder=8)
    axes.annotate(name, at, (-9, -9), textcoords="offset points", color=COLOURS[name], fontsize=10, **_CENTRE)


_FONTS = ["DejaVu Sans", "Verdana", "Arial", "Helvetica"]
"""The widest first: laid out with it, the text of a viewer that lacks it is shorter."""
_PAPER = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.6}
_CENTRE = {"ha": "center", "va": "center", "weight": "bold"}


def _draw_readings(axes: Axes, records: tuple[ImuRecording, ...], quantity: str) -> None:
    """Curves of the right (or only) sensor full, of the left one dashed, and their signs in words above."""
    time = (np.arange(REST + MOVE + END) - REST) / RATE
    for record, style in zip(records, ("-", (0, (3, 2))), strict=False):
        for k, name in enumerate("xyz"):
            values = getattr(record, quantity)[:, k]
            axes.plot(time[::2], values[::2], color=COLOURS[name], linestyle=style, linewidth=1.6)
    turning = quantity == "angular_velocity"
    words = turning_signs if turning else force_change
    sides = ("right (full):", "left (dashed):") if len(records) == 2 else ("",)
    told = [f"{side} {words(record)}".strip() for side, record in zip(sides, records, strict=True)]
    what = "gyroscope, rad/s" if turning else "accelerometer, m/s²; change from still to still"
    axes.set_title(what + "\n" + "  |  ".join(told), fontsize=9, loc="left", linespacing=1.5)
    axes.axhline(0.0, color="#909090", linewidth=0.6, zorder=0)
    axes.axvspan(0.0, MOVE / RATE, color="#f3f3f3", zorder=-1)
    axes.set_xlim(time[0], time[-1])
    axes.margins(y=0.15)
    axes.tick_params(labelsize=8)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
    axes.set_xticks(np.arange(-0.2, 0.8, 0.2))
    if turning:
        axes.tick_params(labelbottom=False)
        for k, name in enumerate("xyz"):
            axes.text(
                0.90 + 0.05 * k, 1.03, name, color=COLOURS[name], transform=axes.transAxes, fontsize=10, **_CENTRE
            )
    else:
        axes.set_xlabel("time, s", fontsize=8)


def write_picture(figure: Figure, path: Path) -> None:
    """Write an SVG with its text as text, the same bytes each time."""
    look = {"svg.fonttype": "none", "svg.hashsalt": "kinesynth", "font.sans-serif": _FONTS, "path.simplify": True}
    with mpl.rc_context(look):
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    write_picture(draw_standing(), PICTURES / "standing.svg")
    for shown in MOVEMENTS:
        write_picture(draw_movement(shown), PICTURES / f"{shown.name}.svg")
    print(sign_table())

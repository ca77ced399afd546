"""The viewer's page: one HTML file that holds its scenes, its script and its style, without network."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mocap_import.durable_file import write_durably
from training.report.viewer.scene import Scene

MISSING = -32768
"""Code of NaN in a 16-bit track."""
_STEPS = 65534
_FINEST = 0.0005
"""m; positions that 16 bits would round more coarsely than this are kept as float32."""


class TrackStore:
    """Arrays of a page as one block of bytes, and where each lies in it.

    A track is an array (n_frames, n_items, n_axes) in 16-bit integers with an offset and a step for each axis, or in
    float32 where that would be too coarse.
    """

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._size = 0

    def add(self, values: np.ndarray, *, finest: float = np.inf) -> dict[str, Any]:
        """Keep an array and return its description.

        Parameters
        ----------
        values : ndarray, shape (n_frames, n_items, n_axes)
        finest : float
            Largest step that an axis may have, in the unit of the values.
        """
        flat = values.reshape(-1, values.shape[-1]).astype(float)
        known = np.isfinite(flat)
        low = np.where(known, flat, np.inf).min(axis=0, initial=np.inf)
        high = np.where(known, flat, -np.inf).max(axis=0, initial=-np.inf)
        low, high = np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)
        step = np.maximum((high - low) / _STEPS, 1e-12)
        if (step > finest).any():
            return self._described("f4", flat.astype("<f4"), values.shape, {})
        codes = np.rint((np.where(known, flat, low) - low) / step) - 32767
        codes = np.where(known, codes, MISSING).astype("<i2")
        return self._described("i2", codes, values.shape, {"low": low.tolist(), "step": step.tolist()})

    def base64(self) -> str:
        """All tracks as text."""
        return base64.b64encode(b"".join(self._blocks)).decode("ascii")

    def _described(self, kind: str, codes: np.ndarray, shape: tuple[int, ...], how: dict[str, Any]) -> dict[str, Any]:
        block = codes.tobytes()
        place = self._size
        self._blocks.append(block + b"\0" * (-len(block) % 4))
        self._size += len(self._blocks[-1])
        return {"kind": kind, "at": place, "shape": list(shape), **how}


def write_viewer(scenes: Sequence[Scene], out: Path, *, live: bool = False) -> Path:
    """Write one or two scenes as a page.

    Parameters
    ----------
    scenes : sequence of Scene
        The second stands beside the first, on the same clock.
    out : Path
        The HTML file; it appears only when it is complete.
    live : bool
        The page asks its server for ``frames`` (server-sent events: frame and points of the first figure).

    Returns
    -------
    Path
        `out`.
    """
    if not 1 <= len(scenes) <= 2:
        raise ValueError(f"a viewer shows one scene or two side by side; got {len(scenes)}.")
    folder, store = Path(__file__).parent, TrackStore()
    plain = {"scenes": [_plain(scene, store, finest=0.0 if live else _FINEST) for scene in scenes]}
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
    page = environment.get_template("viewer.html").render(
        title=" beside ".join(scene.title for scene in scenes),
        scenes=scenes,
        css=Markup((folder / "viewer.css").read_text(encoding="utf-8")),
        script=Markup((folder / "viewer_bundle.js").read_text(encoding="utf-8")),
        data=_embedded(plain),
        tracks=store.base64(),
        live=live,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_durably(out, page)
    return out


def anchor(scene: Scene) -> np.ndarray:
    """Where the camera looks while it follows (n_frames, 2): forward and right (m), of the body, smoothed over 1 s.

    Frames without a body take the nearest one; a scene without any stays at the origin.
    """
    points, n = scene.points[..., [0, 2]], scene.n_frames
    known = np.isfinite(points).all(axis=2)
    counted = known.sum(axis=1)
    frames = np.flatnonzero(counted)
    if not len(frames):
        return np.zeros((n, 2))
    middle = np.where(known[..., None], points, 0.0).sum(axis=1)[frames] / counted[frames, None]
    filled = np.stack([np.interp(np.arange(n), frames, middle[:, axis]) for axis in range(2)], axis=1)
    half = max(int(scene.rate / 2), 1)
    padded = np.pad(filled, ((half, half), (0, 0)), mode="edge")
    sums = np.cumsum(np.vstack([np.zeros((1, 2)), padded]), axis=0)
    return (sums[2 * half + 1 :] - sums[: -2 * half - 1]) / (2 * half + 1)


def _plain(scene: Scene, store: TrackStore, finest: float) -> dict[str, Any]:
    """A scene as JSON can hold it; its arrays go to the store, the figure's as numbers where none is fine enough."""
    markers, figure = scene.markers, scene.figure
    return {
        "title": scene.title,
        "rate": scene.rate,
        "frames": scene.n_frames,
        "begin": scene.begin,
        "anchor": store.add(anchor(scene)[:, None], finest=_FINEST),
        "box": _box(scene),
        "markers": markers and {"names": markers.names, "track": store.add(markers.positions, finest=_FINEST)},
        "figure": figure
        and {
            "names": figure.names,
            "sticks": figure.sticks,
            "sides": figure.sides,
            "track": store.add(figure.positions, finest=finest),
        },
        "forces": [
            {
                "name": force.name,
                "side": force.side,
                "force": store.add(force.force[:, None]),
                "point": store.add(force.point[:, None], finest=_FINEST),
            }
            for force in scene.forces
        ],
        "sensors": [
            {
                "name": sensor.name,
                "origin": store.add(sensor.origin[:, None], finest=_FINEST),
                "quaternion": store.add(sensor.quaternion[:, None]),
            }
            for sensor in scene.sensors
        ],
        "signals": [
            {
                "group": signal.group,
                "name": signal.name,
                "unit": signal.unit,
                "channels": signal.channels,
                "track": store.add(signal.values[:, None]),
            }
            for signal in scene.signals
        ],
        "events": [{"time": event.time, "foot": event.foot, "kind": event.kind} for event in scene.events],
        "plates": [np.asarray(corners, float).round(4).tolist() for corners in scene.plates if _whole(corners)],
        "facts": scene.facts,
        "remarks": scene.remarks,
    }


def _box(scene: Scene) -> list[list[float]]:
    """Corners (m) of what moves: the room of the floor and of the camera; robust against lone stray points."""
    seen = [thing.positions.reshape(-1, 3) for thing in (scene.figure, scene.markers) if thing is not None]
    points = np.concatenate([np.empty((0, 3)), *seen])
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return [[-1.0, 0.0, -1.0], [1.0, 1.8, 1.0]]
    low, high = np.percentile(points[:: max(len(points) // 50_000, 1)], [0.5, 99.5], axis=0)
    return [low.round(3).tolist(), high.round(3).tolist()]


def _whole(corners: np.ndarray) -> bool:
    return bool(np.isfinite(np.asarray(corners, float)).all())


def _embedded(data: dict[str, Any]) -> Markup:
    """JSON that is safe inside a script element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))

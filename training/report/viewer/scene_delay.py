"""Scene delay: the same scene on a clock on which it begins earlier or later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.report.viewer.scene import Scene


def delayed(scene: Scene, seconds: float) -> Scene:
    """A scene that begins some time after zero of the clock, to the nearest of its own frames.

    Parameters
    ----------
    scene : Scene
    seconds : float
        Positive: nothing is seen before; negative: what lies before zero is cut off.

    Returns
    -------
    Scene

    Raises
    ------
    ValueError
        Nothing of it would be left.
    """
    n = round(seconds * scene.rate)
    if n == 0:
        return scene
    if scene.n_frames + n <= 0:
        raise ValueError(
            f"{scene.title} lasts {scene.n_frames / scene.rate:.2f} s; laid {-seconds:.2f} s earlier nothing of it is "
            "left. Give another --align."
        )

    def moved(values: np.ndarray) -> np.ndarray:
        unknown = np.full((max(n, 0), *values.shape[1:]), np.nan)
        return np.concatenate([unknown, values[max(-n, 0) :]])

    time = n / scene.rate
    return replace(
        scene,
        n_frames=scene.n_frames + n,
        markers=scene.markers and replace(scene.markers, positions=moved(scene.markers.positions)),
        figure=scene.figure and replace(scene.figure, positions=moved(scene.figure.positions)),
        forces=tuple(replace(f, force=moved(f.force), point=moved(f.point)) for f in scene.forces),
        sensors=tuple(replace(s, origin=moved(s.origin), quaternion=moved(s.quaternion)) for s in scene.sensors),
        signals=tuple(replace(signal, values=moved(signal.values)) for signal in scene.signals),
        events=tuple(replace(e, time=e.time + time) for e in scene.events if e.time + time >= 0.0),
    )

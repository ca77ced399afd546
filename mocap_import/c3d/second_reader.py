"""C3D second reader: the same numbers by ezc3d and by py-c3d, two independent implementations.

They are the second path of the direct decoder, not part of an ordinary import. What they are known to do wrong: ezc3d
scrambles points when ANALOG:RATE is missing, refuses SGI files, cuts or invents frames beyond 65,535 and reads
truncated files as shorter ones; py-c3d refuses files without a POINT group and with a parameter written twice, and
stops at the number of parameter blocks stated. Both return points whose occlusion is written as 65535 as valid.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path

import numpy as np

from mocap_import.c3d.data_section import C3dData
from mocap_import.c3d.layout import C3dLayout
from mocap_import.trial import TrialRefused


def read_with_ezc3d(path: Path, layout: C3dLayout) -> C3dData:
    """Numbers of a file as ezc3d reads them; refused where it fails or finds other counts than the layout."""
    import ezc3d

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            content = ezc3d.c3d(str(path))
        except (RuntimeError, OSError, ValueError, KeyError, IndexError) as problem:
            raise TrialRefused(
                f"{path.name}: ezc3d cannot read it ({_first_line(problem)}); use the reader 'direct'."
            ) from problem
        points = content["data"]["points"][:3].transpose(2, 1, 0)
        residuals = content["data"]["meta_points"]["residuals"][0].T
        analog = np.ascontiguousarray(content["data"]["analogs"][0].T)
        rotations = content["data"]["rotations"]
    samples = np.concatenate([points, residuals[:, :, None]], axis=2) if points.size else np.zeros((len(points), 0, 4))
    rotations = rotations.transpose(3, 2, 0, 1) if np.ndim(rotations) == 4 else np.zeros((0, 0, 4, 4))
    analog = analog if analog.size else np.zeros((0, 0))
    return _checked(C3dData(samples, analog, np.ascontiguousarray(rotations)), layout, path, "ezc3d")


def read_with_py_c3d(path: Path, layout: C3dLayout) -> C3dData:
    """Numbers of a file as py-c3d reads them; it knows no rotations."""
    import c3d

    with path.open("rb") as file, warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            frames = [(points, analog) for _, points, analog in c3d.Reader(file).read_frames()]
            samples = np.array([points[:, [0, 1, 2, 3]] for points, _ in frames], dtype=float)
            analog = np.concatenate([np.atleast_2d(analog).T for _, analog in frames]).astype(float)
        except Exception as problem:  # a border: its errors are of every kind, AssertionError among them
            raise TrialRefused(
                f"{path.name}: py-c3d cannot read it ({_first_line(problem)}); use the reader 'direct'."
            ) from problem
    if not analog.size:
        analog = np.zeros((0, 0))
    return _checked(C3dData(samples, analog), layout, path, "py-c3d")


def _checked(data: C3dData, layout: C3dLayout, path: Path, reader: str) -> C3dData:
    """The data if their counts are those of the layout."""
    if data.samples.shape[:2] != (layout.n_frames, layout.n_points):
        raise TrialRefused(
            f"{path.name}: {reader} finds {data.samples.shape[0]} frames of {data.samples.shape[1]} points, the size "
            f"of the file tells {layout.n_frames} of {layout.n_points}; use the reader 'direct'."
        )
    expected = (layout.n_frames * layout.samples_per_frame, layout.n_channels)
    if layout.n_channels and data.analog.shape != expected:
        raise TrialRefused(
            f"{path.name}: {reader} finds analog data of shape {data.analog.shape}, the size of the file tells "
            f"{expected}; use the reader 'direct'."
        )
    return data


def _first_line(problem: BaseException) -> str:
    return f"{type(problem).__name__}: {problem}".strip().split("\n")[0]

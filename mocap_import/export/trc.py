"""TRC: markers as the text file that OpenSim and most mocap programs open (Motion Analysis, "Track Row Column").

Occluded samples are empty fields, never zeros. The time column is k / rate in the shortest form that gives the same
number back, so that nothing is lost by differentiating it.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mocap_import.durable_file import write_durably
from mocap_import.trial import MarkerTrial, TrialRefused

UNITS = {"mm": (1000.0, 6), "m": (1.0, 9)}
"""Unit → factor from metres, and decimals: a nanometre in both."""


_KEYS = (
    *("DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units"),
    *("OrigDataRate", "OrigDataStartFrame", "OrigNumFrames"),
)


def write_trc(path: str | Path, trial: MarkerTrial, *, unit: str = "mm") -> None:
    """Write the markers of a trial; the file is there whole or not at all.

    Parameters
    ----------
    path : str or Path
        Ends in ``.trc``; its folder must exist.
    trial : MarkerTrial
        Ground frame, which is OpenSim's: X forward, Y up, Z right.
    unit : str, default "mm"
        ``"mm"`` or ``"m"``; OpenSim converts by the header.

    Raises
    ------
    TrialRefused
        The trial has no markers or no rate.
    ValueError
        Another unit.
    """
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")
    if not trial.labels or not trial.n_frames or not trial.rate > 0:
        raise TrialRefused(
            f"{trial.source or trial.name}: a .trc file needs markers and a rate; the trial holds "
            f"{len(trial.labels)} markers in {trial.n_frames} frames at {trial.rate:g} Hz; --to csv writes what it has."
        )
    path = Path(path)
    labels = trc_labels(trial.labels)
    n_markers, n_frames, rate = len(labels), trial.n_frames, repr(float(trial.rate))
    factor, decimals = UNITS[unit]
    values = (rate, rate, n_frames, n_markers, unit, rate, 1, n_frames)
    axes = "\t".join(f"X{k}\tY{k}\tZ{k}" for k in range(1, n_markers + 1))
    header = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "\t".join(_KEYS),
        "\t".join(map(str, values)),
        "Frame#\tTime\t" + "\t\t\t".join(labels) + "\t\t",
        f"\t\t{axes}",
        "",
    ]
    row = "\t".join([f"%.{decimals}f"] * (3 * n_markers))
    times = trial.time.tolist()
    # A marker with one coordinate missing is occluded as a whole.
    seen = np.isfinite(trial.positions).all(axis=2, keepdims=True)
    table = np.where(seen, trial.positions * factor, np.nan).reshape(n_frames, -1).tolist()
    rows = [f"{k + 1}\t{times[k]!r}\t{(row % tuple(cells)).replace('nan', '')}" for k, cells in enumerate(table)]
    # OpenSim's parser drops an empty last field and then misses a column; one more tab keeps it.
    rows = [f"{line}\t" if line.endswith("\t") else line for line in rows]
    write_durably(path, "\n".join([*header, *rows, ""]))


def trc_labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Labels that a tab-separated file can carry: no white space inside, none empty, each once."""
    found: list[str] = []
    for number, label in enumerate(labels, start=1):
        plain = re.sub(r"\s+", "_", label.strip()) or f"marker_{number}"
        name, copy = plain, 2
        while name in found:
            name, copy = f"{plain}_{copy}", copy + 1
        found.append(name)
    return tuple(found)


def read_trc(path: str | Path) -> tuple[tuple[str, ...], np.ndarray, float]:
    """Read a .trc file.

    Returns
    -------
    labels : tuple of str
    positions : ndarray, shape (n_frames, n_markers, 3)
        m, in the file's axes; NaN = empty field.
    rate : float
        Hz, from the header.

    Raises
    ------
    TrialRefused
        The file does not have the form of a .trc file.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        header = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=False))
        rate, n_markers, unit = float(header["DataRate"]), int(header["NumMarkers"]), header["Units"].strip()
        labels = tuple(lines[3].rstrip("\r").split("\t")[2 : 2 + 3 * n_markers : 3])
        factor = UNITS[unit][0]
        rows = [line.rstrip("\r").split("\t")[2 : 2 + 3 * n_markers] for line in lines[5:] if line.strip()]
        cells = [[float(cell) if cell.strip() else np.nan for cell in row] for row in rows]
        positions = np.array(cells, dtype=float).reshape(len(rows), n_markers, 3) / factor
    except (OSError, UnicodeDecodeError, IndexError, KeyError, ValueError) as problem:
        raise TrialRefused(
            f"{path.name}: expected a .trc file (header, labels, one row a frame, in m or mm), but {problem!r}; "
            "export the file again."
        ) from problem
    return labels, positions, rate

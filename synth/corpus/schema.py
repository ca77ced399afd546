"""Schema version 3 of the corpus: the words, units and frames that a file must carry, and the one exception.

The page ``docs/corpus.md`` is the same schema for people; ``kinesynth corpus check`` compares a file with it.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

SCHEMA_NAME = "kinesynth-corpus"
SCHEMA_VERSION = 3
READ_VERSIONS = (1, 2, 3)
"""Older ones are brought up to date while they are read, see `synth.corpus.migration`."""

ROLES = ("motion", "reference", "baseline", "prediction")
"""What a corpus is: measured motion, labels by optimal control, a baseline's estimate, a network's estimate."""

STATUSES = ("measured", "converged", "refused", "predicted")

GROUND_FRAME = "ground: X forward, Y up, Z right, right-handed"
SENSOR_FRAME = "sensor: v_sensor = mounting^T R_segment^T v_ground"
SEGMENT_FRAME = "segment"
MISSING = "NaN, and False in the companion <name>_mask"

CHANNELS = (
    "specific_force_x",
    "specific_force_y",
    "specific_force_z",
    "angular_velocity_x",
    "angular_velocity_y",
    "angular_velocity_z",
)
CHANNEL_UNITS = ("m/s^2", "m/s^2", "m/s^2", "rad/s", "rad/s", "rad/s")

IMU_DTYPE = np.dtype("<f4")
"""Inertial records: 24 bits of mantissa (1e-6 m/s² on 16 m/s²) are far below any sensor's noise, and windows for
training are copied straight from the file."""

VALUE_DTYPE = np.dtype("<f8")
"""Everything else: coordinates must survive being differentiated twice (a pelvis 240 m down the road in float32
would carry 0.6 m/s² of rounding at 200 Hz)."""

SOLUTION_UNITS = {
    "start": "s",
    "end": "s",
    "converged": "1",
    "objective": "1",
    "iterations": "1",
    "n_nodes": "1",
    "residual_share": "1",
}
"""Columns of the facts of solutions, in this order (`synth.corpus.trial.SolutionFacts`)."""

TIMED_SOLUTION_UNITS = {
    "start": "s",
    "end": "s",
    "converged": "1",
    "objective": "1",
    "iterations": "1",
    "cpu_seconds": "s",
    "n_nodes": "1",
    "residual_share": "1",
}
"""Those of version 2; times lie beside the corpus since (`synth.corpus.measured_time`)."""

_TRANSLATION = re.compile(r"_t[xyz]$")
_SPATIOTEMPORAL_UNITS = {
    "speed": "m/s",
    "cadence": "1/s",
    "step_length": "m",
    "stride_length": "m",
    "step_width": "m",
    "step_time": "s",
    "stride_time": "s",
    "stance_time": "s",
    "swing_time": "s",
    "stance": "1",
    "swing": "1",
    "double_support": "1",
    "strength": "N.m",
}


class CorpusMismatch(Exception):  # noqa: N818  (a word of the field, see docs/architecture.md)
    """A corpus that cannot be read or written: names the file, the expected, the found and the remedy."""


class NothingAccepted(CorpusMismatch):
    """Every input was refused, so there is no corpus to write; the sentence holds the reasons."""


def coordinate_unit(coordinate: str) -> str:
    """Return the unit of a generalized coordinate: ``"m"`` for translations (``pelvis_tx``), otherwise ``"rad"``."""
    return "m" if _TRANSLATION.search(coordinate) else "rad"


def force_unit(coordinate: str) -> str:
    """Return the unit of a generalized force: ``"N"`` for translations, otherwise ``"N.m"``."""
    return "N" if _TRANSLATION.search(coordinate) else "N.m"


def spatiotemporal_unit(key: str) -> str:
    """SI unit of a spatiotemporal parameter such as ``step_length_r``; ``"SI"`` for a key without a fixed unit."""
    stem = re.sub(r"_(r|l|right|left|sd|mean)$", "", key)
    return _SPATIOTEMPORAL_UNITS.get(stem, "SI")


def require_corpus_name(out: Path) -> Path:
    """Return where a corpus is to be written, or refuse a name that no command would take for a corpus.

    Raises
    ------
    CorpusMismatch
    """
    if out.suffix.lower() != ".h5":
        raise CorpusMismatch(f"{out}: expected a corpus (.h5). Give a name that ends in .h5, such as {out.stem}.h5.")
    return out


def require_name(name: str, what: str) -> str:
    """Return `name` if it can name a group in an HDF5 file; raise otherwise.

    Raises
    ------
    CorpusMismatch
        For an empty name, one longer than 200 characters, a dot name, or one with a slash or control character.
    """
    if not name or len(name) > 200 or name in {".", ".."} or "/" in name or any(ord(c) < 32 for c in name):
        raise CorpusMismatch(
            f"{what} {name!r} cannot be stored: expected 1 to 200 characters without '/' or control character."
        )
    return name

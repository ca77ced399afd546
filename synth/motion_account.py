"""The account of a motion: what ``kinesynth motion`` left unexplained in a trial, and what it doubts.

It stands in small files beside the coordinates (``<trial>.ik.json``, ``<trial>.id.json``, ``scaling.done.json``), with
the times of the run, which are nobody's business here: an account and its hash are of what was found alone.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from opensim_models.archive.motion_task import SCALING_DONE, done_file, file_hash, product_file, read_done

_NUMBERS = {
    "ik": ("marker_error_mm", "worst_marker_mm", "left_out_percent"),
    "id": ("cutoff_hz", "masked_percent", "residual_force_percent", "residual_moment_percent"),
}
"""What of a row is kept: residuals of the markers (mm, RMS), and those of the forces at the root (%)."""
_SCALING = ("landmark_error_mm",)
_DIGITS = 6


@dataclass(frozen=True)
class MotionAccount:
    """What is to be known of the coordinates of one trial.

    Attributes
    ----------
    found : dict
        Residuals, by the names of the columns of ``motion.csv``.
    warnings : tuple of str
        Remarks and doubts of scaling, inverse kinematics and inverse dynamics.
    software : dict
        Package → version; empty where a folder of an earlier kinesynth does not say.
    """

    found: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    software: dict[str, str] = field(default_factory=dict)

    def sha256(self) -> str:
        """Of what it says: the same for every run that found the same."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def account_file(folder: Path, trial: str) -> Path:
    """The file that an account of a trial begins with; there is no account without it."""
    return done_file(folder, trial, "ik")


def read_account(folder: Path, trial: str) -> MotionAccount:
    """Account of a trial in the folder of its subject; an empty one where there is none.

    Parameters
    ----------
    folder : Path
        ``<motion>/<subject>``.
    trial : str
    """
    done = read_done(account_file(folder, trial))
    if done is None:
        return MotionAccount()
    found, warnings = {}, []
    scaling = read_done(folder / SCALING_DONE)
    if scaling is not None:
        found |= _numbers(scaling["row"], _SCALING)
        warnings += _words("scaling", scaling["row"])
    found |= _numbers(done["row"], _NUMBERS["ik"])
    warnings += _words("inverse kinematics", done["row"])
    if done.get("product", "") not in ("", file_hash(product_file(folder, trial, "ik"))):
        warnings.append("the coordinates are not those that `kinesynth motion` wrote and tells of")
    forces = read_done(done_file(folder, trial, "id"))
    if forces is not None:
        found |= _numbers(forces["row"], _NUMBERS["id"])
        warnings += _words("inverse dynamics", forces["row"])
    return MotionAccount(found, tuple(warnings), dict(done.get("software", {})))


def _numbers(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, float]:
    """Numbers of a row that are there, to six digits."""
    known = {name: row.get(name) for name in names}
    return {
        name: float(f"{value:.{_DIGITS}g}")
        for name, value in known.items()
        if isinstance(value, (int, float)) and math.isfinite(value)
    }


def _words(step: str, row: dict[str, Any]) -> list[str]:
    """Remarks and doubts of one step, each under its name."""
    return [f"{step}: {row[key]}" for key in ("reason", "doubts") if row.get(key)]

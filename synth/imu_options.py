"""Options of `kinesynth imu` as what they mean: an error recipe, placements and settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from synth.imu.error_recipe import NOISE_SCOPES, ImuErrors, apply_errors
from synth.imu.learnt_error import shipped_errors
from synth.imu.placement import SENSOR_SETS
from synth.imu.placement_file import read_placements
from synth.imu.recording import ImuRecording, SensorPlacement
from synth.imu.sensor_preset import sensor_preset

WHITE_NOISE = 0.15
"""The literature's share, used where neither a sensor nor learnt errors are asked for: they bring their own noise."""


def recipe_of(
    *,
    noise: float | None = None,
    misalignment: float = 13.5,
    misalignment_law: str = "signed_angle",
    position_sd: float = 0.0,
    swap: float = 0.0,
    soft_tissue: str = "none",
    sensor: str = "",
    learnt: bool = False,
    seed: int = 7,
) -> ImuErrors:
    """Error recipe of the options.

    Parameters
    ----------
    noise : float, optional
        Share of each channel's SD; 0.15 by default, 0 with a sensor or learnt errors.
    misalignment : float
        deg.
    misalignment_law, position_sd, swap, soft_tissue, seed
        See `ImuErrors`; the word none stands for no soft tissue, underscores and hyphens are alike.
    sensor : str
        Name of a preset, or nothing.
    learnt : bool

    Raises
    ------
    ValueError
        An unknown word or an impossible number.
    """
    own_noise = bool(sensor) or learnt
    if learnt:
        shipped_errors()
    return ImuErrors(
        noise_share=(0.0 if own_noise else WHITE_NOISE) if noise is None else noise,
        misalignment_deg=misalignment,
        seed=seed,
        misalignment_law=_word(misalignment_law),
        position_sd=position_sd,
        swap_probability=swap,
        soft_tissue="" if soft_tissue == "none" else soft_tissue,
        sensor=sensor_preset(_word(sensor)) if sensor else None,
        learnt="shipped" if learnt else "",
    )


def scope_of(word: str) -> str:
    """Noise scope of a word.

    Raises
    ------
    ValueError
        If it is none.
    """
    if _word(word) not in NOISE_SCOPES:
        raise ValueError(f"noise scope {word!r} is unknown; expected one of {', '.join(NOISE_SCOPES)}.")
    return _word(word)


def check_recipe(errors: ImuErrors, placements: Sequence[SensorPlacement]) -> None:
    """Refuse a recipe that no reader could apply to these sensors, by applying it to a second of noise.

    Raises
    ------
    ValueError
        Nothing was learnt, or no soft tissue is known, of a segment.
    """
    rate = 100.0
    noise = np.random.default_rng(0).standard_normal((2, round(rate), 3))
    records = [ImuRecording(placement, *noise, rate) for placement in placements]
    apply_errors(records, errors, subject="", trial="")


def placements_of_options(name: str, file: Path | None) -> tuple[SensorPlacement, ...]:
    """Placements of a set, or of a file.

    Raises
    ------
    ValueError
        An unknown set or a file that is none.
    """
    if file is not None:
        return read_placements(file)
    if _word(name) not in SENSOR_SETS:
        raise ValueError(f"sensor set {name!r} is unknown; expected one of {', '.join(SENSOR_SETS)}.")
    return SENSOR_SETS[_word(name)]


def _word(text: str) -> str:
    return text.strip().lower().replace("-", "_")

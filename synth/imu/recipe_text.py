"""The stored form of an error recipe: JSON of version 1 (noise share and misalignment) and version 2 (everything)."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from synth.imu.sensor_clock import ClockErrors
from synth.imu.sensor_error import SensorModel, TriadErrors
from synth.imu.soft_tissue import SoftTissue

if TYPE_CHECKING:
    from synth.imu.error_recipe import ImuErrors

FIRST_NAME = "noise_share+misalignment"
RECIPE_NAME = "imu_errors"
RECIPE_VERSION = 2
_FIRST_KEYS = ("noise_share", "misalignment_deg", "seed")
_BOUNDLESS = ("full_range", "bandwidth")


def plain_recipe(errors: ImuErrors) -> dict[str, Any]:
    """Plain form of a recipe: of version 1 where nothing else than noise share, misalignment and seed is set."""
    others = [f for f in fields(errors) if f.name not in _FIRST_KEYS]
    if all(getattr(errors, f.name) == f.default for f in others):
        return {"recipe": FIRST_NAME, "version": 1} | {key: getattr(errors, key) for key in _FIRST_KEYS}
    plain: dict[str, Any] = {"recipe": RECIPE_NAME, "version": RECIPE_VERSION}
    plain |= {f.name: getattr(errors, f.name) for f in fields(errors)}
    plain["noise_sd"] = {sensor: list(values) for sensor, values in errors.noise_sd}
    plain["misalignment_axis"] = list(errors.misalignment_axis)
    if isinstance(errors.soft_tissue, SoftTissue):
        plain["soft_tissue"] = asdict(errors.soft_tissue)
    plain["sensor"] = None if errors.sensor is None else plain_sensor(errors.sensor)
    return plain


def plain_sensor(model: SensorModel) -> dict[str, Any]:
    """Plain form of a sensor model; an infinite range or bandwidth is null."""
    plain = asdict(model)
    for triad in ("accelerometer", "gyroscope"):
        for term in _BOUNDLESS:
            if math.isinf(plain[triad][term]):
                plain[triad][term] = None
    return plain


def sensor_from_plain(plain: dict[str, Any]) -> SensorModel:
    """Read what `plain_sensor` wrote.

    Raises
    ------
    ValueError
        If a key is unknown or missing.
    """
    parts = dict(_exactly(plain, SensorModel, "sensor"))
    for triad in ("accelerometer", "gyroscope"):
        terms = dict(_exactly(parts[triad], TriadErrors, triad))
        terms |= {term: math.inf for term in _BOUNDLESS if terms[term] is None}
        parts[triad] = TriadErrors(**terms)
    parts["clock"] = ClockErrors(**_exactly(parts["clock"], ClockErrors, "clock"))
    return SensorModel(**parts)


def read_recipe(text: str) -> dict[str, Any]:
    """Arguments of `ImuErrors` from the stored text.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
        If it is no recipe of a known version, or a key is unknown or missing.
    """
    stored = json.loads(text)
    kind = (stored.pop("recipe"), stored.pop("version"))
    if kind == (FIRST_NAME, 1):
        if set(stored) != set(_FIRST_KEYS):
            raise ValueError(f"version 1 has the keys {', '.join(_FIRST_KEYS)}")
        return stored
    if kind != (RECIPE_NAME, RECIPE_VERSION):
        raise ValueError(f"unknown recipe {kind[0]!r} version {kind[1]!r}")
    from synth.imu.error_recipe import ImuErrors  # at run time: the recipe is made of this module's text

    stored = dict(_exactly(stored, ImuErrors, "recipe"))
    stored["noise_sd"] = tuple((sensor, tuple(values)) for sensor, values in sorted(stored["noise_sd"].items()))
    stored["misalignment_axis"] = tuple(stored["misalignment_axis"])
    if isinstance(stored["soft_tissue"], dict):
        stored["soft_tissue"] = SoftTissue(**_exactly(stored["soft_tissue"], SoftTissue, "soft_tissue"))
    if stored["sensor"] is not None:
        stored["sensor"] = sensor_from_plain(stored["sensor"])
    return stored


def _exactly(plain: dict[str, Any], kind: type, where: str) -> dict[str, Any]:
    """The mapping itself, if its keys are the fields of a dataclass."""
    known = {f.name for f in fields(kind)}
    unknown, missing = sorted(set(plain) - known), sorted(known - set(plain))
    if unknown or missing:
        wrong = f"unknown key {unknown[0]!r}" if unknown else f"missing key {missing[0]!r}"
        raise ValueError(f"{where}: {wrong}")
    return plain

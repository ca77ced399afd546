"""Track options: words of the command line as names and numbers; what is wrong is a ValueError in one sentence."""

from __future__ import annotations

import math
from pathlib import Path


def check_sizes(sizes: dict[str, float]) -> None:
    """Refuse what is not above zero."""
    for name, value in sizes.items():
        if not 0.0 < value < math.inf:
            raise ValueError(f"--{name} is {value:g}; expected a number above zero.")


def _numbers(text: str, option: str, count: int) -> tuple[float, ...]:
    """Finite numbers with commas between them."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != count or not all(map(math.isfinite, values)):
        raise ValueError(f"{option} is {text!r}; expected {count} numbers with commas between them, e.g. 0.5,1.6.")
    return tuple(values)


def window_of(text: str) -> tuple[float, float]:
    """START,END in s; a ValueError says what is wrong."""
    start, end = _numbers(text, "--window", 2)
    return start, end


def intervals(text: str) -> int:
    """Intervals of a mesh; a ValueError says what is wrong."""
    if not text.strip().isdigit() or not 4 <= int(text) <= 1000:
        raise ValueError(f"--mesh has {text!r}; expected numbers of intervals from 4 to 1000, e.g. 25,50.")
    return int(text)


def pair_of(text: str) -> tuple[str, str]:
    """Muscle and EMG column of ``soleus_r=soleus``."""
    muscle, mark, column = text.partition("=")
    if not (muscle and mark and column):
        raise ValueError(f"--emg-of is {text!r}; expected MUSCLE=COLUMN, e.g. soleus_r=soleus.")
    return muscle, column


def held_values(texts: list[str] | None) -> dict[str, float | None]:
    """Coordinates to hold, with their value in degrees or m where one is given."""
    return dict(map(held_of, texts or []))


def held_of(text: str) -> tuple[str, float | None]:
    """Coordinate and value (degrees or m), if there is one, of ``mtp_angle_r=5``."""
    name, mark, value = text.partition("=")
    return name, _numbers(value, f"--hold {name}", 1)[0] if mark else None


def bounds_of(text: str) -> tuple[str, tuple[float, float]]:
    """Coordinate and range (degrees or m) of ``knee_angle_r=-5:120``."""
    name, _, limits = text.partition("=")
    try:
        low, high = (float(part) for part in limits.split(":"))
    except ValueError:
        raise ValueError(f"--bound is {text!r}; expected NAME=LOW:HIGH, e.g. knee_angle_r=-5:120.") from None
    if not low <= high:
        raise ValueError(
            f"--bound {name} must lie between {low:g} and {high:g}, which no number does; widen or swap the bounds."
        )
    return name, (low, high)


def in_model_units(
    model: Path, held: dict[str, float | None], bounds: dict[str, tuple[float, float]]
) -> tuple[dict[str, float | None], dict[str, tuple[float, float]]]:
    """Held values and bounds in rad and m, by the kinds of the model's coordinates."""
    if not held and not bounds:
        return {}, {}
    from opensim_models.model.osim_skeleton import read_osim

    skeleton = read_osim(model)
    turning = {c.name for c in skeleton.coordinates if c.kind == "rotation"}
    for name in (*held, *bounds):
        skeleton.coordinate_index(name)

    def own(name: str, value: float) -> float:
        return math.radians(value) if name in turning else value

    values = {name: None if value is None else own(name, value) for name, value in held.items()}
    return values, {name: (own(name, low), own(name, high)) for name, (low, high) in bounds.items()}

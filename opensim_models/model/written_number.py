"""Written number: what an .osim file says in digits, before OpenSim reads it as something else.

OpenSim reads ``9,301`` as 9, ``0,1 0,2 0,3`` as three zeros, and two numbers in the place of three as zeros as well,
all without a word (measured with 4.6). So what stands where mechanics takes its numbers from must be plain.
"""

from __future__ import annotations

import math
import re

COUNTS = {
    **dict.fromkeys(("mass", "default_value", "default_speed_value", "radius", "scale_factor"), 1),
    **dict.fromkeys(("inertia_xx", "inertia_yy", "inertia_zz", "inertia_xy", "inertia_xz", "inertia_yz"), 1),
    **dict.fromkeys(("max_isometric_force", "optimal_fiber_length", "tendon_slack_length"), 1),
    **dict.fromkeys(("pennation_angle_at_optimal", "max_contraction_velocity"), 1),
    **dict.fromkeys(("stiffness", "dissipation", "static_friction", "dynamic_friction", "viscous_friction"), 1),
    "range": 2,
    **dict.fromkeys(("mass_center", "translation", "orientation", "location", "axis", "gravity"), 3),
    **dict.fromkeys(("location_in_parent", "orientation_in_parent", "location_in_child", "orientation_in_child"), 3),
    "inertia": 6,
    **dict.fromkeys(("coefficients", "x", "y"), 0),
}
"""Element → how many numbers it holds; 0: any number of them."""
LIMITS = "range"
"""May be infinite: no limit."""
_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_DECIMAL_COMMA = re.compile(r"\d,\d|^,\d")


def fault_of_numbers(tag: str, text: str) -> str:
    """Say what is wrong with the text of an element that holds numbers.

    Parameters
    ----------
    tag : str
        One of `COUNTS`.
    text : str

    Returns
    -------
    str
        What was expected and what to do; empty if the numbers are plain ones.
    """
    cells = [cell.removesuffix(",") for cell in text.split()]  # as OpenSim does
    count = COUNTS[tag]
    if all(_is_number(cell, tag == LIMITS) for cell in cells) and count in (0, len(cells)):
        return ""
    expected = "numbers" if count == 0 else "one number" if count == 1 else f"{count} numbers with blanks between"
    if any(map(_DECIMAL_COMMA.search, cells)):
        example = next(cell for cell in cells if _DECIMAL_COMMA.search(cell)).replace(",", ".", 1)
        return f"expected {expected} with a decimal point, as {example}, not a decimal comma"
    return f"expected {expected} and nothing else"


def _is_number(cell: str, unlimited: bool) -> bool:
    """Whether a cell is a number that OpenSim reads as we do."""
    if _PLAIN.fullmatch(cell):
        return unlimited or math.isfinite(float(cell))
    return unlimited and cell.lower().lstrip("+-") in ("inf", "infinity")

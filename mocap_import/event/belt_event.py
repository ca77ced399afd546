"""Belt events: foot strikes of walking on one instrumented belt, from its centre of pressure.

While one foot stands, the belt carries the centre of pressure back; when the other foot strikes ahead, it turns
forward: a strike is where it is furthest back (Roerdink et al., J Biomech 41:2628, 2008). The turning point after a
foot has left is less sharp, since the sole rolls as fast as the belt runs: foot offs stay where the markers saw them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mocap_import.low_pass import low_pass
from mocap_import.trial import GaitEvent, MarkerTrial

REACH = 0.12
"""How far (s) from a marker event the turning point may be."""
CUTOFF = 20.0


def on_one_belt(trial: MarkerTrial) -> bool:
    """Whether a trial is walking on a treadmill whose only plate feels both feet."""
    plates = trial.ground_reactions
    return trial.task == "walk" and trial.belt_speed != 0.0 and len(plates) == 1 and plates[0].foot == "both"


def refine_on_belt(events: Sequence[GaitEvent], trial: MarkerTrial) -> tuple[GaitEvent, ...]:
    """Move the foot strikes that markers saw to the turning points of the centre of pressure.

    Parameters
    ----------
    events : sequence of GaitEvent
        From markers.
    trial : MarkerTrial
        For which `on_one_belt` holds.

    Returns
    -------
    tuple of GaitEvent
        Source ``"force"`` where a turning point lies within REACH, else as they were.
    """
    plate = trial.ground_reactions[0]
    forward = low_pass(plate.centre_of_pressure[:, 0], plate.rate, CUTOFF)
    reach = round(REACH * plate.rate)
    moved = []
    for event in events:
        centre = round(event.time * plate.rate)
        first, last = max(centre - reach, 0), min(centre + reach + 1, len(forward))
        window = forward[first:last]
        if event.kind != "foot_strike" or len(window) < 3 or not np.isfinite(window).all():
            moved.append(event)
            continue
        at = int(np.argmin(window))
        turns = 0 < at < len(window) - 1
        moved.append(replace(event, time=(first + at) / plate.rate, source="force") if turns else event)
    return tuple(moved)

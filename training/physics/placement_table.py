"""Where a label-free network found each person's sensors: angle and place beside the nominal ones, as a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from training.csv_table import write_csv
from training.physics.model_file import PhysicsModel


def placement_rows(model: PhysicsModel) -> pd.DataFrame:
    """One row a person and sensor.

    Returns
    -------
    DataFrame
        ``subject, sensor, segment, angle_deg`` (of the sensor's x axis over the segment's; the pelvis sensor's is held
        at 0), ``forward_m, upward_m`` (shift in the segment).
    """
    network = model.network
    turns = (network.turns * network.free_turns).detach().numpy()
    shifts = network.shifts.detach().numpy()
    rows = [
        {
            "subject": person,
            "sensor": sensor,
            "segment": segment,
            "angle_deg": float(np.degrees(turns[i, k])),
            "forward_m": float(shifts[i, k, 0]),
            "upward_m": float(shifts[i, k, 1]),
        }
        for i, person in enumerate(model.people)
        for k, (sensor, segment) in enumerate(zip(model.sensors, model.segments, strict=True))
    ]
    return pd.DataFrame(rows)


def write_placements(path: Path, model: PhysicsModel) -> Path:
    """Write `placement_rows` as CSV."""
    write_csv(path, placement_rows(model))
    return path

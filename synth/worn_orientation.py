"""Worn orientation: how sensors with the errors of a recipe are turned in the laboratory.

A misaligned sensor, one on soft tissue and one on the wrong leg are turned otherwise than planned, and what they read
is in their own axes. Orientations beside such readings must be those of the sensors as they were worn:
R_worn · reading is then in the ground frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from synth.imu.error_recipe import ImuErrors, apply_errors, child_rng
from synth.imu.mounting_motion import in_sensor_frame
from synth.imu.recording import ImuRecording
from synth.imu.soft_tissue import SoftTissue, tissue_motion, tissue_of
from synth.imu.tissue_spectrum import shipped_spectrum

_EXACT = {"noise_share": 0.0, "noise_scope": "trial", "noise_sd": (), "soft_tissue": "", "sensor": None, "learnt": ""}
_UNMOVED = {"misalignment_law": "signed_angle", "misalignment_deg": 0.0, "swap_probability": 0.0}


def worn_orientations(
    recordings: Sequence[ImuRecording],
    orientations: Mapping[str, np.ndarray],
    errors: ImuErrors | None,
    *,
    subject: str,
    trial: str,
) -> dict[str, np.ndarray]:
    """Orientation of every sensor with the errors of a recipe.

    The two axes of the laboratory that every sensor sees go through the recipe's own steps of swapping and
    misalignment (`apply_errors`), so the draws are those of the records by construction.

    Parameters
    ----------
    recordings : sequence of ImuRecording
        Clean records, one a sensor; soft tissue moves as they drive it.
    orientations : mapping of sensor to ndarray, shape (n_frames, 4)
        Planned sensor → ground, w, x, y, z; NaN where unknown.
    errors : ImuErrors or None
    subject, trial : str
        Names that select the draws, as for `apply_errors`.

    Returns
    -------
    dict of sensor to ndarray, shape (n_frames, 4)
        Unit quaternions w, x, y, z; NaN where unknown.
    """
    if errors is None:
        return dict(orientations)
    names = {"subject": subject, "trial": trial}
    seen = [
        _laboratory_axes(recording, orientations[recording.placement.sensor], turn)
        for recording, turn in zip(recordings, _tissue_turns(recordings, errors, names), strict=True)
    ]
    turned = apply_errors(seen, replace(errors, **_EXACT, position_sd=0.0), **names)
    return {record.placement.sensor: _from_axes(record) for record in turned}


def _tissue_turns(
    recordings: Sequence[ImuRecording], errors: ImuErrors, names: Mapping[str, str]
) -> list[np.ndarray | None]:
    """Rotation vectors (n, 3) of every sensor on its soft tissue, true → planned sensor frame; None without."""
    if not errors.soft_tissue:
        return [None] * len(recordings)
    turns = []
    for recording in apply_errors(recordings, replace(errors, **_EXACT, **_UNMOVED), **names):  # scattered at most
        placement = recording.placement
        if errors.soft_tissue == "resampled":
            rng = child_rng(errors, "tissue", **names, sensor=placement.sensor)
            drawn = shipped_spectrum(placement.segment).draw(len(recording.specific_force), recording.rate, rng)
            turns.append(in_sensor_frame(drawn, placement.mounting).rotation)
        else:
            own = isinstance(errors.soft_tissue, SoftTissue)
            turns.append(tissue_motion(recording, errors.soft_tissue if own else tissue_of(placement.segment)).rotation)
    return turns


def _laboratory_axes(recording: ImuRecording, quaternions: np.ndarray, tissue: np.ndarray | None) -> ImuRecording:
    """Ground X in the place of force and ground Y in that of angular velocity, as a perfect sensor would see them."""
    known = np.isfinite(quaternions).all(axis=1)
    if tissue is not None:
        known &= np.isfinite(tissue).all(axis=1)
    planned = Rotation.from_quat(np.where(known[:, None], quaternions, (1.0, 0.0, 0.0, 0.0)), scalar_first=True)
    if tissue is not None:
        planned = planned * Rotation.from_rotvec(np.where(known[:, None], tissue, 0.0))
    into = planned.inv()
    axes = [np.where(known[:, None], into.apply(axis), np.nan) for axis in np.eye(3)[:2]]
    return replace(recording, specific_force=axes[0], angular_velocity=axes[1])


def _from_axes(record: ImuRecording) -> np.ndarray:
    """Quaternions (n, 4) of the sensor that sees these axes of the laboratory."""
    first, second = record.specific_force, record.angular_velocity
    known = np.isfinite(first).all(axis=1)
    rows = np.stack([first, second, np.cross(first, second)], axis=1)  # sensor → ground: row k is ground axis k
    rotation = Rotation.from_matrix(np.where(known[:, None, None], rows, np.eye(3)))
    return np.where(known[:, None], rotation.as_quat(scalar_first=True), np.nan)

"""Sensors as they are worn in a test: white noise on both of them, turned on their segments or not.

What is drawn for a trial depends on a seed and the trial's name alone: every method, on every machine, in any order,
sees the same records.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from synth.imu.misalignment import draw_misalignment, misalign
from synth.imu.white_noise import add_noise
from synth.joint_trial import JointTrial
from training.joint.joint_record import trial_name


def trial_generator(trial: JointTrial, seed: int) -> np.random.Generator:
    """Random numbers that belong to one trial."""
    digest = hashlib.sha256(f"{seed}/{trial.subject.code}/{trial_name(trial)}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def wear_sensors(
    trial: JointTrial, *, noise_share: float = 0.15, misplacement_deg: float = 0.0, seed: int = 0
) -> JointTrial:
    """Turn both sensors, then add noise, to specific force and angular velocity alike.

    Parameters
    ----------
    trial : JointTrial
        With clean records.
    noise_share : float
        SD of the noise as a share of each channel's own SD over the trial.
    misplacement_deg : float
        SD (deg) of the signed angle by which each sensor is turned about a random axis; 0 = as placed.
    seed : int

    Returns
    -------
    JointTrial
        Other records, the same truth.
    """
    rng = trial_generator(trial, seed)
    worn = {}
    for name in ("proximal", "distal"):
        # Drawn even where it is not used, so that the noise of a trial is the same with and without misplacement.
        turn = draw_misalignment(rng, max(misplacement_deg, 1e-12))
        record = misalign(getattr(trial, name), turn) if misplacement_deg else getattr(trial, name)
        worn[name] = add_noise(record, share=noise_share, rng=rng)
    return replace(trial, **worn)

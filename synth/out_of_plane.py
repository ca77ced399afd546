"""Out-of-plane gait: a planar walker in three dimensions, every joint with adduction and rotation of its own.

Optimal control of a planar model says nothing of the frontal and transverse planes. Here each person gets them as
curves over the gait cycle, drawn around those of normal walking: an offset (how somebody stands and where a laboratory
puts its axes), a first harmonic with the amplitude and phase of published curves, and higher ones that make every
person another shape. Amplitudes of pelvis and hip: J. Perry, Gait Analysis, 1992; of the knee: Lafortune et al., J
Biomech 25:347, 1992 (bone pins); of hip, knee and ankle and how much persons differ: Kadaba et al., J Orthop Res 8:383,
1990. The numbers are rounded, the SDs between persons partly assumed; sagittal angles are those of the planar solution.

It is kinematic embroidery: forces stay planar, so they are left out, and feet may glide by centimetres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from mocap_import.trial import Treatment
from opensim_models.motion import SegmentMotion
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from synth.imu.mirror_image import mirror_rotation
from synth.imu.placement import SEVEN_SENSORS, scaled_placements
from synth.imu.simulation import simulate_imu
from synth.joint_trial import JOINTS, joint_rotation


class Swing(NamedTuple):
    """How an angle goes over the gait cycle of a right leg that strikes at 0.

    Attributes
    ----------
    mean, person_sd : float
        Offset over the persons (deg).
    amplitude : float
        Of the first harmonic (deg).
    phase : float
        Of its maximum, as part of the cycle.
    """

    mean: float
    person_sd: float
    amplitude: float
    phase: float


PELVIS = {"list": Swing(0.0, 1.5, 3.5, 0.65), "rotation": Swing(0.0, 2.0, 4.5, 0.02)}
"""List is positive when the right side is lower, rotation when the right side is ahead."""
JOINT_SWINGS: Mapping[str, tuple[Swing, Swing]] = {
    "hip": (Swing(2.0, 3.0, 5.0, 0.22), Swing(0.0, 6.0, 4.0, 0.35)),
    "knee": (Swing(0.0, 3.0, 2.5, 0.72), Swing(0.0, 5.0, 4.5, 0.62)),
    "ankle": (Swing(0.0, 4.0, 4.0, 0.70), Swing(-5.0, 5.0, 4.0, 0.45)),
}
"""Joint → adduction (ankle: inversion) and internal rotation."""
AMPLITUDE_RANGE = (0.5, 1.6)
"""What a person's amplitude is multiplied by; a side differs from the other by `SIDE_SD` of it."""
SIDE_SD, PHASE_SD, SHAPE_SD = 0.15, 0.05, 0.3
"""SD between sides (share), of the phase (part of a cycle), of the second and third harmonic (shares of the first)."""
SWAY = (0.018, 0.30)
"""Sideways sway of the pelvis (m), and its phase: towards the right leg in its stance."""
MOST_HARMONICS = 3


class PersonSwings:
    """The curves of one person.

    Parameters
    ----------
    rng : Generator
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._pelvis = {name: _drawn(swing, rng) for name, swing in PELVIS.items()}
        self._joints = {}
        for joint, swings in JOINT_SWINGS.items():
            both = [_drawn(swing, rng) for swing in swings]
            for side in "rl":
                self._joints[joint, side] = [wave * (1.0 + SIDE_SD * rng.standard_normal()) for wave in both]

    def pelvis(self, cycle: np.ndarray) -> np.ndarray:
        """List and rotation (n, 2) (rad) at parts of the right leg's cycle."""
        return np.column_stack([_at(wave, cycle) for wave in self._pelvis.values()])

    def joint(self, joint: str, side: str, cycle: np.ndarray) -> np.ndarray:
        """Adduction and rotation (n, 2) (rad), counted alike on both sides."""
        own = cycle if side == "r" else cycle + 0.5
        return np.column_stack([_at(wave, own) for wave in self._joints[joint, side]])


def _drawn(swing: Swing, rng: np.random.Generator) -> np.ndarray:
    """Complex coefficients (rad) of a person: the offset, then the harmonics."""
    offset = swing.mean + swing.person_sd * rng.standard_normal()
    size = swing.amplitude * rng.uniform(*AMPLITUDE_RANGE)
    phase = swing.phase + PHASE_SD * rng.standard_normal()
    higher = SHAPE_SD * size * (rng.standard_normal(MOST_HARMONICS - 1) + 1j * rng.standard_normal(MOST_HARMONICS - 1))
    first = size * np.exp(-2j * np.pi * phase)
    return np.pi / 180.0 * np.r_[offset, first, higher / np.arange(2, MOST_HARMONICS + 1)]


def _at(wave: np.ndarray, cycle: np.ndarray) -> np.ndarray:
    """The curve at parts of a cycle."""
    return np.real(np.exp(2j * np.pi * np.outer(cycle, np.arange(len(wave)))) @ wave)


def walk_in_space(trial: CorpusTrial, rng: np.random.Generator) -> CorpusTrial:
    """Let a planar walker list, rotate and adduct.

    Parameters
    ----------
    trial : CorpusTrial
        Of `synth.repeated_gait.repeat_gait`: planar coordinates and foot strikes.
    rng : Generator
        Draws the person: one with the same state for every trial of somebody.

    Returns
    -------
    CorpusTrial
        Poses of seven segments and records of the seven sensors on them (clean); no coordinates and no forces, which
        would be those of the plane.

    Raises
    ------
    CorpusMismatch
        There is no strike of the right foot, or there are no planar coordinates.
    """
    motions = spatial_motions(trial, PersonSwings(rng))
    placements = {p.segment: p for p in scaled_placements(trial.subject.height, placements=SEVEN_SENSORS)}
    records = tuple(simulate_imu(motion, placements[motion.segment], method="spline") for motion in motions)
    detail = "adduction and rotation of pelvis, hips, knees and ankles drawn for the person"
    return replace(
        trial,
        recordings=records,
        segments=motions,
        skeleton=None,
        kinematics=None,
        kinetics=None,
        treatments=(*trial.treatments, Treatment("out_of_plane_drawn", detail)),
    )


def spatial_motions(trial: CorpusTrial, swings: PersonSwings) -> tuple[SegmentMotion, ...]:
    """Motion of pelvis, thighs, shanks and feet of a walker with the curves of a person."""
    motion, skeleton, cycle = trial.kinematics, trial.skeleton, _cycle(trial)
    if motion is None or skeleton is None:
        raise CorpusMismatch(
            f"{trial.subject.code}/{trial.name}: expected planar coordinates of a skeleton, found none."
        )
    listing, turning = swings.pelvis(cycle).T
    tilt = motion.of("pelvis_tilt")
    pelvis = Rotation.from_euler("ZXY", np.column_stack([tilt, listing, turning]))
    sway = SWAY[0] * np.cos(2 * np.pi * (cycle - SWAY[1]))
    path = np.column_stack([motion.of("pelvis_tx"), motion.of("pelvis_ty"), sway])
    found = [SegmentMotion("pelvis", path, pelvis, motion.rate)]
    for side in "rl":
        above, origin = pelvis, path
        for joint, coordinate in (("hip", "hip_flexion"), ("knee", "knee_angle"), ("ankle", "ankle_angle")):
            name = f"{JOINTS[joint][1]}_{side}"
            offset = np.array(skeleton.segments[skeleton.segment_index(name)].offset)
            angles = np.column_stack([motion.of(f"{coordinate}_{side}"), swings.joint(joint, side, cycle)])
            turned = joint_rotation(joint, angles)
            origin = origin + above.apply(offset)
            above = above * (turned if side == "r" else mirror_rotation(turned))
            found.append(SegmentMotion(name, origin, above, motion.rate))
    return tuple(found)


def _cycle(trial: CorpusTrial) -> np.ndarray:
    """Part of the right leg's cycle at every frame, counted from its first strike."""
    strikes = [e.time for e in trial.events if e.kind == "foot_strike" and e.foot == "right"]
    duration = trial.spatiotemporal.get("stride_time_r", float("nan"))
    if not strikes or not duration > 0:
        raise CorpusMismatch(
            f"{trial.subject.code}/{trial.name}: expected a strike of the right foot and a stride time, found none."
        )
    return (np.arange(trial.n_frames) / trial.rate - min(strikes)) / duration

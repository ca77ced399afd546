"""Joint moments of the legs without a model: Newton and Euler segment by segment, from the foot upwards.

An *internal* moment is what muscles, ligaments and bones apply, the proximal segment to the distal one; the
*external* moment is its opposite, what gravity, inertia and the ground apply. Both carry the signs of the joint angles:
an external knee flexion moment is one that tends to flex the knee. Whoever compares moments needs the frame as well
(Schache and Baker, Gait Posture 25:95, 2007): axes of the proximal or the distal segment, or the joint coordinate
system.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import make_interp_spline

from mocap_import.low_pass import low_pass
from mocap_import.stretch import stretches
from mocap_import.subject import STANDARD_GRAVITY, Subject
from mocap_import.trial import GroundReaction
from opensim_models.clinical.joint_angle import JOINTS
from opensim_models.generic import anthropometry
from opensim_models.generic.anthropometry import SegmentParameters
from opensim_models.inverse.foot_load import wrench_at
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.motion import SegmentMotion

FRAMES = ("proximal", "distal", "joint_coordinate_system")
KINDS = ("internal", "external")
_FEWEST_FRAMES = 8
"""A stretch between gaps needs this many frames before it is differentiated twice."""


@dataclass(frozen=True)
class JointMoments:
    """Net joint moments over time.

    Attributes
    ----------
    names : tuple of str
        As the joint angles: ``"knee_flexion_r"`` is positive towards flexion.
    values : ndarray, shape (n_frames, n_moments)
        N·m; NaN where the segments' poses or the ground reaction are unknown.
    rate : float
        Hz.
    kind : str
        ``"internal"`` (of muscles on the distal segment) or ``"external"`` (of the loads; the opposite).
    frame : str
        Whose axes the components are along: one of `FRAMES`.
    mass : float
        Body mass (kg).
    notes : tuple of str
        Assumptions, in words.
    """

    names: tuple[str, ...]
    values: np.ndarray
    rate: float
    kind: str
    frame: str
    mass: float
    notes: tuple[str, ...] = ()

    def of(self, name: str) -> np.ndarray:
        """Moment (n_frames,) in N·m; a clear error if there is none of that name."""
        if name not in self.names:
            raise ModelMismatch(f"no joint moment {name!r}; there are {', '.join(self.names)}.")
        return self.values[:, self.names.index(name)]

    def per_mass(self) -> np.ndarray:
        """All moments (n_frames, n_moments) in N·m/kg."""
        return self.values / self.mass

    def as_kind(self, kind: str) -> JointMoments:
        """Turn into internal or external moments."""
        if kind not in KINDS:
            raise ModelMismatch(f"joint moments are internal or external, not {kind!r}.")
        return self if kind == self.kind else replace(self, kind=kind, values=-self.values)


def leg_segments(
    subject: Subject, motions: Mapping[str, SegmentMotion], table: str = "winter"
) -> dict[str, SegmentParameters]:
    """Mass properties of thighs, shanks and feet, stretched to the lengths that the motions show.

    Parameters
    ----------
    subject : Subject
        With mass and height.
    motions : mapping of str to SegmentMotion
        ``femur_r``, ``tibia_r``, ``calcn_r`` and left ones, origins at the proximal joint centres.
    table : str
        One of `anthropometry.TABLES`.

    Returns
    -------
    dict of str to SegmentParameters
        By body name; a segment that is never seen together with the next one is absent.
    """
    generic = anthropometry.segment_parameters(subject.mass, subject.height, subject.sex, table, subject.age)
    parts = {
        "femur": ("thigh", "tibia", anthropometry.THIGH_LENGTH),
        "tibia": ("shank", "calcn", anthropometry.SHANK_LENGTH),
    }
    segments = {}
    for side in "rl":
        for body, (part, below, fraction) in parts.items():
            upper, lower = motions.get(f"{body}_{side}"), motions.get(f"{below}_{side}")
            if upper is None or lower is None:
                continue
            lengths = np.linalg.norm(upper.origin - lower.origin, axis=1)
            if not np.isfinite(lengths).any():
                continue
            ratio = float(np.nanmedian(lengths)) / (fraction * subject.height)
            own = generic[part].mirrored if side == "l" else generic[part]
            segments[f"{body}_{side}"] = SegmentParameters(
                own.mass,
                tuple(x * ratio for x in own.centre_of_mass),
                tuple(i * ratio**2 for i in own.inertia),
                tuple(i * ratio**2 for i in own.products),
            )
        if f"calcn_{side}" in motions:
            segments[f"calcn_{side}"] = generic["foot"].mirrored if side == "l" else generic["foot"]
    return segments


def joint_moments(
    motions: Mapping[str, SegmentMotion],
    reactions: Mapping[str, GroundReaction],
    segments: Mapping[str, SegmentParameters],
    mass: float,
    *,
    frame: str = "distal",
    kind: str = "internal",
    cutoff: float | None = 6.0,
    gravity: float = STANDARD_GRAVITY,
) -> JointMoments:
    """Compute net moments of ankles, knees and hips by inverse dynamics from the feet upwards.

    Parameters
    ----------
    motions : mapping of str to SegmentMotion
        ``pelvis``, ``femur_*``, ``tibia_*``, ``calcn_*``: anatomical frames with origins at the proximal joint centres.
    reactions : mapping of str to GroundReaction
        ``"right"``, ``"left"`` (`foot_reaction.foot_reactions`): zero in swing, NaN where unknown; any rate.
    segments : mapping of str to SegmentParameters
        Mass properties in the segment frames (`leg_segments`).
    mass : float
        Body mass (kg), for the values per kg.
    frame : str
        One of `FRAMES`; the component along each axis is its projection, so that in the joint coordinate system the
        three components times the angles' rates are the joint's power.
    kind : str
        ``"internal"`` or ``"external"``.
    cutoff : float, optional
        Low-pass (Hz) of motion and ground reaction alike (Kristianslund et al., J Biomech 45:666, 2012); None = none.
    gravity : float
        m/s², downwards along Y.

    Returns
    -------
    JointMoments

    Raises
    ------
    ModelMismatch
        Unknown frame or kind, a mass not above zero, or no leg with a foot and its ground reaction.
    """
    if frame not in FRAMES or kind not in KINDS:
        raise ModelMismatch(f"moments are {' or '.join(KINDS)} in the frame {', '.join(FRAMES)}; got {kind}, {frame}.")
    if not mass > 0:
        raise ModelMismatch(f"joint moments need a body mass above zero (kg), got {mass}.")
    names, columns = [], []
    rate = next(iter(motions.values())).rate
    for side, foot in (("r", "right"), ("l", "left")):
        if foot not in reactions or f"calcn_{side}" not in motions:
            continue
        time = np.arange(len(motions[f"calcn_{side}"].origin)) / rate
        load = wrench_at(reactions[foot], time, rate, cutoff)
        force, moment = -load[:, :3], -load[:, 3:]  # that the leg must supply, about the ground's origin
        for joint in ("ankle", "knee", "hip"):
            proximal, distal, parts = JOINTS[joint]
            upper, lower = motions.get(f"{proximal}_{side}", motions.get(proximal)), motions.get(f"{distal}_{side}")
            if lower is None or upper is None or f"{distal}_{side}" not in segments:
                break
            lower, upper = _smoothed(lower, cutoff), _smoothed(upper, cutoff)
            need = _inertial_wrench(lower, segments[f"{distal}_{side}"], gravity)
            force, moment = force + need[:, :3], moment + need[:, 3:]
            about_joint = moment - np.cross(lower.origin, force)
            axes = _axes(upper, lower, frame)
            for k, (name, sign) in enumerate(parts):
                own = sign if k == 0 or side == "r" else -sign
                names.append(f"{name}_{side}")
                columns.append(own * np.sum(about_joint * axes[k], axis=1))
    if not names:
        raise ModelMismatch("joint moments need a foot with its ground reaction ('right', 'left'); there is none.")
    note = f"filter {cutoff:g} Hz" if cutoff else "no filter"
    internal = JointMoments(tuple(names), np.stack(columns, axis=1), rate, "internal", frame, mass, (note,))
    return internal.as_kind(kind)


def _axes(upper: SegmentMotion, lower: SegmentMotion, frame: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit axes (n_frames, 3) of flexion, adduction and rotation in ground."""
    above, below = upper.orientation.as_matrix(), lower.orientation.as_matrix()
    if frame == "joint_coordinate_system":
        first, last = above[:, :, 2], below[:, :, 1]
        floating = np.cross(last, first)
        return first, floating / np.linalg.norm(floating, axis=1, keepdims=True), last
    own = above if frame == "proximal" else below
    return own[:, :, 2], own[:, :, 0], own[:, :, 1]


def _smoothed(motion: SegmentMotion, cutoff: float | None) -> SegmentMotion:
    """Low-pass origin and axes, and make the axes orthonormal again."""
    if not cutoff:
        return motion
    known = np.isfinite(motion.origin).all(axis=1)
    matrix = np.where(known[:, None, None], motion.orientation.as_matrix(), np.nan)
    smooth = low_pass(matrix, motion.rate, cutoff)
    smooth[~known] = np.eye(3)
    return replace(
        motion,
        origin=low_pass(motion.origin, motion.rate, cutoff),
        orientation=type(motion.orientation).from_matrix(smooth),
    )


def _inertial_wrench(motion: SegmentMotion, part: SegmentParameters, gravity: float) -> np.ndarray:
    """Force m (a - g) and moment about the ground's origin (n_frames, 6) that move a segment as it moves."""
    known = np.isfinite(motion.origin).all(axis=1)
    matrix = np.where(known[:, None, None], motion.orientation.as_matrix(), np.nan)
    centre = motion.origin + matrix @ np.array(part.centre_of_mass)
    acceleration = _derivatives(centre, motion.rate)[1]
    velocity_matrix, acceleration_matrix = _derivatives(matrix.reshape(-1, 9), motion.rate)
    turned = np.swapaxes(matrix, 1, 2)
    # angular velocity and acceleration in ground, from the skew parts of dR R' and ddR R'
    omega = _axial(velocity_matrix.reshape(-1, 3, 3) @ turned)
    alpha = _axial(acceleration_matrix.reshape(-1, 3, 3) @ turned)
    xy, xz, yz = part.products
    own = np.diag(part.inertia) + np.array([[0.0, xy, xz], [xy, 0.0, yz], [xz, yz, 0.0]])
    inertia = matrix @ own @ turned
    momentum = np.einsum("nij,nj->ni", inertia, omega)
    spin = np.einsum("nij,nj->ni", inertia, alpha) + np.cross(omega, momentum)
    force = part.mass * (acceleration + np.array([0.0, gravity, 0.0]))
    return np.hstack([force, spin + np.cross(centre, force)])


def _axial(matrix: np.ndarray) -> np.ndarray:
    """Vector of the antisymmetric part of (n, 3, 3)."""
    m = matrix
    return 0.5 * np.stack([m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]], axis=1)


def _derivatives(values: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivative of (n_frames, k) by a quintic spline on each stretch without gaps."""
    first, second = np.full_like(values, np.nan), np.full_like(values, np.nan)
    known = np.isfinite(values).all(axis=1)
    for start, stop in zip(*stretches(known), strict=True):
        if stop - start >= _FEWEST_FRAMES:
            time = np.arange(start, stop) / rate
            spline = make_interp_spline(time, values[start:stop], k=5)
            first[start:stop], second[start:stop] = spline(time, 1), spline(time, 2)
    return first, second

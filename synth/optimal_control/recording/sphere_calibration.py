"""Sphere calibration: where the contact spheres of a foot must be for a recorded motion to meet the recorded forces.

Models differ by centimetres in how high the sole lies in the frame of the foot, and laboratories in where the floor is:
with spheres as they come, a recorded step may sink 5 cm into the floor. Here all spheres of a foot are first raised
together until they carry the measured vertical force on average, then each is moved a little so that the vertical force
and its place agree over the stance. Friction is left out: the slip of a recorded foot is mostly noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq, least_squares

from opensim_models.model.contact_sphere import ContactSphere
from opensim_models.model.multibody import SegmentState, segment_states
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.law.sphere_contact import floor_height, foot_load
from synth.optimal_control.recording.ground_load import SIDES
from synth.optimal_control.recording.recorded_motion import FootWrench, RecordedMotion

HEIGHT_SPREAD, PLACE_SPREAD = 0.005, 0.010
"""m: standard deviation by which a sphere may be higher or lower than the others, and off forward or sideways."""
FORCE_SPREAD, LEVER = 0.05, 0.1
"""Of body weight: a force this far off counts as one deviation; a moment, this times the lever (m)."""
FARTHEST_MOVE = 2.5
"""Standard deviations by which a sphere is moved at most: what else is wrong is not the spheres' fault."""
FARTHEST_RISE = 0.15
"""m to both sides."""


@dataclass(frozen=True)
class SphereCalibration:
    """Spheres that meet the recorded forces.

    Attributes
    ----------
    skeleton : Skeleton
        With the moved spheres.
    rise : dict of str to float
        Foot → how much all its spheres were raised in the frame of the foot (m).
    largest_move : dict of str to float
        Foot → how far a sphere was moved beyond that, at most (m).
    vertical_error : dict of str to (float, float)
        Foot → RMS of the vertical force over the nodes, as the spheres came and as they are now (body weights).
    notes : tuple of str
    """

    skeleton: Skeleton
    rise: dict[str, float]
    largest_move: dict[str, float]
    vertical_error: dict[str, tuple[float, float]]
    notes: tuple[str, ...]


def calibrate_spheres(
    skeleton: Skeleton,
    motion: RecordedMotion,
    *,
    height_spread: float = HEIGHT_SPREAD,
    place_spread: float = PLACE_SPREAD,
) -> SphereCalibration:
    """Move the spheres of both feet so that a recorded motion meets the recorded forces.

    Parameters
    ----------
    skeleton : Skeleton
        With contact spheres on one level floor, and the coordinates of `motion` in its order.
    motion : RecordedMotion
        With wrenches; where their moments are unknown, heights only follow the vertical force.
    height_spread, place_spread : float
        m; 0 leaves all spheres of a foot where they are to each other.

    Returns
    -------
    SphereCalibration

    Raises
    ------
    ModelMismatch
        No forces, no spheres, other coordinates, or a foot that reaches the floor with no rise up to 15 cm.
    """
    if motion.coordinates != skeleton.coordinate_names:
        raise ModelMismatch(f"the motion has {len(motion.coordinates)} coordinates that are not those of the skeleton.")
    if not motion.wrenches or not skeleton.contacts:
        raise ModelMismatch("spheres are calibrated by measured forces: needs a motion with wrenches and spheres.")
    states = segment_states(skeleton, list(motion.values.T), list(motion.speeds.T))
    weight = -skeleton.mass * skeleton.gravity[1]
    placed = {sphere.name: sphere for sphere in skeleton.contacts}
    rises, moves, errors, notes = {}, {}, {}, []
    for foot, wrench in motion.wrenches.items():
        own = [s for s in skeleton.contacts if SIDES.get(s.segment[-2:]) == foot]
        if not own:
            raise ModelMismatch(f"{skeleton.name}: no contact sphere on the {foot} foot, which the forces load.")
        trial = _Foot(skeleton, states, own, wrench, weight, len(motion.time))
        rise = trial.common_rise(foot)
        moved = trial.moved(rise, height_spread, place_spread)
        placed |= {s.name: s for s in moved}
        rises[foot] = float(np.mean([b.offset[1] - a.offset[1] for a, b in zip(own, moved, strict=True)]))
        shift = np.array([b.offset for b in moved]) - np.array([a.offset for a in own]) - (0.0, rises[foot], 0.0)
        moves[foot] = float(np.linalg.norm(shift, axis=1).max())
        errors[foot] = trial.vertical_error(own), trial.vertical_error(moved)
        notes.append(
            f"{foot} foot: spheres raised by {1e3 * rises[foot]:.1f} mm and moved by up to {1e3 * moves[foot]:.1f} mm; "
            f"vertical force off by {errors[foot][1]:.1%} of body weight RMS, before by {errors[foot][0]:.1%}"
        )
    skeleton = replace(skeleton, contacts=tuple(placed[s.name] for s in skeleton.contacts))
    return SphereCalibration(skeleton, rises, moves, errors, tuple(notes))


class _Foot:
    """One foot of a recorded motion: what its spheres give, against what was measured."""

    def __init__(
        self,
        skeleton: Skeleton,
        states: Sequence[SegmentState],
        spheres: Sequence[ContactSphere],
        wrench: FootWrench,
        weight: float,
        n_nodes: int,
    ) -> None:
        self.states = {s.segment: states[skeleton.segment_index(s.segment)] for s in spheres}
        self.spheres, self.weight, self.n_nodes = tuple(spheres), weight, n_nodes
        self.floor = next(floor_height(p) for p in skeleton.planes if p.name == spheres[0].plane)
        loaded = wrench.force[:, 1] > FORCE_SPREAD * weight
        known = bool(np.isfinite(wrench.moment).all()) and loaded.any()
        # about the middle of all centres of pressure: a lever of metres would count a force twice
        self.about = (0.0, 0.0, 0.0)
        if known:
            origin = wrench.moment_about((0.0, 0.0, 0.0))[loaded]
            upward = wrench.force[loaded, 1]
            self.about = (float(np.mean(origin[:, 2] / upward)), 0.0, float(np.mean(-origin[:, 0] / upward)))
        self.measured = wrench.force[:, 1:2]
        if known:
            self.measured = np.hstack([self.measured, wrench.moment_about(self.about)[:, (0, 2)]])
        unit = FORCE_SPREAD * weight
        self.spread = np.array([unit, unit * LEVER, unit * LEVER])[: self.measured.shape[1]]

    def given(self, spheres: Sequence[ContactSphere]) -> np.ndarray:
        """Vertical force (N) and, where they were measured, the two horizontal moments (N·m) at the nodes."""
        rough = [replace(s, static_friction=0.0, dynamic_friction=0.0, viscous_friction=0.0) for s in spheres]
        gathered = [(state, [s for s in rough if s.segment == name]) for name, state in self.states.items()]
        load = foot_load(gathered, self.about, self.floor)
        columns = (load.force[1], load.moment[0], load.moment[2])[: self.measured.shape[1]]
        return np.stack([np.broadcast_to(c, self.n_nodes) for c in columns], axis=1)

    def shifted(self, shifts: np.ndarray) -> list[ContactSphere]:
        """The spheres with their offsets moved (n_spheres, 3) in m."""
        pairs = zip(self.spheres, shifts, strict=True)
        return [replace(s, offset=tuple(float(a + b) for a, b in zip(s.offset, m, strict=True))) for s, m in pairs]

    def raised(self, rise: float) -> list[ContactSphere]:
        return self.shifted(np.tile([0.0, rise, 0.0], (len(self.spheres), 1)))

    def common_rise(self, foot: str) -> float:
        """Rise (m) of all spheres at which they carry the measured vertical force on average."""
        mean = self.measured[:, 0].mean()

        def excess(rise: float) -> float:
            return float(self.given(self.raised(rise))[:, 0].mean() - mean)

        if not excess(FARTHEST_RISE) < 0.0 < excess(-FARTHEST_RISE):
            raise ModelMismatch(
                f"{foot} foot: with its spheres up to {FARTHEST_RISE:g} m higher or lower they never carry "
                f"the measured {mean / self.weight:.2f} body weights. Is the recording's floor at y = {self.floor:g} m?"
            )
        return float(brentq(excess, -FARTHEST_RISE, FARTHEST_RISE, xtol=1e-5))

    def moved(self, rise: float, height_spread: float, place_spread: float) -> list[ContactSphere]:
        """Spheres raised, and each moved within its spread so that force and moments fit best."""
        n = len(self.spheres)
        level = self.measured.shape[1] == 1
        spreads = np.array([0.0 if level else place_spread, height_spread, 0.0 if level else place_spread])

        def shifts(x: np.ndarray) -> np.ndarray:
            return spreads * x[1:].reshape(n, 3) + (0.0, rise + x[0] * HEIGHT_SPREAD, 0.0)

        def misfit(x: np.ndarray) -> np.ndarray:
            off = (self.given(self.shifted(shifts(x))) - self.measured) / self.spread
            return np.concatenate([off.ravel() / np.sqrt(len(off)), x[1:]])

        bounds = np.full(1 + 3 * n, FARTHEST_MOVE)
        bounds[0] = FARTHEST_RISE / HEIGHT_SPREAD
        found = least_squares(misfit, np.zeros(1 + 3 * n), bounds=(-bounds, bounds), xtol=1e-4, ftol=1e-6, max_nfev=60)
        return self.shifted(shifts(found.x))

    def vertical_error(self, spheres: Sequence[ContactSphere]) -> float:
        """RMS (body weights) of the vertical force over the nodes."""
        off = self.given(spheres)[:, 0] - self.measured[:, 0]
        return float(np.sqrt(np.mean(off**2))) / self.weight

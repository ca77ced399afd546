"""IMU tracking: the baseline, a gait that explains seven inertial records and nothing else.

The model is generic: Winter's table scaled by height and mass, the muscles of gait2dc, points on a penetration floor.
It knows the records, their nominal placements and the cycle's duration; speed, the sensors' angles on their segments
and the place of ground contact are unknowns with a prior.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.model.skeleton import Skeleton
from synth.imu.recording import ImuRecording
from synth.optimal_control import node_functions as nodes
from synth.optimal_control.cycle_samples import at_phase
from synth.optimal_control.gait_data import GaitData, loosen_contact, person_data, smooth
from synth.optimal_control.gait_problem import GaitProgram
from synth.optimal_control.gait_structure import GaitStructure
from synth.optimal_control.ground_contact import POINTS
from synth.optimal_control.imu_start import mounting_guess, segment_pose
from synth.optimal_control.ladder import Rung, climb
from synth.optimal_control.movement.strap_down import SagittalRecord, sagittal_records, speed_from_feet
from synth.optimal_control.muscle_table import BASELINE_MUSCLES
from synth.optimal_control.normative_gait import normative_forces
from synth.optimal_control.program.collocation import Mesh
from synth.optimal_control.solution import GaitSolution, SolutionNotFound, make_solution
from synth.optimal_control.start import low_pass_periodic, lowest_point, normative_start, periodic_derivatives

_COARSE, _FINE = 25, 50
_FORCE_GUESS_SD = 0.15
_WRONG_BASIN = 100.0
"""Objective beyond which nothing but a wrong basin or a wrong record explains the misfit: 21 channels at their expected
misfit give about 12 in walking and up to 75 in fast running, where the planar model itself is at its limit."""


@dataclass(frozen=True)
class ImuWeights:
    """What the baseline believes before it sees a record, and how it weighs the channels.

    Attributes
    ----------
    channel_share : float
        Standard deviation of a channel's misfit as a share of the channel's own: sensor noise and model error.
    mounting_sd : float
        Of a sensor's angle in the sagittal plane (rad): 13.5° about a random axis leave 13.5°/√3 in the plane.
    trunk_sd : float
        Of the pelvis and trunk angles around upright (rad).
    contact_sd : tuple of float
        Of the correction of a contact point forward and upward (m).
    effort, torque : float
        Weight of the sum of squared activations, of squared joint torques (body weight × 0.1 m).
    smoothness : float
        Weight of squared jerk, see `gait_problem.smooth`.
    """

    channel_share: float = 0.2
    mounting_sd: float = np.radians(13.5) / np.sqrt(3.0)
    trunk_sd: float = np.radians(6.0)
    contact_sd: tuple[float, float] = (0.02, 0.005)
    effort: float = 1.0
    torque: float = 0.05
    smoothness: float = 2e-3


def track_imu(
    recordings: Sequence[ImuRecording],
    subject: Subject,
    duration: float,
    *,
    weights: ImuWeights | None = None,
    n_nodes: int = _FINE,
    muscles: bool = True,
) -> GaitSolution:
    """Find the gait that explains the inertial records of one cycle.

    Parameters
    ----------
    recordings : sequence of ImuRecording
        Of pelvis, thighs, shanks and feet, sampled evenly over one cycle that begins near a right foot strike, its end
        not repeated (see `imu_cycle`).
    subject : Subject
        With mass and height: all that the generic model knows.
    duration : float
        Of the cycle (s).
    weights : ImuWeights, optional
    n_nodes : int
    muscles : bool
        End with muscles; else with joint torques alone.

    Returns
    -------
    GaitSolution
        Refused, with the reason, if none was found.

    Raises
    ------
    SolutionNotFound
        The records cannot be followed at all.
    """
    _check(recordings, subject, duration)
    weights = weights or ImuWeights()
    skeleton = planar_skeleton(subject, "winter")
    records = sagittal_records(recordings)
    speed = float(np.clip(speed_from_feet(records, duration), 0.3, 6.5))

    solution: GaitSolution | None = None
    # The cycle's mean tilts leave the sensors' angles open: should the first guess lead nowhere, a shyer one follows.
    for share in (1.0, 0.4):
        mounting = share * mounting_guess(records, duration, speed, subject.height, weights.mounting_sd)
        found = _attempt(skeleton, subject.height, records, duration, speed, mounting, weights, n_nodes, muscles)
        if solution is not None:
            found = replace(
                found, seconds=found.seconds + solution.seconds, cpu_seconds=found.cpu_seconds + solution.cpu_seconds
            )
        solution = found
        if solution.converged:
            break
    return solution


def _attempt(
    skeleton: Skeleton,
    height: float,
    records: Mapping[str, SagittalRecord],
    duration: float,
    speed: float,
    mounting: np.ndarray,
    weights: ImuWeights,
    n_nodes: int,
    muscles: bool,
) -> GaitSolution:
    """Climb the ladder from one guess of the sensors' angles."""

    def data(gait: GaitProgram, slack: float = 0.0, rounding: float | None = None) -> GaitData:
        return _imu_data(gait, skeleton, height, records, duration, speed, weights, slack, rounding)

    def start(gait: GaitProgram) -> np.ndarray:
        return _start(gait, skeleton, height, records, duration, speed, mounting)

    torques = GaitStructure(Mesh(_COARSE), "", POINTS.name, imu=True)
    final = replace(torques, muscles=BASELINE_MUSCLES.name) if muscles else torques
    soft = partial(data, slack=0.1, rounding=0.01)
    rungs = (
        Rung("normative forces", replace(torques, contact=""), data, optional=True, max_iterations=60),
        Rung("yielding contact", torques, soft, max_iterations=100, rough=True),
        Rung("firmer contact", torques, partial(data, slack=0.03, rounding=0.003), max_iterations=60, rough=True),
        Rung("torques", torques, data, max_iterations=150, rough=muscles),
        *((Rung("muscles", final, data, max_iterations=150),) if muscles else ()),
        Rung("fine mesh", replace(final, mesh=Mesh(n_nodes)), data, warm=True, max_iterations=100, refinement=True),
    )
    solution = make_solution(climb(rungs, start), skeleton)
    refusal = _refusal(solution) if solution.converged else ""
    return replace(solution, status="refused", reason=refusal) if refusal else solution


def _check(recordings: Sequence[ImuRecording], subject: Subject, duration: float) -> None:
    found = [r.placement.segment for r in recordings]
    missing = [s for s in nodes.SENSOR_SEGMENTS if s not in found]
    if missing:
        raise SolutionNotFound(
            f"subject {subject.code}: the baseline needs seven sensors, and none is on {', '.join(missing)} "
            f"(found {', '.join(found) or 'none'})."
        )
    for r in recordings:
        values = np.hstack([r.specific_force, r.angular_velocity])
        if not np.isfinite(values).all():
            raise SolutionNotFound(
                f"subject {subject.code}: sensor {r.placement.sensor} has {int(np.isnan(values).any(axis=1).sum())} "
                "missing samples within the cycle. Choose another cycle or fill the gap."
            )
    if not (15.0 <= subject.mass <= 250.0 and 0.9 <= subject.height <= 2.4):
        raise SolutionNotFound(
            f"subject {subject.code}: expected a mass of 15-250 kg and a height of 0.9-2.4 m, got {subject.mass} kg "
            f"and {subject.height} m. Complete participants.csv."
        )
    if not 0.3 <= duration <= 3.0:
        raise SolutionNotFound(f"subject {subject.code}: a gait cycle of {duration:.2f} s is outside 0.3-3 s.")


def _imu_data(
    gait: GaitProgram,
    skeleton: Skeleton,
    height: float,
    records: Mapping[str, SagittalRecord],
    duration: float,
    speed: float,
    weights: ImuWeights,
    slack: float,
    rounding: float | None,
) -> GaitData:
    mesh = gait.structure.mesh
    n = mesh.n_nodes
    data = person_data(gait.structure, skeleton, height, rounding=rounding)
    lower, upper = np.array(data.lower["coordinates"]), np.array(data.upper["coordinates"])
    first_lower, first_upper = np.tile(lower, (n, 1)), np.tile(upper, (n, 1))
    forward = nodes.COORDINATES.index("pelvis_tx")
    first_lower[0, forward] = first_upper[0, forward] = 0.0
    data = data.with_bounds("coordinates", first_lower, first_upper)
    data = data.with_bounds("duration", duration, duration).with_bounds("speed", 0.2, 8.0)
    measured, precision, offsets = [], [], []
    for segment in nodes.SENSOR_SEGMENTS:
        record = records[segment]
        channels = record.channels
        deviation = weights.channel_share * channels.std(axis=0) + np.array([0.2, 0.2, 0.05])
        measured.append(at_phase(channels, mesh.phase))
        precision.append(np.broadcast_to(deviation**-2.0, (n, 3)) * mesh.quadrature[:, None])
        offsets.append(record.offset)
    data = data.with_parameters(
        imu=np.hstack(measured), imu_weight=np.hstack(precision), sensor_offset=np.concatenate(offsets)
    )
    data = data.tracking("mounting", np.zeros(len(nodes.SENSOR_SEGMENTS)), weights.mounting_sd**-2.0)
    if gait.structure.contact:
        data = data.with_bounds("contact", -6.0, 6.0)
        points = len(POINTS.points)
        data = data.tracking("contact", np.zeros(2 * points), np.tile(np.array(weights.contact_sd) ** -2.0, points))
    else:
        guess = np.zeros((n, 6))
        guess[:, [0, 1, 3, 4]] = normative_forces(mesh.phase, _walking(speed), height)
        guess[:, [2, 5]] = 0.5 * guess[:, [1, 4]]  # the force acts some 5 cm before the ankle
        data = data.tracking("forces", guess, _FORCE_GUESS_SD**-2.0, mesh.quadrature)
        data = data.with_bounds("speed", speed, speed)
    upright = np.full((n, nodes.N_Q), np.nan)
    upright[:, [nodes.COORDINATES.index(c) for c in ("pelvis_tilt", "lumbar_extension")]] = 0.0
    data = data.tracking("coordinates", upright, weights.trunk_sd**-2.0, mesh.quadrature)
    data = data.tracking("torques", np.zeros((n, nodes.N_Q)), weights.torque, mesh.quadrature)
    if slack:
        data = loosen_contact(data, gait, slack)
    if gait.structure.muscles:
        count = 2 * len(BASELINE_MUSCLES.muscles)
        data = data.tracking("activations", np.zeros((n, count)), weights.effort, mesh.quadrature)
        data = data.tracking("excitations", np.zeros((n, count)), 0.1 * weights.effort, mesh.quadrature)
    return smooth(data, gait, weights.smoothness)


def _walking(speed: float) -> float:
    """Nearest speed at which normative walking means anything (m/s)."""
    return float(np.clip(speed, 0.6, 2.2))


def _start(
    gait: GaitProgram,
    skeleton: Skeleton,
    height: float,
    records: Mapping[str, SagittalRecord],
    duration: float,
    speed: float,
    mounting: np.ndarray,
) -> np.ndarray:
    """The closed-form posture, the pelvis as high as the lower foot allows."""
    mesh = gait.structure.mesh
    start = normative_start(gait, skeleton, height, _walking(speed), POINTS, duration=duration)
    q = low_pass_periodic(segment_pose(records, duration, mounting), 8)
    q[:, 1] = 0.0
    q[:, 2] = 0.0
    q[:, 2] = low_pass_periodic(-lowest_point(skeleton, q, POINTS, height), 4)
    v, a = periodic_derivatives(q, duration)
    q, v, a = (at_phase(x, mesh.phase) for x in (q, v, a))
    q[:, 1], v[:, 1] = speed * duration * mesh.phase, speed
    for name, values in (("coordinates", q), ("speeds", v), ("accelerations", a)):
        start[gait.variables.index(name)] = values / nodes.SCALE[name]
    start[gait.variables.index("speed")] = speed
    start[gait.variables.index("mounting")] = mounting / nodes.SCALE["mounting"]
    return start


def _refusal(solution: GaitSolution) -> str:
    """Why a converged baseline is not gait; empty if it is."""
    checks = solution.checks
    for side in "rl":
        share = checks[f"stance_share_{side}"]
        if not 0.15 <= share <= 0.85:
            return f"stance share {share:.0%} on side {side} is no gait (15-85 %): wrong basin"
    if solution.objective > _WRONG_BASIN:
        limit = f"{_WRONG_BASIN:.0f}"
        return f"objective {solution.objective:.0f} is beyond what noise and model explain ({limit}): wrong basin"
    if checks["stuck_coordinate_samples"]:
        return "a coordinate is stuck at the end of its range of motion"
    return ""

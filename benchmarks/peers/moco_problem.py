"""Every number of a Moco problem, read from OpenSim's own objects, so that another solver can solve the same problem.

Runs in a process with OpenSim only. What is read is what Moco itself uses: bounds from the problem representation
(defaults of coordinates, speeds and actuators filled in), references through the same generalised
cross-validation splines of degree 5 with no smoothing that the tracking goals evaluate, muscles and contact as the
model processor leaves them.
"""

from __future__ import annotations

import numpy as np
import opensim

GRID_POINTS_PER_INTERVAL = {"hermite-simpson": 2, "trapezoidal": 1}
MUSCLE_NUMBERS = (
    "max_isometric_force",
    "optimal_fiber_length",
    "tendon_slack_length",
    "pennation_angle_at_optimal",
    "max_contraction_velocity",
    "activation_time_constant",
    "deactivation_time_constant",
    "activation_dynamics_smoothing",
    "active_force_width_scale",
    "fiber_damping",
    "passive_fiber_strain_at_one_norm_force",
    "tendon_strain_at_one_norm_force",
    "min_control",
    "max_control",
)
MUSCLE_SWITCHES = ("ignore_activation_dynamics", "ignore_passive_fiber_force", "ignore_tendon_compliance")
CONTACT_NUMBERS = (
    "stiffness",
    "dissipation",
    "static_friction",
    "dynamic_friction",
    "viscous_friction",
    "transition_velocity",
    "constant_contact_force",
    "hertz_smoothing",
    "hunt_crossley_smoothing",
)


def grid_times(final_time: float, intervals: int, scheme: str) -> np.ndarray:
    """Times (s) at which Moco's transcription holds states and controls: mesh points and, for Simpson, midpoints."""
    return np.linspace(0.0, final_time, GRID_POINTS_PER_INTERVAL[scheme] * intervals + 1)


def table_values(table: opensim.TimeSeriesTable) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Times (s), column labels and values (time, column) of a table."""
    return (
        np.array(table.getIndependentColumn()),
        list(table.getColumnLabels()),
        np.array(table.getMatrix().to_numpy()),
    )


def spline_values(table: opensim.TimeSeriesTable, labels: list[str], times: np.ndarray) -> np.ndarray:
    """Values (time, label) of the splines that Moco's goals lay through a table."""
    splines = opensim.GCVSplineSet(table)
    values = np.empty((times.size, len(labels)))
    for j, label in enumerate(labels):
        spline = splines.get(label)
        for i, time in enumerate(times):
            values[i, j] = spline.calcValue(opensim.Vector(1, float(time)))
    return values


def _interval(bounds: opensim.MocoBounds) -> list[float] | None:
    return [bounds.getLower(), bounds.getUpper()] if bounds.isSet() else None


def _variable(info: opensim.MocoVariableInfo) -> dict:
    whole = _interval(info.getBounds())
    return {
        "bounds": whole,
        "initial": _interval(info.getInitialBounds()) or whole,
        "final": _interval(info.getFinalBounds()) or whole,
    }


def bounds_numbers(problem: opensim.MocoProblem) -> dict:
    """Bounds of states, controls and times (SI units) as Moco's problem representation resolves them."""
    representation = problem.createRep()
    return {
        "initial_time": _interval(representation.getTimeInitialBounds()),
        "final_time": _interval(representation.getTimeFinalBounds()),
        "states": {
            name: _variable(representation.getStateInfo(name)) for name in representation.createStateInfoNames()
        },
        "controls": {
            name: _variable(representation.getControlInfo(name)) for name in representation.createControlInfoNames()
        },
    }


def _vector(vector: opensim.Vec3) -> list[float]:
    return [vector.get(i) for i in range(3)]


def _path_points(muscle: opensim.Muscle, state: opensim.State) -> list[dict]:
    path = opensim.GeometryPath.safeDownCast(muscle.updPath())
    points = path.getPathPointSet()
    numbers = []
    for i in range(points.getSize()):
        point = points.get(i)
        numbers.append(
            {
                "type": point.getConcreteClassName(),
                "body": point.getParentFrame().getName(),
                "location": _vector(point.getLocation(state)),
            }
        )
    return numbers


def muscle_numbers(model: opensim.Model) -> dict:
    """Parameters and path points (m, in the body's frame) of every DeGrooteFregly2016Muscle, by component path."""
    state = model.initSystem()
    numbers = {}
    for component in model.getComponentsList():
        if opensim.Muscle.safeDownCast(component) is None:
            continue
        muscle = opensim.DeGrooteFregly2016Muscle.safeDownCast(component)
        if muscle is None:
            raise ValueError(
                f"muscle {component.getAbsolutePathString()}: expected DeGrooteFregly2016Muscle, got "
                f"{component.getConcreteClassName()}; convert the muscles with a model operator first"
            )
        values = {name: getattr(muscle, f"get_{name}")() for name in MUSCLE_NUMBERS}
        values |= {name: bool(getattr(muscle, f"get_{name}")()) for name in MUSCLE_SWITCHES}
        values["path_points"] = _path_points(muscle, state)
        numbers[muscle.getAbsolutePathString()] = values
    return numbers


def actuator_numbers(model: opensim.Model) -> dict:
    """Coordinate, optimal force (N or N m per unit control) and limits of every CoordinateActuator, by path."""
    numbers = {}
    for component in model.getComponentsList():
        actuator = opensim.CoordinateActuator.safeDownCast(component)
        if actuator is not None:
            numbers[actuator.getAbsolutePathString()] = {
                "coordinate": actuator.get_coordinate(),
                "optimal_force": actuator.get_optimal_force(),
                "min_control": actuator.getMinControl(),
                "max_control": actuator.getMaxControl(),
            }
    return numbers


def contact_numbers(model: opensim.Model) -> dict:
    """Law and geometry of every SmoothSphereHalfSpaceForce, by path; locations (m) in the frame named beside them."""
    numbers = {}
    for component in model.getComponentsList():
        force = opensim.SmoothSphereHalfSpaceForce.safeDownCast(component)
        if force is None:
            continue
        sphere = opensim.ContactSphere.safeDownCast(force.getConnectee("sphere"))
        floor = opensim.ContactHalfSpace.safeDownCast(force.getConnectee("half_space"))
        values = {name: getattr(force, f"get_{name}")() for name in CONTACT_NUMBERS}
        values |= {
            "frame": sphere.getFrame().getName(),
            "location": _vector(sphere.get_location()),
            "radius": sphere.getRadius(),
            "half_space_frame": floor.getFrame().getName(),
            "half_space_location": _vector(floor.get_location()),
            "half_space_orientation": _vector(floor.get_orientation()),
        }
        numbers[force.getAbsolutePathString()] = values
    return numbers


def body_numbers(model: opensim.Model) -> dict:
    """Total mass (kg), gravity (m/s2) and the mass, centre (m) and inertia (kg m2) of every body."""
    state = model.initSystem()
    bodies = {}
    for i in range(model.getBodySet().getSize()):
        body = model.getBodySet().get(i)
        inertia = body.get_inertia()
        bodies[body.getName()] = {
            "mass": body.getMass(),
            "mass_center": _vector(body.getMassCenter()),
            "inertia": [inertia.get(k) for k in range(6)],
        }
    return {"total_mass": model.getTotalMass(state), "gravity": _vector(model.getGravity()), "bodies": bodies}


def trajectory_numbers(trajectory: opensim.MocoTrajectory, times: np.ndarray | None = None) -> dict:
    """States and controls of a trajectory by path; linearly interpolated where `times` (s) are given."""
    own = np.array(trajectory.getTimeMat()).ravel()
    grid = own if times is None else times
    numbers = {"times": grid.tolist()}
    for kind, names, matrix in (
        ("states", trajectory.getStateNames(), trajectory.getStatesTrajectoryMat()),
        ("controls", trajectory.getControlNames(), trajectory.getControlsTrajectoryMat()),
    ):
        values = np.asarray(matrix)
        numbers[kind] = {name: np.interp(grid, own, values[:, j]).tolist() for j, name in enumerate(names)}
    return numbers

"""Muscles and contact of our generic models written into an OpenSim model. Runs inside a worker process."""

from __future__ import annotations

from typing import Any

from opensim_models.model.scalar_function import ScalarFunction, function_from_plain, value_and_derivatives
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.library import osim
from opensim_models.osim.written_function import written_function

MUSCLE_CLASSES = ("Millard2012EquilibriumMuscle", "DeGrooteFregly2016Muscle")
_KEPT: list = []  # OpenSim and Python would both free what sets have adopted


def add_muscles(model: Any, skeleton: dict[str, Any], paths: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Add the muscles whose path points are given.

    Parameters
    ----------
    model : opensim.Model
        With its bodies and joints, connected.
    skeleton : dict
        A skeleton as plain dictionaries.
    paths : dict
        Muscle → points as `muscle_geometry.PathPoint`, as plain dictionaries.

    Returns
    -------
    list of str
        Names of the muscles that are left out because no points are given for them.
    """
    unknown = set(paths) - {unit["name"] for unit in skeleton.get("muscles", ())}
    if unknown:
        raise ModelMismatch(
            f"{skeleton['name']}: there are path points of {', '.join(sorted(unknown))}, but no muscle."
        )
    left_out = []
    for unit in skeleton.get("muscles", ()):
        if unit["name"] not in paths:
            left_out.append(unit["name"])
            continue
        muscle = _muscle(unit)
        points = muscle.updGeometryPath().updPathPointSet()
        for number, point in enumerate(paths[unit["name"]], start=1):
            made = _point(model, point)
            made.setName(f"{unit['name']}-P{number}")
            points.adoptAndAppend(made)
            made.thisown = False
        muscle.thisown = False
        model.addForce(muscle)
        _KEPT.append(muscle)
    return left_out


def muscle_functions(paths: dict[str, list[dict[str, Any]]]) -> list[ScalarFunction]:
    """Every function of the moving points."""
    return [function_from_plain(f) for points in paths.values() for point in points for f in point["functions"]]


def _muscle(unit: dict[str, Any]) -> Any:
    """One muscle without a path."""
    kind = unit["curves"] or MUSCLE_CLASSES[0]
    if kind not in MUSCLE_CLASSES:
        raise ModelMismatch(
            f"Muscle {unit['name']}: {kind} is not written here; use one of {', '.join(MUSCLE_CLASSES)}."
        )
    muscle = getattr(osim, kind)()
    muscle.setName(unit["name"])
    muscle.setMaxIsometricForce(float(unit["max_isometric_force"]))
    muscle.setOptimalFiberLength(float(unit["optimal_fibre_length"]))
    muscle.setTendonSlackLength(float(unit["tendon_slack_length"]))
    muscle.setPennationAngleAtOptimalFiberLength(float(unit["pennation"]))
    muscle.setMaxContractionVelocity(float(unit["max_contraction_velocity"]))
    muscle.set_ignore_tendon_compliance(bool(unit["rigid_tendon"]))
    muscle.set_appliesForce(bool(unit["enabled"]))
    for name in ("activation", "deactivation"):
        if unit[f"{name}_time"] is not None:
            getattr(muscle, f"set_{name}_time_constant")(float(unit[f"{name}_time"]))
    strain = unit["tendon_strain"]
    if kind == MUSCLE_CLASSES[0]:
        muscle.set_fiber_damping(float(unit["fibre_damping"]))
        if strain is not None:
            muscle.setTendonForceLengthCurve(osim.TendonForceLengthCurve(float(strain)))
    else:
        muscle.set_tendon_compliance_dynamics_mode("implicit")
        if strain is not None:
            muscle.set_tendon_strain_at_one_norm_force(float(strain))
    return muscle


def _point(model: Any, point: dict[str, Any]) -> Any:
    """A fixed, conditional or moving point."""
    frame = model.getBodySet().get(point["segment"])
    location = osim.Vec3(*[float(x) for x in point["location"]])
    if not point["coordinate"]:
        made = osim.PathPoint()
        made.setParentFrame(frame)
        made.setLocation(location)
        return made
    coordinate = model.getCoordinateSet().get(point["coordinate"])
    if point["functions"]:
        made = osim.MovingPathPoint()
        made.setParentFrame(frame)
        for axis, plain in zip("xyz", point["functions"], strict=True):
            getattr(made, f"set{axis.upper()}Coordinate")(coordinate)
            getattr(made, f"set_{axis}_location")(_written(plain, point["segment"]))
        return made
    made = osim.ConditionalPathPoint()
    made.setParentFrame(frame)
    made.setLocation(location)
    made.setCoordinate(coordinate)
    made.setRangeMin(float(point["limits"][0]))
    made.setRangeMax(float(point["limits"][1]))
    return made


def _written(plain: dict[str, Any], where: str) -> Any:
    """A function of a moving point; OpenSim wants a Constant where nothing moves."""
    function = function_from_plain(plain)
    if len(getattr(function, "coefficients", ())) == 1:
        return osim.Constant(float(value_and_derivatives(function, 0.0)[0]))
    return written_function(function, where)


def add_contacts(model: Any, skeleton: dict[str, Any]) -> None:
    """Add the planes, the spheres and the force between each sphere and its plane."""
    planes = {}
    for plane in skeleton.get("planes", ()):
        made = osim.ContactHalfSpace(osim.Vec3(*plane["offset"]), _facing(plane["normal"]), _frame(model, plane))
        made.setName(plane["name"])
        model.addContactGeometry(made)
        planes[plane["name"]] = made
    for sphere in skeleton.get("contacts", ()):
        if sphere["force"] != "SmoothSphereHalfSpaceForce":
            raise ModelMismatch(f"Contact {sphere['name']}: {sphere['force']} is not written here.")
        if sphere["plane"] not in planes:
            raise ModelMismatch(f"Contact {sphere['name']}: the skeleton has no plane {sphere['plane']!r}.")
        made = osim.ContactSphere(float(sphere["radius"]), osim.Vec3(*sphere["offset"]), _frame(model, sphere))
        made.setName(sphere["name"])
        model.addContactGeometry(made)
        force = osim.SmoothSphereHalfSpaceForce()
        force.setName(f"contact_{sphere['name']}")
        force.connectSocket_sphere(made)
        force.connectSocket_half_space(planes[sphere["plane"]])
        for name in ("stiffness", "dissipation", "static_friction", "dynamic_friction", "viscous_friction"):
            getattr(force, f"set_{name}")(float(sphere[name]))
        force.set_transition_velocity(float(sphere["transition_velocity"]))
        force.set_appliesForce(bool(sphere["enabled"]))
        model.addForce(force)
        _KEPT.extend((made, force))
    _KEPT.extend(planes.values())


def _frame(model: Any, fixed: dict[str, Any]) -> Any:
    """The ground or a body."""
    return model.getGround() if fixed["segment"] == "ground" else model.getBodySet().get(fixed["segment"])


def _facing(normal: tuple[float, float, float]) -> Any:
    """Body-fixed X-Y-Z angles of a half space, which fills the side of its own x axis, with that outward normal."""
    inward = osim.UnitVec3(*[-float(x) for x in normal])
    rotation = osim.Rotation(inward, osim.CoordinateAxis(0))
    return rotation.convertRotationToBodyFixedXYZ()

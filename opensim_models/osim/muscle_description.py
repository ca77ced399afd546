"""Muscles of a model as plain data: parameters, path points and wrap objects. Runs inside a worker process."""

from __future__ import annotations

from typing import Any

from opensim_models.osim.component import items, place, properties, rows, station, vector
from opensim_models.osim.joint_function import describe_function
from opensim_models.osim.library import osim

TENDON_STRAIN = ("tendon_strain_at_one_norm_force", "FmaxTendonStrain")
"""What the tendon's strain at the maximum isometric force is called in OpenSim's classes, Millard's apart."""
WRAP_DIMENSIONS = ("radius", "length", "dimensions", "inner_radius", "outer_radius")


def describe_muscle(muscle: Any, ranges: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Parameters and path of one muscle: N, m, rad, s; contraction velocity in fibre lengths per second."""
    parameters = properties(muscle)
    return {
        "name": muscle.getName(),
        "type": muscle.getConcreteClassName(),
        "enabled": bool(muscle.get_appliesForce()),
        "max_isometric_force": muscle.getMaxIsometricForce(),
        "optimal_fibre_length": muscle.getOptimalFiberLength(),
        "tendon_slack_length": muscle.getTendonSlackLength(),
        "pennation": muscle.getPennationAngleAtOptimalFiberLength(),
        "max_contraction_velocity": muscle.getMaxContractionVelocity(),
        "tendon_strain": _tendon_strain(muscle, parameters),
        "activation_time_constant": _anywhere(parameters, ("activation_time_constant",)),
        "deactivation_time_constant": _anywhere(parameters, ("deactivation_time_constant",)),
        "parameters": parameters,
        "path": _path(muscle, ranges),
    }


def _tendon_strain(muscle: Any, parameters: dict[str, Any]) -> float | None:
    """Strain of the tendon at the maximum isometric force; None for a class that has none."""
    millard = osim.Millard2012EquilibriumMuscle.safeDownCast(muscle)
    if millard is not None:  # the curve computes its own where the file gives none
        return millard.getTendonForceLengthCurve().getStrainAtOneNormForce()
    return _anywhere(parameters, TENDON_STRAIN)


def _anywhere(parameters: dict[str, Any], names: tuple[str, ...]) -> float | None:
    """A parameter of the muscle or of one of its curves; None where the class has none."""
    levels = [parameters, *(value for value in parameters.values() if isinstance(value, dict))]
    return next((float(level[name]) for name in names for level in levels if name in level), None)


def _path(muscle: Any, ranges: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Points and wraps in order; a path given by functions keeps its properties."""
    path = osim.GeometryPath.safeDownCast(muscle.getPropertyByName("path").getValueAsObject(0))
    if path is None:
        given = muscle.getPropertyByName("path").getValueAsObject(0)
        return {"type": given.getConcreteClassName(), "parameters": properties(given)}
    return {
        "type": "GeometryPath",
        "points": [_point(p, ranges) for p in items(path.getPathPointSet())],
        "wraps": [
            {
                "object": wrap.getWrapObjectName(),
                "method": wrap.getMethodName(),
                "range": (wrap.get_range(0), wrap.get_range(1)),
            }
            for wrap in items(path.getWrapSet())
        ],
    }


def _point(point: Any, ranges: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """One path point: fixed, there in a range of a coordinate only, or moved by functions of coordinates."""
    kind = point.getConcreteClassName()
    described = {"name": point.getName(), "type": kind}
    if kind == "MovingPathPoint":
        moving = osim.MovingPathPoint.safeDownCast(point)
        described |= place(point.getParentFrame())
        described["coordinates"], described["functions"] = [], []
        for axis in "xyz":
            coordinate = moving.getSocket(f"{axis}_coordinate").getConnecteePath().split("/")[-1]
            function = getattr(moving, f"get_{axis}_location")()
            described["coordinates"].append(coordinate)
            described["functions"].append(describe_function(function, ranges.get(coordinate)))
        return described
    fixed = osim.PathPoint.safeDownCast(point)
    described |= station(point.getParentFrame(), fixed.get_location())
    if kind == "ConditionalPathPoint":
        conditional = osim.ConditionalPathPoint.safeDownCast(point)
        described["coordinate"] = conditional.getSocket("coordinate").getConnecteePath().split("/")[-1]
        described["range"] = (conditional.get_range(0), conditional.get_range(1))
    return described


def describe_wraps(body: Any) -> list[dict[str, Any]]:
    """Wrap objects of a body: type, frame in the body (m, 3 × 3 object → body), dimensions (m), quadrant."""
    described = []
    for wrap in items(body.getWrapObjectSet()):
        transform = wrap.getTransform()
        parameters = properties(wrap)
        described.append(
            {
                "name": wrap.getName(),
                "type": wrap.getConcreteClassName(),
                "body": body.getName(),
                "offset": vector(transform.p()),
                "orientation": rows(transform.R()),
                "quadrant": parameters.get("quadrant", "all"),
                "active": bool(parameters.get("active", True)),
                "dimensions": {name: parameters[name] for name in WRAP_DIMENSIONS if name in parameters},
            }
        )
    return described

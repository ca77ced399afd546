"""Models that OpenSim builds for the figures and tests: every joint, every function, couplers, reversed joints.

Runs inside a worker process, where `opensim_models.osim.library` has imported OpenSim.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from opensim_models.osim.library import osim

SIMPLE = ("Pin", "Slider", "Planar", "Universal", "Gimbal", "Ball", "Free", "Weld")
KNOTS = ((-2.0, 0.11), (-1.1, 0.3), (-0.3, -0.2), (0.2, 0.05), (0.9, 0.25), (1.3, -0.1), (2.1, 0.2))

_KEPT: list = []  # what is freed twice, by the model and by Python, would end the process


def build_all(folder: str) -> dict[str, str]:
    """Write every model into a folder; name → path."""
    makers = {
        "every simple joint": every_joint,
        "every function": every_function,
        "couplers": coupled,
        "reversed and free": reversed_and_free,
        "planar": planar,
        "nested frames": nested_frames,
        "ellipsoid": ellipsoid,
        "scapulothoracic": scapulothoracic,
        "many forces": many_forces,
    }
    paths = {}
    for name, make in makers.items():
        model = osim.Model()
        model.setName(name.replace(" ", "_"))
        _KEPT.append((model, make(model)))
        model.finalizeConnections()
        paths[name] = str(Path(folder) / f"{name.replace(' ', '_')}.osim")
        model.printToXML(paths[name])
    return paths


def _body(model: Any, name: str) -> Any:
    body = osim.Body(name, 1.3, osim.Vec3(0.1, -0.2, 0.05), osim.Inertia(0.1, 0.12, 0.14, 0.01, -0.005, 0.02))
    model.addBody(body)
    return body


def _frames(parent: Any, body: Any, shift: float = 0.0) -> tuple:
    """Joint frames turned and shifted in both bodies."""
    return (
        parent,
        osim.Vec3(0.1 + shift, 0.2, -0.3),
        osim.Vec3(0.2, -0.1, 0.3),
        body,
        osim.Vec3(0.05, 0.1, 0.15),
        osim.Vec3(-0.3, 0.2, 0.1),
    )


def _named(joint: Any, name: str) -> Any:
    for i in range(joint.numCoordinates()):
        joint.upd_coordinates(i).setName(f"{name}_{i}")
    return joint


def every_joint(model: Any) -> list:
    """A chain with one joint of each fixed type."""
    parent, kept = model.getGround(), []
    for number, kind in enumerate(SIMPLE):
        body = _body(model, kind.lower())
        joint = _named(getattr(osim, kind + "Joint")(kind, *_frames(parent, body, 0.1 * number)), kind)
        model.addJoint(joint)
        kept += [body, joint]
        parent = body
    return kept


def _functions() -> dict[str, Any]:
    """One function of each class, all within a few tenths."""
    functions = {name: getattr(osim, name)() for name in ("SimmSpline", "PiecewiseLinearFunction")}
    functions["GCVSpline3"], functions["GCVSpline5"] = osim.GCVSpline(), osim.GCVSpline()
    functions["GCVSpline3"].setDegree(3)
    functions["GCVSpline5"].setDegree(5)
    for function in functions.values():
        for x, y in KNOTS:
            function.addPoint(x, y)
    functions["Sine"] = osim.Sine(0.3, 1.7, 0.2)
    functions["PolynomialFunction"] = osim.PolynomialFunction(osim.Vector.createFromMat([0.02, -0.1, 0.3, 0.05]))
    functions["Constant"] = osim.Constant(0.37)
    functions["LinearFunction"] = osim.LinearFunction(0.7, 0.1)
    functions["MultiplierFunction"] = osim.MultiplierFunction(functions["SimmSpline"].clone(), -1.3)
    step = osim.StepFunction()
    step.setStartTime(-0.8)
    step.setEndTime(0.9)
    step.setStartValue(-0.1)
    step.setEndValue(0.3)
    functions["StepFunction"] = step
    return functions


def every_function(model: Any) -> list:
    """CustomJoints: a turn about an oblique axis by the coordinate, a turn and a shift by each function of it."""
    parent, kept = model.getGround(), []
    for name, function in _functions().items():
        body = _body(model, name)
        spatial = osim.SpatialTransform()
        names = osim.ArrayStr()
        names.append(f"q_{name}")
        axes = ((0.6, 0.8, 0.0), (-0.8, 0.6, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
        for i, axis in enumerate(axes):
            target = spatial.updTransformAxis(i)
            target.set_axis(osim.Vec3(*axis))
            if i in (0, 1, 3):
                target.setCoordinateNames(names)
                target.set_function(osim.LinearFunction(1.0, 0.0) if i == 0 else function)
            else:
                target.set_function(osim.Constant(0.05 if i == 4 else 0.0))
        joint = osim.CustomJoint(name, *_frames(parent, body), spatial)
        model.addJoint(joint)
        joint.upd_coordinates(0).setRangeMin(-2.5)
        joint.upd_coordinates(0).setRangeMax(2.5)
        kept += [body, joint, spatial, names, function]
        parent = body
    return kept


def coupled(model: Any) -> list:
    """Five pins: b follows a by a spline, c follows b by a scaled spline with a factor of the coupler's own."""
    parent, kept = model.getGround(), []
    for name in "abcde":
        body = _body(model, f"body_{name}")
        joint = osim.PinJoint(f"pin_{name}", *_frames(parent, body))
        joint.upd_coordinates(0).setName(name)
        model.addJoint(joint)
        kept += [body, joint]
        parent = body
    splines = _functions()
    for dependent, independent, function, scale in (
        ("b", "a", splines["SimmSpline"], 1.0),
        ("c", "b", splines["MultiplierFunction"], 1.0),
        ("e", "d", splines["PolynomialFunction"], 1.7),
    ):
        coupler = osim.CoordinateCouplerConstraint()
        coupler.setName(f"{dependent}_follows_{independent}")
        names = osim.ArrayStr()
        names.append(independent)
        coupler.setIndependentCoordinateNames(names)
        coupler.setDependentCoordinateName(dependent)
        coupler.setFunction(function)
        osim.PropertyHelper.setValueDouble(scale, coupler.updPropertyByName("scale_factor"))
        model.addConstraint(coupler)
        kept += [coupler, names, function]
    return kept


def reversed_and_free(model: Any) -> list:
    """A pin whose child is nearer to the ground, and a body without a joint, which OpenSim sets free."""
    near, far, free = (_body(model, name) for name in ("near", "far", "free"))
    first = _named(osim.GimbalJoint("gimbal", *_frames(model.getGround(), near)), "gimbal")
    second = _named(osim.PinJoint("backwards", *_frames(far, near)), "backwards")
    for joint in (first, second):
        model.addJoint(joint)
    return [near, far, free, first, second]


def planar(model: Any) -> list:
    """A pelvis on a PlanarJoint with two pins."""
    pelvis, thigh, shank = (_body(model, name) for name in ("pelvis", "thigh", "shank"))
    zero, knee = osim.Vec3(0), osim.Vec3(0, -0.4, 0)
    joints = [
        osim.PlanarJoint("ground_pelvis", model.getGround(), zero, zero, pelvis, zero, zero),
        osim.PinJoint("hip", pelvis, zero, zero, thigh, zero, zero),
        osim.PinJoint("knee", thigh, knee, zero, shank, zero, zero),
    ]
    for joint in joints:
        model.addJoint(joint)
    return [pelvis, thigh, shank, *joints]


def nested_frames(model: Any) -> list:
    """A pin between frames that hang in frames, and a marker in another one."""
    base, tip = _body(model, "base"), _body(model, "tip")
    weld = osim.WeldJoint("weld", model.getGround(), base)
    outer = osim.PhysicalOffsetFrame(
        "outer", base, osim.Transform(osim.Rotation(0.3, osim.Vec3(1, 0, 0)), osim.Vec3(0.1))
    )
    base.addComponent(outer)
    turned = osim.Transform(osim.Rotation(-0.7, osim.Vec3(0, 1, 0)), osim.Vec3(0.0, 0.2, 0.1))
    inner = osim.PhysicalOffsetFrame("inner", outer, turned)
    outer.addComponent(inner)
    end = osim.PhysicalOffsetFrame(
        "end", tip, osim.Transform(osim.Rotation(0.5, osim.Vec3(0, 0, 1)), osim.Vec3(0.0, 0.1, 0))
    )
    tip.addComponent(end)
    joint = osim.PinJoint("pin", inner, end)
    for made in (weld, joint):
        model.addJoint(made)
    marker = osim.Marker("in_a_frame", end, osim.Vec3(0.01, 0.02, 0.03))
    model.addMarker(marker)
    return [base, tip, weld, outer, inner, end, joint, marker]


def ellipsoid(model: Any) -> list:
    """A joint that a skeleton cannot hold."""
    body = _body(model, "scapula")
    joint = osim.EllipsoidJoint("gliding", model.getGround(), body, osim.Vec3(0.1, 0.2, 0.3))
    model.addJoint(joint)
    return [body, joint]


def scapulothoracic(model: Any) -> list:
    """Another one."""
    body = _body(model, "scapula")
    joint = osim.ScapulothoracicJoint(
        "gliding", model.getGround(), body, osim.Vec3(0.1, 0.2, 0.3), osim.Vec2(0.01, 0.02), 0.1
    )
    model.addJoint(joint)
    return [body, joint]


def many_forces(model: Any) -> list:
    """Contact, springs, limits, actuators, constraints, and muscles with every kind of point and wrap."""
    base, tip, third = (_body(model, name) for name in ("base", "tip", "third"))
    joints = [
        _named(osim.SliderJoint("slide", *_frames(model.getGround(), base)), "slide"),
        _named(osim.PinJoint("hinge", *_frames(base, tip)), "hinge"),
        _named(osim.PinJoint("second_hinge", *_frames(tip, third)), "second_hinge"),
    ]
    for joint in joints:
        model.addJoint(joint)
    turned = osim.Transform(osim.Rotation(0.4, osim.Vec3(1, 0, 0)), osim.Vec3(0.1, 0.0, 0.0))
    frame = osim.PhysicalOffsetFrame("sole", tip, turned)
    tip.addComponent(frame)
    sphere = osim.ContactSphere(0.03, osim.Vec3(0.0, 0.2, 0.0), frame, "heel")
    quarter = osim.Vec3(0, 0, -1.5707963267948966)
    floor = osim.ContactHalfSpace(osim.Vec3(0), quarter, model.getGround(), "floor")
    for geometry in (sphere, floor):
        model.addContactGeometry(geometry)
    hunt = osim.HuntCrossleyForce()
    hunt.setName("touch")
    hunt.addGeometry("heel")
    hunt.addGeometry("floor")
    for name, value in (
        ("Stiffness", 2e6),
        ("Dissipation", 1.5),
        ("StaticFriction", 0.9),
        ("DynamicFriction", 0.6),
        ("ViscousFriction", 0.1),
    ):
        getattr(hunt, f"set{name}")(value)
    spring = osim.SpringGeneralizedForce("hinge_0")
    spring.setName("spring")
    spring.setStiffness(3.0)
    limit = osim.CoordinateLimitForce("hinge_0", 90.0, 2.0, -10.0, 2.0, 0.1, 5.0, False)
    limit.setName("limit")
    actuator = osim.CoordinateActuator("hinge_0")
    actuator.setName("motor")
    bushing = osim.BushingForce("bushing", base, tip)
    point = osim.PointConstraint(base, osim.Vec3(0.1, 0, 0), tip, osim.Vec3(0, 0.1, 0))
    point.setName("strut")
    point.set_isEnforced(False)
    muscle = osim.Thelen2003Muscle("muscle", 500.0, 0.1, 0.2, 0.1)
    muscle.addNewPathPoint("from", base, osim.Vec3(0.0, 0.1, 0.0))
    muscle.addNewPathPoint("to", frame, osim.Vec3(0.0, 0.1, 0.02))
    wrap = osim.WrapEllipsoid()
    wrap.setName("bulge")
    base.addWrapObject(wrap)
    muscle.updGeometryPath().addPathWrap(wrap)
    fitted = osim.DeGrooteFregly2016Muscle()
    fitted.setName("fitted")
    coefficients = osim.Vector.createFromMat([0.3, -0.04, 0.001])
    path = osim.FunctionBasedPath()
    path.setName("path")
    path.setLengthFunction(osim.MultivariatePolynomialFunction(coefficients, 1, 2))
    names = osim.StdVectorString()
    names.append("/jointset/hinge/hinge_0")
    path.setCoordinatePaths(names)
    fitted.set_path(path)
    forces = [hunt, spring, limit, actuator, bushing, muscle, fitted]
    for force in forces:
        model.addForce(force)
    model.addConstraint(point)
    return [base, tip, third, *joints, frame, sphere, floor, *forces, point, wrap, path, names, coefficients]

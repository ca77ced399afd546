"""A skeleton: a multibody model as plain numbers.

It holds what mechanics needs and nothing else: a tree of segments, each joined to its parent by a chain of one-axis
elements that are driven by coordinates, with inertias and markers. All numbers are used through scalar arithmetic
only, so a CasADi symbol may stand in the place of any of them (`dataclasses.replace`).
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from mocap_import.subject import STANDARD_GRAVITY
from opensim_models.model.contact_sphere import ContactPlane, ContactSphere, plane_from_plain, sphere_from_plain
from opensim_models.model.muscle_tendon import MuscleTendon, muscle_from_plain
from opensim_models.model.osim_file import refuse_huge
from opensim_models.model.scalar_function import IDENTITY_FUNCTION, Polynomial, ScalarFunction, function_from_plain
from opensim_models.model_mismatch import ModelMismatch

Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]

IDENTITY: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
ORIGIN: Vector = (0.0, 0.0, 0.0)
FORMAT = "kinesynth-skeleton 2"
FIRST_FORMAT = "kinesynth-skeleton 1"
"""Elements had one polynomial each; still read."""


@dataclass(frozen=True)
class Coordinate:
    """A generalized coordinate under its OpenSim name.

    Attributes
    ----------
    name : str
    kind : str
        ``"rotation"`` (rad) or ``"translation"`` (m).
    lower, upper : float
        Range of motion; infinite where unlimited.
    default : float
        Value in the reference pose.
    locked : bool
        The model holds it at its default: inverse kinematics does the same, and says so.
    clamped : bool
        The model keeps it inside its range.
    prescribed : ScalarFunction, optional
        The model moves it by this function of time (s → rad or m).
    """

    name: str
    kind: str
    lower: float = -math.inf
    upper: float = math.inf
    default: float = 0.0
    locked: bool = False
    clamped: bool = False
    prescribed: ScalarFunction | None = None


@dataclass(frozen=True)
class CoupledCoordinate:
    """A coordinate of the source model that follows another one; elements carry it inside their functions.

    Attributes
    ----------
    name, kind : str
        As of a `Coordinate`.
    coordinate : int
        Index of the coordinate that it follows.
    functions : tuple of ScalarFunction
        Its value from that coordinate, one applied after the other.
    segment : str
        The segment whose joint it moves in the source model.
    """

    name: str
    kind: str
    coordinate: int
    functions: tuple[ScalarFunction, ...]
    segment: str


@dataclass(frozen=True)
class JointElement:
    """One axis of a joint: a rotation about it or a translation along it by a function of one coordinate.

    Attributes
    ----------
    kind : str
        ``"rotation"`` or ``"translation"``.
    axis : tuple of 3 floats
        Unit vector in the frame that the previous elements have reached.
    coordinate : int
        Index of the driving coordinate; -1 for a constant, which is the one function at zero.
    functions : tuple of ScalarFunction
        Applied one after the other to the coordinate: one for most, two where a coupled coordinate drives the axis.
    """

    kind: str
    axis: Vector
    coordinate: int
    functions: tuple[ScalarFunction, ...] = (IDENTITY_FUNCTION,)


@dataclass(frozen=True)
class Segment:
    """A rigid body and the joint that carries it.

    Attributes
    ----------
    name : str
        OpenSim body name.
    parent : int
        Index of the parent segment, smaller than its own; -1 for the ground.
    offset, orientation
        Joint frame in the parent frame: position (m) and rotation joint → parent.
    elements : tuple of JointElement
        The joint, from the parent outwards.
    child_offset, child_orientation
        Joint frame in this segment's own frame: position (m) and rotation joint → segment.
    mass : float
        kg.
    centre_of_mass : tuple of 3 floats
        Segment frame (m).
    inertia : tuple of 6 floats
        xx, yy, zz, xy, xz, yz about the centre of mass, segment axes (kg·m²).
    """

    name: str
    parent: int
    offset: Vector = ORIGIN
    orientation: Matrix = IDENTITY
    elements: tuple[JointElement, ...] = ()
    child_offset: Vector = ORIGIN
    child_orientation: Matrix = IDENTITY
    mass: float = 0.0
    centre_of_mass: Vector = ORIGIN
    inertia: tuple[float, ...] = (0.0,) * 6


@dataclass(frozen=True)
class SkeletonMarker:
    """A marker fixed in a segment: its name, the segment's name and its position (m) in the segment frame."""

    name: str
    segment: str
    offset: Vector


@dataclass(frozen=True)
class Skeleton:
    """A multibody model: see the module's text.

    Attributes
    ----------
    name : str
    coordinates : tuple of Coordinate
    segments : tuple of Segment
        Parents come before their children.
    markers : tuple of SkeletonMarker
    gravity : tuple of 3 floats
        Ground frame (m/s²).
    notes : tuple of str
        Where the numbers come from, and what a source model had that is not represented here.
    coupled : tuple of CoupledCoordinate
        Coordinates of the source model that follow others, to be reported beside the independent ones.
    muscles : tuple of MuscleTendon
        Parameters, and paths where they have been fitted (`muscle.path_fit.with_muscle_paths`).
    contacts : tuple of ContactSphere
        Spheres that may touch a plane.
    planes : tuple of ContactPlane
    """

    name: str
    coordinates: tuple[Coordinate, ...]
    segments: tuple[Segment, ...]
    markers: tuple[SkeletonMarker, ...] = ()
    gravity: Vector = (0.0, -STANDARD_GRAVITY, 0.0)
    notes: tuple[str, ...] = field(default=())
    coupled: tuple[CoupledCoordinate, ...] = ()
    muscles: tuple[MuscleTendon, ...] = ()
    contacts: tuple[ContactSphere, ...] = ()
    planes: tuple[ContactPlane, ...] = ()

    @property
    def coordinate_names(self) -> tuple[str, ...]:
        """Names of the coordinates in order."""
        return tuple(c.name for c in self.coordinates)

    @property
    def segment_names(self) -> tuple[str, ...]:
        """Names of the segments in order."""
        return tuple(s.name for s in self.segments)

    @property
    def mass(self) -> float:
        """Total mass (kg)."""
        return sum(s.mass for s in self.segments)

    def segment_index(self, name: str) -> int:
        """Index of a segment; a clear error if there is none of that name."""
        names = self.segment_names
        if name not in names:
            raise ModelMismatch(f"{self.name}: no segment {name!r}; it has {', '.join(names)}.")
        return names.index(name)

    def coordinate_index(self, name: str) -> int:
        """Index of a coordinate; a clear error if there is none of that name."""
        names = self.coordinate_names
        if name not in names:
            raise ModelMismatch(f"{self.name}: no coordinate {name!r}; it has {', '.join(names)}.")
        return names.index(name)

    def with_markers(self, markers: tuple[SkeletonMarker, ...]) -> Skeleton:
        """Return the same skeleton carrying other markers."""
        for marker in markers:
            self.segment_index(marker.segment)
        return replace(self, markers=tuple(markers))


def save_skeleton(skeleton: Skeleton, path: Path) -> None:
    """Write a skeleton as one readable JSON file (temporary file, then rename)."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".tmp")
    partial.write_text(skeleton_text(skeleton, indent=1), encoding="utf-8")
    partial.replace(path)


def skeleton_text(skeleton: Skeleton, indent: int | None = None) -> str:
    """JSON of a skeleton, as `save_skeleton` writes it; on one line without blanks unless indented."""
    separators = (",", ":") if indent is None else None
    return json.dumps({"format": FORMAT, **asdict(skeleton)}, indent=indent, separators=separators)


def load_skeleton(path: Path) -> Skeleton:
    """Read a skeleton that `save_skeleton` wrote.

    Raises
    ------
    ModelMismatch
        The file is missing, is not JSON, or is not a skeleton of this format.
    """
    path = Path(path)
    try:
        refuse_huge(path, path.stat().st_size)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelMismatch(f"{path}: expected a skeleton file of `kinesynth motion`, but {error}.") from error
    return skeleton_of_text(text, str(path))


def skeleton_of_text(text: str, where: str) -> Skeleton:
    """Read the JSON of a skeleton.

    Parameters
    ----------
    text : str
        As `skeleton_text` gave it.
    where : str
        For messages.

    Raises
    ------
    ModelMismatch
        The text is not JSON, or not a skeleton of this format.
    """
    try:
        content = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ModelMismatch(f"{where}: expected a skeleton file of `kinesynth motion`, but {error}.") from error
    if not isinstance(content, dict) or content.pop("format", None) not in (FORMAT, FIRST_FORMAT):
        raise ModelMismatch(f"{where}: expected a file marked {FORMAT!r}. Write it again with `kinesynth motion`.")
    try:
        return skeleton_from_plain(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelMismatch(
            f"{where}: this skeleton file is damaged ({type(error).__name__}: {error}). Write it again."
        ) from error


def skeleton_from_plain(content: dict) -> Skeleton:
    """Skeleton from the plain content that `dataclasses.asdict` and JSON made of one."""
    return Skeleton(
        name=content["name"],
        coordinates=tuple(_coordinate(c) for c in content["coordinates"]),
        segments=tuple(_segment(s) for s in content["segments"]),
        markers=tuple(SkeletonMarker(m["name"], m["segment"], tuple(m["offset"])) for m in content["markers"]),
        gravity=tuple(content["gravity"]),
        notes=tuple(content["notes"]),
        coupled=tuple(
            CoupledCoordinate(
                c["name"], c["kind"], c["coordinate"], tuple(map(function_from_plain, c["functions"])), c["segment"]
            )
            for c in content.get("coupled", ())
        ),
        muscles=tuple(map(muscle_from_plain, content.get("muscles", ()))),
        contacts=tuple(map(sphere_from_plain, content.get("contacts", ()))),
        planes=tuple(map(plane_from_plain, content.get("planes", ()))),
    )


def _coordinate(content: dict) -> Coordinate:
    """Turn the JSON of a coordinate, with or without the fields of format 2, back into one."""
    prescribed = content.get("prescribed")
    return Coordinate(**content | {"prescribed": None if prescribed is None else function_from_plain(prescribed)})


def _element(content: dict) -> JointElement:
    """Turn the JSON of an element of either format back into one."""
    if "polynomial" in content:
        functions: tuple[ScalarFunction, ...] = (Polynomial(tuple(content["polynomial"])),)
    else:
        functions = tuple(map(function_from_plain, content["functions"]))
    return JointElement(content["kind"], tuple(content["axis"]), content["coordinate"], functions)


def _segment(content: dict) -> Segment:
    """Turn JSON lists back into the tuples of a Segment."""
    elements = tuple(map(_element, content["elements"]))
    plain = {k: tuple(content[k]) for k in ("offset", "child_offset", "centre_of_mass", "inertia")}
    rotations = {k: tuple(tuple(row) for row in content[k]) for k in ("orientation", "child_orientation")}
    for name, numbers in {"mass": (content["mass"],), **plain}.items():
        wrong = [x for x in numbers if isinstance(x, bool) or not isinstance(x, int | float) or not math.isfinite(x)]
        if wrong:
            raise ValueError(f"{name} of segment {content['name']} is {wrong[0]!r}, expected a number")
    return Segment(content["name"], content["parent"], elements=elements, mass=content["mass"], **plain, **rotations)

"""Our generic models: skeleton, muscles and foot contact of a person, written as .osim files that OpenSim opens.

`models/` holds them for one person of 75 kg and 1.75 m, written by `kinesynth model build`; `models/README.md` names
the origin of every number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.generic.foot_geometry import FLOOR, contact_spheres
from opensim_models.generic.muscle_geometry import GenericMuscle, PathPoint, lower_body_muscles, planar_muscles
from opensim_models.model.skeleton import Skeleton, save_skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.client import build_model

GENERIC_MODELS = ("planar", "lower_body")
MODELS = Path(__file__).parent / "models"
REFERENCE_PERSON = Subject("generic", 75.0, 1.75, "unknown")
"""Whose models lie in `models/`."""
CREDITS = (
    "The Kinesynth developers, Apache-2.0. Segment masses: {table} (opensim_models/generic/segment_table.py). Muscle "
    "paths and architecture: S. L. Delp et al., IEEE Trans Biomed Eng 37:757, 1990, from the OpenSim model gait2392 by "
    "D. G. Thelen, A. Seth, F. C. Anderson and S. L. Delp (CC BY 3.0), carried over to another body; knee: "
    "G. T. Yamaguchi, F. E. Zajac, J Biomech 22:1, 1989; contact: A. Falisse et al., PLoS One 14:e0217730, 2019. "
    "See models/README.md."
)


@dataclass(frozen=True)
class GenericModel:
    """A generic model of a person.

    Attributes
    ----------
    skeleton : Skeleton
        With the muscles' parameters, the contact spheres and the floor.
    paths : dict of str to tuple of PathPoint
        Muscle → its points, from origin to insertion.
    credits : str
        Authors, licence and sources.
    """

    skeleton: Skeleton
    paths: dict[str, tuple[PathPoint, ...]]
    credits: str


def generic_model(name: str, subject: Subject, table: str = "de_leva", strength: str = "muscle_volume") -> GenericModel:
    """Build the generic model of a person.

    Parameters
    ----------
    name : str
        ``"planar"``: 10 coordinates, 18 muscles, 6 contact spheres; ``"lower_body"``: 23 coordinates with toes, 92
        muscles, 10 contact spheres.
    subject : Subject
        With mass and height; sex and age choose columns of the tables, age lowers the strength.
    table : str
        One of `anthropometry.TABLES`.
    strength : str
        One of `muscle_strength.STRENGTH_LAWS`.

    Raises
    ------
    ModelMismatch
        The name, the table or the law is unknown, or mass, height or age is nobody's.
    """
    if name not in GENERIC_MODELS:
        raise ModelMismatch(f"no generic model {name!r}; choose one of {', '.join(GENERIC_MODELS)}.")
    muscles: tuple[GenericMuscle, ...]
    if name == "planar":
        skeleton = planar_skeleton(subject, table, gliding_knee=True)
        muscles = planar_muscles(subject, strength)
        contacts = contact_spheres(subject.height, toes=False, in_plane=True)
    else:
        skeleton = lower_body_skeleton(subject, table, toes=True, gliding_knee=True)
        muscles = lower_body_muscles(subject, strength)
        contacts = contact_spheres(subject.height, toes=True)
    note = f"muscles of Delp et al. 1990 (gait2392), strength law {strength}"
    whole = replace(
        skeleton,
        muscles=tuple(m.unit for m in muscles),
        contacts=contacts,
        planes=(FLOOR,),
        notes=(*skeleton.notes, note),
    )
    return GenericModel(whole, {m.unit.name: m.points for m in muscles}, CREDITS.format(table=table))


def write_generic_model(model: GenericModel, path: Path) -> None:
    """Write a generic model: .osim whole, .json as a skeleton (muscles without their path points).

    Raises
    ------
    ModelMismatch
        Another ending.
    """
    path = Path(path)
    if path.suffix.lower() == ".osim":
        build_model(model.skeleton, path, model.paths, model.credits)
    elif path.suffix.lower() == ".json":
        save_skeleton(model.skeleton, path)
    else:
        raise ModelMismatch(f"{path}: a model is written as .osim or .json.")

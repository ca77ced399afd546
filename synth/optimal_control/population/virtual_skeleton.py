"""Virtual skeleton: our planar model, with muscles and foot contact, for any virtual person.

Skeleton, mass and contact are those of the generic model of the person's sex, mass, stature and age; segments are then
stretched to the person's proportions. Muscle paths were fitted once, to the model as it is shipped, and are stretched:
with stature, which is exact, and with the segment that the muscle lies along, which is an assumption: its length,
fibres, tendon and moment arms all grow alike, so that it works at the same places of its force-length curve.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import opensim_models.generic
from mocap_import.subject import Subject
from opensim_models.generic.generic_model import REFERENCE_PERSON, generic_model
from opensim_models.model.muscle_tendon import MuscleTendon
from opensim_models.model.skeleton import Segment, Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling.scale_factor import scaled_skeleton
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.virtual_people import VirtualPerson

_ALONG = {
    "hamstrings": "thigh",
    "bifemsh": "thigh",
    "glut_max": "thigh",
    "rect_fem": "thigh",
    "vasti": "thigh",
    "gastroc": "shank",
    "soleus": "shank",
    "tib_ant": "shank",
}
"""The segment that a muscle lies along; others lie in the pelvis, which grows with stature."""
GENERIC_PROPORTIONS = {"thigh": 1.0, "shank": 1.0, "foot": 1.0, "trunk": 1.0}
_PARTS = {"femur": "thigh", "tibia": "shank", "calcn": "foot", "torso": "trunk"}


def template_skeleton() -> Skeleton:
    """The shipped planar model, its muscle paths as polynomials; the fit is kept in the cache folder.

    Raises
    ------
    ModelMismatch
        OpenSim, which measures the paths the first time, cannot be used.
    """
    model = Path(opensim_models.generic.__file__).parent / "models" / "planar.osim"
    return prepare_model(model, show_progress=False).skeleton


def virtual_skeleton(person: VirtualPerson, template: Skeleton) -> Skeleton:
    """The planar model of a virtual person.

    Parameters
    ----------
    person : VirtualPerson
    template : Skeleton
        From `template_skeleton`.

    Returns
    -------
    Skeleton
        Of the template's structure, so that one compiled problem serves all people.
    """
    generic = generic_model("planar", person.subject).skeleton
    factors = {}
    for segment in generic.segments:
        part = _PARTS.get(segment.name.split("_")[0])
        factors[segment.name] = (person.proportions[part] if part else 1.0,) * 3
    stretched = scaled_skeleton(replace(generic, muscles=()), factors, person.subject.mass)
    segments = tuple(_with_axes_of(own, old) for own, old in zip(stretched.segments, generic.segments, strict=True))
    stature = person.subject.height / REFERENCE_PERSON.height
    muscles = tuple(
        _muscle(fitted, own.max_isometric_force, person, stature)
        for fitted, own in zip(template.muscles, generic.muscles, strict=True)
    )
    return replace(stretched, segments=segments, muscles=muscles, planes=template.planes)


def with_muscles_and_contact(
    skeleton: Skeleton, subject: Subject, template: Skeleton, strength: float = 1.0
) -> Skeleton:
    """A scaled planar skeleton with the muscles and contact spheres of a generic person of its mass and that stature.

    Parameters
    ----------
    skeleton : Skeleton
        Of the segments and coordinates of `opensim_models.generic.catalogue.planar_skeleton`.
    subject : Subject
        Stature, sex and age.
    template : Skeleton
        From `template_skeleton`.
    strength : float
        Factor on the muscle forces of the generic person.

    Raises
    ------
    ModelMismatch
        The skeleton is not planar, or nobody has this mass and stature.
    """
    if skeleton.segment_names != template.segment_names or skeleton.coordinate_names != template.coordinate_names:
        raise ModelMismatch(
            f"{skeleton.name}: expected the segments and coordinates of a planar skeleton "
            f"({', '.join(template.coordinate_names)}), found {', '.join(skeleton.coordinate_names)}. Scale "
            "`planar_skeleton`."
        )
    person = VirtualPerson(0, replace(subject, mass=skeleton.mass), GENERIC_PROPORTIONS, strength)
    whole = virtual_skeleton(person, template)
    return replace(skeleton, muscles=whole.muscles, contacts=whole.contacts, planes=whole.planes)


def _with_axes_of(segment: Segment, generic: Segment) -> Segment:
    """The same segment with the axes of the generic one, which equal factors do not turn, to the last bit."""
    elements = tuple(replace(e, axis=before.axis) for e, before in zip(segment.elements, generic.elements, strict=True))
    return replace(segment, elements=elements)


def _muscle(fitted: MuscleTendon, force: float, person: VirtualPerson, stature: float) -> MuscleTendon:
    """A muscle stretched along its segment at the same volume: longer fibres, less force."""
    part = _ALONG.get(fitted.name[:-2])
    own = person.proportions[part] if part else 1.0
    size = stature * own
    path = replace(fitted.path, coefficients=tuple(size * c for c in fitted.path.coefficients))
    return replace(
        fitted,
        max_isometric_force=force * person.strength / own,
        optimal_fibre_length=fitted.optimal_fibre_length * size,
        tendon_slack_length=fitted.tendon_slack_length * size,
        path=path,
    )

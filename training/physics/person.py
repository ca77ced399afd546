"""Person: the generic planar skeleton of somebody's mass and stature, how it stands on its feet, who is who."""

from __future__ import annotations

import math

import numpy as np

from mocap_import.subject import Subject
from mocap_import.trial import Treatment
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.generic.contact_point import with_contact_points
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.corpus.schema import CorpusMismatch

LEG = ("femur", "tibia", "calcn")
"""Segments that swing in the plane, so that their main axis of rotation is known."""

SAME_BUILD = 1e-3
"""Part by which mass and stature of one person may differ: they are stored as they were measured, rounded perhaps."""


def why_stranger(subject: Subject, build: tuple[float, float] | None, taught_by: str = "", corpus: str = "") -> str:
    """Why somebody cannot be taken for the person of the same code who was in a training; empty if they can.

    Codes are given anew in every population and laboratory, so that a code alone says nothing.

    Parameters
    ----------
    subject : Subject
    build : tuple of float, or None
        Mass (kg) and stature (m) of the person of that code in the training; None if there was nobody, NaN if it is not
        known.
    taught_by, corpus : str
        SHA-256 of the corpus of the training, and of the one that the trial is from; empty where it is not known.

    Returns
    -------
    str
        Without a full stop.
    """
    if build is None:
        return f"nobody of the code {subject.code!r} was in the training"
    if not all(map(math.isfinite, build)):
        return f"the network does not say of what mass and stature its {subject.code!r} was; train it again"
    if taught_by and corpus and taught_by != corpus:
        return f"the network learnt from the {subject.code!r} of another corpus"
    mass, height = build
    if not (
        math.isclose(subject.mass, mass, rel_tol=SAME_BUILD)
        and math.isclose(subject.height, height, rel_tol=SAME_BUILD)
    ):
        return f"the {subject.code!r} of the training was another person, of {mass:.4g} kg and {height:.4g} m"
    return ""


def nominal_placements(why: str) -> Treatment:
    """What is said of an estimate that does not use learnt placements."""
    return Treatment("nominal_placements", f"sensors are taken at their nominal places, since {why}")


def person_skeleton(subject: Subject) -> Skeleton:
    """The planar skeleton with contact points.

    Raises
    ------
    CorpusMismatch
        Mass or stature is unknown or nobody's.
    """
    try:
        return with_contact_points(planar_skeleton(subject), subject.height)
    except (ModelMismatch, TypeError) as problem:
        raise CorpusMismatch(
            f"subject {subject.code!r}: physics needs a person's mass (kg) and height (m): {problem} "
            "State them in the corpus; where they are assumed, say so."
        ) from None


def contact_levers(skeleton: Skeleton, soles: np.ndarray, stretches: np.ndarray) -> np.ndarray:
    """Heights of the contact points over the root, as a product with the sines, then cosines of the segments' angles.

    Parameters
    ----------
    skeleton : Skeleton
        Of `person_skeleton`.
    soles : ndarray, shape (n_points of a foot, 2)
        Shift of each point of a foot (m), the same on both.
    stretches : ndarray, shape (n_segments,)
        By what share each segment is longer.

    Returns
    -------
    ndarray, shape (2 n_segments, n_points)
        m; the numbers of `training.physics.body.levers`.
    """
    n, length = len(skeleton.segments), 1.0 + stretches
    heights = np.zeros((2 * n, len(skeleton.contacts)))
    for p, point in enumerate(skeleton.contacts):
        segment = skeleton.segment_index(point.segment)
        lever = (np.array(point.offset[:2]) + soles[p % len(soles)]) * length[segment]
        while segment >= 0:
            heights[[segment, n + segment], p] += lever  # x by the sine, y by the cosine
            own = skeleton.segments[segment]
            segment = own.parent
            lever = np.array(own.offset[:2]) * (length[segment] if segment >= 0 else 1.0)
    return heights

"""Person: the generic planar skeleton of somebody's mass and stature, and how it stands on its feet. No torch."""

from __future__ import annotations

import numpy as np

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.generic.contact_point import with_contact_points
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from synth.corpus.schema import CorpusMismatch

LEG = ("femur", "tibia", "calcn")
"""Segments that swing in the plane, so that their main axis of rotation is known."""


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

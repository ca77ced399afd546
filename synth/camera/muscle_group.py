"""Muscle group: activations of models with many muscles under the names of the planar one, which has eight a leg.

A group's activation is the mean over its muscles, each counted by its largest force: what one muscle of the whole
group's force would have to do. Names are those of the planar model (gait10dof18musc), of Rajagopal's (2016) and of
gait2392; a muscle that belongs to no group is left out, a group of which a model has none stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

GROUPS: dict[str, tuple[str, ...]] = {
    "glut_max": ("glut_max", "glmax1", "glmax2", "glmax3", "glut_max1", "glut_max2", "glut_max3"),
    "iliopsoas": ("iliopsoas", "iliacus", "psoas"),
    "hamstrings": ("hamstrings", "bflh", "semimem", "semiten", "bifemlh"),
    "rect_fem": ("rect_fem", "recfem"),
    "vasti": ("vasti", "vasint", "vaslat", "vasmed", "vas_int", "vas_lat", "vas_med"),
    "gastroc": ("gastroc", "gaslat", "gasmed", "lat_gas", "med_gas"),
    "soleus": ("soleus",),
    "tib_ant": ("tib_ant", "tibant", "edl", "ehl", "ext_dig", "ext_hal", "per_tert"),
}
"""Group → muscles of the three models, without side; as `opensim_models.generic.muscle_geometry.PLANAR_GROUPS`."""
GROUP_NAMES = tuple(f"{group}_{side}" for group in GROUPS for side in "rl")


def group_activations(muscles: Sequence[str], activations: np.ndarray, forces: Mapping[str, float]) -> np.ndarray:
    """Activations of the groups.

    Parameters
    ----------
    muscles : sequence of str
        Names with a side, ``soleus_r``.
    activations : ndarray, shape (n_frames, n_muscles)
        0 to 1.
    forces : mapping of str to float
        Largest force of each muscle (N); of a group in which one is not known all count alike.

    Returns
    -------
    ndarray, shape (n_frames, 16)
        In the order of `GROUP_NAMES`; NaN where the model has no such muscle.
    """
    found = np.full((len(activations), len(GROUP_NAMES)), np.nan)
    for i, name in enumerate(GROUP_NAMES):
        group, side = name[:-2], name[-1]
        own = [m for m in (f"{muscle}_{side}" for muscle in GROUPS[group]) if m in muscles]
        if own:
            known = all(forces.get(m, 0.0) > 0.0 for m in own)
            weights = [forces[m] if known else 1.0 for m in own]
            found[:, i] = np.average(activations[:, [list(muscles).index(m) for m in own]], axis=1, weights=weights)
    return found

"""Seen marker: a trajectory of a file that has a label and was seen at least once; the others are left out by name.

A file without any label keeps its trajectories under their numbers, so that `kinesynth labels` can propose names.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from mocap_import.c3d.raw_c3d import RawC3d
from mocap_import.trial import Treatment, TrialRefused

_UNLABELLED = re.compile(r"^\*\d+$")


def seen_markers(raw: RawC3d, source: str) -> tuple[RawC3d, list[Treatment]]:
    """The file without unlabelled and never-seen trajectories.

    Parameters
    ----------
    raw : RawC3d
    source : str
        File name for the message.

    Returns
    -------
    raw : RawC3d
        Without treatments; a file of plates, analog channels or rotations alone keeps zero markers.
    treatments : list of Treatment
        Those of `raw`, then ``unlabelled_left_out``, ``labels_numbered`` and ``never_seen``.

    Raises
    ------
    TrialRefused
        There are trajectories, but none was ever seen, and the file holds nothing else.
    """
    notes = list(raw.treatments)
    seen = np.isfinite(raw.points[:, :, 0]).any(axis=0)
    if raw.labels and not seen.any() and not raw.analog.size and not raw.rotations:
        raise TrialRefused(
            f"{source}: every one of its {len(raw.labels)} markers is occluded in all {len(raw.points)} frames; "
            "export the reconstructed and labelled trajectories."
        )
    labelled = np.array([not _UNLABELLED.match(label) for label in raw.labels], dtype=bool)
    if labelled.any():
        if (seen & ~labelled).any():
            number = int((seen & ~labelled).sum())
            notes.append(Treatment("unlabelled_left_out", f"{number} unlabelled trajectories left out"))
    elif seen.any():
        labelled[:] = True
        notes.append(
            Treatment("labels_numbered", f"none of {int(seen.sum())} trajectories has a label: kept by number")
        )
    never = [label for label, was, named in zip(raw.labels, seen, labelled, strict=True) if named and not was]
    if never:
        notes.append(Treatment("never_seen", f"labelled but seen in no frame, left out: {', '.join(never)}"))
    keep = seen & labelled
    if keep.all():
        return replace(raw, treatments=()), notes
    labels = tuple(label for label, kept in zip(raw.labels, keep, strict=True) if kept)
    return replace(raw, labels=labels, points=raw.points[:, keep], treatments=()), notes

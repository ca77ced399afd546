"""Movement sample: what automatic scaling looks at, frames of moving trials and a skeleton that wears their markers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mocap_import.marker.marker_set import MarkerSet
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial
from opensim_models.inverse.kinematics import solve_inverse_kinematics
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import Skeleton, SkeletonMarker
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling.marker_map import match_markers
from opensim_models.scaling.model_scaling import model_stature
from opensim_models.scaling.scale_factor import scaled_skeleton

_GROUPS = {"patella": "tibia", "talus": "foot", "calcn": "foot", "toes": "foot", "hand": "forearm"}
_GROUPS |= {"ulna": "forearm", "radius": "forearm"}


def segment_groups(skeleton: Skeleton, symmetrical: bool) -> dict[str, int]:
    """Segment → number of the factor that it shares: feet are one piece, forearms too, sides alike if asked."""
    names: dict[str, str] = {}
    for name in skeleton.segment_names:
        base, _, side = name.rpartition("_")
        base, side = (base, side) if side in ("r", "l") and base else (name, "")
        group = _GROUPS.get(base, base)
        names[name] = group if symmetrical or not side else f"{group}_{side}"
    numbers = {group: k for k, group in enumerate(dict.fromkeys(names.values()))}
    return {name: numbers[group] for name, group in names.items()}


def sampled_frames(
    trials: Sequence[MarkerTrial], n_frames: int, where: str
) -> tuple[tuple[str, ...], np.ndarray, float]:
    """Frames spread over the trials, of those that show most markers.

    Returns
    -------
    labels : tuple of str
        Of all trials.
    positions : ndarray, shape (n, n_labels, 3)
        m, ground frame; NaN = not seen.
    rate : float
        Hz.

    Raises
    ------
    ModelMismatch
        Fewer than ten frames.
    """
    labels = tuple(dict.fromkeys(label for trial in trials for label in trial.labels))
    chosen = []
    each = max(1, n_frames // max(1, len(trials)))
    for trial in trials:
        columns = [labels.index(label) for label in trial.labels]
        seen = np.isfinite(trial.positions).all(axis=2).sum(axis=1)
        good = np.flatnonzero(seen >= max(4, 0.8 * seen.max(initial=0)))
        some = good[np.unique(np.linspace(0, len(good) - 1, min(each, len(good))).astype(int))] if len(good) else []
        frames = np.full((len(some), len(labels), 3), np.nan)
        frames[:, columns] = trial.positions[some]
        chosen.append(frames)
    positions = np.concatenate(chosen) if chosen else np.empty((0, 0, 3))
    if len(positions) < 10:
        raise ModelMismatch(
            f"{where}: automatic scaling needs at least 10 frames with markers, found {len(positions)}."
        )
    return labels, positions, trials[0].rate


def movement_start(
    skeleton: Skeleton,
    subject: Subject,
    labels: tuple[str, ...],
    positions: np.ndarray,
    marker_set: MarkerSet | None,
    given: Mapping[str, str] | None,
    rate: float,
) -> tuple[Skeleton, set[str]]:
    """Put the trials' labels on a skeleton at the subject's stature.

    Returns
    -------
    skeleton : Skeleton
    loose : set of str
        Markers whose place nobody prescribes: they start where the first poses show them.
    """
    markers = match_markers(skeleton, labels, marker_set, given)
    factor = subject.height / model_stature(skeleton) if math.isfinite(subject.height) else 1.0
    scaled = scaled_skeleton(skeleton, dict.fromkeys(skeleton.segment_names, (factor,) * 3))
    own = tuple(replace(m, name=markers.labels[m.name]) for m in scaled.markers if m.name in markers.labels)
    landmarks = {markers.labels[name] for name in markers.landmarks if name in markers.labels}
    firm = [m for m in own if m.name in landmarks]
    loose = {m.name for m in own if m.name not in landmarks} if len(firm) >= 8 else set()
    first = scaled.with_markers(own)
    weights = dict.fromkeys(loose, 1e-3)
    prior = math.radians(40.0)
    pose = solve_inverse_kinematics(first, labels, positions, rate, weights=weights, prior_spread=prior)
    motions = segment_motions(first, pose.kinematics)
    known = {m.name for m in own}
    places = [(m.name, m.segment) for m in own if m.name in loose]
    if marker_set is not None:
        own_set = marker_set.for_labels(labels)
        places += [
            (label, segment)
            for segment, members in own_set.segments.items()
            if segment in motions
            for label in members
            if label not in known and label in labels
        ]
    added = []
    for label, segment in dict(places).items():
        motion = motions[segment]
        local = motion.orientation.inv().apply(positions[:, labels.index(label)] - motion.origin)
        if np.isfinite(local).all(axis=1).sum() >= 5:
            added.append(SkeletonMarker(label, segment, tuple(np.nanmedian(local, axis=0).tolist())))
    kept = tuple(m for m in own if m.name not in loose)
    return first.with_markers((*kept, *added)), {m.name for m in added}

"""Subject scaling: the models of one subject from its recordings, whatever model and whichever way is asked for."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mocap_import.marker.marker_set import MarkerSet, load_marker_set, recognise_marker_set
from mocap_import.subject import Subject
from mocap_import.trial import MarkerTrial, TrialRefused
from mocap_import.trial_reader import read_trial
from mocap_import.trial_store import SUFFIX, load_trial
from opensim_models.exchange.marker_file import read_markers
from opensim_models.generic.catalogue import lower_body_skeleton, planar_skeleton
from opensim_models.model.skeleton import Skeleton
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.scaling.automatic_scaling import scale_automatically
from opensim_models.scaling.model_scaling import ScaledModel, scale_by_static, scale_by_stature
from opensim_models.scaling.report import ScalingReport, refuse_impossible_subject
from opensim_models.scaling.skeleton_scaling import ScaledSkeleton, scale_skeleton

TABLE = "de_leva"


@dataclass(frozen=True)
class SubjectModel:
    """A subject's two scaled skeletons."""

    spatial: ScaledSkeleton
    planar: ScaledSkeleton


def scale_subject(
    static: MarkerTrial, hip_method: str = "harrington", given: Mapping[str, str] | None = None
) -> SubjectModel:
    """Scale both generic skeletons of our own to the subject of a static trial.

    Parameters
    ----------
    static : MarkerTrial
    hip_method : str
        One of `joint_centre.HIP_METHODS`.
    given : mapping, optional
        Landmark (the markers of our own model), or label of the trial's marker set → label of the trial; before what
        the marker set says. The markers of the scaled skeletons have the names of the left side.

    Raises
    ------
    ModelMismatch
    """
    static, marker_set = _with_given(static, given) if given else (static, load_marker_set(static.marker_set))
    settings = {"hip_method": hip_method}
    generic = partial(lower_body_skeleton, table=TABLE)
    spatial = scale_skeleton(static.subject, static, marker_set, generic, **settings)
    generic = partial(planar_skeleton, table=TABLE)
    planar = scale_skeleton(static.subject, static, marker_set, generic, planar=True, **settings)
    return SubjectModel(spatial, planar)


def _with_given(static: MarkerTrial, given: Mapping[str, str]) -> tuple[MarkerTrial, MarkerSet]:
    """A static trial whose labels are those of a user's marker map, and the marker set that knows them.

    Raises
    ------
    ModelMismatch
        The map names what is no landmark and no label of the marker set, or one label twice.
    """
    marker_set = meaning_of(static) or MarkerSet("marker map", "", {}, {})
    segment_of = {m.name: m.segment for m in lower_body_skeleton(Subject("", 70.0, 1.75)).markers}
    names = [*segment_of, *marker_set.ordered_labels]
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3) or sorted(segment_of)[:5]
            raise ModelMismatch(
                f"lower_body: the marker map names {name!r}; markers of our own model are landmarks, near ones are "
                f"{', '.join(near)}."
            )
    partners = {name: label for name, label in given.items() if label in static.labels}
    if len(set(partners.values())) < len(partners):
        raise ModelMismatch("lower_body: the marker map gives one label to two markers.")
    meaning = marker_set.for_labels(static.labels).landmarks
    for mark in given:  # the set's own label stands in for one that this trial lacks
        if mark in segment_of and mark not in partners and meaning.get(mark, "") not in ("", *partners.values()):
            partners[mark] = meaning[mark]
    new = {label: name for name, label in partners.items()}
    labels = tuple(new.get(own, f"{own} (not by the map)" if own in partners else own) for own in static.labels)
    marks = [name for name in partners if name in segment_of]
    segments = dict(marker_set.segments)
    for mark in marks:
        segments[segment_of[mark]] = (*segments.get(segment_of[mark], ()), mark)
    known = replace(marker_set, landmarks=marker_set.landmarks | {mark: mark for mark in marks}, segments=segments)
    return replace(static, labels=labels), known


def lacking(static: MarkerTrial, given: Mapping[str, str]) -> str:
    """What of a marker map a static trial does not show, as a remark; empty if it shows all."""
    names = ", ".join(f"{label} ({name})" for name, label in given.items() if label not in static.labels)
    return f"static trial {static.name} lacks {names} of the marker map" if names else ""


def load_recording(path: Path, subject: Subject | None = None) -> MarkerTrial:
    """Load a converted trial, a .trc of another program (Y up) or a C3D file.

    Parameters
    ----------
    path : Path
    subject : Subject, optional
        Known facts, before those of the file.

    Raises
    ------
    TrialRefused, ModelMismatch
        The file is not what its name says.
    """
    path = Path(path)
    if path.name.endswith(SUFFIX):
        trial = load_trial(path)
    elif path.suffix.lower() == ".trc":
        table = read_markers(path)
        meaning = recognise_marker_set(table.labels)
        name = "unknown" if meaning is None else meaning.name
        task = "static" if "static" in path.stem.lower() else "unknown"
        trial = MarkerTrial(
            path.stem,
            Subject(path.stem),
            table.labels,
            table.positions,
            table.rate,
            task,
            name,
            start_time=table.start_time,
            source=path.name,
            treatments=table.treatments,
        )
    elif path.suffix.lower() == ".c3d":
        trial = read_trial(path)
    else:
        raise TrialRefused(f"{path}: expected a trial ({SUFFIX}), a .trc or a .c3d file.")
    return trial if subject is None else replace(trial, subject=with_known(trial.subject, subject))


def with_known(found: Subject, known: Subject) -> Subject:
    """A subject with what is known in the place of what a file says."""
    return Subject(
        known.code or found.code,
        known.mass if known.mass == known.mass else found.mass,
        known.height if known.height == known.height else found.height,
        known.sex if known.sex != "unknown" else found.sex,
        known.age if known.age == known.age else found.age,
    )


def own_generic(subject: Subject) -> Skeleton:
    """Our own 3-D skeleton for a subject, 1.7 m tall where nobody knows, to be scaled further.

    Raises
    ------
    ModelMismatch
        The mass is unknown, or mass or height are nobody's.
    """
    height = subject.height if math.isfinite(subject.height) else 1.7
    refuse_impossible_subject(subject, needs=("mass",))
    return lower_body_skeleton(replace(subject, height=height), table=TABLE)


def meaning_of(trial: MarkerTrial) -> MarkerSet | None:
    """The marker set of a trial, None if its labels are unknown."""
    return None if trial.marker_set == "unknown" else load_marker_set(trial.marker_set)


def scale_our_own(
    statics: Sequence[MarkerTrial], hip_method: str, given: Mapping[str, str] | None = None
) -> tuple[Skeleton, Skeleton, ScaledSkeleton, str]:
    """Scale our own skeletons by the first static trial that can be used.

    Parameters
    ----------
    statics : sequence of MarkerTrial
    hip_method : str
        One of `joint_centre.HIP_METHODS`.
    given : mapping, optional
        As in `scale_subject`.

    Returns
    -------
    spatial, planar : Skeleton
    scaled : ScaledSkeleton
        The 3-D one.
    remark : str
        Which other static trials could not be used and why, and what of the map the used one lacks; empty otherwise.

    Raises
    ------
    ModelMismatch
        None can be used.
    """
    refusals = []
    for static in statics:
        try:
            model = scale_subject(static, hip_method, given)
        except (ModelMismatch, TrialRefused) as error:
            refusals.append(str(error))
            continue
        remarks = [f"static trial {static.name}; not usable: {' '.join(refusals)}"] if refusals else []
        remarks += [said] if (said := lacking(static, given or {})) else []
        return model.spatial.skeleton, model.planar.skeleton, model.spatial, "; ".join(remarks)
    raise ModelMismatch(" ".join(refusals))


def scale_other(
    model: Skeleton,
    statics: Sequence[MarkerTrial],
    moving: Sequence[MarkerTrial],
    given: Mapping[str, str],
    method: str,
    hip_method: str,
    move_landmarks: bool = False,
) -> ScaledModel:
    """Scale any model.

    Parameters
    ----------
    model : Skeleton
    statics, moving : sequence of MarkerTrial
        Of one subject.
    given : mapping
        Model marker → label.
    method : str
        ``"static"``, ``"automatic"``, ``"stature"`` or ``"as_is"``.
    hip_method : str
    move_landmarks : bool

    Raises
    ------
    ModelMismatch
    """
    subject = (list(statics) + list(moving))[0].subject
    if method == "as_is":
        report = ScalingReport(
            model.name, subject.code, "as_is", model.mass, subject.height, {}, notes=("used as it is",)
        )
        return ScaledModel(model, report)
    if method == "stature":
        return scale_by_stature(model, subject)
    if method == "automatic":
        return scale_automatically(model, subject, moving, meaning_of(moving[0]), given=given)
    refusals = []
    for static in statics:
        try:
            return scale_by_static(
                model,
                static.subject,
                static,
                meaning_of(static),
                given=given,
                hip_method=hip_method,
                move_landmarks=move_landmarks,
            )
        except (ModelMismatch, TrialRefused) as error:
            refusals.append(str(error))
    raise ModelMismatch(" ".join(refusals))

"""Replay: a stored trial taken through a streaming network frame by frame, as if it were measured now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap_import.trial import Treatment
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from training.report.viewer.scene import Scene, StickFigure
from training.report.viewer.scene_of_corpus import corpus_scene
from training.report.viewer.stick_figure import stick_figure
from training.stream.estimator import Estimator
from training.stream.latency import Latency, timed
from training.stream.network_file import LABELLED, PHYSICS, network_kind
from training.stream.physics_estimator import PhysicsEstimator
from training.target import write_targets
from training.window import sensor_names

SOURCE = "streaming"
WHY = "how the leg sensors are turned is found on the first strides"
WAITS = {LABELLED: "nothing", PHYSICS: "first strides"}
"""Kind of network → what must be over before the estimate of a frame is there."""
AnyEstimator = Estimator | PhysicsEstimator


def trial_frames(trial: CorpusTrial) -> np.ndarray:
    """Channels of a trial (n_frames, 6 n_sensors): specific force (m/s²), angular velocity (rad/s); NaN = no value."""
    return np.concatenate([np.column_stack([r.specific_force, r.angular_velocity]) for r in trial.recordings], axis=1)


def estimator_for(path: Path, trial: CorpusTrial, corpus: str = "") -> AnyEstimator:
    """Open a network for the person and the sensors of a trial; `corpus` is the SHA-256 of that which it is from.

    Raises
    ------
    CorpusMismatch
        As `Estimator` or `PhysicsEstimator`.
    """
    sensors = sensor_names(trial)
    if network_kind(path) == PHYSICS:
        mountings = {r.placement.sensor: r.placement.mounting for r in trial.recordings}
        return PhysicsEstimator(path, trial.subject, sensors, mountings=mountings, corpus=corpus)
    return Estimator(path, sensors)


def refuse_unfit(estimator: AnyEstimator, trial: CorpusTrial) -> None:
    """Refuse a trial that a network cannot or must not estimate.

    Raises
    ------
    CorpusMismatch
        No records, another rate, or a subject whose labels taught the network.
    """
    where = f"trial {trial.name!r} of subject {trial.subject.code!r}"
    if not trial.recordings:
        raise CorpusMismatch(f"{where}: {trial.reason or 'no inertial records'}")
    if trial.rate != estimator.card.rate:
        raise CorpusMismatch(
            f"{where}: expected {estimator.card.rate:g} Hz as in training, found {trial.rate:g} Hz. Resample the trial."
        )
    if trial.subject.code in estimator.card.subjects:
        raise CorpusMismatch(
            f"{where}: this network was trained on this subject, so its estimate would not be one of an unseen person. "
            "Use the network that left this subject out."
        )


def replay(estimator: AnyEstimator, trial: CorpusTrial) -> tuple[CorpusTrial, Latency]:
    """Estimate a trial frame by frame.

    Parameters
    ----------
    estimator : Estimator or PhysicsEstimator
        For the trial's sensors and person; it forgets what came before.
    trial : CorpusTrial
        With the records that the estimate may use.

    Returns
    -------
    CorpusTrial
        Status ``"predicted"``; doubts about the records, and how long nothing was estimated at the start, are among
        its treatments.
    Latency

    Raises
    ------
    CorpusMismatch
        As `refuse_unfit`; wrong units.
    """
    refuse_unfit(estimator, trial)
    estimator.reset()
    values, latency = timed(estimator.step, trial_frames(trial))
    estimator.finish()
    seconds = float(latency.seconds.sum())
    estimate = write_targets(trial, estimator.card.targets, values.astype(float), seconds, SOURCE)
    notes = [Treatment("records_doubtful", sentence) for sentence in estimator.findings]
    if isinstance(estimator, PhysicsEstimator):
        notes.extend(estimator.remarks)
    known = np.isfinite(values).all(axis=1)
    silent = int(np.argmax(known)) if known.any() else len(known)
    if isinstance(estimator, PhysicsEstimator) and silent:
        detail = f"nothing is estimated in the first {silent / trial.rate:.2f} s: {WHY}"
        notes.append(Treatment("stream_warm_up", detail))
    return replace(estimate, treatments=(*estimate.treatments, *notes)), latency


def empty_scene(trial: CorpusTrial, skeleton: Skeleton) -> Scene:
    """The scene of a trial whose figure is not known yet: its records, and a figure without places."""
    still = corpus_scene(
        replace(
            trial,
            recordings=(),
            kinematics=Kinematics(skeleton.coordinate_names[:1], np.zeros((1, 1)), trial.rate),
            kinetics=None,
        ),
        skeleton,
    ).figure
    assert still is not None  # a skeleton and coordinates make a figure
    unknown = StickFigure(
        still.names, np.full((trial.n_frames, *still.positions.shape[1:]), np.nan), still.sticks, still.sides
    )
    seen = corpus_scene(replace(trial, kinematics=None, kinetics=None))
    return replace(seen, figure=unknown, remarks=("The pelvis stays in its place: sensors do not know where it is.",))


def figure_frames(
    estimator: AnyEstimator, trial: CorpusTrial, skeleton: Skeleton
) -> Iterator[tuple[int, list[float] | None]]:
    """Replay a trial as a moving figure.

    Parameters
    ----------
    estimator : Estimator or PhysicsEstimator
        As of `replay`.
    trial : CorpusTrial
    skeleton : Skeleton
        Whose figure.

    Returns
    -------
    iterator of (int, list of float or None)
        Frame, and the points of the figure (m, one after the other); None where nothing is estimated.

    Raises
    ------
    CorpusMismatch
        As `replay`: at the call what the trial itself shows, and from the iterator what its frames show.
    """
    refuse_unfit(estimator, trial)
    return _figures(estimator, trial, skeleton)


def _figures(
    estimator: AnyEstimator, trial: CorpusTrial, skeleton: Skeleton
) -> Iterator[tuple[int, list[float] | None]]:
    angles = [(i, t.coordinate) for i, t in enumerate(estimator.card.targets) if t.kind == "angle"]
    columns, names = [i for i, _ in angles], tuple(name for _, name in angles)
    estimator.reset()
    for frame, channels in enumerate(trial_frames(trial)):
        values = estimator.step(channels)[columns].astype(float)
        if not np.isfinite(values).all():
            yield frame, None
            continue
        motions = segment_motions(skeleton, Kinematics(names, values[None], trial.rate))
        yield frame, stick_figure(skeleton, motions).positions[0].ravel().round(4).tolist()
    estimator.finish()

"""Scene of a corpus entry: the moving skeleton, its sensors with what they read, and forces, of any role of corpus."""

from __future__ import annotations

import numpy as np

from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics, Kinetics, SegmentMotion
from synth.corpus.schema import CorpusMismatch
from synth.corpus.trial import CorpusTrial
from synth.imu.recording import SensorPlacement
from training.report.viewer.scene import Scene, SensorFrame, Signal
from training.report.viewer.scene_signal import (
    angle_signals,
    force_signals,
    force_vectors,
    moment_signals,
    record_signals,
)
from training.report.viewer.stick_figure import side_of, stick_figure

_MOST_CURVES = 6
"""In one panel."""


def corpus_scene(
    trial: CorpusTrial,
    skeleton: Skeleton | None = None,
    *,
    guide: Kinematics | None = None,
    title: str = "",
) -> Scene:
    """What can be seen of a trial of a corpus.

    Parameters
    ----------
    trial : CorpusTrial
        With the errors of its recipe or without: the curves show what it holds.
    skeleton : Skeleton, optional
        Without one neither figure nor sensor can be placed; curves are shown all the same.
    guide : Kinematics, optional
        Gives the coordinates that the trial does not have (an estimate from sensors knows no place in the room).
    title : str
        Default: the code of the subject and the name of the trial.

    Returns
    -------
    Scene

    Raises
    ------
    CorpusMismatch
        The trial holds no array.
    """
    if not trial.n_frames:
        reason = f" ({trial.status}: {trial.reason})" if trial.reason else ""
        raise CorpusMismatch(f"{trial.subject.code}/{trial.name}: the corpus holds nothing to see of it{reason}.")
    n, kinematics, kinetics = trial.n_frames, trial.kinematics, trial.kinetics
    figure, sensors, remarks = None, (), []
    if skeleton is not None and kinematics is not None:
        motions = segment_motions(skeleton, completed(kinematics, guide))
        figure = stick_figure(skeleton, motions)
        placed = [r.placement for r in trial.recordings if r.placement.segment in motions]
        sensors = tuple(_sensor_frame(placement, motions[placement.segment]) for placement in placed)
        lacking = [name for name in skeleton.coordinate_names if name not in kinematics.coordinates]
        if lacking:
            taken = "the other scene's" if guide is not None else "the model's default"
            remarks.append(f"{', '.join(lacking)}: not known in this corpus; drawn at {taken} value.")
    else:
        lacks = "coordinates" if kinematics is None else "skeleton"
        hint = "" if kinematics is None else " Name its model with --model, or the motion folder with --motion."
        remarks.append(f"No {lacks} in this corpus, so that nothing can be placed in space.{hint}")
    forces = () if kinetics is None else force_vectors(kinetics.ground_reactions, trial.rate, n)
    signals = record_signals(trial.recordings)
    if kinematics is not None:
        signals += angle_signals(kinematics)
    if kinetics is not None:
        signals += (*force_signals(forces), *moment_signals(kinetics), *activation_signals(kinetics))
    return Scene(
        title=title or f"{trial.subject.code} · {trial.name}",
        rate=trial.rate,
        n_frames=n,
        figure=figure,
        forces=forces,
        sensors=sensors,
        signals=signals,
        events=trial.events,
        facts=(
            ("Task", trial.task),
            ("Status", trial.status),
            ("Sensor errors", "none" if trial.errors is None else "as the stored recipe draws them"),
            ("Belt", "unknown" if np.isnan(trial.belt_speed) else f"{trial.belt_speed:.2f} m/s"),
        ),
        remarks=tuple(remarks),
        warning=f"Refused: {trial.reason}" if trial.status == "refused" else "",
    )


def completed(kinematics: Kinematics, guide: Kinematics | None) -> Kinematics:
    """Coordinates with those that are lacking taken from a guide, at the same instants.

    Parameters
    ----------
    kinematics : Kinematics
    guide : Kinematics or None
        At any rate; frames after its end take its last one.
    """
    lacking = [] if guide is None else [j for j, c in enumerate(guide.coordinates) if c not in kinematics.coordinates]
    if not lacking or not len(guide.values):
        return kinematics
    frames = np.rint(np.arange(len(kinematics.values)) * (guide.rate / kinematics.rate)).astype(int)
    further = guide.values[np.minimum(frames, len(guide.values) - 1)][:, lacking]
    names = (*kinematics.coordinates, *(guide.coordinates[j] for j in lacking))
    return Kinematics(names, np.hstack([kinematics.values, further]), kinematics.rate)


def activation_signals(kinetics: Kinetics) -> tuple[Signal, ...]:
    """Activations (0 to 1) by side, a few muscles a panel."""
    signals = []
    for side, words in (("right", "right leg"), ("left", "left leg"), ("", "trunk")):
        columns = [j for j, name in enumerate(kinetics.muscles) if side_of(name) == side]
        for start in range(0, len(columns), _MOST_CURVES):
            some = columns[start : start + _MOST_CURVES]
            names = tuple(kinetics.muscles[j].removesuffix("_r").removesuffix("_l") for j in some)
            values = kinetics.activations[:, some]
            signals.append(
                Signal(f"Muscles, {words}", f"Activation {start // _MOST_CURVES + 1}", "0 to 1", names, values)
            )
    return tuple(signals)


def _sensor_frame(placement: SensorPlacement, motion: SegmentMotion) -> SensorFrame:
    """Where a sensor is, as its placement says: nobody knows how far it was put on beside it."""
    quaternion = (motion.orientation * placement.mounting).as_quat()
    origin = motion.origin + motion.orientation.apply(placement.offset)
    quaternion[~np.isfinite(origin).all(axis=1)] = np.nan
    return SensorFrame(placement.sensor, origin, quaternion)

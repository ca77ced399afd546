"""Scene of a trial: markers and plates of a recording, and the skeleton that was fitted to them."""

from __future__ import annotations

import numpy as np

from mocap_import.trial import MarkerTrial
from opensim_models.inverse.segment_motion import segment_motions
from opensim_models.model.skeleton import Skeleton
from opensim_models.motion import Kinematics
from training.report.viewer.scene import Markers, Scene, Signal, StickFigure
from training.report.viewer.scene_signal import angle_signals, force_signals, force_vectors
from training.report.viewer.stick_figure import stick_figure


def trial_scene(
    trial: MarkerTrial, skeleton: Skeleton | None = None, kinematics: Kinematics | None = None, *, title: str = ""
) -> Scene:
    """What can be seen of a trial.

    Parameters
    ----------
    trial : MarkerTrial
    skeleton : Skeleton, optional
    kinematics : Kinematics, optional
        Of the skeleton, as inverse kinematics found them; without them no skeleton is drawn.
    title : str
        Default: the code of the subject and the name of the trial.

    Returns
    -------
    Scene
        At the rate of the markers.
    """
    n, rate = trial.n_frames, trial.rate
    forces = force_vectors(trial.ground_reactions, rate, n)
    remarks, figure, angles = [], None, ()
    if skeleton is not None and kinematics is not None:
        figure = _fitted(stick_figure(skeleton, segment_motions(skeleton, kinematics)), kinematics.rate, rate, n)
        angles = angle_signals(_at_frames(kinematics, rate, n))
    else:
        remarks.append(
            "No skeleton: this recording has no coordinates here. `kinesynth motion` makes them; name its folder with "
            "--motion."
        )
    envelopes = tuple(
        Signal("Muscle activity", label, "of peak", ("envelope",), values[:, None])
        for label, values in trial.emg_envelopes.items()
    )
    return Scene(
        title=title or f"{trial.subject.code} · {trial.name}",
        rate=rate,
        n_frames=n,
        markers=Markers(trial.labels, trial.positions),
        figure=figure,
        forces=forces,
        signals=(*force_signals(forces), *angles, *envelopes),
        events=trial.events,
        plates=tuple(r.corners for r in trial.ground_reactions if r.corners is not None),
        facts=(
            ("Task", trial.task),
            ("Marker set", trial.marker_set),
            ("Markers", f"{len(trial.labels)}, {100 * _seen(trial.positions):.1f} % of samples seen"),
            ("Speed of the belt", "unknown" if np.isnan(trial.belt_speed) else f"{trial.belt_speed:.2f} m/s"),
        ),
        remarks=tuple(remarks),
    )


def _seen(positions: np.ndarray) -> float:
    return float(np.isfinite(positions[..., 0]).mean()) if positions.size else 0.0


def _nearest(rate_from: float, rate: float, n_frames: int, available: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples nearest to the frames of a scene, and which frames have one."""
    samples = np.rint(np.arange(n_frames) * (rate_from / rate)).astype(int)
    inside = samples < available
    return np.where(inside, samples, 0), inside


def _fitted(figure: StickFigure, rate_from: float, rate: float, n_frames: int) -> StickFigure:
    """A figure at the frames of the scene."""
    samples, inside = _nearest(rate_from, rate, n_frames, len(figure.positions))
    positions = figure.positions[samples].copy()
    positions[~inside] = np.nan
    return StickFigure(figure.names, positions, figure.sticks, figure.sides)


def _at_frames(kinematics: Kinematics, rate: float, n_frames: int) -> Kinematics:
    """Coordinates at the frames of the scene."""
    samples, inside = _nearest(kinematics.rate, rate, n_frames, len(kinematics.values))
    values = kinematics.values[samples].copy()
    values[~inside] = np.nan
    return Kinematics(kinematics.coordinates, values, rate)

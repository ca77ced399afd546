"""Repeated gait: the periodic cycles of a population walked several times over, with virtual sensors and labels.

A population's trial is one cycle; what learns from records or filters them needs some. Nothing is new in a repetition
but the noise, which the stored recipe draws over the whole record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from mocap_import.trial import GaitEvent, GroundReaction, Treatment
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus import Corpus, CorpusWriter
from synth.corpus.provenance import file_hash
from synth.corpus.schema import CorpusMismatch, NothingAccepted
from synth.corpus.trial import CorpusTrial
from synth.imu.error_recipe import ImuErrors
from synth.imu.placement import SEVEN_SENSORS, scaled_placements
from synth.imu.recording import SensorPlacement
from synth.imu.skeleton_imu import simulate_skeleton_imus
from synth.out_of_plane import walk_in_space


def repeat_gait(
    trial: CorpusTrial,
    repeats: int = 6,
    errors: ImuErrors | None = None,
    placements: Sequence[SensorPlacement] = SEVEN_SENSORS,
) -> CorpusTrial:
    """Walk a periodic cycle several times, with virtual sensors.

    Parameters
    ----------
    trial : CorpusTrial
        One cycle with its skeleton, its duration in ``spatiotemporal["stride_time_r"]``.
    repeats : int
    errors : ImuErrors, optional
        Recipe that the records are read with.
    placements : sequence of SensorPlacement
        For `placement.REFERENCE_HEIGHT`; default: the seven sensors of planar studies.

    Returns
    -------
    CorpusTrial
        `repeats` cycles at the same rate; records clean.

    Raises
    ------
    CorpusMismatch
        The trial is no periodic cycle.
    """
    duration = trial.spatiotemporal.get("stride_time_r", float("nan"))
    has_cycle = trial.kinematics is not None and trial.skeleton is not None and trial.n_frames
    if not has_cycle or not abs(trial.n_frames / trial.rate - duration) < 2.0 / trial.rate:
        raise CorpusMismatch(
            f"{trial.subject.code}/{trial.name}: expected one periodic cycle with its skeleton, as `kinesynth gait "
            "population` writes it."
        )
    n_frames = int(repeats * duration * trial.rate)
    time = np.arange(n_frames) / trial.rate
    count, within = np.divmod(time, duration)
    stride = trial.spatiotemporal["speed"] * duration
    values = _periodic(trial.kinematics.values, trial.rate, duration, within, _travel(trial, stride))
    forward = [c for c, name in enumerate(trial.kinematics.coordinates) if name == "pelvis_tx"]
    values[:, forward] += (count * stride)[:, None]
    kinematics = Kinematics(trial.kinematics.coordinates, values, trial.rate)
    worn = scaled_placements(trial.subject.height, placements=placements)
    return replace(
        trial,
        recordings=simulate_skeleton_imus(trial.skeleton, kinematics, worn),
        errors=errors,
        kinematics=kinematics,
        kinetics=_kinetics(trial, duration, within, n_frames),
        activity=None,
        events=tuple(
            GaitEvent(event.time + k * duration, event.foot, event.kind, event.source)
            for k in range(repeats)
            for event in trial.events
            if event.time < duration and event.time + k * duration <= time[-1]
        ),
        treatments=(*trial.treatments, Treatment("cycle_repeated", f"one cycle of {duration:.3f} s, {repeats} times")),
        solutions=(),
    )


def _travel(trial: CorpusTrial, stride: float) -> np.ndarray:
    """How far (n_q,) each coordinate is further after a cycle."""
    return np.array([stride if name == "pelvis_tx" else 0.0 for name in trial.kinematics.coordinates])


def _periodic(values: np.ndarray, rate: float, duration: float, at: np.ndarray, travel: np.ndarray) -> np.ndarray:
    """Columns of one cycle, that go on by `travel` every cycle, at other times within it."""
    clock = np.arange(len(values)) / rate
    inside = clock < duration - 0.5 / rate
    trend = np.outer(clock[inside] / duration, travel)
    knots, level = np.append(clock[inside], duration), values[inside] - trend
    closed = CubicSpline(knots, np.vstack([level, level[:1]]), bc_type="periodic")
    return closed(at) + np.outer(at / duration, travel)


def _kinetics(trial: CorpusTrial, duration: float, within: np.ndarray, n_frames: int) -> Kinetics | None:
    """Generalized forces and ground reactions, repeated; centres of pressure are left out."""
    if trial.kinetics is None:
        return None
    own, nowhere = trial.kinetics, np.full((n_frames, 3), np.nan)
    forces = _periodic(own.generalized_forces, trial.rate, duration, within, np.zeros(len(own.coordinates)))
    reactions = tuple(
        GroundReaction(
            _periodic(np.nan_to_num(r.force), trial.rate, duration, within, np.zeros(3)),
            nowhere,
            np.full(n_frames, np.nan),
            trial.rate,
            foot=r.foot,
            name=r.name,
        )
        for r in own.ground_reactions
    )
    return Kinetics(
        own.coordinates, forces, trial.rate, ground_reactions=reactions, activations=np.empty((n_frames, 0))
    )


def write_repeated_gaits(
    corpus: Path,
    out: Path,
    *,
    repeats: int = 6,
    errors: ImuErrors | None = None,
    out_of_plane: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Write a population with virtual sensors, role ``"reference"``: its solutions are what is true of these persons.

    Parameters
    ----------
    corpus, out : Path
    repeats : int
        Times that each cycle is walked.
    errors : ImuErrors, optional
        Recipe that the records are read with.
    out_of_plane : int, optional
        Seed by which each person gets adduction and rotation of pelvis and legs (`synth.out_of_plane`), the same ones
        in all of a person's trials; without it persons stay in the plane.
    progress : callable, optional
        Called with 1 after each trial.

    Returns
    -------
    int
        Trials written; refused ones of the population are left out.

    Raises
    ------
    NothingAccepted
        No trial is a periodic cycle.
    """
    reader = Corpus(corpus)
    config = {"repeats": repeats, "population": dict(reader.provenance.config)}
    if out_of_plane is not None:
        config["out_of_plane"] = {"seed": out_of_plane, "version": 1}
    sources = {corpus.name: file_hash(corpus)}
    written = 0
    with CorpusWriter(out, role="reference", config=config, seed=reader.provenance.seed, sources=sources) as writer:
        for subject, name in reader.trials():
            trial = reader.read(subject, name, clean=True)
            if trial.status != "refused":
                walked = repeat_gait(trial, repeats, errors)
                if out_of_plane is not None:
                    walked = walk_in_space(walked, _rng_of(subject, out_of_plane))
                writer.append(walked)
                written += 1
            if progress is not None:
                progress(1)
        if not written:
            raise NothingAccepted(f"{corpus}: no gait was accepted; nothing to put sensors on.")
    return written


def _rng_of(subject: str, seed: int) -> np.random.Generator:
    """The same generator for every trial of a person."""
    return np.random.default_rng([seed, *subject.encode()])

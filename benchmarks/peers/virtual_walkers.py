"""Virtual walkers: long records of persons whose gait, body, muscles and foot contact another model made.

The gaits are those of `kinesynth gait population`: a planar model with gliding knees, de Leva's masses, drawn
proportions, 18 muscles and three Hunt-Crossley spheres a foot. Each cycle is walked again and again for some seconds.
Sensors may be put on beside their nominal places; what is stored are the nominal ones, and the truth is returned.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from mocap_import.trial import GroundReaction
from opensim_models.motion import Kinematics, Kinetics
from synth.corpus import Corpus, CorpusTrial, CorpusWriter, ImuErrors
from synth.imu.placement import SEVEN_SENSORS, scaled_placements
from synth.imu.recording import SensorPlacement
from synth.imu.skeleton_imu import simulate_skeleton_imus

STERNUM = SensorPlacement("torso", "torso", np.array([0.08, 0.30, 0.0]))
"""For a person of 1.80 m, above the lumbar joint [assumption]."""
Worn = dict[str, tuple[np.ndarray, np.ndarray]]
"""Subject → angle (n_sensors,) (rad) and shift (n_sensors, 2) (m) of each sensor against its nominal placement."""


def walkers_corpus(
    population: Path,
    out: Path,
    prefix: str,
    *,
    seconds: float = 10.0,
    noise_share: float = 0.15,
    turn_sd_deg: float = 0.0,
    place_sd: float = 0.0,
    trunk: bool = False,
    seed: int = 0,
) -> Worn:
    """Write records and labels of every accepted gait of a population.

    Parameters
    ----------
    population : Path
        Corpus of `kinesynth gait population`.
    out : Path
    prefix : str
        Before the number of each person's code, so that two populations can be told apart.
    seconds : float
        Length of each trial.
    noise_share : float
        White noise on every reading, by the corpus's recipe.
    turn_sd_deg, place_sd : float
        SD of the angle (deg) of each leg sensor in the plane, and of the place (m, each axis) of every sensor.
    trunk : bool
        An eighth sensor, on the sternum.
    seed : int

    Returns
    -------
    dict
        How the sensors are worn in truth.
    """
    source, worn = Corpus(population), {}
    rng = np.random.default_rng(seed)
    errors = ImuErrors(noise_share=noise_share, misalignment_deg=0.0, seed=seed)
    with CorpusWriter(out, role="motion", seed=seed, config={"virtual_walkers": population.name}) as writer:
        for subject, name in source.trials():
            trial = source.read(subject, name, clean=True)
            if trial.status == "refused":
                continue
            code = prefix + subject
            nominal = scaled_placements(
                trial.subject.height, placements=(*SEVEN_SENSORS, *([STERNUM] if trunk else []))
            )
            if code not in worn:
                free = np.array([p.segment != "pelvis" for p in nominal])
                turns = np.radians(turn_sd_deg) * rng.standard_normal(len(nominal)) * free
                worn[code] = (turns, place_sd * rng.standard_normal((len(nominal), 2)))
            person = replace(trial.subject, code=code)
            writer.append(walked_on(replace(trial, subject=person), nominal, worn[code], seconds, errors))
    return worn


def walked_on(
    trial: CorpusTrial,
    nominal: tuple[SensorPlacement, ...],
    worn: tuple[np.ndarray, np.ndarray],
    seconds: float,
    errors: ImuErrors,
) -> CorpusTrial:
    """One cycle of a population walked for some seconds, with sensors."""
    # the cycle itself: its samples end up to a frame later
    duration = trial.spatiotemporal["stride_time_r"]
    speed, rate = trial.spatiotemporal["speed"], trial.rate
    t = np.arange(round(seconds * rate)) / rate
    names = trial.kinematics.coordinates
    travel = names.index("pelvis_tx")
    cycle = trial.kinematics.values.copy()
    own = np.arange(len(cycle)) / rate
    cycle[:, travel] -= speed * own
    curve = _periodic(cycle, rate, duration)
    q, v, a = curve(t % duration), curve(t % duration, 1), curve(t % duration, 2)
    q[:, travel] += speed * t
    v[:, travel] += speed
    moments = _periodic(trial.kinetics.generalized_forces, rate, duration)(t % duration)
    reactions = tuple(
        GroundReaction(
            _periodic(r.force, rate, duration)(t % duration),
            np.full((len(t), 3), np.nan),
            np.full(len(t), np.nan),
            rate,
            r.foot,
            r.name,
        )
        for r in trial.kinetics.ground_reactions
    )
    events = tuple(
        replace(event, time=event.time + k * duration)
        for k in range(int(seconds / duration) + 1)
        for event in trial.events
        if event.time + k * duration < seconds
    )
    turns, shifts = worn
    true = [
        replace(
            p,
            offset=np.array([p.offset[0] + d[0], p.offset[1] + d[1], p.offset[2]]),
            mounting=p.mounting * Rotation.from_euler("z", angle),
        )
        for p, angle, d in zip(nominal, turns, shifts, strict=True)
    ]
    kinematics = Kinematics(names, q, rate)
    read = simulate_skeleton_imus(trial.skeleton, kinematics, true, speeds=v, accelerations=a)
    records = tuple(replace(r, placement=p) for r, p in zip(read, nominal, strict=True))
    kinetics = Kinetics(trial.kinetics.coordinates, moments, rate, reactions, (), np.empty((len(t), 0)))
    return replace(
        trial,
        recordings=records,
        errors=errors,
        kinematics=kinematics,
        kinetics=kinetics,
        status="measured",
        events=events,
        solutions=(),
        activity=None,
    )


def _periodic(values: np.ndarray, rate: float, duration: float) -> CubicSpline:
    """Periodic curve through the samples of a cycle."""
    times = np.arange(len(values)) / rate
    keep = times < duration - 0.3 / rate
    return CubicSpline(np.r_[times[keep], duration], np.vstack([values[keep], values[:1]]), bc_type="periodic")

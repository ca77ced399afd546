"""Sensor places: what records know of where sensors sit, what the joints between them tell, what a training finds.

Virtual walkers of `network_figures.physics` (20 teaching persons, seed 101) with every sensor beside its nominal place:
8 deg in the plane but for the pelvis, 20 mm along each axis; 15 % white noise on every reading.
``information``: the acceleration of a sensor is linear in its place r (α x r + ω x (ω x r)), so the Fisher information
of r follows from the true movement. Twice: with the noise that these records have, of which every sample is another
draw; and with errors as large as real sensors differ from bone (40 % of a channel's SD: soft tissue, and a network's
movement), the same in every stride, so that a record tells what one stride does.
``joints``: places and angles by `training.physics.joint_centre`, no network. ``training``: 1500 steps, from nominal
places and from there.
Run: python benchmarks/network_figures/sensor_places.py [information joints training]; all of it takes four CPU minutes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from benchmarks.network_figures.physics import row, train_on, walkers
from synth.corpus import Corpus, CorpusTrial
from synth.imu.placement import scaled_placements
from synth.imu.skeleton_imu import simulate_skeleton_imus
from training.physics.joint_centre import joint_placements
from training.physics.record import read_physics_data

NOISE, SKIN = 0.15, 0.40
"""Shares of a channel's SD: noise of the records; error that repeats with every stride (real sensors: 28 to 68 %)."""
MOVED = 0.02
"""m."""
BAND = 20.0
"""Independent samples a second of an error below 10 Hz."""
FROM_JOINTS = {"placement_start": "joints", "place_rate": 0.01}


def place_effect(trial: CorpusTrial) -> tuple[np.ndarray, np.ndarray]:
    """What a place changes: (sensor, frame, channel, axis) m/s² a metre; and SD of each channel (sensor, channel)."""
    nominal = scaled_placements(trial.subject.height)
    own = [replace(p, offset=np.zeros(3)) for p in nominal]

    def force(offset: list[float]) -> np.ndarray:
        moved = [replace(p, offset=np.array(offset)) for p in own]
        read = simulate_skeleton_imus(trial.skeleton, trial.kinematics, moved)
        return np.stack([r.specific_force[:, :2] for r in read])

    middle = force([0.0, 0.0, 0.0])
    effect = np.stack([force([1.0, 0.0, 0.0]) - middle, force([0.0, 1.0, 0.0]) - middle], axis=-1)
    worn = simulate_skeleton_imus(trial.skeleton, trial.kinematics, nominal)
    return effect, np.nanstd([r.specific_force[:, :2] for r in worn], axis=1)


def information(corpus: Path) -> dict:
    """Bounds of Cramér and Rao for the place of each sensor, the movement being known."""
    reader, white, skin, signal = Corpus(corpus), {}, [], []
    for code, name in reader.trials():
        trial = reader.read(code, name)
        effect, sd = place_effect(trial)
        stride = round(trial.spatiotemporal["stride_time_r"] * trial.rate)
        one = effect[:, 100 : 100 + stride : round(trial.rate / BAND)]
        own = _information(effect, NOISE * sd)
        white[code] = white.get(code, 0.0) + own
        skin.append(_bound(_information(one, SKIN * sd)))
        signal.append(MOVED * np.sqrt((effect**2).mean((1, 3)).mean(1)) / sd.mean(1))
    bounds = {"white": np.mean([_bound(w) for w in white.values()], 0), "stride": np.mean(skin, 0)}
    sensors, seen = [p.sensor for p in scaled_placements(1.8)], np.mean(signal, 0)
    figures = {}
    for k, sensor in enumerate(sensors[:4]):  # left sensors are those of the right, half a cycle later
        print(
            f"  {sensor:<8} 20 mm show {100 * seen[k]:4.1f} % of the SD; bound, forward and upward: white noise "
            f"{np.round(bounds['white'][k], 2)} mm, errors of every stride {np.round(bounds['stride'][k], 1)} mm"
        )
        for kind, values in bounds.items():
            figures[f"places_bound_{kind}_{sensor}_mm"] = row(float(values[k].max()), None, None)
    return figures


def _information(effect: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Fisher information (sensor, 2, 2) of places."""
    return np.einsum("stcu,stcv,sc->suv", effect, effect, sd**-2.0)


def _bound(information: np.ndarray) -> np.ndarray:
    """Least SD (mm) of each place (sensor, 2)."""
    return 1e3 * np.sqrt(np.diagonal(np.linalg.inv(information), axis1=1, axis2=2))


def errors(
    name: str, sensors: tuple[str, ...], found: tuple[np.ndarray, np.ndarray], true: tuple[np.ndarray, np.ndarray]
) -> dict:
    """RMS error of turns (deg; all but the pelvis) and places (mm), by sensor and over all, beside doing nothing."""
    free = np.array([sensor != "pelvis" for sensor in sensors])
    turn, before = np.degrees(found[0] - true[0])[:, free], np.degrees(true[0])[:, free]
    place, nominal = 1e3 * (found[1] - true[1]), 1e3 * true[1]
    size = [float(np.sqrt(np.mean(np.square(values)))) for values in (turn, before, place, nominal)]
    print(f"  {name}: turns {size[0]:.2f} deg from {size[1]:.2f}, places {size[2]:.1f} mm from {size[3]:.1f}")
    own = np.sqrt(np.mean(np.square(place), axis=(0, 2)))
    turns = np.sqrt(np.mean(np.square(np.degrees(found[0] - true[0])), axis=0))
    print("    " + ", ".join(f"{s} {t:.1f} deg {mm:.0f} mm" for s, t, mm in zip(sensors, turns, own, strict=True)))
    return {
        f"placement_angle_deg_{name}": row(size[0], size[1], size[1]),
        f"placement_place_mm_{name}": row(size[2], size[3], 0.5 * size[3]),
    }


def figures(parts: list[str] | None = None) -> dict:
    """All figures, or those of some parts."""
    torch.set_num_threads(1)
    wanted, found = parts or ["information", "joints", "training"], {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        corpus, worn = walkers(folder, 101, 20, "worn", turn_sd_deg=8.0, place_sd=MOVED)
        data = read_physics_data(Corpus(corpus))
        true = tuple(np.stack([worn[p.code][k] for p in data.people]) for k in range(2))
        if "information" in wanted:
            found |= information(corpus)
        if "joints" in wanted:
            found |= errors("joints", data.sensors, joint_placements(data), true)
        if "training" in wanted:
            for name, settings in (("nominal", {}), ("from_joints", FROM_JOINTS)):
                network = train_on(corpus, **settings).network
                with torch.no_grad():
                    own = (network.turns * network.free_turns).numpy(), network.shifts.numpy()
                found |= errors(f"trained_{name}", data.sensors, own, true)
    return found


if __name__ == "__main__":
    print(json.dumps({"figures": figures(sys.argv[1:])}))

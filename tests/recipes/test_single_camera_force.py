"""Ground reaction of one camera is scored where it is known and under loaded feet, person by person."""

from dataclasses import fields

import numpy as np
import pytest

from recipes.single_camera.force_score import LOADED, force_results
from recipes.single_camera.waveform_score import wave_results
from synth.camera.filmed_gait import ANGLES, WAVES
from synth.camera.keypoint_input import CHANNELS, FRAMES, ClipArrays
from training.keypoint.keypoint_lesson import KeypointEstimate

VERTICAL = len(ANGLES) + 1


def made_clips(people: list[str], wrong: float = 0.0) -> tuple[ClipArrays, KeypointEstimate]:
    """Clips in which the right foot bears one weight half of the time and else swings; the left is never on a plate."""
    n = len(people)
    rows = {f.name: np.zeros(n) for f in fields(ClipArrays)}
    waves = np.full((n, FRAMES, len(WAVES)), np.nan, np.float32)
    waves[:, :, VERTICAL] = np.arange(FRAMES) % 2
    waves[:, :, VERTICAL - 1] = 0.0
    rows |= {"inputs": np.zeros((n, FRAMES, CHANNELS), np.float32), "waves": waves, "person": np.array(people)}
    said = np.zeros_like(waves)
    said[:, :, VERTICAL] = waves[:, :, VERTICAL] * (1.0 + wrong) + 0.3 * (waves[:, :, VERTICAL] < LOADED)
    return ClipArrays(**rows), KeypointEstimate(np.zeros((n, 5)), np.zeros((n, 5)), np.zeros((n, 2)), said)


def test_only_loaded_feet_of_known_force_count():
    clips, said = made_clips(["A", "B", "C"], wrong=0.2)
    found = {(r.method, r.measure.split()[0]): r for r in force_results(clips, said, clips, "t", 0)}
    network = found["network", "vertical"]
    assert network.value == pytest.approx(20.0), "the 30 % that it says of a swinging foot take no part"
    assert (network.unit, network.n_persons, network.note) == ("% BW", 3, "3 clips")
    constant = next(r for (method, way), r in found.items() if method.startswith("constant") and way == "vertical")
    assert constant.value == pytest.approx(0.0, abs=1e-6), "the mean of loaded feet, not of all instants"


def test_a_person_with_many_clips_counts_once_and_one_without_plates_not_at_all():
    clips, said = made_clips(["A"] * 9 + ["B", "C"])
    said.waves[9, :, VERTICAL] += 0.4
    clips.waves[10] = np.nan
    network = force_results(clips, said, clips, "t", 0)[0]
    assert network.value == pytest.approx((0.0 + 40.0) / 2)
    assert (network.n_persons, network.note) == (2, "10 clips")
    clips.waves[:] = np.nan
    assert force_results(clips, said, clips, "t", 0) == []


def test_an_interval_does_not_hang_on_the_order_of_clips():
    """People are drawn in the order of their names: their bootstrap is the same however sets of names are stored."""
    names = [f"P{i}" for i in range(6)]
    clips, said = made_clips(names)
    for i in range(6):
        said.waves[i, :, VERTICAL] += 0.1 * i
    turned, other = clips.rows(np.arange(6)[::-1]), KeypointEstimate(*(v[::-1] for v in vars(said).values()))
    for score in (wave_results, force_results):
        both = [score(c, s, clips, "t", 7)[0] for c, s in ((clips, said), (turned, other))]
        assert (both[0].low, both[0].high) == (both[1].low, both[1].high), score.__name__

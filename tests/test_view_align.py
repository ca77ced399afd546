"""Two movements side by side stand on one clock: from the same moment, by their own clocks, or as the user says."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

import kinesynth
from mocap_import.subject import Subject
from mocap_import.trial import GaitEvent, MarkerTrial
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.model.skeleton import save_skeleton
from opensim_models.motion import Kinematics
from synth.corpus import CorpusTrial, CorpusWriter
from training.report.viewer.scene_delay import delayed
from training.report.viewer.scene_of_trial import trial_scene

N, RATE = 200, 100.0


def recording() -> MarkerTrial:
    """A marker that says which frame it is."""
    positions = np.tile(np.arange(N)[:, None, None] / RATE, (1, 2, 3))
    events = (GaitEvent(0.1, "right", "foot_strike", "file"), GaitEvent(1.0, "left", "foot_strike", "file"))
    return MarkerTrial("walk", Subject("S01"), ("HEEL", "TOE"), positions, RATE, events=events)


def test_a_delayed_scene_shows_everything_later_and_nothing_before():
    scene = trial_scene(recording())
    later = delayed(scene, 0.35)
    assert later.n_frames == N + 35
    assert np.isnan(later.markers.positions[:35]).all()
    np.testing.assert_array_equal(later.markers.positions[35:], scene.markers.positions)
    assert [event.time for event in later.events] == pytest.approx([0.45, 1.35])
    assert all(len(signal.values) == later.n_frames for signal in later.signals)
    assert delayed(scene, 0.004) is scene


def test_a_scene_that_begins_before_the_clock_is_cut():
    scene = trial_scene(recording())
    earlier = delayed(scene, -0.5)
    assert earlier.n_frames == N - 50
    np.testing.assert_array_equal(earlier.markers.positions, scene.markers.positions[50:])
    assert [event.time for event in earlier.events] == pytest.approx([0.5])
    with pytest.raises(ValueError, match="nothing of it is left"):
        delayed(scene, -2.0)


@pytest.fixture
def corpora(tmp_path):
    """One trial of 2 s from 3.0 s of its recording on, and an estimate of its last second."""
    skeleton = lower_body_skeleton(Subject("S01", mass=70.0, height=1.75))
    save_skeleton(skeleton, tmp_path / "skeleton.json")
    values = np.tile(np.linspace(0, 0.3, N)[:, None], (1, len(skeleton.coordinates)))
    whole = CorpusTrial(
        "walk",
        Subject("S01", mass=70, height=1.75),
        RATE,
        kinematics=Kinematics(skeleton.coordinate_names, values, RATE),
    )
    part = replace(whole, kinematics=Kinematics(skeleton.coordinate_names, values[100:], RATE), start_time=4.0)
    for name, trial in (("whole", replace(whole, start_time=3.0)), ("part", part)):
        with CorpusWriter(tmp_path / f"{name}.h5", role="motion") as corpus:
            corpus.append(trial)
    return tmp_path


def page(folder, *words) -> list[dict]:
    out = folder / "page.html"
    call = ["view", str(folder / "whole.h5"), "--beside", str(folder / "part.h5"), "--out", str(out), "--no-open"]
    assert kinesynth.main([*call, *words]) == 0
    text = re.search(r'id="scenes">(.*?)</script>', out.read_text(encoding="utf-8"), re.DOTALL).group(1)
    return json.loads(text)["scenes"]


def test_both_begin_at_zero_and_the_command_says_that_their_clocks_differ(corpora, capsys):
    first, second = page(corpora)
    assert (first["frames"], second["frames"], second["begin"]) == (200, 100, 0)
    assert "begins at 3.00 s of its clock, the one beside it at 4.00 s" in capsys.readouterr().err


@pytest.mark.parametrize(("align", "begin"), [("start", 100), ("0.25", 25)])
def test_the_second_begins_where_its_clock_or_the_user_says(corpora, align, begin, capsys):
    first, second = page(corpora, "--align", align)
    assert (first["frames"], first["begin"]) == (200, 0)
    assert (second["frames"], second["begin"]) == (100 + begin, begin)
    assert "--align" not in capsys.readouterr().err


def test_another_word_is_refused(corpora, capsys):
    words = ["view", str(corpora / "whole.h5"), "--beside", str(corpora / "part.h5"), "--align", "nan", "--no-open"]
    assert kinesynth.main(words) == 1
    assert "--align nan: expected zero, start, or a number of seconds" in capsys.readouterr().err

"""Answers about somebody's own keypoints: SI, intervals as calibrated, and a word about what must not be believed."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kinesynth
from synth.camera.filmed_gait import WAVES
from synth.camera.keypoint_clip import View, film
from synth.camera.keypoint_input import clip_arrays, joined, units_of
from synth.camera.keypoint_record import KeypointRecord, record_clips
from synth.impairment import KINDS, Impairment
from training.conformal_interval import subject_quantile
from training.keypoint.keypoint_answer import ASYMMETRY_DOUBT, COLUMNS, answer_doubts, answered_waves, keypoint_answers
from training.keypoint.keypoint_calibration import DOUBTED, LEAST_SD, calibrate, scaled_errors
from training.keypoint.keypoint_file import load_keypoint_ensemble, save_keypoint_ensemble
from training.keypoint.keypoint_lesson import LessonSettings, teach

sys.path.insert(0, str(Path(__file__).parents[1] / "synth" / "camera"))
from made_gait import HEIGHT, made_gait
from own_files import written_csv, written_folder

from synth.camera.detector import draw_errors


def filmed(people: int, first: int, seconds: float = 3.0):
    """Clips of people who walk alike, with errors of their own."""
    parts = []
    for i in range(first, first + people):
        rng = np.random.default_rng(i)
        gait = replace(made_gait(), person=f"V{i}", impairment=Impairment("crouch", 0.1 * (i % 5)))
        gait = replace(gait, waves=np.nan_to_num(gait.waves), height=HEIGHT + 0.01 * (i % 3))
        parts.append(clip_arrays([film(gait, View(rate=30.0), draw_errors(rng), rng, seconds=seconds)]))
    return joined(parts)


@pytest.fixture(scope="module")
def ensemble():
    settings = LessonSettings(members=2, epochs=2, width=8)
    taught = teach(filmed(8, 0), filmed(4, 8), len(KINDS), settings, 1)
    held = filmed(12, 12)
    return replace(taught, calibration=calibrate(held, taught.estimate(held.inputs)))


@pytest.fixture(scope="module")
def records():
    rng = np.random.default_rng(99)
    clip = film(made_gait(8.0), View(rate=30.0), draw_errors(rng), rng, seconds=8.0)
    return [
        KeypointRecord("A", "long", clip.pixels, 30.0, HEIGHT, measured={"speed": 1.2}),
        KeypointRecord("A", "brief", clip.pixels[:60], 30.0, HEIGHT),
    ]


def test_an_interval_is_the_quantile_over_people_in_units_of_the_ensembles_doubt(ensemble, records):
    held = filmed(12, 12)
    said_of_held = ensemble.estimate(held.inputs)
    clips = record_clips(records)
    answers, said = keypoint_answers(ensemble, clips)
    assert tuple(answers.columns) == COLUMNS
    assert len(clips.arrays) == 3
    for i, name in enumerate(DOUBTED[:4]):
        own = answers[answers.quantity == name]
        quantile = subject_quantile(list(scaled_errors(held, said_of_held, name).values()))
        half = quantile * np.maximum(said.scalar_sd[:, i], LEAST_SD) * units_of(HEIGHT)[i]
        assert np.allclose(own.estimate, said.scalars[:, i] * units_of(HEIGHT)[i])
        assert np.allclose(own.high - own.estimate, half)
        assert np.allclose(own.estimate - own.low, half)
    severity = answers[answers.quantity == "severity"]
    assert severity[["estimate", "low", "high"]].stack().between(0.0, 1.0).all()
    chances = answers[answers.quantity.str.startswith("probability")]
    assert np.allclose(chances.groupby(["trial", "clip"]).estimate.sum(), 1.0, atol=1e-5)
    measured = answers[(answers.quantity == "speed") & (answers.trial == "long")].measured
    assert np.allclose(measured, 1.2)


def test_a_clip_says_when_it_was_and_waveforms_are_on_that_clock(ensemble, records):
    clips = record_clips(records)
    answers, said = keypoint_answers(ensemble, clips)
    starts = answers[answers.quantity == "speed"]
    assert starts.start.tolist() == pytest.approx([0.0, 4.0, 0.0], abs=0.05)
    waves = answered_waves(clips, said)
    assert waves.groupby(["trial", "clip"]).time.min().tolist() == pytest.approx([0.0, 0.0, 4.0], abs=0.05)
    assert waves.time.max() == pytest.approx(8.0, abs=0.1)
    assert waves.shape[1] == 4 + len(WAVES)
    assert np.allclose(waves.knee_angle_r_deg[:10], np.degrees(said.waves[0, :10, 2]), atol=1e-3)


def test_somebody_outside_the_population_is_named(ensemble, records):
    calm = replace(ensemble.calibration, largest_sd=np.full(5, np.inf))
    known = replace(ensemble, calibration=calm)
    clips = record_clips(records)
    standing = answer_doubts(keypoint_answers(known, clips)[0], known)
    assert standing == [ASYMMETRY_DOUBT], "intervals of asymmetry held on no recording, whoever walks"
    for stature, word in ((0.9, "shorter"), (2.1, "taller")):
        answers = keypoint_answers(known, record_clips([replace(r, stature=stature) for r in records]))[0]
        assert answer_doubts(answers, known)[0] == (
            f"A, long: outside what these networks know: {word} than all who calibrated (1.70 to 1.72 m); its "
            "intervals need not hold"
        )
        assert set(answers.reason) == {f"{word} than all who calibrated"}
    one = replace(calm, largest_sd=np.array([0.0, np.inf, np.inf, np.inf, np.inf]))
    flags = keypoint_answers(replace(ensemble, calibration=one), clips)[0].groupby("quantity").outside.all()
    assert flags[list(DOUBTED)].tolist() == [True, False, False, False, False], "one in doubt is alone"
    told = answer_doubts(
        keypoint_answers(replace(ensemble, calibration=one), clips)[0], replace(known, calibration=one)
    )
    assert re.fullmatch(
        r"A, long: .* know: they disagree about speed \([\d.]+ times what is typical\); its intervals of speed need "
        "not hold",
        told[0],
    )
    two = replace(calm, largest_sd=np.array([0.0, 0.0, np.inf, np.inf, np.inf]))
    unsure = replace(ensemble, calibration=two)
    answers = keypoint_answers(
        unsure, replace(clips, arrays=replace(clips.arrays, stature=clips.arrays.stature + 1.0))
    )[0]
    assert answers.outside.all(), "two: nothing is to be believed"
    assert answers.groupby("quantity").reason.first()[["speed", "cadence"]].tolist() == [
        "taller than all who calibrated and doubt",
        "taller than all who calibrated and doubt of others",
    ]
    told = answer_doubts(answers, unsure)[0]
    assert re.search(r"1.72 m\) and they disagree about speed \(.*\), step_length \(.*\); its intervals need", told)


def test_networks_come_back_with_their_calibration_or_say_that_they_have_none(ensemble, records, tmp_path):
    save_keypoint_ensemble(tmp_path / "n.pt", ensemble)
    again = load_keypoint_ensemble(tmp_path / "n.pt").calibration
    assert np.array_equal(again.half_width, ensemble.calibration.half_width)
    assert (again.n_people, again.level) == (12, 0.9)
    bare = replace(ensemble, calibration=None)
    save_keypoint_ensemble(tmp_path / "bare.pt", bare)
    assert load_keypoint_ensemble(tmp_path / "bare.pt").calibration is None
    answers, _ = keypoint_answers(bare, record_clips(records))
    assert answers.low.isna().all()
    assert "without a calibration" in answer_doubts(answers, bare)[0]
    assert ASYMMETRY_DOUBT not in answer_doubts(answers, bare), "there is no interval to be doubted"
    few = filmed(4, 30)
    unsure = replace(ensemble, calibration=calibrate(few, ensemble.estimate(few.inputs)))
    answers, _ = keypoint_answers(unsure, record_clips(records))
    assert "only 4 people calibrated" in answer_doubts(answers, unsure)[0]
    assert ASYMMETRY_DOUBT not in answer_doubts(answers, unsure)


def test_the_command_answers_keypoints_and_refuses_what_it_cannot(ensemble, records, tmp_path, capsys):
    networks, out = str(tmp_path / "networks.pt"), tmp_path / "answers.csv"
    save_keypoint_ensemble(Path(networks), ensemble)
    table = written_csv(tmp_path / "k.csv", records[0].pixels, 30.0, trial="long")
    call = ["network", "apply", networks, str(table), str(out)]
    waves = tmp_path / "waves.csv"
    assert kinesynth.main([*call, "--stature", "1.7", "--waves", str(waves), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["clips"], told["left_out"]) == (2, 0)
    answers = pd.read_csv(out)
    assert len(told["rows"]) == len(answers) == 2 * (len(DOUBTED) + len(KINDS))
    assert len(pd.read_csv(waves)) > 200
    assert kinesynth.main([*call, "--stature", "1.7"]) == 0
    shown = capsys.readouterr()
    assert "m/s (" in shown.out
    assert ASYMMETRY_DOUBT in shown.err
    assert kinesynth.main(call) == 1
    assert "how tall A is" in capsys.readouterr().err
    folder = written_folder(tmp_path / "json", [records[1].pixels])
    assert kinesynth.main([*call[:3], str(folder), str(out), "--stature", "1.7", "--rate", "30", "--person", "B"]) == 0
    assert set(pd.read_csv(out).person) == {"B"}
    brief = written_csv(tmp_path / "brief.csv", records[1].pixels[:20], 30.0)
    assert kinesynth.main([*call[:3], str(brief), str(out), "--stature", "1.7"]) == 4
    assert "no stretch of 1.2 s" in capsys.readouterr().err
    assert kinesynth.main(["network", "apply", "pretrained:knee", str(table), str(out), "--rate", "30"]) == 1
    assert "--rate: only networks of recipe single-camera" in capsys.readouterr().err
    assert kinesynth.main(["network", "card", networks]) == 1
    assert "carry no card; people.csv and results.md" in capsys.readouterr().err
    (tmp_path / "bad.pt").write_bytes(b"nothing")
    assert kinesynth.main(["network", "apply", str(tmp_path / "bad.pt"), str(table), str(out), "--stature", "1.7"]) == 1
    assert "expected networks of recipe single-camera" in capsys.readouterr().err

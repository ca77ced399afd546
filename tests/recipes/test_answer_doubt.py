"""Doubt of one camera: who has no known kind is in no set's score, intervals of waveforms hold what they state."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from recipes.class_doubt import INSIDE
from recipes.single_camera.kind_doubt import kind_doubt
from recipes.single_camera.wave_doubt import ALL, wave_doubt
from synth.camera.filmed_gait import WAVES
from synth.camera.keypoint_input import FRAMES, ClipArrays
from synth.impairment import KINDS
from training.keypoint.keypoint_lesson import KeypointEstimate

TASKS = {"score": "never seen by name", "other": "other laws", "overground": "recorded"}


def clips_and_said(rng, name, n, error, kind=None):
    """Two clips a person; a kind and its probability, waveforms and what is said of them."""
    person = np.repeat([f"{name}{k}" for k in range(n)], 2)
    truth = np.repeat(rng.integers(len(KINDS), size=n), 2) if kind is None else np.full(2 * n, kind)
    odds = np.exp(rng.normal(size=(2 * n, len(KINDS))) + 2.0 * np.eye(len(KINDS))[truth])
    waves = rng.normal(size=(2 * n, FRAMES, len(WAVES)))
    known = {f.name: np.zeros(2 * n) for f in fields(ClipArrays)}
    known |= {"inputs": np.zeros((2 * n, FRAMES, 36)), "parameters": np.zeros((2 * n, 4))}
    clips = ClipArrays(**{**known, "person": person, "kind": truth, "waves": waves})
    nothing, kinds = np.zeros((2 * n, 5)), odds / odds.sum(axis=1, keepdims=True)
    return clips, KeypointEstimate(nothing, nothing, kinds, waves + error * rng.normal(size=waves.shape))


def test_kinds_and_waveforms_hold_for_new_people_and_recordings_have_no_kind():
    rng = np.random.default_rng(0)
    made = {
        "calibrate": clips_and_said(rng, "C", 150, 0.1),
        "score": clips_and_said(rng, "S", 150, 0.1),
        "other": clips_and_said(rng, "O", 40, 0.3),
        "overground": clips_and_said(rng, "R", 4, 0.1, kind=-1),
    }
    made["overground"][0].waves[:, :, 10:] = np.nan
    sets, said = ({name: pair[k] for name, pair in made.items()} for k in (0, 1))
    calibrating = made["calibrate"]
    rows, table = kind_doubt(calibrating, sets, said, TASKS, 0)
    assert set(table.group) == {INSIDE, "other laws"}
    held = {(r.method, r.measure): r.value for r in rows}
    for form in ("network", "network, class by class"):
        assert 0.82 < held[form, f"{INSIDE}: coverage of 90% sets"] < 0.98
    rows, curves = wave_doubt(calibrating, sets, said, TASKS, 0)
    found = {(r.task, r.measure): r.value for r in rows}
    angles = "joint angles: coverage of 90 % intervals"
    assert 0.88 < found[TASKS["score"], angles] < 0.93
    assert found[TASKS["other"], angles] < 0.6
    assert (TASKS["overground"], angles) in found, "what is known of a recording is scored"
    assert not any(task == TASKS["overground"] and m.startswith("activations") for task, m in found)
    assert set(curves.measure) == {"joint angles", "ground reaction", "activations"}


def test_each_waveform_has_intervals_of_its_own_width_and_the_least_held_is_named():
    """One angle is ten times as hard as the others; of new people another one has become so."""
    rng = np.random.default_rng(1)
    made = {"calibrate": clips_and_said(rng, "C", 60, 0.0), "score": clips_and_said(rng, "S", 60, 0.0)}
    made["other"] = clips_and_said(rng, "O", 20, 0.0)
    knee, ankle = WAVES.index("knee_angle_r"), WAVES.index("ankle_angle_l")
    for name, (clips, said) in made.items():
        size = np.full(len(WAVES), 0.1)
        size[knee], size[ankle] = 1.0, 0.3 if name == "other" else 0.1
        said.waves[:] = clips.waves + size * rng.normal(size=clips.waves.shape)
    sets, said = ({name: pair[k] for name, pair in made.items()} for k in (0, 1))
    rows, curves = wave_doubt(made["calibrate"], sets, said, TASKS, 0)
    at = curves[(curves.level == 0.9) & (curves.measure == "joint angles")].set_index(["task", "quantity"])
    inside, others = at.loc[TASKS["score"]], at.loc[TASKS["other"]]
    assert inside.coverage.min() > 0.87, "also of the knee, which one width for all angles would hold less"
    assert inside.half_width[WAVES[knee]] > 8 * inside.half_width[WAVES[ankle]]
    found = {(r.task, r.measure): r for r in rows}
    least = found[TASKS["other"], "joint angles: coverage of 90 % intervals, quantity held least"]
    assert least.note.startswith("ankle_angle_l, half width ")
    assert least.value == others.coverage["ankle_angle_l"] < 0.5
    pooled = found[TASKS["other"], "joint angles: coverage of 90 % intervals"]
    assert pooled.value == others.coverage[ALL]
    assert np.isclose(pooled.value, others.drop(ALL).coverage.mean()), "all angles are known at the same instants"

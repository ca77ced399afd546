"""Few people: windows score every frame once, worn sensors are possible ones, lessons see what they may see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mocap_import.subject import STANDARD_GRAVITY, Subject
from training.mirror import mirror_trial
from training.transfer.baseline import mean_waveform, ridge
from training.transfer.exchange_rate import exchange, people_for
from training.transfer.gait_window import (
    LENGTH,
    SENSORS,
    TARGETS,
    GaitWindows,
    content,
    phase_at,
    plain,
    possible_windows,
    windows_of,
)
from training.transfer.lesson import SCALES, LessonSettings, answer, draw_hidden, hidden_loss, label_loss, learn
from training.transfer.sensor_network import frozen_but_head, new_network, restored, weights_of, with_new_head
from training.transfer.worn_window import SAGITTAL, SensorChange, worn


def cut_trial(trial, n_frames):
    """The first frames of a trial, without its forces."""
    recordings = tuple(
        replace(r, specific_force=r.specific_force[:n_frames], angular_velocity=r.angular_velocity[:n_frames])
        for r in trial.recordings
    )
    kinematics = replace(trial.kinematics, values=trial.kinematics.values[:n_frames])
    return replace(trial, recordings=recordings, kinematics=kinematics, kinetics=None)


PLAIN = SensorChange(turn=0.0, scale=0.0, noise=0.0, mirror=False)


@pytest.fixture(scope="module")
def trial(make_walking_trial):
    subject = Subject("S01", mass=70.0, height=1.7)
    made = make_walking_trial(subject, 1.2, "walk_01", np.random.default_rng(1), seconds=9.0)
    return replace(made, errors=None)


@pytest.fixture(scope="module")
def windows(trial):
    return windows_of(trial)


def test_every_labelled_frame_is_scored_in_one_window(trial, windows):
    assert windows.inputs.shape[1:] == (LENGTH, 6 * len(SENSORS))
    labelled = np.isfinite(windows.labels[..., 0])
    reaction = trial.kinetics.ground_reactions[0].force[::2, 1]
    assert (labelled & windows.core).sum() == np.isfinite(reaction).sum() > 20
    assert windows.core.sum() == len(reaction)
    truth = reaction[np.isfinite(reaction)] / trial.subject.body_weight
    np.testing.assert_allclose(windows.labels[..., 0][labelled & windows.core], truth, atol=1e-6)


def test_units_know_no_size_and_sensors_no_mounting(trial, windows):
    taller = replace(trial, subject=replace(trial.subject, height=1.7 * 4))
    np.testing.assert_allclose(
        windows_of(taller).inputs.reshape(-1, 2, 3)[:, 1], 2.0 * windows.inputs.reshape(-1, 2, 3)[:, 1], rtol=1e-5
    )
    turn = Rotation.from_euler("xyz", [1.0, -0.5, 2.0])
    mounted = tuple(
        replace(
            r,
            placement=replace(r.placement, mounting=turn),
            specific_force=turn.inv().apply(r.specific_force),
            angular_velocity=turn.inv().apply(r.angular_velocity),
        )
        for r in trial.recordings
    )
    np.testing.assert_allclose(windows_of(replace(trial, recordings=mounted)).inputs, windows.inputs, atol=1e-4)
    assert abs(np.median(np.linalg.norm(windows.inputs[..., :3], axis=-1)) - 1.0) < 0.2, "force is in g"
    assert STANDARD_GRAVITY > 9.0


def test_a_short_record_is_padded_and_a_shorter_one_refused(make_walking_trial):
    subject = Subject("S02", mass=60.0, height=1.6)
    cut = [cut_trial(make_walking_trial(subject, 1.2, "w", np.random.default_rng(2)), n) for n in (150, 80)]
    short = windows_of(cut[0])
    assert len(short) == 1
    assert short.core.all()
    assert np.isnan(short.labels[0, 0]).all()
    assert np.isfinite(short.inputs).all()
    assert windows_of(cut[1]) is None


def test_windows_are_told_by_their_content(windows):
    again = GaitWindows(**{name: array.copy() for name, array in plain(windows).items()})
    assert content(again) == content(windows)
    again.inputs[0, 40, 0] += 1e-3
    assert content(again) != content(windows)
    assert content(windows.rows(np.arange(len(windows) - 1))) != content(windows)
    assert windows.people == ["S01"]
    assert len(windows.of([])) == 0


def test_exchanged_legs_are_the_windows_of_the_mirrored_walk(trial, windows):
    """Second path: mirroring the trial, then cutting it."""
    mirrored = windows_of(mirror_trial(trial))
    torch.manual_seed(0)
    both = [torch.as_tensor(np.nan_to_num(x)) for x in (windows.inputs, windows.labels)]
    inputs, labels = worn(*both, replace(PLAIN, mirror=True))
    changed = [bool((a != b).any()) for a, b in zip(inputs, both[0], strict=True)]
    assert 0 < sum(changed) < len(changed)
    for i in np.flatnonzero(changed):
        np.testing.assert_allclose(inputs[i], mirrored.inputs[i], atol=1e-5)
        np.testing.assert_allclose(labels[i], np.nan_to_num(mirrored.labels[i]), atol=1e-5)


def test_a_turned_sensor_keeps_norms_and_both_its_triads_turn_alike(windows):
    torch.manual_seed(0)
    given = torch.as_tensor(windows.inputs)
    turned, _ = worn(given, torch.as_tensor(windows.labels), replace(PLAIN, turn=0.3))
    before, after = (x.reshape(*x.shape[:2], len(SENSORS), 2, 3) for x in (given, turned))
    torch.testing.assert_close(before.norm(dim=-1), after.norm(dim=-1), atol=1e-4, rtol=1e-4)
    dots = [(x[..., 0, :] * x[..., 1, :]).sum(-1) for x in (before, after)]
    torch.testing.assert_close(*dots, atol=1e-3, rtol=1e-3)
    assert (before - after).abs().max() > 0.1
    plain, _ = worn(given, torch.as_tensor(windows.labels), PLAIN)
    torch.testing.assert_close(plain, given, atol=1e-5, rtol=1e-5)


def test_a_lesson_looks_at_its_columns_and_self_supervision_at_no_label(windows):
    network = new_network(SAGITTAL, 8, len(TARGETS), 1).eval()
    batch = {k: torch.as_tensor(v) for k, v in windows.arrays([0, 1]).items()}
    value = label_loss(PLAIN)(network, batch)
    said = network(batch["inputs"]).detach().numpy()
    wrong = (said - windows.labels)[..., :2] / SCALES[0]
    assert float(value.detach()) == pytest.approx(np.nanmean(wrong**2), rel=1e-5)
    signals = new_network(SAGITTAL, 8, 42, 1).eval()
    losses = []
    for labels in (batch["labels"], torch.full_like(batch["labels"], 7.0)):
        torch.manual_seed(3)
        losses.append(float(hidden_loss(PLAIN)(signals, batch | {"labels": labels}).detach()))
    assert losses[0] == losses[1]


def test_what_is_hidden_is_whole_sensors_or_the_end():
    torch.manual_seed(1)
    hidden = draw_hidden(200).view(200, LENGTH, len(SENSORS), 6)
    assert (hidden == hidden[..., :1]).all(), "a sensor is hidden as a whole"
    ahead = hidden[:, -1].all(dim=(1, 2)) & hidden[:, -24].all(dim=(1, 2))
    assert 60 < int(ahead.sum()) < 140
    assert not hidden[ahead][:, :-24].any()
    assert (hidden[~ahead].any(dim=1)[..., 0].sum(dim=1) == 3).all()


def test_a_new_head_and_a_frozen_trunk(windows):
    first = new_network(SAGITTAL, 8, 42, 1)
    second = with_new_head(first, len(TARGETS), 2)
    assert answer(second, windows.inputs, range(len(TARGETS))).shape == windows.labels.shape
    assert first.trunk.head.out_features == 42, "the first is as it was"
    frozen = frozen_but_head(second)
    before = {k: v.clone() for k, v in frozen.named_parameters()}
    learn(frozen, windows, "labels", [0, 1], LessonSettings(steps=3, learning_rate=0.01), PLAIN, seed=1)
    changed = {k for k, v in frozen.named_parameters() if not torch.equal(v, before[k])}
    assert changed == {"trunk.head.weight", "trunk.head.bias"}


def test_equal_seeds_teach_equal_networks(windows):
    lesson = LessonSettings(steps=4, learning_rate=0.01)
    said = []
    for seed in (1, 1, 2):
        network = new_network(SAGITTAL, 8, len(TARGETS), 5)
        learn(network, windows, "labels", range(8), lesson, SensorChange(), seed=seed)
        said.append(answer(network, windows.inputs, [0, 1]))
    np.testing.assert_array_equal(said[0], said[1])
    assert (said[0] != said[2]).any()


def test_baselines_know_what_they_can_know():
    rng = np.random.default_rng(0)
    phase = (rng.random((6, 1)) + np.arange(LENGTH) / 50.0) % 1.0
    curve = np.sin(2 * np.pi * phase)
    inputs = rng.standard_normal((6, LENGTH, 42))
    labels = np.full((6, LENGTH, 8), np.nan)
    labels[..., 0] = curve
    labels[..., 1] = inputs[..., 4] - 2.0 * inputs[..., 7]
    taught, asked = ({"inputs": inputs[s], "labels": labels[s], "phase": phase[s]} for s in (slice(4), slice(4, 6)))
    said = mean_waveform(taught, asked)
    assert np.abs(said[..., 0] - asked["labels"][..., 0]).max() < 0.15
    assert np.isnan(said[..., 2]).all(), "nobody has a label"
    unseen = mean_waveform(taught, asked | {"phase": np.full((2, LENGTH), np.nan)})
    np.testing.assert_allclose(unseen[..., 0], np.nanmean(taught["labels"][..., 0]))
    found = ridge(taught, asked)
    unknown = np.sqrt(np.mean((found[..., 1] - asked["labels"][..., 1]) ** 2)) / np.std(asked["labels"][..., 1])
    assert unknown < 0.8, "a penalty of 300 on 384 frames shrinks it, but it is seen"
    assert np.isnan(found[..., 5]).all()


def test_phase_goes_on_for_one_cycle_at_both_ends():
    cycles = np.array([[1.0, 2.0], [2.0, 3.2]])
    phase = phase_at(cycles, np.array([-0.5, 0.25, 1.5, 2.6, 3.8, 5.0]))
    np.testing.assert_allclose(phase, [np.nan, 0.25, 0.5, 0.5, 0.5, np.nan])
    assert np.isnan(phase_at(np.empty((0, 2)), np.arange(3.0))).all()


def test_an_error_is_worth_as_many_people_as_its_curve_needs():
    numbers, errors = (1, 2, 4), np.array([10.0, 8.0, 6.0])
    assert people_for(8.0, numbers, errors) == pytest.approx(2.0)
    assert people_for(7.0, numbers, errors) == pytest.approx(np.sqrt(8.0))
    assert people_for(10.0, numbers, errors) == 1.0
    assert people_for(12.0, numbers, errors) == 0.0, "fewer than the least number"
    assert people_for(5.0, numbers, errors) == float("inf")
    assert people_for(9.0, numbers, np.array([10.0, 11.0, 8.0])) == pytest.approx(np.sqrt(8.0)), "never worth less"
    people = np.tile(errors, (7, 1)) + np.arange(7)[:, None]
    found = exchange(np.full(7, 8.0) + np.arange(7), numbers, people)
    assert found.reached
    assert found.value == found.low == found.high == pytest.approx(2.0), "pairs of a person are kept together"
    never = exchange(np.full(7, 1.0), numbers, people)
    assert (never.reached, never.value, never.low, never.high, never.share) == (False, np.inf, np.inf, np.inf, 0.0)
    sometimes = exchange(np.r_[np.full(4, 8.0), np.full(3, 2.0)], numbers, np.tile(errors, (7, 1)))
    assert sometimes.high == np.inf, "an end beyond what was tried is no number"
    assert 0.0 < sometimes.share < 1.0


@pytest.mark.parametrize(("n_windows", "batch"), [(3, 8), (25, 8), (8, 8)])
def test_a_lesson_has_exactly_its_steps_of_exactly_its_batch(windows, n_windows, batch):
    given = windows.rows(np.arange(n_windows) % len(windows))
    network, seen = new_network(SAGITTAL, 8, len(TARGETS), 5), []
    network.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    learn(
        network, given, "labels", [0], LessonSettings(steps=7, learning_rate=0.01, batch=batch), PLAIN, seed=1,
        validation=given,
    )  # fmt: skip
    taught = [n for n in seen if n == batch]
    passes = -(-7 // -(-n_windows // batch))
    assert len(seen) == 7 + passes, "and once for each validation"
    assert len(taught) >= 7
    assert set(seen) <= {batch, n_windows}


def test_noise_has_the_sd_that_is_stated(windows):
    """Smooth noise of SD 0.2 and, apart from it, white noise of half of that: sqrt(1.25) of it together."""
    torch.manual_seed(0)
    given = torch.as_tensor(windows.inputs).repeat(20, 1, 1)
    noisy, _ = worn(given, torch.zeros(len(given), LENGTH, len(TARGETS)), replace(PLAIN, noise=0.2))
    split = [x.reshape(len(given), LENGTH, len(SENSORS), 2, 3) for x in (given, noisy)]
    spread = split[0].var(dim=1, keepdim=True).mean(dim=-1, keepdim=True).sqrt()
    assert float(((split[1] - split[0]) / spread).std()) == pytest.approx(0.2 * np.sqrt(1.25), rel=0.03)


def test_windows_with_a_gap_are_counted(trial, windows):
    assert possible_windows(trial) == len(windows) == 9
    first = trial.recordings[0]
    force = first.specific_force.copy()
    force[300:420] = np.nan
    gone = replace(trial, recordings=(replace(first, specific_force=force), *trial.recordings[1:]))
    left = windows_of(gone)
    assert possible_windows(gone) == len(windows) > len(left)
    assert left.core.sum() < windows.core.sum()


def test_weights_come_back(windows):
    network = new_network(SAGITTAL, 8, len(TARGETS), 5).eval()
    again = restored(new_network(SAGITTAL, 8, len(TARGETS), 6), weights_of(network))
    np.testing.assert_array_equal(*(answer(n, windows.inputs, [0]) for n in (network, again)))

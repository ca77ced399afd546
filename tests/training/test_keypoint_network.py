"""A keypoint network learns what keypoints tell, ignores what is unknown, and comes back from its file as it was."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from synth.camera.filmed_gait import WAVES
from synth.camera.keypoint_input import CHANNELS, FRAMES, ClipArrays
from synth.camera.keypoint_summary import SUMMARY
from training.config import ConfigRefused
from training.keypoint.keypoint_file import kept_in, lesson_hash, load_keypoint_ensemble, save_keypoint_ensemble
from training.keypoint.keypoint_lesson import LessonSettings, Scales, lesson_loss, standardised, teach
from training.keypoint.keypoint_network import Answer


def made_clips(seed: int, n: int = 128) -> ClipArrays:
    """Clips whose speed is the size of a wave in the first channel, and whose kind is its sign."""
    rng = np.random.default_rng(seed)
    size, kind = rng.uniform(0.5, 1.5, n), rng.integers(2, size=n)
    wave = np.sin(np.arange(FRAMES) / 5.0 + rng.uniform(0, 6, (n, 1))) * size[:, None]
    inputs = np.zeros((n, FRAMES, CHANNELS), np.float32)
    inputs[:, :, 24:] = 1.0
    inputs[:, :, 0], inputs[:, :, 1] = wave, (2 * kind - 1)[:, None]
    waves = np.full((n, FRAMES, len(WAVES)), np.nan, np.float32)
    waves[:, :, 0] = wave
    parameters = np.column_stack([size, np.full((n, 2), np.nan), rng.normal(size=n)])
    people = np.array([f"{seed}-{i // 4}" for i in range(n)])
    known = np.full(n, np.nan)
    trial = np.array(["a"] * n)
    return ClipArrays(inputs, waves, parameters, known, kind, np.full(n, 1.7), people, trial, np.zeros(n, int), known)


@pytest.fixture(scope="module")
def ensemble():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return teach(
            made_clips(0), made_clips(1), 2, LessonSettings(members=2, epochs=20, width=16, learning_rate=1e-2), 3
        )


def test_it_learns_what_is_known(ensemble):
    clips = made_clips(2)
    said = ensemble.estimate(clips.inputs)
    assert np.corrcoef(said.scalars[:, 0], clips.parameters[:, 0])[0, 1] > 0.95
    assert (said.kinds.argmax(axis=1) == clips.kind).mean() > 0.95
    assert np.allclose(said.kinds.sum(axis=1), 1.0, atol=1e-5)
    assert np.sqrt(np.mean((said.waves[:, :, 0] - clips.waves[:, :, 0]) ** 2)) < 0.5 * clips.waves[:, :, 0].std()
    assert (said.scalar_sd[:, 0] > 0.0).all()


def test_what_comes_after_the_end_of_a_clip_changes_nothing_of_its_whole(ensemble):
    """Instants at which nothing was found take no part in what is said of the clip as a whole but by their zeros."""
    clips = made_clips(4, 8)
    cut = clips.inputs.copy()
    cut[:, 50:] = 0.0
    said = ensemble.estimate(cut)
    assert np.isfinite(said.scalars[:, 0]).all()
    empty = ensemble.estimate(np.zeros_like(cut))
    assert np.isfinite(empty.scalars[:, 0]).all()


def test_a_file_gives_the_same_ensemble_again(ensemble, tmp_path):
    path = tmp_path / "networks.pt"
    save_keypoint_ensemble(path, ensemble)
    clips = made_clips(5, 8)
    again, said = (e.estimate(clips.inputs) for e in (load_keypoint_ensemble(path), ensemble))
    assert np.array_equal(again.waves, said.waves, equal_nan=True)
    path.write_bytes(b"nothing")
    with pytest.raises(ConfigRefused, match="expected networks"):
        load_keypoint_ensemble(path)


def test_members_are_kept_and_only_those_of_other_lessons_are_taught_anew(tmp_path):
    own = LessonSettings(members=2, epochs=1, width=4)
    clips = made_clips(0, 16), made_clips(1, 16)
    taught = []

    def keeper(settings, seed):
        kept = kept_in(tmp_path, lesson_hash(*clips, 2, settings, seed))
        return lambda member, teach_it: kept(member, lambda: taught.append(member) or teach_it())

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = teach(*clips, 2, own, 3, keeper(own, 3))
        again = teach(*clips, 2, own, 3, keeper(own, 3))
        three = own.model_copy(update={"members": 3})
        teach(*clips, 2, three, 3, keeper(three, 3))
    assert taught == [0, 1, 2]
    inputs = made_clips(2, 8).inputs
    assert np.array_equal(first.estimate(inputs).waves, again.estimate(inputs).waves, equal_nan=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        teach(*clips, 2, own, 4, keeper(own, 4))
    assert taught == [0, 1, 2, 0, 1]
    assert lesson_hash(*clips, 2, own, 3) != lesson_hash(clips[0].rows(np.arange(12)), clips[1], 2, own, 3)


def test_somebody_of_whom_no_impairment_is_known_teaches_none():
    """People in 3-D: severity NaN, kind -1, no activations. What is said of these costs nothing."""
    clips = made_clips(6, 8)
    clips = replace(clips, kind=np.full(8, -1))
    known = Scales(*(v(n) for n in (len(WAVES), 4, SUMMARY) for v in (np.zeros, np.ones)))
    batch = {name: torch.as_tensor(values) for name, values in standardised(clips, known).items()}
    shapes = (8, FRAMES, len(WAVES)), (8, 4), (8, 2), (8, 2)
    said = Answer(*(torch.randn(shape, requires_grad=True) for shape in shapes))
    loss = lesson_loss(lambda inputs, summary: said, batch)
    loss.backward()
    waves, scalars, kinds, severities = (s.grad for s in said)
    assert torch.isfinite(loss)
    assert (severities == 0.0).all()
    assert (kinds == 0.0).all()
    assert (waves[:, :, 1:] == 0.0).all(), "waves that nobody knows"
    assert (scalars[:, 0] != 0.0).all(), "speed is known"
    assert (waves[:, :, 0] != 0.0).any()


def test_the_severity_that_is_said_is_the_mean_over_kinds_and_each_head_learns_from_its_own():
    clips = made_clips(7, 8)
    clips = replace(clips, kind=np.array([0, 1] * 4), severity=np.array([0.0, 0.6] * 4))
    known = Scales(*(v(n) for n in (len(WAVES), 4, SUMMARY) for v in (np.zeros, np.ones)))
    batch = {name: torch.as_tensor(values) for name, values in standardised(clips, known).items()}

    def answer(severity, sure):
        kinds = sure * torch.tensor([[1.0, -1.0], [-1.0, 1.0]] * 4)
        severities = torch.tensor([[0.0, severity]] * 8, requires_grad=True)
        return Answer(batch["waves"].float(), batch["scalars"].float(), kinds, severities)

    right = answer(0.6, 20.0)
    assert np.allclose(right.severity.numpy(force=True), batch["severity"], atol=1e-6)
    assert answer(0.6, 0.0).severity.numpy(force=True) == pytest.approx(0.3), "as likely as not, half of it"
    losses = [
        float(lesson_loss(lambda i, s, own=answer(*a): own, batch)) for a in ((0.6, 20.0), (0.3, 20.0), (0.6, 0.0))
    ]
    assert losses[0] == pytest.approx(0.0, abs=1e-6)
    assert min(losses[1:]) > 0.1

"""Whatever is twice in a corpus is found: shifted, cut, noisy, under another code; five hundred honest trials pass."""

from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.model.skeleton import Skeleton
from opensim_models.scaling.scale_factor import scaled_skeleton
from synth.cli import corpus_app
from synth.corpus import CorpusTrial, CorpusWriter, check_corpus, find_leaks
from synth.corpus.record_anchor import anchors
from synth.corpus.subject_split import SubjectSplit
from synth.imu.recording import ImuRecording, SensorPlacement

RATE = 100.0
SENSORS = ("foot_l", "foot_r", "pelvis", "thigh_r")


def gait_of(rng: np.random.Generator) -> np.ndarray:
    """Harmonics (sensor, channel, harmonic) of how somebody walks: all people alike, with a tenth of difference."""
    common = np.random.default_rng(11).standard_normal((len(SENSORS), 6, 5, 2)) / (1 + np.arange(5))[:, None]
    return 3.0 * common * (1 + 0.1 * rng.standard_normal(common.shape))


def walk(gait, name, code, rng, *, n=240, spread=0.01, stride_rate=0.95, **facts):
    """A trial of strides that all differ a little, as strides do; exactly periodic without spread."""
    phase = 2 * np.pi * (rng.uniform() + stride_rate * np.arange(n) / RATE)
    drift = np.cumsum(rng.standard_normal(n)) * spread * 0.02
    waves = np.stack([np.stack([np.cos(k * (phase + drift)), np.sin(k * (phase + drift))]) for k in range(1, 6)])
    own = gait * (1 + spread * rng.standard_normal(gait.shape))
    values = np.einsum("sckw,kwn->snc", own, waves) + np.array([0.0, 9.8, 0.0, 0.0, 0.0, 0.0])
    records = tuple(
        ImuRecording(SensorPlacement(sensor, sensor), values[i, :, :3], values[i, :, 3:], RATE)
        for i, sensor in enumerate(SENSORS)
    )
    return CorpusTrial(name, facts.pop("subject", Subject(code)), RATE, records, task="walk", **facts)


def changed(trial, name, code, change):
    """The trial under another name, its records changed one by one."""
    records = tuple(
        replace(r, specific_force=change(r.specific_force), angular_velocity=change(r.angular_velocity))
        for r in trial.recordings
    )
    return replace(trial, name=name, subject=replace(trial.subject, code=code), recordings=records)


def write(path, trials, splits=()):
    with CorpusWriter(path, splits=splits) as corpus:
        for trial in trials:
            corpus.append(trial)
    return path


def people(n, rng, n_trials=2):
    for person in range(n):
        gait = gait_of(rng)
        for k in range(n_trials):
            yield walk(gait, f"walk_{k:02d}", f"P{person:03d}", rng, stride_rate=rng.normal(0.95, 0.03))


NOISE = np.random.default_rng(5)
COPIES = {
    "copy": lambda x: x,
    "shifted": lambda x: x[3:],
    "begun earlier": lambda x: np.concatenate([x[:3] + 1.0, x])[:-3],
    "second half": lambda x: x[len(x) // 2 :],
    "middle": lambda x: x[90:200],
    "noise": lambda x: x + 1e-5 * NOISE.standard_normal(x.shape),
    "second half with noise": lambda x: x[len(x) // 2 :] + 1e-5 * NOISE.standard_normal((len(x) - len(x) // 2, 3)),
    "overlapping end": lambda x: np.concatenate([x[140:], 2.0 - x[:150]]),
    "a gap": lambda x: np.where((np.arange(len(x)) // 20 % 7 == 3)[:, None], np.nan, x),
}


@pytest.mark.parametrize("code", ["P001", "P999"], ids=["same code", "another code"])
@pytest.mark.parametrize("how", list(COPIES))
def test_data_that_is_there_twice_is_found(tmp_path, how, code):
    rng = np.random.default_rng(3)
    honest = list(people(4, rng))
    twin = changed(honest[2], "z_again", code, COPIES[how])
    (found,) = find_leaks(write(tmp_path / "c.h5", [*honest, twin]))
    assert (found.level, found.where) == ("error", f"{code}/z_again") and "P001/walk_00" in found.what
    assert ("a leak between subjects" in found.what) == (code == "P999")
    assert ("the trial is there twice" in found.what) == (code == "P001")


def test_windows_that_overlap_are_found_and_told_by_their_frames(tmp_path):
    rng = np.random.default_rng(4)
    long = walk(gait_of(rng), "whole", "P001", rng, n=900)
    first, second, apart = (changed(long, f"window_{a}", "P001", lambda x, a=a: x[a : a + 300]) for a in (0, 200, 550))
    (found,) = find_leaks(write(tmp_path / "c.h5", [first, second, apart]))
    assert (
        found.where == "P001/window_200" and "its frames 0 to 99 are frames 200 to 299 of P001/window_0" in found.what
    )


def test_five_hundred_honest_trials_raise_no_alarm(tmp_path):
    """Many gaits of similar people, ten of each person, and long walks of one."""
    rng = np.random.default_rng(6)
    many = list(people(40, rng, n_trials=10))
    gait = gait_of(rng)
    one = [walk(gait, f"day_{k:02d}", "one", rng, n=300, spread=0.003) for k in range(50)]
    alike = [walk(gait, "walk", f"twin_{k:02d}", rng, spread=0.003) for k in range(30)]
    exact = [walk(gait, f"speed_{k:02d}", "solved", rng, spread=0.0, stride_rate=0.8 + 0.02 * k) for k in range(20)]
    trials = [*many, *one, *alike, *exact]
    assert len(trials) == 500
    assert find_leaks(write(tmp_path / "c.h5", trials)) == []


def test_sensors_at_rest_raise_no_alarm(tmp_path):
    rng = np.random.default_rng(7)
    still = [walk(0.001 * gait_of(rng), f"still_{k}", f"P{k}", rng) for k in range(3)]
    assert find_leaks(write(tmp_path / "c.h5", still)) == []


def test_a_leak_that_crosses_a_split_is_said_so_and_fails_the_command(tmp_path):
    rng = np.random.default_rng(3)
    honest = list(people(3, rng))
    twin = changed(honest[0], "again", "P999", COPIES["shifted"])
    split = SubjectSplit("fold_1", ("P000", "P001"), (), ("P002", "P999"))
    path = write(tmp_path / "c.h5", [*honest, twin], (split,))
    assert "split 'fold_1' has one in train, the other in test" in find_leaks(path)[0].what
    assert [f for f in check_corpus(path) if f.level == "error"] == find_leaks(path)
    done = CliRunner().invoke(corpus_app, ["check", str(path)])
    assert done.exit_code == 1 and "error: P999/again: its frames" in done.stdout


def test_a_file_under_two_codes_is_found(tmp_path):
    rng = np.random.default_rng(8)
    first, second = (walk(gait_of(rng), "walk", code, rng, source_hash="ab" * 32) for code in ("A", "B"))
    other = walk(gait_of(rng), "walk_2", "A", rng, source_hash="ab" * 32)  # two parts of one file are one person's
    (found,) = find_leaks(write(tmp_path / "c.h5", [first, second, other]))
    assert found.where == "B/walk" and "the same file (SHA-256) as A/walk" in found.what


# the same person ------------------------------------------------------------------------------------------------------


def body(code, mass, height, factors=None, sex="male", rng=None) -> tuple[Subject, Skeleton]:
    """A person with a skeleton by table, or scaled segment by segment as markers do."""
    subject = Subject(code, mass, height, sex)
    skeleton = lower_body_skeleton(subject)
    if rng is not None:
        factors = {name: (rng.normal(1.0, 0.04),) * 3 for name in skeleton.segment_names}
    return subject, scaled_skeleton(skeleton, factors, mass) if factors else skeleton


def leaks_of(path, *bodies):
    rng = np.random.default_rng(9)
    trials = [
        walk(gait_of(rng), f"walk_{k}", s.code, rng, subject=s, skeleton=skeleton)
        for s, skeleton in bodies
        for k in range(2)
    ]
    return [(found.where, found.what) for found in find_leaks(write(path / "c.h5", trials))]


def test_a_person_under_two_codes_is_found_by_the_body(tmp_path):
    rng = np.random.default_rng(10)
    honest = [body(f"P{k:02d}", 70.0, 1.75, rng=rng) for k in range(5)]  # rounded facts that all share
    subject, skeleton = honest[3]
    again = replace(subject, code="Q03"), skeleton
    ((where, what),) = leaks_of(tmp_path, *honest, again)
    assert (
        where == "Q03" and what.startswith("is P03 under another code") and "lengths of their skeletons agree" in what
    )
    later = Subject("R03", 72.5, 1.74, "unknown"), skeleton  # another visit, the same static trial
    assert [where for where, _ in leaks_of(tmp_path, *honest, later)] == ["R03"]


def test_a_person_under_two_codes_is_found_by_mass_and_height_to_the_digit(tmp_path):
    first = Subject("A", 70.53, 1.752, "female"), None
    second = Subject("B", 70.53, 1.752, "unknown"), None
    ((where, what),) = leaks_of(tmp_path, first, second, (Subject("C", 70.54, 1.752), None))
    assert (where, what) == ("B", "is A under another code: both have 70.53 kg and 1.752 m")
    assert leaks_of(tmp_path, first, (replace(second[0], sex="male"), None)) == []


def test_rounded_facts_and_skeletons_by_table_name_nobody(tmp_path):
    """Many people weigh 70 kg and stand 1.75 m, and a table makes the same skeleton of all of them."""
    by_table = [body(f"P{k}", 70.0, 1.75) for k in range(3)]
    assert leaks_of(tmp_path, *by_table) == []
    shared = {name: (1.1,) * 3 for name in lower_body_skeleton(by_table[0][0]).segment_names if "femur" in name}
    one_model = [body("A", 70.0, 1.75, shared), body("B", 70.0, 1.75, shared), body("C", 60.0, 1.60, shared)]
    assert leaks_of(tmp_path, *one_model) == []  # a model of others, scaled by height
    assert leaks_of(tmp_path, *[(Subject(f"N{k}"), None) for k in range(3)]) == []


# anchors --------------------------------------------------------------------------------------------------------------


def test_anchors_do_not_depend_on_where_a_record_begins():
    rng = np.random.default_rng(1)
    record = walk(gait_of(rng), "walk", "A", rng, n=900).recordings[0]
    points, frames = anchors(record.specific_force, record.angular_velocity, RATE)
    cut = slice(211, 700)
    again, places = anchors(record.specific_force[cut], record.angular_velocity[cut], RATE)
    kept = {int(f): p for f, p in zip(frames, points, strict=True)}
    inside = [f for f in kept if 211 + 16 <= f < 700 - 16]
    assert len(places) >= len(inside) >= 6
    for point, place in zip(again, places, strict=True):
        if 32 <= place < 489 - 32:
            np.testing.assert_allclose(point, kept[int(place) + 211])


def test_a_record_too_short_or_missing_has_no_anchor():
    for record in (np.zeros((0, 3)), np.ones((20, 3)), np.full((300, 3), np.nan)):
        assert len(anchors(record, record, RATE)[1]) == 0

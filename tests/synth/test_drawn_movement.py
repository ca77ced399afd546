"""Laws of movements that are drawn when a trial is read: the same for every reader, another in another epoch."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from mocap_import.trial import GroundReaction
from opensim_models.motion import Kinetics, SegmentMotion
from synth.cli import imu_app
from synth.corpus import Corpus, CorpusMismatch, CorpusTrial, CorpusWriter, ImuErrors, check_corpus
from synth.corpus.drawn_movement import drawn_movement, mirrored, warped
from synth.corpus.provenance import file_hash
from synth.corpus.recipe import recipe_of
from synth.corpus.window_reader import WindowReader
from synth.imu.movement_recipe import MovementRecipe
from synth.imu.placement import scaled_placements
from synth.imu.skeleton_imu import simulate_skeleton_imus
from synth.imu.time_warp import TimeWarp

sys.path.insert(0, str(Path(__file__).parent))
from made_archive import RATE, make_motion, make_person, write_person

BOTH = MovementRecipe(mirror_probability=0.5, warp_depth=0.1, seed=5)


def walk(n=150, **changes):
    """A computed movement with everything that a mirror image has to move to the other side."""
    subject, skeleton = make_person("S01")
    kinematics = make_motion(skeleton, n)
    rng = np.random.default_rng(2)
    names = skeleton.coordinate_names
    muscles = ("soleus_r", "soleus_l")
    reaction = GroundReaction(*rng.standard_normal((2, n, 3)), rng.standard_normal(n), RATE, "right", "plate")
    forces = rng.standard_normal((n, len(names)))
    kinetics = Kinetics(names, forces, RATE, (reaction,), muscles, rng.uniform(size=(n, 2)))
    records = simulate_skeleton_imus(skeleton, kinematics, scaled_placements(subject.height))
    pose = SegmentMotion("tibia_r", rng.standard_normal((n, 3)), Rotation.random(n, rng=rng), RATE)
    return replace(
        CorpusTrial("walk_01", subject, RATE, tuple(records), kinematics=kinematics, kinetics=kinetics),
        **{"skeleton": skeleton, "segments": (pose,), "status": "converged", "spatiotemporal": {"step_length_r": 0.6}}
        | changes,
    )


def test_mirroring_twice_gives_the_trial_back():
    trial = walk()
    once = mirrored(trial)
    twice = mirrored(once)
    assert once.spatiotemporal == {"step_length_l": 0.6} and once.kinetics.ground_reactions[0].foot == "left"
    np.testing.assert_array_equal(once.kinetics.activations, trial.kinetics.activations[:, ::-1])
    for ours, theirs in zip(twice.recordings, trial.recordings, strict=True):
        np.testing.assert_allclose(ours.specific_force, theirs.specific_force, atol=1e-9)
    np.testing.assert_allclose(twice.kinetics.generalized_forces, trial.kinetics.generalized_forces)
    np.testing.assert_allclose(twice.kinematics.values, trial.kinematics.values)
    assert once.segments[0].segment == "tibia_l"
    np.testing.assert_allclose(once.segments[0].origin, trial.segments[0].origin * [1, 1, -1])
    np.testing.assert_allclose(twice.segments[0].orientation.as_matrix(), trial.segments[0].orientation.as_matrix())


def test_a_mirror_image_reads_what_sensors_on_the_mirrored_coordinates_read():
    """A second path: the mirrored coordinates move the skeleton, and its sensors are simulated on it."""
    image = mirrored(walk())
    placements = [record.placement for record in image.recordings]
    again = simulate_skeleton_imus(image.skeleton, image.kinematics, placements)
    for ours, theirs in zip(image.recordings, again, strict=True):
        np.testing.assert_allclose(ours.specific_force, theirs.specific_force, atol=1e-6)
        np.testing.assert_allclose(ours.angular_velocity, theirs.angular_velocity, atol=1e-6)


def test_no_warp_gives_the_records_and_a_warp_drops_what_does_not_follow():
    trial = walk()
    same = warped(trial, TimeWarp((trial.n_frames - 1) / RATE))
    assert same.n_frames == trial.n_frames and same.kinetics is None and same.spatiotemporal == {}
    for ours, theirs in zip(same.recordings, trial.recordings, strict=True):
        np.testing.assert_allclose(ours.specific_force, theirs.specific_force, atol=1e-6)
    with pytest.raises(CorpusMismatch, match="needs the coordinates and the skeleton"):
        drawn_movement(replace(trial, skeleton=None), BOTH)
    refused = replace(trial, status="refused", skeleton=None)
    assert drawn_movement(refused, BOTH) is refused


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("drawn") / "c.h5"
    with CorpusWriter(path) as corpus:
        corpus.append(walk(errors=ImuErrors(seed=3), movement=BOTH))
    return path


READ = """
import sys, hashlib
from synth.corpus import Corpus
trial = Corpus(sys.argv[1]).read("S01", "walk_01", epoch=int(sys.argv[2]))
arrays = [a for r in trial.recordings for a in (r.specific_force, r.angular_velocity)] + [trial.kinematics.values]
print(hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest())
"""


def test_every_reader_draws_the_same_and_another_epoch_another(stored):
    def drawn(epoch):
        call = [sys.executable, "-c", READ, str(stored), str(epoch)]
        return subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()

    def digest(trial):
        arrays = [a for r in trial.recordings for a in (r.specific_force, r.angular_velocity)]
        return hashlib.sha256(b"".join(a.tobytes() for a in (*arrays, trial.kinematics.values))).hexdigest()

    corpus = Corpus(stored)
    here = [digest(corpus.read("S01", "walk_01", epoch=epoch)) for epoch in (0, 1, 0)]
    assert here[0] == here[2] != here[1] == drawn(1)
    clean, default = corpus.read("S01", "walk_01", clean=True), corpus.read("S01", "walk_01")
    np.testing.assert_array_equal(default.kinematics.values, corpus.read("S01", "walk_01", epoch=0).kinematics.values)
    np.testing.assert_array_equal(clean.kinematics.values, walk().kinematics.values)
    assert clean.movement == BOTH and not np.array_equal(clean.kinematics.values, default.kinematics.values)
    assert check_corpus(stored) == []


def test_errors_of_an_epoch_are_those_of_the_window_reader(tmp_path):
    with CorpusWriter(tmp_path / "c.h5") as corpus:
        corpus.append(walk(errors=ImuErrors(seed=3)))
    reader = WindowReader(tmp_path / "c.h5", 150, errors="stored", fresh_errors=True)
    for epoch in (0, 1):
        worn = Corpus(tmp_path / "c.h5").read("S01", "walk_01", epoch=epoch).recordings
        rows = np.concatenate([np.hstack([r.specific_force, r.angular_velocity]) for r in worn], axis=1)
        np.testing.assert_array_equal(reader.batch(epoch, 0, 1).records[0], rows.astype("f4"))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"mirror_probability": 1.5}, "mirror_probability"),
        ({"warp_depth": 0.5}, "warp_depth"),
        ({"warp_highest": 0.0}, "warp_highest"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_is_no_recipe_is_refused(change, word):
    with pytest.raises(ValueError, match=word):
        MovementRecipe(**change)


def test_an_unknown_recipe_is_refused_by_the_reader(stored, tmp_path):
    path = tmp_path / "c.h5"
    path.write_bytes(stored.read_bytes())
    with h5py.File(path, "r+") as file:
        file["subjects/S01/trials/walk_01"].attrs["movement"] = json.dumps({"recipe": "dance", "version": 1})
    with pytest.raises(CorpusMismatch, match="unknown recipe 'dance'"):
        Corpus(path).read("S01", "walk_01")
    assert MovementRecipe.from_json(BOTH.to_json()) == BOTH and "10 % RMS" in BOTH.in_words()


def test_the_command_stores_the_recipe_and_the_build_repeats_it(tmp_path):
    from synth.corpus.build import build_corpus

    write_person(tmp_path, "S01")
    places = {"trials": tmp_path / "trials", "motion": tmp_path / "motion"}
    asked = [*places.values(), tmp_path / "c.h5", "--mirror", "0.5", "--warp", "0.1", "--seed", "5"]
    made = CliRunner().invoke(imu_app, list(map(str, asked)))
    assert made.exit_code == 0, made.output
    assert Corpus(tmp_path / "c.h5").read("S01", "walk_01").movement == BOTH
    build_corpus(recipe_of(tmp_path / "c.h5"), tmp_path / "again.h5", places)
    assert file_hash(tmp_path / "again.h5") == file_hash(tmp_path / "c.h5")
    said = CliRunner().invoke(imu_app, [*map(str, asked), "--bake", "--force"])
    assert said.exit_code == 2 and "leave --bake out" in said.output


def test_windows_see_the_movement_that_every_reader_draws(stored):
    reader = WindowReader(stored, 20, seed=1, errors="stored", fresh_errors=True)
    for epoch in (0, 3):
        windows = reader.batch(epoch, 0, 8)
        for records, trial, start in zip(windows.records, windows.trial, windows.start, strict=True):
            worn = Corpus(stored).read(*reader.trials[trial], epoch=epoch).recordings
            whole = np.concatenate([np.hstack([r.specific_force, r.angular_velocity]) for r in worn], axis=1)
            np.testing.assert_array_equal(records, whole[start : start + 20].astype(np.float32))

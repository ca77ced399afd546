"""Angles from orientations alone: sensors of a movement that is known, filtered or closed over each cycle."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.motion import Kinematics, Kinetics
from synth.cli import imu_app
from synth.corpus import Corpus, CorpusMismatch, CorpusWriter
from synth.corpus.trial import CorpusTrial
from synth.repeated_gait import repeat_gait
from synth.sensor_baseline import estimate_trial

RATE, DURATION, SPEED = 100.0, 1.1, 1.2
JOINTS = ("hip_flexion_r", "knee_angle_r", "ankle_angle_r", "hip_flexion_l", "knee_angle_l", "ankle_angle_l")


def one_cycle() -> CorpusTrial:
    """A periodic walk of the planar skeleton, smooth, its feet not asked to stand still."""
    subject = Subject("S01", 70.0, 1.75)
    skeleton = planar_skeleton(subject)
    time = np.arange(round(DURATION * RATE)) / RATE
    turn = 2 * np.pi * time / DURATION
    values = np.zeros((len(time), len(skeleton.coordinates)))
    for k, c in enumerate(skeleton.coordinates):
        late = np.pi if c.name.endswith("_l") else 0.0
        if c.name.startswith("hip"):
            values[:, k] = 0.15 + 0.4 * np.cos(turn - late)
        elif c.name.startswith("knee"):
            values[:, k] = 0.5 - 0.45 * np.cos(turn - late + 1.2)
        elif c.name.startswith("ankle"):
            values[:, k] = 0.15 * np.sin(turn - late)
        elif c.name == "pelvis_tx":
            values[:, k] = SPEED * time
        elif c.name == "pelvis_ty":
            values[:, k] = 0.95 + 0.02 * np.cos(2 * turn)
    empty = np.empty((len(time), 0))
    return CorpusTrial(
        "walk", subject, RATE, task="walk", skeleton=skeleton, status="converged",
        kinematics=Kinematics(skeleton.coordinate_names, values, RATE),
        kinetics=Kinetics((), empty, RATE, activations=empty),
        spatiotemporal={"speed": SPEED, "stride_time_r": DURATION},
    )  # fmt: skip


@pytest.fixture(scope="module")
def walk() -> CorpusTrial:
    return repeat_gait(one_cycle(), repeats=9)


def test_a_repeated_cycle_goes_on_smoothly(walk):
    assert walk.n_frames == int(9 * DURATION * RATE) and len(walk.recordings) == 7
    forward = walk.kinematics.of("pelvis_tx")
    np.testing.assert_allclose(np.diff(forward), SPEED / RATE, atol=1e-9)
    knee = walk.kinematics.of("knee_angle_r")
    period = round(DURATION * RATE)
    np.testing.assert_allclose(knee[period : 2 * period], knee[:period], atol=1e-9)
    shank = next(r for r in walk.recordings if r.placement.sensor == "shank_r").specific_force[50:-50]
    jumps = np.abs(np.diff(shank, 2, axis=0))
    assert jumps.max() < 3.0 and np.isfinite(shank).all()  # no seam between cycles


@pytest.mark.parametrize(("way", "limit"), [("orientation_filter", 3.0), ("strap_down", 2.0)])
def test_known_angles_come_out(walk, way, limit):
    estimate = estimate_trial(walk, way)
    assert estimate.status == "predicted" and estimate.recordings == () and estimate.kinetics is None
    for name in JOINTS:
        true = np.degrees(walk.kinematics.of(name))
        made = np.degrees(estimate.kinematics.of(name))
        both = np.isfinite(made)
        both[:200] = both[-100:] = False  # a filter settles first
        assert both.sum() > 500
        error = made[both] - true[both]
        assert np.sqrt(np.mean((error - error.mean()) ** 2)) < limit, name


def test_a_lacking_sensor_and_a_still_person_are_refused_with_the_reason(walk):
    without = replace(walk, recordings=tuple(r for r in walk.recordings if r.placement.segment != "tibia_l"))
    assert estimate_trial(without, "strap_down").reason == "no sensor on tibia_l"
    still = tuple(
        replace(r, angular_velocity=0 * r.angular_velocity, specific_force=0 * r.specific_force + [0, 9.81, 0])
        for r in walk.recordings
    )
    refused = estimate_trial(replace(walk, recordings=still), "strap_down")
    assert refused.status == "refused" and "no gait cycle" in refused.reason
    with pytest.raises(CorpusMismatch, match="orientation_filter"):
        estimate_trial(walk, "magic")
    with pytest.raises(CorpusMismatch, match="one periodic cycle"):
        repeat_gait(walk)


@pytest.mark.parametrize("way", ["orientation_filter", "strap_down"])
def test_other_units_and_a_silent_sensor_are_refused_and_a_gap_is_named(walk, way):
    def altered(sensor, change):
        return replace(
            walk, recordings=tuple(change(r) if r.placement.sensor == sensor else r for r in walk.recordings)
        )

    def silent(record, frames):
        force, turn = record.specific_force.copy(), record.angular_velocity.copy()
        force[frames] = turn[frames] = np.nan
        return replace(record, specific_force=force, angular_velocity=turn)

    degrees = altered("thigh_l", lambda r: replace(r, angular_velocity=np.degrees(r.angular_velocity)))
    grams = altered("shank_r", lambda r: replace(r, specific_force=r.specific_force / 9.81))
    mute = altered("thigh_r", lambda r: silent(r, slice(None)))
    for trial, words in ((degrees, "thigh_l turns at"), (grams, "units of g"), (mute, "thigh_r holds no value")):
        refused = estimate_trial(trial, way)
        assert refused.status == "refused" and words in refused.reason and refused.kinematics is None
    assert "deg/s" in estimate_trial(degrees, way).reason
    made = estimate_trial(altered("foot_l", lambda r: silent(r, slice(500, 560))), way)
    assert made.status == "predicted"
    assert [t.detail for t in made.treatments if t.what == "records_doubtful"] == [
        "foot_l has no value for 0.6 s: nothing is estimated there"
    ]
    assert not any(t.what == "records_doubtful" for t in estimate_trial(walk, way).treatments)


def test_the_command_says_what_it_refuses_and_what_it_doubts(walk, tmp_path):
    path, records = tmp_path / "walks.h5", list(walk.recordings)
    force = records[0].specific_force.copy()
    force[100:150] = np.nan
    with CorpusWriter(path, role="reference") as writer:
        writer.append(replace(walk, recordings=(replace(records[0], specific_force=force), *records[1:])))
        degrees = [replace(r, angular_velocity=np.degrees(r.angular_velocity)) for r in records]
        writer.append(replace(walk, name="fast", recordings=tuple(degrees)))
    words = ["angles", str(path), str(tmp_path / "out.h5"), "--by", "strap_down", "--json"]
    done = CliRunner().invoke(imu_app, words)
    assert done.exit_code == 3, done.output
    said = json.loads(done.stdout)
    assert list(said["refused"]) == ["S01/fast"] and "deg/s" in said["refused"]["S01/fast"]
    assert [d for d in said["doubts"] if "S01/walk: pelvis has no value for 0.5 s" in d] == said["doubts"] != []


def test_by_command_a_population_gets_sensors_and_estimates(tmp_path):
    people, virtual, out = tmp_path / "people.h5", tmp_path / "virtual.h5", tmp_path / "vqf.h5"
    with CorpusWriter(people, role="prediction") as writer:
        writer.append(one_cycle())
    run = CliRunner()
    assert run.invoke(imu_app, ["cycles", str(people), str(virtual), "--repeats", "5", "--seed", "3"]).exit_code == 0
    assert Corpus(virtual).role == "reference"
    clean, noisy = (Corpus(virtual).read("S01", "walk", clean=c).recordings[0].specific_force for c in (True, False))
    assert np.abs(clean - noisy).max() > 0.1
    said = run.invoke(imu_app, ["angles", str(virtual), str(out), "--by", "orientation_filter", "--json"])
    assert said.exit_code == 0 and json.loads(said.stdout)["refused"] == {}
    assert Corpus(out).provenance.config["waits_for"] == "whole recording"
    assert run.invoke(imu_app, ["angles", str(virtual), str(out), "--by", "magic"]).exit_code == 2

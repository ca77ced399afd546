"""Recorded people: another body keeps structure, muscles and floor; its walk keeps the Froude number; all validated."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mocap_import.subject import Subject
from opensim_models.model.multibody import point_position, segment_states
from opensim_models.model.muscle_path import MusclePath
from opensim_models.model.muscle_tendon import MuscleTendon
from opensim_models.model_mismatch import ModelMismatch
from synth.corpus import Corpus, check_corpus
from synth.optimal_control.movement.skeleton_numbers import numbers_for, pattern_of
from synth.optimal_control.population.recorded_chunk import RecordedRequest
from synth.optimal_control.recording.model_preparation import prepare_model
from synth.optimal_control.recording.recorded_cycle import recorded_cycle
from synth.optimal_control.recording.sphere_calibration import calibrate_spheres
from synth.optimal_control.recording.stretched_person import (
    body_of,
    leg_length,
    length_factors,
    stature_of,
    stretched_person,
)
from synth.optimal_control.recording.stretched_recording import (
    WalkingManner,
    draw_manner,
    stretched_cycle,
)
from synth.optimal_control.recording.trial_samples import MotionFiles
from synth.virtual_people import VirtualPerson, draw_person

WALK = "opensim_core/rajagopal_walk"
TOES = ["mtp_angle_r", "mtp_angle_l"]
FILES = ("subject_walk_scaled.osim", "coordinates.sto", "grf_walk.xml")
KNEE, ANKLE = "knee_angle_r", "ankle_angle_r"
AVERAGE = {"thigh": 1.0, "shank": 1.0, "foot": 1.0, "trunk": 1.0}


@cache
def walker(data_dir: Path):
    """Skeleton with soles and one muscle each over knee, ankle and both, and a stride."""
    folder = data_dir / WALK
    prepared = prepare_model(folder / FILES[0], hold=TOES, muscles=False, show_progress=False)
    files = MotionFiles(folder / FILES[1], folder / FILES[2])
    cycle = recorded_cycle(files, prepared.skeleton, 51, cutoff=6.0, force_cutoff=20.0, held=prepared.held)
    skeleton = calibrate_spheres(prepared.skeleton, cycle.motion).skeleton
    muscles = (one_muscle("vasti", (KNEE,)), one_muscle("soleus", (ANKLE,)), one_muscle("gastroc", (KNEE, ANKLE)))
    return replace(skeleton, muscles=muscles), cycle


def one_muscle(name, coordinates):
    rows = tuple(tuple(int(i == j) for i in range(len(coordinates))) for j in range(-1, len(coordinates)))
    path = MusclePath(name, coordinates, rows, (0.4, *[0.03] * len(coordinates)), ((-1.0, 1.0),) * len(coordinates))
    return MuscleTendon(name, 1000.0, 0.1, 0.3, path=path)


def someone(data_dir, **proportions):
    """A person of the model's own stature and mass."""
    skeleton, _ = walker(data_dir)
    subject = Subject("S", skeleton.mass, stature_of(skeleton))
    return VirtualPerson(0, subject, {**AVERAGE, **proportions}, 1.0)


def test_the_models_own_person_is_the_model(data_dir):
    skeleton, cycle = walker(data_dir)
    same = body_of(someone(data_dir), skeleton)
    pattern = pattern_of(skeleton)
    np.testing.assert_allclose(numbers_for(pattern, same), numbers_for(pattern, skeleton), atol=1e-9)
    for own, old in zip(same.muscles, skeleton.muscles, strict=True):
        assert own.max_isometric_force == pytest.approx(old.max_isometric_force)
        assert own.path.coefficients == pytest.approx(old.path.coefficients)
    still = WalkingManner(1.0, np.zeros((2, 29)), np.zeros((2, 29)))
    walk = stretched_cycle(cycle, skeleton, same, still)
    np.testing.assert_allclose(walk.motion.values, cycle.motion.values, atol=1e-9)
    assert walk.duration == pytest.approx(cycle.duration)


def test_anybody_drawn_has_the_structure_mass_and_lengths_that_were_drawn(data_dir):
    skeleton, _ = walker(data_dir)
    pattern, size = pattern_of(skeleton), len(numbers_for(pattern_of(skeleton), skeleton))
    for number in range(6):
        person = draw_person(4, number)
        body = body_of(person, skeleton)
        assert pattern_of(body) == pattern and len(numbers_for(pattern, body)) == size
        assert body.mass == pytest.approx(person.subject.mass)
        tall = person.subject.height / stature_of(skeleton)
        shank = length_factors(person, skeleton)["tibia_r"]
        assert shank == pytest.approx(tall * person.proportions["shank"])
        own, old = (np.linalg.norm(s.segments[s.segment_index("talus_r")].offset) for s in (body, skeleton))
        assert own / old == pytest.approx(shank)


def test_a_muscle_grows_with_the_segments_that_it_spans_at_the_same_volume(data_dir):
    skeleton, _ = walker(data_dir)
    body = body_of(someone(data_dir, shank=1.1), skeleton)
    vasti, soleus, gastroc = (b.optimal_fibre_length / 0.1 for b in body.muscles)
    # the knee's two sides are thigh and shank (the kneecap rides on the thigh), the ankle's shank and foot
    assert 1.0 < vasti < 1.1 and soleus == pytest.approx(1.05) and vasti < soleus
    for muscle, factor in zip(body.muscles, (vasti, soleus, gastroc), strict=True):
        assert muscle.max_isometric_force * muscle.optimal_fibre_length == pytest.approx(100.0)
        assert muscle.path.coefficients == pytest.approx(
            tuple(factor * c for c in (0.4, *[0.03] * (len(muscle.path.coefficients) - 1)))
        )


def test_strength_falls_with_age_and_grows_with_mass(data_dir):
    skeleton, _ = walker(data_dir)
    young = someone(data_dir)
    old = replace(young, subject=replace(young.subject, age=70.0))
    heavy = replace(young, subject=replace(young.subject, mass=1.2 * young.subject.mass))
    forces = [body_of(p, skeleton).muscles[0].max_isometric_force for p in (young, old, heavy)]
    assert forces[1] / forces[0] == pytest.approx(0.7)
    assert forces[2] / forces[0] == pytest.approx(1.2)


def test_bodies_that_walk_alike_keep_the_froude_number_and_forces_in_body_weights(data_dir):
    skeleton, cycle = walker(data_dir)
    cycle = replace(cycle, motion=replace(cycle.motion, moments=np.ones_like(cycle.motion.values)))
    tall = stretched_person(skeleton, 1.21, 2.0 * skeleton.mass)
    walk = stretched_cycle(cycle, skeleton, tall, WalkingManner(1.0, np.zeros((2, 29)), np.zeros((2, 29))))
    assert leg_length(tall) / leg_length(skeleton) == pytest.approx(1.21)
    assert walk.duration / cycle.duration == pytest.approx(1.1)
    speeds = [(c.motion.of("pelvis_tx")[-1] - c.motion.of("pelvis_tx")[0]) / c.duration for c in (cycle, walk)]
    assert speeds[1] ** 2 / 1.21 == pytest.approx(speeds[0] ** 2)
    for foot, wrench in walk.motion.wrenches.items():
        np.testing.assert_allclose(wrench.force, 2.0 * cycle.motion.wrenches[foot].force)
    np.testing.assert_allclose(walk.motion.moments, 2.0 * 1.21)


def test_speeds_and_accelerations_of_a_manner_are_the_derivatives_of_its_coordinates(data_dir):
    skeleton, cycle = walker(data_dir)
    body = body_of(draw_person(4, 1), skeleton)
    manner = draw_manner(np.random.default_rng(0), body, 2.0)
    plain = WalkingManner(manner.tempo, 0.0 * manner.cosines, 0.0 * manner.sines)
    own, base = (stretched_cycle(cycle, skeleton, body, m).motion for m in (manner, plain))
    joints = slice(6, None)
    added = (own.values - base.values)[:, joints]
    assert 0.2 < np.degrees(added.std()) < 3.0
    step = own.time[1] - own.time[0]
    for name, order in (("speeds", 1), ("accelerations", 2)):
        wanted = (getattr(own, name) - getattr(base, name))[:, joints]
        spectrum = np.fft.rfft(added[:-1], axis=0)
        rate = 2j * np.pi * np.fft.rfftfreq(len(added) - 1, step)[:, None]
        np.testing.assert_allclose(np.fft.irfft(rate**order * spectrum, len(added) - 1, axis=0), wanted[:-1], atol=1e-6)


def test_other_legs_stand_as_deep_in_the_floor(data_dir):
    skeleton, cycle = walker(data_dir)
    person = someone(data_dir, thigh=1.04, shank=0.95, foot=1.06)
    body = body_of(person, skeleton)
    walk = stretched_cycle(cycle, skeleton, body, WalkingManner(1.0, np.zeros((2, 29)), np.zeros((2, 29))))
    depths = []
    for own, motion in ((skeleton, cycle.motion), (body, walk.motion)):
        states = segment_states(own, list(motion.values.T))
        lowest = []
        for foot, wrench in motion.wrenches.items():
            loaded = wrench.force[:, 1] > 0.3 * own.mass * 9.81
            heights = [
                np.array(point_position(states[own.segment_index(c.segment)], c.offset)[1] - c.radius, float)
                for c in own.contacts
                if c.segment.endswith(f"_{foot[0]}")
            ]
            lowest.append(np.min(heights, axis=0)[loaded].mean())
        depths.append(np.mean(lowest))
    assert depths[1] == pytest.approx(depths[0], abs=2e-3)


def test_a_model_that_is_no_person_is_refused_in_one_sentence(data_dir):
    skeleton, _ = walker(data_dir)
    with pytest.raises(ModelMismatch, match="Check the model's unit"):
        stature_of(stretched_person(skeleton, 10.0, skeleton.mass))


def request_of(data_dir, **given):
    model, coordinates, loads = (str(data_dir / WALK / name) for name in FILES)
    return RecordedRequest(2, model, coordinates, loads, tuple(TOES), **given)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"seed": -1}, "a seed of at least 0"), ({"spread": 9.0}, "0-3 manners"), ({"rate": 1.0}, "10-10000 Hz")],
)
def test_an_impossible_recorded_population_is_refused(data_dir, given, words):
    with pytest.raises(ValueError, match=words):
        request_of(data_dir, **given)


def test_other_contents_of_the_files_are_another_population(data_dir):
    known = request_of(data_dir).hashes
    assert request_of(data_dir, hashes=known).config == request_of(data_dir).config
    with pytest.raises(ValueError, match="have changed since"):
        request_of(data_dir, hashes={**known, next(iter(known)): "0"})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--guide", "x.mot"], "belong to a --model"),
        (["--model", "no.osim"], "not there: --model, --guide, --loads"),
        (["--model", "no.osim", "--predict"], "leave --predict, --speeds and --task out"),
    ],
)
def test_options_that_do_not_go_together_end_in_one_sentence(tmp_path, words, said):
    from synth.optimal_control.cli import gait_app

    result = CliRunner().invoke(gait_app, ["population", str(tmp_path / "p.h5"), *words])
    assert result.exit_code == 2
    assert said in result.stderr and "Traceback" not in result.stderr


@pytest.mark.slow
def test_people_of_a_recorded_walk_are_solved_validated_and_written(data_dir, tmp_path):
    from synth.optimal_control.cli import gait_app

    out = tmp_path / "people.h5"
    model, coordinates, loads = (str(data_dir / WALK / name) for name in FILES)
    words = ["population", str(out), "--subjects", "3", "--seed", "5", "--model", model, "--guide", coordinates]
    words += ["--loads", loads, "--hold", TOES[0], "--hold", TOES[1], "--json"]
    said = json.loads(CliRunner().invoke(gait_app, words).stdout)
    assert (said["gaits"], said["solved"], said["accepted"]) == (3, 3, 3)
    assert not [f for f in check_corpus(out) if getattr(f, "severity", "error") == "error"]
    corpus = Corpus(out)
    speeds = set()
    for subject, name in corpus.trials():
        trial = corpus.read(subject, name)
        person = draw_person(5, int(subject[1:]))
        assert trial.subject.mass == person.subject.mass
        assert trial.kinetics.activations.shape[1] == 80
        force = sum(r.force[:, 1] for r in trial.kinetics.ground_reactions) / trial.subject.body_weight
        assert force.mean() == pytest.approx(1.0, abs=0.03)
        speeds.add(round(trial.spatiotemporal["speed"], 5))
    assert len(speeds) == 3
    again = json.loads(CliRunner().invoke(gait_app, words).stdout)
    assert again["accepted"] == 3

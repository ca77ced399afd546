"""Corpora of optimal control are made again from their recipe, bit for bit, and say where their arrays come from.

IPOPT on one thread is deterministic; measured times lie beside the corpus.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mocap_import.engine import LocalEngine
from mocap_import.subject import Subject
from synth.cli import corpus_app
from synth.corpus import Corpus, CorpusMismatch, CorpusTrial, CorpusWriter, ImuErrors, check_corpus
from synth.corpus.array_origin import SOLVED, arrays_of
from synth.corpus.measured_time import times_file
from synth.corpus.provenance import file_hash
from synth.corpus.recipe import recipe_of
from synth.corpus.solved_recipe import PopulationRecipe, SolvedRecipe
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording
from synth.optimal_control.baseline import build_baseline_corpus
from synth.optimal_control.population.planar_chunk import PopulationRequest
from synth.optimal_control.population.recorded_chunk import RecordedRequest
from synth.optimal_control.population.run import build_population
from synth.optimal_control.recipe_build import build_solved, population_of
from synth.optimal_control.reference import build_reference_corpus

RATE = 100.0


def rebuild(corpus, folder, *arguments):
    """Build anew by the command from the recipe that a corpus holds."""
    made = CliRunner().invoke(
        corpus_app, ["build", str(corpus), "--out", str(folder / "again.h5"), "--json", *map(str, arguments)]
    )
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["other_versions"] == []
    return file_hash(folder / "again.h5")


def standing(path):
    """A corpus of records that hold no gait: every method refuses it at once."""
    still = np.tile([0.0, 9.81, 0.0], (200, 1))
    records = tuple(ImuRecording(sensor, still, 0 * still, RATE) for sensor in SEVEN_SENSORS)
    with CorpusWriter(path, seed=3) as corpus:
        corpus.append(
            CorpusTrial("still_01", Subject("S01", 70.0, 1.75), RATE, records, ImuErrors(seed=3), task="walk")
        )
    return path


@pytest.mark.slow
def test_what_is_refused_is_rebuilt_bit_for_bit_too(tmp_path):
    imu = standing(tmp_path / "imu.h5")
    build_baseline_corpus(imu, tmp_path / "baseline.h5")
    recipe = recipe_of(tmp_path / "baseline.h5")
    assert isinstance(recipe, SolvedRecipe) and recipe.sources == {"corpus": {"imu.h5": file_hash(imu)}}
    assert "casadi" in recipe.software and str(tmp_path) not in recipe.to_json()
    build_solved(recipe, tmp_path / "b.h5", {"corpus": imu})
    assert file_hash(tmp_path / "b.h5") == file_hash(tmp_path / "baseline.h5")
    (tmp_path / "trials").mkdir()
    (tmp_path / "motion").mkdir()
    build_reference_corpus(tmp_path / "trials", tmp_path / "motion", imu, tmp_path / "reference.h5", cycles_per_trial=3)
    told = recipe_of(tmp_path / "reference.h5")
    assert told.cycles_per_trial == 3 and told.sources["trials"] == {}
    reason = Corpus(tmp_path / "reference.h5").read("S01", "still_01").reason
    assert "S01/planar_skeleton.json is missing" in reason and str(tmp_path) not in reason


def test_other_weights_and_other_people_are_refused(tmp_path):
    other = SolvedRecipe(kind="baseline", sources={"corpus": {"imu.h5": "ab" * 32}}, weights={"effort": 2.0})
    with pytest.raises(CorpusMismatch, match="other weights than this kinesynth"):
        build_solved(other, tmp_path / "b.h5", {"corpus": tmp_path / "imu.h5"})
    with pytest.raises(CorpusMismatch, match="draws no people"):
        population_of(PopulationRecipe(sources={}, people={"subjects": 0, "speeds": [1.0, 1.2]}), {})


def test_a_population_is_the_same_people_by_its_recipe(tmp_path):
    planar = PopulationRequest(subjects=3, seed=5, speeds=(1.0, 1.2), mode="walk", spread=0.5)
    assert population_of(PopulationRecipe(sources={}, people=planar.people), {}) == planar
    files = {}
    for place in ("model", "coordinates", "loads"):
        files[place] = tmp_path / f"{place}.txt"
        files[place].write_text(place)
    recorded = RecordedRequest(subjects=2, hold=("pelvis_tz",), **{k: str(v.resolve()) for k, v in files.items()})
    places = {"model": files["model"], "guide": files["coordinates"], "loads": files["loads"]}
    recipe = PopulationRecipe(sources={}, people=json.loads(json.dumps(recorded.people)))
    assert population_of(recipe, places) == recorded
    assert str(tmp_path) not in json.dumps(recorded.config) + recipe.to_json()


@pytest.mark.slow
def test_a_population_and_a_baseline_of_it_are_rebuilt_bit_for_bit(tmp_path):
    """Three people walk; the baseline explains the records of one of them."""
    request = PopulationRequest(subjects=3, seed=11, speeds=(1.1, 1.4))
    build_population(request, tmp_path / "people.h5", engine=LocalEngine(1))
    assert recipe_of(tmp_path / "people.h5").kind == "population"
    assert rebuild(tmp_path / "people.h5", tmp_path) == file_hash(tmp_path / "people.h5")
    people = Corpus(tmp_path / "people.h5")
    trial = people.read(*people.trials()[0])
    assert trial.status == "converged" and set(arrays_of(trial)) == set(SOLVED)
    (origin,) = trial.origins
    assert set(origin.arrays) == set(SOLVED) and origin.parameters["seed"] == 11 and "casadi" in origin.software
    assert not [finding for finding in check_corpus(people.path) if finding.level == "error"]
    imu = _worn(trial, tmp_path / "imu.h5")
    build_baseline_corpus(imu, tmp_path / "baseline.h5", engine=LocalEngine(1))
    solved = Corpus(tmp_path / "baseline.h5").read("P1", "walk_01")
    assert solved.status == "converged" and solved.seconds > 0 and solved.solutions[0].cpu_seconds > 0
    by_array = {array: origin for origin in solved.origins for array in origin.arrays}
    assert by_array["kinematics"].sources[0].sha256 == file_hash(imu)
    assert "inertial records" in by_array["kinetics/ground_reactions"].method
    (tmp_path / "again.h5").unlink()
    (tmp_path / "again.h5.made.json").unlink()
    assert rebuild(tmp_path / "baseline.h5", tmp_path) == file_hash(tmp_path / "baseline.h5")
    assert times_file(tmp_path / "again.h5").is_file()


def _worn(trial, path):
    """Records of virtual sensors on three strides of a gait of one cycle."""
    from synth.imu.placement import scaled_placements
    from synth.imu.skeleton_imu import simulate_skeleton_imus

    kinematics = trial.kinematics
    way = trial.spatiotemporal["speed"] * trial.n_frames / trial.rate
    strides = [kinematics.values.copy() for _ in range(3)]
    for number, stride in enumerate(strides):
        stride[:, kinematics.coordinates.index("pelvis_tx")] += number * way
    moved = replace(kinematics, values=np.concatenate(strides))
    records = simulate_skeleton_imus(trial.skeleton, moved, scaled_placements(trial.subject.height), cutoff=12.0)
    with CorpusWriter(path, seed=2) as corpus:
        person = replace(trial.subject, code="P1")
        corpus.append(CorpusTrial("walk_01", person, trial.rate, tuple(records), ImuErrors(seed=2), task="walk"))
    return Path(path)

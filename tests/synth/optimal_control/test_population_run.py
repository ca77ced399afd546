"""Population run: everybody is solved once, whoever is killed when; who is refused is counted with the reason."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mocap_import.batch import Outcome
from mocap_import.product import fingerprint
from opensim_models.generic.generic_model import REFERENCE_PERSON, generic_model
from synth.corpus import Corpus, CorpusMismatch, check_corpus
from synth.optimal_control.command.population_command import speed_range
from synth.optimal_control.population import planar_chunk as population_chunk
from synth.optimal_control.population.begun_request import differences
from synth.optimal_control.population.gait_trial import refused_trial
from synth.optimal_control.population.part import CHUNK, write_part
from synth.optimal_control.population.planar_chunk import PopulationRequest
from synth.optimal_control.population.run import build_population
from synth.optimal_control.population.virtual_gait import draw_gait
from synth.virtual_people import draw_person


@pytest.fixture(autouse=True)
def _no_opensim(request, monkeypatch):
    """Fast tests do not fit muscle paths: what they run solves nothing."""
    if "slow" not in request.keywords:
        skeleton = generic_model("planar", REFERENCE_PERSON).skeleton
        monkeypatch.setattr(population_chunk, "template_skeleton", lambda: skeleton)


def _written(task):
    """Do a task without solving anything: its gaits are written as refused."""
    given = task.arguments
    request = PopulationRequest(**given["request"])
    trials, rows = [], []
    for person in range(given["first"], given["last"]):
        for number in range(request.gaits):
            name, subject = f"walk_{number + 1:02d}", draw_person(request.seed, person).subject
            trials.append(refused_trial(name, subject, request.rate, "drift: made up"))
            speed = request.gait(person, number).speed
            rows.append({"subject": subject.code, "trial": name, "status": "refused", "kind": "drift", "speed": speed,
                         "reason": "drift: made up", "solved": True})  # fmt: skip
    write_part(Path(given["part"]), trials, rows)
    return Outcome(task.key, "done", rows)


def _all(tasks):
    for task in tasks:
        yield _written(task)


class _Engine:
    """An engine that does its tasks with a function of the test."""

    n_workers = 1

    def __init__(self, function):
        self.function = function

    def run(self, tasks, **_limits):
        return self.function(tasks)

    def check_shared(self, *_folders):
        pass


def _names(corpus):
    return [f"V{i:05d}" for i in range(corpus)]


def test_every_gait_of_everybody_is_in_the_corpus_once_with_the_recipe(tmp_path):
    request = PopulationRequest(2 * CHUNK + 3, 7, gaits=2, speeds=(1.0, 1.5))
    rows = build_population(request, tmp_path / "people.h5", engine=_Engine(_all))
    corpus = Corpus(tmp_path / "people.h5")
    wanted = [(code, name) for code in _names(request.subjects) for name in ("walk_01", "walk_02")]
    assert sorted(corpus.trials()) == wanted
    assert list(zip(rows.subject, rows.trial, strict=True)) == wanted
    assert (rows.kind == "drift").all()
    assert corpus.provenance.seed == 7
    assert corpus.provenance.config["speeds"] == [1.0, 1.5]
    assert not (tmp_path / "people.h5.parts").exists()


def test_after_an_interrupt_only_what_is_missing_is_done_again(tmp_path):
    request, out, seen = PopulationRequest(5 * CHUNK, 1), tmp_path / "people.h5", []

    def interrupted(tasks):
        for task in tasks[:3]:
            yield _written(task)
        raise KeyboardInterrupt

    def rest(tasks):
        seen.extend(task.key for task in tasks)
        yield from _all(tasks)

    with pytest.raises(KeyboardInterrupt):
        build_population(request, out, engine=_Engine(interrupted))
    assert not out.exists()
    build_population(request, out, engine=_Engine(rest))
    assert seen == [f"people {3 * CHUNK}-{4 * CHUNK - 1}", f"people {4 * CHUNK}-{5 * CHUNK - 1}"]
    assert [s for s, _ in sorted(Corpus(out).trials())] == _names(5 * CHUNK)


def _begun(request, out):
    """A run that is interrupted when its first part is finished."""

    def interrupted(tasks):
        yield _written(tasks[0])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_population(request, out, engine=_Engine(interrupted))


def test_finished_parts_of_another_request_are_neither_taken_nor_removed(tmp_path):
    out, parts = tmp_path / "people.h5", tmp_path / "people.h5.parts"
    _begun(PopulationRequest(2 * CHUNK, 41), out)
    kept = {path.name: path.read_bytes() for path in parts.glob("people_*")}
    words = r"people\.h5\.parts holds 1 finished part of .*: seed 41, now 42\. Give the same settings .* another OUT"
    with pytest.raises(CorpusMismatch, match=words):
        build_population(PopulationRequest(2 * CHUNK, 42), out, engine=_Engine(_all))
    assert {path.name: path.read_bytes() for path in parts.glob("people_*")} == kept
    seen = []

    def rest(tasks):
        seen.extend(task.key for task in tasks)
        yield from _all(tasks)

    build_population(PopulationRequest(2 * CHUNK, 41), out, engine=_Engine(rest))
    assert seen == [f"people {CHUNK}-{2 * CHUNK - 1}"]


@pytest.mark.parametrize("same", [True, False])
def test_parts_that_an_earlier_version_began_go_on_or_stay(tmp_path, same):
    out, parts = tmp_path / "people.h5", tmp_path / "people.h5.parts"
    _begun(PopulationRequest(2 * CHUNK, 1), out)
    mark = fingerprint(json.loads((parts / "request.json").read_text()))
    (parts / "request.json").unlink()
    (parts / "request.txt").write_text(mark if same else "another")
    if same:
        build_population(PopulationRequest(2 * CHUNK, 1), out, engine=_Engine(_all))
        assert out.exists()
    else:
        with pytest.raises(
            CorpusMismatch, match=r"1 finished part of 10 people or fewer, begun with other settings\. Give"
        ):
            build_population(PopulationRequest(2 * CHUNK, 1), out, engine=_Engine(_all))
        assert len(list(parts.glob("people_*.h5"))) == 1


def test_a_folder_of_something_else_is_not_emptied(tmp_path):
    parts = tmp_path / "people.h5.parts"
    parts.mkdir()
    (parts / "thesis.txt").write_text("mine")
    with pytest.raises(CorpusMismatch, match=r"people\.h5\.parts holds files of something else\."):
        build_population(PopulationRequest(CHUNK, 1), tmp_path / "people.h5", engine=_Engine(_all))
    assert (parts / "thesis.txt").read_text() == "mine"


def test_what_another_request_began_without_finishing_anything_is_no_obstacle(tmp_path):
    def killed(_tasks):
        raise KeyboardInterrupt

    out = tmp_path / "people.h5"
    with pytest.raises(KeyboardInterrupt):
        build_population(PopulationRequest(CHUNK, 1), out, engine=_Engine(killed))
    build_population(PopulationRequest(CHUNK, 2), out, engine=_Engine(_all))
    assert Corpus(out).provenance.seed == 2


def test_a_refusal_names_the_settings_that_differ_once_and_the_first_few():
    begun = {"seed": 1, "laws": "standard", "recipe": {"people": {"seed": 1, "laws": "standard"}}, "kinds": ["a"]}
    wanted = {**begun, "laws": "other", "recipe": {"people": {"seed": 1, "laws": "other"}}, "far": {"a": 1, "b": 2}}
    wanted["kinds"] = ["a", "b"]
    assert differences(begun, begun) == ""
    assert differences(begun, {**begun, "laws": "other"}) == "laws standard, now other"
    words = "laws standard, now other; kinds a, now a, b; far.a not set, now 1; far.b not set, now 2"
    assert sorted(differences(begun, wanted).split("; ")) == sorted(words.split("; "))
    assert differences({}, dict.fromkeys("abcdef", 0)).endswith("; and 2 more")


def test_people_of_a_task_that_failed_are_counted_as_refused_and_tried_again_by_another_run(tmp_path):
    request, out = PopulationRequest(2 * CHUNK, 1), tmp_path / "people.h5"

    def failing(tasks):
        yield _written(tasks[0])
        yield Outcome(tasks[1].key, "crashed", reason="the process was killed")

    rows = build_population(request, out, engine=_Engine(failing))
    assert len(rows) == 2 * CHUNK
    assert (rows.kind[CHUNK:] == "failed").all()
    assert "the process was killed" in rows.reason.iloc[-1]
    trial = Corpus(out).read(f"V{CHUNK:05d}", "walk_01")
    assert (trial.status, trial.kinematics) == ("refused", None)
    seen = []

    def rest(tasks):
        seen.extend(task.key for task in tasks)
        yield from _all(tasks)

    again = build_population(request, out, engine=_Engine(rest))
    assert seen == [f"people {CHUNK}-{2 * CHUNK - 1}"]
    assert (again.kind == "drift").all()


def test_a_population_that_is_there_already_is_not_solved_again(tmp_path):
    request, out = PopulationRequest(CHUNK, 1), tmp_path / "people.h5"
    first = build_population(request, out, engine=_Engine(_all))
    again = build_population(request, out, engine=_Engine(lambda _: pytest.fail("not again")))
    assert list(again.speed) == list(first.speed)
    assert list(again.kind) == list(first.kind)
    other = build_population(PopulationRequest(CHUNK, 2), out, engine=_Engine(_all))
    assert list(other.speed) != list(first.speed)


def test_the_same_request_gives_the_same_bytes_whatever_order_the_chunks_finish_in(tmp_path):
    request = PopulationRequest(3 * CHUNK, 4)

    def backwards(tasks):
        yield from _all(list(reversed(tasks)))

    build_population(request, tmp_path / "one.h5", engine=_Engine(_all))
    build_population(request, tmp_path / "two.h5", engine=_Engine(backwards))
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


def test_a_corpus_that_was_changed_is_made_again_and_an_untouched_one_is_not(tmp_path):
    request, out = PopulationRequest(CHUNK, 7), tmp_path / "people.h5"
    build_population(request, out, engine=_Engine(_all))
    before, made = out.read_bytes(), out.stat().st_mtime_ns
    build_population(request, out, engine=_Engine(lambda _: pytest.fail("not again")))
    assert out.stat().st_mtime_ns == made
    out.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    build_population(request, out, engine=_Engine(_all))
    assert out.read_bytes() == before


def test_progress_counts_gaits_also_those_of_an_earlier_run(tmp_path):
    request, out, steps = PopulationRequest(2 * CHUNK, 1), tmp_path / "people.h5", []

    class Bar:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def advance(self, count, description=None):
            steps.append(count)

    def interrupted(tasks):
        yield _written(tasks[0])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_population(request, out, engine=_Engine(interrupted))
    build_population(request, out, engine=_Engine(_all), progress=lambda total, _: steps.append(total) or Bar())
    assert steps == [2 * CHUNK, CHUNK, CHUNK]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"subjects": 0}, "at least 1 subject"),
        ({"subjects": 1, "seed": -1}, "at least 0"),
        ({"subjects": 1, "speeds": (1.8, 0.8)}, "lower then higher"),
        ({"subjects": 1, "speeds": (1.0, 9.0)}, "0.4-2.4 m/s"),
        ({"subjects": 1, "speeds": (np.nan, 1.0)}, "0.4-2.4 m/s"),
        ({"subjects": 1, "task": "fly"}, "none of track, predict"),
        ({"subjects": 1, "spread": -1.0}, "spread of at least 0"),
    ],
)
def test_an_impossible_request_ends_in_one_sentence(given, words):
    with pytest.raises(ValueError, match=words):
        PopulationRequest(**given)


def test_speeds_are_read_from_a_range_or_one_number():
    assert speed_range("0.8-1.8") == (0.8, 1.8)
    assert speed_range("1.2") == (1.2, 1.2)
    for text in ("fast", "1-2-3", ""):
        with pytest.raises(ValueError, match="--speeds"):
            speed_range(text)


def test_a_walk_is_a_pure_function_of_seed_person_and_number():
    one = draw_gait(7, 12, 1, speeds=(0.8, 1.8))
    again = draw_gait(7, 12, 1, speeds=(0.8, 1.8))
    assert one.speed == again.speed
    assert one.style.cadence == again.style.cadence
    other = draw_gait(7, 12, 2)
    assert other.speed != one.speed
    assert other.style.amplitude == one.style.amplitude  # a person keeps the own manner
    speeds = np.array([draw_gait(7, i).speed for i in range(500)])
    assert 0.8 <= speeds.min() < 0.82 < 1.78 < speeds.max() <= 1.8


@pytest.mark.parametrize(
    "words",
    [["population", "OUT"], ["baseline", "imu.h5", "OUT"], ["predict", "OUT"], ["reference", ".", ".", "i", "OUT"]],
)
def test_a_corpus_is_not_begun_under_a_name_of_another_kind(tmp_path, words):
    from synth.optimal_control.cli import gait_app

    out = tmp_path / "d6.csv"
    result = CliRunner().invoke(gait_app, [str(out) if word == "OUT" else word for word in words])
    assert result.exit_code not in (0, None)
    assert f"{out}: expected a corpus (.h5). Give a name that ends in .h5, such as d6.h5." in result.stderr
    assert not list(tmp_path.iterdir())


COMMAND = [sys.executable, "-m", "kinesynth", "gait", "population"]


@pytest.mark.slow
def test_people_walk_like_people_and_are_validated(tmp_path):
    from synth.optimal_control.cli import gait_app

    out = tmp_path / "people.h5"
    words = ["population", str(out), "--subjects", "12", "--seed", "7", "--workers", "2", "--json"]
    result = CliRunner().invoke(gait_app, words)
    said = json.loads(result.stdout)
    assert said["gaits"] == 12
    assert said["solved"] == 12
    assert said["accepted"] >= 11
    assert not [f for f in check_corpus(out) if getattr(f, "severity", "error") == "error"]
    corpus = Corpus(out)
    for subject, name in corpus.trials():
        trial = corpus.read(subject, name)
        if trial.status == "refused":
            continue
        assert trial.rate == 100.0
        assert np.isfinite(trial.kinematics.values).all()
        force = sum(r.force[:, 1] for r in trial.kinetics.ground_reactions) / trial.subject.body_weight
        assert force.mean() == pytest.approx(1.0, abs=0.03)
        assert {e.foot for e in trial.events} == {"right", "left"}


@pytest.mark.slow
def test_a_run_killed_at_any_moment_loses_or_doubles_nobody(tmp_path):
    """Kill -9 of the whole run at moments from start to end; at last let it finish."""
    out = tmp_path / "people.h5"
    words = [*COMMAND, str(out), "--subjects", "24", "--seed", "3", "--workers", "2", "--json"]
    rng = np.random.default_rng(5)
    for _ in range(4):
        run = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(float(rng.uniform(2.0, 30.0)))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    done = subprocess.run(words, capture_output=True, text=True, timeout=900, check=False)
    assert json.loads(done.stdout)["gaits"] == 24
    assert sorted(Corpus(out).trials()) == [(code, "walk_01") for code in _names(24)]
    assert not (tmp_path / "people.h5.parts").exists()


@pytest.mark.slow
def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(tmp_path):
    out = tmp_path / "people.h5"
    words = [*COMMAND, str(out), "--subjects", "400", "--workers", "2"]
    run = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell that runs the tests in the background has its children ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        time.sleep(12.0)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=60)
    finally:
        run.kill()
        run.wait()
    assert run.returncode == 130
    assert "the same command goes on" in said
    assert "Traceback" not in said

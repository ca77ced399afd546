"""Laws of ``kinesynth gait track``: a folder that is complete, and one sentence for whatever goes wrong."""

import errno
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))

from killed_run import kill_in_solve
from small_movements import DURATION, PLANAR, SPEED, smooth_solution

from opensim_models.exchange.storage import read_motion
from opensim_models.exchange.storage_table import read_table, write_table
from opensim_models.model.multibody import segment_states
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model.vector import over_frames
from opensim_models.osim.client import body_poses, build_model
from synth.optimal_control.cli import gait_app
from synth.optimal_control.command import movement_folder, tracking_run
from synth.optimal_control.program.solver import SolverSettings
from synth.optimal_control.result.solution_export import export_solution
from synth.optimal_control.result.solution_file import load_solution

WINDOW = ("--window", f"0,{DURATION}", "--period", "cycle")
TORQUES = ("--torques", "--no-contact", "--mesh", "8", "--cutoff", "0", "--force-cutoff", "0")


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    """Files of a made-up walk: coordinates and loads."""
    return export_solution(smooth_solution(), PLANAR, tmp_path_factory.mktemp("trial"), name="walk")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing is compiled for such small problems."""
    monkeypatch.setenv("KINESYNTH_COMPILER", "none")


def words(trial, out, *more, model=PLANAR, coordinates=None, torques=TORQUES, window=WINDOW):
    plain = [model, coordinates or trial.coordinates, "--loads", trial.loads, "--out", out, *torques, *window, *more]
    plain += [] if "--picture" in more else ["--picture", "none"]
    return ["track", *(str(word) for word in plain)]


def run(*arguments, **options):
    return CliRunner().invoke(gait_app, words(*arguments, **options))


def sentence(done, code):
    """The one sentence that a command ended with."""
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    begin = "interrupted" if code == 130 else "error: "
    said = [line for line in done.stderr.splitlines() if line.startswith(begin)]
    assert len(said) == 1
    assert done.stderr.rstrip().endswith(said[0])
    return said[0]


def test_folder_is_complete(trial, tmp_path):
    done = run(trial, tmp_path, "--picture", "html", "--picture", "html")
    assert done.exit_code == 0, done.output
    names = {path.name for path in tmp_path.iterdir()}
    exported = {f"movement_{word}" for word in ("coordinates.mot", "moments.sto", "forces.mot", "loads.xml")}
    assert names == {"solution.npz", "report.json", "movement.html", *exported}
    solution, recipe = load_solution(tmp_path / "solution.npz")
    assert solution.converged
    assert solution.duration == pytest.approx(DURATION)
    assert solution.speed == pytest.approx(SPEED, abs=0.05)
    assert set(recipe.sources) == {"model", "coordinates", "loads"}
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["converged"]
    assert report["from_recording"]["angles_deg"] < 0.5
    assert report["from_recording"]["forces_percent"]["right"]["vertical"] < 3.0
    assert report["diagnosis"]["status"] == "Solve_Succeeded"
    assert max(row["largest_residual"] for row in report["diagnosis"]["equations"]) < 1e-4
    assert "angles differ from the recording by" in done.stdout


def test_machines_get_one_object_and_a_finer_mesh_stays_near(trial, tmp_path):
    done = run(trial, tmp_path, "--json", "--mesh", "8,16")
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert [row["name"] for row in report["rungs"]] == ["trapezoidal 8", "trapezoidal 16"]
    assert not done.stderr


def test_held_coordinates_stay_where_they_are_told(trial, tmp_path):
    assert run(trial, tmp_path, "--hold", "lumbar_extension=-3").exit_code == 0
    table = read_table(tmp_path / "movement_coordinates.mot")
    assert table.values[:, table.labels.index("lumbar_extension")] == pytest.approx(-3.0)


def test_speed_that_nobody_reaches(trial, tmp_path):
    said = sentence(run(trial, tmp_path, "--speed", "30"), 1)
    assert "a speed of 30 m/s is beyond what anyone reaches (12.5 m/s)" in said


def test_contradiction_of_bounds(trial, tmp_path):
    said = sentence(run(trial, tmp_path, "--bound", "knee_angle_r=60:20"), 2)
    assert "knee_angle_r must lie between 60 and 20, which no number does; widen or swap the bounds" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--hold", "kneecap"), "no coordinate 'kneecap'; it has pelvis_tilt"),
        (("--bound", "knee_angle_r=5"), "expected NAME=LOW:HIGH"),
        (("--mesh", "25,x"), "numbers of intervals from 4 to 1000"),
        (("--angle", "0"), "--angle is 0; expected a number above zero"),
        (("--emg-of", "soleus_r"), "expected MUSCLE=COLUMN"),
        (("--emg-of", "soleus_r=soleus"), "--emg-of soleus_r=soleus: expected MUSCLE=COLUMN; muscles are none"),
        (("--window", "1,b"), "--window is '1,b'; expected 2 numbers"),
        (("--window", "0.8,0.2"), "ends before it begins"),
        (("--window", "0,9"), "coordinates reach from 0 to 1.1 s, but 0 to 9 s are wanted"),
    ],
)
def test_wrong_words_are_named(trial, tmp_path, options, said):
    done = run(trial, tmp_path, *options)
    assert done.exit_code in (1, 2)
    assert said in sentence(done, done.exit_code)


def changed(trial, tmp_path, change):
    table = read_table(trial.coordinates)
    write_table(tmp_path / "changed.mot", change(table))
    return tmp_path / "changed.mot"


def test_reference_that_is_not_a_number(trial, tmp_path):
    def change(table):
        values = table.values.copy()
        values[20:23, table.labels.index("knee_angle_r")] = np.nan
        return replace(table, values=values)

    said = sentence(run(trial, tmp_path / "out", coordinates=changed(trial, tmp_path, change)), 1)
    assert re.search(r"knee_angle_r has no number at 0\.1 s \(3 rows of the window\); fill the gap", said)
    assert not (tmp_path / "out").exists()


def test_wrong_coordinate_names(trial, tmp_path):
    def change(table):
        return replace(table, labels=tuple(label.replace("knee_angle_r", "KneeFlexR") for label in table.labels))

    said = sentence(run(trial, tmp_path / "out", coordinates=changed(trial, tmp_path, change)), 1)
    assert "has no knee_angle_r, which planar_generic moves" in said
    assert "--hold" in said


@pytest.mark.parametrize(("factor", "mass"), [(5.0 / 75.0, "5"), (500.0 / 75.0, "500")])
def test_subject_that_does_not_walk(trial, tmp_path, factor, mass):
    model = tmp_path / "scaled.osim"
    text = re.sub(r"<mass>(.*?)</mass>", lambda m: f"<mass>{float(m.group(1)) * factor!r}</mass>", PLANAR.read_text())
    model.write_text(text)
    said = sentence(run(trial, tmp_path / "out", model=model), 1)
    assert f"the model planar_generic weighs {mass} kg; people who walk have 8 to 300 kg. Check the unit" in said


def test_model_without_muscles_or_contact(trial, tmp_path):
    bare = replace(read_osim(PLANAR), muscles=(), contacts=(), planes=())
    model = tmp_path / "bare.osim"
    build_model(bare, model)
    muscles = sentence(run(trial, tmp_path / "out", model=model, torques=("--mesh", "8", "--no-contact")), 1)
    assert "the model has no muscles; give one that has, or ask for --torques" in muscles
    assert run(trial, tmp_path / "out", model=model).exit_code == 0


def test_no_contact_needs_loads(trial, tmp_path):
    command = ["track", str(PLANAR), str(trial.coordinates), "--out", str(tmp_path / "out"), *TORQUES, *WINDOW]
    said = sentence(CliRunner().invoke(gait_app, command), 1)
    assert "the ground reaction must be given: add --loads" in said


def test_stride_needs_forces_or_a_window(trial, tmp_path):
    command = ["track", str(PLANAR), str(trial.coordinates), "--out", str(tmp_path), "--torques", "--period", "cycle"]
    said = sentence(CliRunner().invoke(gait_app, command), 1)
    assert "nothing says when a stride begins and ends; add --loads" in said


def limited(monkeypatch, **settings):
    """Let the solver stop early."""
    original = tracking_run.tracking_rungs

    def rungs(*arguments):
        return [replace(rung, settings=replace(SolverSettings(), **settings)) for rung in original(*arguments)]

    monkeypatch.setattr(tracking_run, "tracking_rungs", rungs)


def test_movement_that_is_not_found_is_never_exported(trial, tmp_path, monkeypatch):
    assert run(trial, tmp_path).exit_code == 0
    limited(monkeypatch, max_iterations=1)
    said = sentence(run(trial, tmp_path, "--effort", "0.2", "--angle", "1"), 4)
    assert "no movement found: rung 'trapezoidal 8': the solver used up its iterations" in said
    assert "Run the same command again: it goes on from the last iterate" in said
    assert "report.json" in said
    assert {path.name for path in tmp_path.iterdir()} == {"last_iterate_0.npz", "solution.npz", "report.json"}
    assert not load_solution(tmp_path / "solution.npz")[0].converged
    monkeypatch.undo()
    monkeypatch.setenv("KINESYNTH_COMPILER", "none")
    again = run(trial, tmp_path, "--effort", "0.2", "--angle", "1")
    assert again.exit_code == 0
    assert "went on with trapezoidal 8 where an earlier run was ended" in again.stdout
    assert not list(tmp_path.glob("last_iterate*"))


def test_killed_solve_goes_on_in_the_rung_where_it_was(trial, tmp_path):
    whole = run(trial, tmp_path / "whole", "--mesh", "8,12")
    assert whole.exit_code == 0
    command = words(trial, tmp_path / "killed", "--mesh", "8,12")
    # the second rung alone has more than 400 variables
    kill_in_solve(command, size=400)
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["last_iterate_0.npz"]
    again = CliRunner().invoke(gait_app, command)
    assert again.exit_code == 0
    assert "went on with trapezoidal 12" in again.stdout
    one, other = (load_solution(tmp_path / name / "solution.npz")[0] for name in ("whole", "killed"))
    # the solver comes to this flat minimum from elsewhere, and stops elsewhere in it
    assert other.objective == pytest.approx(one.objective, rel=0.01)
    assert len(other.rungs) == 1


def test_iterate_of_another_problem_is_passed_over(trial, tmp_path):
    (tmp_path / "last_iterate_0.npz").write_bytes(b"damaged")
    done = run(trial, tmp_path)
    assert done.exit_code == 0
    assert "went on" not in done.stdout


def test_interrupt_is_no_failure(trial, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(movement_folder, "resumed_climb", interrupted)
    said = sentence(run(trial, tmp_path), 130)
    assert "interrupted; the last iterate is kept" in said
    assert "error:" not in said


@pytest.mark.parametrize("which", ["resumed_climb", "export_solution", "save_solution_picture"])
def test_full_disk_is_one_sentence_whenever_it_happens(trial, tmp_path, monkeypatch, which):
    step = getattr(movement_folder, which)

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    def on_a_full_disk(*arguments, **options):
        monkeypatch.setattr("mocap_import.durable_file.os.fsync", full)
        return step(*arguments, **options)

    monkeypatch.setattr(movement_folder, which, on_a_full_disk)
    said = sentence(run(trial, tmp_path, "--picture", "svg"), 1)
    assert "No space left on device" in said
    assert "free some space" in said
    assert str(tmp_path) in said
    assert not (tmp_path / "report.json").exists()
    assert not list(tmp_path.glob("tmp*"))
    monkeypatch.undo()
    monkeypatch.setenv("KINESYNTH_COMPILER", "none")
    assert run(trial, tmp_path).exit_code == 0


def test_prediction_with_a_model_needs_a_guide(tmp_path):
    done = CliRunner().invoke(gait_app, ["predict", str(tmp_path / "out"), "--model", str(PLANAR)])
    assert "--model needs --guide: coordinates of any walk of this model" in sentence(done, 2)


@pytest.mark.parametrize(
    ("option", "said"), [("--slope=60", "expected -45 to 45"), ("--jerk=-1", "--jerk is -1; expected a number above")]
)
def test_prediction_names_wrong_numbers(trial, tmp_path, option, said):
    files = ["--model", str(PLANAR), "--guide", str(trial.coordinates)]
    done = CliRunner().invoke(gait_app, ["predict", str(tmp_path / "out"), *files, option])
    assert said in sentence(done, 2)


def test_prediction_refuses_a_speed_that_nobody_reaches(trial, tmp_path):
    files = ["--model", str(PLANAR), "--guide", str(trial.coordinates), "--window", "0,0.55", "--speed", "30"]
    done = CliRunner().invoke(gait_app, ["predict", str(tmp_path / "out"), *files])
    assert "a speed of 30 m/s is beyond what anyone reaches" in sentence(done, 1)


@pytest.mark.slow
def test_prediction_of_a_muscle_driven_model_walks_at_the_wished_speed(tmp_path, data_dir, monkeypatch):
    monkeypatch.delenv("KINESYNTH_COMPILER")
    folder, out = data_dir / "opensim_core" / "falisse2019_2d_walk", tmp_path / "walk"
    files = ["--model", folder / "2D_gait.osim", "--guide", folder / "referenceCoordinates.sto"]
    files += ["--loads", folder / "referenceGRF.xml", "--window", "0,0.470089"]
    command = ["predict", out, *files, "--speed", "1.2"]
    done = CliRunner().invoke(gait_app, list(map(str, command)))
    assert done.exit_code == 0, done.output
    solution, recipe = load_solution(out / "solution.npz")
    assert solution.speed == pytest.approx(1.2)
    assert 0.6 < solution.duration < 1.6
    assert np.degrees(np.abs(solution.of("knee_angle_r")).max()) > 40.0
    assert recipe.config["prediction"]["speed"] == 1.2
    assert read_table(out / "movement_activations.sto").labels == solution.muscles
    too_fast = CliRunner().invoke(gait_app, [*map(str, command[:-1]), "9"])
    assert "no movement found" in sentence(too_fast, 4)
    assert not (out / "movement_coordinates.mot").exists()


@pytest.mark.slow
def test_stride_in_space_is_followed_and_opensim_finds_its_poses(tmp_path, data_dir):
    folder, out = data_dir / "opensim_core" / "rajagopal_walk", tmp_path / "walk"
    files = [folder / "subject_walk_scaled.osim", folder / "coordinates.sto", "--loads", folder / "grf_walk.xml"]
    held = ["--hold", "mtp_angle_r", "--hold", "mtp_angle_l=5"]
    how = ["--torques", "--no-contact", "--mesh", "25", "--picture", "none"]
    done = CliRunner().invoke(gait_app, list(map(str, ["track", *files, *held, *how, "--out", out])))
    assert done.exit_code == 0, done.output
    report = json.loads((out / "report.json").read_text())
    assert report["from_recording"]["angles_deg"] < 1.0
    assert report["from_recording"]["leg_moments"] < 15.0
    assert max(side["vertical"] for side in report["from_recording"]["forces_percent"].values()) < 5.0
    assert report["solution"]["largest_root_force"] < 60.0
    solution, _ = load_solution(out / "solution.npz")
    motion = read_motion(out / "movement_coordinates.mot")
    assert np.degrees(motion.of("mtp_angle_l")) == pytest.approx(5.0)
    bodies = body_poses(files[0], motion.coordinates, motion.values, ["calcn_r", "torso"])
    states = segment_states(solution.skeleton, list(solution.coordinates.T))
    for name, (places, _) in bodies.items():
        own = over_frames(list(states[solution.skeleton.segment_index(name)].origin), len(solution.time))
        assert np.abs(places[:-1] - own).max() < 1e-3


def test_missing_files_are_wrong_usage(trial, tmp_path):
    said = sentence(run(trial, tmp_path, coordinates=tmp_path / "gone.mot"), 2)
    assert "gone.mot: no such file or folder" in said

"""Laws of a solution's picture and of its report: they show what the solution is, and say when it is none."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_movements import DURATION, SPEED, planar_climb, planar_solution, planar_structure, smooth_solution

from opensim_models.model_mismatch import ModelMismatch
from synth.optimal_control.movement.solution import make_solution
from synth.optimal_control.recording.recorded_motion import FootWrench, RecordedMotion
from synth.optimal_control.result.solution_frames import solution_frames
from synth.optimal_control.result.solution_picture import (
    draw_solution,
    headline,
    paired,
    recorded_reference,
    save_solution_picture,
)
from synth.optimal_control.result.stick_figure import stick_lines
from synth.optimal_control.result.tracking_report import (
    diagnosis_of,
    diagnosis_table,
    rung_table,
    solution_figures,
    tracking_figures,
)


def recording_of(solution, shift=0.0):
    """The frames of a solution as if they had been recorded, all angles off by `shift` (rad)."""
    frames = solution_frames(solution)
    values = frames.coordinates.copy()
    values[:, [0, *range(3, 10)]] += shift
    wrenches = {
        foot: FootWrench(segment, frames.loads[:, i, :3], frames.loads[:, i, 3:], (0.0, 0.0, 0.0))
        for i, (foot, segment) in enumerate((("right", "calcn_r"), ("left", "calcn_l")))
    }
    names = solution.skeleton.coordinate_names
    time = 3.0 + frames.time
    return RecordedMotion(names, time, values, frames.speeds, frames.accelerations, wrenches, frames.rate)


def test_every_quantity_has_its_panel():
    solution = planar_solution()
    motion = recording_of(solution, 0.02)
    reference = recorded_reference(motion, DURATION, {"knee_angle_r": 0.1})
    figure = draw_solution(solution, reference, {"equations of motion": 1e-7, "defect": 0.0})
    titles = [axes.get_title() for axes in figure.axes]
    for stem in ("hip_flexion", "knee_angle", "ankle_angle", "lumbar_extension"):
        assert titles.count(stem) == 2  # coordinate and moment
    assert {"vertical", "forward"} <= set(titles)
    assert "right" not in titles  # nothing leaves the plane
    knee = figure.axes[titles.index("knee_angle")]
    assert len(knee.lines) == 4  # both sides, measured and solved
    assert len(knee.collections) == 1  # the band of one of them
    solved = {line.get_color(): line.get_ydata() for line in knee.lines if line.get_alpha() is None}
    assert np.allclose(solved["#b5232f"][:-1], np.degrees(solution.of("knee_angle_r")))


def test_recording_of_half_a_movement_is_drawn_over_its_half():
    motion = recording_of(planar_solution())
    reference = recorded_reference(motion, 2.0 * DURATION)
    assert reference.phase[-1] == pytest.approx(0.5)


def test_emg_is_drawn_at_the_peak_of_the_activation():
    n = len(planar_solution().time)
    activations = np.tile(np.linspace(0.1, 0.4, n)[:, None], (1, 2))
    pulled = replace(planar_solution(), muscles=("soleus_r", "soleus_l"), arrays={"activations": activations})
    frames = solution_frames(pulled)
    millivolts = 3.0 * np.arange(float(len(frames.time)))[:, None]
    motion = replace(recording_of(planar_solution()), muscles=("calf",), emg=millivolts)
    figure = draw_solution(pulled, recorded_reference(motion, DURATION, emg_of={"soleus_r": "calf"}))
    panel = next(axes for axes in figure.axes if axes.get_title() == "soleus")
    assert len(panel.lines) == 3
    assert max(line.get_ydata().max() for line in panel.lines) == pytest.approx(0.4)
    with pytest.raises(ModelMismatch, match="no EMG of 'thigh'; the recording has calf"):
        recorded_reference(motion, DURATION, emg_of={"soleus_r": "thigh"})


def test_what_is_no_solution_says_so(tmp_path):
    failed = replace(planar_solution(), converged=False, reason="the solver diverged")
    assert headline(failed) == "NOT A SOLUTION: the solver diverged"
    path = tmp_path / "page.html"
    save_solution_picture(path, failed, rows=[{"problem": "torques", "solved": "no"}], notes=["knees are held"])
    text = path.read_text()
    assert "NOT A SOLUTION: the solver diverged" in text
    assert "knees are held" in text
    with pytest.raises(ValueError, match="expected a picture"):
        save_solution_picture(tmp_path / "page.doc", failed)


def test_sides_are_drawn_together():
    names = ("hip_r", "knee_r", "lumbar", "hip_l", "knee_l")
    assert paired(names) == [("hip", ("hip_r", "hip_l")), ("knee", ("knee_r", "knee_l")), ("lumbar", ("lumbar",))]


def test_lines_of_a_figure_keep_their_length():
    solution = planar_solution()
    for lines in stick_lines(solution.skeleton, solution.coordinates).values():
        for line in lines:
            length = np.linalg.norm(line[1] - line[0], axis=1)
            assert np.ptp(length) < 0.02  # knees glide a little
            assert length.max() < 1.0


def test_movement_is_at_no_distance_from_itself():
    solution, structure = smooth_solution(), planar_structure()
    same = tracking_figures(solution, recording_of(solution), DURATION, structure)
    assert same["angles_deg"] < 1e-9
    assert max(same["forces_percent"]["left"].values()) < 1e-9
    assert same["leg_moments"] < 1e-6
    off = tracking_figures(solution, recording_of(solution, np.radians(2.0)), DURATION, structure)
    assert off["angles_deg"] == pytest.approx(2.0)
    assert off["coordinates"]["pelvis_ty"] < 1e-9


def test_report_of_a_solved_problem():
    reached = planar_climb(planar_structure())
    table = diagnosis_table(diagnosis_of(reached))
    assert table["status"] == "Solve_Succeeded"
    assert {"equations of motion"} <= {row["name"] for row in table["equations"]}
    assert max(row["largest_residual"] for row in table["equations"]) < 1e-5
    solution = make_solution(reached, planar_solution().skeleton)
    assert rung_table(solution)[0]["name"] == "torques"
    figures = solution_figures(solution)
    assert figures["speed"] == pytest.approx(SPEED)
    assert figures["largest_root_force"] < 1e-3

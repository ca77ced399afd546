"""The pages of the virtual IMU say what the code computes: signs, pictures, presets."""

import dataclasses
import re

import numpy as np
import pytest

from docs.draw_sensor_frames import PICTURES, draw_movement, write_picture
from docs.sensor_movements import (
    END,
    MOVE,
    MOVEMENTS,
    RATE,
    REST,
    SKELETON,
    force_change,
    readings,
    sign_table,
    states,
    turning_signs,
)
from mocap_import.low_pass import low_pass
from opensim_models.inverse.segment_motion import marker_positions, segment_motions
from synth.imu.derivative_error import expected_error
from synth.imu.error_recipe import ImuErrors, apply_errors
from synth.imu.placement import SEVEN_SENSORS
from synth.imu.recording import ImuRecording
from synth.imu.sensor_clock import ClockErrors
from synth.imu.sensor_error import TriadErrors
from synth.imu.sensor_preset import PRESETS, sensor_preset
from synth.imu.simulation import METHODS, simulate_imu
from synth.real_imu.convention import ImuConvention
from synth.real_imu.sensor_file import read_sensors


@pytest.fixture(scope="module")
def page(repository):
    return lambda name: (repository / "docs" / name).read_text(encoding="utf-8")


def words(svg):
    """Texts of a picture that are texts, tags left out."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def lines(svg):
    """Numbers of all lines of a picture, points."""
    return [float(n) for n in re.findall(r"-?\d+\.?\d*", " ".join(re.findall(r' d="([^"]*)"', svg)))]


@pytest.mark.parametrize("movement", MOVEMENTS, ids=lambda m: m.name)
def test_a_movement_goes_where_its_title_says(movement):
    landmark, axis, direction = movement.goes
    names = [marker.name for marker in SKELETON.markers]
    way = marker_positions(SKELETON, states(movement)[0])[:, names.index(landmark), axis]
    assert direction * (way[-1] - way[0]) > 0.005


@pytest.mark.parametrize("movement", MOVEMENTS, ids=lambda m: m.name)
def test_poses_give_the_signs_that_mechanics_gives(movement):
    """`simulate_imu` on the poses of the same movement, beside the `simulate_skeleton_imus` of the table."""
    motions = segment_motions(SKELETON, states(movement)[0])
    for exact in readings(movement):
        by_poses = simulate_imu(motions[exact.placement.segment], exact.placement, method="spline")
        assert turning_signs(by_poses) == turning_signs(exact)
        assert force_change(by_poses) == force_change(exact)


def test_the_table_of_signs_is_what_the_sensors_read(page):
    assert sign_table() in page("sensor_frames.md"), (
        "run `python -m docs.draw_sensor_frames`, put its table in the page"
    )


@pytest.mark.parametrize("movement", MOVEMENTS, ids=lambda m: m.name)
def test_the_picture_of_a_movement_is_what_is_drawn_anew(movement, page, tmp_path):
    """Signs and numbers in words to the letter, lines to a twentieth of a point, and small enough for a page."""
    assert f"![](pictures/{movement.name}.svg)" in re.sub(r"!\[[^]]*\]", "![]", page("sensor_frames.md"))
    write_picture(draw_movement(movement), tmp_path / "new.svg")
    path = PICTURES / f"{movement.name}.svg"
    assert path.stat().st_size < 60_000
    new, stored = ((p.read_text(encoding="utf-8")) for p in (tmp_path / "new.svg", path))
    assert words(new) == words(stored)
    assert any(turning_signs(readings(movement)[0]) in word for word in words(stored))
    np.testing.assert_allclose(lines(new), lines(stored), atol=0.05)


def test_a_movement_begins_and_ends_still():
    for movement in MOVEMENTS:
        for record in readings(movement):
            assert len(record.specific_force) == REST + MOVE + END
            for end in (0, -1):
                assert np.linalg.norm(record.specific_force[end]) == pytest.approx(9.80665, abs=1e-9)
    assert RATE == 100.0


SIZED_STEPS = {
    "15 % white noise": ImuErrors(misalignment_deg=0.0, seed=1),
    "soft tissue, spring": ImuErrors(0.0, 0.0, seed=1, soft_tissue="spring"),
    "soft tissue, resampled": ImuErrors(0.0, 0.0, seed=1, soft_tissue="resampled"),
    "1 cm beside": ImuErrors(0.0, 0.0, seed=1, position_sd=0.01),
    "`mpu_9250`": ImuErrors(0.0, 0.0, seed=1, sensor=sensor_preset("mpu_9250").without("turn_on_bias")),
}
"""Rows of the table of sizes."""


def sizes(data):
    """The table of sizes of docs/sensor_errors.md."""
    folder = data / "cmu_imu_grf_walk" / "Sub02" / "CSBaseline"
    session = read_sensors(next(folder.glob("*Accel.trc")))
    columns = {"pelvis": "pelvis", "thigh_r": "femur_r", "shank_r": "tibia_r", "foot_r": "toes_r"}
    rows = []
    for step, recipe in SIZED_STEPS.items():
        cells = []
        for sensor, carrier in columns.items():
            real = next(r for r in session.recordings if r.placement.segment == carrier)
            force, turn = (
                low_pass(v[2000:6000], real.rate, 12.0) for v in (real.specific_force, real.angular_velocity)
            )
            placement = next(p for p in SEVEN_SENSORS if p.sensor == sensor)
            worn = apply_errors([ImuRecording(placement, force, turn, real.rate)], recipe, subject="s", trial="t")[0]
            shares = [
                np.mean(np.nanstd(a - b, axis=0) / np.std(b, axis=0))
                for a, b in ((worn.specific_force, force), (worn.angular_velocity, turn))
            ]
            cells.append(" / ".join(f"{share:.2f}" for share in shares))
        rows.append(f"| {step} | {' | '.join(cells)} |")
    return rows


def test_the_table_of_sizes_is_computed(data_dir, page):
    told = page("sensor_errors.md")
    assert [row for row in sizes(data_dir) if row not in told] == []


def test_every_preset_is_on_the_page_and_says_what_is_assumed(page):
    told = page("sensor_errors.md")
    for name, model in PRESETS.items():
        assert f"| `{name}` |" in told
        assert "ssumed" in model.source


WAYS = [("central_difference", None), ("spline", None)] + [
    (method, cutoff) for method in ("butterworth", "smoothing_spline") for cutoff in (6.0, 10.0, 15.0)
]


def expected_errors():
    """The table of expected errors of docs/virtual_imu.md."""
    rows = []
    for method, cutoff in WAYS:
        error = expected_error(method, 100.0, band=8.0, cutoff=cutoff, jitter=0.0005)
        name = f"`{method}`" + ("" if cutoff is None else f", {cutoff:g} Hz")
        shares = [f"{100 * share:.2g} %" for share in (error.acceleration_share, error.angular_velocity_share)]
        rows.append(f"| {name} | {' | '.join(shares)} | {error.acceleration_noise:.2g} |")
    return rows


def test_the_table_of_expected_errors_is_computed(page):
    assert {method for method, _ in WAYS} == set(METHODS)
    told = page("virtual_imu.md")
    assert [row for row in expected_errors() if row not in told] == []


def test_every_key_of_a_recipe_is_on_the_page_of_the_corpus(page):
    told = page("corpus.md")
    assert [f.name for f in dataclasses.fields(ImuErrors) if f"`{f.name}`" not in told] == []


def test_every_term_of_a_sensor_is_on_the_page_of_errors(page):
    told = page("sensor_errors.md")
    terms = [f.name for kind in (TriadErrors, ClockErrors) for f in dataclasses.fields(kind)]
    assert [name for name in (*terms, "g_sensitivity") if f"`{name}`" not in told] == []


def test_every_word_of_a_convention_is_on_the_page_of_real_sensors(page):
    told = page("real_sensors.md")
    assert [f.name for f in dataclasses.fields(ImuConvention) if f"`{f.name}`" not in told] == []

"""Plate records: units, signs, corners and types; what cannot be a plate is refused, never the markers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.c3d.raw_c3d import RawC3d, RawPlate
from mocap_import.c3d.reader import read_c3d
from mocap_import.export.c3d_writer import write_c3d
from mocap_import.frame.lab_frame import LabFrame
from mocap_import.plate.corner import foot_marker_distance
from mocap_import.plate.force_plate import plate_channels
from mocap_import.plate.record import plate_records
from mocap_import.plate.saturation import saturated_stretches
from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction, MarkerTrial
from mocap_import.trial_reader import read_trial

GROUND = LabFrame(np.eye(3))
GROUND_Z_UP = LabFrame(np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]))
RATE, RATIO = 100.0, 10


def _step(n=2000, start=500, stop=1200):
    """One step on a plate in the floor at (1, 0, 0.3): heel to toe along X, before and after it nothing."""
    share = np.zeros(n)
    share[start:stop] = np.sin(np.pi * (np.arange(stop - start) + 0.5) / (stop - start))
    along = np.zeros(n)
    along[start:stop] = np.linspace(-0.08, 0.16, stop - start)
    force = np.stack([-80 * share, 750 * share, 40 * share], axis=1)
    place = np.stack([1.0 + along, np.zeros(n), np.full(n, 0.36)], axis=1)
    on = share > 0
    return GroundReaction(force, np.where(on[:, None], place, np.nan), np.where(on, 3.0 * share, np.nan), RATE * RATIO)


def _raw(plate, channels, units=("N", "N", "N", "Nmm", "Nmm", "Nmm"), labels=(), points=None, **fields):
    """A file in mm of one plate, already in ground axes."""
    n_channels = channels.shape[1]
    declared = RawPlate(plate.kind, plate.corners * 1e3, plate.origin * 1e3, tuple(range(n_channels)), **fields)
    n_frames = len(channels) // RATIO
    return RawC3d(
        labels=("HEEL", "TOE"),
        points=np.full((n_frames, 2, 3), np.nan) if points is None else points * 1e3,
        unit="mm",
        rate=RATE,
        analog=channels,
        analog_labels=tuple(labels) or tuple(f"c{k}" for k in range(n_channels)),
        analog_units=tuple(units) + ("N",) * (n_channels - len(units)),
        analog_rate=RATE * RATIO,
        plates=(declared,),
    )


def _feet(reaction):
    """Two markers 5 cm above the centre of pressure's path, 3 cm beside it, when the plate is loaded."""
    place = reaction.centre_of_pressure[::RATIO]
    return np.stack([place + np.array([0.0, 0.05, 0.03]), place + np.array([0.03, 0.05, -0.03])], axis=1)


def _keys(notes):
    return [note.what for note in notes]


def _assert_same(read, true):
    np.testing.assert_allclose(read.force, true.force, atol=1e-6)
    loaded = true.force[:, 1] > 25
    np.testing.assert_allclose(read.centre_of_pressure[loaded], true.centre_of_pressure[loaded], atol=1e-8)
    np.testing.assert_allclose(read.free_moment[loaded], true.free_moment[loaded], atol=1e-6)


@pytest.mark.parametrize("unit", ["Nmm", "N.mm", "Nm", "N*m", "Ncm", "", "V"])
def test_moments_are_in_the_unit_of_their_channel_else_in_the_point_unit(unit, plate_builder):
    plate, true = plate_builder((1.0, 0.0, 0.3)), _step()
    metres = {"Nm": 1.0, "N*m": 1.0, "Ncm": 0.01}.get(unit, 0.001)
    raw = _raw(plate, plate_channels(plate, true, length_unit=metres), units=("N", "N", "N", unit, unit, unit))
    (read,), _, notes = plate_records(raw, GROUND, 0.001)
    _assert_same(read, true)
    assert notes == []


def test_moments_a_thousand_times_off_their_stated_unit_are_found(plate_builder):
    plate, true = plate_builder((1.0, 0.0, 0.3)), _step()
    raw = _raw(plate, plate_channels(plate, true, length_unit=0.001), units=("N", "N", "N", "Nm", "Nm", "Nm"))
    (read,), _, notes = plate_records(raw, GROUND, 0.001)
    _assert_same(read, true)
    assert _keys(notes) == ["plate_moment_unit"]


def test_the_sign_is_found_and_stated(plate_builder):
    plate, true = plate_builder((1.0, 0.0, 0.3)), _step()
    channels = plate_channels(plate, true)
    (read,), _, notes = plate_records(_raw(plate, -channels), GROUND, 0.001)
    _assert_same(read, true)
    assert _keys(notes) == ["plate_sign"]


def test_a_plate_that_is_hardly_loaded_takes_the_sign_of_the_others(plate_builder):
    plate, true = plate_builder((1.0, 0.0, 0.3)), _step()
    channels = plate_channels(plate, true)
    knock = np.zeros_like(channels)
    knock[700:720, 2] = 60.0  # a short blow upwards: negative in the sign of the loaded plate
    raw = _raw(plate, np.concatenate([channels, knock], axis=1), labels=[f"c{k}" for k in range(12)])
    other = replace(raw.plates[0], channels=tuple(range(6, 12)))
    raw = replace(raw, plates=(replace(raw.plates[0], channels=tuple(range(6))), other))
    (first, second), _, notes = plate_records(raw, GROUND, 0.001)
    _assert_same(first, true)
    assert second.force[:, 1].min() == pytest.approx(-60.0)
    assert "plate_sign" not in _keys(notes)


@pytest.mark.parametrize("order", [(1, 0, 3, 2), (3, 2, 1, 0), (2, 3, 0, 1), (0, 3, 2, 1)])
def test_corners_in_another_order_are_put_right_by_the_feet(order, plate_builder):
    plate = plate_builder((1.0, 0.0, 0.3))
    true = _step()
    true = replace(true, centre_of_pressure=true.centre_of_pressure + np.array([0.0, 0.0, 0.06]))
    raw = _raw(plate, plate_channels(plate, true), points=_feet(true))
    wrong = replace(raw.plates[0], corners=raw.plates[0].corners[list(order)])
    (read,), (found,), notes = plate_records(replace(raw, plates=(wrong,)), GROUND, 0.001)
    _assert_same(read, true)
    np.testing.assert_allclose(found.corners, plate.corners)
    assert _keys(notes) == ["plate_corners"]
    (read,), _, notes = plate_records(raw, GROUND, 0.001)
    _assert_same(read, true)
    assert notes == []


@pytest.mark.parametrize("kind", [0, 5, 6, 7, 8, 11, 12, 21])
def test_other_types_are_refused_by_number_and_the_other_plates_stay(kind, plate_builder):
    plate, true = plate_builder((1.0, 0.0, 0.3)), _step()
    raw = _raw(plate, plate_channels(plate, true))
    raw = replace(raw, plates=(replace(raw.plates[0], kind=kind), raw.plates[0]))
    (read,), (found,), notes = plate_records(raw, GROUND, 0.001)
    _assert_same(read, true)
    assert found.name == "plate 2"
    assert _keys(notes) == ["plate_refused"]
    assert f"type {kind}" in notes[0].detail
    assert "markers are kept" in notes[0].detail


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"corners": np.full((4, 3), np.nan)}, "corners are missing"),
        ({"corners": np.zeros((4, 3))}, "coincide"),
        ({"corners": 1e6 * np.array([[1, 0, 1], [0, 0, 1], [0, 0, 0], [1, 0, 0.0]])}, "no plate has that size"),
        ({"corners": 500 * np.array([[1, 0, 1], [0, 0, 1], [1, 0, 0], [0, 0, 0.0]])}, "crosswise"),
        ({"channels": (0, 1, 2)}, "needs 6 channels, 3 of them"),
        ({"channels": (0, 1, 2, 3, 4, 99)}, "needs 6 channels, 5 of them"),
        ({"kind": 3, "channels": (0, 1, 2, 3, 4, 5, 0, 1), "origin": np.zeros(3)}, "distances of its sensors"),
        ({"kind": 4}, "CAL_MATRIX"),
        ({"kind": 4, "calibration": np.zeros((6, 6))}, "CAL_MATRIX"),
    ],
)
def test_a_plate_that_cannot_be_one_is_refused_with_its_reason(change, words, plate_builder):
    plate, true = plate_builder((1.0, 0.0, 0.3)), _step()
    raw = _raw(plate, plate_channels(plate, true))
    raw = replace(raw, plates=(replace(raw.plates[0], **change),))
    reactions, plates, notes = plate_records(raw, GROUND, 0.001)
    assert reactions == plates == []
    assert _keys(notes) == ["plate_refused"]
    assert words in notes[0].detail


def test_a_plate_on_the_wall_is_no_floor(plate_builder):
    plate, true = plate_builder((1.0, 0.0, 0.3)), _step()
    raw = _raw(plate, plate_channels(plate, true))
    wall = raw.plates[0].corners[:, [1, 0, 2]]
    reactions, _, notes = plate_records(replace(raw, plates=(replace(raw.plates[0], corners=wall),)), GROUND, 0.001)
    assert reactions == []
    assert "upright" in notes[-1].detail


def test_an_analog_rate_that_is_no_multiple_of_the_marker_rate_keeps_time(plate_builder):
    plate, true = plate_builder((1.0, 0.0, 0.3)), _step()
    raw = replace(_raw(plate, plate_channels(plate, true)), rate=140.0, analog_rate=1000.0, points=np.ones((280, 2, 3)))
    (read,), _, _ = plate_records(raw, GROUND, 0.001)
    assert read.rate == 1000.0
    assert len(read.force) == 2000


def test_a_channel_at_its_limit_is_stated_and_kept(plate_builder):
    plate, true = plate_builder((1.0, 0.0, 0.3)), _step()
    channels = plate_channels(plate, true)
    clipped = channels.copy()
    clipped[:, 2] = np.maximum(clipped[:, 2], -500.0)
    (_,), (found,), notes = plate_records(_raw(plate, clipped), GROUND, 0.001)
    assert _keys(notes) == ["plate_saturated"]
    ((start, stop),) = found.saturated
    cut = np.flatnonzero(channels[:, 2] < -500.0)
    assert (start, stop) == (cut[0], cut[-1] + 1)
    assert plate_records(_raw(plate, channels), GROUND, 0.001)[2] == []


def test_forces_set_to_zero_below_a_threshold_are_no_saturation(plate_builder):
    plate, true = plate_builder((1.0, 0.0, 0.3)), _step()
    channels = plate_channels(plate, true) * (true.force[:, 1:2] > 30)
    assert plate_records(_raw(plate, channels), GROUND, 0.001)[2] == []


def test_a_drawn_plateau_is_no_saturation(plate_builder):
    plate, true = plate_builder((1.0, 0.0, 0.3)), _step()
    ramp = np.interp(np.arange(2000), [500, 600, 1100, 1200], [0.0, 700.0, 700.0, 0.0])
    force = np.stack([np.zeros(2000), ramp, np.zeros(2000)], axis=1)
    drawn = replace(true, force=force, centre_of_pressure=np.tile([1.0, 0.0, 0.3], (2000, 1)), free_moment=0.0 * ramp)
    assert plate_records(_raw(plate, plate_channels(plate, drawn)), GROUND, 0.001)[2] == []


@pytest.mark.parametrize(
    ("file", "plate", "stretch"),
    [
        ("header-parameter-disagree/MotionMonitorC3D.c3d", 1, (2939, 2963)),
        ("unsigned-analog-offset/128analogchannels.c3d", 2, (1893, 1898)),
    ],
)
def test_the_clipped_channels_of_real_files_are_found_and_no_others(file, plate, stretch, data_dir):
    raw = read_c3d(data_dir / "c3d_odd" / file)
    found = {k + 1: saturated_stretches(raw.analog[:, p.channels], raw.analog_rate) for k, p in enumerate(raw.plates)}
    assert {number: stretches for number, stretches in found.items() if stretches} == {plate: (stretch,)}


def test_incomplete_plates_of_a_real_file_are_refused_and_its_markers_read(data_dir):
    trial = read_trial(data_dir / "c3d_odd" / "incomplete-force-platform" / "evart.c3d")
    assert trial.ground_reactions == ()
    refused = [note.detail for note in trial.treatments if note.what == "plate_refused"]
    assert len(refused) == 4
    assert sum("needs 8 channels" in detail for detail in refused) == 2
    assert sum("not Fx Fy Fz Mx My Mz of one plate" in detail for detail in refused) == 2
    assert trial.n_frames == 243


def test_plates_with_unset_corners_are_refused_and_the_good_one_stays(data_dir):
    trial = read_trial(data_dir / "c3d_odd_GPL3" / "force-plate-types" / "FP_Type1.c3d")
    assert [reaction.name for reaction in trial.ground_reactions] == ["plate 1"]
    assert sum(note.what == "plate_refused" for note in trial.treatments) == 3


@pytest.mark.parametrize(
    "file",
    [
        "c3d_odd/force-plate-type3-negative-origin/Capture0003.c3d",
        "c3d_odd/occlusion-65535/Walking_Hybrid_1_1.c3d",
        "c3d_odd/force-plate-types/newwalk.c3d",
        "c3d_odd/force-plate-types/TYPE-2.C3D",
        "c3d_odd/analog-rate-missing/type1.C3D",
        "c3d_odd/multi-subject-prefix/gait-pig.c3d",
        "c3d_import_cases/bmclab/Gait.c3d",
        "c3d_import_cases/pyorerun/Running_0002_forceplate_type3.c3d",
        "clinical_labs_anz/AUC/dynamic/CB_Dynamic0003.c3d",
        "mcgill_walk_youth/HC033A/Straight/HC033A10.c3d",
    ],
)
def test_the_load_of_every_real_step_lies_under_a_marker_of_the_foot(file, data_dir):
    trial = read_trial(data_dir / file)
    checked = 0
    for reaction in trial.ground_reactions:
        ratio = reaction.rate / trial.rate
        samples = np.minimum(np.round(np.arange(trial.n_frames) * ratio).astype(int), len(reaction.force) - 1)
        on = reaction.force[samples, 1] > 100.0
        if not on.any():
            continue
        place = reaction.centre_of_pressure[samples[on]]
        distance, _ = foot_marker_distance(place, trial.positions[on], float(reaction.corners[:, 1].mean()))
        assert distance < 0.07, (reaction.name, distance)
        assert reaction.force[:, 1].max() > 300.0
        checked += 1
    assert checked


def test_the_wrench_of_a_real_plate_is_what_its_channels_say(data_dir):
    # Moments in N·mm about a transducer 37.84 mm below the middle of the surface: the guide's formula for type 2.
    raw = read_c3d(data_dir / "opensim_core" / "c3d" / "walking5.c3d")
    plate = raw.plates[0]
    (read, *_), (geometry, *_), _ = plate_records(replace(raw, plates=(plate,)), GROUND_Z_UP, 0.001)
    channels = raw.analog[:, list(plate.channels)]
    unloaded = np.r_[0:3000]
    channels = channels - np.median(channels[unloaded], axis=0)
    depth = plate.origin[2]
    k = int(np.argmax(np.abs(channels[:, 2])))
    fx, fy, fz, mx, my, _ = channels[k]
    across = (-my - depth * fx) / fz, (mx - depth * fy) / fz
    local = (read.centre_of_pressure[k] - geometry.centre) @ geometry.axes[:, :2]
    np.testing.assert_allclose(local, np.array(across) / 1000.0, atol=5e-4)
    assert np.linalg.norm(read.force[k]) == pytest.approx(np.linalg.norm([fx, fy, fz]), rel=2e-3)


def _written(path, plate, reaction, **parameters):
    """A C3D file of one plate, with parameters of the FORCE_PLATFORM group that our writer does not write."""
    import ezc3d

    frames = len(reaction.force) // RATIO
    trial = MarkerTrial("plate", Subject("S01"), ("HEEL",), np.ones((frames, 1, 3)), RATE, ground_reactions=(reaction,))
    write_c3d(path, trial, plates=[plate])
    content = ezc3d.c3d(str(path))
    for name, value in parameters.items():
        content.add_parameter("FORCE_PLATFORM", name, value)
    content.write(str(path))
    return read_c3d(path)


def _steady_load():
    """(60, 800, -20) N at (1.1, 0, 0.25) m with a free moment of 4 N·m for half a second, nothing before and after."""
    on = np.zeros(2000, dtype=bool)
    on[700:1200] = True
    force, place = np.outer(on, [60.0, 800.0, -20.0]), np.tile([1.1, 0.0, 0.25], (2000, 1))
    return GroundReaction(force, np.where(on[:, None], place, np.nan), np.where(on, 4.0, np.nan), RATE * RATIO), on


# Kistler: x - (P1 y⁴ + P2 y² + P3) x³ - (P4 y⁴ + P5 y² + P6) x, and y with the two exchanged, in mm. The load stands at
# x = 100, y = -50 mm of the plate: y² = 2.5e3, y⁴ = 6.25e6, x³ = 1e6, so the six terms of x are 1, 1, 2, 1, 1, 3 mm;
# x² = 1e4, x⁴ = 1e8, y³ = -1.25e5, and the six of y are -1 mm each: x = 100 - 9 = 91 mm, y = -50 + 6 = -44 mm.
POLYNOMIAL = [
    [1.6e-13, 8e-14],
    [4e-10, 8e-10],
    [2e-6, 8e-6],
    [1.6e-9, 2e-10],
    [4e-6, 2e-6],
    [0.03, 0.02],
]


def test_the_polynomial_of_a_kistler_file_moves_the_centre_of_pressure_by_the_millimetres_of_its_formula(
    tmp_path, plate_builder
):
    plate = plate_builder((1.0, 0.0, 0.3), kind=3, origin=(0.1, 0.2, -0.04))
    load, on = _steady_load()
    for name, polynomial, place, free_moment in (
        ("bent.c3d", POLYNOMIAL, [1.091, 0.0, 0.256], -3.0 + 0.091 * 20.0 - 0.044 * 60.0),
        ("straight.c3d", np.zeros((6, 2)), [1.1, 0.0, 0.25], -4.0),
    ):
        raw = _written(tmp_path / name, plate, load, FPCOPPOLY=np.array(polynomial)[:, :, None])
        (read,), _, _ = plate_records(raw, GROUND, 0.001)
        np.testing.assert_allclose(read.centre_of_pressure[on], np.tile(place, (500, 1)), atol=1e-7)
        # About the middle M = (40, 80, -3) N·m and F = (60, -20, -800) N in plate axes, z down.
        np.testing.assert_allclose(read.free_moment[on], -free_moment, rtol=1e-5)
        np.testing.assert_allclose(read.force, load.force, atol=1e-4)


def test_a_polynomial_in_metres_is_the_same_correction(tmp_path, plate_builder):
    plate = plate_builder((1.0, 0.0, 0.3), kind=3, origin=(0.1, 0.2, -0.04))
    load, on = _steady_load()
    raw = _written(tmp_path / "bent.c3d", plate, load, FPCOPPOLY=np.array(POLYNOMIAL)[:, :, None])
    (mm,) = raw.plates
    per_length = np.array([6, 4, 2, 4, 2, 0])[:, None]
    metres = replace(
        mm, corners=mm.corners * 1e-3, origin=mm.origin * 1e-3, polynomial=mm.polynomial * 1000.0**per_length
    )
    (read,), _, _ = plate_records(replace(raw, unit="m", plates=(metres,)), GROUND, 1.0)
    np.testing.assert_allclose(read.centre_of_pressure[on], np.tile([1.091, 0.0, 0.256], (500, 1)), atol=1e-7)


@pytest.mark.parametrize("order", [None, "BYCOLUMN", "BYROW", "by row"])
def test_a_calibration_written_by_row_is_the_transposed_of_one_written_by_column(order, tmp_path, plate_builder):
    matrix = np.diag([500.0, 400.0, 1000.0, 80.0, 25.0, 40.0])
    matrix[2, 0], matrix[4, 3], matrix[5, 1] = 120.0, -9.0, 6.0
    plate = plate_builder((1.0, 0.0, 0.3), kind=4, origin=(0.01, -0.02, -0.04), calibration=matrix)
    load, on = _steady_load()
    in_file = matrix * np.r_[1, 1, 1, 1e3, 1e3, 1e3][:, None]
    by_row = order in ("BYROW", "by row")
    parameters = {"CAL_MATRIX": (in_file.T if by_row else in_file)[:, :, None]}
    raw = _written(tmp_path / "a.c3d", plate, load, **parameters, **({"MATRIX_STORE": [order]} if order else {}))
    np.testing.assert_allclose(raw.plates[0].calibration, in_file, rtol=1e-6)
    (read,), _, notes = plate_records(raw, GROUND, 0.001)
    np.testing.assert_allclose(read.force[on], load.force[on], rtol=1e-5)
    np.testing.assert_allclose(read.centre_of_pressure[on], load.centre_of_pressure[on], atol=1e-6)
    np.testing.assert_allclose(read.free_moment[on], load.free_moment[on], rtol=1e-4)
    assert notes == []

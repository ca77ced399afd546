"""`kinesynth model check`: every part of a model is represented, described or named as left out; the totals add up."""

import json

import pytest
from typer.testing import CliRunner

from opensim_models.cli import model_app
from opensim_models.model.osim_skeleton import read_description
from opensim_models.model.report import LEFT_OUT, report_model
from opensim_models.model_mismatch import ModelMismatch

RAJAGOPAL = "opensim_core/rajagopal_walk/subject_walk_scaled.osim"
IMU_MODEL = "cmu_imu_grf_walk/Sub02/optical_reference/OpenSimMOCOModelWithContactGeometry_IMUCalibrated.osim"


def counts(report):
    return {row.part: row.count for row in report.rows}


def test_every_part_of_a_model_is_counted(data_dir):
    report = report_model(data_dir / IMU_MODEL)
    description = read_description(data_dir / IMU_MODEL)
    found = counts(report)
    assert found["coordinates, independent"] + found["coordinates, coupled"] == len(description["coordinates"])
    for part in ("bodies", "muscles", "joints", "markers"):
        assert found[part] == len(description[part])
    assert found["contact forces"] == 12 and found["contact geometry"] == 13
    assert found["inertial sensors"] == 16
    left = sum(row.count for row in report.rows if row.place == LEFT_OUT)
    assert left == len(description["forces"]) + len(description["unsupported"]) + len(description["controllers"])
    assert report.mass == pytest.approx(sum(body["mass"] for body in report.bodies))


def test_what_the_model_does_with_a_coordinate_is_said(data_dir):
    coordinates = {c["name"]: c for c in report_model(data_dir / RAJAGOPAL).coordinates}
    assert coordinates["knee_angle_r_beta"]["follows"] == "knee_angle_r"
    assert coordinates["knee_angle_r"]["clamped"] and not coordinates["knee_angle_r"]["locked"]
    running = report_model(data_dir / "hamner_running/final.osim")
    assert counts(running)["coordinates, locked"] == 8


def test_the_command_prints_the_same_as_a_table_and_as_json(data_dir):
    run = CliRunner().invoke(model_app, ["check", str(data_dir / RAJAGOPAL), "--json"])
    assert run.exit_code == 0
    report = json.loads(run.stdout)
    assert report["refusal"] == ""
    table = CliRunner().invoke(model_app, ["check", str(data_dir / RAJAGOPAL)])
    assert table.exit_code == 0
    for row in report["rows"]:
        assert f"{row['part']:30} {row['count']:5}" in table.stdout
    assert "13  left out" in table.stdout and "CoordinateActuator" in table.stdout


def test_a_model_that_becomes_no_skeleton_is_shown_and_refused(built_models):
    for arguments in (["check"], ["check", "--json"]):
        run = CliRunner().invoke(model_app, [*arguments, str(built_models["ellipsoid"])])
        assert run.exit_code == 1
        assert "EllipsoidJoint" in run.stdout
    assert "CustomJoint" in json.loads(run.stdout)["refusal"]


def test_wrong_usage_has_its_own_exit_code(tmp_path):
    assert CliRunner().invoke(model_app, ["check"]).exit_code == 2
    missing = CliRunner().invoke(model_app, ["check", str(tmp_path / "missing.osim")])
    assert isinstance(missing.exception, ModelMismatch) and "missing.osim" in str(missing.exception)


def test_every_class_of_force_is_named(built_models):
    report = report_model(built_models["many forces"])
    left = {row.part for row in report.rows if row.place == LEFT_OUT}
    assert left == {
        "SpringGeneralizedForce",
        "CoordinateLimitForce",
        "CoordinateActuator",
        "BushingForce",
        "PointConstraint",
    }
    description = read_description(built_models["many forces"])
    (touch,) = description["contact_forces"]
    assert touch["sets"] == [
        {
            "geometries": ["heel", "floor"],
            "stiffness": 2e6,
            "dissipation": 1.5,
            "static_friction": 0.9,
            "dynamic_friction": 0.6,
            "viscous_friction": 0.1,
        }
    ]
    limit = next(force for force in description["forces"] if force["name"] == "limit")
    assert limit["parameters"]["upper_limit"] == 90.0 and limit["parameters"]["damping"] == 0.1
    fitted = next(muscle for muscle in description["muscles"] if muscle["name"] == "fitted")
    assert fitted["path"]["parameters"]["length_function"]["coefficients"] == [0.3, -0.04, 0.001]


def test_a_constraint_that_is_not_held_is_a_finding(built_models, tmp_path):
    whole = built_models["many forces"].read_text()
    assert not any("PointConstraint" in finding for finding in report_model(built_models["many forces"]).findings)
    path = tmp_path / "held.osim"
    path.write_text(whole.replace("<isEnforced>false</isEnforced>", "<isEnforced>true</isEnforced>"))
    assert any("PointConstraint strut is not held" in finding for finding in report_model(path).findings)


def test_what_looks_wrong_is_found(built_models, tmp_path):
    findings = report_model(built_models["planar"]).findings
    assert any("not that of a person" in finding for finding in findings)
    assert any("no markers" in finding for finding in findings)

"""Writes two_walks.b3d, the file of test_b3d.py: made-up motion, known by formula, of a made-up model.

Run once with NumPy below 2, because nimblephysics 0.10.52.1 ends the process when a newer NumPy hands it an array::

    pip install "numpy==1.26.4" && pip install --no-deps nimblephysics==0.10.52.1 && python make_b3d_fixture.py
"""

from __future__ import annotations

from pathlib import Path

import nimblephysics_libs._nimblephysics as nimble
import numpy as np

N_FRAMES, STEP = 30, 0.01
AXES = (
    ("pelvis_tilt", "rotation1", "0 0 1"),
    ("pelvis_list", "rotation2", "1 0 0"),
    ("pelvis_rotation", "rotation3", "0 1 0"),
    ("pelvis_tx", "translation1", "1 0 0"),
    ("pelvis_ty", "translation2", "0 1 0"),
    ("pelvis_tz", "translation3", "0 0 1"),
)


def body(name: str, mass: float) -> str:
    return (
        f'<Body name="{name}"><mass>{mass}</mass><mass_center>0 -0.1 0</mass_center>'
        "<inertia>0.1 0.1 0.1 0 0 0</inertia></Body>"
    )


def frame(name: str, socket: str, place: str = "0 0 0") -> str:
    return (
        f'<PhysicalOffsetFrame name="{name}"><socket_parent>{socket}</socket_parent>'
        f"<translation>{place}</translation><orientation>0 0 0</orientation></PhysicalOffsetFrame>"
    )


def coordinate(name: str) -> str:
    kind = "translational" if "_t" in name and not name.endswith("tilt") else "rotational"
    return (
        f'<Coordinate name="{name}"><motion_type>{kind}</motion_type><default_value>0</default_value>'
        "<range>-5 5</range><clamped>false</clamped><locked>false</locked></Coordinate>"
    )


def model() -> str:
    """OpenSim 4 model: a pelvis that moves freely, and a leg that swings at the hip."""
    free = "".join(
        f'<TransformAxis name="{place}"><coordinates>{name}</coordinates><axis>{axis}</axis>'
        '<LinearFunction name="function"><coefficients>1 0</coefficients></LinearFunction></TransformAxis>'
        for name, place, axis in AXES
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<OpenSimDocument Version="40000"><Model name="two_bodies">
<Ground name="ground"/>
<gravity>0 -9.80665 0</gravity>
<BodySet name="bodyset"><objects>{body("pelvis", 10.0)}{body("calcn_r", 5.0)}</objects></BodySet>
<JointSet name="jointset"><objects>
<CustomJoint name="ground_pelvis">
<socket_parent_frame>ground_offset</socket_parent_frame><socket_child_frame>pelvis_offset</socket_child_frame>
<coordinates>{"".join(coordinate(name) for name, _, _ in AXES)}</coordinates>
<frames>{frame("ground_offset", "/ground")}{frame("pelvis_offset", "/bodyset/pelvis")}</frames>
<SpatialTransform>{free}</SpatialTransform>
</CustomJoint>
<PinJoint name="hip_r">
<socket_parent_frame>pelvis_hip</socket_parent_frame><socket_child_frame>calcn_offset</socket_child_frame>
<coordinates>{coordinate("hip_flexion_r")}</coordinates>
<frames>{frame("pelvis_hip", "/bodyset/pelvis", "0 -0.1 0.08")}{frame("calcn_offset", "/bodyset/calcn_r")}</frames>
</PinJoint>
</objects></JointSet>
<MarkerSet name="markerset"><objects/></MarkerSet><ForceSet name="forceset"><objects/></ForceSet>
</Model></OpenSimDocument>
"""


def coordinates(trial: int) -> np.ndarray:
    """Generalized coordinates (7, n_frames) by formula: row k, frame i of trial t is sin(0.1 i + k + t) / (k + 2)."""
    k, i = np.meshgrid(np.arange(7), np.arange(N_FRAMES), indexing="ij")
    return np.sin(0.1 * i + k + trial) / (k + 2.0)


def contact(trial: int) -> np.ndarray:
    """Centre of pressure, torque and force (9, n_frames) on calcn_r: 700 N upwards, no load in the first 5 frames."""
    rows = np.zeros((9, N_FRAMES))
    rows[0] = 0.1 + 0.01 * np.arange(N_FRAMES) + trial
    rows[2] = 0.08
    rows[4] = 2.0
    rows[7] = 700.0
    rows[:, :5] = 0.0
    return rows


def write(path: Path) -> None:
    biomechanics = nimble.biomechanics
    header = biomechanics.SubjectOnDiskHeader()
    header.setNumDofs(7).setNumJoints(2).setGroundForceBodies(["calcn_r"])
    header.setMassKg(70.0).setHeightM(1.75).setBiologicalSex("female").setAgeYears(30).setHref("").setNotes("")
    for kind in (biomechanics.ProcessingPassType.KINEMATICS, biomechanics.ProcessingPassType.DYNAMICS):
        step = header.addProcessingPass()
        step.setProcessingPassType(kind)
        step.setOpenSimFileText(model())
    for number, name in enumerate(("walk_one", "walk_two")):
        trial = header.addTrial()
        trial.setName(name)
        trial.setOriginalTrialName(name)
        trial.setTimestep(STEP)
        trial.setTrialLength(N_FRAMES)
        missing = [biomechanics.MissingGRFReason.notMissingGRF] * N_FRAMES
        missing[-3:] = [biomechanics.MissingGRFReason.notOverForcePlate] * 3
        trial.setMissingGRFReason(missing)
        markers = [{"RKNE": np.array([0.01 * i, 0.5, 0.1 + number])} for i in range(N_FRAMES)]
        markers[7] = {}
        trial.setMarkerObservations(markers)
        for kind in (biomechanics.ProcessingPassType.KINEMATICS, biomechanics.ProcessingPassType.DYNAMICS):
            done = trial.addPass()
            done.setType(kind)
            done.setDofPositionsObserved([True] * 7)
            done.setDofVelocitiesFiniteDifferenced([False] * 7)
            done.setDofAccelerationFiniteDifferenced([False] * 7)
            done.setPoses(coordinates(number))
            done.setVels(np.zeros((7, N_FRAMES)))
            done.setAccs(np.zeros((7, N_FRAMES)))
            done.setTaus(10.0 * coordinates(number))
            done.setGroundBodyWrenches(np.zeros((6, N_FRAMES)))
            done.setGroundBodyCopTorqueForce(contact(number))
            for fill, rows in (
                (done.setComPoses, 3), (done.setComVels, 3), (done.setComAccs, 3), (done.setComAccsInRootFrame, 3),
                (done.setResidualWrenchInRootFrame, 6), (done.setGroundBodyWrenchesInRootFrame, 6),
                (done.setGroundBodyCopTorqueForceInRootFrame, 9), (done.setJointCenters, 6),
                (done.setJointCentersInRootFrame, 6), (done.setRootSpatialVelInRootFrame, 6),
                (done.setRootSpatialAccInRootFrame, 6), (done.setRootPosHistoryInRootFrame, 3),
                (done.setRootEulerHistoryInRootFrame, 3),
            ):  # fmt: skip
                fill(np.zeros((rows, N_FRAMES)))
            done.setLinearResidual([0.0] * N_FRAMES)
            done.setAngularResidual([0.0] * N_FRAMES)
            done.setMarkerRMS([0.01] * N_FRAMES)
            done.setMarkerMax([0.02] * N_FRAMES)
    biomechanics.SubjectOnDisk.writeB3D(str(path), header)


if __name__ == "__main__":
    write(Path(__file__).with_name("two_walks.b3d"))

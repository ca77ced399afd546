"""Two conversions of one file by different readers agree: our decoder, ezc3d and py-c3d on every real file."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from mocap_import.c3d.reader import READERS, read_c3d
from mocap_import.trial import TrialRefused

HOSTILE = ("fuzz", "memory-bomb")
# Why a reader cannot be the second path of a file, as published in its own tracker or measured here.
EZC3D_FAILS = {
    "sgi_int.c3d": "SGI processor",
    "sgi_real.c3d": "SGI processor",
    "standing.C3D": "ANALOG:RATE missing: points scrambled, analog lost",
    "type1.C3D": "ANALOG:RATE missing: points scrambled, analog lost",
    "badParameterOffset.c3d": "record offsets",
    "short-copy.c3d": "record offsets",
    "evart.c3d": "1000 Hz over 60 Hz cut to 16 samples a frame",
    "long72610_pyc3d.c3d": "14 invented frames",
    "phasespace_sample.c3d": "no POINT group",
    "Dance.c3d": "ANALOG:OFFSET stored as floats",
}
PY_C3D_FAILS = {
    "C3DRotationExample.c3d": "no points",
    "Basketball.c3d": "empty ANALOG:OFFSET",
    "badParameterOffset.c3d": "record offsets",
    "short-copy.c3d": "record offsets",
    "PiG_Calibration-FlatFoot-Full.c3d": "a parameter written twice",
    "MotionMonitorC3D.c3d": "header counts channels, not words",
    "evart.c3d": "1000 Hz over 60 Hz",
    "bigparlove.c3d": "a parameter written twice",
    "ART-Human_2persons_integer.c3d": "parameter of no dimension",
    "kinematics_racing_probing_olecrane_R.c3d": "empty ANALOG:SCALE",
    "FP1.C3D": "analog counts",
}
ANALOG_DIFFERS = {
    ("ezc3d", "128analogchannels.c3d"): "unsigned offsets above 32767 taken as the magnitude of a signed number",
    ("py-c3d", "Dance.c3d"): "stops at the 3 parameter blocks stated: ANALOG:GEN_SCALE = -1 lies behind them",
    ("py-c3d", "Dance1.c3d"): "stops at the 3 parameter blocks stated: ANALOG:GEN_SCALE = -1 lies behind them",
}


def real_files(data_dir):
    """Every C3D file of the data folder that a native parser survives."""
    found = [path for path in sorted(data_dir.rglob("*")) if path.suffix.lower() == ".c3d"]
    assert len(found) >= 122
    return [path for path in found if path.parent.name not in HOSTILE]


@pytest.mark.slow
@pytest.mark.parametrize("reader, fails", [("ezc3d", EZC3D_FAILS), ("py-c3d", PY_C3D_FAILS)])
def test_every_real_file_gives_one_recording_whoever_reads_it(data_dir, reader, fails):
    compared, failed = 0, set()
    for path in real_files(data_dir):
        try:
            direct = read_c3d(path)
        except TrialRefused:
            continue
        try:
            other = read_c3d(path, reader=reader)
        except TrialRefused as problem:
            assert reader in str(problem), path.name
            failed.add(path.name)
            continue
        compared += 1
        assert_same_recording(direct, other, (reader, path.name))
    assert failed == fails.keys()
    assert compared > 85


def test_one_file_of_each_laboratory_gives_one_recording_whoever_reads_it(data_dir):
    places = (
        "c3d_import_cases/Sample02/dec_int.c3d",
        "c3d_import_cases/bmclab/Gait.c3d",
        "c3d_odd/axes/CB_Static0001.c3d",
        "c3d_odd/frame-number-origin/PiG_Motion3_noFF.c3d",
        "clinical_labs_anz/Sydney/dynamic/S4-AMGait05.c3d",
        "rbds_running/RBDS001/RBDS001static.c3d",
    )
    for place in places:
        direct = read_c3d(data_dir / place)
        for reader in READERS[1:]:
            assert_same_recording(direct, read_c3d(data_dir / place, reader=reader), (reader, place))


def assert_same_recording(direct, other, place):
    """Equal to storage precision: a 32-bit float, or a count times a 32-bit scale."""
    assert (direct.labels, direct.events, direct.source_hash) == (other.labels, other.events, other.source_hash), place
    size = np.nanmax(np.abs(direct.points), initial=0.0) if np.isfinite(direct.points).any() else 0.0
    np.testing.assert_allclose(other.points, direct.points, rtol=0, atol=3e-7 * size, err_msg=str(place))
    assert direct.model_outputs.keys() == other.model_outputs.keys()
    for label, values in direct.model_outputs.items():
        np.testing.assert_allclose(
            other.model_outputs[label], values, rtol=3e-7, atol=1e-12, err_msg=f"{place} {label}"
        )
    for label, values in direct.rotations.items():
        np.testing.assert_array_equal(other.rotations[label], values)
    if place not in ANALOG_DIFFERS:
        size = np.abs(direct.analog).max(axis=0, initial=0.0)
        assert np.all(np.abs(direct.analog - other.analog) <= 1e-6 * size) or not direct.analog.size, place


def test_the_hash_is_that_of_the_file(data_dir):
    path = data_dir / "c3d_import_cases/Sample02/pc_real.c3d"
    assert read_c3d(path).source_hash == hashlib.sha256(path.read_bytes()).hexdigest()

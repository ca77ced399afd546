"""Analog channels: a unit decides before a name, a name before a guess, and without evidence nothing is claimed."""

from __future__ import annotations

from collections import Counter

import pytest

from mocap_import.analog_channel import KINDS, analog_channels, classify_channel, classify_channels, muscle_of
from mocap_import.trial_reader import read_trial


@pytest.mark.parametrize(
    ("label", "unit", "kind"),
    [
        ("CH7 - TA_ACC_X", "g", "accelerometer"),
        ("Shank.GYRO.Y", "deg/s", "gyroscope"),
        ("Knee gonio", "V", "goniometer"),
        ("angle", "deg", "goniometer"),
        ("Sync", "V", "trigger"),
        ("Footswitch heel", "V", "trigger"),
        ("Fz1", "V", "force"),
        ("load cell", "", "force"),
        ("anything", "N", "force"),
        ("EMG12", "V", "emg"),
        ("Voltage.L Tib Ant", "V", "emg"),
        ("Voltage.L Spare", "V", "other"),
        ("Raw.Pin 56", "V", "other"),
        ("Chest_gx", "", "gyroscope"),
        ("Chest_Ax", "", "accelerometer"),
        ("Chest_mx", "", "other"),
        ("Hips_Gqw", "", "other"),
        ("CH15", "d.u.", "other"),
        ("TA", "", "other"),  # two letters and no unit are no evidence
        ("TA", "uV", "emg"),
        ("ACCT", "V", "other"),
    ],
)
def test_kind_follows_the_evidence(label, unit, kind):
    found = classify_channel(label, unit)
    assert found.kind == kind
    assert found.kind in KINDS
    assert (found.label, found.unit) == (label, unit)


@pytest.mark.parametrize(
    ("label", "muscle", "side"),
    [
        ("Voltage.L Rect", "rectus_femoris", "left"),
        ("RTGA", "gastrocnemius", "right"),
        ("R.Med.Hams", "medial_hamstrings", "right"),
        ("L_TA", "tibialis_anterior", "left"),
        ("CH11 - SO", "soleus", ""),
        ("Rectus femoris R", "rectus_femoris", "right"),
        ("Left Soleus", "soleus", "left"),
        ("LREC", "rectus_femoris", "left"),
        ("Spare", "", ""),
        ("", "", ""),
    ],
)
def test_muscle_and_side_are_read_where_readable(label, muscle, side):
    assert muscle_of(label) == (muscle, side)


def test_an_unreadable_code_among_muscles_is_emg_without_a_muscle():
    channels = classify_channels([(code, "V") for code in ("LREC", "RREC", "LSOL", "RSOL", "LJUM", "RJUM", "LXYZ")])
    assert [c.kind for c in channels] == ["emg"] * 6 + ["other"]  # LXYZ has no right fellow
    assert (channels[4].muscle, channels[4].side) == ("", "left")


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("mcgill_walk_youth/HC002D/Straight/HC002D06.c3d", {"emg": 10, "other": 2}),
        ("c3d_import_cases/bmclab/Gait.c3d", {"emg": 16}),
        ("clinical_labs_anz/QCMAS/dynamic/QCMAS.dynamic.c3d", {"emg": 10, "other": 6}),
        ("c3d_import_cases/others/many_analogs.c3d", {"accelerometer": 102, "gyroscope": 102, "other": 718}),
        ("c3d_import_cases/pyorerun/Running_0002_forceplate_type3.c3d", {"emg": 11, "accelerometer": 33}),
    ],
)
def test_channels_of_real_files(data_dir, file, counts):
    trial = read_trial(data_dir / file)
    assert dict(Counter(channel.kind for channel in analog_channels(trial))) == counts

"""Marker sets: every shipped set is sound, labels are recognised, mistakes are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.c3d.reader import read_c3d
from mocap_import.marker.label import plain_label, strip_label_prefix
from mocap_import.marker.marker_set import (
    LANDMARKS,
    SEGMENTS,
    known_marker_sets,
    landmark_positions,
    load_marker_set,
    match_notes,
    nearest_marker_sets,
    parse_marker_set,
    recognise_marker_set,
)
from mocap_import.marker.meaning import meaning_of_labels
from mocap_import.trial import TrialRefused


@pytest.mark.parametrize("name", known_marker_sets())
def test_shipped_sets_are_sound_and_recognise_themselves(name):
    marker_set = load_marker_set(name)
    assert marker_set.name == name
    assert set(marker_set.landmarks) <= LANDMARKS
    assert set(marker_set.segments) <= SEGMENTS
    assert len(marker_set.landmarks.values()) == len(set(marker_set.landmarks.values()))
    owners = [label for labels in marker_set.segments.values() for label in labels]
    assert len(owners) == len(set(owners)), "a marker moves with one segment"
    assert recognise_marker_set(marker_set.labels).name == name
    for segment in ("femur", "tibia", "calcn"):
        assert len(marker_set.segments[f"{segment}_r"]) == len(marker_set.segments[f"{segment}_l"])


REAL_SETS = {
    "c3d_import_cases/Sample02/pc_real.c3d": "segment_triads",
    "c3d_import_cases/bmclab/Gait.c3d": "helen_hayes",
    "c3d_import_cases/pyorerun/Running_0002_forceplate_type3.c3d": "running_thigh_shank_foot",
    "c3d_import_cases/others/duplicate_labels.c3d": None,
    "c3d_import_cases/others/many_analogs.c3d": None,
    "clinical_labs_anz/AUC/dynamic/CB_Dynamic0003.c3d": "plug_in_gait",
    "clinical_labs_anz/FMC/static/MH0222_BP01.c3d": "plug_in_gait",
    "clinical_labs_anz/QCMAS/dynamic/QCMAS.dynamic.c3d": "plug_in_gait",
    "clinical_labs_anz/Sydney/dynamic/S4-AMGait03.c3d": "plug_in_gait",
    "mcgill_walk_youth/HC002D/Static/HC002D02.c3d": "plug_in_gait",
    "mcgill_walk_youth/HC040A/Straight/HC040A14.c3d": "plug_in_gait",
    "opensim_core/c3d/walking2.c3d": "rajagopal",
    "rbds_running/RBDS002/RBDS002static.c3d": "ufabc_running",
    "c3d_odd/analog-rate-missing/type1.C3D": "davis_bars",
    "c3d_odd/axes/Basketball.c3d": "xsens_points",
    "c3d_odd/axes/trial2.c3d": "helen_hayes",
    "c3d_odd/force-plate-types/ADemo1_rewrite_c3d_pc_float.c3d": "sacral_wand",
    "c3d_odd/force-plate-types/newwalk.c3d": "helen_hayes",
    "c3d_odd/force-plate-type3-negative-origin/Capture0003.c3d": "joint_line_18",
    "c3d_odd/many-points/bigparlove.c3d": "lateral_medial_pairs",
    "c3d_odd/multi-subject-prefix/gait-pig.c3d": "plug_in_gait",
    "c3d_odd/occlusion-65535/Walking_Hybrid_1_1.c3d": "numbered_clusters",
    "c3d_odd/parameter-type/Dance.c3d": None,
    "c3d_odd/nan-coordinates/kinematics_racing_probing_olecrane_R.c3d": None,
    "c3d_odd_GPL3/force-plate-types/FP_Type1.c3d": "davis_bars",
}
"""Checked by eye against the label lists and the places of the markers."""


def test_every_real_laboratory_gets_its_own_set_or_none(data_dir):
    found = {}
    for file in REAL_SETS:
        recognised = recognise_marker_set(read_c3d(data_dir / file).labels)
        found[file] = recognised.name if recognised else None
    assert found == REAL_SETS


TRC_SETS = {
    "hamner_running/run200.trc": "rajagopal",
    "opencap_lab_subject4/MarkerData/static1.trc": "opencap",
    "opensim_core/gait10dof18musc_subject01/subject01_static.trc": "opensim_gait2392",
    "opensim_core/rajagopal_walk/markers_walk.trc": "stanford_walking",
}


@pytest.mark.parametrize("file, name", TRC_SETS.items())
def test_the_labels_of_published_trc_files_are_recognised_wholly(data_dir, file, name):
    header = (data_dir / file).read_text().splitlines()[3].split("\t")
    labels = [word.strip() for word in header if word.strip()][2:]
    found = recognise_marker_set(labels)
    assert found.name == name
    assert not set(labels) - found.labels


def test_no_set_is_taken_for_another():
    names = known_marker_sets()
    found = [recognise_marker_set(load_marker_set(name).labels).name for name in names]
    assert found == names
    # Nor is its lower body alone, which is what a walking trial may hold.
    legs = [
        [mark for body, marks in load_marker_set(name).segments.items() if body != "torso" for mark in marks]
        for name in names
    ]
    assert [recognise_marker_set(labels).name for labels in legs] == names


@pytest.mark.parametrize("name", known_marker_sets())
def test_sides_mirror_each_other_in_every_shipped_set(name):
    marker_set = load_marker_set(name)
    for landmark in marker_set.landmarks:
        if landmark.endswith("_r"):
            assert f"{landmark[:-2]}_l" in marker_set.landmarks
    for landmark, label in marker_set.landmarks.items():
        if landmark.endswith("_r"):
            assert label != marker_set.landmarks[f"{landmark[:-2]}_l"]


def test_case_and_punctuation_are_read_loosely_and_said_so():
    whole = load_marker_set("ufabc_running")
    labels = [label.replace(".", "_").upper() for label in whole.ordered_labels]
    found = recognise_marker_set(labels)
    assert found.name == "ufabc_running"
    assert found.landmarks["heel_r"] == "R_HEEL_BOTTOM"
    assert "R_HEEL_BOTTOM as R.Heel.Bottom" in match_notes(whole, labels)[0].detail
    assert match_notes(whole, whole.ordered_labels) == []
    # Two labels with one plain text: neither is guessed.
    assert "heel_r" not in whole.for_labels(["R_Heel_Bottom", "RHeelBottom"]).landmarks
    # The exact label wins, a loose one beside it is left alone.
    assert whole.for_labels(["R.ASIS", "R_ASIS"]).landmarks == {"asis_r": "R.ASIS"}
    # A label that the reader numbered is not the label of another set.
    assert load_marker_set("davis_bars").for_labels(["RKNE", "RKNE_1"]).landmarks == {}
    assert load_marker_set("davis_bars").for_labels(["RKNE_1"]).landmarks == {"knee_lateral_r": "RKNE_1"}
    assert plain_label("Ép. R_1") == "epr1"


def test_a_name_in_front_of_all_labels_is_taken_off_and_not_repeated():
    bare = ("RASI", "LASI", "RPSI", "LPSI", "RHEE", "LHEE")
    labels, notes = strip_label_prefix([f"Anna_{label}" for label in bare])
    assert labels == bare
    assert notes[0].what == "label_prefix_removed" and "Anna" not in notes[0].detail
    assert strip_label_prefix([*(f"Q_{label}" for label in bare), "extra"])[0] == (*bare, "extra")
    for untouched in (bare, [f"R_{label}" for label in bare], ["A_x", "A_y"], ["A_1", "A_2", "A_3", "A_4", "A_5", "1"]):
        assert strip_label_prefix(untouched) == (tuple(untouched), [])


def test_labels_of_nobody_are_not_recognised():
    assert recognise_marker_set(["A", "B", "C"]) is None
    # Labels shared by chance with a cluster set, but no pelvis.
    assert recognise_marker_set(["RFT1", "RFT2", "RFT3", "LFT1", "LFT2", "RTH1", "LTH1", "RSK1", "LSK1"]) is None


def test_the_first_label_that_a_trial_holds_is_used():
    whole = load_marker_set("plug_in_gait")
    assert whole.for_labels(["RMED", "RTOE"]).landmarks == {"ankle_medial_r": "RMED", "toe_r": "RTOE"}
    assert whole.for_labels(["RMMA", "RMED"]).landmarks == {"ankle_medial_r": "RMMA"}
    assert whole.meanings("RMED") == ["ankle_medial_r"]
    assert whole.meanings("nonsense") == []


def test_a_missing_toe_lies_between_the_metatarsal_heads(walker):
    from dataclasses import replace

    own = parse_marker_set(
        'name = "own"\n[landmarks]\nmetatarsal_1_r = "RTOE"\nmetatarsal_5_r = "RANK"\nankle_lateral_l = "LANK"\n'
        '[segments]\ncalcn_r = ["RTOE"]\n',
        "own.toml",
    )
    trial = replace(walker(duration=0.5, forces=False).trial)
    found = landmark_positions(trial, own)
    np.testing.assert_allclose(found["toe_r"], 0.5 * (trial.marker("RTOE") + trial.marker("RANK")))
    np.testing.assert_allclose(found["heel_l"], trial.marker("LANK"))


@pytest.mark.parametrize(
    "text, words",
    [
        ('name = "x"\n[segments]\nfemur = ["A"]', "did you mean 'femur_"),
        ('name = "x"\n[landmarks]\nheal_r = "A"\n[segments]\npelvis = ["A"]', "did you mean 'heel_r'"),
        ('name = "x"\n[segment]\npelvis = ["A"]', "did you mean 'segments'"),
        ("[segments]\npelvis = ['A']", "needs `name`"),
        ("name = ", "not valid TOML"),
        ('name = "x"\n[segments]\npelvis = [1, 2]', "pelvis must be a label or a list of labels"),
        ('name = "x"\n[landmarks]\nheel_r = 7\n[segments]\npelvis = ["A"]', "heel_r must be a label"),
        ('name = "x"\nlandmarks = "A"\n[segments]\npelvis = ["A"]', "must be a table"),
    ],
)
def test_mistakes_in_a_set_are_named_with_the_nearest_word(text, words):
    with pytest.raises(TrialRefused, match=words):
        parse_marker_set(text, "x.toml")


SET = 'name = "x"\n[landmarks]\nheel_r = "A"\n{}\n[segments]\ncalcn_r = ["A"]\n{}\n'


@pytest.mark.parametrize(
    ("landmark", "segment", "words"),
    [
        ('heel_l = "A"', "", "label 'A' is both heel_r and heel_l"),
        ('toe_r = "A"', "", "label 'A' is both heel_r and toe_r"),
        ("", 'calcn_l = ["A"]', "on both sides of the body, landmark heel_r and segment calcn_l"),
        ('heel_l = ["B", "A"]', "", "on both sides of the body, landmark heel_r and landmark heel_l"),
        ('heel_r = "B"', "", 'heel_r is named twice, in line 4 (heel_r = "B") and in line 3'),
        ("checked = true", "", "`checked` stands below [landmarks]"),
    ],
)
def test_a_set_that_contradicts_itself_is_refused_with_the_label(landmark, segment, words):
    with pytest.raises(TrialRefused) as refused:
        parse_marker_set(SET.format(landmark, segment), "lab.toml")
    assert words in str(refused.value)


def test_a_set_is_unchecked_until_its_marks_are_gone_or_it_says_so():
    """The word in a comment behind a line counts; in a label, or in a line that is a comment, it does not."""
    marked = SET.format('toe_r = "B"  # 0.30 CHECK: place', '# calcn_l = ["C"]  # CHECK: no\ncalcn_l = ["# CHECK: D"]')
    assert parse_marker_set(marked, "x").unchecked == 1
    assert parse_marker_set(marked, "x").for_labels(["A"]).unchecked == 1
    assert parse_marker_set("checked = false\n" + marked, "x").unchecked == 1
    assert parse_marker_set("checked = true\n" + marked, "x").unchecked == 0
    assert parse_marker_set(marked.replace("CHECK: place", "seen"), "x").unchecked == 0
    assert parse_marker_set(marked + '[others]\nhead = ["H"]  # CHECK: place\n', "x").unchecked == 1, (
        "nothing uses these"
    )


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    path = tmp_path / "lab.toml"
    path.write_text(SET.format("", ""), encoding="utf-8-sig")
    assert load_marker_set(path).landmarks == {"heel_r": "A"}


def test_an_own_set_says_what_is_unchecked_and_what_is_absent(walker):
    """A draft's marks and a trial that lacks most labels are doubts; the other half of the labels may be static."""
    trial = walker(forces=False).trial
    own = replace(load_marker_set("plug_in_gait").for_labels(trial.labels), name="own", unchecked=3)
    keys = {note.what: note.detail for note in meaning_of_labels(trial.labels, own)[1]}
    assert "3 lines of own" in keys["marker_set_unchecked"] and "labels_absent" not in keys
    few = meaning_of_labels(trial.labels[: len(trial.labels) // 3], own)[1]
    assert "labels_absent" in {note.what for note in few}
    shipped = meaning_of_labels(trial.labels, "plug_in_gait")[1]
    assert not {"labels_absent", "marker_set_unchecked"} & {note.what for note in shipped}


def test_one_label_may_stand_without_its_list():
    own = parse_marker_set('name = "x"\n[segments]\npelvis = "LASI"\n[others]\nhead = "TOP"', "x.toml")
    assert own.segments == {"pelvis": ("LASI",)}
    assert own.others == {"head": ("TOP",)}


def test_the_nearest_sets_are_named_with_the_share_they_explain():
    near = nearest_marker_sets(["RASI", "LPSI", "RHEE", "nobody"])
    assert near[0] == ("plug_in_gait", 0.75)
    assert nearest_marker_sets(["nobody"]) == []


def test_unknown_names_and_files_are_refused(tmp_path):
    with pytest.raises(TrialRefused, match=r"is a \.toml file, got \.csv"):
        load_marker_set("labels.csv")
    with pytest.raises(TrialRefused, match="Did you mean 'plug_in_gait'"):
        load_marker_set("plugin_gait")
    with pytest.raises(TrialRefused, match="no such marker set file"):
        load_marker_set(tmp_path / "mine.toml")
    (tmp_path / "mine.toml").write_text('name = "mine"\n[segments]\npelvis = ["A"]\n')
    assert load_marker_set(tmp_path / "mine.toml").name == "mine"

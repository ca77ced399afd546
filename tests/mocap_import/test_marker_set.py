"""Marker sets: every shipped set is sound, labels are recognised, mistakes are named."""

from __future__ import annotations

import numpy as np
import pytest

from mocap_import.marker_set import (
    LANDMARKS,
    SEGMENTS,
    known_marker_sets,
    landmark_positions,
    load_marker_set,
    parse_marker_set,
    recognise_marker_set,
)
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
    ],
)
def test_mistakes_in_a_set_are_named_with_the_nearest_word(text, words):
    with pytest.raises(TrialRefused, match=words):
        parse_marker_set(text, "x.toml")


def test_unknown_names_and_files_are_refused(tmp_path):
    with pytest.raises(TrialRefused, match="Did you mean 'plug_in_gait'"):
        load_marker_set("plugin_gait")
    with pytest.raises(TrialRefused, match="no such marker set file"):
        load_marker_set(tmp_path / "mine.toml")
    (tmp_path / "mine.toml").write_text('name = "mine"\n[segments]\npelvis = ["A"]\n')
    assert load_marker_set(tmp_path / "mine.toml").name == "mine"

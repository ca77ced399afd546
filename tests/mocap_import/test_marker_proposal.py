"""Marker proposal: words propose in many languages, the body verifies, and what is guessed says so."""

from __future__ import annotations

import numpy as np
import pytest

from mocap_import.c3d.reader import read_c3d
from mocap_import.frame.lab_frame import find_lab_frame
from mocap_import.marker.draft import combine_proposals, draft_toml
from mocap_import.marker.geometry import body_places, distance_changes, moves
from mocap_import.marker.marker_set import load_marker_set, parse_marker_set, recognise_marker_set
from mocap_import.marker.proposal import propose_marker_set
from mocap_import.marker.word import read_words

GERMAN = {
    "ASI": "Spina_ant_sup", "PSI": "Beckenhinten", "THI": "Oberschenkel", "KNE": "Knie_aussen", "TIB": "Unterschenkel",
    "ANK": "Knöchel", "HEE": "Ferse", "TOE": "Zehe",
}  # fmt: skip


def _renamed(trial, words, right, left, end=True):
    """Labels of a trial in other words; side behind or in front."""
    new = []
    for label in trial.labels:
        core = label[1:]
        if label[0] in "RL" and core in words:
            side = right if label[0] == "R" else left
            new.append(f"{words[core]}_{side}" if end else f"{side} {words[core]}")
        else:
            new.append(label)
    return new


@pytest.mark.parametrize(
    "words, right, left, end",
    [
        (GERMAN, "re", "li", True),
        (GERMAN, "rechts", "links", False),
        ({"ASI": "EIAS", "PSI": "EIPS", "THI": "cuisse", "KNE": "genou", "TIB": "jambe", "ANK": "cheville",
          "HEE": "talon", "TOE": "orteil"}, "D", "G", True),
        ({"ASI": "SIAS", "PSI": "SIPS", "THI": "coscia", "KNE": "ginocchio", "TIB": "gamba", "ANK": "caviglia",
          "HEE": "tallone", "TOE": "alluce"}, "dx", "sx", True),
        ({"ASI": "EIAS", "PSI": "EIPS", "THI": "muslo", "KNE": "rodilla", "TIB": "pierna", "ANK": "tobillo",
          "HEE": "calcáneo", "TOE": "dedo"}, "der", "izq", False),
    ],
)  # fmt: skip
def test_words_of_five_languages_are_read(walker, words, right, left, end):
    trial = walker(forces=False).trial
    labels = _renamed(trial, words, right, left, end)
    assert recognise_marker_set(labels) is None
    proposal = propose_marker_set(labels, trial.positions, trial.rate)
    truth = {"asis": "ASI", "psis": "PSI", "knee_lateral": "KNE", "ankle_lateral": "ANK", "heel": "HEE", "toe": "TOE"}
    for side, letter in (("r", "R"), ("l", "L")):
        for landmark, core in truth.items():
            wanted = labels[trial.labels.index(f"{letter}{core}")]
            assert proposal.marker_set.landmarks[f"{landmark}_{side}"] == wanted
            assert proposal.confidence[wanted] >= 0.5
        assert labels[trial.labels.index(f"{letter}THI")] in proposal.marker_set.segments[f"femur_{side}"]
        assert labels[trial.labels.index(f"{letter}TIB")] in proposal.marker_set.segments[f"tibia_{side}"]
    assert {"c7", "t10", "clavicle", "sternum"} <= proposal.marker_set.landmarks.keys()


def test_letters_of_the_sides_are_found_by_pairs():
    french = read_words(["ACD", "ACG", "TEMPD", "TEMPG", "ELD", "ELG", "C7", "XYP"])
    assert (french["ACD"].side, french["ACD"].landmark) == ("r", "acromion")
    assert (french["ACG"].side, french["ACG"].landmark) == ("l", "acromion")
    assert (french["C7"].side, french["C7"].landmark) == ("", "c7")
    fused = read_words(["RHEE", "LHEE", "RTOE", "LTOE", "SACR"])
    assert (fused["RHEE"].side, fused["SACR"].side) == ("r", "")


def test_a_word_that_its_place_contradicts_is_not_believed(walker):
    trial = walker(forces=False).trial
    exchanged = {"RHEE": "RASI", "RASI": "RHEE"}
    labels = [exchanged.get(label, label) for label in trial.labels]
    proposal = propose_marker_set(labels, trial.positions, trial.rate)
    assert proposal.marker_set.landmarks.get("heel_r") != "RHEE"
    assert proposal.marker_set.landmarks.get("asis_r") != "RASI"
    assert "but it lies at" in proposal.evidence["RHEE"]


def test_sides_the_wrong_way_round_are_marked(walker):
    trial = walker(forces=False).trial
    swapped = {"RKNE": "LKNE", "LKNE": "RKNE"}
    labels = [swapped.get(label, label) for label in trial.labels]
    proposal = propose_marker_set(labels, trial.positions, trial.rate)
    assert proposal.confidence["RKNE"] <= 0.2
    assert "check the sides" in proposal.evidence["RKNE"]


def test_a_label_without_a_word_goes_where_it_moves_with(data_dir):
    raw = read_c3d(data_dir / "rbds_running/RBDS002/RBDS002runT25.c3d")
    frame, _ = find_lab_frame(raw, recognise_marker_set(raw.labels))
    positions = (raw.points[:600] * frame.metres_per_unit) @ frame.rotation.T
    assert moves(distance_changes(positions))
    labels = ["X17" if label == "R.Thigh.Top.Medial" else label for label in raw.labels]
    proposal = propose_marker_set(labels, positions, raw.rate)
    assert "X17" in proposal.marker_set.segments["femur_r"]
    assert proposal.confidence["X17"] == 0.5
    assert "keeps its distance" in proposal.evidence["X17"]


def test_labels_without_meaning_are_placed_by_the_body_and_say_so(walker):
    trial = walker(forces=False).trial
    labels = [f"M{k:03d}" for k in range(len(trial.labels))]
    proposal = propose_marker_set(labels, trial.positions, trial.rate)
    right = sum(
        trial.labels[int(label[1:])] == PIG.landmarks.get(landmark)
        for landmark, label in proposal.marker_set.landmarks.items()
    )
    assert right >= 12
    assert max(proposal.confidence.values()) <= 0.3
    assert all("CHECK" in words for words in proposal.evidence.values())


PIG = load_marker_set("plug_in_gait")


def test_places_do_not_depend_on_where_the_laboratory_looks(walker):
    trial = walker(forces=False).trial
    turned = trial.positions @ np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    np.testing.assert_allclose(body_places(turned), body_places(trial.positions), atol=1e-12)


@pytest.mark.parametrize(
    "file, wrong",
    [
        ("mcgill_walk_youth/HC002D/Static/HC002D02.c3d", 0),
        ("clinical_labs_anz/QCMAS/dynamic/QCMAS.dynamic.c3d", 0),
        ("rbds_running/RBDS002/RBDS002static.c3d", 0),
        ("opensim_core/c3d/walking2.c3d", 0),
    ],
)
def test_real_laboratories_are_proposed_from_their_words_alone(data_dir, file, wrong):
    raw = read_c3d(data_dir / file)
    truth = recognise_marker_set(raw.labels)
    frame, _ = find_lab_frame(raw, None)
    positions = (raw.points * frame.metres_per_unit) @ frame.rotation.T
    proposal = propose_marker_set(raw.labels, positions, raw.rate)
    found = proposal.marker_set.landmarks
    allowed = load_marker_set(truth.name).alternatives
    bad = [mark for mark, own in found.items() if own not in (truth.landmarks.get(mark), *allowed.get(mark, ()))]
    assert len(bad) == wrong, bad
    assert len(found) >= 0.85 * len(truth.landmarks)


def test_a_draft_is_toml_that_loads_whatever_the_labels_hold(walker):
    trial = walker(forces=False).trial
    odd = {"RHEE": 'R "Ferse" \\ #1', "RTHI": "Rue\tx", "C7": "Ünïcode\x7f"}
    labels = [odd.get(label, label) for label in trial.labels]
    proposal = combine_proposals([propose_marker_set(labels, trial.positions, 100.0, name="Labor Süd")] * 2)
    text = draft_toml(proposal, 2)
    again = parse_marker_set(text, "draft.toml")
    assert again.name == "Labor Süd"
    assert again.landmarks == proposal.marker_set.landmarks
    assert again.segments == proposal.marker_set.segments
    assert again.landmarks["heel_r"] == odd["RHEE"]
    assert "# 0.90 the word 'toe'" in text


def test_several_recordings_outvote_one(walker):
    trial = walker(forces=False).trial
    good = propose_marker_set(trial.labels, trial.positions, 100.0)
    swapped = {"RHEE": "RTOE", "RTOE": "RHEE"}
    bad = propose_marker_set([swapped.get(label, label) for label in trial.labels], trial.positions, 100.0)
    assert combine_proposals([bad, good, good]).marker_set.landmarks == good.marker_set.landmarks

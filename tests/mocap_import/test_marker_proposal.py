"""Marker proposal: words propose in many languages, the body verifies, and what is guessed says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap_import.c3d.reader import read_c3d
from mocap_import.frame.lab_frame import find_lab_frame
from mocap_import.marker.draft import combine_proposals, draft_toml
from mocap_import.marker.geometry import body_places, distance_changes, moves, segment_by_cluster
from mocap_import.marker.marker_set import load_marker_set, parse_marker_set, recognise_marker_set
from mocap_import.marker.proposal import SURE, propose_marker_set
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


@pytest.mark.parametrize(
    ("right", "left", "words"),
    [
        ("D", "G", {"CHEVILLE_EXT": "ankle_lateral", "GENOU_INT": "knee_medial", "POINTE_PIED": "toe"}),
        ("DER", "IZQ", {"TOBILLO_INT": "ankle_medial", "RODILLA_EXT": "knee_lateral", "TALON": "heel"}),
        ("DIR", "ESQ", {"TORNOZELO_LAT": "ankle_lateral", "JOELHO_MED": "knee_medial", "CALCANHAR": "heel"}),
        ("DX", "SX", {"CAVIGLIA_EST": "ankle_lateral", "MALL_MED": "ankle_medial", "PUNTA_PIEDE": "toe", "ANCA": ""}),
        ("RE", "LI", {"AUSSENKNÖCHEL": "ankle_lateral", "KNIE_INNEN": "knee_medial", "FERSE": "heel", "HÜFTE": ""}),
        (
            "RECHTS",
            "LINKS",
            {"ENKEL_BINNEN": "ankle_medial", "KNIE_BUITEN": "knee_lateral", "HIEL": "heel", "HEUP": ""},
        ),
        ("RIGHT", "LEFT", {"INNER_ANKLE": "ankle_medial", "LATERAL_KNEE": "knee_lateral", "TOE_LAT": "metatarsal_5"}),
    ],
)
def test_inner_and_outer_sides_are_read_in_seven_languages(right, left, words):
    """A hip marker may sit on the thigh or on the pelvis: such a word is never certain."""
    found = read_words([f"{word}_{side}" for word in words for side in (right, left)])
    for word, landmark in words.items():
        for side, letter in ((right, "r"), (left, "l")):
            meaning = found[f"{word}_{side}"]
            assert meaning.side == letter
            assert meaning.landmark == (landmark or "trochanter")
            assert (meaning.certainty > SURE) == bool(landmark)


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


def test_a_word_for_a_place_on_the_heel_is_no_toe_and_no_heel_landmark(data_dir):
    """The side of a heel is of the foot; only the lowest or rearmost marker is the landmark."""
    words = read_words(["FERSE_RE_AUSSEN", "FERSE_LI_AUSSEN", "FERSE_RE_UNTEN", "FERSE_LI_UNTEN", "SIAS_RE", "SIAS_LI"])
    assert (words["FERSE_RE_AUSSEN"].landmark, words["FERSE_RE_AUSSEN"].segment) == ("", "calcn")
    assert words["FERSE_RE_UNTEN"].landmark == "heel"
    raw = read_c3d(data_dir / "rbds_running/RBDS001/RBDS001static.c3d")
    keep = [k for k, label in enumerate(raw.labels) if ".MT" not in label]
    frame, _ = find_lab_frame(raw, None)
    positions = (raw.points[:, keep] * frame.metres_per_unit) @ frame.rotation.T
    german = {"R.Heel.Lateral": "FERSE_RE_AUSSEN", "L.Heel.Lateral": "FERSE_LI_AUSSEN"}
    german |= {f"{letter}.Heel.{there}": f"FERSE_{side}_{word}" for letter, side in (("R", "RE"), ("L", "LI"))
               for there, word in (("Bottom", "UNTEN"), ("Top", "OBEN"))}  # fmt: skip
    labels = [german.get(raw.labels[k], raw.labels[k]) for k in keep]
    found = propose_marker_set(labels, positions, raw.rate).marker_set
    assert not {"toe_r", "toe_l"} & found.landmarks.keys()
    assert "FERSE_RE_AUSSEN" in found.segments["calcn_r"]


def test_a_marker_of_the_foot_is_not_of_the_shank_because_of_its_distance_to_the_ankle(data_dir):
    """A heel keeps its distance to the ankle marker whatever the ankle does: that says nothing."""
    raw = read_c3d(data_dir / "mcgill_walk_youth/HC002D/Straight/HC002D06.c3d")
    frame, _ = find_lab_frame(raw, recognise_marker_set(raw.labels))
    unknown = {"LHEE": "QQ1", "RHEE": "QQ2", "LTOE": "QQ3", "RTOE": "QQ4"}
    known = PIG.for_labels(raw.labels).segments
    foot = {*known["calcn_r"], *known["calcn_l"]} - unknown.keys()
    shank = {*known["tibia_r"], *known["tibia_l"]} - {"RANK", "LANK", "RTIB", "LTIB"}
    keep = [k for k, label in enumerate(raw.labels) if label not in foot | shank]
    positions = (raw.points[:, keep] * frame.metres_per_unit) @ frame.rotation.T
    proposal = propose_marker_set([unknown.get(raw.labels[k], raw.labels[k]) for k in keep], positions, raw.rate)
    for side in ("r", "l"):
        assert not set(unknown.values()) & set(proposal.marker_set.segments[f"tibia_{side}"])
    joints = frozenset({0})
    changes = np.full((4, 4), 0.001)
    assert segment_by_cluster(changes, 3, {"tibia_r": [0, 1]}, joints)[0] == "", (
        "one distance off the joint is no proof"
    )
    assert segment_by_cluster(changes, 3, {"tibia_r": [0, 1, 2]}, joints)[0] == "tibia_r"


def test_what_no_word_says_for_certain_is_marked(walker):
    """Every line that is not marked CHECK rests on a whole word that no other label shares."""
    trial = walker(forces=False).trial
    labels = ["QX" if label == "RTHI" else label for label in trial.labels]
    labels = [{"RKNE": "mein Kniepunkt re", "LKNE": "mein Kniepunkt li"}.get(label, label) for label in labels]
    proposal = propose_marker_set(labels, trial.positions, 100.0)
    text = draft_toml(proposal)
    for line in text.splitlines():
        if not line.startswith("#") and ("no known word" in line or "Kniepunkt" in line):
            assert "CHECK:" in line
    marked = [line for line in text.splitlines() if "CHECK:" in line and not line.startswith("#")]
    assert parse_marker_set(text, "x").unchecked == len(marked) == 4
    assert "# 4 line(s) of landmarks and segments are marked CHECK" in text
    assert any("RASI" in line and "CHECK" not in line for line in text.splitlines())


def test_two_labels_for_one_landmark_are_marked(walker):
    """``LKNE`` beside ``LKNE1`` may be a joint centre that the laboratory computed."""
    trial = walker(forces=False).trial
    positions = np.concatenate([trial.positions, trial.positions[:, [trial.labels.index("LKNE")]]], axis=1)
    proposal = propose_marker_set([*trial.labels, "LKNE1"], positions, 100.0)
    assert "LKNE" in proposal.to_check
    assert "or is it LKNE1" in proposal.evidence["LKNE"]
    assert "RKNE" not in proposal.to_check


def test_a_label_is_one_landmark_and_the_loser_is_a_comment(walker):
    """Recordings that disagree: one landmark a label, on the segment of its landmark."""
    trial = walker(forces=False).trial
    labels = [f"M{k:03d}" for k in range(len(trial.labels))]
    one = propose_marker_set(labels, trial.positions, 100.0)
    heel, toe = one.marker_set.landmarks["heel_r"], one.marker_set.landmarks["toe_l"]
    other = replace(
        one, marker_set=replace(one.marker_set, landmarks={**one.marker_set.landmarks, "toe_l": heel, "heel_r": heel})
    )
    both = combine_proposals([other, other, one])
    landmarks = both.marker_set.landmarks
    assert len(set(landmarks.values())) == len(landmarks)
    assert "toe_l" not in landmarks and both.left_out["toe_l"] == (heel, toe)
    text = draft_toml(both)
    assert f'# toe_l = "{heel}", "{toe}"' in text
    again = parse_marker_set(text, "draft.toml")
    assert again.landmarks == landmarks
    for mark, label in landmarks.items():
        if mark[:-2] in ("heel", "toe"):
            assert label in again.segments[f"calcn_{mark[-1]}"]


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
    assert proposal.to_check == proposal.marker_set.labels


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

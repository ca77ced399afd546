"""The datasheet says what is in the file and nothing about whose it is, whatever the file says of itself."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from typer.testing import CliRunner

from mocap_import.subject import Subject
from mocap_import.trial import GroundReaction, Treatment
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.motion import Kinematics, Kinetics
from synth.cli import corpus_app
from synth.corpus import CorpusMismatch, CorpusTrial, CorpusWriter, ImuErrors, SolutionFacts, write_datasheet
from synth.corpus.corpus_facts import corpus_facts, without_folders
from synth.corpus.datasheet import datasheet_html
from synth.corpus.subject_split import leave_one_subject_out
from synth.imu.recording import ImuRecording, SensorPlacement

RATE, N = 100.0, 300
HOSTILE = "<script>alert(1)</script>"


class Reader(HTMLParser):
    """Tags, and whatever would be fetched from elsewhere."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.links = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(2)
    people = [Subject(f"S0{k}", 60.0 + 10 * k, 1.6 + 0.1 * k, "female" if k else "male", 20.0 + k) for k in range(3)]
    path = tmp_path / "walks.h5"
    config = {
        "method": "spline",
        "files": [r"C:\Users\somebody\a.osim"],
        "folder": "/home/somebody/secret place/walk.mot",
        "licence": "CC0",
    }
    splits = leave_one_subject_out([person.code for person in people])
    with CorpusWriter(path, seed=9, config=config, sources={"Jane Doe.c3d": "ff" * 32}, splits=splits) as writer:
        for person in people:
            force, turn = rng.standard_normal((N, 3)) + 6.0, rng.standard_normal((N, 3))
            force[:30] = np.nan
            skeleton = planar_skeleton(person)
            values = rng.standard_normal((N, len(skeleton.coordinate_names)))
            values[100:] = np.nan
            reaction = GroundReaction(force, force, force[:, 0], RATE, "right", "plate")
            trial = CorpusTrial(
                name="walk_01",
                subject=person,
                rate=RATE,
                recordings=(ImuRecording(SensorPlacement("shank_r", "tibia_r"), force, turn, RATE),),
                errors=ImuErrors(seed=9),
                kinematics=Kinematics(skeleton.coordinate_names, values, RATE),
                kinetics=Kinetics(skeleton.coordinate_names, values, RATE, (reaction,)),
                task="walk",
                source="Jane Doe.c3d",
                treatments=(Treatment("gap_filled", "LKNE"),),
                skeleton=skeleton,
                solutions=(SolutionFacts(0.0, 1.0, True, 2.0, 100 + 10 * int(person.mass), 3.0, 50, 0.02),),
                session="visit 1",
            )
            writer.append(trial)
            reason = f"no strike {HOSTILE} in /home/somebody/secret/walk_02.mot"
            writer.append(
                replace(trial, name="walk_02", kinematics=None, kinetics=None, status="refused", reason=reason)
            )
    return path


def test_the_facts_are_those_of_the_file(corpus):
    facts = corpus_facts(corpus)
    assert facts["trials"]["n"] == 6 and facts["trials"]["hours"] == pytest.approx(6 * N / RATE / 3600)
    assert facts["trials"]["status"] == {"measured": 3, "refused": 3} and facts["trials"]["rate"] == {"100 Hz": 6}
    assert facts["people"]["sex"] == {"female": 2, "male": 1}
    assert facts["people"]["mass"] == {"n": 3, "least": 60.0, "median": 70.0, "most": 80.0}
    assert facts["subjects"]["S01"] == {"trials": 2, "refused": 1, "seconds": 6.0}
    (sensor,) = facts["sensors"]
    assert (sensor["sensor"], sensor["trials"]) == ("shank_r", 6) and sensor["missing"] == pytest.approx(0.1)
    assert facts["labels"]["coordinates"]["knee_angle_r"] == {"trials": 3, "frames": 300}
    assert facts["labels"]["ground reactions"] == {"right": {"trials": 3, "frames": 810}}
    assert facts["treatments"] == {"gap_filled": 6} and sum(facts["skeletons"].values()) == 6
    assert facts["solutions"]["iterations"]["median"] == 800.0
    assert [split["test"] for split in facts["splits"]] == [1, 1, 1]
    assert facts["made"]["licence"] == "CC0" and facts["made"]["n_sources"] == 1
    assert any("the same records" in finding["what"] for finding in facts["findings"])  # walk_02 has those of walk_01
    json.dumps(facts)


def test_the_page_holds_the_facts_and_no_name_folder_or_script(corpus):
    page = write_datasheet(corpus)
    assert page.name == "walks_sheet.html"
    text = page.read_text(encoding="utf-8")
    for word in ("6 trials of 3 subjects", "70 kg (60 to 80, n = 3)", "CC0", "gap_filled", "10.00 %", "leave_out_S01"):
        assert word in text, word
    assert "3 s (3 to 3, n = 6)" in text and "6 of 6 converged" in text and "2 % of body weight" in text
    assert "walk_02.mot" in text and "&lt;script&gt;" in text
    for word in ("somebody", "secret", "Jane", HOSTILE, str(corpus.parent)):
        assert word not in text, word
    reader = Reader(text)
    assert "script" not in reader.tags and reader.links == []
    assert datasheet_html(corpus) == text  # nothing but the file decides


def test_an_empty_corpus_and_one_that_cannot_be_read_have_a_sheet_or_a_sentence(tmp_path):
    with CorpusWriter(tmp_path / "empty.h5"):
        pass
    assert "0 trials of 0 subjects" in datasheet_html(tmp_path / "empty.h5")
    with pytest.raises(CorpusMismatch, match="is not a file"):
        write_datasheet(tmp_path / "none.h5")
    with pytest.raises(CorpusMismatch, match="expected a page"):
        write_datasheet(tmp_path / "empty.h5", tmp_path / "empty.h5")
    with pytest.raises(CorpusMismatch, match=r"cannot be written .* Choose another folder"):
        write_datasheet(tmp_path / "empty.h5", tmp_path / "nowhere" / "sheet.html")


def test_the_command_writes_the_page_or_prints_the_facts(corpus, tmp_path):
    run = CliRunner().invoke
    done = run(corpus_app, ["sheet", str(corpus), "--out", str(tmp_path / "s.html")])
    assert done.exit_code == 0 and (tmp_path / "s.html").is_file()
    assert json.loads(run(corpus_app, ["sheet", str(corpus), "--json"]).stdout) == json.loads(
        json.dumps(corpus_facts(corpus))
    )
    done = run(corpus_app, ["sheet", str(tmp_path / "none.h5")])
    assert done.exit_code == 1 and "is not a file" in done.output


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("no planar skeleton of S01: /home/a b/x.json is missing", "no planar skeleton of S01: a b/x.json is missing"),
        ("see /a/b/c.mot", "see c.mot"),
        ('"/a/b/c.mot"', '"c.mot"'),
        (r"C:\\data\\walk.c3d is torn", "walk.c3d is torn"),
        ("speed 1.3 m/s, 5 N/kg, S01/walk_01", "speed 1.3 m/s, 5 N/kg, S01/walk_01"),
    ],
)
def test_folders_are_left_out(text, kept):
    assert without_folders(text) == kept

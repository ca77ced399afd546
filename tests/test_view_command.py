"""Laws of `kinesynth view`: whatever can be looked at becomes one page; what cannot, one sentence."""

import json
import re
import sys
import webbrowser
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "synth" / "optimal_control"))

import kinesynth
from mocap_import.subject import Subject
from opensim_models.generic.catalogue import lower_body_skeleton
from opensim_models.model.skeleton import save_skeleton
from opensim_models.motion import Kinematics
from synth.corpus import CorpusTrial, CorpusWriter


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """Addresses that the browser was asked to open."""
    addresses = []
    monkeypatch.setattr(webbrowser, "open", lambda address: addresses.append(address) or True)
    return addresses


def scenes_of(page):
    text = re.search(r'id="scenes">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL).group(1)
    return json.loads(text)["scenes"]


def write_corpus(path, coordinates, role="motion", names=("walk_01", "walk_02")):
    n = 50
    values = np.tile(np.linspace(0, 0.3, n)[:, None], (1, len(coordinates)))
    with CorpusWriter(path, role=role) as corpus:
        for name in names:
            motion = Kinematics(tuple(coordinates), values, 100.0)
            corpus.append(CorpusTrial(name, Subject("S01", mass=70, height=1.75), 100.0, kinematics=motion))
    return path


@pytest.fixture
def corpus(tmp_path):
    skeleton = lower_body_skeleton(Subject("S01", mass=70.0, height=1.75))
    save_skeleton(skeleton, tmp_path / "skeleton.json")
    return write_corpus(tmp_path / "imu.h5", skeleton.coordinate_names)


def test_a_corpus_entry_beside_an_estimate_of_it(corpus, tmp_path, capsys, asked):
    estimate = write_corpus(tmp_path / "estimate.h5", ("hip_flexion_r", "knee_angle_r"), role="prediction")
    out = tmp_path / "page.html"
    words = ["view", str(corpus), "--trial", "S01/walk_02", "--beside", str(estimate), "--out", str(out), "--no-open"]
    assert kinesynth.main(words) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert asked == []
    first, second = scenes_of(out)
    assert (first["title"], second["title"]) == ("S01 · walk_02", "S01 · walk_02 (prediction)")
    assert len(second["figure"]["names"]) == len(first["figure"]["names"])
    assert "pelvis_tx" in second["remarks"][0]


def test_it_opens_what_it_wrote_and_says_what_it_chose(corpus, asked, capsys):
    assert kinesynth.main(["view", str(corpus)]) == 0
    said = capsys.readouterr()
    assert "S01/walk_01 is shown, the first of 2" in said.err
    assert asked == [said.out.strip()]
    assert asked[0].startswith("file://")
    assert kinesynth.main(["view", str(corpus), "--json", "--no-open"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["page"].endswith("viewer.html")
    assert len(told["notes"]) == 1


def test_a_report_opens_as_ever(tmp_path, asked):
    (tmp_path / "report.html").write_text("<html></html>", encoding="utf-8")
    assert kinesynth.main(["view", str(tmp_path)]) == 0
    assert kinesynth.main(["view", str(tmp_path / "report.html")]) == 0
    assert asked == [(tmp_path / "report.html").resolve().as_uri()] * 2
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "<html></html>"
    assert kinesynth.main(["view", str(tmp_path / "gone.html")]) == 1


def test_a_solution_is_shown_with_its_forces_and_refused_ones_as_such(tmp_path, capsys):
    from dataclasses import replace

    from small_movements import smooth_solution

    from synth.corpus.provenance import Provenance
    from synth.optimal_control.result.solution_file import save_solution

    solution = smooth_solution()
    save_solution(tmp_path / "solution.npz", solution, Provenance())
    out = tmp_path / "page.html"
    assert kinesynth.main(["view", str(tmp_path), "--out", str(out), "--no-open"]) == 0, capsys.readouterr().err
    (scene,) = scenes_of(out)
    assert scene["frames"] == round(100 * solution.duration) + 1
    assert {force["side"] for force in scene["forces"]} == {"right", "left"}
    assert len(scene["events"]) == 4
    assert len(scene["figure"]["sticks"]) > 6
    assert "Refused" not in out.read_text(encoding="utf-8").split("<script")[0]
    unsolved = replace(solution, converged=False, reason="too many iterations")
    save_solution(tmp_path / "solution.npz", unsolved, Provenance())
    assert kinesynth.main(["view", str(tmp_path / "solution.npz"), "--out", str(out), "--no-open"]) == 0
    assert "Refused: too many iterations" in out.read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"solution.npz", "page.html"}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"\x89HDF\r\n\x1a\nhalf"])
@pytest.mark.parametrize("name", ["a.h5", "a.trial.h5", "a.c3d", "a.npz", "a.mot", "a.pdf"])
def test_what_is_none_of_these_ends_in_one_sentence(name, content, tmp_path, capsys):
    (tmp_path / name).write_bytes(content)
    assert kinesynth.main(["view", str(tmp_path / name), "--out", str(tmp_path / "x.html")]) == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith("error: ")
    assert "\n" not in said
    assert "fault of Kinesynth" not in said
    assert not (tmp_path / "x.html").exists()


def test_what_is_not_there_ends_in_one_sentence(corpus, tmp_path, capsys):
    for words in (
        [str(tmp_path / "gone.h5")],
        [str(corpus), "--trial", "S09/walk"],
        [str(corpus), "--beside", "gone.h5"],
    ):
        assert kinesynth.main(["view", *words, "--no-open", "--out", str(tmp_path / "x.html")]) == 1
        assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "x.html").exists()

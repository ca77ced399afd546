"""The command of somebody's own keypoints writes over nothing that it reads, and says what it can in words."""

import numpy as np
import pytest
import torch

import kinesynth
from training.config import ConfigRefused
from training.keypoint.keypoint_command import _words
from training.keypoint.keypoint_file import load_keypoint_ensemble

READ = "synth.camera.keypoint_source.read_keypoints"


@pytest.fixture
def files(tmp_path):
    """Networks, keypoints and what was measured; none of them is ever read here."""
    for name in ("networks.pt", "walk.csv", "measured.csv"):
        (tmp_path / name).write_text("as it was")
    (tmp_path / "link.csv").symlink_to(tmp_path / "walk.csv")
    return tmp_path


@pytest.mark.parametrize(
    ("out", "options", "said"),
    [
        ("walk.csv", {}, "the keypoints and OUT are one file"),
        ("sub/../walk.csv", {}, "the keypoints and OUT are one file"),
        ("link.csv", {}, "the keypoints and OUT are one file"),
        ("networks.pt", {}, "the networks and OUT are one file"),
        ("measured.csv", {"--measured": "measured.csv"}, "--measured and OUT are one file"),
        ("out.csv", {"--waves": "out.csv"}, "OUT and --waves are one file"),
        ("out.csv", {"--waves": "walk.csv"}, "the keypoints and --waves are one file"),
        ("out.csv", {"--waves": "measured.csv", "--measured": "measured.csv"}, "--measured and --waves are one file"),
    ],
)
def test_no_file_is_written_over_another_that_the_command_names(files, monkeypatch, capsys, out, options, said):
    never = "networks were loaded"
    monkeypatch.setattr("training.keypoint.keypoint_file.load_keypoint_ensemble", lambda path: pytest.fail(never))
    monkeypatch.setattr(
        "synth.camera.keypoint_source.read_keypoints", lambda source: pytest.fail("keypoints were read")
    )
    given = [word for name, value in options.items() for word in (name, str(files / value))]
    (files / "sub").mkdir()
    call = ["network", "apply", str(files / "networks.pt"), str(files / "walk.csv"), str(files / out), *given]
    assert kinesynth.main(call) == 1
    assert said in capsys.readouterr().err
    assert {p.read_text() for p in files.iterdir() if p.is_file()} == {"as it was"}


def test_networks_that_are_missing_are_said_with_what_to_do(tmp_path):
    for place in (tmp_path / "networks.pt", tmp_path):
        with pytest.raises(ConfigRefused, match=r"no file of networks.*kinesynth recipe single-camera") as told:
            load_keypoint_ensemble(place)
        assert "Errno" not in str(told.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00312, "0.00312"),
        (-0.0004, "-0.000400"),
        (-0.0, "0.00"),
        (-1e-9, "0.00"),
        (1.2345, "1.23"),
        (112.4, "112"),
        (0.0, "0.00"),
    ],
)
def test_numbers_have_three_digits_that_count_and_no_sign_of_nothing(value, text):
    row = {"quantity": "step_time_asymmetry", "unit": "1", "estimate": value, "low": value, "high": value}
    assert _words(row) == f"step time asymmetry {text} ({text} to {text})"


@pytest.mark.parametrize(
    ("network", "corpus", "out", "options", "said"),
    [
        (
            ".",
            "walk.csv",
            "out.csv",
            ["--stature", "1.7"],
            "found a folder. Name the one in it that is meant: networks.pt",
        ),
        (".", "walk.csv", "out.csv", [], "found a folder. Name the one in it that is meant: networks.pt"),
        ("sub", "walk.csv", "out.csv", [], "found a folder. No network is in it"),
        (
            "pretrained:knee",
            "walk.csv",
            "out.csv",
            [],
            "pretrained:knee reads the sensors of a corpus (.h5). Keypoints are",
        ),
        ("pretrained:knee", "sub", "out.csv", [], "pretrained:knee reads the sensors of a corpus (.h5). Keypoints are"),
        ("networks.pt", "walk.csv", "b.h5", [], "OUT {}/b.h5: a table is written there; name a file that ends in .csv"),
        ("networks.pt", "walk.csv", "b.csv", ["--waves", "w.h5"], "--waves w.h5: a table is written there"),
        (
            "pretrained:knee",
            "imu.h5",
            "b.h5",
            [],
            "OUT {}/b.h5: a table is written there; name a file that ends in .csv",
        ),
    ],
)
def test_what_is_named_is_refused_by_what_it_is(files, capsys, network, corpus, out, options, said):
    (files / "sub").mkdir()
    place = network if network.startswith("pretrained") else str(files / network)
    assert kinesynth.main(["network", "apply", place, str(files / corpus), str(files / out), *options]) == 1
    assert said.format(files) in capsys.readouterr().err
    assert not (files / out).exists()


def test_a_file_of_something_else_is_no_networks_in_one_sentence_of_ours(tmp_path):
    np.savez(tmp_path / "clips.npz", inputs=np.zeros(3))
    torch.save({"kind": "something"}, tmp_path / "other.pt")
    (tmp_path / "bytes.pt").write_bytes(b"nothing")
    for name in ("clips.npz", "other.pt", "bytes.pt"):
        with pytest.raises(ConfigRefused) as told:
            load_keypoint_ensemble(tmp_path / name)
        assert str(told.value).endswith(
            f"{name}: expected networks of recipe single-camera of this version, found something else. Give "
            "networks.pt in the folder of a run."
        )

"""`kinesynth evaluate --table` and `kinesynth tune` on real runners, and what they refuse."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
from typer.testing import CliRunner

from synth.corpus.schema import CorpusMismatch
from synth.strides.stride_corpus import build_stride_corpus
from training.cli import evaluate_app
from training.config import ConfigRefused
from training.joint.fold_run import STEPS
from training.joint.rapp_run import make_rapp_table, tables_so_far
from training.joint.recipe import joint_config
from training.joint.table_command import TableWish, tell_table
from training.joint.tune_command import tune_app


def test_a_table_needs_a_known_name_and_a_folder(tmp_path):
    wish = TableWish("rap", [tmp_path / "a.h5"], tmp_path, (), (), "temporal", 0, True)
    with pytest.raises(ConfigRefused, match="expected rapp, learning or networks, got 'rap'"):
        tell_table(wish)
    done = CliRunner().invoke(evaluate_app, ["--table", "rapp", str(tmp_path / "a.h5")])
    assert done.exit_code == 2
    assert "'--out'" in done.output
    with pytest.raises(CorpusMismatch, match="different file names"):
        make_rapp_table([tmp_path / "x" / "a.h5", tmp_path / "y" / "a.h5"], tmp_path, joint_config())


@pytest.fixture(scope="module")
def three_runners(data_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runners")
    (folder / "strides").mkdir()
    for name in ("metadata.tsv", "g01s01.tsv", "g01s02.tsv", "g02s01.tsv"):
        shutil.copy(data_dir / "bmc_ric_running" / name, folder / "strides" / name)
    build_stride_corpus(folder / "strides", folder / "running.h5", seed=7)
    return folder / "running.h5"


@pytest.mark.slow
def test_the_tables_of_real_runners_are_made_and_made_again_from_their_folds(three_runners, tmp_path):
    config = joint_config(steps=8, batch=2, width=8, depth=2)
    made = make_rapp_table([three_runners], tmp_path, config, joints=("knee",))
    table = made.table
    assert set(table["scheme"]) == {"leave one out"}
    assert set(table["step"]) == set(STEPS)
    assert (table["subjects"] == 3).all()
    assert (table["movement"] == "run").all()
    assert table.set_index(["step", "measure", "angle"]).at[("baseline", "raw", "flexion"), "published"] == 4.25
    text = made.page.read_text(encoding="utf-8")
    assert "Not the data of the paper" in text
    assert "Drawn at random:" in text and "pelvis motion" in text
    assert "3 of 3 folds." in text
    again = tables_so_far([three_runners], tmp_path, config, joints=("knee",))
    pd.testing.assert_frame_equal(table, again.table)
    with pytest.raises(CorpusMismatch, match="none of the 3 folds is finished"):
        tables_so_far([three_runners], tmp_path, config, joints=("knee",), seed=1)


@pytest.mark.slow
def test_a_search_by_command_tells_what_it_found(three_runners, tmp_path):
    words = [
        str(three_runners),
        str(tmp_path / "tuning"),
        "--joint",
        "knee",
        "--candidates",
        "1",
        "--steps",
        "4",
        "--json",
    ]
    done = CliRunner().invoke(tune_app, words)
    assert done.exit_code == 0, done.output
    said = json.loads(done.output.splitlines()[-1])
    assert (said["candidates"], said["teachers"], said["validation"]) == (1, 1, 1)
    assert (tmp_path / "tuning" / "tuned.json").is_file()

"""Two people of one's own are never silently one, and what is hashed of them is what is read."""

import sys
from pathlib import Path

import numpy as np
import pytest

from recipes.recipe import resolve_settings
from recipes.run import Run
from recipes.single_camera import RECIPE
from recipes.single_camera.own_people import own_records, own_sources
from synth.camera.detector import draw_errors
from synth.camera.keypoint_clip import View, film
from synth.corpus.schema import CorpusMismatch

sys.path.insert(0, str(Path(__file__).parents[1] / "synth" / "camera"))
from made_gait import made_gait
from own_files import written_csv, written_folder

TOLD = {"rate": 30.0, "stature": 1.7}


@pytest.fixture(scope="module")
def pixels():
    rng = np.random.default_rng(4)
    return film(made_gait(), View(rate=30.0), draw_errors(rng), rng, seconds=2.5).pixels


@pytest.fixture
def folders(tmp_path, pixels):
    """The output of a detector of two videos, both called json."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    return [{"path": str(written_folder(tmp_path / name / "json", [pixels])), **TOLD} for name in "ab"]


def recorded(*own):
    return [(r.person, r.trial) for r in own_records(resolve_settings(RECIPE, own=own))]


def test_two_folders_of_one_name_are_not_one_person(folders):
    with pytest.raises(CorpusMismatch, match=r"setting own: .*b/json and .*a/json .*json.*give person"):
        recorded(*folders)
    named = [{**source, "person": person} for source, person in zip(folders, "AB", strict=True)]
    assert recorded(*named) == [("own A", "json"), ("own B", "json")]
    with pytest.raises(CorpusMismatch, match=r"hold json of A"):
        recorded(*({**source, "person": "A"} for source in folders))


def test_a_code_that_two_tables_give_to_one_trial_is_refused(tmp_path, pixels):
    first = written_csv(tmp_path / "first.csv", pixels, 30.0, person="A", stature=1.7)
    second = written_csv(tmp_path / "second.csv", pixels, 30.0, person="A", stature=1.7)
    with pytest.raises(CorpusMismatch, match=r"second.csv and .*first.csv hold walk of A"):
        recorded({"path": str(first)}, {"path": str(second)})
    other = written_csv(tmp_path / "other.csv", pixels, 30.0, person="A", trial="again", stature=1.7)
    assert len(recorded({"path": str(first)}, {"path": str(other)})) == 2, "one person may have two files"


def test_a_folder_named_as_somebody_of_a_table_is_not_taken_for_them(tmp_path, pixels):
    table = {"path": str(written_csv(tmp_path / "first.csv", pixels, 30.0, person="A", stature=1.7))}
    folder = {"path": str(written_folder(tmp_path / "A", [pixels])), **TOLD}
    for own in ((table, folder), (folder, table)):
        with pytest.raises(CorpusMismatch, match=r"A is the name of .*A.*give person"):
            recorded(*own)
    assert recorded(table, {**folder, "person": "A"}) == [("own A", "walk"), ("own A", "A")]


def test_every_file_that_is_read_is_hashed_whatever_the_case_of_its_ending(folders, tmp_path):
    folder = Path(folders[0]["path"])
    for i, file in enumerate(sorted(folder.iterdir())):
        file.rename(file.with_suffix((".JSON", ".Json", ".json")[i % 3]))
    (folder / "notes.txt").write_text("not read")
    run = Run(tmp_path, resolve_settings(RECIPE, own=[folders[0]]), shown=False)
    frames = len(own_records(run.settings)[0].pixels)
    before = own_sources(run)
    assert len(before) == frames
    last = max(folder.glob("*.JSON"))
    last.write_text(last.read_text() + " ")
    assert own_sources(run) != before

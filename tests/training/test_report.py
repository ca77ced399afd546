"""The report is one file that a real browser shows without an error and without asking the network."""

import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest

from synth.corpus import CorpusMismatch
from training.comparison import compare
from training.config import resolve_config
from training.csv_table import write_csv
from training.evaluation import evaluate
from training.leave_one_out import leave_one_subject_out, predict_mean_waveforms
from training.report.curves import collect_curves
from training.report.inputs import ReportInputs
from training.report.page import write_report
from training.report.run_directory import read_run
from training.report.run_table import timing_table
from training.report.table import format_cell, verdict_sentences

HOSTILE = "<script>alert('archive')</script>"


@pytest.fixture(scope="module")
def run_dir(walking_corpus, tmp_path_factory):
    """A run directory as the demo leaves it, with a small network."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copy(walking_corpus, folder / "reference.h5")
    config = resolve_config({"width": 8, "steps": 20, "batch": 8})
    paths = leave_one_subject_out(walking_corpus, folder, {"conv1d": config})
    paths["mean_waveform"] = predict_mean_waveforms(walking_corpus, folder / "mean_waveform.h5")
    errors = pd.concat([evaluate(walking_corpus, path, method) for method, path in paths.items()])
    write_csv(folder / "errors.csv", errors)
    write_csv(folder / "comparison.csv", compare(errors))
    archive = {
        "file": ["a/S01_walk.c3d", "a/S01_static.c3d", "b/broken.c3d"],
        "status": ["repaired", "accepted", "refused"],
        "reason": ["2 gaps filled", "", HOSTILE],
        "n_frames": [400, 120, float("nan")],
    }
    write_csv(folder / "import.csv", pd.DataFrame(archive))
    (folder / "timings.json").write_text('{"import": 3.2, "training": {"seconds": 41.5, "folds": 4}}', encoding="utf-8")
    (folder / "provenance.json").write_text('{"seed": 7, "versions": {"numpy": "2"}}', encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def report(run_dir):
    inputs, remarks = read_run(run_dir, "Four walkers & a <test>")
    assert remarks == ["motion.csv is missing (`kinesynth motion` writes it); the report says so in its place"]
    return write_report(inputs, run_dir / "report.html")


class Page(HTMLParser):
    """Collects headings, cells and everything that points elsewhere."""

    def __init__(self, text):
        super().__init__()
        self.links, self.tables, self.open_tags = [], 0, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.links += [value for key, value in attrs if key in ("src", "href", "action", "data") and value]
        self.tables += tag == "table"


def without_scripts(text):
    """The page as a reader of its source sees it, the script libraries cut out."""
    while "<script" in text:
        start = text.index("<script")
        text = text[:start] + text[text.index("</script>", start) + len("</script>") :]
    return text


def test_the_page_holds_its_tables_and_points_nowhere(report):
    text = without_scripts(report.read_text(encoding="utf-8"))
    page = Page(text)
    assert page.tables >= 7
    assert all(link.startswith(("#", "data:")) for link in page.links)
    for words in ("Joint angle RMSE", "Mean waveform", "Conv1D", "2 gaps filled", "n = 4", "13.5°", "tier T1", "41.5"):
        assert words in text, words
    assert "@import" not in text
    assert "url(" not in text


def test_text_from_the_archive_is_shown_never_run(report):
    text = report.read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert "&lt;script&gt;alert" in text
    assert "Four walkers &amp; a &lt;test&gt;" in text


def test_the_script_library_is_there_once(report):
    assert report.read_text(encoding="utf-8").count("plotly.js v") == 1


def test_a_browser_draws_the_curves_without_an_error(report, chromium_dom):
    for size in ("1200,900", "400,800"):
        page, console = chromium_dom(report, size)
        assert not console
        assert 'data-drawn="yes"' in page
        assert page.count('class="main-svg"') >= 12
        assert page.count("js-line") > 20


def test_curves_are_whole_cycles_and_the_reference_has_no_error(walking_corpus, run_dir):
    curves = collect_curves({"reference": walking_corpus, "conv1d": run_dir / "conv1d.h5", "self": walking_corpus})
    assert curves["methods"] == ["reference", "conv1d", "self"]
    assert [entry["code"] for entry in curves["subjects"]] == ["S01", "S02", "S03", "S04"]
    knee = curves["curves"]["S01"]["r"]["knee_angle"]
    assert len(knee["reference"]) == 101
    assert knee["reference"] == knee["self"]
    assert knee["reference"][0] == knee["reference"][-1]
    assert 25 < max(knee["reference"]) < 80
    mean = curves["mean"]["l"]["vertical_force"]["reference"]
    assert len(mean["sd"]) == 101
    assert collect_curves({"conv1d": walking_corpus}) == {}


def test_an_empty_run_says_what_is_missing_and_still_is_a_page(tmp_path):
    page = write_report(ReportInputs(title="Nothing"), tmp_path / "deep" / "report.html")
    text = page.read_text(encoding="utf-8")
    assert text.count("Not in this run") >= 6
    assert len(text) < 30_000
    assert [path.name for path in page.parent.iterdir()] == ["report.html"]


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(CorpusMismatch, match="found none"):
        read_run(tmp_path)
    with pytest.raises(CorpusMismatch, match="found no folder"):
        read_run(tmp_path / "nowhere")


def test_damaged_parts_are_remarked_not_fatal(run_dir, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run_dir, folder)
    (folder / "timings.json").write_text("{", encoding="utf-8")
    (folder / "conv1d.h5").write_bytes(b"half")
    (folder / "comparison.csv").unlink()
    inputs, remarks = read_run(folder)
    assert any("timings.json" in remark for remark in remarks)
    assert any("conv1d.h5" in remark for remark in remarks)
    assert inputs.comparison is not None
    assert list(inputs.corpora) == ["reference", "mean_waveform"]
    assert "Not in this run: timings" in write_report(inputs, folder / "report.html").read_text(encoding="utf-8")


def test_numbers_and_timings_read_well():
    assert [format_cell(v) for v in (1.23456, 400.0, float("nan"), None, True, "x", 12345.6)] == [
        "1.23",
        "400",
        "–",
        "–",
        "yes",
        "x",
        "12346",
    ]
    assert timing_table({"a": 1.0})["seconds"].tolist() == [1.0]
    assert timing_table([{"stage": "a", "seconds": 2.0}])["stage"].tolist() == ["a"]
    assert timing_table(None) is None
    assert verdict_sentences(None) == []

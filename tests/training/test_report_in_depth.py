"""The report shows agreement, trials and subjects, and nobody's name."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from mocap_import.subject import Subject
from synth.corpus import CorpusWriter
from training.cli import report_app
from training.config import resolve_config
from training.csv_table import write_csv
from training.evaluation import evaluate
from training.leave_one_out import leave_one_subject_out, predict_mean_waveforms
from training.report.anonymous import recoding_of
from training.report.bland_altman import agreement_pairs, agreement_rows, limits_of_agreement
from training.report.curves import PANELS, TrialWaveforms
from training.report.run_directory import read_run
from training.report.trial_quality import refusal_rows, subject_rows, trial_rows

HOSTILE = "<script>alert('report')</script>"
PEOPLE = ("Anna_Mueller", "Zoe", "HC002D", "17")
NAMES = ("mueller", "zoe", "hc002d")


@pytest.fixture(scope="module")
def run_dir(make_walking_trial, tmp_path_factory):
    """A run about people whose codes are their names, in a foreign archive."""
    folder, rng = tmp_path_factory.mktemp("people"), np.random.default_rng(5)
    with CorpusWriter(folder / "reference.h5", role="reference", seed=1, sources={"Zoe/gang.c3d": "ab"}) as corpus:
        for person in PEOPLE:
            subject = Subject(person, mass=70.0, height=1.7)
            for name in ("walk_1", f"{person.lower()} walk_2"):
                corpus.append(make_walking_trial(subject, rng.uniform(0.9, 1.6), name, rng))
    config = resolve_config({"width": 8, "steps": 4, "batch": 4})
    paths = leave_one_subject_out(folder / "reference.h5", folder, {"conv1d": config})
    paths["mean_waveform"] = predict_mean_waveforms(folder / "reference.h5", folder / "mean_waveform.h5")
    paths["optimal_control"] = paths["mean_waveform"]
    tables = [evaluate(folder / "reference.h5", path, method) for method, path in paths.items()]
    refused = (tables[0]["subject"] == "Zoe") & (tables[0]["trial"] == "walk_1")
    tables[0] = tables[0][~refused | (tables[0]["metric"] == "refused")]
    tables[0].loc[refused & (tables[0]["metric"] == "refused"), ["value", "note"]] = [
        1.0,
        f"{HOSTILE}: no sensor of Zoe",
    ]
    write_csv(folder / "errors.csv", pd.concat(tables))
    archive = {
        "file": ["Anna Mueller/Mueller_gang.c3d", "Zoe/gang.c3d", "HC002D/x1.c3d"],
        "subject": ["Anna_Mueller", "Zoe", "HC002D"],
        "trial": ["walk_1", "walk_1", "walk_1"],
        "task": ["walk", "walk", "static"],
        "status": ["accepted", "refused", "accepted"],
        "reason": ["", f"Mueller_gang is no recording of zoe {HOSTILE}: really", ""],
        "verdict": ["good", "", "good"],
        "verdict_reasons": ["", "", ""],
        "n_cycles": [4, 0, 0],
        "n_usable_steps": [2, 0, 0],
    }
    write_csv(folder / "import.csv", pd.DataFrame(archive))
    return folder


@pytest.fixture(scope="module")
def pages(run_dir):
    """The page by default and with names."""
    made = {}
    for option in ((), ("--names",)):
        out = run_dir / f"page{len(option)}.html"
        result = CliRunner().invoke(report_app, [str(run_dir), "--out", str(out), "--title", "Zoe and others", *option])
        assert result.exit_code == 0, result.output
        made[option] = out
    return made


def test_limits_of_agreement_are_those_computed_by_hand():
    # Subjects' means 2 and 6: MS between 16, MS within 2, 2 pairs each: variances 7 and 2, together 9.
    found = limits_of_agreement([1, 3, 5, 7], ["a", "a", "b", "b"])
    assert (found.n_subjects, found.n_pairs, found.bias) == (2, 4, 4.0)
    assert found.sd_within == pytest.approx(np.sqrt(2))
    assert found.sd_between == pytest.approx(np.sqrt(7))
    assert (found.low, found.high) == pytest.approx((4 - 1.96 * 3, 4 + 1.96 * 3))


def test_limits_without_repetitions_are_the_classical_ones_and_one_subject_has_none():
    differences = [1.0, 2.0, 4.0, 7.0]
    found = limits_of_agreement(differences, list("abcd"))
    reach = 1.96 * np.std(differences, ddof=1)
    assert (found.low, found.high) == pytest.approx((3.5 - reach, 3.5 + reach))
    assert np.isnan(found.sd_within)
    assert np.isnan(limits_of_agreement([1, 2], ["a", "a"]).low)


def test_limits_hold_the_declared_share_of_simulated_differences():
    rng = np.random.default_rng(0)
    people = rng.normal(1.0, 2.0, 400)
    differences = (people[:, None] + rng.normal(0, 1.5, (400, 5))).ravel()
    found = limits_of_agreement(differences.tolist(), np.repeat([str(i) for i in range(400)], 5).tolist())
    assert found.sd_between == pytest.approx(2.0, rel=0.1)
    assert found.sd_within == pytest.approx(1.5, rel=0.05)
    new = rng.normal(1.0, 2.0, 20000) + rng.normal(0, 1.5, 20000)
    assert np.mean((new > found.low) & (new < found.high)) == pytest.approx(0.95, abs=0.02)


def test_pairs_are_taken_from_cycles_and_a_missing_estimate_makes_none():
    cycle = np.sin(np.linspace(0, 2 * np.pi, 101))[:, None] * np.arange(1, len(PANELS) + 1)
    waveforms = {"reference": cycle, "a": 2 * cycle, "b": np.full_like(cycle, np.nan)}
    trial = TrialWaveforms("S", "t", "r", waveforms, {"reference": 1.0, "a": 1.5, "b": np.nan})
    pairs = agreement_pairs([trial]).set_index("quantity")
    assert set(pairs["method"]) == {"a"}
    assert pairs.loc["Knee flexion, range", ["truth", "estimate"]].tolist() == pytest.approx([4.0, 8.0], rel=1e-3)
    assert pairs.loc["Knee flexion, maximum", "truth"] == pytest.approx(2.0, rel=1e-3)
    assert pairs.loc["Walking speed", ["truth", "estimate"]].tolist() == [1.0, 1.5]
    assert agreement_rows(agreement_pairs([])) is None


def test_no_name_is_on_the_page_by_default_and_all_are_on_request(pages):
    anonymous, named = (pages[option].read_text(encoding="utf-8") for option in ((), ("--names",)))
    anonymous = anonymous.replace("Plotly", "").lower()
    scripts = anonymous.index("<script>")
    own = anonymous[:scripts] + anonymous[anonymous.index('<script type="application/json"') :]
    for name in (*NAMES, "gang.c3d"):
        assert name not in own, name
    for word in ("subject 1", "subject 4", "file 2"):
        assert word in own, word
    for name in ("Anna_Mueller", "Zoe and others", "HC002D", "Mueller_gang.c3d"):
        assert name in named, name


def test_codes_are_replaced_however_they_are_written():
    recoding = recoding_of(["Anna_Mueller", "S01", "S012", "Zoe", "7", "Koch"])
    said = recoding.text("anna mueller_01 s01_walk S012 zoe Zoetrope koch2walk 7 trials")
    assert said == "Subject 2_01 Subject 4_walk Subject 5 Subject 6 Zoetrope Subject 32walk 7 trials"
    assert recoding.subject("7") == "Subject 1"
    nested = {"labels_used": {"S01": {"trials": 3}}, "sources": {"reference.h5": "a", "Zoe/x.c3d": "b"}, "n": 2}
    expected = {"labels_used": {"Subject 4": {"trials": 3}}, "sources": {"reference.h5": "a", "source 2": "b"}, "n": 2}
    assert recoding.data(nested) == expected


def test_each_trial_tells_its_recording_and_what_every_method_made_of_it(run_dir):
    inputs, _ = read_run(run_dir)
    table = trial_rows(inputs).set_index(["subject", "trial"])
    assert len(table) == 8
    assert table.loc[("Zoe", "walk_1"), "recording"] == "refused"
    assert table.loc[("Zoe", "walk_1"), "Conv1D"].startswith("refused: <script>")
    assert table.loc[("Anna_Mueller", "walk_1"), "verdict"] == "good"
    assert table.loc[("Anna_Mueller", "walk_1"), "Mean waveform"].endswith("°")
    stages = refusal_rows(inputs).set_index("stage")
    assert stages.loc["recordings", ["n_trials", "done", "refused"]].tolist() == [3, 2, 1]
    assert stages.loc["Conv1D", ["n_trials", "done", "refused"]].tolist() == [8, 7, 1]
    by_subject = subject_rows(inputs.errors, ["angle_rmse"]).set_index("subject")
    own = inputs.errors.query("method == 'conv1d' and metric == 'angle_rmse' and subject == 'Zoe'")
    joints = own[own["coordinate"].str.startswith(("hip", "knee", "ankle"))]
    assert by_subject.loc["Zoe", "Conv1D"] == pytest.approx(joints["value"].mean())


def test_a_browser_draws_agreement_bands_and_losses_and_runs_nothing_hostile(pages, chromium_dom):
    dom, console = chromium_dom(pages[()])
    assert not console
    assert 'data-drawn="yes"' in dom
    assert HOSTILE not in dom
    for section in ("agreement-panels", "losses", "panels"):
        assert f'id="{section}"' in dom
    body = dom[: dom.index("<script>")]
    figure = body[body.index('id="agreement-panels"') : body.index("Bland-Altman: estimate")]
    assert figure.count('class="main-svg"') >= 2
    assert figure.count("js-line") >= 3 * 2  # bias and two limits a method
    assert "Against the optimal-control baseline" in body
    assert "Optimal control (“the other”)" in body
    assert "HC002D" not in body


def test_every_method_has_a_band(pages):
    text = pages[()].read_text(encoding="utf-8")
    start = text.index('<script type="application/json" id="data">') + len('<script type="application/json" id="data">')
    data = json.loads(text[start : text.index("</script>", start)])
    for method in ("reference", "conv1d", "mean_waveform"):
        assert len(data["curves"]["mean"]["r"]["knee_angle"][method]["sd"]) == 101
    assert [panel["method"] for panel in data["losses"]] == ["conv1d"]
    assert [entry["code"] for entry in data["curves"]["subjects"]] == [f"Subject {n}" for n in (1, 2, 3, 4)]

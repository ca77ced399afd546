"""The demonstration resumes where it stopped, and its numbers are sane."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from kinesynth_demo import DemoSettings, archive_inputs
from mocap_import.trial import TrialRefused
from recipes.run import Run, Stage, read_stages, run_stage
from synth.virtual_archive import make_archive


def counted(run, name, product, depends, calls):
    """A stage that counts its runs."""

    def work(_):
        calls.append(name)
        product.write_text("done")
        return "done"

    run_stage(run, Stage(name, product.name, depends, work))


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path, DemoSettings(archive=tmp_path / "archive"), shown=False)


def test_a_finished_stage_is_not_done_again(run):
    calls = []
    for _ in range(2):
        counted(run, "first", run.folder / "a", (), calls)
    assert calls == ["first"]


def test_a_stage_without_its_product_is_done_again(run):
    calls = []
    counted(run, "first", run.folder / "a", (), calls)
    (run.folder / "a").unlink()
    counted(run, "first", run.folder / "a", (), calls)
    assert calls == ["first", "first"]


def test_another_seed_redoes_everything_after_it(run):
    calls = []
    for seed in (1, 2):
        run.settings = run.settings.model_copy(update={"seed": seed})
        counted(run, "first", run.folder / "a", (), calls)
        counted(run, "second", run.folder / "b", ("first",), calls)
    assert calls == ["first", "second"] * 2


def test_a_stage_that_was_redone_redoes_what_depends_on_it(run):
    calls = []
    counted(run, "first", run.folder / "a", (), calls)
    counted(run, "second", run.folder / "b", ("first",), calls)
    (run.folder / "a").unlink()
    counted(run, "first", run.folder / "a", (), calls)
    counted(run, "second", run.folder / "b", ("first",), calls)
    assert calls == ["first", "second", "first", "second"]


def test_an_interrupted_stage_leaves_the_earlier_ones_finished(run):
    calls = []
    counted(run, "first", run.folder / "a", (), calls)

    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stage(run, Stage("second", "b", ("first",), interrupted))
    remembered = json.loads((run.folder / "stages.json").read_text())
    assert list(remembered) == ["first"]


def test_a_changed_archive_is_converted_again(run):
    run.settings.archive.mkdir()
    (run.settings.archive / "a.c3d").write_bytes(b"one")
    calls = []
    for content in (b"one", b"more"):
        (run.settings.archive / "a.c3d").write_bytes(content)

        def work(_):
            calls.append("import")
            (run.folder / "import.csv").write_text("done")
            return "done"

        run_stage(run, Stage("import", "import.csv", (), work, archive_inputs))
    assert calls == ["import", "import"]


def test_a_damaged_record_of_stages_is_no_record(tmp_path):
    (tmp_path / "stages.json").write_text("{damaged")
    assert read_stages(tmp_path) == {}


def test_an_archive_of_somebody_is_never_replaced(tmp_path):
    """The demonstration makes its archive in OUT/archive; what it did not make itself stays."""
    precious = tmp_path / "archive" / "S01.c3d"
    precious.parent.mkdir()
    precious.write_bytes(b"a recording")
    with pytest.raises(TrialRefused, match="will not be replaced"):
        make_archive(precious.parent, tmp_path / "truth", n_subjects=2, seed=1)
    assert precious.read_bytes() == b"a recording"


@pytest.mark.parametrize("option", [("--workers", "0"), ("--seed", "-1"), ("--subjects", "0")])
def test_impossible_options_are_wrong_usage(option, tmp_path):
    done = demonstrate(tmp_path / "demo", *option)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def demonstrate(folder, *arguments):
    command = [sys.executable, "-m", "kinesynth", "demo", "--out", str(folder), "--json", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=1500)


@pytest.mark.slow
def test_the_demonstration_meets_its_checks(tmp_path):
    done = demonstrate(tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    checks = pd.read_csv(tmp_path / "demo" / "checks.csv")
    of_networks = checks.check.str.startswith("angle RMSE of")
    assert checks[~of_networks].met.all(), checks.to_string()
    errors = pd.read_csv(tmp_path / "demo" / "comparison.csv").pivot(index="measure", columns="method", values="mean")
    for network in ("conv1d", "lstm"):
        # turned sensors hide the mean angle, so in raw angles nobody is far from the mean waveform
        assert errors.loc["angle_rmse", network] < 1.1 * errors.loc["angle_rmse", "mean_waveform"]
        for measure in ("moment_rmse", "speed_error"):
            assert errors.loc[measure, network] < errors.loc[measure, "mean_waveform"], measure
    assert errors.loc["angle_rmse", "optimal_control"] < errors.loc["angle_rmse", "mean_waveform"]
    imported = pd.read_csv(tmp_path / "demo" / "import.csv")
    assert set(imported.status) == {"accepted", "repaired", "refused"}
    assert imported[imported.status == "refused"].reason.str.len().min() > 20
    assert (tmp_path / "demo" / "report.html").stat().st_size > 100_000


@pytest.mark.slow
@pytest.mark.parametrize("archive", ["rbds_running", "mcgill_walk_youth"])
def test_a_real_archive_runs_to_the_end_with_a_gait_for_every_subject(archive, data_dir, tmp_path):
    done = demonstrate(tmp_path / "demo", "--archive", str(data_dir / archive))
    assert done.returncode in (0, 3), done.stderr
    solutions = pd.read_csv(tmp_path / "demo" / "reference.csv")
    converged = set(solutions[solutions.status == "converged"].subject)
    people = set(pd.read_csv(tmp_path / "demo" / "import.csv").subject)
    assert converged == people, solutions[["subject", "trial", "status", "reason"]].to_string()
    assert (tmp_path / "demo" / "report.html").exists()

"""The training page tells the truth: its example runs, its configuration is the default, its metrics exist."""

import re
import shutil
import tomllib

from training.config import resolve_config
from training.metric import WAVEFORM_METRICS


def test_the_example_runs_as_it_is_printed(repository, walking_corpus, tmp_path, monkeypatch, capsys):
    shutil.copy(walking_corpus, tmp_path / "reference.h5")
    monkeypatch.chdir(tmp_path)
    page = (repository / "docs" / "training.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 1
    exec(compile(blocks[0], "training.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "conv1d" in printed
    assert "mean_waveform" in printed


def test_the_printed_configuration_is_the_default_and_complete(repository):
    page = (repository / "docs" / "training.md").read_text(encoding="utf-8")
    printed = tomllib.loads(re.search(r"```toml\n(.*?)```", page, re.DOTALL).group(1))
    default = resolve_config({}).model_dump(mode="json")
    assert printed == default


def test_every_metric_is_on_the_page(repository):
    page = (repository / "docs" / "training.md").read_text(encoding="utf-8")
    for measure in WAVEFORM_METRICS:
        assert f"_{measure}`" in page, measure

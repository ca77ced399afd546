"""The examples of the corpus and convention pages run as they are printed."""

import re

import pytest


@pytest.mark.parametrize("page", ["corpus.md", "conventions.md"])
def test_examples_of_the_page_run(page, repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (repository / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {})

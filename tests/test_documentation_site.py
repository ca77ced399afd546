"""The documentation as a site: it builds without a warning, loads nothing from the network, and leaves no page out."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from browser_page import BrowserPage

API = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)


def navigation(repository):
    """Pages of the navigation; the rest of the configuration is the site generator's."""
    text = (repository / "mkdocs.yml").read_text(encoding="utf-8")
    waiting, pages = list(yaml.safe_load(text)["nav"]), []
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, str):
            pages.append(entry)
        else:
            for content in entry.values():
                waiting += content if isinstance(content, list) else [content]
    return pages


def test_every_page_has_one_place_in_the_navigation(repository):
    pages = navigation(repository)
    assert len(pages) == len(set(pages))
    assert set(pages) == {p.relative_to(repository / "docs").as_posix() for p in (repository / "docs").rglob("*.md")}


def documented(repository):
    return API.findall((repository / "docs" / "api.md").read_text(encoding="utf-8"))


def is_documented(repository, module, name):
    """Whether a module defines a name with documentation, or takes it from a module of ours that does; not imported."""
    place = repository.joinpath(*module.split("."))
    source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    text = source.read_text(encoding="utf-8")
    body = ast.parse(text).body
    guarded = [inner for node in body if isinstance(node, ast.If) for inner in node.body]  # if TYPE_CHECKING
    for node in body + guarded:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return bool(ast.get_docstring(node))
        if isinstance(node, ast.ImportFrom) and name in {alias.asname or alias.name for alias in node.names}:
            return is_documented(repository, node.module, name)
        if isinstance(node, ast.Assign | ast.AnnAssign):  # a constant
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if name in {target.id for target in targets if isinstance(target, ast.Name)}:
                return True
    return False


def test_the_reference_names_what_is_there_and_documented(repository):
    names = documented(repository)
    assert len(names) == len(set(names))
    for name in names:
        module, _, attribute = name.rpartition(".")
        assert is_documented(repository, module, attribute), f"{name} is not there, or says nothing of itself"


def test_whatever_the_pages_import_is_in_the_reference(repository):
    pages = [*(repository / "docs").rglob("*.md"), repository / "README.md", repository / "CONTRIBUTING.md"]
    used = set()
    for page in pages:
        for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            imports = re.findall(
                r"^\s*from ((?:mocap_import|opensim_models|synth|training|recipes)[\w.]*) import (\([^)]*\)|.+)",
                block,
                re.M,
            )
            for module, names in imports:
                words = [word.partition("#")[0].split(" as ")[0].strip() for word in names.strip("()").split(",")]
                used |= {f"{module}.{word}" for word in words if word}
    same = {"synth.imu.error_recipe.ImuErrors": "synth.corpus.ImuErrors"}
    assert {same.get(name, name) for name in used} - set(documented(repository)) == set()


def test_the_glossary_is_in_order_and_says_each_word_once(repository):
    words = re.findall(r"^- \*\*(.+?)\*\*: ", (repository / "docs" / "glossary.md").read_text(encoding="utf-8"), re.M)
    assert len(words) > 30
    assert words == sorted(set(words), key=str.casefold)


@pytest.fixture(scope="module")
def site(repository, tmp_path_factory):
    """The built site: its folder, and what the build said."""
    if importlib.util.find_spec("mkdocs") is None or importlib.util.find_spec("mkdocstrings") is None:
        message = "mkdocs-material and mkdocstrings build the site: pip install 'kinesynth[docs]'"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder, done.stderr


@pytest.mark.slow
def test_the_search_finds_pages_of_a_site_that_is_opened_from_a_folder(site):
    folder, _ = site
    with BrowserPage() as page:
        page.open(folder / "index.html")
        page.wait("document.querySelector('.md-search__input')")
        page.value("document.querySelector('.md-search__input').focus()")
        page.call("Input.insertText", text="treadmill")
        page.call("Input.dispatchKeyEvent", type="keyUp", key="l")  # the search looks when a key comes up
        page.wait("document.querySelectorAll('.md-search-result__item').length > 3", 60.0)
        found = page.value("document.querySelector('.md-search-result__list').textContent.toLowerCase()")
        assert "treadmill" in found
        assert page.errors == []
        assert page.requests == []


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_loads_nothing_from_the_network(repository, site):
    folder, said = site
    assert "WARNING" not in said, said[-4000:]
    for page in navigation(repository):
        text = (folder / page).with_suffix(".html").read_text(encoding="utf-8")
        assert re.findall(r"<(?:script|img|iframe|link)[^>]+(?:src|href)=\"?(?:https?:)?//[^\" >]+", text) == [], page
    reference = (folder / "api.html").read_text(encoding="utf-8")
    for name in documented(repository):
        assert f'id="{name}"' in reference, name

"""The frame holds: style, who may import whom, what the wheel ships, what the documents claim."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("mocap_import", "opensim_models", "synth", "training", "recipes")
FRONT = ("kinesynth", "kinesynth_demo", "kinesynth_doctor")
LONGEST_FILE = 350
# library -> where it may be imported, at the top of a file or inside a function
HOMES = {
    "opensim": ("opensim_models/osim/library.py",),
    "casadi": ("synth/optimal_control/", "kinesynth_doctor.py"),
    "torch": ("training/", "kinesynth_doctor.py"),
    "ezc3d": ("mocap_import/c3d", "mocap_import/export/c3d_writer.py", "kinesynth_doctor.py"),
    "c3d": ("mocap_import/c3d",),
    "h5py": ("mocap_import/trial_store.py", "synth/corpus", "kinesynth_doctor.py"),
    "pyarrow": ("synth/exchange/",),
    "xarray": ("synth/exchange/",),
    "nimblephysics_libs": ("synth/exchange/b3d_file.py",),
    "spm1d": (),
}


def sources(repository: Path) -> list[Path]:
    """Every Python file that is shipped."""
    inside = [path for package in PACKAGES for path in sorted((repository / package).rglob("*.py"))]
    return inside + [repository / f"{name}.py" for name in FRONT]


def imported(tree: ast.AST) -> set[str]:
    """Full names of the modules that a file imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module)
    return names


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, timeout=300)


def test_the_style_rules_hold(repository):
    checked = run(sys.executable, "-m", "ruff", "check", "--no-cache", ".", cwd=repository)
    assert checked.returncode == 0, checked.stdout[-4000:]
    formatted = run(sys.executable, "-m", "ruff", "format", "--check", "--no-cache", ".", cwd=repository)
    assert formatted.returncode == 0, formatted.stdout[-4000:]


def test_data_flows_one_way(repository):
    lint = Path(sys.executable).with_name("lint-imports")
    done = run(lint, "--no-cache", cwd=repository)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "0 broken" in done.stdout


def test_each_native_library_is_imported_only_in_its_home(repository):
    wrong = []
    for path in sources(repository):
        place = path.relative_to(repository).as_posix()
        for name in imported(ast.parse(path.read_text(encoding="utf-8"))):
            homes = HOMES.get(name.split(".")[0])
            if homes is not None and not any(place.startswith(home) for home in homes):
                wrong.append(f"{place} imports {name}")
    assert wrong == []


def test_nothing_imports_the_front_door_and_only_workers_load_opensim(repository):
    wrong = []
    for path in sources(repository):
        place = path.relative_to(repository).as_posix()
        names = imported(ast.parse(path.read_text(encoding="utf-8")))
        if path.parent.name in PACKAGES and names & set(FRONT):
            wrong.append(f"{place} imports the front door")
        inside = place.startswith("opensim_models/osim/") or place == "kinesynth_doctor.py"
        if "opensim_models.osim.library" in names and not inside:
            wrong.append(f"{place} would load OpenSim into the caller's process")
    client = (repository / "opensim_models" / "osim" / "client.py").read_text(encoding="utf-8")
    assert not any(name.startswith("opensim_models.osim") for name in imported(ast.parse(client)))
    assert wrong == []


FIRST = """
import importlib, sys
for name in sys.argv[1:]:
    for loaded in [key for key in sys.modules if key.split(".")[0] in {packages}]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except ImportError as problem:
        print(f"{{name}}: {{problem}}")
"""


def test_every_module_of_the_corpus_and_its_sensors_may_be_imported_first(repository):
    """A circle of imports shows only to those who enter it at the wrong place."""
    rooms = [path for room in ("corpus", "imu", "exchange") for path in (repository / "synth" / room).glob("*.py")]
    paths = sorted([*rooms, *(repository / "synth").glob("*.py")])
    names = [".".join(path.relative_to(repository).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    done = run(sys.executable, "-c", FIRST.format(packages=PACKAGES), *names, cwd=repository)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not done.stdout, done.stdout


def test_no_file_outgrows_its_noun(repository):
    long = {
        path.relative_to(repository).as_posix(): lines
        for path in sources(repository)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert long == {}


def test_no_work_is_left_in_the_source(repository):
    for path in sources(repository):
        found = re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", path.read_text(encoding="utf-8"))
        assert found is None, f"{path}: {found}"


def test_the_wheel_holds_every_module_and_data_file_and_no_test(repository, tmp_path):
    tree = tmp_path / "source"
    ignored = shutil.ignore_patterns(
        ".git", ".venv*", "build", "dist", "*.egg-info", "__pycache__", "tests", "kinesynth-demo"
    )
    shutil.copytree(repository, tree, ignore=ignored)
    built = run(
        *(sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--quiet"),
        *("--wheel-dir", tmp_path, tree),
        cwd=tmp_path,
    )
    assert built.returncode == 0, built.stderr[-3000:]
    (wheel,) = tmp_path.glob("kinesynth-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {name for name in names if ".dist-info/" not in name}
    data = {".toml", ".html", ".css", ".js", ".json", ".csv", ".osim", ".md", ".safetensors"}
    expected = {path.relative_to(repository).as_posix() for path in sources(repository)}
    for package in PACKAGES:
        for path in (repository / package).rglob("*"):
            if path.suffix in data:
                expected.add(path.relative_to(repository).as_posix())
    assert shipped == expected
    assert any(name.endswith("LICENSE") for name in names)


def pins(repository: Path, name: str) -> dict[str, str]:
    """Exact versions of a lock file by canonical name."""
    lines = (repository / name).read_text(encoding="utf-8").splitlines()
    entries = [line.partition(";")[0].strip() for line in lines if line.strip() and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", entry) for entry in entries), "exact, no local version"
    return {canonicalize_name(entry.split("==")[0]): entry.split("==")[1] for entry in entries}


def closure(requirements: list[str]) -> set[str]:
    """Every distribution that the requirements need here."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = requirement.extras or {""}
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        if name not in found:
            found.add(name)
            waiting += [Requirement(text) for text in metadata.distribution(name).requires or ()]
    return found


def test_the_lock_pins_everything_that_the_project_needs(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = pins(repository, "requirements.lock")
    for text in project["dependencies"]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), text
    in_tests = locked | pins(repository, "requirements-test.lock")
    for text in project["optional-dependencies"]["test"]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(in_tests[canonicalize_name(requirement.name)]), text
    plain = {name for name in closure(project["dependencies"]) if not name.startswith(("nvidia-", "triton", "cuda-"))}
    assert plain <= set(locked), "the libraries of a GPU build of torch are left to torch itself"
    assert "setuptools" in locked, "the editable install needs no build isolation, hence no network"
    assert set(locked).isdisjoint(pins(repository, "requirements-test.lock"))


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_without_a_fitting_python_the_environment_says_so(repository, tmp_path):
    done = run("make", "env", "PYTHON=", f"VENV={tmp_path / 'venv'}", cwd=repository)
    assert done.returncode != 0
    assert "No Python 3.11, 3.12 or 3.13" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_no_index_host_is_named(repository):
    for name in ("Makefile", "requirements.lock", "requirements-test.lock", "pyproject.toml", ".ci/run"):
        text = (repository / name).read_text(encoding="utf-8")
        assert not re.search(r"--(extra-)?index-url|--find-links|https?://", text), name


def test_the_version_is_the_same_everywhere(repository):
    version = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"## {version}" in (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"version: {version}" in (repository / "CITATION.cff").read_text(encoding="utf-8")


DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{p.relative_to(REPOSITORY / 'docs').as_posix()}" for p in REPOSITORY.glob("docs/**/*.md")),
]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_examples_run(name, repository, tmp_path, monkeypatch):
    """Python blocks of a document run in order in one namespace; `<!-- not run: reason -->` above one leaves it out."""
    text = (repository / name).read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    namespace: dict = {"__name__": "document"}
    for block in re.finditer(r"(<!-- not run: [^>]+-->\s*)?```python\n(.*?)```", text, flags=re.DOTALL):
        if block.group(1) is None:
            line = text[: block.start(2)].count("\n")
            exec(compile("\n" * line + block.group(2), name, "exec"), namespace)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documents_links_lead_somewhere(name, repository):
    text = (repository / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text):
        assert ((repository / name).parent / target).exists(), f"{name}: {target}"


def test_the_map_names_every_room(repository):
    """docs/architecture.md says where everything lives: no file is missing from it."""
    named = set(re.findall(r"`([a-z_0-9]+)`", (repository / "docs" / "architecture.md").read_text(encoding="utf-8")))
    missing = [str(path) for path in sources(repository) if path.stem != "__init__" and path.stem not in named]
    assert missing == []

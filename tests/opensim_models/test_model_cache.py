"""A model is described once: the second reading is quick and starts no OpenSim, a damaged entry is made anew."""

import json
import time
from pathlib import Path

import pytest

from opensim_models.model import cache as model_cache
from opensim_models.model import osim_skeleton
from opensim_models.model.cache import cache_folder, cached_description
from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model_mismatch import ModelMismatch

RAJAGOPAL = "opensim_core/rajagopal_walk/subject_walk_scaled.osim"


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """A cache of this test alone."""
    monkeypatch.setenv("KINESYNTH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def entries(cache):
    return sorted((cache / "models").iterdir())


def test_a_known_model_starts_no_opensim_and_is_quick(cache, data_dir, monkeypatch):
    first = read_osim(data_dir / RAJAGOPAL)
    monkeypatch.setattr(osim_skeleton, "describe_model", lambda path: pytest.fail("OpenSim was asked again"))
    took = []
    for _ in range(5):
        began = time.process_time()
        again = read_osim(data_dir / RAJAGOPAL)
        took.append(time.process_time() - began)
    assert again == first
    assert min(took) < 0.02


def test_the_place_of_the_file_does_not_matter_but_its_content_does(cache, built_models, tmp_path):
    content = built_models["planar"].read_text()
    for name in ("a.osim", "b.osim"):
        (tmp_path / name).write_text(content)
        read_osim(tmp_path / name)
    assert len(entries(cache)) == 1
    (tmp_path / "a.osim").write_text(content.replace("1.3", "1.4"))
    assert read_osim(tmp_path / "a.osim").mass > read_osim(tmp_path / "b.osim").mass
    assert len(entries(cache)) == 2


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"key": "other", "description": {}}', b"\xff\xfe"])
def test_a_damaged_entry_is_made_anew(cache, built_models, damage):
    whole = read_osim(built_models["planar"])
    (entry,) = entries(cache)
    entry.write_bytes(damage)
    assert read_osim(built_models["planar"]) == whole
    assert json.loads(entry.read_bytes())["description"]["name"] == "planar"
    assert entries(cache) == [entry], "no temporary file stays behind"


def test_an_entry_of_another_version_is_not_taken(cache, monkeypatch):
    calls = []

    def describe():
        calls.append(1)
        return {"n": len(calls)}

    assert cached_description(b"model", describe) == {"n": 1} == cached_description(b"model", describe)
    monkeypatch.setattr(model_cache, "_opensim_version", lambda: "9.9")
    assert cached_description(b"model", describe) == {"n": 2}
    monkeypatch.setattr(model_cache, "DESCRIPTION_FORMAT", 999)
    assert cached_description(b"model", describe) == {"n": 3}


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KINESYNTH_CACHE", str(tmp_path / "file"))
    assert cached_description(b"model", lambda: {"x": (1, 2)}) == {"x": [1, 2]}


def test_a_refusal_is_not_kept(cache):
    def refuse():
        raise ModelMismatch("no model")

    for _ in range(2):
        with pytest.raises(ModelMismatch):
            cached_description(b"model", refuse)
    assert not cache.exists()


def test_the_folder_follows_the_platform(monkeypatch):
    monkeypatch.delenv("KINESYNTH_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere/cache")
    assert cache_folder() == Path("somewhere/cache/kinesynth")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "kinesynth"

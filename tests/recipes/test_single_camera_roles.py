"""Nobody has two roles, whether drawn or recorded, and forces of one trial are given to no other."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from recipes.recipe import resolve_settings
from recipes.run import Run
from recipes.single_camera import RECIPE
from recipes.single_camera.filming import recorded_gaits
from recipes.single_camera.population import make_population
from recipes.single_camera.settings import RealCorpus
from synth.corpus import CorpusWriter
from synth.corpus.schema import CorpusMismatch

sys.path.insert(0, str(Path(__file__).parents[1] / "synth" / "camera"))
from made_gait import made_trial


def recorded_corpus(path, trials=("walk_01",)):
    """A corpus of recordings: nobody in it is drawn from a seed."""
    with CorpusWriter(path, config={"motion": "lab"}) as writer:
        for name in trials:
            writer.append(replace(made_trial(3.0, person="S1", sway=0.0), name=name))
    return path


def populated(folder, monkeypatch, **chosen):
    """The stage of populations, which solves nobody here."""
    monkeypatch.setattr("recipes.single_camera.population._made", lambda *given: "")
    settings = resolve_settings(RECIPE, n_other=0, n_far=0, **chosen)
    make_population(Run(folder, settings, shown=False))


def test_recorded_people_teach_nobody_beside(tmp_path, monkeypatch):
    path = recorded_corpus(tmp_path / "lab.h5")
    with pytest.raises(CorpusMismatch, match=r"setting beside: .*lab.h5 holds nobody drawn from a seed.*setting real"):
        populated(tmp_path, monkeypatch, beside=[str(path)])


@pytest.mark.parametrize("how", ["same name", "other way", "link", "copy"])
def test_one_file_of_recordings_has_one_role(tmp_path, monkeypatch, how):
    path, other = recorded_corpus(tmp_path / "lab.h5"), tmp_path / "again.h5"
    (tmp_path / "sub").mkdir()
    if how == "link":
        other.symlink_to(path)
    elif how == "copy":
        shutil.copy(path, other)
    second = {"same name": path, "other way": tmp_path / "sub" / ".." / "lab.h5"}.get(how, other)
    with pytest.raises(CorpusMismatch, match=r"setting real: .* is .*lab.h5 of setting spatial: .* in two roles"):
        populated(tmp_path, monkeypatch, spatial=[str(path)], real=[{"path": str(second)}])


def test_forces_of_one_trial_are_given_to_no_other(tmp_path, monkeypatch):
    path, loads = recorded_corpus(tmp_path / "lab.h5", ("walk_01", "walk_02")), tmp_path / "walk_01.mot"
    loads.write_text("never read")
    source = {"path": str(path), "loads": str(loads)}
    said = r"setting real: .*lab.h5 holds 2 trials, and .*walk_01.mot the forces of one"
    with pytest.raises(CorpusMismatch, match=said):
        populated(tmp_path, monkeypatch, real=[source])
    with pytest.raises(CorpusMismatch, match=said):
        next(recorded_gaits(RealCorpus(**source)))
    one = recorded_corpus(tmp_path / "one.h5")
    populated(tmp_path, monkeypatch, real=[{"path": str(one), "loads": str(loads)}])

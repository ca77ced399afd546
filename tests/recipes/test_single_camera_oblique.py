"""People in 3-D have one role each, are seen from all bands, and change nothing of what others show."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recipes.recipe import PEOPLE, resolve_settings
from recipes.run import Run
from recipes.single_camera import RECIPE
from recipes.single_camera.clip_sets import CLIPS, OBLIQUE, SPATIAL, load_clips, teachers
from recipes.single_camera.filming import film_everything, spatial_gaits
from recipes.single_camera.oblique_score import BLIND, NETWORK, oblique_results
from recipes.single_camera.ruler import fitted_lines, lengthened, ruled
from synth.camera.filmed_gait import PARAMETERS
from synth.camera.keypoint_input import ClipArrays
from synth.corpus import CorpusWriter
from synth.corpus.schema import CorpusMismatch
from training.keypoint.keypoint_lesson import KeypointEstimate

sys.path.insert(0, str(Path(__file__).parents[1] / "synth" / "camera"))
from made_gait import made_trial


def made_corpus(path, people, sway, seed=None, **told):
    """One recording of each person."""
    config = {} if seed is None else {"seed": seed, "subjects": len(people)}
    with CorpusWriter(path, config=config) as writer:
        for person in people:
            writer.append(replace(made_trial(3.0, person=person, sway=sway), **told))
    return str(path)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    folder, few = tmp_path_factory.mktemp("corpora"), [f"V{i:05d}" for i in range(9)]
    return {
        "people": made_corpus(folder / "people.h5", few, 0.0, 7),
        "spatial": (made_corpus(folder / "a.h5", few, 0.1, 21), made_corpus(folder / "b.h5", few, 0.05, 21)),
        "real": [{"path": made_corpus(folder / "real.h5", ["S1"], 0.08, belt_speed=0.0), "treadmill": False}],
    }


def filmed(folder, **chosen) -> dict[str, ClipArrays]:
    folder.mkdir()
    settings = resolve_settings(RECIPE, n_other=0, n_far=0, clips=1, spatial_clips=3, **chosen)
    film_everything(Run(folder, settings, shown=False))
    return load_clips(folder / CLIPS)


@pytest.fixture(scope="module")
def sets(corpora, tmp_path_factory):
    return filmed(tmp_path_factory.mktemp("with") / "run", **corpora)


def test_people_in_space_have_one_role_whatever_corpora_they_are_in(sets):
    """Two corpora of one seed hold the same bodies: a person who teaches in one is not scored in the other."""
    roles = {role: set(sets[name].person) for role, name in SPATIAL.items()}
    assert sum(map(len, roles.values())) == len(set.union(*roles.values())) == 9
    assert all(roles.values())
    assert all(person.startswith("spatial 21 ") for person in set.union(*roles.values()))
    assert len(sets["spatial_teach"]) == 2 * 3 * len(roles["teach"])


def test_they_teach_from_all_views_and_are_scored_in_every_band(sets):
    taught, scored = np.abs(sets["spatial_teach"].oblique), np.abs(sets["spatial_score"].oblique)
    assert taught.max() > 45.0 > 20.0 > taught.min()
    counts = [((scored >= low) & (scored < high)).sum() for low, high in ((0, 20), (20, 45), (45, 70))]
    assert counts[0] == counts[1] == counts[2] > 0
    recorded = np.abs(sets[OBLIQUE].oblique)
    assert (recorded >= 20.0).all()
    assert (recorded <= 70.0).all()
    assert (np.abs(sets["teach"].oblique) <= 20.0).all(), "planar people"


def test_no_impairment_is_known_of_them(sets):
    assert np.isnan(sets["spatial_teach"].severity).all()
    assert (sets["spatial_teach"].kind == -1).all()


def test_they_change_no_clip_of_anybody_else(sets, corpora, tmp_path):
    without = filmed(tmp_path / "run", **{k: v for k, v in corpora.items() if k != "spatial"})
    for name in ("teach", "validate", "calibrate", "score", "overground"):
        assert np.array_equal(without[name].inputs, sets[name].inputs)
    assert not len(without["spatial_teach"])
    assert not len(without[OBLIQUE])
    for one, other in zip(teachers(without), teachers(sets, "spatial"), strict=True):
        assert np.array_equal(one.inputs, other.inputs)
    assert len(teachers(sets)[0]) == len(sets["teach"]) + len(sets["spatial_teach"])


def test_the_split_of_people_in_space_is_written(corpora, tmp_path):
    filmed(tmp_path / "run", **corpora)
    table = pd.read_csv(tmp_path / "run" / PEOPLE)
    own = table[table.split == "spatial"]
    assert own.person.is_unique
    assert set(own.role) == set(SPATIAL)


def test_a_planar_corpus_is_refused_as_one_in_space(corpora):
    with pytest.raises(CorpusMismatch, match="planar gaits; expected people of a model in space"):
        spatial_gaits(Path(corpora["people"]))


def test_a_ruler_that_knows_the_angle_undoes_the_cosine():
    rng = np.random.default_rng(0)
    truth, oblique = rng.uniform(0.2, 0.6, (50, 4)), rng.uniform(-70.0, 70.0, 50)
    seen = truth * np.where(np.arange(4) < 2, np.cos(np.radians(oblique))[:, None], 1.0)
    assert lengthened(seen, oblique) == pytest.approx(truth)
    assert ruled(truth, fitted_lines(truth, 2.0 * truth + 0.1)) == pytest.approx(2.0 * truth + 0.1)


def said_of(clips: ClipArrays, wrong: float) -> KeypointEstimate:
    """An estimate that is off by so much in speed, step length and cadence."""
    n = len(clips)
    scalars = np.column_stack([clips.parameters + wrong, np.zeros(n)])
    return KeypointEstimate(
        scalars, np.full((n, 5), 0.01), np.full((n, 7), 1.0 / 7.0), np.nan_to_num(clips.waves) + wrong
    )


def test_rows_tell_each_band_and_what_people_in_space_were_worth(sets):
    """A network that is right beside one that is off by 0.1 without dimension: the gain is that, in SI."""
    estimates, without = ({n: said_of(c, w) for n, c in sets.items() if len(c)} for w in (0.0, 0.1))
    rows = {(r.task, r.method, r.measure): r for r in oblique_results(sets, estimates, without, 0)}
    tasks = {task for task, _, _ in rows}
    bands = ("0 to 20", "20 to 45", "45 to 70", "20 to 70")
    assert tasks == {
        f"{who}, seen from {b} degrees" for who in ("virtual people in 3-D", "recorded, overground") for b in bands
    }
    task = "virtual people in 3-D, seen from 45 to 70 degrees"
    assert rows[task, NETWORK, "step_length: mean absolute error"].value == pytest.approx(0.0, abs=1e-6)
    assert rows[task, BLIND, "step_length: mean absolute error"].value == pytest.approx(0.1 * 1.7)
    assert rows[task, NETWORK, f"step_length: mean absolute error less that of {BLIND}"].value == pytest.approx(-0.17)
    assert rows[task, BLIND, "joint angles, RMS error"].value == pytest.approx(np.degrees(0.1), rel=1e-3)
    taught, alone = (len(teachers(sets, name)[0]) for name in ("", "spatial"))
    said = f"unequal lessons: {taught} clips a pass against {alone}"
    compared = {m for _, _, m in rows if m.endswith(f"less that of {BLIND}")}
    assert {m for (_, _, m), row in rows.items() if row.note == said} == compared, "longer passes are said"
    alarm = "impairment: probability told of people who have none"
    assert rows[task, NETWORK, alarm].value == pytest.approx(6.0 / 7.0)
    assert not any(measure == alarm and "recorded" in task for task, _, measure in rows)
    assert not any(PARAMETERS[3] in measure for _, _, measure in rows)
    assert not oblique_results({**sets, "spatial_score": sets["spatial_score"].rows(np.zeros(0, int))}, {}, {}, 0)

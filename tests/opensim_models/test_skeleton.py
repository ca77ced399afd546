"""A skeleton's file: of this format and of the first one; what is damaged is refused in words."""

import json
from dataclasses import replace

import pytest

from mocap_import.subject import Subject
from opensim_models.generic.catalogue import planar_skeleton
from opensim_models.model.scalar_function import PiecewisePolynomial, Polynomial
from opensim_models.model.skeleton import CoupledCoordinate, load_skeleton, save_skeleton
from opensim_models.model_mismatch import ModelMismatch

PERSON = Subject("S01", 72.0, 1.76, "female", 30.0)


def rich_skeleton():
    """A skeleton with everything that format 2 brought."""
    skeleton = planar_skeleton(PERSON)
    pieces = PiecewisePolynomial((0.0, 1.0), ((0.0, 1.0), (0.0, 2.0), (2.0, 0.5)))
    knee = skeleton.segment_index("tibia_r")
    segment = skeleton.segments[knee]
    element = replace(segment.elements[0], functions=(pieces, Polynomial((0.1, 0.5))))
    segments = list(skeleton.segments)
    segments[knee] = replace(segment, elements=(element,))
    coordinates = list(skeleton.coordinates)
    coordinates[0] = replace(coordinates[0], locked=True, clamped=True, prescribed=pieces)
    coupled = CoupledCoordinate("knee_angle_r_beta", "rotation", 4, (pieces,), "tibia_r")
    return replace(skeleton, segments=tuple(segments), coordinates=tuple(coordinates), coupled=(coupled,))


def test_everything_in_a_skeleton_survives_its_file(tmp_path):
    save_skeleton(rich_skeleton(), tmp_path / "s.json")
    assert load_skeleton(tmp_path / "s.json") == rich_skeleton()


def test_the_first_format_is_still_read(tmp_path):
    skeleton = planar_skeleton(PERSON)
    save_skeleton(skeleton, tmp_path / "s.json")
    content = json.loads((tmp_path / "s.json").read_text())
    content["format"] = "kinesynth-skeleton 1"
    del content["coupled"]
    for coordinate in content["coordinates"]:
        for added in ("locked", "clamped", "prescribed"):
            del coordinate[added]
    for segment in content["segments"]:
        for element in segment["elements"]:
            element["polynomial"] = element.pop("functions")[0]["coefficients"]
    (tmp_path / "first.json").write_text(json.dumps(content))
    assert load_skeleton(tmp_path / "first.json") == skeleton


@pytest.mark.parametrize("missing", ["coordinates", "segments", "name", "gravity"])
def test_a_damaged_skeleton_is_refused_by_name(tmp_path, missing):
    save_skeleton(rich_skeleton(), tmp_path / "s.json")
    content = json.loads((tmp_path / "s.json").read_text())
    del content[missing]
    (tmp_path / "damaged.json").write_text(json.dumps(content))
    with pytest.raises(ModelMismatch, match=r"damaged\.json"):
        load_skeleton(tmp_path / "damaged.json")

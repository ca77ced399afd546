"""Hostile and impossible models: one sentence that names the file and the thing, never a crash, never another file."""

import os
import re

import pytest

from opensim_models.model.osim_skeleton import read_osim
from opensim_models.model_mismatch import ModelMismatch
from opensim_models.osim.client import check_model

TEN = "opensim_core/gait10dof18musc_subject01/gait10dof18musc_subject01.osim"


def changed(whole: str, pattern: str, replacement: str, count: int = 1) -> str:
    """Replace the first matches; the test is wrong where there are none."""
    text, n = re.subn(pattern, lambda _: replacement, whole, count=count)
    assert n, pattern
    return text


MASS, INERTIA, PLACE = (f"<{tag}>[^<]*</{tag}>" for tag in ("mass", "inertia", "translation"))
IMPOSSIBLE = {
    "not a number as mass": ((MASS, "<mass>nan</mass>"), "pelvis"),
    "words as mass": ((MASS, "<mass>heavy</mass>"), "pelvis"),
    "negative mass": ((MASS, "<mass>-3</mass>"), "negative mass"),
    "infinite mass": ((MASS, "<mass>1e400</mass>"), "pelvis"),
    "huge mass": ((MASS, "<mass>1e300</mass>"), r"pelvis has mass 1e\+300"),
    "no mass anywhere": ((MASS, "<mass>0</mass>", 0), "massless"),
    "no number as place": ((PLACE, "<translation>nan 0 0</translation>"), "nan 0 0"),
    "a huge place": ((PLACE, "<translation>1e30 0 0</translation>", 0), r"1e\+30"),
    "a parent that is missing": (("/bodyset/thigh", "/bodyset/nobody"), "nobody"),
    "two bodies of one name": (('<Body name="thigh">', '<Body name="pelvis">'), "thigh"),
    "a document type": (("<OpenSimDocument", '<!DOCTYPE x [<!ENTITY a "aa">]><OpenSimDocument'), "entities"),
    "an external entity": (
        ("<OpenSimDocument", '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><OpenSimDocument'),
        "entities",
    ),
    "entities of entities": (
        ("<OpenSimDocument", '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;&a;">]><OpenSimDocument'),
        "entities",
    ),
    "a set in another file": (
        ('<BodySet name="bodyset">', '<BodySet name="bodyset" file="/etc/passwd">'),
        "another file",
    ),
    "a controller's file": (("<Model ", "<controls_file>../../secret.xml</controls_file><Model "), "outside"),
    "a mesh of contact elsewhere": (("<Model ", "<filename>C:\\x\\foot.obj</filename><Model "), "outside"),
    "deep nesting": (("<Model ", "<a>" * 300 + "</a>" * 300 + "<Model "), "nested deeper"),
    "a null byte": (("<Model ", "\x00<Model "), "not well formed"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_an_impossible_model_is_refused_by_name(name, built_models, tmp_path):
    change, word = IMPOSSIBLE[name]
    path = tmp_path / "subject07.osim"
    path.write_text(changed(built_models["planar"].read_text(), *change))
    for function in (read_osim, check_model):
        with pytest.raises(ModelMismatch, match=word) as caught:
            function(path)
        assert "subject07.osim" in str(caught.value)


KNOTS = r"<x>[^<]*</x>\s*<y>[^<]*</y>"


@pytest.mark.parametrize(
    ("knots", "word"),
    [
        ("<x></x><y></y>", "ascending"),
        ("<x>0</x><y>1</y>", "ascending"),
        ("<x>3 2 1 0</x><y>1 1 1 2</y>", "ascending"),
        ("<x>0 nan 1 2</x><y>1 1 1 2</y>", "nan"),
    ],
)
def test_a_spline_that_is_no_function_is_refused(knots, word, data_dir, tmp_path):
    path = tmp_path / "spline.osim"
    path.write_text(changed((data_dir / TEN).read_text(), KNOTS, knots))
    with pytest.raises(ModelMismatch, match=word):
        read_osim(path)


def test_a_function_that_opensim_itself_refuses_is_a_refusal(built_models, tmp_path):
    path = tmp_path / "degree.osim"
    path.write_text(changed(built_models["every function"].read_text(), "<half_order>2", "<half_order>0"))
    with pytest.raises(ModelMismatch, match=r"degree\.osim.*odd"):
        read_osim(path)


def test_a_body_that_turns_without_inertia_is_refused(built_models, tmp_path):
    whole = changed(built_models["nested frames"].read_text(), INERTIA, "<inertia>0 0 0 0 0 0</inertia>", 0)
    path = tmp_path / "thin.osim"
    path.write_text(changed(whole, "<mass_center>[^<]*</mass_center>", "<mass_center>0 0 0</mass_center>", 0))
    text = path.read_text()
    path.write_text(changed(text, r"<translation>[^<]*</translation>", "<translation>0 0 0</translation>", 0))
    with pytest.raises(ModelMismatch, match="inertia"):
        read_osim(path)


def test_a_joint_of_a_body_with_itself_is_refused(built_models, tmp_path):
    whole = built_models["planar"].read_text()
    path = tmp_path / "loop.osim"
    path.write_text(changed(whole, "<socket_parent_frame>pelvis_offset", "<socket_parent_frame>thigh_offset"))
    with pytest.raises(ModelMismatch, match=r"loop\.osim"):
        read_osim(path)


def test_a_closed_chain_is_refused(built_models, tmp_path):
    """A second joint from the shank to the pelvis closes a loop."""
    whole = built_models["planar"].read_text()
    knee = re.search(r'<PinJoint name="knee">.*?</PinJoint>', whole, re.DOTALL).group()
    again = knee.replace('name="knee"', 'name="strut"').replace("/bodyset/thigh", "/bodyset/pelvis")
    path = tmp_path / "closed.osim"
    path.write_text(whole.replace(knee, knee + again.replace("knee_coord_0", "strut_coord_0")))
    with pytest.raises(ModelMismatch, match="two joints"):
        read_osim(path)


def test_text_in_another_encoding_is_refused_or_read(built_models, tmp_path):
    whole = built_models["planar"].read_text().replace('name="planar"', 'name="planär"')
    path = tmp_path / "latin.osim"
    path.write_bytes(whole.encode("latin-1"))
    with pytest.raises(ModelMismatch, match="not well formed"):
        read_osim(path)
    path.write_bytes(whole.encode("utf-8"))
    assert read_osim(path).name == "planär"


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(ModelMismatch, match="folder"):
        read_osim(tmp_path)
    (tmp_path / "empty.osim").touch()
    with pytest.raises(ModelMismatch, match="0 bytes"):
        read_osim(tmp_path / "empty.osim")
    os.mkfifo(tmp_path / "pipe.osim")
    with pytest.raises(ModelMismatch, match="pipe"):
        read_osim(tmp_path / "pipe.osim")

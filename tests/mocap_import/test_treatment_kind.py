"""Treatments: one table of every key, its class and what to do; the source, the page and the verdict agree with it."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from mocap_import.quality.verdict import FAULTS, THRESHOLDS, TREATMENT_LEVELS
from mocap_import.treatment_kind import CLASSES, DOUBTS, NOTES, of_class, treatment_class, treatments_page
from mocap_import.trial import Treatment

KINDS = [(name, key, sentence) for name, kinds in CLASSES.items() for key, sentence in kinds.items()]


def words_of(node: ast.expr) -> set[str]:
    """Every text that an expression can be; an f-string and a variable are none, so that they fail."""
    if isinstance(node, ast.Constant):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return words_of(node.body) | words_of(node.orelse)
    return set()


def keys_in_source(repository):
    """Keys of all calls of `Treatment`, and the calls whose key cannot be read."""
    keys, unread = set(), []
    for path in sorted((repository / "mocap_import").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "Treatment":
                continue
            found = words_of(node.args[0]) if node.args else set()
            keys |= found
            if not found and path.name != "trial_store.py":  # it reads back what was written
                unread.append(f"{path.name}:{node.lineno}")
    return keys, unread


def test_every_key_of_the_source_is_in_the_table_and_every_key_of_the_table_in_the_source(repository):
    keys, unread = keys_in_source(repository)
    assert unread == []
    assert keys == {key for _, key, _ in KINDS}


def test_a_key_has_one_class_and_a_sentence_that_ends():
    assert [key for key, count in Counter(key for _, key, _ in KINDS).items() if count > 1] == []
    assert all(len(sentence) > 15 and sentence[0].isupper() and sentence.endswith(".") for _, _, sentence in KINDS)
    for kinds in CLASSES.values():
        assert list(kinds) == sorted(kinds)


def test_the_page_of_the_guide_is_the_table(repository):
    page = (repository / "docs" / "treatments.md").read_text(encoding="utf-8")
    assert page == treatments_page(), "run `python -m mocap_import.treatment_kind > docs/treatments.md`"
    for _, key, sentence in KINDS:
        assert f"| `{key}` | {sentence} |" in page
    assert "(treatments.md)" in (repository / "docs" / "archive.md").read_text(encoding="utf-8")


def test_every_doubt_lowers_the_verdict_and_the_verdict_knows_no_other_keys():
    counted = {*TREATMENT_LEVELS, *THRESHOLDS, *FAULTS}
    assert set(DOUBTS) <= counted
    assert set(TREATMENT_LEVELS) <= {key for _, key, _ in KINDS}
    assert not set(TREATMENT_LEVELS) & set(NOTES) - {"belt_speed_inferred"}


@pytest.mark.parametrize("key, name", [("no_plates", "note"), ("gap_filled", "repair"), ("axes_ambiguous", "doubt")])
def test_treatments_are_sorted_by_class(key, name):
    assert treatment_class(key) == name
    assert of_class([Treatment(key, "x")], name) == [Treatment(key, "x")]


def test_a_key_of_a_later_version_is_a_doubt():
    assert treatment_class("not_thought_of_yet") == "doubt"

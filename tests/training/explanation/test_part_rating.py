"""The page for experts shows each record and each part, needs no network, and exports what is read back."""

from __future__ import annotations

import numpy as np
import pytest

from training.explanation.rated_item import RatedItem
from training.report.part_rating import write_part_rating_page

PARTS = ("early hold", "late </script> hold")


@pytest.fixture
def page(tmp_path):
    times = np.arange(5) / 10
    items = [RatedItem(f"pinch {k}", "What matters?", times, {"palmar (N)": times * k, "ulnar (N)": -times}, PARTS)
             for k in (1, 2)]  # fmt: skip
    return write_part_rating_page(tmp_path / "rated_items.html", items)


def test_the_page_is_one_file_that_names_no_other(page):
    text = page.read_text(encoding="utf-8")
    assert "src=" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert text.count("</script>") == 2, "a name of a part does not end the script"


def test_a_browser_draws_the_first_record_and_a_choice_for_each_part(page, chromium_dom):
    shown, console = chromium_dom(page)
    assert console == []
    assert shown.count("<polyline") == 2
    assert shown.count("<select") == len(PARTS)
    assert "1 of 2, 0 rated" in shown
    assert "pinch 1" in shown

"""The table of the pinch recipe: all rows of its stages, and what stands under it."""

from __future__ import annotations

import json

from recipes.result import Result, write_results
from recipes.run import Run

NOTES = (
    "Everybody is simulated (synth.thumb); no real pinch was measured. The second simulator has other prices of "
    "effort, curves, time constants, moment arms and more noise; nothing was learnt from it.",
    "Muscle numbers and surgery sizes are rounded or assumed, see docs/recipes/pinch.md. A real hand will differ.",
    "Errors beside what can be known at all: parameters.csv. `mean` and `linear, demographics` are the prior: a row "
    "that does not beat them has learnt nothing from the force.",
    "Probabilities of a wrist are those of equal prevalence, unless classes are not balanced; precision is at the "
    "prevalence of the table.",
)


def write_table(run: Run) -> str:
    """Write results.csv and results.md."""
    rows = []
    for name in ("parameter_rows.json", "wrist_rows.json", "explanation_rows.json"):
        rows += [Result(**plain) for plain in json.loads((run.folder / name).read_text(encoding="utf-8"))]
    write_results(run.folder, rows, title="Lateral pinch: muscle parameters, wrists, explanations", notes=NOTES)
    return f"{len(rows)} rows"

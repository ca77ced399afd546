"""Stage: the table of everything, the losing rows too."""

from __future__ import annotations

import pandas as pd

from recipes.result import COLUMNS, Result, write_results
from recipes.run import Run
from training.csv_table import read_csv

PARTS = ("realism.csv", "use.csv", "doubt.csv", "rating.csv")
NOTES = (
    "Measured samples are those of people whom no generator of the fold has seen, one a person. Each fold's people are "
    "held against that fold's generator; answers are pooled over the folds, samples never.",
    "The virtual spine is itself simulated: its rows test methods, not whether real postures can be made.",
    "PCA-Gaussian, interpolation and noise are the rows to beat. Interpolation and noise are hardly told from "
    "measured samples because they are measured samples: see new or repeated.",
    "Compression: every network has as many passes at most, of as many samples as teach it. Gains of RT3SD are fair "
    "beside that of the measured samples four times each, whose lesson is as long; measured alone learns less.",
    "Rows marked LEAK follow the published protocol, in which one fold's generator serves all folds.",
    "Intervals: bootstrap over persons.",
)


def work(run: Run) -> str:
    """Write ``results.csv`` and ``results.md``."""
    parts = [read_csv(run.folder / part) for part in PARTS]
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    words = ["task", "method", "measure", "unit", "goal", "note"]
    table[words] = table[words].fillna("")
    fields = [name for name in COLUMNS if name != "met"]
    results = [Result(**{name: row[name] for name in fields}) for row in table.to_dict("records")]
    write_results(run.folder, results, title="Made postures and strides", notes=NOTES)
    missed = sum(result.met == "no" for result in results)
    return f"{len(results)} rows, {missed} goals missed"

"""The table of gait causes: all rows, and what stands under it."""

from __future__ import annotations

import json

from recipes.gait_cause.explain_stage import drawn_roles
from recipes.gait_cause.solved_people import solved_roles
from recipes.gait_cause.walk_stage import DRAWN, SOLVED
from recipes.gait_cause.walks import read_walks
from recipes.people import write_people
from recipes.recipe import PEOPLE
from recipes.result import Result, write_results
from recipes.run import Run

NOTES = (
    "Everybody is simulated: drawn walks are kinematic (one joint moved otherwise in one phase), solved ones follow "
    "from muscles and contact (`kinesynth gait population`). No real walk was explained.",
    "The truth is what sensors of the same person read otherwise without the cause. In drawn walks most parts do not "
    "change at all, so that their rank correlation stays far below 1 for the best explanation, too.",
    "The difference of the groups' means says the same of everybody: it knows where a group differs, not in whom.",
)


def write_table(run: Run) -> str:
    """Write people.csv, results.csv and results.md."""
    roles = {"drawn": drawn_roles(read_walks(run.folder / DRAWN), run.settings)}
    write_people(run.folder / PEOPLE, roles | solved_roles(read_walks(run.folder / SOLVED), run.settings))
    texts = [(run.folder / f"{name}_rows.json").read_text(encoding="utf-8") for name in ("drawn", "solved")]
    rows = [Result(**plain) for text in texts for plain in json.loads(text)]
    write_results(run.folder, rows, title="Gait: which sensor, which phase, and is it so", notes=NOTES)
    return f"{len(rows)} rows"

"""The table of gait causes: all rows, and what stands under it."""

from __future__ import annotations

import json

from recipes.gait_cause.explain_stage import drawn_roles
from recipes.gait_cause.people_elsewhere import left_out, named_elsewhere
from recipes.gait_cause.solved_people import solved_roles
from recipes.gait_cause.walk_stage import DRAWN, ELSEWHERE, OUTSIDE, SOLVED
from recipes.gait_cause.walks import Walks, read_walks
from recipes.people import write_people
from recipes.recipe import PEOPLE
from recipes.result import Result, write_results
from recipes.run import Run

NOTES = (
    "Everybody is simulated: drawn walks are kinematic (one joint moved otherwise in one phase), solved ones follow "
    "from muscles and contact (`kinesynth gait population`). No real walk was explained.",
    "The truth is what sensors of the same person read otherwise without the cause. In drawn walks most parts do not "
    "change at all, so that their rank correlation stays far below 1 for the best explanation, too.",
    "Sets name the classes that cannot be ruled out; conformal over persons, as intervals are. People outside the "
    "drawn ones walk in manners three times as far from the normative one.",
    "The difference of the groups' means says the same of everybody: it knows where a group differs, not in whom.",
)


def write_table(run: Run) -> str:
    """Write people.csv, results.csv and results.md."""
    walks = {name: read_walks(run.folder / name) for name in (DRAWN, OUTSIDE, SOLVED, ELSEWHERE)}
    notes = _elsewhere_notes(run, walks[ELSEWHERE], walks[SOLVED])
    walks[ELSEWHERE] = walks[ELSEWHERE].numbered_as(walks[SOLVED])
    drawn, solved = drawn_roles(walks[DRAWN], run.settings), solved_roles(walks[SOLVED], run.settings)
    parts = {"drawn": (drawn, OUTSIDE)} | {fold: (roles, ELSEWHERE) for fold, roles in solved.items()}
    everybody = {name: roles | {"score": [*roles["score"], *walks[far].code]} for name, (roles, far) in parts.items()}
    write_people(run.folder / PEOPLE, everybody)
    texts = [(run.folder / f"{name}_rows.json").read_text(encoding="utf-8") for name in ("drawn", "solved")]
    rows = [Result(**plain) for text in texts for plain in json.loads(text)]
    write_results(run.folder, rows, title="Gait: which sensor, which phase, and is it so", notes=[*NOTES, *notes])
    return f"{len(rows)} rows"


def _elsewhere_notes(run: Run, elsewhere: Walks, solved: Walks) -> list[str]:
    """Who people elsewhere are, and who of them is not scored."""
    if not len(elsewhere):
        return []
    who = "People outside the solved ones are those of the setting elsewhere, another seed"
    return [f"{who}: {named_elsewhere(run.settings)}.", *filter(None, [left_out(elsewhere, solved)])]

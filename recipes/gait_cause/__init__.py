"""Recipe `gait-cause`: which sensor and which phase gait networks go by, against causes that the simulator knows."""

from recipes.gait_cause.explain_stage import explain_drawn
from recipes.gait_cause.impairment_stage import explain_solved
from recipes.gait_cause.result_stage import write_table
from recipes.gait_cause.settings import SMALL, GaitCauseSettings
from recipes.gait_cause.solved_people import refuse_early
from recipes.gait_cause.walk_stage import DRAWN, SOLVED, check_corpora, draw_walks, read_solved
from recipes.recipe import RESULTS, Recipe
from recipes.run import Stage

SENSORS = ("seed", "noise_share", "misalignment_deg")
LEARNING = ("seed", "n_members", "epochs", "n_phases", "n_untaught", "n_explained")
GIVEN = ("people", "twins", "elsewhere", "visits")
DRAWING = (*SENSORS, "n_people", "n_outside", "spread")

RECIPE = Recipe(
    "gait-cause",
    GaitCauseSettings,
    SMALL,
    (
        Stage("walks", DRAWN, (), draw_walks, refuse_early, DRAWING),
        Stage("drawn", "drawn_rows.json", ("walks",), explain_drawn, reads=LEARNING),
        Stage("people", SOLVED, (), read_solved, check_corpora, (*SENSORS, *GIVEN)),
        Stage(
            "solved",
            "solved_rows.json",
            ("people",),
            explain_solved,
            reads=(*LEARNING, "n_folds", "solved_epochs", "elsewhere"),
        ),
        Stage("table", RESULTS, ("drawn", "solved"), write_table, reads=("seed", "n_folds", "elsewhere")),
    ),
)
"""The recipe of the catalogue."""

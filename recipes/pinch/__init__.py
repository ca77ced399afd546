"""Recipe `pinch`: muscle parameters and wrist surgeries from lateral pinch force, with explanations to check."""

from recipes.pinch.estimate_stage import estimate_parameters
from recipes.pinch.explanation import ROWS, explain_wrists
from recipes.pinch.own_stage import DONE, answer_own
from recipes.pinch.population_stage import check_outside, describe_own_file, describe_ratings, simulate_people
from recipes.pinch.result_stage import write_table
from recipes.pinch.settings import POPULATION, SMALL, PinchSettings
from recipes.pinch.wrist_stage import tell_wrists
from recipes.recipe import RESULTS, Recipe
from recipes.run import Stage

LEARNING = (*POPULATION, "n_members", "epochs")
EXPLAINED = (*POPULATION, "n_explained", "n_rated", "ratings")

RECIPE = Recipe(
    "pinch",
    PinchSettings,
    SMALL,
    (
        Stage("people", "people.csv", (), simulate_people, check_outside, POPULATION),
        Stage("parameters", "parameter_rows.json", ("people",), estimate_parameters, reads=(*LEARNING, "n_identified")),
        Stage("wrists", "wrist_rows.json", ("people",), tell_wrists, reads=LEARNING),
        Stage("explanations", ROWS, ("wrists",), explain_wrists, describe_ratings, EXPLAINED),
        Stage("own", DONE, ("parameters", "wrists"), answer_own, describe_own_file, (*POPULATION, "own_file")),
        Stage("table", RESULTS, ("parameters", "wrists", "explanations"), write_table, reads=()),
    ),
)
"""The recipe of the catalogue."""

"""Recipe `pinch`: muscle parameters and wrist surgeries from lateral pinch force, with explanations to check."""

from recipes.pinch.estimate_stage import estimate_parameters
from recipes.pinch.population_stage import check_outside, describe_own_file, simulate_people
from recipes.pinch.result_stage import write_table
from recipes.pinch.settings import SMALL, PinchSettings
from recipes.pinch.wrist_stage import tell_wrists
from recipes.recipe import RESULTS, Recipe
from recipes.run import Stage

RECIPE = Recipe(
    "pinch",
    PinchSettings,
    SMALL,
    (
        Stage("people", "people.csv", (), simulate_people, check_outside),
        Stage("parameters", "parameter_rows.json", ("people",), estimate_parameters, describe_own_file),
        Stage("wrists", "wrist_rows.json", ("people",), tell_wrists, describe_own_file),
        Stage("table", RESULTS, ("parameters", "wrists"), write_table),
    ),
)
"""The recipe of the catalogue."""

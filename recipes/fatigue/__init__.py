"""Recipe `fatigue`: the torque of a tiring elbow from the activity of its muscles, by transfer from simulations."""

from recipes.fatigue.learning_stage import TEACHING, teach_by_people, teach_by_simulations
from recipes.fatigue.settings import SMALL, FatigueSettings
from recipes.fatigue.simulation_stage import (
    FACTORIAL,
    OTHER_PEOPLE,
    SIMULATED_CORPUS,
    simulate_factorial,
    simulate_target,
)
from recipes.fatigue.table_stage import write_table
from recipes.fatigue.user_file import check_given, target_content
from recipes.recipe import PEOPLE, RESULTS, Recipe
from recipes.run import Stage

RECIPE = Recipe(
    "fatigue",
    FatigueSettings,
    SMALL,
    (
        Stage("simulate", SIMULATED_CORPUS, (), simulate_factorial, reads=FACTORIAL),
        Stage("target", "outside.h5", (), simulate_target, target_content, OTHER_PEOPLE),
        Stage("teach_by_simulations", PEOPLE, ("simulate", "target"), teach_by_simulations, reads=TEACHING),
        Stage("teach_by_people", "folds", ("teach_by_simulations",), teach_by_people, reads=TEACHING),
        Stage("table", RESULTS, ("teach_by_people",), write_table, reads=(*TEACHING, "goal_reduction", "tolerance")),
    ),
    check_given,
)

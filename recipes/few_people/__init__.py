"""Recipe `few-people`: pre-training by virtual people, then fine-tuning by none, one, two or four measured ones."""

from recipes.few_people.pretraining_stage import PRETRAINED, pretrain
from recipes.few_people.settings import SMALL, FewPeopleSettings
from recipes.few_people.source_stage import WINDOWS, cut_windows, given_files, make_people
from recipes.few_people.table_stage import write_table
from recipes.few_people.tuning_stage import FOLDS, tune
from recipes.recipe import RESULTS, Recipe
from recipes.run import Stage

RECIPE = Recipe(
    "few-people",
    FewPeopleSettings,
    SMALL,
    (
        Stage("people", "sources.txt", (), make_people, given_files),
        Stage("windows", WINDOWS, ("people",), cut_windows, given_files),
        Stage("pretraining", PRETRAINED, ("windows",), pretrain),
        Stage("tuning", FOLDS, ("pretraining",), tune),
        Stage("table", RESULTS, ("tuning",), write_table),
    ),
)

"""The recipe: everything that changes a result, in one frozen tree read from TOML.

What does not change a result (device, worker count, folders) is a `Machine`, in `hornbook.run.machine`. The text
under a field is its help: `hornbook explain section.field` prints it.
"""

from hornbook.recipe.corpus import AnnotateConfig, CollectConfig, DecontaminateConfig, DeduplicateConfig, FilterConfig
from hornbook.recipe.evaluation import PROBLEM_SETS, CompareConfig, EvaluateConfig, TaskName, split_problem_set
from hornbook.recipe.load import known_names, load_recipe, shipped_recipes, walk_fields
from hornbook.recipe.names import did_you_mean
from hornbook.recipe.teachers import AnnotatorConfig, ChatConfig, GradeConfig, TeacherConfig, WriterConfig
from hornbook.recipe.training import ModelConfig, TokenizeConfig, TokenizerConfig, TrackerName, TrainConfig
from hornbook.recipe.whole import Recipe
from hornbook.recipe.writing import WriteExercisesConfig, WriteTextbooksConfig

__all__ = [
    "PROBLEM_SETS",
    "AnnotateConfig",
    "AnnotatorConfig",
    "ChatConfig",
    "CollectConfig",
    "CompareConfig",
    "DecontaminateConfig",
    "DeduplicateConfig",
    "EvaluateConfig",
    "FilterConfig",
    "GradeConfig",
    "ModelConfig",
    "Recipe",
    "TaskName",
    "TeacherConfig",
    "TokenizeConfig",
    "TokenizerConfig",
    "TrackerName",
    "TrainConfig",
    "WriteExercisesConfig",
    "WriteTextbooksConfig",
    "WriterConfig",
    "did_you_mean",
    "known_names",
    "load_recipe",
    "shipped_recipes",
    "split_problem_set",
    "walk_fields",
]

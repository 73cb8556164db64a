"""The recipe: everything that changes a result, in one frozen tree read from TOML.

What does not change a result (device, worker count, folders) is a `Machine`, in `hornbook.run.machine`. The text
under a field is its help: `hornbook explain section.field` prints it.
"""

from hornbook.recipe.corpus import AnnotateConfig, CollectConfig, DecontaminateConfig, DeduplicateConfig, FilterConfig
from hornbook.recipe.evaluation import PROBLEM_SETS, CompareConfig, EvaluateConfig, TaskName, split_problem_set
from hornbook.recipe.load import known_names, load_recipe, section_of, shipped_recipes, walk_fields
from hornbook.recipe.names import did_you_mean
from hornbook.recipe.sources import (
    EnvironmentSource,
    FolderSource,
    HuggingFaceSource,
    JsonlSource,
    PackageSource,
    ParquetSource,
    SourceSection,
    StackOverflowSource,
    TableSource,
)
from hornbook.recipe.studies import AblateConfig, PruneConfig, ScalingConfig, SizeName
from hornbook.recipe.teachers import AnnotatorConfig, ChatConfig, GradeConfig, TeacherConfig, WriterConfig
from hornbook.recipe.training import ModelConfig, TokenizeConfig, TokenizerConfig, TrackerName, TrainConfig
from hornbook.recipe.whole import Recipe
from hornbook.recipe.writing import WriteExercisesConfig, WriteTextbooksConfig

__all__ = [
    "PROBLEM_SETS",
    "AblateConfig",
    "AnnotateConfig",
    "AnnotatorConfig",
    "ChatConfig",
    "CollectConfig",
    "CompareConfig",
    "DecontaminateConfig",
    "DeduplicateConfig",
    "EnvironmentSource",
    "EvaluateConfig",
    "FilterConfig",
    "FolderSource",
    "GradeConfig",
    "HuggingFaceSource",
    "JsonlSource",
    "ModelConfig",
    "PackageSource",
    "ParquetSource",
    "PruneConfig",
    "Recipe",
    "ScalingConfig",
    "SizeName",
    "SourceSection",
    "StackOverflowSource",
    "TableSource",
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
    "section_of",
    "shipped_recipes",
    "split_problem_set",
    "walk_fields",
]

"""The built-in teacher: offline, deterministic, and proven by execution."""

from hornbook.teacher.builtin.annotate import RubricTeacher
from hornbook.teacher.builtin.exercises import ExerciseTeacher
from hornbook.teacher.builtin.measure import Capacity, ExerciseReport, capacity, measure
from hornbook.teacher.builtin.task import GrammarError
from hornbook.teacher.builtin.textbooks import TextbookTeacher

__all__ = [
    "Capacity",
    "ExerciseReport",
    "ExerciseTeacher",
    "GrammarError",
    "RubricTeacher",
    "TextbookTeacher",
    "capacity",
    "measure",
]

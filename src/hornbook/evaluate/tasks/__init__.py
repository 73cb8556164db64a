"""The tasks of the side-by-side comparison, after appendix A of the paper."""

from hornbook.evaluate.tasks.animation import ANIMATION
from hornbook.evaluate.tasks.arrays import ARRAYS
from hornbook.evaluate.tasks.svd_step import SVD_STEP
from hornbook.evaluate.tasks.task import Task

TASKS: tuple[Task, ...] = (ARRAYS, SVD_STEP, ANIMATION)
WARM_IMPORTS = ("torch", "numpy", "matplotlib.pyplot", "matplotlib.animation")
"""What the tasks' programs import; done once, before a program's time starts."""

"""The tasks of the side-by-side comparison: one for each example of the paper's section 3 and appendices A and B.

Differs from paper: it shows its models' completions to the reader's eye; here every clause of an instruction is checked
by running the completion. The prompts are hornbook's own, so that no model has seen them.
"""

from hornbook.evaluate.tasks.animation import ANIMATION
from hornbook.evaluate.tasks.arrays import ARRAYS
from hornbook.evaluate.tasks.ball import BALL_TASK
from hornbook.evaluate.tasks.buttons import BUTTONS
from hornbook.evaluate.tasks.dialogue import DIALOGUE
from hornbook.evaluate.tasks.form import FORM
from hornbook.evaluate.tasks.network import NETWORKS
from hornbook.evaluate.tasks.players import PLAYERS
from hornbook.evaluate.tasks.svd_step import SVD_STEP
from hornbook.evaluate.tasks.task import Task
from hornbook.evaluate.tasks.unchanged import UNCHANGED_TASKS

TASKS: dict[str, Task] = {
    task.task_id: task
    for task in (
        *(PLAYERS, BALL_TASK, FORM, DIALOGUE),
        *(ARRAYS, SVD_STEP, ANIMATION),
        *(*NETWORKS, *UNCHANGED_TASKS, BUTTONS),
    )
}
"""By id, in the order of the paper: section 3, appendix A, appendix B."""

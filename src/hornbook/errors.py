"""Every error that hornbook raises on purpose.

    HornbookError                 a message for the user: what, where, the value seen, what to do
    |-- RecipeError               a recipe or a --set cannot be used: the field and the value are named
    |-- InputError                a file, row or folder given by the user cannot be used
    |   `-- TaskError             a problem or a sample of a benchmark is malformed
    |-- ArtifactError             an artifact on disk is damaged or is not what its manifest says
    |-- RunFolderError            a run folder is locked, is another run's, or cannot be written
    |-- SandboxError              this machine cannot shut programs in as asked, or the sandbox broke down
    |-- StageError                a stage ran and its outcome is not acceptable (too many drops, nothing left)
    |-- TeacherError              a teacher cannot answer, or a budget is spent
    |-- TrainingError             a loss that is not finite, or a checkpoint that cannot be resumed
    `-- MissingDependencyError    an optional dependency is needed: the install command is named

The command line prints the message and exits with 2; any other exception is a bug and shows its traceback.
"""


class HornbookError(Exception):
    """An error that the user can act on."""


class RecipeError(HornbookError):
    """A recipe or a `--set` cannot be used."""


class InputError(HornbookError):
    """A file, row or folder given by the user cannot be used."""


class TaskError(InputError):
    """A problem or a sample of a benchmark is malformed."""


class ArtifactError(HornbookError):
    """An artifact on disk is damaged or is not what its manifest says."""


class RunFolderError(HornbookError):
    """A run folder is locked, belongs to another run, or cannot be written."""


class SandboxError(HornbookError):
    """This machine cannot shut programs in as asked, or the sandbox broke down."""


class StageError(HornbookError):
    """A stage ran and its outcome is not acceptable."""


class TeacherError(HornbookError):
    """A teacher cannot answer, or a budget is spent."""


class TrainingError(HornbookError):
    """Training cannot go on, or a checkpoint cannot be resumed."""


class MissingDependencyError(HornbookError):
    """An optional dependency is needed."""

    def __init__(self, package: str, needed_for: str, extra: str) -> None:
        super().__init__(
            f"{needed_for} needs the package '{package}', which is not installed. "
            f"Install it with: pip install 'hornbook[{extra}]'"
        )

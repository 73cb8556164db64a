import pytest

from hornbook.records import Exercise, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import EXERCISES, HELDOUT, Exercises

PROMPT = 'def add{n}(x):\n    """Add {n} to x."""\n'
TESTS = "def check(candidate):\n    assert candidate(1) == 1 + {n}\n    assert candidate(-5) == {n} - 5\n"


@pytest.fixture(scope="module")
def exercises(tmp_path_factory: pytest.TempPathFactory) -> Exercises:
    """Eight held-out problems, of two and of three operations in turn."""
    folder = tmp_path_factory.mktemp("exercises")
    rows = [
        Exercise(
            task_id=f"heldout/{n}",
            name=f"add{n}",
            prompt=PROMPT.format(n=n),
            solution=f"    return x + {n}\n",
            tests=TESTS.format(n=n),
            operations=("a", "b", "c")[: 2 + n % 2],
            style="plain",
        )
        for n in range(8)
    ]
    write_rows(folder / HELDOUT, Exercise, rows)
    write_rows(folder / EXERCISES, Exercise, [])
    return Exercises(folder, Facts(rows={EXERCISES: 0, HELDOUT: 8}))

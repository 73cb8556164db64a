"""The reference meets every clause; a plausible wrong solution misses just the clauses that it breaks."""

from collections.abc import Iterator

import pytest

from hornbook.evaluate.grade import grade_tasks, task_sandbox
from hornbook.evaluate.sandbox import Sandbox
from hornbook.evaluate.tasks import TASKS
from hornbook.evaluate.tasks.animation import ANIMATION
from hornbook.evaluate.tasks.arrays import ARRAYS
from hornbook.evaluate.tasks.svd_step import SVD_STEP
from hornbook.evaluate.tasks.task import ALL_CORRECT, PARSES, RUNS, Task


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with task_sandbox() as opened:
        yield opened


def missed(sandbox: Sandbox, task: Task, *completions: str) -> list[set[str]]:
    grades = grade_tasks(sandbox, [(task, completion) for completion in completions], workers=2)
    return [{name for name, is_met in grade.clauses.items() if not is_met} for grade in grades]


def changed(task: Task, *replacements: tuple[str, str]) -> str:
    text = task.reference
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    return text


def test_references_meet_every_clause(sandbox: Sandbox) -> None:
    for task in TASKS:
        assert missed(sandbox, task, task.reference) == [set()]


def test_other_right_solutions_meet_every_clause(sandbox: Sandbox) -> None:
    arrays = """
    out = [v for i, v in ((i, b + c if i % 2 else a) for i, (a, b, c) in enumerate(zip(first, second, third))
           if i % 2 or a > b) if v != i]
    return out + [len(out)]
"""
    svd = """
    matrices = [p for p in model.parameters() if p.ndim == 2]
    for p, g in zip(matrices, torch.autograd.grad(loss, matrices)):
        U, S, V = torch.svd(g)
        S[k:] = 0
        p.data.sub_(rate * torch.linalg.norm(p.data) * (U @ torch.diag(S) @ V.T))
"""
    animation = """
    import matplotlib.animation as ma
    fig = plt.figure()
    ax = fig.add_subplot()
    xs = []
    def init():
        return []
    def draw(x):
        xs.append(x)
        ax.clear()
        ax.plot(xs, [np.sin(v) / (1 + v / 4) for v in xs], 'b' if x <= 12 else 'tab:orange')
    return ma.FuncAnimation(fig, draw, frames=iter(np.linspace(0, 20, 100)), init_func=init, cache_frame_data=False)
"""
    assert missed(sandbox, ARRAYS, arrays) == [set()]
    assert missed(sandbox, SVD_STEP, svd) == [set()]
    assert missed(sandbox, ANIMATION, animation) == [set()]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.task_id)
def test_what_does_nothing_meets_nothing(sandbox: Sandbox, task: Task) -> None:
    everything = set(missed(sandbox, task, "\n    return (")[0])
    assert everything == {PARSES, *task.checks()}
    for completion in ("\n    pass\n", "\n    return None\n", "\n    return []\n"):
        assert missed(sandbox, task, completion)[0] >= everything - {PARSES, RUNS}
    assert missed(sandbox, task, "\n    raise ValueError\n") == [everything - {PARSES}]


ARRAYS_WRONG = [
    ((("<= second", "< second"),), {"even positions"}),
    ((("first[position] <= second[position]", "first[position] >= second[position]"),), {"even positions"}),
    ((("value = first[position]", "value = first[position] + 1"),), {"even positions"}),
    ((("second[position] + third[position]", "first[position] + third[position]"),), {"odd positions"}),
    (
        (("        if value != position:\n            kept", "        if True:\n            kept"),),
        {"own position left out"},
    ),
    ((("    kept.append(len(kept))\n", ""),), {"count at the end"}),
    ((("kept.append(len(kept))", "kept.append(sum(kept))"),), {"count at the end"}),
    ((("range(len(first))", "reversed(range(len(first)))"),), {"order"}),
]

SVD_WRONG = [
    (
        (("part = u[:, :k] @ torch.diag(s[:k]) @ vh[:k]", "part = parameter.grad"),),
        {"uses an SVD", "keeps the top k part"},
    ),
    ((("s[:k]", "torch.ones(k, dtype=s.dtype)"),), {"keeps the top k part"}),
    ((("[:, :k]", "[:, :1]"), ("s[:k]", "s[:1]"), ("vh[:k]", "vh[:1]")), {"keeps the top k part"}),
    ((("rate * ", ""),), {"scales by the rate"}),
    ((("parameter.norm() * ", ""),), {"scales by the norm"}),
    ((("parameter.norm()", "part.norm()"),), {"scales by the norm"}),
    ((("parameter -=", "parameter +="),), {"steps downhill"}),
    (
        (
            (
                "parameter.dim() != 2 or parameter.grad is None:\n                continue",
                "parameter.dim() != 2:\n                parameter -= rate * parameter.grad\n                continue",
            ),
        ),
        {"leaves other parameters"},
    ),
]

ANIMATION_WRONG = [
    ((("    return FuncAnimation(", "    animation = FuncAnimation("),), {"returns a FuncAnimation"}),
    ((("np.sin(x)", "np.cos(x)"),), {"draws the function"}),
    ((("1 + x / 4", "1 + x"),), {"draws the function"}),
    (
        (("linspace(0, 20, 100)", "linspace(0, 10, 100)"), ("x[frame] <= 12", "x[frame] <= 6")),
        {"100 frames over the range"},
    ),
    ((("frames=100", "frames=90"),), {"100 frames over the range"}),
    ((("[: frame + 1]", "[:]"),), {"one point more per frame"}),
    ((("<= 12", "<= 15"),), {"orange past the bound"}),
    ((('"orange"', '"red"'),), {"orange past the bound"}),
    ((('"blue"', '"green"'),), {"blue before the bound"}),
    ((('        line.set_color("blue" if x[frame] <= 12 else "orange")\n', ""),), {"orange past the bound"}),
]


@pytest.mark.parametrize(
    ("task", "cases"),
    [(ARRAYS, ARRAYS_WRONG), (SVD_STEP, SVD_WRONG), (ANIMATION, ANIMATION_WRONG)],
    ids=["arrays", "svd_step", "animation"],
)
def test_a_wrong_solution_misses_just_what_it_breaks(
    sandbox: Sandbox, task: Task, cases: list[tuple[tuple[tuple[str, str], ...], set[str]]]
) -> None:
    completions = [changed(task, *replacements) for replacements, _ in cases]
    for (replacements, broken), found in zip(cases, missed(sandbox, task, *completions), strict=True):
        assert found == broken | {ALL_CORRECT}, replacements


def test_every_clause_is_missed_by_some_wrong_solution() -> None:
    for task, cases in ((ARRAYS, ARRAYS_WRONG), (SVD_STEP, SVD_WRONG), (ANIMATION, ANIMATION_WRONG)):
        broken = set().union(*(names for _, names in cases))
        assert broken == {clause.name for clause in task.clauses}

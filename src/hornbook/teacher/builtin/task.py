"""A task: a composition with its slots bound and its arguments named, its test cases, and the proof by running it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from hornbook.teacher.builtin.composition import Chain, slot_values
from hornbook.teacher.builtin.english import MAX_LINE, Step, function_name
from hornbook.teacher.builtin.operation import Slot
from hornbook.teacher.builtin.ports import copy_value, pool

ARGUMENT_SHARE = 0.3
"""Share of the slots that are filled with an argument of the function where they can be."""
CASES_DRAWN = 7
"""Test cases per task next to the edges of its argument's type."""
_EXAMPLE_CHARS = 36

Case = tuple[tuple[object, ...], object]
"""Arguments and the result that the references give for them."""


class GrammarError(AssertionError):
    """A rendered solution fails, disagrees with its reference or changes its arguments: a bug in the grammar."""


@dataclass(frozen=True)
class Task:
    """What an exercise asks for, before it is said in English and written in code."""

    name: str
    steps: tuple[Step, ...]
    argument: str
    extras: tuple[Slot, ...]
    """The slots that are arguments of the function, in order."""
    literals: tuple[tuple[object, ...], ...]
    """Per operation the value of each slot, None where it is an argument."""

    @property
    def chain(self) -> Chain:
        """The operations in order of use."""
        return tuple(step.operation for step in self.steps)

    def signature(self, with_hints: bool) -> str:
        """The `def` line with its newline."""
        first, last = self.steps[0].operation, self.steps[-1].operation
        names = [self.argument, *(slot.argument for slot in self.extras)]
        if not with_hints:
            return f"def {self.name}({', '.join(names)}):\n"
        hints = [first.takes.hint, *(slot.hint for slot in self.extras)]
        hinted = ", ".join(f"{name}: {hint}" for name, hint in zip(names, hints, strict=True))
        return f"def {self.name}({hinted}) -> {last.gives.hint}:\n"

    def up_to(self, count: int, arguments: Sequence[object]) -> object:
        """What the first so many operations give for the arguments."""
        return replace(self, steps=self.steps[:count], literals=self.literals[:count]).expected(arguments)

    def expected(self, arguments: Sequence[object], leave_out: int = -1) -> object:
        """What the references give for the arguments, with the operation at `leave_out` left out."""
        by_name = {slot.argument: value for slot, value in zip(self.extras, arguments[1:], strict=True)}
        value = arguments[0]
        for at, (step, literals) in enumerate(zip(self.steps, self.literals, strict=True)):
            if at != leave_out:
                slots = step.operation.slots
                values = [by_name[s.argument] if v is None else v for s, v in zip(slots, literals, strict=True)]
                value = step.operation.reference(value, *values)
        return value


def bind(chain: Chain, rng: random.Random, forbidden_names: Collection[str]) -> Task | None:
    """Fills the slots and chooses the names; None where every name for it is forbidden."""
    argument = rng.choice(chain[0].takes.arguments)
    extras: list[Slot] = []
    steps: list[Step] = []
    literals: list[tuple[object, ...]] = []
    for operation in chain:
        bindings: list[tuple[str, str]] = []
        values: list[object] = []
        for slot in operation.slots:
            is_free = slot.argument and all(slot.argument != extra.argument for extra in extras)
            if not slot.literals or (is_free and rng.random() < ARGUMENT_SHARE):
                extras.append(slot)
                bindings.append((f"{{{slot.key}}}", slot.argument))
                values.append(None)
            else:
                value = rng.choice(slot.literals)
                bindings.append((f"{{{slot.key}}}", repr(value)))
                values.append(value)
        steps.append(Step(operation, tuple(bindings)))
        literals.append(tuple(values))
    name = function_name(chain, argument, forbidden_names, rng)
    return Task(name, tuple(steps), argument, tuple(extras), tuple(literals)) if name else None


def draw_cases(task: Task, rng: random.Random) -> list[Case]:
    """Test cases: the edges of the argument's type first, then drawn inputs."""
    port = task.steps[0].operation.takes
    cases = []
    for value in (*port.edges, *rng.sample(pool(port), CASES_DRAWN)):
        arguments = (value, *(rng.choice(slot_values(slot)) for slot in task.extras))
        cases.append((arguments, task.expected(arguments)))
    return cases


def why_trivial(task: Task, cases: Sequence[Case]) -> str:
    """The reason to reject a task whose results say too little, or nothing."""
    results = Counter(repr(result) for _, result in cases)
    if len(results) < 3 and (len(results) == 1 or min(results.values()) == 1):
        return "results_alike"
    if any(all(_needless(task, at, case) for case in cases) for at in range(len(task.steps))):
        return "operation_without_effect"
    return ""


def _needless(task: Task, at: int, case: Case) -> bool:
    """Whether a case comes out the same without the operation at `at`."""
    arguments, result = case
    try:
        without = task.expected(arguments, leave_out=at)
    except Exception:
        # What comes next cannot work with what came before: the operation changes the type.
        return False
    return type(without) is type(result) and without == result


def empty_result(task: Task, cases: Sequence[Case]) -> str:
    """The source of the result for an empty argument, where it is plain: nothing, zero or no, whatever comes next."""
    (argument, *_), result = cases[0]
    depends = any(slot.port for slot in task.extras)
    can_guard = task.steps[0].operation.takes.can_be_empty and not argument
    return repr(result) if can_guard and not result and not depends else ""


def verify(source: str, name: str, cases: Sequence[Case]) -> None:
    """Runs the source on every case. Raises GrammarError unless it gives the references' results, changing nothing."""
    namespace: dict[str, object] = {}
    try:
        exec(compile(source, name, "exec"), namespace)
        function: Callable[..., object] = namespace[name]  # type: ignore[assignment]
        for arguments, expected in cases:
            given = [copy_value(argument) for argument in arguments]
            result = function(*given)
            if type(result) is not type(expected) or result != expected:
                raise GrammarError(f"{arguments!r} gives {result!r}, the reference {expected!r}:\n{source}")
            if tuple(given) != arguments:
                raise GrammarError(f"{arguments!r} was changed to {given!r}:\n{source}")
    except GrammarError:
        raise
    except Exception as error:
        raise GrammarError(f"{error!r} in:\n{source}") from error


def render_tests(cases: Sequence[Case]) -> str:
    """Source of `check(candidate)`: results must equal the references' in value and type."""
    rows = "".join(f"        ({arguments!r}, {result!r}),\n" for arguments, result in cases)
    return (
        f"def check(candidate):\n    for args, want in [\n{rows}    ]:\n        got = candidate(*args)\n"
        '        assert type(got) is type(want) and got == want, f"{args}: {got!r} is not {want!r}"\n'
    )


def render_docstring(task: Task, summary: Sequence[str], style: str, cases: Sequence[Case]) -> str:
    """The indented docstring with its closing newline, plain or with Google sections or doctest examples."""
    lines = list(summary)
    if style == "google":
        described = [(task.argument, task.steps[0].operation.takes.description)]
        described += [(slot.argument, slot.description) for slot in task.extras]
        lines += ["", "Args:", *(f"    {name}: {description}" for name, description in described)]
        lines += ["", "Returns:", f"    {task.steps[-1].operation.gives.description}"]
    elif style == "doctest" and (examples := _examples(task, cases)):
        lines += ["", *examples]
    if len(lines) == 1:
        return f'    """{lines[0]}"""\n'
    body = "".join(f"    {line}\n" if line else "\n" for line in lines)
    return f'    """{body[4:]}    """\n'


def _examples(task: Task, cases: Sequence[Case]) -> list[str]:
    """Two examples as doctest lines: with a result that is not empty where there is one, and of middling length."""
    lines: list[str] = []
    by_rank = sorted(cases, key=lambda case: (not case[1] or not case[0][0], abs(len(repr(case)) - _EXAMPLE_CHARS)))
    for arguments, result in by_rank[:2]:
        call = f">>> {task.name}({', '.join(map(repr, arguments))})"
        # A set prints in an order of its own, so an example compares it.
        example = [f"{call} == {result!r}", "True"] if isinstance(result, set) else [call, repr(result)]
        if max(map(len, example)) <= MAX_LINE:
            lines += example
    return lines

"""Exercises accepted by agreement: where different solutions of one task compute the same, that is its answer.

A small model's code is right more often than the results that it works out in its head. So where these do not hold,
several solutions run on the same inputs, and the results on which most of them agree become the tests.

Differs from paper: its exercises have no tests, and nothing tells a right solution from a wrong one.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hornbook.evaluate.sandbox import Program, Sandbox
from hornbook.synthesize.literals import literal_of, read_literal
from hornbook.synthesize.read_exercise import Claim, ExerciseDraft
from hornbook.synthesize.verify_exercise import MIN_HELD, Verified, source_of, verify_exercises

MIN_AGREEING = 2
"""Solutions that differ after renaming of their variables; a majority of all that differ as well."""
MAX_RESULTS = 5
"""Computed results that become tests, and inputs whose results are asked for at once."""
MAX_RESULT_CHARS = 90
"""So many fit into what the sandbox tells of a program, `MAX_RESULTS` times."""
RAISED = "x"

Trace = tuple[str, ...]
"""For each input a digest of the result, or `RAISED`."""

LITERAL = '''
def literal(value, is_shown):
    """Source of plain data. For comparing, dicts are sorted, and numbers rounded where solutions may round apart."""
    kind = type(value)
    if kind in (set, frozenset):
        return "{" + ", ".join(sorted(literal(item, is_shown) for item in value)) + "}" if value else "set()"
    if kind is dict:
        items = [literal(key, is_shown) + ": " + literal(item, is_shown) for key, item in value.items()]
        return "{" + ", ".join(items if is_shown else sorted(items)) + "}"
    if kind is list:
        return "[" + ", ".join(literal(item, is_shown) for item in value) + "]"
    if kind is tuple:
        return "(" + "".join(literal(item, is_shown) + ", " for item in value).rstrip(" ") + ")"
    if kind is float and not is_shown:
        return "%.9g f" % value
    if kind in (bool, int, float, str, bytes) or value is None:
        return repr(value)
    raise TypeError(kind)
'''


@dataclass(frozen=True)
class Candidates:
    """Solutions of one task, the author's own first, and the inputs to compare them on."""

    solutions: Sequence[ExerciseDraft]
    inputs: Sequence[str]
    """Source of the arguments of a call each."""


def find_agreement(tasks: Sequence[Candidates], sandboxes: Sequence[Sandbox], *, workers: int) -> list[Verified | str]:
    """For each task the first solution of those that agree, with the results that they compute, or why there is none.

    At least `MIN_AGREEING` different solutions and more than half of all must do the same on every input, in each
    sandbox. Reasons: `no_agreement`; `too_few_results` where they agree on exceptions or on what cannot be written out;
    and those of `verify_exercises` for what is agreed on.
    """
    distinct = [list({one.structure: one for one in reversed(task.solutions)}.values())[::-1] for task in tasks]
    programs = [trace_program(one, task.inputs) for task, some in zip(tasks, distinct, strict=True) for one in some]
    traces = iter(_trace(programs, sandboxes, workers))
    chosen: dict[int, tuple[ExerciseDraft, list[str]]] = {}
    for number, (task, solutions) in enumerate(zip(tasks, distinct, strict=True)):
        agreeing = _majority(solutions, traces)
        if agreeing is not None:
            solution, trace = agreeing
            chosen[number] = solution, choose_inputs(task.inputs, trace)
    outcomes: list[Verified | str] = ["no_agreement"] * len(tasks)
    computed = dict(zip(chosen, _compute(list(chosen.values()), sandboxes[0], workers), strict=True))
    enough = {number: draft for number, draft in computed.items() if len(draft.claims) >= MIN_HELD}
    verified = verify_exercises(list(enough.values()), sandboxes, workers=workers, min_held_share=1.0)
    for number in computed:
        outcomes[number] = "too_few_results"
    for number, outcome in zip(enough, verified, strict=True):
        outcomes[number] = outcome if isinstance(outcome, str) else replace(outcome, verdict="agreed")
    return outcomes


def trace_program(solution: ExerciseDraft, inputs: Sequence[str]) -> Program:
    """A program that never passes: its detail is the trace over the inputs, in words."""
    tests = f"""
{LITERAL}
def digest(text):
    number = 0
    for character in text:
        number = (number * 1000003 + ord(character)) % 2**40
    return "%010x" % number

def check(candidate):
    marks = []
    for call in [
{_calls(inputs)}
    ]:
        try:
            marks.append(digest(literal(call(), False)))
        except Exception:
            marks.append("{RAISED}")
    raise AssertionError(" ".join(marks))
"""
    return Program(source_of(solution), tests, solution.name)


def choose_inputs(inputs: Sequence[str], trace: Trace) -> list[str]:
    """Inputs for the tests: first those whose results are new, in their order, then others; none that raises."""
    seen: set[str] = set()
    new, others = list[str](), list[str]()
    for arguments, mark in zip(inputs, trace, strict=True):
        if mark != RAISED:
            (others if mark in seen else new).append(arguments)
            seen.add(mark)
    return [*new, *others][:MAX_RESULTS]


def _calls(inputs: Sequence[str]) -> str:
    return "\n".join(f"        lambda: candidate({arguments})," for arguments in inputs)


def _trace(programs: Sequence[Program], sandboxes: Sequence[Sandbox], workers: int) -> Iterator[Trace | None]:
    """What each program does in every sandbox; None where it does not end or differs from one to the next."""
    runs = [sandbox.run_all(programs, workers=workers) for sandbox in sandboxes]
    for verdicts in zip(*runs, strict=True):
        details = {verdict.detail if verdict.verdict == "wrong_answer" else "" for verdict in verdicts}
        trace = tuple(details.pop().split())
        yield trace if trace and not details else None


def _majority(solutions: Sequence[ExerciseDraft], traces: Iterator[Trace | None]) -> tuple[ExerciseDraft, Trace] | None:
    """The first of the solutions that do the same, if they are enough; takes one trace for each solution."""
    by_trace: dict[Trace, list[ExerciseDraft]] = defaultdict(list)
    for solution in solutions:
        trace = next(traces)
        if trace is not None:
            by_trace[trace].append(solution)
    for trace, agreeing in by_trace.items():
        if len(agreeing) >= MIN_AGREEING and 2 * len(agreeing) > len(solutions):
            return agreeing[0], trace
    return None


def _compute(chosen: Sequence[tuple[ExerciseDraft, list[str]]], sandbox: Sandbox, workers: int) -> list[ExerciseDraft]:
    """Each solution with what it returns for its inputs as its claims; long results are left out."""
    verdicts = sandbox.run_all([_show_program(*one) for one in chosen], workers=workers)
    drafts = []
    for (solution, inputs), verdict in zip(chosen, verdicts, strict=True):
        results = verdict.detail.split("\n") if verdict.verdict == "wrong_answer" else []
        claims = []
        for arguments, text in zip(inputs, results, strict=False):
            with contextlib.suppress(ValueError):
                claims.append(Claim(arguments, literal_of(read_literal(text))))
        drafts.append(replace(solution, claims=tuple(claims)))
    return drafts


def _show_program(solution: ExerciseDraft, inputs: Sequence[str]) -> Program:
    tests = f"""
{LITERAL}
def check(candidate):
    texts = []
    for call in [
{_calls(inputs)}
    ]:
        try:
            text = literal(call(), True)
        except Exception:
            text = ""
        texts.append(text if len(text) <= {MAX_RESULT_CHARS} else "")
    raise AssertionError("\\n".join(texts))
"""
    return Program(source_of(solution), tests, solution.name)

"""Drafts of exercises proven by running them: what holds becomes the tests and the examples; the rest is left out."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hornbook.evaluate.sandbox import Limits, Policy, Program, Sandbox, Verdict
from hornbook.records import Exercise
from hornbook.synthesize.literals import literal_of
from hornbook.synthesize.read_exercise import Claim, ExerciseDraft

LIMITS = Limits(timeout_s=2.0)
HASH_SEEDS = (0, 1)
"""The order of a set of strings depends on them: what a solution returns must not."""
MIN_HELD = 2
"""Asserts that must hold, whatever their share: one may hold by chance."""
MAX_EXAMPLE_CHARS = 88
HOLDS, FAILS, RAISES = "+", "-", "x"


@dataclass(frozen=True)
class Verified:
    """A draft whose solution has run."""

    draft: ExerciseDraft
    held: tuple[Claim, ...]
    """What the solution returned as its author said, twice over."""
    verdict: str
    """As on the exercise's row."""


@contextlib.contextmanager
def open_sandboxes(policy: Policy) -> Iterator[list[Sandbox]]:
    """One sandbox for each hash seed."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Sandbox(LIMITS, policy=policy, hash_seed=seed)) for seed in HASH_SEEDS]


def verify_exercises(
    drafts: Sequence[ExerciseDraft],
    sandboxes: Sequence[Sandbox],
    *,
    workers: int,
    min_held_share: float,
    on_progress: Callable[[int], None] | None = None,
) -> list[Verified | str]:
    """Each draft with the asserts that hold, or the reason why it is no exercise.

    A solution stays where at least `MIN_HELD` of its asserts and `min_held_share` of them hold, and they show two
    different results: the others are taken for slips of their author, who worked them out by head. What stays in the
    first sandbox must do the same in the others. Reasons: a verdict of the sandbox, `raises`, `tests_fail`,
    `too_few_asserts`, `one_result`, `not_deterministic`.
    """
    first, *others = sandboxes
    verdicts = first.run_all([probe(draft) for draft in drafts], workers=workers, on_progress=on_progress)
    outcomes = [_judge(draft, verdict, min_held_share) for draft, verdict in zip(drafts, verdicts, strict=True)]
    for sandbox in others:
        standing = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, Verified)]
        again = sandbox.run_all([probe(drafts[index]) for index in standing], workers=workers)
        for index, verdict in zip(standing, again, strict=True):
            if _judge(drafts[index], verdict, min_held_share) != outcomes[index]:
                outcomes[index] = "not_deterministic"
    return outcomes


def probe(draft: ExerciseDraft) -> Program:
    """A program that passes where all claims hold, and else says in its detail which ones do.

    Each call is made twice: a function that remembers or draws at random does not hold.
    """
    claims = "\n".join(f"        (lambda: candidate({claim.arguments}), {claim.expected})," for claim in draft.claims)
    tests = f"""
def check(candidate):
    marks = ""
    for call, expected in [
{claims}
    ]:
        try:
            same = all(
                result == expected and isinstance(result, bool) == isinstance(expected, bool)
                for result in (call(), call())
            )
            marks += "{HOLDS}" if same else "{FAILS}"
        except Exception:
            marks += "{RAISES}"
    assert set(marks) == {{"{HOLDS}"}}, marks
"""
    return Program(source_of(draft), tests, draft.name)


def source_of(draft: ExerciseDraft) -> str:
    """The whole function, as it is run."""
    return prompt_of(draft, "") + draft.solution


def prompt_of(draft: ExerciseDraft, examples: str) -> str:
    """Imports, signature and docstring with the examples in it, indented as the body is."""
    words = draft.docstring + (f"\n\n{examples}" if examples else "")
    lines = [f"    {line}".rstrip() for line in words.splitlines()]
    ending = '"""' if len(lines) == 1 else '\n    """'
    docstring = '    """' + "\n".join(lines).lstrip() + ending
    gap = "\n\n" if draft.imports else ""
    return f"{draft.imports}{gap}{draft.signature}{docstring}\n"


def to_exercise(verified: Verified, task_id: str, style_seed: str) -> Exercise:
    """The exercise, its docstring with none, one or two of the claims that hold, in one of several forms."""
    draft = verified.draft
    tests = "".join(f"    assert candidate({claim.arguments}) == {claim.expected}\n" for claim in verified.held)
    return Exercise(
        task_id=task_id,
        name=draft.name,
        prompt=prompt_of(draft, write_examples(draft.name, verified.held, random.Random(style_seed))),
        solution=draft.solution,
        tests=f"def check(candidate):\n{tests}",
        operations=(),
        style="",
        verdict=verified.verdict,
    )


def write_examples(name: str, held: Sequence[Claim], draw: random.Random) -> str:
    """Examples for a docstring: in the interpreter's form mostly, as HumanEval has them; now and then none."""
    count = draw.choices((0, 1, 2), weights=(0.2, 0.4, 0.4))[0]
    write = draw.choices(EXAMPLE_FORMS, weights=EXAMPLE_WEIGHTS)[0]
    written = (
        write(f"{name}({claim.arguments})", literal_of(claim.value)) for claim in held if claim.value is not None
    )
    # A backslash would mean something else inside a docstring that is not raw.
    fitting = [text for text in written if "\\" not in text and '"""' not in text and _fits(text)]
    return "\n".join(fitting[:count])


def _fits(text: str) -> bool:
    return all(len(line) <= MAX_EXAMPLE_CHARS for line in text.splitlines())


EXAMPLE_FORMS: tuple[Callable[[str, str], str], ...] = (
    lambda call, value: f">>> {call}\n{value}",
    lambda call, value: f"{call} -> {value}",
    lambda call, value: f"{call} == {value}",
    lambda call, value: f"For example, {call} returns {value}.",
)
EXAMPLE_WEIGHTS = (0.7, 0.1, 0.1, 0.1)


def _judge(draft: ExerciseDraft, verdict: Verdict, min_held_share: float) -> Verified | str:
    marks = HOLDS * len(draft.claims) if verdict.passed else verdict.detail
    if not verdict.passed and (verdict.verdict != "wrong_answer" or set(marks) - {HOLDS, FAILS, RAISES}):
        return str(verdict.verdict)
    if len(draft.claims) < MIN_HELD:
        return "too_few_asserts"
    if RAISES in marks:
        return "raises"
    held = tuple(claim for claim, mark in zip(draft.claims, marks, strict=True) if mark == HOLDS)
    if len(held) < max(MIN_HELD, min_held_share * len(draft.claims)):
        return "tests_fail"
    # A function that is only ever seen to return one thing might return it always.
    if len({claim.expected for claim in held}) == 1:
        return "one_result"
    return Verified(draft, held, "held" if len(held) == len(draft.claims) else "held_in_part")

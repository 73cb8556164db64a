"""Textbook sections: a concept explained to an audience, with code that was run and what it printed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hornbook.records import TextbookSection
from hornbook.teacher.builtin.audiences import AUDIENCES, Audience
from hornbook.teacher.builtin.code import STYLES, render_solution, result_names
from hornbook.teacher.builtin.composition import Chain, draw_chain, is_allowed, pivots, split_of, successors
from hornbook.teacher.builtin.concepts import CONCEPTS
from hornbook.teacher.builtin.english import capitalize, describe, frames_of, third_person
from hornbook.teacher.builtin.exercises import STYLE_WEIGHTS
from hornbook.teacher.builtin.ports import Port
from hornbook.teacher.builtin.task import (
    Case,
    GrammarError,
    Task,
    bind,
    draw_cases,
    empty_result,
    render_docstring,
    verify,
    why_trivial,
)
from hornbook.teacher.builtin.weights import Choice

MAX_CHARS = 1500
MIN_CHARS = 500
CONCEPT_SHARE = 0.25
"""Share of the sections that teach a general idea; the others teach an operation or a composition."""
DEPTH_WEIGHTS: Mapping[int, float] = {1: 0.25, 2: 0.5, 3: 0.25}
_MAX_ATTEMPTS = 1000
_MAX_SHOWN = 60

_NOUNS = {
    "ints": "a list of numbers", "words": "a list of words", "text": "a text", "int": "a number",
    "counts": "a dictionary of counts", "set": "a set of numbers", "pair": "a pair of numbers",
    "pairs": "a list of pairs", "grid": "a grid of numbers", "records": "a list of records",
}  # fmt: skip


@dataclass(frozen=True)
class _Function:
    """A function that was run, with what is needed to talk about it."""

    task: Task
    cases: Sequence[Case]
    source: str
    body: Sequence[str]
    style: str


class TextbookTeacher:
    """Writes textbook sections over the training side of the split, the same ones for the same seed and index.

    `audiences` takes names from `hornbook.teacher.builtin.audiences`. `rejections` counts the drafts that were
    thrown away, by reason. Raises ValueError for an unknown audience and GrammarError for a bug in the grammar.
    """

    def __init__(
        self,
        seed: int,
        *,
        audiences: Sequence[str] | None = None,
        style_weights: Mapping[str, float] | None = None,
        type_hint_share: float = 0.7,
        forbidden_names: Collection[str] = (),
    ) -> None:
        known = {audience.name: audience for audience in AUDIENCES}
        for name in audiences or ():
            if name not in known:
                raise ValueError(f"unknown audience {name!r}; the known ones are: {'; '.join(known)}")
        self.seed = seed
        self.audiences = tuple(known[name] for name in audiences) if audiences else AUDIENCES
        self.type_hint_share = type_hint_share
        self.forbidden_names = frozenset(forbidden_names)
        self.rejections: Counter[str] = Counter()
        self._styles = Choice(style_weights or STYLE_WEIGHTS, STYLES)
        self._depths = Choice(DEPTH_WEIGHTS, DEPTH_WEIGHTS)
        self._frames = {depth: Choice(frames_of(depth), frames_of(depth)) for depth in DEPTH_WEIGHTS}

    def sections(self, count: int, *, start: int = 0) -> Iterator[TextbookSection]:
        """Yields the sections with the indices from `start` on, distinct by text within one call."""
        seen: set[str] = set()
        for index in range(start, start + count):
            for attempt in range(_MAX_ATTEMPTS):
                section = self._draft(index, attempt)
                if section and section.text not in seen:
                    seen.add(section.text)
                    yield section
                    break
            else:
                raise GrammarError(f"section {index}: no draft in {_MAX_ATTEMPTS} is new, see {self.rejections}")

    def _draft(self, index: int, attempt: int) -> TextbookSection | None:
        plan = random.Random(f"{self.seed}/section/{index}")
        audience = self.audiences[index % len(self.audiences)]
        rng = random.Random(f"{self.seed}/section/{index}/{attempt}")
        if plan.random() < CONCEPT_SHARE:
            concept = plan.choice(CONCEPTS)
            topic, idea, style = concept.name, rng.choice(concept.ideas) + " ", concept.style
            depth, options = min(self._depths.draw(plan), 2), concept.operations()
        else:
            topic, idea, style = "", "", self._styles.draw(rng)
            depth, options = self._depths.draw(plan), pivots("train")
        chain = draw_chain(rng, depth, "train", rng.choice(options))
        main = self._write(chain, style, rng) if chain else None
        if main is None or (topic and style != "comprehension" and main.style != style):
            return self._reject("main_function")
        other_chain = _vary(main.task.chain, rng)
        other = self._write(other_chain, style if topic else self._styles.draw(rng), rng)
        if other is None or other.task.name == main.task.name or _says_the_same(main, other):
            return self._reject("variation")
        text = _compose(topic, idea, audience, main, other, rng)
        if not MIN_CHARS <= len(text) <= MAX_CHARS:
            return self._reject("length")
        topic = topic or ", ".join(operation.name for operation in main.task.chain)
        return TextbookSection(topic, audience.name, text)

    def _write(self, chain: Chain, style: str, rng: random.Random) -> _Function | None:
        task = bind(chain, rng, self.forbidden_names)
        if task is None:
            return None
        cases = draw_cases(task, rng)
        if why_trivial(task, cases):
            return None
        solution, style = render_solution(task.steps, task.argument, style, empty_result(task, cases))
        summary = describe(task.steps, task.argument, self._frames[len(chain)].draw(rng), rng)
        docstring = render_docstring(task, summary, "plain", cases)
        source = task.signature(rng.random() < self.type_hint_share) + docstring + solution
        verify(source, task.name, cases)
        return _Function(task, cases, source, solution.rstrip("\n").split("\n"), style)

    def _reject(self, reason: str) -> TextbookSection | None:
        self.rejections[reason] += 1
        return None


def _says_the_same(one: _Function, other: _Function) -> bool:
    same_task = one.task.chain == other.task.chain and one.task.literals == other.task.literals
    return same_task and one.style == other.style


def _vary(chain: Chain, rng: random.Random) -> Chain:
    """The same composition, or one with the last operation changed, left out or followed by another."""
    kind = rng.randrange(4)
    if kind == 1 and len(chain) > 1:
        return chain[:-1]
    if kind == 2 and len(chain) < 3 and (following := successors(chain[-1])):
        longer = (*chain, rng.choice(following))
        return longer if is_allowed(longer) and split_of(longer) == "train" else chain
    if kind == 3 and len(chain) > 1:
        changed = (*chain[:-1], rng.choice(successors(chain[-2])))
        return changed if is_allowed(changed) and split_of(changed) == "train" else chain
    return chain


def _compose(
    topic: str, idea: str, audience: Audience, main: _Function, other: _Function, rng: random.Random
) -> str:  # fmt: skip
    clauses = [step.fill(rng.choice(step.operation.clauses)) for step in main.task.steps]
    said = clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])} and then {clauses[-1]}"
    noun = _noun(main.task.chain[0].takes)
    opening = rng.choice(audience.openings).format(noun=noun, task=said, idea=idea).strip()
    title = capitalize(topic or ", then ".join(step.operation.name.replace("_", " ") for step in main.task.steps))
    shown = _shown_case(main)
    parts = [f"# {title}", opening, rng.choice(audience.code), _fence(f"{main.source}\n{_printed(main, shown)}")]
    parts.append(_walk_through(main, clauses, shown) if rng.random() < 0.6 else _line_by_line(main, clauses))
    parts += [rng.choice(audience.variation), _fence(f"{other.source}\n{_printed(other, _shown_case(other))}")]
    parts.append(f"{rng.choice(audience.question)} {_question(main, shown, rng)}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _noun(port: Port) -> str:
    return _NOUNS[port.name]


def _fence(code: str) -> str:
    return f"```python\n{code.rstrip()}\n```"


def _shown_case(function: _Function) -> Case:
    """The case that says most in little room: something in, something else out, of middling length."""

    def rank(case: Case) -> tuple[bool, bool, int]:
        arguments, result = case
        given = arguments[0]
        is_uniform = isinstance(given, list) and len(set(map(repr, given))) < 2
        return (not result or not given, result == given or is_uniform, abs(len(repr(case)) - 40))

    return min(function.cases, key=rank)


def _call(function: _Function, arguments: Sequence[object]) -> str:
    return f"{function.task.name}({', '.join(map(repr, arguments))})"


def _printed(function: _Function, case: Case) -> str:
    arguments, result = case
    # A set prints in an order of its own, and spaces at an end cannot be seen.
    if isinstance(result, set):
        return f"print(sorted({_call(function, arguments)}))  # prints {sorted(result)}"
    if isinstance(result, str) and (not result or result != result.strip()):
        return f"print(repr({_call(function, arguments)}))  # prints {result!r}"
    return f"print({_call(function, arguments)})  # prints {result}"


def _walk_through(function: _Function, clauses: Sequence[str], case: Case) -> str:
    """What each operation makes of the shown input, computed by the references."""
    arguments, _ = case
    task = function.task
    names = [task.argument, *(slot.argument for slot in task.extras)]
    given = " and ".join(f"{name} = {value!r}" for name, value in zip(names, arguments, strict=True))
    sentences = [f"With {given}:"]
    for at, (clause, name) in enumerate(zip(clauses, result_names(task.steps), strict=True)):
        value = task.up_to(at + 1, arguments)
        if len(repr(value)) > _MAX_SHOWN or isinstance(value, set):
            return ""
        is_last = at == len(clauses) - 1
        sentences.append(f"- {clause}: {'the result' if is_last else f'`{name}`'} is `{value!r}`")
    return "\n".join(sentences)


def _line_by_line(function: _Function, clauses: Sequence[str]) -> str:
    """Each line next to what it does, where every operation is one line."""
    if len(function.body) != len(clauses):
        return ""
    pairs = zip(function.body, clauses, strict=True)
    return "\n".join(f"- `{line.strip()}` {third_person(clause)}." for line, clause in pairs)


def _question(function: _Function, shown: Case, rng: random.Random) -> str:
    options = [case for case in function.cases if case is not shown and len(repr(case)) <= _MAX_SHOWN]
    empty = [case for case in options if not case[0][0] and function.task.chain[0].takes.can_be_empty]
    if empty and rng.random() < 0.3:
        arguments, result = empty[0]
        why = ", because there is nothing to work on"
        return f"What does `{_call(function, arguments)}` return?\nAnswer: `{result!r}`{why}."
    arguments, result = rng.choice(options) if options else shown
    return f"What does `{_call(function, arguments)}` return?\nAnswer: `{result!r}`."

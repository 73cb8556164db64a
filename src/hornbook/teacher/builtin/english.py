"""Docstrings and function names: a composition said in words, each operation in its order of use."""

from __future__ import annotations

import builtins
import keyword
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hornbook.teacher.builtin.operation import Operation

MAX_LINE = 100
MAX_NAME = 40

FRAMES_OF_ONE = {"return": 0.5, "returns": 0.2, "imperative": 0.3}
FRAMES_OF_MANY = {"then": 0.35, "result": 0.2, "descriptive": 0.15, "sentences": 0.12, "steps": 0.08, "nested": 0.1}
"""Sentence frames and their weights, for one operation and for several."""

_SCALARS = ("int", "bool", "text", "pair")
_PREFIXES = ("get", "compute", "find")
BENCHMARK_NAMES = frozenset(
    name
    for line in (
        "all_prefixes by_length common count count_char count_common count_digits count_even count_nums count_pairs",
        "count_vowels digits find find_char find_char_long find_gcd find_length find_long_word first first_even gcd",
        "get_gcd get_key get_median get_pairs_count get_positive get_product get_row get_sum index_minimum is_sorted",
        "large_product last long_words longest median median_numbers minimum n_common_words negative_count",
        "positive_count second_smallest sum sum_average sum_column sum_digits sum_nums sum_of_digits sum_product",
        "text_uppercase_lowercase vowels_count",
    )
    for name in line.split()
)
"""The entry points of HumanEval and MBPP that consist of words of this grammar; no function gets such a name."""

_RESERVED = {*keyword.kwlist, *dir(builtins), *BENCHMARK_NAMES}


@dataclass(frozen=True)
class Step:
    """One operation of a composition with its slots bound to source text, e.g. `{k}` to `3` or `limit`."""

    operation: Operation
    bindings: tuple[tuple[str, str], ...]

    def fill(self, template: str) -> str:
        """The template with its slots replaced."""
        for key, source in self.bindings:
            template = template.replace(key, source)
        return template


def frames_of(depth: int) -> dict[str, float]:
    """The sentence frames that a composition of so many operations can be said in, with their weights."""
    return FRAMES_OF_ONE if depth == 1 else FRAMES_OF_MANY


def describe(steps: Sequence[Step], argument: str, frame: str, rng: random.Random) -> list[str]:
    """The summary of a docstring as lines; a frame that the operations do not fit gives way to a plainer one."""
    clauses = [step.fill(rng.choice(step.operation.clauses)) for step in steps]
    last = steps[-1].operation
    if len(steps) == 1:
        return [_describe_one(steps[0], clauses[0], argument, frame, rng)]
    if frame == "nested" and (nested := _nest(steps, argument, rng)) and len(nested) <= MAX_LINE:
        return [f"Return {nested}."]
    ending = steps[-1].fill(rng.choice(last.nouns)) if last.nouns else ""
    noun = last.takes.noun
    ending = ending.replace("{x}", "the result" if noun in ending else f"the resulting {noun}")
    if frame == "steps":
        numbered = [f"{number}. {capitalize(clause)}." for number, clause in enumerate(clauses, 1)]
        return [f"Return the result of these steps on {argument}:", "", *numbered]
    if frame == "sentences":
        middle = [f"Then {clause}." for clause in clauses[1:-1]]
        return _wrap([f"First {clauses[0]}.", *middle, f"Finally {f'return {ending}' if ending else clauses[-1]}."])
    if frame == "descriptive":
        said = [third_person(clause) for clause in clauses]
        end = f"then returns {ending}." if ending else f"then {said[-1]} and returns the result."
        return _wrap([f"{capitalize(said[0])},", *(f"{clause}," for clause in said[1:-1]), end])
    if frame == "result" or not ending:
        middle = [f"{clause}," for clause in clauses[1:-1]]
        return _wrap([f"{capitalize(clauses[0])},", *middle, f"then {clauses[-1]}.", "Return the result."])
    middle = [f"{clause}," for clause in clauses[1:-1]]
    return _wrap([f"{capitalize(clauses[0])},", *middle, f"then return {ending}."])


def _describe_one(step: Step, clause: str, argument: str, frame: str, rng: random.Random) -> str:
    nouns = step.operation.nouns
    if frame == "imperative" or not nouns:
        if frame == "returns":
            return f"{capitalize(third_person(clause))} and returns the result."
        return f"{capitalize(clause)} and return the result."
    noun = step.fill(rng.choice(nouns)).replace("{x}", argument)
    return f"Returns {noun}." if frame == "returns" else f"Return {noun}."


def _nest(steps: Sequence[Step], argument: str, rng: random.Random) -> str:
    """`the sum of the squares of numbers`, or nothing where a phrase would attach to the wrong noun."""
    phrase = argument
    for step in steps:
        is_last = step is steps[-1]
        usable = [noun for noun in step.operation.nouns if is_last or noun.endswith("{x}")]
        if not usable:
            return ""
        phrase = step.fill(rng.choice(usable)).replace("{x}", phrase)
    return phrase


def capitalize(clause: str) -> str:
    """The clause as the start of a sentence."""
    return clause[0].upper() + clause[1:]


def third_person(clause: str) -> str:
    """An imperative clause as a statement about someone: `keep the odd numbers` as `keeps the odd numbers`."""
    verb, _, rest = clause.partition(" ")
    if verb.endswith(("ch", "sh", "ss", "x", "o")):
        verb += "es"
    elif verb.endswith("y") and verb[-2] not in "aeiou":
        verb = verb[:-1] + "ies"
    else:
        verb += "s"
    return f"{verb} {rest}"


def _wrap(pieces: Sequence[str]) -> list[str]:
    """Joins sentence pieces into lines; a line breaks between pieces only, so that clauses stay whole."""
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + 1 + len(piece) > MAX_LINE:
            lines.append(piece)
        else:
            lines[-1] += f" {piece}"
    return lines


def function_name(chain: Sequence[Operation], argument: str, forbidden: Collection[str], rng: random.Random) -> str:
    """A name for what the composition does; empty where every candidate is forbidden."""
    stems = [operation.stem for operation in chain]
    if len(chain) == 1:
        stem = stems[0]
        candidates = [f"{stem}_of_{argument}", f"{stem}_{argument}", f"{stem}_from_{argument}"]
        candidates += [f"{prefix}_{stem}" for prefix in _PREFIXES]
    else:
        forward, backward = "_".join(stems), "_".join(reversed(stems))
        if chain[-1].gives.name in _SCALARS:
            backward = f"{stems[-1]}_of_{'_'.join(reversed(stems[:-1]))}"
        candidates = [forward, backward, f"{rng.choice(_PREFIXES)}_{backward}"]
        candidates.append(f"{stems[0]}_then_{'_'.join(stems[1:])}")
        short = f"{stems[-1]}_of_{stems[0]}"
        candidates = [name if len(name) <= MAX_NAME else short for name in candidates]
    name = rng.choice(candidates)
    if name in forbidden or name in _RESERVED:
        allowed = [other for other in candidates if other not in forbidden and other not in _RESERVED]
        return rng.choice(allowed) if allowed else ""
    return name

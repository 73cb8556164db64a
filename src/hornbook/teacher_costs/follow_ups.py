"""Requests that follow from replies, as a plan counts them: how many are expected, how many there can be, their size.

Which replies lead to one is known when they are there: a section's code must run, an exercise's results must hold.
Until then it is a share, measured once (docs/lab-notes.md) or on the replies that the cache holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hornbook.corpus.judgement import Unreadable, read_judgement
from hornbook.corpus.judgement import repair_request as judgement_repair
from hornbook.evaluate.grader import lacks_grade
from hornbook.evaluate.grader import repair_request as grade_repair
from hornbook.recipe import Recipe
from hornbook.synthesize.constraints import read_examples
from hornbook.synthesize.follow_ups import repair_request, solution_request
from hornbook.synthesize.read_exercise import read_exercise
from hornbook.synthesize.requests import REPAIR_PROMPT, SOLVE_PROMPT
from hornbook.teacher.budget import Tokens, most_tokens
from hornbook.teacher.chat import ChatRequest
from hornbook.teacher.prompts import render

REPAIRED_SECTIONS = 0.5
"""Of 4,096 sections of the starter set 2,070 had code with an error to show."""
SOLVED_AGAIN = 0.5
"""Of 56,320 exercises of the starter set about 28,000 had results that did not hold and might have been wrong alone."""
UNREADABLE = 0.1
"""Of judgements and grades, where the cache holds too few to tell: an assumption. They are asked for once more."""
ERROR = "E" * 500
"""As long as what the sandbox says of a program."""


@dataclass(frozen=True)
class FollowUp:
    """Requests that follow from the replies of one stage."""

    name: str
    each: int
    """How many follow from a reply that leads to any."""
    expected_share: float
    """Of the replies that lead to some, where no replies tell it."""
    build: Callable[[ChatRequest], ChatRequest]
    """From a request to what follows from an empty reply to it."""
    quotes_reply: bool = True
    """Whether the reply stands in it as a whole."""
    words: str = ""
    """That such requests hold and no others do, to count those that have a reply; empty where that tells nothing."""
    leads_on: Callable[[str], bool] | None = None
    """Whether a reply leads to some, where reading it tells."""

    def share(self, texts: Sequence[str]) -> float:
        """Of the replies that lead to some; `texts` are enough replies that are there already, or none."""
        if self.leads_on is None or not texts:
            return self.expected_share
        return sum(map(self.leads_on, texts)) / len(texts)

    def expected(self, request: ChatRequest, bytes_per_token: float, completion: float) -> tuple[float, float]:
        """Tokens of the prompt and of the reply of one such request, where replies have so many tokens on average."""
        following = self.build(request)
        prompt = len(following.canonical.encode()) / bytes_per_token + (completion if self.quotes_reply else 0)
        return prompt, min(completion, following.max_tokens)

    def most(self, request: ChatRequest) -> Tokens:
        """As `most_tokens`, for the longest reply that there can be: what was written comes back as a prompt."""
        return most_tokens(self.build(request)) + Tokens(prompt=request.max_tokens)


def section_repairs(recipe: Recipe) -> FollowUp | None:
    """Sections whose code fails, asked for anew with the error; None where the recipe has none."""
    if not recipe.write_textbooks.max_repairs:
        return None
    words = render(f"{REPAIR_PROMPT}.user", error=ERROR).rpartition(ERROR)[2].strip()
    return FollowUp("repairs", 1, REPAIRED_SECTIONS, lambda request: repair_request(request, "", ERROR), words=words)


def further_solutions(recipe: Recipe) -> FollowUp | None:
    """Solutions of exercises whose stated results do not hold; None where the recipe has none."""
    each = recipe.write_exercises.num_solutions - 1
    if not each:
        return None
    draft = read_exercise(f"```python\n{read_examples()['exercises'][0]['reply']}\n```")
    return FollowUp(
        "solutions",
        each,
        SOLVED_AGAIN,
        lambda request: solution_request(recipe.writer, recipe.seed, 0, 1, draft),
        quotes_reply=False,
        words=render(f"{SOLVE_PROMPT}.system").strip(),
    )


def judgement_repairs() -> FollowUp:
    """Judgements that cannot be read, asked for once more."""
    unreadable = Unreadable("no_value", "")
    return FollowUp(
        "repairs",
        1,
        UNREADABLE,
        lambda request: judgement_repair(request, unreadable),
        leads_on=lambda text: isinstance(read_judgement(text), Unreadable),
    )


def grade_repairs() -> FollowUp:
    """Replies with an evaluation and no grade, asked for the line alone."""
    return FollowUp("repairs", 1, UNREADABLE, lambda request: grade_repair(request, ""), leads_on=lacks_grade)

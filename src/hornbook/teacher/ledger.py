"""The ledger: what was spent on each model, in the reply cache's own file, so that it is as safe as the replies.

A request's worst case is added before it is sent and replaced by its usage in the transaction that keeps the reply. So
at every moment, also after `kill -9`, the sum is at least what was spent: what a killed process had in flight, and what
was sent and came to nothing (a timeout, a dropped connection, a 5xx), stays at its worst case, because it may have been
billed. Processes that share the file share the bound.

The account is that of the model's name over the life of the file, whoever asked; tokens of live requests and of batches
are apart, because their prices are. It holds tokens, not dollars: prices are the recipe's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from hornbook.errors import TeacherError
from hornbook.teacher.budget import MESSAGE_TOKENS, TEMPLATE_TOKENS, Budget, Mode, Tokens
from hornbook.teacher.replies import ReplyCache

PART, VERSION = "spending", 1
SCHEMA = """
CREATE TABLE spending (
    model TEXT NOT NULL,
    mode TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    PRIMARY KEY (model, mode)
) WITHOUT ROWID
"""
# A file from before there was a ledger: its replies count, those without usage at their worst case. JSON is longer than
# the messages in it.
EARLIER_REPLIES = f"""
INSERT INTO spending
SELECT
    json_extract(request, '$.model'),
    'live',
    SUM(
        CASE prompt_tokens WHEN 0 THEN
            LENGTH(CAST(request AS BLOB)) + {TEMPLATE_TOKENS}
            + {MESSAGE_TOKENS} * json_array_length(request, '$.messages')
        ELSE prompt_tokens END
    ),
    SUM(CASE completion_tokens WHEN 0 THEN json_extract(request, '$.max_tokens') ELSE completion_tokens END)
FROM replies GROUP BY 1
"""
ADD = """
INSERT INTO spending VALUES (?, ?, ?, ?)
ON CONFLICT (model, mode) DO UPDATE SET
    prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens
"""
SPENT = "SELECT mode, prompt_tokens, completion_tokens FROM spending WHERE model = ?"


@dataclass(frozen=True)
class BudgetSpent:
    """A worst case that there was no room for, beside what was spent before it."""

    model: str
    mode: Mode
    spent: Mapping[Mode, Tokens]
    most: Tokens


def open_ledger(cache: ReplyCache) -> None:
    """Makes the ledger in a file that has none. Raises ArtifactError as `ReplyCache.add_part` does."""
    cache.add_part(PART, VERSION, [SCHEMA, EARLIER_REPLIES])


def read_spent(cache: ReplyCache, model: str) -> dict[Mode, Tokens]:
    """What was spent on a model at the most, by mode."""
    return _tokens(cache.read(SPENT, (model,)))


def reserve(connection: sqlite3.Connection, model: str, mode: Mode, most: Tokens, budget: Budget) -> BudgetSpent | None:
    """Adds a worst case where the budget has room for it; otherwise adds nothing and returns what is spent."""
    if budget.is_bounded:
        spent = _tokens(connection.execute(SPENT, (model,)).fetchall())
        if budget.exceeded_field(spent | {mode: spent.get(mode, Tokens()) + most}):
            return BudgetSpent(model, mode, spent, most)
    settle(connection, model, mode, most)
    return None


def settle(connection: sqlite3.Connection, model: str, mode: Mode, difference: Tokens) -> None:
    """Adds the difference, below 0 as a rule, between what something cost and what was reserved for it."""
    connection.execute(ADD, (model, mode, difference.prompt, difference.completion))


def over_budget(refused: BudgetSpent, budget: Budget, num_remaining: int, cache: ReplyCache) -> TeacherError:
    """The error that says what is spent, what remains, and which field to raise."""
    before = refused.spent.get(refused.mode, Tokens())
    field = budget.exceeded_field({**refused.spent, refused.mode: before + refused.most})
    name = f"{budget.section}.{field}" if budget.section else field
    return TeacherError(
        f"{refused.model!r} has spent {budget.describe(refused.spent, field)}, and the next request may take up to "
        f"{refused.most.prompt:,}+{refused.most.completion:,} tokens. {num_remaining:,} requests remain. Every reply "
        f"that came is kept in {cache.path}: raise {name} and run the same again to go on."
    )


def _tokens(rows: list[tuple[object, ...]]) -> dict[Mode, Tokens]:
    return {mode: Tokens(prompt, completion) for mode, prompt, completion in rows}  # type: ignore[misc, arg-type]

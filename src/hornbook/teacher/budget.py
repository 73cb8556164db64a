"""What asking costs, and the bound on it: tokens, prices, and the worst case of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from hornbook.recipe import ChatConfig
from hornbook.teacher.chat import ChatReply, ChatRequest

Mode = Literal["live", "batch"]

TEMPLATE_TOKENS = 128
"""More than a chat template adds by itself to a conversation: Qwen's and Llama's put a system message of about 20 and
35 tokens where there is none, gpt-oss one of about 70."""
MESSAGE_TOKENS = 16
"""More than a chat template puts around one message: role, borders and line ends take 3 to 7."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens that were read and written."""

    prompt: int = 0
    completion: int = 0

    @property
    def total(self) -> int:
        """Both together."""
        return self.prompt + self.completion

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.prompt + other.prompt, self.completion + other.completion)

    def __sub__(self, other: Tokens) -> Tokens:
        return Tokens(self.prompt - other.prompt, self.completion - other.completion)


def most_tokens(request: ChatRequest) -> Tokens:
    """The worst case of one attempt, for any byte-level tokenizer: none makes more tokens than bytes of a text."""
    texts = sum(MESSAGE_TOKENS + len(message.content.encode()) for message in request.messages)
    return Tokens(TEMPLATE_TOKENS + texts, request.max_tokens)


def used_tokens(reply: ChatReply, most: Tokens) -> Tokens:
    """What a reply came to by the endpoint's usage, and the worst case where it reports none."""
    return Tokens(reply.prompt_tokens or most.prompt, reply.completion_tokens or most.completion)


@dataclass(frozen=True)
class Budget:
    """Prices, and what may be spent at the most. 0 stands for no price and for no bound."""

    section: str = ""
    """Of the recipe, to say which field to raise."""
    prompt_price: float = 0.0
    """Dollars a token."""
    completion_price: float = 0.0
    batch_discount: float = 0.5
    max_dollars: float = 0.0
    max_tokens: int = 0

    @classmethod
    def of(cls, config: ChatConfig) -> Self:
        """As the section of a recipe says."""
        return cls(
            section=config.section,
            prompt_price=config.prompt_dollars_per_million / 1e6,
            completion_price=config.completion_dollars_per_million / 1e6,
            batch_discount=config.batch_discount,
            max_dollars=config.budget_dollars,
            max_tokens=config.budget_tokens,
        )

    @property
    def has_prices(self) -> bool:
        """Whether dollars say anything."""
        return self.prompt_price > 0 or self.completion_price > 0

    @property
    def is_bounded(self) -> bool:
        """Whether anything can be too much."""
        return self.max_dollars > 0 or self.max_tokens > 0

    def dollars(self, tokens: Tokens, mode: Mode = "live") -> float:
        """The price of so many tokens."""
        price = tokens.prompt * self.prompt_price + tokens.completion * self.completion_price
        return price * (1 - self.batch_discount) if mode == "batch" else price

    def dollars_of_all(self, spent: Mapping[Mode, Tokens]) -> float:
        """The price of what was spent in each mode."""
        return sum(self.dollars(tokens, mode) for mode, tokens in spent.items())

    def exceeded_field(self, spent: Mapping[Mode, Tokens]) -> str:
        """The field of the recipe whose bound is below what is spent; empty where none is."""
        if self.max_tokens and sum(tokens.total for tokens in spent.values()) > self.max_tokens:
            return "budget_tokens"
        if self.max_dollars and self.dollars_of_all(spent) > self.max_dollars:
            return "budget_dollars"
        return ""

    def describe(self, spent: Mapping[Mode, Tokens], field: str) -> str:
        """What is spent of the bound that a field of the recipe sets."""
        if field == "budget_dollars":
            return f"{show_dollars(self.dollars_of_all(spent))} of {show_dollars(self.max_dollars)}"
        return f"{sum(tokens.total for tokens in spent.values()):,} of {self.max_tokens:,} tokens"


def show_dollars(dollars: float) -> str:
    """An amount for people: cents, and of small amounts two digits that say something."""
    return f"${dollars:,.2f}" if dollars >= 0.995 or not dollars else f"${dollars:.2g}"

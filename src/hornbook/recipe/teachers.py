"""Sections about teachers: the built-in one, and language models that annotate, write and grade."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from hornbook.recipe.section import Positive, Section


class TeacherConfig(Section):
    """Who annotates and writes (the paper: GPT-4 annotates, GPT-3.5 writes)."""

    backend: Literal["builtin"] = "builtin"
    """`builtin`: the grammar that ships with hornbook; offline and free.
    Differs from paper: a curriculum of composed operations, not a language model."""


class ChatConfig(Section):
    """A language model that is asked.

    The fields that are marked `exclude` say where and how it is asked. They stand here, and not in a `Machine`, because
    each teacher of a recipe may have its own endpoint; no fingerprint covers them.
    """

    backend: Literal["", "openai", "transformers", "recorded", "starter"] = ""
    """Empty: nobody is asked. `openai`: any endpoint that speaks OpenAI's chat completions API, hosted or on this
    machine. `transformers`: a Hugging Face model in this process, many requests at once. `recorded`: replies that the
    run's reply cache holds already, and no network. `starter`: the replies that ship with hornbook, for a `writer` or
    an `annotator`."""
    model: str = ""
    """The model's name at the endpoint, or at Hugging Face."""
    temperature: Annotated[float, Field(ge=0.0)] = 0.0
    """0 asks for the most likely reply."""
    max_tokens: Positive = 512
    """A reply is cut here."""
    base_url: Annotated[str, Field(exclude=True)] = "https://api.openai.com/v1"
    """The endpoint, without user name, password or key."""
    api_key_env: Annotated[str, Field(exclude=True)] = "OPENAI_API_KEY"
    """The environment variable that holds the key; an endpoint on this machine needs none."""
    model_folder: Annotated[str, Field(exclude=True)] = ""
    """Where `transformers` finds the model; empty looks it up by its name."""
    batch_size: Annotated[int, Field(ge=0, exclude=True)] = 0
    """Sequences at once with `transformers`; 0 takes what fits."""
    concurrency: Annotated[int, Field(gt=0, exclude=True)] = 8
    """Requests in flight at once."""
    timeout_s: Annotated[float, Field(gt=0.0, exclude=True)] = 60.0
    """After so long without an answer a request is sent again."""
    deadline_s: Annotated[float, Field(gt=0.0, exclude=True)] = 300.0
    """After so long a request is given up and counted as `timed_out`, retries and waits included."""
    mode: Annotated[Literal["live", "batch"], Field(exclude=True)] = "live"
    """`live`: each request by itself. `batch`: files of requests through OpenAI's batch API, answered within a day at
    a lower price; only with `openai`."""
    prompt_dollars_per_million: Annotated[float, Field(ge=0.0, exclude=True)] = 0.0
    """The endpoint's price of a million prompt tokens, in dollars."""
    completion_dollars_per_million: Annotated[float, Field(ge=0.0, exclude=True)] = 0.0
    """The endpoint's price of a million tokens that it writes, in dollars."""
    batch_discount: Annotated[float, Field(ge=0.0, le=1.0, exclude=True)] = 0.5
    """The share of the price that batch mode saves (OpenAI's batch guide: 50%)."""
    budget_dollars: Annotated[float, Field(ge=0.0, exclude=True)] = 0.0
    """The most that may ever be spent on this model's replies in this reply cache, over all runs and processes; a
    request is sent only where its worst case still fits. 0: no bound."""
    budget_tokens: Annotated[int, Field(ge=0, exclude=True)] = 0
    """As `budget_dollars`, in tokens of prompts and replies together. 0: no bound."""

    @property
    def section(self) -> str:
        """Its name in a recipe."""
        return type(self).__name__.removesuffix("Config").lower()

    @model_validator(mode="after")
    def _check_spending(self) -> Self:
        if self.budget_dollars and not (self.prompt_dollars_per_million and self.completion_dollars_per_million):
            raise ValueError(
                f"budget_dollars {self.budget_dollars:g} needs prices: set prompt_dollars_per_million and "
                "completion_dollars_per_million"
            )
        if self.mode == "batch" and self.backend == "transformers":
            raise ValueError("mode 'batch' needs an endpoint with OpenAI's batch API: set backend to 'openai'")
        return self

    @model_validator(mode="after")
    def _check_endpoint(self) -> Self:
        # No message repeats a value that may hold a secret.
        url = urlsplit(self.base_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError("base_url must begin with http:// or https:// and name a host")
        if url.username is not None or url.password is not None or url.query or url.fragment:
            raise ValueError(
                "base_url must not hold a user name, a password or parameters: recipes are shared. "
                "Put the key into the environment variable that api_key_env names"
            )
        if not self.api_key_env.isidentifier():
            raise ValueError("api_key_env must be the name of an environment variable, not a key")
        if self.backend and not self.model:
            raise ValueError(f"model must name the model to ask when backend is {self.backend!r}")
        return self


class AnnotatorConfig(ChatConfig):
    """A language model that annotates in the built-in teacher's place (section 2.1).

    Each file is scored from 0 to 10, with a reason. Differs from paper: any model can annotate, GPT-4 there. With an
    empty backend the built-in teacher annotates, by a rubric. `starter` has annotations of files of its own, which take
    the place of the corpus's: the filter learns from them and judges the corpus.
    """

    max_tokens: Positive = 300
    """A reply is cut here; it is a reason of one or two sentences and a number."""
    window_chars: Positive = 8000
    """A longer file is cut into windows of at most so many characters, at line borders. Each is scored on its own, and
    the file's score is their mean weighted by length."""
    max_windows: Positive = 4
    """Of a file with more windows so many are scored, evenly spread over it; `share_read` of its row says how much of
    the file they are."""
    replies: Annotated[str, Field(exclude=True)] = ""
    """The file of the reply cache; empty: `replies.sqlite` in the run's folder."""


class WriterConfig(ChatConfig):
    """A language model that writes textbook sections and exercises next to the built-in teacher (section 2.2).

    It writes no held-out problems: these stay the built-in teacher's. How much it is asked for is
    `write_textbooks.num_requests` and `write_exercises.num_requests`.
    """

    temperature: Annotated[float, Field(ge=0.0)] = 0.8
    """Above 0, so that equal constraints do not give equal texts."""
    max_tokens: Positive = 700
    """A reply is cut here, and then dropped as `cut_off`; an exercise at 400 already."""
    replies: Annotated[str, Field(exclude=True)] = ""
    """The file of the reply cache; empty: `replies.sqlite` in the run's folder."""


class GradeConfig(ChatConfig):
    """Grading of completions by a teacher (section 4): an evaluation in words, then a grade from 0 to 10."""

    problems: tuple[str, ...] = ("unconventional",)
    """The problem sets whose completions are graded; the others are scored by their tests alone.
    Differs from paper: any model can grade, GPT-4 there."""

"""Sections about raw code: where it comes from, which of it teaches, what may not be in it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hornbook.recipe.section import Count, Positive, Rate, Section, Share


class CollectConfig(Section):
    """Raw Python code (section 2 of the paper: The Stack and StackOverflow)."""

    sources: Annotated[tuple[Literal["environment"], ...], Field(min_length=1)] = ("environment",)
    """Where code comes from. `environment`: the standard library and the installed distributions whose licence
    metadata is permissive. Differs from paper: The Stack and StackOverflow need a download."""
    max_files: Count = 0
    """Take at most this many files, chosen by a seeded hash of their names; 0 takes all."""
    min_chars: Positive = 100
    """Shorter files are dropped as `too_short`."""
    max_chars: Positive = 100_000
    """Longer files are dropped as `too_large`."""
    max_line_chars: Positive = 1000
    """A file with a longer line is dropped as `too_long_lines`."""


class DeduplicateConfig(Section):
    """Removal of repeated files."""

    method: Literal["exact"] = "exact"
    """`exact`: equal after newlines, trailing blanks and blank lines at the ends are made the same."""


class AnnotateConfig(Section):
    """Educational value of a sample of the corpus (section 2.1)."""

    sample_files: Positive = 100_000
    """How many files the teacher (`annotator`, or the built-in one) scores, spread over origins and lengths (the paper:
    about 100k samples)."""


class FilterConfig(Section):
    """The quality filter: a random forest on an embedding predicts the teacher's score (section 2.1)."""

    keep_share: Share = 0.2
    """Share of the characters of the corpus that stays, best predicted score first (the paper keeps about 6B of 35B
    tokens). 0 where one of the next two says what stays."""
    min_educational_value: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0
    """What is predicted to have at least this score stays; 0 where `keep_share` or `keep_tokens` says what stays."""
    keep_tokens: Count = 0
    """So many tokens stay, best predicted score first; 0 where `keep_share` or `min_educational_value` says what stays.
    There is no tokenizer yet, so a token is taken for `chars_per_token` characters."""
    chars_per_token: Rate = 4.2
    """Characters of code in one token, for `keep_tokens`: 4.2 with 51,200 tokens trained on such code, 2.7 with 2,048.
    `hornbook show RUN tokenize_codetextbook` says what it came to (`code_chars_per_token`)."""
    embedder: Literal["tfidf-svd", "transformers", "checkpoint"] = "tfidf-svd"
    """What the forest sees. `tfidf-svd`: tf-idf over identifiers and tokens, reduced by a truncated SVD.
    `transformers`: a Hugging Face model's last hidden layer, and `checkpoint`: that of a model that hornbook trained,
    each the mean over the tokens of the file. Differs from paper: CodeGen-350M-mono there, which `transformers` with
    `embedder_model=Salesforce/codegen-350M-mono` gives."""
    embedder_model: Annotated[str, Field(exclude=True)] = ""
    """The model of `transformers` (a folder, or a name on the hub, where NAME@REVISION names one state of it) or of
    `checkpoint` (a folder with `model.safetensors`, such as `runs/nano/finetune/...`). What the files hold is part of
    the result's identity, where they lie is not."""
    embedding_window: Positive = 2048
    """A longer file goes through the model in windows of about equal size, of at most so many tokens and at most the
    model's context; its embedding is the mean over the tokens of all of them."""
    embedding_size: Positive = 64
    """Dimensions that the SVD of `tfidf-svd` keeps."""
    num_trees: Positive = 100
    """Trees of the random forest."""
    validation_share: Annotated[float, Field(gt=0.0, lt=0.9)] = 0.2
    """Share of the annotated files that measures the filter instead of training it."""

    @model_validator(mode="after")
    def _check_threshold(self) -> Self:
        names = ("keep_share", "min_educational_value", "keep_tokens")
        given = [f"{name} {getattr(self, name)}" for name in names if getattr(self, name)]
        if not given:
            raise ValueError(f"{', '.join(names)} are all 0, so nothing says what stays: set one of them")
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} cannot hold at once: set all but one of them to 0")
        return self

    @model_validator(mode="after")
    def _check_embedder(self) -> Self:
        if bool(self.embedder_model) != (self.embedder != "tfidf-svd"):
            wrong = "takes no model" if self.embedder_model else "needs the model to embed with"
            raise ValueError(f"embedder {self.embedder!r} {wrong}: embedder_model is {self.embedder_model!r}")
        return self


class DecontaminateConfig(Section):
    """Removal of rows that overlap with the problems of the evaluation (section 5.1)."""

    ngram_words: Positive = 13
    """A row that shares this many consecutive words with a problem is dropped (section 5.1: 13)."""

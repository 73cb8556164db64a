"""Sections about raw code: where it comes from, which of it teaches, what may not be in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from hornbook.recipe.evaluation import known_problem_set
from hornbook.recipe.section import Count, Positive, Rate, Section, Share
from hornbook.recipe.sources import AnySource


class CollectConfig(Section):
    """Raw Python code (section 2 of the paper: The Stack and StackOverflow)."""

    # As a recipe writes it, since help shows it.
    sources: Annotated[tuple[AnySource, ...], Field(min_length=1, validate_default=True)] = ("environment",)  # type: ignore[assignment]
    """Where code comes from: tables `[[collect.sources]]`, each with a `type` and its fields, or just names of types.
    `environment`, the default, is the code that is installed on this machine. Differs from paper: The Stack and
    StackOverflow need a download; the sources `parquet`, `huggingface` and `stackoverflow` read them."""
    max_files: Count = 0
    """Take at most this many files of all sources together, shared out by their weights; 0 takes all. Files that are
    listed one by one are chosen by a seeded hash of their names, tables by that of their parts."""
    min_chars: Positive = 100
    """Shorter files are dropped as `too_short`."""
    max_chars: Positive = 100_000
    """Longer files are dropped as `too_large`."""
    max_line_chars: Positive = 1000
    """A file with a longer line is dropped as `too_long_lines`."""
    max_mean_line_chars: Positive = 100
    """A file whose lines, without the blank ones, are longer on average is dropped as `minified`."""
    min_letter_share: Share = 0.25
    """A file is dropped as `mostly_data` where less of its characters (blanks left out) are letters."""
    max_data_share: Share = 0.8
    """A file is dropped as `mostly_data` where more of its characters (blanks left out) are on lines that have nothing
    but literals, commas and brackets."""
    mask_addresses: bool = True
    """Whether e-mail addresses and public IP addresses are replaced by ones of the ranges kept for documentation."""

    @field_validator("sources", mode="before")
    @classmethod
    def _types_as_tables(cls, given: object) -> object:
        if isinstance(given, list | tuple):
            return tuple({"type": source} if isinstance(source, str) else source for source in given)
        return given

    @model_validator(mode="after")
    def _check_sources(self) -> Self:
        names = [source.name for source in self.sources]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"sources: {names.count(repeated[0])} are named {repeated[0]!r}: give each its own name")
        weighted = [source.name for source in self.sources if source.weight != 1.0]
        if weighted and not self.max_files:
            raise ValueError(
                f"sources: {weighted[0]!r} has a weight, which is its share of max_files, and max_files is 0: "
                "set collect.max_files, or leave the weight out and limit the source by its own max_files"
            )
        return self


class DeduplicateConfig(Section):
    """Removal of repeated files."""

    method: Literal["near", "exact"] = "near"
    """`exact` removes files that are equal after newlines, trailing blanks and blank lines at the ends are made the
    same; `near` also those that resemble a better one. Candidates come from MinHash, and each is compared by its text
    with the file that stays: the longest documented, of such the most permissively licensed."""
    threshold: Annotated[float, Field(ge=0.3, le=1.0)] = 0.7
    """Jaccard similarity of two files' shingles from which they are near-duplicates."""
    num_permutations: Annotated[int, Field(ge=16, le=1024)] = 128
    """Rows of the MinHash signature: more find more of the near-duplicates and take longer. With 128, 93 of 100 pairs
    at a threshold of 0.7 are found, and nearly all above 0.85."""
    shingle_tokens: Annotated[int, Field(ge=1, le=100)] = 5
    """Words in a row that make a shingle."""
    against: Annotated[tuple[str, ...], Field(exclude=True)] = ()
    """Earlier corpora: run folders, or folders of deduplicated files. What is there already stays there and is not
    written again. What the files hold is part of the result's identity, where they lie is not."""


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
        _check_embedder_model(self.embedder, self.embedder_model)
        return self


class DecontaminateConfig(Section):
    """Removal of rows that overlap with the problems of the evaluation (section 5)."""

    problems: Annotated[tuple[Annotated[str, AfterValidator(known_problem_set)], ...], Field(exclude=True)] = (
        "humaneval",
    )
    """Problem sets that rows are compared with, named as in `evaluate.problems`, beside those of `evaluate.problems`
    and the run's held-out problems, with which they always are. What the files hold is part of the result's identity,
    where they lie is not."""
    ngram_words: Positive = 13
    """A row that shares this many consecutive words with a problem is dropped (section 5.1: 13)."""
    min_match_rate: Share = 0.95
    """A row is dropped where one of its functions and a problem's have at least this AST match rate and lie within
    `max_distance` (section 5.2: 0.95, 0.9, 0.85 and 0.8); 0 leaves this comparison out. The run's held-out problems are
    not compared in this way, because they are of one grammar with its exercises; `hornbook prune` studies that."""
    max_distance: Annotated[float, Field(ge=0.0, le=2.0)] = 0.7
    """Largest L2 distance of a match between normalised embeddings; 2 lets syntax decide alone. 0.7 suits `tfidf-svd`
    (docs/corpus.md has what it finds); other embedders spread texts otherwise. The paper does not say its own."""
    embedder: Literal["tfidf-svd", "transformers", "checkpoint"] = "tfidf-svd"
    """What functions and problems are embedded with, as `filter.embedder`; `tfidf-svd` is fitted on the problems.
    Differs from paper: CodeGen-350M-mono there, which `transformers` with
    `embedder_model=Salesforce/codegen-350M-mono` gives."""
    embedder_model: Annotated[str, Field(exclude=True)] = ""
    """The model to embed with, as `filter.embedder_model`."""
    embedding_window: Positive = 2048
    """As `filter.embedding_window`."""
    embedding_size: Positive = 64
    """Dimensions that the SVD of `tfidf-svd` keeps."""

    @model_validator(mode="after")
    def _check_embedder(self) -> Self:
        _check_embedder_model(self.embedder, self.embedder_model)
        return self

    def with_problems(self, evaluated: Iterable[str]) -> DecontaminateConfig:
        """The same, with the problem sets that models are evaluated on beside its own."""
        return self.model_copy(update={"problems": tuple(dict.fromkeys((*self.problems, *evaluated)))})


def _check_embedder_model(embedder: str, model: str) -> None:
    if bool(model) != (embedder != "tfidf-svd"):
        wrong = "takes no model" if model else "needs the model to embed with"
        raise ValueError(f"embedder {embedder!r} {wrong}: embedder_model is {model!r}")

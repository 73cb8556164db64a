"""Text as one long array of tokens per source, with `<|endoftext|>` after every document (section 2.3 of the paper)."""

from __future__ import annotations

import contextlib
import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from hornbook.errors import InputError
from hornbook.recipe import TokenizeConfig
from hornbook.records import Exercise
from hornbook.run.artifact import Artifact, Facts
from hornbook.run.datasets import CodeTextbook, Exercises
from hornbook.run.progress import meter
from hornbook.run.stage import stage
from hornbook.tokens.tokenizer import END_OF_TEXT, TOKENIZER_FILE, TokenizerArtifact, load_tokenizer

Split = Literal["train", "valid"]
SPLITS: tuple[Split, ...] = ("train", "valid")

DOCUMENTS_PER_BATCH = 512
UINT16_VOCABULARY = 1 << 16


@dataclass(frozen=True)
class TokenArray:
    """The documents of one source and split, one after the other."""

    tokens: NDArray[np.unsignedinteger[Any]]
    """(num_tokens,) uint16, or uint32 for a vocabulary beyond 65,536; each document ends with `<|endoftext|>`."""
    documents: NDArray[np.int64]
    """(num_documents + 1,) where each document starts, and where the last one ends."""
    loss_starts: NDArray[np.int64]
    """(num_documents,) index into `tokens` of the first one after an exercise's prompt; of anything else, its start."""


class TokenizedCorpus(Artifact):
    """Packed sources with the tokenizer that made them."""

    def sources(self) -> list[str]:
        """Names of the sources, sorted."""
        return sorted(path.name.removesuffix(".train.tokens.npy") for path in self.folder.glob("*.train.tokens.npy"))

    def array(self, source: str, split: Split) -> TokenArray:
        """One source, memory-mapped. A split without documents has arrays without elements."""
        return TokenArray(
            tokens=self._open(f"{source}.{split}.tokens.npy"),
            documents=self._open(f"{source}.{split}.documents.npy"),
            loss_starts=self._open(f"{source}.{split}.loss_starts.npy"),
        )

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that made the tokens."""
        return load_tokenizer(self.folder / TOKENIZER_FILE)

    @property
    def vocab_size(self) -> int:
        """Number of tokens, `<|endoftext|>` included."""
        return int(self.tokenizer().get_vocab_size())

    @property
    def eos_token_id(self) -> int:
        """The id of `<|endoftext|>`."""
        return end_of_text_id(self.tokenizer())

    def _open(self, name: str) -> NDArray[Any]:
        try:
            array: NDArray[Any] = np.load(self.folder / name, mmap_mode="r")
        except FileNotFoundError:
            raise InputError(f"{self.folder / name}: no such file") from None
        except (OSError, EOFError, ValueError) as error:
            raise InputError(f"{self.folder / name}: empty, cut short or damaged: {error}") from None
        return array


@dataclass(frozen=True, slots=True)
class Document:
    """A text to pack. `prompt` is what it begins with that the loss may leave out; empty for most."""

    text: str
    prompt: str = ""


@stage(version=1)
def tokenize_codetextbook(
    *, corpus: CodeTextbook, tokenizer: TokenizerArtifact, config: TokenizeConfig, seed: int, out: Path
) -> TokenizedCorpus:
    """CodeTextbook as the sources `code` and `textbooks`."""
    return pack(
        {
            "code": lambda: (Document(file.text) for file in corpus.read_code()),
            "textbooks": lambda: (Document(section.text) for section in corpus.read_textbooks()),
        },
        tokenizer.tokenizer(),
        config,
        seed,
        out,
    )


@stage(version=1)
def tokenize_codeexercises(
    *, exercises: Exercises, tokenizer: TokenizerArtifact, config: TokenizeConfig, seed: int, out: Path
) -> TokenizedCorpus:
    """CodeExercises as the source `exercises`; each document is its prompt, a newline and its solution."""
    return pack(
        {"exercises": lambda: map(exercise_document, exercises.read())}, tokenizer.tokenizer(), config, seed, out
    )


def exercise_document(exercise: Exercise) -> Document:
    """An exercise as one text. The prompt ends before its last newline, as it does when a model is asked."""
    prompt = exercise.prompt.rstrip()
    return Document(f"{prompt}\n{exercise.solution}", prompt)


def pack(
    sources: Mapping[str, Callable[[], Iterable[Document]]],
    tokenizer: Tokenizer,
    config: TokenizeConfig,
    seed: int,
    out: Path,
) -> TokenizedCorpus:
    """Writes the arrays of every source, each read twice, and the tokenizer.

    An exercise is dropped as `prompt_not_prefix` where the tokens of its prompt are not the first tokens of its text,
    since a model that is asked with the prompt alone would see other tokens than it learned. hornbook's own tokenizer
    rules that out.
    """
    rows: dict[str, int] = {}
    drops: Counter[str] = Counter()
    metrics: dict[str, int | float] = {}
    for source, read in sources.items():
        num_documents = sum(1 for _ in read())
        valid = validation_rows(num_documents, config.validation_share, f"{seed}/{source}")
        with contextlib.ExitStack() as stack, meter(f"tokenize {source}", num_documents, "documents") as shown:
            writers = {
                split: stack.enter_context(_SplitWriter(out, f"{source}.{split}", tokenizer)) for split in SPLITS
            }
            num_chars = 0
            for row, (document, encoded) in enumerate(_encode(read(), tokenizer)):
                shown.advance()
                if encoded is None:
                    drops["prompt_not_prefix"] += 1
                    continue
                num_chars += len(document.text)
                writers["valid" if row in valid else "train"].add(*encoded)
        num_tokens = 0
        for split, writer in writers.items():
            # Rows are documents, as the drops are; a validation split that nobody asked for may be empty.
            if split == "train" or valid:
                rows[f"{source}.{split}.tokens.npy"] = writer.num_documents
            metrics[f"{source}_{split}_tokens"] = writer.num_tokens
            num_tokens += writer.num_tokens
        metrics[f"{source}_chars_per_token"] = round(num_chars / max(1, num_tokens), 3)
    tokenizer.save(str(out / TOKENIZER_FILE))
    return TokenizedCorpus(out, Facts(rows=rows, drops=dict(drops), metrics=metrics))


def validation_rows(num_documents: int, share: float, key: str) -> set[int]:
    """Which documents measure the validation loss: those with the smallest keyed hashes of their index.

    At least one where the share is not 0 and there are two documents.
    """
    count = max(1, round(share * num_documents)) if share and num_documents > 1 else 0
    ranks = {row: hashlib.sha256(f"tokenize/{key}/{row}".encode()).digest() for row in range(num_documents)}
    return set(heapq.nsmallest(count, ranks, key=ranks.__getitem__))


def end_of_text_id(tokenizer: Tokenizer) -> int:
    """The id of `<|endoftext|>`."""
    token_id = tokenizer.token_to_id(END_OF_TEXT)
    assert token_id is not None
    return int(token_id)


def _encode(
    documents: Iterable[Document], tokenizer: Tokenizer
) -> Iterator[tuple[Document, tuple[list[int], int] | None]]:
    """Yields each document with its tokens and the number of them in its prompt."""
    documents = iter(documents)
    while batch := list(islice(documents, DOCUMENTS_PER_BATCH)):
        texts = tokenizer.encode_batch_fast([document.text for document in batch], add_special_tokens=False)
        prompts = tokenizer.encode_batch_fast([document.prompt for document in batch], add_special_tokens=False)
        for document, text, prompt in zip(batch, texts, prompts, strict=True):
            ids, prompt_ids = text.ids, prompt.ids
            is_prefix = ids[: len(prompt_ids)] == prompt_ids
            yield document, (ids, len(prompt_ids)) if is_prefix else None


class _SplitWriter:
    """Writes one split's arrays; the tokens go to disk as they come."""

    def __init__(self, folder: Path, name: str, tokenizer: Tokenizer) -> None:
        self._folder, self._name = folder, name
        self._eos = end_of_text_id(tokenizer)
        self._dtype = np.dtype(np.uint16 if tokenizer.get_vocab_size() <= UINT16_VOCABULARY else np.uint32)
        self._ends = [0]
        self._loss_starts: list[int] = []

    @property
    def num_tokens(self) -> int:
        return self._ends[-1]

    @property
    def num_documents(self) -> int:
        return len(self._loss_starts)

    def __enter__(self) -> Self:
        self._file = (self._folder / f"{self._name}.tokens.npy").open("wb")
        self._write_header()
        return self

    def add(self, ids: Sequence[int], num_prompt_tokens: int) -> None:
        self._file.write(np.array([*ids, self._eos], dtype=self._dtype).tobytes())
        self._loss_starts.append(self._ends[-1] + num_prompt_tokens)
        self._ends.append(self._ends[-1] + len(ids) + 1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # numpy leaves room in the header for a first axis of any length, so that it can be written again in place.
        self._file.seek(0)
        self._write_header()
        self._file.close()
        np.save(self._folder / f"{self._name}.documents.npy", np.array(self._ends, dtype=np.int64))
        np.save(self._folder / f"{self._name}.loss_starts.npy", np.array(self._loss_starts, dtype=np.int64))

    def _write_header(self) -> None:
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self.num_tokens,),
        }
        np.lib.format.write_array_header_1_0(self._file, header)

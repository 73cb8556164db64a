"""The tokenizer: byte-level BPE trained on CodeTextbook, or any tokenizer folder.

Differs from paper: the paper uses CodeGen-350M-mono's tokenizer, which a recipe can name by its folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as PreTokenizers
from tokenizers.trainers import BpeTrainer

from hornbook.errors import InputError
from hornbook.recipe import TokenizerConfig
from hornbook.run.artifact import Artifact, Facts
from hornbook.run.datasets import CodeTextbook
from hornbook.run.stage import stage

TOKENIZER_FILE = "tokenizer.json"
END_OF_TEXT = "<|endoftext|>"
MAX_TRAINING_CHARS = 20_000_000
"""BPE merges hardly change beyond this; half of it each for code and for textbooks, where there is so much."""

_BLANK = r" \t\n\r\f\v"
_PIECES = "|".join(
    [
        rf"[{_BLANK}]*\n[{_BLANK}]*",
        r" ?_*\p{L}+",
        r"\p{N}",
        rf" ?[^{_BLANK}\p{{L}}\p{{N}}]+",
        rf"[{_BLANK}]+(?![^{_BLANK}])|[{_BLANK}]",
    ]
)
r"""The pieces that a token cannot reach out of: a line break with the next line's indentation; letters, with the blank
or underscores before them (`_item` of `first_item`); one digit; punctuation, with the blank before it; other blanks.

A piece with a newline has nothing else than whitespace. So text that ends in a visible character is cut the same way
whatever line comes after it: the tokens of a prompt are a prefix of the tokens of prompt and solution. Whitespace is
spelled out because Python and this regex engine disagree on `\s`.
"""


class TokenizerArtifact(Artifact):
    """A tokenizer in `tokenizer.json`."""

    def tokenizer(self) -> Tokenizer:
        """The tokenizer, reading `<|endoftext|>` inside a text as ordinary characters."""
        return load_tokenizer(self.folder / TOKENIZER_FILE)


@stage(version=1)
def train_tokenizer(
    *, corpus: CodeTextbook, config: TokenizerConfig, given: str, seed: int, out: Path
) -> TokenizerArtifact:
    """A byte-level BPE of `vocab_size` tokens trained on a sample of CodeTextbook, or the one in the folder `path`.

    `given` is `tokenizer_identity(config)`: it is not used but makes the fingerprint follow the file's content.
    Raises InputError where that folder has no tokenizer, or one without `<|endoftext|>`.
    """
    if config.path:
        tokenizer = load_tokenizer(_given_file(config))
        num_chars = 0
    else:
        texts = sample(corpus, seed)
        tokenizer = train_bpe(texts, config.vocab_size)
        num_chars = sum(map(len, texts))
    tokenizer.save(str(out / TOKENIZER_FILE))
    metrics = {"vocab_size": tokenizer.get_vocab_size(), "training_chars": num_chars}
    return TokenizerArtifact(out, Facts(metrics=metrics))


def tokenizer_identity(config: TokenizerConfig) -> str:
    """Hex sha256 of the tokenizer that `path` names, empty where one is trained.

    Raises InputError where it cannot be used.
    """
    if not config.path:
        return ""
    load_tokenizer(_given_file(config))
    return hashlib.sha256(_given_file(config).read_bytes()).hexdigest()


def _given_file(config: TokenizerConfig) -> Path:
    return Path(config.path).expanduser() / TOKENIZER_FILE


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer in a file, which must know `<|endoftext|>`, as a marker that only hornbook sets.

    Raises InputError where the file cannot be used.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; tokenizer.path must be a folder with a {TOKENIZER_FILE}")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise InputError(f"{path}: not a tokenizer: {error}") from None
    if tokenizer.token_to_id(END_OF_TEXT) is None:
        raise InputError(f"{path}: has no token {END_OF_TEXT}, which separates files; add it or use another tokenizer")
    # A corpus contains the marker's text, e.g. in the code of tokenizers. That must not end a document.
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def train_bpe(texts: Sequence[str], vocab_size: int) -> Tokenizer:
    """A byte-level BPE; every text can be encoded and decodes to itself. The same texts give the same tokenizer."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = PreTokenizers(
        [Split(Regex(_PIECES), behavior="isolated"), ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = ByteLevelDecoder()
    tokenizer.encode_special_tokens = True
    trainer = BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[AddedToken(END_OF_TEXT, special=True, normalized=False)],
        initial_alphabet=sorted(ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer, length=len(texts))
    return tokenizer


def sample(corpus: CodeTextbook, seed: int) -> list[str]:
    """The texts to train on: a seeded choice of at most `MAX_TRAINING_CHARS`, half of code and half of textbooks."""
    texts: list[str] = []
    for read in (corpus.read_code, corpus.read_textbooks):
        texts.extend(_sample_source((row.text for row in read()), (row.text for row in read()), seed))
    return texts


def _sample_source(texts: Iterable[str], again: Iterable[str], seed: int) -> Iterator[str]:
    """The first texts of a seeded order that fit into half of the training characters, in the order of the corpus."""
    lengths = list(map(len, texts))
    order = sorted(range(len(lengths)), key=lambda row: hashlib.sha256(f"tokenizer/{seed}/{row}".encode()).digest())
    left = MAX_TRAINING_CHARS // 2
    chosen: set[int] = set()
    for row in order:
        if lengths[row] <= left:
            left -= lengths[row]
            chosen.add(row)
    return (text for row, text in enumerate(again) if row in chosen)

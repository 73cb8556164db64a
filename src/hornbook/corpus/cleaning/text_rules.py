"""Drop reasons that the text of a Python file gives without being parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from hornbook.corpus.cleaning.header import Header
from hornbook.recipe import CollectConfig

MIN_MINIFIED_CHARS = 500
"""Below, one long message is enough to make lines long on average."""

_GENERATED_COMMENT = re.compile(
    r"(?i:\b(?:auto|automatically|machine)[- ]?generated\b|@generated\b|\bgenerated content\b"
    r"|\b(?:do not|don't) (?:edit|modify|change)\b(?! or (?:delete|remove)))"
    # In the middle of a sentence it is about something else.
    r"|^\W*(?:Generated|GENERATED) (?:\w+ )?(?i:by|from|with|using|on|at)\b"
    r"|(?i:\b(?:class(?:es)?|code|content|data|file|lexer|mappings?|module|parser|script|stubs?|tables?)\b[^\n]{0,40}"
    r"\bgenerated (?:\w+ )?(?:by|from|with|using|on)\b)",
    re.MULTILINE,
)
# A docstring can be about generated things, so there it has to be this file.
_GENERATED_DOCSTRING = re.compile(
    r"\b(?:this|the following) (?:\w+ )?(?:file|module|code|script|package|class)\b[^.]{0,40}"
    r"\b(?:(?:was|is|has been) (?:\w+ )?(?:auto(?:matically)?|machine)?[- ]?generated|auto[- ]?generated)\b"
    r"|@generated\b|^\W*(?:auto[- ]?|automatically |machine[- ])generated (?:file|module|code|by|from|using|with)\b"
    r"|\bdo not (?:edit|modify|change) (?:this|manually|by hand|the (?:file|code|class))|\bdo not edit\b\W*$",
    re.IGNORECASE | re.MULTILINE,
)
_VENDORED = re.compile(
    r"\bvendored (?:copy|from|version|in from)\b"
    r"|\b(?:taken|copied|borrowed) (?:verbatim|as[- ]is|wholesale|unchanged|unmodified) from\b"
    r"|\bverbatim copy (?:of|from)\b",
    re.IGNORECASE,
)
# One of these is in every match; looking for them first is many times quicker.
_GENERATED_WORDS = ("generated", "do not ", "don't ")
_VENDORED_WORDS = ("vendored ", "taken ", "copied ", "borrowed ", "verbatim copy ")
_NUMBER = r"[-+]?(?:0[xX][0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?j?|\.[0-9]+)"
_STRING = r"[rbufRBUF]{0,2}(?:\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
_DATA_LINE = re.compile(
    # Possessive, since a line of thousands of literals must not be tried in every way there is.
    rf"^[ \t]*(?=[\"'\d\[({{\-+.rbuTFN\])}}])(?:{_NUMBER}|{_STRING}|True|False|None|[\[\](){{}},: \t])++$",
    re.MULTILINE,
)
_BLANKS = b" \t\n\f"


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at every byte of a text says of it."""

    longest_line: int
    """In characters."""
    num_lines: int
    """Lines that are not blank."""
    num_dense: int
    """Bytes that are not blank."""
    num_letters: int
    """Those of them that are letters; other scripts' characters count as such."""
    num_like_data: int
    """Those of them on lines that begin like a literal or a bracket."""


def look_at(data: bytes) -> Look:
    """The counts for a text, given in UTF-8."""
    from hornbook.corpus.cleaning import byte_bits, text_kernels

    return Look(*text_kernels.look(byte_bits.padded(data), len(data), text_kernels.CLASSES))


def text_drop_reason(text: str, look: Look, header: Header, config: CollectConfig) -> str | None:
    """The first of the reasons below that holds for a text of proper length, or None.

    `too_long_lines`: a line is longer than `max_line_chars`.
    `auto_generated`: the header says that a program wrote the file, or that nobody should edit it.
    `vendored_copy`: the header says that the file is a copy of another project's.
    `minified`: lines that are not blank are longer than `max_mean_line_chars` on average, if the text is not tiny.
    `mostly_data`: less than `min_letter_share` of the characters that are not blank are letters, or more than
    `max_data_share` are on lines of literals, commas and brackets alone.
    """
    if look.longest_line > config.max_line_chars:
        return "too_long_lines"
    if reason := _comments_reason(header.comments) or _docstring_reason(header.docstring):
        return reason
    if len(text) >= MIN_MINIFIED_CHARS and len(text) > config.max_mean_line_chars * look.num_lines:
        return "minified"
    return "mostly_data" if _is_mostly_data(text, look, config) else None


# The files of a project have the same comments at their tops.
@lru_cache(maxsize=1024)
def _comments_reason(comments: str) -> str | None:
    if _may_have(comments, *_GENERATED_WORDS) and _GENERATED_COMMENT.search(comments):
        return "auto_generated"
    return "vendored_copy" if _may_have(comments, *_VENDORED_WORDS) and _VENDORED.search(comments) else None


def _docstring_reason(docstring: str) -> str | None:
    if _may_have(docstring, *_GENERATED_WORDS) and _GENERATED_DOCSTRING.search(docstring):
        return "auto_generated"
    return "vendored_copy" if _may_have(docstring, *_VENDORED_WORDS) and _VENDORED.search(docstring) else None


def _may_have(text: str, *words: str) -> bool:
    """Whether one of the words is in the text, in any case; beyond ASCII a pattern may see more letters as the same."""
    lower = text.lower()
    return not text.isascii() or any(word in lower for word in words)


def _is_mostly_data(text: str, look: Look, config: CollectConfig) -> bool:
    if look.num_letters < config.min_letter_share * look.num_dense:
        return True
    most = config.max_data_share * look.num_dense
    # Calls with an argument a line look the same at their beginning, so it takes the whole lines to tell.
    return look.num_like_data > most and _num_on_data_lines(text) > most


def _num_on_data_lines(text: str) -> int:
    """Bytes that are not blank on lines that have nothing but literals, commas and brackets."""
    return sum(len(match[0].encode().translate(None, _BLANKS)) for match in _DATA_LINE.finditer(text))
